/**
 * Pending signals. Standard signals are there once or not at all; real-time ones queue in order (signal(7)).
 */
import type { SigInfo } from "./info.ts";
import { SignalSet, SIGRTMIN, SYNCHRONOUS } from "./numbers.ts";

/** The signals pending for a thread or for a process. */
export class SignalQueue {
  /** Which signals are pending. */
  set: SignalSet = SignalSet.EMPTY;
  #infos: SigInfo[] = [];

  has(signal: number): boolean {
    return this.set.has(signal);
  }
  get size(): number {
    return this.#infos.length;
  }
  /** Adds one; false when a standard signal is pending already. */
  add(info: SigInfo): boolean {
    if (info.signo < SIGRTMIN && this.set.has(info.signo)) return false;
    this.set = this.set.with(info.signo);
    this.#infos.push(info);
    return true;
  }
  /** True while that very signal waits. */
  includes(info: SigInfo): boolean {
    return this.#infos.includes(info);
  }
  /** Takes the next signal outside `blocked`: faults first, then the lowest number. */
  take(blocked: SignalSet): SigInfo | undefined {
    const signal = this.next(blocked);
    return signal === 0 ? undefined : this.takeSignal(signal);
  }
  /** The number of the next signal outside `blocked`, or 0. */
  next(blocked: SignalSet): number {
    if (!this.set.exceeds(blocked)) return 0;
    const open = this.set.minus(blocked);
    const faults = open.and(SYNCHRONOUS);
    return (faults.empty ? open : faults).first();
  }
  /** Takes the oldest of that number. */
  takeSignal(signal: number): SigInfo | undefined {
    const infos = this.#infos;
    // One signal alone is the common case.
    if (infos.length === 1 && infos[0].signo === signal) {
      this.set = SignalSet.EMPTY;
      return infos.pop();
    }
    const at = infos.findIndex((info) => info.signo === signal);
    if (at < 0) return undefined;
    const [info] = infos.splice(at, 1);
    if (!infos.some((other) => other.signo === signal)) this.set = this.set.without(signal);
    return info;
  }
  /** Throws away all signals of `set`. */
  discard(set: SignalSet): void {
    if (this.set.and(set).empty) return;
    this.#infos = this.#infos.filter((info) => !set.has(info.signo));
    this.set = this.set.minus(set);
  }
  /** Throws away what matches (a deleted timer's signal). */
  discardIf(test: (info: SigInfo) => boolean): void {
    for (const info of this.#infos.filter(test)) {
      this.#infos.splice(this.#infos.indexOf(info), 1);
      if (!this.#infos.some((other) => other.signo === info.signo)) this.set = this.set.without(info.signo);
    }
  }
  clear(): void {
    this.#infos = [];
    this.set = SignalSet.EMPTY;
  }
}
