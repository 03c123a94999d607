/**
 * Any test with another engine, in the test's process and in those of the command that it starts:
 *
 *   GUISE_ENGINE=lockstep deno test -A --preload=./tests/tools/engine.ts tests/linux
 *
 * A test that names an engine keeps it. With lockstep a test fails where regions and the interpreter differ, and the file's last lines say
 * how many runs of regions were compared.
 *
 * @module
 */
import { useEngine } from "@guise/core/testing";
import type { KernelOptions } from "@guise/core";

type Log = Parameters<NonNullable<Parameters<typeof useEngine>[1]>>[0];

const engine = Deno.env.get("GUISE_ENGINE") as KernelOptions["engine"];
if (engine !== undefined) {
  const logs: Log[] = [], reports = Deno.makeTempFileSync({ prefix: "guise-compared-" });
  if (engine === "lockstep") Deno.env.set("GUISE_COMPARED", reports);
  useEngine(engine, (log) => logs.push(log));
  let told = 0, runs = 0, instructions = 0;
  const check = () => {
    const differences = logs.flatMap((log) => log.differences);
    for (const log of logs.splice(0)) runs += log.compared, instructions += log.instructions;
    const text = Deno.readTextFileSync(reports);
    for (const [, n, m] of text.slice(told).matchAll(/^guise: lockstep: (\d+) runs .* with (\d+) inst/gm)) {
      runs += Number(n), instructions += Number(m);
    }
    differences.push(...text.slice(told).match(/^guise: lockstep: a region[^]*?(?=^guise: )/gm) ?? []);
    told = text.length;
    if (differences.length) throw new Error(`lockstep differs\n${differences.join("\n")}`);
  };
  Deno.test.afterEach(check);
  addEventListener("unload", () => {
    Deno.removeSync(reports);
    if (engine === "lockstep") console.log(`lockstep: ${runs} runs, ${instructions} instructions compared`);
  });
}
