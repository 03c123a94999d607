/**
 * Comparisons, minimum and maximum, and the reciprocal estimates: what needs no rounding. Only NaNs (IE) and denormals (DE, or
 * zeros with DAZ) need a second look, so the inline path does not ask MXCSR at all.
 */
// cold: constants of the generated code
import {
  f32,
  f64,
  type Func,
  type FunctionRef,
  type I32,
  i32,
  type Int,
  lane,
  type Late,
  late,
  type Local,
  type Machine,
  type Operand,
  select,
  simd,
  type V128,
  type Value,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, w, x86 } from "../encoding.ts";
import { setImage } from "../flags.ts";
import { CF, PF, ZF } from "../state.ts";
import { and, imm8, ONES, or, vector, xor, ZERO } from "./sse_common.ts";
import {
  allTrue,
  anyTrue,
  asFloat,
  DAZ,
  DE,
  every,
  finish,
  FLOAT32,
  type Kind,
  KINDS,
  laneBits,
  leastNormal,
  loadAlone,
  loadBits,
  mxcsr,
  onVectors,
  op,
  signBit,
  storeBits,
} from "./sse_mxcsr.ts";

const least = (k: Kind): V128 => every(k, leastNormal(k));
const quiet = (k: Kind): V128 => every(k, leastNormal(k) >> 1n);
const sign = (k: Kind): V128 => every(k, signBit(k));
const isNan = (k: Kind, v: V128): V128 => op(k, "ne", v, v);
const isDenormal = (k: Kind, v: V128): V128 =>
  and(op(k, "lt", op(k, "abs", v), least(k)), op(k, "ne", v, ZERO));
/** No lane is a NaN or a denormal. */
function plain(k: Kind, a: V128, b: V128): I32 {
  const good = (v: V128) => or(op(k, "ge", op(k, "abs", v), least(k)), op(k, "eq", v, ZERO));
  return allTrue(k, and(good(a), good(b)));
}

/** (a, b, signalling) -> (a, b, flags): the operands as DAZ wants them. With `signalling`, quiet NaNs are invalid too. */
function special(m: Machine, k: Kind): FunctionRef {
  return m.helper(`sse ${k.vector} operands`, ["v128", "v128", "i32"], ["v128", "v128", "i32"], (h) => {
    const { f } = h, a = f.param(0, "v128"), b = f.param(1, "v128"), signalling = f.param(2, "i32");
    const nan = f.let(or(isNan(k, a), isNan(k, b))), flags = f.local("i32");
    const isSignalling = (v: V128) =>
      simd("v128.andnot", isNan(k, v), simd(`${k.vectorBits}.ne`, and(v, quiet(k)), ZERO));
    f.set(flags, select(signalling, anyTrue(nan), anyTrue(or(isSignalling(a), isSignalling(b)))));
    f.if(mxcsr(h).and(DAZ), () => {
      for (const v of [a, b]) f.set(v, and(v, or(simd("v128.not", isDenormal(k, v)), sign(k))));
    }, () => {
      const denormal = simd("v128.andnot", or(isDenormal(k, a), isDenormal(k, b)), nan);
      f.set(flags, flags.or(select(anyTrue(denormal), i32(DE), 0)));
    });
    f.return(a, b, flags);
  });
}

/** Makes a and b what the operation works on, with their exceptions told. */
function prepare(m: Machine, k: Kind, a: Local<"v128">, b: Local<"v128">, signalling: I32): void {
  const { f } = m;
  f.if(plain(k, a, b).eqz(), () => {
    const flags = f.local("i32");
    f.do(special(m, k), [a, b, signalling], a, b, flags);
    finish(m, flags);
  });
}

type Compare = (a: V128, b: V128, m: Machine) => V128;
/** dst = compute(dst, src) by lanes, or in the lowest lane alone. */
const lanes =
  (k: Kind, scalar: boolean, compute: Compare, signalling: (imm: I32) => I32): e.Semantics =>
  (m, dst, src, imm) => {
    const { f } = m;
    const load = (o: Operand) => scalar ? loadAlone(k, o) : vector(o);
    const a = f.let(load(dst)), b = f.let(load(src)), predicate = imm ? f.let(imm8(imm)) : i32(0);
    prepare(m, k, a, b, signalling(predicate));
    const v = imm ? compare(k, a, b, predicate) : compute(a, b, m);
    if (scalar) storeBits(k, dst, laneBits(k, v, 0));
    else dst.store("v128.store", v);
  };

/** The eight predicates: equal, less, less or equal, unordered, and their opposites. */
function compare(k: Kind, a: V128, b: V128, predicate: I32): V128 {
  const which = predicate.and(3), is = (n: number) => which.eq(n);
  const unordered = or(isNan(k, a), isNan(k, b));
  const v = select(
    is(0),
    op(k, "eq", a, b),
    select(is(1), op(k, "lt", a, b), select(is(2), op(k, "le", a, b), unordered)),
  );
  return xor(v, select(predicate.and(4), ONES, ZERO));
}
/** Less and less-or-equal, and their opposites, do not take quiet NaNs. */
const signallingPredicate = (predicate: I32): I32 => predicate.add(1).and(2);
const always = (): I32 => i32(1);

/** The second operand wins between NaNs and equal numbers (two zeros): WebAssembly's pseudo-minimum, turned round. */
const minimum = (k: Kind): Compare => (a, b) => op(k, "pmin", b, a);
const maximum = (k: Kind): Compare => (a, b) => op(k, "pmax", b, a);

/** comis and ucomis: CF less, ZF equal, all of ZF PF CF unordered. */
const compareFlags = (k: Kind, signalling: boolean): e.Semantics => (m, dst, src) => {
  const { f } = m, a = f.let(loadBits(k, dst)), b = f.let(loadBits(k, src));
  const denormal = (v: Int) => v.shl(1).sub(1).ltU((leastNormal(k) << 1n) - 1n);
  const x = f.let(asFloat(k, a)) as Value<"f64">, y = f.let(asFloat(k, b)) as Value<"f64">;
  const less = f.let(x.lt(y)), equal = f.let(x.eq(y));
  f.if(denormal(a).or(denormal(b)).or(less.or(equal).or(x.gt(y)).eqz()), () => {
    const p = f.let(loadAlone(k, dst)), q = f.let(loadAlone(k, src)), flags = f.local("i32");
    f.do(special(m, k), [p, q, i32(signalling ? 1 : 0)], p, q, flags);
    finish(m, flags);
    const bits = (v: V128, flag: number) => lane("i32x4.extract_lane", v, 0).and(flag);
    const unordered = bits(or(isNan(k, p), isNan(k, q)), CF | ZF | PF);
    setImage(m, f.let(bits(op(k, "lt", p, q), CF).or(bits(op(k, "eq", p, q), ZF)).or(unordered)));
  }, () => setImage(m, f.let(less.or(equal.shl(6)))));
};

// Estimates. The manual asks for 11 bits; these are rounded correctly (rcp) or nearly so, and the same everywhere.
const estimate = (
  name: string,
  compute: (x: Value<"f32">) => Value<"f32">,
  bits: (a: Local<"i32">, give: (v: Value<"i32">) => void, f: Func) => void,
) =>
(m: Machine): FunctionRef =>
  m.helper(name, ["i32"], ["i32", "i32"], ({ f }) => {
    const a = f.param(0, "i32"), give = (v: Value<"i32">) => f.return(v, i32(0));
    const magnitude = f.let(a.and(0x7fffffff));
    f.if(magnitude.gtU(0x7f800000), () => give(a.or(0x400000)));
    f.if(magnitude.ltU(0x800000), () => give(a.and(0x80000000).or(0x7f800000))); // zeros, and denormals as zeros
    bits(a, give, f);
    give(compute(a.to("f32.reinterpret_i32")).to("i32.reinterpret_f32"));
  });
const reciprocal = estimate("sse rcp", (x) => f32(1).div(x), (a, give, f) => {
  f.if(a.and(0x7fffffff).geU(0x7e800000), () => give(a.and(0x80000000))); // tiny results are zeros, infinities too
});
const reciprocalRoot = estimate("sse rsqrt", (x) => {
  return f64(1).div(x.to("f64.promote_f32").sqrt()).to("f32.demote_f64");
}, (a, give, f) => {
  f.if(a.ltS(0), () => give(i32(0xffc00000)));
  f.if(a.eq(0x7f800000), () => give(i32(0)));
});
const estimateScalar = (ref: (m: Machine) => FunctionRef): e.Semantics => (m, dst, src) => {
  const r = m.f.local("i32"), flags = m.f.local("i32");
  m.f.do(ref(m), [loadBits(FLOAT32, src)], r, flags);
  storeBits(FLOAT32, dst, r as Int);
};
const estimateVector = (name: string, ref: (m: Machine) => FunctionRef): e.Semantics => (m, dst, src) => {
  const r = m.f.local("v128"), flags = m.f.local("i32");
  m.f.do(onVectors(m, FLOAT32, name, ref(m)), [vector(src)], r, flags);
  dst.store("v128.store", r);
};

const FLAGS = { writes: "cf pf af zf sf of", manual: "COMISD" };
const family = (k: Kind): Declaration[] => {
  const name: e.Properties = { feature: k.feature, traps: true };
  // deno-fmt-ignore
  const both = (opcode: string, mnemonic: string, compute: Compare): Declaration[] => [
    x86(`${k.scalarPrefix} 0F ${opcode} /r`, mnemonic + k.s, [rw(e.xmm), k.operand], lanes(k, true, compute, always), name),
    x86(`${k.packedPrefix} 0F ${opcode} /r`, mnemonic + k.p, [rw(e.xmm), e.xmm_m128], lanes(k, false, compute, always), name),
  ];
  const none: Compare = (a) => a;
  // deno-fmt-ignore
  return [
    ...both("5D", "min", minimum(k)), ...both("5F", "max", maximum(k)),
    x86(`${k.scalarPrefix} 0F C2 /r ib`, `cmp${k.s}`, [rw(e.xmm), k.operand, e.imm8], lanes(k, true, none, signallingPredicate), { ...name, key: `cmp${k.s}` }),
    x86(`${k.packedPrefix} 0F C2 /r ib`, `cmp${k.p}`, [rw(e.xmm), e.xmm_m128, e.imm8], lanes(k, false, none, signallingPredicate), name),
    x86(`${k.packedPrefix} 0F 2E /r`, `ucomi${k.s}`, [e.xmm, k.operand], compareFlags(k, false), { ...name, ...FLAGS, hot: k.size === 8 }),
    x86(`${k.packedPrefix} 0F 2F /r`, `comi${k.s}`, [e.xmm, k.operand], compareFlags(k, true), { ...name, ...FLAGS, hot: k.size === 8 }),
  ];
};

// deno-fmt-ignore
export const sseCompare: Late<Declaration> = late(() => [
  ...KINDS.flatMap(family),
  x86("F3 0F 53 /r", "rcpss",   [rw(e.xmm), e.xmm_m32], estimateScalar(reciprocal), { feature: "sse" }),
  x86("NP 0F 53 /r", "rcpps",   [w(e.xmm), e.xmm_m128], estimateVector("sse rcp", reciprocal), { feature: "sse" }),
  x86("F3 0F 52 /r", "rsqrtss", [rw(e.xmm), e.xmm_m32], estimateScalar(reciprocalRoot), { feature: "sse" }),
  x86("NP 0F 52 /r", "rsqrtps", [w(e.xmm), e.xmm_m128], estimateVector("sse rsqrt", reciprocalRoot), { feature: "sse" }),
]);
