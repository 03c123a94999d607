/**
 * ftw and nftw: a walk of a tree of files that calls the program for each, in glibc's order and with its numbers. Paths are bytes; the walk
 * never leaves the directory that the program is in, but for FTW_CHDIR.
 */
import { EACCES, ENOENT, ENOMEM, invoke, type Outcome, type Task } from "@guise/core";
import { arg, type Calls, type DirectCall, fail, int, looping, perform } from "../direct.ts";
import { machineOf } from "../machine.ts";
import { osvOf } from "../state.ts";

const PHYSICAL = 1, MOUNT = 2, CHDIR = 4, DEPTH = 8, ACTIONS = 16;
/** What a file is, for the program's function. */
const FILE = 0, FOLDER = 1, UNREADABLE = 2, NO_STATUS = 3, LINK = 4, FOLDER_DONE = 5, DANGLING = 6;
/** The same for ftw's, which knows fewer. */
const OLD: Readonly<Record<number, number>> = {
  [FILE]: FILE,
  [FOLDER]: FOLDER,
  [UNREADABLE]: UNREADABLE,
  [NO_STATUS]: NO_STATUS,
  [LINK]: FILE,
  [DANGLING]: NO_STATUS,
};
const SKIP_SUBTREE = 2, SKIP_SIBLINGS = 3;
const AT_FDCWD = -100, NOFOLLOW = 0x100, DIRECTORY = 0o2200000, HERE = 0o12000000; // O_PATH | O_CLOEXEC
const ROOM = 32768, MOST = 1 << 20, NAME = 19, LENGTH = 16;
const FORMAT = 0xf000, IS_FOLDER = 0x4000, IS_LINK = 0xa000;
const SLASH = 0x2f;

/** A directory that is being walked. */
interface Level {
  readonly path: Uint8Array;
  readonly base: number;
  readonly entries: Uint8Array[];
  at: number;
}

/** One walk. Guest memory: struct stat, struct FTW, a path, records of a directory. */
class Walk {
  readonly #stack: Level[] = [];
  readonly #seen = new Set<string>();
  #device = "";
  /** Where paths begin: a descriptor of the first directory, for FTW_CHDIR. */
  #from = AT_FDCWD;
  readonly #folder: number;
  readonly #path: number;
  readonly #records: number;

  constructor(
    readonly block: number,
    readonly mode: number,
    readonly call: number,
    readonly flags: number,
    readonly old: boolean,
  ) {
    this.#folder = block + 160, this.#path = block + 192, this.#records = block + 192 + 8192;
  }
  static readonly BYTES = 192 + 8192 + ROOM;

  begin(task: Task, path: Uint8Array): Outcome {
    let end = path.length;
    while (end > 1 && path[end - 1] === SLASH) end--;
    const whole = path.slice(0, end), base = whole.lastIndexOf(SLASH, end - 2) + 1;
    const start = (t: Task): Outcome =>
      this.#status(t, whole, (u, kind) => {
        if (typeof kind === "number" && kind < 0) return this.#end(u, fail(u, kind));
        if (kind === NO_STATUS) return this.#end(u, fail(u, EACCES));
        this.#device = this.#identity(u)[0];
        const next = (v: Task, result: number): Outcome =>
          result !== 0 ? this.#finish(v, result) : this.#rounds(v);
        return kind === FOLDER
          ? this.#enter(u, whole, base, next)
          : this.#tell(u, whole, base, 0, kind, next);
      });
    if (!(this.flags & CHDIR)) return start(task);
    task.space.write(this.#path, new Uint8Array([0x2e, 0]));
    return perform(task, "openat", [AT_FDCWD, this.#path, HERE, 0], (t, fd) => {
      if (fd < 0) return this.#end(t, fail(t, fd));
      this.#from = fd;
      return start(t);
    });
  }

  /** Entry after entry of the innermost directory. */
  #rounds(task: Task): Outcome {
    return looping(task, (t, again) => {
      const level = this.#stack[this.#stack.length - 1];
      if (level === undefined) return this.#finish(t, 0);
      const next = (u: Task, result: number): Outcome => {
        if (this.flags & ACTIONS && result === SKIP_SIBLINGS) level.at = level.entries.length, result = 0;
        if (this.flags & ACTIONS && result === SKIP_SUBTREE) result = 0;
        return result !== 0 ? this.#finish(u, result) : again(u);
      };
      if (level.at >= level.entries.length) {
        this.#stack.pop();
        if (!(this.flags & DEPTH)) return again(t);
        // The structure has to be the directory's own again.
        return this.#status(
          t,
          level.path,
          (u) => this.#tell(u, level.path, level.base, this.#stack.length, FOLDER_DONE, next),
        );
      }
      const name = level.entries[level.at++];
      const slash = level.path[level.path.length - 1] === SLASH ? 0 : 1;
      const path = new Uint8Array(level.path.length + slash + name.length);
      path.set(level.path), path[level.path.length] = SLASH, path.set(name, level.path.length + slash);
      const base = level.path.length + slash;
      return this.#status(t, path, (u, kind) => {
        if (kind < 0) return this.#finish(u, fail(u, kind));
        const [device, both] = this.#identity(u);
        if (kind !== NO_STATUS && this.flags & MOUNT && device !== this.#device) return again(u);
        if (kind !== FOLDER) return this.#tell(u, path, base, this.#stack.length, kind, next);
        if (!(this.flags & PHYSICAL) && this.#seen.has(both)) return again(u);
        return this.#enter(u, path, base, next);
      });
    });
  }

  /** A directory: told now or when it is done, and its entries are read. */
  #enter(task: Task, path: Uint8Array, base: number, next: (t: Task, result: number) => Outcome): Outcome {
    this.#seen.add(this.#identity(task)[1]);
    const depth = this.#stack.length;
    this.#put(task, path);
    return perform(task, "openat", [this.#from, this.#path, DIRECTORY, 0], (t, fd) => {
      if (fd === EACCES) return this.#tell(t, path, base, depth, UNREADABLE, next);
      if (fd < 0) return this.#finish(t, fail(t, fd));
      const read = (u: Task): Outcome =>
        this.#list(u, fd, (v, entries) => {
          this.#stack.push({ path, base, entries, at: 0 });
          return next(v, 0);
        });
      if (this.flags & DEPTH) return read(t);
      return this.#tell(
        t,
        path,
        base,
        depth,
        FOLDER,
        (u, result) => result === 0 ? read(u) : perform(u, "close", [fd], (v) => next(v, result)),
      );
    });
  }

  #list(task: Task, fd: number, next: (t: Task, entries: Uint8Array[]) => Outcome): Outcome {
    const entries: Uint8Array[] = [], from = this.#records;
    return looping(task, (t, again) =>
      perform(t, "getdents64", [fd, from, ROOM], (u, n) => {
        if (n <= 0 || entries.length > MOST) return perform(u, "close", [fd], (v) => next(v, entries));
        for (let at = from; at < from + n;) {
          const name = u.space.cstring(at + NAME, 256);
          if (typeof name !== "number" && !isDots(name)) entries.push(name.slice());
          at += Math.max(24, (u.space.getU32(at + LENGTH) ?? 0) & 0xffff);
        }
        return again(u);
      }));
  }

  /** What is at a path, with its structure; or a negative error that ends the walk. */
  #status(task: Task, path: Uint8Array, next: (t: Task, kind: number) => Outcome): Outcome {
    if (!this.#put(task, path)) return this.#end(task, fail(task, -36)); // ENAMETOOLONG
    const own = this.flags & PHYSICAL ? NOFOLLOW : 0;
    return perform(task, "newfstatat", [this.#from, this.#path, this.block, own], (t, n) => {
      if (n === 0) return next(t, this.#kind(t));
      if (n !== EACCES && n !== ENOENT) return next(t, n);
      if (own) return next(t, this.#stack.length === 0 ? n : NO_STATUS);
      return perform(t, "newfstatat", [this.#from, this.#path, this.block, NOFOLLOW], (u, m) => {
        if (m === 0 && this.#kind(u) === LINK) return next(u, DANGLING);
        return next(u, this.#stack.length === 0 ? n : NO_STATUS);
      });
    });
  }
  #kind(task: Task): number {
    const format = (task.space.getU32(this.block + this.mode) ?? 0) & FORMAT;
    return format === IS_FOLDER ? FOLDER : format === IS_LINK ? LINK : FILE;
  }
  /** Device, and device and inode, of the structure. */
  #identity(task: Task): [string, string] {
    const device = `${task.space.getNum64(this.block)}`;
    return [device, `${device} ${task.space.getNum64(this.block + 8)}`];
  }
  #put(task: Task, path: Uint8Array): boolean {
    if (path.length >= 8192) return false;
    const ended = new Uint8Array(path.length + 1);
    ended.set(path);
    return task.space.write(this.#path, ended);
  }

  /** Calls the program. */
  #tell(
    task: Task,
    path: Uint8Array,
    base: number,
    level: number,
    kind: number,
    next: (t: Task, result: number) => Outcome,
  ): Outcome {
    const call = (t: Task): Outcome => {
      this.#put(t, path);
      t.space.setU32(this.#folder, base);
      t.space.setU32(this.#folder + 4, level);
      const args = [this.#path, this.block, this.old ? OLD[kind] : kind, this.#folder];
      return invoke(this.call, this.old ? args.slice(0, 3) : args, (u, result) => next(u, result | 0));
    };
    if (!(this.flags & CHDIR) || (base === 0 && level === 0)) return call(task);
    // The function finds itself in the directory of the entry.
    return perform(task, "fchdir", [this.#from], (t) => {
      if (base === 0) return call(t);
      this.#put(t, path.slice(0, base > 1 ? base - 1 : 1));
      return perform(t, "chdir", [this.#path], (u, n) => n < 0 ? this.#finish(u, fail(u, n)) : call(u));
    });
  }

  #finish(task: Task, result: number): Outcome {
    return this.#end(
      task,
      this.flags & ACTIONS && (result === SKIP_SUBTREE || result === SKIP_SIBLINGS) ? 0 : result,
    );
  }
  #end(task: Task, result: number): Outcome {
    osvOf(task).heap.release(this.block);
    if (this.#from === AT_FDCWD) return result;
    const fd = this.#from;
    return perform(task, "fchdir", [fd], (t) => perform(t, "close", [fd], () => result));
  }
}

const isDots = (name: Uint8Array): boolean =>
  name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e));

const walk = (old: boolean): DirectCall => (task) => {
  const machine = machineOf(task.process.cpu.arch), path = task.space.cstring(arg(task, 0), 4097);
  if (typeof path === "number" || machine === undefined) {
    return fail(task, typeof path === "number" ? path : ENOENT);
  }
  if (path.length === 0) return fail(task, ENOENT);
  const block = osvOf(task).heap.allocate(Walk.BYTES);
  if (block === 0) return fail(task, ENOMEM);
  const flags = old ? 0 : int(task, 3);
  return new Walk(block, machine.stat.mode, arg(task, 1), flags, old).begin(task, path.slice());
};

/** See the file's head. */
export const treeCalls: Calls = {
  ftw: walk(true),
  ftw64: walk(true),
  nftw: walk(false),
  nftw64: walk(false),
};
