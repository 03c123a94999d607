/** f32 and f64 as bits: widening to the common form, and rounding to them with MXCSR's modes. */
// cold: constants of the generated module
import {
  type Func,
  type FunctionRef,
  type I32,
  i32,
  type I64,
  i64,
  type Local,
  select,
  type Value,
} from "../wasm/mod.ts";
import { C1, define, IE, type Library, OE, PE, roundsUp, shiftRightJam, TOP, UE } from "./common.ts";
import { flagIf, normalise, type Parts } from "./core.ts";

/** A binary interchange format of at most 64 bits. */
export interface Format {
  /** Part of the names of its functions. */
  readonly name: "f32" | "f64";
  /** Type of its bits. */
  readonly type: "i32" | "i64";
  /** Bits in all. */
  readonly bits: 32 | 64;
  /** Stored bits of the significand. */
  readonly fraction: number;
  /** Exponent of infinities and NaNs. */
  readonly maxExp: number;
  /** From its exponents to those of bias 0x3fff. */
  readonly rebias: number;
}
/** IEEE 754 binary32. */
export const SINGLE: Format = {
  name: "f32",
  type: "i32",
  bits: 32,
  fraction: 23,
  maxExp: 255,
  rebias: 0x3fff - 127,
};
/** IEEE 754 binary64. */
export const DOUBLE: Format = {
  name: "f64",
  type: "i64",
  bits: 64,
  fraction: 52,
  maxExp: 2047,
  rebias: 0x3fff - 1023,
};

/** Control bits, laid out as in MXCSR. */
export const DAZ = 0x40, FTZ = 0x8000, MASK_UE = UE << 7, MASK_OE = OE << 7;
/** Rounding mode: 0 nearest even, 1 down, 2 up, 3 toward zero. */
export const modeOf = (ctl: I32): I32 => ctl.shrU(13).and(3);
/** Mode and masks of an x87 control word as `ctl`. */
export const controlOf = (cw: I32): I32 => cw.and(0xc00).shl(3).or(cw.and(0x3f).shl(7));

/** i64 -> the format's type. */
export function narrow(format: Format, v: I64): Value<"i32" | "i64"> {
  return format.type === "i32" ? v.wrap() : v;
}
export const expOf = (format: Format, a: I64): I32 => a.shrU(format.fraction).wrap().and(format.maxExp);
export const signOf = (format: Format, a: I64): I32 => a.shrU(format.bits - 1).wrap();
/** Everything but the sign, at the top of 64 bits. */
export const magnitude = (format: Format, a: I64): I64 => a.shl(65 - format.bits);
const infinity = (format: Format): bigint => BigInt(format.maxExp) << BigInt(format.fraction);
/** Bits of the quiet NaN that invalid operations give. */
export const indefinite = (format: Format): bigint =>
  BigInt(4 * format.maxExp + 3) << BigInt(format.fraction - 1);
export const quietBit = (format: Format): bigint => 1n << BigInt(format.fraction - 1);

export function isNan(format: Format, a: I64): I32 {
  return magnitude(format, a).gtU(BigInt.asIntN(64, infinity(format) << BigInt(65 - format.bits)));
}
export function isSignalling(format: Format, a: I64): I32 {
  return isNan(format, a).and(a.and(quietBit(format)).eqz());
}
export function isInfinity(format: Format, a: I64): I32 {
  return magnitude(format, a).eq(BigInt.asIntN(64, infinity(format) << BigInt(65 - format.bits)));
}
export const isZero = (format: Format, a: I64): I32 => magnitude(format, a).eqz();
export const isDenormal = (format: Format, a: I64): I32 =>
  expOf(format, a).eqz().and(magnitude(format, a).ne(0));

/** Takes a finite nonzero number apart. */
export function unpack(f: Func, format: Format, a: Local<"i64">): Parts {
  const exp = f.let(expOf(format, a)), hi = f.let(a.shl(63 - format.fraction));
  const sign = f.let(signOf(format, a));
  f.if(exp, () => {
    f.set(hi, hi.or(TOP));
    f.set(exp, exp.add(format.rebias));
  }, () => {
    f.set(hi, hi.and(0x7fffffffffffffffn));
    f.set(exp, format.rebias + 1);
    normalise(f, exp, hi);
  });
  return { sign, exp, hi };
}

/** (sign, exp, hi, lo, ctl) -> (bits, flags with C1). */
export function floatRound(lib: Library, format: Format): FunctionRef {
  const places = 63 - format.fraction, unit = 1n << BigInt(places);
  return define(
    lib,
    `${format.name}.round`,
    ["i32", "i32", "i64", "i64", "i32"],
    [format.type, "i32"],
    (f, sign, exp, hi, lo, ctl) => {
      const mode = f.let(modeOf(ctl)), signBit = f.let(sign.extendU().shl(format.bits - 1));
      const up = f.local("i32"), flags = f.local("i32");
      const give = (bits: I64, fl: I32) => f.return(narrow(format, signBit.or(bits)), fl);
      const round = () => {
        f.set(lo, hi.shl(64 - places).or(lo.ne(0).extendU()));
        f.set(hi, hi.shrU(places).shl(places));
        f.set(up, roundsUp(sign, mode, lo, hi.and(i64(unit)).ne(0)));
        f.set(flags, select(lo.ne(0), up.mul(C1).or(PE), i32(0)));
        f.if(up, () => f.set(hi, hi.add(i64(unit))));
      };
      f.set(exp, exp.sub(format.rebias));
      const hi0 = f.let(hi), lo0 = f.let(lo);
      round();
      const carry = f.let(up.and(hi.geS(0)));
      f.if(carry, () => (f.set(hi, TOP), f.set(exp, exp.add(1))));
      f.if(exp.gtS(0), () => {
        f.if(
          exp.ltS(format.maxExp),
          () => give(hi.shl(1).shrU(places + 1).or(exp.extendU().shl(format.fraction)), flags),
        );
        // An unmasked overflow is inexact only when bits of the significand were lost; its result is not used.
        f.if(ctl.and(MASK_OE).eqz(), () => give(i64(0), flags.or(OE)));
        // Past the largest: infinity or the largest, by mode.
        f.if(mode.eqz().or(mode.add(sign).eq(2)), () => give(i64(infinity(format)), i32(OE | PE | C1)));
        give(i64(infinity(format) - 1n), i32(OE | PE));
      });
      // Tiny after rounding. An unmasked exception is told without regard to exactness; its result is not used.
      f.if(ctl.and(MASK_UE).eqz(), () => give(i64(0), flags.or(UE)));
      f.if(ctl.and(FTZ), () => give(i64(0), i32(UE | PE)));
      f.set(hi, hi0), f.set(lo, lo0);
      f.if(carry, () => f.set(exp, exp.sub(1)));
      const count = f.let(i32(1).sub(exp));
      shiftRightJam(f, hi, lo, count);
      round();
      // A carry into the integer bit becomes the least normal number by itself.
      give(hi.shrU(places), flags.or(flagIf(lo.ne(0), UE)));
    },
  );
}

/** Any number, NaNs included and kept signalling, as x87's (se, sig): bits -> (se, sig, IE for signalling, DE). */
export function widen(lib: Library, format: Format): FunctionRef {
  return define(lib, `${format.name}.to.f80`, [format.type], ["i32", "i64", "i32"], (f, bits) => {
    const a = f.let((bits as unknown as Value<"i32" | "i64">).extendU());
    const sign = f.let(signOf(format, a).shl(15)), exp = f.let(expOf(format, a));
    f.if(
      exp.sub(1).ltU(format.maxExp - 1),
      () => f.return(sign.or(exp.add(format.rebias)), a.shl(63 - format.fraction).or(TOP), i32(0)),
    );
    f.if(exp, () =>
      f.return(
        sign.or(0x7fff),
        a.shl(63 - format.fraction).or(TOP),
        flagIf(isSignalling(format, a), IE),
      ));
    f.if(isZero(format, a), () => f.return(sign, i64(0), i32(0)));
    const p = unpack(f, format, a);
    f.return(sign.or(p.exp), p.hi, i32(2));
  });
}
