/**
 * File content in memory: a sparse set of 64 KiB chunks, so that a file of 1 TiB with one written byte takes one
 * chunk, and every byte taken is counted against a budget before it is allocated. A content may have a lower one
 * (the overlay's host file): what was never written is read from there, and copied up chunk by chunk.
 */
import { EFBIG, ENOSPC, ENXIO, type Errno } from "@guise/core";
import { SIZE_MAX } from "./constants.ts";

/** Bytes that may be allocated in one file system. */
export class Budget {
  used = 0;
  readonly limit: number;
  constructor(limit: number) {
    this.limit = limit;
  }
  take(bytes: number): boolean {
    if (this.used + bytes > this.limit) return false;
    this.used += bytes;
    return true;
  }
  give(bytes: number): void {
    this.used -= bytes;
  }
}

/** Where bytes come from that were never written here. */
export interface LowerContent {
  read(into: Uint8Array, offset: number): number | Errno;
}

const SHIFT = 16;
const CHUNK = 1 << SHIFT;
const MASK = CHUNK - 1;

/** `data` may be shorter than a chunk: the rest is zeros. Bits of `pages` say which of the 16 pages were written. */
interface Chunk {
  data: Uint8Array;
  pages: number;
  /** Pages that space was set aside for; written or not. */
  reserved: number;
  /** Bytes counted against the budget, at least those of `data`. */
  charged: number;
}

/** Bits of the pages that [from, to) touches. */
function pageBits(from: number, to: number): number {
  return (2 << ((to - 1) >>> 12)) - (1 << (from >>> 12));
}

function countBits(bits: number): number {
  let n = 0;
  for (; bits !== 0; bits &= bits - 1) n++;
  return n;
}

export class Content {
  readonly #chunks = new Map<number, Chunk>();
  readonly #budget: Budget;
  size = 0;
  #pages = 0;
  /** The lower content, and up to where it is still seen. */
  #lower: LowerContent | undefined;
  #lowerSize = 0;

  constructor(budget: Budget, lower?: LowerContent, lowerSize = 0) {
    this.#budget = budget;
    this.#lower = lower;
    this.size = this.#lowerSize = lowerSize;
  }
  /** Bytes of pages that have data here, or below. */
  get allocated(): number {
    return this.#pages * 4096 + (this.#lower === undefined ? 0 : Math.ceil(this.#lowerSize / 4096) * 4096);
  }
  /** Whether bytes may still be read from below. */
  get hasLower(): boolean {
    return this.#lower !== undefined;
  }
  /** The size of the untouched lower content has changed behind us. */
  resizeLower(size: number): void {
    this.size = this.#lowerSize = size;
  }

  read(into: Uint8Array, offset: number): number | Errno {
    const end = Math.min(this.size, offset + into.length);
    if (offset >= end) return 0;
    let at = offset;
    while (at < end) {
      const index = Math.floor(at / CHUNK);
      const from = at & MASK;
      const n = Math.min(CHUNK - from, end - at);
      const to = at - offset;
      const chunk = this.#chunks.get(index);
      if (chunk !== undefined) {
        const have = Math.min(n, Math.max(0, chunk.data.length - from));
        // A view of part of an array costs as much as copying some KiB.
        if (have === chunk.data.length) into.set(chunk.data, to);
        else if (have > 0) into.set(chunk.data.subarray(from, from + have), to);
        if (have < n) into.fill(0, to + have, to + n);
      } else {
        const error = this.#readLower(into.subarray(to, to + n), at);
        if (error !== 0) return at > offset ? at - offset : error;
      }
      at += n;
    }
    return end - offset;
  }

  /** Fills all of `into` from below, zeros where there is nothing. */
  #readLower(into: Uint8Array, offset: number): 0 | Errno {
    const end = Math.min(into.length, Math.max(0, this.#lowerSize - offset));
    let got = 0;
    while (got < end) {
      const n = this.#lower!.read(into.subarray(got, end), offset + got);
      if (n < 0) return n;
      if (n === 0) break;
      got += n;
    }
    if (got < into.length) into.fill(0, got);
    return 0;
  }

  /** The chunk with room for [0, need), with what was below; ENOSPC and errors of reading below. */
  #chunkFor(index: number, need: number): Chunk | Errno {
    const chunk = this.#chunks.get(index);
    const have = chunk?.data.length ?? 0;
    if (chunk !== undefined && have >= need) return chunk;
    const base = index * CHUNK;
    const below = chunk === undefined ? Math.min(CHUNK, Math.max(0, this.#lowerSize - base)) : 0;
    // A file that grows by small writes doubles, so that the copies stay linear.
    const length = Math.min(CHUNK, Math.max((Math.max(need, below) + 511) & ~511, have * 2));
    const charge = Math.max(0, length - (chunk?.charged ?? 0));
    if (!this.#budget.take(charge)) return ENOSPC;
    const data = new Uint8Array(length);
    if (chunk !== undefined) {
      data.set(chunk.data);
      chunk.data = data;
      chunk.charged += charge;
      return chunk;
    }
    const made: Chunk = { data, pages: 0, reserved: 0, charged: length };
    if (below > 0) {
      const error = this.#readLower(data.subarray(0, below), base);
      if (error !== 0) {
        this.#budget.give(length);
        return error;
      }
      // `allocated` counts the pages below already.
    }
    this.#chunks.set(index, made);
    return made;
  }

  write(bytes: Uint8Array, offset: number): number | Errno {
    if (offset >= SIZE_MAX) return EFBIG;
    const end = Math.min(offset + bytes.length, SIZE_MAX);
    let at = offset;
    while (at < end) {
      const index = Math.floor(at / CHUNK);
      const from = at & MASK;
      const n = Math.min(CHUNK - from, end - at);
      const chunk = this.#chunkFor(index, from + n);
      if (typeof chunk === "number") {
        if (at === offset) return chunk;
        break;
      }
      chunk.data.set(n === bytes.length ? bytes : bytes.subarray(at - offset, at - offset + n), from);
      this.#mark(chunk, index, pageBits(from, from + n));
      at += n;
    }
    if (at > this.size) this.size = at;
    return at - offset;
  }

  #mark(chunk: Chunk, index: number, bits: number): void {
    const fresh = bits & ~(chunk.pages | chunk.reserved);
    chunk.pages |= bits;
    this.#count(index, fresh);
  }

  /** Counts pages that are new, but for those that are below. */
  #count(index: number, fresh: number): void {
    if (fresh === 0) return;
    // Pages below are counted by #lowerSize.
    const below = Math.ceil(this.#lowerSize / 4096) - index * 16;
    if (below > 0) fresh &= below >= 16 ? 0 : ~((1 << below) - 1);
    this.#pages += countBits(fresh);
  }

  /** Sets the size; growing allocates nothing. */
  truncate(size: number): 0 | Errno {
    if (size > SIZE_MAX) return EFBIG;
    if (size < this.size) {
      const last = Math.floor(size / CHUNK);
      const keep = size & MASK;
      if (size === 0) this.clear();
      else {
        if (size < this.#lowerSize) this.#lowerCut(size);
        for (const [index, chunk] of this.#chunks) {
          if (index > last || (index === last && keep === 0)) this.#drop(index, chunk);
          else if (index === last) {
            // What is cut off must read as zeros if the file grows again.
            if (chunk.data.length > keep) chunk.data.fill(0, keep);
            const gone = (chunk.pages | chunk.reserved) & ~pageBits(0, keep);
            chunk.pages &= ~gone;
            chunk.reserved &= ~gone;
            this.#uncount(index, gone);
          }
        }
      }
    }
    this.size = size;
    return 0;
  }

  /** The lower content ends at `size` from now on; its pages that live on in chunks are counted as ours. */
  #lowerCut(size: number): void {
    const before = this.#lowerSize;
    this.#lowerSize = size;
    const first = Math.ceil(size / 4096), last = Math.ceil(before / 4096);
    for (const [index, chunk] of this.#chunks) {
      for (let page = 0; page < 16; page++) {
        const at = index * 16 + page;
        if (at >= first && at < last && ((chunk.pages | chunk.reserved) & (1 << page)) !== 0) this.#pages++;
      }
    }
  }

  #uncount(index: number, bits: number): void {
    const below = Math.ceil(this.#lowerSize / 4096) - index * 16;
    if (below > 0) bits &= below >= 16 ? 0 : ~((1 << below) - 1);
    this.#pages -= countBits(bits);
  }

  #drop(index: number, chunk: Chunk): void {
    this.#chunks.delete(index);
    this.#budget.give(chunk.charged);
    this.#uncount(index, chunk.pages | chunk.reserved);
  }

  /** Throws everything away. */
  clear(): void {
    for (const chunk of this.#chunks.values()) this.#budget.give(chunk.charged);
    this.#chunks.clear();
    this.#pages = 0;
    this.#lower = undefined;
    this.#lowerSize = 0;
    this.size = 0;
  }

  /** Sets space aside for [offset, end), without taking memory yet: ENOSPC. The size stays. */
  reserve(offset: number, end: number): 0 | Errno {
    if (end - offset > this.#budget.limit) return ENOSPC;
    for (let index = Math.floor(offset / CHUNK); index * CHUNK < end; index++) {
      const from = Math.max(0, offset - index * CHUNK), to = Math.min(CHUNK, end - index * CHUNK);
      let chunk: Chunk | Errno | undefined = this.#chunks.get(index);
      if (chunk === undefined) {
        if (index * CHUNK < this.#lowerSize) {
          chunk = this.#chunkFor(index, 1);
          if (typeof chunk === "number") return chunk;
        } else {this.#chunks.set(
            index,
            chunk = { data: new Uint8Array(0), pages: 0, reserved: 0, charged: 0 },
          );}
      }
      const bits = pageBits(from, to) & ~chunk.pages;
      const more = Math.max(
        0,
        Math.min(CHUNK, (countBits(chunk.pages) + countBits(bits)) * 4096) - chunk.charged,
      );
      if (!this.#budget.take(more)) return ENOSPC;
      chunk.charged += more;
      this.#mark(chunk, index, bits);
    }
    return 0;
  }

  /** Makes [offset, end) read as zeros, giving whole chunks back. The size stays. */
  punch(offset: number, end: number): 0 | Errno {
    end = Math.min(end, this.size);
    // Nothing below the first chunk or above the last one needs a look.
    const indices = this.#lower === undefined ? [...this.#chunks.keys()] : undefined;
    const first = Math.floor(offset / CHUNK), last = Math.floor((end - 1) / CHUNK);
    if (offset >= end) return 0;
    for (
      const index of indices ??
        range(first, Math.min(last, Math.floor(this.#lowerSize / CHUNK)), this.#chunks.keys())
    ) {
      if (index < first || index > last) continue;
      const from = Math.max(0, offset - index * CHUNK), to = Math.min(CHUNK, end - index * CHUNK);
      let chunk: Chunk | Errno | undefined = this.#chunks.get(index);
      if (from === 0 && to === CHUNK) {
        if (chunk !== undefined) this.#drop(index, chunk);
        // An empty chunk hides what is below.
        if (index * CHUNK < this.#lowerSize) {
          this.#chunks.set(index, { data: new Uint8Array(0), pages: 0, reserved: 0, charged: 0 });
        }
        continue;
      }
      if (chunk === undefined) {
        if (index * CHUNK >= this.#lowerSize) continue;
        chunk = this.#chunkFor(index, 1);
        if (typeof chunk === "number") return chunk;
      }
      if (chunk.data.length > from) chunk.data.fill(0, from, Math.min(to, chunk.data.length));
      // Only pages that lie wholly inside are holes again.
      const inner = (to >>> 12) - ((from + 4095) >>> 12);
      if (inner > 0) {
        const bits = (((1 << inner) - 1) << ((from + 4095) >>> 12)) & (chunk.pages | chunk.reserved);
        chunk.pages &= ~bits;
        chunk.reserved &= ~bits;
        this.#uncount(index, bits);
      }
    }
    return 0;
  }

  /** SEEK_DATA and SEEK_HOLE by pages. */
  seekData(offset: number, hole: boolean): number | Errno {
    if (offset >= this.size) return ENXIO;
    let page = Math.floor(offset / 4096);
    const pages = Math.ceil(this.size / 4096);
    while (page < pages) {
      const index = Math.floor(page / 16);
      const chunk = this.#chunks.get(index);
      const below = page * 4096 < this.#lowerSize;
      if (chunk === undefined && !below) {
        if (hole) return Math.max(offset, page * 4096);
        // Far holes are skipped by looking for the next chunk, not page by page.
        let next = Infinity;
        for (const i of this.#chunks.keys()) if (i > index && i < next) next = i;
        if (next === Infinity) return ENXIO;
        page = next * 16;
        continue;
      }
      const data = chunk === undefined || (chunk.pages & (1 << (page & 15))) !== 0 ||
        (below && chunk.data.length > (page & 15) * 4096);
      if (data !== hole) return Math.max(offset, page * 4096);
      page++;
    }
    return hole ? this.size : ENXIO;
  }
}

/** The numbers from `first` to `last`, and those of `more` above. */
function range(first: number, last: number, more: Iterable<number>): Set<number> {
  const all = new Set<number>();
  for (let i = first; i <= last; i++) all.add(i);
  for (const i of more) all.add(i);
  return all;
}
