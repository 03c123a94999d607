/** The trap frame: the running task's registers in the state block. */
// cold: images, and registers read by tools and at traps; calls use lo, hi and num
import { type BaseCpu, BaseFrame } from "@guise/translator/run";
import { KIND } from "./kinds.ts";
import { REG, REGISTERS } from "./registers.ts";
import { AF, CF, OF, PF, SF, STATE, STATUS_FLAGS, ZF } from "./state.ts";

const RFLAGS: number = REG.rflags, FXSAVE: number = REG.fxsave;
/** General registers, the first of {@link REGISTERS}. */
const GENERAL = 16;
export class Frame extends BaseFrame {
  readonly registers: typeof REG = REG;

  constructor(cpu: BaseCpu) {
    super(cpu, REGISTERS, STATE.scratch, [STATE.xmm, STATE.xmm + 256]);
  }

  // The general registers come first and lie in a row: what calls use needs no table.
  lo(reg: number): number {
    return reg < GENERAL ? this.cpu.state.getInt32(STATE.gpr + reg * 8, true) : this.#lo(reg);
  }
  hi(reg: number): number {
    return reg < GENERAL ? this.cpu.state.getInt32(STATE.gpr + reg * 8 + 4, true) : this.#hi(reg);
  }
  set(reg: number, lo: number, hi: number): void {
    if (reg >= GENERAL) return this.#set(reg, lo, hi);
    const { state } = this.cpu, offset = STATE.gpr + reg * 8;
    state.setInt32(offset, lo, true);
    state.setInt32(offset + 4, hi, true);
  }
  num(reg: number): number {
    if (reg >= GENERAL) return (this.#hi(reg) >>> 0) * 0x100000000 + (this.#lo(reg) >>> 0);
    const { state } = this.cpu, offset = STATE.gpr + reg * 8;
    return state.getUint32(offset + 4, true) * 0x100000000 + state.getUint32(offset, true);
  }
  setNum(reg: number, value: number): void {
    const lo = value | 0;
    // `|` takes the value modulo 2^32 only below 2^53, which is promised.
    this.set(reg, lo, lo === value ? lo >> 31 : Math.floor(value / 0x100000000) | 0);
  }
  #lo(reg: number): number {
    const { offset } = REGISTERS[reg];
    return offset >= 0 ? this.cpu.state.getInt32(offset, true) : this.#special(reg);
  }
  #hi(reg: number): number {
    const { offset, bits } = REGISTERS[reg];
    return offset >= 0 && bits >= 64 ? this.cpu.state.getInt32(offset + 4, true) : 0;
  }
  #set(reg: number, lo: number, hi: number): void {
    const { offset, bits } = REGISTERS[reg], { state } = this.cpu;
    if (reg === RFLAGS) return this.#setFlags(lo);
    if (reg === REG.fsw) {
      return state.setInt32(STATE.fsw, lo & 0xc7ff, true), state.setInt32(STATE.ftop, lo >> 11 & 7, true);
    }
    if (offset < 0) throw new Error(`${REGISTERS[reg].name} is read and written by copy`);
    const low = bits === 16 ? lo & 0xffff : lo;
    state.setInt32(offset, low, true);
    if (bits >= 64) state.setInt32(offset + 4, hi, true);
  }
  #special(reg: number): number {
    const { state } = this.cpu;
    if (reg === RFLAGS) return this.#flags();
    if (reg === REG.fsw) return state.getInt32(STATE.fsw, true) | state.getInt32(STATE.ftop, true) << 11;
    throw new Error(`${REGISTERS[reg].name} is read and written by copy`);
  }

  /** rflags, from the lazy form (flags.ts says what the kinds mean). */
  #flags(): number {
    const { state } = this.cpu;
    const kind = state.getInt32(STATE.flagKind, true), rest = state.getInt32(STATE.flagRest, true);
    // By halves: a BigInt would be an object each.
    const aLo = state.getInt32(STATE.flagA, true), aHi = state.getInt32(STATE.flagA + 4, true);
    if (kind === KIND.image) return aLo & STATUS_FLAGS | rest;
    const bLo = state.getInt32(STATE.flagB, true), bHi = state.getInt32(STATE.flagB + 4, true);
    let lo = aLo, hi = aHi, bits = 0;
    if (kind === KIND.result) bits = bLo;
    else {
      const size = 8 << (kind & 3), subtract = kind < KIND.add;
      const borrow = aLo >>> 0 < bLo >>> 0 ? 1 : 0;
      if (subtract) {
        lo = aLo - bLo | 0;
        hi = aHi - bHi - borrow | 0;
      } else {
        lo = aLo + bLo | 0;
        hi = aHi + bHi + (lo >>> 0 < aLo >>> 0 ? 1 : 0) | 0;
      }
      if (size < 64) {
        lo = lo << 32 - size >> 32 - size;
        hi = lo >> 31;
      }
      if (subtract) {
        if (aHi >>> 0 < bHi >>> 0 || (aHi === bHi && borrow)) bits |= CF;
        if ((aHi < bHi || (aHi === bHi && borrow === 1)) !== hi < 0) bits |= OF;
      } else {
        if (hi >>> 0 < aHi >>> 0 || (hi === aHi && lo >>> 0 < aLo >>> 0)) bits |= CF;
        if (((aHi ^ hi) & (bHi ^ hi)) < 0) bits |= OF;
      }
      bits |= (aLo ^ bLo ^ lo) & AF;
    }
    if ((lo | hi) === 0) bits |= ZF;
    if (hi < 0) bits |= SF;
    let parity = lo & 0xff;
    parity ^= parity >> 4, parity ^= parity >> 2, parity ^= parity >> 1;
    return bits | rest | (parity & 1 ? 0 : PF);
  }
  #setFlags(v: number): void {
    const { state } = this.cpu;
    state.setInt32(STATE.flagKind, KIND.image, true);
    state.setInt32(STATE.flagA, v & STATUS_FLAGS, true);
    state.setInt32(STATE.flagA + 4, 0, true);
    state.setInt32(STATE.flagRest, v & ~STATUS_FLAGS | 2, true);
  }

  override read(reg: number, into: Uint8Array, at: number = 0): void {
    if (reg !== FXSAVE) return super.read(reg, into, at);
    const copies = this.imageIn(into);
    if (copies !== undefined) copies.save(at);
    else this.#fxsave(into, at);
  }
  override write(reg: number, from: Uint8Array, at: number = 0): void {
    if (reg !== FXSAVE) return super.write(reg, from, at);
    const copies = this.imageIn(from);
    if (copies !== undefined) copies.restore(at);
    else this.#fxrstor(from, at);
  }

  /** The FXSAVE image, 64-bit form (SDM volume 1, 10.5.1.1): 416 of its 512 bytes, the rest is left as it is. */
  #fxsave(into: Uint8Array, at: number): void {
    const { state } = this.cpu, out = this.viewOf(into);
    const top = state.getInt32(STATE.ftop, true);
    const status = state.getInt32(STATE.fsw, true) & 0xc7ff | top << 11;
    out.setInt32(at, state.getInt32(STATE.fcw, true) & 0xffff | status << 16, true);
    out.setInt32(
      at + 4,
      state.getInt32(STATE.ftw, true) & 0xff | state.getInt32(STATE.fop, true) << 16,
      true,
    );
    out.setInt32(at + 8, state.getInt32(STATE.fip, true), true);
    out.setInt32(at + 12, state.getInt32(STATE.fip + 4, true), true);
    out.setInt32(at + 16, state.getInt32(STATE.fdp, true), true);
    out.setInt32(at + 20, state.getInt32(STATE.fdp + 4, true), true);
    out.setInt32(at + 24, state.getInt32(STATE.mxcsr, true), true);
    out.setInt32(at + 28, 0xffff, true);
    for (let i = 0; i < 8; i++) {
      const from = STATE.x87 + (top + i & 7) * 16, to = at + 32 + i * 16;
      out.setInt32(to, state.getInt32(from, true), true);
      out.setInt32(to + 4, state.getInt32(from + 4, true), true);
      out.setInt32(to + 8, state.getUint16(from + 8, true), true);
      out.setInt32(to + 12, 0, true);
    }
    this.readVectors(into, at + 160);
  }
  #fxrstor(image: Uint8Array, at: number): void {
    const { state } = this.cpu, view = this.viewOf(image);
    const fsw = view.getUint16(at + 2, true), top = fsw >> 11 & 7;
    // As the instruction: reserved bits are dropped, and the summary follows from flags and masks.
    const fcw = view.getUint16(at, true) & 0x1f3f | 0x40;
    state.setInt32(STATE.fcw, fcw, true);
    state.setInt32(STATE.fsw, fsw & 0x477f | (fsw & ~fcw & 0x3f ? 0x8080 : 0), true);
    state.setInt32(STATE.ftop, top, true);
    state.setInt32(STATE.ftw, view.getUint8(at + 4), true);
    state.setInt32(STATE.fop, view.getUint16(at + 6, true) & 0x7ff, true);
    state.setInt32(STATE.fip, view.getInt32(at + 8, true), true);
    state.setInt32(STATE.fip + 4, view.getInt32(at + 12, true), true);
    state.setInt32(STATE.fdp, view.getInt32(at + 16, true), true);
    state.setInt32(STATE.fdp + 4, view.getInt32(at + 20, true), true);
    state.setInt32(STATE.mxcsr, view.getUint16(at + 24, true), true);
    for (let i = 0; i < 8; i++) {
      const to = STATE.x87 + (top + i & 7) * 16, from = at + 32 + i * 16;
      state.setInt32(to, view.getInt32(from, true), true);
      state.setInt32(to + 4, view.getInt32(from + 4, true), true);
      state.setInt32(to + 8, view.getUint16(from + 8, true), true);
      state.setInt32(to + 12, 0, true);
    }
    this.writeVectors(image, at + 160);
  }
}
