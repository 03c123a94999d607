/** x87 addition, subtraction, multiplication, division and square root. */
// cold: constants of the generated module
import { type Func, type FunctionRef, i32, i64, type Local, select } from "../wasm/mod.ts";
import { DE, define, IE, type Library, TOP, ZE } from "./common.ts";
import { addParts, divideParts, flagIf, multiplyParts, normalise, type Parts, rootParts } from "./core.ts";
import { f80Round, modeOf } from "./f80_round.ts";
import {
  exponent,
  f80Nan,
  INDEFINITE_SE,
  INDEFINITE_SIG,
  isDenormal,
  isInfinity,
  isNanOrUnsupported,
  isNormal,
  isZero,
  signOf,
} from "./f80_special.ts";

const BINARY = ["i32", "i64", "i32", "i64", "i32"] as const;
/** se, sig, flags. */
const RESULT = ["i32", "i64", "i32"] as const;

type I32L = Local<"i32">;
type I64L = Local<"i64">;

/** Returns the callee's three results, with more flags. */
export function returnCall(f: Func, to: FunctionRef, args: Parameters<Func["do"]>[1], flags?: I32L): void {
  const se = f.local("i32"), sig = f.local("i64"), got = f.local("i32");
  f.do(to, args, se, sig, got);
  f.return(se, sig, flags ? got.or(flags) : got);
}

function parts(f: Func, se: I32L, sig: I64L): Parts {
  return { sign: f.let(signOf(se)), exp: f.let(exponent(se)), hi: sig };
}

/** Makes a denormal operand normal and notes DE. */
function adjust(f: Func, p: Parts, flags: I32L): void {
  f.if(p.exp.eqz(), () => {
    f.set(p.exp, 1);
    normalise(f, p.exp, p.hi);
    f.set(flags, DE);
  });
}

function nanCase(lib: Library, f: Func, aSe: I32L, aSig: I64L, bSe: I32L, bSig: I64L): void {
  f.if(
    isNanOrUnsupported(aSe, aSig).or(isNanOrUnsupported(bSe, bSig)),
    () => returnCall(f, f80Nan(lib), [aSe, aSig, bSe, bSig]),
  );
}

const indefinite = (f: Func) => f.return(i32(INDEFINITE_SE), INDEFINITE_SIG, i32(IE));

/** f80Add: a + b; f80Sub: a - b. */
function addition(lib: Library, name: string, negate: number): FunctionRef {
  const round = f80Round(lib);
  const finite = (f: Func, aSe: I32L, aSig: I64L, bSe: I32L, bSig: I64L, cw: I32L, flags?: I32L) => {
    const a = parts(f, aSe, aSig), b = parts(f, bSe, bSig), lo = f.local("i64");
    if (negate) f.set(b.sign, b.sign.xor(1));
    if (flags) adjust(f, a, flags), adjust(f, b, flags);
    addParts(f, a, b, lo, () => f.return(modeOf(cw).eq(1).shl(15), i64(0), flags ?? i32(0)));
    returnCall(f, round, [a.sign, a.exp, a.hi, lo, cw], flags);
  };
  const special = define(lib, name + ".special", BINARY, RESULT, (f, aSe, aSig, bSe, bSig, cw) => {
    nanCase(lib, f, aSe, aSig, bSe, bSig);
    const aSign = f.let(signOf(aSe)), bSign = f.let(signOf(bSe).xor(negate)), flags = f.let(i32(0));
    f.set(flags, flagIf(isDenormal(aSe, aSig).or(isDenormal(bSe, bSig)), DE));
    f.if(isInfinity(aSe, aSig), () => {
      f.if(isInfinity(bSe, bSig).and(aSign.ne(bSign)), () => indefinite(f));
      f.return(aSe, aSig, flags);
    });
    f.if(isInfinity(bSe, bSig), () => f.return(bSign.shl(15).or(0x7fff), TOP, flags));
    f.if(isZero(aSe, aSig), () => {
      f.if(
        isZero(bSe, bSig),
        () => f.return(select(aSign.eq(bSign), aSign, modeOf(cw).eq(1)).shl(15), i64(0), i32(0)),
      );
      const b = parts(f, bSe, bSig);
      adjust(f, b, flags);
      returnCall(f, round, [bSign, b.exp, b.hi, i64(0), cw], flags);
    });
    f.if(isZero(bSe, bSig), () => {
      const a = parts(f, aSe, aSig);
      adjust(f, a, flags);
      returnCall(f, round, [aSign, a.exp, a.hi, i64(0), cw], flags);
    });
    finite(f, aSe, aSig, bSe, bSig, cw, flags);
  });
  return define(lib, name, BINARY, RESULT, (f, aSe, aSig, bSe, bSig, cw) => {
    f.if(isNormal(aSe, aSig).and(isNormal(bSe, bSig)), () => finite(f, aSe, aSig, bSe, bSig, cw));
    returnCall(f, special, [aSe, aSig, bSe, bSig, cw]);
  });
}

/** (se, sig, se, sig, cw) -> (se, sig, flags): a + b. */
export const f80Add = (lib: Library): FunctionRef => addition(lib, "f80.add", 0);
/** a - b. */
export const f80Sub = (lib: Library): FunctionRef => addition(lib, "f80.sub", 1);

/** a * b. */
export function f80Mul(lib: Library): FunctionRef {
  const round = f80Round(lib);
  const finite = (f: Func, aSe: I32L, aSig: I64L, bSe: I32L, bSig: I64L, cw: I32L, flags?: I32L) => {
    const a = parts(f, aSe, aSig), b = parts(f, bSe, bSig), lo = f.local("i64");
    if (flags) adjust(f, a, flags), adjust(f, b, flags);
    multiplyParts(f, a, b, lo);
    returnCall(f, round, [a.sign, a.exp, a.hi, lo, cw], flags);
  };
  const special = define(lib, "f80.mul.special", BINARY, RESULT, (f, aSe, aSig, bSe, bSig, cw) => {
    nanCase(lib, f, aSe, aSig, bSe, bSig);
    const sign = f.let(aSe.xor(bSe).and(0x8000)), flags = f.let(i32(0));
    const zero = f.let(isZero(aSe, aSig).or(isZero(bSe, bSig)));
    f.set(flags, flagIf(isDenormal(aSe, aSig).or(isDenormal(bSe, bSig)), DE));
    f.if(isInfinity(aSe, aSig).or(isInfinity(bSe, bSig)), () => {
      f.if(zero, () => indefinite(f));
      f.return(sign.or(0x7fff), TOP, flags);
    });
    f.if(zero, () => f.return(sign, i64(0), flags));
    finite(f, aSe, aSig, bSe, bSig, cw, flags);
  });
  return define(lib, "f80.mul", BINARY, RESULT, (f, aSe, aSig, bSe, bSig, cw) => {
    f.if(isNormal(aSe, aSig).and(isNormal(bSe, bSig)), () => finite(f, aSe, aSig, bSe, bSig, cw));
    returnCall(f, special, [aSe, aSig, bSe, bSig, cw]);
  });
}

/** a / b. */
export function f80Div(lib: Library): FunctionRef {
  const round = f80Round(lib);
  return define(lib, "f80.div", BINARY, RESULT, (f, aSe, aSig, bSe, bSig, cw) => {
    const flags = f.let(i32(0));
    f.if(isNormal(aSe, aSig).and(isNormal(bSe, bSig)).eqz(), () => {
      nanCase(lib, f, aSe, aSig, bSe, bSig);
      const sign = f.let(aSe.xor(bSe).and(0x8000));
      f.set(flags, flagIf(isDenormal(aSe, aSig).or(isDenormal(bSe, bSig)), DE));
      f.if(isInfinity(aSe, aSig), () => {
        f.if(isInfinity(bSe, bSig), () => indefinite(f));
        f.return(sign.or(0x7fff), TOP, flags);
      });
      f.if(isInfinity(bSe, bSig), () => f.return(sign, i64(0), flags));
      f.if(isZero(bSe, bSig), () => {
        f.if(isZero(aSe, aSig), () => indefinite(f));
        f.return(sign.or(0x7fff), TOP, i32(ZE));
      });
      f.if(isZero(aSe, aSig), () => f.return(sign, i64(0), flags));
    });
    const a = parts(f, aSe, aSig), b = parts(f, bSe, bSig), lo = f.local("i64");
    adjust(f, a, flags), adjust(f, b, flags);
    divideParts(lib, f, a, b, lo);
    returnCall(f, round, [a.sign, a.exp, a.hi, lo, cw], flags);
  });
}

/** (se, sig, cw) -> (se, sig, flags): the square root. */
export function f80Sqrt(lib: Library): FunctionRef {
  const round = f80Round(lib), root = rootParts(lib);
  return define(lib, "f80.sqrt", ["i32", "i64", "i32"], RESULT, (f, se, sig, cw) => {
    const flags = f.let(i32(0));
    f.if(isNanOrUnsupported(se, sig), () => returnCall(f, f80Nan(lib), [se, sig, i32(0), i64(0)]));
    f.if(isZero(se, sig), () => f.return(se, sig, i32(0)));
    f.if(signOf(se), () => indefinite(f));
    f.if(isInfinity(se, sig), () => f.return(se, sig, i32(0)));
    const a = parts(f, se, sig), lo = f.local("i64");
    adjust(f, a, flags);
    f.do(root, [a.exp, a.hi], a.exp, a.hi, lo);
    returnCall(f, round, [i32(0), a.exp, a.hi, lo, cw], flags);
  });
}
