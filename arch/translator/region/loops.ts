/**
 * Innermost loops in two versions. One WebAssembly loop around both begins each piece of up to {@link ROUNDS} rounds with a test: do the
 * windows cover all that these rounds access through registers that the loop changes by constants only, or not at all? Then comes the
 * version without those checks, else one round of the version that checks each. What registers do in a round is learned by emitting the
 * body once and throwing that away: nothing about instructions is written twice.
 */
import { ACCESS, WINDOW } from "../layout.ts";
import type { FloatLanes } from "../machine.ts";
import { type Global, type I32, type I64, i64, type Label, type Local, type Module } from "../wasm/mod.ts";
import { Floats } from "./floats.ts";
import { REACH, type RegionFunc } from "./func.ts";
import type { Block, Graph, Instruction } from "./graph.ts";
import { SPACE } from "./inline.ts";
import { Ids, type Shape } from "./shape.ts";
import { Narrow } from "./narrow.ts";
import type { State } from "./state.ts";
import { floatsIn, Middling, setConstant, type Vectors, vectorsOf } from "./middling.ts";

/** Rounds of a piece, at most and at least; bytes that a register may move in one. */
const ROUNDS = 64, LEAST = 8, STRIDE = 1024, FAR = 16384;
/** Instructions of a loop that is emitted twice; ranges of addresses that are tested before a piece. */
const LARGEST = 80, RANGES = 6;
/** Floats that are tested before a piece, at most. */
const FLOATS = 8;
/** Of the locals of these tests, beside those of trials. */
const FLOATS_FROM = 1000;
/** A step by another register counts as so many bytes: rounds may be over sooner than one of these. */
const STEPPED = FAR / 16;
/** Wrong guesses of a loop's calls before they are calls again, and the loop goes on behind them. */
const WRONG = 200;
/** Ranges of one base this close to one another are tested as one. */
const NEAR = 2048;

/** The registers of an address, besides those that a symbol tells. */
export interface Parts {
  readonly base: number | undefined;
  readonly index: number | undefined;
  readonly scale: number;
  readonly disp: number;
  /** Of the index its lower half counts. */
  readonly half: boolean;
}

/** A slot, and how far an address is from its value. */
interface Place {
  readonly slot: number;
  readonly plus: number;
}

/** Accesses of a loop that have the same registers. */
interface Stream {
  readonly key: string;
  /** Slots, by the values that they have where a round begins. */
  readonly base: number | undefined;
  readonly index: number | undefined;
  readonly scale: number;
  readonly low: number;
  readonly high: number;
  readonly window: number;
  readonly writes: boolean;
  /** What the address has to be a multiple of, or 1. */
  readonly multiple: number;
  /** Registers whose lower halves are meant. */
  readonly halves: readonly number[];
}
/** The same, where several registers have the value: copies that a called function got, say. */
type Candidate = Omit<Stream, "base" | "index" | "low" | "high"> & {
  readonly bases: readonly Place[] | undefined;
  readonly indices: readonly Place[] | undefined;
  readonly disp: number;
  readonly bytes: number;
};

/** How far a register moves in a round, at most: constants, or once by another register. */
interface Moves {
  down: number;
  up: number;
  step?: { readonly by: number; readonly half: boolean };
}

/** One test before a piece. */
interface Range {
  readonly of: Stream;
  low: number;
  high: number;
  window: number;
  writes: boolean;
  multiple: number;
  halves: Set<number>;
}

/** The blocks of a loop, its header among them, and their instructions. */
export interface Loop {
  readonly header: Block;
  readonly body: ReadonlySet<Block>;
  readonly size: number;
}

const latches = (header: Block) => header.predecessors.filter((p) => p.order >= header.order);

/** The loop of these ways back to its header. */
export function loopOf(header: Block, back: readonly Block[] = latches(header)): Loop {
  const body = new Set([header]), work = [...back];
  for (let b = work.pop(); b; b = work.pop()) {
    if (!body.has(b)) body.add(b), work.push(...b.predecessors);
  }
  let size = 0;
  for (const b of body) size += b.instructions.length;
  return { header, body, size };
}

/** The smallest loop of a header with several ways back. */
export function innerOf(header: Block): Loop | undefined {
  const back = latches(header);
  if (back.length < 2) return undefined;
  return back.map((b) => loopOf(header, [b])).reduce((x, y) => y.size < x.size ? y : x);
}

/** Other ways back come from code before the header, not of a copied function: those of a loop around it; `continue` comes from behind. */
const nested = (header: Block, inner: Loop): boolean =>
  latches(header).some((p) => !inner.body.has(p) && p.key < SPACE && p.pc < header.pc);

/**
 * Loops of a header that may have two versions: innermost, in line throughout. That of all ways back, and the smallest one: the
 * entry of a region in an inner loop makes its header that of the outer one too. Then the inner one comes first.
 */
export function candidates(header: Block): Loop[] {
  const whole = loopOf(header), inner = innerOf(header);
  const all = !inner ? [whole] : nested(header, inner) ? [inner, whole] : [whole, inner];
  return all.filter(({ body, size }) =>
    size <= LARGEST && [...body].every((b) =>
      (b === header || !b.isLoop) &&
      b.instructions.every(({ info: { kind, how, budget, clock }, before, guesses }) =>
        how === "inline" && !budget && !clock && !before.some((p) => p.info.budget) &&
        (kind === "next" || kind === "jcc" || kind === "jmp" ||
          // Into a copy, and back from it: other ways leave the loop.
          (kind === "callIndirect" && guesses.some((g) => g >= SPACE)) ||
          (kind === "jump" && guesses.length === 1))
      )
    )
  );
}

/** What follows a loop inside its blocks' dominator tree moves to the header, so that it is emitted once, behind both versions. */
export function lift({ blocks }: Graph, { header, body }: Loop): void {
  for (const b of blocks) {
    const { dominator } = b;
    if (!dominator || dominator === header || body.has(b) || !body.has(dominator)) continue;
    const at = dominator.merges.indexOf(b);
    if (at >= 0) dominator.merges.splice(at, 1);
    b.dominator = header;
  }
  for (const b of blocks) {
    if (b.dominator !== header || b === header || body.has(b) || header.merges.includes(b)) continue;
    b.isMerge = true;
    header.merges.push(b);
  }
  header.merges.sort((x, y) => x.order - y.order);
}

/** Watches how the body of a loop is emitted: first to learn, then to leave out what has been tested. */
export class LoopWatch {
  /** Rounds left of the piece, and this one. */
  readonly left: Local<"i32">;
  again: Label | undefined;
  rounds = ROUNDS;
  #streams: Candidate[] = [];
  #covered: Set<string> | undefined;
  readonly #places = new Map<Instruction, number>();
  #place = 0;
  #nth = 0;
  /** By slot; NaN: by what is not known. */
  readonly #moves = new Map<number, Moves>();
  #spoilt = false;
  /** Registers of 32 bits. */
  readonly narrow: Narrow;
  /** Vectors that hold one float. */
  readonly floats: Floats;
  /** Slots that the loop writes; those that it writes by other means than helpers. */
  readonly #written: Ids = new Ids();
  readonly #direct: Ids = new Ids();
  /** Conditions of floating point, by key; slots whose floats are tested, by format; constants of such tests. */
  readonly #assumed = new Map<string, () => I32>();
  /** Pages that are known by their numbers. */
  readonly #pages = new Map<string, () => I32>();
  readonly #middling = new Map<string, { readonly lanes: FloatLanes; readonly id: number }>();
  readonly #constants = new Set<Vectors>();

  /** Guesses of its calls that were wrong: many make it a loop in one version. */
  readonly wrong: Global<"i32"> | undefined;

  constructor(
    readonly loop: Loop,
    readonly f: RegionFunc,
    readonly state: State,
    shape: Shape,
    module: Module,
  ) {
    this.left = f.fixed("i32");
    const guesses = [...loop.body].some((b) => b.instructions.some((i) => i.info.kind === "callIndirect"));
    this.wrong = guesses ? module.global("i32") : undefined;
    this.narrow = new Narrow(f, state), this.floats = new Floats(f, state);
    for (const b of loop.body) {
      for (const i of b.instructions) {
        this.#written.join(shape.own.get(i)!);
        for (const part of [...i.before, i, ...i.after]) {
          for (const id of part.info.direct) this.#direct.add(id);
        }
      }
    }
  }

  /** A condition on these slots holds in all rounds of a piece, since it does before it; helpers do not make it wrong (machine.ts). */
  assumes(key: string, slots: readonly number[], cond: () => I32): boolean {
    if (this.#covered) return this.#assumed.has(key);
    if (slots.every((id) => id >= 0 && !this.#direct.has(id))) this.#assumed.set(key, cond);
    return false;
  }
  /** A page that is known by its number is accessible in all rounds, since it is remembered before the piece. */
  remembers(key: string, cond: () => I32): boolean {
    if (this.#covered) return this.#pages.has(key);
    this.#pages.set(key, cond);
    return false;
  }
  /** A slot holds the same floats in all rounds, and they are of a middling size (trial.ts). */
  middling(lanes: FloatLanes, id: number): boolean {
    const key = `${lanes} ${id}`;
    if (this.#covered) return this.#middling.has(key);
    if (!this.#written.has(id) && this.#middling.size < FLOATS) this.#middling.set(key, { lanes, id });
    return false;
  }
  /** The constants of tests have been set before the piece. */
  constant(vectors: Vectors): boolean {
    if (!this.#covered) this.#constants.add(vectors);
    return this.#covered !== undefined && this.#constants.has(vectors);
  }
  /** A call goes where nobody guessed: the piece ends. */
  guessed(): void {
    if (this.wrong) this.f.setGlobal(this.wrong, this.wrong.add(1));
  }
  /** The tests before each piece of what its rounds assume. */
  assume(otherwise: Label): void {
    const { f, state } = this;
    if (this.wrong) f.unlikelyBr(otherwise, this.wrong.gtS(WRONG));
    for (const cond of [...this.#assumed.values(), ...this.#pages.values()]) {
      f.unlikelyBr(otherwise, cond().eqz());
    }
    for (const { lanes } of this.#middling.values()) this.#constants.add(vectorsOf(lanes));
    for (const vectors of this.#constants) setConstant(state, vectors);
    const tests = new Middling(state, () => true, FLOATS_FROM);
    for (const { lanes, id } of this.#middling.values()) tests.test(lanes, floatsIn(state, lanes, id));
    tests.end(otherwise);
    if (this.narrow.locals.size) f.unlikelyBr(otherwise, this.narrow.refused());
    const refused = this.floats.refused();
    if (refused) f.unlikelyBr(otherwise, refused);
  }
  /** A second version gains something. */
  get gains(): boolean {
    return this.ranges.length > 0 || this.#assumed.size > 0 || this.#pages.size > 0 ||
      this.narrow.locals.size > 0;
  }

  /** An instruction begins. */
  at(i: Instruction): void {
    let place = this.#places.get(i);
    if (place === undefined) this.#places.set(i, place = this.#places.size);
    this.#place = place, this.#nth = 0;
  }
  /** It asks for pages by itself, and may lose others by that. */
  spoil(): void {
    this.#spoilt = true;
  }

  /** An access: true when it has been tested before the piece. `multiple`: of what its address has to be one. */
  access(
    address: Local<"i64">,
    bytes: number,
    access: number,
    window: number,
    parts: Parts | undefined,
    multiple: number,
  ): boolean {
    const key = `${this.#place} ${this.#nth++}`;
    if (this.#covered) return this.#covered.has(key);
    const one = this.#starts(address);
    const writes = (access & ACCESS.write) !== 0;
    const halves: number[] = [];
    const put = (bases: readonly Place[] | undefined, indices?: readonly Place[], scale = 0, disp = 0) => {
      const common = { key, scale, disp, bytes, window, writes, multiple, halves };
      this.#streams.push({ ...common, bases, indices });
    };
    if (one.length) return put(one), false;
    if (!parts) return false;
    const { locals } = this.state;
    const bases = parts.base === undefined ? undefined : this.#starts(locals[parts.base], halves);
    const indices = parts.index === undefined
      ? undefined
      : parts.half
      ? this.#half(parts.index, halves)
      : this.#starts(locals[parts.index], halves);
    if (bases?.length === 0 || indices?.length === 0) return false;
    put(bases, indices, parts.scale, parts.disp);
    return false;
  }
  /** The slots whose values at the start of the block this is, but for a constant; or the lower half of one: then that is one of `halves`. */
  #starts(local: Local, halves?: number[]): Place[] {
    const { locals } = this.state;
    const starts = this.f.startsOf(local).map((s) => ({ slot: locals.indexOf(s.local), plus: s.plus }));
    const some = starts.filter(({ slot }) => slot >= 0);
    if (some.length) return some;
    const whole = halves && this.f.halfOf(local), other = whole ? locals.indexOf(whole) : -1;
    if (other < 0) return [];
    halves!.push(other);
    return [{ slot: other, plus: 0 }];
  }
  /** The lower half of a slot: of what that had at the start of the block. */
  #half(slot: number, halves: number[]): Place[] {
    const local = this.state.locals[slot] as Local<"i64">;
    if (this.f.drift(local) === 0) return halves.push(slot), [{ slot, plus: 0 }];
    // Moved by a constant it is another half than that of the start, moved.
    return this.f.startOf(local) ? [] : this.#starts(local, halves);
  }
  /** Of several the first that moves by what is known. */
  #resolve({ bases, indices, disp, bytes, ...common }: Candidate): Stream {
    const best = (all: readonly Place[] | undefined) =>
      all?.find(({ slot }) => !Number.isNaN(this.#moved(slot, 0).down)) ?? all?.[0];
    const base = best(bases), index = best(indices);
    const low = disp + (base?.plus ?? 0) + (index?.plus ?? 0) * 2 ** common.scale;
    return { ...common, base: base?.slot, index: index?.slot, low, high: low + bytes };
  }

  /** A block of the body ends. */
  endBlock(): void {
    if (this.#covered || !this.f.begun) return;
    this.state.locals.forEach((local, slot) => {
      if (local.type !== "i64") return;
      const by = this.f.drift(local as Local<"i64">);
      if (by === 0) return;
      let moves = this.#moves.get(slot);
      if (!moves) this.#moves.set(slot, moves = { down: 0, up: 0 });
      const step = by === undefined ? this.f.step(local as Local<"i64">) : undefined;
      const stepped = step ? this.state.locals.indexOf(step.by) : -1;
      if (step && stepped >= 0 && !moves.step && moves.down === 0 && moves.up === 0) {
        moves.step = { by: stepped, half: step.half };
      } else if (by === undefined || moves.step) moves.down = moves.up = NaN;
      else if (by < 0) moves.down += by;
      else moves.up += by;
    });
  }

  #moved(slot: number | undefined, scale: number): Moves {
    const moves = slot === undefined ? undefined : this.#moves.get(slot);
    return moves
      ? { down: moves.down * 2 ** scale, up: moves.up * 2 ** scale, step: moves.step }
      : { down: 0, up: 0 };
  }

  /** What to test before each piece, once all has been seen; nothing: a second version would gain nothing. */
  ranges: readonly Range[] = [];
  learned(live: Iterable<number>): void {
    this.#covered = new Set();
    this.narrow.learned(live), this.floats.learned(live);
    if (this.#spoilt) return this.#pages.clear();
    const streams = this.#streams.map((s) => this.#resolve(s)).filter(
      ({ base, index, scale, multiple, halves }) => {
        const a = this.#moved(base, 0),
          b = this.#moved(index, scale),
          down = a.down + b.down,
          up = a.up + b.up;
        const step = a.step ?? b.step;
        // A lower half that comes to its end begins anew.
        const breaks = ({ down, up, step }: Moves) => step === undefined && (down !== 0 || up !== 0);
        if (halves.some((slot) => breaks(this.#moved(slot, 0)))) return false;
        // By a register that stays the same.
        if (step && ((a.step && b.step) || multiple > 1 || this.#written.has(step.by))) return false;
        // Not a number: false.
        return up - down <= STRIDE &&
          [a.down, a.up, b.down, b.up].every((by) => by % multiple === 0);
      },
    );
    const all: Range[] = [];
    let fastest = 1;
    for (const s of streams.toSorted((x, y) => x.low - y.low)) {
      const same = all.find((r) =>
        r.of.base === s.base && r.of.index === s.index && r.of.scale === s.scale && s.low - r.high <= NEAR &&
        (s.low - r.low) % Math.min(s.multiple, r.multiple) === 0
      );
      if (same) {
        same.high = Math.max(same.high, s.high);
        if (s.multiple > same.multiple) {
          // Of the lowest address.
          if ((s.low - same.low) % s.multiple !== 0) continue;
          same.multiple = s.multiple;
        }
        if (s.writes && !same.writes) same.writes = true, same.window = s.window;
        for (const slot of s.halves) same.halves.add(slot);
      } else if (all.length < RANGES) {
        all.push({
          of: s,
          low: s.low,
          high: s.high,
          window: s.window,
          writes: s.writes,
          multiple: s.multiple,
          halves: new Set(s.halves),
        });
      } else continue;
      const a = this.#moved(s.base, 0), b = this.#moved(s.index, s.scale);
      fastest = Math.max(fastest, a.up + b.up - a.down - b.down, a.step || b.step ? STEPPED : 0);
      this.#covered.add(s.key);
    }
    this.rounds = Math.max(LEAST, Math.min(ROUNDS, Math.floor(FAR / fastest)));
    for (const r of all) {
      const a = this.#moved(r.of.base, 0), b = this.#moved(r.of.index, r.of.scale);
      r.low += this.rounds * (a.down + b.down), r.high += this.rounds * (a.up + b.up);
    }
    this.ranges = all;
  }

  /** Conditions under which a piece has to be done with checks. */
  tests({ of, low, high, window, multiple, halves }: Range): I32[] {
    const { f, state } = this, { guest } = state.memories;
    const of64 = (slot: number): I64 => state.locals[slot] as Local<"i64">;
    let address: I64 | undefined = of.base === undefined ? undefined : of64(of.base);
    if (of.index !== undefined) {
      const index = of64(of.index).shl(of.scale);
      address = address ? address.add(index) : index;
    }
    address = address ? address.add(low) : i64(low);
    const first = f.let(address);
    const distance = f.let(first.sub(guest.load("i64.load", 0, window + WINDOW.start)));
    const length = () => guest.load("i64.load", 0, window + WINDOW.length);
    const tests = [distance.geU(length())];
    const more = Math.max(0, high - low - REACH);
    const stepped = of.index !== undefined && this.#moves.get(of.index)?.step ? of.index : of.base;
    const step = stepped === undefined ? undefined : this.#moves.get(stepped)?.step;
    for (const slot of halves) if (slot !== stepped || !step) tests.push(of64(slot).shrU(32).ne(0));
    if (step) {
      // Of 32 bits, and in 32 bits: nothing is carried into the upper half in any of the rounds.
      const by = f.let(step.half ? of64(step.by).and(0xffffffff) : of64(step.by));
      const all = f.let(by.mul(this.rounds)), moved = f.let(of64(stepped!).add(all));
      if (!step.half) tests.push(by.shrU(32).ne(0));
      if (step.half || halves.has(stepped!)) tests.push(of64(stepped!).or(moved).shrU(32).ne(0));
      const far = stepped === of.index ? all.shl(of.scale) : all;
      tests.push(distance.add(far).add(more).geU(length()));
    } else if (more > 0) tests.push(distance.add(more).geU(length()));
    // A piece begins lower by a multiple of it than the access does.
    if (multiple > 1) tests.push(first.wrap().and(multiple - 1));
    return tests;
  }
}
