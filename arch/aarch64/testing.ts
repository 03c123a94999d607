/**
 * For tests: random cases from the declarations.
 *
 * @module
 */
// cold: tests
import type { Prepared } from "./decode.ts";
import { declarations, useDeclarations } from "./built.ts";
import { image } from "./image.ts";
import { type Declaration, isGeneral } from "./encoding.ts";
import { disassemble } from "./disassemble.ts";

export { disassemble };

export { loadTranslator } from "./cpu.ts";
export { KIND } from "./kinds.ts";
export { STATE } from "./state.ts";

// What is declared is tested, not what was shipped.
useDeclarations();

/** Where a case lies: no number that random values hit, since what surrounds the code differs. */
export const CODE = 0x2b5a7000,
  DATA = 0x30000000,
  DATA_SIZE = 0x2000,
  WINDOW = 0x30000f00,
  WINDOW_SIZE = 0x200;

/** A form that can be drawn: one declaration. */
export interface Form {
  readonly name: string;
  /** Of the declaration. */
  readonly index: number;
}
const preparedOf = (f: Form): Prepared => image().finder.prepared(f.index);
const declarationOf = (f: Form): Declaration => declarations()[f.index];

/** All forms whose result a single instruction determines. */
export function forms(): Form[] {
  return declarations()
    .map((d, index): Form => ({ name: d.text, index }))
    .filter((_, i) => {
      const d = declarations()[i];
      return !d.flow && !d.fuzz && d.memory?.kind !== "lit" &&
        !/cntvct|cntfrq|ctr_el0|dczid|tpidr|^ic |^dc |xr\w? |xp |svc/.test(d.text);
    });
}

/** Registers, code and memory before a case. */
export interface Case {
  readonly code: Uint8Array;
  readonly forms: readonly Form[];
  readonly x: BigUint64Array;
  readonly sp: bigint;
  readonly nzcv: number;
  readonly fpcr: number;
  readonly fpsr: number;
  readonly v: Uint8Array;
  readonly window: Uint8Array;
}

/** Cases from a seed. */
export class CaseGenerator {
  #state: number;
  readonly #all: readonly Form[];

  constructor(seed: number, all: readonly Form[]) {
    this.#state = seed * 2654435761 | 1;
    this.#all = all;
  }
  /** 32 random bits. */
  u32(): number {
    let s = this.#state;
    s ^= s << 13, s ^= s >>> 17, s ^= s << 5;
    this.#state = s;
    return Math.imul(s, 0x9e3779b1) >>> 0;
  }
  below(n: number): number {
    return this.u32() % n;
  }
  u64(): bigint {
    return BigInt(this.u32()) << 32n | BigInt(this.u32());
  }
  /** Often special. */
  value(): bigint {
    switch (this.below(8)) {
      case 0:
        return BigInt(this.below(70));
      case 1:
        return BigInt.asUintN(64, -BigInt(this.below(70)));
      case 2:
        return 1n << BigInt(this.below(64));
      case 3:
        return BigInt.asUintN(64, (1n << BigInt(this.below(64))) - 1n);
      case 4:
        return BigInt(this.u32());
      case 5:
        return [
          0x7fffffffn,
          0x80000000n,
          0x8000000000000000n,
          0x7fffffffffffffffn,
          0xffffffff80000000n,
        ][this.below(5)];
      default:
        return this.u64();
    }
  }
  /** 64 bits of floats of either size, often special. */
  float(): bigint {
    const double = () => {
      switch (this.below(10)) {
        case 0:
          return [
            0n,
            0x8000000000000000n,
            0x7ff0000000000000n,
            0xfff0000000000000n,
            0x7ff8000000000000n,
            0x7ff0000000000001n,
          ][this.below(6)];
        case 1:
          return BigInt.asUintN(64, this.u64() & 0x800fffffffffffffn);
        case 2:
          return this.u64() & 0x800fffffffffffffn | BigInt(1 + this.below(3)) << 52n;
        case 3:
          return this.u64() & 0x800fffffffffffffn | BigInt(0x7ff - this.below(3)) << 52n;
        case 4:
          return new BigUint64Array(new Float64Array([this.below(2000) - 1000]).buffer)[0];
        case 5:
          return new BigUint64Array(new Float64Array([(this.below(2000) - 1000) / 2]).buffer)[0];
        case 6:
          return this.u64() & 0x800fffffffffffffn | BigInt(1023 + this.below(70)) << 52n;
        default:
          return this.u64() & 0x800fffffffffffffn | BigInt(1023 - 30 + this.below(60)) << 52n;
      }
    };
    const single = (): bigint => {
      const u = this.u32();
      switch (this.below(8)) {
        case 0:
          return BigInt(
            [0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0x00800000][this.below(7)],
          );
        case 1:
          return BigInt((u & 0x807fffff) >>> 0);
        case 2:
          return BigInt(((u & 0x807fffff) | (1 + this.below(3)) << 23) >>> 0);
        case 3:
          return BigInt(((u & 0x807fffff) | (0xff - this.below(3)) << 23) >>> 0);
        case 4:
          return BigInt(new Uint32Array(new Float32Array([(this.below(2000) - 1000) / 2]).buffer)[0]);
        default:
          return BigInt(((u & 0x807fffff) | (127 - 15 + this.below(30)) << 23) >>> 0);
      }
    };
    const kind = this.below(3);
    return kind === 0 ? double() : kind === 1 ? single() | single() << 32n : this.value();
  }

  /** A word of the form that decodes as such; undefined: its random fields were reserved. */
  word(form: Form, base: number): number | undefined {
    const d = declarationOf(form), prepared = preparedOf(form), { finder } = image();
    for (let tries = 0; tries < 20; tries++) {
      let w = d.value | this.u32() & ~d.mask;
      if (d.memory && d.memory.kind !== "lit" && d.memory.kind !== "none") w = w & ~(31 << 5) | base << 5;
      // A literal lies near.
      if (d.memory?.kind === "lit") w = w & ~0x00ffffe0 | this.below(3) << 5;
      if (finder.find(w) !== prepared) continue;
      const { registers } = prepared;
      if (d.memory && (d.memory.kind === "pre" || d.memory.kind.startsWith("post"))) {
        // Base and transferred register the same is unpredictable.
        const general = d.pieces.filter((p) =>
          typeof p !== "string" && isGeneral(p.operand.kind) && p.operand.letter !== "@"
        );
        if (general.some((p) => typeof p !== "string" && registers.some((r) => r.read(w) === base) && p)) {
          continue;
        }
      }
      if (/^ldp|^ldnp/.test(d.text) && (w & 31) === (w >>> 10 & 31)) continue;
      return w | 0;
    }
    return undefined;
  }

  /** The next case, beginning with `form`. */
  next(form: Form): Case | undefined {
    const x = BigUint64Array.from({ length: 31 }, () => this.value());
    const list: Form[] = [form], words: number[] = [];
    const more = this.below(3);
    for (let i = 0; i < more; i++) list.push(this.#all[this.below(this.#all.length)]);
    const bases = [this.below(31), this.below(31)];
    const used: Form[] = [];
    for (const f of list) {
      const w = this.word(f, this.below(8) ? bases[this.below(2)] : 31);
      if (w === undefined) {
        if (f === form) return undefined;
        continue;
      }
      words.push(w), used.push(f);
      // An index is small.
      if (declarationOf(f).memory?.kind === "reg" || declarationOf(f).memory?.kind === "postr") {
        const m = w >>> 16 & 31;
        if (m < 31) x[m] = BigInt.asUintN(64, BigInt(this.below(64)) - 32n);
      }
    }
    const near = () => BigInt(WINDOW + 0x40 + 16 * this.below(0x18) + (this.below(3) ? 0 : this.below(16)));
    // The top byte of an address does not count.
    for (const b of bases) x[b] = near() | BigInt(this.below(8) ? 0 : this.below(256)) << 56n;
    const v = new Uint8Array(512), view = new DataView(v.buffer);
    for (let i = 0; i < 64; i++) view.setBigUint64(8 * i, this.float(), true);
    const window = new Uint8Array(WINDOW_SIZE);
    for (let i = 0; i < WINDOW_SIZE; i++) window[i] = this.u32() >>> 8;
    return {
      code: new Uint8Array(Int32Array.from(words).buffer),
      forms: used,
      x,
      sp: BigInt(WINDOW + 0x40 + 16 * this.below(0x18)),
      nzcv: this.below(16) << 28,
      fpcr: this.below(4)
        ? 0
        : (this.below(4) << 22 | this.below(2) << 24 | this.below(2) << 25 | this.below(2) << 26 |
          this.below(2) << 19),
      fpsr: this.below(2) ? 0x10 : 0,
      v,
      window,
    };
  }
}
