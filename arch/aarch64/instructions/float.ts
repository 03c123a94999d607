/**
 * Floating point as aarch64 defines it, as functions on bits: NaNs, default NaN, flush to zero, rounding modes of FPCR, cumulative flags in FPSR.
 * With FPCR 0 and IXC set already the machine's own arithmetic gives value and flags whenever the result is a normal number; the rest goes through
 * ../../translator/softfloat, whose flags and control are MXCSR's.
 */
// cold: constants of the generated code
import {
  type Arg,
  DOUBLE,
  type Env,
  type F64,
  f64,
  floatArithmetic,
  floatFromInteger,
  floatFusedMultiplyAdd,
  floatSqrt,
  floatToFloat,
  type Format,
  type FunctionRef,
  type I32,
  i32,
  type I64,
  i64,
  type Int,
  type Local,
  select,
  SINGLE,
  type Type,
  type Value,
} from "@guise/translator";
import { STATE } from "../state.ts";
import { halfArithmetic, halfFromInteger, halfFused, halfRoot, halfRounded, halfValue } from "./half.ts";
import { settled } from "./settled.ts";

/** A format. `bits` type of its bits. */
export interface Kind {
  readonly format: Format;
  readonly bits: "i32" | "i64";
  readonly float: "f32" | "f64";
  readonly width: 16 | 32 | 64;
  readonly fraction: number;
  /** log2 of its bytes, its letter, its ftype bits. */
  readonly size: 1 | 2 | 3;
  readonly letter: "h" | "s" | "d";
  readonly type: "00" | "01" | "11";
}
// deno-fmt-ignore
export const F32K: Kind = { format: SINGLE, bits: "i32", float: "f32", width: 32, fraction: 23, size: 2, letter: "s", type: "00" };
// deno-fmt-ignore
export const F64K: Kind = { format: DOUBLE, bits: "i64", float: "f64", width: 64, fraction: 52, size: 3, letter: "d", type: "01" };
/** Half precision: half.ts has its arithmetic. */
// deno-fmt-ignore
export const F16K: Kind = {
  format: { name: "f16", type: "i32", bits: 16, fraction: 10, maxExp: 31, rebias: 0x3fff - 15 } as unknown as Format,
  bits: "i32", float: "f32", width: 16, fraction: 10, size: 1, letter: "h", type: "11",
};
export const KINDS: readonly Kind[] = [F32K, F64K];

export type Float = Value<"f32" | "f64">;
export const IOC = 1, DZC = 2, OFC = 4, UFC = 8, IXC = 16, IDC = 128;
const FZ16 = 1 << 19, FZ = 1 << 24, DN = 1 << 25, AHP = 1 << 26;

export const asFloat = (k: Kind, v: Int): Float =>
  (k.width === 64 ? (v as I64).to("f64.reinterpret_i64") : (v as I32).to("f32.reinterpret_i32")) as Float;
export const asBits = (k: Kind, v: Float): Int =>
  (k.width === 64
    ? (v as F64).to("i64.reinterpret_f64")
    : (v as Value<"f32">).to("i32.reinterpret_f32")) as Int;
export const constant = (k: Kind, v: bigint): Int =>
  (k.width === 64 ? i64(BigInt.asIntN(64, v)) : i32(Number(BigInt.asIntN(32, v)))) as Int;
const signBit = (k: Kind) => 1n << BigInt(k.width - 1);
const infinity = (k: Kind) => ((1n << BigInt(k.width - 1 - k.fraction)) - 1n) << BigInt(k.fraction);
const quietBit = (k: Kind) => 1n << BigInt(k.fraction - 1);
const leastNormal = (k: Kind) => 1n << BigInt(k.fraction);
export const defaultNan = (k: Kind): Int => constant(k, infinity(k) | quietBit(k));
export const magnitude = (k: Kind, v: Int): Int => v.and(constant(k, signBit(k) - 1n));
export const isNan = (k: Kind, v: Int): I32 => magnitude(k, v).gtU(constant(k, infinity(k)));
export const isSignalling = (k: Kind, v: Int): I32 => isNan(k, v).and(v.and(constant(k, quietBit(k))).eqz());
export const negated = (k: Kind, v: Int): Int => v.xor(constant(k, signBit(k)));

export const fpcr = (m: Env): I32 => m.state("i32.load", STATE.fpcr);
export const raise = (m: Env, flags: I32 | number): void =>
  m.setState("i32.store", STATE.fpsr, m.state("i32.load", STATE.fpsr).or(flags));
/** FPCR 0 and IXC set. */
export const quick = (m: Env): I32 => fpcr(m).eqz().and(m.state("i32.load", STATE.fpsr).shrU(4).and(1));

/** The control word of softfloat for FPCR: rounding mode with its bits swapped, FTZ and DAZ for FZ. */
const control = (m: Env): I32 => {
  const c = fpcr(m);
  return i32(0x1f80).or(c.shrU(23).and(1).shl(13)).or(c.shrU(22).and(1).shl(14)).or(
    c.shrU(24).and(1).shl(15),
  );
};
/** MXCSR's flags to FPSR's; with FTZ a flushed result is not inexact. */
const tell = (m: Env, flags: Local<"i32">, half = false): void => {
  const { f } = m;
  if (!half) f.if(flags.and(16), () => f.if(fpcr(m).and(FZ), () => f.set(flags, flags.and(~32))));
  f.if(flags.and(0x3d), () => raise(m, flags.and(1).or(flags.shrU(1).and(0x1e))));
};

const define = (
  m: Env,
  name: string,
  params: readonly Type[],
  results: readonly Type[],
  body: (h: Env, ...p: Local<never>[]) => void,
): FunctionRef => m.helper(name, params, results, body as never);

/** (bits) -> bits: denormals become zeros with FZ, telling IDC. */
export function flush(m: Env, k: Kind, v: Int): Int {
  const ref = define(m, `${k.letter} flush`, [k.bits], [k.bits], (h, x) => {
    const { f } = h, a = x as unknown as Int, low = magnitude(k, a);
    f.if(
      fpcr(h).and(k.width === 16 ? FZ16 : FZ),
      () =>
        f.if(low.eqz().eqz().and(low.ltU(constant(k, leastNormal(k)))), () => {
          if (k.width !== 16) raise(h, IDC);
          f.return(a.and(constant(k, signBit(k))) as never);
        }),
    );
    f.return(a as never);
  });
  return m.f.call(k.bits, ref, v as never) as unknown as Int;
}

/** Returns the NaN of the first signalling, else first NaN of the operands; nothing when there is none. */
export function returnNans(h: Env, k: Kind, ...operands: Int[]): void {
  const { f } = h;
  const give = (v: Int) => {
    f.if(fpcr(h).and(DN), () => f.return(defaultNan(k) as never));
    f.return(v.or(constant(k, quietBit(k))) as never);
  };
  f.if(operands.map((o) => isNan(k, o)).reduce((a, b) => a.or(b)), () => {
    for (const o of operands) f.if(isSignalling(k, o), () => (raise(h, IOC), give(o)));
    for (const o of operands) f.if(isNan(k, o), () => give(o));
  });
}
/** Result bits and MXCSR flags of softfloat, as aarch64 has them. `again` computes with a control word. */
function finish(
  h: Env,
  k: Kind,
  bits: Local,
  flags: Local<"i32">,
  again: (ctl: I32, bits: Local, flags: Local<"i32">) => void,
): void {
  const { f } = h, r = bits as unknown as Int;
  // Tininess is detected before rounding: what was rounded up to the least normal number underflows too.
  f.if(magnitude(k, r).eq(constant(k, leastNormal(k))).and(flags.and(48).eq(32)), () => {
    const truncated = f.local(k.bits), ignored = f.local("i32");
    again(i32(0x7f80), truncated, ignored);
    f.if(magnitude(k, truncated as unknown as Int).ltU(constant(k, leastNormal(k))), () => {
      f.set(flags, flags.or(16));
      if (k.width !== 16) f.if(fpcr(h).and(FZ), () => f.set(bits, r.and(constant(k, signBit(k))) as never));
    });
  });
  f.if(flags.and(1), () => f.set(bits, defaultNan(k) as never));
  tell(h, flags, k.width === 16);
  f.return(bits);
}

export type Operation = "add" | "sub" | "mul" | "div";
/** (a, b) -> result. */
export function arithmetic(m: Env, k: Kind, op: Operation): FunctionRef {
  if (k.width === 16) return halfArithmetic(m, op);
  return define(m, `${k.letter} ${op}`, [k.bits, k.bits], [k.bits], (h, x, y) => {
    const { f } = h, r = f.local(k.bits) as unknown as Local & Int;
    const a = x as unknown as Local & Int, b = y as unknown as Local & Int;
    const native = asBits(k, (asFloat(k, a) as F64)[op](asFloat(k, b) as F64) as Float);
    f.if(quick(h), () => {
      f.set(r, native as never);
      // A normal number above the least: inexact at most. Zero as a sum is exact.
      const exponent = magnitude(k, r).sub(constant(k, 2n * leastNormal(k)));
      f.if(exponent.ltU(constant(k, infinity(k) - 2n * leastNormal(k))), () => f.return(r));
      if (op === "add" || op === "sub") f.if(r.eqz(), () => f.return(r));
    });
    f.if(fpcr(h).eqz(), () => {
      const inexact = h.state("i32.load", STATE.fpsr).shrU(4).and(1), ref = settled(h, k, op);
      f.set(r, native as never);
      f.if(
        f.call("i32", ref, asFloat(k, a) as never, asFloat(k, b) as never, asFloat(k, r) as never, inexact),
        () => f.return(r),
      );
    });
    f.set(a, flush(h, k, a) as never), f.set(b, flush(h, k, b) as never);
    returnNans(h, k, a, b);
    const ref = floatArithmetic(h, k.format, op), flags = f.local("i32"), ctl = f.let(control(h));
    f.do(ref, [a, b, ctl] as Arg<Type>[], r, flags);
    finish(h, k, r, flags, (c, bits, fl) => f.do(ref, [a, b, c] as Arg<Type>[], bits, fl));
  });
}
/** (a) -> result. */
export function squareRoot(m: Env, k: Kind): FunctionRef {
  if (k.width === 16) return halfRoot(m);
  return define(m, `${k.letter} sqrt`, [k.bits], [k.bits], (h, x) => {
    const { f } = h, r = f.local(k.bits) as unknown as Local & Int, a = x as unknown as Local & Int;
    f.if(quick(h).and(a.geS(constant(k, 0n))), () => {
      f.set(r, asBits(k, asFloat(k, a).sqrt()) as never);
      f.if(magnitude(k, r).ltU(constant(k, infinity(k))), () => f.return(r));
    });
    settled(h, k, "sqrt");
    f.set(a, flush(h, k, a) as never);
    returnNans(h, k, a);
    const ref = floatSqrt(h, k.format), flags = f.local("i32"), ctl = f.let(control(h));
    f.do(ref, [a, ctl] as Arg<Type>[], r, flags);
    finish(h, k, r, flags, (c, bits, fl) => f.do(ref, [a, c] as Arg<Type>[], bits, fl));
  });
}
/** (addend, a, b) -> addend + a * b, rounded once. */
export function fused(m: Env, k: Kind): FunctionRef {
  if (k.width === 16) return halfFused(m);
  return define(m, `${k.letter} fma`, [k.bits, k.bits, k.bits], [k.bits], (h, x, y, z) => {
    const { f } = h, r = f.local(k.bits) as unknown as Local & Int;
    const c = x as unknown as Local & Int, a = y as unknown as Local & Int, b = z as unknown as Local & Int;
    const isInf = (v: Int) => magnitude(k, v).eq(constant(k, infinity(k))),
      isZero = (v: Int) => magnitude(k, v).eqz();
    for (const v of [a, b, c]) f.set(v, flush(h, k, v) as never);
    // Infinity times zero is invalid even when a quiet NaN is added.
    f.if(
      isNan(k, c).and(isSignalling(k, c).eqz()),
      () =>
        f.if(
          isInf(a).and(isZero(b)).or(isZero(a).and(isInf(b))),
          () => (raise(h, IOC), f.return(defaultNan(k) as never)),
        ),
    );
    returnNans(h, k, c, a, b);
    const ref = floatFusedMultiplyAdd(h, k.format), flags = f.local("i32"), ctl = f.let(control(h));
    f.do(ref, [a, b, c, ctl] as Arg<Type>[], r, flags);
    finish(h, k, r, flags, (w, bits, fl) => f.do(ref, [a, b, c, w] as Arg<Type>[], bits, fl));
  });
}
/** (a, b) -> the larger or smaller; `number`: a quiet NaN loses against a number. */
export function extreme(m: Env, k: Kind, max: boolean, number: boolean): FunctionRef {
  return define(
    m,
    `${k.letter} ${max ? "max" : "min"}${number ? "nm" : ""}`,
    [k.bits, k.bits],
    [k.bits],
    (h, x, y) => {
      const { f } = h, a = x as unknown as Local & Int, b = y as unknown as Local & Int;
      if (number) {
        const limit = constant(k, infinity(k) | (max ? signBit(k) : 0n));
        const quiet = (v: Int) => isNan(k, v).and(isSignalling(k, v).eqz());
        f.if(
          quiet(a).and(isNan(k, b).eqz()),
          () => f.set(a, limit as never),
          () => f.if(quiet(b).and(isNan(k, a).eqz()), () => f.set(b, limit as never)),
        );
      }
      f.set(a, flush(h, k, a) as never), f.set(b, flush(h, k, b) as never);
      returnNans(h, k, a, b);
      const p = valueOf(h, k, a), q = valueOf(h, k, b);
      if (k.width === 16) {
        return f.return(halfRounded(h, max ? (p as F64).max(q as F64) : (p as F64).min(q as F64)) as never);
      }
      f.return(asBits(k, max ? p.max(q) : p.min(q)) as never);
    },
  );
}
/** (a, b) -> nzcv of the comparison; a NaN is invalid when signalling, or always with `all`. */
export function compare(m: Env, k: Kind, all: boolean): FunctionRef {
  return define(m, `${k.letter} compare${all ? " e" : ""}`, [k.bits, k.bits], ["i32"], (h, x, y) => {
    const { f } = h, a = x as unknown as Local & Int, b = y as unknown as Local & Int;
    f.if(fpcr(h), () => (f.set(a, flush(h, k, a) as never), f.set(b, flush(h, k, b) as never)));
    f.if(isNan(k, a).or(isNan(k, b)), () => {
      f.if(all ? i32(1) : isSignalling(k, a).or(isSignalling(k, b)), () => raise(h, IOC));
      f.return(i32(0x30000000));
    });
    const p = valueOf(h, k, a), q = valueOf(h, k, b);
    f.if(p.lt(q), () => f.return(i32(0x80000000)));
    f.return(select(p.eq(q), i32(0x60000000), i32(0x20000000)));
  });
}

/** Rounding of integral values and conversions. */
export type Rounding = "n" | "p" | "m" | "z" | "a" | "fpcr";
function integral(h: Env, x: Local<"f64">, rounding: Rounding): F64 {
  const { f } = h;
  switch (rounding) {
    case "n":
      return x.nearest();
    case "p":
      return x.ceil();
    case "m":
      return x.floor();
    case "z":
      return x.trunc();
    case "a": {
      const t = f.let(x.trunc());
      return select(x.sub(t).abs().ge(f64(0.5)), t.add(f64(1).copysign(x)), t).copysign(x);
    }
    default: {
      const r = f.local("f64"), mode = fpcr(h).shrU(22).and(3);
      f.switch(
        mode,
        [() => f.set(r, x.nearest()), () => f.set(r, x.ceil()), () => f.set(r, x.floor())],
        () => f.set(r, x.trunc()),
      );
      return r;
    }
  }
}
const valueOf = (h: Env, k: Kind, v: Int): Float => k.width === 16 ? halfValue(h, v) : asFloat(k, v);
const widened = (h: Env, k: Kind, v: Int): F64 =>
  k.width === 16
    ? halfValue(h, v)
    : k.width === 64
    ? asFloat(k, v) as F64
    : (asFloat(k, v) as Value<"f32">).to("f64.promote_f32");
/** (bits) -> integral bits. */
export function roundIntegral(m: Env, k: Kind, rounding: Rounding, exact: boolean): FunctionRef {
  return define(m, `${k.letter} rint ${rounding} ${exact}`, [k.bits], [k.bits], (h, x) => {
    const { f } = h, a = x as unknown as Local & Int;
    f.set(a, flush(h, k, a) as never);
    returnNans(h, k, a);
    const w = f.let(widened(h, k, a)), r = f.let(integral(h, w, rounding).copysign(w));
    if (exact) f.if(r.ne(w), () => raise(h, IXC));
    if (k.width === 16) f.return(halfRounded(h, r) as never);
    else f.return(asBits(k, (k.width === 64 ? r : r.to("f32.demote_f64")) as Float) as never);
  });
}
/** (bits, scale: 2^fbits as f64) -> integer of `width` bits. */
export function toInteger(m: Env, k: Kind, width: number, signed: boolean, rounding: Rounding): FunctionRef {
  return define(
    m,
    `${k.letter} to ${signed ? "s" : "u"}${width} ${rounding}`,
    [k.bits, "f64"],
    ["i64"],
    (h, x, y) => {
      const { f } = h, a = x as unknown as Local & Int, scale = y as unknown as Local<"f64">;
      f.if(isNan(k, a), () => (raise(h, IOC), f.return(i64(0))));
      f.set(a, flush(h, k, a) as never);
      // Scaling by a power of two is exact here: what it could overflow saturates anyway.
      const w = f.let(widened(h, k, a).mul(scale)), r = f.let(integral(h, w, rounding));
      const low = signed ? -(2 ** (width - 1)) : 0, end = signed ? 2 ** (width - 1) : 2 ** width;
      f.if(r.lt(f64(low)), () => {
        raise(h, IOC);
        f.return(signed ? i64(-(2n ** BigInt(width - 1))) : i64(0));
      });
      f.if(r.ge(f64(end)), () => {
        raise(h, IOC);
        f.return(
          signed ? i64(2n ** BigInt(width - 1) - 1n) : width === 64 ? i64(-1) : i64(2n ** BigInt(width) - 1n),
        );
      });
      f.if(r.ne(w), () => raise(h, IXC));
      f.return(signed ? r.to("i64.trunc_sat_f64_s") : r.to("i64.trunc_sat_f64_u"));
    },
  );
}
/** (integer extended to 64 bits, fbits) -> bits. */
export function fromInteger(m: Env, k: Kind, signed: boolean): FunctionRef {
  if (k.width === 16) return halfFromInteger(m, signed);
  return define(m, `${k.letter} from ${signed ? "s" : "u"}`, ["i64", "i32"], [k.bits], (h, x, y) => {
    const { f } = h, v = x as unknown as Local<"i64">, fbits = y as unknown as Local<"i32">;
    const r = f.local(k.bits) as unknown as Local & Int, flags = f.let(i32(0)), extra = f.let(i32(0));
    f.if(fbits.eqz().and(quick(h)), () => {
      const n = `${k.float}.convert_i64_${signed ? "s" : "u"}` as "f64.convert_i64_s";
      f.return(asBits(k, v.to(n) as Float) as never);
    });
    if (!signed) {
      // Halved, the lost bit kept as a sticky one.
      f.if(v.ltS(0), () => (f.set(v, v.shrU(1).or(v.and(1))), f.set(extra, i32(1))));
    }
    f.do(floatFromInteger(h, k.format), [v, control(h)] as Arg<Type>[], r, flags);
    f.if(
      r.eqz().eqz(),
      () => f.set(r, r.add(widthOf(k, extra.sub(fbits)).shl(constant(k, BigInt(k.fraction)))) as never),
    );
    tell(h, flags);
    f.return(r);
  });
}
const widthOf = (k: Kind, v: I32): Int => (k.width === 64 ? v.extendS() : v) as Int;
/**
 * The alternative half precision (FPCR.AHP): exponent 31 is that of numbers, there are no infinities and NaNs. Returns what is not to be
 * converted as usual; a number of 2^16 and more is halved, which the result tells.
 */
function alternative(h: Env, from: Kind, to: Kind, a: Local & Int): Local<"i32"> {
  const { f } = h, scaled = f.let(i32(0)), size = magnitude(from, a);
  const power = (k: Kind, n: number) => BigInt(n + (k.format.maxExp >> 1)) << BigInt(k.fraction);
  f.if(fpcr(h).and(AHP), () => {
    if (from.width === 16) {
      f.if(size.geU(constant(from, infinity(from))), () => {
        const v = a.extendU(), sign = v.and(0x8000).shl(to.width - 16);
        const r = sign.or(v.and(0x3ff).shl(to.fraction - 10)).or(i64(power(to, 16)));
        f.return((to.width === 64 ? r : r.wrap()) as never);
      });
      return;
    }
    const sign = f.let(a.shrU(constant(from, BigInt(from.width - 16))).wrap().and(0x8000));
    f.if(isNan(from, a), () => (raise(h, IOC), f.return(sign as never)));
    f.if(
      size.geU(constant(from, power(from, 17))),
      () => (raise(h, IOC), f.return(sign.or(0x7fff) as never)),
    );
    f.if(size.geU(constant(from, power(from, 16))), () => {
      f.set(scaled, i32(1));
      f.set(a, a.sub(constant(from, leastNormal(from))) as never);
    });
  });
  return scaled;
}
/** Between formats. FZ does not flush halves. `odd`: rounded to odd (fcvtxn); `plain`: a result, which FPCR.AHP does not concern. */
export function convert(m: Env, from: Kind, to: Kind, odd = false, plain = false): FunctionRef {
  return define(
    m,
    `${from.letter} to ${to.letter}${odd ? " odd" : ""}${plain ? " plain" : ""}`,
    [from.bits],
    [to.bits],
    (h, x) => {
      const { f } = h,
        a = x as unknown as Local & Int,
        r = f.local(to.bits) as unknown as Local & Int,
        flags = f.local("i32");
      const scaled = !plain && (to.width === 16 || from.width === 16)
        ? alternative(h, from, to, a)
        : undefined;
      if (from.width !== 16) f.set(a, flush(h, from, a) as never);
      f.if(isNan(from, a).and(fpcr(h).and(DN).ne(0)), () => {
        f.if(isSignalling(from, a), () => raise(h, IOC));
        f.return(defaultNan(to) as never);
      });
      const ref = floatToFloat(h, from.format, to.format);
      const ctl = to.width === 16 ? control(h).and(0x7fff) : control(h);
      f.do(ref, [a, odd ? ctl.or(0x6000) : ctl] as Arg<Type>[], r, flags);
      f.set(flags, flags.and(~2));
      if (scaled && to.width === 16) {
        f.if(fpcr(h).and(AHP), () => {
          const sign = r.and(constant(to, 0x8000n)), overflow = flags.and(8);
          f.if(scaled, () => {
            f.if(overflow, () => (raise(h, IOC), f.return(sign.or(constant(to, 0x7fffn)) as never)));
            f.set(r, r.add(constant(to, 0x400n)) as never);
          }, () => f.if(overflow, () => f.set(flags, flags.and(~8))));
        }, () => f.if(isNan(to, r), () => (tell(h, flags), f.return(r))));
      } else f.if(isNan(to, r), () => (tell(h, flags), f.return(r)));
      if (odd) {
        f.if(
          flags.and(32),
          () =>
            f.if(
              magnitude(to, r).ne(0),
              () => f.set(r, r.or(constant(to, 1n)) as never),
              () => f.if(fpcr(h).and(FZ).eqz(), () => f.set(r, r.or(constant(to, 1n)) as never)),
            ),
        );
      }
      finish(h, to, r, flags, (c, bits, fl) => f.do(ref, [a, c] as Arg<Type>[], bits, fl));
    },
  );
}

/** Fraction at bits 51-0 and biased exponent of a positive number, denormals shifted up; `most`: by at most that. */
function parts(h: Env, k: Kind, a: Int, most: number): { exp: Local<"i32">; fraction: Local<"i64"> } {
  const { f } = h, wide = f.let(a.extendU());
  const exp = f.let(wide.shrU(k.fraction).wrap().and(k.format.maxExp));
  const fraction = f.let(wide.shl(52 - k.fraction).and(i64(0xfffffffffffffn)));
  f.if(exp.eqz(), () => {
    const n = f.let(i32(0));
    // Up to the leading one, which leaves; not more than `most` steps further.
    f.while(
      () => fraction.shrU(51).eqz().and(n.ltS(most)),
      () => (f.set(fraction, fraction.shl(1)), f.set(exp, exp.sub(1)), f.set(n, n.add(1))),
    );
    f.set(fraction, fraction.shl(1).and(i64(0xfffffffffffffn)));
  });
  return { exp, fraction };
}
const pack = (k: Kind, exp: I32, fraction: I64): Int => {
  const v = exp.extendU().shl(k.fraction).or(fraction.shrU(52 - k.fraction));
  return (k.width === 64 ? v : v.wrap()) as Int;
};
const withSign = (k: Kind, v: Int, a: Int): Int => v.or(a.and(constant(k, signBit(k))));
/** FPRecipEstimate. */
export function reciprocalEstimate(m: Env, k: Kind, estimate: (h: Env) => FunctionRef): FunctionRef {
  return define(m, `${k.letter} recpe`, [k.bits], [k.bits], (h, x) => {
    const { f } = h, a = x as unknown as Local & Int, give = (v: Int) => f.return(withSign(k, v, a) as never);
    f.set(a, flush(h, k, a) as never);
    returnNans(h, k, a);
    const size = f.let(magnitude(k, a)), inf = constant(k, infinity(k));
    f.if(size.eq(inf), () => give(constant(k, 0n)));
    f.if(size.eqz(), () => (raise(h, DZC), give(inf)));
    // Below 2^-128 or 2^-1024.
    f.if(size.ltU(constant(k, 1n << BigInt(k.fraction - 2))), () => {
      raise(h, OFC | IXC);
      const mode = f.let(fpcr(h).shrU(22).and(3)), negative = a.and(constant(k, signBit(k))).eqz().eqz();
      f.if(mode.eqz().or(mode.eq(1).and(negative.eqz())).or(mode.eq(2).and(negative)), () => give(inf));
      give(constant(k, infinity(k) - 1n));
    });
    const least = k.width === 64 ? 1022 + 1023 : k.width === 32 ? 126 + 127 : 14 + 15;
    f.if(
      fpcr(h).and(k.width === 16 ? FZ16 : FZ),
      () =>
        f.if(
          size.geU(constant(k, BigInt(least) << BigInt(k.fraction))),
          () => (raise(h, UFC), give(constant(k, 0n))),
        ),
    );
    const { exp, fraction } = parts(h, k, size, 1);
    const e = f.let(f.call("i32", estimate(h), fraction.shrU(44).wrap().or(256)));
    const out = f.let(i32(k.width === 64 ? 2045 : k.width === 32 ? 253 : 29).sub(exp)),
      r = f.let(e.and(255).extendU().shl(44));
    f.if(out.eqz(), () => f.set(r, r.shrU(1).or(i64(1n << 51n))));
    f.if(out.eq(-1), () => (f.set(r, r.shrU(2).or(i64(1n << 50n))), f.set(out, i32(0))));
    give(pack(k, out, r));
  });
}
/** FPRSqrtEstimate. */
export function rootEstimate(m: Env, k: Kind, estimate: (h: Env) => FunctionRef): FunctionRef {
  return define(m, `${k.letter} rsqrte`, [k.bits], [k.bits], (h, x) => {
    const { f } = h, a = x as unknown as Local & Int;
    f.set(a, flush(h, k, a) as never);
    returnNans(h, k, a);
    const size = f.let(magnitude(k, a)), inf = constant(k, infinity(k));
    f.if(size.eqz(), () => (raise(h, DZC), f.return(withSign(k, inf, a) as never)));
    f.if(a.and(constant(k, signBit(k))).eqz().eqz(), () => (raise(h, IOC), f.return(defaultNan(k) as never)));
    f.if(size.eq(inf), () => f.return(constant(k, 0n) as never));
    const { exp, fraction } = parts(h, k, size, 64);
    const scaled = select(exp.and(1), fraction.shrU(45).wrap().or(128), fraction.shrU(44).wrap().or(256));
    const e = f.let(f.call("i32", estimate(h), scaled));
    f.return(
      pack(
        k,
        i32(k.width === 64 ? 3068 : k.width === 32 ? 380 : 44).sub(exp).shrS(1),
        e.and(255).extendU().shl(44),
      ) as never,
    );
  });
}
/** FPRecpX: the exponent inverted. */
export function reciprocalExponent(m: Env, k: Kind): FunctionRef {
  return define(m, `${k.letter} recpx`, [k.bits], [k.bits], (h, x) => {
    const { f } = h, a = x as unknown as Local & Int, mask = constant(k, infinity(k));
    f.set(a, flush(h, k, a) as never);
    returnNans(h, k, a);
    const exp = f.let(a.and(mask));
    f.return(
      withSign(
        k,
        select(exp.eqz(), constant(k, infinity(k) - leastNormal(k)), exp.xor(mask)) as Int,
        a,
      ) as never,
    );
  });
}
