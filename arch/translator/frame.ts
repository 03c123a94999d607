/** What the trap frames of all CPUs have in common: registers in the state block by a table of places, many at once, and images. */
// cold: `big` and `setBig`; calls use lo, hi and num
import type { BaseCpu } from "./cpu.ts";
import type { Copies } from "./parts.ts";

/** Where a register lies in the state block. */
export interface RegisterPlace {
  /** Its name, as tools print it. */
  readonly name: string;
  /** Its width. */
  readonly bits: number;
  /** Its offset in the state block, in bytes; below 0 where it is put together from several fields. */
  readonly offset: number;
}

/** Copies of one kind before WebAssembly does them, if there is a translator to make it: some 0.1 ms. */
const OFTEN = 256;
/** Registers that are quicker copied without. */
const FEW = 4;

/** Copies between the state block and guest memory by WebAssembly, when there have been many. */
class Copier {
  /** How often it has been asked for, until there is one. */
  #asked = 0;
  #copies: Copies | undefined;
  /** Which of the registers are none of its: those that are no fields of 64 bits. */
  readonly rest: readonly number[];

  /** `offsets`: of the registers, below 0 those that it leaves alone; undefined: the image register of signal frames. */
  constructor(readonly offsets?: Int32Array) {
    this.rest = [...offsets ?? []].flatMap((offset, i) => offset < 0 ? [i] : []);
  }

  of(cpu: BaseCpu): Copies | undefined {
    if (this.#copies !== undefined) return this.#copies;
    if (++this.#asked < OFTEN) return undefined;
    this.#asked = 0;
    return this.#copies = cpu.copies(this.offsets);
  }
}

/** The registers of the running task in the state block. An architecture adds those that are no plain fields. */
export abstract class BaseFrame {
  /** Offsets of the registers of exactly 64 bits; -1: the others. */
  readonly #whole: Int32Array;
  /** Bytes beside the guest's that an image was in last, and a view of them. */
  #bytes: Uint8Array | undefined;
  #view: DataView | undefined;
  /** Views of what `save` copies and of the vector registers, in this memory: what grows gives other views. */
  #memory: Uint8Array | undefined;
  #block: Uint8Array | undefined;
  #vectors: Uint8Array | undefined;
  readonly #copiers = new Map<Int32Array, Copier>();
  readonly #image = new Copier();

  /** `saved`: bytes of the state block that belong to a task; `vectors`: where the vector registers lie in it, from and to. */
  constructor(
    readonly cpu: BaseCpu,
    readonly places: readonly RegisterPlace[],
    readonly saved: number,
    readonly vectors: readonly [number, number],
  ) {
    this.#whole = Int32Array.from(places, ({ offset, bits }) => bits === 64 ? offset : -1);
  }

  /** The lower 32 bits, signed. */
  abstract lo(reg: number): number;
  /** The upper 32 bits, signed. */
  abstract hi(reg: number): number;
  /** Writes both halves. */
  abstract set(reg: number, lo: number, hi: number): void;

  /** All 64 bits, unsigned. */
  big(reg: number): bigint {
    return BigInt(this.hi(reg) >>> 0) << 32n | BigInt(this.lo(reg) >>> 0);
  }
  /** Writes a value modulo 2^64. */
  setBig(reg: number, value: bigint): void {
    this.set(reg, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
  }

  /** Copies the bytes of a register to `into`, from `at` on. */
  read(reg: number, into: Uint8Array, at: number = 0): void {
    const { offset, bits } = this.places[reg];
    into.set(this.cpu.memory.subarray(offset, offset + Math.min(into.length - at, bits >> 3)), at);
  }
  /** Copies a register from the bytes at `at`. */
  write(reg: number, from: Uint8Array, at: number = 0): void {
    const { offset, bits } = this.places[reg];
    this.cpu.memory.set(from.subarray(at, at + (bits >> 3)), offset);
  }

  /** These registers, 8 bytes each, one behind the other. */
  gather(registers: Int32Array, into: DataView, at: number): void {
    const { state } = this.cpu, whole = this.#whole;
    if (into === state) {
      const copier = this.#copierOf(registers), copies = copier?.of(this.cpu);
      if (copies !== undefined) {
        copies.save(at);
        for (const i of copier!.rest) {
          const lo = this.lo(registers[i]), hi = this.hi(registers[i]);
          into.setInt32(at + i * 8, lo, true), into.setInt32(at + i * 8 + 4, hi, true);
        }
        return;
      }
    }
    for (let i = 0, to = at; i < registers.length; i++, to += 8) {
      const reg = registers[i], offset = whole[reg];
      let lo: number, hi: number;
      if (offset >= 0) lo = state.getInt32(offset, true), hi = state.getInt32(offset + 4, true);
      else lo = this.lo(reg), hi = this.hi(reg);
      // No branch among the arguments: V8 would make calls of these.
      into.setInt32(to, lo, true);
      into.setInt32(to + 4, hi, true);
    }
  }
  /** The other way round. */
  scatter(registers: Int32Array, from: DataView, at: number): void {
    const { state } = this.cpu, whole = this.#whole;
    if (from === state) {
      const copier = this.#copierOf(registers), copies = copier?.of(this.cpu);
      if (copies !== undefined) {
        copies.restore(at);
        for (const i of copier!.rest) {
          const lo = from.getInt32(at + i * 8, true), hi = from.getInt32(at + i * 8 + 4, true);
          this.set(registers[i], lo, hi);
        }
        return;
      }
    }
    for (let i = 0, source = at; i < registers.length; i++, source += 8) {
      const reg = registers[i], offset = whole[reg];
      const lo = from.getInt32(source, true), hi = from.getInt32(source + 4, true);
      if (offset < 0) this.set(reg, lo, hi);
      else state.setInt32(offset, lo, true), state.setInt32(offset + 4, hi, true);
    }
  }

  /** For lists that are worth it. */
  #copierOf(registers: Int32Array): Copier | undefined {
    let copier = this.#copiers.get(registers);
    if (copier === undefined && registers.length >= FEW) {
      copier = new Copier(registers.map((reg) => this.#whole[reg]));
      this.#copiers.set(registers, copier);
    }
    return copier;
  }
  /** What copies the image register between the state block and these bytes, if they are guest memory. */
  protected imageIn(bytes: Uint8Array): Copies | undefined {
    return bytes === this.cpu.memory ? this.#image.of(this.cpu) : undefined;
  }

  /** A copy of what belongs to a task, in `into` where that is given. */
  save(into?: Uint8Array): Uint8Array {
    const saved = into ?? new Uint8Array(this.saved);
    if (this.cpu.memory !== this.#memory) this.#look();
    saved.set(this.#block!);
    return saved;
  }
  /** What `save` gave is the state again. */
  restore(saved: Uint8Array): void {
    this.cpu.memory.set(saved.length > this.saved ? saved.subarray(0, this.saved) : saved, 0);
  }

  #look(): void {
    const { memory } = this.cpu;
    this.#memory = memory;
    this.#block = memory.subarray(0, this.saved);
    this.#vectors = memory.subarray(this.vectors[0], this.vectors[1]);
  }
  /** The vector registers to an image. */
  protected readVectors(into: Uint8Array, at: number): void {
    if (this.cpu.memory !== this.#memory) this.#look();
    into.set(this.#vectors!, at);
  }
  /** The vector registers from an image. */
  protected writeVectors(from: Uint8Array, at: number): void {
    const { memory } = this.cpu, [offset, end] = this.vectors;
    // Without a view of the part, which would cost more than the copy.
    if (from === memory) memory.copyWithin(offset, at, at + end - offset);
    else memory.set(from.subarray(at, at + end - offset), offset);
  }
  /** A view of the bytes, kept for the next image in the same ones. */
  protected viewOf(bytes: Uint8Array): DataView {
    if (bytes === this.cpu.memory) return this.cpu.state;
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    return this.#view!;
  }
}
