/** What the tests of OSv share: building C programs, running one natively and under OSv, with the counters of the run. */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

const cli = fromFileUrl(new URL("../../cli.ts", import.meta.url));
/** The folder of the tests' programs. */
export const here: string = fromFileUrl(new URL(".", import.meta.url));
const decoder = new TextDecoder();

/** What a program did. */
export interface Output {
  readonly status: number;
  readonly out: string;
  readonly error: string;
}

/** What it ran with. */
export interface Options {
  readonly stdin?: string;
  readonly env?: Record<string, string>;
  /** Standard error must be the same too. */
  readonly errors?: boolean;
}

/** What it did under OSv. */
export interface Counted extends Output {
  readonly traps: Record<string, number>;
  readonly calls: Record<string, number>;
  readonly syscalls: Record<string, number>;
}

/** Runs a command of the host. */
export async function output(command: string, args: string[], options: Options = {}): Promise<Output> {
  const child = new Deno.Command(command, {
    args,
    cwd: "/tmp",
    env: { LC_ALL: "C.UTF-8", ...options.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(options.stdin ?? "")).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  return { status: code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

const made: string[] = [];
addEventListener("unload", () => {
  for (const path of made) {
    try {
      Deno.removeSync(path, { recursive: true });
    } catch {
      // Gone already.
    }
  }
});

/** A file or folder that is removed when the tests of a module have ended. */
export function temporary(kind: "file" | "folder", name = "", suffix = ""): string {
  const options = { prefix: `guise-osv-${name}`, suffix };
  const path = kind === "file" ? Deno.makeTempFileSync(options) : Deno.makeTempDirSync(options);
  made.push(path);
  return path;
}

const stats = temporary("file", "", ".json");

/** Runs a program of the host under OSv. */
export async function osv(
  program: string,
  args: string[],
  options: Options = {},
  personality = "osv",
): Promise<Counted> {
  const result = await output(
    Deno.execPath(),
    // deno-fmt-ignore
    ["run", "-A", "--no-check", cli, "run", "--personality", personality, "--stats", stats, "--", program, ...args],
    options,
  );
  return { ...result, ...JSON.parse(Deno.readTextFileSync(stats)) };
}

/** True for a file of the host. */
export function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** The host can build and run the programs, and has the libc that completes OSv's. */
export const ready: boolean = Deno.build.os === "linux" && Deno.build.arch === "x86_64" &&
  exists("/usr/bin/gcc") && exists("/usr/lib/x86_64-linux-musl/libc.so");

/** Builds `name`.c; the program's path. */
export function build(name: string, ...options: string[]): string {
  const program = temporary("file", `${name}-`);
  const built = new Deno.Command("gcc", {
    args: ["-w", "-O1", "-pthread", "-o", program, `${here}${name}.c`, ...options],
  })
    .outputSync();
  assert(built.success, decoder.decode(built.stderr));
  return program;
}

/** A test that needs the host's compiler and libc. */
export function test(name: string, run: () => Promise<void>): void {
  Deno.test({ name: `osv: ${name}`, ignore: !ready, fn: run });
}

/** The same status and output natively and under OSv. */
export async function same(program: string, args: string[] = [], options: Options = {}): Promise<Counted> {
  const native = await output(program, args, options);
  const ours = await osv(program, args, options);
  assertEquals({ status: ours.status, out: ours.out }, { status: native.status, out: native.out });
  if (options.errors === true) assertEquals(ours.error, native.error);
  return ours;
}
