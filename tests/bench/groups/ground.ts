/** The speed of the ground (issue 2, line 9): the interpreter, decoding, a shell, a call, a reservation. */
import { fromFileUrl } from "@std/path";
import {
  build,
  counters,
  figures,
  guise,
  output,
  peakMemory,
  processorTime,
  type Runner,
  runners,
} from "../programs.ts";
import { type Cell, median, ratio, type Table } from "../table.ts";
import { wall } from "../wall.ts";

const decoder = fromFileUrl(new URL("../decode.ts", import.meta.url));

/** Wall time of an instruction in ns, between two runs of the interpreter of different length. */
async function interpreted(
  program: string,
  kernel: string,
  from: number,
  to: number,
): Promise<number | undefined> {
  const one = await counters(["--engine", "interpreter"], [program, kernel, String(from)]);
  const two = await counters(["--engine", "interpreter"], [program, kernel, String(to)]);
  if (one === undefined || two === undefined) return undefined;
  return (two.ms - one.ms) * 1e6 / (two.instructions - one.instructions);
}

/** Processor time of a round in ns, between two runs of different length: start and what V8 compiles at first drop out. */
async function round(
  prefix: readonly string[],
  program: string,
  kernel: string,
): Promise<number | undefined> {
  const short = await processorTime([...prefix, program, kernel, "300"]);
  const long = await processorTime([...prefix, program, kernel, "1800"]);
  if (short === undefined || long === undefined) return undefined;
  const rounds = ({ text }: { readonly text: string }): number => Number(text.split(" ")[2]);
  return (long.ns - short.ns) / (rounds(long) - rounds(short));
}

/** The median of some tries. */
async function best(rounds: number, take: () => Promise<number | undefined>): Promise<number | undefined> {
  const values: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const value = await take();
    if (value === undefined) return undefined;
    values.push(value);
  }
  return median(values);
}

/** Instructions of one round of a kernel, as the interpreter counts them. */
async function perRound(program: string, kernel: string): Promise<number | undefined> {
  const file = Deno.makeTempFileSync({ prefix: "guise-bench-" });
  try {
    const take = async (ms: string): Promise<readonly [number, number] | undefined> => {
      const runner: Runner = {
        name: "",
        prefix: guise(["--engine", "interpreter", "--stats", file]),
      };
      const text = await output(runner, [program, kernel, ms]);
      if (text === undefined) return undefined;
      return [JSON.parse(Deno.readTextFileSync(file)).instructions, Number(text.split(" ")[2])];
    };
    const short = await take("1"), long = await take("300");
    if (short === undefined || long === undefined || long[1] === short[1]) return undefined;
    return (long[0] - short[0]) / (long[1] - short[1]);
  } finally {
    Deno.removeSync(file);
  }
}

export async function ground(rounds: number): Promise<Table[]> {
  const rows: Cell[][] = [];
  const row = (...cells: Cell[]): void => {
    rows.push(cells);
    console.error(`ground ${cells[0]}`);
  };
  const kernels = await build("kernels", "x86-64"), calls = await build("calls", "x86-64");
  const reserve = await build("reserve", "x86-64");
  const [native, qemu] = runners("x86-64", []);
  if (kernels !== undefined) {
    for (const kernel of ["integer", "branchy"]) {
      const instructions = await perRound(kernels, kernel);
      const cost = async (prefix: readonly string[] | undefined): Promise<number | undefined> =>
        prefix === undefined
          ? undefined
          : ratio(await best(rounds, async () => await round(prefix, kernels, kernel)), instructions);
      row(
        `${kernel}: ns an instruction, optimised`,
        await cost(native.prefix),
        await cost(qemu.prefix),
        await cost(guise(["--engine", "interpreter"])),
        "≤ 3",
      );
    }
    row(
      "branchy: ns an instruction, first 100 ms",
      undefined,
      undefined,
      await best(rounds, async () => await interpreted(kernels, "branchy", 1, 100)),
      "≤ 8",
    );
  }
  const script: Runner = { name: "decode", prefix: [Deno.execPath(), "run", "-A", decoder] };
  row(
    "decoding what bash's start runs, ms",
    undefined,
    undefined,
    (await figures(script, [], rounds + 2))?.[0],
    "≤ 15",
  );
  const bash = ["/bin/bash", "-c", "echo hi"];
  row(
    "bash -c 'echo hi', wall, ms",
    await wall(bash, 9),
    qemu.prefix === undefined ? undefined : await wall([...qemu.prefix, ...bash], 9),
    await wall([...guise(), ...bash], 9),
    "≤ 250",
  );
  row(
    "the same, peak resident memory, MB",
    await peakMemory(bash),
    qemu.prefix === undefined ? undefined : await peakMemory([...qemu.prefix, ...bash]),
    await peakMemory([...guise(), ...bash]),
    "≤ 250",
  );
  if (calls !== undefined) {
    const one = async (runner: Runner) => (await figures(runner, [calls, "getpid", "1000"], rounds))?.[0];
    const there = await one(native);
    const ours = await one({ name: "guise", prefix: guise(["--engine", "interpreter"]) });
    row(
      "getpid by SYSCALL, ns",
      there,
      await one(qemu),
      ours,
      there === undefined ? "≤ native" : `≤ ${Math.round(there)}`,
    );
  }
  if (reserve !== undefined) {
    const run = async (prefix: readonly string[], megabytes: string) =>
      await peakMemory([...prefix, reserve, megabytes], 5);
    const added = async (prefix: readonly string[]): Promise<number | undefined> => {
      const none = await run(prefix, "0"), much = await run(prefix, "1024");
      return none === undefined || much === undefined ? undefined : much - none;
    };
    row(
      "1 GiB of PROT_NONE adds, MB",
      await added([]),
      qemu.prefix === undefined ? undefined : await added(qemu.prefix),
      await added(guise()),
      "≤ 5",
    );
  }
  return [{
    group: "ground",
    title: "The ground: interpreter, x86-64",
    note:
      "Guise's column is `--engine interpreter` where an engine matters; instructions are the interpreter's " +
      "count of a round, their time is processor time.",
    head: ["", "native", "qemu-user", "Guise", "aim"],
    rows,
  }];
}
