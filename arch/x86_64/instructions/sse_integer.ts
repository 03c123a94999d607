/** Integer vector arithmetic, logic, comparisons and shifts of SSE2 to SSE4.2 (SDM volume 2). */
import {
  type I32,
  i32,
  i64,
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
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, w, x86 } from "../encoding.ts";
import { setImage } from "../flags.ts";
import { CF, ZF } from "../state.ts";
import {
  and,
  below,
  binary,
  bytes,
  type Compute,
  everySecond,
  imm8,
  known,
  laneIndices,
  or,
  splat16,
  splat8,
  swizzle,
  ternary,
  unary,
  unpack,
  vector,
  type VectorOp,
  words,
  xor,
  ZERO,
} from "./sse_common.ts";

// Multiplication.
const highWords = (sign: "s" | "u"): Compute => (a, b) =>
  everySecond(
    simd(`i32x4.extmul_low_i16x8_${sign}`, a, b),
    simd(`i32x4.extmul_high_i16x8_${sign}`, a, b),
    2,
    true,
  );
const evenDwords = (sign: "s" | "u"): Compute => (a, b) => {
  const even = [0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11];
  return simd(`i64x2.extmul_low_i32x4_${sign}`, shuffle(a, a, even), shuffle(b, b, even));
};
const least = words(() => 0x8000);
/** WebAssembly saturates -1 * -1, SSSE3 wraps. */
const roundedHigh: Compute = (a, b) =>
  xor(simd("i16x8.q15mulr_sat_s", a, b), and(simd("i16x8.eq", a, least), simd("i16x8.eq", b, least)));
/** Unsigned bytes of a times signed bytes of b, neighbours added with saturation. */
const mixedPairs: Compute = (a, b) => {
  const even = simd(
    "i16x8.mul",
    and(a, words(() => 255)),
    simd("i16x8.shr_s", simd("i16x8.shl", b, i32(8)), i32(8)),
  );
  const odd = simd("i16x8.mul", simd("i16x8.shr_u", a, i32(8)), simd("i16x8.shr_s", b, i32(8)));
  return simd("i16x8.add_sat_s", even, odd);
};

// Sums and differences.
const distance = (a: V128, b: V128): V128 => or(simd("i8x16.sub_sat_u", a, b), simd("i8x16.sub_sat_u", b, a));
const sumOfDistances: Compute = (a, b, m) => {
  // Pairs, fours (none has a sign), and then their sum in the upper half: no constants, which V8 builds anew each time.
  const two = simd("i16x8.extadd_pairwise_i8x16_u", distance(a, b));
  const four = m.f.let(simd("i32x4.extadd_pairwise_i16x8_s", two));
  return simd("i64x2.shr_u", simd("i32x4.add", four, simd("i64x2.shl", four, i32(32))), i32(32));
};
const pairs = (size: 2 | 4, op: VectorOp): Compute => (a, b) =>
  simd(op, everySecond(a, b, size, false), everySecond(a, b, size, true));
/** The negative of a where b is negative, 0 where b is 0. */
const withSign = (type: "i8x16" | "i16x8" | "i32x4"): Compute => (a, b, m) => {
  const negative = m.f.let(simd(`${type}.lt_s`, b, ZERO));
  const v = simd(`${type}.sub`, xor(a, negative), negative);
  return simd("v128.andnot", v, simd(`${type}.eq`, b, ZERO));
};
/** Eight sums of four distances: bytes of a at a sliding place, a fixed block of b. */
const slidingDistances = ternary((a, b, imm, _known, m) => {
  const from = m.f.let(imm.and(4)), block = m.f.let(imm.and(3).shl(2));
  const window = m.f.let(swizzle(a, simd("i8x16.add", bytes((i) => i), splat8(from))));
  let sum: V128 | undefined;
  for (let j = 0; j < 4; j++) {
    const x = swizzle(window, bytes((i) => i & 1 ? 255 : (i >> 1) + j));
    const y = swizzle(b, laneIndices(1, block.add(j)));
    const d = simd("i16x8.abs", simd("i16x8.sub", x, and(y, words(() => 255))));
    sum = sum ? simd("i16x8.add", sum, d) : d;
  }
  return sum!;
});
/** The least of eight unsigned words and its place. */
const leastWord = unary((a, m) => {
  const { f } = m, best = f.let(lane("i16x8.extract_lane_u", a, 0)), at = f.let(i32(0));
  for (let i = 1; i < 8; i++) {
    const next = f.let(lane("i16x8.extract_lane_u", a, i));
    const less = f.let(next.ltU(best));
    f.set(at, select(less, i32(i), at));
    f.set(best, select(less, next, best));
  }
  return replaceLane("i32x4.replace_lane", ZERO, 0, best.or(at.shl(16)));
});

// Comparisons and logic.
const unsignedDwords = (op: "min" | "max"): VectorOp => `i32x4.${op}_u`;
const andNot: Compute = (a, b) => simd("v128.andnot", b, a);
function test(m: Machine, dst: Operand, src: Operand): void {
  const a = m.f.let(vector(dst)), b = m.f.let(vector(src));
  const none = (v: V128) => simd("v128.any_true", v).eqz();
  setImage(m, select(none(and(a, b)), i32(ZF), 0).or(select(none(simd("v128.andnot", b, a)), i32(CF), 0)));
}

// Shifts. Counts beyond the lane give zeros, or signs.
type Lanes = "i16x8" | "i32x4" | "i64x2";
const BITS = { i16x8: 16, i32x4: 32, i64x2: 64 };
const shift = (
  type: Lanes,
  kind: "shl" | "shr_u" | "shr_s",
  a: V128,
  count: ReturnType<typeof i64>,
): V128 => {
  const bits = BITS[type], op = `${type}.${kind}` as VectorOp;
  if (kind === "shr_s") return simd(op, a, select(count.ltU(bits), count, i64(bits - 1)).wrap());
  return below(count, bits, simd(op, a, count.wrap()));
};
/** The count is the low 64 bits of a vector. */
const shiftBy =
  (type: Lanes, kind: "shl" | "shr_u" | "shr_s") => (m: Machine, dst: Operand, src: Operand): void => {
    const count = m.f.let(src.load("i64.load"));
    dst.store("v128.store", shift(type, kind, vector(dst), count));
  };
const shiftImm =
  (type: Lanes, kind: "shl" | "shr_u" | "shr_s") => (m: Machine, dst: Operand, imm: Operand): void => {
    const k = known(imm), bits = BITS[type];
    if (k !== undefined && k < bits) {
      return dst.store("v128.store", simd(`${type}.${kind}` as VectorOp, vector(dst), i32(k)));
    }
    dst.store("v128.store", shift(type, kind, vector(dst), m.f.let(imm8(imm).extendU())));
  };
const shiftBytes = (left: boolean) => (m: Machine, dst: Operand, imm: Operand): void => {
  const count = m.f.let(imm8(imm)), iota = bytes((i) => i);
  const clamped: I32 = select(count.ltU(16), count, 16);
  const indices = left ? simd("i8x16.sub", iota, splat8(clamped)) : simd("i8x16.add", iota, splat8(clamped));
  dst.store("v128.store", swizzle(vector(dst), indices));
};
void splat16;

const sse2 = { feature: "sse2" },
  ssse3 = { feature: "ssse3" },
  sse41 = { feature: "sse4.1" },
  sse42 = { feature: "sse4.2" };
const hot = { hot: true };

/** An operation on two vectors of the 0F map. `kind` is WebAssembly's name of it, or what it computes. */
const two = (
  opcode: string,
  mnemonic: string,
  kind: VectorOp | Compute,
  more: e.Properties = {},
): Declaration =>
  x86(`66 0F ${opcode} /r`, mnemonic, [rw(e.xmm), e.xmm_m128], binary(kind), { ...sse2, ...more });
const two38 = (opcode: string, mnemonic: string, kind: VectorOp | Compute, more: e.Properties): Declaration =>
  x86(`66 0F 38 ${opcode} /r`, mnemonic, [rw(e.xmm), e.xmm_m128], binary(kind), more);
const shifts = (
  mnemonic: string,
  opcode: string,
  group: string,
  type: Lanes,
  kind: "shl" | "shr_u" | "shr_s",
): Declaration[] => [
  x86(`66 0F ${opcode} /r`, mnemonic, [rw(e.xmm), e.xmm_m128], shiftBy(type, kind), sse2),
  x86(`66 0F ${group} ib`, mnemonic, [rw(e.xmm_rm), e.imm8], shiftImm(type, kind), sse2),
];
const logic = {
  and: binary("v128.and"),
  andn: binary(andNot),
  or: binary("v128.or"),
  xor: binary("v128.xor"),
};
/** The same bits for integers, f32 and f64. */
const three = (integer: string, float: string, name: keyof typeof logic, mnemonic: string): Declaration[] => [
  x86(`66 0F ${integer} /r`, mnemonic, [rw(e.xmm), e.xmm_m128], logic[name], { ...sse2, ...hot }),
  x86(`NP 0F ${float} /r`, `${name}ps`, [rw(e.xmm), e.xmm_m128], logic[name], {
    feature: "sse",
    key: mnemonic,
    ...hot,
  }),
  x86(`66 0F ${float} /r`, `${name}pd`, [rw(e.xmm), e.xmm_m128], logic[name], {
    ...sse2,
    key: mnemonic,
    ...hot,
  }),
];
const interleave = {
  ldq: unpack(4, false),
  hdq: unpack(4, true),
  lqdq: unpack(8, false),
  hqdq: unpack(8, true),
};

// deno-fmt-ignore
export const sseInteger: Late<Declaration> = late(() => [
  ...three("DB", "54", "and", "pand"),
  ...three("DF", "55", "andn", "pandn"),
  ...three("EB", "56", "or", "por"),
  ...three("EF", "57", "xor", "pxor"),
  x86("66 0F 38 17 /r", "ptest", [e.xmm, e.xmm_m128], test, { ...sse41, writes: "cf pf af zf sf of", manual: "PTEST" }),

  two("FC", "paddb", "i8x16.add", hot), two("FD", "paddw", "i16x8.add"), two("FE", "paddd", "i32x4.add", hot), two("D4", "paddq", "i64x2.add", hot),
  two("EC", "paddsb", "i8x16.add_sat_s"), two("ED", "paddsw", "i16x8.add_sat_s"),
  two("DC", "paddusb", "i8x16.add_sat_u"), two("DD", "paddusw", "i16x8.add_sat_u"),
  two("F8", "psubb", "i8x16.sub", hot), two("F9", "psubw", "i16x8.sub"), two("FA", "psubd", "i32x4.sub"), two("FB", "psubq", "i64x2.sub"),
  two("E8", "psubsb", "i8x16.sub_sat_s"), two("E9", "psubsw", "i16x8.sub_sat_s"),
  two("D8", "psubusb", "i8x16.sub_sat_u"), two("D9", "psubusw", "i16x8.sub_sat_u"),
  two("E0", "pavgb", "i8x16.avgr_u"), two("E3", "pavgw", "i16x8.avgr_u"),
  two("F6", "psadbw", sumOfDistances),
  two38("01", "phaddw", pairs(2, "i16x8.add"), ssse3), two38("02", "phaddd", pairs(4, "i32x4.add"), ssse3),
  two38("03", "phaddsw", pairs(2, "i16x8.add_sat_s"), ssse3),
  two38("05", "phsubw", pairs(2, "i16x8.sub"), ssse3), two38("06", "phsubd", pairs(4, "i32x4.sub"), ssse3),
  two38("07", "phsubsw", pairs(2, "i16x8.sub_sat_s"), ssse3),
  two38("08", "psignb", withSign("i8x16"), ssse3), two38("09", "psignw", withSign("i16x8"), ssse3), two38("0A", "psignd", withSign("i32x4"), ssse3),
  x86("66 0F 38 1C /r", "pabsb", [w(e.xmm), e.xmm_m128], unary((a) => simd("i8x16.abs", a)), ssse3),
  x86("66 0F 38 1D /r", "pabsw", [w(e.xmm), e.xmm_m128], unary((a) => simd("i16x8.abs", a)), ssse3),
  x86("66 0F 38 1E /r", "pabsd", [w(e.xmm), e.xmm_m128], unary((a) => simd("i32x4.abs", a)), ssse3),
  x86("66 0F 3A 42 /r ib", "mpsadbw", [rw(e.xmm), e.xmm_m128, e.imm8], slidingDistances, sse41),
  x86("66 0F 38 41 /r", "phminposuw", [w(e.xmm), e.xmm_m128], leastWord, sse41),

  two("D5", "pmullw", "i16x8.mul"), two("E5", "pmulhw", highWords("s")), two("E4", "pmulhuw", highWords("u")),
  two("F4", "pmuludq", evenDwords("u")), two("F5", "pmaddwd", "i32x4.dot_i16x8_s"),
  two38("04", "pmaddubsw", mixedPairs, ssse3), two38("0B", "pmulhrsw", roundedHigh, ssse3),
  two38("28", "pmuldq", evenDwords("s"), sse41), two38("40", "pmulld", "i32x4.mul", sse41),

  two("DA", "pminub", "i8x16.min_u", hot), two("EA", "pminsw", "i16x8.min_s"),
  two("DE", "pmaxub", "i8x16.max_u", hot), two("EE", "pmaxsw", "i16x8.max_s"),
  two38("38", "pminsb", "i8x16.min_s", sse41), two38("39", "pminsd", "i32x4.min_s", sse41),
  two38("3A", "pminuw", "i16x8.min_u", sse41), two38("3B", "pminud", unsignedDwords("min"), sse41),
  two38("3C", "pmaxsb", "i8x16.max_s", sse41), two38("3D", "pmaxsd", "i32x4.max_s", sse41),
  two38("3E", "pmaxuw", "i16x8.max_u", sse41), two38("3F", "pmaxud", unsignedDwords("max"), sse41),

  two("74", "pcmpeqb", "i8x16.eq", hot), two("75", "pcmpeqw", "i16x8.eq"), two("76", "pcmpeqd", "i32x4.eq", hot),
  two("64", "pcmpgtb", "i8x16.gt_s", hot), two("65", "pcmpgtw", "i16x8.gt_s"), two("66", "pcmpgtd", "i32x4.gt_s"),
  two38("29", "pcmpeqq", "i64x2.eq", sse41), two38("37", "pcmpgtq", "i64x2.gt_s", sse42),

  two("63", "packsswb", "i8x16.narrow_i16x8_s"), two("67", "packuswb", "i8x16.narrow_i16x8_u"),
  two("6B", "packssdw", "i16x8.narrow_i32x4_s"), two38("2B", "packusdw", "i16x8.narrow_i32x4_u", sse41),
  x86("66 0F 60 /r", "punpcklbw",  [rw(e.xmm), e.xmm_m128], unpack(1, false), { ...sse2, ...hot }),
  x86("66 0F 61 /r", "punpcklwd",  [rw(e.xmm), e.xmm_m128], unpack(2, false), { ...sse2, ...hot }),
  x86("66 0F 62 /r", "punpckldq",  [rw(e.xmm), e.xmm_m128], interleave.ldq, { ...sse2, ...hot }),
  x86("66 0F 6C /r", "punpcklqdq", [rw(e.xmm), e.xmm_m128], interleave.lqdq, { ...sse2, ...hot }),
  x86("66 0F 68 /r", "punpckhbw",  [rw(e.xmm), e.xmm_m128], unpack(1, true), sse2),
  x86("66 0F 69 /r", "punpckhwd",  [rw(e.xmm), e.xmm_m128], unpack(2, true), sse2),
  x86("66 0F 6A /r", "punpckhdq",  [rw(e.xmm), e.xmm_m128], interleave.hdq, sse2),
  x86("66 0F 6D /r", "punpckhqdq", [rw(e.xmm), e.xmm_m128], interleave.hqdq, sse2),
  x86("NP 0F 14 /r", "unpcklps",   [rw(e.xmm), e.xmm_m128], interleave.ldq, { feature: "sse", key: "punpckldq" }),
  x86("NP 0F 15 /r", "unpckhps",   [rw(e.xmm), e.xmm_m128], interleave.hdq, { feature: "sse", key: "punpckhdq" }),
  x86("66 0F 14 /r", "unpcklpd",   [rw(e.xmm), e.xmm_m128], interleave.lqdq, { ...sse2, key: "punpcklqdq" }),
  x86("66 0F 15 /r", "unpckhpd",   [rw(e.xmm), e.xmm_m128], interleave.hqdq, { ...sse2, key: "punpckhqdq" }),

  ...shifts("psrlw", "D1", "71 /2", "i16x8", "shr_u"), ...shifts("psrld", "D2", "72 /2", "i32x4", "shr_u"), ...shifts("psrlq", "D3", "73 /2", "i64x2", "shr_u"),
  ...shifts("psraw", "E1", "71 /4", "i16x8", "shr_s"), ...shifts("psrad", "E2", "72 /4", "i32x4", "shr_s"),
  ...shifts("psllw", "F1", "71 /6", "i16x8", "shl"), ...shifts("pslld", "F2", "72 /6", "i32x4", "shl"), ...shifts("psllq", "F3", "73 /6", "i64x2", "shl"),
  x86("66 0F 73 /3 ib", "psrldq", [rw(e.xmm_rm), e.imm8], shiftBytes(false), { ...sse2, ...hot }),
  x86("66 0F 73 /7 ib", "pslldq", [rw(e.xmm_rm), e.imm8], shiftBytes(true), { ...sse2, ...hot }),
]);
