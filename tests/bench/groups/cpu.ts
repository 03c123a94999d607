/** CPU kernels in C, promotion inside the time: native, qemu-user and Guise's engines beside each other. */
import { build, figures, type Machine, output, type Runner, runners } from "../programs.ts";
import { type Cell, geometricMean, ratio, type Table } from "../table.ts";

/** The names that a program prints without arguments. */
export async function names(program: string, list: readonly Runner[]): Promise<string[]> {
  for (const runner of list) {
    const text = await output(runner, [program]);
    if (text !== undefined) return text.trim().split("\n");
  }
  return [];
}

export async function cpu(
  machine: Machine,
  engines: readonly string[],
  rounds: number,
  only: readonly string[],
  times: readonly string[],
): Promise<Table[]> {
  const program = await build("kernels", machine), tables: Table[] = [];
  if (program === undefined) return [];
  for (const time of times) tables.push(await table(program, machine, engines, rounds, only, time));
  return tables;
}

/** Each kernel repeated for `milliseconds`: what promotion takes is in the time, and weighs less the longer that is. */
async function table(
  program: string,
  machine: Machine,
  engines: readonly string[],
  rounds: number,
  only: readonly string[],
  milliseconds: string,
): Promise<Table> {
  const list = runners(machine, engines);
  const rows: Cell[][] = [];
  for (const name of await names(program, list)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const values: (number | undefined)[] = [];
    for (const runner of list) {
      const runs = await figures(runner, [program, name, milliseconds], rounds);
      values.push(runs === undefined ? undefined : runs[0] / 1000);
    }
    const ours = values.slice(2).filter((v) => v !== undefined).pop();
    rows.push([name, ...values, ratio(ours, values[0]), ratio(values[1], ours)]);
    console.error(`cpu ${machine} ${name}`);
  }
  // Every runner against native and against qemu, whose columns are the first two.
  const mean = (column: number, of: number): number | undefined =>
    geometricMean(rows.map((row) => ratio(row[column], row[of])));
  const columns = list.map((_, i) => i + 1), last = list.length;
  const inverse = (v: number | undefined): number | undefined => v === undefined ? undefined : 1 / v;
  rows.push(
    ["mean × native", ...columns.map((i) => mean(i, 1)), mean(last, 1), ""],
    ["mean × qemu", ...columns.map((i) => mean(i, 2)), "", inverse(mean(last, 2))],
    ["aim", ...list.map(() => ""), machine === "x86-64" ? "≤ 1.8" : "", "≥ 4"],
  );
  return {
    group: "cpu",
    title: `CPU kernels, ${machine}, ${Number(milliseconds) / 1000} s each (µs a round)`,
    note:
      `Each kernel is repeated for ${milliseconds} ms, translation included; medians of ${rounds} runs; means are geometric.`,
    head: ["", ...list.map((r) => r.name), "× native", "× faster than qemu"],
    rows,
  };
}
