/**
 * Runs a program in a process of its own, and prints as JSON what it printed, how many regions it came to, and the peak of the process's
 * resident memory in MB.
 *
 *   deno run -A tests/jit/measure.ts ENGINE PROGRAM [ARG...]
 */
import { run, type RunOptions } from "@guise/guise";

const [engine, program, ...args] = Deno.args;
const result = await run(await Deno.readFile(program), {
  args,
  engine: engine as RunOptions["engine"],
  stats: true,
  timeout: 600_000,
});
const peak = /VmHWM:\s*(\d+) kB/.exec(Deno.readTextFileSync("/proc/self/status"));
console.log(JSON.stringify({
  status: result.status,
  text: result.text(),
  message: result.message,
  regions: result.stats!.regions,
  peak: Math.round(Number(peak![1]) / 1024),
}));
