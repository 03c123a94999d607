/** f2xm1, fyl2x and fyl2xp1, good to about 115 bits before rounding. */
// cold: constants of the generated module
import { type Func, type FunctionRef, i32, i64, type Local, select } from "../wasm/mod.ts";
import { DE, define, IE, type Library, multiply, PE, shiftRightJam, TOP, ZE } from "./common.ts";
import { flagIf, normalise } from "./core.ts";
import { returnCall } from "./f80_arithmetic.ts";
import { f80Round } from "./f80_round.ts";
import {
  exponent,
  f80Nan,
  INDEFINITE_SE,
  INDEFINITE_SIG,
  isDenormal,
  isInfinity,
  isNanOrUnsupported,
  isZero,
  signOf,
} from "./f80_special.ts";
import {
  divideReal,
  EXP,
  LN2_Q128,
  normaliseWide,
  ODD,
  polynomial,
  type Real,
  real,
  scale,
  square,
  toFixed,
  TWO_OVER_LN2_Q126,
  wide,
} from "./series.ts";

const RESULT = ["i32", "i64", "i32"] as const;

/** (se, sig, cw) -> (se, sig, flags): 2^x - 1 for x from -1 to 1; beyond, x itself (undefined in the manual). */
export function f80Exp(lib: Library): FunctionRef {
  const poly = polynomial(lib, "exp", EXP());
  return define(lib, "f80.2xm1", ["i32", "i64", "i32"], RESULT, (f, se, sig, cw) => {
    f.if(isNanOrUnsupported(se, sig), () => returnCall(f, f80Nan(lib), [se, sig, i32(0), i64(0)]));
    const sign = f.let(signOf(se)), flags = f.let(flagIf(isDenormal(se, sig), DE));
    f.if(isInfinity(se, sig), () => f.return(select(sign, i32(0xbfff), i32(0x7fff)), TOP, i32(0)));
    f.if(isZero(se, sig), () => f.return(se, sig, i32(0)));
    const r: Real = { exp: f.let(exponent(se)), hi: sig, lo: f.let(i64(0)) };
    f.if(r.exp.geU(0x3fff), () => {
      // -1 gives -1/2.
      f.if(r.exp.eq(0x3fff).and(sig.eq(TOP)), () => f.return(se.sub(sign), sig, i32(PE)));
      f.return(se, sig, i32(PE));
    });
    f.if(r.exp.eqz(), () => (f.set(r.exp, 1), normalise(f, r.exp, r.hi)));
    // z = x ln 2; ln 2 has 128 fraction bits, so the product's unit is half of what scale takes.
    scale(lib, f, r, i64(LN2_Q128()[0]), i64(LN2_Q128()[1]));
    f.set(r.exp, r.exp.sub(1));
    const [zh, zl] = toFixed(f, r, 128), ph = f.local("i64"), pl = f.local("i64");
    f.do(poly, [zh, zl, sign], ph, pl);
    scale(lib, f, r, ph, pl);
    returnCall(f, f80Round(lib), [sign, r.exp, r.hi, r.lo.or(1), cw.or(0x300)], flags);
  });
}

/**
 * (exponent e, sign, exp, hi, lo of n, hi, lo of d with 126 fraction bits) -> (sign, exp, hi, lo): e + log2((1 + s) / (1 - s)), s = ±n/d, small. With n = 0 and
 * e = 0 it must not be called.
 */
function log2(lib: Library): FunctionRef {
  const poly = polynomial(lib, "atanh", ODD());
  return define(
    lib,
    "f80.log2",
    ["i32", "i32", "i32", "i64", "i64", "i64", "i64"],
    ["i32", "i32", "i64", "i64"],
    (f, e, sign, exp, hi, lo, dHi, dLo) => {
      const n: Real = { exp, hi, lo }, d: Real = { exp: f.let(i32(0x4000)), hi: dHi, lo: dLo };
      const [fh, fl] = [f.let(i64(0)), f.let(i64(0))], r = real(f);
      f.if(hi.ne(0), () => {
        normaliseWide(f, d);
        divideReal(lib, f, n, d);
        const [wh, wl] = square(lib, f, n), ph = f.local("i64"), pl = f.local("i64");
        f.do(poly, [wh, wl, i32(0)], ph, pl);
        scale(lib, f, n, ph, pl);
        // 2 / ln 2 with 126 fraction bits: twice what scale takes.
        scale(lib, f, n, i64(TWO_OVER_LN2_Q126()[0]), i64(TWO_OVER_LN2_Q126()[1]));
        f.set(exp, exp.add(1));
        f.if(e.eqz(), () => f.return(sign, exp, hi, lo));
        const [a, b] = toFixed(f, n, 112);
        f.set(fh, a), f.set(fl, b);
      });
      const eSign = f.let(e.ltS(0)), whole = f.let(select(eSign, i32(0).sub(e), e).extendU().shl(48));
      f.set(r.exp, 0x3fff + 15);
      f.if(eSign.eq(sign), () => (f.set(r.hi, whole.add(fh)), f.set(r.lo, fl)), () => {
        f.set(r.hi, whole.sub(fh).sub(fl.ne(0).extendU()));
        f.set(r.lo, i64(0).sub(fl));
      });
      normaliseWide(f, r);
      f.return(eSign, r.exp, r.hi, r.lo);
    },
  );
}

type Operands = [Local<"i32">, Local<"i64">, Local<"i32">, Local<"i64">, Local<"i32">];

/** y times a logarithm whose parts are ready. */
function timesLog(
  lib: Library,
  f: Func,
  e: Local<"i32">,
  sign: Local<"i32">,
  n: Real,
  dHi: Local<"i64">,
  dLo: Local<"i64">,
  [ySe, ySig]: [Local<"i32">, Local<"i64">],
  cw: Local<"i32">,
  flags: Local<"i32">,
): void {
  const r = real(f), exact = f.let(n.hi.or(n.lo).eqz()), yExp = f.let(exponent(ySe));
  f.if(yExp.eqz(), () => (f.set(yExp, 1), normalise(f, yExp, ySig)));
  f.do(log2(lib), [e, sign, n.exp, n.hi, n.lo, dHi, dLo], sign, r.exp, r.hi, r.lo);
  f.set(sign, sign.xor(signOf(ySe)));
  // A power of two: r.lo is zero and the product exact.
  f.if(exact, () => {
    const hi = f.local("i64");
    multiply(f, r.hi, ySig, hi, r.lo);
    f.set(r.hi, hi);
    f.set(r.exp, r.exp.add(1));
    normaliseWide(f, r);
    // Processors say inexact even so.
    f.set(flags, flags.or(PE));
    f.if(r.exp.add(yExp).leS(0x3fff), () => f.set(r.lo, r.lo.or(1)));
  }, () => {
    scale(lib, f, r, ySig, i64(0));
    f.set(r.lo, r.lo.or(1));
  });
  f.set(r.exp, r.exp.add(yExp).sub(0x3fff));
  returnCall(f, f80Round(lib), [sign, r.exp, r.hi, r.lo, cw.or(0x300)], flags);
}

/** (x: se, sig, y: se, sig, cw) -> (se, sig, flags): y log2(x). */
export function f80Log(lib: Library): FunctionRef {
  return define(lib, "f80.yl2x", ["i32", "i64", "i32", "i64", "i32"], RESULT, (f, ...operands: Operands) => {
    const [xSe, xSig, ySe, ySig, cw] = operands;
    const indefinite = () => f.return(i32(INDEFINITE_SE), INDEFINITE_SIG, i32(IE));
    f.if(
      isNanOrUnsupported(xSe, xSig).or(isNanOrUnsupported(ySe, ySig)),
      () => returnCall(f, f80Nan(lib), [ySe, ySig, xSe, xSig]),
    );
    const ySign = f.let(ySe.and(0x8000)), flags = f.let(i32(0));
    f.set(flags, flagIf(isDenormal(xSe, xSig).or(isDenormal(ySe, ySig)), DE));
    f.if(isZero(xSe, xSig), () => {
      f.if(isZero(ySe, ySig), indefinite);
      f.return(ySign.xor(0xffff), TOP, select(isInfinity(ySe, ySig), i32(0), i32(ZE)));
    });
    f.if(signOf(xSe), indefinite);
    f.if(isInfinity(xSe, xSig), () => {
      f.if(isZero(ySe, ySig), indefinite);
      f.return(ySign.or(0x7fff), TOP, flags);
    });
    const one = f.let(xSe.eq(0x3fff).and(xSig.eq(TOP))), below = f.let(xSe.ltU(0x3fff).shl(15));
    f.if(isInfinity(ySe, ySig), () => {
      f.if(one, indefinite);
      f.return(ySe.xor(below), TOP, flags);
    });
    f.if(one.or(isZero(ySe, ySig)), () => f.return(ySign.xor(below), i64(0), flags));
    const e = f.let(xSe.sub(0x3fff));
    f.if(xSe.eqz(), () => {
      f.set(e, 1 - 0x3fff);
      normalise(f, e, xSig);
    });
    timesLogOf(lib, f, e, xSig, f.let(i64(0)), [ySe, ySig], cw, flags);
  });
}

/** y log2(x) for x = 2^e m, m = hi:lo from 1 to 2. */
function timesLogOf(
  lib: Library,
  f: Func,
  e: Local<"i32">,
  hi: Local<"i64">,
  lo: Local<"i64">,
  y: [Local<"i32">, Local<"i64">],
  cw: Local<"i32">,
  flags: Local<"i32">,
): void {
  // m from 1/sqrt 2 to sqrt 2; log2(m) by (m - 1) / (m + 1).
  const sign = f.let(i32(0)), n: Real = { exp: f.let(i32(0x3fff)), hi: f.let(hi.xor(TOP)), lo: f.let(lo) };
  const dHi = f.let(hi.shrU(1).add(0x4000000000000000n)), dLo = f.let(hi.shl(63).or(lo.shrU(1)));
  f.if(hi.gtU(-0x4afb0ccc06219b7cn), () => { // sqrt 2
    // m / 2: (m - 2) / (m + 2)
    f.set(e, e.add(1));
    f.set(sign, 1);
    f.set(n.exp, 0x3ffe);
    f.set(n.hi, hi.not().add(lo.eqz().extendU())), f.set(n.lo, i64(0).sub(lo));
    f.set(dHi, hi.shrU(2).add(0x4000000000000000n)), f.set(dLo, hi.shl(62).or(lo.shrU(2)));
  });
  f.if(n.hi.or(n.lo).ne(0), () => normaliseWide(f, n));
  timesLog(lib, f, e, sign, n, dHi, dLo, y, cw, flags);
}

/** (x: se, sig, y: se, sig, cw) -> (se, sig, flags): y log2(1 + x), defined for |x| up to 1 - sqrt(1/2), computed from -1 up. */
export function f80LogPlusOne(lib: Library): FunctionRef {
  return define(
    lib,
    "f80.yl2xp1",
    ["i32", "i64", "i32", "i64", "i32"],
    RESULT,
    (f, ...operands: Operands) => {
      const [xSe, xSig, ySe, ySig, cw] = operands;
      const indefinite = () => f.return(i32(INDEFINITE_SE), INDEFINITE_SIG, i32(IE));
      f.if(
        isNanOrUnsupported(xSe, xSig).or(isNanOrUnsupported(ySe, ySig)),
        () => returnCall(f, f80Nan(lib), [ySe, ySig, xSe, xSig]),
      );
      const sign = f.let(signOf(xSe)), signs = f.let(xSe.xor(ySe).and(0x8000)), flags = f.let(i32(0));
      f.set(flags, flagIf(isDenormal(xSe, xSig).or(isDenormal(ySe, ySig)), DE));
      f.if(isInfinity(xSe, xSig), () => {
        f.if(sign.or(isZero(ySe, ySig)), indefinite);
        f.return(signs.or(0x7fff), TOP, flags);
      });
      f.if(isInfinity(ySe, ySig), () => {
        f.if(isZero(xSe, xSig), indefinite);
        f.return(signs.or(0x7fff), TOP, flags);
      });
      f.if(isZero(xSe, xSig).or(isZero(ySe, ySig)), () => f.return(signs, i64(0), flags));
      const n: Real = { exp: f.let(exponent(xSe)), hi: xSig, lo: f.let(i64(0)) }, e = f.let(i32(0));
      f.if(n.exp.eqz(), () => (f.set(n.exp, 1), normalise(f, n.exp, n.hi)));
      // Not so small: 1 + x itself, in 128 bits; at -1 and below there is nothing to compute.
      f.if(n.exp.geS(0x3ffd), () => {
        f.if(sign.and(n.exp.geS(0x3fff)), () => f.return(xSe, xSig, flags.or(PE)));
        const r: Real = { exp: f.let(i32(0x4000)), hi: f.let(n.hi), lo: f.let(i64(0)) }, one = wide(f);
        f.set(one[0], 0x4000000000000000n), f.set(one[1], 0);
        f.if(n.exp.leS(0x3fff), () => {
          const down = f.let(i32(0x4000).sub(n.exp));
          shiftRightJam(f, r.hi, r.lo, down);
          f.if(sign, () => {
            f.set(r.hi, one[0].sub(r.hi).sub(r.lo.ne(0).extendU()));
            f.set(r.lo, i64(0).sub(r.lo));
          }, () => f.set(r.hi, r.hi.add(one[0])));
        }, () => {
          const down = f.let(n.exp.sub(0x3fff));
          f.set(r.exp, n.exp.add(1));
          f.set(r.lo, r.hi.shl(63)), f.set(r.hi, r.hi.shrU(1));
          shiftRightJam(f, one[0], one[1], down);
          f.set(r.lo, r.lo.add(one[1]));
          f.set(r.hi, r.hi.add(one[0]).add(r.lo.ltU(one[1]).extendU()));
        });
        normaliseWide(f, r);
        f.set(e, r.exp.sub(0x3fff));
        timesLogOf(lib, f, e, r.hi, r.lo, [ySe, ySig], cw, flags);
      });
      // d = 2 + x with 126 fraction bits.
      const dHi = f.let(n.hi), dLo = f.let(i64(0)), down = f.let(i32(0x4000).sub(n.exp));
      shiftRightJam(f, dHi, dLo, down);
      f.if(sign, () => {
        f.set(dHi, TOP.sub(dHi).sub(dLo.ne(0).extendU()));
        f.set(dLo, i64(0).sub(dLo));
      }, () => f.set(dHi, dHi.add(TOP)));
      timesLog(lib, f, e, sign, n, dHi, dLo, [ySe, ySig], cw, flags);
    },
  );
}
