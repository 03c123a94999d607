/**
 * The 64 signals: names, default actions and sets. x86-64 and aarch64 share the numbers (asm-generic/signal.h).
 */

// deno-fmt-ignore
export const SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGTRAP = 5, SIGABRT = 6, SIGBUS = 7, SIGFPE = 8, SIGKILL = 9,
  SIGUSR1 = 10, SIGSEGV = 11, SIGUSR2 = 12, SIGPIPE = 13, SIGALRM = 14, SIGTERM = 15, SIGSTKFLT = 16, SIGCHLD = 17,
  SIGCONT = 18, SIGSTOP = 19, SIGTSTP = 20, SIGTTIN = 21, SIGTTOU = 22, SIGURG = 23, SIGXCPU = 24, SIGXFSZ = 25,
  SIGVTALRM = 26, SIGPROF = 27, SIGWINCH = 28, SIGIO = 29, SIGPWR = 30, SIGSYS = 31, SIGRTMIN = 32, SIGMAX = 64;

// deno-fmt-ignore
const NAMES: readonly string[] = [
  "0", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1",
  "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP",
  "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
];

/** `SIGUSR1`, `SIGRTMIN`, `SIGRT_3`; numbers that are no signal as they are: what strace prints. */
export function signalName(signal: number): string {
  if (signal >= 0 && signal < NAMES.length) return signal === 0 ? "0" : NAMES[signal];
  if (signal === SIGRTMIN) return "SIGRTMIN";
  if (signal > SIGRTMIN && signal <= SIGMAX) return `SIGRT_${signal - SIGRTMIN}`;
  return String(signal);
}

/** What happens when nobody handles a signal (signal(7)). */
export type DefaultAction = "terminate" | "core" | "stop" | "continue" | "ignore";

/** The default action of each signal. */
export function defaultAction(signal: number): DefaultAction {
  switch (signal) {
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
      return "ignore";
    case SIGCONT:
      return "continue";
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
      return "stop";
    case SIGQUIT:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGSEGV:
    case SIGXCPU:
    case SIGXFSZ:
    case SIGSYS:
      return "core";
    default:
      return "terminate";
  }
}

/** A set of signals as two 32-bit halves: bit `n - 1` is signal `n`. Immutable, so that sets can be shared and compared. */
export class SignalSet {
  readonly lo: number;
  readonly hi: number;
  constructor(lo: number, hi: number) {
    this.lo = lo | 0;
    this.hi = hi | 0;
  }
  static readonly EMPTY: SignalSet = new SignalSet(0, 0);
  static of(...signals: number[]): SignalSet {
    let set = SignalSet.EMPTY;
    for (const s of signals) set = set.with(s);
    return set;
  }
  get empty(): boolean {
    return (this.lo | this.hi) === 0;
  }
  has(signal: number): boolean {
    return signal <= 32 ? (this.lo >>> (signal - 1) & 1) === 1 : (this.hi >>> (signal - 33) & 1) === 1;
  }
  with(signal: number): SignalSet {
    return signal <= 32
      ? new SignalSet(this.lo | 1 << (signal - 1), this.hi)
      : new SignalSet(this.lo, this.hi | 1 << (signal - 33));
  }
  without(signal: number): SignalSet {
    return signal <= 32
      ? new SignalSet(this.lo & ~(1 << (signal - 1)), this.hi)
      : new SignalSet(this.lo, this.hi & ~(1 << (signal - 33)));
  }
  or(other: SignalSet): SignalSet {
    return new SignalSet(this.lo | other.lo, this.hi | other.hi);
  }
  and(other: SignalSet): SignalSet {
    return new SignalSet(this.lo & other.lo, this.hi & other.hi);
  }
  /** Has signals that are not in the other set. */
  exceeds(other: SignalSet): boolean {
    return (this.lo & ~other.lo | this.hi & ~other.hi) !== 0;
  }
  minus(other: SignalSet): SignalSet {
    return new SignalSet(this.lo & ~other.lo, this.hi & ~other.hi);
  }
  /** The lowest signal of the set, or 0. */
  first(): number {
    if (this.lo !== 0) return 32 - Math.clz32(this.lo & -this.lo);
    if (this.hi !== 0) return 64 - Math.clz32(this.hi & -this.hi);
    return 0;
  }
  /** All signals of the set in order. */
  list(): number[] {
    const all: number[] = [];
    for (let s = 1; s <= SIGMAX; s++) if (this.has(s)) all.push(s);
    return all;
  }
  /** As strace prints it: `[INT CHLD]`, and `~[KILL STOP]` when at least two thirds of the signals are in. */
  toString(): string {
    const list = this.list();
    const short = (s: number) => signalName(s).replace(/^SIG/, "");
    if (list.length >= 64 * 2 / 3) {
      const missing: string[] = [];
      for (let s = 1; s <= SIGMAX; s++) if (!this.has(s)) missing.push(short(s));
      return `~[${missing.join(" ")}]`;
    }
    return `[${list.map(short).join(" ")}]`;
  }
}

/** SIGKILL and SIGSTOP: never blocked, caught or ignored. */
export const UNBLOCKABLE: SignalSet = SignalSet.of(SIGKILL, SIGSTOP);
/** Stop signals, discarded by SIGCONT, and the other way round. */
export const STOPS: SignalSet = SignalSet.of(SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU);
/** Signals of faults: delivered before others, so that the frame shows the faulting instruction. */
export const SYNCHRONOUS: SignalSet = SignalSet.of(SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS);
