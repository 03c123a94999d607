/** Timers that send signals: alarm, setitimer, timer_create and its relatives. */
import {
  EAGAIN,
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  type Errno,
  type Syscall,
  syscall,
  type Task,
} from "@guise/core";
import { clockId, inItimerspec, inItimerval, outItimerspec, outItimerval } from "../args/clock.ts";
import { inStruct, outStruct } from "../args/buffer.ts";
import { fields, get64, Scratch } from "../args/layout.ts";
import { flagWord, int, oneOf, unsignedInt } from "../args/scalar.ts";
import { pointer } from "../args/text.ts";
import type { Rows } from "../rows.ts";
import { SIGALRM, signalName } from "../signals/numbers.ts";
import { processOf, threadOf } from "../state.ts";
import {
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_THREAD_CPUTIME_ID,
  cpuClock,
  cpuTime,
  deadlineAt,
  isMonotonic,
  isWallClock,
} from "../time/clocks.ts";
import {
  ITIMER_REAL,
  type PosixTimer,
  SIGEV_NONE,
  SIGEV_SIGNAL,
  SIGEV_THREAD_ID,
} from "../time/process_timers.ts";
import type { IntervalTimer } from "../time/interval_timer.ts";

const scratch = new Scratch(32);

const alarm: Syscall = syscall({
  name: "alarm",
  doc: "Sends SIGALRM after some seconds; tells what was left of the alarm before.",
  args: { seconds: unsignedInt },
  run: (task, { seconds }) => {
    const timer = processOf(task).timers.interval[ITIMER_REAL];
    const left = timer.remaining();
    timer.set(seconds === 0 ? undefined : task.kernel.clock.monotonic() + seconds * 1e9, 0);
    // Rounded, but never to 0 while an alarm was set.
    return left === 0 ? 0 : Math.max(1, Math.round(left / 1e9));
  },
});

const whichTimer = oneOf([[0, "ITIMER_REAL"], [1, "ITIMER_VIRTUAL"], [2, "ITIMER_PROF"]], "ITIMER_???");

/** Writes interval and remaining time; `unit` is the nanoseconds of the fraction. */
export function writeItimer(task: Task, address: number, timer: IntervalTimer, unit: number): 0 | Errno {
  const put = (at: number, ns: number) => {
    scratch.u64(at, Math.floor(ns / 1e9));
    scratch.u64(at + 8, Math.floor(ns % 1e9 / unit));
  };
  put(0, timer.interval);
  put(16, timer.remaining());
  return scratch.store(task, address, 32);
}

const getitimer: Syscall = syscall({
  name: "getitimer",
  doc: "Tells what is left of an interval timer.",
  args: { which: whichTimer, value: outItimerval },
  run: (task, { which, value }) => {
    const timer = processOf(task).timers.interval[which];
    return timer === undefined ? EINVAL : writeItimer(task, value, timer, 1000);
  },
});

const setitimer: Syscall = syscall({
  name: "setitimer",
  doc: "Sets an interval timer: real time, CPU time of the program, CPU time.",
  args: { which: whichTimer, value: inItimerval, old: outItimerval },
  run: (task, { which, value, old }) => {
    const self = processOf(task);
    let due = 0, interval = 0;
    if (value !== 0) {
      const view = fields(task, value, 32);
      if (view === undefined) return EFAULT;
      const parts = [0, 8, 16, 24].map((at) => get64(view, at));
      if (parts.some((n) => n < 0) || parts[1] >= 1e6 || parts[3] >= 1e6) return EINVAL;
      interval = parts[0] * 1e9 + parts[1] * 1000;
      due = parts[2] * 1e9 + parts[3] * 1000;
    }
    const timer = self.timers.interval[which];
    if (timer === undefined) return EINVAL;
    if (old !== 0) {
      const error = writeItimer(task, old, timer, 1000);
      if (error !== 0) return error;
    }
    const now = which === ITIMER_REAL ? task.kernel.clock.monotonic() : cpuTime(self);
    timer.set(due === 0 ? undefined : now + due, due === 0 ? 0 : interval);
    return 0;
  },
});

const sigevent = inStruct("struct sigevent *sevp", (task, address) => {
  const view = fields(task, address, 24);
  if (view === undefined) return undefined;
  const notify =
    ["SIGEV_SIGNAL", "SIGEV_NONE", "SIGEV_THREAD", "", "SIGEV_THREAD_ID"][view.getInt32(12, true)] ?? "";
  const value = `{sival_int=${view.getInt32(0, true)}, sival_ptr=${pointer(get64(view, 0))}}`;
  return `{sigev_value=${value}, sigev_signo=${signalName(view.getInt32(8, true))}, sigev_notify=${notify}}`;
});

const timerId = outStruct("timer_t *timerid", (task, address) => {
  const id = task.space.getU32(address);
  return id === undefined ? undefined : `[${id}]`;
});

/** The clock of a timer in ns: elapsed time as kernel monotonic, CPU time as it is. */
export function timerClock(task: Task, clock: number): (() => number) | Errno {
  const thread = threadOf(task);
  if (isWallClock(clock) || isMonotonic(clock)) return () => task.kernel.clock.monotonic();
  if (clock === CLOCK_PROCESS_CPUTIME_ID) return () => cpuTime(thread.process);
  if (clock === CLOCK_THREAD_CPUTIME_ID) return () => task.cpuTime;
  if (clock < 0) return cpuClock(task, clock);
  return clock > 7 ? EINVAL : EOPNOTSUPP;
}

const timerCreate: Syscall = syscall({
  name: "timer_create",
  doc: "Makes a timer on a clock.",
  args: { clock: clockId, event: sigevent, id: timerId },
  run: (task, args) => {
    const self = processOf(task);
    const clock = timerClock(task, args.clock);
    if (typeof clock === "number") return clock;
    let notify = SIGEV_SIGNAL, signal = SIGALRM, target = undefined;
    let valueLo: number | undefined, valueHi = 0;
    if (args.event !== 0) {
      const view = fields(task, args.event, 64);
      if (view === undefined) return EFAULT;
      valueLo = view.getInt32(0, true);
      valueHi = view.getInt32(4, true);
      signal = view.getInt32(8, true);
      notify = view.getInt32(12, true);
      if (notify === SIGEV_THREAD_ID) {
        target = self.linux.tasks.get(view.getInt32(16, true));
        if (target?.process !== self) return EINVAL;
      } else if (notify !== SIGEV_SIGNAL && notify !== SIGEV_NONE && notify !== 2) return EINVAL;
      if (notify !== SIGEV_NONE && (signal < 1 || signal > 64)) return EINVAL;
    }
    if (self.timers.posix.size >= 1000) return EAGAIN;
    const made = self.timers.create({
      clock: args.clock,
      notify,
      signal,
      target,
      valueLo: valueLo ?? self.timers.nextId,
      valueHi,
    }, clock);
    if (task.space.setU32(args.id, made.id)) return 0;
    self.timers.delete(made);
    return EFAULT;
  },
});

const TIMER_ABSTIME = 1;

function due(
  task: Task,
  timer: PosixTimer,
  absolute: boolean,
  seconds: number,
  nanoseconds: number,
  now: number,
): number {
  if (!absolute) return now + seconds * 1e9 + nanoseconds;
  if (isWallClock(timer.clock) || isMonotonic(timer.clock)) {
    return deadlineAt(task, timer.clock, seconds, nanoseconds);
  }
  return seconds * 1e9 + nanoseconds;
}

const timerSettime: Syscall = syscall({
  name: "timer_settime",
  doc: "Arms or disarms a timer.",
  args: {
    id: int,
    flags: flagWord([[1, "TIMER_ABSTIME"]], "TIMER_???"),
    value: inItimerspec,
    old: outItimerspec,
  },
  run: (task, args) => {
    const view = args.value === 0 ? undefined : fields(task, args.value, 32);
    if (args.value === 0) return EINVAL;
    if (view === undefined) return EFAULT;
    const [everySeconds, everyNs, seconds, ns] = [0, 8, 16, 24].map((at) => get64(view, at));
    if (everySeconds < 0 || seconds < 0 || everyNs < 0 || ns < 0 || everyNs >= 1e9 || ns >= 1e9) {
      return EINVAL;
    }
    const timer = processOf(task).timers.posix.get(args.id);
    if (timer === undefined) return EINVAL;
    if (args.old !== 0) {
      const error = writeItimer(task, args.old, timer.timer, 1);
      if (error !== 0) return error;
    }
    timer.sent = undefined;
    if (seconds === 0 && ns === 0) timer.timer.set(undefined, 0);
    else {
      const at = due(task, timer, (args.flags & TIMER_ABSTIME) !== 0, seconds, ns, timer.timer.now());
      timer.timer.set(at, everySeconds * 1e9 + everyNs);
    }
    return 0;
  },
});

const timerGettime: Syscall = syscall({
  name: "timer_gettime",
  doc: "Tells what is left of a timer.",
  args: { id: int, value: outItimerspec },
  run: (task, { id, value }) => {
    const timer = processOf(task).timers.posix.get(id);
    return timer === undefined ? EINVAL : writeItimer(task, value, timer.timer, 1);
  },
});

const timerGetoverrun: Syscall = syscall({
  name: "timer_getoverrun",
  doc: "Tells how many expirations a timer's signal stands for beyond one.",
  args: { id: int },
  run: (task, { id }) => {
    const timer = processOf(task).timers.posix.get(id);
    return timer === undefined ? EINVAL : timer.sent?.overrun ?? 0;
  },
});

const timerDelete: Syscall = syscall({
  name: "timer_delete",
  doc: "Removes a timer.",
  args: { id: int },
  run: (task, { id }) => {
    const { timers } = processOf(task);
    const timer = timers.posix.get(id);
    if (timer === undefined) return EINVAL;
    timers.delete(timer);
    return 0;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[36, 102], getitimer],
  [[37, null], alarm],
  [[38, 103], setitimer],
  [[222, 107], timerCreate],
  [[223, 110], timerSettime],
  [[224, 108], timerGettime],
  [[225, 109], timerGetoverrun],
  [[226, 111], timerDelete],
];
