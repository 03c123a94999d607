/** Texts and names: of signals, errors, and of what looking up hosts answers, as glibc's without message catalogues. */
import { errnoName, type Task } from "@guise/core";
import { arg, type Calls, type DirectCall, int, text } from "../direct.ts";
import { osvOf } from "../state.ts";
import { put } from "./streams.ts";

// deno-fmt-ignore
const signals: readonly (readonly [name: string, text: string])[] = [
  ["HUP", "Hangup"], ["INT", "Interrupt"], ["QUIT", "Quit"], ["ILL", "Illegal instruction"],
  ["TRAP", "Trace/breakpoint trap"], ["ABRT", "Aborted"], ["BUS", "Bus error"], ["FPE", "Floating point exception"],
  ["KILL", "Killed"], ["USR1", "User defined signal 1"], ["SEGV", "Segmentation fault"],
  ["USR2", "User defined signal 2"], ["PIPE", "Broken pipe"], ["ALRM", "Alarm clock"], ["TERM", "Terminated"],
  ["STKFLT", "Stack fault"], ["CHLD", "Child exited"], ["CONT", "Continued"], ["STOP", "Stopped (signal)"],
  ["TSTP", "Stopped"], ["TTIN", "Stopped (tty input)"], ["TTOU", "Stopped (tty output)"],
  ["URG", "Urgent I/O condition"], ["XCPU", "CPU time limit exceeded"], ["XFSZ", "File size limit exceeded"],
  ["VTALRM", "Virtual timer expired"], ["PROF", "Profiling timer expired"], ["WINCH", "Window changed"],
  ["POLL", "I/O possible"], ["PWR", "Power failure"], ["SYS", "Bad system call"],
];
const FIRST_REAL_TIME = 34, LAST_REAL_TIME = 64;

/** strsignal's text. */
export function signalText(n: number): string {
  const known = signals[n - 1];
  if (known !== undefined) return known[1];
  return n >= FIRST_REAL_TIME && n <= LAST_REAL_TIME
    ? `Real-time signal ${n - FIRST_REAL_TIME}`
    : `Unknown signal ${n}`;
}

const addresses: ReadonlyMap<number, string> = new Map([
  [-1, "Bad value for ai_flags"],
  [-2, "Name or service not known"],
  [-3, "Temporary failure in name resolution"],
  [-4, "Non-recoverable failure in name resolution"],
  [-5, "No address associated with hostname"],
  [-6, "ai_family not supported"],
  [-7, "ai_socktype not supported"],
  [-8, "Servname not supported for ai_socktype"],
  [-9, "Address family for hostname not supported"],
  [-10, "Memory allocation failure"],
  [-11, "System error"],
  [-100, "Processing request in progress"],
  [-101, "Request canceled"],
  [-102, "Request not canceled"],
  [-103, "All requests done"],
  [-104, "Interrupted by a signal"],
  [-105, "Parameter string not correctly encoded"],
]);
const hosts = [
  "Resolver Error 0 (no error)",
  "Unknown host",
  "Host name lookup failure",
  "Unknown server error",
  "No address associated with name",
];

/** The address of a text that a number stands for; 0 when there is none. */
const told = (words: (n: number) => string | undefined): DirectCall => (task) => {
  const found = words(int(task, 0));
  return found === undefined ? 0 : osvOf(task).string(found);
};

function hasName(n: number): boolean {
  return n > 0 && n < 512 && !errnoName(-n).startsWith("ERRNO_");
}

function complain(task: Task, words: string): ReturnType<DirectCall> {
  const { streams } = osvOf(task);
  const stderr = streams.all.get(streams.standard(task)[2]);
  return stderr === undefined ? 0 : put(task, stderr, new TextEncoder().encode(words), () => 0);
}

/** See the file's head. */
export const wordCalls: Calls = {
  strsignal: told(signalText),
  sigabbrev_np: told((n) => signals[n - 1]?.[0]),
  sigdescr_np: told((n) => signals[n - 1]?.[1]),
  strerrorname_np: told((n) => n === 0 ? "0" : hasName(n) ? errnoName(-n) : undefined),
  strerrordesc_np: (task) => {
    const n = int(task, 0);
    return n === 0 || hasName(n) ? osvOf(task).string(osvOf(task).words(n)) : 0;
  },
  gai_strerror: told((n) => addresses.get(n) ?? "Unknown error"),
  hstrerror: told((n) => n < 0 ? "Resolver internal error" : hosts[n] ?? "Unknown resolver error"),
  psignal: (task) => {
    const prefix = arg(task, 1) === 0 ? "" : text(task, arg(task, 1)) ?? "";
    return complain(task, `${prefix === "" ? "" : `${prefix}: `}${signalText(int(task, 0))}\n`);
  },
};
