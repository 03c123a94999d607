/**
 * The state block in a region: slots live in locals for the whole of it; loads and stores of registers become uses of those.
 *
 * Scalar floats live beside their vectors: what an instruction leaves in the lowest lane stays a float of its own until somebody wants the
 * whole vector, at the latest the end of the block ({@link Scalar}).
 */
// cold: constants of 64 bits, while code is generated
import {
  type I32,
  i32,
  type Int,
  lane,
  type Load,
  type Local,
  Mem,
  replaceLane,
  select,
  simd,
  type Store,
  type Type,
  type V128,
  Value,
  value,
} from "../wasm/mod.ts";
import { type Floats, joined } from "./floats.ts";
import { formatOf, loadVector, lowHalf, storeVector, Unsupported, ZERO_VECTOR } from "./parts.ts";
import type { Helper } from "./env.ts";
import type { Mover, RegionFunc } from "./func.ts";
import type { Narrow } from "./narrow.ts";
import type { Slots } from "./slots.ts";
import type { Origin } from "./sums.ts";
import type { Known } from "./trial.ts";

/** The three memories of a module (layout.ts). */
export class Memories {
  readonly guest: Mem;
  readonly pages: Mem = new Mem(1, false);
  readonly engine: Mem = new Mem(2, false);
  constructor(wide: boolean) {
    this.guest = new Mem(0, wide);
  }
}

/** The lowest lane of a vector, as a float in a local of its own. */
export interface Scalar {
  readonly type: "f64" | "f32";
  readonly local: Local<"f64">;
  /** The vector's own local has something else in that lane. */
  dirty: boolean;
  /** Then: above it all is zero, whatever the vector's local says. */
  zero: boolean;
}
/** The whole of a vector slot: the lowest lane is brought in only when the value is used. */
class Whole extends Value<"v128"> {
  constructor(readonly state: State, readonly id: number) {
    super("v128", () => state.gathered(id).emit(state.f.w));
  }
}
/** The bits of a float that is at hand. */
class Bits extends Value<"i32" | "i64"> {
  constructor(readonly float: Local<"f64">) {
    const wide = (float.type as string) === "f64";
    super(wide ? "i64" : "i32", (w) => {
      (wide ? float.to("i64.reinterpret_f64") : (float as unknown as Value<"f32">).to("i32.reinterpret_f32"))
        .emit(w);
    });
  }
}
/** The float whose bits a value is, if it is at hand. */
export const floatOf = (v: Value): Value<"f64" | "f32"> | undefined =>
  v instanceof Bits ? v.float : undefined;

/** Where a float has been loaded from. */
export interface Source {
  readonly type: "f64" | "f32";
  /** A place that a loop keeps (steady.ts). */
  readonly place?: string;
  /** A vector with the float in its lowest lane: loading that costs no more. */
  readonly vector?: V128;
}
/** A float that has been loaded. */
export class Sourced extends Value<"f64" | "f32"> {
  constructor(v: Value<"f64" | "f32">, readonly source: Source) {
    super(v.type, v.emit);
  }
}
/** A vector that is loaded as a float with zeros above: who keeps floats takes that alone. */
export class LoadedFloat extends Value<"v128"> {
  constructor(v: V128, readonly float: Value<"f64" | "f32">) {
    super("v128", v.emit);
  }
}
/** A float with zeros above that is the lowest lane of another vector. */
export class Twinned extends Value<"v128"> {
  constructor(v: V128, readonly twin: V128) {
    super("v128", v.emit);
    this.low = v.low;
  }
}
/** The lowest lane of a vector. */
export const firstLane = (type: "f64" | "f32", v: V128): Value =>
  lane(`${type}x${type === "f64" ? 2 : 4}.extract_lane` as "f64x2.extract_lane", v, 0);
const lowOf = (v: Value): Value | undefined => v instanceof LoadedFloat ? v.float : undefined;

/** Slots of the state block in locals of one function. */
export class State implements Mover {
  readonly locals: Local[];
  /** By slot: what semantics did with it through constant offsets (for the analysis). */
  readonly reads: Set<number> = new Set();
  readonly writes: Set<number> = new Set();
  /** Those of the writes that no helper does. */
  readonly direct: Set<number> = new Set();

  /** Operands named by the record are not noted as reads and writes of the operation. */
  quiet = false;
  /** Depth of blocks at which an instruction's semantics begin. */
  base = 0;
  /** By slot. */
  readonly #scalars = new Map<number, Scalar>();
  /** On trial: how large the floats of a slot are. */
  readonly ranges: Map<number, Known> = new Map();
  /** On trial: the slot that this one was copied from. */
  readonly origins: Map<number, number> = new Map();
  /** What slots that the block has written to are made of, by additions or not at all (sums.ts); what others are made of is themselves. */
  #made: Map<number, Origin | undefined> = new Map();
  /** On trial: where the float of a slot has been loaded from. */
  readonly sources: Map<number, Source> = new Map();
  readonly #pool = new Map<string, Local>();
  readonly #floats = new Map<string, Local<"f64">>();

  /** Registers whose upper halves are known to be zero: their lower halves in locals of 32 bits, and nothing in their own. */
  narrow: ReadonlyMap<number, Local<"i32">> | undefined;
  /** One of them has got a value that is not: what is emitted is wrong, and to be thrown away. */
  widened = false;
  /** Told of loads and stores while a loop's body is learned. */
  watcher: Narrow | undefined;
  /** Vectors that hold one float: these stand so wherever a block begins or ends (floats.ts). */
  floats: ReadonlyMap<number, Scalar> | undefined;
  /** Told of what is done with vectors, in a loop's body. */
  floating: Floats | undefined;

  /** `params`: slots that are parameters of the function. */
  constructor(
    readonly f: RegionFunc,
    readonly slots: Slots,
    readonly memories: Memories,
    params?: ReadonlyMap<number, Local>,
  ) {
    this.locals = slots.list.map((s) => params?.get(s.id) ?? f.local(s.type));
    f.mover = this;
  }

  /** Slots of 32 bits of which vectors tell some bits: any bit set in the local sets all of them (a piece of a loop). */
  collected: Map<number, { readonly local: Local<"v128">; readonly bits: number }> = new Map();
  /**
   * Slots that stay in memory (a piece of a loop): what writes them is seldom done, and as locals they would be carried from round to round for it.
   */
  readonly resident: Set<number> = new Set();
  /** Slots of 32 bits stay in memory from here on, where these have the value already unless they are `dirty`. */
  settleIn(ids: Iterable<number>, dirty: { has(id: number): boolean }): void {
    const own = [...ids];
    this.spill(own.filter((id) => dirty.has(id)));
    for (const id of own) this.resident.add(id);
  }
  /** What is written is undone if the trial fails. */
  tried = false;
  /** A vector tells bits of the slot. */
  collect(id: number, v: V128): void {
    const { local } = this.collected.get(id)!;
    this.f.set(local, simd("v128.or", local, v));
  }
  /** A slot with the bits that vectors tell. */
  #told(id: number): Value {
    const { local, bits } = this.collected.get(id)!;
    return (this.locals[id] as Local<"i32">).or(select(simd("v128.any_true", local), i32(bits), i32(0)));
  }
  /** The slot has them, or other ones: what comes now counts. */
  #settled(id: number): void {
    const told = this.collected.get(id);
    if (!told) return;
    if (this.tried) this.widened = true;
    this.f.set(told.local, ZERO_VECTOR);
  }
  /** The local that has the slot's value. */
  place(id: number): Local {
    const float = this.floats?.get(id);
    return this.narrow?.get(id) ?? (float?.dirty ? float.local : this.locals[id]);
  }
  /** Narrow registers and floats as if they were none: on a way to where nobody knows of them. */
  widen(): void {
    for (const [id, n] of this.narrow ?? []) this.f.set(this.locals[id] as Local<"i64">, n.extendU());
    for (const [id, s] of this.floats ?? []) {
      const local = this.locals[id] as Local<"v128">;
      if (s.dirty) this.f.set(local, joined(s, local));
    }
    for (const id of this.collected.keys()) this.f.set(this.locals[id], this.#told(id));
    for (const id of this.resident) {
      this.f.set(this.locals[id], this.memories.guest.load("i32.load", 0, this.slots.list[id].offset));
    }
  }

  /** What `body` does is not noted. */
  quietly<T>(body: () => T): T {
    this.quiet = true;
    try {
      return body();
    } finally {
      this.quiet = false;
    }
  }

  /** A local that the trial knows by this number. */
  pooled(type: Type, n: number | string): Local {
    const key = `${type} ${n}`;
    let local = this.#pool.get(key);
    if (!local) this.#pool.set(key, local = this.f.fixed(type));
    return local;
  }
  /**
   * On trial, while a slot holds one float: a vector that has it in its lowest lane, and above it anything. `late`: the float's own local has
   * not got it yet.
   */
  readonly #twins = new Map<number, { readonly local: Local<"v128">; late: boolean }>();
  /** Floats get such vectors: some instruction of the trial takes vectors only. */
  twinned = false;
  /** The slot's float is in the lowest lane of this vector, zeros are to be above. */
  #putTwin(id: number, type: "f64" | "f32", v: V128): void {
    const local = this.pooled("v128", `twin ${id}`) as Local<"v128">;
    this.f.set(local, v);
    this.#scalars.set(id, { type, local: this.floatLocal(type, id), dirty: true, zero: true });
    this.#twins.set(id, { local, late: true });
  }
  /** Its own local gets it. */
  #present(id: number): void {
    const twin = this.#twins.get(id), s = this.#scalars.get(id);
    if (!twin?.late || !s) return;
    this.f.set(s.local, firstLane(s.type, twin.local) as Value<"f64">);
    if (this.f.w.depth === this.base) twin.late = false;
  }
  /** The trial has been answered. Not before: V8 would keep floats beside their vectors, for the other version. */
  untwin(): void {
    this.base = this.f.w.depth;
    for (const id of this.#twins.keys()) this.#present(id);
    this.twinned = false;
    this.#twins.clear();
  }
  #forgetFloat(id: number): void {
    this.ranges.delete(id), this.origins.delete(id), this.sources.delete(id), this.#twins.delete(id);
    this.#made.set(id, undefined);
  }
  /** The vector is the instruction's. */
  #setSource(id: number, { vector, ...source }: Source): void {
    if (!vector) return void this.sources.set(id, source);
    const copy = this.pooled("v128", `loaded ${id}`) as Local<"v128">;
    this.f.set(copy, vector);
    this.sources.set(id, { ...source, vector: copy });
  }
  /** What a slot is made of: the value that one, or a place, had before, and what has been added. */
  madeOf(id: number): Origin | undefined {
    return this.#made.has(id) ? this.#made.get(id) : id;
  }
  /** The same of a float that a slot holds. */
  madeOfFloat(float: Value): Origin | undefined {
    const id = [...this.#scalars].find(([, s]) => (s.local as Value) === float)?.[0];
    return id === undefined ? undefined : this.madeOf(id);
  }
  make(id: number, of: Origin): void {
    this.#made.set(id, of);
  }
  /** What all slots are made of, for another version of the same code to leave alike. */
  get made(): ReadonlyMap<number, Origin | undefined> {
    return new Map(this.#made);
  }
  set made(made: ReadonlyMap<number, Origin | undefined>) {
    this.#made = new Map(made);
  }
  /** A vector whose lowest lane is the slot's, if there is one. */
  vectorOf(id: number): V128 | undefined {
    const twin = this.#twins.get(id);
    if (twin) return twin.local;
    return id < 0 || this.#scalars.get(id)?.dirty ? undefined : this.locals[id] as Local<"v128">;
  }
  /** A vector of this float and zeros. */
  alone(v: Value): V128 {
    return replaceLane(
      `${v.type as "f64"}x${v.type === "f64" ? 2 : 4}.replace_lane` as "f64x2.replace_lane",
      ZERO_VECTOR,
      0,
      v as Value<"f64">,
    );
  }
  /** What is at hand as a float, for another version of the same code to leave alike. */
  shape(): ReadonlyMap<number, Scalar> {
    return new Map([...this.#scalars].map(([id, s]) => [id, { ...s }]));
  }
  conform(shape: ReadonlyMap<number, Scalar>): void {
    for (const [id, s] of [...this.#scalars]) {
      const other = shape.get(id);
      if (!other || other.type !== s.type || (s.dirty && !other.dirty)) this.settle([id]);
    }
    for (const [id, s] of shape) {
      if (!this.#scalars.has(id)) {
        // By its bits: were it taken from the vector as the trial took it, V8 would do both at once there, and keep a copy for here.
        const v = this.locals[id] as Local<"v128">;
        const bits = s.type === "f64" ? loadVector("i64.load", v, 0) : loadVector("i32.load", v, 0);
        this.f.set(
          s.local,
          bits.to(s.type === "f64" ? "f64.reinterpret_i64" : "f32.reinterpret_i32" as "f64.reinterpret_i64"),
        );
      }
      this.#scalars.set(id, { ...s });
    }
  }
  /** The vector with its lowest lane brought in, now. At the instruction's own depth that is kept. */
  gathered(id: number): V128 {
    this.#present(id);
    const s = this.#scalars.get(id), local = this.locals[id] as Local<"v128">;
    this.floating?.otherwise(id);
    if (!s?.dirty) return local;
    const v = joined(s, local);
    if (this.f.w.depth !== this.base) return v;
    s.dirty = false;
    return this.f.tee(local, v);
  }
  /** Brings scalars to their vectors: of these slots, or all; no longer at hand then. */
  settle(ids?: Iterable<number>): void {
    for (const id of ids ?? [...this.#scalars.keys()]) {
      // Of all: not those that stand so from block to block.
      if (!ids && this.floats?.has(id)) continue;
      if (ids) this.floating?.otherwise(id);
      this.#present(id);
      const s = this.#scalars.get(id), local = this.locals[id] as Local<"v128">;
      if (s?.dirty) this.f.set(local, joined(s, local));
      this.#scalars.delete(id);
    }
  }
  /** The vectors' locals are right: they have been loaded. */
  forget(): void {
    this.#scalars.clear();
    for (const [id, s] of this.floats ?? []) this.#scalars.set(id, { ...s });
  }
  /** The end of a block: all is as the next one expects it. */
  settleAll(): void {
    this.settle();
    for (const [id, s] of this.floats ?? []) {
      if (this.#scalars.get(id)?.type !== s.type) this.widened = true;
      else this.#scalars.set(id, { ...s });
    }
  }
  /** The slot's lowest lane is this float now; all above it is zero, or as it was. */
  #put(id: number, type: "f64" | "f32", v: Value, clear: boolean): void {
    this.#twins.delete(id);
    const old = this.#scalars.get(id);
    if (old && old.type !== type && !clear) this.settle([id]);
    const local = this.floatLocal(type, id);
    if (v !== local as Value) this.f.set(local, v as Value<"f64">);
    const zero = clear || (old !== undefined && old.type === type && old.dirty && old.zero);
    this.#scalars.set(id, { type, local, dirty: true, zero });
  }
  /** Where a float of a slot is kept. */
  floatLocal(type: "f64" | "f32", id: number): Local<"f64"> {
    const key = `${type} ${id}`;
    let local = this.#floats.get(key);
    if (!local) this.#floats.set(key, local = this.f.fixed(type) as Local<"f64">);
    return local;
  }
  #copy(to: number, from: number): void {
    const s = this.#scalars.get(from), range = this.ranges.get(from);
    if (to === from) return;
    this.#made.set(to, this.madeOf(from));
    this.#present(from);
    this.floating?.copied(to, from);
    if (range) this.ranges.set(to, range);
    this.origins.set(to, this.origins.get(from) ?? from);
    const source = this.sources.get(from);
    if (source) this.#setSource(to, source);
    this.#twins.delete(to);
    this.f.set(this.locals[to], this.locals[from] as Value);
    this.#scalars.delete(to);
    if (!s) return;
    this.#put(to, s.type, s.local, false);
    const copy = this.#scalars.get(to)!;
    copy.dirty = s.dirty, copy.zero = s.zero;
  }

  spill(slots: Iterable<number>): void {
    for (const id of slots) {
      if (this.resident.has(id)) continue;
      this.#present(id);
      const { type, offset } = this.slots.list[id], s = this.#scalars.get(id);
      if (s?.dirty) {
        const { guest } = this.memories;
        if (s.zero) this.f.store(guest, "v128.store", 0, joined(s, ZERO_VECTOR), offset);
        else {
          this.f.store(guest, "v128.store", 0, this.locals[id] as never, offset);
          this.f.store(guest, `${s.type}.store` as "f64.store", 0, s.local, offset);
        }
        continue;
      }
      const v = this.narrow?.get(id)?.extendU() ??
        (this.collected.has(id) ? this.#told(id) : this.locals[id]);
      this.f.store(this.memories.guest, `${type}.store` as Store, 0, v as never, offset);
    }
  }
  reload(slots: Iterable<number>): void {
    for (const id of slots) {
      if (this.resident.has(id)) {
        this.f.elsewhere(this.locals[id]);
        continue;
      }
      const { type, offset } = this.slots.list[id];
      this.#scalars.delete(id), this.#forgetFloat(id);
      this.watcher?.reloaded(id), this.floating?.otherwise(id), this.#settled(id);
      this.f.set(this.locals[id], this.memories.guest.load(`${type}.load` as Load, 0, offset) as Value);
    }
  }
  /** Of 64 bits that were stored as two words. */
  reloadHalves(id: number): void {
    const { offset } = this.slots.list[id], { guest } = this.memories;
    const high = guest.load("i64.load32_u", 0, offset + 4);
    this.f.set(this.locals[id], guest.load("i64.load32_u", 0, offset).or(high.shl(32)));
  }
  kindWritten(helper: Helper): boolean {
    return helper.writes.has(this.slots.kind);
  }

  load(name: Load, offset: number): Value {
    const { spec } = this.slots;
    if (offset >= spec.zero && offset < spec.zero + 8) {
      return name.startsWith("v128") ? ZERO_VECTOR : value(name.slice(0, 3) as "i32", 0);
    }
    const id = this.slots.at[offset];
    if (id < 0) return this.memories.guest.load(name, 0, offset);
    if (!this.quiet) this.reads.add(id);
    if (this.resident.has(id)) return this.memories.guest.load(name, 0, offset);
    const slot = this.slots.list[id], sub = offset - slot.offset, local = this.locals[id];
    if (id === this.slots.kind && this.f.known !== undefined && name === "i32.load") return i32(this.f.known);
    if (slot.type === "v128") return this.#loadVector(name, id, sub);
    if (this.collected.has(id)) {
      if (name === "i32.load" && !sub) return this.#told(id);
      this.widened = true;
    }
    this.watcher?.loaded(id, name);
    const half = this.narrow?.get(id);
    if (half && (name === "i64.load" || name === "i64.load32_u") && !sub) return half.extendU();
    if (half && name === "i64.load32_s" && !sub) return half.extendS();
    const whole = (half ? (sub < 4 ? half : half.extendU()) : local) as unknown as Int;
    if (name === `${slot.type}.load` && sub === 0) return whole;
    if (!sub && !half) {
      const low = this.#low(name, id);
      if (low) return low;
    }
    const part = sub ? whole.shrU(sub * 8) : whole;
    switch (name) {
      case "i64.load":
        break;
      case "i32.load":
        return part.wrap();
      case "i32.load8_u":
        return part.wrap().and(0xff);
      case "i32.load8_s":
        return part.wrap().extend8S();
      case "i32.load16_u":
        return part.wrap().and(0xffff);
      case "i32.load16_s":
        return part.wrap().extend16S();
      case "i64.load8_u":
        return part.extendU().and(0xff);
      case "i64.load8_s":
        return part.extendU().extend8S();
      case "i64.load16_u":
        return part.extendU().and(0xffff);
      case "i64.load16_s":
        return part.extendU().extend16S();
      case "i64.load32_u":
        return part.extendU().and(0xffffffff);
      case "i64.load32_s":
        return part.extendU().extend32S();
      case "f64.load":
        if (slot.type === "i64") return part.extendU().to("f64.reinterpret_i64");
        break;
      case "f32.load":
        return part.wrap().to("f32.reinterpret_i32");
      case "v128.load64_zero":
        return replaceLane("i64x2.replace_lane", ZERO_VECTOR, 0, part.extendU());
      case "v128.load32_zero":
        return replaceLane("i32x4.replace_lane", ZERO_VECTOR, 0, part.wrap());
    }
    throw new Unsupported(`${name} of a register at ${sub}`);
  }

  /** The lowest bits of a register, if they were written alone. */
  #low(name: Load, id: number): Value | undefined {
    const bits = name.includes("load8_") ? 8 : name.includes("load16_") ? 16 : 0;
    const low = bits && this.f.holding(`low ${bits} ${id}`) as I32 | undefined;
    if (!low) return undefined;
    const signed = name.endsWith("_s"), v = !signed ? low : bits === 8 ? low.extend8S() : low.extend16S();
    return name.startsWith("i32") ? v : signed ? v.extendS() : v.extendU();
  }

  #loadVector(name: Load, id: number, sub: number): Value {
    if (name !== "v128.load") this.#present(id);
    const s = this.#scalars.get(id), local = this.locals[id] as Local<"v128">;
    if (name === "v128.load" && !sub) return new Whole(this, id);
    const format = sub ? undefined : formatOf(name);
    if (format) this.floating?.read(id, format);
    else this.floating?.otherwise(id);
    if (!s) {
      // What is read as a float stays at hand as one.
      if (sub || this.f.w.depth !== this.base || (name !== "f64.load" && name !== "f32.load")) {
        return loadVector(name, local, sub);
      }
      this.#put(id, name === "f64.load" ? "f64" : "f32", loadVector(name, local, 0), false);
      const made = this.#scalars.get(id)!;
      made.dirty = false;
      return made.local;
    }
    if (!sub) {
      if (name === `${s.type}.load`) return s.local;
      if (name === (s.type === "f64" ? "i64.load" : "i32.load")) return new Bits(s.local);
      if (name === (s.type === "f64" ? "v128.load64_zero" : "v128.load32_zero")) {
        return joined({ ...s, zero: true }, ZERO_VECTOR);
      }
    } else if (s.dirty && !s.zero && sub >= (s.type === "f64" ? 8 : 4) && name !== "v128.load") {
      return loadVector(name, local, sub);
    }
    return loadVector(name, new Whole(this, id), sub);
  }

  store(name: Store, offset: number, v: Value): void {
    const id = this.slots.at[offset], { f } = this;
    if (offset === this.slots.spec.trash) return f.drop(v);
    if (id < 0) return f.store(this.memories.guest, name, 0, v as never, offset);
    if (!this.quiet) this.writes.add(id), this.direct.add(id);
    if (this.resident.has(id)) return f.store(this.memories.guest, name, 0, v as never, offset);
    const slot = this.slots.list[id], sub = offset - slot.offset, local = this.locals[id];
    // What is written in part, or not always, is read as well.
    if (name !== `${slot.type}.store` || sub !== 0 || f.w.depth !== this.base) {
      if (!this.quiet) this.reads.add(id);
    }
    if (id === this.slots.kind) {
      f.set(local, v);
      return f.setKnown(v.constant === undefined ? undefined : Number(v.constant));
    }
    if (slot.type === "v128") return this.#storeVector(name, id, sub, v);
    if (this.collected.has(id)) {
      v = f.let(v), this.#settled(id);
      if (name !== "i32.store" || sub) this.widened = true;
    }
    if (this.watcher || this.narrow) {
      const half = this.narrow?.get(id), x = lowHalf(name, sub, v, half ?? i32(0));
      this.watcher?.stored(id, x !== undefined);
      if (half && !x) this.widened = true;
      if (half) return f.set(half, x ?? 0);
    }
    if (name === `${slot.type}.store` && sub === 0) return f.set(local, v);
    if (slot.type === "i64") {
      const whole = local as Local<"i64">;
      const bits = {
        "i32.store": 32,
        "i32.store16": 16,
        "i32.store8": 8,
        "i64.store32": 32,
        "i64.store16": 16,
        "i64.store8": 8,
      }[
        name as string
      ];
      if (bits === 32) {
        // A zero-extended i32 of exactly 32 bits needs no mask.
        let x = (v as Int).extendU();
        if (name === "i64.store32") x = x.and(0xffffffff);
        if (sub) x = x.shl(sub * 8);
        return f.set(whole, whole.and(BigInt.asIntN(64, ~(0xffffffffn << BigInt(sub * 8)))).or(x));
      }
      if (bits) {
        const mask = bits === 16 ? 0xffff : 0xff;
        const part = (v as Int).wrap(), most = f.most(part);
        const low = f.keep(most !== undefined && most <= mask ? part : part.and(mask)),
          x = sub ? low.extendU().shl(sub * 8) : low.extendU();
        f.set(whole, whole.and(BigInt.asIntN(64, ~(BigInt(mask) << BigInt(sub * 8)))).or(x));
        // Who reads it back, as after setcc, needs no more of the register.
        if (!sub) f.hold(`low ${bits} ${id}`, [whole], low);
        return;
      }
      if (name === "f64.store") return f.set(whole, (v as Value<"f64">).to("i64.reinterpret_f64"));
    }
    throw new Unsupported(`${name} to a register at ${sub}`);
  }
  /** Written not always, or piece by piece: then the slot must have been settled before the instruction. */
  stirred = false;
  #storeVector(name: Store, id: number, sub: number, v: Value): void {
    this.#forgetFloat(id);
    const { f } = this, local = this.locals[id] as Local<"v128">, whole = name === "v128.store" && !sub;
    const branch = f.w.depth !== this.base;
    const low = whole ? v.low ?? (this.floating && lowOf(v)) : undefined;
    const partly = sub
      ? undefined
      : v instanceof Bits
      ? v.float
      : name === "f64.store" || name === "f32.store"
      ? v
      : undefined;
    const float = low ?? partly;
    if (float instanceof Sourced && whole && !branch) {
      this.#setSource(id, float.source), this.#made.set(id, float.source.place);
    }
    if (float && !branch) this.floating?.wrote(id, float.type as "f64", whole);
    else if (branch || !whole || !(v instanceof Whole)) this.floating?.otherwise(id);
    if (branch) {
      this.stirred = true;
      if (this.#scalars.has(id)) {
        throw new Error("a vector is written in a branch while a float of it is at hand");
      }
      return storeVector(f, name, local, sub, v);
    }
    if (whole && v instanceof Whole) return this.#copy(id, v.id);
    if (v instanceof Twinned && whole) return this.#putTwin(id, v.low!.type as "f64", v.twin);
    // One load.
    if (low && low !== v.low && this.twinned && this.floats?.has(id)) {
      return this.#putTwin(id, low.type as "f64", v as V128);
    }
    if (low && (low === v.low || this.floats?.has(id))) return this.#put(id, low.type as "f64", low, true);
    if (partly) return this.#put(id, partly.type as "f64", partly, false);
    if (!whole) this.settle([id]);
    storeVector(f, name, local, sub, v);
    this.#scalars.delete(id);
  }
}
