/** x87 comparisons, rounding to integers, and conversions from and to the other formats. */
// cold: constants of the generated module
import { type FunctionRef, i32, i64, type Local, select } from "../wasm/mod.ts";
import { C1, DE, define, IE, type Library, PE, roundsUp, shiftRightJam, TOP } from "./common.ts";
import { flagIf, normalise } from "./core.ts";
import { modeOf } from "./f80_round.ts";
import { controlOf, floatRound, type Format, indefinite, narrow } from "./format.ts";
import {
  exponent,
  f80Nan,
  INDEFINITE_SE,
  isDenormal,
  isInfinity,
  isNanOrUnsupported,
  isUnsupported,
  isZero,
  signOf,
} from "./f80_special.ts";
import { returnCall } from "./f80_arithmetic.ts";

/** (se, sig, se, sig) -> (eflags, flags): CF, PF, ZF as fcomi; shifted left by 8 they are C0, C2, C3. */
export function f80Compare(lib: Library, quiet: boolean): FunctionRef {
  return define(
    lib,
    `f80.compare${quiet ? ".quiet" : ""}`,
    ["i32", "i64", "i32", "i64"],
    ["i32", "i32"],
    (f, aSe, aSig, bSe, bSig) => {
      f.if(isNanOrUnsupported(aSe, aSig).or(isNanOrUnsupported(bSe, bSig)), () => {
        const signals = (se: Local<"i32">, sig: Local<"i64">) =>
          isUnsupported(se, sig).or(isNanOrUnsupported(se, sig).and(sig.and(0x4000000000000000n).eqz()));
        f.return(i32(0x45), quiet ? signals(aSe, aSig).or(signals(bSe, bSig)) : i32(IE));
      });
      const flags = f.let(flagIf(isDenormal(aSe, aSig).or(isDenormal(bSe, bSig)), DE));
      f.if(isZero(aSe, aSig).and(isZero(bSe, bSig)), () => f.return(i32(0x40), flags));
      const aSign = f.let(signOf(aSe)), aExp = f.let(exponent(aSe)), bExp = f.let(exponent(bSe));
      f.if(aSign.ne(signOf(bSe)), () => f.return(aSign, flags));
      // Exponent 0 counts as 1: denormals have no integer bit, pseudo-denormals equal normal numbers.
      f.set(aExp, aExp.add(aExp.eqz())), f.set(bExp, bExp.add(bExp.eqz()));
      f.if(aExp.eq(bExp).and(aSig.eq(bSig)), () => f.return(i32(0x40), flags));
      f.return(aSign.xor(select(aExp.eq(bExp), aSig.ltU(bSig), aExp.ltU(bExp))), flags);
    },
  );
}

/** (se, sig, cw) -> (bits, flags with C1). */
export function f80ToFloat(lib: Library, format: Format): FunctionRef {
  const round = floatRound(lib, format);
  return define(
    lib,
    `f80.to.${format.name}`,
    ["i32", "i64", "i32"],
    [format.type, "i32"],
    (f, se, sig, cw) => {
      const sign = f.let(signOf(se)), exp = f.let(exponent(se));
      const top = f.let(
        i64(BigInt(format.maxExp) << BigInt(format.fraction)).or(sign.extendU().shl(format.bits - 1)),
      );
      f.if(isNanOrUnsupported(se, sig), () => {
        f.if(isUnsupported(se, sig), () => f.return(narrow(format, i64(indefinite(format))), i32(IE)));
        f.return(
          narrow(format, top.or(sig.or(0x4000000000000000n).shl(1).shrU(64 - format.fraction))),
          sig.and(0x4000000000000000n).eqz(),
        );
      });
      f.if(isInfinity(se, sig), () => f.return(narrow(format, top), i32(0)));
      f.if(sig.eqz(), () => f.return(narrow(format, sign.extendU().shl(format.bits - 1)), i32(0)));
      f.if(exp.eqz(), () => f.set(exp, 1));
      normalise(f, exp, sig);
      const bits = f.local(format.type), flags = f.local("i32");
      f.do(round, [sign, exp, sig, i64(0), controlOf(cw)], bits, flags);
      f.return(bits, flags);
    },
  );
}

/** (sign, exp, sig, mode) -> (magnitude, flags with C1) of a number below 2^64; 2^64 - 1/2 and above must not come. */
export function integerOf(lib: Library): FunctionRef {
  return define(
    lib,
    "soft.integer",
    ["i32", "i32", "i64", "i32"],
    ["i64", "i32"],
    (f, sign, exp, sig, mode) => {
      const places = f.let(i32(0x403e).sub(exp)), lo = f.let(i64(0));
      shiftRightJam(f, sig, lo, places);
      const up = f.let(roundsUp(sign, mode, lo, sig.wrap().and(1)));
      f.return(sig.add(up.extendU()), select(lo.ne(0), up.mul(C1).or(PE), i32(0)));
    },
  );
}

/** (se, sig, bits, mode) -> (value, flags with C1): a signed integer of 16, 32 or 64 bits, or the indefinite one. */
export function f80ToInteger(lib: Library): FunctionRef {
  const integer = integerOf(lib);
  return define(lib, "f80.to.int", ["i32", "i64", "i32", "i32"], ["i64", "i32"], (f, se, sig, bits, mode) => {
    const sign = f.let(signOf(se)), least = f.let(i64(-1).shl(bits.sub(1).extendU())), flags = f.local("i32");
    f.if(
      isNanOrUnsupported(se, sig).or(exponent(se).gtU(0x403e)),
      () => f.return(least, i32(IE)),
    );
    f.do(integer, [sign, exponent(se), sig, mode], sig, flags);
    f.if(sig.gtU(least.not().add(sign.extendU())), () => f.return(least, i32(IE)));
    f.return(select(sign, i64(0).sub(sig), sig), flags);
  });
}

/** i64 -> (se, sig), exact. */
export function f80FromInteger(lib: Library): FunctionRef {
  return define(lib, "f80.from.int", ["i64"], ["i32", "i64"], (f, v) => {
    f.if(v.eqz(), () => f.return(i32(0), i64(0)));
    const sign = f.let(v.ltS(0)), exp = f.let(i32(0x403e));
    f.if(sign, () => f.set(v, i64(0).sub(v)));
    normalise(f, exp, v);
    f.return(sign.shl(15).or(exp), v);
  });
}

/** (se, sig, cw) -> (se, sig, flags with C1): frndint. */
export function f80RoundToIntegral(lib: Library): FunctionRef {
  const integer = integerOf(lib);
  return define(lib, "f80.rint", ["i32", "i64", "i32"], ["i32", "i64", "i32"], (f, se, sig, cw) => {
    f.if(isNanOrUnsupported(se, sig), () => returnCall(f, f80Nan(lib), [se, sig, i32(0), i64(0)]));
    f.if(isZero(se, sig).or(exponent(se).geU(0x403e)), () => f.return(se, sig, i32(0)));
    const flags = f.local("i32"), exp = f.let(i32(0x403e)), sign = f.let(se.and(0x8000));
    const denormal = f.let(flagIf(isDenormal(se, sig), DE));
    f.do(integer, [signOf(se), exponent(se), sig, modeOf(cw)], sig, flags);
    f.set(flags, flags.or(denormal));
    f.if(sig.eqz(), () => f.return(sign, i64(0), flags));
    normalise(f, exp, sig);
    f.return(sign.or(exp), sig, flags);
  });
}
export { INDEFINITE_SE, TOP };
