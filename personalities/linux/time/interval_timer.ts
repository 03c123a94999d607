/**
 * A timer on some clock. A timer of elapsed time is a kernel timer; one of CPU time asks again when at the earliest it
 * could be due, since nobody can use more CPU time than passes.
 */
import type { Kernel } from "@guise/core";

/** A timer that counts on some clock: armed with a due time and an interval. */
export class IntervalTimer {
  /** The clock's time at which it fires; undefined: not armed. */
  due: number | undefined = undefined;
  interval: number = 0;
  #cancel: (() => void) | undefined;
  readonly #kernel: Kernel;
  readonly #now: () => number;
  /** Gets how many periods beyond the first have passed. */
  readonly #fire: (overrun: number) => void;

  /** `now` reads the clock in ns. It may run slower than time, never faster. */
  constructor(kernel: Kernel, now: () => number, fire: (overrun: number) => void) {
    this.#kernel = kernel;
    this.#now = now;
    this.#fire = fire;
  }
  /** Arms it for `due` (the clock's time); undefined disarms. */
  set(due: number | undefined, interval: number): void {
    this.due = due;
    this.interval = interval;
    this.#schedule();
  }
  /** The clock's time. */
  now(): number {
    return this.#now();
  }
  /** Nanoseconds until it fires, at least 1 while armed; 0 when not. */
  remaining(): number {
    return this.due === undefined ? 0 : Math.max(1, this.due - this.#now());
  }
  #schedule(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.due === undefined || this.due === Infinity) return;
    const wait = Math.max(0, this.due - this.#now());
    this.#cancel = this.#kernel.timer(this.#kernel.clock.monotonic() + wait, () => this.#check());
  }
  #check(): void {
    if (this.due === undefined) return;
    const now = this.#now();
    if (now < this.due) {
      this.#schedule();
      return;
    }
    let overrun = 0;
    if (this.interval > 0) {
      overrun = Math.floor((now - this.due) / this.interval);
      this.due += (overrun + 1) * this.interval;
    } else this.due = undefined;
    this.#schedule();
    this.#fire(overrun);
  }
}
