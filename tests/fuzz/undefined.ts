/**
 * What processors may do differently, with the manual's section: results that are undefined or approximate. Undefined status flags
 * are in the declarations themselves.
 */
import type { Case } from "@guise/x86-64/testing";

interface Named {
  readonly mnemonic: string;
}

/**
 * Condition codes of the x87 status word that are defined after these instructions: C0, C2 and C3 are undefined after most
 * arithmetic (SDM volume 1, 8.1.3.2 and the condition code table 8-1); C1 tells rounding or stack faults.
 */
export function maskX87(done: readonly Named[]): number {
  let mask = 0xffff;
  for (const { mnemonic } of done) {
    if (!mnemonic.startsWith("f") || /^f(x(save|rstor)|emms)/.test(mnemonic)) continue;
    // C1 after the comparisons that set EFLAGS: cleared in the manual, left alone by some processors.
    if (/comi/.test(mnemonic)) mask &= ~0x200;
    else if (/^f(u?com|tst|xam|prem)/.test(mnemonic)) mask |= 0x4700;
    else if (/^f(n?clex|n?init|ldcw|n?stcw|n?stsw|wait|free|decstp|incstp|nop)/.test(mnemonic)) {
      mask &= ~0x4700;
    } else mask &= ~0x4500;
  }
  return mask;
}

const number80 = (view: DataView, at: number): number => {
  const e = view.getUint16(at + 8, true), s = Number(view.getBigUint64(at, true)) / 2 ** 63;
  return (e & 0x8000 ? -1 : 1) * s * 2 ** Math.max(-1000, Math.min(1000, (e & 0x7fff) - 0x3fff));
};

type Tolerance = (c: Case, expected: Uint8Array, actual: Uint8Array) => string[];

/** rcpps, rsqrtps and their scalars: relative error at most 1.5 × 2^-12 (SDM, RCPPS), so two processors differ by twice that. */
const reciprocal: Tolerance = (_c, expected, actual) => {
  const e = new DataView(expected.buffer, expected.byteOffset),
    a = new DataView(actual.buffer, actual.byteOffset),
    text: string[] = [];
  for (let i = 160; i < 416; i += 4) {
    const x = e.getFloat32(i, true), y = a.getFloat32(i, true);
    if (
      Object.is(x, y) || (Number.isNaN(x) && Number.isNaN(y)) || Math.abs(x - y) <= 3 * 2 ** -12 * Math.abs(x)
    ) continue;
    text.push(`xmm${(i - 160) >> 4} lane ${(i - 160) >> 2 & 3}: expected ${x}, got ${y}`);
  }
  return text;
};

/** x87 transcendentals: within 1 ulp of the true result (SDM volume 1, 8.3.10), so two processors differ by a few ulp. */
const transcendental: Tolerance = (_c, expected, actual) => {
  const e = new DataView(expected.buffer, expected.byteOffset),
    a = new DataView(actual.buffer, actual.byteOffset),
    text: string[] = [];
  for (let i = 32; i < 160; i += 16) {
    const x = number80(e, i), y = number80(a, i);
    if (
      Object.is(x, y) || (Number.isNaN(x) && Number.isNaN(y)) || Math.abs(x - y) <= 2 ** -50 * Math.abs(x)
    ) continue;
    text.push(`st${(i - 32) >> 4}: expected ${x}, got ${y}`);
  }
  return text;
};

/** The comparison of an approximate instruction; undefined: exact. */
export function approximate(d: Named): Tolerance | undefined {
  if (/^r(cp|sqrt)[ps]s$/.test(d.mnemonic)) return reciprocal;
  if (/^f(2xm1|yl2xp?1?|ptan|patan|sin|cos|sincos)$/.test(d.mnemonic)) return transcendental;
  return undefined;
}
