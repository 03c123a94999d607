/**
 * 2,000 damaged programs, run on a whole kernel: each ends in a refusal with words, a signal or a status; the host never throws,
 * waits for more than 10 s for one, or grows over 1 GB.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { Outcome } from "./elf_mutants.ts";

Deno.test({
  name: "run ends 2,000 mutants of real programs in a status, a signal or words",
  ignore: Deno.build.os !== "linux" || Deno.build.arch !== "x86_64",
  async fn() {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", fromFileUrl(new URL("./elf_mutants.ts", import.meta.url))],
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    const { started, killed, endless, most } = JSON.parse(new TextDecoder().decode(stdout)) as Outcome;
    assert(started >= 1000, `only ${started} of 2,000 mutants passed the header checks`);
    assert(killed >= 100, `only ${killed} of 2,000 mutants crashed`);
    assert(endless < 20, `${endless} of 2,000 mutants had to be ended`);
    assert(most < 1e9, `the host grew to ${most} bytes`);
  },
});
