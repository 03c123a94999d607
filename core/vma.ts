/**
 * The mappings of an address space: regions in a sorted array, found by binary search, split where a change begins or
 * ends and merged again where neighbours are equal, as Linux does it, so that /proc/self/maps looks right.
 */
import type { Backing, Vma } from "./memory.ts";
import type { SharedObject } from "./shared.ts";

/** What parts of a region have in common. */
export interface RegionInit {
  readonly prot: number;
  readonly maxProt: number;
  readonly shared: boolean;
  readonly backing: Backing | undefined;
  readonly name: string;
  readonly stubs: boolean;
  readonly growsDown: boolean;
  readonly object: SharedObject | undefined;
}

/** The mutable form of a {@link Vma}. */
export class Region implements Vma {
  start: number;
  end: number;
  prot: number;
  maxProt: number;
  readonly shared: boolean;
  readonly backing: Backing | undefined;
  offset: number;
  readonly name: string;
  readonly stubs: boolean;
  readonly growsDown: boolean;
  /** The kernel object of a shared mapping. */
  readonly object: SharedObject | undefined;
  /** Version of the object's page that this space holds, by page of the region; 0: none. Only of shared ones. */
  versions: Uint32Array | undefined;

  constructor(
    init: RegionInit,
    start: number,
    end: number,
    offset: number,
    versions: Uint32Array | undefined,
  ) {
    this.start = start;
    this.end = end;
    this.prot = init.prot;
    this.maxProt = init.maxProt;
    this.shared = init.shared;
    this.backing = init.backing;
    this.offset = offset;
    this.name = init.name;
    this.stubs = init.stubs;
    this.growsDown = init.growsDown;
    this.object = init.object;
    this.versions = versions ??
      (init.object === undefined ? undefined : new Uint32Array((end - start) / 4096));
    this.backing?.hold?.();
  }

  /** No mapping any more (or part of another one). */
  drop(): void {
    this.backing?.release?.();
  }

  /** Cuts off and returns the part from `at` on. */
  split(at: number): Region {
    const cut = (at - this.start) / 4096;
    const offset = this.backing === undefined ? 0 : this.offset + (at - this.start);
    const rest = new Region(this, at, this.end, offset, this.versions?.slice(cut));
    this.end = at;
    if (this.versions !== undefined) this.versions = this.versions.slice(0, cut);
    return rest;
  }

  /** Whether `next`, which begins where this ends, can become part of this. */
  joins(next: Region): boolean {
    return this.end === next.start && this.prot === next.prot && this.maxProt === next.maxProt &&
      this.shared === next.shared && this.name === next.name && this.stubs === next.stubs &&
      this.growsDown === next.growsDown && this.object === next.object &&
      this.backing?.identity === next.backing?.identity &&
      (this.backing === undefined || this.offset + (this.end - this.start) === next.offset);
  }
}

/** Regions in order of address, without overlap. */
export class RegionList {
  readonly all: Region[] = [];
  #hit: Region | undefined;

  /** Index of the first region that ends above the address. */
  indexAbove(address: number): number {
    let low = 0, high = this.all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.all[middle].end > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  find(address: number): Region | undefined {
    const hit = this.#hit;
    if (hit !== undefined && address >= hit.start && address < hit.end) return hit;
    const region = this.all[this.indexAbove(address)];
    if (region === undefined || address < region.start) return undefined;
    return this.#hit = region;
  }

  /** True when nothing is mapped in the range. */
  free(start: number, end: number): boolean {
    const region = this.all[this.indexAbove(start)];
    return region === undefined || region.start >= end;
  }

  /** True when all of the range is mapped. */
  covers(start: number, end: number): boolean {
    for (let i = this.indexAbove(start); start < end; i++) {
      const region = this.all[i];
      if (region === undefined || region.start > start) return false;
      start = region.end;
    }
    return true;
  }

  /** Makes the two addresses borders of regions; returns the index of the first region at or after `start`. */
  cut(start: number, end: number): number {
    this.#hit = undefined;
    this.#cutAt(end);
    return this.#cutAt(start);
  }
  #cutAt(at: number): number {
    const index = this.indexAbove(at);
    const region = this.all[index];
    if (region === undefined || region.start >= at) return index;
    this.all.splice(index + 1, 0, region.split(at));
    return index + 1;
  }

  /** Takes the regions of the range out and returns them. */
  remove(start: number, end: number): Region[] {
    const from = this.cut(start, end);
    let to = from;
    while (to < this.all.length && this.all[to].start < end) to++;
    return this.all.splice(from, to - from);
  }

  /** Puts a region into a free range and joins it with its neighbours. */
  insert(region: Region): void {
    this.#hit = undefined;
    this.all.splice(this.indexAbove(region.start), 0, region);
    this.join(region.start, region.end);
  }

  /** Joins what can be joined from the region before `start` to the one after `end`. */
  join(start: number, end: number): void {
    this.#hit = undefined;
    let i = Math.max(0, this.indexAbove(start) - 1);
    while (i + 1 < this.all.length && this.all[i].start < end) {
      const region = this.all[i], next = this.all[i + 1];
      if (!region.joins(next)) {
        i++;
        continue;
      }
      if (region.versions !== undefined && next.versions !== undefined) {
        const both = new Uint32Array(region.versions.length + next.versions.length);
        both.set(region.versions);
        both.set(next.versions, region.versions.length);
        region.versions = both;
      }
      region.end = next.end;
      this.all.splice(i + 1, 1);
      next.drop();
    }
  }
}
