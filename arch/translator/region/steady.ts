/**
 * Places in memory that stay where they are in a loop: a register that the loop does not write, and a distance. The version of the loop that comes in
 * pieces (loops.ts) keeps what is there in locals. A store goes to memory as well, so that memory is right at any time; a load takes the
 * local. Where a loop adds to a word in each round, the next round need not wait for the store, and checks nothing.
 *
 * All stores of such a loop are to places of one register, of which it is known which are apart; a loop that stores elsewhere has no such places.
 * What is only loaded may be a place of another register: a test before the piece says that nothing is stored there. Nobody else writes in
 * between: what else runs in the process runs behind a way out.
 */
import {
  type Address,
  type I32,
  type I64,
  type Load,
  type Local,
  type Store,
  type Type,
  Value,
} from "../wasm/mod.ts";
import type { RegionFunc } from "./func.ts";
import type { State } from "./state.ts";

/** Places that are kept at most: registers are few. Tests of what is stored elsewhere. */
const MOST = 6, TESTS = 4;

type Kind = "i32" | "i64" | "f32" | "f64";
/** The type of what is loaded or stored as a whole value. */
const KINDS: Readonly<Record<string, Kind>> = {
  "i32.load": "i32",
  "i64.load": "i64",
  "f32.load": "f32",
  "f64.load": "f64",
  "i64.load32_u": "i32",
  "i32.store": "i32",
  "i64.store": "i64",
  "f32.store": "f32",
  "f64.store": "f64",
  "i64.store32": "i32",
};
const bytesOf = (name: Load | Store): number => {
  const bits = /\.(?:load|store)(\d+)(?:x(\d+))?/.exec(name);
  return (bits
    ? Number(bits[1]) * Number(bits[2] ?? 1)
    : name.startsWith("v128")
    ? 128
    : Number(name.slice(1, 3))) / 8;
};

interface Place {
  readonly key: string;
  readonly slot: number;
  readonly plus: number;
  readonly bytes: number;
  /** undefined: not as a whole value of one type. */
  kind: Kind | undefined;
  loads: number;
  stores: number;
}
/** Of a place that is kept. */
interface Kept extends Place {
  readonly local: Local;
}
/** What is known to be accessible in all rounds of a piece. */
export interface Covered {
  readonly slot: number | undefined;
  readonly low: number;
  readonly high: number;
}

const apart = (a: Place, plus: number, bytes: number): boolean =>
  a.plus + a.bytes <= plus || plus + bytes <= a.plus;

/** For tests: places that loops have kept. */
export const keeping: { places: number } = { places: 0 };

/** Learns where a loop loads and stores while its body is emitted for nothing; then gives what is kept. */
export class Steady {
  readonly #seen = new Map<string, Place>();
  /** It stores where nobody knows. */
  #stray = false;
  #learned = false;
  #kept: readonly Kept[] = [];
  /** Where the loop stores: places of one register. */
  #stored: readonly Place[] = [];

  /** `bases`: slots that the loop does not write. */
  constructor(readonly f: RegionFunc, readonly state: State, readonly bases: readonly number[]) {}

  #at(
    address: Address,
    offset: number,
    among: readonly number[],
  ): { slot: number; plus: number } | undefined {
    if (typeof address === "number") return undefined;
    for (const slot of among) {
      const plus = this.f.distance(address as Value, this.state.locals[slot]);
      if (plus !== undefined) return { slot, plus: plus + offset };
    }
    return undefined;
  }
  #note(name: Load | Store, address: Address, offset: number): Place | undefined {
    const at = this.#at(address, offset, this.bases), bytes = bytesOf(name), kind = KINDS[name];
    if (!at) return undefined;
    const key = `${at.slot} ${at.plus} ${bytes}`;
    let place = this.#seen.get(key);
    if (!place) this.#seen.set(key, place = { key, ...at, bytes, kind, loads: 0, stores: 0 });
    // Loaded and stored as one type.
    if (place.kind !== kind) place.kind = undefined;
    return place;
  }

  /** A load of the loop: its place, and the value, if that is kept. */
  load(
    name: Load,
    address: Address,
    offset: number,
  ): { readonly key: string; readonly value: Value | undefined } | undefined {
    if (!this.#learned) {
      const place = this.#note(name, address, offset);
      if (!place) return undefined;
      place.loads++;
      return { key: place.key, value: undefined };
    }
    const kind = KINDS[name];
    if (!kind || !this.#kept.length) return undefined;
    const at = this.#at(address, offset, [...new Set(this.#kept.map(({ slot }) => slot))]);
    const kept = at && this.#kept.find((k) => k.slot === at.slot && k.plus === at.plus && k.kind === kind);
    if (!kept) return undefined;
    // No local: what has been loaded stays what it was behind the next store.
    const value = new Value(kept.local.type, (w) => kept.local.emit(w));
    return { key: kept.key, value: name === "i64.load32_u" ? (value as I32).extendU() : value };
  }
  /** What is kept of a place: does the loop store there? */
  stores(key: string): boolean | undefined {
    const kept = this.#kept.find((k) => k.key === key);
    return kept && kept.stores > 0;
  }
  /** What is there before a piece. */
  first(key: string): Value | undefined {
    const kept = this.#kept.find((k) => k.key === key);
    return kept && this.#first(kept);
  }
  #first({ slot, plus, kind }: Kept): Value {
    const address = (this.state.locals[slot] as Local<"i64">).add(plus);
    return this.state.memories.guest.load(`${kind as "f64"}.load`, address);
  }
  /** A store of the loop: puts the value where it is kept; the key of that place. */
  store(name: Store, address: Address, v: Value, offset: number): string | undefined {
    if (!this.#learned) {
      const place = this.#note(name, address, offset);
      if (place) place.stores++;
      else this.#stray = true;
      return place?.key;
    }
    const bytes = bytesOf(name), [first] = this.#stored;
    let key: string | undefined;
    for (const kept of this.#kept) {
      const at = this.#at(address, offset, [kept.slot]);
      // None was learned.
      if (!first) return void this.wrote();
      if (kept.slot !== first.slot) {
        // Tested before the piece.
        const to = this.#at(address, offset, [first.slot]);
        if (!this.#stored.some((s) => s.plus === to?.plus && s.bytes === bytes)) return void this.wrote();
        continue;
      }
      if (at && apart(kept, at.plus, bytes)) continue;
      if (at?.plus !== kept.plus || KINDS[name] !== kept.kind) return void this.wrote();
      this.f.set(kept.local, (name === "i64.store32" ? (v as I64).wrap() : v) as never);
      key = kept.key;
    }
    return key;
  }
  /** It writes memory by other means. */
  wrote(): void {
    if (!this.#learned) this.#stray = true;
    else if (this.#kept.length) this.state.widened = true;
  }

  /** All has been seen; what is accessible in all rounds. */
  learned(covered: readonly Covered[]): void {
    this.#learned = true;
    if (this.#stray) return;
    const all = [...this.#seen.values()], stored = all.filter((p) => p.stores > 0);
    if (stored.some(({ slot }) => slot !== stored[0].slot)) return;
    const good = all.filter((p) =>
      p.kind !== undefined && p.loads > 0 &&
      stored.every((s) => s === p || s.slot !== p.slot || apart(s, p.plus, p.bytes)) &&
      covered.some((c) => c.slot === p.slot && c.low <= p.plus && p.plus + p.bytes <= c.high)
    );
    let room = TESTS;
    const some = good.toSorted((a, b) => b.loads + b.stores - a.loads - a.stores).filter((p) =>
      !stored.length || p.slot === stored[0].slot || (room -= stored.length) >= 0
    );
    this.#stored = stored;
    this.#kept = some.slice(0, MOST).map((p) => ({ ...p, local: this.f.fixed(p.kind as Type) }));
    keeping.places += this.#kept.length;
  }
  /** Before a piece: conditions under which it may store to what is kept of other registers. */
  tests(): I32[] {
    const of = ({ slot, plus }: Place) => (this.state.locals[slot] as Local<"i64">).add(plus);
    return this.#kept.flatMap((kept) =>
      this.#stored.filter(({ slot }) => slot !== kept.slot).map((s) =>
        of(kept).sub(of(s)).add(kept.bytes - 1).ltU(kept.bytes - 1 + s.bytes)
      )
    );
  }
  /** It was wrong: a piece is emitted without. */
  drop(): void {
    keeping.places -= this.#kept.length;
    this.#kept = [];
  }
  /** A piece begins. */
  begin(): void {
    for (const kept of this.#kept) this.f.set(kept.local, this.#first(kept) as never);
  }
}
