/**
 * MXCSR and what all floating-point instructions of SSE share: formats, the test whether the machine's own arithmetic gives
 * x86's result and flags, and the road for everything else.
 *
 * With all exceptions masked, round to nearest, no DAZ and FTZ, and PE set already (flags are sticky, so this holds soon after the
 * start), an operation on numbers whose exponents are far enough from both ends changes nothing but its destination: that is
 * the inline path, at the price of one subtraction and comparison for MXCSR and for each operand. NaNs, denormals,
 * overflow and underflow, other modes and the first inexact result take the functions made here, down to soft floating point.
 */
// cold: constants of the generated code
import {
  DAZ,
  DE,
  DOUBLE,
  type Env,
  type Format,
  type FunctionRef,
  type I32,
  i32,
  IE,
  type Int,
  lane,
  type Late,
  late,
  type Load,
  type Local,
  type Machine,
  type Operand,
  PE,
  replaceLane,
  simd,
  SINGLE,
  type Store,
  type V128,
  v128,
  type Value,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, w, x86 } from "../encoding.ts";
import { STATE } from "../state.ts";
import { and, type VectorOp } from "./sse_common.ts";

export type Float = Value<"f32" | "f64">;

/** A format with its names. */
export interface Kind {
  readonly format: Format;
  readonly size: 4 | 8;
  readonly lanes: 4 | 2;
  /** Types of its bits, its values, its vectors. */
  readonly bits: "i32" | "i64";
  readonly float: "f32" | "f64";
  readonly vector: "f32x4" | "f64x2";
  readonly vectorBits: "i32x4" | "i64x2";
  /** Suffixes of mnemonics, and the feature that brought them. */
  readonly s: "ss" | "sd";
  readonly p: "ps" | "pd";
  readonly feature: "sse" | "sse2";
  /** Mandatory prefixes of scalar and packed forms, and the scalar operand. */
  readonly scalarPrefix: "F3" | "F2";
  readonly packedPrefix: "NP" | "66";
  readonly operand: e.OperandKind;
}
// deno-fmt-ignore
export const FLOAT32: Kind = {
  format: SINGLE, size: 4, lanes: 4, bits: "i32", float: "f32", vector: "f32x4", vectorBits: "i32x4",
  s: "ss", p: "ps", feature: "sse", scalarPrefix: "F3", packedPrefix: "NP", operand: e.xmm_m32,
};
// deno-fmt-ignore
export const FLOAT64: Kind = {
  format: DOUBLE, size: 8, lanes: 2, bits: "i64", float: "f64", vector: "f64x2", vectorBits: "i64x2",
  s: "sd", p: "pd", feature: "sse2", scalarPrefix: "F2", packedPrefix: "66", operand: e.xmm_m64,
};
export const KINDS: readonly Kind[] = [FLOAT32, FLOAT64];

// Values: bits and floats of a kind. The types say "either"; at run time they are the kind's.
export const loadBits = (k: Kind, o: Operand): Int => o.load(`${k.bits}.load` as "i64.load") as Int;
export const storeBits = (k: Kind, o: Operand, v: Int): void =>
  o.store(`${k.bits}.store` as "i64.store", v as Value<"i64">);
export const storeFloat = (k: Kind, o: Operand, v: Float): void =>
  o.store(`${k.float}.store` as Store & "f64.store", v as Value<"f64">);
/** The scalar with zeros above it. */
export const loadAlone = (k: Kind, o: Operand): V128 =>
  o.load(`v128.load${k.size * 8}_zero` as Load & "v128.load64_zero");
export const asFloat = (k: Kind, v: Int): Float =>
  k.size === 8
    ? (v as Value<"i64">).to("f64.reinterpret_i64")
    : (v as Value<"i32">).to("f32.reinterpret_i32");
export const asBits = (k: Kind, v: Float): Int =>
  (k.size === 8
    ? (v as Value<"f64">).to("i64.reinterpret_f64")
    : (v as Value<"f32">).to("i32.reinterpret_f32")) as Int;
/** A vector operation of the kind: `op(k, "add", a, b)`. */
export const op = (k: Kind, name: string, ...args: V128[]): V128 =>
  simd(`${k.vector}.${name}` as VectorOp, ...args);
/** The same bits in every lane. */
export function every(k: Kind, bits: bigint): V128 {
  let v = 0n;
  for (let i = 0; i < k.lanes; i++) v = v << BigInt(8 * k.size) | bits;
  return v128(v);
}
export const allTrue = (k: Kind, v: V128): I32 => simd(`${k.vectorBits}.all_true`, v);
export const anyTrue = (v: V128): I32 => simd("v128.any_true", v);

export const signBit = (k: Kind): bigint => 1n << BigInt(8 * k.size - 1);
export const leastNormal = (k: Kind): bigint => 1n << BigInt(k.format.fraction);

export const mxcsr = (m: Env): I32 => m.state("i32.load", STATE.mxcsr);
export { DAZ, DE, IE, PE };
/** All exceptions masked, round to nearest, no DAZ, no FTZ; and with PE. */
const DEFAULT = 0x1f80, QUICK = DEFAULT + PE;

/** Inexact results change nothing: the machine's own arithmetic serves numbers in range. */
export const quick = (m: Machine): I32 => mxcsr(m).sub(QUICK).ltU(PE);
/** `quick`, asked once for many operations. */
export const usual = (m: Machine): I32 => m.once(USUAL, PARTS, () => quick(m));
/** The same of a trial. Not `usual`: what is kept for others as well is no mere comparison. */
export const assumeUsual = (m: Machine): void => m.trial?.assume(USUAL, PARTS, () => quick(m));
const USUAL = "usual", PARTS = [STATE.mxcsr];
/** The same without PE. */
export const isDefault = (ctl: I32): I32 => ctl.and(~0x3f).eq(DEFAULT);

/** Biased exponents between which an operation neither overflows nor has a denormal operand or result. */
export type Range = readonly [low: number, high: number];
export function sumRange(k: Kind): Range {
  return [k.format.fraction + 3, k.format.maxExp - 2];
}
export function productRange(k: Kind): Range {
  return k.size === 8 ? [512, 1533] : [64, 189];
}

/** The exponent of a number given as bits is in the range: no zero, denormal, infinity or NaN is. */
export function inRange(k: Kind, bits: Int, [low, high]: Range): I32 {
  const exponent = (n: number) => BigInt(n) << BigInt(k.format.fraction + 1);
  return bits.shl(1).sub(exponent(low)).ltU(exponent(high - low + 1));
}
/**
 * The same for a narrower range, of a power of two exponents, for several numbers at once: twice the bits less the lowest exponent
 * leaves the upper bits clear. Sums: exponents of half the range, one bit; products and quotients: of a quarter, two.
 */
function narrow(k: Kind, sum: boolean): { readonly low: bigint; readonly mask: bigint } {
  const half = BigInt(k.format.maxExp + 1) / 2n, low = sum ? half / 2n : half - half / 4n - 1n;
  return {
    low: low << BigInt(k.format.fraction + 1),
    mask: (sum ? 1n : 3n) << BigInt(8 * k.size - (sum ? 1 : 2)),
  };
}
export function bothInRange(k: Kind, a: Int, b: Int, sum: boolean): I32 {
  const { low, mask } = narrow(k, sum), of = (v: Int) => v.shl(1).sub(low);
  const both = of(a).or(of(b));
  return sum ? both.geS(0) : both.and(BigInt.asIntN(8 * k.size, mask)).eqz();
}
export function vectorsInRange(k: Kind, a: V128, b: V128, sum: boolean): I32 {
  const { low, mask } = narrow(k, sum);
  const of = (v: V128) => simd(`${k.vectorBits}.sub`, simd(`${k.vectorBits}.add`, v, v), every(k, low));
  return anyTrue(and(simd("v128.or", of(a), of(b)), every(k, mask))).eqz();
}
/** All lanes of all vectors are in range. */
export function allInRange(k: Kind, [low, high]: Range, ...vectors: V128[]): I32 {
  const bound = (n: number) => every(k, BigInt(n) << BigInt(k.format.fraction));
  const tests = vectors.map((v) =>
    and(op(k, "ge", op(k, "abs", v), bound(low)), op(k, "lt", op(k, "abs", v), bound(high + 1)))
  );
  return allTrue(k, tests.reduce(and));
}

/** (flags) -> 1 when one of them is unmasked: adds them to MXCSR. */
function commit(m: Machine): FunctionRef {
  return m.helper("mxcsr flags", ["i32"], ["i32"], (h) => {
    const { f } = h,
      flags = f.param(0, "i32"),
      ctl = f.let(mxcsr(h)),
      unmasked = f.let(ctl.shrU(7).not().and(0x3f));
    // Invalid, denormal and divide come before the operation is done: nothing is rounded then.
    f.if(flags.and(7).and(unmasked), () => f.set(flags, flags.and(7)));
    h.setState("i32.store", STATE.mxcsr, ctl.or(flags));
    f.return(flags.and(unmasked).ne(0));
  });
}
/** Records exceptions (any bits above them are ignored), and leaves with #XM when one is unmasked; before the result is written. */
export function finish(m: Machine, flags: Local<"i32">): void {
  m.f.if(flags, () => m.f.if(m.f.call("i32", commit(m), flags), () => m.raise("float", 19)));
}

/** A function on vectors from one on lanes: (lane, …) -> (lane, flags) becomes (vector, …) -> (vector, flags). `second`: for odd lanes. */
export function onVectors(
  m: Machine,
  k: Kind,
  name: string,
  ref: FunctionRef,
  second: FunctionRef = ref,
): FunctionRef {
  const count = ref.params.length;
  return m.helper(`${name} of vectors`, ref.params.map(() => "v128" as const), ["v128", "i32"], ({ f }) => {
    const all = f.let(i32(0)), flags = f.local("i32"), result = f.local("v128"), r = f.local(k.bits);
    for (let i = 0; i < k.lanes; i++) {
      const args = Array.from({ length: count }, (_, p) => laneBits(k, f.param(p, "v128"), i));
      f.do(i & 1 ? second : ref, args, r, flags);
      f.set(all, all.or(flags));
      f.set(result, withLane(k, result, i, r));
    }
    f.return(result, all);
  });
}
export function laneBits(k: Kind, v: V128, i: number): Int {
  return (k.size === 8 ? lane("i64x2.extract_lane", v, i) : lane("i32x4.extract_lane", v, i)) as Int;
}
export function withLane(k: Kind, v: V128, i: number, x: Int): V128 {
  return k.size === 8
    ? replaceLane("i64x2.replace_lane", v, i, x as Value<"i64">)
    : replaceLane("i32x4.replace_lane", v, i, x as Value<"i32">);
}

function ldmxcsr(m: Machine, src: Operand): void {
  const v = m.f.let(src.read().wrap());
  m.f.if(v.shrU(16), () => m.raise("protection", 13)); // reserved bits
  m.setState("i32.store", STATE.mxcsr, v);
}
function stmxcsr(m: Machine, dst: Operand): void {
  dst.write(mxcsr(m) as Int);
}

// deno-fmt-ignore
export const sseControl: Late<Declaration> = late(() => [
  x86("NP 0F AE /2", "ldmxcsr", [e.m32], ldmxcsr, { feature: "sse" }),
  x86("NP 0F AE /3", "stmxcsr", [w(e.m32)], stmxcsr, { feature: "sse" }),
]);
