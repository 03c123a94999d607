/** Resource limits (getrlimit(2)): sixteen pairs of a soft and a hard value, shared by the threads of a process. */
import { Key, type Task } from "@guise/core";

// deno-fmt-ignore
/** Numbers of the limits (asm-generic/resource.h). */
export const RLIMIT_CPU = 0, RLIMIT_FSIZE = 1, RLIMIT_DATA = 2, RLIMIT_STACK = 3, RLIMIT_CORE = 4, RLIMIT_RSS = 5,
  RLIMIT_NPROC = 6, RLIMIT_NOFILE = 7, RLIMIT_MEMLOCK = 8, RLIMIT_AS = 9, RLIMIT_LOCKS = 10, RLIMIT_SIGPENDING = 11,
  RLIMIT_MSGQUEUE = 12, RLIMIT_NICE = 13, RLIMIT_RTPRIO = 14, RLIMIT_RTTIME = 15;

/** Names for traces and /proc/PID/limits. */
// deno-fmt-ignore
export const LIMIT_NAMES: readonly string[] = [
  "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC",
  "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE",
  "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
];

/** RLIM_INFINITY: no limit. Guests see 2^64-1. */
export const INFINITY: number = Infinity;

/** The limits of a process. Values are counts or bytes (CPU: seconds); `Infinity` is no limit. */
export class Limits {
  readonly soft: number[];
  readonly hard: number[];
  constructor(from?: Limits) {
    this.soft = from ? from.soft.slice() : new Array<number>(16).fill(INFINITY);
    this.hard = from ? from.hard.slice() : new Array<number>(16).fill(INFINITY);
    if (from) return;
    this.set(RLIMIT_STACK, 8 << 20, INFINITY);
    this.set(RLIMIT_CORE, 0, INFINITY);
    this.set(RLIMIT_NOFILE, 1024, 1048576);
    this.set(RLIMIT_NPROC, 95000, 95000);
    this.set(RLIMIT_MEMLOCK, 8 << 20, 8 << 20);
    this.set(RLIMIT_SIGPENDING, 95000, 95000);
    this.set(RLIMIT_MSGQUEUE, 819200, 819200);
    this.set(RLIMIT_NICE, 0, 0);
    this.set(RLIMIT_RTPRIO, 0, 0);
  }
  set(limit: number, soft: number, hard: number): void {
    this.soft[limit] = soft;
    this.hard[limit] = hard;
  }
}

/** Where a process keeps its {@link Limits}. */
export const limitsKey: Key<Limits> = new Key<Limits>("linux limits");

/** The soft limit that holds for `task`; `Infinity` when there is none. */
export function limit(task: Task, which: number): number {
  return task.process.data.get(limitsKey).soft[which];
}
