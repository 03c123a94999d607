/** The trap frame: the running task's registers in the state block. */
// cold: images, and registers read by tools and at traps; calls use lo, hi and num
import type { BaseCpu } from "@guise/translator/run";
import { KIND } from "./kinds.ts";
import { REG, REGISTERS } from "./registers.ts";
import { STATE } from "./state.ts";

const SAVED: number = STATE.end;
/** Bytes of `fpsimd`: fpsr, fpcr, v0-v31. */
const IMAGE = 520;

export class Frame {
  readonly registers: typeof REG = REG;

  /** Room for the image of a signal frame; parts of it and of the guest's memory. */
  readonly #image: Uint8Array = new Uint8Array(IMAGE);
  readonly #in: DataView = new DataView(this.#image.buffer);
  readonly #vectors: Uint8Array = this.#image.subarray(8);
  #memory: Uint8Array | undefined;
  #v: Uint8Array | undefined;

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
    if (reg === REG.pstate) {
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
    if (reg !== REG.pstate) throw new Error(`${REGISTERS[reg].name} is read and written by copy`);
    const { state } = this.cpu, kind = state.getInt32(STATE.flagKind, true);
    const a = state.getBigInt64(STATE.flagA, true), b = state.getBigInt64(STATE.flagB, true);
    if (kind === KIND.image) return Number(BigInt.asIntN(32, a)) & 0xf0000000;
    if (kind === KIND.float) {
      const [x, y] = [0, 1].map((i) => state.getFloat64(i ? STATE.flagB : STATE.flagA, true));
      return (x < y ? 8 : x === y ? 6 : x > y ? 2 : 3) << 28;
    }
    let result = a, c = false, v = false;
    const u = (x: bigint) => BigInt.asUintN(64, x), size = kind & 1 ? 64 : 32;
    if (kind < KIND.logic) {
      result = BigInt.asIntN(size, a - b);
      c = u(a) >= u(b), v = a < b !== result < 0n;
    } else if (kind >= KIND.add) {
      result = BigInt.asIntN(size, a + b);
      c = u(result) < u(a), v = ((a ^ result) & (b ^ result)) < 0n;
    }
    return (result < 0n ? 0x80000000 : 0) | (result === 0n ? 0x40000000 : 0) | (c ? 0x20000000 : 0) |
      (v ? 0x10000000 : 0);
  }

  read(reg: number, into: Uint8Array): void {
    const { offset, bits } = REGISTERS[reg], { memory, state } = this.cpu;
    if (reg !== REG.fpsimd) {
      into.set(memory.subarray(offset, offset + Math.min(into.length, bits >> 3)));
      return;
    }
    if (memory !== this.#memory) {
      this.#memory = memory;
      this.#v = memory.subarray(STATE.v, STATE.v + 512);
    }
    const image = this.#image, out = this.#in;
    out.setInt32(0, state.getInt32(STATE.fpsr, true), true);
    out.setInt32(4, state.getInt32(STATE.fpcr, true), true);
    image.set(this.#v!, 8);
    into.set(into.length < IMAGE ? image.subarray(0, into.length) : image);
  }
  write(reg: number, from: Uint8Array): void {
    const { offset, bits } = REGISTERS[reg], { memory, state } = this.cpu;
    if (reg !== REG.fpsimd) return memory.set(from.subarray(0, bits >> 3), offset);
    this.#image.set(from.length > IMAGE ? from.subarray(0, IMAGE) : from);
    state.setInt32(STATE.fpsr, this.#in.getInt32(0, true) & 0x0800009f, true);
    state.setInt32(STATE.fpcr, this.#in.getInt32(4, true) & 0x07c80000, true);
    memory.set(this.#vectors, STATE.v);
  }

  save(into?: Uint8Array): Uint8Array {
    const saved = into ?? new Uint8Array(SAVED);
    saved.set(this.cpu.memory.subarray(0, SAVED));
    return saved;
  }
  restore(saved: Uint8Array): void {
    this.cpu.memory.set(saved.subarray(0, SAVED), 0);
    // Another task ran: the monitor is open.
    this.cpu.state.setInt32(STATE.exclusive, -1, true);
    this.cpu.state.setInt32(STATE.exclusive + 4, -1, true);
  }
}
