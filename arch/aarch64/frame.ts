/** The trap frame: the running task's registers in the state block. */
// cold: images, and registers read by tools and at traps; calls use lo, hi and num
import type { BaseCpu } from "@guise/translator/run";
import { KIND } from "./kinds.ts";
import { REG, REGISTERS } from "./registers.ts";
import { STATE } from "./state.ts";

const SAVED: number = STATE.end;
/** Bytes of `fpsimd`: fpsr, fpcr, v0-v31. */
const IMAGE = 520;
const PSTATE: number = REG.pstate, FPSIMD: number = REG.fpsimd;
/** Where registers of exactly 64 bits lie; -1: the others. */
const WHOLE: Int32Array = Int32Array.from(REGISTERS, ({ offset, bits }) => bits === 64 ? offset : -1);

export class Frame {
  readonly registers: typeof REG = REG;

  /** Bytes beside the guest's that an image was in last, and a view of them. */
  #bytes: Uint8Array | undefined;
  #view: DataView | undefined;
  /** The vector registers in this memory: what grows gives other views. */
  #memory: Uint8Array | undefined;
  #v: Uint8Array | undefined;
  /** What `save` copies, likewise. */
  #of: Uint8Array | undefined;
  #block: Uint8Array | undefined;

  constructor(readonly cpu: BaseCpu) {}

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
  big(reg: number): bigint {
    return BigInt(this.hi(reg) >>> 0) << 32n | BigInt(this.lo(reg) >>> 0);
  }
  setBig(reg: number, value: bigint): void {
    this.set(reg, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
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

  read(reg: number, into: Uint8Array, at: number = 0): void {
    const { memory, state } = this.cpu;
    if (reg !== FPSIMD) {
      const { offset, bits } = REGISTERS[reg];
      into.set(memory.subarray(offset, offset + Math.min(into.length - at, bits >> 3)), at);
      return;
    }
    if (memory !== this.#memory) {
      this.#memory = memory;
      this.#v = memory.subarray(STATE.v, STATE.v + 512);
    }
    const out = this.#viewOf(into);
    out.setInt32(at, state.getInt32(STATE.fpsr, true), true);
    out.setInt32(at + 4, state.getInt32(STATE.fpcr, true), true);
    into.set(this.#v!, at + 8);
  }
  write(reg: number, from: Uint8Array, at: number = 0): void {
    const { memory, state } = this.cpu;
    if (reg !== FPSIMD) {
      const { offset, bits } = REGISTERS[reg];
      return memory.set(from.subarray(at, at + (bits >> 3)), offset);
    }
    const view = this.#viewOf(from);
    state.setInt32(STATE.fpsr, view.getInt32(at, true) & 0x0800009f, true);
    state.setInt32(STATE.fpcr, view.getInt32(at + 4, true) & 0x07c80000, true);
    // Without a view of the part, which would cost more than the copy.
    if (from === memory) memory.copyWithin(STATE.v, at + 8, at + IMAGE);
    else memory.set(from.subarray(at + 8, at + IMAGE), STATE.v);
  }

  gather(registers: Int32Array, into: DataView, at: number): void {
    const { state } = this.cpu;
    for (let i = 0, to = at; i < registers.length; i++, to += 8) {
      const reg = registers[i], offset = WHOLE[reg];
      let lo: number, hi: number;
      if (offset >= 0) lo = state.getInt32(offset, true), hi = state.getInt32(offset + 4, true);
      else lo = this.lo(reg), hi = this.hi(reg);
      // No branch among the arguments: V8 would make calls of these.
      into.setInt32(to, lo, true);
      into.setInt32(to + 4, hi, true);
    }
  }
  scatter(registers: Int32Array, from: DataView, at: number): void {
    const { state } = this.cpu;
    for (let i = 0, source = at; i < registers.length; i++, source += 8) {
      const reg = registers[i], offset = WHOLE[reg];
      const lo = from.getInt32(source, true), hi = from.getInt32(source + 4, true);
      if (offset < 0) this.set(reg, lo, hi);
      else state.setInt32(offset, lo, true), state.setInt32(offset + 4, hi, true);
    }
  }

  /** A view of the bytes. */
  #viewOf(bytes: Uint8Array): DataView {
    if (bytes === this.cpu.memory) return this.cpu.state;
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return this.#view!;
  }

  save(into?: Uint8Array): Uint8Array {
    const saved = into ?? new Uint8Array(SAVED);
    const { memory } = this.cpu;
    if (memory !== this.#of) {
      this.#of = memory;
      this.#block = memory.subarray(0, SAVED);
    }
    saved.set(this.#block!);
    return saved;
  }
  restore(saved: Uint8Array): void {
    this.cpu.memory.set(saved.length > SAVED ? saved.subarray(0, SAVED) : saved, 0);
    // Another task ran: the monitor is open.
    this.cpu.state.setInt32(STATE.exclusive, -1, true);
    this.cpu.state.setInt32(STATE.exclusive + 4, -1, true);
  }
}
