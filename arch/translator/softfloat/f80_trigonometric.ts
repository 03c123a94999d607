/**
 * fsin, fcos, fptan and fpatan. Angles are reduced by the 66 bits of pi that x87 has (SDM volume 1, 8.3.8), exactly; the rest is good to
 * about 115 bits, so a result is the rounded one of the reduced angle but for one case in 2^50.
 */
// cold: constants of the generated module
import { type Func, type FunctionRef, i32, i64, type Local, select } from "../wasm/mod.ts";
import { DE, define, divide128, IE, type Library, multiply, TOP } from "./common.ts";
import { normalise } from "./core.ts";
import { returnCall } from "./f80_arithmetic.ts";
import { f80Round } from "./f80_round.ts";
import {
  exponent,
  f80Nan,
  INDEFINITE_SE,
  INDEFINITE_SIG,
  isInfinity,
  isNanOrUnsupported,
  isZero,
  signOf,
} from "./f80_special.ts";
import {
  ATAN_Q126,
  below,
  COS,
  divideReal,
  HALF_PI_Q126,
  normaliseWide,
  ODD,
  PI_Q126,
  polynomial,
  type Real,
  real,
  scale,
  SIN,
  square,
  toFixed,
} from "./series.ts";

const RESULT = ["i32", "i64", "i32"] as const;
/** Condition bit: the operand is out of range. */
const C2 = 0x400;
/** pi with 64 fraction bits, 66 bits in all; also pi/2 with 65. */
const PI66 = 0x3243f6a8885a308d3n;

/** (exp, sig) of a positive number below 2^63 -> (quadrant and sign of the rest << 2, exp, hi, lo): x = k pi/2 ± rest, rest at most pi/4. */
function reduce(lib: Library): FunctionRef {
  return define(lib, "f80.reduce", ["i32", "i64"], ["i32", "i32", "i64", "i64"], (f, exp, sig) => {
    // Below pi/4 there is nothing to do.
    f.if(
      exp.ltS(0x3ffe).or(exp.eq(0x3ffe).and(sig.leU(0xc90fdaa22168c234n - (1n << 64n)))),
      () => f.return(i32(0), exp, sig, i64(0)),
    );
    // x in units of 2^-65, 128 bits: sig << (exp - 0x3fff - 63 + 65).
    const up = f.let(exp.sub(0x3fff - 2).extendU());
    const hi = f.let(select(up.eq(64), sig, sig.shrU(i64(64).sub(up)))),
      lo = f.let(select(up.eq(64), i64(0), sig.shl(up)));
    // exp 0x3ffe: up is 1.
    const q = f.local("i64"), unused = f.local("i64"), productHi = f.local("i64"), productLo = f.local("i64");
    const divisor = f.let(i64(BigInt.asIntN(64, PI66 >> 2n)));
    f.do(divide128(lib), [hi.shrU(2), hi.shl(62).or(lo.shrU(2)), divisor], q, unused);
    // rest = x - q * pi; q may be one too large.
    multiply(f, q, divisor, productHi, productLo);
    f.set(productHi, productHi.shl(2).or(productLo.shrU(62)));
    f.set(productLo, productLo.shl(2));
    const three = f.let(q.mul(3)),
      threeHi = f.let(q.gtU(0x5555555555555555n).extendU().add(q.gtU(-0x5555555555555556n).extendU()));
    f.set(productLo, productLo.add(three));
    f.set(productHi, productHi.add(threeHi).add(productLo.ltU(three).extendU()));
    const rest: Real = {
      exp: f.let(i32(0x3fff + 127 - 65)),
      hi: f.let(hi.sub(productHi).sub(lo.ltU(productLo).extendU())),
      lo: f.let(lo.sub(productLo)),
    };
    const PI_HI = i64(PI66 >> 64n), PI_LO = i64(BigInt.asIntN(64, PI66));
    f.if(rest.hi.ltS(0), () => {
      f.set(rest.lo, rest.lo.add(PI_LO));
      f.set(rest.hi, rest.hi.add(PI_HI).add(rest.lo.ltU(PI_LO).extendU()));
      f.set(q, q.sub(1));
    });
    const k = f.let(q.wrap().and(3)), half = PI66 >> 1n;
    f.if(
      rest.hi.gtU(half >> 64n).or(rest.hi.eq(half >> 64n).and(rest.lo.gtU(BigInt.asIntN(64, half)))),
      () => {
        f.set(rest.hi, PI_HI.sub(rest.hi).sub(rest.lo.gtU(PI_LO).extendU()));
        f.set(rest.lo, PI_LO.sub(rest.lo));
        f.set(k, k.add(1).and(3).or(4));
      },
    );
    f.if(rest.hi.or(rest.lo).eqz(), () => f.return(k, i32(-1000), TOP, i64(0))); // not reached by any operand of 64 bits
    normaliseWide(f, rest);
    f.return(k, rest.exp, rest.hi, rest.lo);
  });
}

/** (exp, hi, lo) of an angle of at most pi/4 -> (exp, hi, lo) of its sine or cosine. */
function series(lib: Library, cosine: boolean): FunctionRef {
  const poly = cosine ? polynomial(lib, "cos", COS()) : polynomial(lib, "sin", SIN());
  return define(
    lib,
    cosine ? "f80.cosine" : "f80.sine",
    ["i32", "i64", "i64"],
    ["i32", "i64", "i64"],
    (f, exp, hi, lo) => {
      const r: Real = { exp, hi, lo }, [zh, zl] = square(lib, f, r), ph = f.local("i64"), pl = f.local("i64");
      f.do(poly, [zh, zl, i32(1)], ph, pl);
      below(f, ph, pl);
      if (cosine) {
        f.set(exp, 0x3fff), f.set(hi, ph), f.set(lo, pl);
        normaliseWide(f, r);
      } else scale(lib, f, r, ph, pl);
      f.return(exp, hi, lo);
    },
  );
}

/** Operands for which there is nothing to compute; gives the locals of DE and of the sign. */
function prelude(lib: Library, f: Func, se: Local<"i32">, sig: Local<"i64">, zero: () => void) {
  const flags = f.let(i32(0)), sign = f.let(signOf(se)), exp = f.let(exponent(se));
  f.if(isNanOrUnsupported(se, sig), () => returnCall(f, f80Nan(lib), [se, sig, i32(0), i64(0)]));
  f.if(isInfinity(se, sig), () => f.return(i32(INDEFINITE_SE), INDEFINITE_SIG, i32(IE)));
  f.if(isZero(se, sig), zero);
  f.if(exp.geU(0x3fff + 63), () => f.return(se, sig, i32(C2)));
  f.if(exp.eqz(), () => {
    f.set(exp, 1), f.set(flags, DE);
    normalise(f, exp, sig);
  });
  return { flags, sign, exp };
}

/** (se, sig, cw) -> (se, sig, flags with C2): the sine, the cosine or the tangent. */
function trigonometric(lib: Library, name: "sin" | "cos" | "tan"): FunctionRef {
  const sine = series(lib, false), cosine = series(lib, true), reduced = reduce(lib);
  return define(lib, `f80.${name}`, ["i32", "i64", "i32"], RESULT, (f, se, sig, cw) => {
    const { flags, sign, exp } = prelude(
      lib,
      f,
      se,
      sig,
      () => name === "cos" ? f.return(i32(0x3fff), TOP, i32(0)) : f.return(se, sig, i32(0)),
    );
    const k = f.local("i32"), r = real(f);
    f.do(reduced, [exp, sig], k, r.exp, r.hi, r.lo);
    // Sign of the rest.
    const minus = f.let(k.shrU(2)), odd = f.let(k.and(1));
    const round = () => returnCall(f, f80Round(lib), [sign, r.exp, r.hi, r.lo.or(1), cw.or(0x300)], flags);
    const apply = (to: FunctionRef, v: Real) => f.do(to, [v.exp, v.hi, v.lo], v.exp, v.hi, v.lo);
    if (name === "tan") {
      // A small angle: x + x^3/3 is x and a little more.
      f.if(k.eqz().and(r.exp.ltS(0x3fff - 40)), round);
      const c = real(f);
      f.set(c.exp, r.exp), f.set(c.hi, r.hi), f.set(c.lo, r.lo);
      apply(sine, r), apply(cosine, c);
      f.set(sign, sign.xor(minus).xor(odd));
      f.if(odd, () => {
        divideReal(lib, f, c, r);
        f.set(r.exp, c.exp), f.set(r.hi, c.hi), f.set(r.lo, c.lo);
      }, () => divideReal(lib, f, r, c));
      round();
      return;
    }
    // sin(k pi/2 + r): sin, cos, -sin, -cos; cos: cos, -sin, -cos, sin.
    const useSine = name === "sin" ? odd.eqz() : odd;
    if (name === "cos") f.set(sign, k.add(1).shrU(1).and(1));
    else f.set(sign, sign.xor(k.shrU(1).and(1)));
    f.if(useSine, () => {
      f.set(sign, sign.xor(minus));
      apply(sine, r);
    }, () => apply(cosine, r));
    round();
  });
}
/** (se, sig, cw) -> (se, sig, flags with C2): the sine. */
export const f80Sin = (lib: Library): FunctionRef => trigonometric(lib, "sin");
/** (se, sig, cw) -> (se, sig, flags with C2): the cosine. */
export const f80Cos = (lib: Library): FunctionRef => trigonometric(lib, "cos");
/** (se, sig, cw) -> (se, sig, flags with C2): the tangent. */
export const f80Tan = (lib: Library): FunctionRef => trigonometric(lib, "tan");

/** (se, sig, se, sig, cw) -> (se, sig, flags): the angle of the point (x = first, y = second). */
export function f80Atan(lib: Library): FunctionRef {
  const poly = polynomial(lib, "atan", ODD().slice(0, 17));
  return define(
    lib,
    "f80.atan",
    ["i32", "i64", "i32", "i64", "i32"],
    RESULT,
    (f, xSe, xSig, ySe, ySig, cw) => {
      f.if(
        isNanOrUnsupported(xSe, xSig).or(isNanOrUnsupported(ySe, ySig)),
        () => returnCall(f, f80Nan(lib), [ySe, ySig, xSe, xSig]),
      );
      const flags = f.let(i32(0)), sign = f.let(signOf(ySe)), left = f.let(signOf(xSe));
      const denormal = (se: Local<"i32">, sig: Local<"i64">) =>
        f.if(exponent(se).eqz().and(sig.ne(0)), () => f.set(flags, DE));
      denormal(xSe, xSig), denormal(ySe, ySig);
      // The angle with 126 fraction bits, or as a number when it is small.
      const hi = f.local("i64"), lo = f.local("i64"), r = real(f);
      const giveFixed = () => {
        f.set(r.exp, 0x3fff + 1), f.set(r.hi, hi), f.set(r.lo, lo);
        normaliseWide(f, r);
        returnCall(f, f80Round(lib), [sign, r.exp, r.hi, r.lo.or(1), cw.or(0x300)], flags);
      };
      const giveConstant = (c: readonly [bigint, bigint]) => (f.set(hi, c[0]), f.set(lo, c[1]), giveFixed());
      const zeroOrPi = () => {
        f.if(left.eqz(), () => f.return(sign.shl(15), i64(0), flags));
        giveConstant(PI_Q126());
      };
      f.if(isInfinity(ySe, ySig), () => {
        f.if(isInfinity(xSe, xSig), () => {
          // pi/4 or 3 pi/4
          const [ah, al] = ATAN_Q126()[8], v = (ah << 64n | BigInt.asUintN(64, al)) * 3n;
          f.if(left, () => giveConstant([BigInt.asIntN(64, v >> 64n), BigInt.asIntN(64, v)]));
          giveConstant(ATAN_Q126()[8]);
        });
        giveConstant(HALF_PI_Q126());
      });
      f.if(isInfinity(xSe, xSig).or(isZero(ySe, ySig)), zeroOrPi);
      f.if(isZero(xSe, xSig), () => giveConstant(HALF_PI_Q126()));
      const n: Real = { exp: f.let(exponent(ySe)), hi: ySig, lo: f.let(i64(0)) };
      const d: Real = { exp: f.let(exponent(xSe)), hi: xSig, lo: f.let(i64(0)) };
      for (const p of [n, d]) f.if(p.exp.eqz(), () => (f.set(p.exp, 1), normalise(f, p.exp, p.hi)));
      const swapped = f.let(n.exp.gtS(d.exp).or(n.exp.eq(d.exp).and(n.hi.gtU(d.hi))));
      f.if(swapped, () => {
        const e = f.let(n.exp), h = f.let(n.hi);
        f.set(n.exp, d.exp), f.set(n.hi, d.hi), f.set(d.exp, e), f.set(d.hi, h);
      });
      // n/d is at most 1: take atan(i/8) off, for the nearest i.
      const distance = f.let(d.exp.sub(n.exp)), i = f.let(i32(0)), minus = f.let(i32(0));
      f.if(distance.ltU(5), () =>
        f.set(
          i,
          n.hi.to("f64.convert_i64_u").div(d.hi.to("f64.convert_i64_u"))
            .mul(8).div(i32(1).shl(distance).to("f64.convert_i32_u")).nearest().to("i32.trunc_f64_s"),
        ));
      const none = f.let(i32(0));
      f.if(i, () => {
        // z = (n - i/8 d) / (d + i/8 n), all with 125 fraction bits of d's unit.
        const by = f.let(i.extendU());
        const nLo = f.let(n.hi.shl(i64(62).sub(distance.extendU())));
        const nHi = f.let(n.hi.shrU(distance.add(2).extendU()));
        const dHi = f.let(d.hi.shrU(2)), dLo = f.let(d.hi.shl(62));
        // A factor of i/8: shift by 3 (68 bits at most: exact), times i.
        const part = (h: Local<"i64">, l: Local<"i64">): [Local<"i64">, Local<"i64">] => {
          const low = f.let(l.shrU(3).or(h.shl(61))), ph = f.local("i64"), pl = f.local("i64");
          multiply(f, low, by, ph, pl);
          f.set(ph, ph.add(h.shrU(3).mul(by)));
          return [ph, pl];
        };
        const [idh, idl] = part(dHi, dLo), [inh, inl] = part(nHi, nLo);
        f.set(d.lo, dLo.add(inl)), f.set(d.hi, dHi.add(inh).add(d.lo.ltU(inl).extendU()));
        f.set(n.lo, nLo.sub(idl)), f.set(n.hi, nHi.sub(idh).sub(nLo.ltU(idl).extendU()));
        f.if(n.hi.ltS(0), () => {
          f.set(minus, 1);
          f.set(n.lo, i64(0).sub(n.lo)), f.set(n.hi, n.hi.not().add(n.lo.eqz().extendU()));
        });
        f.set(n.exp, 0x4001), f.set(d.exp, 0x4001);
        f.set(none, n.hi.or(n.lo).eqz());
        normaliseWide(f, d);
        f.if(none.eqz(), () => normaliseWide(f, n));
      });
      f.if(none, () => (f.set(hi, 0), f.set(lo, 0)), () => {
        divideReal(lib, f, n, d);
        const [wh, wl] = square(lib, f, n), ph = f.local("i64"), pl = f.local("i64");
        f.do(poly, [wh, wl, i32(1)], ph, pl);
        below(f, ph, pl);
        scale(lib, f, n, ph, pl);
        f.if(i.or(swapped).or(left).eqz(), () => {
          returnCall(f, f80Round(lib), [sign, n.exp, n.hi, n.lo.or(1), cw.or(0x300)], flags);
        });
        const [a, b] = toFixed(f, n, 126);
        f.set(hi, a), f.set(lo, b);
      });
      const add = (c: readonly [bigint, bigint], negative: Local<"i32">) => {
        f.if(negative, () => {
          f.set(hi, i64(c[0]).sub(hi).sub(lo.gtU(c[1]).extendU()));
          f.set(lo, i64(c[1]).sub(lo));
        }, () => {
          f.set(lo, lo.add(c[1]));
          f.set(hi, hi.add(c[0]).add(lo.ltU(c[1]).extendU()));
        });
      };
      const one = f.let(i32(1));
      f.switch(i, ATAN_Q126().map((c, at) => () => at ? add(c, minus) : undefined), () => {});
      f.if(swapped, () => add(HALF_PI_Q126(), one));
      f.if(left, () => add(PI_Q126(), one));
      giveFixed();
    },
  );
}
