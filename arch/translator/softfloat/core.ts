/**
 * Arithmetic on finite nonzero numbers in the form of common.ts: exact results, or results with everything beyond 128
 * bits jammed into the last one. Formats differ in unpacking before and in rounding after.
 */
// cold: constants of the generated module
import { type Func, type FunctionRef, i32, i64, type Local, select } from "../wasm/mod.ts";
import { define, divide128, type Library, multiply, shiftLeft, shiftRightJam, TOP } from "./common.ts";

/** Locals that hold a number; `lo` of an operand is absent when it is zero. */
export interface Parts {
  readonly sign: Local<"i32">;
  readonly exp: Local<"i32">;
  readonly hi: Local<"i64">;
}
export interface WideParts extends Parts {
  readonly lo: Local<"i64">;
}

export function wideParts(f: Func): WideParts {
  return { sign: f.local("i32"), exp: f.local("i32"), hi: f.local("i64"), lo: f.local("i64") };
}

function swap(f: Func, a: Parts, b: Parts): void {
  f.scope(() => {
    const s = f.let(a.sign), e = f.let(a.exp), h = f.let(a.hi);
    f.set(a.sign, b.sign), f.set(a.exp, b.exp), f.set(a.hi, b.hi);
    f.set(b.sign, s), f.set(b.exp, e), f.set(b.hi, h);
  });
}

/** a += b, destroying both; `zero` is emitted when nothing is left. */
export function addParts(f: Func, a: Parts, b: Parts, lo: Local<"i64">, zero: () => void): void {
  f.if(a.exp.ltS(b.exp).or(a.exp.eq(b.exp).and(a.hi.ltU(b.hi))), () => swap(f, a, b));
  f.set(lo, 0);
  const distance = f.let(a.exp.sub(b.exp));
  // The common distances inline.
  f.if(
    distance.ltU(64),
    () =>
      f.if(distance, () => {
        f.set(lo, b.hi.shl(i64(0).sub(distance.extendU())));
        f.set(b.hi, b.hi.shrU(distance.extendU()));
      }),
    () => shiftRightJam(f, b.hi, lo, distance),
  );
  f.if(a.sign.eq(b.sign), () => {
    // Without a branch: whether there is a carry cannot be predicted.
    f.set(a.hi, a.hi.add(b.hi));
    const carry = f.let(a.hi.ltU(b.hi)), wide = f.let(carry.extendU());
    f.set(lo, select(carry, a.hi.shl(63).or(lo.shrU(1)).or(lo.and(1)), lo));
    f.set(a.hi, a.hi.shrU(wide).or(wide.shl(63)));
    f.set(a.exp, a.exp.add(carry));
  }, () => {
    f.set(a.hi, a.hi.sub(b.hi).sub(lo.ne(0).extendU()));
    f.set(lo, i64(0).sub(lo));
    f.if(a.hi.eqz(), () => {
      f.if(lo.eqz(), zero);
      f.set(a.hi, lo);
      f.set(lo, 0);
      f.set(a.exp, a.exp.sub(64));
    });
    const n = f.let(a.hi.clz());
    f.if(n.wrap(), () => {
      shiftLeft(f, a.hi, lo, n);
      f.set(a.exp, a.exp.sub(n.wrap()));
    });
  });
}

/** a *= b with 128 bits of result. */
export function multiplyParts(f: Func, a: Parts, b: Parts, lo: Local<"i64">): void {
  const hi = f.local("i64");
  multiply(f, a.hi, b.hi, hi, lo);
  f.set(a.hi, hi);
  f.set(a.sign, a.sign.xor(b.sign));
  f.set(a.exp, a.exp.add(b.exp).sub(0x3ffe));
  f.if(a.hi.geS(0), () => {
    f.set(a.hi, a.hi.shl(1).or(lo.shrU(63)));
    f.set(lo, lo.shl(1));
    f.set(a.exp, a.exp.sub(1));
  });
}

/** a /= b: 64 bits of quotient; `lo` tells how the rest compares with half a unit. */
export function divideParts(lib: Library, f: Func, a: Parts, b: Parts, lo: Local<"i64">): void {
  const half = f.let(a.hi.geU(b.hi)), q = f.local("i64"), r = f.local("i64");
  f.set(lo, select(half, a.hi.shl(63), i64(0)));
  f.set(a.hi, a.hi.shrU(half.extendU()));
  f.do(divide128(lib), [a.hi, lo, b.hi], q, r);
  f.set(a.hi, q);
  f.set(a.sign, a.sign.xor(b.sign));
  f.set(a.exp, a.exp.sub(b.exp).add(0x3ffe).add(half));
  // r against d - r, which is r against d / 2.
  const rest = f.let(b.hi.sub(r));
  f.set(lo, select(r.eqz(), i64(0), select(r.ltU(rest), i64(1), TOP.or(r.ne(rest).extendU()))));
}

/** Square root of a positive number: (exp, sig) -> (exp, root, lo), where `lo` compares the rest with half a unit. */
export function rootParts(lib: Library): FunctionRef {
  return define(lib, "soft.root", ["i32", "i64"], ["i32", "i64", "i64"], (f, exp, sig) => {
    // N = hi:lo, a quarter of 2^128 or more; the root has 64 bits.
    f.set(exp, exp.sub(0x3fff));
    const even = f.let(exp.xor(1).and(1));
    const lo = f.let(select(even, sig.shl(63), i64(0))), hi = f.let(sig.shrU(even.extendU()));
    // 32 bits of root from the machine's own square root, corrected to be exact.
    const s = f.let(hi.to("f64.convert_i64_u").sqrt().to("i64.trunc_f64_u"));
    f.if(s.shrU(32).ne(0), () => f.set(s, 0xffffffff));
    f.if(s.mul(s).gtU(hi), () => f.set(s, s.sub(1)));
    const rest = f.let(hi.sub(s.mul(s)));
    f.if(rest.gtU(s.shl(1)), () => {
      f.set(rest, rest.sub(s.shl(1)).sub(1));
      f.set(s, s.add(1));
    });
    // 32 bits more: q = rest:lo / 2s, off by a few units at most.
    const q = f.let(
      rest.to("f64.convert_i64_u").mul(4294967296).add(lo.shrU(32).to("f64.convert_i64_u"))
        .div(s.shl(1).to("f64.convert_i64_u")).to("i64.trunc_f64_u"),
    );
    f.if(q.shrU(32).ne(0), () => f.set(q, 0xffffffff));
    const root = f.let(s.shl(32).or(q)), squareHi = f.local("i64"), squareLo = f.local("i64");
    const restHi = f.local("i64"), restLo = f.local("i64");
    f.loop((again) => {
      multiply(f, root, root, squareHi, squareLo);
      f.set(restHi, hi.sub(squareHi).sub(lo.ltU(squareLo).extendU()));
      f.set(restLo, lo.sub(squareLo));
      f.if(restHi.ltS(0), () => {
        f.set(root, root.sub(1));
        f.br(again);
      });
      // rest > 2 root: too small.
      const twiceHi = root.shrU(63), twiceLo = root.shl(1);
      f.if(restHi.gtU(twiceHi).or(restHi.eq(twiceHi).and(restLo.gtU(twiceLo))), () => {
        f.set(root, root.add(1));
        f.br(again);
      });
    });
    f.return(
      exp.shrS(1).add(0x3fff),
      root,
      select(
        restHi.or(restLo).eqz(),
        i64(0),
        select(restHi.ne(0).or(restLo.gtU(root)), TOP.or(1), i64(1)),
      ),
    );
  });
}

/** A significand that is not normalised: shifts it up and lowers the exponent. */
export function normalise(f: Func, exp: Local<"i32">, sig: Local<"i64">): void {
  const n = f.let(sig.clz());
  f.set(sig, sig.shl(n));
  f.set(exp, exp.sub(n.wrap()));
}

/** 1 as a value for flags: `cond ? flag : 0`. */
export function flagIf(cond: ReturnType<typeof i32>, flag: number): ReturnType<typeof i32> {
  return select(cond, i32(flag), i32(0));
}
