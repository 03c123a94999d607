/**
 * Innermost loops in two versions. One WebAssembly loop around both begins each piece of up to {@link ROUNDS} rounds with a test: do the
 * windows cover all that these rounds access through registers that the loop changes by constants only, or not at all? Then comes the
 * version without those checks, else one round of the version that checks each. What registers do in a round is learned by emitting the
 * body once and throwing that away: nothing about instructions is written twice.
 */
import { ACCESS, WINDOW } from "../layout.ts";
import type { FloatLanes } from "../machine.ts";
import {
  type Global,
  type I32,
  type I64,
  i64,
  type Label,
  type Local,
  type Module,
  v128,
} from "../wasm/mod.ts";
import { Floats } from "./floats.ts";
import type { RegionFunc } from "./func.ts";
import { REACH } from "./known.ts";
import type { Block, Graph, Instruction } from "./graph.ts";
import { SPACE } from "./inline.ts";
import { Ids, type Shape } from "./shape.ts";
import { Narrow } from "./narrow.ts";
import type { State } from "./state.ts";
import { Steady } from "./steady.ts";
import { Sums } from "./sums.ts";
import { floatsIn, Middling, setConstants } from "./middling.ts";

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
/** Bytes of a table that any of may be accessed. */
const TABLE = 4096;
/** Ways round a loop are branches of one loop when all together are at most so many times as long as the shortest. */
const ALIKE = 2;
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
  /** Of a table that begins at the base: its index is computed anew in each round. */
  readonly table: boolean;
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

/**
 * The inner loop of a header with several ways back, of those that are taken: of the ways that no other one is on, all together where they are of about
 * the same length (two branches of one loop), or the shortest. Nothing where that is the whole loop.
 */
export function innerOf(header: Block): Loop | undefined {
  const back = latches(header);
  if (back.length < 2) return undefined;
  const loops = back.map((b) => ({ back: b, ...loopOf(header, [b]) })).filter(({ body }) =>
    [...body].every((b) => !b.seldom)
  );
  if (!loops.length) return undefined;
  const least = loops.reduce((x, y) => y.size < x.size ? y : x);
  const inner = loops.filter(({ back: own, body }) => !back.some((b) => b !== own && body.has(b)));
  if (inner.length < 2) return least;
  const all = loopOf(header, inner.map(({ back }) => back));
  if (all.size > least.size * ALIKE) return least;
  return inner.length < back.length ? all : undefined;
}

/** What some blocks write: slots; those of them that not only helpers write. */
export interface Writes {
  readonly all: Ids;
  readonly direct: Ids;
}
/** What all loops around a header write, itself among them; nothing where they call, or leave and come back. */
export function around({ blocks }: Graph, header: Block, shape: Shape): Writes | undefined {
  const all: Ids = new Ids(), direct: Ids = new Ids();
  for (
    const b of new Set(
      blocks.filter((b) => b.isLoop).map((b) => loopOf(b).body).filter((s) => s.has(header)).flatMap((
        s,
      ) => [...s]),
    )
  ) {
    for (const i of b.instructions) {
      const { how, kind } = i.info;
      if (how !== "inline" || (kind !== "next" && kind !== "jcc" && kind !== "jmp")) return undefined;
      all.join(shape.own.get(i)!);
      for (const part of [...i.before, i, ...i.after]) {
        for (const id of part.info.direct) direct.add(id);
      }
    }
  }
  return { all, direct };
}

/** Does something that may come before a header's loop write a slot? */
export function writtenBefore({ header, body }: Loop, id: number, shape: Shape): boolean {
  const before = new Set(header.predecessors.filter((p) => !body.has(p)));
  for (const b of before) {
    if (b.instructions.some((i) => shape.own.get(i)!.has(id))) return true;
    for (const p of b.predecessors) if (!body.has(p)) before.add(p);
  }
  return false;
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
  /** Places in memory that stay where they are. */
  readonly steady: Steady;
  /** Floats that it adds to. */
  readonly sums: Sums;
  /** Slots that the loop writes; those that it writes by other means than helpers. */
  readonly #written: Ids = new Ids();
  readonly #direct: Ids = new Ids();
  /** Conditions of floating point, by key; slots whose floats are tested, by format; constants of such tests. */
  readonly #assumed = new Map<string, { readonly slots: readonly number[]; readonly cond: () => I32 }>();
  /** Bits of slots that vectors tell, each in a local of its own; undefined: something else is told as well. */
  readonly #collects = new Map<number, number | undefined>();
  /** Pages that are known by their numbers. */
  readonly #pages = new Map<string, () => I32>();
  readonly #middling = new Map<string, { readonly lanes: FloatLanes; readonly of: number | string }>();
  #tests = false;

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
    this.narrow = new Narrow(f, state), this.floats = new Floats(f, state), this.sums = new Sums(state);
    for (const b of loop.body) {
      for (const i of b.instructions) {
        this.#written.join(shape.own.get(i)!);
        for (const part of [...i.before, i, ...i.after]) {
          for (const id of part.info.direct) this.#direct.add(id);
        }
      }
    }
    const bases = state.slots.list.filter(({ id, type }) =>
      type === "i64" && !state.slots.isFlag[id] && !this.#written.has(id)
    );
    this.steady = new Steady(f, state, bases.map(({ id }) => id));
  }

  /** A condition on these slots holds in all rounds of a piece, since it does before it; helpers do not make it wrong (machine.ts). */
  assumes(key: string, slots: readonly number[], cond: () => I32): boolean {
    if (this.#covered) return this.#assumed.has(key);
    if (slots.every((id) => id >= 0 && !this.#direct.has(id))) this.#assumed.set(key, { slots, cond });
    return false;
  }
  /** A page that is known by its number is accessible in all rounds, since it is remembered before the piece. */
  remembers(key: string, cond: () => I32): boolean {
    if (this.#covered) return this.#pages.has(key);
    this.#pages.set(key, cond);
    return false;
  }
  /** Are vectors that tell these bits of a slot collected until the piece ends? Not `on trial`, which may be wrong. */
  collects(id: number, bits: number, onTrial: boolean): boolean {
    if (this.#covered) return !onTrial && this.state.collected.has(id);
    const same = !onTrial && (!this.#collects.has(id) || this.#collects.get(id) === bits);
    this.#collects.set(id, same ? bits : undefined);
    return false;
  }
  /** A piece begins; `dirty`: slots whose locals differ from memory there. */
  collect(dirty: Ids): void {
    for (const [id, bits] of this.#collects) {
      if (bits === undefined) continue;
      const local = this.f.fixed("v128");
      this.f.set(local, v128(0));
      this.state.collected.set(id, { local, bits });
    }
    // What has been tested for all rounds nobody reads but the careful versions of trials, and only their helpers write it.
    const { collected, slots } = this.state,
      tested = [...this.#assumed.values()].flatMap(({ slots }) => slots);
    this.state.settleIn(
      new Set(
        tested.filter((id) => this.#written.has(id) && !collected.has(id) && slots.list[id].type === "i32"),
      ),
      dirty,
    );
  }
  /** Nothing is collected. */
  scatter(): void {
    this.#collects.clear();
  }
  /** A slot, or a place in memory, holds the same floats in all rounds, and they are of a middling size (trial.ts). */
  middling(lanes: FloatLanes, of: number | string): boolean {
    const key = `${lanes} ${of}`, place = typeof of === "string";
    if (this.#covered) return this.#middling.has(key) && (!place || this.steady.stores(of) === false);
    const may = place || !this.#written.has(of);
    if (may && this.#middling.size < FLOATS) this.#middling.set(key, { lanes, of });
    return false;
  }
  /** The constants of tests have been set before the piece. */
  constant(): boolean {
    if (!this.#covered) this.#tests = true;
    return this.#covered !== undefined && this.#tests;
  }
  /** A call goes where nobody guessed: the piece ends. */
  guessed(): void {
    if (this.wrong) this.f.setGlobal(this.wrong, this.wrong.add(1));
  }
  /** The tests before each piece of what its rounds assume. `writes`: what loops around this one write, if that is known. */
  assume(otherwise: Label, writes: () => Writes | undefined): void {
    const { f, state } = this;
    if (this.wrong) f.unlikelyBr(otherwise, this.wrong.gtS(WRONG));
    // What nothing around changes either holds for good, once it has been found.
    const assumed = [...this.#assumed.values()];
    const middling = [...this.#middling.values()].filter(({ of }) =>
      typeof of === "number" || this.steady.stores(of) === false
    );
    const around = assumed.length + middling.length ? writes() : undefined;
    const lasting = (slots: readonly number[]) =>
      around !== undefined && !slots.some((id) => around.direct.has(id));
    const asked = (these: typeof assumed, floats: typeof middling) => {
      for (const { cond } of these) f.unlikelyBr(otherwise, cond().eqz());
      const tests = new Middling(state, () => true, FLOATS_FROM);
      for (const { lanes, of } of floats) {
        const v = typeof of === "number" ? floatsIn(state, lanes, of) : this.steady.first(of);
        if (v) tests.test(lanes, v);
      }
      tests.end(otherwise);
    };
    const constants = () => {
      if (this.#tests) setConstants(state);
    };
    const good = assumed.filter(({ slots }) => lasting(slots));
    const steady = middling.filter(({ of }) =>
      around !== undefined && typeof of === "number" && !around.all.has(of)
    );
    if (good.length + steady.length > 0) {
      const found = f.fixed("i32");
      f.plainUnlikely(found.eqz(), () => {
        constants();
        asked(good, steady);
        f.set(found, 1);
      });
    } else constants();
    asked(assumed.filter((a) => !good.includes(a)), [
      ...middling.filter((m) => !steady.includes(m)),
      ...this.sums.kept,
    ]);
    for (const cond of this.#pages.values()) f.unlikelyBr(otherwise, cond().eqz());
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
    const put = (
      bases: readonly Place[] | undefined,
      indices?: readonly Place[],
      scale = 0,
      disp = 0,
      more = 0,
    ) => {
      const common = { key, scale, disp, bytes: bytes + more, window, writes, multiple, halves };
      this.#streams.push({ ...common, bases, indices, table: more > 0 && bases !== undefined });
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
    // A part that is anything, but not large, widens the range: an index of a table that is computed anew in each round.
    const anyBase = bases?.length === 0 ? this.#most(parts.base!, 0, multiple) : 0;
    const anyIndex = indices?.length === 0 ? this.#most(parts.index!, parts.scale, multiple) : 0;
    if (anyBase === undefined || anyIndex === undefined) return false;
    const some = (all: readonly Place[] | undefined) => all?.length ? all : undefined;
    put(some(bases), some(indices), parts.scale, parts.disp, anyBase + anyIndex);
    return false;
  }
  /** How far a register whose value is not known can lead at most, in multiples of that; undefined: too far. */
  #most(slot: number, scale: number, multiple: number): number | undefined {
    const most = this.f.most(this.state.locals[slot]);
    if (most === undefined || most * 2 ** scale > TABLE || 2 ** scale % multiple) return undefined;
    return most * 2 ** scale;
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
    for (const [id, of] of this.state.made) this.sums.wrote(id, of);
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

  /** Slots that tables begin at, which the loop does not write. */
  readonly tables: Ids = new Ids();
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
      if (s.table && !this.#written.has(s.base!)) this.tables.add(s.base!);
    }
    this.rounds = Math.max(LEAST, Math.min(ROUNDS, Math.floor(FAR / fastest)));
    for (const r of all) {
      const a = this.#moved(r.of.base, 0), b = this.#moved(r.of.index, r.of.scale);
      r.low += this.rounds * (a.down + b.down), r.high += this.rounds * (a.up + b.up);
    }
    this.ranges = all;
    this.steady.learned(
      all.filter(({ of, halves }) => of.index === undefined && halves.size === 0)
        .map(({ of: { base: slot }, low, high }) => ({ slot, low, high })),
    );
    this.sums.learned(
      this.rounds,
      (of) => typeof of === "number" ? this.#written.has(of) : this.steady.stores(of) === true,
    );
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
