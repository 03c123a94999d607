/**
 * Direct calls (O1): a function of the C ABI that guest code calls as any other, without a trap. Here is how one reads its
 * arguments, how a system call of Linux serves it, and how its answer becomes a libc's: -1 with errno.
 */
import {
  type Arch,
  compileCall,
  EINTR,
  ENOSYS,
  ERESTART_RESTARTBLOCK,
  ERESTARTSYS,
  ETIMEDOUT,
  invoke,
  KEEP,
  type Outcome,
  type RowAbi,
  type Task,
  type WakeReason,
} from "@guise/core";
import { callNamed, isDoneAgain } from "@guise/linux/services";
import { osvOf } from "./state.ts";

/** A function of the kernel that programs are linked to. */
export type DirectCall = (task: Task) => Outcome;

/** Functions by name. */
export type Calls = Readonly<Record<string, DirectCall>>;

/** Registers of the calling convention, as indices. */
interface Convention {
  readonly args: readonly number[];
  readonly row: RowAbi;
}

const conventions = new WeakMap<Arch, Convention>();

function conventionOf(task: Task): Convention {
  const { arch } = task.process.cpu;
  let found = conventions.get(arch);
  if (found === undefined) {
    const abi = arch.abis.call;
    const args = abi.args.map((name) => arch.register(name));
    found = { args, row: { arch: arch.name, entry: "call", registers: args, pointer: abi.pointer } };
    conventions.set(arch, found);
  }
  return found;
}

/** An argument as an unsigned number: pointers and sizes. More than fit into registers are on the stack. */
export function arg(task: Task, n: number): number {
  const { args } = conventionOf(task);
  if (n < args.length) return task.frame.num(args[n]);
  const { arch } = task.process.cpu;
  const behind = arch.abis.call.link === undefined ? 1 : 0; // the return address
  return task.space.getNum64(task.frame.num(arch.sp) + 8 * (n - args.length + behind)) ?? 0;
}

/** An argument as a signed 32-bit int. */
export function int(task: Task, n: number): number {
  const { args } = conventionOf(task);
  return n < args.length ? task.frame.lo(args[n]) : arg(task, n) | 0;
}

/** An argument as a signed 64-bit long, exact below 2^53. */
export function long(task: Task, n: number): number {
  const { args } = conventionOf(task);
  const register = args[n];
  return task.frame.hi(register) * 2 ** 32 + (task.frame.lo(register) >>> 0);
}

/** Sets argument registers: the caller of a C function does not expect them to be kept. */
export function setArgs(task: Task, values: readonly number[]): void {
  const { args } = conventionOf(task);
  for (let n = 0; n < values.length; n++) task.frame.setNum(args[n], values[n]);
}

type Run = (task: Task) => Outcome;
const compiled = new Map<string, Run>();

/** A system call as a function of the argument registers: its answer is Linux's, a negated error number. */
function handler(task: Task, name: string): Run {
  const { row } = conventionOf(task);
  const key = `${row.arch} ${name}`;
  let run = compiled.get(key);
  if (run === undefined) {
    const call = callNamed(name);
    run = call === undefined ? () => ENOSYS : compileCall(call, row);
    compiled.set(key, run);
  }
  return run;
}

/**
 * What follows an outcome: `next` gets its number, at once or after waits. `again` is the call itself, for a wait that
 * wants it done anew. A signal ends a wait with EINTR, or the call is done again behind its handler, as Linux decides it (X29).
 */
export function after(
  task: Task,
  first: Outcome,
  again: (task: Task) => Outcome,
  next: (task: Task, result: number) => Outcome,
): Outcome {
  if (typeof first === "number") {
    if (!isRestart(first)) return next(task, first);
    // What is left of a sleep is known to the call itself.
    const anew = first === ERESTART_RESTARTBLOCK ? handler(task, "restart_syscall") : again;
    return interrupted(task, first, (t) => after(t, anew(t), again, next), (t) => next(t, EINTR));
  }
  switch (first.kind) {
    case "wait": {
      const ended = osvOf(task).cancelPoint?.(task);
      if (ended !== undefined) return ended;
      return {
        ...first,
        then: (t: Task, reason: WakeReason): Outcome => {
          const outcome = first.then !== undefined
            ? first.then(t, reason)
            : reason === "ready"
            ? again(t)
            : reason === "timeout"
            ? ETIMEDOUT
            : ERESTARTSYS;
          return after(t, outcome, again, next);
        },
      };
    }
    case "invoke":
      return {
        ...first,
        then: (t: Task, result: number): Outcome => after(t, first.then(t, result), again, next),
      };
    case "keep":
    case "exit":
      return first;
    default:
      return first satisfies never;
  }
}

function isRestart(result: number): boolean {
  return result <= ERESTARTSYS && result >= ERESTART_RESTARTBLOCK;
}

/**
 * A signal has ended a wait with this code: `again` does it anew, `stop` answers that it was interrupted. Handlers run when guest code
 * does: where the call goes on behind them a function is called that does nothing. Cancelled threads end here.
 */
export function interrupted(
  task: Task,
  code: number,
  again: (task: Task) => Outcome,
  stop: (task: Task) => Outcome,
): Outcome {
  const { pause, cancelPoint } = osvOf(task);
  const ended = cancelPoint?.(task);
  if (ended !== undefined) return ended;
  return pause === 0 || !isDoneAgain(task, code) ? stop(task) : invoke(pause, [], again);
}

/**
 * Rounds of something that may be done at once or wait: `round` is given what asks for one more. Asked for at once it does not
 * nest, so that a million rounds need no stack.
 */
export function looping(
  task: Task,
  round: (task: Task, again: (task: Task) => Outcome) => Outcome,
): Outcome {
  let inside = false, more = false;
  const run = (t: Task): Outcome => {
    if (inside) {
      more = true;
      return KEEP; // stands for what the loop below is going to answer
    }
    for (;;) {
      inside = true;
      more = false;
      const outcome = round(t, run);
      inside = false;
      if (!more) return outcome;
    }
  };
  return run(task);
}

/** A system call with these arguments; `next` gets Linux's answer. */
export function perform(
  task: Task,
  name: string,
  args: readonly number[],
  next: (task: Task, result: number) => Outcome,
): Outcome {
  const again = (t: Task): Outcome => {
    setArgs(t, args);
    return handler(t, name)(t);
  };
  return after(task, again(task), again, next);
}

/** Sets errno of the calling thread; answers -1. */
export function fail(task: Task, errno: number): number {
  const { errnoOffset } = osvOf(task);
  if (errnoOffset !== 0) {
    task.space.setU32(task.frame.num(task.process.cpu.arch.tls) + errnoOffset, -errno);
  }
  return -1;
}

/** A libc's answer: -1 and errno for Linux's negated error number. */
export function answer(task: Task, result: number): number {
  return result < 0 && result > -4096 ? fail(task, result) : result;
}

/** Functions that end a cancelled thread also when they would not wait (POSIX.1-2017, XSH 2.9.5.2). */
const POINTS = new Set(
  ("read write open openat close pread64 pwrite64 readv writev accept connect recvfrom sendto recvmsg sendmsg " +
    "poll select ppoll pselect6 nanosleep clock_nanosleep pause fsync fdatasync wait4 waitid msgrcv msgsnd rt_sigsuspend")
    .split(" "),
);

/** A function that is a system call: same arguments, and errno. */
export function direct(name: string): DirectCall {
  let arch: Arch | undefined;
  let run: Run = () => ENOSYS;
  const point = POINTS.has(name);
  return (task) => {
    if (point) {
      const ended = osvOf(task).cancelPoint?.(task);
      if (ended !== undefined) return ended;
    }
    const own = task.process.cpu.arch;
    if (own !== arch) {
      arch = own;
      run = handler(task, name);
    }
    const outcome = run(task);
    if (typeof outcome === "number" && outcome > -512) return answer(task, outcome);
    return after(task, outcome, run, answer);
  };
}

/** The text of a NUL-terminated argument; undefined when it is not readable. */
export function text(task: Task, address: number): string | undefined {
  const bytes = task.space.cstring(address, 1 << 20);
  return typeof bytes === "number" ? undefined : new TextDecoder().decode(bytes);
}
