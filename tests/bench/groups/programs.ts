/** Interpreters that people run, in a loop: rounds in a second of processor time once they are warm. */
import { fromFileUrl } from "@std/path";
import { runners } from "../programs.ts";
import { type Cell, geometricMean, ratio, type Table } from "../table.ts";

const folder = fromFileUrl(new URL("../loops/", import.meta.url));
/** Each prints a line that begins with `round` again and again. */
const PROGRAMS: readonly (readonly [name: string, argv: readonly string[]])[] = [
  ["python3", ["/usr/bin/python3", `${folder}loop.py`]],
  ["perl", ["/usr/bin/perl", `${folder}loop.pl`]],
  ["lua5.4", ["/usr/bin/lua5.4", `${folder}loop.lua`]],
  ["bash", ["/bin/bash", `${folder}loop.sh`]],
  ["dash", ["/bin/dash", `${folder}loop.sh`]],
  ["mawk", ["/usr/bin/mawk", "-f", `${folder}loop.awk`]],
  ["sqlite3", [
    "/usr/bin/sqlite3",
    ":memory:",
    `.read ${folder}tables.sql`,
    ...Array<string>(4000).fill(`.read ${folder}loop.sql`),
  ]],
];
/** Seconds of processor time that each runner gets; the last third counts. What takes longer than `WALL` seconds is ended. */
const SECONDS: Readonly<Record<string, number>> = { native: 1, "qemu-user": 2, interpreter: 2, auto: 8 };
const WALL = 60;

/** Seconds of processor time of a process and its threads; ticks are hundredths of a second on every Linux. */
function processorTime(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Rounds in a second; undefined: the program is not here, or failed. */
async function rate(prefix: readonly string[], argv: readonly string[], seconds: number) {
  const [command, ...args] = [...prefix, ...argv];
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, { args, stdin: "null", stdout: "piped", stderr: "null" }).spawn();
  } catch {
    return undefined;
  }
  const marks: { readonly time: number; readonly rounds: number }[] = [{ time: 0, rounds: 0 }];
  const began = performance.now(), text = new TextDecoder("latin1");
  let rounds = 0, line = "";
  // A pipe is read to its end: what has been printed until a mark has been counted.
  for await (const chunk of child.stdout) {
    const lines = (line + text.decode(chunk, { stream: true })).split("\n");
    line = lines.pop()!;
    for (const l of lines) if (l.startsWith("round")) rounds++;
    let time: number;
    try {
      time = processorTime(child.pid);
    } catch {
      break;
    }
    marks.push({ time, rounds });
    if (time > seconds || performance.now() - began > WALL * 1000) break;
  }
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended.
  }
  await child.status;
  const end = marks[marks.length - 1], from = marks.find((m) => m.time >= end.time * 2 / 3)!;
  return end.time > from.time ? (end.rounds - from.rounds) / (end.time - from.time) : undefined;
}

export async function programs(): Promise<Table[]> {
  const all = runners("x86-64", ["interpreter", "auto"]),
    rows: Cell[][] = [],
    ahead: (number | undefined)[] = [];
  for (const [name, argv] of PROGRAMS) {
    const cells: Cell[] = [];
    for (const { name, prefix } of all) cells.push(prefix && await rate(prefix, argv, SECONDS[name]));
    const faster = ratio(cells[3], cells[1]);
    ahead.push(faster);
    rows.push([name, ...cells, ratio(cells[0], cells[3]), faster]);
    console.error(`programs ${name}`);
  }
  rows.push(["mean", undefined, undefined, undefined, undefined, undefined, geometricMean(ahead)]);
  return [{
    group: "programs",
    title: "Programs that interpret, x86-64 (rounds in a second of processor time)",
    note:
      `The host's own programs, each in a loop of 20 lines (tests/bench/loops). The last third of ${SECONDS.auto} s (auto), ` +
      `${
        SECONDS["qemu-user"]
      } s (qemu-user, interpreter), ${SECONDS.native} s (native); the compilers' threads count.`,
    head: ["", "native", "qemu-user", "interpreter", "auto", "× slower than native", "× faster than qemu"],
    rows,
  }];
}
