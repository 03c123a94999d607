/** Timers of a process: the three interval timers, POSIX timers and RLIMIT_CPU. */
import type { LinuxProcess, LinuxTask } from "../state.ts";
import { RLIMIT_CPU } from "../limits.ts";
import { SI_KERNEL, SI_TIMER, type SigInfo } from "../signals/info.ts";
import { SIGALRM, SIGKILL, SIGPROF, SIGVTALRM, SIGXCPU } from "../signals/numbers.ts";
import { sendKernel, sendProcess, sendThread } from "../signals/send.ts";
import { cpuTime } from "./clocks.ts";
import { IntervalTimer } from "./interval_timer.ts";

/** ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF. */
export const ITIMER_REAL = 0, ITIMER_VIRTUAL = 1, ITIMER_PROF = 2;

/** sigevent's notification kinds. */
export const SIGEV_SIGNAL = 0, SIGEV_NONE = 1, SIGEV_THREAD_ID = 4;

/** A timer of timer_create(2). */
export interface PosixTimer {
  readonly id: number;
  readonly clock: number;
  readonly timer: IntervalTimer;
  readonly notify: number;
  readonly signal: number;
  readonly target: LinuxTask | undefined;
  readonly valueLo: number;
  readonly valueHi: number;
  /** The signal that was sent last: it counts expirations while it is pending. */
  sent: SigInfo | undefined;
}

/** All timers of one process. fork gives a child none; execve keeps the interval timers. */
export class ProcessTimers {
  readonly process: LinuxProcess;
  readonly interval: readonly IntervalTimer[];
  readonly posix: Map<number, PosixTimer> = new Map();
  #nextId = 0;
  #cpuLimit: IntervalTimer | undefined;

  constructor(process: LinuxProcess) {
    this.process = process;
    const elapsed = () => process.linux.kernel.clock.monotonic();
    const used = () => cpuTime(process);
    this.interval = [
      new IntervalTimer(process.linux.kernel, elapsed, () => sendKernel(process, SIGALRM)),
      new IntervalTimer(process.linux.kernel, used, () => sendKernel(process, SIGVTALRM)),
      new IntervalTimer(process.linux.kernel, used, () => sendKernel(process, SIGPROF)),
    ];
  }

  /** The id that the next POSIX timer gets. */
  get nextId(): number {
    return this.#nextId;
  }
  /** Adds a POSIX timer. `clockNow` reads its clock in ns. */
  create(
    fields: Omit<PosixTimer, "id" | "timer" | "sent">,
    clockNow: () => number,
  ): PosixTimer {
    const id = this.#nextId++;
    const timer = new IntervalTimer(
      this.process.linux.kernel,
      clockNow,
      (overrun) => this.#fire(made, overrun),
    );
    const made: PosixTimer = { ...fields, id, timer, sent: undefined };
    this.posix.set(id, made);
    return made;
  }
  #fire(timer: PosixTimer, overrun: number): void {
    if (timer.notify === SIGEV_NONE) return;
    const { target } = timer;
    const queue = timer.notify === SIGEV_THREAD_ID ? target?.pending : this.process.pending;
    if (timer.sent !== undefined && queue?.includes(timer.sent)) {
      timer.sent.overrun = timer.sent.overrun! + overrun + 1;
      return;
    }
    const info: SigInfo = {
      signo: timer.signal,
      code: SI_TIMER,
      timerId: timer.id,
      overrun,
      valueLo: timer.valueLo,
      valueHi: timer.valueHi,
    };
    timer.sent = info;
    if (timer.notify !== SIGEV_THREAD_ID) sendProcess(this.process, info);
    else if (target !== undefined && !target.ended) sendThread(target, info);
  }
  /** Removes a POSIX timer. */
  delete(timer: PosixTimer): void {
    timer.timer.set(undefined, 0);
    this.posix.delete(timer.id);
    this.process.pending.discardIf((info) => info.code === SI_TIMER && info.timerId === timer.id);
  }
  /** For execve: POSIX timers go. */
  deleteAll(): void {
    for (const timer of [...this.posix.values()]) this.delete(timer);
  }
  /** For the end of the process. */
  cancel(): void {
    this.deleteAll();
    for (const timer of this.interval) timer.set(undefined, 0);
    this.#cpuLimit?.set(undefined, 0);
  }
  /** RLIMIT_CPU has changed: SIGXCPU at the soft limit and each second after, SIGKILL at the hard one (G3). */
  limitCpu(): void {
    const { limits } = this.process;
    const soft = limits.soft[RLIMIT_CPU];
    if (soft === Infinity && this.#cpuLimit === undefined) return;
    this.#cpuLimit ??= new IntervalTimer(
      this.process.linux.kernel,
      () => cpuTime(this.process),
      () => this.#cpuExceeded(),
    );
    this.#cpuLimit.set(soft === Infinity ? undefined : soft * 1e9, 0);
  }
  #cpuExceeded(): void {
    const { limits } = this.process;
    const used = cpuTime(this.process);
    if (used >= limits.hard[RLIMIT_CPU] * 1e9) {
      sendProcess(this.process, { signo: SIGKILL, code: SI_KERNEL });
      return;
    }
    sendKernel(this.process, SIGXCPU);
    this.#cpuLimit?.set((Math.floor(used / 1e9) + 1) * 1e9, 0);
  }
}
