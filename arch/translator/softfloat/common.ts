/**
 * What all soft-float functions share: exception flags, the way functions are made, and 128-bit integer pieces.
 *
 * A finite number is worked on as (sign, exp, hi, lo): value = hi:lo / 2^127 * 2^(exp - 0x3fff), with the top bit of `hi`
 * set and bit 0 of `lo` standing for anything that was shifted out ("jam").
 */
// cold: constants of the generated module
import {
  type Func,
  type FunctionRef,
  type I32,
  type I64,
  i64,
  type Local,
  select,
  type Type,
} from "../wasm/mod.ts";

/** Exception flags as MXCSR and the x87 status word have them; C1 (x87: rounded away from zero) at its status bit. */
export const IE = 1, DE = 2, ZE = 4, OE = 8, UE = 16, PE = 32, C1 = 0x200;

/** The only thing needed of a module: `Env` of machine.ts is one. */
export interface Library {
  /** A function of the module, made at its first use; the name is its identity. */
  helper(
    name: string,
    params: readonly Type[],
    results: readonly Type[],
    body: (env: { readonly f: Func }) => void,
  ): FunctionRef;
}

type Locals<P extends readonly Type[]> = { [K in keyof P]: Local<P[K]> };

/** A function of the library with its parameters as locals. */
export function define<const P extends readonly Type[]>(
  lib: Library,
  name: string,
  params: P,
  results: readonly Type[],
  body: (f: Func, ...params: Locals<P>) => void,
): FunctionRef {
  return lib.helper(name, params, results, ({ f }) => {
    body(f, ...params.map((t, i) => f.param(i, t)) as unknown as Locals<P>);
    f.unreachable(); // every body returns
  });
}

/** 2^63: the integer bit of a significand, and half of a discarded fraction. */
export const TOP: I64 = i64(-0x8000000000000000n);

/** hi:lo >>= count (0 or more), jamming. */
export function shiftRightJam(f: Func, hi: Local<"i64">, lo: Local<"i64">, count: Local<"i32">): void {
  f.if(count.geU(64), () => {
    f.set(lo, lo.ne(0).extendU());
    f.if(
      count.geU(128),
      () => f.set(lo, lo.or(hi.ne(0).extendU())),
      () => {
        const part = f.let(hi.shrU(count.extendU()));
        f.set(lo, lo.or(part).or(part.shl(count.extendU()).ne(hi).extendU()));
      },
    );
    f.set(hi, 0);
  }, () =>
    f.if(count, () => {
      const back = f.let(i64(0).sub(count.extendU()));
      f.set(lo, hi.shl(back).or(lo.shrU(count.extendU())).or(lo.shl(back).ne(0).extendU()));
      f.set(hi, hi.shrU(count.extendU()));
    }));
}

/** hi:lo <<= count (0 to 63). */
export function shiftLeft(f: Func, hi: Local<"i64">, lo: Local<"i64">, count: I64): void {
  const n = f.let(count);
  f.set(hi, hi.shl(n).or(lo.shrU(1).shrU(n.xor(63))));
  f.set(lo, lo.shl(n));
}

/** Whether a magnitude is to be incremented: `rest` is the discarded fraction of a unit (2^63 = half), `odd` the last kept bit. */
export function roundsUp(sign: I32, mode: I32, rest: Local<"i64">, odd: I32): I32 {
  return select(
    mode.eqz(),
    rest.gtU(TOP).or(rest.eq(TOP).and(odd)),
    rest.ne(0).and(mode.add(sign).eq(2)), // down (1) with a minus (1), up (2) with a plus (0)
  );
}

/** a * b as hi:lo. */
export function multiply(
  f: Func,
  a: Local<"i64">,
  b: Local<"i64">,
  hi: Local<"i64">,
  lo: Local<"i64">,
): void {
  f.scope(() => {
    const LOW = 0xffffffff;
    const al = f.let(a.and(LOW)), ah = f.let(a.shrU(32)), bl = f.let(b.and(LOW)), bh = f.let(b.shrU(32));
    const low = f.let(al.mul(bl));
    const mid = f.let(ah.mul(bl).add(low.shrU(32)));
    const cross = f.let(al.mul(bh).add(mid.and(LOW)));
    f.set(hi, ah.mul(bh).add(mid.shrU(32)).add(cross.shrU(32)));
    f.set(lo, cross.shl(32).or(low.and(LOW)));
  });
}

/** (hi:lo) / d -> (quotient, remainder); d has its top bit set and hi < d. */
export function divide128(lib: Library): FunctionRef {
  return define(lib, "u128.div", ["i64", "i64", "i64"], ["i64", "i64"], (f, hi, lo, d) => {
    const dh = f.let(d.shrU(32)), dl = f.let(d.and(0xffffffff));
    const q = f.local("i64"), r = f.local("i64"), quotient = f.local("i64");
    // Knuth's algorithm D with two digits of 32 bits.
    const digit = (next: I64) => {
      const n = f.let(next);
      f.set(q, hi.divU(dh));
      f.set(r, hi.sub(q.mul(dh)));
      f.while(
        () => q.shrU(32).ne(0).or(q.mul(dl).gtU(r.shl(32).or(n))),
        (leave) => {
          f.set(q, q.sub(1));
          f.set(r, r.add(dh));
          f.brIf(leave, r.shrU(32).ne(0));
        },
      );
      f.set(hi, hi.shl(32).or(n).sub(q.mul(d)));
    };
    digit(lo.shrU(32));
    f.set(quotient, q.shl(32));
    digit(lo.and(0xffffffff));
    f.return(quotient.or(q), hi);
  });
}
