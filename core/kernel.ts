/** The contract of a running kernel. */
import type { Arch, Engine, LockstepLog } from "./arch.ts";
import type { Hooks, KernelEvent } from "./hooks.ts";
import type { State } from "./key.ts";
import type { ExitStatus, Personality, SpawnRequest } from "./personality.ts";
import type { Plugin } from "./plugin.ts";
import type { Process, Task } from "./task.ts";
import type { WaitQueue } from "./wait.ts";
import type { AddressSpace } from "./memory.ts";

/** Where time comes from. All in ns as numbers; monotonic from kernel start, exact to well below 200 us. */
export interface Clock {
  /** Since the kernel started. Never backwards. */
  monotonic(): number;
  /** Wall clock as [seconds, nanoseconds]. */
  realtime(into: [number, number]): void;
  /** Both by one reading, which can be dear: gives `realtime` and returns `monotonic`. */
  both?(into: [number, number]): number;
  /** Reads the host's clock, in its milliseconds; what is not asked for a new reading tells this one. */
  read?(): number;
  /** As `both`, by the last reading. */
  last?(into: [number, number]): number;
  /** A virtual clock is told the instructions that were run… */
  tick?(instructions: number): void;
  /** …and moved here when every task sleeps. A clock without it is real: the kernel then sleeps. */
  advance?(until: number): void;
}

/** Options of {@link createKernel}. */
export interface KernelOptions {
  /** In order of set-up. */
  readonly plugins: readonly Plugin[];
  /** How guest code runs; default "auto". */
  readonly engine?: Engine;
  /** Host bytes all address spaces together may commit. Default 4 GiB. */
  readonly memoryLimit?: number;
  /** Guest memories with 32-bit addresses. Default: only where the host has no others. */
  readonly memory32?: boolean;
  /** Default: the host's. */
  readonly clock?: Clock;
  /** Instructions a task runs before another one's turn. Default 2,000,000; 1 is exact. */
  readonly quantum?: number;
  /** Fills with random bytes; default crypto.getRandomValues. */
  readonly random?: (into: Uint8Array) => void;
}

/** A running kernel; see {@link createKernel}. */
export interface Kernel {
  /** As given. */
  readonly options: KernelOptions;
  /** The time of its guests. */
  readonly clock: Clock;
  /** With engine "lockstep". */
  readonly lockstep?: LockstepLog | undefined;
  /** Values of plugins. */
  readonly data: State;
  /** By name. */
  readonly arches: ReadonlyMap<string, Arch>;
  /** By name. */
  readonly personalities: ReadonlyMap<string, Personality>;
  /** Names of all architectures whose programs run here, those that {@link Kernel.bring} loads included. */
  readonly archNames: readonly string[];
  /**
   * Loads the architecture of programs with that ELF e_machine, when a plugin has one that is not loaded yet: it is
   * among `arches` once the queue has been woken. Undefined: there is none, or it is there, or it could not be loaded.
   */
  bring(elfMachine: number): WaitQueue | undefined;
  /** Processes that have not ended, by number. */
  readonly processes: ReadonlyMap<number, Process>;
  /** Fills with random bytes, for guests. */
  random(into: Uint8Array): void;
  /** Adds hooks; the result removes them. Takes effect with the next call. */
  hook(hooks: Partial<Hooks>): () => void;
  /** Tells the event hooks. */
  emit(event: KernelEvent): void;
  /** A fresh, empty address space with this kernel's limits; undefined when out of memory. */
  createSpace(): AddressSpace | undefined;
  /** A process without tasks: `archName` chooses its CPU. For spawn and fork. */
  createProcess(personality: Personality, archName: string, space: AddressSpace, parent?: Process): Process;
  /** Starts a program: chooses the architecture from its ELF header. The result settles when the process has ended. */
  spawn(
    personality: string,
    request: SpawnRequest,
  ): { readonly process: Process; readonly status: Promise<ExitStatus> };
  /** The process has ended: settles `spawn`'s promise. Called by the personality. */
  ended(process: Process, status: ExitStatus): void;
  /** Runs until no task is left, or until `stop()`. While all tasks wait, awaits the host. */
  run(): Promise<void>;
  /** Makes `run` return soon; a later `run` goes on. */
  stop(): void;
  /** A timer in kernel monotonic ns; the result cancels it. */
  timer(deadline: number, fire: () => void): () => void;
  /** The host does something in the background (a read of stdin): the kernel stays alive until it settles; `then` runs between tasks. */
  background<T>(work: Promise<T>, then: (value: T | undefined, error: unknown) => void): void;
  /** Runs soon, between tasks, from any host callback (a host signal, a resize). */
  post(work: () => void): void;
  /** The task that runs now; undefined between tasks. */
  readonly current: Task | undefined;
}
