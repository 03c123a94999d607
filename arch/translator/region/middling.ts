/**
 * The tests of a trial (trial.ts): are floats of a middling size, with an exponent in the middle quarter of the format's? The bits plus three
 * eighths of the exponents have the two upper bits of an exponent set then. Scalars are tested as lanes of vectors, since general registers
 * are what regions are short of. All is answered by one branch; behind that a second look lets zeros through.
 */
// cold: constants of 64 bits, while code is generated
import type { FloatLanes } from "../machine.ts";
import {
  type I32,
  type Label,
  lane,
  type Local,
  replaceLane,
  shuffle,
  simd,
  v128,
  type Value,
} from "../wasm/mod.ts";
import type { RegionFunc } from "./func.ts";
import type { State } from "./state.ts";

export type Vectors = "f64x2" | "f32x4";
export const vectorsOf = (lanes: FloatLanes): Vectors =>
  lanes === "f64" || lanes === "f64x2" ? "f64x2" : "f32x4";
interface Layout {
  readonly lanes: 2 | 4;
  readonly bits: "i64x2" | "i32x4";
  /** Three eighths of the exponents. */
  readonly more: bigint;
  /** Numbers of the locals with the constant and the answer. */
  readonly constant: number;
  readonly answer: number;
}
const LAYOUTS: Readonly<Record<Vectors, Layout>> = {
  f64x2: { lanes: 2, bits: "i64x2", more: 3n << 60n, constant: -10, answer: -1 },
  f32x4: { lanes: 4, bits: "i32x4", more: 3n << 28n, constant: -11, answer: -2 },
};

/** Puts what is added to all lanes in a local: V8 builds every constant anew from several instructions. */
export function setConstant(state: State, vectors: Vectors): void {
  const { bits, more, constant } = LAYOUTS[vectors];
  const all = bits === "i64x2" ? more << 64n | more : more << 96n | more << 64n | more << 32n | more;
  state.f.set(state.pooled("v128", constant), v128(all));
}

/** A copy of what is tested: a vector, or one scalar, perhaps as the lowest lane of a vector. */
interface Tested {
  readonly vectors: Vectors;
  readonly value: Local;
  readonly one: boolean;
  readonly zeros?: { readonly of: readonly Tested[]; where(zero: readonly Value<"v128">[]): Value<"v128"> };
}
/** The upper halves of two vectors of doubles, which have their exponents where floats have theirs. */
const UPPER = [4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31];
/** The lowest lanes of two vectors of doubles. */
const LOWEST = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];

/** Where a result may be zero: all masks of lanes. `of`: its operands, scalars as such or as the lowest lanes of vectors. */
export interface Zeros {
  readonly of: readonly Value[];
  /** From where each of them is zero. */
  where(zero: readonly Value<"v128">[]): Value<"v128">;
}

/** Tests of some floats, answered together. */
export class Middling {
  readonly #tested: Tested[] = [];
  readonly #pending = new Map<Vectors, Tested[]>();
  readonly #answers = new Map<Vectors, Local<"v128">>();
  readonly #constants = new Set<Vectors>();

  /** `constant`: true where somebody has set it before, for a loop. `first`: of the numbers of its locals. */
  constructor(
    readonly state: State,
    readonly constant: (vectors: Vectors) => boolean = () => false,
    readonly first = 0,
  ) {}

  /** `twin`: a vector that has a scalar in its lowest lane. `zeros`: it is a result, which may be zero only where these are, if that is given. */
  test(lanes: FloatLanes, scalar: Value, twin?: Value<"v128">, zeros?: Zeros): void {
    const { f } = this.state,
      vectors = vectorsOf(lanes),
      v = (vectors === "f64x2" ? twin : undefined) ?? scalar;
    const value = this.state.pooled(v.type, this.first + this.#tested.length);
    f.set(value, v);
    const one = scalar.type !== "v128", n = this.first + this.#tested.length;
    const of = zeros?.of.map((o, k): Tested => {
      const copy = this.state.pooled(o.type, `${n} of ${k}`);
      f.set(copy, o);
      return { vectors, value: copy, one };
    });
    const tested = { vectors, value, one, zeros: zeros && { of: of!, where: zeros.where } };
    this.#tested.push(tested);
    if (!tested.one) return this.#add(vectors, value as Local<"v128">);
    const pending = this.#pending.get(vectors) ?? [];
    this.#pending.set(vectors, pending);
    pending.push(tested);
    if (pending.length === LAYOUTS[vectors].lanes) this.#pack(vectors, pending);
  }
  /** Two vectors of doubles are tested as one of floats. */
  #pack(vectors: Vectors, values: Tested[]): void {
    const v = packed(vectors, values.splice(0)), { f } = this.state;
    if (vectors === "f32x4") return this.#add(vectors, v);
    if (this.#pair) {
      this.#add("f32x4", shuffle(this.#pair, v, UPPER));
      this.#pair = undefined;
    } else f.set(this.#pair = this.state.pooled("v128", `${this.first} pair`) as Local<"v128">, v);
  }
  #pair: Local<"v128"> | undefined;
  #moved(vectors: Vectors, v: Value): Value<"v128"> {
    const { bits, constant } = LAYOUTS[vectors];
    if (!this.#constants.has(vectors)) {
      this.#constants.add(vectors);
      if (!this.constant(vectors)) setConstant(this.state, vectors);
    }
    return simd(`${bits}.add`, v, this.state.pooled("v128", constant) as Value);
  }
  #add(vectors: Vectors, v: Value<"v128">): void {
    const { f } = this.state, moved = this.#moved(vectors, v), answer = this.#answers.get(vectors);
    if (answer) return f.set(answer, simd("v128.and", answer, moved));
    const made = this.state.pooled("v128", LAYOUTS[vectors].answer) as Local<"v128">;
    this.#answers.set(vectors, made);
    f.set(made, moved);
  }

  /** Branches to `fail` unless all are middling, or zero. */
  end(fail: Label): void {
    for (const [vectors, values] of this.#pending) if (values.length) this.#pack(vectors, values);
    if (this.#pair) this.#add("f64x2", this.#pair);
    const { f } = this.state;
    const wrong = [...this.#answers].map(([vectors, answer]) => missing(vectors, upper(f, vectors, answer)));
    if (!wrong.length) return;
    f.plainUnlikely(wrong.reduce((a, b) => a.or(b)), () => {
      for (const tested of this.#tested) {
        const { vectors, value, one } = tested;
        const v = f.let(one ? packed(vectors, [tested]) : value as Value<"v128">);
        const right = upper(f, vectors, f.let(this.#moved(vectors, v)));
        const zero = zeroIn(tested);
        f.brIf(fail, missing(vectors, simd("v128.or", right, zero)));
      }
    });
  }
}

/** Lanes whose signs are the two upper bits of their exponents, both. */
function upper(f: RegionFunc, vectors: Vectors, v: Local<"v128">): Value<"v128"> {
  const twice = (x: Value) => simd(`${LAYOUTS[vectors].bits}.add`, x, x);
  const both = f.let(simd("v128.and", v, twice(v)));
  return twice(both);
}
/** Not all signs are set. */
function missing(vectors: Vectors, v: Value<"v128">): I32 {
  const { bits, lanes } = LAYOUTS[vectors];
  return simd(`${bits}.bitmask`, v).ne(2 ** lanes - 1);
}

/** Lanes that are zero, and may be. */
function zeroIn(t: Tested): Value<"v128"> {
  const { vectors, value, one, zeros } = t, v = one ? packed(vectors, [t]) : value as Value<"v128">;
  const zero = simd(`${vectors}.eq`, v, v128(0n));
  return zeros ? simd("v128.and", zero, zeros.where(zeros.of.map(zeroIn))) : zero;
}
/** Scalars as lanes, the first one in those that are left. */
function packed(vectors: Vectors, all: readonly Tested[]): Value<"v128"> {
  const [a, b = a] = all;
  if (a.value.type === "v128" && b.value.type === "v128") {
    return shuffle(a.value as Value<"v128">, b.value as Value<"v128">, LOWEST);
  }
  const [first, ...others] = all.map(({ value }) =>
    value.type === "v128" ? lane("f64x2.extract_lane", value as Value<"v128">, 0) : value
  );
  return others.reduce(
    (v, x, n) => replaceLane(`${vectors}.replace_lane` as "f64x2.replace_lane", v, n + 1, x as Value<"f64">),
    simd(`${vectors}.splat`, first as Value),
  );
}

/** The float, or floats, of a slot. */
export function floatsIn(state: State, lanes: FloatLanes, id: number): Value {
  const v = state.locals[id] as Local<"v128">;
  return lanes === vectorsOf(lanes)
    ? v
    : lane(`${vectorsOf(lanes)}.extract_lane` as "f64x2.extract_lane", v, 0);
}
