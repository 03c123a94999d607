/**
 * Mapping, unmapping and protecting ranges of an address space: the semantics of mmap, munmap, mprotect, mremap and
 * madvise(MADV_DONTNEED) on the region list and the page bytes. What pages get when they are first used is in space.ts.
 */
import { EXEC, READ, WRITE } from "./arch.ts";
import { EACCES, EEXIST, EFAULT, EINVAL, ENOMEM, EPERM, type Errno } from "./errno.ts";
import { GuestMemory } from "./access.ts";
import { BIAS, type CodeWatcher, LOWEST, MAP_BASE, type MapRequest, PAGE, type Vma } from "./memory.ts";
import { CODE, DIRTY, MODIFIED, RESIDENT, TOUCHED } from "./pool.ts";
import { anonymousBacking, SharedObject, type Sharer } from "./shared.ts";
import { Region, type RegionInit, RegionList } from "./vma.ts";

/** Mappings up to this size are filled (files) or granted (zeroes) at once, larger ones in clusters when used. */
const EAGER_FILE = 64 << 10, EAGER_ZERO = 16 << 10;
const PROT = READ | WRITE | EXEC;

const up = (length: number): number => Math.ceil(length / PAGE) * PAGE;
const aligned = (n: number): boolean => n % PAGE === 0;

/** What a protection lets the processor do: x86 and arm pages that can be written or executed can be read. */
export function effective(region: Region): number {
  return region.prot !== 0 && !region.stubs ? region.prot | READ : region.prot;
}

/** The mapping half of an address space. */
export abstract class MappedMemory extends GuestMemory {
  stackLimit = 8 << 20;
  mapLimit = Infinity;
  codeWatcher: CodeWatcher | undefined;
  protected readonly regions: RegionList = new RegionList();
  #mapped = 0;
  /** Search for free places as Linux 2.6 did: below the cursor no hole is larger than `#hole`. */
  #cursor = MAP_BASE;
  #hole = 0;
  #base = MAP_BASE;
  /** Objects of shared regions. */
  protected readonly objects: Set<SharedObject> = new Set();

  get mapBase(): number {
    return this.#base;
  }
  set mapBase(base: number) {
    this.#base = this.#cursor = up(base);
    this.#hole = Infinity;
  }
  get mapped(): number {
    return this.#mapped;
  }
  get committed(): number {
    return this.pair.resident * PAGE;
  }
  get vmas(): readonly Vma[] {
    return this.regions.all;
  }
  find(address: number): Vma | undefined {
    return this.regions.find(address);
  }

  /** Fills or grants pages of the region; in space.ts. */
  protected abstract touch(region: Region, first: number, end: number, access: number): boolean;
  /** Copies changed shared pages of the range to their objects. */
  protected abstract flushRange(region: Region, start: number, end: number): void;

  map(request: MapRequest): number | Errno {
    const { prot, fixed, backing, offset = 0 } = request;
    if (!(request.length > 0) || !aligned(offset) || offset < 0) return EINVAL;
    const length = up(request.length);
    if (!(length <= this.limit - LOWEST)) return ENOMEM;
    const start = fixed === undefined ? this.#place(request, length) : this.#fixed(request, length);
    if (start < 0) return start;
    const end = start + length;
    let replaced = 0;
    if (fixed === "replace") {
      for (let i = this.regions.indexAbove(start); i < this.regions.all.length; i++) {
        const region = this.regions.all[i];
        if (region.start >= end) break;
        replaced += Math.min(end, region.end) - Math.max(start, region.start);
      }
    }
    if (this.#mapped - replaced + length > this.mapLimit) return ENOMEM;
    // What could never be used is refused now, as Linux's overcommit heuristic does.
    if ((prot & WRITE) !== 0 && length > this.host.limit) return ENOMEM;
    if (prot !== 0 && !this.reach(end)) return ENOMEM;
    if (replaced > 0) this.#remove(start, end);
    this.clearPages(start >>> 12, this.#top(end));
    const shared = request.shared === true;
    const from = shared ? backing ?? anonymousBacking(length) : backing;
    const init: RegionInit = {
      prot: prot & PROT,
      maxProt: request.maxProt ?? PROT,
      shared,
      backing: from,
      name: request.name ?? "",
      stubs: request.stubs === true,
      growsDown: request.growsDown === true,
      object: shared ? this.attach(SharedObject.of(from!)) : undefined,
    };
    const region = new Region(init, start, end, from === undefined ? 0 : offset, undefined);
    this.#mapped += length;
    this.regions.insert(region);
    const whole = this.regions.find(start)!;
    this.refreshBits(whole, start, end);
    const eager = backing !== undefined ? length <= EAGER_FILE : (prot & WRITE) !== 0 && length <= EAGER_ZERO;
    if (prot !== 0 && !shared && eager) {
      this.touch(whole, start >>> 12, end / PAGE, backing !== undefined ? READ : WRITE);
    }
    return start;
  }

  /** This space takes part in an object. */
  protected attach(object: SharedObject): SharedObject {
    this.objects.add(object);
    object.attach(this as unknown as Sharer);
    return object;
  }
  protected detach(object: SharedObject): void {
    this.objects.delete(object);
    object.sharers.delete(this as unknown as Sharer);
  }

  #fixed(request: MapRequest, length: number): number | Errno {
    const { address } = request;
    if (!aligned(address)) return EINVAL;
    if (!(address >= 0 && address + length <= this.limit)) return ENOMEM;
    if (address < LOWEST) return EPERM;
    if (request.fixed === "exclusive" && !this.regions.free(address, address + length)) return EEXIST;
    return address;
  }

  #place(request: MapRequest, length: number): number | Errno {
    const limit = request.low === true ? Math.min(this.limit, 2 ** 31) : this.limit;
    const hint = Math.floor(request.address / PAGE) * PAGE;
    if (hint >= LOWEST && hint + length <= limit && this.regions.free(hint, hint + length)) {
      return hint;
    }
    return this.#search(length, limit);
  }

  #search(length: number, limit: number): number | Errno {
    let start = this.#cursor;
    if (length <= this.#hole) {
      start = this.#base;
      this.#hole = 0;
    }
    for (let round = 0; round < 2; round++) {
      const { all } = this.regions;
      for (let i = this.regions.indexAbove(start);; i++) {
        const region = all[i];
        const room = (region === undefined ? limit : Math.min(region.start, limit)) - start;
        if (room >= length) {
          this.#cursor = start + length;
          return start;
        }
        if (region === undefined || region.start >= limit) break;
        if (room > this.#hole) this.#hole = room;
        start = region.end;
      }
      start = this.#base;
      this.#hole = 0;
    }
    // The mmap area is full: what lies below it, away from the stack.
    for (let i = this.regions.all.length - 1, end = Math.min(this.#base - (16 << 20), limit); i >= -1; i--) {
      const region = this.regions.all[i];
      if (region !== undefined && region.start >= end) continue;
      const bottom = region === undefined ? 1 << 20 : region.end;
      if (end - bottom >= length && end - length >= LOWEST) return end - length;
      if (region !== undefined) end = Math.min(end, region.start);
    }
    return ENOMEM;
  }

  unmap(start: number, length: number): 0 | Errno {
    if (!aligned(start) || !(length > 0) || !(start >= 0 && start + up(length) <= this.limit)) return EINVAL;
    this.#remove(start, start + up(length));
    return 0;
  }

  #remove(start: number, end: number): void {
    if (this.regions.free(start, end)) return;
    for (const region of this.regions.remove(start, end)) {
      if (region.shared) this.flushRange(region, region.start, region.end);
      this.forget(region);
    }
    this.#noCode(start, end);
    const { bits } = this;
    const last = this.#top(end);
    this.narrowed();
    // The bytes stay, marked, and are cleared when something is mapped there again.
    for (let page = start >>> 12; page < last; page++) bits[page] &= TOUCHED | RESIDENT;
    if (start >= this.#base && start < this.#cursor) {
      this.#cursor = start;
      this.#hole = Infinity;
    }
  }

  /** A region that was taken out of the list is gone. */
  protected forget(region: Region): void {
    this.#mapped -= region.end - region.start;
    const { object } = region;
    if (object !== undefined && !this.regions.all.some((other) => other.object === object)) {
      this.detach(object);
    }
    region.drop();
  }

  /** The page after the last one of the range that has bytes in the memory. */
  #top(end: number): number {
    return Math.min(end, this.pair.reached) / PAGE;
  }

  /** Tells the CPU when decoded code of the range goes. */
  #noCode(start: number, end: number): void {
    const { bits } = this;
    const last = this.#top(end);
    let found = false;
    for (let page = start >>> 12; page < last; page++) {
      if ((bits[page] & CODE) === 0) continue;
      found = true;
      bits[page] &= ~CODE;
    }
    if (found) this.codeWatcher?.invalidate(start, end - start);
  }

  protect(start: number, length: number, prot: number): 0 | Errno {
    if (!aligned(start) || !(length >= 0) || (prot & ~PROT) !== 0) return EINVAL;
    if (length === 0) return 0;
    const end = start + up(length);
    if (!(start >= 0 && end <= this.limit)) return ENOMEM;
    let result: 0 | Errno = 0;
    let at = start;
    if (this.regions.find(start) === undefined) return ENOMEM;
    if (prot !== 0 && !this.reach(Math.min(end, this.#lastEnd()))) return ENOMEM;
    for (let i = this.regions.cut(start, end); at < end; i++) {
      const region = this.regions.all[i];
      if (region === undefined || region.start !== at) {
        result = ENOMEM;
        break;
      }
      if ((prot & ~region.maxProt) !== 0) {
        result = EACCES;
        break;
      }
      const lost = region.prot & ~prot;
      region.prot = prot;
      if ((lost & EXEC) !== 0) this.#noCode(region.start, region.end);
      this.refreshBits(region, region.start, region.end);
      at = region.end;
    }
    this.regions.join(start, end);
    return result;
  }

  #lastEnd(): number {
    return this.regions.all.at(-1)?.end ?? 0;
  }

  /** Computes the CPU's bits of a range from protection and state. */
  protected refreshBits(region: Region, start: number, end: number): void {
    const { bits } = this;
    const last = this.#top(end);
    const prot = effective(region);
    const free = prot & ~WRITE;
    const kind = region.shared ? 0 : region.backing === undefined ? 1 : 2;
    let lost = 0;
    for (let page = start >>> 12; page < last; page++) {
      const state = bits[page] & ~PROT;
      let fast: number;
      if (kind === 1) fast = (state & TOUCHED) !== 0 ? prot : free;
      else if (kind === 2) fast = (state & TOUCHED) === 0 ? 0 : (state & MODIFIED) !== 0 ? prot : free;
      else fast = this.current(region, page) ? ((state & DIRTY) !== 0 ? prot : free) : 0;
      if ((state & CODE) !== 0) fast &= ~WRITE;
      lost |= bits[page] & ~(state | fast);
      bits[page] = state | fast;
    }
    if (lost !== 0) this.narrowed();
  }

  /** Whether the copy of a shared page is the newest. */
  protected current(region: Region, page: number): boolean {
    const index = page - region.start / PAGE;
    const have = region.versions![index];
    return have !== 0 && have >= region.object!.pageVersion(region.offset / PAGE + index);
  }

  discard(start: number, length: number): 0 | Errno {
    if (!aligned(start) || !(length >= 0)) return EINVAL;
    const end = start + up(length);
    if (!(start >= 0 && end <= this.limit)) return ENOMEM;
    for (let i = this.regions.indexAbove(start); i < this.regions.all.length; i++) {
      const region = this.regions.all[i];
      if (region.start >= end) break;
      if (region.shared) continue;
      const from = Math.max(start, region.start), last = this.#top(Math.min(end, region.end));
      // Only what was used: a thread's stack is eight megabytes, of which it has used two pages.
      for (let page = this.touchedFrom(from / PAGE, last); page < last;) {
        let next = page + 1;
        while (next < last && (this.bits[next] & TOUCHED) !== 0) next++;
        this.#noCode(page * PAGE, next * PAGE);
        this.clearPages(page, next);
        this.refreshBits(region, page * PAGE, next * PAGE);
        page = this.touchedFrom(next, last);
      }
    }
    return this.regions.covers(start, end) ? 0 : ENOMEM;
  }

  sync(start: number, length: number): 0 | Errno {
    if (!aligned(start) || !(length >= 0)) return EINVAL;
    const end = start + up(length);
    if (!(start >= 0 && end <= this.limit)) return ENOMEM;
    for (let i = this.regions.indexAbove(start); i < this.regions.all.length; i++) {
      const region = this.regions.all[i];
      if (region.start >= end) break;
      if (region.shared) this.flushRange(region, Math.max(start, region.start), Math.min(end, region.end));
    }
    return this.regions.covers(start, end) ? 0 : ENOMEM;
  }

  move(from: number, oldLength: number, to: number, newLength: number): number | Errno {
    if (!aligned(from) || !aligned(to) || !(newLength > 0) || !(oldLength >= 0)) return EINVAL;
    if (oldLength === 0) return this.#again(from, to, newLength);
    const oldSize = up(oldLength), newSize = up(newLength);
    if (!(newSize <= this.limit - LOWEST)) return ENOMEM;
    const region = this.regions.find(from);
    if (region === undefined || from + oldSize > region.end) return EFAULT;
    if (newSize > oldSize && this.#mapped + newSize - oldSize > this.mapLimit) return ENOMEM;
    if (to === from) return this.#resize(region, from, oldSize, newSize);
    let target = to;
    if (to === 0) {
      target = this.#search(newSize, this.limit);
      if (target < 0) return target;
    } else {
      if (to < LOWEST || to + newSize > this.limit) return EINVAL;
      if (to < from + oldSize && from < to + newSize) return EINVAL;
      this.#remove(to, to + newSize);
    }
    if (region.prot !== 0 && !this.reach(target + newSize)) return ENOMEM;
    if (newSize < oldSize) this.#remove(from + newSize, from + oldSize);
    const kept = Math.min(oldSize, newSize);
    this.#noCode(from, from + kept);
    if (region.shared) this.flushRange(region, from, from + kept);
    const [old] = this.regions.remove(from, from + kept);
    this.clearPages(target >>> 12, this.#top(target + newSize));
    const versions = old.versions === undefined ? undefined : new Uint32Array(newSize / PAGE);
    versions?.set(old.versions!);
    const moved = new Region(old, target, target + newSize, old.offset, versions);
    this.#copyPages(from / PAGE, target / PAGE, kept / PAGE);
    this.#mapped += newSize;
    this.regions.insert(moved);
    this.forget(old);
    this.refreshBits(this.regions.find(target)!, target, target + newSize);
    return target;
  }

  /** mremap of no bytes: a second mapping of the same shared object. */
  #again(from: number, to: number, length: number): number | Errno {
    const region = this.regions.find(from);
    if (region === undefined) return EFAULT;
    if (!region.shared) return EINVAL;
    const { prot, maxProt, backing } = region;
    const offset = region.offset + from - region.start;
    const fixed = to === 0 ? {} : { fixed: "replace" } as const;
    return this.map({
      address: to,
      length,
      prot,
      maxProt,
      shared: true,
      backing: backing!,
      offset,
      ...fixed,
    });
  }

  #resize(region: Region, from: number, oldSize: number, newSize: number): number | Errno {
    if (newSize <= oldSize) {
      if (newSize < oldSize) this.#remove(from + newSize, from + oldSize);
      return from;
    }
    const oldEnd = from + oldSize, end = from + newSize;
    if (oldEnd !== region.end || end > this.limit || !this.regions.free(oldEnd, end)) return ENOMEM;
    if (region.prot !== 0 && !this.reach(end)) return ENOMEM;
    this.clearPages(oldEnd >>> 12, this.#top(end));
    if (region.versions !== undefined) {
      const versions = new Uint32Array((end - region.start) / PAGE);
      versions.set(region.versions);
      region.versions = versions;
    }
    region.end = end;
    this.#mapped += newSize - oldSize;
    this.refreshBits(region, oldEnd, end);
    this.regions.join(region.start, end);
    return from;
  }

  /** Moves touched bytes and their state; the old pages are left as unmapped ones are. */
  #copyPages(from: number, to: number, count: number): void {
    const { bits, u8 } = this;
    this.narrowed();
    for (let n = 0; n < count; n++) {
      const state = bits[from + n] ?? 0;
      bits[from + n] = state & (TOUCHED | RESIDENT);
      if ((state & TOUCHED) === 0) continue;
      this.commitPage(to + n);
      const at = (from + n) * PAGE - BIAS;
      u8.copyWithin((to + n) * PAGE - BIAS, at, at + PAGE);
      bits[to + n] |= state & (TOUCHED | MODIFIED);
    }
  }

  /** Makes room below a stack; the caller has checked that it may grow. */
  protected growDown(region: Region, start: number): boolean {
    if (this.#mapped + region.start - start > this.mapLimit) return false;
    this.clearPages(start >>> 12, region.start >>> 12);
    const grown = region.start - start;
    this.#mapped += grown;
    region.start = start;
    this.refreshBits(region, start, start + grown);
    return true;
  }

  /** Takes over a region at fork. */
  protected adopt(region: Region): void {
    this.regions.all.push(region);
    this.#mapped += region.end - region.start;
    if (region.object !== undefined) this.attach(region.object);
  }
  protected adoptSearch(from: MappedMemory): void {
    this.#base = from.#base;
    this.#cursor = from.#cursor;
    this.#hole = from.#hole;
  }
}
