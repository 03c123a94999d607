/**
 * NZCV is kept as what computed it: a kind and two 64-bit operands, sign-extended. Conditions after a comparison are one
 * comparison of 64-bit integers, at both operand sizes.
 */
import { type Env, type I32, i32, type I64, i64, type Int, type Machine } from "@guise/translator";
import { CONDITIONS } from "./flag_names.ts";
import { KIND } from "./kinds.ts";
import { C, N, STATE, V, Z } from "./state.ts";

function put(m: Env, kind: number, a: I64, b?: I64): void {
  m.setState("i32.store", STATE.flagKind, kind);
  m.setState("i64.store", STATE.flagA, a);
  if (b) m.setState("i64.store", STATE.flagB, b);
}
const wide = (v: Int): number => v.type === "i64" ? 1 : 0;

/** Flags of a - b (C set: no borrow). */
export function setCompare(m: Machine, a: Int, b: Int): void {
  put(m, KIND.compare + wide(a), a.extendS(), b.extendS());
}
/** Flags of a + b. */
export function setAdd(m: Machine, a: Int, b: Int): void {
  put(m, KIND.add + wide(a), a.extendS(), b.extendS());
}
/** N and Z of a result, C and V clear. */
export function setLogic(m: Machine, result: Int): void {
  put(m, KIND.logic, result.extendS());
}
/** All four at their places in PSTATE; other bits are ignored. */
export function setImage(m: Env, image: I32): void {
  put(m, KIND.image, image.extendU());
}

/** NZCV at its places in PSTATE. */
export function flagsImage(m: Env): I32 {
  const ref = m.helper("nzcv", [], ["i32"], (h) => {
    const { f } = h, kind = f.let(h.state("i32.load", STATE.flagKind));
    const a = f.let(h.state("i64.load", STATE.flagA)), b = f.let(h.state("i64.load", STATE.flagB));
    f.if(kind.eq(KIND.image), () => f.return(a.wrap().and(N | Z | C | V)));
    const result = f.let(a), bits = f.let(i32(0));
    f.if(kind.ltU(KIND.logic), () => {
      const shift = f.let(i64(32).sub(kind.and(1).shl(5).extendU()));
      f.if(kind.ltU(KIND.add), () => {
        f.set(result, a.sub(b).shl(shift).shrS(shift));
        // Overflow: the sign of the result is not the order of the operands.
        f.set(bits, a.geU(b).shl(29).or(result.ltS(0).xor(a.ltS(b)).shl(28)));
      }, () => {
        f.set(result, a.add(b).shl(shift).shrS(shift));
        // Sign extension keeps the order of unsigned numbers, so this is the carry at both sizes.
        f.set(bits, result.ltU(a).shl(29).or(a.xor(result).and(b.xor(result)).ltS(0).shl(28)));
      });
    });
    f.return(bits.or(result.ltS(0).shl(31)).or(result.eqz().shl(30)));
  });
  return m.f.call("i32", ref);
}

/** C as 0 or 1. */
export const carry = (m: Env): I32 => flagsImage(m).shrU(29).and(1);

/** A pair's even condition, of an image. */
function ofImage(image: I32, pair: number): I32 {
  const bit = (mask: number) => image.and(mask).ne(0);
  const ge = () => bit(N).eq(bit(V));
  switch (pair) {
    case 0:
      return bit(Z);
    case 1:
      return bit(C);
    case 2:
      return bit(N);
    case 3:
      return bit(V);
    case 4:
      return bit(C).and(bit(Z).eqz());
    case 5:
      return ge();
    default:
      return ge().and(bit(Z).eqz());
  }
}
const slow = (m: Env, cc: number): I32 =>
  m.f.call(
    "i32",
    m.helper(`condition ${CONDITIONS[cc]}`, [], ["i32"], (h) => {
      const image = h.f.let(flagsImage(h)), r = ofImage(image, cc >> 1);
      h.f.return(cc & 1 ? r.eqz() : r);
    }),
  );

/** A condition as 0 or 1. */
export function condition(m: Env, cc: number): I32 {
  if (cc >= 14) return i32(1);
  const { f } = m, pair = cc >> 1;
  if (pair === 2 || pair === 3) return slow(m, cc);
  const r = f.local("i32"), a = m.state("i64.load", STATE.flagA), b = m.state("i64.load", STATE.flagB);
  f.if(m.state("i32.load", STATE.flagKind).ltU(KIND.add), () => {
    const direct = [a.eq(b), a.ne(b), a.geU(b), a.ltU(b)][cc] ??
      { 8: a.gtU(b), 9: a.leU(b), 10: a.geS(b), 11: a.ltS(b), 12: a.gtS(b), 13: a.leS(b) }[cc]!;
    f.set(r, direct);
  }, () => f.set(r, slow(m, cc)));
  return r;
}

/** A condition whose number is known at run time only. */
export function conditionOf(m: Env, cc: I32): I32 {
  const ref = m.helper("condition", ["i32"], ["i32"], (h) => {
    const { f } = h;
    f.switch(
      f.param(0, "i32"),
      CONDITIONS.slice(0, 14).map((_, i) => () => f.return(condition(h, i))),
      () => f.return(i32(1)),
    );
  });
  return m.f.call("i32", ref, cc);
}
