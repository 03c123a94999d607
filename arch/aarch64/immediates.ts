/**
 * Immediates as the manual packs them: how each kind is read from an instruction, where the record holds it, and how
 * it is printed. All at decoding; operations only see the finished value.
 */
// cold: decoding
import { RECORD } from "@guise/translator/run";
import { CONDITIONS } from "./flag_names.ts";

/** Bits of an operand's letter in an instruction, most significant first, and how many. */
export type Bits = (word: number) => number;

/** One kind. */
export interface ImmediateKind {
  /** Bits of the operand as semantics see it: 64 with `wide` is a whole value, else sign-extended from 32. */
  readonly size: 8 | 16 | 32 | 64;
  readonly wide?: boolean;
  /** Place in the record. */
  readonly at: number;
  /** The value; wide ones also set `high`. undefined: the encoding is not allocated. `count`: bits of the letter. */
  value(bits: number, word: number, pc: number, count: number): number | undefined;
  /** Text of a value, without `#`. */
  text?(value: number, high: number, word: number): string;
}

/** High half of the last wide value. */
export let high = 0;
function pair(lo: number, hi: number): number {
  high = hi | 0;
  return lo | 0;
}
const signed = (bits: number, count: number) => bits << (32 - count) >> (32 - count);

/** The mask that N:immr:imms stand for (DecodeBitMasks), as two halves; undefined: reserved. */
export function bitmask(n: number, immr: number, imms: number): [number, number] | undefined {
  const len = 31 - Math.clz32(n << 6 | (~imms & 0x3f));
  if (len < 1) return undefined;
  const size = 1 << len, s = imms & (size - 1), r = immr & (size - 1);
  if (s === size - 1) return undefined;
  let lo = 0, hi = 0;
  for (let i = 0; i < 64; i++) {
    // Bit i of the element, rotated right by r.
    if (((i + r) & (size - 1)) <= s) {
      if (i < 32) lo |= 1 << i;
      else hi |= 1 << (i - 32);
    }
  }
  return [lo, hi];
}

/** abcdefgh of movi and its like, expanded to 64 bits (AdvSIMDExpandImm). */
export function expandImmediate(op: number, cmode: number, imm8: number): [number, number] {
  const both = (x: number): [number, number] => [x | 0, x | 0];
  switch (cmode >> 1) {
    case 0:
    case 1:
    case 2:
    case 3:
      return both(imm8 << (8 * (cmode >> 1)));
    case 4:
      return both(imm8 | imm8 << 16);
    case 5:
      return both(imm8 << 8 | imm8 << 24);
    case 6:
      return both(cmode & 1 ? imm8 << 16 | 0xffff : imm8 << 8 | 0xff);
  }
  if (!(cmode & 1) && !op) return both(imm8 * 0x01010101);
  if (!(cmode & 1)) {
    let lo = 0, hi = 0;
    for (let i = 0; i < 8; i++) {
      if (!(imm8 >> i & 1)) continue;
      if (i < 4) lo |= 0xff << (8 * i);
      else hi |= 0xff << (8 * i - 32);
    }
    return [lo | 0, hi | 0];
  }
  return op ? [0, float64(imm8)] : both(float32(imm8));
}
/** VFPExpandImm. */
export function float32(imm8: number): number {
  const b = imm8 >> 6 & 1;
  return (imm8 >> 7) << 31 | (b ? 0x1f : 0x20) << 25 | (imm8 & 0x3f) << 19;
}
export function float16(imm8: number): number {
  const b = imm8 >> 6 & 1;
  return (imm8 >> 7) << 15 | (b ? 0xc : 0x10) << 10 | (imm8 & 0x3f) << 6;
}
export function float64(imm8: number): number {
  const b = imm8 >> 6 & 1;
  return (imm8 >> 7) << 31 | (b ? 0xff : 0x100) << 22 | (imm8 & 0x3f) << 16;
}

const target = (offset: number, pc: number): number => {
  const sum = pc + offset;
  return pair(sum | 0, Math.floor(sum / 0x100000000));
};
const hex = (lo: number, hi: number): string =>
  "0x" + (hi ? (hi >>> 0).toString(16) + (lo >>> 0).toString(16).padStart(8, "0") : (lo >>> 0).toString(16));
const wide = (value: ImmediateKind["value"]): ImmediateKind => ({
  size: 64,
  wide: true,
  at: RECORD.disp,
  value,
  text: hex,
});
const small = (value: ImmediateKind["value"] = (b) => b, at: number = RECORD.imm): ImmediateKind => ({
  size: 8,
  at,
  value,
});

/** immr and imms, as the manual writes them. */
const field = (_v: number, _h: number, word: number): string =>
  `${hex(word >>> 16 & 63, 0)}, #${hex(word >>> 10 & 63, 0)}`;

// deno-fmt-ignore
export const IMMEDIATES: Readonly<Record<string, ImmediateKind>> = {
  /** Up to 32 bits, unsigned. */
  u: { size: 32, at: RECORD.imm, value: (b) => b },
  /** A byte at imm, disp, disp + 1, scale. */
  i0: small(),
  i1: small((b) => b, RECORD.disp),
  i2: small((b) => b, RECORD.disp + 1),
  i3: small((b) => b, RECORD.scale),
  cond: { ...small(), text: (v) => CONDITIONS[v] },
  cond2: { ...small((b) => b, RECORD.disp + 1), text: (v) => CONDITIONS[v] },
  /** add, sub: 12 bits, perhaps shifted by 12; 64 bits for both sizes. */
  add12: { size: 64, at: RECORD.imm, value: (b, w) => w >>> 22 & 1 ? b << 12 : b },
  add12w: { size: 32, at: RECORD.imm, value: (b, w) => w >>> 22 & 1 ? b << 12 : b },
  /** Logical immediates. */
  mask: wide((b) => { const v = bitmask(b >> 12, b >> 6 & 63, b & 63); return v && pair(v[0], v[1]); }),
  maskw: { size: 32, at: RECORD.imm, value: (b) => bitmask(0, b >> 6 & 63, b & 63)?.[0], text: (v) => "0x" + (v >>> 0).toString(16) },
  /** movz, movn: the finished value. */
  movz: wide((b, w) => { const s = (w >>> 21 & 3) * 16; return s < 32 ? pair(b << s, 0) : pair(0, b << (s - 32)); }),
  movn: wide((b, w) => { const s = (w >>> 21 & 3) * 16; return s < 32 ? pair(~(b << s), -1) : pair(-1, ~(b << (s - 32))); }),
  movnw: wide((b, w) => pair(~(b << (w >>> 21 & 3) * 16), 0)),
  /** ubfm, sbfm as two shifts: left (imm), then right (imm + 1): letters immr:imms. */
  fieldx: { size: 16, at: RECORD.imm, value: (b) => { const a = 63 - (b & 63); return a | ((a + (b >> 6)) & 63) << 8; }, text: field },
  fieldw: { size: 16, at: RECORD.imm, value: (b) => { if (b & 0x820) return undefined; const a = 31 - (b & 31); return a | ((a + (b >> 6)) & 31) << 8; }, text: field },
  /** bfm: the mask of the destination; the rotation is in `scale`. */
  bfmx: wide((b) => { const r = b >> 6, s = b & 63; return s >= r ? ones(s - r + 1, 0) : ones(s + 1, 64 - r); }),
  bfmw: wide((b) => { if (b & 0x820) return undefined; const r = b >> 6, s = b & 63; return s >= r ? ones(s - r + 1, 0) : ones(s + 1, 32 - r); }),
  bfmr: small((b) => b >> 6, RECORD.scale),
  adr: wide((_, w, pc) => target(signed(w >>> 5 & 0x7ffff, 19) * 4 + (w >>> 29 & 3), pc)),
  adrp: wide((_, w, pc) => target((signed(w >>> 5 & 0x7ffff, 19) * 4 + (w >>> 29 & 3)) * 4096, pc - pc % 4096)),
  /** Vector and floating-point immediates: the finished value. */
  vector: wide((b, w) => { const v = expandImmediate(w >>> 29 & 1, w >>> 12 & 15, b); return pair(v[0], v[1]); }),
  vector16: wide((b) => { const v = float16(b); return pair(v << 16 | v, v << 16 | v); }),
  f16: wide((b) => pair(float16(b), 0)),
  f32: wide((b) => pair(float32(b), 0)),
  f64: wide((b) => pair(0, float64(b))),
  /** Index of an element operand: H:L:M, H:L, H. */
  elem1: small((_, w) => (w >>> 11 & 1) << 2 | w >>> 20 & 3),
  elem2: small((_, w) => (w >>> 11 & 1) << 1 | w >>> 21 & 1),
  elem3: small((_, w) => w >>> 11 & 1),
  /** Branch targets are no operands: their text only. */
};

function ones(width: number, at: number): number {
  let lo = 0, hi = 0;
  for (let i = 0; i < width; i++) {
    const bit = i + at & 63;
    if (bit < 32) lo |= 1 << bit;
    else hi |= 1 << (bit - 32);
  }
  return pair(lo, hi);
}
