/**
 * The decoder: from guest words to records. An instruction is found by its bits 31-21 in a table of short lists, the most specific
 * declaration first; what a declaration puts into the record is prepared once.
 */
import { type BaseCpu, BIAS, CORE_OPS, INFO, infoOf, RECORD } from "@guise/translator/run";
import { type Declaration, isGeneral, isVector, place, writesBack } from "./encoding.ts";
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

/** Register fields of the zero slot and of what nobody reads. */
export const TEMPORARY_FIELDS: { readonly ZERO: number; readonly TRASH: number } = { ZERO, TRASH };

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

/** What decoding needs of a declaration: plain data, so that it can be shipped. Positions are bits of a letter, most significant first. */
export type Row = readonly [
  mask: number,
  value: number,
  op: number,
  indexed: number,
  flow: 0 | NonNullable<Declaration["flow"]>,
  bytes: number,
  memory: 0 | string,
  shift: number,
  branch: 0 | readonly number[],
  offset: 0 | readonly number[],
  registers: readonly (readonly [at: number, table: number, positions: readonly number[]])[],
  immediates: readonly (readonly [kind: string, positions: readonly number[]])[],
  /** Operations with an index that is a w register, uxtw and sxtw; empty: the address is a record of its own. */
  extended: readonly number[],
  /** By condition: the operation of a pair with the branch behind; empty: there is none. */
  fused: readonly number[],
  /** The condition of a conditional branch, or 16. */
  condition: number,
  /** The base is written back by the operation itself. */
  back: 0 | 1,
];

/** One declaration, prepared. */
export interface Prepared {
  /** Of its row, and so of the declaration. */
  readonly index: number;
  readonly op: number;
  /** Operation with base + index << scale; 0: there is none. */
  readonly indexed: number;
  readonly flow: Row[4];
  readonly bytes: number;
  readonly registers: readonly RegisterPart[];
  readonly immediates: readonly ImmediatePart[];
  readonly memory: Declaration["memory"];
  readonly offset: ((word: number) => number) | undefined;
  readonly branch: ((word: number) => number) | undefined;
  readonly extended: readonly number[];
  readonly fused: readonly number[];
  readonly condition: number;
  readonly back: boolean;
}

const table = (f: (i: number) => number) => Uint8Array.from({ length: 32 }, (_, i) => f(i));
const READ = table((i) => i === 31 ? ZERO : i * 4), WRITE = table((i) => i === 31 ? TRASH : i * 4);
const SP = table((i) => i * 4), VECTORS = table((i) => i * 8);
const TABLES = [READ, WRITE, SP, VECTORS];

/** The row of a declaration. */
export function rowOf(
  d: Declaration,
  op: number,
  indexed: number,
  extended: readonly number[],
  fused: readonly number[],
): Row {
  const registers: Row[10][number][] = [], immediates: Row[11][number][] = [];
  for (const { part: { kind, letter, access }, field } of place(d)) {
    const positions = d.fields[letter];
    if (!field) {
      immediates.push([kind, positions]);
      continue;
    }
    const which = isVector(kind) ? 3 : kind.endsWith("sp") ? 2 : isGeneral(kind) && access === "r" ? 0 : 1;
    registers.push([FIELD_AT[field], which, positions]);
  }
  return [
    d.mask,
    d.value,
    op,
    indexed,
    d.flow ?? 0,
    d.bytes ?? 0,
    d.memory?.kind ?? 0,
    d.memory?.shift ?? 0,
    d.branch ? d.fields[d.branch] : 0,
    d.memory ? d.fields.i ?? 0 : 0,
    registers,
    immediates,
    extended,
    fused,
    d.text.startsWith("b.") ? d.parameter! : 16,
    writesBack(d) ? 1 : 0,
  ];
}

const signedReader = (positions: readonly number[], scale: number): (word: number) => number => {
  const read = reader(positions), unused = 32 - positions.length;
  return (w) => (read(w) << unused >> unused) * scale;
};
function prepare(row: Row, index: number): Prepared {
  const [, , op, indexed, flow, bytes, memory, shift, branch, bits] = row;
  let offset: Prepared["offset"];
  if (bits) {
    if (memory === "u") {
      const read = reader(bits);
      offset = (w) => read(w) << shift;
    } else offset = signedReader(bits, memory === "lit" ? 4 : 1 << shift);
  }
  return {
    index,
    op,
    indexed,
    flow,
    bytes,
    registers: row[10].map(([at, which, positions]) => ({
      at,
      read: reader(positions),
      table: TABLES[which],
    })),
    immediates: row[11].map(([kind, positions]) => ({
      kind: IMMEDIATES[kind],
      read: reader(positions),
      count: positions.length,
    })),
    memory: memory ? { kind: memory, shift } : undefined,
    offset,
    branch: branch ? signedReader(branch, 4) : undefined,
    extended: row[12],
    fused: row[13],
    condition: row[14],
    back: row[15] === 1,
  };
}

const KEY_MASK = 0xffe00000;
const ones = (v: number): number => {
  let n = 0;
  for (; v; v &= v - 1) n++;
  return n;
};

/** Rows that can match instructions with these bits 31-21, the most specific first. */
export function listOf(rows: readonly Row[], key: number): number[] {
  const found: number[] = [], word = key << 21;
  for (let i = 0; i < rows.length; i++) {
    if (((rows[i][1] ^ word) & rows[i][0] & KEY_MASK) === 0) found.push(i);
  }
  return found.sort((x, y) => ones(rows[y][0]) - ones(rows[x][0]));
}

/** Finds instructions. */
export class Finder {
  /** By bits 31-21: rows that can match, the most specific first. */
  readonly #lists: (number[] | undefined)[] = new Array(2048);
  readonly #prepared: (Prepared | undefined)[] = [];

  #rows: readonly Row[] | undefined;

  /** `rows`: themselves, or where they come from when they are needed. */
  constructor(readonly source: readonly Row[] | (() => readonly Row[])) {}

  get rows(): readonly Row[] {
    return this.#rows ??= typeof this.source === "function" ? this.source() : this.source;
  }

  #list(key: number): number[] {
    return this.#lists[key] = listOf(this.rows, key);
  }
  /** The declaration with this index. */
  prepared(index: number): Prepared {
    return this.#prepared[index] ??= prepare(this.rows[index], index);
  }
  /** The declaration of a word; undefined: unallocated. */
  find(word: number): Prepared | undefined {
    const key = word >>> 21;
    for (const i of this.#lists[key] ?? this.#list(key)) {
      const row = this.rows[i];
      if (((word ^ row[1]) & row[0]) === 0) return this.prepared(i);
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
    const { cpu } = this, { engine, cache } = cpu;
    const pageEnd = (pc | 4095) + 1, lookup = step ? 0 : cache.page(pc >>> 12) >>> 2;
    // Behind `page`, which may have made the engine's memory grow.
    const { u16, u32 } = engine;
    const view = cpu.state;
    let count = 0, at = out, ended = false, previous: Prepared | undefined;
    this.#stubs.length = 0;
    while (count < limit && pc < pageEnd) {
      if (!step && count && u32[lookup + (pc & 4095)]) break;
      const record0 = at;
      let flow: Declaration["flow"];
      if (pc & 3) {
        at = this.#plain(at, this.special.misaligned, 0, count, pc), flow = "end";
      } else {
        const word = view.getInt32(pc, true);
        let p = this.finder.find(word);
        // A call stub counts only where the kernel put it.
        if (p?.flow === "stub" && !cpu.space.find?.(pc + BIAS)?.stubs) p = undefined;
        const next = p && this.#record(p, word, pc, count, at, step);
        if (!next) at = this.#plain(at, this.special.undefined, 0, count, pc), flow = "end";
        else at = next, flow = p!.flow || undefined;
        // Compare and branch are one operation of the first record; the second holds the branch.
        if (previous !== undefined && p !== undefined && p.condition < 16) {
          const fused = previous.fused[p.condition];
          if (fused) u16[record0 - RECORD.size >>> 1] = fused;
        }
        previous = next && p!.fused.length ? p : undefined;
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
          if ((option & 3) === 3 && p.indexed) {
            op = p.indexed, index = m;
          } else if (!(option & 1) && p.extended.length) {
            op = p.extended[option >> 2], index = m;
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
    if (p.back) {
      i32[main + 12 >>> 2] = p.offset!(word);
    } else if (memory && (memory.kind === "pre" || memory.kind === "post")) {
      u32[at >>> 2] = this.special.writeback | SP[word >>> 5 & 31] << 16, u32[at + 4 >>> 2] = count << 24;
      i32[at + 8 >>> 2] = 0, i32[at + 12 >>> 2] = p.offset!(word);
      at = this.#info(at, pc);
    } else if (memory?.kind === "postr") {
      // Rm 31 stands for the size that was transferred.
      const m = word >>> 16 & 31;
      u32[at >>> 2] = (m === 31 ? this.special.writeback : this.special.writebackRegister) |
        SP[word >>> 5 & 31] << 16 | READ[m] << 24;
      u32[at + 4 >>> 2] = count << 24;
      i32[at + 8 >>> 2] = 0, i32[at + 12 >>> 2] = p.bytes;
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
    // Beyond 4 GiB nothing is mapped, nor is it below 64 KiB. What is below 0 wraps, as in the other decoder.
    target = target >= 0x100000000 ? target & 0xffff : target >>> 0;
    const known = step ? 0 : cache.find(target);
    engine.i32[record + RECORD.imm >>> 2] = count - (known ? engine.u8[known + RECORD.ordinal] : 0);
    engine.i32[record + RECORD.disp >>> 2] = known;
    if (!known) this.#stubs.push(record, target);
  }
}
