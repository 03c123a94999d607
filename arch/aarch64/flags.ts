/**
 * NZCV is kept as what computed it: a kind and two 64-bit operands, sign-extended. Conditions after a comparison are one
 * comparison of 64-bit integers, at both operand sizes.
 */
// cold: constants of the generated code
import {
  type Choice,
  type Env,
  type F64,
  type FunctionRef,
  type I32,
  i32,
  type I64,
  i64,
  type Int,
  type Machine,
  select,
} from "@guise/translator";
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
  put(m, KIND.logic, result.extendS(), i64(0));
}
/** All four at their places in PSTATE; other bits are ignored. */
export function setImage(m: Env, image: I32): void {
  put(m, KIND.image, image.extendU());
}

/** Flags of a comparison of doubles, neither of which raised anything. */
export function setFloat(m: Env, a: F64, b: F64): void {
  put(m, KIND.float, a.to("i64.reinterpret_f64"), b.to("i64.reinterpret_f64"));
}

/** NZCV at its places in PSTATE. */
export function flagsImage(m: Env): I32 {
  const ref = m.helper("nzcv", [], ["i32"], (h) => {
    const { f } = h, kind = f.let(h.state("i32.load", STATE.flagKind));
    const a = f.let(h.state("i64.load", STATE.flagA)), b = f.let(h.state("i64.load", STATE.flagB));
    f.if(kind.eq(KIND.image), () => f.return(a.wrap().and(N | Z | C | V)));
    f.if(kind.eq(KIND.float), () => {
      const x = f.let(asDouble(a)), y = f.let(asDouble(b));
      f.if(x.lt(y), () => f.return(i32(N)));
      f.if(x.eq(y), () => f.return(i32(Z | C)));
      f.return(select(x.gt(y), i32(C), i32(C | V)));
    });
    const result = f.let(a), bits = f.let(i32(0));
    f.if(kind.ne(KIND.logic), () => {
      const shift = f.let(i64(32).sub(kind.and(1).shl(5).extendU()));
      f.if(kind.ltU(KIND.logic), () => {
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
/** Both doubles that a comparison kept. */
const asDouble = (v: I64): F64 => v.to("f64.reinterpret_i64");

/** The even condition of a pair, where the kind is known. */
function ofKind(kind: number, pair: number, a: I64, b: I64): I32 {
  const wide = kind & 1, sum = a.add(b), difference = a.sub(b);
  const zero = (v: I64) => wide ? v.eqz() : v.wrap().eqz(),
    negative = (v: I64) => wide ? v.ltS(0) : v.wrap().ltS(0);
  switch (kind) {
    case KIND.compare:
    case KIND.compare + 1:
      switch (pair) {
        case 0:
          return a.eq(b);
        case 1:
          return a.geU(b);
        case 2:
          return negative(difference);
        case 3:
          return wide ? a.xor(b).and(a.xor(difference)).ltS(0) : difference.ne(difference.extend32S());
        case 4:
          return a.gtU(b);
        case 5:
          return a.geS(b);
        default:
          return a.gtS(b);
      }
    case KIND.add:
    case KIND.add + 1: {
      const carry = () => wide ? sum.ltU(a) : sum.wrap().ltU(a.wrap());
      const over = a.xor(sum).and(b.xor(sum));
      // The sign of the exact sum.
      const atLeastZero = () => wide ? sum.xor(over).geS(0) : sum.geS(0);
      switch (pair) {
        case 0:
          return zero(sum);
        case 1:
          return carry();
        case 2:
          return negative(sum);
        case 3:
          return wide ? over.ltS(0) : sum.ne(sum.extend32S());
        case 4:
          return carry().and(zero(sum).eqz());
        case 5:
          return atLeastZero();
        default:
          return atLeastZero().and(zero(sum).eqz());
      }
    }
    case KIND.logic:
      return [a.eqz(), i32(0), a.ltS(0), i32(0), i32(0), a.geS(0), a.gtS(0)][pair];
    case KIND.image:
      return ofImage(a.wrap(), pair);
    case KIND.float: {
      const x = asDouble(a), y = asDouble(b);
      switch (pair) {
        case 0:
          return x.eq(y);
        case 1:
          return x.lt(y).eqz();
        case 2:
          return x.lt(y);
        case 3:
          return x.ne(x).or(y.ne(y));
        case 4:
          return x.le(y).eqz();
        case 5:
          return x.ge(y);
        default:
          return x.gt(y);
      }
    }
  }
  throw new Error(`no kind ${kind} of flags`);
}
/** A condition of a - b at the operands' own size. */
export function comparison(cc: number, a: Int, b: Int): I32 {
  const pair = cc >> 1;
  const even = [
    () => a.eq(b),
    () => a.geU(b),
    () => a.sub(b).ltS(0),
    () => a.xor(b).and(a.xor(a.sub(b))).ltS(0),
    () => a.gtU(b),
    () => a.geS(b),
    () => a.gtS(b),
  ][pair]();
  return cc & 1 ? even.eqz() : even;
}
/** A condition of the flags that a logic instruction sets. */
export function ofLogic(cc: number, r: Int): I32 {
  const even = [r.eqz(), i32(0), r.ltS(0), i32(0), i32(0), r.geS(0), r.gtS(0)][cc >> 1];
  return cc & 1 ? even.eqz() : even;
}
/** Any condition with flags of any kind. */
const conditionRef = (m: Env): FunctionRef =>
  m.helper("condition", ["i32"], ["i32"], (h) => {
    const { f } = h, image = f.let(flagsImage(h));
    f.switch(
      f.param(0, "i32"),
      CONDITIONS.slice(0, 14).map((_, i) => () => {
        const r = ofImage(image, i >> 1);
        f.return(i & 1 ? r.eqz() : r);
      }),
      () => f.return(i32(1)),
    );
  });

/** What a condition says of NZCV as a number. */
function holds(cc: number, nzcv: number): boolean {
  const [n, z, c, v] = [8, 4, 2, 1].map((bit) => (nzcv & bit) !== 0);
  return [z, c, n, v, c && !z, n === v, n === v && !z][cc >> 1] !== ((cc & 1) === 1);
}
/** A condition of chosen flags: two conditions, to be asked one after the other. */
function ofChoice({ cond, left, right, otherwise }: Choice, cc: number): I32 {
  const is = !holds(cc, otherwise);
  const all = [cond, comparison(is ? cc : cc ^ 1, left, right)];
  const r = all[0].and(all[1]), v = is ? r : r.eqz();
  v.parts = { all, is };
  return v;
}

/** A condition as 0 or 1. */
export function condition(m: Env, cc: number): I32 {
  if (cc >= 14) return i32(1);
  const choice = m.chosen?.();
  if (choice) return ofChoice(choice, cc);
  const { f } = m, pair = cc >> 1, kind = m.state("i32.load", STATE.flagKind), known = kind.constant;
  const a = m.state("i64.load", STATE.flagA), b = m.state("i64.load", STATE.flagB);
  const of = (kind: number) => {
    const r = ofKind(kind, pair, a, b);
    return cc & 1 ? r.eqz() : r;
  };
  if (known !== undefined) return of(Number(known));
  const slow = () => f.call("i32", conditionRef(m), i32(cc));
  // Equal and the order of signed numbers are the same for comparisons of both sizes, and for what a logic instruction sets.
  const kinds = pair === 0 || pair > 4 ? m.kinds?.() : undefined;
  if (kinds?.every((k) => k < KIND.add)) return of(KIND.compare);
  if (pair === 2 || pair === 3) return slow();
  const r = f.local("i32");
  // What a logic instruction sets differs from a comparison with 0 in C alone.
  const first = pair === 1 || pair === 4 ? KIND.logic : KIND.add;
  f.if(kind.ltU(first), () => f.set(r, of(KIND.compare)), () => f.set(r, slow()));
  return r;
}

/** A condition whose number is in the record: known in a region, not in the interpreter. */
export function conditionOf(m: Env, cc: I32): I32 {
  if (cc.constant !== undefined) return condition(m, Number(cc.constant));
  const ref = m.helper("condition of", ["i32"], ["i32"], (h) => {
    const { f } = h;
    f.switch(
      f.param(0, "i32"),
      CONDITIONS.slice(0, 14).map((_, i) => () => f.return(condition(h, i))),
      () => f.return(i32(1)),
    );
  });
  return m.f.call("i32", ref, cc);
}

type Named = "zero" | "one" | "minus" | "most" | "least";
function operand(name: Named, wide: boolean): I64 {
  const most = wide ? 0x7fffffffffffffffn : 0x7fffffffn;
  return i64({ zero: 0n, one: 1n, minus: -1n, most, least: -most - 1n }[name]);
}
/** Operands whose comparison gives these flags, by NZCV as a number; combinations that no comparison gives have none. */
const OPERANDS: Readonly<Record<number, readonly [Named, Named]>> = {
  0b0000: ["one", "minus"],
  0b0010: ["one", "zero"],
  0b0011: ["least", "one"],
  0b0110: ["zero", "zero"],
  0b1000: ["zero", "one"],
  0b1001: ["most", "minus"],
  0b1010: ["minus", "one"],
};
/** Flags of a - b where the condition holds, else those that the instruction names; false: that has to be done in two branches. */
export function setChosen(m: Machine, cond: I32, a: Int, b: Int, nzcv: I32): boolean {
  const otherwise = nzcv.constant === undefined ? -1 : Number(nzcv.constant), kind = KIND.compare + wide(a);
  const zero = otherwise === 0b0100, operands = zero ? ["zero", "zero"] as const : OPERANDS[otherwise];
  if (!m.choose || !operands || cond.constant !== undefined) return false;
  const { f } = m, c = f.let(cond), x = f.let(a as I64) as Int, y = f.let(b as I64) as Int;
  const [left, right] = operands.map((o) => operand(o, a.type === "i64"));
  const kinds = [kind, zero ? KIND.logic : kind] as const;
  const set = (holds: boolean) =>
    holds ? put(m, kind, x.extendS(), y.extendS()) : put(m, kinds[1], left, right);
  const choice = { cond: c, left: x, right: y, otherwise, put: set, kinds };
  m.choose(choice, [STATE.flagKind, STATE.flagA, STATE.flagB], () => {
    m.setState("i32.store", STATE.flagKind, zero ? select(c, i32(kind), KIND.logic) : i32(kind));
    m.setState("i64.store", STATE.flagA, select(c, x.extendS(), left));
    m.setState("i64.store", STATE.flagB, select(c, y.extendS(), right));
  });
  return true;
}
/** Flags that an instruction names; `bits` as those of the comparison beside it, so that the kind can stay the same. */
export function setConstant(m: Machine, nzcv: I32, wide: boolean, compares: boolean): void {
  const operands = compares && nzcv.constant !== undefined ? OPERANDS[Number(nzcv.constant)] : undefined;
  // Z alone is what a logic instruction sets with its result 0.
  if (nzcv.constant !== undefined && Number(nzcv.constant) === 0b0100) {
    return put(m, KIND.logic, i64(0), i64(0));
  }
  if (!operands) return setImage(m, nzcv.shl(28));
  const [a, b] = operands.map((o) => operand(o, wide));
  put(m, KIND.compare + Number(wide), a, b);
}
