/** timerfd_create, timerfd_settime, timerfd_gettime. */
import { EFAULT, EINVAL, type Errno, type Syscall, syscall, type Task } from "@guise/core";
import { O_CLOEXEC, O_NONBLOCK } from "@guise/vfs/key";
import { clockId, inItimerspec, outItimerspec } from "../args/clock.ts";
import { fields, get64 } from "../args/layout.ts";
import { flagWord, int } from "../args/scalar.ts";
import { callerOf, openFile } from "../files.ts";
import type { Rows } from "../rows.ts";
import { CLOCK_BOOTTIME, CLOCK_MONOTONIC, CLOCK_REALTIME, deadlineAt, deadlineIn } from "../time/clocks.ts";
import { TimerFile } from "../time/timer_file.ts";
import { install } from "./open.ts";
import { writeItimer } from "./timer.ts";

const TFD_TIMER_ABSTIME = 1, TFD_TIMER_CANCEL_ON_SET = 2;

const timerfdCreate: Syscall = syscall({
  name: "timerfd_create",
  doc: "A timer as a file.",
  args: {
    clock: clockId,
    flags: flagWord([[O_CLOEXEC, "TFD_CLOEXEC"], [O_NONBLOCK, "TFD_NONBLOCK"]], "TFD_???"),
  },
  run: (task, { clock, flags }) => {
    if (flags & ~(O_CLOEXEC | O_NONBLOCK)) return EINVAL;
    if (clock !== CLOCK_REALTIME && clock !== CLOCK_MONOTONIC && clock !== CLOCK_BOOTTIME) return EINVAL;
    const file = new TimerFile(callerOf(task), task.kernel, clock, flags & O_NONBLOCK);
    return install(task, file, (flags & O_CLOEXEC) !== 0);
  },
});

function timerFile(task: Task, fd: number): TimerFile | Errno {
  const file = openFile(task, fd);
  if (typeof file === "number") return file;
  return file instanceof TimerFile ? file : EINVAL;
}

const timerfdSettime: Syscall = syscall({
  name: "timerfd_settime",
  doc: "Arms or disarms a timer file.",
  args: {
    fd: int,
    flags: flagWord([[1, "TFD_TIMER_ABSTIME"], [2, "TFD_TIMER_CANCEL_ON_SET"]], "TFD_???"),
    value: inItimerspec,
    old: outItimerspec,
  },
  run: (task, args) => {
    const view = fields(task, args.value, 32);
    if (view === undefined) return EFAULT;
    if (args.flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) return EINVAL;
    const [everySeconds, everyNs, seconds, ns] = [0, 8, 16, 24].map((at) => get64(view, at));
    if (everySeconds < 0 || seconds < 0 || everyNs < 0 || ns < 0 || everyNs >= 1e9 || ns >= 1e9) {
      return EINVAL;
    }
    const file = timerFile(task, args.fd);
    if (typeof file === "number") return file;
    if (args.old !== 0) {
      const error = writeItimer(task, args.old, file.timer, 1);
      if (error !== 0) return error;
    }
    if (seconds === 0 && ns === 0) file.arm(undefined, 0);
    else {
      const due = args.flags & TFD_TIMER_ABSTIME
        ? deadlineAt(task, file.clock, seconds, ns)
        : deadlineIn(task, seconds, ns);
      file.arm(due, everySeconds * 1e9 + everyNs);
    }
    return 0;
  },
});

const timerfdGettime: Syscall = syscall({
  name: "timerfd_gettime",
  doc: "Tells what is left of a timer file.",
  args: { fd: int, value: outItimerspec },
  run: (task, { fd, value }) => {
    const file = timerFile(task, fd);
    return typeof file === "number" ? file : writeItimer(task, value, file.timer, 1);
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[283, 85], timerfdCreate],
  [[286, 86], timerfdSettime],
  [[287, 87], timerfdGettime],
];
