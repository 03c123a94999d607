/**
 * Rounding to x87's extended format: precision and rounding mode come from the control word, exponents beyond the range
 * overflow, underflow, or wrap by 0x6000 where the exception is unmasked.
 */
// cold: constants of the generated module
import { type Func, type FunctionRef, type I32, i32, i64, type Local, select } from "../wasm/mod.ts";
import { C1, define, type Library, OE, PE, roundsUp, shiftRightJam, TOP, UE } from "./common.ts";
import { flagIf } from "./core.ts";

/** Rounding mode of a control word: 0 nearest even, 1 down, 2 up, 3 toward zero. */
export const modeOf = (cw: I32): I32 => cw.shrU(10).and(3);

/** Cuts hi:lo to the precision of the control word: `lo` becomes the discarded fraction. Gives the last place's value. */
function cut(f: Func, hi: Local<"i64">, lo: Local<"i64">, cw: I32): Local<"i64"> {
  const unit = f.let(i64(1)), control = f.let(cw.and(0x300));
  // 0x000: 24 bits, 0x200: 53 bits, else 64.
  f.if(control.and(0x100).eqz(), () => {
    const places = f.let(select(control, i64(11), i64(40)));
    f.set(lo, hi.shl(i64(64).sub(places)).or(lo.ne(0).extendU()));
    f.set(hi, hi.shrU(places).shl(places));
    f.set(unit, unit.shl(places));
  });
  return unit;
}

/** (sign, exp, hi, lo, cw) -> (se, sig, flags). */
export function f80Round(lib: Library): FunctionRef {
  const edge = roundEdge(lib);
  return define(
    lib,
    "f80.round",
    ["i32", "i32", "i64", "i64", "i32"],
    ["i32", "i64", "i32"],
    (f, sign, exp, hi, lo, cw) => {
      const toEdge = (h: Local<"i64">, l: Local<"i64">) => {
        const se = f.local("i32"), sig = f.local("i64"), flags = f.local("i32");
        f.do(edge, [sign, exp, h, l, cw], se, sig, flags);
        f.return(se, sig, flags);
      };
      f.if(exp.sub(1).geU(0x7ffe), () => toEdge(hi, lo));
      // Most results: 64 bits of precision, nothing to overflow into the exponent.
      const hi0 = f.let(hi), lo0 = f.let(lo);
      const unit = cut(f, hi, lo, cw);
      f.if(lo.eqz(), () => f.return(sign.shl(15).or(exp), hi, i32(0)));
      const up = f.let(roundsUp(sign, modeOf(cw), lo, hi.and(unit).ne(0)));
      // Half of all results round up: no branch on that, only on the rare carry out of the top.
      f.set(hi, hi.add(select(up, unit, 0)));
      f.if(hi.geS(0), () => {
        f.if(exp.eq(0x7ffe), () => toEdge(hi0, lo0));
        f.set(hi, TOP);
        f.set(exp, exp.add(1));
      });
      f.return(sign.shl(15).or(exp), hi, up.shl(9).or(PE));
    },
  );
}

/** Results at or beyond the ends of the exponent range. */
function roundEdge(lib: Library): FunctionRef {
  return define(
    lib,
    "f80.roundEdge",
    ["i32", "i32", "i64", "i64", "i32"],
    ["i32", "i64", "i32"],
    (f, sign, exp, hi, lo, cw) => {
      const hi0 = f.let(hi), lo0 = f.let(lo), mode = f.let(modeOf(cw));
      const unit = cut(f, hi, lo, cw), up = f.local("i32"), flags = f.local("i32");
      const round = () => {
        f.set(up, roundsUp(sign, mode, lo, hi.and(unit).ne(0)));
        f.set(flags, select(lo.ne(0), up.mul(C1).or(PE), i32(0)));
        f.if(up, () => f.set(hi, hi.add(unit)));
      };
      round();
      const carry = f.let(up.and(hi.geS(0)));
      f.if(carry, () => (f.set(hi, TOP), f.set(exp, exp.add(1))));
      f.if(exp.gtS(0), () => {
        f.if(exp.leS(0x7ffe), () => f.return(sign.shl(15).or(exp), hi, flags));
        f.if(
          cw.and(OE).eqz(),
          () => f.return(sign.shl(15).or(exp.sub(0x6000).and(0x7fff)), hi, flags.or(OE)),
        );
        f.if(
          mode.eqz().or(mode.add(sign).eq(2)),
          () => f.return(sign.shl(15).or(0x7fff), TOP, i32(OE | PE | C1)),
        );
        f.return(sign.shl(15).or(0x7ffe), i64(0).sub(unit), i32(OE | PE));
      });
      // Tiny after rounding, x86's way: the exponent was unbounded so far.
      f.if(
        cw.and(UE).eqz(),
        () => f.return(sign.shl(15).or(exp.add(0x6000).and(0x7fff)), hi, flags.or(UE)),
      );
      f.set(hi, hi0), f.set(lo, lo0);
      f.if(carry, () => f.set(exp, exp.sub(1)));
      const places = f.let(i32(1).sub(exp));
      shiftRightJam(f, hi, lo, places);
      f.set(unit, cut(f, hi, lo, cw));
      round();
      f.return(
        sign.shl(15).or(hi.ltS(0)),
        hi,
        flags.or(flagIf(lo.ne(0), UE)),
      );
    },
  );
}
