/**
 * Hooks: how plugins observe and change what happens. What is off costs nothing (one load says whether any hook of a
 * kind is on) and a change takes effect at once, on every engine.
 */
import type { Trap } from "./arch.ts";
import type { Outcome } from "./outcome.ts";
import type { Syscall } from "./syscall.ts";
import type { Process, Task } from "./task.ts";
import type { ExitStatus, SpawnRequest } from "./personality.ts";

/** One system call being made; valid during the hook only. */
export interface SyscallEvent {
  /** Who makes the call. */
  readonly task: Task;
  /** Undefined when the table has no such row. */
  readonly call: Syscall | undefined;
  /** Its number, as the guest gave it (32 bits, signed). */
  readonly number: number;
  /** Name of the architecture. */
  readonly arch: string;
  /** Name of the entry path. */
  readonly entry: string;
  /** Width of a guest pointer on this way in, in bytes. */
  readonly pointer: 4 | 8;
  /** What a trace says in front of the name (`SyscallTable.label`). */
  readonly label: string;
  /** The raw argument in slot `n`. */
  arg(n: number): number;
  /** Decoded arguments by name; a failed one is its Errno. */
  decoded(): Readonly<Record<string, unknown>>;
  /**
   * Trace text of each argument. Before the call (no `result`) it ends before the first one that is of direction "out",
   * as strace prints them; after the call it has all of them. Those before `from` are left empty: they have been printed.
   */
  text(result?: number, from?: number): string[];
  /** How many arguments {@link text} gives after the call. */
  readonly count: number;
  /** Trace text of the result. */
  resultText(result: number): string;
}

/** Something worth telling a person or a tool once. */
export type KernelEvent =
  | {
    readonly kind: "unimplemented";
    readonly task: Task;
    readonly arch: string;
    readonly entry: string;
    readonly number: number;
    readonly name?: string;
  }
  | {
    readonly kind: "spawn";
    readonly process: Process;
    readonly parent?: Process;
    readonly request?: SpawnRequest;
  }
  | { readonly kind: "task"; readonly task: Task; readonly parent?: Task }
  | { readonly kind: "exec"; readonly process: Process; readonly path: string }
  | { readonly kind: "signal"; readonly task: Task; readonly signal: number; readonly text: string }
  | { readonly kind: "taskEnd"; readonly task: Task }
  | { readonly kind: "end"; readonly process: Process; readonly status: ExitStatus }
  | { readonly kind: "message"; readonly text: string };

/** The hooks of a plugin. The first word of each doc is its kind. */
export interface Hooks {
  /** First: a call is about to run; the first hook that answers an outcome replaces it (deny, inject, change). */
  intercept(event: SyscallEvent): Outcome | undefined;
  /** Every: a call starts (also one that was replaced). Not again when a waiting call is tried again. */
  enter(event: SyscallEvent): void;
  /** Every: a call has its result; a call that never returns (exit, execve's success seen as 0) has none or 0. */
  exit(event: SyscallEvent, result: number | undefined): void;
  /** Every: guest code called a stub of the kernel, without a trap; `name` is what the personality calls the function. */
  call(task: Task, name: string): void;
  /** Every: anything that left guest code other than a finished call and the scheduler's own (interrupt, budget). */
  trap(task: Task, trap: Trap): void;
  /** Every: a task has left guest code, whatever for, and the clock was read: `now` in host milliseconds. For profilers. */
  ran(task: Task, now: number): void;
  /** First: a fault, before the personality sees it; true: handled, try the instruction again. */
  fault(task: Task, trap: Trap): boolean;
  /** Every. */
  event(event: KernelEvent): void;
}
/** The kinds of hooks. */
export type HookName = keyof Hooks;
