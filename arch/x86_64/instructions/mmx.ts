/**
 * MMX, and the instructions on mm registers that SSE, SSE2 and SSSE3 added (SDM volume 2). mm0-7 are the significands of the
 * physical x87 registers: every one of these instructions sets TOP to 0 and all tags to valid, and a write sets sign and exponent
 * to ones. Values are the low halves of vectors.
 */
// cold: constants of the generated module
import {
  ACCESS,
  type I32,
  i32,
  type I64,
  i64,
  type Late,
  late,
  type Machine,
  type Operand,
  select,
  shuffle,
  type Simd,
  simd,
  type V128,
  v128,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, type Semantics, w, x86 } from "../encoding.ts";
import { RDI } from "../state.ts";
import { enterMmx, low64, vector, writeMm } from "./mmx_common.ts";
import { wait } from "./x87_common.ts";

type Compute = (a: V128, b: V128) => V128;
/** An operation chosen by name at run time of the generator: all used here give a vector. */
const apply = (op: Simd, ...args: V128[]): V128 => (simd as (op: Simd, ...args: V128[]) => V128)(op, ...args);

/** dst = op(dst, src) on the low 64 bits. */
function binary(compute: Simd | Compute): Semantics {
  return (m, dst, src) => {
    enterMmx(m);
    const a = m.f.let(vector(dst)), b = m.f.let(vector(src));
    writeMm(dst, low64(typeof compute === "string" ? apply(compute, a, b) : compute(a, b)));
  };
}
/** dst = op(src). */
function unary(op: Simd): Semantics {
  return (m, dst, src) => {
    enterMmx(m);
    writeMm(dst, low64(apply(op, vector(src))));
  };
}
/** dst = op(dst, src) on 64-bit integers. */
const scalar = (compute: (a: I64, b: I64) => I64): Semantics => (m, dst, src) => {
  enterMmx(m);
  writeMm(dst, m.f.let(compute(dst.load("i64.load"), src.load("i64.load"))));
};

/** a's 8 bytes, then b's. */
const joined: Compute = (a, b) => shuffle(a, b, [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
/** Lanes of `size` bytes at even or odd places of a's and b's low halves. */
const every = (a: V128, b: V128, size: number, odd: number): V128 =>
  shuffle(
    a,
    b,
    Array.from({ length: 16 }, (_, i) => {
      const at = Math.floor((i % 8) / size) * 2 * size + odd * size + i % size;
      return (at & 7) + (at & 8 ? 16 : 0);
    }),
  );
const interleaveHigh = (size: number): Semantics => {
  const indices = Array.from({ length: 16 }, (_, i) => {
    const at = Math.floor((i % 8) / size);
    return (at & 1 ? 16 : 0) + 4 + Math.floor(at / 2) * size + i % size;
  });
  return binary((a, b) => shuffle(a, b, indices));
};
/** Low halves: the memory form has 4 bytes. */
function interleaveLow(size: number): Semantics {
  const indices = Array.from({ length: 16 }, (_, i) => {
    const at = Math.floor((i % 8) / size);
    return (at & 1 ? 16 : 0) + Math.floor(at / 2) * size + i % size;
  });
  return (m, dst, src) => {
    enterMmx(m);
    writeMm(dst, low64(shuffle(vector(dst), src.load("v128.load32_zero"), indices)));
  };
}
const pack = (op: Simd) => binary((a, b) => apply(op, joined(a, b), joined(a, b)));
const horizontal = (size: number, op: Simd) =>
  binary((a, b) => apply(op, every(a, b, size, 0), every(a, b, size, 1)));
const HIGH_WORDS = [2, 3, 6, 7, 10, 11, 14, 15, 0, 0, 0, 0, 0, 0, 0, 0];
const highHalves = (op: Simd) => binary((a, b) => shuffle(apply(op, a, b), v128(0), HIGH_WORDS));
const sign = (prefix: "i8x16" | "i16x8" | "i32x4") =>
  binary((a, b) => {
    const negative = simd(`${prefix}.lt_s`, b, v128(0)), zero = simd(`${prefix}.eq`, b, v128(0));
    return simd("v128.andnot", simd(`${prefix}.sub`, simd("v128.xor", a, negative), negative), zero);
  });

/** Shifts by a 64-bit count: `arithmetic` ones stop at all sign bits, others give zero beyond the lane. */
function shiftBy(
  m: Machine,
  dst: Operand,
  op: Simd | "i64.shl" | "i64.shr_u",
  bits: number,
  count: I64,
): void {
  const { f } = m, n = f.let(count);
  if (op === "i64.shl" || op === "i64.shr_u") {
    const v = dst.load("i64.load");
    return writeMm(dst, f.let(select(n.geU(64), i64(0), op === "i64.shl" ? v.shl(n) : v.shrU(n))));
  }
  if (op.endsWith("shr_s")) f.set(n, select(n.geU(bits), i64(bits - 1), n));
  const shifted = low64(apply(op, vector(dst), n.wrap() as never));
  writeMm(dst, f.let(op.endsWith("shr_s") ? shifted : select(n.geU(bits), i64(0), shifted)));
}
const shift = (op: Parameters<typeof shiftBy>[2], bits: number): Semantics => (m, dst, src) => {
  enterMmx(m);
  shiftBy(m, dst, op, bits, src.place === "imm" ? (src.read() as I32).extendU() : src.load("i64.load"));
};

function pmaddubsw(m: Machine, dst: Operand, src: Operand): void {
  enterMmx(m);
  const a = simd("i16x8.extend_low_i8x16_u", vector(dst)), b = simd("i16x8.extend_low_i8x16_s", vector(src));
  const p = m.f.let(simd("i16x8.mul", a, b));
  const part = (odd: number) =>
    shuffle(p, p, Array.from({ length: 16 }, (_, i) => (Math.floor(i / 2) * 4 + odd * 2 + i % 2) & 15));
  writeMm(dst, low64(simd("i16x8.add_sat_s", part(0), part(1))));
}
const pmulhrsw: Compute = (a, b) => {
  const least = v128(0x8000800080008000n);
  // -1 * -1 alone saturates in WebAssembly and wraps here.
  const both = simd("v128.and", simd("i16x8.eq", a, least), simd("i16x8.eq", b, least));
  return simd("v128.xor", simd("i16x8.q15mulr_sat_s", a, b), both);
};
const psadbw: Compute = (a, b) => {
  const difference = simd("v128.or", simd("i8x16.sub_sat_u", a, b), simd("i8x16.sub_sat_u", b, a));
  const sums = simd("i32x4.extadd_pairwise_i16x8_u", simd("i16x8.extadd_pairwise_i8x16_u", difference));
  return simd(
    "v128.and",
    simd("i32x4.add", sums, shuffle(sums, sums, [4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
    v128(0xffff),
  );
};
function pshufw(m: Machine, dst: Operand, src: Operand, imm: Operand): void {
  enterMmx(m);
  const { f } = m, v = f.let(src.load("i64.load")), control = f.let((imm.read() as I32).extendU());
  let r = i64(0);
  for (let i = 0; i < 4; i++) {
    r = r.or(v.shrU(control.shrU(2 * i).and(3).shl(4)).and(0xffff).shl(16 * i));
  }
  writeMm(dst, r);
}
function pinsrw(m: Machine, dst: Operand, src: Operand, imm: Operand): void {
  enterMmx(m);
  const at = m.f.let((imm.read() as I32).and(3).shl(4).extendU()), v = src.load("i64.load16_u");
  writeMm(dst, dst.load("i64.load").and(i64(0xffff).shl(at).not()).or(v.shl(at)));
}
function pextrw(m: Machine, dst: Operand, src: Operand, imm: Operand): void {
  enterMmx(m);
  const at = (imm.read() as I32).and(3).shl(4).extendU();
  dst.write(src.load("i64.load").shrU(at).wrap().and(0xffff) as never);
}
function palignr(m: Machine, dst: Operand, src: Operand, imm: Operand): void {
  enterMmx(m);
  const n = m.f.let(imm.read() as I32), by = select(n.gtU(16), i32(16), n);
  const indices = simd("i8x16.add", simd("i8x16.splat", by as never), v128(0x0706050403020100n));
  writeMm(dst, low64(simd("i8x16.swizzle", joined(vector(src), vector(dst)), indices)));
}
const pshufb: Compute = (a, b) => simd("i8x16.swizzle", a, simd("v128.and", b, v128(0x8787878787878787n)));

function load32(m: Machine, dst: Operand, src: Operand): void {
  enterMmx(m);
  writeMm(dst, src.load("i64.load32_u"));
}
function store32(m: Machine, dst: Operand, src: Operand): void {
  enterMmx(m);
  dst.write(src.load("i32.load") as never);
}
function move64(m: Machine, dst: Operand, src: Operand): void {
  enterMmx(m);
  writeMm(dst, src.load("i64.load"));
}
function toGeneral64(m: Machine, dst: Operand, src: Operand): void {
  enterMmx(m);
  dst.write(src.load("i64.load") as never);
}
function pmovmskb(m: Machine, dst: Operand, src: Operand): void {
  enterMmx(m);
  dst.write(simd("i8x16.bitmask", vector(src)) as never);
}
function movdq2q(m: Machine, dst: Operand, src: Operand): void {
  enterMmx(m);
  writeMm(dst, src.load("i64.load"));
}
function movq2dq(m: Machine, dst: Operand, src: Operand): void {
  enterMmx(m);
  dst.store("v128.store", vector(src));
}
/** Bytes whose mask byte has its top bit set go to [rdi]. */
function maskmovq(m: Machine, src: Operand, selector: Operand): void {
  const { f } = m, offset = f.let(m.state("i64.load", RDI));
  f.if(m.narrow(), () => f.set(offset, offset.and(0xffffffff)));
  // Processors have changed to MMX state when the store faults.
  enterMmx(m);
  const at = f.let(m.checked(m.segment().add(offset), 8, ACCESS.write));
  const keep = f.let(low64(simd("i8x16.lt_s", vector(selector), v128(0))));
  m.store("i64.store", at, m.load("i64.load", at).and(keep.not()).or(src.load("i64.load").and(keep)));
}

const mmx = { feature: "mmx", traps: true, before: wait },
  sse = { feature: "sse", traps: true, before: wait };
const sse2 = { feature: "sse2", traps: true, before: wait },
  ssse3 = { feature: "ssse3", traps: true, before: wait };

/** The common shape: `NP 0F op /r`, mm, mm/m64. */
const line = (opcode: string, name: string, semantics: Semantics, group = mmx): Declaration =>
  x86(`NP 0F ${opcode} /r`, name, [rw(e.mm), e.mm_m64], semantics, { ...group, key: `${name} mm` });

/** Shifts by a register or memory, and by an immediate in group `opcode` /digit. */
function shifts(
  name: string,
  byRegister: string,
  group: string,
  digit: number,
  op: Parameters<typeof shiftBy>[2],
  bits: number,
) {
  const semantics = shift(op, bits);
  return [
    line(byRegister, name, semantics),
    x86(`NP 0F ${group} /${digit} ib`, name, [rw(e.mm_rm), e.imm8], semantics, { ...mmx, key: `${name} mm` }),
  ];
}

// deno-fmt-ignore
export const mmxInstructions: Late<Declaration> = late(() => [
  x86("W0 NP 0F 6E /r", "movd", [w(e.mm), e.rm32], load32, { ...mmx, key: "movd to mm" }),
  x86("NP REX.W 0F 6E /r", "movq", [w(e.mm), e.rm64], move64, { ...mmx, key: "movq to mm" }),
  x86("W0 NP 0F 7E /r", "movd", [w(e.rm32), e.mm], store32, { ...mmx, key: "movd from mm" }),
  x86("NP REX.W 0F 7E /r", "movq", [w(e.rm64), e.mm], toGeneral64, { ...mmx, key: "movq from mm" }),
  x86("NP 0F 6F /r", "movq", [w(e.mm), e.mm_m64], move64, { ...mmx, key: "movq mm" }),
  x86("NP 0F 7F /r", "movq", [w(e.mm_m64), e.mm], move64, { ...mmx, key: "movq mm" }),
  x86("NP 0F E7 /r", "movntq", [w(e.m64), e.mm], move64, { ...sse, key: "movntq" }),
  x86("F2 0F D6 /r", "movdq2q", [w(e.mm), e.xmm_rm], movdq2q, sse2),
  x86("F3 0F D6 /r", "movq2dq", [w(e.xmm), e.mm_rm], movq2dq, sse2),

  x86("NP 0F 60 /r", "punpcklbw", [rw(e.mm), e.mm_m32], interleaveLow(1), { ...mmx, key: "punpcklbw mm" }),
  x86("NP 0F 61 /r", "punpcklwd", [rw(e.mm), e.mm_m32], interleaveLow(2), { ...mmx, key: "punpcklwd mm" }),
  x86("NP 0F 62 /r", "punpckldq", [rw(e.mm), e.mm_m32], interleaveLow(4), { ...mmx, key: "punpckldq mm" }),
  line("68", "punpckhbw", interleaveHigh(1)),
  line("69", "punpckhwd", interleaveHigh(2)),
  line("6A", "punpckhdq", interleaveHigh(4)),
  line("63", "packsswb", pack("i8x16.narrow_i16x8_s")),
  line("67", "packuswb", pack("i8x16.narrow_i16x8_u")),
  line("6B", "packssdw", pack("i16x8.narrow_i32x4_s")),

  line("FC", "paddb",   binary("i8x16.add")),
  line("FD", "paddw",   binary("i16x8.add")),
  line("FE", "paddd",   binary("i32x4.add")),
  line("D4", "paddq",   scalar((a, b) => a.add(b)), sse2),
  line("EC", "paddsb",  binary("i8x16.add_sat_s")),
  line("ED", "paddsw",  binary("i16x8.add_sat_s")),
  line("DC", "paddusb", binary("i8x16.add_sat_u")),
  line("DD", "paddusw", binary("i16x8.add_sat_u")),
  line("F8", "psubb",   binary("i8x16.sub")),
  line("F9", "psubw",   binary("i16x8.sub")),
  line("FA", "psubd",   binary("i32x4.sub")),
  line("FB", "psubq",   scalar((a, b) => a.sub(b)), sse2),
  line("E8", "psubsb",  binary("i8x16.sub_sat_s")),
  line("E9", "psubsw",  binary("i16x8.sub_sat_s")),
  line("D8", "psubusb", binary("i8x16.sub_sat_u")),
  line("D9", "psubusw", binary("i16x8.sub_sat_u")),
  line("D5", "pmullw",  binary("i16x8.mul")),
  line("E5", "pmulhw",  highHalves("i32x4.extmul_low_i16x8_s")),
  line("E4", "pmulhuw", highHalves("i32x4.extmul_low_i16x8_u"), sse),
  line("F4", "pmuludq", scalar((a, b) => a.and(0xffffffff).mul(b.and(0xffffffff))), sse2),
  line("F5", "pmaddwd", binary("i32x4.dot_i16x8_s")),
  line("F6", "psadbw",  binary(psadbw), sse),

  line("64", "pcmpgtb", binary("i8x16.gt_s")),
  line("65", "pcmpgtw", binary("i16x8.gt_s")),
  line("66", "pcmpgtd", binary("i32x4.gt_s")),
  line("74", "pcmpeqb", binary("i8x16.eq")),
  line("75", "pcmpeqw", binary("i16x8.eq")),
  line("76", "pcmpeqd", binary("i32x4.eq")),
  line("DA", "pminub",  binary("i8x16.min_u"), sse),
  line("DE", "pmaxub",  binary("i8x16.max_u"), sse),
  line("EA", "pminsw",  binary("i16x8.min_s"), sse),
  line("EE", "pmaxsw",  binary("i16x8.max_s"), sse),
  line("E0", "pavgb",   binary("i8x16.avgr_u"), sse),
  line("E3", "pavgw",   binary("i16x8.avgr_u"), sse),

  line("DB", "pand",  scalar((a, b) => a.and(b))),
  line("DF", "pandn", scalar((a, b) => a.not().and(b))),
  line("EB", "por",   scalar((a, b) => a.or(b))),
  line("EF", "pxor",  scalar((a, b) => a.xor(b))),

  ...shifts("psrlw", "D1", "71", 2, "i16x8.shr_u", 16),
  ...shifts("psraw", "E1", "71", 4, "i16x8.shr_s", 16),
  ...shifts("psllw", "F1", "71", 6, "i16x8.shl", 16),
  ...shifts("psrld", "D2", "72", 2, "i32x4.shr_u", 32),
  ...shifts("psrad", "E2", "72", 4, "i32x4.shr_s", 32),
  ...shifts("pslld", "F2", "72", 6, "i32x4.shl", 32),
  ...shifts("psrlq", "D3", "73", 2, "i64.shr_u", 64),
  ...shifts("psllq", "F3", "73", 6, "i64.shl", 64),

  x86("NP 0F 70 /r ib", "pshufw", [w(e.mm), e.mm_m64, e.imm8], pshufw, sse),
  x86("NP 0F C4 /r ib", "pinsrw", [rw(e.mm), { ...e.rm32, size: 16, registerSize: 32, name: "r32/m16" }, e.imm8], pinsrw, { ...sse, key: "pinsrw mm" }),
  x86("NP 0F C5 /r ib", "pextrw", [w(e.r32), e.mm_rm, e.imm8], pextrw, { ...sse, key: "pextrw mm" }),
  x86("NP 0F D7 /r", "pmovmskb", [w(e.r32), e.mm_rm], pmovmskb, { ...sse, key: "pmovmskb mm" }),
  x86("NP 0F F7 /r", "maskmovq", [e.mm, e.mm_rm], maskmovq, sse),

  line("38 00", "pshufb", binary(pshufb), ssse3),
  line("38 01", "phaddw",  horizontal(2, "i16x8.add"), ssse3),
  line("38 02", "phaddd",  horizontal(4, "i32x4.add"), ssse3),
  line("38 03", "phaddsw", horizontal(2, "i16x8.add_sat_s"), ssse3),
  line("38 04", "pmaddubsw", pmaddubsw, ssse3),
  line("38 05", "phsubw",  horizontal(2, "i16x8.sub"), ssse3),
  line("38 06", "phsubd",  horizontal(4, "i32x4.sub"), ssse3),
  line("38 07", "phsubsw", horizontal(2, "i16x8.sub_sat_s"), ssse3),
  line("38 08", "psignb", sign("i8x16"), ssse3),
  line("38 09", "psignw", sign("i16x8"), ssse3),
  line("38 0A", "psignd", sign("i32x4"), ssse3),
  line("38 0B", "pmulhrsw", binary(pmulhrsw), ssse3),
  x86("NP 0F 38 1C /r", "pabsb", [w(e.mm), e.mm_m64], unary("i8x16.abs"), { ...ssse3, key: "pabsb mm" }),
  x86("NP 0F 38 1D /r", "pabsw", [w(e.mm), e.mm_m64], unary("i16x8.abs"), { ...ssse3, key: "pabsw mm" }),
  x86("NP 0F 38 1E /r", "pabsd", [w(e.mm), e.mm_m64], unary("i32x4.abs"), { ...ssse3, key: "pabsd mm" }),
  x86("NP 0F 3A 0F /r ib", "palignr", [rw(e.mm), e.mm_m64, e.imm8], palignr, { ...ssse3, key: "palignr mm" }),
]);
