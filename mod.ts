/**
 * Guise runs unmodified Linux programs inside a JavaScript runtime, on a kernel made of TypeScript plugins.
 *
 * ```ts ignore
 * import { run } from "@guise/guise";
 * const program = new Uint8Array(await (await fetch("https://example.org/hello")).arrayBuffer());
 * const result = await run(program, { args: ["--greeting", "hi"] });
 * console.log(result.status, result.text());
 * ```
 *
 * {@link run} is for one program; {@link createKernel} makes a kernel with the standard plugins for everything else.
 * Nothing here needs Deno: the same module runs in a browser.
 *
 * @module
 */
import type { Arch } from "@guise/core";
import {
  createKernel as createBareKernel,
  EACCES,
  EEXIST,
  ENOENT,
  ENOTDIR,
  errnoText,
  type ExitStatus,
  hasMemory64,
  type Hooks,
  type Kernel,
  type KernelOptions,
  type LockstepLog,
  type Plugin,
  type SpawnRequest,
} from "@guise/core";
import { elf } from "@guise/elf";
import { linux } from "@guise/linux";
import {
  chmod,
  chown,
  createMemoryFs,
  credentialsOf,
  type FileSystem,
  type HostStdio,
  HostStream,
  mayAccess,
  type MemoryFile,
  mkdirAt,
  type MountSpec,
  nameOf,
  O_CREAT,
  O_TRUNC,
  O_WRONLY,
  openAt,
  openStdio,
  S_IFDIR,
  S_IFMT,
  symlinkAt,
  vfs,
  vfsKey,
  type VfsOptions,
  walk,
  X_OK,
} from "@guise/vfs";
import { prepare, x86_64 } from "@guise/x86-64/run";
import type { StatsReport } from "@guise/stats";

/** Options of {@link createKernel}. */
export interface GuiseOptions extends Omit<KernelOptions, "plugins"> {
  /** More plugins; one with the name of a standard plugin takes its place. */
  readonly plugins?: readonly Plugin[];
  /** The file systems: default an empty one in memory, and devices. */
  readonly files?: VfsOptions;
  /** ELF e_machine of the first program, where it is known: what is loaded before the kernel is made. Default: x86-64's. */
  readonly machine?: number;
}

/** ELF e_machine. */
const AARCH64 = 183;
async function loadAarch64(memory32: boolean): Promise<Arch> {
  if (memory32) await import("@guise/aarch64/memory32");
  const { aarch64, prepare } = await import("@guise/aarch64/run");
  if (!memory32) await prepare();
  return aarch64;
}

/** The plugins that {@link createKernel} begins with: CPU, loader, file system, Linux. */
export function standardPlugins(
  files: VfsOptions = {},
  memory32: boolean = !hasMemory64(),
  aarch64?: Arch,
): Plugin[] {
  return [
    { name: "x86-64", arch: x86_64 },
    // For the few who need it.
    aarch64 ? { name: "aarch64", arch: aarch64 } : {
      name: "aarch64",
      lateArch: {
        name: "aarch64",
        elfMachine: AARCH64,
        load: () => loadAarch64(memory32),
      },
    },
    elf(),
    vfs(files),
    linux(),
  ];
}

/**
 * A kernel with the standard plugins, set up and without a process.
 *
 * ```ts ignore
 * const kernel = await createKernel({ plugins: [myPersonality()] });
 * const { status } = kernel.spawn("mine", { program: "/bin/x", args: ["x"], env: {} });
 * await kernel.run();
 * console.log(await status);
 * ```
 */
export async function createKernel(options: GuiseOptions = {}): Promise<Kernel> {
  const more = options.plugins ?? [];
  const replaced = new Set(more.map((p) => p.name));
  const memory32 = options.memory32 ?? !hasMemory64();
  const aarch64 = options.machine === AARCH64 ? await loadAarch64(memory32) : undefined;
  const standard = standardPlugins(options.files, memory32, aarch64);
  const plugins = [...standard.filter((p) => !replaced.has(p.name)), ...more];
  const prepared = memory32 ? import("@guise/x86-64/memory32") : aarch64 ?? prepare();
  const kernel = await createBareKernel({ ...options, plugins });
  await prepared;
  return kernel;
}

/** Personalities that are loaded when {@link run} is asked for one by its name. */
const latePersonalities: Readonly<Record<string, (options?: string) => Promise<Plugin | string>>> = {
  axle: async (options) =>
    options === undefined ? (await import("@guise/axle")).axle() : "axle has no options",
  osv: async (options) => {
    const { osv, osvNamed } = await import("@guise/osv");
    return options === undefined ? osv() : osvNamed(options);
  },
};

/** Whom a program runs as. */
export interface User {
  /** User id. */
  readonly uid: number;
  /** Group id. */
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups?: readonly number[];
}

/** Options of {@link run}. */
export interface RunOptions {
  /** Arguments after the program's name. */
  readonly args?: readonly string[];
  /** argv[0]; default the program as given. */
  readonly argv0?: string;
  /** Default empty. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default `/`. */
  readonly cwd?: string;
  /** What the program reads; default nothing (an end of file at once). */
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Files of the guest, by absolute path: text or bytes, or `{ content, mode }`. */
  readonly files?: Readonly<Record<string, MemoryFile>>;
  /** The root file system, in the place of one in memory with `files`. */
  readonly root?: FileSystem;
  /** More file systems, by absolute path. */
  readonly mounts?: Readonly<Record<string, FileSystem>> | readonly MountSpec[];
  /**
   * Default `linux`; `axle` and `osv` are there too, and those of `plugins`. Options of OSv follow a colon:
   * `osv:trivial,verbose` (a set of system calls: `2023`, `trivial` or `master`).
   */
  readonly personality?: string;
  /** More plugins for the kernel; one with the name of a standard one takes its place. */
  readonly plugins?: readonly Plugin[];
  /** Hooks: observe, change, deny. */
  readonly hooks?: Partial<Hooks>;
  /** Milliseconds until the program is killed (signal 9). */
  readonly timeout?: number;
  /** Kills the program (signal 9) when it is aborted. */
  readonly signal?: AbortSignal;
  /** Bytes of memory that all processes together may have. */
  readonly memoryLimit?: number;
  /** Bytes of output, of both streams together, after which the program is killed (signal 9). Default 256 MiB. */
  readonly maxOutput?: number;
  /** Default user and group 0. */
  readonly user?: User;
  /** Default `auto`. */
  readonly engine?: KernelOptions["engine"];
  /** A trace as strace prints it: to `RunResult.trace`, or piece by piece to a function. */
  readonly trace?: boolean | ((text: string) => void);
  /** Counters, in `RunResult.stats`. */
  readonly stats?: boolean;
  /** Gets output as it comes; then nothing is kept for the result. */
  readonly output?: (stream: "stdout" | "stderr", bytes: Uint8Array) => void;
  /** What stands behind descriptors 0, 1 and 2, in the place of all that: streams, terminals, files of a host. */
  readonly stdio?: readonly [HostStdio, HostStdio, HostStdio];
  /** More for the kernel: clock, quantum, random, kind of memory. */
  readonly kernel?:
    & Pick<KernelOptions, "clock" | "quantum" | "random" | "memory32">
    & Pick<GuiseOptions, "machine">;
  /** More for the personality, by its own keys. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What a program did. */
export interface RunResult {
  /** As a shell tells it: the exit code, 128+N after signal N, 127 not found, 126 not runnable. */
  readonly status: number;
  /** The signal that ended it. */
  readonly signal?: number;
  /** What it wrote to descriptor 1. */
  readonly stdout: Uint8Array;
  /** What it wrote to descriptor 2. */
  readonly stderr: Uint8Array;
  /** Standard output as UTF-8 text. */
  text(): string;
  /** Standard error as UTF-8 text. */
  errorText(): string;
  /** One line for a person: why it could not run, where it crashed, why it was killed. */
  readonly message?: string;
  /** Why we ended it. */
  readonly ended?: "timeout" | "aborted" | "output";
  /** With `trace: true`. */
  readonly trace?: string;
  /** With `stats: true`. */
  readonly stats?: StatsReport;
  /** With `engine: "lockstep"`. */
  readonly lockstep?: LockstepLog;
}

/** Bytes in pieces, joined once. */
class Pieces {
  readonly #pieces: Uint8Array[] = [];
  length = 0;
  add(bytes: Uint8Array): void {
    this.#pieces.push(bytes.slice());
    this.length += bytes.length;
  }
  join(): Uint8Array {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }
}

const SIGKILL = 9;
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * Runs one program to its end and answers what it wrote. Without options it has no files but itself, no environment and
 * no input. `program` is a path in the guest (a name without `/` is looked for in PATH), or the bytes of a program.
 *
 * Throws only for a wrong option; whatever the program is and does is in the result.
 */
export async function run(program: string | Uint8Array, options: RunOptions = {}): Promise<RunResult> {
  const output = { stdout: new Pieces(), stderr: new Pieces() };
  const most = options.maxOutput ?? 256 * 2 ** 20;
  let ended: RunResult["ended"];

  const kill = (why: NonNullable<RunResult["ended"]>): void => {
    if (ended !== undefined) return;
    ended = why;
    const { personality } = spawned.process;
    if (personality.signal === undefined) kernel.stop();
    else personality.signal(spawned.process, SIGKILL);
  };
  let written = 0;
  const write = (name: "stdout" | "stderr") => (bytes: Uint8Array): number => {
    written += bytes.length;
    if (options.output !== undefined) options.output(name, bytes);
    else {output[name].add(
        written > most ? bytes.subarray(0, Math.max(0, bytes.length - (written - most))) : bytes,
      );}
    if (written > most) kernel.post(() => kill("output"));
    return bytes.length;
  };

  // Loaded only when asked for: most runs need neither.
  const plugins: Plugin[] = [...options.plugins ?? []];
  let traced = "";
  const { trace } = options;
  if (trace !== undefined && trace !== false) {
    const { strace } = await import("@guise/strace");
    const take = trace === true ? (text: string) => void (traced += text) : trace;
    plugins.push(strace({ write: take }));
  }
  const counters = options.stats === true
    ? (await import("@guise/stats")).stats(undefined, false)
    : undefined;
  if (counters !== undefined) plugins.push(counters);
  if (options.hooks !== undefined) plugins.push({ name: "run hooks", hooks: options.hooks });

  // `osv:trivial`: a name, and options that only the personality understands.
  const asked = options.personality ?? "linux";
  const colon = asked.indexOf(":");
  const personality = colon < 0 ? asked : asked.slice(0, colon);
  const late = latePersonalities[personality];
  if (late !== undefined && !plugins.some((p) => p.personality?.name === personality)) {
    const plugin = await late(colon < 0 ? undefined : asked.slice(colon + 1));
    if (typeof plugin === "string") throw new Error(`guise: --personality ${asked}: ${plugin}`);
    plugins.push(plugin);
  }

  const path = typeof program === "string" ? program : "/program";
  const bytes: Record<string, MemoryFile> = typeof program === "string"
    ? {}
    : { [path]: { content: program, mode: 0o755 } };
  const mounts = Array.isArray(options.mounts)
    ? options.mounts as readonly MountSpec[]
    : Object.entries(options.mounts ?? {}).map(([at, fs]) => ({ at, fs }));
  const files: VfsOptions = options.root === undefined
    ? { root: createMemoryFs({ ...options.files, ...bytes }), mounts }
    : { root: options.root, mounts };

  const kernel = await createKernel({
    ...options.kernel,
    plugins,
    files,
    engine: options.engine,
    memoryLimit: options.memoryLimit,
  });
  if (options.root !== undefined) addFiles(kernel, { ...options.files, ...bytes });
  if (!kernel.personalities.has(personality)) {
    const names = new Set([...kernel.personalities.keys(), ...Object.keys(latePersonalities)]);
    throw new Error(
      `guise: there is no personality ${personality}; there are ${[...names].join(", ")}`,
    );
  }
  const finish = (status: ExitStatus): RunResult => {
    const code = status.signal === undefined ? status.code : 128 + status.signal;
    const stdout = output.stdout.join(), stderr = output.stderr.join();
    return {
      status: code,
      signal: status.signal,
      stdout,
      stderr,
      text: () => new TextDecoder().decode(stdout),
      errorText: () => new TextDecoder().decode(stderr),
      message: ended === undefined ? status.message : endedText(ended, options),
      ended,
      trace: trace === true ? traced : undefined,
      stats: counters?.report(code),
      lockstep: kernel.lockstep,
    };
  };

  const user = options.user ?? { uid: 0, gid: 0 };
  const found = findProgram(kernel, path, { env: options.env, cwd: options.cwd, user });
  if (typeof found !== "string") return finish({ code: found.status, message: found.error });

  const stdio = options.stdio ?? [
    input(kernel, options.stdin),
    new HostStream({ write: write("stdout") }),
    new HostStream({ write: write("stderr") }),
  ];
  const caller = {
    fs: kernel.data.get(vfsKey).createContext(),
    cred: credentialsOf(user.uid, user.gid, user.groups),
  };
  let descriptors = openStdio(caller, stdio);
  const request = (files: typeof descriptors): SpawnRequest => ({
    program: found,
    args: [options.argv0 ?? (typeof program === "string" ? program : "program"), ...options.args ?? []],
    env: options.env ?? {},
    cwd: options.cwd,
    options: { ...options.options, user, files },
  });
  let spawned = kernel.spawn(personality, request(descriptors));
  if (!kernel.processes.has(spawned.process.id)) {
    // It could not be started: for an architecture that is not loaded yet it is tried again.
    const { machine } = await spawned.status;
    if (machine !== undefined && kernel.bring(machine) !== undefined) {
      await kernel.run();
      descriptors = openStdio(caller, stdio);
      spawned = kernel.spawn(personality, request(descriptors));
    }
  }

  let result: ExitStatus | undefined;
  const status = spawned.status.then((s) => result = s);
  const timer = options.timeout === undefined
    ? undefined
    : setTimeout(() => kernel.post(() => kill("timeout")), options.timeout);
  const abort = () => kernel.post(() => kill("aborted"));
  options.signal?.addEventListener("abort", abort);
  if (options.signal?.aborted) abort();
  // The program's end is the run's end, also while processes that it left behind go on.
  void status.then(() => kernel.stop());
  try {
    await kernel.run();
  } finally {
    // Without a timer this is not nothing: the host loads its timers for it.
    if (timer !== undefined) clearTimeout(timer);
    options.signal?.removeEventListener("abort", abort);
  }
  stdio.forEach((s, fd) => {
    const file = descriptors[fd];
    if (typeof s === "object" && "done" in s && file !== undefined) s.done?.(file.position);
  });
  return finish(result ?? { code: 128 + SIGKILL, signal: SIGKILL });
}

function endedText(ended: NonNullable<RunResult["ended"]>, options: RunOptions): string {
  switch (ended) {
    case "timeout":
      return `killed after ${(options.timeout ?? 0) / 1000} s`;
    case "aborted":
      return "killed: the run was aborted";
    case "output":
      return `killed: it wrote more than ${options.maxOutput ?? 256 * 2 ** 20} bytes`;
  }
}

/** Puts files into a root that we did not make. Throws with a line for a person where that cannot be. */
function addFiles(kernel: Kernel, files: Readonly<Record<string, MemoryFile>>): void {
  const fs = kernel.data.get(vfsKey).createContext();
  const caller = { fs, cred: credentialsOf(0) };
  const demand = (path: string, result: unknown): void => {
    if (typeof result !== "number" || result >= 0) return;
    throw new Error(`guise: cannot put ${path} into the guest's files: ${errnoText(result)}`);
  };
  for (const [path, file] of Object.entries(files)) {
    const parts = nameOf(path).split("/").filter((part) => part !== "");
    const folder = typeof file === "object" && "directory" in file;
    for (let n = 1; n < parts.length + (folder ? 1 : 0); n++) {
      const made = mkdirAt(caller, undefined, "/" + parts.slice(0, n).join("/"), 0o755);
      if (made !== EEXIST) demand(path, made);
    }
    const name = "/" + parts.join("/");
    const more = typeof file === "string" || file instanceof Uint8Array ? { content: file } : file;
    if ("symlink" in more) demand(path, symlinkAt(caller, nameOf(more.symlink), undefined, name));
    else if ("content" in more) {
      const open = openAt(caller, undefined, name, O_CREAT | O_WRONLY | O_TRUNC, 0o644);
      if (typeof open === "number") return demand(path, open);
      const { content } = more;
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      if (bytes.length > 0) demand(path, open.write(bytes));
      open.unref();
    }
    if ("symlink" in more) continue;
    const at = walk(caller, undefined, name);
    if (typeof at === "number") return demand(path, at);
    const { mode, uid, gid } = more;
    if (mode !== undefined) demand(path, chmod(caller, at, mode));
    if (uid !== undefined || gid !== undefined) demand(path, chown(caller, at, uid ?? -1, gid ?? -1));
  }
  fs.drop();
}

/** Standard input that comes from a value. */
function input(kernel: Kernel, stdin: RunOptions["stdin"]): HostStdio {
  if (stdin === undefined) return "null";
  if (typeof stdin === "string" || stdin instanceof Uint8Array) {
    const bytes = typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
    const stream: HostStream = new HostStream({ demand: () => stream.end() });
    stream.push(bytes.slice());
    return stream;
  }
  const iterator = stdin[Symbol.asyncIterator]();
  const stream: HostStream = new HostStream({
    demand: () =>
      kernel.background(iterator.next(), (next) => {
        if (next === undefined || next.done === true) stream.end();
        else stream.push(next.value);
      }),
  });
  return stream;
}

/** Who looks for a program, and from where. */
export interface FindOptions {
  /** Only PATH counts; default the usual folders. */
  readonly env?: Readonly<Record<string, string>>;
  /** For relative folders of PATH. */
  readonly cwd?: string;
  /** Who must be able to run it. */
  readonly user: User;
}

/**
 * The path of a program in the guest's file system: a name without `/` is looked for in PATH, as a shell does. What is
 * wrong otherwise: 127 when there is nothing, 126 when it may not be run.
 */
export function findProgram(
  kernel: Kernel,
  program: string,
  options: FindOptions,
): string | { readonly error: string; readonly status: number } {
  if (program.includes("/")) return program;
  const { uid, gid, groups } = options.user;
  const fs = kernel.data.get(vfsKey).createContext();
  const caller = { fs, cred: credentialsOf(uid, gid, groups) };
  try {
    const cwd = walk(caller, undefined, nameOf(options.cwd ?? "/"));
    const path = options.env?.PATH ?? DEFAULT_PATH;
    let denied: string | undefined;
    if (program !== "") {
      for (const folder of path.split(":")) {
        const full = `${folder === "" ? "." : folder.replace(/\/+$/, "")}/${program}`;
        const at = walk(caller, typeof cwd === "number" ? undefined : cwd, nameOf(full));
        if (typeof at === "number") {
          if (at !== ENOENT && at !== ENOTDIR) denied ??= `${full}: ${errnoText(at)}`;
          continue;
        }
        if ((at.inode.mode & S_IFMT) === S_IFDIR) continue;
        if (mayAccess(at, caller.cred, X_OK) === 0) return full;
        denied ??= `${full}: ${errnoText(EACCES)}`;
      }
    }
    if (denied !== undefined) return { error: denied, status: 126 };
    return { error: `${program}: not found in PATH (${path})`, status: 127 };
  } finally {
    fs.drop();
  }
}
