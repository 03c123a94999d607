/**
 * f32 and f64 arithmetic with x86's SSE rules: (bits, bits, ctl) -> (bits, flags). `ctl` is laid out as MXCSR (rounding mode,
 * masks, FTZ, DAZ); flags are its six exception bits. Operations with a zero or an infinity use the machine's own, which
 * are exact then.
 */
// cold: constants of the generated module
import { type Func, type FunctionRef, i32, type I64, i64, type Local, type Value } from "../wasm/mod.ts";
import { DE, define, IE, type Library, ZE } from "./common.ts";
import { addParts, divideParts, multiplyParts, rootParts } from "./core.ts";
import {
  DAZ,
  expOf,
  floatRound,
  type Format,
  indefinite,
  isDenormal,
  isNan,
  isSignalling,
  isZero,
  modeOf,
  narrow,
  quietBit,
  signOf,
  unpack,
} from "./format.ts";

/** The four operations of `floatArithmetic`. */
export type Arithmetic = "add" | "sub" | "mul" | "div";
type I64L = Local<"i64">;

/** The operand's bits in 64. */
export function bitsOf(f: Func, a: Local): I64L {
  return f.let((a as unknown as Value<"i32" | "i64">).extendU());
}
/** The machine's own float of these bits, and back. */
function native(format: Format, a: I64): Value<"f32" | "f64"> {
  return format.name === "f32" ? a.wrap().to("f32.reinterpret_i32") : a.to("f64.reinterpret_i64");
}
function fromNative(format: Format, v: Value<"f32" | "f64">): I64 {
  return format.name === "f32" ? v.to("i32.reinterpret_f32").extendU() : v.to("i64.reinterpret_f64");
}

/** (bits, bits) -> (bits, flags): the result when one is a NaN. The first NaN wins, quieted. */
export function floatNan(lib: Library, format: Format): FunctionRef {
  return define(lib, `${format.name}.nan`, [format.type, format.type], [format.type, "i32"], (f, x, y) => {
    const a = bitsOf(f, x),
      b = bitsOf(f, y),
      flags = f.let(isSignalling(format, a).or(isSignalling(format, b)));
    f.if(isNan(format, a), () => f.return(narrow(format, a.or(quietBit(format))), flags));
    f.return(narrow(format, b.or(quietBit(format))), flags);
  });
}

/** Denormals become zeros (DAZ) or set DE. */
export function denormals(
  f: Func,
  format: Format,
  ctl: Local<"i32">,
  flags: Local<"i32">,
  ...operands: I64L[]
): void {
  for (const a of operands) {
    f.if(isDenormal(format, a), () =>
      f.if(
        ctl.and(DAZ),
        () => f.set(a, a.and(i64(1n << BigInt(format.bits - 1)))),
        () => f.set(flags, flags.or(DE)),
      ));
  }
}

/** Returns what `to` gives, with more flags and without C1. */
export function returnFloat(
  f: Func,
  format: Format,
  to: FunctionRef,
  args: Parameters<Func["do"]>[1],
  flags?: Local<"i32">,
): void {
  const bits = f.local(format.type), got = f.local("i32");
  f.do(to, args, bits, got);
  f.return(bits, (flags ? got.or(flags) : got).and(0x3f));
}

/** (a, b, ctl) -> (bits, flags). */
export function floatArithmetic(lib: Library, format: Format, op: Arithmetic): FunctionRef {
  const round = floatRound(lib, format), nan = floatNan(lib, format), T = format.type;
  return define(lib, `${format.name}.${op}`, [T, T, "i32"] as const, [T, "i32"], (f, x, y, ctl) => {
    const a = bitsOf(f, x), b = bitsOf(f, y), flags = f.let(i32(0)), lo = f.let(i64(0));
    f.if(isNan(format, a).or(isNan(format, b)), () => returnFloat(f, format, nan, [x, y]));
    denormals(f, format, ctl, flags, a, b);
    const aZero = f.let(isZero(format, a)), bZero = f.let(isZero(format, b));
    const infinite = expOf(format, a).eq(format.maxExp).or(expOf(format, b).eq(format.maxExp));
    const sum = op === "add" || op === "sub";
    f.if(infinite.or(sum ? aZero.and(bZero) : aZero.or(bZero)), () => {
      const r = f.let(fromNative(format, native(format, a)[op](native(format, b) as never)));
      f.if(isNan(format, r), () => f.return(narrow(format, i64(indefinite(format))), i32(IE)));
      if (sum) { // equal signs keep theirs; x - x is minus zero when rounding down
        f.if(
          aZero.and(bZero).and(signOf(format, a).xor(signOf(format, b)).ne(op === "sub" ? 1 : 0)),
          () => f.set(r, modeOf(ctl).eq(1).extendU().shl(format.bits - 1)),
        );
      }
      if (op === "div") {
        f.if(bZero.and(expOf(format, a).ne(format.maxExp)), () => f.set(flags, ZE));
      }
      f.return(narrow(format, r), flags);
    });
    const one = (p: I64L, flip: boolean) => {
      const v = unpack(f, format, p);
      returnFloat(f, format, round, [flip ? v.sign.xor(1) : v.sign, v.exp, v.hi, lo, ctl], flags);
    };
    if (sum) {
      f.if(aZero, () => one(b, op === "sub"));
      f.if(bZero, () => one(a, false));
    }
    const p = unpack(f, format, a), q = unpack(f, format, b);
    if (op === "sub") f.set(q.sign, q.sign.xor(1));
    if (sum) {
      addParts(
        f,
        p,
        q,
        lo,
        () => f.return(narrow(format, modeOf(ctl).eq(1).extendU().shl(format.bits - 1)), flags),
      );
    } else if (op === "mul") multiplyParts(f, p, q, lo);
    else divideParts(lib, f, p, q, lo);
    returnFloat(f, format, round, [p.sign, p.exp, p.hi, lo, ctl], flags);
  });
}

/** (a, ctl) -> (bits, flags). */
export function floatSqrt(lib: Library, format: Format): FunctionRef {
  const round = floatRound(lib, format), nan = floatNan(lib, format), root = rootParts(lib), T = format.type;
  return define(lib, `${format.name}.sqrt`, [T, "i32"] as const, [T, "i32"], (f, x, ctl) => {
    const a = bitsOf(f, x), flags = f.let(i32(0)), lo = f.local("i64");
    f.if(isNan(format, a), () => returnFloat(f, format, nan, [x, x]));
    denormals(f, format, ctl, flags, a);
    f.if(isZero(format, a), () => f.return(narrow(format, a), flags));
    f.if(signOf(format, a), () => f.return(narrow(format, i64(indefinite(format))), i32(IE)));
    f.if(expOf(format, a).eq(format.maxExp), () => f.return(narrow(format, a), flags));
    const p = unpack(f, format, a);
    f.do(root, [p.exp, p.hi], p.exp, p.hi, lo);
    returnFloat(f, format, round, [i32(0), p.exp, p.hi, lo, ctl], flags);
  });
}

/**
 * (a, b, ctl) -> (eflags, flags): CF, PF and ZF as comisd sets them (less 1, equal 0x40, greater 0, unordered 0x45). A
 * quiet comparison (ucomisd) raises IE for signalling NaNs alone.
 */
export function floatCompare(lib: Library, format: Format, quiet: boolean): FunctionRef {
  const T = format.type;
  return define(
    lib,
    `${format.name}.compare${quiet ? ".quiet" : ""}`,
    [T, T, "i32"] as const,
    ["i32", "i32"],
    (f, x, y, ctl) => {
      const a = bitsOf(f, x), b = bitsOf(f, y), flags = f.let(i32(0));
      f.if(
        isNan(format, a).or(isNan(format, b)),
        () => f.return(i32(0x45), quiet ? isSignalling(format, a).or(isSignalling(format, b)) : i32(IE)),
      );
      denormals(f, format, ctl, flags, a, b);
      const l = native(format, a) as Value<"f64">, r = native(format, b) as Value<"f64">;
      f.return(l.lt(r).or(l.eq(r).shl(6)), flags);
    },
  );
}
