/** Semaphores without names: the value is in the guest's object, where glibc has it, who waits in a queue of the kernel. */
import { EINTR, ERESTART_RESTARTBLOCK, ERESTARTSYS, type Outcome, type Task, wait } from "@guise/core";
import { arg, type Calls, type DirectCall, fail, int, interrupted } from "../direct.ts";
import { cancelAt, deadlineOf, threadsOf } from "./threads.ts";

const EINVAL = -22, EAGAIN = -11, ENOSYS = -38, ETIMEDOUT = -110, EOVERFLOW = -75;
/** Bytes of sem_t, and the largest value. */
const BYTES = 32, MOST = 0x7fffffff;

const init: DirectCall = (task) => {
  const value = arg(task, 2);
  if (value > MOST) return fail(task, EINVAL);
  const semaphore = arg(task, 0);
  if (!task.space.write(semaphore, new Uint8Array(BYTES))) return fail(task, EINVAL);
  task.space.setU32(semaphore, value);
  return 0;
};

const post: DirectCall = (task) => {
  const semaphore = arg(task, 0);
  const value = task.space.getU32(semaphore);
  if (value === undefined) return fail(task, EINVAL);
  if (value >= MOST) return fail(task, EOVERFLOW);
  task.space.setU32(semaphore, value + 1);
  threadsOf(task).wake(semaphore, 1);
  return 0;
};

function take(task: Task, semaphore: number, deadline: number): Outcome {
  const value = task.space.getU32(semaphore);
  if (value === undefined) return fail(task, EINVAL);
  if (value > 0) {
    task.space.setU32(semaphore, value - 1);
    return 0;
  }
  if (deadline === 0) return fail(task, EAGAIN);
  const again = (t: Task): Outcome => take(t, semaphore, deadline);
  // As futex(2) answers, with a time and without.
  const code = deadline === Infinity ? ERESTARTSYS : ERESTART_RESTARTBLOCK;
  return wait([threadsOf(task).queue(semaphore)], deadline, (t, reason) => {
    if (reason === "timeout") return fail(t, ETIMEDOUT);
    return reason === "ready" ? again(t) : interrupted(t, code, again, (u) => fail(u, EINTR));
  });
}

const timed = (clock: (task: Task) => number, time: number): DirectCall => (task) => {
  const semaphore = arg(task, 0);
  if ((task.space.getU32(semaphore) ?? 0) > 0) return take(task, semaphore, 0);
  const deadline = deadlineOf(task, arg(task, time), clock(task));
  return deadline === undefined ? fail(task, EINVAL) : cancelAt(task) ?? take(task, semaphore, deadline);
};

const missing = (answer: number): DirectCall => (task) => {
  fail(task, ENOSYS);
  return answer;
};

/** See the file's head. Names would live in a file system that OSv has not. */
export const semaphoreCalls: Calls = {
  sem_init: init,
  sem_destroy: () => 0,
  sem_post: post,
  sem_wait: (task) => cancelAt(task) ?? take(task, arg(task, 0), Infinity),
  sem_trywait: (task) => take(task, arg(task, 0), 0),
  sem_timedwait: timed(() => 0, 1),
  sem_clockwait: timed((task) => int(task, 1), 2),
  sem_getvalue: (task) => {
    const value = task.space.getU32(arg(task, 0));
    if (value === undefined) return fail(task, EINVAL);
    return task.space.setU32(arg(task, 1), value) ? 0 : fail(task, EINVAL);
  },
  sem_open: missing(0),
  sem_close: missing(-1),
  sem_unlink: missing(-1),
};
