/** Clocks of a kernel: the host's, and a virtual one that makes runs repeatable. */
import type { Clock } from "./kernel.ts";

/** The host's clock, from now on. */
export function hostClock(): Clock {
  const start = performance.now();
  const origin = performance.timeOrigin;
  /** The latest reading: a host call costs more than a system call, so it is shared. */
  let latest = start;
  const read = (): number => {
    const now = performance.now();
    return latest = now > latest ? now : latest;
  };
  const monotonicAt = (host: number): number => Math.floor((host - start) * 1e6);
  const realtimeAt = (host: number, into: [number, number]): void => {
    const ms = origin + host;
    const seconds = Math.floor(ms / 1000);
    into[0] = seconds;
    into[1] = Math.min(999_999_999, Math.floor((ms - seconds * 1000) * 1e6));
  };
  const last = (into: [number, number]): number => {
    realtimeAt(latest, into);
    return monotonicAt(latest);
  };
  return {
    monotonic: () => monotonicAt(read()),
    realtime: (into) => realtimeAt(read(), into),
    both(into: [number, number]): number {
      read();
      return last(into);
    },
    read,
    last,
  };
}

/** Options of {@link virtualClock}. */
export interface VirtualClockOptions {
  /** Time that one guest instruction takes. Default 1. */
  readonly nsPerInstruction?: number;
  /** Wall clock at the start, in seconds. Default 2026-01-01. */
  readonly epoch?: number;
}

/**
 * A clock that moves only with guest instructions and when every task sleeps. With it and a fixed `random`, a run is
 * the same every time.
 *
 * @example
 * ```ts
 * import { virtualClock } from "@guise/core";
 * const clock = virtualClock();
 * clock.tick!(1000);
 * console.assert(clock.monotonic() === 1000);
 * ```
 */
export function virtualClock(options: VirtualClockOptions = {}): Clock {
  const { nsPerInstruction = 1, epoch = 1_767_225_600 } = options;
  let now = 0;
  return {
    monotonic: () => Math.floor(now),
    realtime(into: [number, number]): void {
      const seconds = Math.floor(now / 1e9);
      into[0] = epoch + seconds;
      into[1] = Math.floor(now - seconds * 1e9);
    },
    tick(instructions: number): void {
      now += instructions * nsPerInstruction;
    },
    advance(until: number): void {
      if (until > now) now = until;
    },
  };
}
