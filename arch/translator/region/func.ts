/**
 * A function body that knows one thing about the code it emits: the constant that the kind of the lazy flags holds, so
 * that conditions on it fold. And it brings state to memory around calls of functions that look for it there.
 */
import {
  type Arg,
  Func,
  type FunctionRef,
  type I32,
  i32,
  type I64,
  type Label,
  Local,
  type Type,
  Value,
  value,
  type Writer,
} from "../wasm/mod.ts";
import { ACCESS } from "../layout.ts";
import type { Helper } from "./env.ts";
import {
  type Check,
  CONSTANT,
  type Fact,
  REACH,
  type Root,
  type Start,
  type Symbol,
  type View,
  type Word,
} from "./known.ts";

/** Moves slots between locals and memory. */
export interface Mover {
  spill(slots: Iterable<number>): void;
  reload(slots: Iterable<number>): void;
  kindWritten(helper: Helper): boolean;
}

const LOW_BYTES = 3, REQUEST_BYTES = 3;
/** Distances that fit into {@link LOW_BYTES}. */
const FAR = 0x80000;

export class RegionFunc extends Func {
  /** The window of the stack. */
  frame = -1;
  #known: number | undefined;
  /** The kind is one of these, where it is not known: behind two branches, until something is said of it. */
  either: readonly number[] | undefined;
  #symbols = new Map<number, Symbol>();
  /** By symbol and access. */
  #facts = new Map<string, Fact>();
  /** Facts that may be widened: those of this block. */
  #own = new Set<Fact>();
  /** Locals that hold what was computed from other locals, as long as those stay the same. */
  #held = new Map<
    string,
    { readonly local: Local; readonly from: readonly number[]; readonly also?: unknown }
  >();
  readonly #holders = new Map<string, Local>();
  /** What this function has put into memory. */
  #words: readonly Word[] = [];
  #nextSymbol = 0;
  /** What values are at most, by symbol: a value stays what it is, so these are never forgotten. */
  readonly #bounds = new Map<number, number>();
  /** What locals were made of in this block, while a loop is learned. */
  readonly #roots = new Map<number, Root>();
  rooting = false;
  /** Locals in the order that they were set. */
  #log: number[] = [];
  /** Of the block: where it starts in the code, and in the log; blocks around it; which local has the value of a symbol there. */
  #start = 0;
  #startLog = 0;
  #startDepth = -1;
  /** Blocks around a trial, within which all is done that the block does. */
  #inner = 0;
  readonly #atStart = new Map<number, Start>();
  /** While a loop is learned: all locals that have it there. */
  readonly #alike = new Map<number, Start[]>();
  #early: Fact[] = [];
  #writes = 0;
  mover!: Mover;

  /** What the kind is known to be. */
  get known(): number | undefined {
    return this.#known;
  }
  set known(kind: number | undefined) {
    this.#known = kind;
    this.either = undefined;
  }
  setKnown(kind: number | undefined): void {
    this.known = kind;
    this.#writes++;
  }

  /** What is known of these locals, on a way to where several meet. */
  view(locals: readonly Local[]): View {
    const symbols = new Map<number, Symbol>();
    for (const { type, index } of locals) {
      const s = type === "i64" ? this.#symbols.get(index) : undefined;
      if (s) symbols.set(index, s);
    }
    return { symbols, facts: new Map(this.#facts), words: this.#words };
  }
  /** Several ways meet: what is known on all of them. */
  meet([first, ...others]: readonly View[]): void {
    this.forget();
    for (const [index, s] of first.symbols) {
      const same = others.every(({ symbols }) => {
        const other = symbols.get(index);
        return other?.id === s.id && other.plus === s.plus;
      });
      if (same) this.#symbols.set(index, s);
    }
    this.#words = first.words.filter((w) => others.every(({ words }) => words.includes(w)));
    for (const [key, fact] of first.facts) {
      const all = others.map(({ facts }) => facts.get(key));
      let { low, high } = fact;
      for (const other of all) {
        low = Math.max(low, other?.low ?? high), high = Math.min(high, other?.high ?? low);
      }
      if (all.every((other) => other === fact)) this.#facts.set(key, fact);
      else if (low < high) {
        this.#facts.set(key, { low, high, plus: fact.plus, lows: [], lasts: [], requests: [] });
      }
    }
  }

  /** Nothing is known about locals and accesses: code comes here from elsewhere. */
  forget(): void {
    this.#symbols.clear();
    this.#roots.clear();
    this.#held.clear();
    this.#facts.clear();
    this.#own.clear();
    this.#words = [];
  }
  /** Memory was written, at a known distance from a value or anywhere; `word`: these 8 bytes. */
  wrote(to?: Symbol, bytes = 0, word?: Word["value"]): void {
    // What is apart from it stays: addresses may wrap around, their distance does not change.
    this.#words = to
      ? this.#words.filter((w) => w.id === to.id && (w.plus + 8 <= to.plus || to.plus + bytes <= w.plus))
      : [];
    if (to && word !== undefined && this.always) this.#words = [...this.#words, { ...to, value: word }];
  }
  /** What is emitted here is done whenever the block is: not in a branch. */
  get always(): boolean {
    return this.w.depth === this.#startDepth;
  }
  /** The 8 bytes there, if they are known. */
  wordAt({ id, plus }: Symbol): Word["value"] | undefined {
    return this.#words.find((w) => w.id === id && w.plus === plus)?.value;
  }
  /** Which value a local or an address is a constant away from. */
  symbol(v: Value): Symbol | undefined {
    if (v.constant !== undefined) {
      const plus = v.type === "i64" ? Number(v.constant) : NaN;
      return Number.isSafeInteger(plus) ? { id: CONSTANT, plus } : undefined;
    }
    if (v instanceof Local) {
      let s = this.#symbols.get(v.index);
      if (!s) {
        this.#symbols.set(v.index, s = { id: this.#nextSymbol++, plus: 0 });
        if (this.#startDepth >= 0 && v.type === "i64" && !this.#log.includes(v.index, this.#startLog)) {
          this.#atStart.set(s.id, { local: v as Local<"i64">, plus: 0 });
          if (this.rooting) this.#alike.set(s.id, [{ local: v as Local<"i64">, plus: 0 }]);
        }
      }
      return s;
    }
    if (!v.affine) return v.made?.and && v.type === "i64" ? this.#sum(v.made.of, v.made.and) : undefined;
    const of = this.symbol(v.affine.of);
    return of && { id: of.id, plus: of.plus + v.affine.plus };
  }
  /** How far a value is from that of a local, if that is known. */
  distance(v: Value, from: Local): number | undefined {
    const a = this.symbol(v), b = this.#symbols.get(from.index);
    return a && b && a.id === b.id ? a.plus - b.plus : undefined;
  }
  /** What an integer is at most, without its sign; undefined: anything that its type allows. */
  most(v: Value): number | undefined {
    if (v.constant !== undefined) {
      const all = v.type === "i32" ? Number(v.constant) >>> 0 : Number(v.constant);
      return all >= 0 && Number.isSafeInteger(all) ? all : undefined;
    }
    if (v.most !== undefined) return v.most;
    if (v instanceof Local) {
      const s = this.#symbols.get(v.index);
      return s?.plus === 0 ? this.#bounds.get(s.id) : undefined;
    }
    if (v.term) return this.#mostOf(v.type, v.term);
    if (!v.made || v.made.and) return undefined;
    const most = this.most(v.made.of);
    return most !== undefined && most <= 0xffffffff ? most : undefined;
  }
  #mostOf(type: Type, { op, left, right }: NonNullable<Value["term"]>): number | undefined {
    const a = this.most(left),
      b = this.most(right),
      all = type === "i32" ? 2 ** 32 - 1 : Number.MAX_SAFE_INTEGER;
    if (op === "and") return a === undefined ? b : b === undefined ? a : Math.min(a, b);
    if (op === "or" || op === "xor") {
      const larger = a === undefined || b === undefined ? Infinity : Math.max(a, b);
      return larger > 0xffffffff ? undefined : 2 ** (32 - Math.clz32(larger)) - 1;
    }
    if (right.constant === undefined) return undefined;
    const by = 2 ** (Number(right.constant) & (type === "i32" ? 31 : 63));
    if (op === "shrU") return a === undefined && type === "i64" ? undefined : Math.floor((a ?? all) / by);
    return a !== undefined && a * by <= all ? a * by : undefined;
  }
  /** Of a sum: one of the two is known. */
  #sum(a: Value, b: Value): Symbol | undefined {
    const fixed = (v: Value) => {
      const s = v instanceof Local
        ? this.#symbols.get(v.index)
        : v.constant !== undefined
        ? this.symbol(v)
        : undefined;
      return s?.id === CONSTANT ? s.plus : undefined;
    };
    const x = fixed(a),
      y = fixed(b),
      of = y !== undefined ? this.symbol(a) : x !== undefined ? this.symbol(b) : undefined;
    const plus = of && of.plus + (y ?? x!);
    return of && Number.isSafeInteger(plus) ? { id: of.id, plus: plus! } : undefined;
  }
  /** The check of a page for an access, if there is none yet; at the start of the block, if it can be made there: then there is none to make. */
  page(page: number, access: number): Check | undefined {
    // Numbers of no other values.
    const id = CONSTANT - 1 - page;
    if (this.#facts.has(`${id} ${access}`) || this.#facts.has(`${id} ${ACCESS.write}`)) return undefined;
    const low = value("i64", page * 4096);
    const check = {
      low,
      last: low,
      request: i32(1 | access << 16),
      window: access === ACCESS.write ? 1 : 0,
      page,
    };
    const early = this.#startDepth >= 0 && this.w.depth === this.#startDepth + this.#inner;
    const fact: Fact = {
      low: 0,
      high: 4096,
      plus: 0,
      lows: [],
      lasts: [],
      requests: [],
      ...(early && { page: check }),
    };
    this.#facts.set(`${id} ${access}`, fact);
    if (!early) return check;
    this.#early.push(fact);
    return undefined;
  }
  /** Is an access known to be allowed, perhaps because the check that was made for another one covers it now? */
  proven({ id, plus }: Symbol, access: number, bytes: number): boolean {
    for (const kind of [access, ACCESS.write]) {
      const fact = this.#facts.get(`${id} ${kind}`);
      if (!fact) continue;
      const low = Math.min(fact.low, plus), high = Math.max(fact.high, plus + bytes);
      if (low === fact.low && high === fact.high) return true;
      if (kind !== access || high - low > REACH) continue;
      if (!this.#own.has(fact) && !(fact.frame && Math.abs(low - fact.plus) < FAR)) continue;
      fact.low = low, fact.high = high;
      for (const at of fact.lows) this.#patch(at, LOW_BYTES, low - fact.plus);
      for (const at of fact.lasts) this.#patch(at, LOW_BYTES, high - 1 - fact.plus);
      for (const at of fact.requests) this.#patch(at, REQUEST_BYTES, high - low | access << 16);
      return true;
    }
    return false;
  }
  /** The local that had this one's value at the start of the block, but for a constant. */
  startOf(local: Local): Start | undefined {
    const s = this.symbol(local), start = s && this.#atStart.get(s.id);
    return s && start && { local: start.local, plus: s.plus - start.plus };
  }
  /** While a loop is learned: all such locals. */
  startsOf(local: Local): readonly Start[] {
    const s = this.symbol(local), starts = s && this.#alike.get(s.id);
    return starts?.map((start) => ({ local: start.local, plus: s!.plus - start.plus })) ?? [];
  }
  /** A block has begun whose checks have not been emitted. */
  get begun(): boolean {
    return this.#startDepth >= 0;
  }
  /** While a loop is learned: how far the local has moved in this block; undefined: not by a constant. */
  drift(local: Local<"i64">): number | undefined {
    if (!this.#log.includes(local.index, this.#startLog)) return 0;
    // Others may have had its value where the block begins.
    return this.startsOf(local).find((start) => start.local.index === local.index)?.plus;
  }
  #root(v: Value): Root | undefined {
    if (v instanceof Local) {
      const known = this.#roots.get(v.index), s = known || v.type !== "i64" ? undefined : this.symbol(v);
      return s && s.id !== CONSTANT ? (s.plus === 0 ? { of: s.id, half: false } : undefined) : known;
    }
    const { made } = v, of = made && this.#root(made.of);
    if (!made || !of) return undefined;
    // A lower half is 32 bits, or those extended.
    if (!made.and) return { ...of, half: true };
    const and = this.#root(made.and);
    if (!and || of.and !== undefined || and.and !== undefined || of.half !== (v.type === "i32")) {
      return undefined;
    }
    return and.half === of.half ? { of: of.of, and: and.of, half: of.half } : undefined;
  }
  #firstOf(id: number): Local<"i64"> | undefined {
    const start = this.#atStart.get(id);
    return start?.plus === 0 ? start.local : undefined;
  }
  /** The local whose value at the start of the block this one has the lower half of. */
  halfOf(local: Local): Local<"i64"> | undefined {
    const root = this.#roots.get(local.index);
    return root?.half && root.and === undefined ? this.#firstOf(root.of) : undefined;
  }
  /** The local whose value at the start of the block has been added to this one in it, once; `half`: in 32 bits, with zeros above. */
  step(local: Local<"i64">): { readonly by: Local<"i64">; readonly half: boolean } | undefined {
    const root = this.#roots.get(local.index);
    if (root?.and === undefined) return undefined;
    const own = (id: number) =>
      this.#alike.get(id)?.some((start) => start.local.index === local.index && start.plus === 0);
    const by = own(root.of) ? root.and : own(root.and) ? root.of : -1, other = this.#firstOf(by);
    return other && { by: other, half: root.half };
  }
  /** A place in the code to come back to with {@link rewind}. */
  place(): { readonly length: number; readonly hints: number; readonly known: number | undefined } {
    return { length: this.w.length, hints: this.hints.length, known: this.known };
  }
  /** Throws away what has been emitted since: nothing is known then. */
  rewind({ length, hints, known }: ReturnType<RegionFunc["place"]>): void {
    this.w.length = length, this.hints.length = hints, this.known = known;
    this.#early = [];
    this.forget();
  }
  /** A block begins: checks of values that locals hold here are made here. */
  begin(slots: readonly Local[]): void {
    this.#start = this.w.length, this.#startLog = this.#log.length, this.#startDepth = this.w.depth;
    this.#early = [];
    this.#roots.clear();
    this.#atStart.clear();
    this.#alike.clear();
    this.#own.clear();
    for (const local of slots) {
      const s = local.type === "i64" ? this.#symbols.get(local.index) : undefined;
      if (!s || s.id === CONSTANT) continue;
      const start = { local: local as Local<"i64">, plus: s.plus };
      // Of several the first: general registers come before flags, which few loops change by constants.
      if (!this.#atStart.has(s.id)) this.#atStart.set(s.id, start);
      if (!this.rooting) continue;
      const alike = this.#alike.get(s.id);
      if (alike) alike.push(start);
      else this.#alike.set(s.id, [start]);
    }
  }
  /** Leaves the check of an access to the start of the block, if it can be made there. */
  checkEarly({ id, plus }: Symbol, access: number, bytes: number, window: number): boolean {
    const start = this.#atStart.get(id);
    if (
      !start || this.w.depth !== this.#startDepth + this.#inner || Math.abs(plus - start.plus) > 0x7fffffff
    ) return false;
    const early = { local: start.local, less: start.plus, window, access };
    const frame = window === this.frame && Math.abs(plus - start.plus) < FAR - REACH;
    const fact: Fact = {
      low: plus,
      high: plus + bytes,
      plus,
      frame,
      lows: [],
      lasts: [],
      requests: [],
      early,
    };
    this.#facts.set(`${id} ${access}`, fact);
    this.#own.add(fact);
    this.#early.push(fact);
    return true;
  }
  /** The block's instructions have been emitted: `body` emits the checks, which come before them. */
  endBlock(body: (checks: Check[]) => void): void {
    const { w } = this, from = this.#start, end = w.length, early = this.#early;
    this.#startDepth = -1;
    this.#early = [];
    if (!early.length) return;
    const hints = this.hints.length;
    const symbols = new Map(this.#symbols), facts = new Map(this.#facts), own = new Set(this.#own);
    const places: { readonly fact: Fact; readonly lows: number[]; readonly requests: number[] }[] = [];
    body(early.map((fact) => {
      if (fact.page) return fact.page;
      const { local, less, window, access } = fact.early!, request = fact.high - fact.low | access << 16;
      const last = local.add(fact.high - 1 - less);
      if (!fact.frame) return { low: local.add(fact.low - less), last, request: i32(request), window };
      const place = { fact, lows: [], requests: [] };
      places.push(place);
      fact.plus = less;
      return {
        low: local.add(new Value("i64", this.#padded("i64", place.lows, LOW_BYTES, fact.low - less))),
        last,
        request: new Value("i32", this.#padded("i32", place.requests, REQUEST_BYTES, request)),
        window,
      };
    }));
    const size = w.length - end, code = w.bytes.slice(end, w.length);
    w.bytes.copyWithin(from + size, from, end);
    w.bytes.set(code, from);
    const behind = this.hints.splice(hints), moved: number[] = [];
    while (this.hints.length && this.hints[this.hints.length - 1] >= from) {
      moved.unshift(this.hints.pop()! + size);
    }
    for (const at of behind) this.hints.push(at - (end - from));
    this.hints.push(...moved);
    const shift = (places: number[]) => places.forEach((at, n) => at >= from ? places[n] = at + size : 0);
    for (const fact of new Set([...facts.values(), ...own])) {
      shift(fact.lows), shift(fact.lasts), shift(fact.requests);
    }
    for (const { fact, lows, requests } of places) {
      fact.lows.push(...lows.map((at) => at - (end - from)));
      fact.requests.push(...requests.map((at) => at - (end - from)));
    }
    this.#symbols = symbols, this.#facts = facts, this.#own = own;
    this.#own.clear();
  }
  /** A check for an access; what it covers may still grow. */
  check(
    { id, plus }: Symbol,
    access: number,
    bytes: number,
    address: I64,
    window: number,
  ): Check {
    const fact: Fact = { low: plus, high: plus + bytes, plus, lows: [], lasts: [], requests: [] };
    this.#facts.set(`${id} ${access}`, fact);
    this.#own.add(fact);
    return {
      low: address.add(new Value("i64", this.#padded("i64", fact.lows, LOW_BYTES, 0))),
      last: address.add(new Value("i64", this.#padded("i64", fact.lasts, LOW_BYTES, bytes - 1))),
      request: new Value("i32", this.#padded("i32", fact.requests, REQUEST_BYTES, bytes | access << 16)),
      window,
    };
  }
  /** A constant that can be changed later: in `places` it says where it is. */
  #padded(type: "i32" | "i64", places: number[], size: number, v: number): (w: Writer) => void {
    return (w) => {
      w.byte(type === "i64" ? 0x42 : 0x41);
      places.push(w.length);
      for (let i = 0; i < size; i++) w.byte(0);
      this.#patch(w.length - size, size, v);
    };
  }
  /** Signed LEB128 of a fixed length. */
  #patch(at: number, size: number, v: number): void {
    for (let i = 0; i < size; i++) {
      this.w.bytes[at + i] = v >> 7 * i & 127 | (i < size - 1 ? 128 : 0);
    }
  }
  override set<T extends Type>(local: Local<T>, v: Arg<T>): void {
    const symbol = local.type === "i64" && v instanceof Value ? this.symbol(v) : undefined;
    const root = this.rooting && v instanceof Value ? this.#root(v) : undefined;
    const most = !symbol && v instanceof Value && (local.type === "i64" || local.type === "i32")
      ? this.most(v)
      : undefined;
    super.set(local, v);
    this.#changed(local);
    if (root && (root.half || root.and !== undefined)) this.#roots.set(local.index, root);
    if (symbol) this.#symbols.set(local.index, symbol);
    else if (most !== undefined) {
      this.#bounds.set(this.#nextSymbol, most);
      this.#symbols.set(local.index, { id: this.#nextSymbol++, plus: 0 });
    }
  }
  override tee<T extends Type>(local: Local<T>, v: Arg<T>): Value<T> {
    const x = super.tee(local, v);
    return new Value(local.type, (w) => (x.emit(w), this.#changed(local)));
  }
  /** The local that holds what `key` names, computed from these locals: as it is, or now by `compute`. */
  held<T extends Type>(key: string, from: readonly Local[], compute: () => Value<T>): Local<T> {
    const known = this.#held.get(key);
    if (known) return known.local as Local<T>;
    return this.hold(key, from, compute());
  }
  /** What `key` names is known, if it is. */
  holding(key: string): Local | undefined {
    return this.#held.get(key)?.local;
  }
  /** What was given with it. */
  heldWith(key: string): unknown {
    return this.#held.get(key)?.also;
  }
  /** From now on `key` names this value, as long as the locals stay the same. `also`: what else is then known. */
  hold<T extends Type>(key: string, from: readonly Local[], v: Value<T>, also?: unknown): Local<T> {
    let local = this.#holders.get(key);
    if (!local) this.#holders.set(key, local = this.fixed(v.type));
    this.set(local, v as Value);
    this.#held.set(key, { local, from: [...from.map((l) => l.index), local.index], also });
    return local as Local<T>;
  }

  /** What the local stands for has changed in memory, and not in the local. */
  elsewhere(local: Local): void {
    this.#changed(local);
  }
  #changed(local: Local): void {
    this.#forget(local.index);
    this.#log.push(local.index);
  }
  #forget(local: number): void {
    for (const [key, { from }] of this.#held) if (from.includes(local)) this.#held.delete(key);
    this.#symbols.delete(local), this.#roots.delete(local);
  }
  /** What `body` learns is not known behind it, nor what the locals are that it changes. */
  #aside<R>(body: () => R): R {
    const symbols = new Map(this.#symbols), facts = new Map(this.#facts), own = this.#own;
    const held = new Map(this.#held), from = this.#log.length;
    this.#own = new Set();
    try {
      return body();
    } finally {
      for (let i = from; i < this.#log.length; i++) {
        symbols.delete(this.#log[i]), this.#roots.delete(this.#log[i]);
      }
      const changed = new Set(this.#log.slice(from));
      for (const [key, h] of held) if (h.from.some((index) => changed.has(index))) held.delete(key);
      this.#symbols = symbols, this.#facts = facts, this.#own = own, this.#held = held;
    }
  }

  /** `first`; where that branches to `fail`, `again` anew, with all locals as they were once `undo` is done. */
  attempt(first: (fail: Label) => void, undo: () => void, again: () => void): void {
    const symbols = new Map(this.#symbols), facts = new Map(this.#facts), held = new Map(this.#held);
    const own = new Set(this.#own), from = this.#log.length, { known } = this;
    // Checks at the start of the block hold for both.
    const restore = () => {
      this.#symbols = new Map(symbols), this.#facts = new Map(facts), this.#held = new Map(held);
      this.#own = new Set(own), this.known = known;
    };
    const noteEarly = () => {
      for (const [key, fact] of this.#facts) {
        if (!this.#early.includes(fact)) continue;
        facts.set(key, fact);
        if (fact.early) own.add(fact);
      }
    };
    let after = known, tried = this.#symbols;
    super.block((done) => {
      super.block((fail) => {
        this.#inner += 2;
        first(fail);
        this.#inner -= 2;
        after = this.known;
        noteEarly();
        tried = new Map(this.#symbols);
        this.br(done);
      });
      undo();
      restore();
      // What the first version has put elsewhere stays there.
      const changed = this.#log.slice(from);
      for (const [key, { local }] of this.#held) if (changed.includes(local.index)) this.#held.delete(key);
      this.#inner++;
      again();
      this.#inner--;
      noteEarly();
      if (this.known !== after) after = undefined;
    });
    const changed = new Set(this.#log.slice(from));
    for (const index of changed) {
      this.#roots.delete(index);
      // Moved by the same constant in both.
      const one = tried.get(index), other = this.#symbols.get(index);
      if (one && other && one.id === other.id && one.plus === other.plus) symbols.set(index, other);
      else symbols.delete(index);
    }
    for (const [key, h] of held) if (h.from.some((index) => changed.has(index))) held.delete(key);
    restore();
    this.known = after;
  }

  /** Without folding and following: for the structure of the region. Both ways begin with what is known here. */
  plainIf(cond: I32, then: () => void, otherwise?: () => void): void {
    const symbols = new Map(this.#symbols), facts = new Map(this.#facts), held = new Map(this.#held);
    const words = this.#words;
    this.#own.clear();
    super.if(
      cond,
      then,
      otherwise && (() => {
        this.#symbols = new Map(symbols), this.#facts = new Map(facts), this.#held = new Map(held);
        this.#words = words;
        this.#own.clear();
        otherwise();
      }),
    );
    this.forget();
  }
  /**
   * The same where two conditions hold, the second of which is asked only if the first one does; `chosen`: what is done behind the first
   * one, where it holds and where it does not. None of the ways falls through.
   */
  plainBoth(
    [one, two]: readonly I32[],
    chosen: ((holds: boolean) => void) | undefined,
    then: () => void,
    otherwise: () => void,
  ): void {
    const symbols = new Map(this.#symbols), facts = new Map(this.#facts), held = new Map(this.#held);
    const words = this.#words;
    let set: number[] = [];
    const restore = () => {
      this.#symbols = new Map(symbols), this.#facts = new Map(facts), this.#held = new Map(held);
      this.#words = words;
      this.#own.clear();
      for (const index of set) this.#forget(index);
    };
    this.#own.clear();
    super.block((leave) => {
      super.block((never) => {
        super.brIf(chosen ? never : leave, one.eqz());
        const from = this.#log.length;
        chosen?.(true);
        set = this.#log.slice(from);
        super.brIf(leave, two.eqz());
        then();
      });
      restore();
      chosen?.(false);
    });
    restore();
    otherwise();
    this.forget();
  }
  /** `then` does not fall through, or changes no locals that are followed. */
  plainUnlikely(cond: I32, then: () => void): void {
    const { known } = this;
    this.#aside(() => this.unlikely(cond, then));
    this.known = known;
  }
  plainBlock(body: (leave: Label) => void): void {
    super.block(body);
  }
  plainLoop(body: (again: Label) => void): void {
    super.loop(body);
  }

  override if(cond: I32, then: () => void, otherwise?: () => void): void {
    const { constant } = cond;
    if (constant !== undefined) {
      if (Number(constant) !== 0) then();
      else otherwise?.();
      return;
    }
    const before = this.known;
    let after = before;
    this.#aside(() => {
      super.if(cond, () => {
        this.#aside(then);
        after = this.known;
        this.known = before;
      }, otherwise);
    });
    const { known } = this;
    if (known === after) return;
    this.known = undefined;
    if (known !== undefined && after !== undefined) this.either = [known, after];
  }
  override block(body: (leave: Label) => void): void {
    const writes = this.#writes;
    this.#aside(() => super.block(body));
    if (writes !== this.#writes) this.known = undefined;
  }
  override loop(body: (again: Label) => void): void {
    this.known = undefined;
    this.forget();
    super.loop(body);
    this.forget();
    this.known = undefined;
  }
  override switch(
    index: I32,
    cases: readonly ((leave: Label) => void)[],
    otherwise: (leave: Label) => void,
  ): void {
    const before = this.known;
    const start = (body: (leave: Label) => void) => (leave: Label) => (this.known = before, body(leave));
    this.forget();
    super.switch(index, cases.map(start), start(otherwise));
    this.forget();
    this.known = undefined;
  }

  override call<T extends Type>(type: T, to: FunctionRef, ...args: Arg<Type>[]): Value<T> {
    const helper = to as Helper, plain = super.call(type, to, ...args);
    if (!helper.reads?.size && !helper.writes?.size) return plain;
    return new Value(type, (w) => {
      this.mover.spill(helper.reads), this.mover.spill(helper.writes);
      plain.emit(w);
      this.mover.reload(helper.writes);
      if (this.mover.kindWritten(helper)) this.setKnown(undefined);
    });
  }
  override do(to: FunctionRef, args: Arg<Type>[], ...into: Local[]): void {
    const helper = to as Helper;
    for (const l of into) this.#changed(l);
    if (helper.reads) this.mover.spill(helper.reads), this.mover.spill(helper.writes);
    super.do(to, args, ...into);
    if (helper.reads) {
      this.mover.reload(helper.writes);
      if (this.mover.kindWritten(helper)) this.setKnown(undefined);
    }
  }
}
