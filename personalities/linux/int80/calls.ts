/** Calls whose structures or arguments are not those of the 64-bit entry: i386's own forms. */
import { EFAULT, EINVAL, EOVERFLOW, type Outcome, type Syscall, syscall, type Task } from "@guise/core";
import { bytesOfName } from "@guise/vfs/key";
import { clockId } from "../args/clock.ts";
import { fields } from "../args/layout.ts";
import { AT_FDCWD, path } from "../args/path.ts";
import { argv, envp, status, WAIT4_OPTIONS } from "../args/process.ts";
import { address, flagWord, int, size, unsignedInt, word } from "../args/scalar.ts";
import { credentialsKey } from "../credentials.ts";
import { openFile } from "../files.ts";
import { clone, CSIGNAL } from "../process/create.ts";
import { execve } from "../process/exec.ts";
import { readClock, type Time } from "../time/clocks.ts";

/** The 64-bit calls by name. */
export type Calls = ReadonlyMap<string, Syscall>;

function run(calls: Calls, name: string, task: Task, args: Readonly<Record<string, unknown>>): Outcome {
  return calls.get(name)!.spec.run(task, args as never);
}

/** Two 32-bit numbers; false when not writable. */
function writePair(task: Task, at: number, first: number, second: number): boolean {
  return task.space.check(at, 8, 2) && task.space.setU32(at, first >>> 0) &&
    task.space.setU32(at + 4, second >>> 0);
}

/** i386's forms by number; `calls` are the 64-bit ones, which do the work. */
export function ownCalls(calls: Calls): readonly (readonly [number: number, call: Syscall])[] {
  const waitpid = syscall({
    name: "waitpid",
    doc: "Waits for a child.",
    args: { pid: int, status, options: flagWord(WAIT4_OPTIONS, "W???") },
    run: (task, args) => run(calls, "wait4", task, { ...args, usage: 0 }),
  });
  const execveCall = syscall({
    name: "execve",
    doc: "Replaces the caller's program; the arrays hold 32-bit pointers.",
    args: { path, argv, envp },
    run: (task, args) => execve(task, AT_FDCWD, bytesOfName(args.path), args.argv, args.envp, 0, 4),
  });
  const time = syscall({
    name: "time",
    doc: "Tells the seconds since 1970.",
    args: { at: address },
    run: (task, { at }) => {
      const now: Time = [0, 0];
      readClock(task, 0, now);
      return at !== 0 && !task.space.setU32(at, now[0] >>> 0) ? EFAULT : now[0] | 0;
    },
  });
  const lseek = syscall({
    name: "lseek",
    doc: "Moves the file's offset, which must fit into 31 bits.",
    args: { fd: int, offset: int, whence: int },
    run: (task, { fd, offset, whence }) => {
      const file = openFile(task, fd);
      if (typeof file === "number") return file;
      const result = file.seek(offset, whence);
      return result > 0x7fffffff ? EOVERFLOW : result;
    },
  });
  const llseek = syscall({
    name: "_llseek",
    doc: "Moves the file's offset, given in two halves.",
    args: { fd: int, high: int, low: unsignedInt, result: address, whence: int },
    run: (task, { fd, high, low, result, whence }) => {
      const file = openFile(task, fd);
      if (typeof file === "number") return file;
      const at = file.seek(high * 2 ** 32 + low, whence);
      if (at < 0) return at;
      return task.space.setNum64(result, at) ? 0 : EFAULT;
    },
  });
  const gettimeofday = syscall({
    name: "gettimeofday",
    doc: "Tells the time of day.",
    args: { time: address, zone: address },
    run: (task, args) => {
      const now: Time = [0, 0];
      readClock(task, 0, now);
      if (args.time !== 0 && !writePair(task, args.time, now[0], Math.floor(now[1] / 1000))) return EFAULT;
      return args.zone !== 0 && !writePair(task, args.zone, 0, 0) ? EFAULT : 0;
    },
  });
  const oldMmap = syscall({
    name: "mmap",
    doc: "Maps memory as a structure of six words says.",
    args: { request: address },
    result: "hex",
    run: (task, { request }) => {
      const view = fields(task, request, 24);
      if (view === undefined) return EFAULT;
      const [at, length, prot, flags, fd, offset] = [0, 1, 2, 3, 4, 5].map((i) =>
        view.getUint32(4 * i, true)
      );
      if (offset % 4096 !== 0) return EINVAL;
      return run(calls, "mmap", task, { address: at, length, prot, flags, fd: fd | 0, offset });
    },
  });
  const mmap2 = syscall({
    name: "mmap2",
    doc: "Maps memory; the offset counts pages.",
    args: { address, length: size, prot: word, flags: word, fd: int, pages: unsignedInt },
    result: "hex",
    run: (task, args) =>
      run(calls, "mmap", task, { ...args, flags: args.flags | 0, offset: args.pages * 4096 }),
  });
  const cloneCall = syscall({
    name: "clone",
    doc: "Makes a thread or a process.",
    args: { flags: word, stack: address, parentTid: address, tls: address, childTid: address },
    run: (task, args) =>
      clone(task, { ...args, flags: args.flags & ~CSIGNAL, exitSignal: args.flags & CSIGNAL }),
  });
  const clockGettime = syscall({
    name: "clock_gettime",
    doc: "Reads a clock into 32-bit fields.",
    args: { clock: clockId, time: address },
    run: (task, args) => {
      const now: Time = [0, 0];
      const error = readClock(task, args.clock, now);
      if (error !== 0) return error;
      return writePair(task, args.time, now[0], now[1]) ? 0 : EFAULT;
    },
  });
  const sixteen = (name: string, field: "uid" | "euid" | "gid" | "egid"): Syscall =>
    syscall({
      name,
      doc: "Tells an id in 16 bits; larger ones are 65534.",
      args: {},
      run: (task) => {
        const value = task.data.get(credentialsKey)[field];
        return value > 0xffff ? 0xfffe : value;
      },
    });
  return [
    [7, waitpid],
    [11, execveCall],
    [13, time],
    [19, lseek],
    [24, sixteen("getuid", "uid")],
    [47, sixteen("getgid", "gid")],
    [49, sixteen("geteuid", "euid")],
    [50, sixteen("getegid", "egid")],
    [78, gettimeofday],
    [90, oldMmap],
    [120, cloneCall],
    [140, llseek],
    [192, mmap2],
    [265, clockGettime],
  ];
}
