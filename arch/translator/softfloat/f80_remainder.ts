/** fprem and fprem1, fscale, fxtract: x87's operations on exponents. */
// cold: constants of the generated module
import { type FunctionRef, i32, i64, select } from "../wasm/mod.ts";
import { C1, DE, define, divide128, IE, type Library, OE, PE, TOP, UE, ZE } from "./common.ts";
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
import { f80FromInteger } from "./f80_convert.ts";

/** Condition bit of the status word. */
const C2 = 0x400;
const RESULT = ["i32", "i64", "i32"] as const;

/**
 * (se, sig, se, sig, cw) -> (se, sig, flags with C0 C3 C1: quotient bits 2, 1, 0, and C2: not finished). At most 63 bits of the
 * exponent's difference are done at once, as the manual describes. `nearest`: fprem1.
 */
export function f80Rem(lib: Library, nearest: boolean): FunctionRef {
  const divide = divide128(lib);
  return define(
    lib,
    nearest ? "f80.prem1" : "f80.prem",
    ["i32", "i64", "i32", "i64", "i32"],
    RESULT,
    (f, aSe, aSig, bSe, bSig, cw) => {
      const indefinite = () => f.return(i32(INDEFINITE_SE), INDEFINITE_SIG, i32(IE));
      f.if(
        isNanOrUnsupported(aSe, aSig).or(isNanOrUnsupported(bSe, bSig)),
        () => returnCall(f, f80Nan(lib), [aSe, aSig, bSe, bSig]),
      );
      f.if(isInfinity(aSe, aSig).or(isZero(bSe, bSig)), indefinite);
      const flags = f.let(flagIf(isDenormal(aSe, aSig).or(isDenormal(bSe, bSig)), DE));
      f.if(isZero(aSe, aSig), () => f.return(aSe, aSig, flags));
      const sign = f.let(signOf(aSe)), aExp = f.let(exponent(aSe)), bExp = f.let(exponent(bSe));
      f.if(aExp.eqz(), () => (f.set(aExp, 1), normalise(f, aExp, aSig)));
      f.if(bExp.eqz(), () => (f.set(bExp, 1), normalise(f, bExp, bSig)));
      const distance = f.let(aExp.sub(bExp)), q = f.let(i64(0));
      const give = (withQuotient: boolean) => {
        if (withQuotient) {
          const low = f.let(q.wrap());
          f.set(
            flags,
            flags.or(low.and(4).shl(6)).or(low.and(2).shl(13)).or(low.and(1).shl(9)),
          );
        }
        f.if(aSig.eqz(), () => f.return(sign.shl(15), i64(0), flags));
        normalise(f, aExp, aSig);
        returnCall(f, f80Round(lib), [sign, aExp, aSig, i64(0), cw.or(0x300)], flags);
      };
      // |a| < |b| / 2, or |a| < |b| for fprem: nothing to do.
      f.if(isInfinity(bSe, bSig).or(distance.ltS(nearest ? -1 : 0)), () => give(true));
      // More than 63 bits of quotient: take some of them and say so.
      f.if(distance.geS(64), () => {
        const part = f.let(distance.and(31).or(32));
        f.if(aSig.geU(bSig), () => f.set(aSig, aSig.sub(bSig)));
        f.do(
          divide,
          [
            aSig.shrU(i64(64).sub(part.extendU())),
            aSig.shl(part.extendU()),
            bSig,
          ],
          q,
          aSig,
        );
        f.set(aExp, aExp.sub(part));
        f.set(flags, flags.or(C2));
        give(false);
      });
      // distance 0..63 (or -1): q = floor(a << distance / b), the rest in units of b.
      f.if(distance.geS(0), () => {
        const one = f.let(aSig.geU(bSig).extendU());
        f.if(one.wrap(), () => f.set(aSig, aSig.sub(bSig)));
        f.if(distance, () =>
          f.do(
            divide,
            [aSig.shrU(i64(64).sub(distance.extendU())), aSig.shl(distance.extendU()), bSig],
            q,
            aSig,
          ));
        f.set(q, q.add(one.shl(distance.extendU())));
        f.set(aExp, bExp);
      });
      if (nearest) {
        // rest > b/2, or a tie with an odd quotient: one more. At distance -1, a's unit is half of b's.
        f.if(distance.ltS(0), () => {
          // a < b always; a/b > 1/2 exactly when aSig > bSig (a tie has an even quotient).
          f.if(aSig.gtU(bSig), () => {
            // b - a in a's unit: 2 bSig - aSig, below 2^64.
            f.set(aSig, bSig.shl(1).sub(aSig));
            f.set(sign, sign.xor(1));
            f.set(q, 1);
          });
        }, () => {
          const other = f.let(bSig.sub(aSig));
          f.if(aSig.gtU(other).or(aSig.eq(other).and(q.wrap().and(1))), () => {
            f.set(aSig, other);
            f.set(sign, sign.xor(1));
            f.set(q, q.add(1));
          });
        });
      }
      give(true);
    },
  );
}

/** (se, sig, se, sig, cw) -> (se, sig, flags): a * 2^trunc(b). */
export function f80Scale(lib: Library): FunctionRef {
  return define(
    lib,
    "f80.scale",
    ["i32", "i64", "i32", "i64", "i32"],
    RESULT,
    (f, aSe, aSig, bSe, bSig, cw) => {
      const indefinite = () => f.return(i32(INDEFINITE_SE), INDEFINITE_SIG, i32(IE));
      f.if(
        isNanOrUnsupported(aSe, aSig).or(isNanOrUnsupported(bSe, bSig)),
        () => returnCall(f, f80Nan(lib), [aSe, aSig, bSe, bSig]),
      );
      const flags = f.let(flagIf(isDenormal(aSe, aSig).or(isDenormal(bSe, bSig)), DE));
      const aSign = f.let(aSe.and(0x8000)), bSign = f.let(signOf(bSe)), bExp = f.let(exponent(bSe));
      f.if(isInfinity(bSe, bSig), () => {
        f.if(bSign, () => {
          f.if(isInfinity(aSe, aSig), indefinite);
          f.return(aSign, i64(0), flags);
        });
        f.if(isZero(aSe, aSig), indefinite);
        f.return(aSign.or(0x7fff), TOP, flags);
      });
      f.if(isInfinity(aSe, aSig).or(isZero(aSe, aSig)), () => f.return(aSe, aSig, flags));
      const exp = f.let(exponent(aSe));
      f.if(exp.eqz(), () => (f.set(exp, 1), normalise(f, exp, aSig)));
      // The exponent to add, bounded: beyond 2^16 every result is at an end.
      const n = f.let(i32(0));
      f.if(bExp.geU(0x3fff), () => {
        f.set(n, 0x10000);
        f.if(bExp.ltU(0x3fff + 16), () => f.set(n, bSig.shrU(i32(0x403e).sub(bExp).extendU()).wrap()));
        f.set(n, select(bSign, i32(0).sub(n), n));
      });
      // Beyond even the wrapped range, the masked response whatever the masks and the mode.
      f.set(exp, exp.add(n));
      f.if(
        cw.and(OE).eqz().and(exp.gtS(0x7ffe + 0x6000)),
        () => f.return(aSign.or(0x7fff), TOP, flags.or(OE | PE | C1)),
      );
      f.if(
        cw.and(UE).eqz().and(exp.ltS(1 - 0x6000)),
        () => f.return(aSign, i64(0), flags.or(UE | PE)),
      );
      // Rounding precision does not apply to fscale.
      returnCall(f, f80Round(lib), [signOf(aSe), exp, aSig, i64(0), cw.or(0x300)], flags);
    },
  );
}

/** (se, sig) -> (se, sig, se, sig, flags): the significand, then the exponent as a number. */
export function f80Extract(lib: Library): FunctionRef {
  return define(lib, "f80.xtract", ["i32", "i64"], ["i32", "i64", "i32", "i64", "i32"], (f, se, sig) => {
    f.if(isNanOrUnsupported(se, sig), () => {
      const flags = f.local("i32");
      f.do(f80Nan(lib), [se, sig, i32(0), i64(0)], se, sig, flags);
      f.return(se, sig, se, sig, flags);
    });
    f.if(isInfinity(se, sig), () => f.return(se, sig, i32(0x7fff), TOP, i32(0)));
    f.if(isZero(se, sig), () => f.return(se, sig, i32(0xffff), TOP, i32(ZE)));
    const flags = f.let(flagIf(isDenormal(se, sig), DE)), exp = f.let(exponent(se));
    f.if(exp.eqz(), () => (f.set(exp, 1), normalise(f, exp, sig)));
    const eSe = f.local("i32"), eSig = f.local("i64");
    f.do(f80FromInteger(lib), [exp.sub(0x3fff).extendS()], eSe, eSig);
    f.return(se.and(0x8000).or(0x3fff), sig, eSe, eSig, flags);
  });
}
