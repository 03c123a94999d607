/** Peak resident memory of the command. */
import { build, guise, peakMemory } from "../programs.ts";
import type { Cell, Table } from "../table.ts";

/** A workload that allocates, frees and computes for a while. */
const WORK = "import time\nend = time.time() + 10\nn = 0\nwhile time.time() < end:\n" +
  "    d = {str(i): [i] * 3 for i in range(20000)}\n    n += sum(len(v) for v in d.values())\n";

export async function memory(): Promise<Table[]> {
  const rows: Cell[][] = [];
  const bash = ["/bin/bash", "-c", "echo hi"];
  rows.push(["bash -c 'echo hi'", await peakMemory(bash), await peakMemory([...guise(), ...bash]), "≤ 250"]);
  const python = ["/usr/bin/python3", "-c", WORK];
  rows.push([
    "python3, 10 s of dictionaries and lists",
    await peakMemory(python, 1),
    await peakMemory([...guise(), ...python], 1),
    "≤ 600",
  ]);
  const reserve = await build("reserve", "x86-64");
  if (reserve !== undefined) {
    const native = await peakMemory([reserve, "0"]), ours = await peakMemory([...guise(), reserve, "0"], 5);
    const nativeMore = await peakMemory([reserve, "1024"]);
    const more = await peakMemory([...guise(), reserve, "1024"], 5);
    const added = (a: number | undefined, b: number | undefined) =>
      a === undefined || b === undefined ? undefined : b - a;
    rows.push(["a program that reserves nothing", native, ours, ""]);
    rows.push(["1 GiB of PROT_NONE adds", added(native, nativeMore), added(ours, more), "≤ 5"]);
  }
  return [{
    group: "memory",
    title: "Peak resident memory (MB)",
    note: "From the resource usage of the finished process, medians; the host's own programs for x86-64.",
    head: ["", "native", "Guise", "aim"],
    rows,
  }];
}
