/** Only functions that compute run the guest's libc: nothing that Debian's programs import from it comes to a system call. */
import { assertEquals } from "@std/assert";
import { PROGRAMS, report } from "./imports.ts";
import { exists, ready } from "./support.ts";

/** Names that the reading of the machine code takes for calling, each with the reason why they are not, or may be. */
const EXPLAINED: Readonly<Record<string, string>> = {
  // Behind them lies code without a name, which a reader takes for theirs.
  _setjmp: "rt_sigreturn's trampoline follows it",
  nl_langinfo: "the file attribute calls follow it",
  strptime: "asks nl_langinfo",
  // Formatting writes through a function of the stream, which here is memory.
  snprintf: "its stream's writer is memory",
  sprintf: "the same",
  confstr: "prints into memory",
  // Of libselinux, for relabelling files: served by SYSCALL until somebody needs them.
  fts_open: "traps",
  fts_read: "traps",
  fts_close: "traps",
};

Deno.test({
  name: "osv: what Debian's programs import is the kernel's, or computes",
  ignore: !ready || !exists("/usr/bin/objdump"),
  fn: async () => {
    const { wanted, calling, missing } = await report(PROGRAMS.filter(exists));
    assertEquals(missing, []);
    assertEquals(calling.filter((name) => !(name in EXPLAINED)), [], `of ${wanted.size} names`);
  },
});
