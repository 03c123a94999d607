/**
 * Help for tests of loaders: files in memory, and damaged programs (headers and program headers of real ones with fields changed, bytes
 * flipped and ends cut off).
 *
 * @module
 */
import type { Backing } from "@guise/core";

/** A file of these bytes. */
export function memoryFile(content: Uint8Array, name: string): Backing {
  return {
    fill(offset, into): number {
      const part = content.subarray(
        Math.min(offset, content.length),
        Math.min(offset + into.length, content.length),
      );
      into.set(part);
      return part.length;
    },
    size: content.length,
    identity: content,
    name,
  };
}

/** Bytes as UTF-8 text. */
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** A small generator of numbers in [0, n). */
export function randomOf(seed: number): (n: number) => number {
  let state = (seed * 2654435761 + 12345) >>> 0 || 1;
  return (n) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return Math.floor((state / 0x100000000) * n);
  };
}

/** Values that break things: limits, and both sides of them. */
const interesting = [
  0n,
  1n,
  2n,
  7n,
  0x38n,
  0xfffn,
  0x1000n,
  0x1001n,
  0x10000n,
  0x400000n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0xfffff000n,
  0x7ffffffff000n,
  0x800000000000n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xfffffffffffff000n,
  0xffffffffffffffffn,
];

/** 64-bit fields of the header and of each program header, and the types and flags before them. */
function fields(file: Uint8Array): { at: number; size: 2 | 4 | 8 }[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const list: { at: number; size: 2 | 4 | 8 }[] = [
    { at: 16, size: 2 },
    { at: 18, size: 2 },
    { at: 24, size: 8 },
    { at: 32, size: 8 },
    { at: 54, size: 2 },
    { at: 56, size: 2 },
  ];
  const phoff = Number(view.getBigUint64(32, true)), phnum = view.getUint16(56, true);
  for (let i = 0; i < phnum; i++) {
    const at = phoff + 56 * i;
    if (at + 56 > file.length) break;
    list.push({ at, size: 4 }, { at: at + 4, size: 4 });
    for (let f = 8; f < 56; f += 8) list.push({ at: at + f, size: 8 });
  }
  return list;
}

/** One mutant of `program`. Three of four keep what Linux checks first, so that the rest of the loader is reached. */
export function mutant(program: Uint8Array, seed: number): Uint8Array {
  const random = randomOf(seed);
  let file = program.slice();
  const view = new DataView(file.buffer);
  const all = fields(file);
  const deep = random(4) !== 0;
  const from = deep ? 6 : 0;
  for (let n = 1 + random(3); n > 0; n--) {
    const { at, size } = all[from + random(all.length - from)] ?? all[0];
    let value = interesting[random(interesting.length)];
    if (random(3) === 0) {
      value = view.getBigUint64(Math.min(at, file.length - 8), true) + BigInt(random(8193) - 4096);
    }
    if (size === 2) view.setUint16(at, Number(value & 0xffffn), true);
    else if (size === 4) view.setUint32(at, Number(random(2) === 0 ? value & 7n : value & 0xffffffffn), true);
    else view.setBigUint64(at, value & 0xffffffffffffffffn, true);
  }
  const end = random(8);
  if (end === 0) file = file.slice(0, random(2) === 0 ? random(200) : random(file.length));
  else if (end === 1) { for (let i = 0; i < 20; i++) file[random(file.length)] = random(256); }
  return file;
}
