/**
 * Futexes: tasks that wait for a word of memory to change. Waiters stand in one list per word; a word is known by its
 * address space and address, or by (object, offset) when it lies in a shared mapping, so that processes meet there.
 */
import {
  type AddressSpace,
  EAGAIN,
  EFAULT,
  EINVAL,
  ENOSYS,
  ERESTART_RESTARTBLOCK,
  ERESTARTSYS,
  type Errno,
  ESRCH,
  ETIMEDOUT,
  type Outcome,
  type Task,
  WaitQueue,
} from "@guise/core";
import { threadOf } from "../state.ts";

/** Bits of a robust or PI futex word. */
export const FUTEX_WAITERS = 0x80000000, FUTEX_OWNER_DIED = 0x40000000, FUTEX_TID_MASK = 0x3fffffff;

/** A word of memory that tasks of any process name the same way. */
interface Word {
  readonly object: object;
  readonly offset: number;
}

/** A task that waits. */
interface Waiter {
  word: Word;
  readonly task: Task;
  readonly bitset: number;
  /** Woken when its turn has come; each waiter has its own, since a wake chooses by bitset. */
  readonly queue: WaitQueue;
  woken: boolean;
}

/** Waiters by object, then by offset, in order of arrival. */
const waiting = new WeakMap<object, Map<number, Waiter[]>>();

function wordAt(space: AddressSpace, address: number, shared: boolean): Word {
  if (shared) {
    const vma = space.find(address);
    if (vma?.shared && vma.backing !== undefined) {
      return { object: vma.backing.identity, offset: address - vma.start + vma.offset };
    }
  }
  return { object: space, offset: address };
}

function listOf(word: Word): Waiter[] | undefined {
  return waiting.get(word.object)?.get(word.offset);
}

function enqueue(waiter: Waiter): void {
  const { object, offset } = waiter.word;
  let map = waiting.get(object);
  if (map === undefined) waiting.set(object, map = new Map());
  const list = map.get(offset);
  if (list === undefined) map.set(offset, [waiter]);
  else list.push(waiter);
}

function dequeue(waiter: Waiter): void {
  const { object, offset } = waiter.word;
  const map = waiting.get(object);
  const list = map?.get(offset);
  const at = list?.indexOf(waiter) ?? -1;
  if (at < 0) return;
  list!.splice(at, 1);
  if (list!.length === 0) map!.delete(offset);
}

/** Checks an address: EINVAL when not aligned, EFAULT when not readable. */
function load(task: Task, address: number): number | undefined {
  return task.space.getU32(address);
}

/**
 * FUTEX_WAIT(_BITSET): sleeps while the word is `value`. `deadline` in kernel monotonic ns; Infinity: none. EAGAIN when
 * the word is another already.
 */
export function futexWait(
  task: Task,
  address: number,
  shared: boolean,
  value: number,
  deadline: number,
  bitset: number,
): Outcome {
  if (bitset === 0) return EINVAL;
  if (address % 4 !== 0) return EINVAL;
  const now = load(task, address);
  if (now === undefined) return EFAULT;
  if (now !== value >>> 0) return EAGAIN;
  const waiter: Waiter = {
    word: wordAt(task.space, address, shared),
    task,
    bitset,
    queue: new WaitQueue(),
    woken: false,
  };
  enqueue(waiter);
  return {
    kind: "wait",
    queues: [waiter.queue],
    deadline,
    then: (self, reason) => {
      if (waiter.woken) return 0;
      dequeue(waiter);
      if (reason === "timeout") return ETIMEDOUT;
      if (deadline === Infinity) return ERESTARTSYS;
      // The same deadline again: a relative timeout must not start anew (X29).
      threadOf(self).restart = () => futexWait(self, address, shared, value, deadline, bitset);
      return ERESTART_RESTARTBLOCK;
    },
  };
}

/** FUTEX_WAKE(_BITSET): wakes at most `count` waiters and returns how many. */
export function futexWake(
  task: Task,
  address: number,
  shared: boolean,
  count: number,
  bitset: number,
): number | Errno {
  if (bitset === 0) return EINVAL;
  if (address % 4 !== 0) return EINVAL;
  // A private word needs no memory behind it; a shared one is looked up by its mapping.
  if (shared && load(task, address) === undefined) return EFAULT;
  return wakeWord(wordAt(task.space, address, shared), count, bitset);
}

/** Wakes one waiter of the word for a task that ends: the kernel's own use. */
export function wakeForExit(space: AddressSpace, address: number): void {
  wakeWord(wordAt(space, address, true), 1, -1);
}

function wakeWord(word: Word, count: number, bitset: number): number {
  const list = listOf(word);
  if (list === undefined) return 0;
  let woken = 0;
  for (const waiter of [...list]) {
    // Linux wakes one even when asked for none.
    if (woken >= Math.max(count, 1)) break;
    if ((waiter.bitset & bitset) === 0) continue;
    release(waiter);
    woken++;
  }
  return woken;
}

function release(waiter: Waiter): void {
  dequeue(waiter);
  waiter.woken = true;
  waiter.queue.wake();
}

/** FUTEX_REQUEUE and CMP_REQUEUE: wakes `wakeCount`, moves up to `moveCount` waiters to another word. */
export function futexRequeue(
  task: Task,
  from: number,
  to: number,
  shared: boolean,
  wakeCount: number,
  moveCount: number,
  compare: number | undefined,
): number | Errno {
  if (wakeCount < 0 || moveCount < 0) return EINVAL;
  if (from % 4 !== 0 || to % 4 !== 0) return EINVAL;
  if (shared && (load(task, from) === undefined || load(task, to) === undefined)) return EFAULT;
  if (compare !== undefined) {
    const now = load(task, from);
    if (now === undefined) return EFAULT;
    if (now !== compare >>> 0) return EAGAIN;
  }
  const source = wordAt(task.space, from, shared), target = wordAt(task.space, to, shared);
  const list = listOf(source);
  if (list === undefined) return 0;
  let woken = 0, moved = 0;
  for (const waiter of [...list]) {
    if (woken < wakeCount) {
      release(waiter);
      woken++;
    } else if (moved < moveCount) {
      dequeue(waiter);
      waiter.word = target;
      enqueue(waiter);
      moved++;
    } else break;
  }
  return woken + moved;
}

/** FUTEX_WAKE_OP: changes the second word, wakes the first, and the second when its old value compares true. */
export function futexWakeOp(
  task: Task,
  first: number,
  second: number,
  shared: boolean,
  wakeFirst: number,
  wakeSecond: number,
  encoded: number,
): number | Errno {
  if (first % 4 !== 0 || second % 4 !== 0) return EINVAL;
  if (shared && load(task, first) === undefined) return EFAULT;
  let operand = encoded << 8 >> 20;
  const comparand = encoded << 20 >> 20;
  const operation = encoded >>> 28 & 7, comparison = encoded >>> 24 & 15;
  if (encoded & 0x80000000) operand = 1 << (operand & 31);
  const old = load(task, second);
  if (old === undefined) return EFAULT;
  let value: number;
  switch (operation) {
    case 0:
      value = operand;
      break;
    case 1:
      value = old + operand;
      break;
    case 2:
      value = old | operand;
      break;
    case 3:
      value = old & ~operand;
      break;
    case 4:
      value = old ^ operand;
      break;
    default:
      return ENOSYS;
  }
  if (!task.space.setU32(second, value >>> 0)) return EFAULT;
  const was = old | 0;
  let matches: boolean;
  switch (comparison) {
    case 0:
      matches = was === comparand;
      break;
    case 1:
      matches = was !== comparand;
      break;
    case 2:
      matches = was < comparand;
      break;
    case 3:
      matches = was <= comparand;
      break;
    case 4:
      matches = was > comparand;
      break;
    case 5:
      matches = was >= comparand;
      break;
    default:
      return ENOSYS;
  }
  let woken = wakeWord(wordAt(task.space, first, shared), wakeFirst, -1);
  if (matches) woken += wakeWord(wordAt(task.space, second, shared), wakeSecond, -1);
  return woken;
}

/** FUTEX_LOCK_PI and TRYLOCK_PI, without priorities: the word holds the owner's tid, the kernel hands it over. */
export function futexLock(
  task: Task,
  address: number,
  shared: boolean,
  deadline: number,
  tryOnly: boolean,
): Outcome {
  if (address % 4 !== 0) return EINVAL;
  const thread = threadOf(task);
  const word = load(task, address);
  if (word === undefined) return EFAULT;
  const owner = word & FUTEX_TID_MASK;
  if (owner === 0) {
    return task.space.setU32(address, (thread.tid | (word & FUTEX_OWNER_DIED)) >>> 0) ? 0 : EFAULT;
  }
  if (owner === thread.tid) return -35; // EDEADLK
  if (tryOnly) return EAGAIN;
  if (!thread.process.linux.tasks.has(owner)) return ESRCH;
  if (!task.space.setU32(address, (word | FUTEX_WAITERS) >>> 0)) return EFAULT;
  const waiter: Waiter = {
    word: wordAt(task.space, address, shared),
    task,
    bitset: -1,
    queue: new WaitQueue(),
    woken: false,
  };
  enqueue(waiter);
  return {
    kind: "wait",
    queues: [waiter.queue],
    deadline,
    then: (_, reason) => {
      if (waiter.woken) return 0;
      dequeue(waiter);
      return reason === "timeout" ? ETIMEDOUT : -513; // ERESTARTNOINTR
    },
  };
}

/** FUTEX_UNLOCK_PI: gives the word to the first waiter. */
export function futexUnlock(task: Task, address: number, shared: boolean): number | Errno {
  if (address % 4 !== 0) return EINVAL;
  const word = load(task, address);
  if (word === undefined) return EFAULT;
  if ((word & FUTEX_TID_MASK) !== threadOf(task).tid) return -1; // EPERM
  const list = listOf(wordAt(task.space, address, shared));
  const next = list?.[0];
  if (next === undefined) return task.space.setU32(address, 0) ? 0 : EFAULT;
  const more = list!.length > 1 ? FUTEX_WAITERS : 0;
  if (!task.space.setU32(address, (threadOf(next.task).tid | more) >>> 0)) return EFAULT;
  release(next);
  return 0;
}
