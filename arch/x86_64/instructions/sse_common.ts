/** Small pieces that the SSE families use. */
import { type I32, i32, type Machine, type Operand, simd, type Simd, shuffle, type V128, v128 } from "@guise/translator";
import type * as e from "../encoding.ts";
import { STATE } from "../state.ts";

/** A memory operand of 16 bytes must be aligned (SDM volume 1, 10.6.x): else #GP(0). */
export function aligned(m: Machine, o: Operand): void {
  if (o.place === "mem") m.f.if(o.address.wrap().and(15), () => m.raise("protection", 13));
}

export const ZERO: V128 = v128(0);
export const ONES: V128 = v128((1n << 128n) - 1n);
export const vector = (o: Operand): V128 => o.load("v128.load");

/** The same 16-byte constant from a byte pattern, lowest lane first. */
export function bytes(f: (i: number) => number): V128 {
  let v = 0n;
  for (let i = 15; i >= 0; i--) v = v << 8n | BigInt(f(i) & 255);
  return v128(v);
}

/** dst = op(dst, src), the source aligned. */
export function binary(compute: Simd | ((a: V128, b: V128, m: Machine) => V128)): e.Semantics {
  return (m, dst, src) => {
    aligned(m, src);
    const a = vector(dst), b = vector(src);
    dst.store("v128.store", typeof compute === "string" ? simd(compute, a, b) : compute(a, b, m));
  };
}

/** Immediate operand as a constant when the machine knows it, else undefined. */
export function known(imm: Operand): number | undefined {
  const { constant } = imm.read();
  return constant === undefined ? undefined : Number(constant) & 255;
}

/** 16 bytes of `a`, chosen by computed indices: 16 and more give zero. */
export const swizzle = (a: V128, indices: V128): V128 => simd("i8x16.swizzle", a, indices);

/** Lanes in the state block's scratch area, for lane numbers known at run time only. */
export function putScratch(m: Machine, at: number, v: V128): void {
  m.setState("v128.store", STATE.scratch + at, v);
}
export const scratchAt = (m: Machine, index: I32): V128 => m.stateAt("v128.load", index, STATE.scratch);

/** Interleaves lanes of `size` bytes of the low or high halves. */
export function unpack(size: number, high: boolean): e.Semantics {
  const indices = Array.from({ length: 16 }, (_, i) => {
    const lane = Math.floor(i / size), half = high ? 8 : 0;
    return half + Math.floor(lane / 2) * size + (i % size) + (lane & 1 ? 16 : 0);
  });
  return binary((a, b) => shuffle(a, b, indices));
}

export const splat32 = (v: I32): V128 => simd("i32x4.splat", v);
export const byteSplat = (v: number): V128 => simd("i8x16.splat", i32(v));
