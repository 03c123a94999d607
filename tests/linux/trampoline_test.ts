/** The vDSO's part in signals on aarch64, and frames that Linux refuses (X30, X31, A8); what is printed is from the facts. */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { run } from "@guise/guise";

const source = fromFileUrl(new URL("./trampoline.c", import.meta.url));
const compiler = "aarch64-linux-gnu-gcc";
const ready = (() => {
  try {
    return new Deno.Command(compiler, { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch {
    return false;
  }
})();

Deno.test({
  name: "aarch64: a handler returns into the vDSO's rt_sigreturn, which takes no frame beyond EL0 (X30, X31)",
  ignore: !ready,
  fn: async () => {
    const program = Deno.makeTempFileSync({ prefix: "guise-trampoline-" });
    try {
      const { success, stderr } = new Deno.Command(compiler, {
        args: ["-static", "-O1", "-w", "-o", program, source],
      }).outputSync();
      assert(success, new TextDecoder().decode(stderr));
      const { text, status } = await run(Deno.readFileSync(program));
      assertEquals(status, 0);
      assertEquals(
        text(),
        // mov x8, #139; svc #0. A status of 700 is exit(7), b is SIGSEGV.
        `returns to d2801168 d4000001, in the vDSO 1
pstate |= 0: status 700
pstate |= f0000000: status 700
pstate |= 4: status b
pstate |= 80: status b
pstate |= 10: status b
`,
      );
    } finally {
      Deno.removeSync(program);
    }
  },
});
