/** Times of whole commands, by mitata: apart from the rest, so that tests of the benchmark need no npm package. */
import { measure } from "../tools/mitata.ts";

/** Median wall time of a command in ms, by mitata: it runs it a few times before it counts. Undefined when it fails. */
export async function wall(argv: readonly string[], samples: number): Promise<number | undefined> {
  let failed = false;
  try {
    const stats = await measure(async () => {
      if (failed) return;
      const { success } = await new Deno.Command(argv[0], {
        args: argv.slice(1),
        cwd: "/tmp",
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).output();
      if (!success) failed = true;
    }, { min_samples: samples, max_samples: samples, min_cpu_time: 0, warmup_samples: 1 } as never);
    return failed ? undefined : stats.p50 / 1e6;
  } catch {
    return undefined;
  }
}
