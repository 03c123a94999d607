/** Start-up: the wall time of the command, from the second run on. */
import { armRoot, build, exists, guise, installed, isNative, type Machine } from "../programs.ts";
import { type Cell, ratio, type Table } from "../table.ts";
import { wall } from "../wall.ts";

const SAMPLES = 9;

/** Programs, what they may take against qemu-user, and in ms on a quiet machine (issue 5, line 4). */
const PROGRAMS: readonly (readonly [argv: readonly string[], times?: number, ms?: number])[] = [
  [["busybox", "true"]],
  [["bash", "-c", "echo hi"], 2.5, 200],
  [["python3", "-c", "pass"], 1.3, 600],
];

export async function start(machine: Machine): Promise<Table[]> {
  const hello = await build("hello", machine);
  const list = hello === undefined ? PROGRAMS : [[[hello], 4, 100] as const, ...PROGRAMS];
  const arm = machine === "aarch64";
  if (arm && !exists(`${armRoot}/bin/bash`)) return [];
  const rows: Cell[][] = [];
  for (const [argv, times, ms] of list) {
    const own = argv[0].startsWith("/");
    const located = own ? argv : [`${arm ? armRoot : ""}/bin/${argv[0]}`, ...argv.slice(1)];
    const emulator = arm ? ["qemu-aarch64", "-L", armRoot] : ["qemu-x86_64"];
    const options = arm && !own ? ["--root", armRoot] : [];
    const guest = arm && !own ? [`/bin/${argv[0]}`, ...argv.slice(1)] : located;
    const native = isNative(machine) ? await wall(located, SAMPLES) : undefined;
    const qemu = installed(emulator[0]) ? await wall([...emulator, ...located], SAMPLES) : undefined;
    const ours = await wall([...guise(options), ...guest], SAMPLES);
    const name = argv.map((a) => a.split("/").pop()!.replace(/-[0-9a-f]{12}.*/, "")).join(" ");
    const aim = times === undefined ? "" : `≤ ${times} qemu, ≤ ${ms} ms`;
    rows.push([name, native, qemu, ours, ratio(ours, qemu), aim]);
    console.error(`start ${machine} ${name}`);
  }
  rows.push([
    "deno, an empty module",
    undefined,
    undefined,
    await wall([Deno.execPath(), "eval", ""], SAMPLES),
    undefined,
    "",
  ]);
  return [{
    group: "start",
    title: `Start, ${machine} (ms, wall)`,
    note:
      `The command from start to end with warm caches, median of ${SAMPLES}; \`cli.ts\` takes its bundle where that is current.`,
    head: ["", "native", "qemu-user", "cli.ts", "× qemu", "aim"],
    rows,
  }];
}
