/** The trap frame: the running task's registers in the state block. */
// cold: images, and registers read by tools and at traps; calls use lo, hi and num
import { type BaseCpu, BaseFrame } from "@guise/translator/run";
import { KIND } from "./kinds.ts";
import { REG, REGISTERS } from "./registers.ts";
import { STATE } from "./state.ts";

const PSTATE: number = REG.pstate, FPSIMD: number = REG.fpsimd;

export class Frame extends BaseFrame {
  readonly registers: typeof REG = REG;

  constructor(cpu: BaseCpu) {
    super(cpu, REGISTERS, STATE.end, [STATE.v, STATE.v + 512]);
  }

  lo(reg: number): number {
    const { offset } = REGISTERS[reg];
    return offset >= 0 ? this.cpu.state.getInt32(offset, true) : this.#flags(reg);
  }
  hi(reg: number): number {
    const { offset, bits } = REGISTERS[reg];
    return offset >= 0 && bits >= 64 ? this.cpu.state.getInt32(offset + 4, true) : 0;
  }
  set(reg: number, lo: number, hi: number): void {
    const { offset, bits } = REGISTERS[reg], { state } = this.cpu;
    if (reg === PSTATE) {
      state.setInt32(STATE.flagKind, KIND.image, true);
      state.setInt32(STATE.flagA, lo & 0xf0000000, true);
      return state.setInt32(STATE.flagA + 4, lo >> 31, true);
    }
    if (offset < 0) throw new Error(`${REGISTERS[reg].name} is read and written by copy`);
    state.setInt32(offset, lo, true);
    if (bits >= 64) state.setInt32(offset + 4, hi, true);
  }
  num(reg: number): number {
    return (this.hi(reg) >>> 0) * 0x100000000 + (this.lo(reg) >>> 0);
  }
  setNum(reg: number, value: number): void {
    this.set(reg, value | 0, Math.floor(value / 0x100000000) | 0);
  }
  /** PSTATE: NZCV from the lazy form (kinds.ts); the other bits of EL0t are 0. */
  #flags(reg: number): number {
    if (reg !== PSTATE) throw new Error(`${REGISTERS[reg].name} is read and written by copy`);
    const { state } = this.cpu, kind = state.getInt32(STATE.flagKind, true);
    // By halves: a BigInt would be an object each.
    const aLo = state.getInt32(STATE.flagA, true), aHi = state.getInt32(STATE.flagA + 4, true);
    if (kind === KIND.image) return aLo & 0xf0000000;
    if (kind === KIND.float) {
      const [x, y] = [0, 1].map((i) => state.getFloat64(i ? STATE.flagB : STATE.flagA, true));
      return (x < y ? 8 : x === y ? 6 : x > y ? 2 : 3) << 28;
    }
    const bLo = state.getInt32(STATE.flagB, true), bHi = state.getInt32(STATE.flagB + 4, true);
    let lo = aLo, hi = aHi, c = false, v = false;
    if (kind < KIND.logic) {
      const borrow = aLo >>> 0 < bLo >>> 0 ? 1 : 0;
      lo = aLo - bLo | 0;
      hi = kind & 1 ? aHi - bHi - borrow | 0 : lo >> 31;
      c = aHi >>> 0 > bHi >>> 0 || (aHi === bHi && borrow === 0);
      v = (aHi < bHi || (aHi === bHi && borrow === 1)) !== hi < 0;
    } else if (kind >= KIND.add) {
      lo = aLo + bLo | 0;
      hi = kind & 1 ? aHi + bHi + (lo >>> 0 < aLo >>> 0 ? 1 : 0) | 0 : lo >> 31;
      c = hi >>> 0 < aHi >>> 0 || (hi === aHi && lo >>> 0 < aLo >>> 0);
      v = ((aHi ^ hi) & (bHi ^ hi)) < 0;
    }
    return (hi < 0 ? 0x80000000 : 0) | ((lo | hi) === 0 ? 0x40000000 : 0) | (c ? 0x20000000 : 0) |
      (v ? 0x10000000 : 0);
  }

  override read(reg: number, into: Uint8Array, at: number = 0): void {
    if (reg !== FPSIMD) return super.read(reg, into, at);
    const copies = this.imageIn(into);
    if (copies !== undefined) return copies.save(at);
    const { state } = this.cpu, out = this.viewOf(into);
    out.setInt32(at, state.getInt32(STATE.fpsr, true), true);
    out.setInt32(at + 4, state.getInt32(STATE.fpcr, true), true);
    this.readVectors(into, at + 8);
  }
  override write(reg: number, from: Uint8Array, at: number = 0): void {
    if (reg !== FPSIMD) return super.write(reg, from, at);
    const copies = this.imageIn(from);
    if (copies !== undefined) return copies.restore(at);
    const { state } = this.cpu, view = this.viewOf(from);
    state.setInt32(STATE.fpsr, view.getInt32(at, true) & 0x0800009f, true);
    state.setInt32(STATE.fpcr, view.getInt32(at + 4, true) & 0x07c80000, true);
    this.writeVectors(from, at + 8);
  }

  override restore(saved: Uint8Array): void {
    super.restore(saved);
    // Another task ran: the monitor is open.
    this.cpu.state.setInt32(STATE.exclusive, -1, true);
    this.cpu.state.setInt32(STATE.exclusive + 4, -1, true);
  }
}
