/**
 * Floating point on trial. A run of instructions without effects outside of its registers is emitted twice. First with WebAssembly's own
 * arithmetic and next to no tests: what comes from outside is tested to be of a middling size, ranges of results follow from those of their
 * operands, and all tests are answered together at the end. Where the answer is no, registers get their old values back and the second
 * version, with each operation as careful as the architecture wants it, does the same anew (docs/decisions/0033).
 *
 * Within such ranges a result is what the architecture says, and tells nothing but that it may be inexact, which the architecture
 * assumes to be known already. Zeros are let through by a second look.
 */
// cold: constants of 64 bits, while code is generated
import type { FloatLanes, Operand, Trial } from "../machine.ts";
import { type I32, type Label, type Local, simd, type Value } from "../wasm/mod.ts";
import type { RegionFunc } from "./func.ts";
import type { Instruction } from "./graph.ts";
import type { LoopWatch } from "./loops.ts";
import { Middling, vectorsOf, type Zeros } from "./middling.ts";
import type { Shape } from "./shape.ts";
import type { Limits, Origin, Range } from "./sums.ts";
import { firstLane, Sourced, type State, Twinned } from "./state.ts";

/** `tested`: what a test lets through. Within `limits` nothing overflows or is tiny. */
interface Format extends Limits {
  readonly vector: boolean;
}
const double = { fraction: 52, tested: [-255, 257], limits: [-1021, 1023] } as const;
const single = { fraction: 23, tested: [-31, 33], limits: [-125, 127] } as const;
const FORMATS: Readonly<Record<FloatLanes, Format>> = {
  f64: { ...double, vector: false },
  f32: { ...single, vector: false },
  f64x2: { ...double, vector: true },
  f32x4: { ...single, vector: true },
};

/** What is known of the float, or floats, of a slot. */
export interface Known {
  readonly lanes: FloatLanes;
  readonly range: Range;
  readonly suspect: Suspect | undefined;
}
/** A quotient that may be infinite or no number, or else is in its range: a result that it makes so too has to be tested, or itself. */
interface Suspect {
  readonly lanes: FloatLanes;
  readonly value: Value;
  readonly twin: Value<"v128"> | undefined;
}

/** Instructions that one trial takes at most. */
const LONGEST = 64;

/** Parts of a block that can be tried: first and end. */
export function trials(
  instructions: readonly Instruction[],
  shape: Shape,
): { readonly from: number; readonly end: number }[] {
  const { list } = shape.analysis.slots, found: { from: number; end: number }[] = [];
  const vector = (i: Instruction) =>
    [...shape.own.get(i)!, ...shape.reads.get(i)!].some((id) => list[id].type === "v128");
  for (let n = 0; n < instructions.length; n++) {
    if (!eligible(instructions[n]) || !vector(instructions[n])) continue;
    let end = n + 1, some = instructions[n].info.trial;
    for (let k = n + 1; k < instructions.length && k < n + LONGEST && eligible(instructions[k]); k++) {
      if (vector(instructions[k])) end = k + 1;
      if (instructions[k].info.trial) some = true;
    }
    if (some) found.push({ from: n, end });
    n = end - 1;
  }
  return found;
}
function eligible({ info, before, after }: Instruction): boolean {
  return info.how === "inline" && info.kind === "next" && !before.length && !after.length && !info.clock &&
    !info.budget && !info.effects && (info.trial || !info.helpers.size);
}

/** The fast version of one run, while it is emitted. */
export class RegionTrial implements Trial {
  readonly #f: RegionFunc;
  readonly #assumed = new Set<string>();
  readonly #tests: Middling;
  readonly #suspects = new Set<Suspect>();
  /** Operands tell nothing that their results would not: then one result may be tested in the place of several operands. */
  readonly #quiet: boolean;
  /** It assumes something of a sum. */
  summed = false;

  /** `loop`: whose body it is part of, if that comes in two versions. `fused`: some of its instructions may be. */
  constructor(
    readonly state: State,
    readonly fail: Label,
    readonly loop: LoopWatch | undefined,
    fused: boolean,
  ) {
    this.#f = state.f;
    state.twinned = fused;
    this.#quiet = state.slots.spec.quietDenormals === true;
    this.#tests = new Middling(state, () => loop?.constant() ?? false);
    this.#forget();
  }
  #forget(): void {
    const { ranges, origins, sources } = this.state;
    ranges.clear(), origins.clear(), sources.clear();
  }

  assume(key: string, offsets: readonly number[], cond: () => I32): void {
    if (this.#assumed.has(key)) return;
    this.#assumed.add(key);
    if (this.loop?.assumes(key, offsets.map((o) => this.state.slots.at[o]), cond)) return;
    this.#f.unlikelyBr(this.fail, cond().eqz());
  }

  arithmetic(
    name: "add" | "sub" | "mul" | "div",
    lanes: FloatLanes,
    dst: Operand,
    left: Operand,
    right: Operand,
    clear = false,
  ): void {
    const format = FORMATS[lanes], f = this.#f;
    const a = this.#operand(lanes, left), b = this.#same(left, right) ? a : this.#operand(lanes, right);
    const within = () => {
      const [low, high] = combined(name, format, a.range ?? format.tested, b.range ?? format.tested);
      return low >= format.limits[0] && high <= format.limits[1];
    };
    const sum = name === "add" ? this.#sum(dst, [a, b]) : name === "sub" ? this.#sum(dst, [a]) : undefined;
    const kept = sum && this.loop!.sums.range(sum.of!, lanes);
    // Of an infinite divisor the quotient would say nothing.
    if (name === "div" && b.suspect) this.#test(lanes, b);
    const byResult = this.#quiet && ((!a.range && !b.range && a !== b) || a.suspect || b.suspect);
    if (!byResult) {
      if (!a.range) this.#test(lanes, a);
      if (!b.range) this.#test(lanes, b);
      while (!kept && !within()) this.#test(lanes, width(a.range!) >= width(b.range!) ? a : b);
    }
    const range = byResult ? undefined : kept ?? combined(name, format, a.range!, b.range!);
    const added = sum && ((sum === a ? b : a).range ?? format.tested);
    const x = a.value, y = b.value;
    // Of scalars that are at hand as vectors: fused operations take those.
    const twin = a.twin && b.twin &&
      f.let(simd(`${vectorsOf(lanes)}.${name}` as "f64x2.add", a.twin, b.twin));
    const r = format.vector
      ? f.let(simd(`${lanes}.${name}` as "f64x2.add", x, y))
      : twin
      ? first(lanes, twin)
      : f.let((x as Value<"f64">)[name](y as Value<"f64">));
    const result: Tracked = { value: r, range, id: -1, twin, suspect: undefined };
    let suspect: Suspect | undefined;
    if (byResult) {
      const where: Zeros["where"] = ([x, y]) => name === "mul" ? simd("v128.or", x, y) : x;
      // A sum that is zero is exact.
      const zeros = name === "add" || name === "sub"
        ? undefined
        : { of: [bare(lanes, a), bare(lanes, b)], where };
      this.#testResult(lanes, result, [a, b], zeros);
    } // A divisor may be zero.
    else if (name === "div") {
      if (this.#quiet) suspect = this.#suspect(lanes, result);
      else this.#test(lanes, result);
    }
    this.#put(lanes, dst, r, clear, twin);
    const id = idOf(dst);
    if (sum) this.#made(id, sum, added!);
    if (id >= 0) this.state.ranges.set(id, { lanes, range: result.range!, suspect });
  }
  /** Of these operands of an addition, the one that may be a sum. */
  #sum(dst: Operand, operands: readonly Tracked[]): Tracked | undefined {
    const all = this.loop ? operands.filter((o) => o.of !== undefined) : [];
    if (all.length === 2 && all[0].of === all[1].of) return undefined;
    return all.find(({ of }) => of === idOf(dst)) ?? all.find(({ of }) => typeof of === "string") ?? all[0];
  }
  /** A slot has what was made of a sum. */
  #made(id: number, { of }: Tracked, added: Range): void {
    this.loop!.sums.added(of!, added);
    if (id >= 0) this.state.make(id, of!);
  }

  root(lanes: FloatLanes, dst: Operand, from: Operand, clear = false): void {
    const format = FORMATS[lanes], f = this.#f, a = this.#operand(lanes, from);
    if (!a.range || a.suspect) this.#test(lanes, a);
    const r = f.let(
      format.vector ? simd(`${lanes}.sqrt` as "f64x2.sqrt", a.value) : (a.value as Value<"f64">).sqrt(),
    );
    // It may have been negative. Of a number within the limits no root is tiny.
    const result: Tracked = { value: r, range: undefined, id: -1, twin: undefined, suspect: undefined };
    this.#test(lanes, result);
    this.#put(lanes, dst, r, clear);
    const id = idOf(dst);
    if (id >= 0) this.state.ranges.set(id, { lanes, range: result.range!, suspect: undefined });
  }

  fused(
    lanes: FloatLanes,
    dst: Operand,
    addend: Operand,
    left: Operand,
    right: Operand,
    negative: { readonly addend: boolean; readonly product: boolean },
    clear = false,
  ): void {
    const format = FORMATS[lanes],
      f = this.#f,
      vector = lanes === "f64" || lanes === "f64x2" ? "f64x2" : "f32x4";
    const c = this.#operand(lanes, addend), a = this.#same(left, addend) ? c : this.#operand(lanes, left);
    const b = this.#same(right, left) ? a : this.#same(right, addend) ? c : this.#operand(lanes, right);
    const all = [...new Set([c, a, b])], sum = c === a || c === b ? undefined : this.#sum(dst, [c]);
    const kept = sum && this.loop!.sums.range(sum.of!, lanes);
    const byResult = this.#quiet && (all.filter((t) => !t.range).length > 1 || all.some((t) => t.suspect));
    if (!byResult) { for (const t of all) if (!t.range) this.#test(lanes, t); }
    const reached = (): Range => {
      const [low, high] = combined("mul", format, a.range!, b.range!);
      // The product is not rounded: its last place is twice as far down.
      return [
        Math.min(c.range![0], low - format.fraction) - format.fraction,
        Math.max(c.range![1], high) + 1,
      ];
    };
    for (
      let range = byResult ? format.tested : kept ?? reached();
      range[0] < format.limits[0] || range[1] > format.limits[1];
      range = kept ?? reached()
    ) {
      this.#test(lanes, [c, a, b].reduce((x, y) => width(x.range!) >= width(y.range!) ? x : y));
    }
    const range = byResult ? format.tested : kept ?? reached();
    const product = combined("mul", format, a.range ?? format.tested, b.range ?? format.tested);
    // What stands above does no harm: the result is one float.
    const whole = (t: Tracked) =>
      format.vector ? t.value : this.state.vectorOf(t.id) ?? simd(`${vector}.splat`, t.value);
    const third = negative.addend ? simd(`${vector}.neg`, whole(c)) : whole(c);
    const fused = simd(`${vector}.relaxed_${negative.product ? "nmadd" : "madd"}`, whole(a), whole(b), third);
    const twin = f.let(fused), r = format.vector ? twin : first(lanes, twin);
    if (byResult) {
      // Where it is zero, no part of it has been rounded away.
      const where: Zeros["where"] = ([z, x, y]) => simd("v128.and", z, simd("v128.or", x, y));
      const result = { value: r, range, id: -1, twin: format.vector ? undefined : twin, suspect: undefined };
      this.#testResult(lanes, result, all, { of: [c, a, b].map((t) => bare(lanes, t)), where });
    }
    this.#put(lanes, dst, r, clear, twin);
    const id = idOf(dst);
    // The product is not rounded.
    if (sum) this.#made(id, sum, [product[0] - format.fraction, product[1]]);
    if (id >= 0) this.state.ranges.set(id, { lanes, range, suspect: undefined });
  }

  #put(lanes: FloatLanes, dst: Operand, r: Value, clear: boolean, twin?: Value<"v128">): void {
    if (FORMATS[lanes].vector) return dst.store("v128.store", r as Value<"v128">);
    const alone = clear ? this.state.alone(r) : undefined;
    if (alone) return dst.store("v128.store", twin && this.state.twinned ? new Twinned(alone, twin) : alone);
    dst.store(`${lanes as "f64"}.store`, r as Value<"f64">);
  }
  #same(a: Operand, b: Operand): boolean {
    return idOf(a) >= 0 && idOf(a) === idOf(b);
  }
  #operand(lanes: FloatLanes, o: Operand): Tracked {
    const id = idOf(o), known = id < 0 ? undefined : this.state.ranges.get(id);
    const twin = this.state.twinned && !FORMATS[lanes].vector ? this.state.vectorOf(id) : undefined;
    if (twin) this.state.floating?.read(id, lanes as "f64");
    const name = FORMATS[lanes].vector ? "v128.load" : `${lanes as "f64"}.load` as const;
    const loaded = twin ? first(lanes, twin) : o.load(name), value = twin ? loaded : this.#f.let(loaded);
    const source = loaded instanceof Sourced ? loaded.source : this.state.sources.get(id);
    const { place, vector } = source?.type === lanes ? source : {};
    if (known?.lanes === lanes) {
      const suspect = known.suspect && this.#suspects.has(known.suspect) ? known.suspect : undefined;
      return { value, range: known.range, id, of: this.state.madeOf(id), twin, vector, suspect };
    }
    const origin = place ?? (id >= 0 ? this.state.origins.get(id) ?? id : undefined);
    const of = id >= 0 ? this.state.madeOf(id) : place;
    if (origin !== undefined && this.loop?.middling(lanes, origin)) {
      return { value, range: FORMATS[lanes].tested, id, of, twin, vector, suspect: undefined };
    }
    const range = of === undefined ? undefined : this.loop?.sums.read(of, lanes, FORMATS[lanes], this);
    if (range) this.summed = true;
    return { value, range, id, of, twin, vector, suspect: undefined };
  }

  #test(lanes: FloatLanes, t: Tracked): void {
    this.#tests.test(lanes, t.value, t.twin ?? t.vector);
    if (t.suspect) this.#suspects.delete(t.suspect);
    if (t.of !== undefined) this.loop?.sums.tested(t.of);
    t.range = FORMATS[lanes].tested, t.suspect = undefined;
    if (t.id >= 0) this.state.ranges.set(t.id, { lanes, range: t.range, suspect: undefined });
  }
  /** It is neither infinite nor no number nor tiny, so no operand was one of the first two; nothing was tiny on the way, as its zeros have been. */
  #testResult(lanes: FloatLanes, t: Tracked, operands: readonly Tracked[], zeros: Zeros | undefined): void {
    this.#tests.test(lanes, t.value, t.twin, zeros);
    t.range = FORMATS[lanes].tested;
    for (const { suspect } of operands) if (suspect) this.#suspects.delete(suspect);
  }
  #suspect(lanes: FloatLanes, { value, twin }: Tracked): Suspect {
    const v = twin ?? value,
      copy = this.state.pooled(v.type, `suspect ${this.#suspected++}`) as Local<"v128">;
    this.#f.set(copy, v as Value<"v128">);
    const suspect = { lanes, value: twin ? first(lanes, copy) : copy, twin: twin && copy };
    this.#suspects.add(suspect);
    return suspect;
  }
  #suspected = 0;
  /** All is done: fails unless all tests say yes. */
  end(): void {
    this.#forget();
    for (const { lanes, value, twin } of this.#suspects) this.#tests.test(lanes, value, twin);
    this.#tests.end(this.fail);
    this.state.untwin();
  }
}

interface Tracked {
  readonly value: Value;
  range: Range | undefined;
  /** Its slot, or -1. */
  readonly id: number;
  /** What it is made of (sums.ts). */
  readonly of?: Origin;
  /** Of a scalar: a vector with it in the lowest lane. */
  readonly twin: Value<"v128"> | undefined;
  /** The same, for tests only. */
  readonly vector?: Value<"v128">;
  suspect: Suspect | undefined;
}
const first = (lanes: FloatLanes, v: Value<"v128">): Value =>
  firstLane(vectorsOf(lanes) === "f64x2" ? "f64" : "f32", v);
/** For tests: a double in the lowest lane of a vector, if it is at hand so. */
const bare = (lanes: FloatLanes, { value, twin }: Tracked): Value => lanes === "f64" ? twin ?? value : value;
const width = ([low, high]: Range): number => high - low;
const idOf = (o: Operand): number => (o as Operand & { readonly id: number }).id;

/** Of the results of an operation on two ranges. */
function combined(name: string, { fraction }: Format, a: Range, b: Range): Range {
  switch (name) {
    case "mul":
      return [a[0] + b[0], a[1] + b[1]];
    case "div":
      return [a[0] - b[1], a[1] - b[0]];
    default:
      // Both are multiples of the last place of the smaller one's least.
      return [Math.min(a[0], b[0]) - fraction, Math.max(a[1], b[1]) + 1];
  }
}
