/**
 * A personality's system calls compiled for one entry path of one architecture: a dense array of rows whose decoders
 * know their registers. Getpid decodes nothing; `write(fd, buf, n)` costs a file look-up and one range check.
 */
import type { Arch, CallAbi, TrapFrame } from "./arch.ts";
import { errnoName } from "./errno.ts";
import type { SyscallEvent } from "./hooks.ts";
import type { Outcome } from "./outcome.ts";
import type { Personality } from "./personality.ts";
import {
  type Decoder,
  Failure,
  type Formatter,
  type RowAbi,
  type Syscall,
  type SyscallTable,
} from "./syscall.ts";
import type { Task } from "./task.ts";

/** Numbers up to this are looked up in an array, higher ones in a map. */
const DENSE = 4096;

/** Weight of a call that decodes arguments. */
const WITH_ARGUMENTS = 32;

/** One compiled row. */
export class Row {
  readonly call: Syscall;
  readonly abi: RowAbi;
  /** Declared without an implementation: using it is reported. */
  readonly missing: boolean;
  /** Decodes the arguments and runs the handler; a decoder's failure is the result. Compiled at its first use. */
  run: (task: Task) => Outcome;
  /** What it counts as between two looks at the host's clock: one without arguments cannot take long. */
  readonly weight: number;
  /** The CPU may remember its result. */
  readonly constant: boolean;
  /** How many arguments it has. */
  readonly count: number;
  readonly #slots: readonly number[];
  readonly #out: readonly boolean[];
  #formatters: readonly Formatter[] | undefined;

  constructor(call: Syscall, abi: RowAbi) {
    this.call = call;
    this.abi = abi;
    const { spec } = call;
    this.missing = spec.support === "none";
    const names = Object.keys(spec.args);
    const slots: number[] = [];
    let slot = 0;
    for (const name of names) {
      slots.push(slot);
      slot += spec.args[name].slots;
    }
    if (slot > abi.registers.length) {
      throw new Error(
        `guise: ${call.name} takes ${slot} argument registers, ${abi.arch} ${abi.entry} has ${abi.registers.length}`,
      );
    }
    this.#slots = slots;
    this.count = names.length;
    this.#out = names.map((name) => spec.args[name].direction === "out");
    this.constant = spec.constant === true;
    this.weight = slot === 0 ? 1 : WITH_ARGUMENTS;
    this.run = (task) => {
      this.run = compileCall(call, abi);
      return this.run(task);
    };
  }

  /** Decoders of their own, so that looking at arguments does not change those of a handler. */
  decoded(task: Task): Record<string, unknown> {
    const { args } = this.call.spec;
    const result: Record<string, unknown> = {};
    Object.keys(args).forEach((name, i) => {
      const value = args[name].compile(this.abi, this.#slots[i])(task);
      result[name] = value instanceof Failure ? value.errno : value;
    });
    return result;
  }

  text(task: Task, result: number | undefined, from: number): string[] {
    const formatters = this.#formatters ??= Object.values(this.call.spec.args).map((arg, i) =>
      arg.format(this.abi, this.#slots[i])
    );
    const texts: string[] = [];
    for (let i = 0; i < formatters.length; i++) {
      if (result === undefined && this.#out[i]) break;
      texts.push(i < from ? "" : formatters[i](task, result));
    }
    return texts;
  }

  resultText(task: Task, result: number): string {
    const format = this.call.spec.result ?? "number";
    if (result < 0 && result >= -4095) return errnoName(result);
    if (typeof format === "function") return format(task, result, this.abi);
    switch (format) {
      case "number":
        return String(result);
      case "hex":
        return "0x" + (result < 0 ? result + 2 ** 64 : result).toString(16);
      case "octal":
        return result === 0 ? "0" : "0" + result.toString(8);
      case "none":
        return "?";
      default:
        return format satisfies never;
    }
  }
}

type Run = (task: Task, args: Record<string, unknown>) => Outcome;

/**
 * A call as one function of the registers that `abi` names: decodes the arguments and runs the handler; a decoder's failure
 * is the result. What a row does, for personalities that reach a call by another way than its number.
 */
export function compileCall(call: Syscall, abi: RowAbi): (task: Task) => Outcome {
  const names = Object.keys(call.spec.args);
  let slot = 0;
  const decoders = names.map((name) => {
    const type = call.spec.args[name], decode = type.compile(abi, slot);
    slot += type.slots;
    return decode;
  });
  return compile(names, decoders, call.spec.run as Run);
}

/**
 * Joins decoders and handler. The arguments object is made once; its fields are getters over an array, since storing
 * under a name that differs from row to row is slow in code that all rows share, and a getter is inlined in the handler.
 */
function compile(
  names: readonly string[],
  decoders: readonly Decoder<unknown>[],
  run: Run,
): (task: Task) => Outcome {
  const values: unknown[] = names.map(() => undefined);
  const args: Record<string, unknown> = {};
  names.forEach((name, i) => Object.defineProperty(args, name, { enumerable: true, get: () => values[i] }));
  const [first, second, third] = decoders;
  switch (names.length) {
    case 0:
      // Without arguments there is nothing to pass.
      return run.length < 2 ? run as (task: Task) => Outcome : (task) => run(task, args);
    case 1:
      return (task) => {
        const value = values[0] = first(task);
        return value instanceof Failure ? value.errno : run(task, args);
      };
    case 2:
      return (task) => {
        const a = values[0] = first(task);
        if (a instanceof Failure) return a.errno;
        const b = values[1] = second(task);
        return b instanceof Failure ? b.errno : run(task, args);
      };
    case 3:
      return (task) => {
        const a = values[0] = first(task);
        if (a instanceof Failure) return a.errno;
        const b = values[1] = second(task);
        if (b instanceof Failure) return b.errno;
        const c = values[2] = third(task);
        return c instanceof Failure ? c.errno : run(task, args);
      };
    default:
      return (task) => {
        for (let i = 0; i < decoders.length; i++) {
          const value = values[i] = decoders[i](task);
          if (value instanceof Failure) return value.errno;
        }
        return run(task, args);
      };
  }
}

/** The rows of one entry path, and how it gives numbers back. */
export class EntryTable {
  readonly arch: Arch;
  readonly entry: string;
  readonly abi: CallAbi;
  readonly numberRegister: number;
  readonly resultRegister: number;
  readonly registers: readonly number[];
  readonly label: ((number: number) => string) | undefined;
  /** Rows are made when their number is first used: a program uses few of them. */
  readonly #dense: (Row | undefined)[] = [];
  readonly #far = new Map<number, Row>();
  readonly #rowAbi: RowAbi;
  readonly #own: readonly SyscallTable[];
  readonly #encode: Personality["encode"];
  /** Results are written as they are. */
  readonly #plain: boolean;
  readonly #personality: Personality;
  /** It is the architecture's first entry, with the architecture's own registers. */
  readonly #first: boolean;

  constructor(personality: Personality, arch: Arch, entry: string) {
    const own = personality.tables.filter((table) => table.arch === arch.name && table.entry === entry);
    const abi = own.find((table) => table.abi !== undefined)?.abi ?? arch.abis[entry];
    if (abi === undefined || abi.number === undefined) {
      throw new Error(`guise: ${arch.name} does not say which registers its entry "${entry}" uses`);
    }
    this.arch = arch;
    this.entry = entry;
    this.abi = abi;
    this.numberRegister = arch.register(abi.number);
    this.resultRegister = arch.register(abi.result);
    this.registers = abi.args.map((name) => arch.register(name));
    this.#personality = personality;
    const usual = arch.abis[entry];
    this.#first = entry === arch.entries[0] && usual?.number === abi.number && usual?.result === abi.result;
    this.#encode = personality.encode;
    this.#plain = personality.encode === undefined && abi.pointer !== 4;
    this.#rowAbi = { arch: arch.name, entry, registers: this.registers, pointer: abi.pointer };
    this.label = own.find((table) => table.label !== undefined)?.label;
    this.#own = own;
    if (own.length > 1) this.#checkTwice();
  }

  /** Several tables of one entry must not disagree. */
  #checkTwice(): void {
    const calls = new Map<number, Syscall>();
    for (const table of this.#own) {
      for (const [number, call] of table.rows) {
        const old = calls.get(number);
        if (old !== undefined && old !== call) {
          throw new Error(
            `guise: ${this.#personality.name}: ${this.arch.name} ${this.entry} ${number} is both ${old.name} and ${call.name}`,
          );
        }
        calls.set(number, call);
      }
    }
  }

  /** The row of a number: the low 32 bits of its register, signed (X7). */
  find(number: number): Row | undefined {
    if (number >= 0 && number < this.#dense.length) {
      const row = this.#dense[number];
      return row !== undefined ? row : this.#make(number);
    }
    return this.#far.get(number) ?? this.#make(number);
  }

  #make(number: number): Row | undefined {
    for (const { rows } of this.#own) {
      // A table may name a number as unsigned.
      const call = rows.get(number) ?? rows.get(number >>> 0);
      if (call === undefined) continue;
      const row = new Row(call, this.#rowAbi);
      if (number >= 0 && number < DENSE) {
        while (this.#dense.length <= number) this.#dense.push(undefined);
        this.#dense[number] = row;
      } else this.#far.set(number, row);
      return row;
    }
    return undefined;
  }

  /** The call was answered, and always will be like this: its CPU may know, if it asked by the registers that the CPU knows. */
  remember(task: Task, number: number): void {
    if (!this.#first) return;
    const { frame } = task;
    task.process.cpu.rememberAnswer?.(number, frame.lo(this.resultRegister), frame.hi(this.resultRegister));
  }
  /** Writes a handler's number to the task's result register. */
  encode(task: Task, value: number): void {
    if (this.#plain) task.frame.setNum(this.resultRegister, value);
    else if (this.#encode !== undefined) this.#encode.call(this.#personality, task, value);
    // 32-bit results are sign-extended (X12).
    else task.frame.setNum(this.resultRegister, value | 0);
  }

  /** The raw argument in a slot. */
  arg(frame: TrapFrame, slot: number): number {
    const register = this.registers[slot];
    if (register === undefined) return 0;
    return this.abi.pointer === 4 ? frame.lo(register) >>> 0 : frame.num(register);
  }
}

/** What hooks see. One object a kernel, filled for each call. */
export class CallEvent implements SyscallEvent {
  task!: Task;
  row: Row | undefined;
  table!: EntryTable;
  number = 0;

  fill(task: Task, table: EntryTable, row: Row | undefined, number: number): this {
    this.task = task;
    this.table = table;
    this.row = row;
    this.number = number;
    return this;
  }
  get call(): Syscall | undefined {
    return this.row?.call;
  }
  get arch(): string {
    return this.table.arch.name;
  }
  get entry(): string {
    return this.table.entry;
  }
  get pointer(): 4 | 8 {
    return this.table.abi.pointer;
  }
  get label(): string {
    return this.table.label?.(this.number) ?? "";
  }
  arg(n: number): number {
    return this.table.arg(this.task.frame, n);
  }
  decoded(): Readonly<Record<string, unknown>> {
    return this.row?.decoded(this.task) ?? {};
  }
  get count(): number {
    return this.row?.count ?? this.table.registers.length;
  }
  text(result?: number, from: number = 0): string[] {
    if (this.row !== undefined) return this.row.text(this.task, result, from);
    const texts: string[] = [];
    for (let slot = 0; slot < this.table.registers.length; slot++) {
      texts.push("0x" + this.arg(slot).toString(16));
    }
    return texts;
  }
  resultText(result: number): string {
    if (this.row !== undefined) return this.row.resultText(this.task, result);
    return result < 0 && result >= -4095 ? errnoName(result) : String(result);
  }
}
