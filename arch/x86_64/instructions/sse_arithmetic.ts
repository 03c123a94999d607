/** Addition, subtraction, multiplication, division, square root, and what is made of them (SDM volume 2; NaNs: volume 1, 4.8.3.5). */
// cold: constants of the generated code
import {
  type Arithmetic,
  floatArithmetic,
  type FloatLanes,
  floatSqrt,
  type Func,
  type FunctionRef,
  type I32,
  i32,
  type Int,
  type Late,
  late,
  type Local,
  type Machine,
  type Operand,
  simd,
  type V128,
  v128,
  type Value,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, w, x86 } from "../encoding.ts";
import { and, dwords, everySecond, imm8, or, splat32, vector, xor, ZERO } from "./sse_common.ts";
import {
  allInRange,
  allTrue,
  asBits,
  asFloat,
  assumeUsual,
  bothInRange,
  every,
  finish,
  type Float,
  inRange,
  isDefault,
  type Kind,
  KINDS,
  laneBits,
  leastNormal,
  loadBits,
  mxcsr,
  onVectors,
  op,
  PE,
  productRange,
  quick,
  type Range,
  signBit,
  storeFloat,
  sumRange,
  usual,
  vectorsInRange,
} from "./sse_mxcsr.ts";

const isSum = (name: Arithmetic) => name === "add" || name === "sub";
const rangeOf = (k: Kind, name: Arithmetic): Range => isSum(name) ? sumRange(k) : productRange(k);
const wide = (v: Float): Value<"f64"> => (v as Value<"f32">).to("f64.promote_f32");

/**
 * Is r = a op b inexact? For numbers in range, and zeros but as divisors. In f64 a product of significands of together 53
 * bits or fewer is exact, of 55 or more is not; `unsure` is emitted for 54.
 */
function inexact(
  k: Kind,
  name: Arithmetic | "sqrt",
  f: Func,
  a: Local,
  b: Local,
  r: Local,
  unsure: () => void,
): I32 {
  const [x, y, z] = [a, b, r] as unknown as Local<"f64">[]; // or f32, for the sum
  if (name === "add" || name === "sub") {
    // Knuth's two-sum: the error of a rounded sum is exact.
    const minus = name === "sub" ? f.let(y.neg()) : y, part = f.let(z.sub(x));
    return x.sub(z.sub(part)).add(minus.sub(part)).ne(0);
  }
  if (k.size === 4) { // products of f32 are exact in f64
    if (name === "mul") return wide(a as Float).mul(wide(b as Float)).ne(wide(r as Float));
    if (name === "div") return wide(r as Float).mul(wide(b as Float)).ne(wide(a as Float));
    return wide(r as Float).mul(wide(r as Float)).ne(wide(a as Float));
  }
  const zeros = (v: Local<"f64">) => v.to("i64.reinterpret_f64").or(leastNormal(k)).ctz().wrap();
  const both = f.let(
    name === "mul" ? zeros(x).add(zeros(y)) : name === "div" ? zeros(z).add(zeros(y)) : zeros(z).shl(1),
  );
  f.if(both.eq(52).and(x.ne(0)), unsure);
  const back = name === "mul" ? undefined : name === "div" ? z.mul(y).ne(x) : z.mul(z).ne(x);
  const few = both.ltS(53);
  return (back ? few.or(back) : few).and(name === "mul" ? x.ne(0).and(y.ne(0)) : x.ne(0));
}

/** (a, b) -> (result, flags), with MXCSR as it is: the road beside the inline one. */
function laneArithmetic(m: Machine, k: Kind, name: Arithmetic): FunctionRef {
  const soft = floatArithmetic(m, k.format, name), range = rangeOf(k, name), T = k.bits;
  return m.helper(`sse ${k.float}.${name}`, [T, T], [T, "i32"], (h) => {
    const { f } = h, a = f.param(0, T), b = f.param(1, T), ctl = f.let(mxcsr(h));
    f.if(isDefault(ctl), () => {
      const good = (v: Int, zero: boolean) =>
        zero ? inRange(k, v, range).or(v.shl(1).eqz()) : inRange(k, v, range);
      f.block((slow) => {
        f.brIf(slow, good(a as Int, true).and(good(b as Int, name !== "div")).eqz());
        const x = f.let(asFloat(k, a as Int)), y = f.let(asFloat(k, b as Int));
        const r = f.let((x as Value<"f64">)[name](y as Value<"f64">)) as Local;
        const lost = f.let(inexact(k, name, f, x, y, r, () => f.br(slow)));
        f.return(asBits(k, r as Float), lost.mul(PE));
      });
    });
    const r = f.local(T), flags = f.local("i32");
    f.do(soft, [a, b, ctl], r, flags);
    f.return(r, flags);
  });
}
function laneSqrt(m: Machine, k: Kind): FunctionRef {
  const soft = floatSqrt(m, k.format), T = k.bits;
  return m.helper(`sse ${k.float}.sqrt`, [T], [T, "i32"], (h) => {
    const { f } = h, a = f.param(0, T), ctl = f.let(mxcsr(h));
    f.if(isDefault(ctl).and(isPositive(k, a as Int)), () => {
      f.block((slow) => {
        const x = f.let(asFloat(k, a as Int)), r = f.let((x as Value<"f64">).sqrt()) as Local;
        f.return(asBits(k, r as Float), inexact(k, "sqrt", f, x, x, r, () => f.br(slow)).mul(PE));
      });
    });
    const r = f.local(T), flags = f.local("i32");
    f.do(soft, [a, ctl], r, flags);
    f.return(r, flags);
  });
}
/** A positive normal number. */
function isPositive(k: Kind, bits: Int): I32 {
  return bits.sub(leastNormal(k)).ltU(BigInt(k.format.maxExp - 1) << BigInt(k.format.fraction));
}

/**
 * In regions, of operands that are not middling: is the machine's result r what x86 gives, without a flag but PE? Numbers of any size are, and
 * zeros, unless a result is huge or may have been tiny before it was rounded.
 */
function settled(m: Machine, k: Kind, name: Arithmetic, a: V128, b: V128, r: V128): I32 {
  const infinity = every(k, BigInt(k.format.maxExp) << BigInt(k.format.fraction));
  const least = every(k, leastNormal(k)), two = every(k, 2n * leastNormal(k));
  const zero = (v: V128) => op(k, "eq", v, ZERO), size = (v: V128) => op(k, "abs", v);
  const tame = (v: V128) => or(op(k, "ge", size(v), least), zero(v));
  let fine = and(op(k, "lt", size(r), infinity), and(tame(a), tame(b)));
  if (!isSum(name)) {
    const none = name === "mul" ? or(zero(a), zero(b)) : zero(a);
    fine = and(fine, or(op(k, "ge", size(r), two), none));
  }
  return allTrue(k, fine).and(usual(m));
}
/** On trial, if the machine tries: true when that is all. */
function tried(m: Machine, name: Arithmetic, lanes: FloatLanes, dst: Operand, src: Operand): boolean {
  const { trial } = m;
  assumeUsual(m);
  trial?.arithmetic(name, lanes, dst, dst, src);
  return trial !== undefined;
}
const scalar = (k: Kind, name: Arithmetic): e.Semantics => (m, dst, src) => {
  if (tried(m, name, k.float, dst, src)) return;
  // As floats: their bits are looked at on the side.
  const { f } = m, load = (o: Operand) => f.let(o.load(`${k.float}.load` as "f64.load"));
  const x = load(dst), y = load(src), bits = (v: Value<"f64">) => asBits(k, v as Float);
  const r = f.local(k.float) as Local<"f64">;
  f.unlikely(
    bothInRange(k, bits(x), bits(y), isSum(name)).and(usual(m)).eqz(),
    () => {
      const careful = () => {
        const z = f.local(k.bits), flags = f.local("i32");
        f.do(laneArithmetic(m, k, name), [bits(x), bits(y)], z, flags);
        finish(m, flags);
        f.set(r, asFloat(k, z as Int) as Value<"f64">);
      };
      if (!m.inline) return careful();
      f.set(r, x[name](y));
      const all = (v: Value) => simd(`${k.vector}.splat`, v);
      f.if(settled(m, k, name, f.let(all(x)), f.let(all(y)), f.let(all(r))).eqz(), careful);
    },
    () => f.set(r, x[name](y)),
  );
  storeFloat(k, dst, r as Float);
};
/** The same for square roots. */
function triedRoot(m: Machine, lanes: FloatLanes, dst: Operand, src: Operand): boolean {
  const { trial } = m;
  assumeUsual(m);
  trial?.root(lanes, dst, src);
  return trial !== undefined;
}
const scalarSqrt = (k: Kind): e.Semantics => (m, dst, src) => {
  if (triedRoot(m, k.float, dst, src)) return;
  const { f } = m, a = f.let(loadBits(k, src)), r = f.local(k.float) as Local<"f64">;
  f.unlikely(
    isPositive(k, a).and(usual(m)).eqz(),
    () => {
      const z = f.local(k.bits), flags = f.local("i32");
      f.do(laneSqrt(m, k), [a], z, flags);
      finish(m, flags);
      f.set(r, asFloat(k, z as Int) as Value<"f64">);
    },
    () => f.set(r, (asFloat(k, a) as Value<"f64">).sqrt()),
  );
  storeFloat(k, dst, r as Float);
};

/** dst = a op b by lanes. `odd`: the operation of odd lanes where it differs (addsub: sub, add). */
function vectors(
  m: Machine,
  k: Kind,
  name: Arithmetic,
  dst: Operand,
  a: Local<"v128">,
  b: Local<"v128">,
  odd?: Arithmetic,
): void {
  const { f } = m;
  // a - b in even lanes is a + -b for anything but NaNs.
  const other = odd ? xor(b, evenSigns(k)) : b, r = f.local("v128");
  f.unlikely(
    vectorsInRange(k, a, b, isSum(name)).and(usual(m)).eqz(),
    () => {
      const careful = () => {
        const flags = f.local("i32");
        const ref = laneArithmetic(m, k, name), second = odd ? laneArithmetic(m, k, odd) : ref;
        f.do(onVectors(m, k, `sse ${k.float}.${name}${odd ?? ""}`, ref, second), [a, b], r, flags);
        finish(m, flags);
      };
      if (!m.inline) return careful();
      f.set(r, op(k, odd ?? name, a, other));
      f.if(settled(m, k, name, a, b, r).eqz(), careful);
    },
    () => f.set(r, op(k, odd ?? name, a, other)),
  );
  dst.store("v128.store", r);
}
const evenSigns = (k: Kind): V128 => k.size === 8 ? v128(signBit(k)) : dwords((i) => i & 1 ? 0 : 0x80000000);
const lit = (k: Kind, bits: bigint): Int => laneBits(k, every(k, bits), 0);

const packed = (k: Kind, name: Arithmetic): e.Semantics => (m, dst, src) => {
  if (tried(m, name, k.vector, dst, src)) return;
  vectors(m, k, name, dst, m.f.let(vector(dst)), m.f.let(vector(src)));
};
const packedSqrt = (k: Kind): e.Semantics => (m, dst, src) => {
  if (triedRoot(m, k.vector, dst, src)) return;
  const { f } = m, a = f.let(vector(src)), r = f.local("v128"), flags = f.local("i32");
  f.if(
    allInRange(k, [1, k.format.maxExp - 1], a).and(signs(k, a).eqz()).and(quick(m)),
    () => f.set(r, op(k, "sqrt", a)),
    () => {
      f.do(onVectors(m, k, `sse ${k.float}.sqrt`, laneSqrt(m, k)), [a], r, flags);
      finish(m, flags);
    },
  );
  dst.store("v128.store", r);
};
const signs = (k: Kind, v: V128): I32 => simd(`${k.vectorBits}.bitmask`, v);

/** haddps and the like: neighbours of dst, then of src. */
const horizontal = (k: Kind, name: Arithmetic): e.Semantics => (m, dst, src) => {
  const { f } = m, a = f.let(vector(dst)), b = f.let(vector(src));
  vectors(m, k, name, dst, f.let(everySecond(a, b, k.size, false)), f.let(everySecond(a, b, k.size, true)));
};
const alternating = (k: Kind): e.Semantics => (m, dst, src) => {
  vectors(m, k, "sub", dst, m.f.let(vector(dst)), m.f.let(vector(src)), "add");
};

/** dpps, dppd: the products that bits 4-7 of the immediate choose, summed in pairs, into the lanes that bits 0-3 choose. */
const dotProduct = (k: Kind): e.Semantics => (m, dst, src, imm) => {
  const { f } = m, a = f.let(vector(dst)), b = f.let(vector(src)), which = f.let(imm8(imm));
  const mul = laneArithmetic(m, k, "mul"),
    add = laneArithmetic(m, k, "add"),
    flags = f.local("i32"),
    all = f.let(i32(0));
  const products = Array.from({ length: k.lanes }, (_, i) => {
    const p = f.let(lit(k, 0n)) as Local;
    f.if(which.and(16 << i), () => {
      f.do(mul, [laneBits(k, a, i), laneBits(k, b, i)], p, flags);
      f.set(all, all.or(flags));
    });
    return p;
  });
  finish(m, all);
  const sum = (x: Local, y: Local): Local => {
    const r = f.local(k.bits) as Local;
    f.do(add, [x, y], r, flags);
    f.set(all, all.or(flags));
    return r;
  };
  let total = sum(products[0], products[1]);
  if (k.lanes === 4) {
    const second = sum(products[2], products[3]);
    finish(m, all);
    total = sum(total, second);
  }
  finish(m, all);
  const bits = k.size === 8 ? [1, 1, 2, 2] : [1, 2, 4, 8];
  const mask = simd("i32x4.ne", and(splat32(which), dwords((i) => bits[i])), ZERO);
  dst.store("v128.store", and(simd(`${k.vectorBits}.splat`, total), mask));
};
const exact = { traps: true };
// deno-fmt-ignore
const family = (k: Kind): Declaration[] => {
  const name: e.Properties = { feature: k.feature, ...exact };
  const both = (opcode: string, op: Arithmetic): Declaration[] => [
    x86(`${k.scalarPrefix} 0F ${opcode} /r`, op + k.s, [rw(e.xmm), k.operand], scalar(k, op), { ...name, hot: k.size === 8 }),
    x86(`${k.packedPrefix} 0F ${opcode} /r`, op + k.p, [rw(e.xmm), e.xmm_m128], packed(k, op), name),
  ];
  const sse3: e.Properties = { ...exact, feature: "sse3" }, prefix = k.size === 8 ? "66" : "F2";
  return [
    ...both("58", "add"), ...both("5C", "sub"), ...both("59", "mul"), ...both("5E", "div"),
    x86(`${k.scalarPrefix} 0F 51 /r`, `sqrt${k.s}`, [rw(e.xmm), k.operand], scalarSqrt(k), name),
    x86(`${k.packedPrefix} 0F 51 /r`, `sqrt${k.p}`, [w(e.xmm), e.xmm_m128], packedSqrt(k), name),
    x86(`${prefix} 0F 7C /r`, `hadd${k.p}`, [rw(e.xmm), e.xmm_m128], horizontal(k, "add"), sse3),
    x86(`${prefix} 0F 7D /r`, `hsub${k.p}`, [rw(e.xmm), e.xmm_m128], horizontal(k, "sub"), sse3),
    x86(`${prefix} 0F D0 /r`, `addsub${k.p}`, [rw(e.xmm), e.xmm_m128], alternating(k), sse3),
    x86(`66 0F 3A ${k.size === 8 ? 41 : 40} /r ib`, `dp${k.p}`, [rw(e.xmm), e.xmm_m128, e.imm8], dotProduct(k), { ...exact, feature: "sse4.1" }),
  ];
};

export const sseArithmetic: Late<Declaration> = late(() => KINDS.flatMap(family));
