/**
 * Runs 2,000 damaged programs on whole kernels, and prints what became of them as JSON. A process of its own, since it measures the
 * memory of the process.
 *
 * @module
 */
import { assert } from "@std/assert";
import { hostFolder } from "@guise/host-deno";
import { run } from "@guise/guise";
import { HostFs, OverlayFs } from "@guise/vfs";
import { mutant } from "@guise/elf/testing";

const PROGRAMS = ["/bin/busybox", "/bin/true", "/bin/dash", "/bin/bash", "/bin/ls"];

/** How many passed the header checks, how many of them a signal killed, how many went round for ever, the largest resident set in bytes. */
export interface Outcome {
  readonly started: number;
  readonly killed: number;
  readonly endless: number;
  readonly most: number;
}

async function main(): Promise<Outcome> {
  const programs = PROGRAMS.flatMap((path) => {
    try {
      return [Deno.readFileSync(path)];
    } catch {
      return [];
    }
  });
  assert(programs.length > 0);
  let started = 0, killed = 0, endless = 0, most = 0;
  for (let seed = 1; seed <= 2000; seed++) {
    const result = await run(mutant(programs[seed % programs.length], seed), {
      args: ["-c", "exit 3"],
      root: new OverlayFs({ lower: new HostFs(hostFolder("/")) }),
      timeout: 10_000,
      maxOutput: 1_000_000,
    });
    // A guest may do that; the host must be able to end it.
    if (result.ended === "timeout") endless++;
    else assert(result.ended === undefined, `seed ${seed} had to be ended: ${result.ended}`);
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
  return { started, killed, endless, most };
}

if (import.meta.main) console.log(JSON.stringify(await main()));
