/**
 * The decoder in TypeScript: from guest bytes to records, by the tables that the declarations make. It handles everything;
 * the decoder in WebAssembly (decoder.ts) leaves it what is rare.
 */
import { type BaseCpu, BIAS, CORE_OPS, INFO, infoOf, RECORD } from "@guise/translator/run";
import { NARROW, STATE } from "./state.ts";
import { BIT, FLOW, IMM, type NumericTables, SOURCE, TEMPLATE } from "./template.ts";

/** Instructions in a run, and the records that they can need: two each, an end, and a stub for each branch. */
export const RUN_INSTRUCTIONS = 64, RUN_RECORDS: number = RUN_INSTRUCTIONS * 3 + 4;

/** One instruction's parts, before it becomes records. */
export interface Parts {
  template: number;
  length: number;
  opcode: number;
  map: number;
  rex: number;
  rep: number;
  p66: boolean;
  addr32: boolean;
  lock: boolean;
  segment: number;
  modrm: number;
  memory: boolean;
  base: number;
  index: number;
  scale: number;
  disp: number;
  dispBytes: number;
  rip: boolean;
  imm: number;
  immHigh: number;
}

export const newParts = (): Parts => ({
  template: 0,
  length: 0,
  opcode: 0,
  map: 0,
  rex: 0,
  rep: 0,
  p66: false,
  addr32: false,
  lock: false,
  segment: 0,
  modrm: 0,
  memory: false,
  base: 0,
  index: 0,
  scale: 0,
  disp: 0,
  dispBytes: 0,
  rip: false,
  imm: 0,
  immHigh: 0,
});

/** What `parse` found instead of an instruction. */
export const PARSE = { ok: 0, illegal: 1, tooLong: 2 } as const;
const EMPTY = -1;
/** The CPU has got another cache meanwhile: once more, for that. */
export const MOVED = -1;

/**
 * Splits the instruction at `at`; `bytes` must go on for 15 bytes or be the end of the world. Prefixes, ModRM, SIB,
 * displacement and immediates as SDM volume 2 chapter 2 says.
 */
export function parse(t: NumericTables, bytes: Uint8Array, at: number, p: Parts): number {
  const start = at;
  let rex = 0, rep = 0, byte = 0;
  p.p66 =
    p.addr32 =
    p.lock =
    p.memory =
    p.rip =
      false;
  p.segment = 0, p.modrm = 0, p.disp = 0, p.dispBytes = 0, p.imm = 0, p.immHigh = 0;
  p.base = p.index = EMPTY, p.scale = 0, p.template = 0;
  for (;;) {
    if (at - start >= 15) return p.length = 15, PARSE.tooLong;
    byte = bytes[at++];
    if ((byte & 0xf0) === 0x40) {
      rex = byte;
      continue;
    }
    if (byte === 0x66) p.p66 = true;
    else if (byte === 0x67) p.addr32 = true;
    else if (byte === 0xf2) rep = 2;
    else if (byte === 0xf3) rep = 3;
    else if (byte === 0xf0) p.lock = true;
    else if (byte === 0x64) p.segment = STATE.fsBase;
    else if (byte === 0x65) p.segment = STATE.gsBase;
    else if (byte !== 0x2e && byte !== 0x36 && byte !== 0x3e && byte !== 0x26) break;
    rex = 0; // a REX prefix counts only directly before the opcode
  }
  p.rex = rex, p.rep = rep;
  let map = 0;
  if (byte === 0x0f) {
    byte = bytes[at++], map = 1;
    if (byte === 0x38 || byte === 0x3a) map = byte === 0x38 ? 2 : 3, byte = bytes[at++];
  }
  p.map = map, p.opcode = byte;
  const key = map << 8 | byte, node = t.nodes[key], nodeBits = t.nodeBits[key];
  p.length = at - start;
  if (!node) return p.length > 15 ? (p.length = 15, PARSE.tooLong) : PARSE.illegal;
  let leaf = node + (p.p66 ? 1 : 0) + (rex & 8 ? 2 : 0) + (rep << 2);
  if (nodeBits & 1) {
    const modrm = bytes[at++], mod = modrm >> 6, reg = modrm >> 3 & 7;
    let rm = modrm & 7;
    p.modrm = modrm;
    if (mod === 3) {
      const digits = nodeBits & 2 ? 8 : 1;
      leaf += digits << 4;
      if (nodeBits & 2) leaf += (nodeBits & 4 ? reg * 8 + rm : reg) << 4;
    } else {
      if (nodeBits & 2) leaf += reg << 4;
      p.memory = true;
      let size = mod === 1 ? 1 : mod === 2 ? 4 : 0;
      if (rm === 4) {
        const sib = bytes[at++], index = sib >> 3 & 7 | (rex & 2 ? 8 : 0);
        rm = sib & 7;
        if (index !== 4) p.index = index, p.scale = sib >> 6;
        if (rm === 5 && mod === 0) size = 4;
        else p.base = rm | (rex & 1 ? 8 : 0);
      } else if (rm === 5 && mod === 0) size = 4, p.rip = true;
      else p.base = rm | (rex & 1 ? 8 : 0);
      p.dispBytes = size;
      if (size === 1) p.disp = bytes[at] << 24 >> 24;
      else if (size === 4) {
        p.disp = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
      }
      at += size;
    }
  }
  const template = p.template = t.leaves[leaf];
  if (!template) return (p.length = at - start) > 15 ? (p.length = 15, PARSE.tooLong) : PARSE.illegal;
  const base = template * TEMPLATE.size;
  switch (t.templates[base + TEMPLATE.imm]) {
    case IMM.byte:
      p.imm = bytes[at], at++;
      break;
    case IMM.signedByte:
    case IMM.rel8:
      p.imm = bytes[at] << 24 >> 24, at++;
      break;
    case IMM.word:
      p.imm = bytes[at] | bytes[at + 1] << 8, at += 2;
      break;
    case IMM.enter:
      p.imm = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16, at += 3;
      break;
    case IMM.dword:
    case IMM.rel32:
      p.imm = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24, at += 4;
      break;
    case IMM.qword:
    case IMM.moffs:
      p.imm = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24, at += 4;
      if (p.addr32 && t.templates[base + TEMPLATE.imm] === IMM.moffs) break;
      p.immHigh = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24, at += 4;
  }
  p.length = at - start;
  if (p.length > 15) return p.length = 15, PARSE.tooLong;
  if (p.lock && !(t.templates[base + TEMPLATE.bits] & BIT.lock)) return PARSE.illegal;
  return PARSE.ok;
}

function slot(source: number, p: Parts): number {
  const { rex, modrm } = p;
  const reg = modrm >> 3 & 7 | (rex & 4 ? 8 : 0), rm = modrm & 7 | (rex & 1 ? 8 : 0);
  const low = p.opcode & 7 | (rex & 1 ? 8 : 0);
  // Without REX, byte registers 4-7 are ah ch dh bh.
  const byte = (n: number) => !rex && n >= 4 && n < 8 ? (n - 4) * 8 + 1 : n * 8;
  switch (source) {
    case SOURCE.none:
      return 0;
    case SOURCE.reg:
      return reg * 8;
    case SOURCE.rm:
      return rm * 8;
    case SOURCE.opcode:
      return low * 8;
    case SOURCE.reg8:
      return byte(reg);
    case SOURCE.rm8:
      return byte(rm);
    case SOURCE.opcode8:
      return byte(low);
    case SOURCE.reg16:
      return reg * 16;
    case SOURCE.rm16:
      return rm * 16;
    case SOURCE.regIndex:
      return reg;
    case SOURCE.rmIndex:
      return modrm & 7;
    case SOURCE.mmReg:
      return (modrm >> 3 & 7) * 16;
    case SOURCE.mmRm:
      return (modrm & 7) * 16;
    default:
      return source - SOURCE.constant;
  }
}

/** Numbers of the operations that stand for undecodable bytes. */
export interface SpecialOps {
  readonly illegal: number;
  readonly protection: number;
}

/** Builds runs of records. One for each CPU; holds nothing between runs. */
export class Decoder {
  readonly #p: Parts = newParts();
  readonly #main = new Int32Array(RUN_INSTRUCTIONS + 1);
  readonly #template = new Int32Array(RUN_INSTRUCTIONS + 1);
  /** 0: plain, 1: fused with the next, 2: flags must not be dropped around it, 3: a count of zero keeps the flags. */
  readonly #mark = new Uint8Array(RUN_INSTRUCTIONS + 1);
  /** Offset of the address form's numbers in the template. */
  readonly #form = new Uint8Array(RUN_INSTRUCTIONS + 1);
  readonly #stubs: number[] = [];
  readonly #window = new Uint8Array(32);
  /** Where the bytes of the last failed fetch would have been. */
  fetchAddress = 0;

  constructor(readonly tables: NumericTables, readonly special: SpecialOps, readonly cpu: BaseCpu) {}

  /**
   * Decodes up to `limit` instructions at a biased pc to `out` and enters them into the cache (not when stepping). Gives the end of
   * what was written, 0 when the first instruction cannot be fetched, or {@link MOVED}.
   */
  run(pc: number, limit: number, out: number, step: boolean): number {
    const { cpu, tables: t } = this, p = this.#p, { engine, cache } = cpu;
    const { templates } = t;
    const memory = cpu.memory;
    const pageEnd = ((pc | 4095) >>> 0) + 1;
    const table = step ? 0 : cache.page(pc >>> 12) >>> 2;
    // Behind `page`, which may have made the engine's memory grow.
    const { u16, u32, i32 } = engine;
    const first = pc;
    let count = 0, at = out, ended = false, previousRow = 0;
    this.#stubs.length = 0;
    while (count < limit && pc < pageEnd) {
      if (!step && count && u32[table + (pc & 4095)]) break;
      let bytes = memory, offset = pc, status: number, straddles = false;
      if (pc + 15 > pageEnd) {
        // Near the end of the page: the next one is looked at only when the instruction goes on there.
        const window = this.#window.fill(0);
        window.set(memory.subarray(pc, pageEnd));
        status = parse(t, window, 0, p);
        bytes = window, offset = 0;
        if (pc + p.length > pageEnd) {
          straddles = true;
          if (!cpu.executable(pageEnd + BIAS)) {
            if (pc === first) return this.fetchAddress = pageEnd + BIAS, 0;
            break;
          }
          cpu.claim(pageEnd + BIAS);
          // The next page differs in a space that shared the code: what was decoded here is not for them.
          if (!step && cpu.cache !== cache) {
            for (let q = first; q < pc; q++) if (u32[table + (q & 4095)] >= out) u32[table + (q & 4095)] = 0;
            return MOVED;
          }
          window.set(cpu.memory.subarray(pc, Math.min(pc + 15, cpu.memory.length)));
          status = parse(t, window, 0, p);
        }
      } else {
        status = parse(t, bytes, offset, p);
      }
      const { template } = p, base = template * TEMPLATE.size;
      // The stub instruction means something only where the kernel put it.
      if (status === PARSE.ok && p.map === 1 && p.opcode === 4 && !cpu.space.find?.(pc + BIAS)?.stubs) {
        status = PARSE.illegal;
      }
      const next = pc + p.length;
      let op = 0, bits = 0, flow: number = FLOW.none;
      const record0 = at;
      if (status !== PARSE.ok) {
        op = status === PARSE.illegal ? this.special.illegal : this.special.protection;
        u32[at + 0 >>> 2] = op, u32[at + 4 >>> 2] = 0, u32[at + 8 >>> 2] = 0, u32[at + 12 >>> 2] = 0;
        flow = FLOW.end;
        this.#template[count] = 0;
      } else {
        bits = templates[base + TEMPLATE.bits], flow = templates[base + TEMPLATE.flow];
        this.#template[count] = template;
        let disp = 0, imm = p.imm, baseSlot: number = STATE.zero, indexSlot: number = STATE.zero, scale = 0;
        const immKind = templates[base + TEMPLATE.imm];
        if (immKind === IMM.qword) disp = imm, imm = p.immHigh;
        if (bits & BIT.pops && p.base === 4) p.disp += templates[base + TEMPLATE.a] - SOURCE.constant;
        if (!(bits & BIT.memory)) {
          // String operations and loops find the source segment and the address size here.
          if (p.segment) baseSlot = p.segment;
          scale = p.addr32 ? 1 : 0;
        } else {
          const bias = bits & BIT.plain ? 0 : BIAS;
          const segment = bits & BIT.plain ? 0 : p.segment;
          let absolute = false, low = 0, high = 0;
          if (immKind === IMM.moffs) absolute = true, low = imm, high = p.immHigh, imm = 0;
          else if (p.rip) {
            const target = next + BIAS + p.disp;
            absolute = true, low = target | 0, high = Math.floor(target / 0x100000000) | 0;
          }
          if (absolute) {
            const biased = low - bias;
            if (high === 0 && low >= 0 && !p.addr32 && (!segment || bits & BIT.indexed)) {
              disp = biased;
              if (segment) indexSlot = segment, bits |= 0x100;
            } else {
              if (p.addr32) high = 0;
              u32[at >>> 2] = CORE_OPS.absolute | (segment || STATE.zero) << 16;
              u32[at + 4 >>> 2] = count << 24;
              i32[at + 8 >>> 2] = low, i32[at + 12 >>> 2] = high;
              at = this.#info(at, pc, p.length);
              baseSlot = STATE.temporary, disp = -bias, scale = p.addr32 ? NARROW : 0;
            }
          } else {
            if (p.base >= 0) baseSlot = p.base * 8;
            if (p.index >= 0) indexSlot = p.index * 8, scale = p.scale;
            const indexed = p.index >= 0;
            const rare = p.addr32 || (indexed && (segment || !(bits & BIT.indexed))) ||
              (segment && !(bits & BIT.indexed)) ||
              p.disp - bias < -0x80000000;
            if (rare) {
              u32[at >>> 2] = (p.addr32 ? CORE_OPS.ea32 : CORE_OPS.ea) | (segment || STATE.zero) << 16;
              u32[at + 4 >>> 2] = baseSlot | indexSlot << 8 | scale << 16 | count << 24;
              i32[at + 8 >>> 2] = p.disp, i32[at + 12 >>> 2] = 0;
              at = this.#info(at, pc, p.length);
              baseSlot = STATE.temporary, indexSlot = STATE.zero, disp = -bias;
              scale = p.addr32 ? NARROW : 0;
            } else {
              disp = p.disp - bias;
              if (segment) indexSlot = segment;
              if (indexed || segment) bits |= 0x100;
            }
          }
        }
        const a = slot(templates[base + TEMPLATE.a], p), b = slot(templates[base + TEMPLATE.b], p);
        u32[at >>> 2] = op | a << 16 | b << 24;
        u32[at + 4 >>> 2] = baseSlot | indexSlot << 8 | scale << 16 | count << 24;
        i32[at + 8 >>> 2] = disp, i32[at + 12 >>> 2] = imm;
        if (immKind === IMM.rel8 || immKind === IMM.rel32) {
          this.#branch(at, next + imm, count + 1, step);
        }
      }
      const condition = flow === FLOW.jcc ? templates[base + TEMPLATE.condition] : 255;
      this.#main[count] = at;
      this.#form[count] = bits & 0x100 ? 4 : 0;
      this.#mark[count] = straddles ? 2 : bits & BIT.counts && !(p.imm & 31) ? 3 : 0;
      // Fusion with the compare before: both in one page, so that both are forgotten together.
      if (condition < 16 && previousRow && !straddles && !step) {
        const fused = t.fused[previousRow * 16 + condition];
        if (fused) u16[this.#main[count - 1] >>> 1] = fused, this.#mark[count - 1] = 1;
      }
      const row = status === PARSE.ok && !straddles ? templates[base + TEMPLATE.fuse] : 0;
      previousRow = row ? row + (bits & 0x100 ? 1 : 0) : 0;
      at = this.#info(at, pc, p.length);
      if (!step) u32[table + (pc & 4095)] = record0;
      count++;
      pc = next;
      if (flow === FLOW.jmp || flow === FLOW.end) {
        ended = true;
        break;
      }
    }
    if (step) {
      u32[at >>> 2] = CORE_OPS.step, u32[at + 4 >>> 2] = count << 24;
      at = this.#info(at, pc, 0);
    } else if (!ended) {
      u32[at >>> 2] = CORE_OPS.goto, u32[at + 4 >>> 2] = count << 24;
      this.#branch(at, pc, count, false);
      at = this.#info(at, pc, 0);
    }
    this.#flags(count);
    for (let i = 0; i < this.#stubs.length; i += 2) {
      const branch = this.#stubs[i], target = this.#stubs[i + 1];
      u32[at >>> 2] = step ? CORE_OPS.step : CORE_OPS.link, u32[at + 4 >>> 2] = 0;
      i32[at + 8 >>> 2] = branch, i32[at + 12 >>> 2] = 0;
      i32[branch + RECORD.disp >>> 2] = at;
      at = this.#info(at, target, 0);
    }
    return at;
  }

  #info(record: number, pc: number, length: number): number {
    const info = infoOf(record);
    this.cpu.engine.u32[info + INFO.pc >>> 2] = pc;
    this.cpu.engine.u8[info + INFO.length] = length;
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

  /** Backward liveness: flags that nobody reads are not computed. Whatever can leave the run reads all. */
  #flags(count: number): void {
    const { u16 } = this.cpu.engine, { templates } = this.tables;
    let live = 0x3f;
    for (let i = count - 1; i >= 0; i--) {
      const template = this.#template[i];
      if (!template) {
        live = 0x3f;
        continue;
      }
      const base = template * TEMPLATE.size, bits = templates[base + TEMPLATE.bits], mark = this.#mark[i];
      if (mark !== 1) {
        const at = base + TEMPLATE.op + this.#form[i] +
          (mark === 2 || live & templates[base + TEMPLATE.writes] ? 2 : 0);
        u16[this.#main[i] >>> 1] = templates[at] | templates[at + 1] << 8;
      }
      const kills = bits & BIT.counts && mark === 3 ? 0 : templates[base + TEMPLATE.kills];
      live = bits & BIT.barrier || mark === 2 ? 0x3f : live & ~kills | templates[base + TEMPLATE.reads];
    }
  }
}
