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
const LANES: Readonly<Record<Vectors, number>> = { f64x2: 2, f32x4: 4 };
/** Words of 32 bits in all lanes; of doubles the upper one counts. By their use: numbers of their locals, and the word. */
const CONSTANTS = {
  /** Three eighths of the exponents. */
  more: { local: -10, word: 0x30000000n },
  /** Of twice the bits, which have no sign: what brings the middle quarter to the lowest numbers, and the first number behind them. */
  down: { local: -11, word: 0x20000000n },
  least: { local: -12, word: 0xc0000000n },
} as const;
type Constant = keyof typeof CONSTANTS;

const placeOf = (state: State, name: Constant) =>
  state.pooled("v128", CONSTANTS[name].local) as Local<"v128">;
/** Puts the constants in locals: V8 builds every one anew from several instructions. */
export function setConstants(state: State): void {
  for (const name of ["more", "down", "least"] as const) state.f.set(placeOf(state, name), words(name));
}
function words(name: Constant): Value<"v128"> {
  const { word } = CONSTANTS[name];
  return v128(word << 96n | word << 64n | word << 32n | word);
}
/** Numbers of the locals with answers. */
const ANSWERS: Readonly<Record<Vectors, number>> = { f64x2: -1, f32x4: -2 };

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
  /** One vector as it is; or the answer for several. */
  readonly #alone = new Map<Vectors, Local<"v128">>();
  readonly #answers = new Map<Vectors, Local<"v128">>();
  readonly #constants = new Set<Constant>();

  /** `constant`: true where somebody has set the constants before, for a loop. `first`: of the numbers of its locals. */
  constructor(
    readonly state: State,
    readonly constant: () => boolean = () => false,
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
    if (pending.length === LANES[vectors]) this.#pack(vectors, pending);
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
  #constant(name: Constant): Value<"v128"> {
    if (!this.#constants.has(name)) {
      this.#constants.add(name);
      if (!this.constant()) this.state.f.set(placeOf(this.state, name), words(name));
    }
    return placeOf(this.state, name);
  }
  #moved(v: Value): Value<"v128"> {
    return simd("i32x4.add", v, this.#constant("more"));
  }
  #add(vectors: Vectors, v: Value<"v128">): void {
    const { f } = this.state, made = this.state.pooled("v128", ANSWERS[vectors]) as Local<"v128">;
    const alone = this.#alone.get(vectors), answered = this.#answers.has(vectors);
    if (!alone && !answered) return this.#alone.set(vectors, made), f.set(made, v);
    if (alone) this.#alone.delete(vectors), this.#answers.set(vectors, made), f.set(made, this.#moved(made));
    f.set(made, simd("v128.and", made, this.#moved(v)));
  }

  /** Branches to `fail` unless all are middling, or zero. */
  end(fail: Label): void {
    for (const [vectors, values] of this.#pending) if (values.length) this.#pack(vectors, values);
    if (this.#pair) this.#add("f64x2", this.#pair);
    const { f } = this.state;
    const wrong = [...this.#answers].map(([vectors, answer]) => missing(vectors, upper(f, answer)));
    for (const [vectors, v] of this.#alone) {
      const down = simd("i32x4.add", simd("i32x4.add", v, v), this.#constant("down"));
      wrong.push(missing(vectors, simd("i32x4.gt_s", this.#constant("least"), down)));
    }
    if (!wrong.length) return;
    f.plainUnlikely(wrong.reduce((a, b) => a.or(b)), () => {
      for (const tested of this.#tested) {
        const { vectors, value, one } = tested;
        const v = f.let(one ? packed(vectors, [tested]) : value as Value<"v128">);
        const right = upper(f, f.let(simd("i32x4.add", v, words("more"))));
        const zero = zeroIn(tested);
        f.brIf(fail, missing(vectors, simd("v128.or", right, zero)));
      }
    });
  }
}

/** Lanes whose signs are the two upper bits of their exponents, both. */
function upper(f: RegionFunc, v: Local<"v128">): Value<"v128"> {
  const twice = (x: Value) => simd("i32x4.add", x, x);
  const both = f.let(simd("v128.and", v, twice(v)));
  return twice(both);
}
/** Not all signs are set. */
function missing(vectors: Vectors, v: Value<"v128">): I32 {
  return simd(vectors === "f64x2" ? "i64x2.bitmask" : "i32x4.bitmask", v).ne(2 ** LANES[vectors] - 1);
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
  // The lowest lane is where one of them is already, if it is at hand as a vector.
  const whole = all.find(({ value }) => value.type === "v128"), first = whole ?? a;
  return all.filter((t) => t !== first).reduce(
    (v, { value }, n) =>
      replaceLane(`${vectors}.replace_lane` as "f64x2.replace_lane", v, n + 1, value as Value<"f64">),
    whole ? whole.value as Value<"v128"> : simd(`${vectors}.splat`, a.value),
  );
}

/** The float, or floats, of a slot. */
export function floatsIn(state: State, lanes: FloatLanes, id: number): Value {
  const v = state.locals[id] as Local<"v128">;
  return lanes === vectorsOf(lanes)
    ? v
    : lane(`${vectorsOf(lanes)}.extract_lane` as "f64x2.extract_lane", v, 0);
}
