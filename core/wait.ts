/**
 * Wait queues: where tasks (and pollers) stand until something is ready. A waiter is told once and taken off by its
 * owner; waking never runs guest code, it only makes tasks runnable.
 */

/** Somebody who waits. */
export interface Waiter {
  /** Called by the queue; true when this waiter took the wake-up (counts for {@link WaitQueue.wake}'s limit). */
  woken(queue: WaitQueue, key: number): boolean;
}

/** A first-in first-out list of waiters. */
export class WaitQueue {
  readonly #waiters = new Set<Waiter>();
  /** How many wait. */
  get size(): number {
    return this.#waiters.size;
  }
  /** At the end of the queue. */
  add(waiter: Waiter): void {
    this.#waiters.add(waiter);
  }
  /** Nothing when it does not wait here. */
  remove(waiter: Waiter): void {
    this.#waiters.delete(waiter);
  }
  /** Wakes at most `limit` waiters in order of arrival and returns how many took it. `key` is for the waiters. */
  wake(limit: number = Infinity, key: number = 0): number {
    if (this.#waiters.size === 0) return 0;
    if (this.#waiters.size === 1) {
      if (!(limit > 0)) return 0;
      for (const only of this.#waiters) return only.woken(this, key) ? 1 : 0;
    }
    let woken = 0;
    for (const waiter of [...this.#waiters]) {
      if (woken >= limit) break;
      if (waiter.woken(this, key)) woken++;
    }
    return woken;
  }
}
