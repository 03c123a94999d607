/**
 * Numbers and series in 128-bit fixed point, for x87's transcendental functions. Constants are computed here when a module
 * that needs them is generated, with far more digits than are kept.
 */
// cold: constants of the generated module
import { type Func, type FunctionRef, i32, type I64, i64, type Local } from "../wasm/mod.ts";
import { type Late, late, once } from "../late.ts";
import { define, divide128, type Library, multiply, shiftLeft, shiftRightJam } from "./common.ts";

/** Fraction bits of the constants while they are computed. */
const BITS = 256n, ONE = 1n << BITS;

function atanInverse(n: bigint, m: bigint): bigint { // atan(n/m) for small n/m
  let term = ONE * n / m, sum = 0n;
  for (let k = 1n; term !== 0n; k += 2n, term = -term * n * n / (m * m)) sum += term / k;
  return sum;
}
/** atan(i/8), i from 0 to 8. */
function atanEighth(i: number): bigint {
  // Through half the angle: atan(t) = 2 atan(t / (1 + sqrt(1 + t^2))).
  const t = ONE * BigInt(i) / 8n, half = t * ONE / (ONE + sqrt((ONE + (t * t >> BITS)) << BITS));
  return 2n * atanInverse(half >> 128n, 1n << 128n) + correction(half);
}
/** What cutting `half` to 128 bits lost: its derivative is 1 / (1 + t^2). */
function correction(half: bigint): bigint {
  const low = half & ((1n << 128n) - 1n);
  return 2n * low * ONE / (ONE + (half * half >> BITS));
}
function sqrt(v: bigint): bigint {
  let x = 1n << BigInt(v.toString(2).length + 1 >> 1);
  for (;;) {
    const y = x + v / x >> 1n;
    if (y >= x) return x;
    x = y;
  }
}
const PI = once(() => 4n * (4n * atanInverse(1n, 5n) - atanInverse(1n, 239n)));
const LN2 = once(() => { // 2 atanh(1/3)
  let sum = 0n, term = ONE / 3n;
  for (let k = 1n; term !== 0n; k += 2n, term /= 9n) sum += term / k;
  return 2n * sum;
});

/** A 128-bit constant as two halves. */
export type Pair = readonly [hi: bigint, lo: bigint];
const pair = (v: bigint): Pair => [BigInt.asIntN(64, v >> 64n), BigInt.asIntN(64, v)];
const half = (v: bigint, fractionBits: bigint): Pair => {
  const down = BITS - fractionBits - 1n;
  return pair(((v >> down) + 1n) >> 1n);
};
/** With 126 fraction bits. */
export const PI_Q126: () => Pair = once(() => half(PI(), 126n));
export const HALF_PI_Q126: () => Pair = once(() => half(PI() / 2n, 126n));
export const ATAN_Q126: Late<Pair> = late(() =>
  Array.from({ length: 9 }, (_, i) => half(atanEighth(i), 126n))
);
/** ln 2, normalised (128 fraction bits), and 2 / ln 2 (126). */
export const LN2_Q128: () => Pair = once(() => half(LN2(), 128n));
export const TWO_OVER_LN2_Q126: () => Pair = once(() => half(2n * ONE * ONE / LN2(), 126n));

/** Coefficients with 127 fraction bits. */
export const EXP: Late<Pair> = late(() => inverses(34, (k) => factorial(k + 1))); // (e^z - 1) / z
export const SIN: Late<Pair> = late(() => inverses(18, (k) => factorial(2 * k + 1)));
export const COS: Late<Pair> = late(() => inverses(18, (k) => factorial(2 * k)));
/** 1, 1/3, 1/5... for atan and atanh. */
export const ODD: Late<Pair> = late(() => inverses(26, (k) => BigInt(2 * k + 1)));

function inverses(n: number, denominator: (k: number) => bigint): Pair[] {
  return Array.from({ length: n }, (_, k) => half(ONE / denominator(k), 127n));
}
function factorial(n: number): bigint {
  return n <= 1 ? 1n : BigInt(n) * factorial(n - 1);
}

type Wide = readonly [hi: Local<"i64">, lo: Local<"i64">];
export const wide = (f: Func): Wide => [f.local("i64"), f.local("i64")];

/** (a, b) -> the upper 128 bits of a * b, less by at most a few units. */
export function multiplyHigh(lib: Library): FunctionRef {
  return define(lib, "u128.mulhi", ["i64", "i64", "i64", "i64"], ["i64", "i64"], (f, ah, al, bh, bl) => {
    const [hi, lo] = wide(f), [crossHi, crossLo] = wide(f);
    multiply(f, ah, bh, hi, lo);
    for (const [a, b] of [[ah, bl], [al, bh]]) {
      multiply(f, a, b, crossHi, crossLo);
      f.set(lo, lo.add(crossHi));
      f.set(hi, hi.add(lo.ltU(crossHi).extendU()));
    }
    f.return(hi, lo);
  });
}

/** (a, b) -> a / b * 2^128, for a < b and b with its top bit set. */
export function divideFraction(lib: Library): FunctionRef {
  const divide = divide128(lib);
  // A digit of 64 bits (Knuth's algorithm D): (a * 2^64) / b -> (digit, rest).
  const digit = define(
    lib,
    "u128.digit",
    ["i64", "i64", "i64", "i64"],
    ["i64", "i64", "i64"],
    (f, ah, al, bh, bl) => {
      const q = f.let(i64(-1)), unused = f.local("i64");
      f.if(ah.ltU(bh), () => f.do(divide, [ah, al, bh], q, unused));
      const [h, m] = wide(f), [crossHi, low] = wide(f);
      multiply(f, q, bh, h, m);
      multiply(f, q, bl, crossHi, low);
      f.set(m, m.add(crossHi));
      f.set(h, h.add(m.ltU(crossHi).extendU()));
      // ah:al:0 - h:m:low
      const take = f.let(m.add(low.ne(0).extendU()));
      f.set(h, ah.sub(h).sub(low.ne(0).and(m.eq(-1)).or(al.ltU(take)).extendU()));
      f.set(m, al.sub(take));
      f.set(low, i64(0).sub(low));
      f.while(() => h.ltS(0), () => {
        f.set(q, q.sub(1));
        f.set(low, low.add(bl));
        const carry = f.let(low.ltU(bl).extendU()), sum = f.let(bh.add(carry));
        f.set(m, m.add(sum));
        f.set(h, h.add(m.ltU(sum).or(sum.ltU(carry)).extendU()));
      });
      f.return(q, m, low);
    },
  );
  return define(lib, "u128.fraction", ["i64", "i64", "i64", "i64"], ["i64", "i64"], (f, ah, al, bh, bl) => {
    const [qh, ql] = wide(f);
    f.do(digit, [ah, al, bh, bl], qh, ah, al);
    f.do(digit, [ah, al, bh, bl], ql, ah, al);
    f.return(qh, ql);
  });
}

/** (z, sign) -> c0 ± z (c1 ± z (c2 ...)) with 127 fraction bits; z has 128. A sign of 1 subtracts. */
export function polynomial(lib: Library, name: string, coefficients: readonly Pair[]): FunctionRef {
  const mul = multiplyHigh(lib);
  return define(lib, `series.${name}`, ["i64", "i64", "i32"], ["i64", "i64"], (f, zh, zl, sign) => {
    const last = coefficients.length - 1, [h, l] = coefficients[last];
    const [hi, lo] = [f.let(i64(h)), f.let(i64(l))], flip = f.let(i64(0).sub(sign.extendU()));
    for (let k = last - 1; k >= 0; k--) {
      const [ch, cl] = coefficients[k];
      f.do(mul, [zh, zl, hi, lo], hi, lo);
      // c + (sign ? -t : t); the unit lost by complementing instead of negating does not matter.
      f.set(lo, lo.xor(flip).add(cl));
      f.set(hi, hi.xor(flip).add(ch).add(lo.ltU(cl).extendU()));
    }
    f.return(hi, lo);
  });
}

/** A number as common.ts has it, without its sign. */
export interface Real {
  readonly exp: Local<"i32">;
  readonly hi: Local<"i64">;
  readonly lo: Local<"i64">;
}
export const real = (f: Func): Real => ({ exp: f.local("i32"), hi: f.local("i64"), lo: f.local("i64") });

/** Shifts until the top bit is set; not zero. */
export function normaliseWide(f: Func, r: Real): void {
  f.if(r.hi.eqz(), () => {
    f.set(r.hi, r.lo), f.set(r.lo, 0);
    f.set(r.exp, r.exp.sub(64));
  });
  const n = f.let(r.hi.clz());
  shiftLeft(f, r.hi, r.lo, n);
  f.set(r.exp, r.exp.sub(n.wrap()));
}

/** r *= v, where v is hi:lo with its top bit set or one below it, 127 fraction bits. */
export function scale(lib: Library, f: Func, r: Real, hi: I64, lo: I64): void {
  f.do(multiplyHigh(lib), [r.hi, r.lo, hi, lo], r.hi, r.lo);
  f.set(r.exp, r.exp.add(1));
  normaliseWide(f, r);
}

/** r, below 2^(127 - fractionBits), as fixed point. */
export function toFixed(f: Func, r: Real, fractionBits: number): Wide {
  const hi = f.let(r.hi), lo = f.let(r.lo), down = f.let(i32(0x3fff + 127 - fractionBits).sub(r.exp));
  shiftRightJam(f, hi, lo, down);
  return [hi, lo];
}

/** a / b of two numbers with top bits set. */
export function divideReal(lib: Library, f: Func, a: Real, b: Real): void {
  // Halve a where it is not the smaller: a/b below 1.
  f.set(a.exp, a.exp.sub(b.exp).add(0x3ffe));
  f.if(a.hi.gtU(b.hi).or(a.hi.eq(b.hi).and(a.lo.geU(b.lo))), () => {
    f.set(a.lo, a.lo.shrU(1).or(a.hi.shl(63)));
    f.set(a.hi, a.hi.shrU(1));
    f.set(a.exp, a.exp.add(1));
  });
  f.do(divideFraction(lib), [a.hi, a.lo, b.hi, b.lo], a.hi, a.lo);
  normaliseWide(f, a);
}

/** The square of r (below 1) with 128 fraction bits. */
export function square(lib: Library, f: Func, r: Real): Wide {
  const [hi, lo] = toFixed(f, r, 128);
  f.do(multiplyHigh(lib), [hi, lo, hi, lo], hi, lo);
  return [hi, lo];
}

/** Takes one unit away, so that a result that came out exact is seen as a little less. */
export function below(f: Func, hi: Local<"i64">, lo: Local<"i64">): void {
  f.set(hi, hi.sub(lo.eqz().extendU()));
  f.set(lo, lo.sub(1));
}
