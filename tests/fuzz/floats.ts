/**
 * Register and memory contents for comparing floating point: numbers at the edges of f32 and f64, every kind of NaN, denormals,
 * neighbours of powers of two; and MXCSR with all rounding modes, DAZ, FTZ, old flags and, on request, unmasked exceptions.
 */
import { type Case, type Random, WINDOW_SIZE } from "@guise/x86-64/testing";

// cold: tables of special bit patterns
// deno-fmt-ignore
const DOUBLES = [
  0n, 0x8000000000000000n, 0x3ff0000000000000n, 0xbff0000000000000n, 0x3fe0000000000000n, 0x3ff8000000000000n, 0x4000000000000000n,
  0x7fefffffffffffffn, 0x0010000000000000n, 1n, 0x000fffffffffffffn, 0x8000000000000001n, 0x7ff0000000000000n, 0xfff0000000000000n,
  0x7ff8000000000000n, 0xfff8000000000123n, 0x7ff0000000000001n, 0xfff4000000000005n, 0x41dfffffffc00000n, 0x41e0000000000000n,
  0xc1e0000000200000n, 0x43dfffffffffffffn, 0x43e0000000000000n, 0xc3e0000000000000n, 0x0018000000000000n, 0x3ca0000000000000n,
  0x3cb0000000000000n, 0x7fe0000000000001n, 0x36a0000000000000n, 0x380fffffffffffffn, 0x3810000000000000n, 0x47efffffe0000000n,
  0x47effffff0000000n,
];
// deno-fmt-ignore
const SINGLES = [
  0, 0x80000000, 0x3f800000, 0xbf800000, 0x3f000000, 0x3fc00000, 0x40000000, 0x7f7fffff, 0x00800000, 1, 0x007fffff, 0x80000001,
  0x7f800000, 0xff800000, 0x7fc00000, 0xffc00123, 0x7f800001, 0xffa00005, 0x4effffff, 0x4f000000, 0xcf000001, 0x5effffff, 0x5f000000,
  0xdf000000, 0x00c00000, 0x33800000, 0x7f000001,
];
/** Biased exponents where something begins or ends: overflow, integers of 32 and 64 bits, f32's range. */
const EXPONENTS_64 = [
  1,
  2,
  512,
  970,
  1070,
  1535,
  2046,
  1023 - 150,
  1023 - 126,
  1023 + 31,
  1023 + 52,
  1023 + 63,
  1023 + 127,
];
const EXPONENTS_32 = [1, 64, 100, 127 + 23, 127 + 31, 127 + 63, 190, 254];

function double(r: Random): bigint {
  const sign = BigInt(r.below(2)) << 63n, fraction = r.big() >> 12n;
  switch (r.below(7)) {
    case 0:
      return r.pick(DOUBLES);
    case 1:
      return BigInt.asUintN(64, r.pick(DOUBLES) + BigInt(r.below(5) - 2));
    case 2:
      return r.big();
    case 3:
      return sign | BigInt(1023 + r.below(8) - 4) << 52n | fraction;
    case 4:
      return sign | BigInt(r.pick(EXPONENTS_64) + r.below(3) - 1) << 52n | fraction;
    case 5:
      return sign | BigInt(r.below(4));
    default: { // few bits: exact results
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, (r.below(2001) - 1000) / (1 << r.below(4)));
      return view.getBigUint64(0);
    }
  }
}
function single(r: Random): number {
  const sign = r.below(2) << 31, fraction = r.bits() >>> 9;
  switch (r.below(7)) {
    case 0:
      return r.pick(SINGLES);
    case 1:
      return r.pick(SINGLES) + r.below(5) - 2 >>> 0;
    case 2:
      return r.bits();
    case 3:
      return (sign | 127 + r.below(8) - 4 << 23 | fraction) >>> 0;
    case 4:
      return (sign | r.pick(EXPONENTS_32) + r.below(3) - 1 << 23 | fraction) >>> 0;
    case 5:
      return (sign | r.below(4)) >>> 0;
    default: {
      const view = new DataView(new ArrayBuffer(4));
      view.setFloat32(0, (r.below(2001) - 1000) / (1 << r.below(4)));
      return view.getUint32(0);
    }
  }
}

/** Changes a case's vectors, memory and MXCSR. `unmasked`: some exceptions may trap. */
export function withFloats(c: Case, r: Random, unmasked: boolean): Case {
  const fx = c.fx.slice(), window = c.window.slice();
  const chance = r.pick([0, 0.5, 0.5, 1]); // f64 alone, f32 alone, or mixed
  const fill = (bytes: Uint8Array, from: number, to: number) => {
    const view = new DataView(bytes.buffer);
    for (let at = from; at < to; at += 8) {
      if (r.chance(chance)) view.setBigUint64(at, double(r), true);
      else view.setUint32(at, single(r), true), view.setUint32(at + 4, single(r), true);
    }
  };
  fill(fx, 160, 416);
  fill(window, 0, WINDOW_SIZE);
  let mxcsr = 0x1f80;
  if (r.chance(0.5)) mxcsr |= r.below(4) << 13;
  if (r.chance(0.2)) mxcsr |= 0x8000;
  if (r.chance(0.2)) mxcsr |= 0x40;
  if (r.chance(0.5)) mxcsr |= 0x20; // PE set: the fast paths
  if (r.chance(0.2)) mxcsr |= r.below(64);
  if (unmasked) mxcsr &= ~(r.below(64) << 7);
  new DataView(fx.buffer).setUint32(24, mxcsr, true);
  return { ...c, fx, window };
}
