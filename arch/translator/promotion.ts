/**
 * Promotion: which code is translated, when, and how regions come into an instance's table.
 *
 * The run loop tells where the guest was when a slice ended (`sample`), regions tell where they lead (`region`); what is met
 * often enough is translated, as far as the policy (eagerness.ts) allows it. Regions belong to the code cache, so that all who share
 * it find them; each instance links a module when it first meets one of its slots.
 */
import type { Body } from "./body.ts";
import { type CodeCache, type Region, RegionSet } from "./cache.ts";
import type { BaseCpu } from "./cpu.ts";
import { helpersOf } from "./helpers.ts";
import { type Eagerness, HOT, LEAST, MODULE_COST, OFTEN, SLICE, START } from "./eagerness.ts";
import { BIAS, CHUNKS, CORE_OPS, FIELD, infoOf, LEAVE, RECORD, STATE_BYTES, WINDOW } from "./layout.ts";
import type { Lockstep } from "./lockstep.ts";
import type { Translation } from "./parts.ts";

/** What a sample of a loop inside a region is worth, and one of a place in a loop that begins with a region. */
const WITHIN = 1 / 8, NEAR = 1 / 32;

/**
 * Nanoseconds that a sample takes once V8 has optimised the interpreter, and as how many at most it counts; samples until that is done for certain; those
 * of a place before shorter slices.
 */
const USUAL = 52_000, MOST = 6, EARLY = 1_000, AGAIN = 2;
/**
 * V8 runs the translator slowly at first: for the first instructions that are translated, the price of what takes less than such a part of the
 * time is so many times as high. What takes most of the time waits for nothing.
 */
const PRACTICE = 2_000, PART = 50, UNPRACTISED = 4;
/** Of all that the guest took, in samples, one in so many has to be where the translator is asked for. */
const SOME = 4;
/** In place of a record: a region that waits has called what is none here. */
const CALLED = 1;

/** What of a CPU only its promotion uses. */
export interface Owner {
  readonly body: Body;
  readonly lockstep: Lockstep | undefined;
  /** Gives the CPU a cache of its own. */
  unshare(): void;
  /** A jump to a record that takes `steps` instructions, less its ordinal, from the count. */
  bridge(target: number, steps: number): number;
}

/** The regions of one CPU, and the policy of making them. */
export class Promotion {
  /** Regions that were made because this CPU was often there. */
  made = 0;
  /** Instructions between samples. */
  slice: number;
  #spread = 0;
  /** What the slice that ended was to take, in the policy's slices. */
  #length = 1;
  /** The set that the table's functions are from. */
  #linked: RegionSet | undefined;
  /** Translated regions by slot. */
  readonly #table: WebAssembly.Table;
  readonly #eager: Eagerness | undefined;
  /** Modules that do not go with this memory. */
  readonly #refused = new WeakSet<WebAssembly.Module>();
  /** The set is full, and old. */
  #full = false;

  constructor(readonly cpu: BaseCpu, readonly owner: Owner) {
    this.#eager = cpu.parts.eagerness;
    this.slice = this.#eager?.slice ?? SLICE;
    this.#table = owner.lockstep?.table ?? owner.body.table;
  }

  /** What a slot without a region holds. */
  get #missing(): () => number {
    return (this.owner.lockstep ?? this.cpu).exports.missing;
  }

  /** Before guest code runs from this cache: the table holds its regions, and no others. */
  prepare(cache: CodeCache): void {
    const { regions } = cache, { length } = this.#table;
    if (this.#linked !== regions) this.#adjustTable();
    // Others who share the cache have added some. In lockstep there are two tables, which need not be equally long.
    else if (regions && (regions.count > length || regions.count > this.owner.body.table.length)) {
      this.#adjustTable();
    }
  }

  /** The table as long as the set wants it, and without functions of an older set. */
  #adjustTable(): void {
    const set = this.cpu.cache.regions, table = this.#table, { body, lockstep } = this.owner;
    if (this.#linked !== set) {
      this.#linked = set;
      for (let i = 0; i < table.length; i++) table.set(i, this.#missing);
    }
    if (!set) return;
    lockstep?.grow(set.count);
    for (const t of [table, body.table]) {
      if (t.length >= set.count) continue;
      (t.grow as (n: number, f: unknown) => number).call(t, set.count + 256 - t.length, this.#missing);
    }
  }

  /** Takes the functions out of the table: they would keep modules alive. */
  dispose(): void {
    if (!this.#linked) return;
    this.#linked = undefined;
    for (let i = 0; i < this.#table.length; i++) this.#table.set(i, this.#missing);
  }

  /** The region of this slot does not hold any more. */
  drop(slot: number): void {
    if (slot < this.#table.length) this.#table.set(slot, this.#missing);
  }

  /** Instantiates the module of a region here. False: it wants a longer memory than the host gives this process. */
  #link(module: WebAssembly.Module): boolean {
    if (this.#refused.has(module)) return false;
    const { cpu, owner: { body, lockstep } } = this, help: Record<string, unknown> = {};
    const whole = cpu.space.whole?.();
    const { exports, pages } = lockstep ?? { exports: cpu.exports, pages: cpu.space.pages };
    const shared = helpersOf(body.module), operations = exports.operations as unknown as WebAssembly.Table;
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      if (from === "help") help[name] = exports[name] ?? operations.get(shared.get(name)!);
    }
    const { memory } = cpu.space, engine = cpu.engine.memory, regions = this.#table;
    const imports = { guise: { memory, pages, engine, regions, operations }, help, host: body.enter };
    let instance: WebAssembly.Instance;
    try {
      instance = new WebAssembly.Instance(module, imports as never);
    } catch (error) {
      if (whole !== false || !(error instanceof WebAssembly.LinkError)) throw error;
      this.#refused.add(module);
      return false;
    }
    for (const [name, f] of Object.entries(instance.exports)) {
      this.#table.set(Number(name.slice(1)), f as () => number);
    }
    return true;
  }

  /** Translates the code at biased entries, if the policy allows it now. */
  #promote(entries: readonly number[], again = false): void {
    const { cpu } = this, { cache, engine } = cpu, eager = this.#eager!;
    const set = cache.regions ??= new RegionSet(engine.samples);
    const heat = again ? Infinity : set.heat.get(entries[0]) ?? 0;
    // Only loading it takes long.
    if (!engine.translates && !this.#pays(set, entries[0])) return;
    const translator = cpu.parts.translator?.();
    // It is being loaded: guest code in between would only make that last longer.
    if (!translator) return cpu.interrupt();
    engine.translates = true;
    if (engine.translated > START + engine.samples * eager.allowance) return;
    // What a loop inside a region takes is known without asking.
    const most = Math.min(LEAST, set.loops.get(entries[0])?.size ?? LEAST);
    const often = set.samples.get(entries[0]) ?? 0;
    const novice = engine.translated < PRACTICE && often * PART < engine.taken;
    const price = novice ? eager.price * UNPRACTISED : eager.price;
    if (heat < (set.prices.get(entries[0]) ?? most) * price) return;
    if (set.size >= eager.set) {
      // What was hot long ago need not be now.
      this.#full = engine.samples - set.born > eager.life;
      return;
    }
    this.#expect(set);
    cpu.space.whole?.();
    const paid = price ? heat / price : Infinity;
    const made = translator.translate(cpu, entries, set, this.owner.body.wide, eager, paid);
    if (cache !== cpu.cache || cache.regions !== set) return;
    if (typeof made === "number") return void set.prices.set(entries[0], made);
    if (!made) return void entries.forEach((pc) => set.heat.set(pc, -1));
    // What heat they have is of the time before: where the regions are entered from elsewhere it need not grow.
    for (const pc of eager.price ? made.places : entries) {
      if ((set.heat.get(pc) ?? 0) > 0) set.heat.set(pc, 0);
    }
    for (const { pc } of made.regions) {
      set.heat.set(pc, -1);
      for (const at of made.loops.get(pc) ?? []) set.near.add(at);
    }
    for (const [pc, body] of made.loops) {
      if (body.size < (set.loops.get(pc)?.size ?? Infinity)) set.loops.set(pc, body);
    }
    for (const [pc, functions] of made.copied) set.copied.set(pc, functions);
    engine.translated += made.size + MODULE_COST;
    this.#adjustTable();
    this.#install(made, set);
    this.#link(made.module);
  }

  /**
   * Is it time to load the translator? When there were many samples of one place, or of several; and those are a good part of all: the start of a
   * large program takes as long in a thousand places.
   */
  #pays({ samples }: RegionSet, pc: number): boolean {
    const { engine } = this.cpu, { patience, certain } = this.#eager!, here = samples.get(pc) ?? 0;
    return (engine.hot >= patience && engine.hot * SOME >= engine.taken) ||
      (here >= certain && here * SOME >= engine.taken);
  }

  /**
   * Samples are of time. V8's baseline code of the interpreter, which runs at first, takes up to six times as long: slices are shorter then, where the
   * same places are met again and again.
   */
  #pace(heat: number): void {
    const { engine } = this.cpu, { slice } = this.#eager!;
    const now = this.cpu.clock(), took = now - engine.sampled, first = engine.sampled === 0;
    engine.sampled = now;
    engine.taken += first ? 1 : Math.max(1 / 4, Math.min(took / USUAL, MOST));
    const short = heat >= AGAIN && engine.samples < EARLY;
    this.slice = short ? Math.max(slice >> 3, Math.min(this.slice * USUAL / took | 0, slice)) : slice;
  }

  /** What regions have missed often, new ones are expected to miss. */
  #expect({ habit }: RegionSet): void {
    const { state } = this.cpu;
    for (let w: number = WINDOW.first; w < STATE_BYTES; w += WINDOW.size) {
      if (state.getInt32(w + WINDOW.last, true) >= OFTEN) habit.add(w);
    }
  }

  /** Regions that miss their windows of memory all the time are translated anew, and look for pages instead. */
  #refresh(): void {
    const { cpu, cpu: { engine, cache } } = this, set = cache.regions!, eager = this.#eager!;
    const slot = engine.u32[FIELD.stale >>> 2] - 1, module = set.regions[slot]?.module;
    engine.u32[FIELD.stale >>> 2] = 0;
    if (!module || cache.sharers.size > 1 || engine.translated > START + engine.samples * eager.allowance) {
      return;
    }
    const words = [engine.u32[FIELD.missed >>> 2], engine.u32[FIELD.missed + 4 >>> 2]],
      windows: number[] = [];
    for (let n = 0; n < WINDOW.count; n++) {
      if (words[n >>> 5] >>> (n & 31) & 1) windows.push(WINDOW.first + n * WINDOW.size);
    }
    const regions = set.regions.filter((r) => r?.module === module) as Region[], [{ pc }] = regions;
    const known = set.missed.get(pc);
    if (!windows.some((w) => !known?.has(w))) return;
    set.miss(regions, windows);
    // One of them may wait for what runs now, and would not be told of changes of its code any more.
    engine.u32[FIELD.changed >>> 2] = 1;
    for (const r of regions) {
      set.remove(r);
      this.drop(r.slot);
      cache.forget(r.pc, r.record);
      // Decoded again: a region is put before a record.
      cpu.recordAt(r.pc + BIAS);
    }
    this.#promote(regions.map((r) => r.pc), true);
  }

  /** Leaves an old set that is full behind: from outside, since whoever is inside goes on with its records and slots. */
  renew(): void {
    if (!this.#full) return;
    const { cache } = this.cpu;
    this.#full = false;
    if (!cache.regions || cache.regions.size < this.#eager!.set) return;
    this.owner.unshare();
    if (!cache.sharers.size) cache.dispose();
  }

  /** Puts regions before the records of their entries. */
  #install(made: Translation, set: RegionSet): void {
    const { cache, engine } = this.cpu;
    cache.enableJumps();
    engine.use(cache);
    for (const r of made.regions) {
      const record = cache.find(r.pc), op = engine.u16[record >>> 1];
      if (!record || op <= CORE_OPS.goto || op === CORE_OPS.region) continue;
      const copy = cache.begin(4), count = r.records;
      // Not before: the engine's memory may just have grown.
      const { u8, u16, u32, i32 } = engine;
      for (let i = 0; i < count; i++) {
        for (let w = 0; w < 4; w++) u32[(copy + i * 16 >>> 2) + w] = u32[(record + i * 16 >>> 2) + w];
        u32[infoOf(copy + i * 16) >>> 2] = u32[infoOf(record + i * 16) >>> 2];
        u32[infoOf(copy + i * 16) + 4 >>> 2] = u32[infoOf(record + i * 16) + 4 >>> 2];
      }
      const rest = copy + count * 16, after = record + count * 16;
      u32[rest >>> 2] = CORE_OPS.goto;
      u32[rest + 4 >>> 2] = u8[after + RECORD.ordinal] << 24;
      u32[rest + 8 >>> 2] = after, u32[rest + 12 >>> 2] = 0;
      u32[infoOf(rest) >>> 2] = u32[infoOf(after) >>> 2], u32[infoOf(rest) + 4 >>> 2] = 0;
      cache.commit(rest + 16);
      // A stub that would link this record may not write to it any more.
      const stub = u32[record + RECORD.disp >>> 2];
      if (
        count === 1 && stub >= CHUNKS && stub < engine.memory.buffer.byteLength && stub % 16 === 0 &&
        u16[stub >>> 1] === CORE_OPS.link && u32[stub + RECORD.disp >>> 2] === record
      ) u16[stub >>> 1] = CORE_OPS.miss;
      u16[record >>> 1] = CORE_OPS.region;
      i32[record + RECORD.imm >>> 2] = r.slot;
      u32[record + RECORD.disp >>> 2] = copy;
      set.add({
        slot: r.slot,
        pc: r.pc,
        record,
        module: made.module,
        pages: r.pages,
        size: r.size,
        text: r.text,
      });
      this.made++;
    }
  }

  /** For tests: translates straight-line code now, in as many regions as it takes. */
  translateNow(start: number, end: number): void {
    const { cpu } = this, translator = cpu.parts.translator?.(), entries: number[] = [];
    if (!translator) throw new Error("the translator is not loaded");
    let enters = true;
    for (let pc = start - BIAS; pc < end - BIAS;) {
      if (enters) entries.push(pc);
      const i = translator.look(cpu, pc);
      if (!i) break;
      enters = i.leaves, pc = i.next;
    }
    // However often they have changed.
    for (const pc of entries) cpu.cache.regions?.heat.delete(pc);
    this.#promote(entries);
  }

  /** Somebody met a slot that is empty here: the region of this record, or one that is called from it (0: go on at the pc). */
  region(record: number): number {
    if (!record) return this.#exit();
    if (record === CALLED) return this.#called(), 0;
    const { cpu, owner: { lockstep } } = this, { engine } = cpu, set = cpu.cache.regions;
    const slot = engine.u32[record + RECORD.imm >>> 2];
    const own = engine.u16[record >>> 1] === CORE_OPS.region, there = own && this.#table.get(slot);
    if (own && (there === this.#missing || there === cpu.exports.away)) {
      const region = set?.regions[slot];
      if (!region || !this.#link(region.module)) return engine.u32[record + RECORD.disp >>> 2];
      if (!lockstep) return record;
    }
    if (lockstep && own) return this.#compare(lockstep, slot, record);
    this.#called();
    return 0;
  }

  /** A region has called what is none here: at the pc. */
  #called(): void {
    const { cpu } = this, set = cpu.cache.regions, pc = cpu.pc - BIAS;
    if (!set) return;
    const called = set.slots.get(pc), region = called === undefined ? undefined : set.regions[called];
    if (region && this.#link(region.module)) return;
    const calls = set.heat.get(pc) ?? 0;
    if (calls < 0 || set.size >= this.#eager!.set) {
      // It never will be, in this set.
      if (called !== undefined) this.#table.set(called, cpu.exports.away);
    } else {
      const eager = this.#eager!, heat = calls + eager.samples / eager.calls;
      set.heat.set(pc, heat);
      if (heat >= eager.samples && cpu.executable(cpu.pc)) this.#promote([pc]);
      // Until it is one it is done by the interpreter, whose samples count.
      if (called !== undefined && !this.owner.lockstep && this.#table.get(called) === this.#missing) {
        this.#table.set(called, cpu.exports.away);
      }
    }
  }

  /** A region in lockstep: the record that goes on behind it, with the right count, or 0. */
  #compare(lockstep: Lockstep, slot: number, record: number): number {
    const { engine } = this.cpu, ordinal = engine.u8[record + RECORD.ordinal];
    const instead = engine.u32[record + RECORD.disp >>> 2];
    const { status, steps } = lockstep.run(slot, record);
    if (!steps) return instead;
    if (status === LEAVE.missing) this.#called();
    let next = lockstep.after(status);
    if (next && status === LEAVE.go && engine.u16[next >>> 1] !== CORE_OPS.region) {
      if (--engine.i32[FIELD.exits >>> 2] <= 0) next = this.#exit();
    }
    return next && this.owner.bridge(next, ordinal + steps);
  }

  /** Regions lead to here often: it should be one. */
  #exit(): number {
    const { cpu } = this, { pc } = cpu;
    cpu.engine.i32[FIELD.exits >>> 2] = this.#eager!.exits;
    this.sample(pc - BIAS, false, true);
    return cpu.recordAt(pc);
  }

  /** Instructions until the next sample: not always as many, or a loop would be met in one place only. */
  next(): number {
    this.#spread = this.#spread * 5 + 1 & 63;
    const length = this.slice + (this.slice * this.#spread >>> 10);
    this.#length = Math.max(1, length / this.#eager!.slice);
    return length;
  }

  /** The guest was here when a slice ended; `jumped`: in a region, or at a computed jump of the interpreter. */
  sample(pc: number, jumped = false, led = false): void {
    const { engine, cache } = this.cpu, eager = this.#eager!;
    const set = cache.regions ??= new RegionSet(engine.samples);
    engine.samples++;
    if (engine.u32[FIELD.stale >>> 2]) this.#refresh();
    set.samples.set(pc, (set.samples.get(pc) ?? 0) + 1);
    for (const f of set.copied.get(pc) ?? []) set.inside.set(f, (set.inside.get(f) ?? 0) + 1);
    const heat = set.heat.get(pc) ?? 0;
    if (engine.samples <= EARLY && eager.price) this.#pace(heat);
    else engine.taken++;
    // A loop inside a region is left to the interpreter until the next entry only: little to gain there, unless that does not come.
    const near = eager.price > 0 && !led && set.near.has(pc),
      within = near || (jumped && eager.price > 0 && set.loops.has(pc));
    if (heat < 0 || within) this.slice = Math.min(this.slice * 2, SLICE);
    if (heat < 0) return;
    // Slices are of instructions, and regions take a tenth of the interpreter's time for one: who is met in the interpreter in a long
    // slice has been there as long as so many short ones take.
    const length = jumped || led || eager.price === 0 ? 1 : this.#length;
    const more = heat + length * (near ? NEAR : within ? WITHIN : 1);
    set.heat.set(pc, more);
    if (heat >= HOT) engine.hot++;
    if (more >= eager.samples) {
      this.#promote([pc]);
      if (engine.samples > EARLY || !eager.price) this.slice = eager.slice;
    }
  }
}
