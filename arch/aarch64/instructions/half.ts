/**
 * Half-precision arithmetic (FEAT_FP16) in doubles: sums, products and their combinations of halves are exact there, quotients and roots
 * have more than twice the digits, so one rounding to half is right in every mode. FPCR.FZ16 flushes, without telling of inputs.
 */
// cold: constants of the generated code
import {
  type Env,
  type F64,
  f64,
  type FunctionRef,
  type I32,
  i32,
  i64,
  type Int,
  type Local,
  select,
  type Type,
} from "@guise/translator";
import {
  convert,
  defaultNan,
  DZC,
  F16K,
  F64K,
  flush,
  fpcr,
  IOC,
  isNan,
  isSignalling,
  magnitude,
  type Operation,
  raise,
  returnNans,
  UFC,
} from "./float.ts";

const bit = (v: number): Int => i32(v) as Int;
const INFINITE = 0x7c00, FZ16 = 1 << 19, DOWNWARDS = 2;

/** The value of a half, exactly. */
export function halfValue(m: Env, v: Int): F64 {
  const ref = m.helper("h value", ["i32"], ["f64"], (h, x) => {
    const { f } = h, a = x as unknown as Local<"i32">;
    const sign = f.let(a.and(0x8000).extendU().shl(48)), exp = f.let(a.shrU(10).and(31));
    const fraction = f.let(a.and(0x3ff));
    f.if(exp.eqz(), () => {
      const small = fraction.to("f64.convert_i32_s").mul(f64(2 ** -24));
      f.return(small.to("i64.reinterpret_f64").or(sign).to("f64.reinterpret_i64"));
    });
    const wide = f.let(select(exp.eq(31), i32(0x7ff), exp.add(1023 - 15)).extendU().shl(52));
    f.return(wide.or(fraction.extendU().shl(42)).or(sign).to("f64.reinterpret_i64"));
  });
  return m.f.call("f64", ref, v as never);
}
/** A double that is no NaN, rounded as FPCR says. */
export function halfRounded(m: Env, v: F64): Int {
  const ref = m.helper("h rounded", ["f64"], ["i32"], (h, x) => {
    const { f } = h, a = x as unknown as Local<"f64">, bits = f.let(a.to("i64.reinterpret_f64"));
    const sign = f.let(bits.shrU(48).wrap().and(0x8000));
    f.if(a.eq(f64(0)), () => f.return(sign));
    f.if(fpcr(h).and(FZ16), () => f.if(a.abs().lt(f64(2 ** -14)), () => (raise(h, UFC), f.return(sign))));
    f.return(f.call("i32", convert(h, F64K, F16K, false, true), bits as never));
  });
  return m.f.call("i32", ref, v as never) as unknown as Int;
}

type Body = (h: Env, values: readonly Local<"f64">[], bits: readonly Int[]) => F64;
/** Operands flushed, NaNs handled, the result rounded; a NaN that comes up is invalid. `first`: before NaNs are looked at. */
function define(
  m: Env,
  name: string,
  count: number,
  body: Body,
  first?: (h: Env, bits: readonly Int[]) => void,
): FunctionRef {
  return m.helper(`h ${name}`, new Array<Type>(count).fill("i32"), ["i32"], (h, ...p) => {
    const { f } = h;
    const bits = p.map((v) => f.let(flush(h, F16K, v as unknown as Int) as never) as unknown as Int);
    first?.(h, bits);
    returnNans(h, F16K, ...bits);
    const values = bits.map((b) => f.let(halfValue(h, b)) as Local<"f64">), r = f.let(body(h, values, bits));
    f.if(r.ne(r), () => (raise(h, IOC), f.return(defaultNan(F16K) as never)));
    f.return(halfRounded(h, r) as never);
  });
}
/** A sum that is zero is negative when rounding downwards, unless both terms are positive zeros. */
function zeroSigned(h: Env, r: F64, a: F64, b: F64): F64 {
  const { f } = h, sum = f.let(r);
  const both = a.to("i64.reinterpret_f64").or(b.to("i64.reinterpret_f64")).eqz();
  f.if(
    sum.eq(f64(0)).and(fpcr(h).shrU(22).and(3).eq(DOWNWARDS)),
    () => f.if(both.eqz(), () => f.set(sum, f64(-0))),
  );
  return sum;
}

/** (a, b) -> result. */
export function halfArithmetic(m: Env, op: Operation): FunctionRef {
  return define(m, op, 2, (h, [p, q], [a, b]) => {
    if (op === "add") return zeroSigned(h, p.add(q), p, q);
    if (op === "sub") return zeroSigned(h, p.sub(q), p, q.neg());
    if (op === "mul") return p.mul(q);
    h.f.if(
      magnitude(F16K, b).eqz(),
      () => h.f.if(magnitude(F16K, a).sub(bit(1)).ltU(bit(INFINITE - 1)), () => raise(h, DZC)),
    );
    return p.div(q);
  });
}
/** (a) -> result. */
export const halfRoot = (m: Env): FunctionRef => define(m, "sqrt", 1, (_h, [p]) => p.sqrt());
/** (addend, a, b) -> addend + a * b. */
export function halfFused(m: Env): FunctionRef {
  const isInf = (v: Int): I32 => magnitude(F16K, v).eq(bit(INFINITE)),
    isZero = (v: Int): I32 => magnitude(F16K, v).eqz();
  return define(m, "fma", 3, (h, [c, p, q]) => {
    const { f } = h, product = f.let(p.mul(q)), sum = f.let(zeroSigned(h, product.add(c), product, c));
    // Rounded to odd: what a double cannot hold keeps the last bit set (Boldo and Melquiond).
    const part = f.let(sum.sub(product)), error = f.let(product.sub(sum.sub(part)).add(c.sub(part)));
    const bits = f.let(sum.to("i64.reinterpret_f64"));
    f.if(sum.abs().lt(f64(Infinity)).and(error.ne(f64(0))).and(bits.wrap().and(1).eqz()), () => {
      const outwards = error.gt(f64(0)).eq(sum.gt(f64(0)));
      f.set(bits, select(outwards, bits.add(i64(1)), bits.sub(i64(1))));
    });
    return bits.to("f64.reinterpret_i64");
  }, (h, [c, a, b]) => {
    const { f } = h, invalid = isInf(a).and(isZero(b)).or(isZero(a).and(isInf(b)));
    // Infinity times zero is invalid even when a quiet NaN is added.
    f.if(
      isNan(F16K, c).and(isSignalling(F16K, c).eqz()),
      () => f.if(invalid, () => (raise(h, IOC), f.return(defaultNan(F16K) as never))),
    );
  });
}
/** (integer extended to 64 bits, fbits) -> bits. */
export function halfFromInteger(m: Env, signed: boolean): FunctionRef {
  return m.helper(`h from ${signed ? "s" : "u"}`, ["i64", "i32"], ["i32"], (h, x, y) => {
    const { f } = h, v = x as unknown as Local<"i64">, fbits = y as unknown as Local<"i32">;
    // More than a double holds: the last bit sticks.
    const scale = f.let(i32(1023)), size = f.let(signed ? select(v.ltS(0), i64(0).sub(v), v) : v);
    f.if(size.shrU(53).eqz().eqz(), () => {
      f.set(v, (signed ? v.shrS(11) : v.shrU(11)).or(v.and(0x7ff).eqz().eqz().extendU()));
      f.set(scale, i32(1023 + 11));
    });
    const value = signed ? v.to("f64.convert_i64_s") : v.to("f64.convert_i64_u");
    const power = scale.sub(fbits).extendU().shl(52).to("f64.reinterpret_i64");
    f.return(halfRounded(h, value.mul(power)) as never);
  });
}
