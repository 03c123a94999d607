/**
 * Clocks as guests see them. The kernel's monotonic time begins with the kernel; guests see it 100 seconds later, as
 * on a machine that has booted, since programs take 0 for "never".
 */
import { BIAS, EINVAL, type Errno, READ, type Task, WRITE } from "@guise/core";
import { type LinuxProcess, threadOf } from "../state.ts";
import { usageOf } from "../process/usage.ts";

// deno-fmt-ignore
/** Clock ids. The alarm clocks 8 and 9 need a real-time clock device: there is none. */
export const CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_PROCESS_CPUTIME_ID = 2, CLOCK_THREAD_CPUTIME_ID = 3,
  CLOCK_MONOTONIC_RAW = 4, CLOCK_REALTIME_COARSE = 5, CLOCK_MONOTONIC_COARSE = 6, CLOCK_BOOTTIME = 7,
  CLOCK_TAI = 11;

/** Nanoseconds that guests' monotonic clocks are ahead of the kernel's. */
export const BOOT_OFFSET = 100e9;

/** Seconds and nanoseconds. */
export type Time = [seconds: number, nanoseconds: number];

const now: Time = [0, 0];

/** Splits nanoseconds. */
export function split(ns: number, into: Time): void {
  into[0] = Math.floor(ns / 1e9);
  into[1] = Math.floor(ns - into[0] * 1e9);
}

/** Reads a clock; EINVAL when there is none of that id. */
export function readClock(task: Task, id: number, into: Time): 0 | Errno {
  const { clock } = task.kernel;
  switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
      clock.realtime(into);
      return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
      split(clock.monotonic() + BOOT_OFFSET, into);
      return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
      split(cpuTime(threadOf(task).process), into);
      return 0;
    case CLOCK_THREAD_CPUTIME_ID:
      split(task.cpuTime, into);
      return 0;
  }
  const cpu = cpuClock(task, id);
  if (typeof cpu !== "function") return cpu;
  split(cpu(), into);
  return 0;
}

/** CPU time of a process with its threads, in ns. */
export function cpuTime(process: LinuxProcess): number {
  const usage = usageOf(process);
  return usage.user + usage.system;
}

/** Negative ids name CPU clocks of processes and threads: `~id << 3 | thread? | which`. */
export function cpuClock(task: Task, id: number): (() => number) | Errno {
  if (id >= 0 || (id & 3) === 3) return EINVAL;
  const { linux } = threadOf(task).process;
  const number = ~(id >> 3);
  if (id & 4) {
    const thread = number === 0 ? threadOf(task) : linux.tasks.get(number);
    if (thread === undefined || thread.process !== threadOf(task).process) return EINVAL;
    return () => thread.task.cpuTime;
  }
  const process = number === 0 ? threadOf(task).process : linux.processes.get(number);
  if (process === undefined) return EINVAL;
  return () => cpuTime(process);
}

/** True for ids whose time passes while nobody runs: what can be slept on. */
export function isWallClock(id: number): boolean {
  return id === CLOCK_REALTIME || id === CLOCK_TAI;
}

/** True for clocks of the monotonic family that can be slept on. */
export function isMonotonic(id: number): boolean {
  return id === CLOCK_MONOTONIC || id === CLOCK_BOOTTIME;
}

/** Kernel monotonic ns of an absolute time on a clock. */
export function deadlineAt(task: Task, id: number, seconds: number, nanoseconds: number): number {
  const { clock } = task.kernel;
  if (!isWallClock(id)) return seconds * 1e9 + nanoseconds - BOOT_OFFSET;
  // By difference: wall-clock nanoseconds do not fit into a number.
  clock.realtime(now);
  return clock.monotonic() + (seconds - now[0]) * 1e9 + (nanoseconds - now[1]);
}

/** Kernel monotonic ns of a span from now. */
export function deadlineIn(task: Task, seconds: number, nanoseconds: number): number {
  return task.kernel.clock.monotonic() + seconds * 1e9 + nanoseconds;
}

/** Reads a timespec (`scale` 1) or timeval (`scale` 1000): undefined when not readable; the fraction is in its own unit. */
export function readTime(task: Task, address: number): Time | undefined {
  const { space } = task;
  if (!space.check(address, 16, READ)) return undefined;
  const { view } = space, at = address - BIAS;
  return [
    view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true),
    view.getInt32(at + 12, true) * 2 ** 32 + view.getUint32(at + 8, true),
  ];
}

/** Writes two 64-bit numbers; false when not writable. */
export function writeTime(task: Task, address: number, seconds: number, fraction: number): boolean {
  const { space } = task;
  if (!space.check(address, 16, WRITE)) return false;
  const { view } = space, at = address - BIAS;
  put(view, at, seconds);
  put(view, at + 8, fraction);
  return true;
}

function put(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setInt32(at + 4, Math.floor(value / 2 ** 32), true);
}

/** True when it is a valid timespec: not negative, less than a second of nanoseconds. */
export function validTime(time: Time, perSecond: number = 1e9): boolean {
  return time[0] >= 0 && time[1] >= 0 && time[1] < perSecond;
}
