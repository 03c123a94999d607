/**
 * Floats that a loop adds to in each round: sums, dot products. Whether such a float is of a middling size (trial.ts) is tested before a piece of
 * the loop (loops.ts) and not in its rounds: a piece has few of these, and of what is added the range is known, so the sum's is too.
 *
 * A sum is a vector register, or a place that the loop keeps (steady.ts), to which nothing is written but itself with something added or
 * subtracted, on trial. All that a round assumes of a sum it does in one trial; where that fails, the piece ends with the round.
 */
import type { FloatLanes } from "../machine.ts";
import type { State } from "./state.ts";

/** Exponents of a magnitude: it is zero, or from 2^low to 2^high. */
export type Range = readonly [low: number, high: number];
/** A slot, or a place by its key. */
export type Origin = number | string;

/** Of the format of a sum's lanes. */
export interface Limits {
  readonly tested: Range;
  readonly limits: Range;
  readonly fraction: number;
}

/** Sums that are kept in a loop, at most. */
const MOST = 6;

interface Sum {
  readonly lanes: FloatLanes;
  readonly format: Limits;
  /** Of all that is added. */
  low: number;
  high: number;
  /** Additions in a round. */
  adds: number;
  /** The trial that reads it. */
  trial: unknown;
  /** It is tested in each round. */
  wanted: boolean;
}

/** For tests: sums that loops have kept. */
export const summing: { sums: number } = { sums: 0 };

/** Learns what a loop adds up while its body is emitted for nothing; then looks that it does no more. */
export class Sums {
  readonly #seen = new Map<Origin, Sum>();
  readonly #broken = new Set<Origin>();
  /** Once all has been seen. */
  #kept: ReadonlyMap<Origin, Sum & { readonly range: Range }> = new Map();
  #learned = false;
  /** They are not as they were learned: more is added to them, say, since a sum is. */
  readonly #failed = new Set<Origin>();

  constructor(readonly state: State) {}

  get kept(): Iterable<{ readonly lanes: FloatLanes; readonly of: Origin }> {
    return [...this.#kept].map(([of, { lanes }]) => ({ of, lanes }));
  }

  /** A trial reads the float, or floats, of an origin: what is known of their size. */
  read(of: Origin, lanes: FloatLanes, format: Limits, trial: unknown): Range | undefined {
    if (!this.#learned) {
      let sum = this.#seen.get(of);
      if (!sum) {
        const none = { low: Infinity, high: -Infinity, adds: 0, wanted: false };
        this.#seen.set(of, sum = { lanes, format, trial, ...none });
      }
      if (sum.lanes !== lanes || sum.trial !== trial) this.#broken.add(of);
      return undefined;
    }
    const sum = this.#kept.get(of);
    if (!sum || sum.lanes !== lanes) return undefined;
    sum.trial ??= trial;
    if (sum.trial !== trial) this.#fail(of);
    return sum.range;
  }
  /** It had to be tested. */
  tested(of: Origin): void {
    const sum = this.#seen.get(of);
    if (sum) sum.wanted = true;
  }
  /** The range of it and all that is made of it, if it is kept. */
  range(of: Origin, lanes: FloatLanes): Range | undefined {
    const sum = this.#kept.get(of);
    return sum?.lanes === lanes ? sum.range : undefined;
  }
  /** Something is added to it, or to what has been made of it so. */
  added(of: Origin, [low, high]: Range): void {
    if (this.#learned) {
      const sum = this.#kept.get(of);
      if (sum && (low < sum.low || high > sum.high)) this.#fail(of);
      return;
    }
    const sum = this.#seen.get(of);
    if (!sum) return void this.#broken.add(of);
    sum.low = Math.min(sum.low, low), sum.high = Math.max(sum.high, high), sum.adds++;
  }
  /** It gets a value: made of which origin, if of one. */
  wrote(to: Origin, of: Origin | undefined): void {
    if (of === to) return;
    if (!this.#learned) this.#broken.add(to);
    else if (this.#kept.has(to)) this.#fail(to);
  }
  #fail(of: Origin): void {
    this.#failed.add(of);
    this.state.widened = true;
  }

  /** All has been seen. `stored`: the loop stores there, and may keep it. */
  learned(rounds: number, stored: (of: Origin) => boolean): void {
    this.#learned = true;
    const kept = new Map<Origin, Sum & { readonly range: Range }>();
    for (const [of, sum] of this.#seen) {
      if (this.#broken.has(of) || !sum.wanted || !sum.adds || kept.size >= MOST || !stored(of)) continue;
      const { tested, limits, fraction } = sum.format;
      // All are multiples of the last place of the least. A bit more for what is rounded up.
      const low = Math.min(tested[0], sum.low) - fraction;
      const high = Math.max(tested[1], sum.high + Math.ceil(Math.log2(rounds * sum.adds))) + 2;
      if (low >= limits[0] && high <= limits[1]) kept.set(of, { ...sum, range: [low, high] });
    }
    this.#kept = kept;
    summing.sums += kept.size;
  }
  /** A piece begins. */
  begin(): void {
    for (const sum of this.#kept.values()) sum.trial = undefined;
  }
  /** It was wrong: a piece is emitted without those that were, if that is all that was wrong; or without any. */
  get wrong(): boolean {
    return this.#failed.size > 0;
  }
  drop(all: boolean): void {
    const kept = new Map([...this.#kept].filter(([of]) => !all && !this.#failed.has(of)));
    summing.sums -= this.#kept.size - kept.size;
    this.#kept = kept, this.#failed.clear();
  }
}
