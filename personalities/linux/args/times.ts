/** The time pairs of utimensat and its ancestors: decoded to what changes, printed as strace prints them. */
import { type ArgType, EFAULT, EINVAL, Failure, type RowAbi, type Task } from "@guise/core";
import type { TimeChange } from "@guise/vfs/key";
import { fields, get64 } from "./layout.ts";
import { hex, time, timeComment } from "./text.ts";

const UTIME_NOW = 0x3fffffff, UTIME_OMIT = 0x3ffffffe;

/** Access and modification time; both "now" for a null pointer. */
export interface TimePair {
  readonly atime: TimeChange;
  readonly mtime: TimeChange;
}

const NOW: TimePair = { atime: "now", mtime: "now" };

function pairType(
  label: string,
  size: number,
  decode: (view: DataView, i: number) => TimeChange | undefined,
  text: (view: DataView, i: number) => string,
  wrap: (first: string, second: string) => string,
): ArgType<TimePair> {
  const read = (task: Task, address: number): TimePair | Failure => {
    if (address === 0) return NOW;
    const view = fields(task, address, size);
    if (view === undefined) return Failure.of(EFAULT);
    const atime = decode(view, 0), mtime = decode(view, 1);
    return atime === undefined || mtime === undefined ? Failure.of(EINVAL) : { atime, mtime };
  };
  return {
    label,
    slots: 1,
    direction: "in",
    compile(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task) => read(task, task.frame.num(register));
    },
    format(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task) => {
        const at = task.frame.num(register);
        if (at === 0) return "NULL";
        const view = fields(task, at, size);
        return view === undefined ? hex(at) : wrap(text(view, 0), text(view, 1));
      };
    },
  };
}

const inBrackets = (a: string, b: string): string => `[${a}, ${b}]`;

/** `const struct timespec times[2]`, with UTIME_NOW and UTIME_OMIT. */
export const timespecPair: ArgType<TimePair> = pairType(
  "const struct timespec times[2]",
  32,
  (view, i) => {
    const nsec = get64(view, 16 * i + 8);
    if (nsec === UTIME_NOW) return "now";
    if (nsec === UTIME_OMIT) return "omit";
    return nsec < 0 || nsec > 999_999_999 ? undefined : { sec: get64(view, 16 * i), nsec };
  },
  (view, i) => {
    const sec = get64(view, 16 * i), nsec = get64(view, 16 * i + 8);
    if (nsec === UTIME_NOW) return "UTIME_NOW";
    if (nsec === UTIME_OMIT) return "UTIME_OMIT";
    return time(sec, nsec, "tv_nsec") + timeComment(sec, nsec, 9);
  },
  inBrackets,
);

/** `const struct timeval times[2]`. */
export const timevalPair: ArgType<TimePair> = pairType(
  "const struct timeval times[2]",
  32,
  (view, i) => {
    const usec = get64(view, 16 * i + 8);
    return usec < 0 || usec > 999_999 ? undefined : { sec: get64(view, 16 * i), nsec: usec * 1000 };
  },
  (view, i) => {
    const sec = get64(view, 16 * i), usec = get64(view, 16 * i + 8);
    return time(sec, usec, "tv_usec") + timeComment(sec, usec, 6);
  },
  inBrackets,
);

/** `const struct utimbuf *`. */
export const utimbuf: ArgType<TimePair> = pairType(
  "const struct utimbuf *times",
  16,
  (view, i) => ({ sec: get64(view, 8 * i), nsec: 0 }),
  (view, i) => `${["actime", "modtime"][i]}=${get64(view, 8 * i)}${timeComment(get64(view, 8 * i), 0, 0)}`,
  (a, b) => `{${a}, ${b}}`,
);
