/**
 * Instruction declarations, as the ARM manual heads its pages: 32 characters for the bits, the assembler's text with
 * operands in braces, and the meaning. One declaration gives the decoder's entry, the disassembly, the assembler's and
 * the interpreter's operation.
 *
 *   a64("z0010001 0s iiiiiiiiiiii nnnnn ddddd", "add {=d/sp}, {n/sp}, #{i/add12}", ({ d, n, i }) => d.write(n.read().add(i.read())))
 *
 * Bits: 0 and 1 are fixed, `-` is ignored, letters are fields; `z` is the operand size (0: 32 bits, 1: 64): two declarations are made. `Z` equals
 * z; `y` must be 0 for 32 bits and for 64 bits belongs to the letter after it. Operands are `{access letter / kind}`; access: `=` written, `+` read and
 * written, else read. Kinds of registers: none (w or x by z), w, x, sp (by z), wsp, xsp; b h s d q (scalar), 8b 16b ... 2d (vectors), vb vh vs vd
 * (element): all of them the whole vector register; kinds of immediates are in immediates.ts. Memory is `{@kind}`: u3 (offset, scaled by 8), s0,
 * pre0, post0, reg3, base, lit; base register n, index m, offset i. `{>kind}` is a branch target.
 */
import type { Access, Machine, OpDef, Operand, OperandSpec, RegisterField } from "@guise/translator";
import { RECORD } from "@guise/translator/run";
import { CONDITIONS } from "./flag_names.ts";
import { IMMEDIATES } from "./immediates.ts";
import { DATA_ABORT, STATE } from "./state.ts";

/** Operands by their letters; memory is `mem`. */
export type Operands = Readonly<Record<string, Operand>>;
/** What an instruction does. */
export type Semantics = (o: Operands, m: Machine) => void;

/** What else is to be said. */
export interface Properties {
  /** Memory operand: bytes and what is done to it. */
  readonly bytes?: number;
  readonly access?: Access;
  /** Memory must be aligned to all its bytes: exclusives, acquire and release, atomics. */
  readonly aligned?: boolean;
  /** How a run goes on: not after `end` and `jmp`; a direct branch is `jmp` or `jcc`; `stub` is undefined outside of pages of stubs. */
  readonly flow?: "jmp" | "jcc" | "call" | "end" | "syscall" | "stub";
  /** In the big switch of the interpreter. */
  readonly hot?: boolean;
  readonly parameter?: number;
  /** Identity of the operation, shared by address forms; default: made from the text. */
  readonly key?: string;
  /** Not for the disassembler's and assembler's table of names: an alias is printed. */
  readonly alias?: boolean;
  /** Feature group for the support table. */
  readonly feature?: string;
  /** Sets flags and may be one operation with the conditional branch after it: what it sets, by condition. */
  readonly fuse?: (cc: number) => Semantics | undefined;
  /** The first operand stands for so many vector registers. */
  readonly group?: number;
  /** Left out of random programs, with the reason. */
  readonly fuzz?: string;
}

/** One piece of the text. */
export type Piece = string | { readonly operand: OperandPart };
export interface OperandPart {
  readonly letter: string;
  readonly kind: string;
  readonly access: Access;
}

export interface Declaration extends Properties {
  readonly pattern: string;
  readonly text: string;
  readonly pieces: readonly Piece[];
  readonly mask: number;
  readonly value: number;
  readonly semantics: Semantics;
  /** Fields: letter -> positions, most significant first. */
  readonly fields: Readonly<Record<string, readonly number[]>>;
  /** Kind of the memory operand, and its scale. */
  readonly memory: { readonly kind: string; readonly shift: number } | undefined;
  /** Kind of the branch displacement: letter. */
  readonly branch: string | undefined;
}

const GENERAL = new Set(["", "w", "x", "sp", "wsp", "xsp"]);
export const VECTOR = /^([bhsdq]|8b|16b|4h|8h|2s|4s|1d|2d|1q|v[bhsd]|2h|4b)$/;
export const isGeneral = (kind: string): boolean => GENERAL.has(kind);
export const isVector = (kind: string): boolean => VECTOR.test(kind);

/** Declarations from one line: two when the size is `z`. */
export function a64(bits: string, text: string, semantics: Semantics, p: Properties = {}): Declaration[] {
  if (!bits.includes("z")) return [new Line(bits, text, semantics, p)];
  return [new Line(bits, text, semantics, p, 0), new Line(bits, text, semantics, p, 1)];
}

/** What is read from the line itself. */
type Parsed = Pick<
  Declaration,
  "pattern" | "text" | "pieces" | "mask" | "value" | "fields" | "memory" | "branch"
>;

/** Most programs never need most declarations: a line is read when it is asked for. */
class Line implements Declaration {
  readonly bytes: Properties["bytes"];
  readonly access: Properties["access"];
  readonly aligned: Properties["aligned"];
  readonly flow: Properties["flow"];
  readonly hot: Properties["hot"];
  readonly parameter: Properties["parameter"];
  readonly alias: Properties["alias"];
  readonly feature: Properties["feature"];
  readonly fuse: Properties["fuse"];
  readonly group: Properties["group"];
  readonly fuzz: Properties["fuzz"];
  #parsed: Parsed | undefined;

  /** `z`: its value. */
  constructor(
    readonly bits: string,
    readonly line: string,
    readonly semantics: Semantics,
    readonly p: Properties,
    readonly z?: 0 | 1,
  ) {
    this.bytes = p.bytes,
      this.access = p.access,
      this.aligned = p.aligned,
      this.flow = p.flow,
      this.hot = p.hot;
    this.parameter = p.parameter, this.alias = p.alias, this.feature = p.feature, this.fuse = p.fuse;
    this.group = p.group, this.fuzz = p.fuzz;
  }
  get #read(): Parsed {
    if (this.#parsed !== undefined) return this.#parsed;
    const { bits, line, z } = this, plain = bits.replaceAll(" ", "");
    if (plain.length !== 32) throw new Error(`${line}: ${plain.length} bits`);
    return this.#parsed = z === undefined ? parse(plain, line) : parse(...sized(plain, line, z));
  }
  get key(): string | undefined {
    return this.z === undefined ? this.p.key : this.p.key && `${this.p.key}/${this.z ? "x" : "w"}`;
  }
  get pattern(): string {
    return this.#read.pattern;
  }
  get text(): string {
    return this.#read.text;
  }
  get pieces(): readonly Piece[] {
    return this.#read.pieces;
  }
  get mask(): number {
    return this.#read.mask;
  }
  get value(): number {
    return this.#read.value;
  }
  get fields(): Parsed["fields"] {
    return this.#read.fields;
  }
  get memory(): Parsed["memory"] {
    return this.#read.memory;
  }
  get branch(): string | undefined {
    return this.#read.branch;
  }
}

/** Pattern and text for 32 bits (z is 0) or 64. */
function sized(bits: string, text: string, z: number): [pattern: string, text: string] {
  const pattern = bits.replaceAll(/[zZ]/g, String(z)).replaceAll(/y(.)/g, z ? "$1$1" : "0$1");
  const named = text.replaceAll(/\{([=+]?)(\w)(\/(\w+))?\}/g, (_, a, letter, __, kind = "") => {
    if (kind === "") kind = z ? "x" : "w";
    else if (kind === "sp") kind = z ? "xsp" : "wsp";
    else if (!z && IMMEDIATES[kind + "w"]) kind += "w";
    else if (z && IMMEDIATES[kind + "x"]) kind += "x";
    return `{${a}${letter}/${kind}}`;
  });
  return [pattern, named];
}

function parse(pattern: string, text: string): Parsed {
  let mask = 0, value = 0;
  const fields: Record<string, number[]> = {};
  for (let i = 0; i < 32; i++) {
    const c = pattern[i], bit = 31 - i;
    if (c === "0" || c === "1") mask |= 1 << bit, value |= Number(c) << bit;
    else if (c !== "-") (fields[c] ??= []).push(bit);
  }
  const pieces: Piece[] = [];
  let memory: Declaration["memory"], branch: string | undefined, at = 0;
  for (const match of text.matchAll(/\{([=+@>]?)(\w+)(?:\/(\w+))?\}/g)) {
    pieces.push(text.slice(at, match.index));
    at = match.index + match[0].length;
    const [, sign, letter, kind = "x"] = match;
    if (sign === "@") {
      const [, name, digits] = /^([a-z]+)(\d*)$/.exec(letter)!;
      memory = { kind: name, shift: Number(digits) };
    } else if (sign === ">") branch = letter;
    else if (!fields[letter]) throw new Error(`${text}: no field ${letter}`);
    else if (!isGeneral(kind) && !isVector(kind) && !IMMEDIATES[kind]) {
      throw new Error(`${text}: no kind ${kind}`);
    }
    const access = sign === "=" ? "w" : sign === "+" ? "rw" : "r";
    pieces.push({ operand: { letter: sign === "@" ? "@" : sign === ">" ? ">" : letter, kind, access } });
  }
  pieces.push(text.slice(at));
  return { pattern, text, pieces, mask, value, fields, memory, branch };
}

const NO_MEMORY: readonly RegisterField[] = ["a", "b", "base", "index", "scale"];
const MEMORY: readonly RegisterField[] = ["a", "b", "index", "scale"];

/** Where a declaration's operands are in a record: register fields and immediates, in the order of the operation. */
export interface Placed {
  readonly part: OperandPart;
  readonly field?: RegisterField;
}
export function place(d: Declaration): Placed[] {
  const free = d.memory && d.memory.kind !== "none" ? MEMORY : NO_MEMORY;
  const out: Placed[] = [];
  let n = 0;
  for (const piece of d.pieces) {
    if (typeof piece === "string" || piece.operand.letter === "@" || piece.operand.letter === ">") continue;
    const part = piece.operand, immediate = !isGeneral(part.kind) && !isVector(part.kind);
    if (!immediate && n === free.length) throw new Error(`${d.text}: too many registers`);
    out.push(immediate ? { part } : { part, field: free[n++] });
  }
  return out;
}

/** What a declaration's operation differs in: the index of its address is a w register, or the base is written back in the same record. */
export type Variation = "" | "uxtw" | "sxtw";

/** Write-back fits into the record of the access: there is no immediate in its place. */
export const writesBack = (d: Declaration): boolean =>
  (d.memory?.kind === "pre" || d.memory?.kind === "post") && place(d).every((p) => p.field);

/** The operation of a declaration; with `branch` that of the pair with the conditional branch behind it. */
export function operationOf(d: Declaration, variation: Variation = "", branch?: number): OpDef {
  const placed = place(d), operands: OperandSpec[] = [];
  for (const { part: { kind, access }, field } of placed) {
    if (isVector(kind)) {
      const group = d.group && !operands.length ? { count: d.group, each: 16, bytes: 512 } : undefined;
      operands.push({ place: "reg", size: 128, access, offset: STATE.v, field, group });
    } else if (isGeneral(kind)) {
      operands.push({ place: "reg", size: kind.startsWith("w") ? 32 : 64, access, field, zeroUpper: true });
    } else {
      const { size, wide, at } = IMMEDIATES[kind];
      operands.push({ place: "imm", size, access: "r", wideImmediate: wide, at });
    }
  }
  const letters: string[] = [];
  // A field that is read and written by different registers, or read twice, has a 2 the second time.
  for (const { part: { letter } } of placed) letters.push(letters.includes(letter) ? `${letter}2` : letter);
  const back = writesBack(d), semantics = branch === undefined ? d.semantics : d.fuse!(branch)!;
  if (d.memory && d.memory.kind !== "none") {
    const extend = variation === "uxtw" ? "zero" : variation === "sxtw" ? "sign" : undefined;
    const mem: OperandSpec = { place: "mem", size: (d.bytes ?? 0) * 8, access: d.access ?? "none", extend };
    operands.push(
      d.aligned && d.bytes! > 1 ? { ...mem, misaligned: DATA_ABORT, misalignedCause: "alignment" } : mem,
    );
    letters.push("mem");
  }
  if (back) {
    operands.push({ place: "reg", size: 64, access: "rw", field: "base" });
    operands.push({ place: "imm", size: 64, access: "r", at: RECORD.imm });
  }
  const suffix = (variation && ` ${variation}`) + (back ? "!" : "") +
    (branch === undefined ? "" : ` b.${CONDITIONS[branch]}`);
  return {
    name: (d.key ?? d.text.replaceAll(/\{@\w+\}/g, "@")) + suffix,
    operands,
    semantics: (m, ...list) => {
      semantics(Object.fromEntries(letters.map((letter, i) => [letter, list[i]])), m);
      if (!back) return;
      const [base, step] = list.slice(-2);
      base.write(base.read().add(step.read()));
    },
    flags: false,
    hot: d.hot ?? false,
    parameter: branch ?? d.parameter,
    form: variation ? 1 : back ? 0 : undefined,
    fused: branch === undefined ? undefined : true,
  };
}
export { RECORD };
