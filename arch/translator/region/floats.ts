/**
 * Vector registers that hold one float throughout a loop: it reads them as floats of one format, and writes them as such. The version of the
 * loop that comes in pieces (loops.ts) keeps those floats in locals of their own from round to round; as vectors each block would put its
 * results into them at its end, for nobody but a way out. Ways out put the vectors together.
 *
 * What stands above the float is zero throughout, which one test before a piece asks where something clears it in the loop, or
 * what it was before the piece where nothing does.
 */
// cold: constants of 128 bits, while code is generated
import { type I32, type I64, lane, type Local, replaceLane, simd, type V128, v128 } from "../wasm/mod.ts";
import type { RegionFunc } from "./func.ts";
import type { Scalar, State } from "./state.ts";

type Format = Scalar["type"];
/** What a loop does with a slot. */
interface Uses {
  readonly formats: Set<Format>;
  /** It is written: with zeros above the float; with what was above it. */
  cleared: boolean;
  kept: boolean;
  /** Slots that it is a copy of. */
  readonly from: Set<number>;
  /** As something else than a float. */
  otherwise: boolean;
}

/** Learns what a loop does with its vectors while its body is emitted for nothing; then looks that it does no more. */
export class Floats {
  readonly #uses = new Map<number, Uses>();
  /** By slot, once all has been seen: how it stands where blocks begin and end. */
  kept: ReadonlyMap<number, Scalar> = new Map();
  #learned = false;
  #live: ReadonlySet<number> = new Set();

  constructor(readonly f: RegionFunc, readonly state: State) {}

  #of(id: number): Uses {
    let uses = this.#uses.get(id);
    if (!uses) {
      const from = new Set<number>();
      this.#uses.set(id, uses = { formats: new Set(), cleared: false, kept: false, from, otherwise: false });
    }
    return uses;
  }
  #expect(id: number, as: (s: Scalar) => boolean): void {
    const s = this.kept.get(id);
    if (s && !as(s)) this.state.widened = true;
  }
  read(id: number, format: Format): void {
    if (this.#learned) return this.#expect(id, (s) => s.type === format);
    this.#of(id).formats.add(format);
  }
  wrote(id: number, format: Format, clear: boolean): void {
    if (this.#learned) {
      return this.#expect(id, (s) => s.type === format && s.dirty && (s.zero || !clear));
    }
    const uses = this.#of(id);
    uses.formats.add(format);
    if (clear) uses.cleared = true;
    else uses.kept = true;
  }
  copied(to: number, from: number): void {
    if (this.#learned) {
      const s = this.kept.get(from);
      return this.#expect(to, ({ type, zero }) => s?.type === type && zero && s.zero);
    }
    this.#of(to).from.add(from), this.#of(from);
  }
  /** It is wanted as a vector, or becomes one. */
  otherwise(id: number): void {
    if (this.#learned) return this.#expect(id, () => false);
    this.#of(id).otherwise = true;
  }
  /** All has been seen; `live`: what is wanted where a round begins. */
  learned(live: Iterable<number>): void {
    this.#learned = true, this.#live = new Set(live);
    const all = new Map([...this.#uses].filter(([, u]) => !u.otherwise && u.formats.size < 2));
    // Copies are of what is zero above, and have its format.
    for (let size = -1; size !== all.size;) {
      size = all.size;
      for (const [id, { from, formats }] of [...all]) {
        const good = [...from].every((other) => {
          const o = all.get(other);
          for (const format of o?.formats ?? []) formats.add(format);
          return o && (o.cleared || o.from.size);
        });
        if (!good || formats.size > 1) all.delete(id);
      }
    }
    const kept = new Map<number, Scalar>();
    for (const [id, { cleared, kept: partly, from, formats: [type] }] of all) {
      if (!type) continue;
      const zero = cleared || from.size > 0;
      kept.set(id, { type, local: this.state.floatLocal(type, id), dirty: zero || partly, zero });
    }
    if ([...kept.values()].some((s) => s.dirty)) this.kept = kept;
  }
  /** It was wrong: a piece is emitted without. */
  drop(): void {
    this.kept = new Map();
  }

  /** Something above one of the floats is not zero: nothing for a piece. Of those that nobody wants where a round begins it may be anything. */
  refused(): I32 | undefined {
    const above = (type: Format): I64[] => {
      const all = [...this.kept].filter(([id, s]) => s.zero && s.type === type && this.#live.has(id))
        .map(([id]): V128 => this.state.locals[id] as Local<"v128">);
      if (!all.length) return [];
      const v = this.f.let(all.reduce((a, b) => simd("v128.or", a, b)));
      const part = (n: number) => lane("i64x2.extract_lane", v, n);
      return type === "f64" ? [part(1)] : [part(1), part(0).shrU(32)];
    };
    const parts = [...above("f64"), ...above("f32")];
    return parts.length ? parts.reduce((a, b) => a.or(b)).ne(0) : undefined;
  }
  /** A piece begins. */
  begin(): void {
    for (const [id, { type, local }] of this.kept) {
      const v = this.state.locals[id] as Local<"v128">;
      const name = type === "f64" ? "f64x2.extract_lane" : "f32x4.extract_lane";
      this.f.set(local, lane(name as "f64x2.extract_lane", v, 0));
    }
    this.state.floats = this.kept;
  }
}

/** The vector of a scalar, of which `vector` is what stands above. */
export function joined({ type, local, zero }: Scalar, vector: V128): V128 {
  const name = type === "f64" ? "f64x2.replace_lane" : "f32x4.replace_lane";
  return replaceLane(name as "f64x2.replace_lane", zero ? v128(0n) : vector, 0, local);
}
