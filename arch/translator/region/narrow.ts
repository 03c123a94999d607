/**
 * Registers that are narrow throughout a loop: it changes them, reads them as 32 bits, and leaves their upper halves zero if they are zero where
 * it begins. The version of the loop that comes in pieces (loops.ts) keeps them in locals of 32 bits. As 64 bits V8 would have
 * both the whole and, for most of its operations, the lower half in a register.
 */
import type { I32, I64, Load, Local } from "../wasm/mod.ts";
import type { RegionFunc } from "./func.ts";
import type { State } from "./state.ts";

/** From that many on it is worth a second version of a loop. */
const LEAST = 5;

/** Learns what a loop does with its registers while its body is emitted for nothing. */
export class Narrow {
  /** Slots that are loaded as 32 bits; that are written; that are used as 64; written as 32 in this block. */
  readonly #halves = new Set<number>();
  readonly #written = new Set<number>();
  readonly #wide = new Set<number>();
  readonly #fresh = new Set<number>();
  /** The locals, by slot, once all has been seen. */
  locals: ReadonlyMap<number, Local<"i32">> = new Map();

  constructor(readonly f: RegionFunc, readonly state: State) {}

  loaded(id: number, name: Load): void {
    if (name === "i64.load" && !this.#fresh.has(id)) this.#wide.add(id);
    if (name.startsWith("i32.")) this.#halves.add(id);
  }
  stored(id: number, narrow: boolean): void {
    this.#written.add(id);
    if (narrow) this.#fresh.add(id);
    else this.#wide.add(id);
  }
  /** Its local was set from memory. */
  reloaded(id: number): void {
    this.#wide.add(id);
  }
  /** A block begins. */
  block(): void {
    this.#fresh.clear();
  }
  /** All has been seen; `live`: what is wanted where a round begins. */
  learned(live: Iterable<number>): void {
    const { list, isFlag } = this.state.slots;
    const narrow = [...live].filter((id) =>
      this.#written.has(id) && this.#halves.has(id) && !this.#wide.has(id) &&
      list[id].type === "i64" && !isFlag[id]
    );
    if (narrow.length >= LEAST) this.locals = new Map(narrow.map((id) => [id, this.f.fixed("i32")]));
  }

  /** The upper half of one is not zero: nothing for a piece. */
  refused(): I32 {
    const all = [...this.locals.keys()].map((id): I64 => this.state.locals[id] as Local<"i64">);
    return all.reduce((a, b) => a.or(b)).gtU(0xffffffff);
  }
  /** A piece begins: the registers go to their narrow locals. */
  begin(): void {
    for (const [id, n] of this.locals) this.f.set(n, this.state.locals[id].wrap());
    this.state.narrow = this.locals;
  }
}
