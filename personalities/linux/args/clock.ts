/** Clock ids, timespecs, timevals and their pairs among the arguments of system calls. */
import { type ArgType, ERESTART_RESTARTBLOCK, type Task } from "@guise/core";
import { inStruct, outStruct } from "./buffer.ts";
import { fields, get64 } from "./layout.ts";
import { oneOf } from "./scalar.ts";
import { time, timeComment } from "./text.ts";

// deno-fmt-ignore
/** `clockid_t`. */
export const clockId: ArgType<number> = oneOf([
  [0, "CLOCK_REALTIME"], [1, "CLOCK_MONOTONIC"], [2, "CLOCK_PROCESS_CPUTIME_ID"], [3, "CLOCK_THREAD_CPUTIME_ID"],
  [4, "CLOCK_MONOTONIC_RAW"], [5, "CLOCK_REALTIME_COARSE"], [6, "CLOCK_MONOTONIC_COARSE"], [7, "CLOCK_BOOTTIME"],
  [8, "CLOCK_REALTIME_ALARM"], [9, "CLOCK_BOOTTIME_ALARM"], [10, "CLOCK_SGI_CYCLE"], [11, "CLOCK_TAI"],
], "CLOCK_???");

function text(
  field: "tv_nsec" | "tv_usec",
  at: number,
  comment: boolean,
): (task: Task, address: number) => string | undefined {
  return (task, address) => {
    const view = fields(task, address + at, 16);
    if (view === undefined) return undefined;
    const seconds = get64(view, 0), fraction = get64(view, 8);
    const note = comment ? timeComment(seconds, fraction, field === "tv_nsec" ? 9 : 6) : "";
    return time(seconds, fraction, field) + note;
  };
}

/** `const struct timespec *`. */
export const inTimespec: ArgType<number> = inStruct("const struct timespec *", text("tv_nsec", 0, false));
/** `struct timespec *`. */
export const outTimespec: ArgType<number> = outStruct("struct timespec *", text("tv_nsec", 0, false));
/** What is left of a sleep: only there when a signal ended it. */
export const remaining: ArgType<number> = {
  ...outTimespec,
  format(abi, slot) {
    const shown = text("tv_nsec", 0, false);
    const plain = outTimespec.format(abi, slot);
    return (task, result) => {
      const at = task.frame.num(abi.registers[slot]);
      const left = result === ERESTART_RESTARTBLOCK && at !== 0 ? shown(task, at) : undefined;
      return left ?? plain(task, undefined);
    };
  },
};
/** `struct timeval *`. */
export const outTimeval: ArgType<number> = outStruct("struct timeval *tv", text("tv_usec", 0, false));
/** `const struct timeval *`. */
export const inTimeval: ArgType<number> = inStruct("const struct timeval *tv", text("tv_usec", 0, false));

function pair(
  first: string,
  second: string,
  field: "tv_nsec" | "tv_usec",
): (task: Task, address: number) => string | undefined {
  const one = text(field, 0, false), two = text(field, 16, false);
  return (task, address) => {
    const a = one(task, address), b = two(task, address);
    return a === undefined || b === undefined ? undefined : `{${first}=${a}, ${second}=${b}}`;
  };
}

const itimerval = pair("it_interval", "it_value", "tv_usec");
const itimerspec = pair("it_interval", "it_value", "tv_nsec");

/** `const struct itimerval *`. */
export const inItimerval: ArgType<number> = inStruct("const struct itimerval *new_value", itimerval);
/** `struct itimerval *`. */
export const outItimerval: ArgType<number> = outStruct("struct itimerval *old_value", itimerval);
/** `const struct itimerspec *`. */
export const inItimerspec: ArgType<number> = inStruct("const struct itimerspec *new_value", itimerspec);
/** `struct itimerspec *`. */
export const outItimerspec: ArgType<number> = outStruct("struct itimerspec *old_value", itimerspec);
