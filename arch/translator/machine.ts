/**
 * What the semantics of an instruction are written against. A definition is called with a machine and its operands and
 * emits WebAssembly through them; it must use nothing else. The interpreter's machine takes operands from the fields of a
 * record; a translator's machine gives locals and constants for the same definitions.
 */
import type {
  Address,
  Func,
  FunctionRef,
  I32,
  I64,
  Int,
  Load,
  Store,
  Type,
  V128,
  Value,
} from "./wasm/mod.ts";

/** The type in front of the dot of a WebAssembly name. */
export type TypeOf<N extends string> = N extends `${infer T extends Type}.${string}` ? T : never;
/** What an instruction does to an operand; none: its address is all that is used. */
export type Access = "r" | "w" | "rw" | "none";

/** Fields of a record that can name a register. */
export type RegisterField = "a" | "b" | "base" | "index" | "scale";

/** Where an operand of an operation is found. */
export interface OperandSpec {
  /** reg: a slot named by the record (first register operand: field a, second: field b, unless `field` says). fixed: a constant slot. */
  readonly place: "reg" | "mem" | "imm" | "fixed";
  /** Bits. 0: an address without an access (lea). */
  readonly size: number;
  /** What is done to it; memory is checked for it first. */
  readonly access: Access;
  /** Offset in the state block: of a fixed slot, or of the register file that the record's field counts from. */
  readonly offset?: number;
  /** Memory must be aligned to its size, else a fault with this vector comes before any page fault; FIELD.address tells where. */
  readonly misaligned?: number;
  /** Cause of that fault; default "protection". */
  readonly misalignedCause?: Cause;
  /** Field of the record that names the register. */
  readonly field?: RegisterField;
  /** Place of an immediate in the record; default its field `imm`. */
  readonly at?: number;
  /** An immediate of 64 bits fills disp and imm together. */
  readonly wideImmediate?: boolean;
  /** So many registers from this one on, in a file of `bytes` that wraps around: semantics reach them by `stateAt`. */
  readonly group?: { readonly count: number; readonly each: number; readonly bytes: number };
  /** Of the index of a memory operand: its low half counts, extended with zeros or its sign. */
  readonly extend?: "zero" | "sign";
  /** Writing 32 bits clears the upper half (x86 and aarch64 general registers). */
  readonly zeroUpper?: boolean;
}

/** One operand while its instruction is emitted. Memory has been checked for the declared access before. */
export interface Operand {
  /** Where it is. */
  readonly place: OperandSpec["place"];
  /** Its bits. */
  readonly size: number;
  /** The value, zero-extended: i64 for 64 bits, i32 for 32, 16 and 8. */
  read(): Int;
  /** The value, sign-extended in the same types. */
  signed(): Int;
  /** Stores the low `size` bits; 32-bit registers clear their upper half. */
  write(v: Int): void;
  /** Raw access to the operand's bytes, register or memory alike: `src.load("f64.load")`, `src.load("i64.load", 8)`. */
  load<N extends Load>(name: N, offset?: number): Value<TypeOf<N>>;
  /** Writes the operand's bytes. */
  store<N extends Store>(name: N, v: Value<TypeOf<N>>, offset?: number): void;
  /** Memory operands: the wasm address (guest address - BIAS), or the plain guest address when the access is "none". */
  readonly address: I64;
  /** Register operands: the raw field of the record, for register files that the semantics index themselves (x87). */
  readonly index: I32;
}

/** Names of {@link Trap} causes an instruction can raise, in the order of their numbers. */
export const CAUSES = [
  "page",
  "illegal",
  "breakpoint",
  "protection",
  "divide",
  "overflow",
  "float",
  "alignment",
  "syscall",
  "call",
  "interrupt",
  "budget",
] as const;
/** One of {@link CAUSES}. */
export type Cause = (typeof CAUSES)[number];

/** What helper functions of the module and instructions have in common. */
export interface Env {
  /** The function that is being written. */
  readonly f: Func;
  /** Loads from a constant offset of the state block: `m.state("i64.load", offset)`. */
  state<N extends Load>(name: N, offset: number): Value<TypeOf<N>>;
  /** Stores to a constant offset of the state block. */
  setState<N extends Store>(name: N, offset: number, v: Value<TypeOf<N>> | number): void;
  /** As `state`, with an offset that is computed (for register files indexed at run time). */
  stateAt<N extends Load>(name: N, index: I32, offset: number): Value<TypeOf<N>>;
  /** Stores to a computed offset. */
  setStateAt<N extends Store>(name: N, index: I32, offset: number, v: Value<TypeOf<N>> | number): void;
  /** What the kind of the lazy flags may be, where it is one of a few. */
  kinds?(): readonly number[] | undefined;
  /** The flags get a choice: by `put` now, or where a branch asks for it; `offsets`: where they are. */
  choose?(choice: Choice, offsets: readonly number[], put: () => void): void;
  /** What was chosen, while the flags are the same. */
  chosen?(): Choice | undefined;
  /** Guest memory at a wasm address that was checked. */
  load<N extends Load>(name: N, address: Address, offset?: number): Value<TypeOf<N>>;
  /** Writes the operand's bytes. */
  store<N extends Store>(name: N, address: Address, v: Value<TypeOf<N>> | number, offset?: number): void;
  /** memory.copy and memory.fill on checked guest memory. */
  copy(to: Address, from: Address, bytes: Int): void;
  /** memory.fill on checked guest memory. */
  fill(to: Address, byte: I32, bytes: Int): void;
  /** The engine's own fields (layout.ts). */
  field<N extends Load>(name: N, offset: number): Value<TypeOf<N>>;
  /** Stores to the engine's own fields. */
  setField<N extends Store>(name: N, offset: number, v: Value<TypeOf<N>> | number): void;
  /** Permission bits of the page of a wasm address below 4 GiB. */
  permissions(address: I64): I32;
  /**
   * 0 when all bytes at the wasm address may be accessed, else 1 with the fault recorded: for string operations and others
   * that check by themselves. `access` is ACCESS.read or ACCESS.write.
   */
  probe(address: I64, bytes: number | I32, access: number): I32;
  /** A function of the module, made at its first use. The name is its identity. */
  helper(
    name: string,
    params: readonly Type[],
    results: readonly Type[],
    body: (env: Env, ...params: Value<never>[]) => void,
  ): FunctionRef;
  /** A JavaScript function the architecture gave to the engine. */
  host(name: string): FunctionRef;
}

/** Which lanes of a vector an operation computes with: the lowest as a scalar, or all. */
export type FloatLanes = "f64" | "f32" | "f64x2" | "f32x4";
/**
 * Regions try runs of floating-point operations without looking at every one (region/trial.ts). Within a trial results are right, and change no
 * flag other than that of inexact results; what is otherwise ends the trial, and the instruction is emitted once more without one.
 */
export interface Trial {
  /**
   * The trial fails unless the condition on these parts of the state holds: asked once in it for each key, or once for many rounds of a loop.
   * What instructions write of these parts by helpers of the module never makes it wrong (sticky flags).
   */
  assume(key: string, offsets: readonly number[], cond: () => I32): void;
  /** dst = a op b. `clear`: a scalar's destination is zero above it, else as it was. */
  arithmetic(
    name: "add" | "sub" | "mul" | "div",
    lanes: FloatLanes,
    dst: Operand,
    a: Operand,
    b: Operand,
    clear?: boolean,
  ): void;
  /** dst = the square root of a. */
  root(lanes: FloatLanes, dst: Operand, a: Operand, clear?: boolean): void;
  /** dst = (negated) addend + (negated) a * b, rounded once, where the host can ({@link Machine.fuses}). */
  fused(
    lanes: FloatLanes,
    dst: Operand,
    addend: Operand,
    a: Operand,
    b: Operand,
    negative: { readonly addend: boolean; readonly product: boolean },
    clear?: boolean,
  ): void;
}

/** Flags of a conditional comparison: of `left - right` where `cond` is 1, else those that the instruction names. */
export interface Choice {
  /** Sets them where the condition holds, and where it does not. */
  readonly put: (holds: boolean) => void;
  /** The kinds that they have then. */
  readonly kinds: readonly [holds: number, otherwise: number];
  /** 0 or 1. */
  readonly cond: I32;
  /** Operands of the comparison, 32 or 64 bits. */
  readonly left: Int;
  /** What it is compared with. */
  readonly right: Int;
  /** NZCV as a number, where the condition does not hold. */
  readonly otherwise: number;
}

/** The machine of one instruction. */
export interface Machine extends Env {
  /** False: nobody reads the flags this instruction would set. */
  readonly flagsWanted: boolean;
  /** Constant of the declaration (condition code, entry id), as passed in `OpDef.parameter`. */
  readonly parameter: number;
  /** In a region: code may be long there, registers are in locals, and what is rare is left to the interpreter by {@link defer}. */
  readonly inline: boolean;
  /** Set while floating point is on trial. */
  readonly trial: Trial | undefined;
  /** The host's relaxed multiply-add rounds once (regions; false elsewhere). */
  readonly fuses: boolean;
  /**
   * Where `inline`: a condition on these parts of the state, computed once for as long as they stay the same, as in {@link Trial.assume}.
   * `key` names it, there too.
   */
  once(key: string, offsets: readonly number[], compute: () => I32): I32;
  /**
   * Sets these bits of a word of the state if any bit of the vector is set, and says so; false: the machine leaves it to the caller. A region
   * collects such vectors in loops.
   */
  collect(offset: number, bits: number, v: V128): boolean;
  /** Where `inline`, before anything is written: the interpreter does this instruction when the condition, a rare one, holds. */
  defer(cond: I32): void;
  /** A register named by a constant slot. */
  fixed(offset: number, size: number): Operand;
  /** Leaves with a page fault when the bytes are not accessible; gives the wasm address for load and store. */
  checked(guestAddress: I64, bytes: number, access: number): I64;
  /** Base of the source segment, and 1 for 32-bit addresses, of instructions without a memory operand (string operations). */
  segment(): I64;
  /** 1 when the instruction uses 32-bit addresses. */
  narrow(): I32;
  /** Raw immediate field of the record, sign-extended. */
  immediate(): I32;
  /** Address of this instruction. */
  pc(): I64;
  /** Address of the next instruction. */
  nextPc(): I64;
  /** Leaves with a trap at this instruction; nothing of it may have been done yet. */
  raise(cause: Cause, vector: number, error?: number | I32): void;
  /** Leaves with a page fault recorded by `probe`. */
  fault(): void;
  /** Ends the instruction: the direct branch of this record is taken when the condition holds. */
  branchIf(cond: I32): void;
  /** Ends the instruction: the direct branch is taken. */
  branch(): void;
  /** Ends the instruction: continues at a computed guest address. */
  jump(pc: I64): void;
  /**
   * Puts the next pc into the state block and calls the kernel, which may ask to leave or move the pc. With `number` (the offset of the
   * register that holds it) the kernel's answer may be known already.
   */
  enter(host: "syscall" | "call", argument: I32, number?: number): void;
  /** Stops at this instruction, to be restarted, as if the budget was used up (long string operations). */
  yield(): void;
  /** What is left of the budget (stale in a rare operation by the instructions of its run). */
  budget(): I32;
}

/** One operation: what one number in a record means, with its variants. */
export interface OpDef {
  /** Identity: declarations that mean the same share one. */
  readonly name: string;
  /** In the order of the semantics' parameters. */
  readonly operands: readonly OperandSpec[];
  /** What it does. */
  readonly semantics: (m: Machine, ...operands: Operand[]) => void;
  /** What comes before the memory operands are checked: exceptions that are pending from earlier instructions. */
  readonly before?: (m: Machine) => void;
  /** It sets flags that another instruction may overwrite unread: a variant without them is made. */
  readonly flags: boolean;
  /** A candidate for the big switch and for a second address form; a profile decides, variant by variant. */
  readonly hot: boolean;
  /** `m.parameter` of the semantics. */
  readonly parameter?: number;
  /** Its address has this form alone: base + disp, or base + index << scale + disp. */
  readonly form?: 0 | 1;
  /** The record with the branch target comes after this one (fused compare and branch). */
  readonly fused?: boolean;
}
