/**
 * The ways into the kernel beside each other (issue 3, line 1): what each does, counted by the model at the CPU's kernel
 * entries, what the model says it costs, and what it takes here and on the host.
 */
import { run } from "@guise/guise";
import { hostFolder } from "@guise/host-deno";
import { HostFs, OverlayFs } from "@guise/vfs";
import { x86_64 } from "@guise/x86-64/run";
import { costOf, type Counts, Model, modelled } from "../model.ts";
import { build, figures, guise } from "../programs.ts";
import type { Cell, Table } from "../table.ts";

/** One way to make one call. */
export interface Way {
  readonly call: "getpid" | "close" | "clock";
  readonly way: "call" | "direct" | "vdso" | "syscall" | "int80";
  readonly name: string;
}

const NAMES: Readonly<Record<Way["way"], string>> = {
  call: "plain call",
  direct: "OSv, direct call",
  vdso: "vDSO",
  syscall: "SYSCALL",
  int80: "INT 0x80",
};
const CALLS = { getpid: "getpid", close: "close(999)", clock: "clock_gettime" } as const;

/** All that exist: the vDSO has neither getpid nor close. */
export const WAYS: readonly Way[] = (Object.keys(CALLS) as Way["call"][]).flatMap((call) =>
  (Object.keys(NAMES) as Way["way"][])
    .filter((way) => way !== "vdso" || call === "clock")
    .map((way) => ({ call, way, name: NAMES[way] }))
);

/** The programs: at a fixed address for what Linux does, dynamic for OSv. */
export interface Programs {
  readonly fixed: string;
  readonly dynamic: string;
}

/** Builds them; undefined without a compiler. */
export async function programs(): Promise<Programs | undefined> {
  const fixed = await build("entries", "x86-64", ["-O2", "-static", "-no-pie", "-w"]);
  const dynamic = await build("entries", "x86-64", ["-O2", "-w"]);
  return fixed === undefined || dynamic === undefined ? undefined : { fixed, dynamic };
}

/** The program and the personality of a way. */
function seat(
  way: Way,
  { fixed, dynamic }: Programs,
): { readonly program: string; readonly personality: string } {
  return way.way === "direct"
    ? { program: dynamic, personality: "osv" }
    : { program: fixed, personality: "linux" };
}

async function counted(
  way: Way,
  built: Programs,
  rounds: number,
  engine: "interpreter" | "jit",
): Promise<Counts> {
  const model = new Model();
  const { program, personality } = seat(way, built);
  const result = await run(program, {
    args: [way.way, way.call, String(rounds)],
    // Under a layer in memory, which makes the folders of ours that the host does not let us look at.
    root: new OverlayFs({ lower: new HostFs(hostFolder("/")) }),
    personality,
    engine,
    plugins: [modelled(x86_64, model)],
  });
  if (result.status !== 0) {
    throw new Error(`entries ${way.way} ${way.call}: status ${result.status} ${result.message ?? ""}`);
  }
  return model.counts;
}

/** What one call by this way does: the difference of two runs, divided. */
export async function perCall(way: Way, built: Programs, engine: "interpreter" | "jit"): Promise<Counts> {
  const more = 1000, few = await counted(way, built, 500, engine);
  const many = await counted(way, built, 500 + more, engine);
  const each = (key: keyof Counts): number => (many[key] - few[key]) / more;
  return {
    traps: each("traps"),
    gateLookups: each("gateLookups"),
    frameWords: each("frameWords"),
    modelRegisters: each("modelRegisters"),
    savedWords: each("savedWords"),
    hostCalls: each("hostCalls"),
    instructions: each("instructions"),
  };
}

export async function entries(engines: readonly string[], rounds: number): Promise<Table[]> {
  const built = await programs();
  if (built === undefined) return [];
  const rows: Cell[][] = [];
  for (const way of WAYS) {
    const counts = await perCall(way, built, "interpreter");
    const { program, personality } = seat(way, built);
    const argv = [program, way.way, way.call, "600ms"];
    const wall = async (prefix: readonly string[]): Promise<number | undefined> =>
      (await figures({ name: "", prefix }, argv, rounds))?.[0];
    rows.push([
      `${CALLS[way.call]}: ${way.name}`,
      counts.traps,
      counts.gateLookups,
      counts.frameWords,
      counts.hostCalls,
      Math.round(counts.instructions),
      Math.round(costOf(counts)),
      way.way === "direct" ? undefined : await wall([]),
      ...await each(engines, (engine) => wall(guise(["--engine", engine, "--personality", personality]))),
    ]);
    console.error(`entries ${way.call} ${way.way}`);
  }
  return [{
    group: "entries",
    title: "Ways into the kernel, x86-64 (a call)",
    note:
      "Counted by the interpreter's run; the modelled cost (cycles) is explained in [entries.md](entries.md). Wall " +
      `times in ns after the first 100 ms of 600, the loop around the call included; medians of ${rounds} runs.`,
    head: [
      "",
      "traps",
      "IDT look-ups",
      "frame words",
      "host calls",
      "instructions",
      "modelled cost",
      "native",
      ...engines,
    ],
    rows,
  }];
}

async function each<T, R>(items: readonly T[], take: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await take(item));
  return results;
}
