/** Operands of x87 operations that are no normal numbers: NaNs, encodings without meaning, denormals. */
// cold: constants of the generated module
import { type FunctionRef, type I32, i32, type I64, i64, type Local, select } from "../wasm/mod.ts";
import { define, IE, type Library, TOP } from "./common.ts";
import { flagIf } from "./core.ts";

/** QNaN "real indefinite". */
export const INDEFINITE_SE = 0xffff, INDEFINITE_SIG: I64 = i64(-0x4000000000000000n);

export const exponent = (se: I32): I32 => se.and(0x7fff);
export const signOf = (se: I32): I32 => se.shrU(15);

/** A number with its integer bit set and an exponent that is not at an end. */
export function isNormal(se: Local<"i32">, sig: Local<"i64">): I32 {
  return exponent(se).sub(1).ltU(0x7ffe).and(sig.ltS(0));
}
/** Exponent not zero and integer bit clear: the 8087 took these, later ones call them invalid. */
export function isUnsupported(se: Local<"i32">, sig: Local<"i64">): I32 {
  return exponent(se).ne(0).and(sig.geS(0));
}
export function isInfinity(se: Local<"i32">, sig: Local<"i64">): I32 {
  return exponent(se).eq(0x7fff).and(sig.eq(TOP));
}
/** NaN or unsupported: what `f80Nan` decides. */
export function isNanOrUnsupported(se: Local<"i32">, sig: Local<"i64">): I32 {
  return select(sig.ltS(0), exponent(se).eq(0x7fff).and(sig.ne(TOP)), exponent(se).ne(0));
}
/** Denormal or pseudo-denormal: DE. */
export function isDenormal(se: Local<"i32">, sig: Local<"i64">): I32 {
  return exponent(se).eqz().and(sig.ne(0));
}
export function isZero(se: Local<"i32">, sig: Local<"i64">): I32 {
  return exponent(se).or(sig.ne(0)).eqz();
}

const QUIET = i64(0x4000000000000000n);

/**
 * The result when at least one of two operands is a NaN or unsupported: (se, sig, se, sig) -> (se, sig, flags). Of two NaNs
 * a quiet one wins over a signalling one, then the larger significand, then the positive one.
 */
export function f80Nan(lib: Library): FunctionRef {
  return define(
    lib,
    "f80.nan",
    ["i32", "i64", "i32", "i64"],
    ["i32", "i64", "i32"],
    (f, aSe, aSig, bSe, bSig) => {
      f.if(
        isUnsupported(aSe, aSig).or(isUnsupported(bSe, bSig)),
        () => f.return(i32(INDEFINITE_SE), INDEFINITE_SIG, i32(IE)),
      );
      const isNan = (se: Local<"i32">, sig: Local<"i64">) => exponent(se).eq(0x7fff).and(sig.ne(TOP));
      const isQuiet = (sig: Local<"i64">) => sig.and(QUIET).ne(0);
      const aNan = f.let(isNan(aSe, aSig)), bNan = f.let(isNan(bSe, bSig));
      const aSignals = f.let(aNan.and(isQuiet(aSig).eqz())), bSignals = f.let(bNan.and(isQuiet(bSig).eqz()));
      const flags = f.let(flagIf(aSignals.or(bSignals), IE));
      f.if(bNan.eqz(), () => f.return(aSe, aSig.or(QUIET), flags));
      f.if(aNan.eqz(), () => f.return(bSe, bSig.or(QUIET), flags));
      f.if(aSignals.ne(bSignals), () => {
        f.if(bSignals, () => f.return(aSe, aSig, flags));
        f.return(bSe, bSig, flags);
      });
      const first = f.let(
        select(aSig.eq(bSig), aSe.ltU(bSe), aSig.gtU(bSig)),
      );
      f.return(select(first, aSe, bSe), select(first, aSig, bSig).or(QUIET), flags);
    },
  );
}
