/**
 * 2,000 damaged programs, run on a whole kernel: each ends in a refusal with words, a signal or a status; the host never throws,
 * waits for more than 10 s for one, or grows over 1 GB.
 */
import { assert } from "@std/assert";
import { hostFolder } from "@guise/host-deno";
import { run } from "@guise/guise";
import { HostFs, OverlayFs } from "@guise/vfs";
import { mutant } from "@guise/elf/testing";

const PROGRAMS = ["/bin/busybox", "/bin/true", "/bin/dash", "/bin/bash", "/bin/ls"];

Deno.test({
  name: "run ends 2,000 mutants of real programs in a status, a signal or words",
  ignore: Deno.build.os !== "linux" || Deno.build.arch !== "x86_64",
  async fn() {
    const programs = PROGRAMS.flatMap((path) => {
      try {
        return [Deno.readFileSync(path)];
      } catch {
        return [];
      }
    });
    assert(programs.length > 0);
    let started = 0, killed = 0, most = 0;
    for (let seed = 1; seed <= 2000; seed++) {
      const result = await run(mutant(programs[seed % programs.length], seed), {
        args: ["-c", "exit 3"],
        root: new OverlayFs({ lower: new HostFs(hostFolder("/")) }),
        timeout: 10_000,
        maxOutput: 1_000_000,
      });
      assert(result.ended === undefined, `seed ${seed} had to be ended: ${result.ended}`);
      assert(result.status >= 0 && result.status < 256, `seed ${seed}: status ${result.status}`);
      if (result.status === 126 || result.status === 127) {
        assert(
          result.signal === undefined && (result.message ?? result.errorText()) !== "",
          `seed ${seed}: no words`,
        );
      } else started++;
      if (result.signal !== undefined) killed++;
      most = Math.max(most, Deno.memoryUsage().rss);
    }
    assert(started >= 1000, `only ${started} of 2,000 mutants passed the header checks`);
    assert(killed >= 100, `only ${killed} of 2,000 mutants crashed`);
    assert(most < 1e9, `the host grew to ${most} bytes`);
  },
});
