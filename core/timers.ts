/** Deadlines in a binary heap: equal ones in the order in which they were set. */

/** One deadline; made once and used again by its owner. */
export class Timer {
  deadline = Infinity;
  /** Place in the heap; -1: not set. */
  index = -1;
  /** Order among equal deadlines. */
  order = 0;
  readonly fire: () => void;
  constructor(fire: () => void) {
    this.fire = fire;
  }
}

/** The set deadlines of a kernel. */
export class Timers {
  readonly #heap: Timer[] = [];
  #order = 0;

  /** The next deadline; Infinity when none is set. */
  get next(): number {
    return this.#heap.length > 0 ? this.#heap[0].deadline : Infinity;
  }

  set(timer: Timer, deadline: number): void {
    this.cancel(timer);
    if (deadline === Infinity) return;
    timer.deadline = Number.isNaN(deadline) ? 0 : deadline;
    timer.order = this.#order++;
    this.#heap.push(timer);
    this.#up(this.#heap.length - 1);
  }

  cancel(timer: Timer): void {
    const { index } = timer;
    if (index < 0) return;
    timer.index = -1;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    this.#heap[index] = last;
    last.index = index;
    this.#up(index);
    this.#down(last.index);
  }

  /** Fires everything due, in order. */
  run(now: number): void {
    while (this.#heap.length > 0 && this.#heap[0].deadline <= now) {
      const timer = this.#heap[0];
      this.cancel(timer);
      timer.fire();
    }
  }

  #before(a: Timer, b: Timer): boolean {
    return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
  }
  #up(index: number): void {
    const heap = this.#heap, timer = heap[index];
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#before(timer, heap[parent])) break;
      heap[index] = heap[parent];
      heap[index].index = index;
      index = parent;
    }
    heap[index] = timer;
    timer.index = index;
  }
  #down(index: number): void {
    const heap = this.#heap, timer = heap[index];
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#before(heap[child + 1], heap[child])) child++;
      if (!this.#before(heap[child], timer)) break;
      heap[index] = heap[child];
      heap[index].index = index;
      index = child;
    }
    heap[index] = timer;
    timer.index = index;
  }
}
