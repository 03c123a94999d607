/**
 * The entries of a directory in memory. Each entry gets an ascending cookie when it is made, and the entries are kept
 * in the order of their cookies: a reader's cursor is the cookie after which it goes on, which no creation or removal
 * disturbs, and a listing is linear.
 */
import type { Name } from "./names.ts";

export interface Entry<T> {
  readonly name: Name;
  value: T;
  readonly cookie: number;
  removed: boolean;
}

export class Entries<T> {
  readonly #byName = new Map<Name, Entry<T>>();
  /** By cookie; removed entries stay until there are many of them. */
  #order: Entry<T>[] = [];
  #removed = 0;
  #next = 1;

  get size(): number {
    return this.#byName.size;
  }
  has(name: Name): boolean {
    return this.#byName.has(name);
  }
  get(name: Name): T | undefined {
    return this.#byName.get(name)?.value;
  }
  /** Adds, or replaces in place. */
  set(name: Name, value: T): void {
    const old = this.#byName.get(name);
    if (old !== undefined) {
      old.value = value;
      return;
    }
    const entry: Entry<T> = { name, value, cookie: this.#next++, removed: false };
    this.#byName.set(name, entry);
    this.#order.push(entry);
  }
  delete(name: Name): boolean {
    const entry = this.#byName.get(name);
    if (entry === undefined) return false;
    this.#byName.delete(name);
    entry.removed = true;
    if (++this.#removed > 32 && this.#removed > this.#order.length / 2) {
      this.#order = this.#order.filter((e) => !e.removed);
      this.#removed = 0;
    }
    return true;
  }
  /** Gives entries with a cookie above `cursor` until `take` says no. */
  read(cursor: number, take: (entry: Entry<T>) => boolean): void {
    const order = this.#order;
    let low = 0, high = order.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (order[middle].cookie <= cursor) low = middle + 1;
      else high = middle;
    }
    for (let i = low; i < order.length; i++) {
      const entry = order[i];
      if (!entry.removed && !take(entry)) return;
    }
  }
  /** All values, in order. */
  *values(): Generator<T> {
    for (const entry of this.#order) if (!entry.removed) yield entry.value;
  }
  /** All names and values, in order. */
  *entries(): Generator<[Name, T]> {
    for (const entry of this.#order) if (!entry.removed) yield [entry.name, entry.value];
  }
}
