/** System calls, signals, processes and threads: ns a round, after the first 100 ms and within them. */
import { build, figures, guise, installed, isNative, type Machine, runners } from "../programs.ts";
import { type Cell, ratio, type Table } from "../table.ts";
import { names } from "./cpu.ts";

/** What a line of `calls` must reach: against native, or against qemu-user (issue 5, lines 2). */
const AIMS: Readonly<Record<string, readonly [of: "native" | "qemu", most: number]>> = {
  getpid: ["native", 0.25],
  clock_gettime: ["native", 1],
  pipe: ["native", 1],
  signal: ["native", 1],
  pingpong: ["native", 1],
  fork: ["qemu", 1],
  exec: ["qemu", 1],
};

export async function calls(
  machine: Machine,
  engines: readonly string[],
  rounds: number,
  only: readonly string[],
  // Long enough for V8 to have optimised what is used.
  milliseconds = "2000",
): Promise<Table[]> {
  const program = await build("calls", machine);
  if (program === undefined) return [];
  const list = runners(machine, engines);
  const rows: Cell[][] = [];
  for (const name of await names(program, list)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const steady: (number | undefined)[] = [];
    let first: number | undefined;
    for (const runner of list) {
      const runs = await figures(runner, [program, name, milliseconds], rounds);
      steady.push(runs?.[0]);
      first = runs?.[2];
    }
    const ours = steady.slice(2).filter((v) => v !== undefined).pop();
    const aim = AIMS[name];
    const aimed = aim === undefined ? "" : aim[0] === "native" ? `≤ ${aim[1]} native` : `≤ ${aim[1]} qemu`;
    rows.push([name, ...steady, first, ratio(ours, steady[0]), ratio(ours, steady[1]), aimed]);
    console.error(`calls ${machine} ${name}`);
  }
  if (only.length === 0 || only.includes("traced")) {
    rows.push(await traced(program, machine, engines, rounds));
  }
  const last = list.at(-1)!.name;
  return [{
    group: "calls",
    title: `System calls, ${machine} (ns a round)`,
    note: `Each is repeated for ${milliseconds} ms; the first 100 ms count only in their own column (of ` +
      `${last}). Medians of ${rounds} runs. Files are in /tmp: the host's natively, the layer in memory under Guise.`,
    head: ["", ...list.map((r) => r.name), "first 100 ms", "× native", "× qemu", "aim"],
    rows,
  }];
}

/** getpid with a trace to a file: natively by strace, here by `--trace`. A short time, since the file grows. */
async function traced(
  program: string,
  machine: Machine,
  engines: readonly string[],
  rounds: number,
): Promise<Cell[]> {
  const file = Deno.makeTempFileSync({ prefix: "guise-bench-trace-" });
  try {
    const one = async (prefix: readonly string[]): Promise<number | undefined> =>
      (await figures({ name: "", prefix }, [program, "getpid", "300"], rounds))?.[0];
    const native = isNative(machine) && installed("strace")
      ? await one(["strace", "-f", "-o", file])
      : undefined;
    const ours: (number | undefined)[] = [];
    for (const engine of engines) ours.push(await one(guise(["--engine", engine, `--trace=${file}`])));
    return [
      "getpid, traced to a file",
      native,
      undefined,
      ...ours,
      undefined,
      ratio(ours.at(-1), native),
      undefined,
      "≤ 2000",
    ];
  } finally {
    Deno.removeSync(file);
  }
}
