/** Builds the benchmark's programs and runs them natively, under qemu-user and under Guise. */
import { fromFileUrl } from "@std/path";
import { median } from "./table.ts";

/** Where programs and results go; not part of the repository. */
export const folder = fromFileUrl(new URL("../.guests/bench/", import.meta.url));
const here = fromFileUrl(new URL("./", import.meta.url));
export const cli = fromFileUrl(new URL("../../cli.ts", import.meta.url));
/** The guest root of arm64 (`deno task guests`). */
export const armRoot = fromFileUrl(new URL("../.guests/root-arm64", import.meta.url));

export type Machine = "x86-64" | "aarch64";
const compilers: Record<Machine, string> = { "x86-64": "gcc", aarch64: "aarch64-linux-gnu-gcc" };
const emulators: Record<Machine, string> = { "x86-64": "qemu-x86_64", aarch64: "qemu-aarch64" };

/** What every comparison uses. */
const FLAGS = ["-O2", "-static", "-pthread", "-w"];

/** Builds `name`.c, once for its text and flags; undefined when there is no compiler for that machine. */
export async function build(
  name: string,
  machine: Machine,
  flags: readonly string[] = FLAGS,
): Promise<string | undefined> {
  Deno.mkdirSync(folder, { recursive: true });
  const source = Deno.readFileSync(`${here}${name}.c`);
  const all = new Uint8Array([...source, ...new TextEncoder().encode(flags.join(" "))]);
  const hash = [...new Uint8Array(await crypto.subtle.digest("SHA-256", all)).subarray(0, 6)]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const program = `${folder}${name}-${hash}.${machine}`;
  if (exists(program)) return program;
  try {
    const part = `${program}.${crypto.randomUUID().slice(0, 8)}`;
    const built = await new Deno.Command(compilers[machine], {
      args: [...flags, "-o", part, `${here}${name}.c`],
    }).output();
    if (!built.success) throw new Error(`${name}.c: ${new TextDecoder().decode(built.stderr)}`);
    Deno.renameSync(part, program);
    return program;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether there is a file. */
export function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** One way to run a program. */
export interface Runner {
  readonly name: string;
  /** Command and arguments before the program; undefined: not here. */
  readonly prefix: readonly string[] | undefined;
}

/** Whether a command is installed. */
export function installed(command: string): boolean {
  try {
    return new Deno.Command(command, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

/** The command line of Guise, up to the program. */
export function guise(options: readonly string[] = []): string[] {
  return [Deno.execPath(), "run", "-A", cli, "run", ...options, "--"];
}

/** Whether programs of that machine run here natively. */
export function isNative(machine: Machine): boolean {
  return (machine === "x86-64") === (Deno.build.arch === "x86_64");
}

/** native (on its own machine), qemu-user where installed, and Guise's engines. */
export function runners(machine: Machine, engines: readonly string[]): Runner[] {
  const qemu = emulators[machine];
  return [
    { name: "native", prefix: isNative(machine) ? [] : undefined },
    { name: "qemu-user", prefix: installed(qemu) ? [qemu] : undefined },
    ...engines.map((engine) => ({ name: engine, prefix: guise(["--engine", engine]) })),
  ];
}

/** Standard output of a run; undefined when it failed. */
export async function output(
  runner: Runner,
  argv: readonly string[],
  timeout = 120_000,
): Promise<string | undefined> {
  if (runner.prefix === undefined) return undefined;
  const [command, ...args] = [...runner.prefix, ...argv];
  try {
    const { success, stdout } = await new Deno.Command(command, {
      args,
      cwd: "/tmp",
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(timeout),
    }).output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}

/** The medians of the numbers in a program's line `NAME number number…`, over some runs; undefined when a run failed. */
export async function figures(
  runner: Runner,
  argv: readonly string[],
  rounds: number,
): Promise<readonly number[] | undefined> {
  const runs: number[][] = [];
  for (let i = 0; i < rounds; i++) {
    const text = await output(runner, argv);
    if (text === undefined) return undefined;
    runs.push(text.trim().split(" ").slice(1).map(Number));
  }
  return runs[0].map((_, i) => median(runs.map((run) => run[i])));
}

/** Median peak resident memory of a command in MB, from the resource usage of the finished child. */
export async function peakMemory(argv: readonly string[], samples = 3): Promise<number | undefined> {
  const script =
    "import resource,subprocess,sys\nsubprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,check=True)\n" +
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024)";
  const values: number[] = [];
  for (let i = 0; i < samples; i++) {
    try {
      const { success, stdout } = await new Deno.Command("python3", {
        args: ["-c", script, ...argv],
        cwd: "/tmp",
        stdin: "null",
        stderr: "null",
      }).output();
      if (!success) return undefined;
      values.push(Number(new TextDecoder().decode(stdout)));
    } catch {
      return undefined;
    }
  }
  return median(values);
}

/** What a command printed, and the processor time in ns that it took, all its threads together; undefined when it fails. */
export async function processorTime(
  argv: readonly string[],
): Promise<{ readonly text: string; readonly ns: number } | undefined> {
  const script =
    "import resource,subprocess,sys\nout=subprocess.run(sys.argv[1:],stdout=subprocess.PIPE,check=True).stdout\n" +
    "u=resource.getrusage(resource.RUSAGE_CHILDREN)\nprint(u.ru_utime+u.ru_stime)\nprint(out.decode())";
  try {
    const { success, stdout } = await new Deno.Command("python3", {
      args: ["-c", script, ...argv],
      cwd: "/tmp",
      stdin: "null",
      stderr: "null",
    }).output();
    if (!success) return undefined;
    const [seconds, ...text] = new TextDecoder().decode(stdout).split("\n");
    return { text: text.join("\n"), ns: Number(seconds) * 1e9 };
  } catch {
    return undefined;
  }
}

/** `--stats` of a run under Guise. */
export interface Stats {
  readonly ms: number;
  readonly instructions: number;
  readonly traps: Readonly<Record<string, number>>;
}

/** Runs a program under Guise and reads its counters; undefined when it fails. */
export async function counters(
  options: readonly string[],
  argv: readonly string[],
): Promise<Stats | undefined> {
  const file = Deno.makeTempFileSync({ prefix: "guise-bench-", suffix: ".json" });
  try {
    const runner = { name: "guise", prefix: guise([...options, "--stats", file]) };
    if (await output(runner, argv) === undefined) return undefined;
    return JSON.parse(Deno.readTextFileSync(file));
  } finally {
    Deno.removeSync(file);
  }
}
