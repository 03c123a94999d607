/** Telling time and sleeping: clock_*, gettimeofday, time, nanosleep. Setting the clock is nobody's right here. */
import {
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  ERESTART_RESTARTBLOCK,
  ERESTARTNOHAND,
  type Errno,
  type Outcome,
  type Syscall,
  syscall,
  type Task,
  wait,
  WaitQueue,
} from "@guise/core";
import { clockId, inTimespec, inTimeval, outTimespec, outTimeval, remaining } from "../args/clock.ts";
import { address, flagWord } from "../args/scalar.ts";
import { outStruct } from "../args/buffer.ts";
import { timeComment } from "../args/text.ts";
import type { Rows } from "../rows.ts";
import { threadOf } from "../state.ts";
import {
  CLOCK_MONOTONIC_COARSE,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_REALTIME,
  CLOCK_REALTIME_COARSE,
  CLOCK_THREAD_CPUTIME_ID,
  cpuTime,
  deadlineAt,
  deadlineIn,
  isMonotonic,
  isWallClock,
  readClock,
  readTime,
  type Time,
  validTime,
  writeTime,
} from "../time/clocks.ts";
import { readShown } from "../vdso/clock.ts";

const now: Time = [0, 0];

const clockGettime: Syscall = syscall({
  name: "clock_gettime",
  doc: "Reads a clock.",
  args: { clock: clockId, time: outTimespec },
  run: (task, { clock, time }) => {
    if (!readShown(task, clock, now)) {
      const error = readClock(task, clock, now);
      if (error !== 0) return error;
    }
    return writeTime(task, time, now[0], now[1]) ? 0 : EFAULT;
  },
});

const clockGetres: Syscall = syscall({
  name: "clock_getres",
  doc: "Tells a clock's resolution.",
  args: { clock: clockId, time: outTimespec },
  run: (task, { clock, time }) => {
    const error = readClock(task, clock, now);
    if (error !== 0) return error;
    // CPU clocks that count ticks (PROF and VIRT of a process or thread by number) are coarse too.
    const ticks = clock < 0 && (clock & 3) !== 2;
    const coarse = ticks || clock === CLOCK_REALTIME_COARSE || clock === CLOCK_MONOTONIC_COARSE;
    return time === 0 || writeTime(task, time, 0, coarse ? 4000000 : 1) ? 0 : EFAULT;
  },
});

const clockSettime: Syscall = syscall({
  name: "clock_settime",
  doc: "Would set a clock: EPERM.",
  args: { clock: clockId, time: inTimespec },
  support: "partial",
  note: "the clock cannot be set",
  run: (task, { clock, time }) => {
    if (clock !== CLOCK_REALTIME) return EINVAL;
    const wanted = readTime(task, time);
    if (wanted === undefined) return EFAULT;
    return validTime(wanted) ? EPERM : EINVAL;
  },
});

const zone = outStruct("struct timezone *tz", (task, at) => {
  const minutes = task.space.getU32(at), dst = task.space.getU32(at + 4);
  return minutes === undefined || dst === undefined
    ? undefined
    : `{tz_minuteswest=${minutes | 0}, tz_dsttime=${dst | 0}}`;
});

const gettimeofday: Syscall = syscall({
  name: "gettimeofday",
  doc: "Tells the time of day.",
  args: { time: outTimeval, zone },
  run: (task, args) => {
    if (!readShown(task, CLOCK_REALTIME, now)) readClock(task, CLOCK_REALTIME, now);
    const [seconds, nanoseconds] = now;
    if (args.time !== 0 && !writeTime(task, args.time, seconds, Math.floor(nanoseconds / 1000))) {
      return EFAULT;
    }
    if (args.zone !== 0 && !(task.space.setU32(args.zone, 0) && task.space.setU32(args.zone + 4, 0))) {
      return EFAULT;
    }
    return 0;
  },
});

const settimeofday: Syscall = syscall({
  name: "settimeofday",
  doc: "Would set the time of day: EPERM.",
  args: { time: inTimeval, zone: address },
  support: "partial",
  note: "the clock cannot be set",
  run: (task, { time }) => {
    if (time !== 0) {
      const wanted = readTime(task, time);
      if (wanted === undefined) return EFAULT;
      if (!validTime(wanted, 1e6)) return EINVAL;
    }
    return EPERM;
  },
});

const time: Syscall = syscall({
  name: "time",
  doc: "Tells the seconds since 1970.",
  args: { at: address },
  result: (_task, result) => `${result}${timeComment(result, 0, 0)}`,
  run: (task, { at }) => {
    readClock(task, CLOCK_REALTIME, now);
    if (at !== 0 && !task.space.setNum64(at, now[0])) return EFAULT;
    return now[0];
  },
});

const nobody = new WaitQueue();

/** Sleeps until `deadline`; `remain` gets what is left when a signal comes (0: not wanted, as for absolute times). */
function sleep(task: Task, deadline: number, remain: number, absolute: boolean): Outcome {
  if (deadline <= task.kernel.clock.monotonic()) return 0;
  return wait([nobody], deadline, (self, reason): Outcome => {
    if (reason !== "signal") return 0;
    const left = deadline - self.kernel.clock.monotonic();
    if (left <= 0) return 0;
    if (absolute) return ERESTARTNOHAND;
    if (remain !== 0 && !writeTime(self, remain, Math.floor(left / 1e9), Math.floor(left % 1e9))) {
      return EFAULT;
    }
    threadOf(self).restart = () => sleep(self, deadline, remain, false);
    return ERESTART_RESTARTBLOCK;
  });
}

/** Sleeps on CPU time: asks again when it could be reached at the earliest. */
function sleepCpu(task: Task, due: number): Outcome {
  const left = due - cpuTime(threadOf(task).process);
  if (left <= 0) return 0;
  return wait([nobody], task.kernel.clock.monotonic() + left, (self, reason) => {
    if (reason === "signal") return ERESTARTNOHAND;
    return sleepCpu(self, due);
  });
}

const nanosleep: Syscall = syscall({
  name: "nanosleep",
  doc: "Sleeps.",
  args: { request: inTimespec, remain: remaining },
  run: (task, { request, remain }): Outcome => {
    const span = readTime(task, request);
    if (span === undefined) return EFAULT;
    if (!validTime(span)) return EINVAL;
    return sleep(task, deadlineIn(task, span[0], span[1]), remain, false);
  },
});

const TIMER_ABSTIME = 1;

function sleepable(clock: number): 0 | Errno {
  if (isWallClock(clock) || isMonotonic(clock) || clock === CLOCK_PROCESS_CPUTIME_ID) return 0;
  if (clock === CLOCK_THREAD_CPUTIME_ID) return EINVAL;
  return clock < 0 || clock > 7 ? EINVAL : EOPNOTSUPP;
}

const clockNanosleep: Syscall = syscall({
  name: "clock_nanosleep",
  doc: "Sleeps on a clock, for a span or until a time.",
  args: {
    clock: clockId,
    flags: flagWord([[1, "TIMER_ABSTIME"]], "TIMER_???"),
    request: inTimespec,
    remain: outTimespec,
  },
  run: (task, args): Outcome => {
    const { clock } = args;
    const error = sleepable(clock);
    if (error !== 0) return error;
    const span = readTime(task, args.request);
    if (span === undefined) return EFAULT;
    if (!validTime(span)) return EINVAL;
    const absolute = (args.flags & TIMER_ABSTIME) !== 0;
    if (clock === CLOCK_PROCESS_CPUTIME_ID) {
      const used = absolute ? 0 : cpuTime(threadOf(task).process);
      return sleepCpu(task, used + span[0] * 1e9 + span[1]);
    }
    const deadline = absolute
      ? deadlineAt(task, clock, span[0], span[1])
      : deadlineIn(task, span[0], span[1]);
    return sleep(task, deadline, absolute ? 0 : args.remain, absolute);
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[35, 101], nanosleep],
  [[96, 169], gettimeofday],
  [[164, 170], settimeofday],
  [[201, null], time],
  [[227, 112], clockSettime],
  [[228, 113], clockGettime],
  [[229, 114], clockGetres],
  [[230, 115], clockNanosleep],
];
