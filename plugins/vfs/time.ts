/** Times of inodes: seconds since 1970 and nanoseconds, exact. Immutable, so that inodes may share one. */

export interface Time {
  /** Seconds, may be negative. */
  readonly sec: number;
  /** 0 to 999,999,999. */
  readonly nsec: number;
}

/** Tells the time now. */
export type TimeSource = () => Time;

/** A time from milliseconds with a fraction, as hosts tell it. */
export function timeOfMs(ms: number): Time {
  const sec = Math.floor(ms / 1000);
  return { sec, nsec: Math.min(999_999_999, Math.round((ms - sec * 1000) * 1e6)) };
}

/** Milliseconds of a time, rounded to what a number can hold. */
export function msOfTime(time: Time): number {
  return time.sec * 1000 + time.nsec / 1e6;
}

/** Negative, 0 or positive as `a` is before, at or after `b`. */
export function compareTime(a: Time, b: Time): number {
  return a.sec - b.sec || a.nsec - b.nsec;
}

/** The host's wall clock. */
export const hostTime: TimeSource = (): Time => timeOfMs(performance.timeOrigin + performance.now());
