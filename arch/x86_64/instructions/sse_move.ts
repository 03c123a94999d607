/** Moves of SSE, SSE2, SSE3 and their relatives: whole vectors, scalars, halves, non-temporal stores (SDM volume 2). */
import {
  ACCESS,
  type I32,
  type Late,
  late,
  type Load,
  type Machine,
  type Operand,
  replaceLane,
  shuffle,
  simd,
  type Store,
  type V128,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, w, x86 } from "../encoding.ts";
import { RDI } from "../state.ts";
import { vector, ZERO } from "./sse_common.ts";

function move(_m: Machine, dst: Operand, src: Operand): void {
  dst.store("v128.store", vector(src));
}
/** A scalar load clears the rest; between registers it keeps the rest; a store writes the scalar. */
const scalar =
  (zero: Load & `v128.${string}`, load: "i32.load" | "i64.load", store: "i32.store" | "i64.store") =>
  (m: Machine, dst: Operand, src: Operand): void => {
    // A region keeps the float at hand (region/state.ts).
    if (src.place === "mem" && m.inline) dst.store("v128.store", alone(src, store));
    else if (src.place === "mem") dst.store("v128.store", src.load(zero as "v128.load"));
    else dst.store(store as "i64.store", src.load(load as "i64.load"));
  };
const alone = (src: Operand, store: "i32.store" | "i64.store"): V128 =>
  store === "i64.store"
    ? replaceLane("f64x2.replace_lane", ZERO, 0, src.load("f64.load"))
    : replaceLane("f32x4.replace_lane", ZERO, 0, src.load("f32.load"));
const moveSs = scalar("v128.load32_zero", "i32.load", "i32.store");
const moveSd = scalar("v128.load64_zero", "i64.load", "i64.store");
/** movd and movq into a vector, from a general register, a vector or memory alike. */
const zeroExtended = (load: Load & `v128.${string}`) => (_m: Machine, dst: Operand, src: Operand): void =>
  dst.store("v128.store", src.load(load as "v128.load"));
const low32 = (_m: Machine, dst: Operand, src: Operand): void => dst.write(src.load("i32.load") as never);
const low64 = (_m: Machine, dst: Operand, src: Operand): void => dst.write(src.load("i64.load") as never);
/** Half of a vector: which 8 bytes of the destination, from which of the source. */
const half = (to: number, from: number) => (_m: Machine, dst: Operand, src: Operand): void =>
  dst.store("i64.store", src.load("i64.load", from), to);
const store64 = (from: number) => (_m: Machine, dst: Operand, src: Operand): void =>
  dst.store("i64.store" as Store & "i64.store", src.load("i64.load", from));
const duplicate =
  (indices: readonly number[], half = false) => (m: Machine, dst: Operand, src: Operand): void => {
    if (half) return dst.store("v128.store", simd("i64x2.splat", src.load("i64.load")));
    const v = m.f.let(vector(src));
    dst.store("v128.store", shuffle(v, v, indices));
  };
const mask =
  (op: "i8x16.bitmask" | "i32x4.bitmask" | "i64x2.bitmask") =>
  (_m: Machine, dst: Operand, src: Operand): void => {
    const bits: I32 = simd(op, vector(src));
    dst.write(dst.size === 64 ? bits.extendU() as never : bits as never);
  };

const loadLow = half(0, 0), loadHigh = half(8, 0), storeLow = store64(0), storeHigh = store64(8);

/** Bytes whose mask byte has its top bit set go to [rdi]; the others are not written. */
function maskmovdqu(m: Machine, src: Operand, selector: Operand): void {
  const { f } = m, offset = f.let(m.fixed(RDI, 64).read().extendU());
  f.if(m.narrow(), () => f.set(offset, offset.and(0xffffffff)));
  const at = f.let(m.checked(m.segment().add(offset), 16, ACCESS.write));
  const keep = simd("i8x16.lt_s", vector(selector), ZERO);
  m.store("v128.store", at, simd("v128.bitselect", vector(src), m.load("v128.load", at), keep));
}
const lanes4 = (a: number, b: number, c: number, d: number) =>
  [a, b, c, d].flatMap((l) => [0, 1, 2, 3].map((i) => l * 4 + i));
const hot = { hot: true };
const sse = { feature: "sse" }, sse2 = { feature: "sse2" }, sse3 = { feature: "sse3" };

// deno-fmt-ignore
export const sseMoves: Late<Declaration> = late(() => [
  x86("NP 0F 10 /r", "movups", [w(e.xmm), e.xmm_u128], move, { ...sse, ...hot }),
  x86("NP 0F 11 /r", "movups", [w(e.xmm_u128), e.xmm], move, { ...sse, ...hot }),
  x86("66 0F 10 /r", "movupd", [w(e.xmm), e.xmm_u128], move, { ...sse2, key: "movups", ...hot }),
  x86("66 0F 11 /r", "movupd", [w(e.xmm_u128), e.xmm], move, { ...sse2, key: "movups", ...hot }),
  x86("F3 0F 6F /r", "movdqu", [w(e.xmm), e.xmm_u128], move, { ...sse2, key: "movups", ...hot }),
  x86("F3 0F 7F /r", "movdqu", [w(e.xmm_u128), e.xmm], move, { ...sse2, key: "movups", ...hot }),
  x86("F2 0F F0 /r", "lddqu",  [w(e.xmm), e.m128], move, { ...sse3, key: "movups", ...hot }),
  x86("NP 0F 28 /r", "movaps", [w(e.xmm), e.xmm_m128], move, { ...sse, ...hot }),
  x86("NP 0F 29 /r", "movaps", [w(e.xmm_m128), e.xmm], move, { ...sse, ...hot }),
  x86("66 0F 28 /r", "movapd", [w(e.xmm), e.xmm_m128], move, { ...sse2, key: "movaps", ...hot }),
  x86("66 0F 29 /r", "movapd", [w(e.xmm_m128), e.xmm], move, { ...sse2, key: "movaps", ...hot }),
  x86("66 0F 6F /r", "movdqa", [w(e.xmm), e.xmm_m128], move, { ...sse2, key: "movaps", ...hot }),
  x86("66 0F 7F /r", "movdqa", [w(e.xmm_m128), e.xmm], move, { ...sse2, key: "movaps", ...hot }),
  x86("NP 0F 2B /r", "movntps", [w(e.a128), e.xmm], move, { ...sse, key: "movaps", ...hot }),
  x86("66 0F 2B /r", "movntpd", [w(e.a128), e.xmm], move, { ...sse2, key: "movaps", ...hot }),
  x86("66 0F E7 /r", "movntdq", [w(e.a128), e.xmm], move, { ...sse2, key: "movaps", ...hot }),
  x86("66 0F 38 2A /r", "movntdqa", [w(e.xmm), e.a128], move, { feature: "sse4.1", key: "movaps", ...hot }),

  x86("F3 0F 10 /r", "movss", [rw(e.xmm), e.xmm_m32], moveSs, { ...sse, key: "movss load", ...hot }),
  x86("F3 0F 11 /r", "movss", [w(e.xmm_m32), e.xmm], (m, d, s) => d.place === "mem" ? low32(m, d, s) : moveSs(m, d, s), { ...sse, key: "movss store", ...hot }),
  x86("F2 0F 10 /r", "movsd", [rw(e.xmm), e.xmm_m64], moveSd, { ...sse2, key: "movsd load", ...hot }),
  x86("F2 0F 11 /r", "movsd", [w(e.xmm_m64), e.xmm], (m, d, s) => d.place === "mem" ? low64(m, d, s) : moveSd(m, d, s), { ...sse2, key: "movsd store", ...hot }),
  x86("W0 66 0F 6E /r",  "movd", [w(e.xmm), e.rm32], zeroExtended("v128.load32_zero"), { ...sse2, key: "movd to", ...hot }),
  x86("66 REX.W 0F 6E /r", "movq", [w(e.xmm), e.rm64], zeroExtended("v128.load64_zero"), { ...sse2, key: "movq to", ...hot }),
  x86("W0 66 0F 7E /r",  "movd", [w(e.rm32), e.xmm], low32, { ...sse2, key: "movd from", ...hot }),
  x86("66 REX.W 0F 7E /r", "movq", [w(e.rm64), e.xmm], low64, { ...sse2, key: "movq from", ...hot }),
  x86("F3 0F 7E /r", "movq", [w(e.xmm), e.xmm_m64], zeroExtended("v128.load64_zero"), { ...sse2, key: "movq load", ...hot }),
  x86("66 0F D6 /r", "movq", [w(e.xmm_m64), e.xmm],
    (m, d, s) => d.place === "mem" ? low64(m, d, s) : zeroExtended("v128.load64_zero")(m, d, s), { ...sse2, key: "movq store", ...hot }),

  x86("NP 0F 12 /r", "movlps",  [rw(e.xmm), e.m64], loadLow, { ...sse, key: "movlp" }),
  x86("NP 0F 12 /r", "movhlps", [rw(e.xmm), e.xmm_rm], half(0, 8), sse),
  x86("66 0F 12 /r", "movlpd",  [rw(e.xmm), e.m64], loadLow, { ...sse2, key: "movlp" }),
  x86("NP 0F 13 /r", "movlps",  [w(e.m64), e.xmm], storeLow, { ...sse, key: "movlp store" }),
  x86("66 0F 13 /r", "movlpd",  [w(e.m64), e.xmm], storeLow, { ...sse2, key: "movlp store" }),
  x86("NP 0F 16 /r", "movhps",  [rw(e.xmm), e.m64], loadHigh, { ...sse, key: "movhp", ...hot }),
  x86("NP 0F 16 /r", "movlhps", [rw(e.xmm), e.xmm_rm], half(8, 0), sse),
  x86("66 0F 16 /r", "movhpd",  [rw(e.xmm), e.m64], loadHigh, { ...sse2, key: "movhp", ...hot }),
  x86("NP 0F 17 /r", "movhps",  [w(e.m64), e.xmm], storeHigh, { ...sse, key: "movhp store" }),
  x86("66 0F 17 /r", "movhpd",  [w(e.m64), e.xmm], storeHigh, { ...sse2, key: "movhp store" }),
  x86("F2 0F 12 /r", "movddup", [w(e.xmm), e.xmm_m64], duplicate([], true), sse3),
  x86("F3 0F 12 /r", "movsldup", [w(e.xmm), e.xmm_m128], duplicate(lanes4(0, 0, 2, 2)), sse3),
  x86("F3 0F 16 /r", "movshdup", [w(e.xmm), e.xmm_m128], duplicate(lanes4(1, 1, 3, 3)), sse3),

  x86("66 0F D7 /r", "pmovmskb", [w(e.r32), e.xmm_rm], mask("i8x16.bitmask"), { ...sse2, ...hot }),
  x86("NP 0F 50 /r", "movmskps", [w(e.r32), e.xmm_rm], mask("i32x4.bitmask"), sse),
  x86("66 0F 50 /r", "movmskpd", [w(e.r32), e.xmm_rm], mask("i64x2.bitmask"), sse2),
  x86("66 0F F7 /r", "maskmovdqu", [e.xmm, e.xmm_rm], maskmovdqu, { ...sse2, traps: true }),
]);
