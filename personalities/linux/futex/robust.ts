/**
 * What a thread's end does to futexes: robust mutexes it held are marked OWNER_DIED and a waiter is woken
 * (set_robust_list(2)); the tid word of set_tid_address is cleared and woken, which is how pthread_join works.
 */
import type { LinuxTask } from "../state.ts";
import { FUTEX_OWNER_DIED, FUTEX_TID_MASK, FUTEX_WAITERS, wakeForExit } from "./futex.ts";

/** More entries than this are not followed: the list may be a circle. */
const LIST_LIMIT = 2048;

/** Called when a thread ends, and for execve before the memory goes. */
export function exitFutexes(thread: LinuxTask): void {
  if (thread.robustList !== 0) walkRobustList(thread);
  thread.robustList = 0;
  const { clearChildTid } = thread;
  thread.clearChildTid = 0;
  // Only when somebody else can look at the memory, as mm_release does.
  if (clearChildTid !== 0 && (thread.process.mm.users > 1 || thread.process.tasks.length > 1)) {
    const { space } = thread.task;
    if (space.setU32(clearChildTid, 0)) wakeForExit(space, clearChildTid);
  }
}

function walkRobustList(thread: LinuxTask): void {
  const { space } = thread.task;
  const head = thread.robustList;
  const offsetLow = space.getU32(head + 8);
  const pending = space.getNum64(head + 16);
  let entry = space.getNum64(head);
  if (offsetLow === undefined || pending === undefined || entry === undefined) return;
  // A signed long: glibc's is negative (-32).
  const offset = offsetLow | 0;
  for (let i = 0; i < LIST_LIMIT && Math.floor(entry / 2) * 2 !== head; i++) {
    const next: number | undefined = space.getNum64(Math.floor(entry / 2) * 2);
    if (entry !== pending && !markDead(thread, Math.floor(entry / 2) * 2 + offset, false)) return;
    if (next === undefined) return;
    entry = next;
  }
  if (pending !== 0) markDead(thread, Math.floor(pending / 2) * 2 + offset, true);
}

function markDead(thread: LinuxTask, address: number, pending: boolean): boolean {
  const { space } = thread.task;
  if (!(address > 0) || address % 4 !== 0) return false;
  const word = space.getU32(address);
  if (word === undefined) return false;
  // It was being unlocked: the word may be free already while the waiter still sleeps.
  if (pending && word === 0) {
    wakeForExit(space, address);
    return true;
  }
  if ((word & FUTEX_TID_MASK) !== thread.tid) return true;
  const marked = ((word & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0;
  if (!space.setU32(address, marked)) return false;
  if (word & FUTEX_WAITERS) wakeForExit(space, address);
  return true;
}
