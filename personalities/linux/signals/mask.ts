/** Masks of blocked signals: changing them, and the temporary ones of sigsuspend, ppoll and pselect. */
import type { Task } from "@guise/core";
import { type LinuxTask, threadOf } from "../state.ts";
import { prod } from "./send.ts";
import { SignalSet, UNBLOCKABLE } from "./numbers.ts";

/** True when a signal can be delivered to the thread now, or it must stop or end. */
export function hasSignal(thread: LinuxTask): boolean {
  const { pending, mask, process } = thread;
  if (process.exiting || process.stopSignal !== 0) return true;
  return pending.set.exceeds(mask) || process.pending.set.exceeds(mask);
}

/** Blocks exactly `mask` (less KILL and STOP). Signals that this thread no longer takes are offered to the others. */
export function setMask(thread: LinuxTask, mask: SignalSet): void {
  const before = thread.mask;
  thread.mask = mask.minus(UNBLOCKABLE);
  if (hasSignal(thread)) thread.task.attention = true;
  if (thread.process.pending.set.empty) return;
  const newly = thread.mask.minus(before).and(thread.process.pending.set);
  if (newly.empty) return;
  for (const other of thread.process.tasks) {
    if (other !== thread && !newly.minus(other.mask).empty) prod(other);
  }
}

/**
 * The mask of ppoll(2), pselect(2) and epoll_pwait(2): in force until the call ends. Call it each time the call is
 * dispatched; the first one counts. When a signal interrupts, answer ERESTARTNOHAND and the old mask comes back by
 * itself, after the handler.
 */
export function withMask(task: Task, lo: number, hi: number): void {
  const thread = threadOf(task);
  if (thread.savedMask !== undefined) return;
  const saved = thread.mask;
  setMask(thread, new SignalSet(lo, hi));
  thread.savedMask = saved;
}

/** Takes {@link withMask} back; for a call that ends without a signal. */
export function restoreMask(task: Task): void {
  const thread = threadOf(task);
  const saved = thread.savedMask;
  if (saved === undefined) return;
  thread.savedMask = undefined;
  setMask(thread, saved);
}
