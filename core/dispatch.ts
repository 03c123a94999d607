/**
 * Traps and what follows: a system call goes from the number register to a row of the process's table, its outcome
 * back to the result register. While nothing watches, a number is written and guest code goes on at once; every other
 * outcome leaves guest code, and then a task waits, ends, calls a guest function, or is given to its personality.
 */
import { type KernelEntry, type Trap, type TrapCause, WRITE } from "./arch.ts";
import { EINTR, ENOSYS, ERESTARTSYS, ETIMEDOUT } from "./errno.ts";
import type { HookSet } from "./hook_set.ts";
import { type Control, type Invoke, type Outcome, RESUME, type Wait } from "./outcome.ts";
import { CallEvent, type EntryTable, type Row } from "./rows.ts";
import { type CallKind, RETURN_TARGET, type Runtime, type TaskImpl } from "./tasks.ts";

/** What the dispatcher asks of the scheduler. */
export interface Scheduler extends Runtime {
  readonly hooks: HookSet;
  readonly current: TaskImpl | undefined;
  poll(task: TaskImpl): void;
}

/**
 * Weight of the calls between two looks at the host's clock: as many as take about {@link POLL_TIME} ms by the last ones, within these
 * limits. One that decodes arguments counts as several.
 */
const POLL_LEAST = 32, POLL_MOST = 768, POLL_TIME = 0.05;
/** Weight of leaving guest code. */
const LEFT = 96;
/** Weight of a direct call. */
const DIRECT = 8;
/** A personality whose attend never clears the flag is a bug of its author. */
const ATTEND_MOST = 10_000;

/** -512 to -516 are not results: the personality restarts the call or makes EINTR of it (X29). */
const isRestart = (n: number): boolean => n <= -512 && n >= -516;

/** The kernel's end of the entry paths. */
export class Dispatcher implements KernelEntry {
  readonly #kernel: Scheduler;
  readonly #hooks: HookSet;
  readonly #event = new CallEvent();
  readonly #fault = new SyntheticTrap();
  /** Weight of calls until the next look at the host's clock. */
  #until = 0;
  #every = POLL_LEAST;

  constructor(kernel: Scheduler) {
    this.#kernel = kernel;
    this.#hooks = kernel.hooks;
  }

  /** From inside guest code: a system call instruction. Small, so that it is inlined where it is called: all else is elsewhere. */
  syscall(entry: number): 0 | 1 {
    const task = this.#kernel.current!;
    const table = task.process.tables[entry];
    const number = task.frame.lo(table.numberRegister);
    const row = table.find(number);
    if (row === undefined || row.missing || this.#hooks.calls) return this.#watched(task, table, row, number);
    const outcome = row.run(task);
    if ((this.#until -= row.weight) <= 0) this.#poll(task);
    if (typeof outcome !== "number" || !task.simple || isRestart(outcome)) {
      return this.#left(task, table, row, number, outcome);
    }
    table.encode(task, outcome);
    if (row.constant) table.remember(task, number);
    return 0;
  }

  /** A call that hooks see, or that is not there. */
  #watched(task: TaskImpl, table: EntryTable, row: Row | undefined, number: number): 0 | 1 {
    this.#begin(task, "syscall", table, row, number);
    const outcome = this.#observe(task);
    if ((this.#until -= row?.weight ?? 1) <= 0) this.#poll(task);
    if (typeof outcome === "number" && task.simple && !isRestart(outcome)) {
      this.#exitHooks(task, outcome);
      table.encode(task, outcome);
      return 0;
    }
    task.pending = outcome;
    return 1;
  }

  /**
   * A call that does not simply go on. Where guest code goes on all the same, only elsewhere (a signal's handler, the way back from one),
   * it need not be left: it finds another program counter. All else is settled when it has been left.
   */
  #left(task: TaskImpl, table: EntryTable, row: Row, number: number, outcome: Outcome): 0 | 1 {
    if (outcome === RESUME && task.simple) return 0;
    this.#begin(task, "syscall", table, row, number);
    if (typeof outcome === "number" && task.running && !isRestart(outcome)) {
      this.#finish(task, outcome);
      return task.simple ? 0 : 1;
    }
    task.pending = outcome;
    return 1;
  }

  #poll(task: TaskImpl): void {
    this.#until = this.#every;
    if (task.running) this.#kernel.poll(task);
  }
  /** The clock was looked at, `ms` after the last time. */
  looked(ms: number): void {
    const every = this.#every * POLL_TIME / Math.max(ms, 0.001);
    this.#until = this.#every = Math.floor(Math.min(Math.max(every, POLL_LEAST), POLL_MOST));
  }
  /** Guest code was left after little work; true when the clock should be looked at. */
  left(): boolean {
    return (this.#until -= LEFT) <= 0;
  }
  /** Something took long: the next call looks at the clock. */
  pollSoon(): void {
    this.#until = 0;
  }

  /** From inside guest code: a call stub. */
  call(target: number): 0 | 1 {
    const task = this.#kernel.current!;
    if ((this.#until -= DIRECT) <= 0) this.#poll(task);
    if (target === RETURN_TARGET) {
      task.returned = true;
      return 1;
    }
    const { personality } = task.process;
    if (this.#hooks.direct) this.#hooks.call(task, personality.callName?.(target) ?? `call ${target}`);
    const outcome = personality.call?.(task, target) ?? ENOSYS;
    if (typeof outcome === "number" && task.simple && !isRestart(outcome)) {
      this.#giveCallResult(task, outcome);
      return 0;
    }
    this.#begin(task, "stub", undefined, undefined, target);
    task.pending = outcome;
    return 1;
  }

  #begin(
    task: TaskImpl,
    kind: CallKind,
    table: EntryTable | undefined,
    row: Row | undefined,
    number: number,
  ): void {
    task.kind = kind;
    task.table = table;
    task.row = row;
    task.number = number;
    task.observed = false;
  }

  /** Runs the call with its hooks. */
  #observe(task: TaskImpl): Outcome {
    const hooks = this.#hooks;
    const { table, row, number } = task;
    let replaced: Outcome | undefined;
    if (hooks.calls) {
      task.observed = true;
      replaced = hooks.intercept(this.#event.fill(task, table!, row, number));
      hooks.enter(this.#event.fill(task, table!, row, number));
    }
    return replaced ?? this.#run(task);
  }

  /** Runs the handler of the call that the task is in. */
  #run(task: TaskImpl): Outcome {
    const { row, number, process } = task;
    if (task.kind === "stub") return process.personality.call?.(task, number) ?? ENOSYS;
    const table = task.table!;
    if (row === undefined || row.missing) this.#report(task, table, number, row?.call.name);
    if (row !== undefined) return row.run(task);
    return process.personality.unknown?.(task, number, table.entry) ?? ENOSYS;
  }

  /** Says once for a process image that a call is not implemented. */
  #report(task: TaskImpl, table: EntryTable, number: number, name: string | undefined): void {
    const { reported, tables } = task.process;
    const key = number * 8 + tables.indexOf(table);
    if (reported.has(key)) return;
    reported.add(key);
    const event = { kind: "unimplemented", task, arch: table.arch.name, entry: table.entry, number } as const;
    this.#hooks.event(name === undefined ? event : { ...event, name });
  }

  #exitHooks(task: TaskImpl, result: number | undefined): void {
    if (!task.observed) return;
    task.observed = false;
    this.#hooks.exit(this.#event.fill(task, task.table!, task.row, task.number), result);
  }

  #giveCallResult(task: TaskImpl, value: number): void {
    const { arch } = task.process.host;
    task.frame.setNum(arch.register(arch.abis.call.result), value);
  }

  /** Guest code was left. */
  trap(task: TaskImpl, trap: Trap): void {
    switch (trap.cause) {
      case "budget":
      case "interrupt":
        return;
      case "syscall":
      case "call":
        return this.#called(task);
      default:
        this.#hooks.trap(task, trap);
        if (task.running) this.#faulted(task, trap);
    }
  }

  #faulted(task: TaskImpl, trap: Trap): void {
    if (this.#hooks.fault(task, trap)) return;
    task.kind = "none";
    const control = task.process.personality.fault(task, trap);
    if (control !== undefined) this.#settle(task, control);
  }

  #called(task: TaskImpl): void {
    if (task.returned) {
      task.returned = false;
      return this.#returned(task);
    }
    const { pending } = task;
    task.pending = undefined;
    if (task.dead) return;
    if (pending !== undefined) this.#settle(task, pending);
  }

  /** The task has ended: a call that never returns is told to the hooks. */
  ended(task: TaskImpl): void {
    if (task.observed) this.#exitHooks(task, undefined);
    task.pending = undefined;
  }

  /** The task begins to run: what it waited for comes first. */
  resume(task: TaskImpl): void {
    const { wait } = task;
    if (wait === undefined) return;
    const reason = task.reason ?? "ready";
    task.wait = undefined;
    task.reason = undefined;
    this.#settle(task, this.#woken(task, wait, reason));
  }

  #woken(task: TaskImpl, wait: Wait, reason: "ready" | "timeout" | "signal"): Outcome {
    if (wait.then !== undefined) return wait.then(task, reason);
    if (reason === "timeout") return ETIMEDOUT;
    if (reason === "signal") return ERESTARTSYS;
    if (task.kind === "none") return { kind: "keep" };
    return this.#run(task);
  }

  /** Does what an outcome asks, until the task can go on or cannot. */
  #settle(task: TaskImpl, first: Outcome): void {
    let outcome = first;
    for (;;) {
      if (task.dead) return;
      if (typeof outcome === "number") return this.#finish(task, outcome);
      switch (outcome.kind) {
        case "keep":
          return this.#keep(task);
        case "exit":
          return task.end();
        case "wait":
          if (task.attention && outcome.uninterruptible !== true) {
            outcome = this.#woken(task, outcome, "signal");
            continue;
          }
          return this.#park(task, outcome);
        case "invoke":
          return this.#invoke(task, outcome);
        default:
          return outcome satisfies never;
      }
    }
  }

  #park(task: TaskImpl, wait: Wait): void {
    const stopped = !task.running;
    task.park(wait);
    if (stopped) task.stop();
  }

  /** A call has its number. */
  #finish(task: TaskImpl, value: number): void {
    const { kind } = task;
    if (kind === "none") return; // a wait of attend or fault: nothing to write
    this.#exitHooks(task, value);
    task.kind = "none";
    if (isRestart(value)) {
      if (task.process.personality.attend === undefined) this.#write(task, kind, EINTR);
      else this.attend(task, value);
      return;
    }
    this.#write(task, kind, value);
    if (task.attention && task.running) this.attend(task, value);
  }

  #write(task: TaskImpl, kind: CallKind, value: number): void {
    if (kind === "syscall") task.table!.encode(task, value);
    else this.#giveCallResult(task, value);
  }

  #keep(task: TaskImpl): void {
    if (task.observed) {
      const { frame, process } = task;
      const table = process.tables[0] ?? task.table!;
      const register = table.arch === task.table!.arch ? task.table!.resultRegister : table.resultRegister;
      const high = frame.hi(register);
      this.#exitHooks(task, high * 2 ** 32 + (frame.lo(register) >>> 0));
    }
    task.kind = "none";
  }

  /** Lets the personality look at signals and the like before guest code goes on. */
  attend(task: TaskImpl, outcome: Outcome | undefined): void {
    const { personality } = task.process;
    if (personality.attend === undefined) {
      task.attention = false;
      return;
    }
    let given = outcome;
    for (let n = 0; task.running && (task.attention || given !== undefined); n++) {
      if (n === ATTEND_MOST) {
        throw new Error(
          `guise: ${personality.name}.attend leaves task.attention set (a bug of the personality)`,
        );
      }
      const control = personality.attend(task, given);
      given = undefined;
      if (control === undefined || control.kind === "keep") continue;
      return this.#settle(task, control);
    }
  }

  // Calls of guest code by the kernel.

  #invoke(task: TaskImpl, call: Invoke): void {
    const { host } = task.process;
    const { arch, space } = host;
    const abi = arch.abis.call;
    const stub = host.stub(RETURN_TARGET);
    if (abi === undefined || stub === undefined) {
      throw new Error(
        `guise: ${arch.name} cannot call guest functions: ${abi ? "no room for a stub" : "no call ABI"}`,
      );
    }
    const { frame } = task;
    const { kind, table, row, number, observed } = task;
    const size = abi.pointer;
    const inRegisters = Math.min(call.args.length, abi.args.length);
    const onStack = call.args.length - inRegisters;
    let sp = frame.num(arch.sp) - (abi.redZone ?? 0) - onStack * size;
    sp -= sp % 16;
    const saved = frame.save();
    let fine = true;
    const put = (at: number, value: number): boolean =>
      size === 8 ? space.setNum64(at, value) : space.setU32(at, value);
    for (let n = 0; n < onStack; n++) fine &&= put(sp + n * size, call.args[inRegisters + n]);
    if (abi.link === undefined) {
      sp -= size;
      fine &&= put(sp, stub);
    } else frame.setNum(arch.register(abi.link), stub);
    if (!fine) {
      frame.restore(saved);
      return this.#faulted(task, this.#fault.page(sp, WRITE));
    }
    for (let n = 0; n < inRegisters; n++) frame.setNum(arch.register(abi.args[n]), call.args[n]);
    frame.setNum(arch.sp, sp);
    frame.setNum(arch.pc, call.address);
    const end = abi.link === undefined ? sp + size : sp;
    task.frames.push({ saved, sp: end, then: call.then, kind, table, row, number, observed });
    task.kind = "none";
    task.observed = false;
  }

  #returned(task: TaskImpl): void {
    // Calls that were left by longjmp do not return: the one that does is told by its stack pointer.
    const sp = task.frame.num(task.process.host.arch.sp);
    const own = task.frames.findLastIndex((frame) => frame.sp === sp);
    if (own >= 0) task.frames.length = own + 1;
    const call = task.frames.pop();
    // A guest that jumps to the return stub by itself.
    if (call === undefined) return this.#faulted(task, this.#fault.illegal());
    const { arch } = task.process.host;
    const { frame } = task;
    const register = arch.register(arch.abis.call.result);
    const result = frame.hi(register) * 2 ** 32 + (frame.lo(register) >>> 0);
    const lo = frame.lo(arch.tls), hi = frame.hi(arch.tls);
    frame.restore(call.saved);
    frame.set(arch.tls, lo, hi);
    task.kind = call.kind;
    task.table = call.table;
    task.row = call.row;
    task.number = call.number;
    task.observed = call.observed;
    this.#settle(task, call.then(task, result));
  }
}

/** A fault that the kernel meets on the guest's behalf. */
class SyntheticTrap implements Trap {
  cause: TrapCause = "page";
  address = 0;
  addressLo = 0;
  addressHi = 0;
  access = 0;
  vector = 0;
  error = 0;
  entry = 0;

  page(address: number, access: number): this {
    this.cause = "page";
    this.address = address;
    this.addressLo = address | 0;
    this.addressHi = Math.floor(address / 2 ** 32) | 0;
    this.access = access;
    this.vector = 14;
    this.error = access === WRITE ? 6 : 4;
    return this;
  }
  illegal(): this {
    this.cause = "illegal";
    this.address =
      this.addressLo =
      this.addressHi =
      this.access =
      this.error =
        0;
    this.vector = 6;
    return this;
  }
}

export type { Control };
