/** Sleeping, CPU time and terminals: what a libc makes of nanosleep, getrusage and ioctl. */
import { EINTR, type Task } from "@guise/core";
import { answer, arg, type Calls, type DirectCall, fail, int, perform } from "../direct.ts";
import { osvOf } from "../state.ts";

/** A pause; `next` gets what is left of it, in ns. */
function pause(task: Task, seconds: number, nanoseconds: number, next: (left: number, task: Task) => number) {
  const block = osvOf(task).heap.allocate(32);
  task.space.setNum64(block, seconds);
  task.space.setNum64(block + 8, nanoseconds);
  return perform(task, "nanosleep", [block, block + 16], (t, result) => {
    const left = result === EINTR
      ? (t.space.getNum64(block + 16) ?? 0) * 1e9 + (t.space.getNum64(block + 24) ?? 0)
      : 0;
    osvOf(t).heap.release(block);
    return next(left, t);
  });
}

/** An ioctl of a terminal with a request in the place of the function's name. */
const control = (request: (task: Task) => number, argument: (task: Task) => number): DirectCall => (task) =>
  perform(task, "ioctl", [int(task, 0), request(task), argument(task)], answer);

const TCGETS = 0x5401, TCSETS = 0x5402, TCSBRK = 0x5409, TCXONC = 0x540a, TCFLSH = 0x540b;
const TIOCGPGRP = 0x540f, TIOCSPGRP = 0x5410;

/** The foreground group comes through memory. */
const tcgetpgrp: DirectCall = (task) => {
  const block = osvOf(task).heap.allocate(16);
  return perform(task, "ioctl", [int(task, 0), TIOCGPGRP, block], (t, n) => {
    const group = t.space.getU32(block) ?? 0;
    osvOf(t).heap.release(block);
    return n < 0 ? fail(t, n) : group | 0;
  });
};
const tcsetpgrp: DirectCall = (task) => {
  const block = osvOf(task).heap.allocate(16);
  task.space.setU32(block, int(task, 1) >>> 0);
  return perform(task, "ioctl", [int(task, 0), TIOCSPGRP, block], (t, n) => {
    osvOf(t).heap.release(block);
    return answer(t, n);
  });
};

/** pselect's mask is one argument here; the kernel wants a pair of its address and size. */
const pselect: DirectCall = (task) => {
  const { heap } = osvOf(task);
  const block = heap.allocate(32);
  const timeout = arg(task, 4);
  task.space.setNum64(block, arg(task, 5));
  task.space.setNum64(block + 8, 8);
  const copy = timeout === 0 ? undefined : task.space.read(timeout, 16);
  if (copy !== undefined) task.space.write(block + 16, copy);
  const args = [
    int(task, 0),
    arg(task, 1),
    arg(task, 2),
    arg(task, 3),
    timeout === 0 ? 0 : block + 16,
    block,
  ];
  return perform(task, "pselect6", args, (t, n) => {
    heap.release(block);
    return answer(t, n);
  });
};

/** See the file's head. */
export const timeCalls: Calls = {
  sleep: (task) => pause(task, int(task, 0) >>> 0, 0, (left) => Math.ceil(left / 1e9)),
  usleep: (task) => {
    const microseconds = int(task, 0) >>> 0;
    return pause(
      task,
      Math.floor(microseconds / 1e6),
      (microseconds % 1e6) * 1000,
      (left, t) => left > 0 ? fail(t, EINTR) : 0,
    );
  },
  clock: (task) => Math.floor(task.process.tasks.reduce((sum, each) => sum + each.cpuTime, 0) / 1000),
  pselect,
  tcgetattr: control(() => TCGETS, (t) => arg(t, 1)),
  tcsetattr: control((t) => TCSETS + (int(t, 1) & 3), (t) => arg(t, 2)),
  tcdrain: control(() => TCSBRK, () => 1),
  tcflow: control(() => TCXONC, (t) => int(t, 1)),
  tcflush: control(() => TCFLSH, (t) => int(t, 1)),
  tcgetpgrp,
  tcsetpgrp,
};
