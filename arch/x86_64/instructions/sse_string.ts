/**
 * SSE4.2's string comparisons and crc32 (SDM volume 2, "PCMPxSTRx" in 4.1). One helper computes the result mask for all
 * modes, one element of the first operand at a time against all elements of the second.
 */
import {
  type FunctionRef,
  type I32,
  i32,
  type I64,
  i64,
  type Int,
  type Late,
  late,
  type Local,
  type Machine,
  type Operand,
  select,
  simd,
  type V128,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, x86 } from "../encoding.ts";
import { setImage } from "../flags.ts";
import { CF, OF, RAX, RCX, RDX, SF, STATE, ZF } from "../state.ts";
import {
  and,
  bytes,
  dwords,
  imm8,
  known,
  laneIndices,
  or,
  splat16,
  swizzle,
  vector,
  type VectorOp,
  words,
  ZERO,
} from "./sse_common.ts";

/** Bits of the immediate. */
const WORDS = 1, SIGNED = 2, MASKED = 0x20, NEGATIVE = 0x10, LAST = 0x40, EQUAL_EACH = 8, EQUAL_ALL = 0x1c;

type Compare = "eq" | "ge_s" | "ge_u" | "le_s" | "le_u";

/** (a, b, elements in a, elements in b, immediate) -> IntRes2, a bit an element. */
function resultMask(m: Machine): FunctionRef {
  return m.helper("pcmpstr", ["v128", "v128", "i32", "i32", "i32"], ["i32"], ({ f }) => {
    const a = f.param(0, "v128"),
      b = f.param(1, "v128"),
      lengthA = f.param(2, "i32"),
      lengthB = f.param(3, "i32"),
      imm = f.param(4, "i32");
    const wide = f.let(imm.and(WORDS)),
      count = f.let(i32(16).shrU(wide)),
      all = f.let(i32(1).shl(count).sub(1));
    const validA = f.let(i32(1).shl(lengthA).sub(1)), validB = f.let(i32(1).shl(lengthB).sub(1));
    const result = f.let(i32(0)), j = f.let(i32(0)), v = f.local("v128");
    const bits = (words: boolean, v: V128): I32 =>
      words ? simd("i8x16.bitmask", simd("i8x16.narrow_i16x8_s", v, ZERO)) : simd("i8x16.bitmask", v);
    /** Element n of `a` everywhere. */
    const broadcast = (words: boolean, n: I32): V128 => swizzle(a, laneIndices(words ? 2 : 1, n));
    const compare = (words: boolean, op: Compare, x: V128, y: V128): V128 =>
      simd(`${words ? "i16x8" : "i8x16"}.${op}` as VectorOp, x, y);
    /** Runs `body` for j below `limit`. */
    const each = (limit: I32, step: number, body: () => void) => {
      f.while(() => j.ltU(limit), () => (body(), f.set(j, j.add(step))));
    };
    const kinds = [
      // Equal any.
      (words: boolean) => {
        f.set(v, ZERO);
        each(lengthA, 1, () => f.set(v, or(v, compare(words, "eq", broadcast(words, j), b))));
        f.set(result, bits(words, v).and(validB));
      },
      // Ranges: pairs of a; a last one without its partner counts for nothing.
      (words: boolean) => {
        f.set(v, ZERO);
        const within = (sign: "s" | "u") =>
          each(lengthA.and(-2), 2, () => {
            const low = compare(words, `ge_${sign}`, b, broadcast(words, j)),
              high = compare(words, `le_${sign}`, b, broadcast(words, f.let(j.add(1))));
            f.set(v, or(v, and(low, high)));
          });
        f.if(imm.and(SIGNED), () => within("s"), () => within("u"));
        f.set(result, bits(words, v).and(validB));
      },
      // Equal each: equal too where both have ended, not where one has.
      (words: boolean) => {
        f.set(result, bits(words, compare(words, "eq", a, b)).and(validA).and(validB));
        f.set(result, result.or(validA.or(validB).not().and(all)));
      },
      // Equal ordered: a as a substring that starts at each element of b.
      (words: boolean) => {
        f.set(result, all);
        each(lengthA, 1, () => {
          const same = bits(words, compare(words, "eq", broadcast(words, j), b)).and(validB);
          // Elements beyond the vector count as equal.
          f.set(result, result.and(same.shrU(j).or(all.shrU(j).not())));
        });
      },
    ];
    const kind = f.let(imm.shrU(2).and(3));
    const cases = kinds.flatMap((k) => [() => k(false), () => k(true)]);
    f.switch(kind.shl(1).or(wide), cases, () => {});
    f.if(imm.and(NEGATIVE), () => f.set(result, result.xor(select(imm.and(MASKED), validB, all))));
    f.return(result.and(all));
  });
}

/** The same in line, for the mode of string comparison. */
function equalEach(m: Machine, a: V128, b: V128, lengthA: I32, lengthB: I32, imm: number): I32 {
  const { f } = m, words = (imm & WORDS) !== 0, all = words ? 0xff : 0xffff;
  const same = words
    ? simd("i16x8.bitmask", simd("i16x8.eq", a, b))
    : simd("i8x16.bitmask", simd("i8x16.eq", a, b));
  // Beyond the ends; with bits above the elements.
  const endA = f.let(i32(-1).shl(lengthA)), endB = f.let(i32(-1).shl(lengthB));
  const result = f.let(same.and(endA.or(endB).not()).or(endA.and(endB)));
  const inverted = !(imm & NEGATIVE) ? result : result.xor(imm & MASKED ? endB.not() : i32(all));
  return inverted.and(all);
}

/** Elements before the first zero. */
function implicitLength(v: V128, imm: I32): I32 {
  const byte = simd("i8x16.bitmask", simd("i8x16.eq", v, ZERO)).or(0x10000).ctz();
  const word = simd("i16x8.bitmask", simd("i16x8.eq", v, ZERO)).or(0x100).ctz();
  return select(imm.and(WORDS), word, byte);
}
/** |register|, at most the elements of a vector. */
function explicitLength(m: Machine, register: number, size: number, count: I32): I32 {
  const { f } = m;
  const v: Local<"i64"> = f.let(m.fixed(register, size).signed().extendS() as I64);
  const magnitude = f.let(select(v.ltS(0), i64(0).sub(v), v)); // the least one stays "negative": large, unsigned
  return select(magnitude.ltU(count.extendU()), magnitude.wrap(), count);
}

/** `size`: of the explicit lengths in rax and rdx; 0: the strings end at a zero. */
const compareStrings =
  (size: 0 | 32 | 64, index: boolean) => (m: Machine, x: Operand, y: Operand, imm: Operand): void => {
    const { f } = m, a = f.let(vector(x)), b = f.let(vector(y)), mode = known(imm) ?? 0;
    const whole = (): void => compareParts(m, size, index, a, b, imm);
    // Strings that are compared are mostly equal and go on: nothing is found, and no flag is set.
    if (size || !index || (mode & (WORDS | EQUAL_ALL)) !== (EQUAL_EACH | NEGATIVE)) return whole();
    const on = simd("v128.andnot", simd("i8x16.eq", a, b), simd("i8x16.eq", a, ZERO));
    f.if(simd("i8x16.bitmask", on).eq(0xffff), () => {
      if (m.flagsWanted) setImage(m, i32(0));
      m.fixed(RCX, 32).write(i32(16) as Int);
    }, whole);
  };

function compareParts(
  m: Machine,
  size: 0 | 32 | 64,
  index: boolean,
  a: V128,
  b: V128,
  imm: Operand,
): void {
  const { f } = m, k = f.keep(imm8(imm));
  const count = f.keep(i32(16).shrU(k.and(WORDS)));
  const lengthA = f.let(size ? explicitLength(m, RAX, size, count) : implicitLength(a, k));
  const lengthB = f.let(size ? explicitLength(m, RDX, size, count) : implicitLength(b, k));
  const constant = known(imm);
  const result = f.let(
    constant !== undefined && (constant & 0xc) === EQUAL_EACH
      ? equalEach(m, a, b, lengthA, lengthB, constant)
      : f.call("i32", resultMask(m), a, b, lengthA, lengthB, k),
  );
  if (m.flagsWanted) {
    const flag = (cond: I32, bit: number) => select(cond, i32(bit), 0);
    setImage(
      m,
      flag(result, CF).or(flag(lengthB.ltU(count), ZF)).or(flag(lengthA.ltU(count), SF)).or(
        flag(result.and(1), OF),
      ),
    );
  }
  if (index) {
    const first = select(k.and(LAST), i32(31).sub(result.clz()), result.ctz());
    return m.fixed(RCX, 32).write(select(result, first, count) as Int);
  }
  // A mask: bits at the start, or whole bytes or words.
  const wordMask = simd("i16x8.ne", and(splat16(result), words((i) => 1 << i)), ZERO);
  const spread = swizzle(simd("i16x8.splat", result), bytes((i) => i >> 3));
  const byteMask = simd("i8x16.ne", and(spread, bytes((i) => 1 << (i & 7))), ZERO);
  const lanes = select(k.and(WORDS), wordMask, byteMask);
  const plain = and(simd("i32x4.splat", result), dwords((i) => i ? 0 : -1));
  m.setState("v128.store", STATE.xmm, select(k.and(LAST), lanes, plain));
}

// CRC-32C, reflected, a bit at a time.
const POLYNOMIAL = 0x82f63b78;
function crcHelper(m: Machine): FunctionRef {
  return m.helper("crc32c", ["i32", "i64", "i32"], ["i32"], ({ f }) => {
    // The data meets the register 32 bits at a time; a bit of either counts alike.
    const crc = f.param(0, "i32"), data = f.param(1, "i64"), bits = f.param(2, "i32");
    f.while(() => bits, () => {
      f.set(crc, crc.shrU(1).xor(i32(0).sub(crc.xor(data.wrap()).and(1)).and(POLYNOMIAL)));
      f.set(data, data.shrU(1));
      f.set(bits, bits.sub(1));
    });
    f.return(crc);
  });
}
function crc32(m: Machine, dst: Operand, src: Operand): void {
  const crc = m.f.call("i32", crcHelper(m), dst.load("i32.load"), src.read().extendU(), i32(src.size));
  dst.write(dst.size === 64 ? crc.extendU() as Int : crc as Int);
}

const sse42 = { feature: "sse4.2" }, FLAGS = { writes: "cf pf af zf sf of", manual: "PCMPISTRI" };
const implicitIndex = compareStrings(0, true), implicitMask = compareStrings(0, false);

// deno-fmt-ignore
export const sseStrings: Late<Declaration> = late(() => [
  x86("66 W0 0F 3A 60 /r ib",    "pcmpestrm",  [e.xmm, e.xmm_u128, e.imm8], compareStrings(32, false), { ...sse42, ...FLAGS }),
  x86("66 REX.W 0F 3A 60 /r ib", "pcmpestrm", [e.xmm, e.xmm_u128, e.imm8], compareStrings(64, false), { ...sse42, key: "pcmpestrm64", ...FLAGS }),
  x86("66 W0 0F 3A 61 /r ib",    "pcmpestri",  [e.xmm, e.xmm_u128, e.imm8], compareStrings(32, true), { ...sse42, ...FLAGS }),
  x86("66 REX.W 0F 3A 61 /r ib", "pcmpestri", [e.xmm, e.xmm_u128, e.imm8], compareStrings(64, true), { ...sse42, key: "pcmpestri64", ...FLAGS }),
  x86("66 0F 3A 62 /r ib", "pcmpistrm", [e.xmm, e.xmm_u128, e.imm8], implicitMask, { ...sse42, ...FLAGS }),
  x86("66 0F 3A 63 /r ib", "pcmpistri", [e.xmm, e.xmm_u128, e.imm8], implicitIndex, { ...sse42, ...FLAGS, hot: true }),

  x86("W0 F2 0F 38 F0 /r",    "crc32", [rw(e.r32), e.rm8],  crc32, sse42),
  x86("F2 REX.W 0F 38 F0 /r", "crc32", [rw(e.r64), e.rm8],  crc32, sse42),
  x86("F2 o16 0F 38 F1 /r",   "crc32", [rw(e.r32), e.rm16], crc32, sse42),
  x86("F2 o32 0F 38 F1 /r",   "crc32", [rw(e.r32), e.rm32], crc32, sse42),
  x86("F2 REX.W 0F 38 F1 /r", "crc32", [rw(e.r64), e.rm64], crc32, sse42),
]);
