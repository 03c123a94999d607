/** Builds the benchmark's programs and runs them natively, under qemu-user and under Guise. */
import { fromFileUrl } from "@std/path";

const folder = fromFileUrl(new URL("../.guests/bench/", import.meta.url));
const here = fromFileUrl(new URL("./", import.meta.url));
export const cli = fromFileUrl(new URL("../../cli.ts", import.meta.url));

export type Machine = "x86-64" | "aarch64";
const compilers: Record<Machine, string> = { "x86-64": "gcc", aarch64: "aarch64-linux-gnu-gcc" };
const emulators: Record<Machine, string> = { "x86-64": "qemu-x86_64", aarch64: "qemu-aarch64" };

/** Builds `name`.c as a static program; undefined when there is no compiler for that machine. */
export async function build(name: string, machine: Machine): Promise<string | undefined> {
  Deno.mkdirSync(folder, { recursive: true });
  const program = `${folder}${name}.${machine}`;
  try {
    const built = await new Deno.Command(compilers[machine], {
      args: ["-O2", "-static", "-pthread", "-w", "-o", program, `${here}${name}.c`],
    }).output();
    if (!built.success) throw new Error(`${name}.c: ${new TextDecoder().decode(built.stderr)}`);
    return program;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** One way to run a program. */
export interface Runner {
  readonly name: string;
  /** Command and arguments before the program; undefined: not here. */
  readonly prefix: readonly string[] | undefined;
}

function installed(command: string): boolean {
  try {
    return new Deno.Command(command, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

/** native (on its own machine), qemu-user where installed, and Guise's engines. */
export function runners(machine: Machine, engines: readonly string[]): Runner[] {
  const native = (machine === "x86-64") === (Deno.build.arch === "x86_64");
  const qemu = emulators[machine];
  return [
    { name: "native", prefix: native ? [] : undefined },
    { name: "qemu-user", prefix: installed(qemu) ? [qemu] : undefined },
    ...engines.map((engine) => ({
      name: engine,
      prefix: [Deno.execPath(), "run", "-A", cli, "run", "--engine", engine, "--mount", "/tmp:/tmp:rw", "--"],
    })),
  ];
}

/** Standard output of a run; undefined when it failed. */
export async function output(
  runner: Runner,
  argv: readonly string[],
  stdin?: string,
): Promise<string | undefined> {
  if (runner.prefix === undefined) return undefined;
  const [command, ...args] = [...runner.prefix, ...argv];
  const child = new Deno.Command(command, {
    args,
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin)).then(() => writer.close()).catch(() => {});
  }
  const { success, stdout } = await child.output();
  return success ? new TextDecoder().decode(stdout) : undefined;
}

/** Median wall time in ms of `rounds` runs after one that warms caches, and the peak resident memory in MB of the last one. */
export async function wall(argv: readonly string[], rounds: number): Promise<number | undefined> {
  const times: number[] = [];
  for (let i = 0; i <= rounds; i++) {
    const start = performance.now();
    const { success } = await new Deno.Command(argv[0], {
      args: argv.slice(1),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    if (!success) return undefined;
    if (i > 0) times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[times.length >> 1];
}

/** Peak resident memory of a command in MB, from GNU time or from /proc of the finished child's resource usage. */
export async function peakMemory(argv: readonly string[]): Promise<number | undefined> {
  const script = "import resource,subprocess,sys\nsubprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL)\n" +
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024)";
  try {
    const { success, stdout } = await new Deno.Command("python3", {
      args: ["-c", script, ...argv],
      stderr: "null",
    }).output();
    return success ? Number(new TextDecoder().decode(stdout)) : undefined;
  } catch {
    return undefined;
  }
}
