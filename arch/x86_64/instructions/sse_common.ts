/** Small pieces that the SSE families use. */
// cold: constants of the generated code
import {
  type I32,
  i32,
  type I64,
  type Int,
  type Machine,
  type Operand,
  select,
  shuffle,
  type Simd,
  simd,
  type V128,
  v128,
} from "@guise/translator";
import type * as e from "../encoding.ts";

export const ZERO: V128 = v128(0);
export const ONES: V128 = v128((1n << 128n) - 1n);
export const vector = (o: Operand): V128 => o.load("v128.load");

/** A 16-byte constant, lowest byte first. */
export function bytes(f: (i: number) => number): V128 {
  let v = 0n;
  for (let i = 15; i >= 0; i--) v = v << 8n | BigInt(f(i) & 255);
  return v128(v);
}
/** A constant of eight 16-bit lanes, lowest first. */
export const words = (f: (i: number) => number): V128 => bytes((i) => f(i >> 1) >> 8 * (i & 1));
/** A constant of four 32-bit lanes, lowest first. */
export const dwords = (f: (i: number) => number): V128 => bytes((i) => f(i >> 2) >> 8 * (i & 3));
/** 0, 1, ... 15. */
export const IOTA: V128 = bytes((i) => i);

export const splat8 = (v: I32): V128 => simd("i8x16.splat", v);
export const splat16 = (v: I32): V128 => simd("i16x8.splat", v);
export const splat32 = (v: I32): V128 => simd("i32x4.splat", v);
export const splat64 = (v: I64): V128 => simd("i64x2.splat", v);
export const and = (a: V128, b: V128): V128 => simd("v128.and", a, b);
export const or = (a: V128, b: V128): V128 => simd("v128.or", a, b);
export const xor = (a: V128, b: V128): V128 => simd("v128.xor", a, b);
/** Bits of `a` where `mask` is set, else of `b`. */
export const pick = (mask: V128, a: V128, b: V128): V128 => simd("v128.bitselect", a, b, mask);
/** 16 bytes of `a`, chosen by computed indices: 16 and more give zero. */
export const swizzle = (a: V128, indices: V128): V128 => simd("i8x16.swizzle", a, indices);

/** WebAssembly's operations that give a vector. */
export type VectorOp = Exclude<Simd, "v128.any_true" | `${string}.all_true` | `${string}.bitmask`>;
/** What a vector instruction computes: the operands are locals, free to be used more than once. */
export type Compute = (a: V128, b: V128, m: Machine) => V128;

/** dst = op(dst, src). */
export function binary(compute: VectorOp | Compute): e.Semantics {
  return (m, dst, src) => {
    if (typeof compute === "string") return dst.store("v128.store", simd(compute, vector(dst), vector(src)));
    const a = m.f.let(vector(dst)), b = m.f.let(vector(src));
    dst.store("v128.store", compute(a, b, m));
  };
}
/** dst = op(src). */
export function unary(compute: (a: V128, m: Machine) => V128): e.Semantics {
  return (m, dst, src) => {
    dst.store("v128.store", compute(m.f.let(vector(src)), m));
  };
}
/** dst = op(dst, src, imm). `known` is the immediate where the machine has it as a constant. */
export function ternary(
  compute: (a: V128, b: V128, imm: I32, known: number | undefined, m: Machine) => V128,
): e.Semantics {
  return (m, dst, src, imm) => {
    const a = m.f.let(vector(dst)), b = m.f.let(vector(src)), k = known(imm);
    dst.store("v128.store", compute(a, b, k === undefined ? m.f.let(imm8(imm)) : i32(k), k, m));
  };
}

export const imm8 = (imm: Operand): I32 => imm.read() as I32;
/** An immediate operand as a constant when the machine knows it, else undefined. */
export function known(imm: Operand): number | undefined {
  const { constant } = imm.read();
  return constant === undefined ? undefined : Number(constant) & 255;
}

/** Writes 32 bits into a general register that may be declared with 64. */
export function writeLow(dst: Operand, v: I32): void {
  dst.write(dst.size === 64 ? v.extendU() as Int : v as Int);
}

/** Interleaves lanes of `size` bytes of the low or high halves. */
export function unpack(size: number, high: boolean): e.Semantics {
  const indices = Array.from({ length: 16 }, (_, i) => {
    const at = Math.floor(i / size), half = high ? 8 : 0;
    return half + Math.floor(at / 2) * size + (i % size) + (at & 1 ? 16 : 0);
  });
  return binary((a, b) => shuffle(a, b, indices));
}

/** The even or odd lanes of `size` bytes of a, then of b. */
export function everySecond(a: V128, b: V128, size: number, odd: boolean): V128 {
  return shuffle(
    a,
    b,
    Array.from({ length: 16 }, (_, i) => Math.floor(i / size) * 2 * size + (odd ? size : 0) + i % size),
  );
}

/** Byte indices for `swizzle` that bring lane `n` of `size` bytes to every place. */
export function laneIndices(size: 1 | 2 | 4 | 8, n: I32): V128 {
  if (size === 1) return splat8(n);
  if (size === 2) return splat16(n.mul(0x0202).add(0x0100));
  if (size === 4) return splat32(n.mul(0x04040404).add(0x03020100));
  return simd("i8x16.add", splat8(n.shl(3)), bytes((i) => i & 7));
}

/** All ones in lane `n` of `size` bytes. */
export function laneMask(size: 1 | 2 | 4 | 8, n: I32): V128 {
  return simd("i8x16.eq", splat8(n), bytes((i) => Math.floor(i / size)));
}

/** `count < limit ? v : 0`, for shift counts of 64 bits. */
export const below = (count: I64, limit: number, v: V128): V128 => select(count.ltU(limit), v, 0);
