/** Rearranging lanes: shuffles, inserts, extracts, blends, extensions (SDM volume 2). Lane numbers come from immediates. */
// cold: constants of the generated code
import {
  type I32,
  i32,
  type Int,
  lane,
  type Late,
  late,
  type Machine,
  type Operand,
  replaceLane,
  select,
  shuffle,
  simd,
  type V128,
  v128,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, w, x86 } from "../encoding.ts";
import { STATE } from "../state.ts";
import {
  and,
  binary,
  bytes,
  dwords,
  imm8,
  IOTA,
  known,
  laneIndices,
  laneMask,
  or,
  pick,
  splat16,
  splat32,
  splat64,
  splat8,
  swizzle,
  ternary,
  vector,
  type VectorOp,
  words,
  writeLow,
  ZERO,
} from "./sse_common.ts";

/** Four two-bit lane numbers as byte indices of 32-bit lanes. Multiplying shifts each lane by its own count. */
function indices4(imm: I32, m: Machine): V128 {
  const at = simd("i32x4.mul", splat32(imm), dwords((i) => 0x40 >> 2 * i));
  const four = m.f.let(simd("i32x4.shr_u", and(at, dwords(() => 0xc0)), i32(4))); // lane number * 4
  return simd(
    "i8x16.add",
    shuffle(four, four, [0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12]),
    bytes((i) => i & 3),
  );
}
const constant4 = (k: number) => Array.from({ length: 16 }, (_, i) => (k >> 2 * (i >> 2) & 3) * 4 + (i & 3));

function pshufd(m: Machine, dst: Operand, src: Operand, imm: Operand): void {
  const a = m.f.let(vector(src)), k = known(imm);
  dst.store("v128.store", k === undefined ? swizzle(a, indices4(imm8(imm), m)) : shuffle(a, a, constant4(k)));
}
const shufps = ternary((a, b, imm, k, m) => {
  const halves = [0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31];
  if (k !== undefined) return shuffle(a, b, constant4(k).map((x, i) => i < 8 ? x : x + 16));
  const at = m.f.let(indices4(imm, m));
  return shuffle(swizzle(a, at), swizzle(b, at), halves);
});
const shufpd = ternary((a, b, imm) => {
  const half = (v: V128, bit: number) =>
    select(imm.and(bit), lane("i64x2.extract_lane", v, 1), lane("i64x2.extract_lane", v, 0));
  return replaceLane("i64x2.replace_lane", splat64(half(a, 1)), 1, half(b, 2));
});
/** pshuflw and pshufhw: four words of one half, the other stays. */
const shuffleWords = (high: boolean) => (_m: Machine, dst: Operand, src: Operand, imm: Operand): void => {
  const first = high ? 4 : 0, mine = (i: number) => i >= first && i < first + 4;
  const at = simd("i16x8.mul", splat16(imm8(imm)), words((i) => mine(i) ? 0x40 >> 2 * (i - first) : 0));
  const number = simd("i16x8.shr_u", and(at, words(() => 0xc0)), i32(6));
  const pairs = simd("i16x8.mul", number, words(() => 0x0202));
  const indices = simd("i16x8.add", pairs, words((i) => 0x0100 + 0x0202 * (mine(i) ? first : i)));
  dst.store("v128.store", swizzle(vector(src), indices));
};
/** An index with its top bit set gives zero, else its low four bits count. */
const pshufb = binary((a, b) => swizzle(a, and(b, bytes(() => 0x8f))));
const palignr = ternary((a, b, imm, k, m) => {
  if (k !== undefined && k <= 16) return shuffle(b, a, Array.from({ length: 16 }, (_, i) => i + k));
  const at = m.f.let(simd("i8x16.add_sat_u", IOTA, splat8(imm)));
  return or(swizzle(b, at), swizzle(a, simd("i8x16.sub", at, bytes(() => 16))));
});

// Single lanes.
type Size = 1 | 2 | 4 | 8;
const laneNumber = (size: Size, imm: Operand): I32 => imm8(imm).and(16 / size - 1);
const splat = (size: Size, v: Int): V128 =>
  size === 8 ? splat64(v as never) : ({ 1: splat8, 2: splat16, 4: splat32 })[size](v as I32);
const insert = (size: Size) => (m: Machine, dst: Operand, src: Operand, imm: Operand): void => {
  const n = m.f.let(laneNumber(size, imm));
  dst.store("v128.store", pick(laneMask(size, n), splat(size, src.read()), vector(dst)));
};
const extract = (size: Size) => (m: Machine, dst: Operand, src: Operand, imm: Operand): void => {
  const n = m.f.let(laneNumber(size, imm)), v = swizzle(vector(src), laneIndices(size, n));
  if (size === 8) return dst.write(lane("i64x2.extract_lane", v, 0) as Int);
  const bits = size === 1
    ? lane("i8x16.extract_lane_u", v, 0)
    : size === 2
    ? lane("i16x8.extract_lane_u", v, 0)
    : lane("i32x4.extract_lane", v, 0);
  if (dst.place === "mem") dst.write(bits as Int);
  else writeLow(dst, bits);
};
function insertps(m: Machine, dst: Operand, src: Operand, imm: Operand): void {
  const i = m.f.let(imm8(imm));
  const from = src.place === "mem"
    ? splat32(src.load("i32.load"))
    : swizzle(vector(src), laneIndices(4, i.shrU(6)));
  const v = pick(laneMask(4, m.f.let(i.shrU(4).and(3))), from, vector(dst));
  dst.store("v128.store", simd("v128.andnot", v, bitMask("i32x4", i)));
}

// Blends.
/** All ones in the lanes whose bit of `v` is set. */
function bitMask(type: "i16x8" | "i32x4", v: I32): V128 {
  const bits = type === "i16x8" ? words((i) => 1 << i) : dwords((i) => 1 << i);
  return simd(`${type}.ne`, and(simd(`${type}.splat`, v), bits), ZERO);
}
const blendps = ternary((a, b, imm) => pick(bitMask("i32x4", imm), b, a));
const pblendw = ternary((a, b, imm) => pick(bitMask("i16x8", imm), b, a));
const blendpd = ternary((a, b, imm) => {
  const mask = simd("i64x2.ne", and(splat64(imm.extendU()), v128(1n | 2n << 64n)), ZERO);
  return pick(mask, b, a);
});
/** By the sign of each lane of xmm0. */
const blendBySign = (type: "i8x16" | "i32x4" | "i64x2") =>
  binary((a, b, m) => pick(simd(`${type}.lt_s` as VectorOp, m.state("v128.load", STATE.xmm), ZERO), b, a));

/** pmovsx and pmovzx: lanes of `from` bytes at the start become lanes of `to` bytes. */
const extend =
  (from: 1 | 2 | 4, to: 2 | 4 | 8, sign: "s" | "u") => (_m: Machine, dst: Operand, src: Operand): void => {
    const size = 16 * from / to;
    let v = size === 8
      ? src.load("v128.load64_zero")
      : size === 4
      ? src.load("v128.load32_zero")
      : splat16(src.load("i32.load16_u"));
    for (let s: number = from; s < to; s *= 2) {
      v = simd(`i${s * 16}x${8 / s}.extend_low_i${s * 8}x${16 / s}_${sign}` as VectorOp, v);
    }
    dst.store("v128.store", v);
  };

const r32_m8: e.OperandKind = { ...e.rm8, name: "r32/m8", registerSize: 32 };
const r32_m16: e.OperandKind = { ...e.rm16, name: "r32/m16", registerSize: 32 };
const sse = { feature: "sse" },
  sse2 = { feature: "sse2" },
  ssse3 = { feature: "ssse3" },
  sse41 = { feature: "sse4.1" };
const hot = { hot: true };
const extensions = (mnemonic: string, base: number, sign: "s" | "u"): Declaration[] =>
  ([["bw", 1, 2], ["bd", 1, 4], ["bq", 1, 8], ["wd", 2, 4], ["wq", 2, 8], ["dq", 4, 8]] as const).map(
    ([name, from, to], i) => {
      const source = to / from === 2 ? e.xmm_m64 : to / from === 4 ? e.xmm_m32 : e.xmm_m16;
      return x86(
        `66 0F 38 ${(base + i).toString(16).toUpperCase()} /r`,
        mnemonic + name,
        [w(e.xmm), source],
        extend(from, to, sign),
        sse41,
      );
    },
  );

// deno-fmt-ignore
export const sseShuffles: Late<Declaration> = late(() => [
  x86("66 0F 70 /r ib", "pshufd",  [w(e.xmm), e.xmm_m128, e.imm8], pshufd, { ...sse2, ...hot }),
  x86("F2 0F 70 /r ib", "pshuflw", [w(e.xmm), e.xmm_m128, e.imm8], shuffleWords(false), sse2),
  x86("F3 0F 70 /r ib", "pshufhw", [w(e.xmm), e.xmm_m128, e.imm8], shuffleWords(true), sse2),
  x86("NP 0F C6 /r ib", "shufps",  [rw(e.xmm), e.xmm_m128, e.imm8], shufps, sse),
  x86("66 0F C6 /r ib", "shufpd",  [rw(e.xmm), e.xmm_m128, e.imm8], shufpd, sse2),
  x86("66 0F 38 00 /r", "pshufb",  [rw(e.xmm), e.xmm_m128], pshufb, { ...ssse3, ...hot }),
  x86("66 0F 3A 0F /r ib", "palignr", [rw(e.xmm), e.xmm_m128, e.imm8], palignr, { ...ssse3, ...hot }),

  x86("66 0F C4 /r ib",    "pinsrw", [rw(e.xmm), r32_m16, e.imm8], insert(2), sse2),
  x86("66 0F 3A 20 /r ib", "pinsrb", [rw(e.xmm), r32_m8, e.imm8], insert(1), sse41),
  x86("66 W0 0F 3A 22 /r ib", "pinsrd", [rw(e.xmm), e.rm32, e.imm8], insert(4), sse41),
  x86("66 REX.W 0F 3A 22 /r ib", "pinsrq", [rw(e.xmm), e.rm64, e.imm8], insert(8), sse41),
  x86("66 0F 3A 21 /r ib", "insertps", [rw(e.xmm), e.xmm_m32, e.imm8], insertps, sse41),
  x86("66 0F C5 /r ib",    "pextrw", [w(e.r32), e.xmm_rm, e.imm8], extract(2), sse2),
  x86("66 0F 3A 14 /r ib", "pextrb", [w(r32_m8), e.xmm, e.imm8], extract(1), sse41),
  x86("66 0F 3A 15 /r ib", "pextrw", [w(r32_m16), e.xmm, e.imm8], extract(2), { ...sse41, key: "pextrw rm", alias: true }),
  x86("66 W0 0F 3A 16 /r ib", "pextrd", [w(e.rm32), e.xmm, e.imm8], extract(4), sse41),
  x86("66 REX.W 0F 3A 16 /r ib", "pextrq", [w(e.rm64), e.xmm, e.imm8], extract(8), sse41),
  x86("66 0F 3A 17 /r ib", "extractps", [w(e.rm32), e.xmm, e.imm8], extract(4), { ...sse41, key: "extractps" }),

  x86("66 0F 3A 0C /r ib", "blendps", [rw(e.xmm), e.xmm_m128, e.imm8], blendps, sse41),
  x86("66 0F 3A 0D /r ib", "blendpd", [rw(e.xmm), e.xmm_m128, e.imm8], blendpd, sse41),
  x86("66 0F 3A 0E /r ib", "pblendw", [rw(e.xmm), e.xmm_m128, e.imm8], pblendw, sse41),
  x86("66 0F 38 10 /r", "pblendvb", [rw(e.xmm), e.xmm_m128, e.fixed("xmm0")], blendBySign("i8x16"), sse41),
  x86("66 0F 38 14 /r", "blendvps", [rw(e.xmm), e.xmm_m128, e.fixed("xmm0")], blendBySign("i32x4"), sse41),
  x86("66 0F 38 15 /r", "blendvpd", [rw(e.xmm), e.xmm_m128, e.fixed("xmm0")], blendBySign("i64x2"), sse41),
  ...extensions("pmovsx", 0x20, "s"),
  ...extensions("pmovzx", 0x30, "u"),
]);
