/**
 * What the analysis learns of operations, written with the interpreter: running the definition of each operation once, when a region needs it, takes a third
 * of a program's first translation, since V8 has compiled nothing of them yet. Operations share most of what is to be said of them.
 */
import type { Type } from "../wasm/mod.ts";
import type { Helper } from "./env.ts";

/** How an operation ends. */
export type Kind = "next" | "jcc" | "jmp" | "call" | "return" | "jump" | "callIndirect" | "enter" | "stop";

/** What is known of an operation without running its definition. */
export interface Learned {
  readonly kind: Kind;
  /** inline; or a call of the interpreter's function; or left to the interpreter. */
  readonly how: "inline" | "call" | "leave";
  readonly reads: ReadonlySet<number>;
  readonly writes: ReadonlySet<number>;
  /** Those of the writes that no helper does. */
  readonly direct: ReadonlySet<number>;
  /** By operand: a register that is read, or written in part only. */
  readonly operandReads: readonly boolean[];
  /** It can be tried (trial.ts); it changes more than slots. */
  readonly trial: boolean;
  readonly effects: boolean;
  /** It writes vectors in branches, or by helpers. */
  readonly stirs: boolean;
  readonly readsFlags: boolean;
  /** It may be left to the interpreter: it accesses memory, or can raise a trap. */
  readonly leaves: boolean;
  /** The same when nobody wants the flags that it sets: a rotation reads those that it leaves alone. */
  readonly needsFlags: boolean;
  readonly killsFlags: boolean;
  /** It looks at what is left of the budget. */
  readonly budget: boolean;
  readonly helpers: ReadonlySet<Helper>;
  /** It reads the time base, which goes on with the count of instructions. */
  readonly clock: boolean;
  /** It reads the register in the field `base` by itself. */
  readonly readsBase: boolean;
}

const KINDS = ["next", "jcc", "jmp", "call", "return", "jump", "callIndirect", "enter", "stop"] as const;
const HOWS = ["inline", "call", "leave"] as const;
const SETS = ["reads", "writes", "direct"] as const;
const BITS = [
  "trial",
  "effects",
  "stirs",
  "readsFlags",
  "leaves",
  "needsFlags",
  "killsFlags",
  "budget",
  "clock",
  "readsBase",
] as const;

/** One of what operations share: kind, how, bits, operands that are read (numbers, -1 behind the last), sets of slots, helpers (indices). */
type Row = [kind: number, how: number, bits: number, operands: number[], sets: number[][], helpers: number[]];
/** A helper: name, parameters and results, slots, whether it is opaque. */
type HelperRow = [string, Type[], Type[], number[], number[], boolean];
interface Packed {
  readonly helpers: HelperRow[];
  readonly rows: Row[];
  /** By operation from the first on: 1 + its row; 0: it depends on the host. */
  readonly of: number[];
}

/** As text; `list`: by operation. */
export function pack(list: readonly (Learned | undefined)[]): string {
  const helpers = new Map<string, [index: number, row: HelperRow]>(), rows = new Map<string, number>();
  const helper = ({ name, params, results, reads, writes, opaque }: Helper): number => {
    let known = helpers.get(name);
    if (!known) {
      const row: HelperRow = [name, [...params], [...results], [...reads], [...writes], opaque];
      helpers.set(name, known = [helpers.size, row]);
    }
    return known[0];
  };
  const of = list.map((l) => {
    if (!l) return 0;
    const bits = BITS.reduce((sum, name, n) => sum + (Number(l[name]) << n), 0);
    const row: Row = [
      KINDS.indexOf(l.kind),
      HOWS.indexOf(l.how),
      bits,
      // An array with holes is as long as its last element.
      Array.from(l.operandReads, Number),
      SETS.map((name) => [...l[name]]),
      [...l.helpers].map(helper),
    ];
    const text = JSON.stringify(row);
    const known = rows.get(text) ?? rows.size + 1;
    rows.set(text, known);
    return known;
  });
  const packed: Packed = {
    helpers: [...helpers.values()].map(([, row]) => row),
    rows: [...rows.keys()].map((text) => JSON.parse(text)),
    of,
  };
  return JSON.stringify(packed);
}

/** What {@link pack} wrote. */
export class Table {
  readonly #packed: Packed;
  readonly #rows: (Learned | undefined)[] = [];
  readonly #names: Map<string, HelperRow>;
  /** By name; the same for all who ask. */
  readonly helpers: Map<string, Helper> = new Map();

  constructor(text: string) {
    this.#packed = JSON.parse(text);
    this.#names = new Map(this.#packed.helpers.map((row) => [row[0], row]));
  }

  /** Of the operation at an index; undefined: it depends on the host. */
  at(index: number): Learned | undefined {
    const row = this.#packed.of[index] - 1;
    return row < 0 ? undefined : this.#rows[row] ??= this.#learned(this.#packed.rows[row]);
  }
  helper(name: string): Helper | undefined {
    const known = this.helpers.get(name);
    if (known) return known;
    const row = this.#names.get(name);
    if (!row) return undefined;
    const [, params, results, reads, writes, opaque] = row;
    const made = { index: 0, name, params, results, reads: new Set(reads), writes: new Set(writes), opaque };
    this.helpers.set(name, made);
    return made;
  }
  #learned([kind, how, bits, operands, sets, helpers]: Row): Learned {
    const [reads, writes, direct] = sets.map((ids) => new Set(ids));
    const is = (name: typeof BITS[number]) => (bits >> BITS.indexOf(name) & 1) === 1;
    return {
      kind: KINDS[kind],
      how: HOWS[how],
      reads,
      writes,
      direct,
      operandReads: operands.map((n) => n === 1),
      trial: is("trial"),
      effects: is("effects"),
      stirs: is("stirs"),
      readsFlags: is("readsFlags"),
      leaves: is("leaves"),
      needsFlags: is("needsFlags"),
      killsFlags: is("killsFlags"),
      budget: is("budget"),
      helpers: new Set(helpers.map((n) => this.helper(this.#packed.helpers[n][0])!)),
      clock: is("clock"),
      readsBase: is("readsBase"),
    };
  }
}
