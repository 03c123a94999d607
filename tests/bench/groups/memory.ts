/** Peak resident memory of the command. */
import { fromFileUrl } from "@std/path";
import { build, guise, peakMemory } from "../programs.ts";
import type { Cell, Table } from "../table.ts";

const WORK = fromFileUrl(new URL("memory.py", import.meta.url));
/** How long it works, in seconds. */
const SECONDS = 60;

export async function memory(): Promise<Table[]> {
  const rows: Cell[][] = [];
  const bash = ["/bin/bash", "-c", "echo hi"];
  rows.push(["bash -c 'echo hi'", await peakMemory(bash), await peakMemory([...guise(), ...bash]), "≤ 250"]);
  const python = ["/usr/bin/python3", WORK, `${SECONDS}`];
  const native = await peakMemory(["/usr/bin/python3", WORK, "5"], 1);
  for (const engine of ["auto", "jit"]) {
    rows.push([
      `python3, ${SECONDS} s of all sorts, ${engine}`,
      native,
      await peakMemory([...guise(["--engine", engine]), ...python], 1),
      "≤ 600",
    ]);
  }
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
