/**
 * Whether the machine's own result is the one that aarch64 gives without telling FPSR anything: for the cases that are neither ordinary nor worth
 * software arithmetic.
 */
// cold: constants of the generated code
import {
  type Env,
  type F64,
  type FunctionRef,
  type I32,
  i32,
  i64,
  type Value,
  value,
} from "@guise/translator";
import type { Kind, Operation } from "./float.ts";

export const number = (k: Kind, v: number): F64 => value(k.float, v) as unknown as F64;
export const infinity = (k: Kind): F64 => number(k, Infinity);
/** The least normal number. */
export const least = (k: Kind): number => k.width === 64 ? 2 ** -1022 : 2 ** -126;
/** Kinds of results: what else can be told of them without rounding. */
export type Settled = Operation | "sqrt" | "fma" | "narrow";

/** Trailing zeros of a significand. */
const zeros = (k: Kind, v: F64): I32 =>
  k.width === 64
    ? v.to("i64.reinterpret_f64").or(i64(1n << 52n)).ctz().wrap()
    : (v as unknown as Value<"f32">).to("i32.reinterpret_f32").or(1 << 23).ctz();
/** The product of these needs no rounding. */
const exactProduct = (k: Kind, a: F64, b: F64): I32 => zeros(k, a).add(zeros(k, b)).geS(k.fraction + 1);

/** (a, b, r, inexact may be) -> 1 when r is the result and no flag changes. For fma: a + b * c. A pure function. */
export function settled(m: Env, k: Kind, op: Settled): FunctionRef {
  const t = k.float, three = op === "fma";
  const params = [t, t, ...(three ? [t] : []), t, "i32"] as const;
  return m.helper(`${k.letter} ${op} settled`, params, ["i32"], ({ f }, ...p) => {
    const [a, b] = p as unknown as F64[], c = (three ? p[2] : p[1]) as unknown as F64;
    const r = p[three ? 3 : 2] as unknown as F64, may = p[three ? 4 : 3] as unknown as I32;
    const is = (v: F64, n: number) => v.abs().eq(number(k, n)), zero = number(k, 0);
    const give = (c: I32 | number) => f.return(typeof c === "number" ? i32(c) : c);
    f.if(r.ne(r), () => give(0));
    f.if(is(r, Infinity), () => {
      if (op === "div" || op === "sqrt" || op === "narrow") give(is(a, Infinity));
      else give(is(a, Infinity).or(is(b, Infinity)).or(is(c, Infinity)));
    });
    const sum = (x: F64, y: F64) => {
      const back = f.let(r.sub(x));
      return x.sub(r.sub(back)).add(y.sub(back)).eq(zero);
    };
    if (op === "add" || op === "sub") {
      // Sums of any size are exact below the normal numbers.
      f.if(may, () => give(1));
      give(sum(a, op === "sub" ? b.neg() : b));
      return;
    }
    f.if(r.eq(zero), () => {
      if (op === "mul") give(a.eq(zero).or(b.eq(zero)));
      else if (op === "div") give(a.eq(zero).or(is(b, Infinity)));
      else if (op === "fma") {
        const p = f.let(b.mul(c));
        const large = p.abs().gt(number(k, k.width === 64 ? 2 ** -900 : 2 ** -60));
        give(
          b.eq(zero).or(c.eq(zero)).and(a.eq(zero)).or(p.eq(a.neg()).and(large).and(exactProduct(k, b, c))),
        );
      } else give(a.eq(zero));
    });
    f.if(r.abs().lt(number(k, 2 * least(k))), () => give(0));
    f.if(may, () => give(1));
    switch (op) {
      case "mul":
        return give(exactProduct(k, a, b));
      case "div":
        return give(exactProduct(k, r, b).and(r.mul(b).eq(a)));
      case "sqrt":
        return give(exactProduct(k, r, r).and(r.mul(r).eq(a)));
      case "fma": {
        const p = f.let(b.mul(c));
        // A tiny product has lost digits although the sum is not tiny.
        const whole = p.abs().ge(number(k, 2 * least(k))).or(b.eq(zero)).or(c.eq(zero));
        return give(exactProduct(k, b, c).and(whole).and(sum(a, p)));
      }
      default:
        return give(0);
    }
  });
}
