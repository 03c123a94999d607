/**
 * Flags are kept as what computed them: a kind and two 64-bit operands, at constant places in the state block. cmp, sub,
 * neg, test and logic are "compare a with b" (logic: its result with zero), operands sign-extended, so the ten common
 * conditions are one comparison of 64-bit integers at any operand size.
 */
import {
  type Env,
  type I32,
  i32,
  type I64,
  i64,
  type Int,
  type Machine,
  type Value,
} from "@guise/translator";
import { KIND } from "./kinds.ts";
import { AF, CF, OF, PF, SF, STATE, STATUS_FLAGS, ZF } from "./state.ts";

export { KIND } from "./kinds.ts";

const log2 = (bits: number) => 31 - Math.clz32(bits >> 3);

function put(m: Machine, kind: number, a: I64, b: I64 | undefined): void {
  m.setState("i32.store", STATE.flagKind, kind);
  m.setState("i64.store", STATE.flagA, a);
  if (b) m.setState("i64.store", STATE.flagB, b);
}

/** Flags of a - b. The operands are sign-extended in their types (`operand.signed()`). */
export function setCompare(m: Machine, size: number, a: Int, b: Int): void {
  if (m.flagsWanted) put(m, KIND.compare + log2(size), a.extendS(), b.extendS());
}
/** Flags of a bitwise result, sign-extended. */
export function setLogic(m: Machine, size: number, result: Int): void {
  if (m.flagsWanted) put(m, KIND.compare + log2(size), result.extendS(), i64(0));
}
/** Flags of a + b, both sign-extended. */
export function setAdd(m: Machine, size: number, a: Int, b: Int): void {
  if (m.flagsWanted) put(m, KIND.add + log2(size), a.extendS(), b.extendS());
}
/** ZF SF PF of a sign-extended result; `bits` is any of CF, AF, OF at their places in rflags. */
export function setResult(m: Machine, result: Int, bits: I32): void {
  if (m.flagsWanted) put(m, KIND.result, result.extendS(), bits.extendU());
}
/** All six flags as rflags bits. */
export function setImage(m: Machine, image: I32): void {
  if (m.flagsWanted) put(m, KIND.image, image.extendU(), undefined);
}

/** The flags one by one, when the kind is known (in translated code). Values to be used once each. */
interface Parts {
  readonly cf: () => I32;
  readonly of: () => I32;
  readonly zf: () => I32;
  readonly sf: () => I32;
  readonly pf: () => I32;
  readonly af: () => I32;
}
function knownKind(m: Env): number | undefined {
  const { constant } = m.state("i32.load", STATE.flagKind);
  return constant === undefined ? undefined : Number(constant);
}
function partsOf(m: Env, kind: number): Parts {
  const { f } = m, a = f.let(m.state("i64.load", STATE.flagA));
  if (kind === KIND.image) {
    const bit = (n: number) => () => a.wrap().shrU(n).and(1);
    return { cf: bit(0), of: bit(11), zf: bit(6), sf: bit(7), pf: bit(2), af: bit(4) };
  }
  const b = f.let(m.state("i64.load", STATE.flagB));
  const adds = kind >= KIND.add, bits = 8 << (kind & 3);
  let result: I64 = a;
  if (kind < KIND.result) {
    const raw = adds ? a.add(b) : a.sub(b);
    result = f.let(
      bits === 64 ? raw : bits === 32 ? raw.extend32S() : bits === 16 ? raw.extend16S() : raw.extend8S(),
    );
  }
  const parity = () => result.wrap().and(0xff).popcnt().and(1).xor(1);
  const rest = { zf: () => result.eqz(), sf: () => result.ltS(0), pf: parity };
  if (kind === KIND.result) {
    const bit = (n: number) => () => b.wrap().shrU(n).and(1);
    return { ...rest, cf: bit(0), of: bit(11), af: bit(4) };
  }
  return {
    ...rest,
    cf: adds ? () => result.ltU(a) : () => a.ltU(b),
    of: adds ? () => a.xor(result).and(b.xor(result)).shrU(63).wrap() : () => result.ltS(0).xor(a.ltS(b)),
    af: () => a.xor(b).xor(result).wrap().shrU(4).and(1),
  };
}

/** The six flags as rflags bits. */
export function flagsImage(m: Env): I32 {
  const kind = knownKind(m);
  if (kind === KIND.image) return m.state("i64.load", STATE.flagA).wrap().and(STATUS_FLAGS);
  if (kind !== undefined) {
    const p = partsOf(m, kind);
    return m.f.let(
      p.cf().or(p.pf().shl(2)).or(p.af().shl(4)).or(p.zf().shl(6)).or(p.sf().shl(7)).or(p.of().shl(11)),
    );
  }
  return m.f.call("i32", imageHelper(m));
}
function imageHelper(m: Env) {
  return m.helper("flags image", [], ["i32"], (h) => {
    const { f } = h;
    const kind = f.let(h.state("i32.load", STATE.flagKind));
    const a = f.let(h.state("i64.load", STATE.flagA)), b = f.let(h.state("i64.load", STATE.flagB));
    f.if(kind.eq(KIND.image), () => f.return(a.wrap().and(STATUS_FLAGS)));
    const result = f.let(a), bits = f.let(i32(0));
    f.if(kind.eq(KIND.result), () => f.set(bits, b.wrap()), () => {
      // Shift that brings the operand's sign to bit 63: 56, 48, 32, 0.
      const shift = f.let(i64(64).sub(i64(8).shl(kind.and(3).extendU())));
      f.if(kind.ltU(KIND.add), () => {
        f.set(result, a.sub(b).shl(shift).shrS(shift));
        f.set(bits, a.ltU(b));
        // Overflow: the sign of the result is not the order of the operands.
        f.set(bits, bits.or(result.ltS(0).xor(a.ltS(b)).shl(11)));
      }, () => {
        f.set(result, a.add(b).shl(shift).shrS(shift));
        // Sign extension keeps the order of unsigned numbers, so this is the carry at any size.
        f.set(bits, result.ltU(a));
        f.set(bits, bits.or(a.xor(result).and(b.xor(result)).shrU(63).wrap().shl(11)));
      });
      f.set(bits, bits.or(a.xor(b).xor(result).wrap().and(AF)));
    });
    f.set(bits, bits.or(result.eqz().shl(6)).or(result.ltS(0).shl(7)));
    f.return(bits.or(result.wrap().and(0xff).popcnt().and(1).xor(1).shl(2)));
  });
}

/** CF as 0 or 1. */
export function carry(m: Env): I32 {
  const kind = knownKind(m);
  if (kind !== undefined) return m.f.let(partsOf(m, kind).cf());
  const helper = m.helper("flag carry", [], ["i32"], (h) => {
    h.f.if(h.state("i32.load", STATE.flagKind).ltU(KIND.add), () => {
      h.f.return(h.state("i64.load", STATE.flagA).ltU(h.state("i64.load", STATE.flagB)));
    });
    h.f.return(flagsImage(h).and(CF));
  });
  return m.f.call("i32", helper);
}

/** Conditions as encodings number them. */
// deno-fmt-ignore
export const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"] as const;

/** Condition of an rflags image (the even number of the pair). */
function ofImage(image: Value<"i32">, cc: number): I32 {
  switch (cc >> 1) {
    case 0:
      return image.and(OF);
    case 1:
      return image.and(CF);
    case 2:
      return image.and(ZF);
    case 3:
      return image.and(CF | ZF);
    case 4:
      return image.and(SF);
    case 5:
      return image.and(PF);
    case 6:
      return image.shrU(4).xor(image).and(SF); // OF is four bits above SF
    default:
      return image.shrU(4).xor(image).and(SF).or(image.and(ZF));
  }
}

/** The comparison that a condition is after "compare a with b"; none for o, s, p. */
export function compared<T extends "i32" | "i64">(cc: number, a: Value<T>, b: Value<T>): I32 | undefined {
  switch (cc) {
    case 2:
      return a.ltU(b);
    case 3:
      return a.geU(b);
    case 4:
      return a.eq(b);
    case 5:
      return a.ne(b);
    case 6:
      return a.leU(b);
    case 7:
      return a.gtU(b);
    case 12:
      return a.ltS(b);
    case 13:
      return a.geS(b);
    case 14:
      return a.leS(b);
    case 15:
      return a.gtS(b);
  }
  return undefined;
}

function knownCondition(m: Env, kind: number, cc: number): I32 {
  const quick = kind < KIND.add
    ? compared(cc, m.state("i64.load", STATE.flagA), m.state("i64.load", STATE.flagB))
    : undefined;
  if (quick) return m.f.let(quick);
  const p = partsOf(m, kind),
    tests: (() => I32)[] = [
      p.of,
      p.cf,
      p.zf,
      () => p.cf().or(p.zf()),
      p.sf,
      p.pf,
      () => p.sf().xor(p.of()),
      () => p.sf().xor(p.of()).or(p.zf()),
    ];
  const holds = tests[cc >> 1]();
  return m.f.let(cc & 1 ? holds.eqz() : holds);
}

/** A condition on the current flags: 1 when it holds, else 0. */
export function condition(m: Env, cc: number): I32 {
  const kind = knownKind(m);
  if (kind !== undefined) return knownCondition(m, kind, cc);
  const helper = m.helper(`condition ${CONDITIONS[cc]}`, [], ["i32"], (h) => {
    const a = h.state("i64.load", STATE.flagA), b = h.state("i64.load", STATE.flagB);
    const quick = compared(cc, a, b);
    if (quick) h.f.if(h.state("i32.load", STATE.flagKind).ltU(KIND.add), () => h.f.return(quick));
    const image = h.f.let(flagsImage(h));
    const slow = ofImage(image, cc);
    h.f.return(cc & 1 ? slow.eqz() : slow.ne(0));
  });
  const slow = m.f.call("i32", helper);
  const quick = compared(cc, m.state("i64.load", STATE.flagA), m.state("i64.load", STATE.flagB));
  if (!quick) return slow;
  const { f } = m, result = f.local("i32");
  f.if(
    m.state("i32.load", STATE.flagKind).ltU(KIND.add),
    () => f.set(result, quick),
    () => f.set(result, slow),
  );
  return result;
}

/** rflags with all its bits. */
export function rflags(m: Env): I32 {
  return flagsImage(m).or(m.state("i32.load", STATE.flagRest));
}
