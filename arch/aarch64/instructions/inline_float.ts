/**
 * Floating point inside regions: the machine's own arithmetic, and a test that it is what float.ts would give and that no flag of FPSR would
 * change. What fails the test is left to the interpreter, so nothing has to be brought to memory for a function here.
 *
 * With FPCR 0 and IXC set (decision 3) only overflow, underflow, division by zero and NaNs can matter. Without IXC a result has to be
 * exact: programs that compute with integers in doubles never set it.
 */
// cold: constants of the generated code
import {
  type F64,
  f64,
  type I32,
  i32,
  type I64,
  i64,
  lane,
  type Local,
  type Machine,
  type Operand,
  replaceLane,
  type Simd,
  simd,
  type Trial,
  type V128,
  v128,
  type Value,
} from "@guise/translator";
import { STATE } from "../state.ts";
import { infinity, least, number, type Settled, settled } from "./settled.ts";
import { asFloat, type Float, fpcr, IOC, IXC, type Kind, type Operation, type Rounding } from "./float.ts";

/** A scalar of the register. */
export const scalarIn = (k: Kind, o: Operand, i = 0): Float =>
  (k.width === 64 ? o.load("f64.load", 8 * i) : o.load("f32.load", 4 * i)) as Float;
/** The register gets the scalar, zeros above. */
export function putFloat(k: Kind, d: Operand, v: Float): void {
  const name = k.width === 64 ? "f64x2.replace_lane" : "f32x4.replace_lane";
  d.store("v128.store", replaceLane(name as "f64x2.replace_lane", v128(0n), 0, v as F64));
}

const fpsr = (m: Machine): I32 => m.state("i32.load", STATE.fpsr);
const finite = (k: Kind, v: F64): I32 => v.abs().lt(infinity(k));
/** Neither tiny nor infinite nor NaN, by the exponent: two above the least. */
function ordinary(k: Kind, v: F64): I32 {
  const top = k.width === 64
    ? (v.to("i64.reinterpret_f64") as I64).shrU(32).wrap()
    : (v as unknown as Value<"f32">).to("i32.reinterpret_f32");
  const shift = k.width === 64 ? 21 : 24;
  return top.shl(1).sub(2 ** shift * 2).ltU(i32(-(2 ** shift) * 3));
}

/** The trial that the machine is at, if it is (region/trial.ts). */
export function trialOf(m: Machine): Trial | undefined {
  const { trial } = m;
  trial?.assume(USUAL, PARTS, () => untold(m));
  return trial;
}
const BY_NAME: Readonly<Record<string, Operation>> = { fadd: "add", fsub: "sub", fmul: "mul", fdiv: "div" };
/** All lanes on trial, if the machine tries: true when that is all. */
export function tried(m: Machine, k: Kind, name: string, d: Operand, n: Operand, b: Operand): boolean {
  const lanes = k.width === 64 ? "f64x2" : "f32x4", operation = BY_NAME[name];
  if (operation) {
    const trial = trialOf(m);
    trial?.arithmetic(operation, lanes, d, n, b);
    return trial !== undefined;
  }
  if (!m.fuses || (name !== "fmla" && name !== "fmls")) return false;
  const trial = trialOf(m);
  trial?.fused(lanes, d, d, n, b, { addend: false, product: name === "fmls" });
  return trial !== undefined;
}

/** FPCR 0 and IXC set: asked once for many operations. */
const usual = (m: Machine): I32 => m.once(USUAL, PARTS, () => untold(m));
const USUAL = "usual", PARTS = [STATE.fpcr, STATE.fpsr];
const untold = (m: Machine): I32 => fpsr(m).and(IXC).xor(IXC).or(fpcr(m)).eqz();

/** Leaves unless r is the result of the operation, and FPSR stays as it is. */
function guard(m: Machine, k: Kind, op: Settled, r: F64, sources: readonly F64[]): void {
  const { f } = m, ref = settled(m, k, op);
  const fails = (may: number) => f.call("i32", ref, ...sources as never[], r as never, i32(may)).eqz();
  f.unlikely(usual(m).eqz(), () => {
    m.defer(fpcr(m).ne(0));
    m.defer(fails(0));
  });
  const simple = op === "add" || op === "sub" || op === "sqrt";
  f.unlikely((simple ? finite(k, r) : ordinary(k, r)).eqz(), () => m.defer(fails(1)));
}

/** a op b. */
export function inlineArithmetic(m: Machine, k: Kind, op: Operation, x: Float, y: Float): Float {
  const a = m.f.let(x as F64), b = m.f.let(y as F64), r = m.f.let(a[op](b));
  guard(m, k, op, r, [a, b]);
  return r as unknown as Float;
}
export function inlineRoot(m: Machine, k: Kind, x: Float): Float {
  const a = m.f.let(x as F64), r = m.f.let(a.sqrt());
  guard(m, k, "sqrt", r, [a, a]);
  return r as unknown as Float;
}
/** c + a * b, or c - a * b, of the first lanes, by the host's fused instruction ({@link Machine.fuses}). */
export function inlineFused(m: Machine, k: Kind, c: V128, a: V128, b: V128, negate: boolean): Float {
  const { f } = m, sum = vop(k, negate ? "relaxed_nmadd" : "relaxed_madd", a, b, c);
  const first = (v: V128) => lane(`${shapeOf(k)}.extract_lane` as "f64x2.extract_lane", v, 0);
  const r = f.let(first(sum));
  guard(m, k, "fma", r, [first(c), negate ? first(a).neg() : first(a), first(b)]);
  return r as unknown as Float;
}

export const asDouble = (k: Kind, v: Float): F64 =>
  k.width === 64 ? v as F64 : (v as Value<"f32">).to("f64.promote_f32");
/** Both operands as doubles, when comparing them raises nothing that is not set. `all`: quiet NaNs are invalid too. */
export function inlineComparison(m: Machine, k: Kind, all: boolean, a: Float, b: Float): [F64, F64] {
  const { f } = m, x = f.let(a as F64), y = f.let(b as F64);
  m.defer(fpcr(m));
  f.unlikely(x.ne(x).or(y.ne(y)), () => {
    const invalid = all ? i32(1) : signalling(k, x).or(signalling(k, y));
    m.defer(invalid.and(fpsr(m).and(IOC).eqz()));
  });
  return [asDouble(k, x as unknown as Float), asDouble(k, y as unknown as Float)];
}
const signalling = (k: Kind, v: F64): I32 => {
  const quiet = k.width === 64
    ? v.to("i64.reinterpret_f64").shrU(51).wrap().and(1)
    : (v as unknown as Value<"f32">).to("i32.reinterpret_f32").shrU(22).and(1);
  return v.ne(v).and(quiet.eqz());
};
/** The larger or smaller of two numbers. */
export function inlineExtreme(m: Machine, _k: Kind, max: boolean, a: Float, b: Float): Float {
  const { f } = m, x = f.let(a as F64), y = f.let(b as F64);
  m.defer(fpcr(m));
  m.defer(x.ne(x).or(y.ne(y)));
  return (max ? x.max(y) : x.min(y)) as unknown as Float;
}

function rounded(m: Machine, x: Local<"f64">, rounding: Rounding): F64 {
  switch (rounding) {
    case "p":
      return x.ceil();
    case "m":
      return x.floor();
    case "z":
      return x.trunc();
    case "a": {
      // Halves away from zero.
      const t = m.f.let(x.trunc()), far = x.sub(t).abs().ge(f64(0.5));
      return t.add(far.to("f64.convert_i32_u").copysign(x)).copysign(x);
    }
    default:
      return x.nearest();
  }
}
/** Integral values; FPCR's mode is to nearest where this is asked. */
export function inlineRounding(m: Machine, k: Kind, rounding: Rounding, exact: boolean, a: Float): Float {
  const { f } = m, x = f.let(asDouble(k, a));
  m.defer(fpcr(m));
  m.defer(x.ne(x));
  const r = f.let(rounded(m, x, rounding).copysign(x));
  if (exact) m.defer(r.ne(x).and(fpsr(m).and(IXC).eqz()));
  return (k.width === 64 ? r : r.to("f32.demote_f64")) as Float;
}
/** An integer of 64 bits, of which `width` count. */
export function inlineToInteger(
  m: Machine,
  k: Kind,
  width: number,
  signed: boolean,
  rounding: Rounding,
  a: Float,
): I64 {
  const { f } = m, x = f.let(asDouble(k, a));
  m.defer(fpcr(m));
  const r = f.let(rounded(m, x, rounding));
  const low = signed ? -(2 ** (width - 1)) : 0, end = signed ? 2 ** (width - 1) : 2 ** width;
  m.defer(r.ge(f64(low)).and(r.lt(f64(end))).eqz());
  m.defer(r.ne(x).and(fpsr(m).and(IXC).eqz()));
  return signed ? r.to("i64.trunc_sat_f64_s") : r.to("i64.trunc_sat_f64_u");
}
/** Of an integer that was extended to 64 bits from `width`. */
export function inlineFromInteger(m: Machine, k: Kind, signed: boolean, width: number, v: I64): Float {
  const { f } = m, x = f.let(v), room = k.fraction + 1;
  if (width > room) {
    // Small ones are exact in any mode.
    f.unlikely(usual(m).eqz(), () => {
      const bound = 2n ** BigInt(room);
      m.defer((signed ? x.add(i64(bound)) : x).gtU(i64(signed ? 2n * bound : bound)));
    });
  }
  return x.to(`${k.float}.convert_i64_${signed ? "s" : "u"}` as "f64.convert_i64_s") as unknown as Float;
}
/** Single to double is exact; the other way is rounded. */
export function inlineConvert(m: Machine, to: Kind, a: Float): Float {
  const { f } = m;
  if (to.width === 64) {
    const x = f.let(a as Value<"f32">);
    m.defer(fpcr(m));
    m.defer(x.ne(x));
    return x.to("f64.promote_f32") as Float;
  }
  const x = f.let(a as F64), r = f.let(x.to("f32.demote_f64"));
  m.defer(fpcr(m));
  f.unlikely(ordinary(to, r as unknown as F64).eqz(), () => {
    m.defer(x.ne(0).and(x.abs().lt(f64(Infinity)).or(x.ne(x))));
  });
  m.defer(fpsr(m).and(IXC).eqz().and(r.to("f64.promote_f32").ne(x)));
  return r as Float;
}

type Lanes = "f64x2" | "f32x4";
const shapeOf = (k: Kind): Lanes => k.width === 64 ? "f64x2" : "f32x4";
const splat = (k: Kind, v: number): V128 => simd(`${shapeOf(k)}.splat`, number(k, v));
const vop = (k: Kind, name: string, ...v: V128[]): V128 =>
  simd(`${shapeOf(k)}.${name}` as Simd & "f64x2.add", ...v);
/** All of the first `lanes` lanes of a mask are set. */
function every(k: Kind, mask: V128, lanes: number): I32 {
  const name = k.width === 64 ? "i64x2.bitmask" : "i32x4.bitmask", all = (1 << lanes) - 1;
  const bits = simd(name, mask);
  return (all === (k.width === 64 ? 3 : 15) ? bits : bits.and(all)).eq(all);
}
/** Lane by lane what `guard` does, for the first `lanes`. */
function guardLanes(
  m: Machine,
  k: Kind,
  op: Settled,
  r: V128,
  sources: readonly V128[],
  lanes: number,
): void {
  const { f } = m, ref = settled(m, k, op), name = `${shapeOf(k)}.extract_lane` as "f64x2.extract_lane";
  const fail = (may: number) => {
    for (let i = 0; i < lanes; i++) {
      const at = (v: V128) => lane(name, v, i) as never;
      m.defer(f.call("i32", ref, ...sources.map(at), at(r), i32(may)).eqz());
    }
  };
  f.unlikely(usual(m).eqz(), () => {
    m.defer(fpcr(m));
    fail(0);
  });
  const size = f.let(vop(k, "abs", r));
  let fine = vop(k, "lt", size, splat(k, Infinity));
  if (op !== "add" && op !== "sub") fine = simd("v128.and", fine, vop(k, "ge", size, splat(k, 2 * least(k))));
  f.unlikely(every(k, fine, lanes).eqz(), () => fail(1));
}
/** a op b on the first lanes; what is above is for the caller to clear. */
export function inlineLanes(m: Machine, k: Kind, op: Operation, x: V128, y: V128, lanes: number): V128 {
  const { f } = m, a = f.let(x), b = f.let(y), r = f.let(vop(k, op, a, b));
  guardLanes(m, k, op, r, [a, b], lanes);
  return r;
}
/** c + a * b, or c - a * b. */
export function inlineFusedLanes(
  m: Machine,
  k: Kind,
  c: V128,
  x: V128,
  y: V128,
  negate: boolean,
  lanes: number,
): V128 {
  const { f } = m, a = f.let(x), b = f.let(y), z = f.let(c);
  const r = f.let(vop(k, negate ? "relaxed_nmadd" : "relaxed_madd", a, b, z));
  guardLanes(m, k, "fma", r, [z, negate ? vop(k, "neg", a) : a, b], lanes);
  return r;
}
/** A comparison's mask, or the larger or smaller: of numbers. */
export function inlineOfNumbers(m: Machine, k: Kind, name: string, x: V128, y: V128, lanes: number): V128 {
  const { f } = m, a = f.let(x), b = f.let(y);
  m.defer(fpcr(m));
  m.defer(every(k, simd("v128.and", vop(k, "eq", a, a), vop(k, "eq", b, b)), lanes).eqz());
  return vop(k, name, a, b);
}

/** The first lanes by a scalar operation each. */
export function eachLane(m: Machine, k: Kind, lanes: number, one: (i: number) => Float): V128 {
  const kept = Array.from({ length: lanes }, (_, i) => m.f.let(one(i) as F64)),
    name = `${shapeOf(k)}.replace_lane`;
  return kept.reduce((v, x, i) => replaceLane(name as "f64x2.replace_lane", v, i, x), v128(0n) as V128);
}
/** The register gets the first lanes, zeros above. */
export function putLow(k: Kind, d: Operand, r: V128, lanes: number): void {
  const bits = lanes * k.width;
  if (bits === 128) return d.store("v128.store", r);
  if (bits === 64) return d.store("v128.store", replaceLane("i64x2.replace_lane", r, 1, i64(0)));
  d.store("v128.store", replaceLane("f32x4.replace_lane", v128(0n), 0, lane("f32x4.extract_lane", r, 0)));
}
/** Operations of vectors in regions; undefined: this host has none. */
export type Fast = (m: Machine, k: Kind, a: V128, b: V128, d: () => V128, lanes: number) => V128 | undefined;
export const fastArithmetic = (op: Operation): Fast => (m, k, a, b, _d, lanes) =>
  inlineLanes(m, k, op, a, b, lanes);
export const fastFused = (negate: boolean): Fast => (m, k, a, b, d, lanes) =>
  m.fuses ? inlineFusedLanes(m, k, d(), a, b, negate, lanes) : undefined;
export const fastOfNumbers = (name: string, absolute = false): Fast => (m, k, a, b, _d, lanes) =>
  inlineOfNumbers(m, k, name, absolute ? vop(k, "abs", a) : a, absolute ? vop(k, "abs", b) : b, lanes);
export const fastDistance: Fast = (m, k, a, b, _d, lanes) =>
  vop(k, "abs", inlineLanes(m, k, "sub", a, b, lanes));
export const fastSign = (name: "abs" | "neg"): Fast => (_m, k, a) => vop(k, name, a);
export const fastRoot: Fast = (m, k, x, _b, _d, lanes) => {
  const a = m.f.let(x), r = m.f.let(vop(k, "sqrt", a));
  guardLanes(m, k, "sqrt", r, [a, a], lanes);
  return r;
};
/** Compared with zero. */
export const fastZero = (name: string): Fast => (m, k, a, _b, _d, lanes) =>
  inlineOfNumbers(m, k, name, a, v128(0n), lanes);
const laneIn = (k: Kind, v: V128, i: number): Float =>
  lane(`${shapeOf(k)}.extract_lane` as "f64x2.extract_lane", v, i) as Float;
export const fastRounding = (rounding: Rounding, exact: boolean): Fast => (m, k, a, _b, _d, lanes) =>
  eachLane(m, k, lanes, (i) => inlineRounding(m, k, rounding, exact, laneIn(k, a, i)));
export const fastToInteger = (rounding: Rounding, signed: boolean): Fast => (m, k, a, _b, _d, lanes) =>
  eachLane(m, k, lanes, (i) => {
    const v = inlineToInteger(m, k, k.width, signed, rounding, laneIn(k, a, i));
    return asFloat(k, (k.width === 64 ? v : v.wrap()) as never);
  });
export const fastFromInteger = (signed: boolean): Fast => (m, k, a, _b, _d, lanes) =>
  eachLane(m, k, lanes, (i) => {
    const v = k.width === 64 ? lane("i64x2.extract_lane", a, i) : lane("i32x4.extract_lane", a, i);
    return inlineFromInteger(m, k, signed, k.width, signed ? v.extendS() : v.extendU());
  });
