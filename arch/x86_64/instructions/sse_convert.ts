/**
 * Conversions between integers, f32 and f64, and rounding to integral values. Scalars and vectors share functions on lanes;
 * these try the machine's own conversion first and ask whether it was exact, which needs no look at MXCSR.
 */
import {
  f32,
  f64,
  floatFromInteger,
  floatRoundToIntegral,
  floatToFloat,
  floatToInteger,
  type Func,
  type FunctionRef,
  type I32,
  i32,
  type I64,
  type Int,
  lane,
  type Late,
  late,
  type Local,
  type Machine,
  type Operand,
  replaceLane,
  select,
  simd,
  type V128,
  type Value,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, w, x86 } from "../encoding.ts";
import { imm8, vector, ZERO } from "./sse_common.ts";
import {
  asBits,
  asFloat,
  finish,
  type Float,
  FLOAT32,
  FLOAT64,
  inRange,
  type Kind,
  KINDS,
  laneBits,
  loadBits,
  mxcsr,
  PE,
  quick,
  storeBits,
  withLane,
} from "./sse_mxcsr.ts";

const modeOf = (ctl: I32): I32 => ctl.shrU(13).and(3);
type Mode = "current" | "truncate";

// To integers.
const power = (k: Kind, n: number) => (k.size === 8 ? f64(2 ** n) : f32(2 ** n)) as Value<"f64">;
/** x as an integer in its own type, the result, and whether it fits and nothing was lost. */
function tryInteger(
  k: Kind,
  bits: 32 | 64,
  mode: Mode,
  f: Func,
  a: Int,
): { result: Local; fits: I32; exact: I32 } {
  const x = f.let(asFloat(k, a)) as Value<"f64">,
    rounded = f.let(mode === "truncate" ? x.trunc() : x.nearest());
  const result = f.let(
    (rounded as Value<"f64">).to(`i${bits}.trunc_sat_${k.float}_s` as "i64.trunc_sat_f64_s"),
  ) as Local;
  return { result, fits: rounded.abs().lt(power(k, bits - 1)), exact: rounded.eq(x) };
}
/** (float) -> (i32 or i64, flags). */
function laneToInteger(m: Machine, k: Kind, bits: 32 | 64, mode: Mode): FunctionRef {
  const soft = floatToInteger(m, k.format, bits), T = bits === 32 ? "i32" : "i64";
  return m.helper(`sse ${k.float} to i${bits} ${mode}`, [k.bits], [T, "i32"], (h) => {
    const { f } = h, a = f.param(0, k.bits), r = f.local("i64"), flags = f.local("i32");
    const { result, fits, exact } = tryInteger(k, bits, mode, f, a as Int);
    f.if(fits.and(exact), () => f.return(result, i32(0)));
    const ctl = f.let(mxcsr(h));
    f.do(soft, [a, ctl, mode === "truncate" ? i32(3) : modeOf(ctl)], r, flags);
    f.return(bits === 32 ? r.wrap() : r, flags);
  });
}
const toInteger = (k: Kind, bits: 32 | 64, mode: Mode): e.Semantics => (m, dst, src) => {
  const { f } = m, a = f.let(loadBits(k, src)), { result, fits, exact } = tryInteger(k, bits, mode, f, a);
  f.if(fits.and(exact.or(quick(m))), () => dst.write(result as Int), () => {
    const r = f.local(bits === 32 ? "i32" : "i64"), flags = f.local("i32");
    f.do(laneToInteger(m, k, bits, mode), [a], r, flags);
    finish(m, flags);
    dst.write(r as Int);
  });
};

// From integers.
function laneFromInteger(m: Machine, k: Kind): FunctionRef {
  const soft = floatFromInteger(m, k.format);
  return m.helper(`sse i64 to ${k.float}`, ["i64"], [k.bits, "i32"], (h) => {
    const { f } = h, r = f.local(k.bits), flags = f.local("i32");
    f.do(soft, [f.param(0, "i64"), mxcsr(h)], r, flags);
    f.return(r, flags);
  });
}
/** cvtsi2sd of 32 bits is always exact. */
const fromInteger = (k: Kind, bits: 32 | 64): e.Semantics => (m, dst, src) => {
  const { f } = m, v = f.let(src.read()), store = `${k.float}.store` as "f64.store";
  const converted = (v as Value<"i64">).to(`${k.float}.convert_i${bits}_s` as "f64.convert_i64_s");
  if (k.size === 8 && bits === 32) return dst.store(store, converted);
  const most = 2 ** (k.format.fraction + 1), small = v.add(most).ltU(2 * most);
  f.if(small.or(quick(m)), () => dst.store(store, converted), () => {
    const r = f.local(k.bits), flags = f.local("i32");
    f.do(laneFromInteger(m, k), [v.extendS()], r, flags);
    finish(m, flags);
    storeBits(k, dst, r as Int);
  });
};

// Between formats.
function laneToFloat(m: Machine, from: Kind, to: Kind): FunctionRef {
  const soft = floatToFloat(m, from.format, to.format);
  return m.helper(`sse ${from.float} to ${to.float}`, [from.bits], [to.bits, "i32"], (h) => {
    const { f } = h, a = f.param(0, from.bits), r = f.local(to.bits), flags = f.local("i32");
    const { result, exact } = tryFloat(from, f, a as Int);
    f.if(exact, () => f.return(asBits(to, result), i32(0)));
    f.do(soft, [a, mxcsr(h)], r, flags);
    f.return(r, flags);
  });
}
/** Exponents of f64 that are normal in f32, whatever is lost. */
const NARROW = [0x3ff - 125, 0x3ff + 126] as const;
/** The machine's result; exact: a normal number, or (widening) a zero, that came through unchanged. */
function tryFloat(from: Kind, f: Func, a: Int): { result: Float; exact: I32 } {
  const x = f.let(asFloat(from, a)) as Value<"f64">;
  if (from.size === 4) {
    const wide = (x as unknown as Value<"f32">).to("f64.promote_f32");
    return { result: wide, exact: x.abs().ge(2 ** -126).or(x.eq(0)) };
  }
  const result = f.let(x.to("f32.demote_f64"));
  return { result, exact: inRange(from, a, NARROW).and(result.to("f64.promote_f32").eq(x)) };
}
const convertScalar = (from: Kind, to: Kind): e.Semantics => (m, dst, src) => {
  const { f } = m, a = f.let(loadBits(from, src)), { result, exact } = tryFloat(from, f, a);
  f.if(
    from.size === 4 ? exact : inRange(from, a, NARROW).and(exact.or(quick(m))),
    () => dst.store(`${to.float}.store` as "f64.store", result as Value<"f64">),
    () => {
      const r = f.local(to.bits), flags = f.local("i32");
      f.do(laneToFloat(m, from, to), [a], r, flags);
      finish(m, flags);
      storeBits(to, dst, r as Int);
    },
  );
};

// Vectors: `count` lanes of one kind become lanes of another, the rest zero.
type Lane = {
  readonly take: (v: V128, i: number) => Value;
  readonly put: (v: V128, i: number, x: Value) => V128;
  readonly type: "i32" | "i64";
};
const float = (k: Kind): Lane => ({
  take: (v, i) => laneBits(k, v, i),
  put: (v, i, x) => withLane(k, v, i, x as Int),
  type: k.bits,
});
const dword: Lane = {
  take: (v, i) => lane("i32x4.extract_lane", v, i).extendS(),
  put: (v, i, x) => replaceLane("i32x4.replace_lane", v, i, x as I32),
  type: "i32",
};
const convertVector = (
  name: string,
  from: Lane,
  to: Lane,
  count: 2 | 4,
  ref: (m: Machine) => FunctionRef,
  half: boolean,
): e.Semantics =>
(m, dst, src) => {
  const { f } = m;
  const all = m.helper(name, ["v128"], ["v128", "i32"], ({ f }) => {
    const result = f.let(ZERO), r = f.local(to.type), flags = f.local("i32"), some = f.let(i32(0));
    for (let i = 0; i < count; i++) {
      f.do(ref(m), [from.take(f.param(0, "v128"), i)], r, flags);
      f.set(some, some.or(flags));
      f.set(result, to.put(result, i, r));
    }
    f.return(result, some);
  });
  const v = f.local("v128"), flags = f.local("i32");
  f.do(all, [half ? src.load("v128.load64_zero") : vector(src)], v, flags);
  finish(m, flags);
  dst.store("v128.store", v);
};
const dwordsToDoubles = (_m: Machine, dst: Operand, src: Operand): void =>
  dst.store("v128.store", simd("f64x2.convert_low_i32x4_s", src.load("v128.load64_zero")));

// Rounding to integral values. Bits of the immediate: 0-1 mode, 2 MXCSR's mode, 3 PE is not told.
function laneRound(m: Machine, k: Kind): FunctionRef {
  const soft = floatRoundToIntegral(m, k.format);
  return m.helper(`sse ${k.float} round`, [k.bits, "i32"], [k.bits, "i32"], (h) => {
    const { f } = h, a = f.param(0, k.bits), imm = f.param(1, "i32"), ctl = f.let(mxcsr(h));
    const mode = f.let(select(imm.and(4), modeOf(ctl), imm.and(3))),
      result = f.local(k.bits),
      flags = f.local("i32");
    const x = f.let(asFloat(k, a as Int)) as Value<"f64">;
    f.if(inRange(k, a as Int, [1, k.format.maxExp - 1]), () => {
      const r = f.local(k.float) as Local<"f64">;
      f.switch(
        mode,
        [() => f.set(r, x.nearest()), () => f.set(r, x.floor()), () => f.set(r, x.ceil())],
        () => f.set(r, x.trunc()),
      );
      f.set(result as Local<"i64">, asBits(k, r) as I64);
      f.set(flags, r.ne(x).mul(PE));
    }, () => f.do(soft, [a, ctl, mode], result, flags));
    f.return(result, flags.and(select(imm.and(8), i32(~PE), i32(-1))));
  });
}
const roundScalar = (k: Kind): e.Semantics => (m, dst, src, imm) => {
  const { f } = m, r = f.local(k.bits), flags = f.local("i32");
  f.do(laneRound(m, k), [loadBits(k, src), imm8(imm)], r, flags);
  finish(m, flags);
  storeBits(k, dst, r as Int);
};
const roundVector = (k: Kind): e.Semantics => (m, dst, src, imm) => {
  const { f } = m,
    a = f.let(vector(src)),
    v = f.let(a),
    how = f.let(imm8(imm)),
    r = f.local(k.bits),
    flags = f.local("i32"),
    all = f.let(i32(0));
  for (let i = 0; i < k.lanes; i++) {
    f.do(laneRound(m, k), [laneBits(k, a, i), how], r, flags);
    f.set(all, all.or(flags));
    f.set(v, withLane(k, v, i, r as Int));
  }
  finish(m, all);
  dst.store("v128.store", v);
};

const traps = { traps: true };
const sse2 = { feature: "sse2", ...traps };
const family = (k: Kind): Declaration[] => {
  const p: e.Properties = { feature: k.feature, ...traps }, prefix = k.scalarPrefix, hot = k.size === 8;
  const key = (text: string): e.Properties => ({ ...p, key: text });
  // deno-fmt-ignore
  return [
    x86(`W0 ${prefix} 0F 2A /r`,    `cvtsi2${k.s}`, [rw(e.xmm), e.rm32], fromInteger(k, 32), { ...p, hot }),
    x86(`${prefix} REX.W 0F 2A /r`, `cvtsi2${k.s}`, [rw(e.xmm), e.rm64], fromInteger(k, 64), { ...p, hot }),
    x86(`W0 ${prefix} 0F 2C /r`,    `cvtt${k.s}2si`, [w(e.r32), k.operand], toInteger(k, 32, "truncate"), { ...p, hot }),
    x86(`${prefix} REX.W 0F 2C /r`, `cvtt${k.s}2si`, [w(e.r64), k.operand], toInteger(k, 64, "truncate"), { ...p, hot }),
    x86(`W0 ${prefix} 0F 2D /r`,    `cvt${k.s}2si`, [w(e.r32), k.operand], toInteger(k, 32, "current"), p),
    x86(`${prefix} REX.W 0F 2D /r`, `cvt${k.s}2si`, [w(e.r64), k.operand], toInteger(k, 64, "current"), p),
    x86(`66 0F 3A ${k.size === 8 ? "0B" : "0A"} /r ib`, `round${k.s}`, [rw(e.xmm), k.operand, e.imm8], roundScalar(k), { ...key(`round${k.s}`), feature: "sse4.1" }),
    x86(`66 0F 3A ${k.size === 8 ? "09" : "08"} /r ib`, `round${k.p}`, [w(e.xmm), e.xmm_m128, e.imm8], roundVector(k), { ...p, feature: "sse4.1" }),
  ];
};
const S = FLOAT32, D = FLOAT64;

// deno-fmt-ignore
export const sseConvert: Late<Declaration> = late(() => [
  ...KINDS.flatMap(family),
  x86("F3 0F 5A /r", "cvtss2sd", [rw(e.xmm), e.xmm_m32], convertScalar(S, D), sse2),
  x86("F2 0F 5A /r", "cvtsd2ss", [rw(e.xmm), e.xmm_m64], convertScalar(D, S), sse2),
  x86("NP 0F 5A /r", "cvtps2pd", [w(e.xmm), e.xmm_m64], convertVector("cvtps2pd", float(S), float(D), 2, (m) => laneToFloat(m, S, D), true), sse2),
  x86("66 0F 5A /r", "cvtpd2ps", [w(e.xmm), e.xmm_m128], convertVector("cvtpd2ps", float(D), float(S), 2, (m) => laneToFloat(m, D, S), false), sse2),
  x86("NP 0F 5B /r", "cvtdq2ps", [w(e.xmm), e.xmm_m128], convertVector("cvtdq2ps", dword, float(S), 4, (m) => laneFromInteger(m, S), false), sse2),
  x86("F3 0F E6 /r", "cvtdq2pd", [w(e.xmm), e.xmm_m64], dwordsToDoubles, { feature: "sse2" }),
  x86("66 0F 5B /r", "cvtps2dq",  [w(e.xmm), e.xmm_m128], convertVector("cvtps2dq", float(S), dword, 4, (m) => laneToInteger(m, S, 32, "current"), false), sse2),
  x86("F3 0F 5B /r", "cvttps2dq", [w(e.xmm), e.xmm_m128], convertVector("cvttps2dq", float(S), dword, 4, (m) => laneToInteger(m, S, 32, "truncate"), false), sse2),
  x86("F2 0F E6 /r", "cvtpd2dq",  [w(e.xmm), e.xmm_m128], convertVector("cvtpd2dq", float(D), dword, 2, (m) => laneToInteger(m, D, 32, "current"), false), sse2),
  x86("66 0F E6 /r", "cvttpd2dq", [w(e.xmm), e.xmm_m128], convertVector("cvttpd2dq", float(D), dword, 2, (m) => laneToInteger(m, D, 32, "truncate"), false), sse2),
]);
