/**
 * Typed expressions. A value is a piece of code that pushes one operand when it is consumed, so an expression
 * used twice is computed twice: keep it with `f.let(value)`. Numbers stand for constants of the other operand's type.
 */
// cold: constants of 64 bits, while code is generated
import type { Writer } from "./writer.ts";

/** Value types of WebAssembly. */
export type Type = "i32" | "i64" | "f32" | "f64" | "v128";
/** A 32-bit integer. */
export type I32 = Value<"i32">;
/** A 64-bit integer. */
export type I64 = Value<"i64">;
/** A single. */
export type F32 = Value<"f32">;
/** A double. */
export type F64 = Value<"f64">;
/** A vector. */
export type V128 = Value<"v128">;
/** An integer of either width: instruction semantics by operand size are written over these. */
export type Int = Value<"i32" | "i64">;
/** An operand: a value, or a constant of the type the context asks for. */
export type Arg<T extends Type> = Value<T> | number | bigint;

/** Opcode bytes of the numeric operations, one column a type (0 = there is none). */
type Row = readonly [i32: number, i64: number, f32: number, f64: number];
// deno-fmt-ignore
const OPS = {
  add: [0x6a, 0x7c, 0x92, 0xa0], sub: [0x6b, 0x7d, 0x93, 0xa1], mul: [0x6c, 0x7e, 0x94, 0xa2], div: [0, 0, 0x95, 0xa3],
  divS: [0x6d, 0x7f, 0, 0], divU: [0x6e, 0x80, 0, 0], remS: [0x6f, 0x81, 0, 0], remU: [0x70, 0x82, 0, 0],
  and: [0x71, 0x83, 0, 0], or: [0x72, 0x84, 0, 0], xor: [0x73, 0x85, 0, 0], shl: [0x74, 0x86, 0, 0],
  shrS: [0x75, 0x87, 0, 0], shrU: [0x76, 0x88, 0, 0], rotl: [0x77, 0x89, 0, 0], rotr: [0x78, 0x8a, 0, 0],
  clz: [0x67, 0x79, 0, 0], ctz: [0x68, 0x7a, 0, 0], popcnt: [0x69, 0x7b, 0, 0], eqz: [0x45, 0x50, 0, 0],
  eq: [0x46, 0x51, 0x5b, 0x61], ne: [0x47, 0x52, 0x5c, 0x62], lt: [0, 0, 0x5d, 0x63], gt: [0, 0, 0x5e, 0x64],
  le: [0, 0, 0x5f, 0x65], ge: [0, 0, 0x60, 0x66], ltS: [0x48, 0x53, 0, 0], ltU: [0x49, 0x54, 0, 0],
  gtS: [0x4a, 0x55, 0, 0], gtU: [0x4b, 0x56, 0, 0], leS: [0x4c, 0x57, 0, 0], leU: [0x4d, 0x58, 0, 0],
  geS: [0x4e, 0x59, 0, 0], geU: [0x4f, 0x5a, 0, 0], abs: [0, 0, 0x8b, 0x99], neg: [0, 0, 0x8c, 0x9a],
  ceil: [0, 0, 0x8d, 0x9b], floor: [0, 0, 0x8e, 0x9c], trunc: [0, 0, 0x8f, 0x9d], nearest: [0, 0, 0x90, 0x9e],
  sqrt: [0, 0, 0x91, 0x9f], min: [0, 0, 0x96, 0xa4], max: [0, 0, 0x97, 0xa5], copysign: [0, 0, 0x98, 0xa6],
  extend8S: [0xc0, 0xc2, 0, 0], extend16S: [0xc1, 0xc3, 0, 0], extend32S: [0, 0xc4, 0, 0],
} as const satisfies Record<string, Row>;
/** What operations on two 32-bit constants give. */
// deno-fmt-ignore
const FOLD: Partial<Record<keyof typeof OPS, (a: number, b: number) => number>> = {
  add: (a, b) => a + b | 0, sub: (a, b) => a - b | 0, mul: Math.imul, and: (a, b) => a & b, or: (a, b) => a | b, xor: (a, b) => a ^ b,
  shl: (a, b) => a << b, shrS: (a, b) => a >> b, shrU: (a, b) => a >>> b | 0, eq: (a, b) => +(a === b), ne: (a, b) => +(a !== b),
  ltS: (a, b) => +(a < b), gtS: (a, b) => +(a > b), leS: (a, b) => +(a <= b), geS: (a, b) => +(a >= b), ltU: (a, b) => +(a >>> 0 < b >>> 0),
  gtU: (a, b) => +(a >>> 0 > b >>> 0), leU: (a, b) => +(a >>> 0 <= b >>> 0), geU: (a, b) => +(a >>> 0 >= b >>> 0),
};
const COLUMN: Record<Type, number> = { i32: 0, i64: 1, f32: 2, f64: 3, v128: 4 };

function opcode(name: keyof typeof OPS, type: Type): number {
  const code: number | undefined = (OPS[name] as Row)[COLUMN[type]];
  if (!code) throw new Error(`${type} has no operation ${name}`);
  return code;
}

/** Opcodes and results of the conversions. */
// deno-fmt-ignore
export const CONVERSIONS = {
  "i32.wrap_i64": [0xa7, "i32"], "i32.trunc_f32_s": [0xa8, "i32"], "i32.trunc_f32_u": [0xa9, "i32"], "i32.trunc_f64_s": [0xaa, "i32"],
  "i32.trunc_f64_u": [0xab, "i32"], "i64.extend_i32_s": [0xac, "i64"], "i64.extend_i32_u": [0xad, "i64"],
  "i64.trunc_f32_s": [0xae, "i64"], "i64.trunc_f32_u": [0xaf, "i64"], "i64.trunc_f64_s": [0xb0, "i64"], "i64.trunc_f64_u": [0xb1, "i64"],
  "f32.convert_i32_s": [0xb2, "f32"], "f32.convert_i32_u": [0xb3, "f32"], "f32.convert_i64_s": [0xb4, "f32"],
  "f32.convert_i64_u": [0xb5, "f32"], "f32.demote_f64": [0xb6, "f32"], "f64.convert_i32_s": [0xb7, "f64"],
  "f64.convert_i32_u": [0xb8, "f64"], "f64.convert_i64_s": [0xb9, "f64"], "f64.convert_i64_u": [0xba, "f64"],
  "f64.promote_f32": [0xbb, "f64"], "i32.reinterpret_f32": [0xbc, "i32"], "i64.reinterpret_f64": [0xbd, "i64"],
  "f32.reinterpret_i32": [0xbe, "f32"], "f64.reinterpret_i64": [0xbf, "f64"],
  "i32.trunc_sat_f32_s": [0xfc00, "i32"], "i32.trunc_sat_f32_u": [0xfc01, "i32"], "i32.trunc_sat_f64_s": [0xfc02, "i32"],
  "i32.trunc_sat_f64_u": [0xfc03, "i32"], "i64.trunc_sat_f32_s": [0xfc04, "i64"], "i64.trunc_sat_f32_u": [0xfc05, "i64"],
  "i64.trunc_sat_f64_s": [0xfc06, "i64"], "i64.trunc_sat_f64_u": [0xfc07, "i64"],
} as const satisfies Record<string, readonly [number, Type]>;
/** Names of WebAssembly's conversions; the part before the dot is the type of the result. */
export type Conversion = keyof typeof CONVERSIONS;
/** The type in front of the dot. */
export type ResultOf<N extends string> = N extends `${infer T extends Type}.${string}` ? T : never;

/** An expression of type T. */
export class Value<T extends Type = Type> {
  /** Its type. */
  readonly type: T;
  /** Pushes the value. */
  readonly emit: (w: Writer) => void;
  /** Set for constants. */
  readonly constant: number | bigint | undefined;
  /** The value and the constant that it is the sum of, for who follows addresses. */
  affine: { readonly of: Value; readonly plus: number } | undefined;
  /** The values that it is the sum of, or the one that it is the lower half of, for who follows steps of loops. */
  made: { readonly of: Value; readonly and?: Value } | undefined;
  /** Of a vector: the float in its lowest lane, when all above it is zero. */
  low: Value | undefined;
  /** Of 64 bits: the lower ones, when all above them is zero. */
  narrow: Value<"i32"> | undefined;
  /** What it is computed by, for who asks how large it may be ({@link made} tells of sums and lower halves). */
  term:
    | { readonly op: "and" | "or" | "xor" | "shl" | "shrU"; readonly left: Value; readonly right: Value }
    | undefined;
  /** Of an integer without its sign: it is no larger, whatever it is computed from. */
  most: number | undefined;
  /** Of a condition: it is `is` where all of these hold, else not, for who branches on one after the other. */
  parts: { readonly all: readonly Value<"i32">[]; readonly is: boolean } | undefined;

  /** `emit` pushes it; `constant` is set for constants. */
  constructor(type: T, emit: (w: Writer) => void, constant?: number | bigint) {
    this.type = type;
    this.emit = emit;
    this.constant = constant;
    this.affine = undefined;
    this.made = undefined;
    this.low = undefined;
    this.narrow = undefined;
    this.term = undefined;
    this.most = undefined;
    this.parts = undefined;
  }

  /** Two constants of 32 bits make a constant. */
  #folded(name: keyof typeof OPS, b: Arg<T>): number | undefined {
    if (this.type !== "i32" || this.constant === undefined) return undefined;
    const right = b instanceof Value ? (b.type === this.type ? b.constant : undefined) : b;
    return right === undefined ? undefined : FOLD[name]?.(Number(this.constant) | 0, Number(right) | 0);
  }
  #bin(name: keyof typeof OPS, b: Arg<T>): Value<T> {
    const known = this.#folded(name, b);
    if (known !== undefined) return value("i32", known) as unknown as Value<T>;
    const code = opcode(name, this.type), right = value(this.type, b);
    return new Value(this.type, (w) => (this.emit(w), right.emit(w), w.byte(code)));
  }
  #termed(op: NonNullable<Value["term"]>["op"], b: Arg<T>): Value<T> {
    const v = this.#bin(op, b);
    if (v.constant === undefined) v.term = { op, left: this, right: value(this.type, b) };
    return v;
  }
  #cmp(name: keyof typeof OPS, b: Arg<T>): I32 {
    const known = this.#folded(name, b);
    if (known !== undefined) return value("i32", known);
    const code = opcode(name, this.type), right = value(this.type, b);
    return new Value("i32", (w) => (this.emit(w), right.emit(w), w.byte(code)));
  }
  #un(name: keyof typeof OPS): Value<T> {
    const code = opcode(name, this.type);
    return new Value(this.type, (w) => (this.emit(w), w.byte(code)));
  }

  /** The other one, where one is the constant zero: who follows what locals hold sees a copy. */
  #same(b: Arg<T>): Value<T> | undefined {
    // Zeros of floats have signs.
    if (this.type !== "i32" && this.type !== "i64") return b === 0 ? this : undefined;
    if (b === 0 || (b instanceof Value && b.constant !== undefined && Number(b.constant) === 0)) return this;
    return b instanceof Value && this.constant !== undefined && Number(this.constant) === 0 ? b : undefined;
  }
  /** Sum. */
  add(b: Arg<T>): Value<T> {
    const same = this.#same(b);
    if (same) return same;
    const sum = this.#plus(this.#bin("add", b), b, 1);
    if (b instanceof Value && sum.affine === undefined) sum.made = { of: this, and: b };
    return sum;
  }
  #plus(sum: Value<T>, b: Arg<T>, sign: number): Value<T> {
    const by = typeof b === "object" ? b.constant : b;
    if (this.type === "i64" && typeof by === "number" && sum.constant === undefined) {
      sum.affine = { of: this, plus: sign * by };
    }
    return sum;
  }
  /** Difference. */
  sub(b: Arg<T>): Value<T> {
    return b === 0 ? this : this.#plus(this.#bin("sub", b), b, -1);
  }
  /** Product, low half for integers. */
  // deno-fmt-ignore
  mul(b: Arg<T>): Value<T> { return this.#bin("mul", b); }
  /** Quotient of floats. */
  // deno-fmt-ignore
  div(b: Arg<T>): Value<T> { return this.#bin("div", b); }
  /** Signed quotient; WebAssembly traps on 0 and overflow. */
  // deno-fmt-ignore
  divS(b: Arg<T>): Value<T> { return this.#bin("divS", b); }
  /** Unsigned quotient; traps on 0. */
  // deno-fmt-ignore
  divU(b: Arg<T>): Value<T> { return this.#bin("divU", b); }
  /** Signed remainder; traps on 0. */
  // deno-fmt-ignore
  remS(b: Arg<T>): Value<T> { return this.#bin("remS", b); }
  /** Unsigned remainder; traps on 0. */
  // deno-fmt-ignore
  remU(b: Arg<T>): Value<T> { return this.#bin("remU", b); }
  /** Bitwise and. */
  // deno-fmt-ignore
  and(b: Arg<T>): Value<T> {
    const v = this.#termed("and", b);
    // A mask of less than 32 bits.
    if (this.type === "i64" && typeof b === "number" && b >= 0 && b <= 0xffffffff) v.narrow = (this.narrow ?? this.wrap()).and(b);
    return v;
  }
  /** Bitwise or. */
  // deno-fmt-ignore
  or(b: Arg<T>): Value<T> { return this.#same(b) ?? this.#termed("or", b); }
  /** Bitwise exclusive or. */
  // deno-fmt-ignore
  xor(b: Arg<T>): Value<T> { return this.#bin("xor", b); }
  /** Shift counts are taken modulo the width, as WebAssembly does. */
  // deno-fmt-ignore
  shl(b: Arg<T>): Value<T> { return b === 0 ? this : this.#termed("shl", b); }
  /** Arithmetic shift right. */
  // deno-fmt-ignore
  shrS(b: Arg<T>): Value<T> { return b === 0 ? this : this.#bin("shrS", b); }
  /** Logical shift right. */
  // deno-fmt-ignore
  shrU(b: Arg<T>): Value<T> { return b === 0 ? this : this.#termed("shrU", b); }
  /** Rotation left. */
  // deno-fmt-ignore
  rotl(b: Arg<T>): Value<T> { return this.#bin("rotl", b); }
  /** Rotation right. */
  // deno-fmt-ignore
  rotr(b: Arg<T>): Value<T> { return this.#bin("rotr", b); }
  /** Minimum of floats, as WebAssembly defines it. */
  // deno-fmt-ignore
  min(b: Arg<T>): Value<T> { return this.#bin("min", b); }
  /** Maximum of floats. */
  // deno-fmt-ignore
  max(b: Arg<T>): Value<T> { return this.#bin("max", b); }
  /** With the sign of `b`. */
  // deno-fmt-ignore
  copysign(b: Arg<T>): Value<T> { return this.#bin("copysign", b); }
  /** Leading zeros. */
  // deno-fmt-ignore
  clz(): Value<T> { return this.#un("clz"); }
  /** Trailing zeros. */
  // deno-fmt-ignore
  ctz(): Value<T> { return this.#un("ctz"); }
  /** Ones. */
  // deno-fmt-ignore
  popcnt(): Value<T> { return this.#un("popcnt"); }
  /** Absolute value of a float. */
  // deno-fmt-ignore
  abs(): Value<T> { return this.#un("abs"); }
  /** Float with the other sign. */
  // deno-fmt-ignore
  neg(): Value<T> { return this.#un("neg"); }
  /** Rounded up. */
  // deno-fmt-ignore
  ceil(): Value<T> { return this.#un("ceil"); }
  /** Rounded down. */
  // deno-fmt-ignore
  floor(): Value<T> { return this.#un("floor"); }
  /** Rounded to zero. */
  // deno-fmt-ignore
  trunc(): Value<T> { return this.#un("trunc"); }
  /** Rounded to nearest, ties to even. */
  // deno-fmt-ignore
  nearest(): Value<T> { return this.#un("nearest"); }
  /** Square root. */
  // deno-fmt-ignore
  sqrt(): Value<T> { return this.#un("sqrt"); }
  /** The low 8 bits, sign-extended. */
  // deno-fmt-ignore
  extend8S(): Value<T> { return this.#un("extend8S"); }
  /** The low 16 bits, sign-extended. */
  // deno-fmt-ignore
  extend16S(): Value<T> { return this.#un("extend16S"); }
  /** The low 32 bits of an i64, sign-extended. */
  // deno-fmt-ignore
  extend32S(): Value<T> { return this.#un("extend32S"); }
  /** Bitwise complement. */
  // deno-fmt-ignore
  not(): Value<T> { return this.#bin("xor", -1); }
  /** 1 when it is 0. */
  eqz(): I32 {
    if (this.type === "i32" && this.constant !== undefined) {
      return value("i32", Number(this.constant) === 0 ? 1 : 0);
    }
    const code = opcode("eqz", this.type);
    return new Value("i32", (w) => (this.emit(w), w.byte(code)));
  }
  /** Equal. */
  // deno-fmt-ignore
  eq(b: Arg<T>): I32 { return this.#cmp("eq", b); }
  /** Not equal. */
  // deno-fmt-ignore
  ne(b: Arg<T>): I32 { return this.#cmp("ne", b); }
  /** Less (floats). */
  // deno-fmt-ignore
  lt(b: Arg<T>): I32 { return this.#cmp("lt", b); }
  /** Greater (floats). */
  // deno-fmt-ignore
  gt(b: Arg<T>): I32 { return this.#cmp("gt", b); }
  /** Less or equal (floats). */
  // deno-fmt-ignore
  le(b: Arg<T>): I32 { return this.#cmp("le", b); }
  /** Greater or equal (floats). */
  // deno-fmt-ignore
  ge(b: Arg<T>): I32 { return this.#cmp("ge", b); }
  /** Less, signed. */
  // deno-fmt-ignore
  ltS(b: Arg<T>): I32 { return this.#cmp("ltS", b); }
  /** Less, unsigned. */
  // deno-fmt-ignore
  ltU(b: Arg<T>): I32 { return this.#cmp("ltU", b); }
  /** Greater, signed. */
  // deno-fmt-ignore
  gtS(b: Arg<T>): I32 { return this.#cmp("gtS", b); }
  /** Greater, unsigned. */
  // deno-fmt-ignore
  gtU(b: Arg<T>): I32 { return this.#cmp("gtU", b); }
  /** Less or equal, signed. */
  // deno-fmt-ignore
  leS(b: Arg<T>): I32 { return this.#cmp("leS", b); }
  /** Less or equal, unsigned. */
  // deno-fmt-ignore
  leU(b: Arg<T>): I32 { return this.#cmp("leU", b); }
  /** Greater or equal, signed. */
  // deno-fmt-ignore
  geS(b: Arg<T>): I32 { return this.#cmp("geS", b); }
  /** Greater or equal, unsigned. */
  // deno-fmt-ignore
  geU(b: Arg<T>): I32 { return this.#cmp("geU", b); }

  /** One of WebAssembly's conversions by its name: `x.to("f64.convert_i32_s")`. */
  to<N extends Conversion>(name: N): Value<ResultOf<N>> {
    const [code, type] = CONVERSIONS[name];
    return new Value(type as ResultOf<N>, (w) => {
      this.emit(w);
      if (code > 255) w.byte(code >> 8);
      w.byte(code & 255);
    });
  }
  /** As 32 bits (wraps 64, unchanged when it is 32 already). */
  wrap(): I32 {
    if (this.type === "i32") return this as unknown as I32;
    const v = this.to("i32.wrap_i64");
    v.made = { of: this };
    return v;
  }
  /** As 64 bits, zero-extended. */
  extendU(): I64 {
    if (this.type === "i32" && this.constant !== undefined) return value("i64", Number(this.constant) >>> 0);
    if (this.type === "i64") return this as unknown as I64;
    const v = this.to("i64.extend_i32_u");
    v.narrow = this as unknown as I32, v.made = { of: this };
    return v;
  }
  /** As 64 bits, sign-extended. */
  extendS(): I64 {
    if (this.type === "i32" && this.constant !== undefined) return value("i64", Number(this.constant) | 0);
    return this.type === "i64" ? this as unknown as I64 : this.to("i64.extend_i32_s");
  }
}

/** A constant, or the value itself. */
export function value<T extends Type>(type: T, v: Arg<T>): Value<T> {
  if (v instanceof Value) {
    if (v.type !== type) throw new Error(`expected ${type}, got ${v.type}`);
    return v;
  }
  return new Value<T>(type, (w) => {
    if (type === "i32") return w.byte(0x41), w.s(Number(v) | 0);
    if (type === "i64") return w.byte(0x42), typeof v === "bigint" ? w.big(v) : w.s(v);
    if (type === "v128") {
      w.byte(0xfd), w.u(12);
      for (let i = 0, rest = BigInt.asUintN(128, BigInt(v)); i < 16; i++, rest >>= 8n) {
        w.byte(Number(rest & 255n));
      }
      return;
    }
    const view = new DataView(new ArrayBuffer(8)), size = type === "f32" ? 4 : 8;
    w.byte(type === "f32" ? 0x43 : 0x44);
    if (size === 4) view.setFloat32(0, Number(v), true);
    else view.setFloat64(0, Number(v), true);
    for (let i = 0; i < size; i++) w.byte(view.getUint8(i));
  }, v);
}

/** A 32-bit constant (any number; taken modulo 2^32). */
export const i32 = (v: Arg<"i32">): I32 => value("i32", v);
/** A 64-bit constant: a safe integer or a bigint. */
export const i64 = (v: Arg<"i64">): I64 => value("i64", v);
/** A single constant. */
export const f32 = (v: Arg<"f32">): F32 => value("f32", v);
/** A double constant. */
export const f64 = (v: Arg<"f64">): F64 => value("f64", v);
/** A 128-bit constant from a bigint (lane 0 lowest). */
export const v128 = (v: Arg<"v128">): V128 => value("v128", v);

/** `cond ? a : b`, both computed. */
export function select<T extends Type>(cond: Value<"i32">, a: Value<T>, b: Arg<T>): Value<T> {
  const other = value(a.type, b);
  if (cond.constant !== undefined) return Number(cond.constant) ? a : other;
  return new Value(a.type, (w) => {
    a.emit(w), other.emit(w), cond.emit(w);
    if (a.type === "v128") w.byte(0x1c), w.byte(1), w.byte(0x7b);
    else w.byte(0x1b);
  });
}
