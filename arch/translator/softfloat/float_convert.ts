/** f32 and f64: conversions among each other and with integers, rounding to integers, fused multiply-add. */
// cold: constants of the generated module
import { type FunctionRef, i32, i64, select, type Value } from "../wasm/mod.ts";
import { define, IE, type Library, multiply, shiftLeft, shiftRightJam, TOP } from "./common.ts";
import { normalise, type WideParts } from "./core.ts";
import { integerOf } from "./f80_convert.ts";
import { bitsOf, denormals, floatNan, returnFloat } from "./float.ts";
import {
  expOf,
  floatRound,
  type Format,
  indefinite,
  isNan,
  isSignalling,
  isZero,
  modeOf,
  narrow,
  quietBit,
  signOf,
  unpack,
} from "./format.ts";

/** (bits, ctl) -> (bits, flags). */
export function floatToFloat(lib: Library, from: Format, to: Format): FunctionRef {
  const round = floatRound(lib, to);
  return define(lib, `${from.name}.to.${to.name}`, [from.type, "i32"], [to.type, "i32"], (f, x, ctl) => {
    const a = bitsOf(f, x), flags = f.let(i32(0)), sign = f.let(signOf(from, a).extendU().shl(to.bits - 1));
    f.if(expOf(from, a).eq(from.maxExp), () => {
      // Infinities, and NaNs with the upper bits of their payload.
      const payload = a.shl(64 - from.fraction);
      f.if(isNan(from, a), () => f.set(sign, sign.or(quietBit(to))));
      f.return(
        narrow(to, sign.or(BigInt(to.maxExp) << BigInt(to.fraction)).or(payload.shrU(64 - to.fraction))),
        isSignalling(from, a),
      );
    });
    denormals(f, from, ctl, flags, a);
    f.if(isZero(from, a), () => f.return(narrow(to, sign), flags));
    const p = unpack(f, from, a);
    returnFloat(f, to, round, [p.sign, p.exp, p.hi, i64(0), ctl], flags);
  });
}

/** (bits, ctl, mode) -> (i64, flags): to a signed integer of 32 or 64 bits with this rounding mode (3 truncates). */
export function floatToInteger(lib: Library, from: Format, bits: 32 | 64): FunctionRef {
  const integer = integerOf(lib), least = -(1n << BigInt(bits - 1));
  return define(
    lib,
    `${from.name}.to.i${bits}`,
    [from.type, "i32", "i32"],
    ["i64", "i32"],
    (f, x, ctl, mode) => {
      const a = bitsOf(f, x), flags = f.let(i32(0));
      f.if(expOf(from, a).geU(0x403f - from.rebias), () => f.return(i64(least), i32(IE)));
      denormals(f, from, ctl, flags, a);
      f.if(isZero(from, a), () => f.return(i64(0), i32(0)));
      const p = unpack(f, from, a);
      f.do(integer, [p.sign, p.exp, p.hi, mode], p.hi, flags);
      f.if(p.hi.gtU(i64(-least - 1n).add(p.sign.extendU())), () => f.return(i64(least), i32(IE)));
      f.return(select(p.sign, i64(0).sub(p.hi), p.hi), flags.and(0x3f));
    },
  );
}

/** (i64, ctl) -> (bits, flags): from a signed integer. */
export function floatFromInteger(lib: Library, to: Format): FunctionRef {
  const round = floatRound(lib, to);
  return define(lib, `${to.name}.from.int`, ["i64", "i32"], [to.type, "i32"], (f, v, ctl) => {
    f.if(v.eqz(), () => f.return(narrow(to, i64(0)), i32(0)));
    const sign = f.let(v.ltS(0)), exp = f.let(i32(0x403e));
    f.if(sign, () => f.set(v, i64(0).sub(v)));
    normalise(f, exp, v);
    returnFloat(f, to, round, [sign, exp, v, i64(0), ctl]);
  });
}

/** (bits, ctl, mode) -> (bits, flags with PE): to an integral value in the same format. */
export function floatRoundToIntegral(lib: Library, format: Format): FunctionRef {
  const integer = integerOf(lib),
    round = floatRound(lib, format),
    nan = floatNan(lib, format),
    T = format.type;
  return define(lib, `${format.name}.rint`, [T, "i32", "i32"] as const, [T, "i32"], (f, x, ctl, mode) => {
    const a = bitsOf(f, x), flags = f.let(i32(0));
    f.if(isNan(format, a), () => returnFloat(f, format, nan, [x, x]));
    denormals(f, format, ctl, flags, a);
    f.set(flags, 0); // no DE here
    f.if(
      isZero(format, a).or(expOf(format, a).geU(0x403e - format.rebias)),
      () => f.return(narrow(format, a), i32(0)),
    );
    const p = unpack(f, format, a);
    f.do(integer, [p.sign, p.exp, p.hi, mode], p.hi, flags);
    f.if(p.hi.eqz(), () => f.return(narrow(format, p.sign.extendU().shl(format.bits - 1)), flags.and(0x3f)));
    f.set(p.exp, 0x403e);
    normalise(f, p.exp, p.hi);
    returnFloat(f, format, round, [p.sign, p.exp, p.hi, i64(0), ctl], flags);
  });
}

/** (a, b, c, ctl) -> (bits, flags): a * b + c rounded once. */
export function floatFusedMultiplyAdd(lib: Library, format: Format): FunctionRef {
  const round = floatRound(lib, format), T = format.type;
  return define(lib, `${format.name}.fma`, [T, T, T, "i32"] as const, [T, "i32"], (f, x, y, z, ctl) => {
    const a = bitsOf(f, x), b = bitsOf(f, y), c = bitsOf(f, z), flags = f.let(i32(0));
    const invalid = () => f.return(narrow(format, i64(indefinite(format))), i32(IE));
    const give = (bits: Value<"i64">) => f.return(narrow(format, bits), flags);
    const infinite = (v: Value<"i64">) => expOf(format, v).eq(format.maxExp);
    const signBit = (s: Value<"i32">) => s.extendU().shl(format.bits - 1);
    f.if(isNan(format, a).or(isNan(format, b)).or(isNan(format, c)), () => {
      f.set(flags, isSignalling(format, a).or(isSignalling(format, b)).or(isSignalling(format, c)));
      f.if(isNan(format, a), () => give(a.or(quietBit(format))));
      f.if(isNan(format, b), () => give(b.or(quietBit(format))));
      give(c.or(quietBit(format)));
    });
    denormals(f, format, ctl, flags, a, b, c);
    const sign = f.let(signOf(format, a.xor(b))), cSign = f.let(signOf(format, c));
    const zero = f.let(isZero(format, a).or(isZero(format, b)));
    f.if(infinite(a).or(infinite(b)), () => {
      f.if(zero.or(infinite(c).and(sign.ne(cSign))), invalid);
      give(signBit(sign).or(BigInt(format.maxExp) << BigInt(format.fraction)));
    });
    f.if(infinite(c), () => give(c));
    f.if(zero, () => {
      f.if(isZero(format, c), () => give(signBit(select(sign.eq(cSign), sign, modeOf(ctl).eq(1)))));
      const p = unpack(f, format, c);
      returnFloat(f, format, round, [p.sign, p.exp, p.hi, i64(0), ctl], flags);
    });
    const pa = unpack(f, format, a), pb = unpack(f, format, b);
    // The product, exact in 128 bits.
    const p: WideParts = {
      sign,
      exp: f.let(pa.exp.add(pb.exp).sub(0x3ffe)),
      hi: f.local("i64"),
      lo: f.local("i64"),
    };
    multiply(f, pa.hi, pb.hi, p.hi, p.lo);
    f.if(p.hi.geS(0), () => {
      shiftLeft(f, p.hi, p.lo, i64(1));
      f.set(p.exp, p.exp.sub(1));
    });
    const toRound = () => returnFloat(f, format, round, [p.sign, p.exp, p.hi, p.lo, ctl], flags);
    f.if(isZero(format, c), toRound);
    const q: WideParts = { ...unpack(f, format, c), lo: f.let(i64(0)) };
    const smaller = q.exp.gtS(p.exp).or(
      q.exp.eq(p.exp).and(q.hi.gtU(p.hi).or(q.hi.eq(p.hi).and(q.lo.gtU(p.lo)))),
    );
    f.if(smaller, () => {
      const s = f.let(p.sign), e = f.let(p.exp), h = f.let(p.hi), l = f.let(p.lo);
      f.set(p.sign, q.sign), f.set(p.exp, q.exp), f.set(p.hi, q.hi), f.set(p.lo, q.lo);
      f.set(q.sign, s), f.set(q.exp, e), f.set(q.hi, h), f.set(q.lo, l);
    });
    const distance = f.let(p.exp.sub(q.exp));
    shiftRightJam(f, q.hi, q.lo, distance);
    f.if(p.sign.eq(q.sign), () => {
      f.set(p.lo, p.lo.add(q.lo));
      const carry = f.let(p.lo.ltU(q.lo).extendU()), old = f.let(p.hi);
      f.set(p.hi, p.hi.add(q.hi).add(carry));
      f.if(p.hi.ltU(old).or(p.hi.eq(old).and(q.hi.add(carry).ne(0))), () => {
        f.set(p.lo, p.lo.shrU(1).or(p.hi.shl(63)).or(p.lo.and(1)));
        f.set(p.hi, p.hi.shrU(1).or(TOP));
        f.set(p.exp, p.exp.add(1));
      });
      toRound();
    });
    f.set(p.hi, p.hi.sub(q.hi).sub(p.lo.ltU(q.lo).extendU()));
    f.set(p.lo, p.lo.sub(q.lo));
    f.if(p.hi.or(p.lo).eqz(), () => give(signBit(modeOf(ctl).eq(1))));
    f.if(p.hi.eqz(), () => {
      f.set(p.hi, p.lo);
      f.set(p.lo, 0);
      f.set(p.exp, p.exp.sub(64));
    });
    const n = f.let(p.hi.clz());
    shiftLeft(f, p.hi, p.lo, n);
    f.set(p.exp, p.exp.sub(n.wrap()));
    toRound();
  });
}
