/** Operands that reach the corners of floating-point arithmetic, from a seed. */
// cold: a test
import { VECTOR } from "./driver.ts";

export class Random {
  #s: number;
  constructor(seed: number) {
    this.#s = seed | 0 || 1;
  }
  /** 32 bits. */
  next(): number {
    this.#s = (this.#s + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#s ^ (this.#s >>> 15), 1 | this.#s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  }
  below(n: number): number {
    return this.next() % n;
  }
  big(): bigint {
    return BigInt(this.next()) << 32n | BigInt(this.next());
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

/** A significand of `bits`: random, few ones, runs of ones, near the ends. */
function fraction(r: Random, bits: number): bigint {
  const all = (1n << BigInt(bits)) - 1n, at = BigInt(r.below(bits));
  switch (r.below(8)) {
    case 0:
      return 0n;
    case 1:
      return all;
    case 2:
      return 1n << at;
    case 3:
      return all ^ (1n << at);
    case 4:
      return (all << at) & all;
    case 5:
      return (all >> at) ^ BigInt(r.below(2));
    case 6:
      return (1n << at | 1n << BigInt(r.below(bits))) ^ BigInt(r.below(4));
    default:
      return r.big() & all;
  }
}

/** An operand as 16 bytes (80 bits, or 64, or 32); `near`: an exponent to be near to. */
export function f80(r: Random, near?: number): [se: number, sig: bigint] {
  const sign = r.below(2) << 15, k = r.below(40);
  if (k === 0) return [sign, 0n];
  if (k === 1) return [sign | 0x7fff, 1n << 63n];
  if (k === 2) return [sign | 0x7fff, 1n << 63n | fraction(r, 63)];
  if (k === 3) return [sign, fraction(r, 63)]; // denormal
  if (k === 4) return [sign, 1n << 63n | fraction(r, 63)]; // pseudo-denormal
  if (k === 5) return [sign | r.below(0x8000), fraction(r, 63)]; // unsupported
  const sig = 1n << 63n | fraction(r, 63);
  if (near !== undefined && k < 30) {
    return [
      sign |
      Math.min(0x7ffe, Math.max(0, near + r.pick([0, 1, -1, 2, 62, 63, 64, 65, -64, r.below(140) - 70]))),
      sig,
    ];
  }
  if (k < 20) return [sign | (0x3fff + r.below(140) - 70), sig];
  if (k < 24) return [sign | r.below(70), sig];
  if (k < 27) return [sign | (0x7ffe - r.below(70)), sig];
  if (k < 30) {
    return [
      sign |
      (0x3fff + r.pick([-1022, -1023, -1074, 1023, 1024, -126, -127, -149, 127, 128]) + r.below(5) - 2),
      sig,
    ];
  }
  if (k < 33) return [sign | (0x3fff + r.below(80)), sig & (-1n << BigInt(r.below(64)))]; // integers and halves
  return [sign | (1 + r.below(0x7ffe)), sig];
}

export function float(r: Random, bits: 32 | 64, near?: number): bigint {
  const F = bits === 32 ? 23 : 52, M = bits === 32 ? 255 : 2047, bias = M >> 1;
  const sign = BigInt(r.below(2)) << BigInt(bits - 1),
    k = r.below(32),
    make = (e: number, f: bigint) => sign | BigInt(Math.max(0, Math.min(M, e))) << BigInt(F) | f;
  if (k === 0) return sign;
  if (k === 1) return make(M, 0n);
  if (k === 2) return make(M, fraction(r, F));
  if (k < 6) return make(0, fraction(r, F));
  if (k < 8) return make(r.below(3), fraction(r, F));
  if (k < 10) return make(M - 1 - r.below(3), fraction(r, F));
  if (k < 14) return make(bias + r.below(70), fraction(r, F) & (-1n << BigInt(r.below(F))));
  if (near !== undefined && k < 26) return make(near + r.below(2 * F + 8) - F - 4, fraction(r, F));
  if (k < 29) return make(bias + r.below(2 * F) - F, fraction(r, F));
  return make(r.below(M), fraction(r, F));
}

/** `count` vectors of an operation of host.c. */
export function vectors(op: number, count: number, seed: number): Uint8Array {
  const out = new Uint8Array(count * VECTOR),
    view = new DataView(out.buffer),
    r = new Random(seed * 977 + op);
  for (let i = 0; i < count; i++) {
    const at = i * VECTOR;
    view.setUint32(at, op, true);
    const put = (n: number, low: bigint, high = 0) => {
      view.setBigUint64(at + 8 + 16 * n, BigInt.asUintN(64, low), true);
      view.setUint16(at + 16 + 16 * n, high, true);
    };
    if (op < 64) {
      const masks = r.below(4) ? 0x3f : r.below(64), precision = r.pick([0, 2, 3, 3, 3]);
      view.setUint32(at + 4, masks | 0x40 | precision << 8 | r.below(4) << 10, true);
      if (op === 13) put(0, float(r, 32));
      else if (op === 14) put(0, float(r, 64));
      else if (op === 15) put(0, BigInt.asIntN(64, r.big() >> BigInt(r.below(64))) * (r.below(2) ? -1n : 1n));
      else if (op === 22) {
        let digits = 0n;
        for (let k = 0; k < 18; k++) digits = digits << 4n | BigInt(r.below(10));
        put(0, digits, Number(digits >> 64n) | r.below(2) << 15);
      } else {
        const a = f80(r), b = f80(r, a[0] & 0x7fff);
        put(0, a[1], a[0]);
        put(1, b[1], b[0]);
        if (op === 19 && r.below(2)) put(1, b[1], 0x3fff + r.below(17) | r.below(2) << 15);
      }
      continue;
    }
    const bits = op < 80 ? 32 : 64, [F, M] = bits === 32 ? [23n, 255n] : [52n, 2047n];
    view.setUint32(
      at + 4,
      0x1f80 | r.below(4) << 13 | r.pick([0, 0, 0, 0x40, 0x8000, 0x8040]) | r.below(4) << 24,
      true,
    );
    if (op === 74 || op === 90) {
      put(0, BigInt.asIntN(64, r.big() >> BigInt(r.below(64))) * (r.below(2) ? -1n : 1n));
      continue;
    }
    const a = float(r, bits), near = Number(a >> F & M), b = float(r, bits, near);
    put(0, a), put(1, b);
    // For a fused operation: near the product.
    put(2, float(r, bits, near + Number(b >> F & M) - Number(M >> 1n)));
  }
  return out;
}
