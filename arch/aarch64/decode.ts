/**
 * The decoder: from guest words to records. An instruction is found by its bits 31-21 in a table of short lists, the most specific
 * declaration first; what a declaration puts into the record is prepared once.
 */
import { type BaseCpu, BIAS, CORE_OPS, INFO, infoOf, RECORD } from "@guise/translator/run";
import { type Declaration, isGeneral, isVector, place } from "./encoding.ts";
import { high, type ImmediateKind, IMMEDIATES } from "./immediates.ts";
import { FIELD_SHIFT, STATE } from "./state.ts";

/** Instructions in a run, and the records that they can need: two each, an end, and a stub for each branch. */
export const RUN_INSTRUCTIONS = 64, RUN_RECORDS: number = RUN_INSTRUCTIONS * 3 + 4;

/** Numbers of operations that the decoder itself uses. */
export interface SpecialOps {
  readonly undefined: number;
  readonly misaligned: number;
  readonly writeback: number;
  readonly writebackRegister: number;
  /** Computed addresses: base + extended index << scale, by option 010, 011, 110, 111. */
  readonly extended: Readonly<Record<number, number>>;
}

const FIELD_AT = { a: RECORD.a, b: RECORD.b, base: RECORD.base, index: RECORD.index, scale: RECORD.scale };
const ZERO = STATE.zero >> FIELD_SHIFT,
  TRASH = STATE.trash >> FIELD_SHIFT,
  TEMPORARY = STATE.temporary >> FIELD_SHIFT;

/** Reads a letter's bits. */
export function reader(positions: readonly number[]): (word: number) => number {
  const top = positions[0], n = positions.length, bottom = positions[n - 1];
  if (top - bottom + 1 === n) {
    const mask = n === 32 ? -1 : (1 << n) - 1;
    return (w) => w >>> bottom & mask;
  }
  return (w) => {
    let v = 0;
    for (const p of positions) v = v << 1 | (w >>> p & 1);
    return v;
  };
}

interface RegisterPart {
  readonly at: number;
  readonly read: (word: number) => number;
  readonly table: Uint8Array;
}
interface ImmediatePart {
  readonly kind: ImmediateKind;
  readonly read: (word: number) => number;
  readonly count: number;
}

/** One declaration, prepared. */
export interface Prepared {
  readonly d: Declaration;
  readonly op: number;
  /** Operation with base + index << scale; 0: there is none. */
  readonly indexed: number;
  readonly registers: readonly RegisterPart[];
  readonly immediates: readonly ImmediatePart[];
  readonly memory: Declaration["memory"];
  readonly offset: ((word: number) => number) | undefined;
  readonly branch: ((word: number) => number) | undefined;
}

const table = (f: (i: number) => number) => Uint8Array.from({ length: 32 }, (_, i) => f(i));
const READ = table((i) => i === 31 ? ZERO : i * 4), WRITE = table((i) => i === 31 ? TRASH : i * 4);
const SP = table((i) => i * 4), VECTORS = table((i) => i * 8);

export function prepare(d: Declaration, op: number, indexed: number): Prepared {
  const registers: RegisterPart[] = [], immediates: ImmediatePart[] = [];
  for (const { part, field } of place(d)) {
    const positions = d.fields[part.letter], read = reader(positions);
    if (field) {
      const table = isVector(part.kind)
        ? VECTORS
        : part.kind.endsWith("sp")
        ? SP
        : isGeneral(part.kind) && part.access === "r"
        ? READ
        : WRITE;
      registers.push({ at: FIELD_AT[field], read, table });
    } else immediates.push({ kind: IMMEDIATES[part.kind], read, count: positions.length });
  }
  const bits = d.fields.i, shift = d.memory?.shift ?? 0;
  const signed = bits && ((w: number) => {
    const n = bits.length;
    return reader(bits)(w) << (32 - n) >> (32 - n);
  });
  let offset: Prepared["offset"];
  switch (d.memory?.kind) {
    case "u": {
      const read = reader(bits);
      offset = (w) => read(w) << shift;
      break;
    }
    case "s":
    case "pre":
    case "post":
      offset = (w) => signed(w) << shift;
      break;
    case "lit":
      offset = (w) => signed(w) * 4;
  }
  const branch = d.branch
    ? ((read: (w: number) => number, n: number) => (w: number) => (read(w) << (32 - n) >> (32 - n)) * 4)(
      reader(d.fields[d.branch]),
      d.fields[d.branch].length,
    )
    : undefined;
  return { d, op, indexed, registers, immediates, memory: d.memory, offset, branch };
}

const KEY_MASK = 0xffe00000;
const ones = (v: number): number => {
  let n = 0;
  for (; v; v &= v - 1) n++;
  return n;
};

/** Finds instructions. */
export class Finder {
  readonly #lists: (Prepared[] | undefined)[] = new Array(2048);

  constructor(readonly all: readonly Prepared[]) {}

  #list(key: number): Prepared[] {
    const word = key << 21;
    return this.#lists[key] ??= this.all
      .filter(({ d }) => ((d.value ^ word) & d.mask & KEY_MASK) === 0)
      .sort((x, y) => ones(y.d.mask) - ones(x.d.mask));
  }

  /** The declaration of a word; undefined: unallocated. */
  find(word: number): Prepared | undefined {
    for (const p of this.#list(word >>> 21)) {
      if (((word ^ p.d.value) & p.d.mask) !== 0) continue;
      return p;
    }
    return undefined;
  }
}

/** Builds runs of records. One for each CPU; holds nothing between runs. */
export class Decoder {
  readonly #stubs: number[] = [];

  constructor(readonly finder: Finder, readonly special: SpecialOps, readonly cpu: BaseCpu) {}

  /** Decodes up to `limit` instructions at a biased pc to `out`, entering them into the cache unless stepping; gives the end. */
  run(pc: number, limit: number, out: number, step: boolean): number {
    const { cpu } = this, { engine, cache } = cpu, { u32 } = engine;
    const pageEnd = (pc | 4095) + 1, lookup = step ? 0 : cache.page(pc >>> 12) >>> 2;
    const view = cpu.state;
    let count = 0, at = out, ended = false;
    this.#stubs.length = 0;
    while (count < limit && pc < pageEnd) {
      if (!step && count && u32[lookup + (pc & 4095)]) break;
      const record0 = at;
      let flow: Declaration["flow"];
      if (pc & 3) {
        at = this.#plain(at, this.special.misaligned, 0, count, pc), flow = "end";
      } else {
        const word = view.getInt32(pc, true), p = this.finder.find(word);
        const next = p && this.#record(p, word, pc, count, at, step);
        if (!next) at = this.#plain(at, this.special.undefined, 0, count, pc), flow = "end";
        else at = next, flow = p.d.flow;
      }
      if (!step) u32[lookup + (pc & 4095)] = record0;
      count++;
      pc += 4;
      if (flow === "jmp" || flow === "end") {
        ended = true;
        break;
      }
    }
    if (step) {
      at = this.#plain(at, CORE_OPS.step, 0, count, pc);
    } else if (!ended) {
      const end = at;
      at = this.#plain(at, CORE_OPS.goto, 0, count, pc);
      this.#branch(end, pc, count, false);
    }
    for (let i = 0; i < this.#stubs.length; i += 2) {
      const branch = this.#stubs[i], target = this.#stubs[i + 1], stub = at;
      at = this.#plain(at, step ? CORE_OPS.step : CORE_OPS.link, branch, 0, target);
      engine.i32[branch + RECORD.disp >>> 2] = stub;
    }
    return at;
  }

  #plain(at: number, op: number, disp: number, count: number, pc: number): number {
    const { u32 } = this.cpu.engine;
    u32[at >>> 2] = op, u32[at + 4 >>> 2] = count << 24, u32[at + 8 >>> 2] = disp, u32[at + 12 >>> 2] = 0;
    return this.#info(at, pc);
  }

  /** Writes the records of an instruction; 0: its encoding is reserved. */
  #record(p: Prepared, word: number, pc: number, count: number, at: number, step: boolean): number {
    const { engine } = this.cpu, { u8, u16, i32, u32 } = engine;
    let op = p.op, base = ZERO, index = ZERO, scale = 0, disp = 0, main = at;
    const { memory } = p;
    if (memory && memory.kind !== "none") {
      base = SP[word >>> 5 & 31];
      disp = -BIAS;
      switch (memory.kind) {
        case "post":
        case "base":
        case "mem":
        case "postr":
          break;
        case "lit": {
          const target = pc + p.offset!(word);
          base = ZERO, disp = target;
          if (target > 0x7fffffff || target < -0x80000000) {
            u32[at >>> 2] = CORE_OPS.absolute | ZERO << 16, u32[at + 4 >>> 2] = count << 24;
            i32[at + 8 >>> 2] = target | 0, i32[at + 12 >>> 2] = target < 0 ? -1 : 0;
            main = this.#info(at, pc), base = TEMPORARY, disp = 0;
          }
          break;
        }
        case "reg": {
          const option = word >>> 13 & 7, m = READ[word >>> 16 & 31];
          if (!(option & 2)) return 0;
          scale = word >>> 12 & 1 ? memory.shift : 0;
          if (option === 3 && p.indexed) {
            op = p.indexed, index = m;
          } else {
            u32[at >>> 2] = this.special.extended[option];
            u32[at + 4 >>> 2] = base | m << 8 | scale << 16 | count << 24;
            u32[at + 8 >>> 2] = 0, u32[at + 12 >>> 2] = 0;
            main = this.#info(at, pc), base = TEMPORARY, scale = 0;
          }
          break;
        }
        default:
          disp = p.offset!(word) - BIAS;
      }
    }
    u32[main >>> 2] = op, u32[main + 4 >>> 2] = base | index << 8 | scale << 16 | count << 24;
    i32[main + 8 >>> 2] = disp, i32[main + 12 >>> 2] = 0;
    for (const r of p.registers) u8[main + r.at] = r.table[r.read(word)];
    for (const { kind, read, count: n } of p.immediates) {
      const v = kind.value(read(word), word, pc + BIAS, n);
      if (v === undefined) return 0;
      if (kind.wide) i32[main + RECORD.disp >>> 2] = v, i32[main + RECORD.imm >>> 2] = high;
      else if (kind.size === 8) u8[main + kind.at] = v;
      else if (kind.size === 16) u16[main + kind.at >>> 1] = v;
      else i32[main + kind.at >>> 2] = v;
    }
    if (p.branch) this.#branch(main, pc + p.branch(word), count + 1, step);
    at = this.#info(main, pc);
    if (memory && (memory.kind === "pre" || memory.kind === "post")) {
      u32[at >>> 2] = this.special.writeback | SP[word >>> 5 & 31] << 16, u32[at + 4 >>> 2] = count << 24;
      i32[at + 8 >>> 2] = 0, i32[at + 12 >>> 2] = p.offset!(word);
      at = this.#info(at, pc);
    } else if (memory?.kind === "postr") {
      // Rm 31 stands for the size that was transferred.
      const m = word >>> 16 & 31;
      u32[at >>> 2] = (m === 31 ? this.special.writeback : this.special.writebackRegister) |
        SP[word >>> 5 & 31] << 16 | READ[m] << 24;
      u32[at + 4 >>> 2] = count << 24;
      i32[at + 8 >>> 2] = 0, i32[at + 12 >>> 2] = p.d.bytes!;
      at = this.#info(at, pc);
    }
    return at;
  }

  #info(record: number, pc: number): number {
    const info = infoOf(record);
    this.cpu.engine.u32[info + INFO.pc >>> 2] = pc;
    this.cpu.engine.u8[info + INFO.length] = 4;
    return record + RECORD.size;
  }

  /** Target and count of a branch: linked when the target is decoded, else through a stub. */
  #branch(record: number, target: number, count: number, step: boolean): void {
    const { engine, cache } = this.cpu;
    // Beyond 4 GiB nothing is mapped; addresses below the bias wrap to the unmapped end.
    if (target >= 0x100000000) target = 0xffff0000 + target % 0x10000;
    target >>>= 0;
    const known = step ? 0 : cache.find(target);
    engine.i32[record + RECORD.imm >>> 2] = count - (known ? engine.u8[known + RECORD.ordinal] : 0);
    engine.i32[record + RECORD.disp >>> 2] = known;
    if (!known) this.#stubs.push(record, target);
  }
}
