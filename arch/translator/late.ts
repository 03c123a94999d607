/**
 * What is made when it is asked for. An architecture has more than a thousand declarations in some families, and the translator, which
 * comes while a guest waits, needs those of a few.
 */

/** What `make` gives, made at the first call. */
export function once<T>(make: () => T): () => T {
  let made: { readonly of: T } | undefined;
  return () => (made ??= { of: make() }).of;
}

/** A list that is made at the first call. */
export type Late<T> = () => readonly T[];
/** Of what `make` gives. */
export const late: <T>(make: () => readonly T[]) => Late<T> = once;

/** The one with number `n` of all lists together, whose lengths are known without making them. */
export function nth<T>(lists: readonly Late<T>[], lengths: readonly number[], n: number): T {
  let i = 0;
  while (n >= lengths[i]) n -= lengths[i++];
  return lists[i]()[n];
}
