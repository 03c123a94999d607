/** More of i386's own forms: vectors of 32-bit pointers, offsets in two registers, 32-bit times, socketcall. */
import {
  type ArgType,
  EFAULT,
  EINVAL,
  ERESTARTNOHAND,
  type Errno,
  Failure,
  type Outcome,
  READ,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
  wait,
  WaitQueue,
  WRITE,
} from "@guise/core";
import { clockId } from "../args/clock.ts";
import { inBuffer, MAX_RW, outBuffer } from "../args/buffer.ts";
import { fd } from "../args/fd.ts";
import type { Segments } from "../args/iovec.ts";
import { path } from "../args/path.ts";
import { address, int, unsignedInt } from "../args/scalar.ts";
import {
  CLOCK_MONOTONIC_COARSE,
  CLOCK_REALTIME_COARSE,
  deadlineAt,
  readClock,
  type Time,
} from "../time/clocks.ts";
import type { Calls } from "./calls.ts";

const nobody = new WaitQueue();

/** Two 32-bit numbers; false when not writable. */
function writePair(task: Task, at: number, first: number, second: number): boolean {
  return task.space.check(at, 8, WRITE) && task.space.setU32(at, first) && task.space.setU32(at + 4, second);
}

/** Sleeps until `deadline`; `remain` gets 32-bit fields when a signal comes (0: not wanted). */
function sleepUntil(deadline: number, remain: number): Outcome {
  return wait([nobody], deadline, (self, reason) => {
    if (reason !== "signal") return 0;
    const left = Math.max(0, deadline - self.kernel.clock.monotonic());
    if (remain !== 0 && !writePair(self, remain, Math.floor(left / 1e9), left % 1e9)) return EFAULT;
    return ERESTARTNOHAND;
  });
}

/** A timespec of 32-bit fields, or an errno. */
function readShort(task: Task, at: number): readonly [seconds: number, fraction: number] | Errno {
  const seconds = task.space.getU32(at), fraction = task.space.getU32(at + 4);
  if (seconds === undefined || fraction === undefined) return EFAULT;
  return (seconds | 0) < 0 || fraction >= 1e9 ? EINVAL : [seconds, fraction];
}

const SLEEPS_AGAIN = { support: "partial", note: "after a stop it sleeps the whole time again" } as const;

const nanosleep: Syscall = syscall({
  name: "nanosleep",
  doc: "Sleeps for a time of 32-bit fields.",
  args: { request: address, remain: address },
  ...SLEEPS_AGAIN,
  run(task, { request, remain }): Outcome {
    const span = readShort(task, request);
    if (typeof span === "number") return span;
    return sleepUntil(task.kernel.clock.monotonic() + span[0] * 1e9 + span[1], remain);
  },
});

const TIMER_ABSTIME = 1;

const clockNanosleep: Syscall = syscall({
  name: "clock_nanosleep",
  doc: "Sleeps on a clock, for a span or until a time of 32-bit fields.",
  args: { clock: clockId, flags: int, request: address, remain: address },
  ...SLEEPS_AGAIN,
  run(task, { clock, flags, request, remain }): Outcome {
    const now: Time = [0, 0], unknown = readClock(task, clock, now);
    if (unknown !== 0) return unknown;
    const time = readShort(task, request);
    if (typeof time === "number") return time;
    const absolute = (flags & TIMER_ABSTIME) !== 0;
    const deadline = absolute
      ? deadlineAt(task, clock, time[0], time[1])
      : task.kernel.clock.monotonic() + time[0] * 1e9 + time[1];
    return sleepUntil(deadline, absolute ? 0 : remain);
  },
});

const clockGetres: Syscall = syscall({
  name: "clock_getres",
  doc: "Tells a clock's resolution in 32-bit fields.",
  args: { clock: clockId, time: address },
  run(task, { clock, time }): Outcome {
    const now: Time = [0, 0], unknown = readClock(task, clock, now);
    if (unknown !== 0) return unknown;
    const coarse = clock === CLOCK_REALTIME_COARSE || clock === CLOCK_MONOTONIC_COARSE;
    return time !== 0 && !writePair(task, time, 0, coarse ? 4_000_000 : 1) ? EFAULT : 0;
  },
});

/** struct compat_iovec: what readv and writev ask of a vector. */
const vector: ArgType<{ load(task: Task): Segments | number }> = {
  label: "const struct compat_iovec *iov, int iovcnt",
  slots: 2,
  direction: "in",
  compile(abi, slot) {
    const start = abi.registers[slot], length = abi.registers[slot + 1];
    return (task) => {
      const at = task.frame.num(start), count = task.frame.num(length);
      return { load: (reader) => load(reader, at, count) };
    };
  },
  format(abi, slot) {
    const start = abi.registers[slot], length = abi.registers[slot + 1];
    return (task) => `0x${task.frame.num(start).toString(16)}, ${task.frame.num(length)}`;
  },
};

function load(task: Task, at: number, count: number): Segments | number {
  if (count > 1024) return EINVAL;
  if (!task.space.check(at, count * 8, READ)) return EFAULT;
  const starts: number[] = [], lengths: number[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const length = task.space.getU32(at + 8 * i + 4)!;
    if (length > 0x7fffffff) return EINVAL;
    const take = Math.min(length, MAX_RW - total);
    starts.push(task.space.getU32(at + 8 * i)!);
    lengths.push(take);
    total += take;
  }
  return { starts, lengths, total };
}

/** Calls of socketcall by number, with their count of arguments; sendmsg and recvmsg have another structure. */
const SOCKET: readonly (readonly [name: string, words: number] | undefined)[] = [
  undefined,
  ["socket", 3],
  ["bind", 3],
  ["connect", 3],
  ["listen", 2],
  ["accept", 3],
  ["getsockname", 3],
  ["getpeername", 3],
  ["socketpair", 4],
  ["sendto", 4],
  ["recvfrom", 4],
  ["sendto", 6],
  ["recvfrom", 6],
  ["shutdown", 2],
  ["setsockopt", 5],
  ["getsockopt", 5],
  undefined,
  undefined,
  ["accept4", 4],
];
const WORDS: RowAbi = { arch: "x86-64", entry: "int80", registers: [0, 1, 2, 3, 4, 5], pointer: 8 };

/** The task with six words in the place of its registers, for decoders, which only read. */
function withWords(task: Task, words: readonly number[]): Task {
  const frame = {
    lo: (register: number) => words[register] | 0,
    hi: () => 0,
    num: (register: number) => words[register] >>> 0,
  };
  return Object.create(task, { frame: { value: frame } });
}

function socketcall(calls: Calls): Syscall {
  return syscall({
    name: "socketcall",
    doc: "The socket calls, by a number, with their arguments in memory.",
    args: { call: int, args: address },
    support: "partial",
    note: "without sendmsg and recvmsg",
    run(task, { call, args }): Outcome {
      const entry = SOCKET[call];
      const found = entry && calls.get(entry[0]);
      if (entry === undefined || found === undefined) return EINVAL;
      const words = [0, 0, 0, 0, 0, 0];
      if (!task.space.check(args, entry[1] * 4, READ)) return EFAULT;
      for (let i = 0; i < entry[1]; i++) words[i] = task.space.getU32(args + 4 * i)!;
      const seen = withWords(task, words);
      const values: Record<string, unknown> = {};
      let slot = 0;
      for (const [name, type] of Object.entries(found.spec.args)) {
        const value = type.compile(WORDS, slot)(seen);
        if (value instanceof Failure) return value.errno;
        values[name] = value;
        slot += type.slots;
      }
      return found.spec.run(task, values as never);
    },
  });
}

/** Calls that are the 64-bit ones with a vector, an offset in two registers, or a signed 32-bit one. */
export function moreCalls(calls: Calls): readonly (readonly [number: number, call: Syscall])[] {
  const run = (name: string, task: Task, args: Readonly<Record<string, unknown>>): Outcome =>
    calls.get(name)!.spec.run(task, args as never);
  const vectored = (name: string): Syscall =>
    syscall({
      name,
      doc: calls.get(name)!.spec.doc,
      args: { file: fd, vector },
      run: (task, args) => run(name, task, args),
    });
  const positioned = (name: "pread64" | "pwrite64"): Syscall =>
    syscall({
      name,
      doc: calls.get(name)!.spec.doc,
      args: { file: fd, buf: name === "pread64" ? outBuffer : inBuffer, low: unsignedInt, high: int },
      run: (task, { file, buf, low, high }) => run(name, task, { file, buf, at: high * 2 ** 32 + low }),
    });
  const truncate = syscall({
    name: "truncate",
    doc: "Sets the size of a file.",
    args: { path, length: int },
    run: (task, args) => run("truncate", task, args),
  });
  const ftruncate = syscall({
    name: "ftruncate",
    doc: "Sets the size of an open file.",
    args: { file: fd, length: int },
    run: (task, args) => run("ftruncate", task, args),
  });
  return [
    [92, truncate],
    [93, ftruncate],
    [102, socketcall(calls)],
    [145, vectored("readv")],
    [146, vectored("writev")],
    [162, nanosleep],
    [266, clockGetres],
    [267, clockNanosleep],
    [180, positioned("pread64")],
    [181, positioned("pwrite64")],
  ];
}

/** Plain ones that go with them: sockets by numbers of their own, and structures that are the same everywhere. */
// deno-fmt-ignore
export const MORE_SHARED: readonly (readonly [number: number, name: string])[] = [
  [175, "rt_sigprocmask"], [176, "rt_sigpending"], [179, "rt_sigsuspend"], [198, "lchown"], [298, "fchownat"],
  [319, "epoll_pwait"], [322, "timerfd_create"], [340, "prlimit64"], [359, "socket"], [360, "socketpair"], [361, "bind"], [362, "connect"], [363, "listen"],
  [364, "accept4"], [365, "getsockopt"], [366, "setsockopt"], [367, "getsockname"], [368, "getpeername"],
  [369, "sendto"], [371, "recvfrom"], [373, "shutdown"], [383, "statx"],
];
