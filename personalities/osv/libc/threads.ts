/**
 * POSIX threads: tasks of the one process. Locks live in the guest's objects, in glibc's layout (so that its static
 * initialisers hold); who waits for one stands in a queue of the kernel that is named by the object's address.
 */
import {
  ERESTARTNOINTR,
  EXIT,
  invoke,
  KEEP,
  type Outcome,
  READ,
  type Task,
  wait,
  WaitQueue,
  WRITE,
} from "@guise/core";
import { clone, exitThread, processOf, threadOf } from "@guise/linux/services";
import { arg, type Calls, type DirectCall, int, setArgs } from "../direct.ts";
import { targetOf } from "../exports.ts";
import { machineOf } from "../machine.ts";
import { osvOf, type OsvProcess } from "../state.ts";
import { dropStack, giveStack } from "../syscall_stack.ts";
import { makeThreadBlock, setThreadId } from "../thread_block.ts";
import { exit } from "./start.ts";

const EPERM = 1, ESRCH = 3, EINTR = 4, EAGAIN = 11, EBUSY = 16, EINVAL = 22, EDEADLK = 35, ETIMEDOUT = 110;
/** VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS. */
const CLONE_FLAGS = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000 | 0x80000;
const STACK = 1 << 20, LEAST_STACK = 16384, GUARD = 4096;

/** Where a thread begins, and where its function returns to. */
export const THREAD_BEGIN = "__guise_thread_begin", THREAD_END = "__guise_thread_end";

/** A thread as pthread_join sees it. */
export interface Thread {
  readonly pointer: number;
  readonly stack: number;
  readonly stackSize: number;
  readonly values: Map<number, number>;
  readonly ended: WaitQueue;
  start: number;
  argument: number;
  done: boolean;
  detached: boolean;
  result: number;
  /** Asked to end at the next point where it may (pthread_cancel). */
  cancelled: boolean;
  /** Whether it heeds that. */
  cancellable: boolean;
  /** What it wanted done when it ends: a buffer for longjmp, or a function; the latest last. */
  readonly cleanups: Cleanup[];
  /** The result while it unwinds. */
  unwinding: number;
  /** Functions of __cxa_thread_atexit_impl. */
  readonly atEnd: { readonly address: number; readonly argument: number }[];
}

/** An entry of pthread_cleanup_push: glibc's macro gives a jump buffer, other libcs a function. */
interface Cleanup {
  readonly buffer: number;
  readonly routine?: number;
  readonly argument?: number;
}

/** Threads, keys and queues of a process. */
export class Threads {
  readonly all: Map<number, Thread> = new Map();
  readonly queues: Map<number, WaitQueue> = new Map();
  readonly destructors: Map<number, number> = new Map();
  nextKey = 0;

  queue(address: number): WaitQueue {
    let queue = this.queues.get(address);
    if (queue === undefined) this.queues.set(address, queue = new WaitQueue());
    return queue;
  }
  /** Of the calling thread: 0 enables, 1 disables; the state before, -1 for another number. */
  cancelState(task: Task, wanted: number): number {
    const thread = currentThread(task);
    if (wanted !== 0 && wanted !== 1) return -1;
    const old = thread.cancellable ? 0 : 1;
    thread.cancellable = wanted === 0;
    return old;
  }
  /** Marks a thread, and wakes it where it waits; false when there is none. */
  cancel(task: Task, pointer: number): boolean {
    const thread = this.all.get(pointer);
    if (thread === undefined) return false;
    thread.cancelled = true;
    osvOf(task).cancelPoint = cancelAt;
    if (thread.done || !thread.cancellable) return true;
    const target = processOf(task).linux.tasks.get(tidAt(task, pointer) ?? 0)?.task;
    if (target !== undefined && target !== task) {
      target.attention = true;
      target.wake("signal");
    }
    return true;
  }
  /** Wakes waiters; a queue without any is forgotten. */
  wake(address: number, limit: number): void {
    const queue = this.queues.get(address);
    if (queue === undefined) return;
    queue.wake(limit);
    if (queue.size === 0) this.queues.delete(address);
  }
}

const known = new WeakMap<OsvProcess, Threads>();

/** Threads and queues of a task's process. */
export function threadsOf(task: Task): Threads {
  const osv = osvOf(task);
  let threads = known.get(osv);
  if (threads === undefined) known.set(osv, threads = new Threads());
  return threads;
}

/** The id in the control block of a thread; undefined when there is none. */
export function tidAt(task: Task, pointer: number): number | undefined {
  return task.space.getU32(pointer + (machineOf(task.process.cpu.arch)?.thread.tid ?? 0));
}

const self = (task: Task): number => task.frame.num(task.process.cpu.arch.tls);

/** The calling thread; the first one is made when it asks. */
export function currentThread(task: Task): Thread {
  const threads = threadsOf(task), pointer = self(task);
  let thread = threads.all.get(pointer);
  if (thread === undefined) {
    thread = fresh(pointer, 0, 0);
    threads.all.set(pointer, thread);
  }
  return thread;
}

function fresh(pointer: number, stack: number, stackSize: number): Thread {
  return {
    pointer,
    stack,
    stackSize,
    values: new Map(),
    ended: new WaitQueue(),
    start: 0,
    argument: 0,
    done: false,
    detached: false,
    result: 0,
    cancelled: false,
    cancellable: true,
    cleanups: [],
    unwinding: 0,
    atEnd: [],
  };
}

/** A signal ends the wait, but not the call: after the handler the program calls the function once more. */
export function doneAgain(task: Task, name: string, args: readonly number[]): number {
  const target = targetOf(name);
  const stub = target === undefined ? undefined : task.process.stub(target);
  if (stub === undefined) return EINTR;
  setArgs(task, args);
  const { arch } = task.process.cpu;
  // The services underneath step back over a system call instruction.
  task.frame.setNum(arch.pc, stub + arch.syscallLength);
  return ERESTARTNOINTR;
}

const create: DirectCall = (task) => {
  const osv = osvOf(task);
  const out = arg(task, 0), attributes = arg(task, 1), start = arg(task, 2), argument = arg(task, 3);
  const { space } = task;
  if (!space.check(out, 8, WRITE) || osv.linked === undefined) return EINVAL;
  const asked = attributes === 0 ? 0 : space.getNum64(attributes) ?? 0;
  const size = Math.max(LEAST_STACK, Math.ceil((asked > 0 && asked < 2 ** 31 ? asked : STACK) / 4096) * 4096);
  const stack = space.map({ address: 0, length: size + GUARD, prot: READ | WRITE, name: "[stack]" });
  if (stack < 0) return EAGAIN;
  space.protect(stack, GUARD, 0);
  const pointer = makeThreadBlock(task, osv.linked);
  if (pointer === undefined) return EAGAIN;
  const end = task.process.stub(osv.threadEnd), begin = task.process.stub(osv.threadBegin);
  if (end === undefined || begin === undefined) return EAGAIN;
  // Its function returns to the stub of the end: through the stack, or through the link register.
  const { arch } = task.process.cpu;
  const { link } = arch.abis.call;
  const sp = stack + GUARD + size - 16 - (link === undefined ? 8 : 0);
  if (link === undefined) space.setNum64(sp, end);
  const tid = clone(task, {
    flags: CLONE_FLAGS,
    exitSignal: 0,
    stack: sp,
    parentTid: 0,
    childTid: 0,
    tls: pointer,
  });
  if (typeof tid !== "number" || tid < 0) return EAGAIN;
  const child = processOf(task).linux.tasks.get(tid);
  if (child === undefined) return EAGAIN;
  child.task.frame.setNum(arch.pc, begin);
  if (link !== undefined) child.task.frame.setNum(arch.register(link), end);
  giveStack(child.task);
  setThreadId(task, pointer, tid);
  const thread = fresh(pointer, stack, size + GUARD);
  thread.start = start;
  thread.argument = argument;
  thread.detached = attributes !== 0 && (space.getU32(attributes + 24) ?? 0) === 1;
  threadsOf(task).all.set(pointer, thread);
  const single = osv.linked.lookup("__libc_single_threaded");
  if (single !== undefined) space.write(single, new Uint8Array(1));
  space.setNum64(out, pointer);
  return 0;
};

/** The libc under us must know the locale before the thread's function uses it. */
const begin: DirectCall = (task) => {
  const thread = currentThread(task);
  const enter = (t: Task): Outcome => {
    const { arch } = t.process.cpu;
    t.frame.setNum(arch.register(arch.abis.call.args[0]), thread.argument);
    t.frame.setNum(arch.pc, thread.start);
    return KEEP;
  };
  const locale = osvOf(task).linked?.lookup("uselocale");
  return locale === undefined ? enter(task) : invoke(locale, [LC_GLOBAL_LOCALE], enter);
};
const LC_GLOBAL_LOCALE = -1;

/** The end of a thread: destructors of its keys, then whoever joins it. */
function end(task: Task, result: number, rounds = 4): Outcome {
  const threads = threadsOf(task), thread = currentThread(task);
  const last = thread.atEnd.pop();
  if (last !== undefined) return invoke(last.address, [last.argument], (t) => end(t, result, rounds));
  for (const [key, value] of thread.values) {
    const destructor = threads.destructors.get(key) ?? 0;
    thread.values.delete(key);
    if (destructor !== 0 && value !== 0 && rounds > 0) {
      return invoke(
        destructor,
        [value],
        (t) => end(t, result, thread.values.size === 0 ? rounds - 1 : rounds),
      );
    }
  }
  thread.result = result;
  thread.done = true;
  if (processOf(task).tasks.length === 1) return exit(task, 0);
  thread.ended.wake();
  if (thread.detached) threads.all.delete(thread.pointer);
  dropStack(task);
  exitThread(threadOf(task), 0);
  return EXIT;
}

const CANCELED = -1;

/** The end of a thread that was cancelled; undefined: it goes on. */
export function cancelAt(task: Task): Outcome | undefined {
  const thread = currentThread(task);
  if (!thread.cancelled || !thread.cancellable) return undefined;
  // It is not cancelled once more while it cleans up.
  thread.cancellable = false;
  return unwind(task, CANCELED);
}

/** What was pushed for the end is done, the latest first; then the thread ends. */
export function unwind(task: Task, result: number): Outcome {
  const thread = currentThread(task), last = thread.cleanups.pop();
  thread.unwinding = result;
  if (last === undefined) return end(task, result);
  if (last.routine !== undefined) return invoke(last.routine, [last.argument!], (t) => unwind(t, result));
  const jump = osvOf(task).linked?.lookup("longjmp");
  if (jump === undefined) return unwind(task, result);
  setArgs(task, [last.buffer, 1]);
  task.frame.setNum(task.process.cpu.arch.pc, jump);
  return KEEP;
}

const join: DirectCall = (task) => {
  const pointer = arg(task, 0), out = arg(task, 1);
  const attempt = (t: Task): Outcome => {
    const threads = threadsOf(t), thread = threads.all.get(pointer);
    if (thread === undefined) return ESRCH;
    if (thread.detached) return EINVAL;
    if (thread.pointer === self(t)) return EDEADLK;
    if (!thread.done) {
      const ended = cancelAt(t);
      if (ended !== undefined) return ended;
      return wait(
        [thread.ended],
        Infinity,
        (u, reason) =>
          reason === "ready" ? attempt(u) : cancelAt(u) ?? doneAgain(u, "pthread_join", [pointer, out]),
      );
    }
    if (out !== 0) t.space.setNum64(out, thread.result);
    threads.all.delete(pointer);
    if (thread.stackSize > 0) t.space.unmap(thread.stack, thread.stackSize);
    return 0;
  };
  return attempt(task);
};

// Mutexes: lock, count, owner and kind of glibc's pthread_mutex_t.
const COUNT = 4, OWNER = 8, KIND = 16, MUTEX = 40;
const RECURSIVE = 1, ERRORCHECK = 2;

function lock(task: Task, mutex: number, deadline: number, next: (task: Task) => Outcome): Outcome {
  const attempt = (t: Task): Outcome => {
    const { space } = t;
    const held = space.getU32(mutex), tid = threadOf(t).tid;
    if (held === undefined) return EINVAL;
    if (held === 0) {
      space.setU32(mutex, 1);
      space.setU32(mutex + OWNER, tid);
      space.setU32(mutex + COUNT, 1);
      return next(t);
    }
    const kind = (space.getU32(mutex + KIND) ?? 0) & 3;
    if (space.getU32(mutex + OWNER) === tid) {
      if (kind === RECURSIVE) {
        space.setU32(mutex + COUNT, (space.getU32(mutex + COUNT) ?? 0) + 1);
        return next(t);
      }
      if (kind === ERRORCHECK) return EDEADLK;
    }
    if (deadline === 0) return EBUSY;
    return wait(
      [threadsOf(t).queue(mutex)],
      deadline,
      (u, reason) =>
        reason === "timeout"
          ? ETIMEDOUT
          : reason === "ready"
          ? attempt(u)
          : doneAgain(u, "pthread_mutex_lock", [mutex]),
    );
  };
  return attempt(task);
}

function unlock(task: Task, mutex: number): number {
  const { space } = task;
  if (space.getU32(mutex) === undefined) return EINVAL;
  const kind = (space.getU32(mutex + KIND) ?? 0) & 3;
  if (kind !== 0 && space.getU32(mutex + OWNER) !== threadOf(task).tid) return EPERM;
  const count = space.getU32(mutex + COUNT) ?? 0;
  if (kind === RECURSIVE && count > 1) {
    space.setU32(mutex + COUNT, count - 1);
    return 0;
  }
  space.setU32(mutex + COUNT, 0);
  space.setU32(mutex + OWNER, 0);
  space.setU32(mutex, 0);
  threadsOf(task).wake(mutex, 1);
  return 0;
}

const clear = (task: Task, address: number, length: number): number =>
  task.space.write(address, new Uint8Array(length)) ? 0 : EINVAL;

const mutexInit: DirectCall = (task) => {
  const mutex = arg(task, 0), attributes = arg(task, 1);
  if (clear(task, mutex, MUTEX) !== 0) return EINVAL;
  if (attributes !== 0) task.space.setU32(mutex + KIND, (task.space.getU32(attributes) ?? 0) & 3);
  return 0;
};

// Conditions: only the clock is kept in the object.
const CLOCK = 40, CONDITION = 48;

/** A timespec as a deadline of the kernel's monotonic clock, in ns. */
export function deadlineOf(task: Task, address: number, clock: number): number | undefined {
  const seconds = task.space.getNum64(address), nanoseconds = task.space.getNum64(address + 8);
  if (seconds === undefined || nanoseconds === undefined || nanoseconds >= 1e9) return undefined;
  const { clock: host } = task.kernel;
  let deadline = seconds * 1e9 + nanoseconds;
  if (clock === 0) {
    const now: [number, number] = [0, 0];
    host.realtime(now);
    deadline = host.monotonic() + (seconds - now[0]) * 1e9 + nanoseconds - now[1];
  }
  return Math.max(1, deadline);
}

function condWait(task: Task, condition: number, mutex: number, deadline: number): Outcome {
  const ended = cancelAt(task);
  if (ended !== undefined) return ended;
  const refused = unlock(task, mutex);
  if (refused !== 0) return refused;
  // A thread that is cancelled has the lock again when it cleans up.
  return wait(
    [threadsOf(task).queue(condition)],
    deadline,
    (t, reason) =>
      lock(
        t,
        mutex,
        Infinity,
        (u) => reason === "timeout" ? ETIMEDOUT : reason === "signal" ? cancelAt(u) ?? 0 : 0,
      ),
  );
}

const once: DirectCall = (task) => {
  const control = arg(task, 0), routine = arg(task, 1);
  const attempt = (t: Task): Outcome => {
    const state = t.space.getU32(control);
    if (state === undefined) return EINVAL;
    if (state === 2) return 0;
    if (state === 1) {
      return wait(
        [threadsOf(t).queue(control)],
        Infinity,
        (u, reason) => reason === "ready" ? attempt(u) : doneAgain(u, "pthread_once", [control, routine]),
      );
    }
    t.space.setU32(control, 1);
    return invoke(routine, [], (u) => {
      u.space.setU32(control, 2);
      threadsOf(u).wake(control, Infinity);
      return 0;
    });
  };
  return attempt(task);
};

// Read-write locks: readers and a writer's mark.
const rwlock = (write: boolean, patient: boolean): DirectCall => (task) => {
  const address = arg(task, 0);
  const attempt = (t: Task): Outcome => {
    const readers = t.space.getU32(address), writer = t.space.getU32(address + 4);
    if (readers === undefined || writer === undefined) return EINVAL;
    if (writer === 0 && (!write || readers === 0)) {
      t.space.setU32(write ? address + 4 : address, write ? threadOf(t).tid : readers + 1);
      return 0;
    }
    if (!patient) return EBUSY;
    const name = write ? "pthread_rwlock_wrlock" : "pthread_rwlock_rdlock";
    return wait(
      [threadsOf(t).queue(address)],
      Infinity,
      (u, reason) => reason === "ready" ? attempt(u) : doneAgain(u, name, [address]),
    );
  };
  return attempt(task);
};

const rwunlock: DirectCall = (task) => {
  const address = arg(task, 0);
  const readers = task.space.getU32(address) ?? 0;
  if (task.space.getU32(address + 4) !== 0) task.space.setU32(address + 4, 0);
  else if (readers > 0) task.space.setU32(address, readers - 1);
  threadsOf(task).wake(address, Infinity);
  return 0;
};

const keyCreate: DirectCall = (task) => {
  const threads = threadsOf(task);
  if (threads.destructors.size >= 1024) return EAGAIN;
  const key = threads.nextKey++;
  threads.destructors.set(key, arg(task, 1));
  return task.space.setU32(arg(task, 0), key) ? 0 : EINVAL;
};

/** See the file's head. */
export const threadCalls: Calls = {
  pthread_create: create,
  pthread_join: join,
  pthread_exit: (task) => {
    // Who ends by itself is not cancelled any more, and keeps its result.
    currentThread(task).cancellable = false;
    return unwind(task, arg(task, 0));
  },
  [THREAD_BEGIN]: begin,
  [THREAD_END]: (task) => {
    const { arch } = task.process.cpu;
    return end(task, task.frame.num(arch.register(arch.abis.call.result)));
  },
  pthread_detach: (task) => {
    const thread = threadsOf(task).all.get(arg(task, 0));
    if (thread === undefined) return ESRCH;
    thread.detached = true;
    if (thread.done) threadsOf(task).all.delete(thread.pointer);
    return 0;
  },
  __cxa_thread_atexit_impl: (task) => {
    currentThread(task).atEnd.push({ address: arg(task, 0), argument: arg(task, 1) });
    return 0;
  },
  pthread_self: (task) => currentThread(task).pointer,
  pthread_mutex_init: mutexInit,
  pthread_mutex_destroy: (task) => (task.space.getU32(arg(task, 0)) ?? 0) === 0 ? 0 : EBUSY,
  pthread_mutex_lock: (task) => lock(task, arg(task, 0), Infinity, () => 0),
  pthread_mutex_trylock: (task) => lock(task, arg(task, 0), 0, () => 0),
  pthread_mutex_timedlock: (task) => {
    const deadline = deadlineOf(task, arg(task, 1), 0);
    return deadline === undefined ? EINVAL : lock(task, arg(task, 0), deadline, () => 0);
  },
  pthread_mutex_unlock: (task) => unlock(task, arg(task, 0)),
  pthread_mutexattr_init: (task) => clear(task, arg(task, 0), 4),
  pthread_mutexattr_destroy: () => 0,
  pthread_mutexattr_settype: (task) => {
    const kind = int(task, 1);
    if (kind < 0 || kind > 3) return EINVAL;
    return task.space.setU32(arg(task, 0), kind) ? 0 : EINVAL;
  },
  pthread_cond_init: (task) => {
    const condition = arg(task, 0), attributes = arg(task, 1);
    if (clear(task, condition, CONDITION) !== 0) return EINVAL;
    const clock = attributes === 0 ? 0 : (task.space.getU32(attributes) ?? 0) & 1;
    return task.space.setU32(condition + CLOCK, clock) ? 0 : EINVAL;
  },
  pthread_cond_destroy: () => 0,
  pthread_cond_wait: (task) => condWait(task, arg(task, 0), arg(task, 1), Infinity),
  pthread_cond_timedwait: (task) => {
    const condition = arg(task, 0);
    const deadline = deadlineOf(task, arg(task, 2), task.space.getU32(condition + CLOCK) ?? 0);
    return deadline === undefined ? EINVAL : condWait(task, condition, arg(task, 1), deadline);
  },
  pthread_cond_signal: (task) => {
    threadsOf(task).wake(arg(task, 0), 1);
    return 0;
  },
  pthread_cond_broadcast: (task) => {
    threadsOf(task).wake(arg(task, 0), Infinity);
    return 0;
  },
  pthread_condattr_init: (task) => clear(task, arg(task, 0), 4),
  pthread_condattr_destroy: () => 0,
  pthread_condattr_setclock: (task) => task.space.setU32(arg(task, 0), int(task, 1) & 1) ? 0 : EINVAL,
  pthread_once: once,
  pthread_key_create: keyCreate,
  __pthread_key_create: keyCreate,
  pthread_key_delete: (task) => threadsOf(task).destructors.delete(int(task, 0)) ? 0 : EINVAL,
  pthread_setspecific: (task) => {
    if (!threadsOf(task).destructors.has(int(task, 0))) return EINVAL;
    currentThread(task).values.set(int(task, 0), arg(task, 1));
    return 0;
  },
  pthread_getspecific: (task) => currentThread(task).values.get(int(task, 0)) ?? 0,
  pthread_rwlock_init: (task) => clear(task, arg(task, 0), 56),
  pthread_rwlock_destroy: () => 0,
  pthread_rwlock_rdlock: rwlock(false, true),
  pthread_rwlock_wrlock: rwlock(true, true),
  pthread_rwlock_tryrdlock: rwlock(false, false),
  pthread_rwlock_trywrlock: rwlock(true, false),
  pthread_rwlock_unlock: rwunlock,
};
