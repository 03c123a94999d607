/**
 * Kernel accesses to guest memory: every pointer a guest gives is checked against the same page bits that its own
 * accesses meet, so a wild pointer is EFAULT and a store of the kernel reaches decoded code and shared pages as a
 * guest's store does. Addresses may be any number.
 */
import { EXEC, READ, WRITE } from "./arch.ts";
import { EFAULT, ENAMETOOLONG, type Errno } from "./errno.ts";
import { BIAS, BLOCK_END, LOWEST, NO_PAGE, PAGE, WINDOW_PAGES, WINDOWS } from "./memory.ts";
import { growMemory, growWhole, type HostMemory, type MemoryPair, RESIDENT, TOUCHED } from "./pool.ts";

/** Growing is a host call that detaches every view, and a large step can cost a garbage collection: take a quarter more. */
const GROW_LEAST = 4 << 20;

/** So many bytes of a string are looked at one by one: a view of the rest costs more than that. */
const NEAR = 64;

/** TOUCHED in each byte of a word of the page table. */
const FOUR_TOUCHED = TOUCHED * 0x01010101;

/** The memory of an address space, its page bytes, and the kernel's ways to read and write it. */
export abstract class GuestMemory {
  readonly memory: WebAssembly.Memory;
  readonly pages: WebAssembly.Memory;
  revoked = 0;
  /** Only this class grows the memory, so the views are made then and are plain fields otherwise. */
  u8!: Uint8Array;
  i32!: Int32Array;
  u32!: Uint32Array;
  view!: DataView;
  readonly limit: number;
  faultCause: "unmapped" | "forbidden" | "beyond" | "memory" = "unmapped";
  protected readonly host: HostMemory;
  protected readonly pair: MemoryPair;
  /** The page bytes; see pool.ts for their bits. */
  protected readonly bits: Uint8Array;
  /** The same, four pages at a time. */
  protected readonly words: Int32Array;

  protected constructor(host: HostMemory, pair: MemoryPair, limit: number) {
    this.host = host;
    this.pair = pair;
    this.memory = pair.memory;
    this.pages = pair.pages;
    this.bits = new Uint8Array(pair.pages.buffer);
    this.words = new Int32Array(pair.pages.buffer);
    this.limit = limit;
    this.#look();
    this.#forget();
  }

  #look(): void {
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.view = new DataView(buffer);
  }

  /** Makes the memory reach up to guest address `end`. */
  protected reach(end: number): boolean {
    const { pair } = this, have = this.u8.length;
    if (end - BIAS <= have) {
      if (end > pair.reached) pair.reached = end;
      return true;
    }
    const wanted = Math.min(Math.max(end - BIAS, have + Math.max(have / 4, GROW_LEAST)), this.limit - BIAS);
    const grown = growMemory(this.memory, Math.ceil(wanted / 65536), this.host.memory32) ||
      growMemory(this.memory, Math.ceil((end - BIAS) / 65536), this.host.memory32);
    this.#look();
    if (grown && end > pair.reached) pair.reached = end;
    return grown;
  }

  whole(): boolean {
    const { length } = this.u8, whole = growWhole(this.memory, this.host.memory32);
    if (this.memory.buffer.byteLength !== length) this.#look();
    return whole;
  }

  /** Counts a page as committed before its first change. */
  protected commitPage(page: number): boolean {
    if ((this.bits[page] & RESIDENT) === 0) {
      if (!this.host.commit(this.pair, 1)) return false;
      this.bits[page] |= RESIDENT;
    }
    return true;
  }

  /** The first touched page of a range; `end` when there is none. */
  protected touchedFrom(first: number, end: number): number {
    const { bits, words } = this;
    let page = first;
    while (page < end) {
      if ((page & 3) === 0 && (words[page >>> 2] & FOUR_TOUCHED) === 0) page += 4;
      else if ((bits[page] & TOUCHED) !== 0) return page;
      else page++;
    }
    return end;
  }

  #forget(): void {
    this.u8.fill(0, WINDOWS, WINDOW_PAGES);
    this.u8.fill(NO_PAGE, WINDOW_PAGES, BLOCK_END);
  }

  /** A permission bit was cleared: what translated code remembers is not true any more. */
  protected narrowed(): void {
    this.#forget();
    this.revoked++;
  }

  /** Zeroes what was touched in a range of pages and makes it untouched. */
  protected clearPages(first: number, end: number): void {
    const bits = this.bits;
    let had = 0;
    for (let page = first; page < end; page++) {
      had |= bits[page];
      if ((bits[page] & TOUCHED) === 0) {
        bits[page] &= RESIDENT;
        continue;
      }
      const from = page;
      while (page < end && (bits[page] & TOUCHED) !== 0) had |= bits[page], bits[page++] &= RESIDENT;
      this.u8.fill(0, from * PAGE - BIAS, page * PAGE - BIAS);
      page--;
    }
    if ((had & (READ | WRITE | EXEC)) !== 0) this.narrowed();
  }

  abstract resolve(address: number, access: number): boolean;

  check(address: number, length: number, access: number): boolean {
    if (length === 0) return true;
    const end = address + length;
    if (!(address >= LOWEST && length > 0 && end <= this.limit) || address !== Math.floor(address)) {
      this.faultCause = "unmapped";
      return false;
    }
    const bits = this.bits;
    const last = (end - 1) >>> 12;
    for (let page = address >>> 12; page <= last; page++) {
      if ((bits[page] & access) !== access && !this.resolve(Math.max(address, page * PAGE), access)) {
        return false;
      }
    }
    return true;
  }

  /** The latest of {@link GuestMemory.bytes}: a program reads and writes by the same buffer, and a view costs as much as copying some KiB. */
  #bytes?: Uint8Array;
  /** Its address, and what it is a part of. */
  #bytesAt = 0;
  #bytesOf?: Uint8Array;

  bytes(address: number, length: number): Uint8Array {
    const { u8 } = this, latest = this.#bytes;
    if (
      latest !== undefined && latest.length === length && this.#bytesAt === address && this.#bytesOf === u8
    ) {
      return latest;
    }
    if (length === 0) return u8.subarray(0, 0);
    this.#bytesAt = address;
    this.#bytesOf = u8;
    return this.#bytes = u8.subarray(address - BIAS, address - BIAS + length);
  }

  read(address: number, length: number): Uint8Array | undefined {
    if (!this.check(address, length, READ)) return undefined;
    return this.bytes(address, length).slice();
  }

  write(address: number, bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true;
    if (!this.check(address, bytes.length, WRITE)) return false;
    this.u8.set(bytes, address - BIAS);
    return true;
  }

  cstring(address: number, max: number): Uint8Array | Errno {
    let at = address;
    let left = max;
    while (left > 0) {
      if (!this.check(at, 1, READ)) return EFAULT;
      const length = Math.min(left, PAGE - (at & (PAGE - 1)));
      const { u8 } = this, from = at - BIAS, near = from + Math.min(length, NEAR);
      let nul = from;
      while (nul < near && u8[nul] !== 0) nul++;
      if (nul === near) {
        const found = near < from + length ? u8.subarray(near, from + length).indexOf(0) : -1;
        nul = found < 0 ? from + length : near + found;
      }
      if (nul < from + length) return u8.slice(address - BIAS, nul);
      at += length;
      left -= length;
    }
    return ENAMETOOLONG;
  }

  byteString(address: number, max: number): string | Errno {
    let text = "", at = address, left = max;
    while (left > 0) {
      if (!this.check(at, 1, READ)) return EFAULT;
      const { u8 } = this, from = at - BIAS, end = from + Math.min(left, PAGE - (at & (PAGE - 1)));
      let nul = from;
      while (nul < end && u8[nul] !== 0) nul++;
      // A few bytes are quicker one by one than by a view of them.
      if (nul - from <= 8) { for (let i = from; i < nul; i++) text += String.fromCharCode(u8[i]); }
      else text += String.fromCharCode.apply(null, u8.subarray(from, nul) as unknown as number[]);
      if (nul < end) return text;
      at += end - from;
      left -= end - from;
    }
    return ENAMETOOLONG;
  }

  getU32(address: number): number | undefined {
    return this.check(address, 4, READ) ? this.view.getUint32(address - BIAS, true) : undefined;
  }
  getNum64(address: number): number | undefined {
    if (!this.check(address, 8, READ)) return undefined;
    const offset = address - BIAS;
    return this.view.getUint32(offset, true) + this.view.getUint32(offset + 4, true) * 2 ** 32;
  }
  setU32(address: number, value: number): boolean {
    if (!this.check(address, 4, WRITE)) return false;
    this.view.setUint32(address - BIAS, value, true);
    return true;
  }
  setNum64(address: number, value: number): boolean {
    if (!this.check(address, 8, WRITE)) return false;
    const offset = address - BIAS;
    this.view.setUint32(offset, value, true); // modulo 2^32, negative numbers too
    this.view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
    return true;
  }
}
