/**
 * The tables of the decoder in WebAssembly (decoder.ts), made from rows: lists of rows by bits 31-21 of an instruction, a row of 32 bytes for each
 * declaration, operations of fused pairs. They lie in the engine's memory.
 */
import { RECORD, TABLES } from "@guise/translator/run";
import { listOf, type Row } from "./decode.ts";

/** Fields of a row. */
export const ROW = {
  mask: 0,
  value: 4,
  /** Operations: base + displacement, base + x index, base + w index by zeros and by sign. */
  op: 8,
  indexed: 10,
  extended: 12,
  /** Row of the table of fused operations, from 1 on; 0: none. */
  fused: 16,
  flow: 18,
  condition: 19,
  memory: 20,
  /** Of offsets and indices; of what a register is added to behind the access: its bytes. */
  shift: 21,
  /** Five of them: field of the record, table, place in the instruction. */
  registers: 22,
  /** Two kinds with their parameters. */
  immediates: 27,
  branch: 31,
  size: 32,
} as const;
export const FLOW = { next: 0, end: 1, leave: 255 } as const;
export const MEMORY = {
  none: 0,
  scaled: 1,
  byte: 2,
  pair: 3,
  base: 4,
  index: 5,
  literal: 6,
  kind: 7,
  post: 8,
  back: 16,
  register: 32,
} as const;
/** Lowest bits of register fields; the last has four bits. */
export const REGISTER_AT = [0, 5, 16, 10, 16] as const;
export const NO_REGISTER = 255;
/** Kinds of immediates; a field's parameter is its lowest bit and its bits less one. */
// deno-fmt-ignore
export const IMMEDIATE = {
  none: 0, field: 1, fieldDisp: 2, fieldDisp1: 3, fieldScale: 4, u: 5, add: 6, mask: 7, maskw: 8, movz: 9, movn: 10, movnw: 11, adr: 12, adrp: 13,
  shiftsx: 14, shiftsw: 15, bfmx: 16, bfmw: 17, bit: 18, elem1: 19, elem2: 20, vector: 21, f32: 22, f64: 23,
} as const;
export const BRANCH = { none: 0, b26: 1, b19: 2, b14: 3 } as const;

const low = (positions: readonly number[]): number => positions[positions.length - 1];
const contiguous = (p: readonly number[]): boolean => p[0] - low(p) + 1 === p.length;

/** Kind and parameter of an immediate; undefined: TypeScript decodes what has it. */
function immediate(kind: string, p: readonly number[]): [kind: number, parameter: number] | undefined {
  const field = (k: number, from = p): [number, number] | undefined =>
    contiguous(from) && from.length <= 8 ? [k, low(from) | from.length - 1 << 5] : undefined;
  const at = (k: number, lowest: number): [number, number] | undefined =>
    contiguous(p) && low(p) === lowest ? [k, 0] : undefined;
  switch (kind) {
    case "i0":
    case "cond":
    case "elem3":
      return field(IMMEDIATE.field);
    case "i1":
      return field(IMMEDIATE.fieldDisp);
    case "i2":
    case "cond2":
      return field(IMMEDIATE.fieldDisp1);
    case "i3":
      return p.length === 6 && p[0] === 31 ? [IMMEDIATE.bit, 0] : field(IMMEDIATE.fieldScale);
    case "bfmr":
      return field(IMMEDIATE.fieldScale, p.slice(0, 6));
    case "u":
      return p.length === 16 ? at(IMMEDIATE.u, 5) : field(IMMEDIATE.field);
    case "add12":
    case "add12w":
      return at(IMMEDIATE.add, 10);
    case "mask":
    case "maskw":
    case "bfmx":
    case "bfmw":
      return at(IMMEDIATE[kind], 10);
    case "fieldx":
      return at(IMMEDIATE.shiftsx, 10);
    case "fieldw":
      return at(IMMEDIATE.shiftsw, 10);
    case "movz":
    case "movn":
    case "movnw":
    case "adr":
    case "adrp":
      return at(IMMEDIATE[kind], 5);
    case "f32":
    case "f64":
      return at(IMMEDIATE[kind], 13);
    case "elem1":
    case "elem2":
    case "vector":
      return [IMMEDIATE[kind], 0];
  }
  return undefined;
}

/** Memory operand of a row, or undefined. */
function memory(row: Row): number | undefined {
  const [, , , , , , kind, shift, , offset] = row,
    extra = kind === "post" ? MEMORY.post : 0,
    back = row[15] ? MEMORY.back : 0;
  switch (kind) {
    case 0:
    case "none":
      return MEMORY.none;
    case "base":
      return MEMORY.base;
    case "mem":
      return MEMORY.base;
    case "postr":
      return MEMORY.base | MEMORY.register;
    case "reg":
      return MEMORY.index;
    case "lit":
      return MEMORY.literal;
    case "u":
      return offset && offset.length === 12 && low(offset) === 10 ? MEMORY.scaled : undefined;
    case "s":
    case "pre":
    case "post": {
      if (!offset || (kind !== "s" && !back)) return undefined;
      if (offset.length === 9 && low(offset) === 12 && !shift) return MEMORY.byte | extra | back;
      if (offset.length === 7 && low(offset) === 15) return MEMORY.pair | extra | back;
    }
  }
  return undefined;
}

/** Offsets of the tables in memory 2. */
export interface Places {
  readonly keys: number;
  readonly lists: number;
  readonly rows: number;
  readonly fused: number;
  readonly end: number;
}
/** All tables as one block for {@link TABLES}. */
export function tablesOf(rows: readonly Row[]): { readonly places: Places; readonly block: Uint8Array } {
  const lists: number[] = [0xffff], known = new Map<string, number>(), keys = new Uint16Array(2048);
  for (let key = 0; key < 2048; key++) {
    const list = listOf(rows, key), name = list.join();
    if (!list.length) continue;
    let at = known.get(name);
    if (at === undefined) known.set(name, at = lists.length), lists.push(...list, 0xffff);
    keys[key] = at;
  }
  const fused = rows.filter((r) => r[13].length);
  const even = (n: number) => n + 15 & ~15;
  const places = {
    keys: TABLES,
    lists: TABLES + 4096,
    rows: TABLES + 4096 + even(lists.length * 2),
    fused: TABLES + 4096 + even(lists.length * 2) + rows.length * ROW.size,
    end: TABLES + 4096 + even(lists.length * 2) + (rows.length + fused.length) * ROW.size,
  };
  const block = new Uint8Array(places.end - TABLES), view = new DataView(block.buffer);
  keys.forEach((v, i) => view.setUint16(i * 2, v, true));
  lists.forEach((v, i) => view.setUint16(places.lists - TABLES + i * 2, v, true));
  fused.forEach((r, i) =>
    r[13].forEach((op, cc) => view.setUint16(places.fused - TABLES + i * 32 + cc * 2, op, true))
  );
  rows.forEach((r, i) =>
    put(r, new DataView(block.buffer, places.rows - TABLES + i * ROW.size, ROW.size), fused.indexOf(r) + 1)
  );
  return { places, block };
}

function put(row: Row, view: DataView, fused: number): void {
  const [mask, value, op, indexed, flow, , , shift, branch, , registers, immediates, extended, , condition] =
    row;
  view.setInt32(ROW.mask, mask, true), view.setInt32(ROW.value, value, true);
  view.setUint16(ROW.op, op, true), view.setUint16(ROW.indexed, indexed, true);
  extended.forEach((n, i) => view.setUint16(ROW.extended + 2 * i, n, true));
  view.setUint16(ROW.fused, fused, true);
  view.setUint8(ROW.flow, flow === "jmp" || flow === "end" ? FLOW.end : FLOW.next);
  view.setUint8(ROW.condition, condition);
  const kind = memory(row), list = immediates.map(([k, p]) => immediate(k, p));
  const bits = !branch
    ? 0
    : branch.length === 26
    ? BRANCH.b26
    : branch.length === 19
    ? BRANCH.b19
    : BRANCH.b14;
  const places = registers.map(([at, which, p]) => {
    const n = p.length === 4 ? 4 : REGISTER_AT.findIndex((x) => x === low(p));
    return n < 0 || (p.length !== 5 && n !== 4) ? undefined : at - RECORD.a | which << 3 | n << 5;
  });
  if (kind === undefined || flow === "stub" || [...list, ...places].includes(undefined)) {
    return view.setUint8(ROW.flow, FLOW.leave);
  }
  view.setUint8(ROW.memory, kind),
    view.setUint8(ROW.shift, row[6] === "postr" ? row[5] : shift),
    view.setUint8(ROW.branch, bits);
  for (let i = 0; i < 5; i++) view.setUint8(ROW.registers + i, places[i] ?? NO_REGISTER);
  list.forEach((x, i) => view.setUint8(ROW.immediates + 2 * i, x![0]));
  list.forEach((x, i) => view.setUint8(ROW.immediates + 2 * i + 1, x![1]));
}
