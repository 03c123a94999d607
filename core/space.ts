/**
 * The address space: what its pages get when they are first used (zero, a file's bytes, a shared page's newest copy),
 * the one slow path behind every cleared page bit, the merge of shared pages at switches, and fork.
 */
import { EXEC, READ, WRITE } from "./arch.ts";
import { effective, MappedMemory } from "./mapping.ts";
import { type AddressSpace, BIAS, LOWEST, PAGE } from "./memory.ts";
import { CODE, DIRTY, HostMemory, type MemoryPair, MODIFIED, TOUCHED } from "./pool.ts";
import type { SharedObject, Sharer } from "./shared.ts";
import { Region } from "./vma.ts";

/**
 * Pages filled at one time: of files, and of anonymous memory at its first store. Fork looks at every page that was
 * granted, so small mappings (a heap, a stack) are granted little at a time.
 */
const FILE_CLUSTER = 16, ZERO_CLUSTER = 4, LARGE_ZERO_CLUSTER = 32;
/** Bytes from which on a mapping is large. */
const LARGE = 4 << 20;
/** Free pages that a growing stack leaves to the mapping below, as Linux's stack_guard_gap. */
const GUARD_GAP = 256 * PAGE;

/** Options of {@link createSpace}. */
export interface SpaceOptions {
  /** Memory shared with other spaces of the kernel; by default a new one of 4 GiB. */
  readonly host?: HostMemory;
  /** Upper limit of addresses; at most, and by default, 4 GiB. */
  readonly limit?: number;
}

/**
 * A new, empty address space; undefined when the host has no memory for it.
 *
 * @example
 * ```ts
 * import { createSpace, READ, WRITE } from "@guise/core";
 * const space = createSpace()!;
 * const at = space.map({ address: 0, length: 8192, prot: READ | WRITE });
 * space.write(at, new Uint8Array([1, 2, 3]));
 * console.assert(space.getU32(at) === 0x030201);
 * console.assert(space.getU32(at + 8192) === undefined); // nothing is mapped there
 * ```
 */
export function createSpace(options: SpaceOptions = {}): AddressSpace | undefined {
  const host = options.host ?? new HostMemory();
  const pair = host.take();
  return pair === undefined
    ? undefined
    : new FlatSpace(host, pair, Math.min(options.limit ?? 2 ** 32, 2 ** 32));
}

class FlatSpace extends MappedMemory implements AddressSpace, Sharer {
  /** Pages with DIRTY set (and some that had it). */
  readonly #dirty: number[] = [];
  /** Version of each object when this space last looked. */
  readonly #seen = new Map<SharedObject, number>();
  #disposed = false;

  constructor(host: HostMemory, pair: MemoryPair, limit: number) {
    super(host, pair, limit);
  }

  resolve(address: number, access: number): boolean {
    if (!(address >= LOWEST && address < this.limit)) {
      this.faultCause = "unmapped";
      return false;
    }
    const region = this.regions.find(address) ?? this.#growStack(address);
    if (region === undefined) {
      this.faultCause = "unmapped";
      return false;
    }
    if ((effective(region) & access) !== access) {
      this.faultCause = "forbidden";
      return false;
    }
    const { bits } = this;
    const page = Math.floor(address / PAGE);
    const writes = (access & WRITE) !== 0;
    this.faultCause = "beyond";
    if (region.shared) {
      const twice = this.#alias(region, page, false);
      if (twice) {
        this.flush(region.object!);
        this.refresh(region.object!);
      }
      if (!this.#load(region, page)) return false;
      if (writes && (bits[page] & DIRTY) === 0) {
        bits[page] |= DIRTY;
        this.#dirty.push(page);
      }
      if (writes && twice) this.#alias(region, page, true);
    } else if (region.backing !== undefined) {
      if ((bits[page] & TOUCHED) === 0) this.#cluster(region, page, FILE_CLUSTER, access);
      if ((bits[page] & TOUCHED) === 0) return false;
      if (writes) bits[page] |= MODIFIED;
    } else if (writes && (bits[page] & TOUCHED) === 0) {
      const size = region.end - region.start >= LARGE ? LARGE_ZERO_CLUSTER : ZERO_CLUSTER;
      if (!this.#cluster(region, page, size, access) && !this.touch(region, page, page + 1, access)) {
        return false;
      }
    }
    if (writes && (bits[page] & CODE) !== 0) {
      bits[page] &= ~CODE;
      this.codeWatcher?.invalidate(page * PAGE, PAGE);
    }
    this.refreshBits(region, page * PAGE, page * PAGE + PAGE);
    return true;
  }

  /** Touches the aligned group of pages around one, as far as the region goes. */
  #cluster(region: Region, page: number, size: number, access: number): boolean {
    const first = Math.max(page - page % size, region.start / PAGE);
    const end = Math.min(page - page % size + size, region.end / PAGE);
    return this.touch(region, first, end, access);
  }

  protected touch(region: Region, first: number, end: number, access: number): boolean {
    const { bits } = this;
    const { backing } = region;
    let complete = true;
    for (let page = first; page < end; page++) {
      if ((bits[page] & TOUCHED) !== 0) continue;
      let last = page;
      while (last < end && (bits[last] & TOUCHED) === 0 && this.commitPage(last)) last++;
      if (last === page) {
        this.faultCause = "memory";
        return false;
      }
      if (backing === undefined) {
        for (let p = page; p < last; p++) bits[p] |= TOUCHED;
      } else {
        const from = page * PAGE - BIAS, length = (last - page) * PAGE;
        const window = this.u8.subarray(from, from + length);
        const filled = backing.fill(region.offset + page * PAGE - region.start, window);
        if (filled < length) {
          window.fill(0, Math.max(0, filled));
          complete = false;
        }
        const exist = page + Math.ceil(Math.max(0, filled) / PAGE);
        for (let p = page; p < exist; p++) bits[p] |= TOUCHED;
      }
      this.refreshBits(region, page * PAGE, last * PAGE);
      page = last - 1;
    }
    void access;
    return complete;
  }

  #growStack(address: number): Region | undefined {
    const { all } = this.regions;
    const index = this.regions.indexAbove(address);
    const stack = all[index];
    if (stack === undefined || !stack.growsDown) return undefined;
    const start = Math.floor(address / PAGE) * PAGE;
    if (stack.end - start > this.stackLimit) return undefined;
    const below = all[index - 1];
    if (below !== undefined) {
      const gap = below.prot === 0 || below.growsDown ? 0 : GUARD_GAP;
      if (start - below.end < gap) return undefined;
    }
    return this.growDown(stack, start) ? stack : undefined;
  }

  watchCode(start: number, length: number): void {
    if (!(start >= LOWEST && length > 0 && start + length <= this.limit)) return;
    const { bits } = this;
    const last = (start + length - 1) >>> 12;
    this.narrowed();
    for (let page = start >>> 12; page <= last; page++) bits[page] = (bits[page] | CODE) & ~WRITE;
  }

  // Shared pages.

  /** Makes this space's copy of a shared page the newest one; false beyond the object's end. */
  #load(region: Region, page: number): boolean {
    if (this.current(region, page)) return true;
    if (!this.commitPage(page)) return false;
    const { bits } = this;
    const index = page - region.start / PAGE;
    const from = page * PAGE - BIAS;
    const object = region.object!;
    bits[page] |= TOUCHED;
    if (!object.load(region.offset / PAGE + index, this.u8.subarray(from, from + PAGE))) return false;
    region.versions![index] = object.pageVersion(region.offset / PAGE + index);
    if ((bits[page] & CODE) !== 0) {
      bits[page] &= ~CODE;
      this.codeWatcher?.invalidate(page * PAGE, PAGE);
    }
    return true;
  }

  /**
   * Whether another mapping of this space shows the same page of the object; `hide`: those ask before they are used, and
   * get then what was changed here.
   */
  #alias(region: Region, page: number, hide: boolean): boolean {
    const object = region.object!;
    const offset = region.offset + page * PAGE - region.start;
    let found = false;
    for (const other of this.regions.all) {
      if (other.object !== object) continue;
      const at = other.start + offset - other.offset;
      if (at < other.start || at >= other.end || at === page * PAGE) continue;
      found = true;
      if (!hide) continue;
      this.bits[at / PAGE] &= ~(READ | WRITE | EXEC);
    }
    if (hide && found) this.narrowed();
    return found;
  }

  #save(region: Region, page: number): void {
    const index = page - region.start / PAGE;
    const from = page * PAGE - BIAS;
    this.bits[page] &= ~DIRTY;
    const object = region.object!;
    region.versions![index] = object.save(region.offset / PAGE + index, this.u8.subarray(from, from + PAGE));
    this.refreshBits(region, page * PAGE, page * PAGE + PAGE);
  }

  protected flushRange(region: Region, start: number, end: number): void {
    for (const page of this.#dirty) {
      const address = page * PAGE;
      if (address >= start && address < end && (this.bits[page] & DIRTY) !== 0) this.#save(region, page);
    }
  }

  flush(object: SharedObject): void {
    for (const page of this.#dirty) {
      if ((this.bits[page] & DIRTY) === 0) continue;
      const region = this.regions.find(page * PAGE)!;
      if (region.object === object) this.#save(region, page);
    }
  }

  refresh(object: SharedObject): void {
    const seen = this.#seen.get(object);
    const changed = seen === undefined ? undefined : object.changedSince(seen);
    for (const region of this.regions.all) {
      if (region.object !== object) continue;
      if (changed === undefined) this.refreshBits(region, region.start, region.end);
      else {
        for (const page of changed) {
          const at = region.start + page * PAGE - region.offset;
          if (at >= region.start && at < region.end) this.refreshBits(region, at, at + PAGE);
        }
      }
    }
    this.#seen.set(object, object.version);
  }

  enter(): void {
    if (this.objects.size === 0) return;
    this.leave(); // what the kernel stored here meanwhile
    for (const object of this.objects) {
      if (this.#seen.get(object) !== object.version) this.refresh(object);
    }
  }

  leave(): void {
    const dirty = this.#dirty;
    if (dirty.length === 0) return;
    let kept = 0;
    for (const page of dirty) {
      if ((this.bits[page] & DIRTY) === 0) continue;
      const region = this.regions.find(page * PAGE)!;
      // Nobody else can see the page: it need not be copied.
      if (region.backing!.store === undefined && region.object!.sharers.size === 1) dirty[kept++] = page;
      else this.#save(region, page);
    }
    dirty.length = kept;
  }

  // Life.

  fork(): AddressSpace | undefined {
    for (const object of this.objects) this.flush(object);
    const pair = this.host.take();
    if (pair === undefined) return undefined;
    const child = new FlatSpace(this.host, pair, this.limit);
    child.stackLimit = this.stackLimit;
    child.mapLimit = this.mapLimit;
    child.adoptSearch(this);
    if (!child.#copy(this)) {
      child.dispose();
      return undefined;
    }
    return child;
  }

  #copy(parent: FlatSpace): boolean {
    for (const region of parent.regions.all) {
      const copy = new Region(region, region.start, region.end, region.offset, undefined);
      this.adopt(copy);
      if (region.prot !== 0 && !this.reach(region.end)) return false;
      if (!region.shared && !this.#copyPages(parent, region)) return false;
      this.refreshBits(copy, copy.start, copy.end);
    }
    return true;
  }

  #copyPages(parent: FlatSpace, region: Region): boolean {
    const from = parent.bits, bits = this.bits;
    const wanted = region.backing === undefined ? TOUCHED : TOUCHED | MODIFIED;
    // Where pages are granted by the dozen, those that are zero still are left out; elsewhere copying one is quicker.
    const sparse = region.backing === undefined && region.end - region.start >= LARGE;
    const end = Math.min(region.end, parent.pair.reached) / PAGE;
    let words: Int32Array | undefined;
    const base = region.start / PAGE;
    for (let page = base; page < end; page++) {
      const state = from[page];
      // Code that the child's CPU may share with its parent's stays watched.
      if ((state & CODE) !== 0) bits[page] |= CODE;
      if ((state & wanted) !== wanted) continue;
      // A view that begins at the region: indices stay small, past 2 GiB they are slow.
      if (sparse) {
        words ??= new Int32Array(parent.memory.buffer, region.start - BIAS, (end - base) * (PAGE / 4));
      }
      const first = page;
      while (
        page < end && (from[page] & wanted) === wanted &&
        !(sparse && isZero(words!, (page - base) * (PAGE / 4)))
      ) {
        if (!this.commitPage(page)) return false;
        bits[page] |= from[page] & (TOUCHED | MODIFIED | CODE);
        page++;
      }
      if (page === first) continue;
      if (!this.reach(page * PAGE)) return false;
      this.u8.set(parent.u8.subarray(first * PAGE - BIAS, page * PAGE - BIAS), first * PAGE - BIAS);
      page--;
    }
    return true;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const object of this.objects) this.flush(object);
    const { all } = this.regions;
    const gone = all.splice(0);
    for (const region of gone) this.forget(region);
    this.codeWatcher = undefined;
    this.host.give(this.pair);
  }
}

/** Whether a page's words are all zero; most pages answer at the first. */
function isZero(words: Int32Array, at: number): boolean {
  for (let i = at; i < at + PAGE / 4; i++) if (words[i] !== 0) return false;
  return true;
}
