/** The rest of pthread.h: names, spinning locks, barriers, cancellation at its points, and C11's threads over POSIX's. */
import { invoke, type Outcome, type Task, wait } from "@guise/core";
import { processOf } from "@guise/linux/services";
import { arg, type Calls, type DirectCall, int, perform, text } from "../direct.ts";
import {
  cancelAt,
  currentThread,
  deadlineOf,
  doneAgain,
  threadCalls,
  threadsOf,
  tidAt,
  unwind,
} from "./threads.ts";

const EBUSY = 16, EINVAL = 22, ESRCH = 3, ERANGE = 34, ETIMEDOUT = 110;
/** Of pthread_barrier_wait, for one of the threads. */
const SERIAL = -1;

const bytes = (task: Task, address: number, length: number): number =>
  task.space.write(address, new Uint8Array(length)) ? 0 : EINVAL;

// A barrier: how many it waits for, how many have come, how often it has opened.
const COUNT = 0, CAME = 4, ROUND = 8, BARRIER = 32;

const barrierWait: DirectCall = (task) => {
  const barrier = arg(task, 0), { space } = task;
  const count = space.getU32(barrier + COUNT) ?? 0, came = (space.getU32(barrier + CAME) ?? 0) + 1;
  if (count === 0) return EINVAL;
  if (came >= count) {
    space.setU32(barrier + CAME, 0);
    space.setU32(barrier + ROUND, (space.getU32(barrier + ROUND) ?? 0) + 1);
    threadsOf(task).wake(barrier, Infinity);
    return SERIAL;
  }
  space.setU32(barrier + CAME, came);
  return stay(task, barrier, space.getU32(barrier + ROUND) ?? 0);
};

/** Waits for a barrier's round to end; after a signal it is called anew under this name, without being counted again. */
const BARRIER_AGAIN = "__guise_barrier_again";
function stay(task: Task, barrier: number, round: number): Outcome {
  if (task.space.getU32(barrier + ROUND) !== round) return 0;
  return wait(
    [threadsOf(task).queue(barrier)],
    Infinity,
    (t, reason) =>
      reason === "ready" ? stay(t, barrier, round) : doneAgain(t, BARRIER_AGAIN, [barrier, round]),
  );
}

const spinLock: DirectCall = (task) => {
  const address = arg(task, 0);
  const attempt = (t: Task): Outcome => {
    if (t.space.getU32(address) === 0) return t.space.setU32(address, 1) ? 0 : EINVAL;
    return wait(
      [threadsOf(t).queue(address)],
      Infinity,
      (u, reason) => reason === "ready" ? attempt(u) : doneAgain(u, "pthread_spin_lock", [address]),
    );
  };
  return attempt(task);
};

/** A file of /proc about a thread. */
function tidOf(task: Task): number | undefined {
  const pointer = arg(task, 0);
  return threadsOf(task).all.has(pointer) || pointer === task.frame.num(task.process.cpu.arch.tls)
    ? tidAt(task, pointer)
    : undefined;
}

const setName: DirectCall = (task) => {
  const name = text(task, arg(task, 1)) ?? "", tid = tidOf(task);
  if (new TextEncoder().encode(name).length > 15) return ERANGE;
  const thread = tid === undefined ? undefined : processOf(task).linux.tasks.get(tid);
  if (thread === undefined) return ESRCH;
  thread.name = name;
  return 0;
};
const getName: DirectCall = (task) => {
  const tid = tidOf(task);
  const thread = tid === undefined ? undefined : processOf(task).linux.tasks.get(tid);
  if (thread === undefined) return ESRCH;
  const encoded = new TextEncoder().encode(`${thread.name}\0`);
  if (encoded.length > arg(task, 2)) return ERANGE;
  return task.space.write(arg(task, 1), encoded) ? 0 : EINVAL;
};

/** C11 knows success 0, busy 1, error 2, nomem 3, timedout 4. */
const c11 = (call: DirectCall): DirectCall => (task) => {
  const outcome = call(task);
  const told = (n: number): number => n === 0 ? 0 : n === EBUSY ? 1 : n === ETIMEDOUT ? 4 : 2;
  if (typeof outcome === "number") return told(outcome);
  return outcome;
};

const timedJoin: DirectCall = (task) => {
  const thread = threadsOf(task).all.get(arg(task, 0));
  if (thread === undefined) return ESRCH;
  if (thread.done) return threadCalls.pthread_join(task);
  const deadline = deadlineOf(task, arg(task, 2), 0);
  if (deadline === undefined) return EINVAL;
  return wait(
    [thread.ended],
    deadline,
    (t, reason) => reason === "timeout" ? ETIMEDOUT : threadCalls.pthread_join(t),
  );
};

const zero: DirectCall = () => 0;
const word = (offset: number): DirectCall => (task) =>
  task.space.setU32(arg(task, 1), task.space.getU32(arg(task, 0) + offset) ?? 0) ? 0 : EINVAL;

/** See the file's head. */
export const moreThreadCalls: Calls = {
  pthread_equal: (task) => arg(task, 0) === arg(task, 1) ? 1 : 0,
  pthread_barrier_init: (task) => {
    const barrier = arg(task, 0), count = int(task, 2);
    if (count <= 0 || bytes(task, barrier, BARRIER) !== 0) return EINVAL;
    return task.space.setU32(barrier, count) ? 0 : EINVAL;
  },
  pthread_barrier_destroy: zero,
  pthread_barrier_wait: barrierWait,
  [BARRIER_AGAIN]: (task) => stay(task, arg(task, 0), arg(task, 1)),
  pthread_spin_init: (task) => bytes(task, arg(task, 0), 4),
  pthread_spin_destroy: zero,
  pthread_spin_lock: spinLock,
  pthread_spin_trylock: (task) => {
    const address = arg(task, 0);
    if (task.space.getU32(address) !== 0) return EBUSY;
    return task.space.setU32(address, 1) ? 0 : EINVAL;
  },
  pthread_spin_unlock: (task) => {
    const address = arg(task, 0);
    if (!task.space.setU32(address, 0)) return EINVAL;
    threadsOf(task).wake(address, 1);
    return 0;
  },
  pthread_setname_np: setName,
  pthread_getname_np: getName,
  pthread_tryjoin_np: (task) => {
    const thread = threadsOf(task).all.get(arg(task, 0));
    if (thread === undefined) return ESRCH;
    return thread.done ? threadCalls.pthread_join(task) : EBUSY;
  },
  pthread_timedjoin_np: timedJoin,
  pthread_mutexattr_gettype: word(0),
  pthread_mutexattr_setpshared: zero,
  pthread_mutexattr_setprotocol: zero,
  pthread_mutexattr_setrobust: zero,
  pthread_mutexattr_setprioceiling: zero,
  pthread_mutexattr_getpshared: (task) => task.space.setU32(arg(task, 1), 0) ? 0 : EINVAL,
  pthread_mutex_consistent: () => EINVAL,
  pthread_condattr_setpshared: zero,
  pthread_condattr_getclock: word(0),
  pthread_rwlockattr_init: (task) => bytes(task, arg(task, 0), 8),
  pthread_rwlockattr_destroy: zero,
  pthread_rwlockattr_setpshared: zero,
  pthread_rwlockattr_setkind_np: zero,
  pthread_atfork: zero,
  pthread_setschedparam: zero,
  pthread_setschedprio: zero,
  pthread_getschedparam: (task) => {
    task.space.setU32(arg(task, 1), 0);
    return task.space.setU32(arg(task, 2), 0) ? 0 : EINVAL;
  },
  pthread_setconcurrency: zero,
  pthread_getconcurrency: zero,
  pthread_getcpuclockid: (task) => task.space.setU32(arg(task, 1), 3) ? 0 : EINVAL,
  pthread_setaffinity_np: zero,
  pthread_getaffinity_np: (task) => {
    const size = arg(task, 1), set = arg(task, 2);
    if (bytes(task, set, Math.min(size, 4096)) !== 0) return EINVAL;
    return task.space.setU32(set, 1) ? 0 : EINVAL;
  },
  pthread_setcancelstate: (task) => {
    const old = threadsOf(task).cancelState(task, int(task, 0));
    if (old < 0) return EINVAL;
    return arg(task, 1) === 0 || task.space.setU32(arg(task, 1), old) ? 0 : EINVAL;
  },
  pthread_setcanceltype: (task) => arg(task, 1) === 0 || task.space.setU32(arg(task, 1), 0) ? 0 : EINVAL,
  pthread_testcancel: (task) => cancelAt(task) ?? 0,
  pthread_cancel: (task) => threadsOf(task).cancel(task, arg(task, 0)) ? 0 : ESRCH,
  __pthread_register_cancel: (task) => {
    currentThread(task).cleanups.push({ buffer: arg(task, 0) });
    return 0;
  },
  __pthread_unregister_cancel: (task) => {
    currentThread(task).cleanups.pop();
    return 0;
  },
  __pthread_unwind_next: (task) => unwind(task, currentThread(task).unwinding),
  _pthread_cleanup_push: (task) => {
    currentThread(task).cleanups.push({
      buffer: arg(task, 0),
      routine: arg(task, 1),
      argument: arg(task, 2),
    });
    return 0;
  },
  _pthread_cleanup_pop: (task) => {
    const last = currentThread(task).cleanups.pop();
    if (last?.routine === undefined || int(task, 1) === 0) return 0;
    return invoke(last.routine, [last.argument!], () => 0);
  },
  thrd_create: (task) => {
    const args = [arg(task, 0), 0, arg(task, 1), arg(task, 2)];
    const { arch } = task.process.cpu;
    args.forEach((value, n) => task.frame.setNum(arch.register(arch.abis.call.args[n]), value));
    return c11(threadCalls.pthread_create)(task);
  },
  thrd_join: c11(threadCalls.pthread_join),
  thrd_current: threadCalls.pthread_self,
  thrd_detach: c11(threadCalls.pthread_detach),
  thrd_equal: (task) => arg(task, 0) === arg(task, 1) ? 1 : 0,
  thrd_exit: threadCalls.pthread_exit,
  thrd_yield: (task) => perform(task, "sched_yield", [], () => 0),
  thrd_sleep: (task) =>
    perform(task, "nanosleep", [arg(task, 0), arg(task, 1)], (_t, n) => n === 0 ? 0 : n === -4 ? -1 : -2),
  mtx_init: (task) => {
    const mutex = arg(task, 0), kind = int(task, 1);
    if (bytes(task, mutex, 40) !== 0) return 2;
    return task.space.setU32(mutex + 16, kind & 1) ? 0 : 2;
  },
  mtx_destroy: zero,
  mtx_lock: c11(threadCalls.pthread_mutex_lock),
  mtx_trylock: c11(threadCalls.pthread_mutex_trylock),
  mtx_timedlock: c11(threadCalls.pthread_mutex_timedlock),
  mtx_unlock: c11(threadCalls.pthread_mutex_unlock),
  cnd_init: (task) => bytes(task, arg(task, 0), 48) === 0 ? 0 : 2,
  cnd_destroy: zero,
  cnd_signal: threadCalls.pthread_cond_signal,
  cnd_broadcast: threadCalls.pthread_cond_broadcast,
  cnd_wait: threadCalls.pthread_cond_wait,
  cnd_timedwait: threadCalls.pthread_cond_timedwait,
  call_once: threadCalls.pthread_once,
  tss_create: threadCalls.pthread_key_create,
  tss_delete: threadCalls.pthread_key_delete,
  tss_get: threadCalls.pthread_getspecific,
  tss_set: threadCalls.pthread_setspecific,
};
