/**
 * A system call as a 32-bit entry path sees it: arguments are the low halves of the registers, zero-extended (spec X12).
 * The same declaration serves; its decoders and formatters look at the task through a frame that has no high halves.
 */
import {
  type ArgType,
  type ArgTypes,
  ERESTART_RESTARTBLOCK,
  type Kernel,
  type Outcome,
  type Process,
  type RowAbi,
  type State,
  type Syscall,
  type Task,
  type TaskState,
  type TrapFrame,
  type WakeReason,
} from "@guise/core";
import { threadOf } from "../state.ts";

/** Registers cut to 32 bits, for reading arguments. */
class NarrowFrame implements TrapFrame {
  frame!: TrapFrame;
  lo(reg: number): number {
    return this.frame.lo(reg);
  }
  hi(_reg: number): number {
    return 0;
  }
  num(reg: number): number {
    return this.frame.lo(reg) >>> 0;
  }
  big(reg: number): bigint {
    return BigInt(this.num(reg));
  }
  set(reg: number, lo: number, hi: number): void {
    this.frame.set(reg, lo, hi);
  }
  setNum(reg: number, value: number): void {
    this.frame.setNum(reg, value);
  }
  setBig(reg: number, value: bigint): void {
    this.frame.setBig(reg, value);
  }
  read(reg: number, into: Uint8Array, at?: number): void {
    this.frame.read(reg, into, at);
  }
  write(reg: number, from: Uint8Array, at?: number): void {
    this.frame.write(reg, from, at);
  }
  gather(registers: Int32Array, into: DataView, at: number): void {
    this.frame.gather(registers, into, at);
  }
  scatter(registers: Int32Array, from: DataView, at: number): void {
    this.frame.scatter(registers, from, at);
  }
  save(into?: Uint8Array): Uint8Array {
    return this.frame.save(into);
  }
  restore(saved: Uint8Array): void {
    this.frame.restore(saved);
  }
}

/** A task whose frame is narrow; one object, used while arguments are read. */
class NarrowTask implements Task {
  task!: Task;
  readonly #frame = new NarrowFrame();
  of(task: Task): Task {
    this.task = task;
    this.#frame.frame = task.frame;
    return this;
  }
  get id(): number {
    return this.task.id;
  }
  get process(): Process {
    return this.task.process;
  }
  get kernel(): Kernel {
    return this.task.kernel;
  }
  get state(): TaskState {
    return this.task.state;
  }
  get frame(): TrapFrame {
    return this.#frame;
  }
  get space(): Task["space"] {
    return this.task.space;
  }
  get data(): State {
    return this.task.data;
  }
  get attention(): boolean {
    return this.task.attention;
  }
  set attention(value: boolean) {
    this.task.attention = value;
  }
  get cpuTime(): number {
    return this.task.cpuTime;
  }
  wake(reason: WakeReason): void {
    this.task.wake(reason);
  }
  stop(): void {
    this.task.stop();
  }
  resume(): void {
    this.task.resume();
  }
  end(): void {
    this.task.end();
  }
}

const view = new NarrowTask();

function narrowType<T>(type: ArgType<T>): ArgType<T> {
  return {
    label: type.label,
    slots: type.slots,
    direction: type.direction,
    compile(abi: RowAbi, slot: number) {
      const decode = type.compile(abi, slot);
      return (task) => decode(view.of(task));
    },
    format(abi: RowAbi, slot: number) {
      const text = type.format(abi, slot);
      return (task, result) => text(view.of(task), result);
    },
  };
}

/** i386's restart_syscall. */
const RESTART_SYSCALL = 0;

/** A wait that a signal ends is continued by the number of this entry path. */
function withRestart(outcome: Outcome): Outcome {
  if (typeof outcome === "number" || outcome.kind !== "wait" || outcome.then === undefined) return outcome;
  const { then } = outcome;
  return {
    ...outcome,
    then: (task: Task, reason: WakeReason): Outcome => {
      const next = then(task, reason);
      if (next === ERESTART_RESTARTBLOCK) threadOf(task).restartNumber = RESTART_SYSCALL;
      return withRestart(next);
    },
  };
}

/** The call with 32-bit arguments. */
export function narrow(call: Syscall): Syscall {
  const { spec } = call;
  const args: ArgTypes = Object.fromEntries(
    Object.entries(spec.args).map(([name, type]) => [name, narrowType(type)]),
  );
  return {
    name: call.name,
    spec: { ...spec, args, run: (task, values) => withRestart(spec.run(task, values)) },
  };
}
