/**
 * malloc's heap: blocks of size classes, each with a 16-byte head in guest memory that names its class. A guest can ruin
 * its own heads as it can on any kernel; what is read from one is checked, and a bad one is the caller's error.
 */
import { type AddressSpace, PAGE, READ, WRITE } from "@guise/core";

const HEAD = 16;
/** Tells a head from other bytes. */
const MAGIC = 0x4f537600;
const FREED = 0x66726565;
/** Blocks above this (bytes) are mappings of their own. */
const LARGEST = 1 << 18;
const CHUNK = 1 << 20;

/** Block sizes, heads included: four to each doubling. */
const sizes: number[] = [];
for (let size = 32; size <= LARGEST; size += Math.max(16, 2 ** (Math.floor(Math.log2(size)) - 2))) {
  sizes.push(Math.ceil(size / 16) * 16);
}
const classOf = new Uint8Array(LARGEST / 16 + 1);
for (let n = 0, c = 0; n < classOf.length; n++) {
  while (c < sizes.length - 1 && sizes[c] < n * 16) c++;
  classOf[n] = c;
}
const LARGE = 0xff;

/** A heap in one address space. Addresses are of the guest; 0 is "no memory". */
export class Heap {
  readonly #space: AddressSpace;
  readonly #free: number[][] = sizes.map(() => []);
  #at = 0;
  #end = 0;

  constructor(space: AddressSpace) {
    this.#space = space;
  }

  /** A block of at least `size` bytes, 16-aligned, with undefined content. */
  allocate(size: number): number {
    if (!(size >= 0 && size < this.#space.limit)) return 0;
    const whole = size + HEAD;
    if (whole > LARGEST) return this.#large(whole, PAGE, HEAD);
    const kind = classOf[Math.ceil(whole / 16)];
    const free = this.#free[kind];
    const block = free.length > 0 ? free.pop()! : this.#carve(sizes[kind]);
    if (block === 0 || !this.#mark(block, kind, 0)) return 0;
    return block + HEAD;
  }

  #mark(block: number, kind: number, length: number): boolean {
    return this.#space.setU32(block, MAGIC | kind) && this.#space.setU32(block + 4, 0) &&
      this.#space.setNum64(block + 8, length);
  }

  #carve(size: number): number {
    if (this.#at + size > this.#end) {
      const chunk = this.#space.map({ address: 0, length: CHUNK, prot: READ | WRITE, name: "[heap]" });
      if (chunk < 0) return 0;
      // Chunks that follow one another are one.
      if (chunk !== this.#end) this.#at = chunk;
      this.#end = chunk + CHUNK;
    }
    const block = this.#at;
    this.#at += size;
    return block;
  }

  #large(whole: number, align: number, offset: number): number {
    const length = Math.ceil((whole + (align > PAGE ? align : 0)) / PAGE) * PAGE;
    const start = this.#space.map({ address: 0, length, prot: READ | WRITE, name: "[heap]" });
    if (start < 0) return 0;
    const address = align > PAGE ? Math.ceil((start + offset) / align) * align : start + offset;
    const block = address - HEAD;
    if (!this.#space.setU32(block, MAGIC | LARGE) || !this.#space.setU32(block + 4, address - start)) {
      return 0;
    }
    this.#space.setNum64(block + 8, length);
    return address;
  }

  /** A block whose address is a multiple of `align`, a power of two. */
  aligned(align: number, size: number): number {
    if (align <= 16) return this.allocate(size);
    if (!(size >= 0 && size < this.#space.limit && align < this.#space.limit)) return 0;
    return this.#large(size + align + HEAD, Math.max(align, PAGE), Math.max(align, HEAD));
  }

  /** Bytes that the block can hold; undefined when the address is no block of ours. */
  usable(address: number): number | undefined {
    const head = address % 16 === 0 ? this.#space.getU32(address - HEAD) : undefined;
    if (head === undefined || (head & 0xffffff00) !== MAGIC) return undefined;
    const kind = head & 0xff;
    if (kind !== LARGE) return kind < sizes.length ? sizes[kind] - HEAD : undefined;
    const before = this.#space.getU32(address - 12), length = this.#space.getNum64(address - 8);
    return before === undefined || length === undefined || length <= before ? undefined : length - before;
  }

  /** Gives a block back; false when it is none. */
  release(address: number): boolean {
    if (address === 0) return true;
    const usable = this.usable(address);
    if (usable === undefined) return false;
    const kind = this.#space.getU32(address - HEAD)! & 0xff;
    if (kind === LARGE) {
      const before = this.#space.getU32(address - 12)!;
      return this.#space.unmap(address - before, usable + before) === 0;
    }
    this.#space.setU32(address - HEAD, FREED);
    this.#free[kind].push(address - HEAD);
    return true;
  }
}
