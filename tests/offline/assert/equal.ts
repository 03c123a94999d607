/**
 * Deep equality as `equal` of @std/assert 1.0.14 defines it:
 * - `NaN` equals `NaN`, `0` equals `-0`;
 * - prototypes must be the same (a null prototype counts as `Object.prototype`);
 * - typed arrays and buffers by element, `Set` and `Map` without order, with deep keys;
 * - `Date` by time, `WeakRef` by target, regular expressions and URLs by their text;
 * - `WeakMap` and `WeakSet` cannot be compared: `TypeError`;
 * - a missing property differs from one that is `undefined`.
 *
 * @module
 */

const typedArray = Object.getPrototypeOf(Uint8Array) as abstract new () => ArrayLike<unknown>;

/** Prototypes whose instances are equal when they print the same. */
const byText = new Set<unknown>([
  RegExp.prototype,
  URL.prototype,
  URLSearchParams.prototype,
  Intl.Locale.prototype,
]);

function same(a: unknown, b: unknown): boolean {
  return a === b || Object.is(a, b);
}

function primitive(v: unknown): boolean {
  return v == null || (typeof v !== "object" && typeof v !== "function");
}

function samePrototype(a: object, b: object): boolean {
  const [pa, pb] = [
    Object.getPrototypeOf(a) ?? Object.prototype,
    Object.getPrototypeOf(b) ?? Object.prototype,
  ];
  return pa === pb;
}

function sameElements(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!same(a[i], b[i])) return false;
  return true;
}

/** The keys to compare: own enumerable ones of plain objects and arrays; of others all, with those inherited. */
function keysOf(a: object, b: object): Set<PropertyKey> {
  const proto = Object.getPrototypeOf(a);
  if (proto === null || proto === Object.prototype || proto === Array.prototype) {
    return new Set(Reflect.ownKeys({ ...a, ...b }));
  }
  const keys = new Set<PropertyKey>();
  for (const start of [a, b]) {
    for (let o = start; o && o !== Object.prototype && o !== Array.prototype; o = Object.getPrototypeOf(o)) {
      for (const key of Reflect.ownKeys(o)) keys.add(key);
    }
  }
  return keys;
}

/** Whether `a` and `b` are deeply equal. */
export function equal(a: unknown, b: unknown): boolean {
  const seen = new Map<unknown, unknown>();

  function collections(
    a: Set<unknown> | Map<unknown, unknown>,
    b: Set<unknown> | Map<unknown, unknown>,
  ): boolean {
    if (a.size !== b.size) return false;
    if ([...a.keys()].every(primitive)) {
      for (const key of a.keys()) {
        if (!b.has(key)) return false;
        if (a instanceof Map && !compare(a.get(key), (b as Map<unknown, unknown>).get(key))) return false;
      }
      return true;
    }
    const others = [...b.entries()];
    let unmatched = a.size;
    for (const [key, value] of a.entries()) {
      if (others.some(([k, v]) => compare(key, k) && compare(value, v))) unmatched--;
    }
    return unmatched === 0;
  }

  function compare(a: unknown, b: unknown): boolean {
    if (same(a, b)) return true;
    if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
    if (a instanceof Date && b instanceof Date) return Object.is(a.getTime(), b.getTime());
    if (!samePrototype(a, b)) return false;
    if (a instanceof typedArray) return sameElements(a, b as ArrayLike<unknown>);
    if (a instanceof ArrayBuffer || (globalThis.SharedArrayBuffer && a instanceof SharedArrayBuffer)) {
      return sameElements(new Uint8Array(a), new Uint8Array(b as ArrayBuffer));
    }
    if (a instanceof WeakMap) throw new TypeError("Cannot compare WeakMap instances");
    if (a instanceof WeakSet) throw new TypeError("Cannot compare WeakSet instances");
    if (a instanceof WeakRef) return compare(a.deref(), (b as WeakRef<WeakKey>).deref());
    if (seen.get(a) === b) return true;
    if (Object.keys(a).length !== Object.keys(b).length) return false;
    seen.set(a, b);
    if ((a instanceof Set && b instanceof Set) || (a instanceof Map && b instanceof Map)) {
      return collections(a, b);
    }
    if (byText.has(Object.getPrototypeOf(a))) return String(a) === String(b);
    for (const key of keysOf(a, b)) {
      if ((key in a) !== (key in b)) return false;
      if (!compare(Reflect.get(a, key), Reflect.get(b, key))) return false;
    }
    return true;
  }

  return compare(a, b);
}
