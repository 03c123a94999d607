/**
 * Tasks and processes. A task is what the scheduler runs: a thread of a process. A process owns an address space, a
 * personality and its table of system calls.
 */
import type { Arch, Cpu, Trap, TrapFrame } from "./arch.ts";
import type { State } from "./key.ts";
import type { AddressSpace } from "./memory.ts";
import type { Control, Outcome, Wait, WakeReason } from "./outcome.ts";
import type { Personality } from "./personality.ts";
import type { Kernel } from "./kernel.ts";

/** What a task is doing. */
export type TaskState =
  | { readonly kind: "runnable" }
  | { readonly kind: "running" }
  | { readonly kind: "waiting"; readonly wait: Wait }
  /** Stopped by job control or by a vfork child that has not yet exec'd; made runnable by {@link Task.resume}. */
  | { readonly kind: "stopped" }
  | { readonly kind: "dead" };

/** A thread. */
export interface Task {
  /** Unique in its kernel, from 1. */
  readonly id: number;
  /** Whose thread it is. */
  readonly process: Process;
  /** The kernel that runs it. */
  readonly kernel: Kernel;
  /** What it is doing. */
  readonly state: TaskState;
  /** Registers: of the CPU while the task is the current one of its space, else of its saved block. */
  readonly frame: TrapFrame;
  /** The process's space, for handlers. */
  readonly space: AddressSpace;
  /** Per-task values of plugins and personalities. */
  readonly data: State;
  /**
   * True when something must be looked at before guest code goes on: a signal, a stop, an exit. The personality's
   * `attend` is then called before the task runs.
   */
  attention: boolean;
  /** CPU time in ns and guest instructions used. */
  readonly cpuTime: number;
  /** Makes a waiting or stopped task runnable, with this reason. Nothing when it is neither. */
  wake(reason: WakeReason): void;
  /** Does not run until `resume` or `wake`. A wait goes on. */
  stop(): void;
  /** Ends a stop. */
  resume(): void;
  /** Ends the task now: off all queues, never run again. */
  end(): void;
}

/** A process: what owns memory and is spawned, forked, exec'd and ended. */
export interface Process {
  /** Unique in its kernel; also the number of its first task. */
  readonly id: number;
  /** The kernel that runs it. */
  readonly kernel: Kernel;
  /** What the kernel means to it. */
  readonly personality: Personality;
  /** Its memory. */
  readonly space: AddressSpace;
  /** What its CPU is; asking makes none. */
  readonly arch: Arch;
  /** The CPU of its memory, made when it is first asked for. */
  readonly cpu: Cpu;
  /** Its living tasks. */
  readonly tasks: readonly Task[];
  /** Values of plugins. */
  readonly data: State;
  /** Creates one more task of this process; its registers are copied from `from` (or zero). */
  addTask(from?: Task): Task;
  /** Replaces space and CPU (execve): the old ones are released when their frames have unwound. */
  replace(space: AddressSpace, personality?: Personality, archName?: string): void;
  /** True for processes that share this space (vfork, clone with CLONE_VM without CLONE_THREAD). */
  readonly sharesSpace: boolean;
  /**
   * Guest address of a call stub for `target` ({@link Personality.call}), in a page of stubs that is mapped on demand;
   * undefined when there is no room.
   */
  stub(target: number): number | undefined;
}

export type { Control, Outcome, Trap };
