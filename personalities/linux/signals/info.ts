/**
 * siginfo_t: what a signal carries. Kept as fields while it is pending and laid out as the 128 bytes of the 64-bit ABI
 * (the same on x86-64 and aarch64) when a guest sees it.
 */
import { errnoName } from "@guise/core";
import { signalName } from "./numbers.ts";

// deno-fmt-ignore
/** si_code values that are not tied to one signal. */
export const SI_USER = 0, SI_KERNEL = 128, SI_QUEUE = -1, SI_TIMER = -2, SI_MESGQ = -3, SI_ASYNCIO = -4, SI_SIGIO = -5,
  SI_TKILL = -6;
// deno-fmt-ignore
/** si_code values of SIGCHLD and of faults (spec X11). */
export const CLD_EXITED = 1, CLD_KILLED = 2, CLD_DUMPED = 3, CLD_TRAPPED = 4, CLD_STOPPED = 5, CLD_CONTINUED = 6,
  SEGV_MAPERR = 1, SEGV_ACCERR = 2, BUS_ADRALN = 1, BUS_ADRERR = 2, FPE_INTDIV = 1, FPE_FLTDIV = 3, FPE_FLTOVF = 4, FPE_FLTUND = 5, FPE_FLTRES = 6, FPE_FLTINV = 7,
  ILL_ILLOPC = 1, ILL_ILLOPN = 2, TRAP_BRKPT = 1, TRAP_TRACE = 2;

/** A signal's data. Which fields count depends on `signo` and `code`, as in sigaction(2). */
export interface SigInfo {
  readonly signo: number;
  readonly code: number;
  readonly errno?: number;
  readonly pid?: number;
  readonly uid?: number;
  readonly status?: number;
  readonly utime?: number;
  readonly stime?: number;
  /** Faulting address, as two halves so that any 64-bit value fits. */
  readonly addrLo?: number;
  readonly addrHi?: number;
  /** sigval: the 64 bits of si_value. */
  readonly valueLo?: number;
  readonly valueHi?: number;
  readonly timerId?: number;
  /** Expirations beyond one; counts on while the signal is pending. */
  overrun?: number;
  readonly band?: number;
  readonly fd?: number;
  /** The bytes that rt_sigqueueinfo gave: passed on as they are. */
  readonly raw?: Uint8Array;
}

/** Bytes of siginfo_t. */
export const SIGINFO_SIZE = 128;

/** True when the fields are those of a fault: si_addr. */
function isFault(info: SigInfo): boolean {
  return info.code > 0 &&
    (info.signo === 11 || info.signo === 7 || info.signo === 4 || info.signo === 8 || info.signo === 5);
}

/** The 128 bytes. */
export function encodeInfo(info: SigInfo): Uint8Array {
  const bytes = new Uint8Array(SIGINFO_SIZE);
  writeInfo(info, bytes, new DataView(bytes.buffer), 0);
  return bytes;
}

/** Writes the 128 bytes at `start`, where all is zero; `view` is of the same bytes. */
export function writeInfo(info: SigInfo, bytes: Uint8Array, view: DataView, start: number): void {
  if (info.raw !== undefined) bytes.set(info.raw.subarray(0, SIGINFO_SIZE), start);
  put32(view, start, info.signo);
  if (info.raw !== undefined) return;
  put32(view, start + 4, info.errno);
  put32(view, start + 8, info.code);
  if (isFault(info)) {
    put32(view, start + 16, info.addrLo);
    put32(view, start + 20, info.addrHi);
  } else if (info.code === SI_TIMER) {
    put32(view, start + 16, info.timerId);
    put32(view, start + 20, info.overrun);
    put32(view, start + 24, info.valueLo);
    put32(view, start + 28, info.valueHi);
  } else if (info.signo === 17 && info.code > 0) {
    put32(view, start + 16, info.pid);
    put32(view, start + 20, info.uid);
    put32(view, start + 24, info.status);
    setTicks(view, start + 32, info.utime ?? 0);
    setTicks(view, start + 40, info.stime ?? 0);
  } else if (info.band !== undefined) {
    setTicks(view, start + 16, info.band);
    put32(view, start + 24, info.fd);
  } else {
    put32(view, start + 16, info.pid);
    put32(view, start + 20, info.uid);
    put32(view, start + 24, info.valueLo);
    put32(view, start + 28, info.valueHi);
  }
}

/** A function, since V8 makes a call of a view's method that has a branch among its arguments. */
function put32(view: DataView, at: number, value = 0): void {
  view.setInt32(at, value, true);
}

function setTicks(view: DataView, at: number, ticks: number): void {
  view.setUint32(at, ticks >>> 0, true);
  view.setUint32(at + 4, Math.floor(ticks / 2 ** 32), true);
}

/** Name of an si_code, as strace prints it. */
function codeName(info: SigInfo): string {
  switch (info.code) {
    case SI_USER:
      return "SI_USER";
    case SI_KERNEL:
      return "SI_KERNEL";
    case SI_QUEUE:
      return "SI_QUEUE";
    case SI_TIMER:
      return "SI_TIMER";
    case SI_MESGQ:
      return "SI_MESGQ";
    case SI_ASYNCIO:
      return "SI_ASYNCIO";
    case SI_SIGIO:
      return "SI_SIGIO";
    case SI_TKILL:
      return "SI_TKILL";
  }
  const names: Record<number, readonly string[]> = {
    4: [
      "",
      "ILL_ILLOPC",
      "ILL_ILLOPN",
      "ILL_ILLADR",
      "ILL_ILLTRP",
      "ILL_PRVOPC",
      "ILL_PRVREG",
      "ILL_COPROC",
      "ILL_BADSTK",
    ],
    5: ["", "TRAP_BRKPT", "TRAP_TRACE", "TRAP_BRANCH", "TRAP_HWBKPT"],
    7: ["", "BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR"],
    8: [
      "",
      "FPE_INTDIV",
      "FPE_INTOVF",
      "FPE_FLTDIV",
      "FPE_FLTOVF",
      "FPE_FLTUND",
      "FPE_FLTRES",
      "FPE_FLTINV",
      "FPE_FLTSUB",
    ],
    11: ["", "SEGV_MAPERR", "SEGV_ACCERR"],
    17: ["", "CLD_EXITED", "CLD_KILLED", "CLD_DUMPED", "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"],
  };
  return names[info.signo]?.[info.code] ?? String(info.code);
}

/** A pointer as strace prints it. */
function pointer(lo: number, hi: number): string {
  if (lo === 0 && hi === 0) return "NULL";
  const high = (hi >>> 0) === 0 ? "" : (hi >>> 0).toString(16);
  const low = (lo >>> 0).toString(16);
  return `0x${high}${high === "" ? low : low.padStart(8, "0")}`;
}

/** `{si_signo=SIGUSR1, si_code=SI_USER, si_pid=12, si_uid=0}` (spec X32). */
export function formatInfo(info: SigInfo): string {
  const parts = [`si_signo=${signalName(info.signo)}`, `si_code=${codeName(info)}`];
  if (info.errno) parts.push(`si_errno=${errnoName(-info.errno)}`);
  if (isFault(info)) {
    parts.push(`si_addr=${pointer(info.addrLo ?? 0, info.addrHi ?? 0)}`);
  } else if (info.code === SI_KERNEL) {
    // strace shows no more fields for those outside the fault signals.
  } else if (info.code === SI_TIMER) {
    parts.push(`si_timerid=${hex(info.timerId ?? 0)}`, `si_overrun=${info.overrun ?? 0}`);
    pushValue(parts, info);
  } else if (info.signo === 17 && info.code > 0) {
    parts.push(`si_pid=${info.pid ?? 0}`, `si_uid=${info.uid ?? 0}`);
    const status = info.status ?? 0;
    parts.push(`si_status=${info.code === CLD_EXITED ? status : signalName(status)}`);
    parts.push(`si_utime=${info.utime ?? 0}`, `si_stime=${info.stime ?? 0}`);
  } else {
    parts.push(`si_pid=${info.pid ?? 0}`, `si_uid=${info.uid ?? 0}`);
    if (info.code === SI_QUEUE) pushValue(parts, info);
  }
  return `{${parts.join(", ")}}`;
}

function hex(n: number): string {
  return n === 0 ? "0" : `0x${(n >>> 0).toString(16)}`;
}

function pushValue(parts: string[], info: SigInfo): void {
  const lo = info.valueLo ?? 0, hi = info.valueHi ?? 0;
  parts.push(`si_int=${lo | 0}, si_ptr=${pointer(lo, hi)}`);
}
