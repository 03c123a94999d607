/**
 * The command: a thin client of mod.ts. It gives a guest what it has itself (files, read-only under a layer in memory,
 * environment, working directory, standard streams, signals) and answers with the guest's exit status.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  foregroundOf,
  hostFolder,
  hostSignals,
  hostStdio,
  isFolder,
  resized,
  restoreTerminal,
  stopHost,
} from "@guise/host-deno";
import type { Kernel, Plugin, Process } from "@guise/core";
import type { Profiler } from "@guise/profiler";
import { prepare } from "@guise/x86-64/run";
import type { FileSystem, MountSpec } from "@guise/vfs";
import { HostFs, OverlayFs } from "@guise/vfs";
import { run, type RunOptions, type User } from "./mod.ts";

const SIGTSTP = 20, SIGWINCH = 28;
const VERSION = "0.1.0";
/** Milliseconds after which the host's signals go to the guest. */
const LISTEN_AFTER = 50;

/** Environment variables: the engine where no option names one; a file that gets lockstep's reports, instead of standard error. */
const ENGINE = "GUISE_ENGINE", COMPARED = "GUISE_COMPARED";

const USAGE = `Usage: guise run [options] [--] PROGRAM [ARG...]

Runs a Linux program in a kernel made of TypeScript plugins.

  --root DIR              the guest's root directory; default: the host's files
  --mount HOST:GUEST[:rw] another folder of the host, read-only without :rw
  --cwd DIR               working directory of the guest
  --env K=V               an environment variable, beside the host's
  --user UID[:GID]        default: the host user's
  --personality NAME      linux (default), axle, osv; sets of OSv's system calls: osv:2023, osv:trivial
  --engine auto|interpreter|jit|lockstep
                          default: GUISE_ENGINE, else auto
                          lockstep compares all translated code with the interpreter
  --profile FILE          print where the time went, and write FILE for speedscope
  --trace[=FILE]          print system calls as strace does, to standard error or FILE
  --stats FILE            write counters as JSON
  --protect               check every memory access
  --timeout S             kill the guest after S seconds
  --memory-limit MB       memory that the guest may have
  --help, --version

Without --root and without :rw the guest's writes stay in memory and are gone with it.
The exit status is the guest's; 128+N after signal N; 127 not found; 126 not runnable; 2 for wrong usage.
`;

/** A mistake of the person at the keyboard: one line and a status. */
class Mistake extends Error {
  readonly status: number;
  constructor(message: string, status = 2) {
    super(message);
    this.status = status;
  }
}

/** What the command line asks for. */
interface Request {
  readonly root?: string;
  readonly mounts: readonly { readonly host: string; readonly guest: string; readonly write: boolean }[];
  readonly cwd?: string;
  readonly env: readonly (readonly [string, string])[];
  readonly user?: User;
  readonly personality?: string;
  readonly engine?: RunOptions["engine"];
  /** File of the trace; "-" is standard error. */
  readonly trace?: string;
  readonly stats?: string;
  /** A speedscope file; the table goes to standard error. */
  readonly profile?: string;
  readonly protect: boolean;
  readonly timeout?: number;
  readonly memoryLimit?: number;
  readonly program: string;
  readonly args: readonly string[];
}

const VALUES = [
  "root",
  "mount",
  "cwd",
  "env",
  "user",
  "personality",
  "engine",
  "stats",
  "profile",
  "timeout",
  "memory-limit",
] as const;

/**
 * Splits the arguments at the program, and gives `--trace` without a value the value `-`: an option whose value may be left out
 * cannot be told from the program otherwise.
 */
function split(args: readonly string[]): { options: string[]; rest: string[] } {
  const options: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i];
    if (arg === "--") return { options, rest: args.slice(i + 1) };
    if (!arg.startsWith("-") || arg === "-") return { options, rest: args.slice(i) };
    if (arg === "--trace") {
      options.push("--trace=-");
      continue;
    }
    const name = VALUES.find((v) => arg === `--${v}`);
    if (name === undefined) {
      options.push(arg);
      continue;
    }
    const value = args[++i];
    if (value === undefined) throw new Mistake(`--${name} needs a value`);
    options.push(`--${name}=${value}`);
  }
  return { options, rest: [] };
}

/** Reads the arguments after `run`. */
function parse(args: readonly string[]): Request | "help" | "version" {
  const { options, rest } = split(args);
  const parsed = parseArgs(options, {
    string: [...VALUES, "trace"],
    collect: ["mount", "env"],
    boolean: ["protect", "help", "version"],
    alias: { h: "help" },
    unknown: (arg) => {
      throw new Mistake(`unknown option ${arg}; try --help`);
    },
  });
  if (parsed.help) return "help";
  if (parsed.version) return "version";
  const number = (name: "timeout" | "memory-limit"): number | undefined => {
    const text = parsed[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^[0-9.]+$/.test(text) || !(value > 0)) {
      throw new Mistake(`--${name} needs a number above 0, not "${text}"`);
    }
    return value;
  };
  const engine = parsed.engine ?? (Deno.env.get(ENGINE) || undefined);
  if (
    engine !== undefined && engine !== "auto" && engine !== "interpreter" && engine !== "jit" &&
    engine !== "lockstep"
  ) throw new Mistake(`--engine is auto, interpreter, jit or lockstep, not "${engine}"`);
  const mounts = (parsed.mount ?? []).map((text) => {
    const match = /^(.+?):(\/[^:]*)(?::(rw|ro))?$/.exec(text);
    if (match === null) {
      throw new Mistake(`--mount needs HOST:GUEST or HOST:GUEST:rw with an absolute GUEST, not "${text}"`);
    }
    return { host: match[1], guest: match[2], write: match[3] === "rw" };
  });
  const env = (parsed.env ?? []).map((text) => {
    const at = text.indexOf("=");
    if (at < 1) throw new Mistake(`--env needs NAME=VALUE, not "${text}"`);
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  let user: User | undefined;
  if (parsed.user !== undefined) {
    const match = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(parsed.user);
    if (match === null) throw new Mistake(`--user needs UID or UID:GID in numbers, not "${parsed.user}"`);
    user = { uid: Number(match[1]), gid: Number(match[2] ?? match[1]) };
  }
  const [program, ...programArgs] = rest;
  if (program === undefined) throw new Mistake("no program is given; try --help");
  return {
    root: parsed.root,
    mounts,
    cwd: parsed.cwd,
    env,
    user,
    personality: parsed.personality,
    engine,
    trace: parsed.trace,
    stats: parsed.stats,
    profile: parsed.profile,
    protect: parsed.protect,
    timeout: number("timeout"),
    memoryLimit: number("memory-limit"),
    program,
    args: programArgs,
  };
}

/** An existing folder of the host, as an absolute path without links. */
function folder(option: string, path: string): string {
  let real: string;
  try {
    real = Deno.realPathSync(path);
  } catch {
    throw new Mistake(`${option} ${path}: there is no such folder on the host`);
  }
  if (isFolder(real) !== 0) throw new Mistake(`${option} ${path}: is not a folder`);
  return real;
}

/** The root of the guest: the host's files (or a folder of them) under a layer in memory that takes all writes. */
function rootOf(request: Request): FileSystem {
  const path = request.root === undefined ? "/" : folder("--root", request.root);
  return new OverlayFs({ lower: new HostFs(hostFolder(path)) });
}

function mountsOf(request: Request): MountSpec[] {
  return request.mounts.map(({ host, guest, write }) => {
    const path = folder("--mount", host);
    const fs = new HostFs(hostFolder(path, { write }), { readonly: !write });
    return { at: guest, fs, readonly: !write, source: path };
  });
}

/** The host user, whose files the guest sees as its own. */
function hostUser(): User {
  const uid = Deno.uid(), gid = Deno.gid();
  if (uid === null || gid === null) return { uid: 0, gid: 0 };
  let groups: number[] = [];
  try {
    // Supplementary groups decide what can be read; only Linux tells them.
    const text = Deno.readTextFileSync("/proc/self/status");
    groups = (/^Groups:[ \t]*(.*)$/m.exec(text)?.[1] ?? "").split(/\s+/).filter((g) => g !== "").map(Number);
  } catch {
    // No such file: no groups.
  }
  return { uid, gid, groups };
}

/** Writes all of the bytes, whatever the host does. */
function writeAll(file: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

/** Where a trace goes: pieces of lines at once to standard error, in large pieces to a file. */
function traceSink(
  path: string,
  TextBuffer: typeof import("@guise/strace").TextBuffer,
): { write(text: string): void; flush(): void } {
  const encoder = new TextEncoder();
  if (path === "-") {
    return {
      write: (text) => {
        try {
          writeAll(Deno.stderr, encoder.encode(text));
        } catch {
          // Nobody reads it any more.
        }
      },
      flush: () => {},
    };
  }
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (error) {
    throw new Mistake(`--trace=${path}: cannot write there: ${(error as Error).message}`);
  }
  const buffer = new TextBuffer((bytes) => {
    try {
      writeAll(file, bytes);
    } catch {
      // A full disk ends the trace, not the guest.
    }
  });
  return { write: (text) => buffer.add(text), flush: () => buffer.flush() };
}

/** ELF e_machine. */
const AARCH64 = 183;
/**
 * ELF e_machine of the program, so far as a look at the host's file tells: links that lead out of the root, scripts and names to look up
 * tell nothing, and then the kernel finds out. It only decides what is loaded first.
 */
function machineOf({ root = "", program, mounts }: Request): number | undefined {
  if (!program.startsWith("/") || mounts.length > 0) return undefined;
  let file: Deno.FsFile | undefined;
  try {
    const path = root + program, head = new Uint8Array(20);
    // Opening something else may wait, or do something.
    if (!Deno.statSync(path).isFile) return undefined;
    file = Deno.openSync(path);
    const elf = file.readSync(head) === 20 && head[0] === 0x7f && head[1] === 0x45 && head[5] === 1;
    return elf ? head[18] | head[19] << 8 : undefined;
  } catch {
    return undefined;
  } finally {
    file?.close();
  }
}

/** Runs the guest and answers the exit status. */
async function runGuest(request: Request): Promise<number> {
  // Beside all that comes before the program.
  const machine = machineOf(request);
  void (machine === AARCH64 ? import("@guise/aarch64/run").then((arm) => arm.prepare()) : prepare());
  let kernel: Kernel;
  let guest: Process | undefined;
  const stdio = hostStdio(() => kernel);
  const deliver = (signal: number): void => {
    kernel.post(() => {
      if (signal === SIGWINCH) return resized(stdio);
      // ^Z stops a job of a guest's shell; without one it stops us, as it would stop any program.
      const foreground = foregroundOf(stdio);
      if (signal === SIGTSTP && (foreground === undefined || foreground === guest?.id)) return stopHost();
      if (guest !== undefined) guest.personality.signal?.(guest, signal);
    });
  };
  // What is said while the guest runs may be its last words too.
  const said = new Set<string>();
  const say = (text: string): void => {
    if (!said.has(text)) complain(text);
    said.add(text);
  };
  const end = (): void => {
    restoreTerminal(stdio);
    Deno.exit(130);
  };
  const listening: (() => void)[] = [];
  const command: Plugin = {
    name: "command",
    setup: (k) => {
      kernel = k;
    },
    hooks: {
      event: (event) => {
        if (event.kind === "message") say(event.text);
        // The first program is the one in the foreground.
        if (event.kind !== "spawn" || guest !== undefined) return;
        guest = event.process;
        // Listening starts a thread, which a program that ends at once need not pay: until then signals end us. The kernel's
        // timer, since the host's first one costs some ms itself.
        const soon = kernel.clock.monotonic() + LISTEN_AFTER * 1e6;
        listening.push(kernel.timer(soon, () => listening.push(hostSignals({ deliver, end }))));
      },
    },
  };
  const plugins: Plugin[] = [command];
  let sink: ReturnType<typeof traceSink> | undefined;
  if (request.trace !== undefined) {
    const { strace, TextBuffer } = await import("@guise/strace");
    sink = traceSink(request.trace, TextBuffer);
    plugins.push(strace({ write: sink.write, leader: request.trace === "-" ? "several" : "always" }));
  }
  let profile: Profiler | undefined;
  if (request.profile !== undefined) {
    profile = (await import("@guise/profiler")).profiler();
    plugins.push(profile);
  }
  const { [ENGINE]: _engine, [COMPARED]: compared, ...host } = Deno.env.toObject();
  const env = { ...host, ...Object.fromEntries(request.env) };
  const result = await run(request.program, {
    args: request.args,
    env,
    cwd: cwdOf(request),
    root: rootOf(request),
    mounts: mountsOf(request),
    user: request.user ?? hostUser(),
    kernel: { machine },
    personality: request.personality,
    engine: request.engine,
    timeout: request.timeout === undefined ? undefined : request.timeout * 1000,
    memoryLimit: request.memoryLimit === undefined ? undefined : request.memoryLimit * 2 ** 20,
    stats: request.stats !== undefined,
    stdio,
    plugins,
    options: { protect: request.protect },
  });
  sink?.flush();
  restoreTerminal(stdio);
  for (const stop of listening) stop();
  if (result.message !== undefined) say(result.message);
  const { lockstep } = result;
  if (lockstep !== undefined) {
    const tell = compared === undefined
      ? say
      : (text: string) => Deno.writeTextFileSync(compared, `guise: ${text}\n`, { append: true });
    for (const text of lockstep.differences) tell(text);
    tell(
      `lockstep: ${lockstep.compared} runs of regions with ${lockstep.instructions} instructions compared, ` +
        `${lockstep.differences.length} differences`,
    );
  }
  if (request.stats !== undefined) {
    try {
      Deno.writeTextFileSync(request.stats, JSON.stringify(result.stats) + "\n");
    } catch (error) {
      complain(`--stats ${request.stats}: cannot write there: ${(error as Error).message}`);
    }
  }
  if (request.profile !== undefined && profile !== undefined) {
    complain(`${profile.samples} samples`);
    writeAll(Deno.stderr, new TextEncoder().encode(profile.table()));
    try {
      Deno.writeTextFileSync(request.profile, profile.speedscope(request.program));
    } catch (error) {
      complain(`--profile ${request.profile}: cannot write there: ${(error as Error).message}`);
    }
  }
  return result.status;
}

/** The guest's working directory: ours, if it has one of that name. */
function cwdOf(request: Request): string {
  if (request.cwd !== undefined) return request.cwd;
  let cwd: string;
  try {
    cwd = Deno.cwd();
  } catch {
    return "/";
  }
  if (request.root === undefined) return cwd;
  const root = folder("--root", request.root);
  return isFolder(`${root}${cwd}`) === 0 ? cwd : "/";
}

function complain(message: string): void {
  try {
    writeAll(
      Deno.stderr,
      new TextEncoder().encode(message.startsWith("guise: ") ? `${message}\n` : `guise: ${message}\n`),
    );
  } catch {
    // Standard error is closed.
  }
}

/** The command with its arguments; the result is its exit status. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const [command, ...rest] = args;
    const request = command === "run"
      ? parse(rest)
      : command === undefined
      ? undefined
      : parse([command, ...rest, "-"]);
    if (request === "help") {
      writeAll(Deno.stdout, new TextEncoder().encode(USAGE));
      return 0;
    }
    if (request === "version") {
      writeAll(Deno.stdout, new TextEncoder().encode(`guise ${VERSION}\n`));
      return 0;
    }
    if (request === undefined) throw new Mistake("no command is given; try --help");
    if (command !== "run") throw new Mistake(`unknown command ${command}; the command is run (try --help)`);
    return await runGuest(request);
  } catch (error) {
    if (error instanceof Mistake) {
      complain(error.message);
      return error.status;
    }
    if (error instanceof Error && error.message.startsWith("guise: ")) {
      complain(error.message);
      return 2;
    }
    complain(`a mistake in guise itself: ${error instanceof Error ? error.stack : String(error)}`);
    return 70;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
