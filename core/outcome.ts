/**
 * What a handler answers: a number (a result, or a negated error number), or a {@link Control} when the task does not
 * simply go on. Handlers never run guest code, never block and never hold a Promise.
 */
import type { WaitQueue } from "./wait.ts";
import type { Task } from "./task.ts";

/** Why a waiting task runs again. */
export type WakeReason = "ready" | "timeout" | "signal";

/** The task does something else than take a result and go on. */
export type Control =
  /** The registers are already what they must be (rt_sigreturn, execve, exit of another task): write no result. */
  | { readonly kind: "keep" }
  /** This task has ended; never run it again. */
  | { readonly kind: "exit" }
  /** Do the same system call again, from the registers, when one of the queues is woken, the deadline passes or a signal comes. */
  | Wait
  /** Call guest code at `address` with integer arguments by the C ABI; `then` gets its result register. */
  | Invoke;

/** The task waits. Made by {@link wait}. */
export interface Wait {
  /** Which control. */
  readonly kind: "wait";
  /** Any of them ends the wait. */
  readonly queues: readonly WaitQueue[];
  /** Kernel monotonic time in ns at which to give up; Infinity: never. */
  readonly deadline: number;
  /**
   * Called when the task runs again; its outcome is that of the call. Without it the call is dispatched again from
   * the start when ready (arguments decoded anew), which suits handlers that test and then wait; on a timeout it
   * is then ETIMEDOUT, on a signal ERESTARTSYS.
   */
  readonly then?: (task: Task, reason: WakeReason) => Outcome;
  /** `task.attention` does not end it, only a queue, the deadline or `wake` (a parent in vfork waits for its child). */
  readonly uninterruptible?: boolean;
}

/** The kernel calls guest code. Made by {@link invoke}. */
export interface Invoke {
  /** Which control. */
  readonly kind: "invoke";
  /** Of the function. */
  readonly address: number;
  /** Integers; more than fit into registers go on the stack. */
  readonly args: readonly number[];
  /** Gets the result register as a signed number; its outcome is the call's. */
  readonly then: (task: Task, result: number) => Outcome;
}

/** What a handler answers. */
export type Outcome = number | Control;

/** See {@link Control}. */
export const KEEP: Control = { kind: "keep" };
/** As {@link KEEP}, of a call that has only written registers (rt_sigreturn): the task runs the same code as before. */
export const RESUME: Control = { kind: "keep" };
/** See {@link Control}. */
export const EXIT: Control = { kind: "exit" };

/** Waits for one of `queues`. See {@link Wait}. */
export function wait(
  queues: readonly WaitQueue[],
  deadline: number = Infinity,
  then?: (task: Task, reason: WakeReason) => Outcome,
): Control {
  return { kind: "wait", queues, deadline, then };
}

/** Calls guest code. See {@link Invoke}. */
export function invoke(address: number, args: readonly number[], then: Invoke["then"]): Control {
  return { kind: "invoke", address, args, then };
}
