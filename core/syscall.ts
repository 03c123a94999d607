/**
 * One declaration of a system call gives dispatch, argument decoding, pointer checks, the trace line and the
 * documentation row. Decoders and formatters are compiled to closures per row of a table, with that row's ABI.
 */
import type { CallAbi } from "./arch.ts";
import type { Errno } from "./errno.ts";
import type { Outcome } from "./outcome.ts";
import type { Task } from "./task.ts";

/** What a row knows about where its arguments are. */
export interface RowAbi {
  /** Name of the architecture. */
  readonly arch: string;
  /** Name of the entry path. */
  readonly entry: string;
  /** Register index of each argument slot. */
  readonly registers: readonly number[];
  /** Width of pointers and longs in bytes. */
  readonly pointer: 4 | 8;
}

/** A decoder's way to fail: no allocation, one object an error number. */
export class Failure {
  /** The negated error number. */
  readonly errno: Errno;
  private constructor(errno: Errno) {
    this.errno = errno;
  }
  static readonly #all = new Map<number, Failure>();
  /** The failure for that error number. */
  static of(errno: Errno): Failure {
    let f = Failure.#all.get(errno);
    if (f === undefined) Failure.#all.set(errno, f = new Failure(errno));
    return f;
  }
}

/** Reads one argument from the registers (and memory) of a task. */
export type Decoder<T> = (task: Task) => T | Failure;
/** The trace text of one argument; `result` is undefined before the call, then its number. */
export type Formatter = (task: Task, result: number | undefined) => string;

/** A kind of argument. Direction is in its name where it matters: inBytes, outBytes. */
export interface ArgType<T> {
  /** For the documentation: `fd`, `path`, `struct stat *`. */
  readonly label: string;
  /** Registers it takes: a pointer with its length is one argument of two slots. */
  readonly slots: number;
  /** "out" arguments are printed after the call. */
  readonly direction: "in" | "out" | "inout";
  /** The decoder for a row, its first register in `slot`. */
  compile(abi: RowAbi, slot: number): Decoder<T>;
  /** The trace text for a row. */
  format(abi: RowAbi, slot: number): Formatter;
}

/** Arguments by name, in order. */
// deno-lint-ignore no-explicit-any -- the bound of a heterogeneous record
export type ArgTypes = Readonly<Record<string, ArgType<any>>>;
/** The decoded arguments of a call. */
export type Args<A extends ArgTypes> = { readonly [K in keyof A]: A[K] extends ArgType<infer T> ? T : never };

/**
 * How the result is printed. A function returns the whole text after `= ` (`1 ([{fd=7, revents=POLLOUT}])`); the
 * argument registers hold what they held at the call while formatters run, also where one of them is the result's.
 */
export type ResultFormat =
  | "number"
  | "hex"
  | "octal"
  | "none"
  | ((task: Task, result: number, abi: RowAbi) => string);

/** A declaration; see {@link syscall}. */
export interface SyscallSpec<A extends ArgTypes> {
  /** Its name, as in the manual. */
  readonly name: string;
  /** One sentence for the table of supported calls. */
  readonly doc: string;
  /** Its arguments by name, in the order of registers. */
  readonly args: A;
  /** `args` is one object a row, reused: copy what must live on. */
  readonly run: (task: Task, args: Args<A>) => Outcome;
  /** The result stays the same as long as the task lives, and nothing else happens: the CPU may remember it. Default false. */
  readonly constant?: boolean;
  /** Default "full". */
  readonly support?: "full" | "partial" | "none";
  /** What is missing, for the support table. */
  readonly note?: string;
  /** Default "number". */
  readonly result?: ResultFormat;
}

/** A declared system call. */
export interface Syscall {
  /** Its name. */
  readonly name: string;
  /** The declaration. */
  readonly spec: SyscallSpec<ArgTypes>;
}

/** Declares a system call.
 *
 * @example
 * ```ts
 * import { int, syscall, type Syscall } from "@guise/core";
 * export const double: Syscall = syscall({
 *   name: "double", doc: "Twice `n`.", args: { n: int }, run: (_task, { n }) => 2 * n,
 * });
 * ```
 */
export function syscall<const A extends ArgTypes>(spec: SyscallSpec<A>): Syscall {
  return { name: spec.name, spec: spec as unknown as SyscallSpec<ArgTypes> };
}

/** The rows of one entry path of one architecture. */
export interface SyscallTable {
  /** Name of the architecture. */
  readonly arch: string;
  /** Name of the entry path. */
  readonly entry: string;
  /** Calls by number. */
  readonly rows: ReadonlyMap<number, Syscall>;
  /** Which registers carry a call, where this kernel differs from what the architecture says of the entry (W2). */
  readonly abi?: CallAbi;
  /** What a trace says in front of the call's name; default nothing. */
  readonly label?: (number: number) => string;
}

/**
 * Builds the tables of several (architecture, entry) columns from rows of numbers; null: not in that column.
 *
 * @example
 * ```ts
 * import { syscall, tables } from "@guise/core";
 * const getpid = syscall({ name: "getpid", doc: "The process's number.", args: {}, run: (task) => task.process.id });
 * const [x86, arm] = tables([["x86-64", "syscall"], ["aarch64", "svc"]], [[[39, 172], getpid]]);
 * console.assert(x86.rows.get(39) === getpid && arm.rows.get(172) === getpid);
 * ```
 */
export function tables(
  columns: readonly (readonly [arch: string, entry: string])[],
  rows: readonly (readonly [numbers: readonly (number | null)[], call: Syscall])[],
): SyscallTable[] {
  return columns.map(([arch, entry], column) =>
    lateTable(arch, entry, () => {
      const map = new Map<number, Syscall>();
      for (const [numbers, call] of rows) {
        const number = numbers[column];
        if (number === null || number === undefined) continue;
        const old = map.get(number);
        if (old !== undefined) {
          throw new Error(`guise: ${arch} ${entry} ${number} is both ${old.name} and ${call.name}`);
        }
        map.set(number, call);
      }
      return map;
    })
  );
}

/** A table whose rows are collected when they are first looked at: most programs enter the kernel by one way only. */
export function lateTable(
  arch: string,
  entry: string,
  collect: () => ReadonlyMap<number, Syscall>,
): SyscallTable {
  let rows: ReadonlyMap<number, Syscall> | undefined;
  return {
    arch,
    entry,
    get rows(): ReadonlyMap<number, Syscall> {
      return rows ??= collect();
    },
  };
}
