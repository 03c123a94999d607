/**
 * What MAP_SHARED mappings share. Without an MMU every address space has its own copy of a shared page, and since one
 * task runs at a time it is enough to merge at the switch between spaces: a page changed by the space that stops
 * running is copied to the object and gets a new version; a space that starts running gives up its older copies.
 */
import type { Backing } from "./memory.ts";

/** A space that has the object mapped. */
export interface Sharer {
  /** Copies changed pages to the object. */
  flush(object: SharedObject): void;
  /** Gives up copies that are older than the object's pages. */
  refresh(object: SharedObject): void;
}

/** Changes that an object remembers, so that a switch looks at what has changed and not at every page. */
const LOG = 1024;

const objects: WeakMap<object, SharedObject> = new WeakMap();

/** One object behind shared mappings, by {@link Backing.identity}. */
export class SharedObject {
  readonly backing: Backing;
  readonly sharers: Set<Sharer> = new Set();
  /** Goes up with every change of any page. */
  version = 1;
  #base = 1;
  readonly #versions = new Map<number, number>();
  /** Pages in the order in which they were changed: the first one made version `#logged + 1`. */
  #log: number[] = [];
  #logged = 1;
  /** Pages of objects without a file to hold them. */
  readonly #pages = new Map<number, Uint8Array>();

  private constructor(backing: Backing) {
    this.backing = backing;
  }

  /** The object of that identity. */
  static of(backing: Backing): SharedObject {
    let object = objects.get(backing.identity);
    if (object === undefined) objects.set(backing.identity, object = new SharedObject(backing));
    return object;
  }

  /** One more space has it mapped: what a single one kept to itself becomes visible. */
  attach(sharer: Sharer): void {
    if (this.sharers.has(sharer)) return;
    for (const other of this.sharers) other.flush(this);
    this.sharers.add(sharer);
  }

  /** The version of a page, from 1. */
  pageVersion(page: number): number {
    return this.#versions.get(page) ?? this.#base;
  }

  /** Copies a page out; false when it lies beyond the end. */
  load(page: number, into: Uint8Array): boolean {
    const offset = page * 4096;
    const size = this.backing.size;
    if (offset >= size) return false;
    const own = this.#pages.get(page);
    if (own !== undefined) {
      into.set(own);
      return true;
    }
    const filled = this.backing.fill(offset, into);
    if (filled < into.length) into.fill(0, Math.max(0, filled));
    return true;
  }

  /** Takes a changed page; returns its version. */
  save(page: number, from: Uint8Array): number {
    const offset = page * 4096;
    const { backing } = this;
    if (backing.store !== undefined) {
      const length = Math.min(4096, backing.size - offset);
      if (length > 0) backing.store(offset, length === 4096 ? from : from.subarray(0, length));
    } else {
      const own = this.#pages.get(page);
      if (own === undefined) this.#pages.set(page, from.slice());
      else own.set(from);
    }
    if (this.#log.length === LOG) this.#forget();
    this.#log.push(page);
    this.#versions.set(page, ++this.version);
    return this.version;
  }

  #forget(): void {
    this.#log = [];
    this.#logged = this.version;
  }

  /** Pages changed after that version, some perhaps twice; undefined: too many, or all. */
  changedSince(version: number): readonly number[] | undefined {
    return version < this.#logged ? undefined : this.#log.slice(version - this.#logged);
  }

  /** Everything has changed. */
  stale(): void {
    this.#base = ++this.version;
    this.#versions.clear();
    this.#forget();
    for (const sharer of this.sharers) sharer.refresh(this);
  }
}

/** Before an object is read other than through mappings (read(2) of a mapped file): brings in what sharers changed. */
export function flushShared(identity: object): void {
  const object = objects.get(identity);
  if (object === undefined) return;
  for (const sharer of object.sharers) sharer.flush(object);
}

/** After an object was changed other than through mappings (write(2), truncation): sharers load it again. */
export function staleShared(identity: object): void {
  objects.get(identity)?.stale();
}

/** The object of a MAP_SHARED | MAP_ANONYMOUS mapping. */
export function anonymousBacking(size: number): Backing {
  return {
    fill: (_offset, into) => {
      into.fill(0);
      return into.length;
    },
    size,
    identity: {},
    name: "/dev/zero (deleted)",
    device: [0, 1],
    inode: 1,
  };
}
