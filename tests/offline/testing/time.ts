/**
 * Stands in for `@std/testing/time` 1.0.15: `FakeTime` replaces `Date`, `setTimeout`, `setInterval` and their `clear…`
 * until it is restored. Left out: a fake `AbortSignal.timeout`.
 *
 * @module
 */

/** A wrong use of fake time. */
export class TimeError extends Error {
  /** Takes the message. */
  constructor(message: string) {
    super(message);
    this.name = "TimeError";
  }
}

/** Options of `FakeTime`. */
export interface FakeTimeOptions {
  /** Fake milliseconds for each real one; 0 (the default): only `tick` moves the time. */
  advanceRate: number;
  /** How often, in real milliseconds, it then moves; default 10. */
  advanceFrequency?: number;
}

/** Options of `FakeTime.delay`. */
export interface DelayOptions {
  /** Ends the wait with a rejection. */
  signal?: AbortSignal;
}

// deno-lint-ignore no-explicit-any
type Callback = (...args: any[]) => unknown;
interface Timer {
  id: number;
  callback: Callback;
  args: unknown[];
  due: number;
  every?: number;
}

const real = {
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
};

let active: FakeTime | undefined;

const FakeDate = new Proxy(real.Date, {
  construct: (target, args, newTarget) => Reflect.construct(target, args.length ? args : [now()], newTarget),
  apply: () => new real.Date(now()).toString(),
  get: (target, key) => key === "now" ? now : Reflect.get(target, key),
});

function now(): number {
  return active?.now ?? real.Date.now();
}

/** Fake time, from its construction until `restore` (or the end of the block with `using`). */
export class FakeTime implements Disposable {
  #now: number;
  #start: number;
  #timers: Timer[] = []; // sorted by due time, then by age
  #lastId = 0;
  #advance?: ReturnType<typeof setInterval>;

  /** Starts at `start`, or at the real time. */
  constructor(start?: number | string | Date | null, options?: FakeTimeOptions) {
    if (active) throw new TimeError("Cannot construct FakeTime: time is already faked");
    this.#start = typeof start === "number"
      ? Math.floor(start)
      : (start ? new real.Date(start) : new real.Date()).valueOf();
    if (Number.isNaN(this.#start)) throw new TypeError(`Cannot construct FakeTime: invalid start ${start}`);
    this.#now = this.#start;
    active = this;
    this.#override();
    const rate = Math.max(0, options?.advanceRate ?? 0);
    const every = Math.max(0, options?.advanceFrequency ?? 10);
    if (rate > 0) this.#advance = real.setInterval.call(null, () => this.tick(rate * every), every);
  }

  #override(): void {
    const set = (callback: Callback, delay: number, args: unknown[], repeat: boolean): number => {
      const ms = Math.max(repeat ? 1 : 0, Math.floor(delay));
      const id = ++this.#lastId;
      this.#insert({ id, callback, args, due: this.#now + ms, every: repeat ? ms : undefined });
      return id;
    };
    const clear = (id?: number) => {
      const at = this.#timers.findIndex((t) => t.id === id);
      if (at >= 0) this.#timers.splice(at, 1);
    };
    Object.assign(globalThis, {
      Date: FakeDate,
      setTimeout: (callback: Callback, delay = 0, ...args: unknown[]) => set(callback, delay, args, false),
      setInterval: (callback: Callback, delay = 0, ...args: unknown[]) => set(callback, delay, args, true),
      clearTimeout: clear,
      clearInterval: clear,
    });
  }

  #insert(timer: Timer): void {
    const at = this.#timers.findIndex((t) => t.due > timer.due);
    this.#timers.splice(at < 0 ? this.#timers.length : at, 0, timer);
  }

  /** Restores the real time. */
  static restore(): void {
    if (!active) throw new TimeError("Cannot restore time: time is already restored");
    active.restore();
  }

  /** Restores the real time until the callback has returned and its promise has settled. */
  // deno-lint-ignore no-explicit-any
  static async restoreFor<T>(callback: (...args: any[]) => Promise<T> | T, ...args: any[]): Promise<T> {
    if (!active) throw new TimeError("Cannot restore time: time is not faked");
    const time = active;
    Object.assign(globalThis, real);
    try {
      return await callback(...args);
    } finally {
      time.#override();
    }
  }

  /** The fake time in ms since 1970; setting it runs what becomes due. */
  get now(): number {
    return this.#now;
  }
  set now(value: number) {
    if (value < this.#now) {
      throw new RangeError(
        `Cannot set current time in the past, time must be >= ${this.#now}: received ${value}`,
      );
    }
    for (let t = this.#timers[0]; t && t.due <= value; t = this.#timers[0]) {
      this.#timers.shift();
      this.#now = t.due;
      if (t.every !== undefined) this.#insert({ ...t, due: t.due + t.every });
      t.callback.apply(null, t.args);
    }
    this.#now = value;
  }

  /** The fake time at the beginning. */
  get start(): number {
    return this.#start;
  }
  set start(_value: number) {
    throw new Error("Cannot change start time after initialization");
  }

  /** Waits for `ms` of real time. */
  async delay(ms: number, options: DelayOptions = {}): Promise<void> {
    const { signal } = options;
    const aborted = () => new DOMException("Delay was aborted.", "AbortError");
    if (signal?.aborted) throw aborted();
    await new Promise<void>((resolve, reject) => {
      const abort = () => {
        real.clearTimeout(timer);
        reject(aborted());
      };
      const timer = real.setTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }

  /** Runs what is in the microtask queue. */
  async runMicrotasks(): Promise<void> {
    await this.delay(0);
  }

  /** Moves the time on. */
  tick(ms = 0): void {
    this.now += ms;
  }

  /** Runs microtasks, then moves the time on. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.now += ms;
  }

  /** Moves on to the next timer; false when there is none. */
  next(): boolean {
    const timer = this.#timers[0];
    if (timer) this.now = timer.due;
    return timer !== undefined;
  }

  /** Runs microtasks, then moves on to the next timer. */
  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** Moves on until no timer is left. */
  runAll(): void {
    while (this.#timers.length) this.next();
  }

  /** Moves on until no timer is left, with microtasks before each. */
  async runAllAsync(): Promise<void> {
    while (this.#timers.length) await this.nextAsync();
  }

  /** Restores the real time. */
  restore(): void {
    if (active !== this) throw new TimeError("Cannot restore time: time is already restored");
    active = undefined;
    Object.assign(globalThis, real);
    if (this.#advance !== undefined) clearInterval(this.#advance);
  }

  /** Restores the real time. */
  [Symbol.dispose](): void {
    this.restore();
  }
}
