/** Mutated ELF programs: from real ones, by a seed, half of them so that the header check still passes. */

/** xorshift32, so that a seed makes the same mutants everywhere. */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b1) | 1;
  }
  /** 0 to n - 1. */
  below(n: number): number {
    this.#state ^= this.#state << 13, this.#state ^= this.#state >>> 17, this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % n;
  }
}

const VALUES = [0, 1, 0x7f, 0x80, 0xff, 0xfff, 0x1000, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff0];

/** One mutant. `keepHeader`: identification, type, machine and the size of program headers stay. */
export function mutate(program: Uint8Array, random: Random, keepHeader: boolean): Uint8Array {
  let bytes = program.slice();
  const view = new DataView(bytes.buffer);
  const headers = Math.min(bytes.length, 64 + 56 * view.getUint16(56, true));
  const changes = 1 + random.below(6);
  for (let i = 0; i < changes; i++) {
    // Mostly the headers, where it hurts; sometimes code and data.
    const from = keepHeader ? 64 : 0;
    const at = random.below(5) > 0
      ? from + random.below(Math.max(1, headers - from))
      : from + random.below(bytes.length - from);
    switch (random.below(4)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes[at] ^= 1 << random.below(8);
        break;
      case 2:
        if (at + 4 <= bytes.length) view.setUint32(at & ~3, VALUES[random.below(VALUES.length)], true);
        break;
      default:
        if (at + 8 <= bytes.length && (at & ~7) >= from) {
          view.setBigUint64(
            at & ~7,
            BigInt(VALUES[random.below(VALUES.length)]) << BigInt(random.below(33)),
            true,
          );
        }
    }
  }
  if (random.below(6) === 0) {
    bytes = bytes.slice(0, keepHeader ? 64 + random.below(bytes.length - 64) : random.below(bytes.length));
  }
  return bytes;
}
