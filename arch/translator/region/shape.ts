/**
 * What a region does with the slots, found from its instructions: what differs from memory where, what is wanted where, and how it is
 * called by other regions of its module.
 *
 * A direct call passes what the callee wants of the general registers as parameters. Registers that the ABI has the callee save are
 * compared with their values at entry when it returns: then the caller's locals are right. One register comes back as a result. Everything
 * else that the callee may touch goes through memory; parameters that it changes it brings there itself where they are to be. A callee that
 * cannot return like this brings its own to memory and says so; then the caller brings to memory what the callee did not take over, and
 * leaves as well.
 */
import type { Analysis } from "./analysis.ts";
import type { Block, Graph, Instruction, Part } from "./graph.ts";
import { SPACE } from "./inline.ts";
import { type Fields, registerIn } from "./machine.ts";
import type { FunctionRef } from "../wasm/mod.ts";

/**
 * Ids of slots, below 96: bits, since sets of them are made for every instruction, again and again. Not private ones: this runs
 * before V8 has compiled it, and private fields take microseconds then.
 */
export class Ids {
  private a: number;
  private b: number;
  private c: number;
  constructor(from?: Ids | Iterable<number>) {
    if (from === undefined) this.a = this.b = this.c = 0;
    else if (from instanceof Ids) this.a = from.a, this.b = from.b, this.c = from.c;
    else {
      this.a = this.b = this.c = 0;
      for (const id of from) this.add(id);
    }
  }
  has(id: number): boolean {
    return ((id < 32 ? this.a : id < 64 ? this.b : this.c) >>> (id & 31) & 1) !== 0;
  }
  add(id: number): void {
    const bit = 1 << (id & 31);
    if (id < 32) this.a |= bit;
    else if (id < 64) this.b |= bit;
    else this.c |= bit;
  }
  delete(id: number): void {
    const bit = 1 << (id & 31);
    if (id < 32) this.a &= ~bit;
    else if (id < 64) this.b &= ~bit;
    else this.c &= ~bit;
  }
  clear(): void {
    this.a = this.b = this.c = 0;
  }
  /** Adds all of the other; true when that made a difference. */
  join(from: Ids): boolean {
    const a = this.a | from.a, b = this.b | from.b, c = this.c | from.c;
    const more = a !== this.a || b !== this.b || c !== this.c;
    this.a = a, this.b = b, this.c = c;
    return more;
  }
  /** Keeps what the other has as well. */
  keep(from: Ids): void {
    this.a &= from.a, this.b &= from.b, this.c &= from.c;
  }
  /** Takes out all of the other. */
  without(from: Ids): void {
    this.a &= ~from.a, this.b &= ~from.b, this.c &= ~from.c;
  }
  equals(other: Ids): boolean {
    return this.a === other.a && this.b === other.b && this.c === other.c;
  }
  /** The bits. */
  get words(): readonly number[] {
    return [this.a, this.b, this.c];
  }
  *[Symbol.iterator](): Generator<number> {
    for (let n = 0; n < 3; n++) {
      for (let bits = n === 0 ? this.a : n === 1 ? this.b : this.c; bits;) {
        const bit = bits & -bits;
        yield n * 32 + 31 - Math.clz32(bit);
        bits &= ~bit;
      }
    }
  }
}

/** How a region is called directly. Grows until nothing changes. */
export interface Signature {
  /** Slots that are parameters, in order. */
  params: number[];
  /** Those that have their old values behind a return; the stack pointer among them. */
  saved: Ids;
  /** What may be read or written, by it and what it calls; what is written. */
  touched: Ids;
  writes: Ids;
  /** It calls what is not known: everything may be touched. */
  unknown: boolean;
  readonly ref: FunctionRef;
}

const union = (to: Ids, from: Ids | Iterable<number>): boolean =>
  to.join(from instanceof Ids ? from : new Ids(from));

/** With a register and itself they give zero, whatever it holds. */
const ZEROING = /^(xor|pxor|xorps|xorpd) /;

/** What an instruction does to the sets is what it reads and writes. */
const plain = ({ info: { how, kind } }: Instruction) =>
  how !== "call" && kind !== "call" && kind !== "callIndirect" && kind !== "enter" && kind !== "return";

/** The instructions with which a block begins, as one: as many as are plain. */
interface Prefix {
  readonly end: number;
  readonly writes: Ids;
  /** Before they are written there. */
  readonly reads: Ids;
}

/** A computed call may go to copies of what it calls. */
const copied = (i: Instruction) => i.guesses.some((g) => g >= SPACE);

export class Shape {
  /** What each instruction writes, what it reads; slots that differ from memory before it. */
  readonly own: Map<Instruction, Ids> = new Map();
  readonly reads: Map<Instruction, Ids> = new Map();
  readonly before: Map<Instruction, Ids> = new Map();
  /** What the records behind that of the operation write. */
  readonly #late = new Map<Instruction, Ids>();
  /** Of each block, by its index: what differs from memory at its start and end, what is wanted at its start, what of that is read. */
  readonly dirtyIn: Ids[] = [];
  readonly dirtyOut: Ids[] = [];
  readonly liveIn: Ids[] = [];
  readonly #readIn: Ids[] = [];
  readonly #prefixes: Prefix[] = [];
  /** Slots that the region reads or writes, in order; the lazy flags, if it writes them. */
  readonly used: number[];
  readonly flags: number[];
  /** How it is called itself. */
  #signature: Signature | undefined;
  /** What a direct caller looks at behind a return. */
  #returned: Ids = new Ids();
  /** The lazy flags: where they are wanted the graph knows. */
  readonly #lazy: Ids;
  readonly #written: Ids = new Ids();
  readonly #calls: Instruction[] = [];
  readonly #unknown: boolean;
  readonly #temporary: number;

  /** What the guest's code may still look at: before each instruction, where a block begins and ends. */
  readonly #needed = new Map<Instruction, Ids>();
  readonly #neededIn: Ids[] = [];
  readonly #neededOut: Ids[] = [];

  /** `callee`: of direct calls. `exact`: who leaves the region wants all registers, also those that nobody reads any more. */
  constructor(
    readonly graph: Graph,
    readonly analysis: Analysis,
    readonly callee: (pc: number) => Signature | undefined,
    exact: boolean,
  ) {
    const { slots } = analysis;
    const used: Ids = new Ids(), written = this.#written;
    const flags = slots.list.filter((s) => slots.isFlag[s.id]).map((s) => s.id);
    this.#lazy = new Ids(flags);
    this.#temporary = slots.at[slots.spec.temporary];
    let unknown = false;
    for (const b of graph.blocks) {
      const first = b.instructions.findIndex((i) => !plain(i)),
        end = first < 0 ? b.instructions.length : first;
      const prefix: Prefix = this.#prefixes[b.index] = { end, writes: new Ids(), reads: new Ids() };
      let n = 0;
      for (const i of b.instructions) {
        const own: Ids = new Ids(), reads: Ids = new Ids();
        for (const a of i.addresses) this.#computed(a.fields, reads, own);
        this.#touch([...i.before, i, ...i.after], reads, own);
        // It is no register: nobody looks at it behind the instruction.
        own.delete(this.#temporary), reads.delete(this.#temporary);
        if (i.after.length) {
          const late = new Ids();
          this.#touch(i.after, new Ids(), late);
          this.#late.set(i, late);
        }
        this.own.set(i, own), this.reads.set(i, reads);
        if (n++ < end) {
          const before = new Ids(reads);
          before.without(prefix.writes);
          prefix.reads.join(before), prefix.writes.join(own);
        }
        union(written, own), union(used, reads);
        const { how, kind } = i.info;
        if (kind === "call" || kind === "callIndirect") this.#calls.push(i);
        if (how === "call" || kind === "callIndirect" || kind === "enter") unknown = true;
        if (kind === "jump" && i.guesses.length !== 1) unknown = true;
      }
    }
    this.#unknown = unknown;
    union(used, written);
    this.flags = written.has(slots.kind) ? flags : [];
    union(used, this.flags);
    this.used = [...used].sort((a, b) => a - b);
    this.#need(exact);
  }

  /**
   * Backwards until nothing changes: registers that are overwritten before they are read, whatever way the guest takes from here. They need
   * not be in memory for who leaves, and so in no register of the host until then.
   */
  #need(exact: boolean): void {
    const { graph: { blocks, byPc }, analysis: { slots } } = this;
    const all = new Ids(slots.list.map((s) => s.id)), held = new Ids();
    for (const { id, offset, type } of slots.list) {
      if (type === "i32" || slots.isFlag[id] || slots.spec.held.includes(offset)) held.add(id);
    }
    const here = (key: number) => (byPc.get(key)?.order ?? -1) >= 0;
    const leaves = (b: Block) => {
      const { info: { kind, how }, target, next } = b.instructions[b.instructions.length - 1];
      return exact || how === "leave" || b.cut.size > 0 ||
        ((kind === "jcc" || kind === "jmp") && !here(target)) ||
        ((kind === "jcc" || kind === "next") && !here(next)) ||
        (kind !== "jcc" && kind !== "jmp" && kind !== "next");
    };
    for (const b of blocks) {
      this.#neededIn[b.index] = new Ids(exact ? all : undefined), this.#neededOut[b.index] = all;
    }
    if (exact) {
      for (const b of blocks) for (const i of b.instructions) this.#needed.set(i, all);
      return;
    }
    for (let changed = true; changed;) {
      changed = false;
      for (let n = blocks.length - 1; n >= 0; n--) {
        const b = blocks[n], needed = new Ids(leaves(b) ? all : held);
        for (const s of b.successors) needed.join(this.#neededIn[s.index]);
        this.#neededOut[b.index] = new Ids(needed);
        for (let k = b.instructions.length - 1; k >= 0; k--) {
          const i = b.instructions[k];
          if (i.info.how === "leave") needed.join(all);
          needed.without(this.own.get(i)!), needed.join(this.reads.get(i)!), needed.join(held);
          this.#needed.set(i, new Ids(needed));
        }
        if (this.#neededIn[b.index].join(needed)) changed = true;
      }
    }
  }
  /** What has to be brought to memory where the region is left before an instruction, or where a block begins; on the way from one to another. */
  kept(i: Instruction): Ids {
    const ids = new Ids(this.before.get(i)!);
    ids.keep(this.#needed.get(i)!);
    return ids;
  }
  keptIn(b: Block): Ids {
    const ids = new Ids(this.dirtyIn[b.index]);
    ids.keep(this.#neededIn[b.index]);
    return ids;
  }
  keptOn(from: Block, to: Block): Ids {
    const ids = new Ids(this.dirtyOut[from.index]);
    ids.keep(this.#neededIn[to.index]);
    return ids;
  }

  /** What the region means for its callers, as far as it is known; true when it has grown. */
  grow(signature: Signature): boolean {
    const { slots } = this.analysis, { spec, at } = slots;
    const { touched, writes, saved } = signature;
    let changed = union(touched, this.used);
    for (const id of this.#written) if (!slots.isFlag[id] && !writes.has(id)) writes.add(id), changed = true;
    let unknown = this.#unknown;
    for (const i of this.#calls) {
      for (const pc of i.info.kind === "call" ? [i.target] : i.guesses) {
        if (pc >= SPACE) continue;
        const callee = this.callee(pc);
        if (!callee || callee.unknown) unknown = true;
        if (!callee) continue;
        if (union(touched, callee.touched)) changed = true;
        if (union(writes, callee.writes)) changed = true;
      }
    }
    if (unknown && !signature.unknown) signature.unknown = changed = true;
    for (const offset of spec.saved ?? []) {
      if (writes.has(at[offset]) && !saved.has(at[offset])) saved.add(at[offset]), changed = true;
    }
    this.follow(signature, false);
    const params = [...this.liveIn[this.graph.entry.index]].filter((id) =>
      slots.list[id].type === "i64" && !slots.isFlag[id]
    ).sort((a, b) => a - b);
    if (params.join() !== signature.params.join()) signature.params = params, changed = true;
    return changed;
  }

  /** Slots that go through memory around a call: brought there before it, or by who is called. */
  passes(id: number, s: Signature): boolean {
    if (s.saved.has(id)) return false;
    return s.unknown || s.writes.has(id) || (s.touched.has(id) && !s.params.includes(id));
  }
  /** Of these, those that are parameters: memory need not have them at the entry of who is called, who brings them there if they are to be. */
  takes(id: number, s: Signature): boolean {
    return s.params.includes(id) && this.stale(id, s);
  }
  /** Slots whose locals are wrong behind a call. */
  stale(id: number, s: Signature): boolean {
    return !s.saved.has(id) && (s.unknown || s.writes.has(id));
  }
  /** The register that comes back as a result. */
  result(s: Signature): number | undefined {
    const { spec, at } = this.analysis.slots;
    if (spec.result === undefined) return undefined;
    return s.writes.has(at[spec.result]) || s.unknown ? at[spec.result] : undefined;
  }
  /**
   * A parameter of a direct call is loaded for it: nothing here has changed the register, and memory has what it was. Then it need not be
   * a parameter here, only because some call far below might look at it.
   */
  fetches(id: number, i: Instruction): boolean {
    if (this.before.get(i)!.has(id) || this.own.get(i)!.has(id)) return false;
    const s = this.#signature;
    return !s || (!s.saved.has(id) && (s.unknown || s.writes.has(id)));
  }
  /** Of a direct call whose callee is in the module. */
  calls(i: Instruction): Signature | undefined {
    return i.info.kind === "call" ? this.callee(i.target) : undefined;
  }
  /** Of a computed call: the guesses whose callees are. */
  guesses(i: Instruction): Signature[] {
    return i.guesses.flatMap((pc) => this.callee(pc) ?? []);
  }

  /** Forwards and backwards until nothing changes. With a signature it is called directly. `whole`: `before` is wanted for all instructions. */
  follow(signature?: Signature, whole = true): void {
    const { blocks } = this.graph;
    for (const b of blocks) {
      this.dirtyIn[b.index] = new Ids(), this.dirtyOut[b.index] = new Ids(), this.liveIn[b.index] = new Ids();
      this.#readIn[b.index] = new Ids();
    }
    this.#signature = signature;
    if (signature) {
      const { saved, params } = signature, dirty = this.dirtyIn[this.graph.entry.index];
      union(dirty, saved), union(dirty, params.filter((id) => this.takes(id, signature)));
    }
    for (let changed = true; changed;) {
      changed = false;
      for (const b of blocks) {
        const dirty = new Ids(this.dirtyIn[b.index]), { end, writes } = this.#prefixes[b.index];
        dirty.join(writes);
        for (let k = end; k < b.instructions.length; k++) this.after(b.instructions[k], dirty);
        for (const s of b.successors) if (union(this.dirtyIn[s.index], dirty)) changed = true;
      }
    }
    for (const b of blocks) {
      const dirty = new Ids(this.dirtyIn[b.index]), { end, writes } = this.#prefixes[b.index];
      if (!whole) dirty.join(writes);
      for (let k = whole ? 0 : end; k < b.instructions.length; k++) {
        const i = b.instructions[k];
        this.before.set(i, new Ids(dirty)), this.after(i, dirty);
      }
      this.dirtyOut[b.index] = dirty;
    }
    this.#returned = new Ids(signature?.saved);
    const result = signature && this.result(signature);
    if (result !== undefined) this.#returned.add(result);
    for (let changed = true; changed;) {
      changed = false;
      for (let n = blocks.length - 1; n >= 0; n--) {
        const b = blocks[n], live = this.#out(b), read: Ids = new Ids();
        for (const s of b.successors) union(read, this.#readIn[s.index]);
        const { end, writes, reads } = this.#prefixes[b.index];
        for (let k = b.instructions.length - 1; k >= end; k--) {
          this.#wanted(b.instructions[k], read), this.#wanted(b.instructions[k], live);
          live.join(this.kept(b.instructions[k]));
        }
        // What the prefix writes and may leave with is not wanted before it; what differs from memory already is.
        live.without(writes), live.join(reads), read.without(writes), read.join(reads);
        if (end > 0) live.join(this.keptIn(b));
        if (!live.equals(this.liveIn[b.index])) this.liveIn[b.index] = live, changed = true;
        if (!read.equals(this.#readIn[b.index])) this.#readIn[b.index] = read, changed = true;
      }
    }
  }
  /** What is wanted at the end of a block. */
  #out(b: Block): Ids {
    const live: Ids = new Ids();
    for (const s of b.successors) {
      const wanted = new Ids(this.liveIn[s.index]);
      wanted.without(this.loads(b, s));
      union(live, wanted);
    }
    const kept = new Ids(this.dirtyOut[b.index]);
    kept.keep(this.#neededOut[b.index]);
    live.join(kept);
    return live;
  }
  /**
   * What is loaded on the way from a block to another: it differs from memory there on other ways, and nobody reads it but who leaves.
   * So it need not be in its local all the way from the entry.
   */
  loads(from: Block, to: Block): Ids {
    const ids = new Ids(this.liveIn[to.index]);
    ids.without(this.#readIn[to.index]), ids.without(this.dirtyOut[from.index]), ids.without(this.#lazy);
    return ids;
  }

  /** What is wanted before an instruction, of what is wanted behind it. */
  #wanted(i: Instruction, live: Ids): void {
    const { how, kind } = i.info, called = this.calls(i);
    if (called) {
      for (const id of [...live]) {
        if (this.stale(id, called) || this.analysis.slots.isFlag[id]) live.delete(id);
      }
    } // Behind other calls everything is loaded anew.
    else if (kind === "callIndirect") {
      const before = new Ids(live);
      if (!copied(i)) live.clear();
      for (const s of this.guesses(i)) {
        for (const id of before) if (!this.stale(id, s) && !this.analysis.slots.isFlag[id]) live.add(id);
        for (const id of s.params) if (!this.fetches(id, i)) live.add(id);
      }
    } else if (how === "call" || kind === "call" || kind === "enter") live.clear();
    if (kind === "return") union(live, this.#returned);
    for (const id of called?.params ?? []) if (!this.fetches(id, i)) live.add(id);
    live.without(this.own.get(i)!);
    union(live, this.reads.get(i)!);
  }
  /** What is wanted behind an instruction in the middle of a block. */
  liveAfter(i: Instruction): Ids {
    const b = this.graph.blocks.find((b) => b.instructions.includes(i))!, live = this.#out(b);
    for (let k = b.instructions.length - 1; b.instructions[k] !== i; k--) {
      this.#wanted(b.instructions[k], live);
      // Any one may leave, which reads what differs from memory.
      live.join(this.kept(b.instructions[k]));
    }
    return live;
  }

  /** What differs from memory behind a direct call. */
  behind(i: Instruction, before: Ids, called: Signature): Ids {
    const dirty = new Ids(before);
    union(dirty, this.own.get(i)!);
    for (const id of [...dirty]) {
      if (this.passes(id, called) || this.analysis.slots.isFlag[id]) dirty.delete(id);
    }
    const result = this.result(called);
    if (result !== undefined) dirty.add(result);
    // It may have brought its own values to memory for a call, and then got back the old ones.
    if (called.unknown) union(dirty, called.saved);
    return dirty;
  }
  /** What differs from memory behind an instruction, of what does before it. */
  after(i: Instruction, dirty: Ids): void {
    const { how, kind } = i.info, called = this.calls(i);
    if (called || kind === "callIndirect") {
      const before = new Ids(dirty);
      if (!called && copied(i)) union(dirty, this.own.get(i)!);
      else dirty.clear();
      for (const s of called ? [called] : this.guesses(i)) union(dirty, this.behind(i, before, s));
      return;
    }
    if (how === "call" || kind === "call" || kind === "enter") {
      dirty.clear();
      // Behind the interpreter's function the rest is done in line.
      const late = this.#late.get(i);
      if (late) union(dirty, late);
      return;
    }
    union(dirty, this.own.get(i)!);
  }

  /** An address that an operation of its own puts into the temporary. */
  #computed({ base, index, a }: Fields, used: Ids, written: Ids): void {
    const { at, spec } = this.analysis.slots;
    for (const offset of [base, index, a]) if (at[offset] >= 0) used.add(at[offset]);
    written.add(at[spec.temporary]);
  }
  /** What records of one instruction read and write. */
  #touch(parts: readonly Part[], used: Ids, written: Ids): void {
    const { at, spec } = this.analysis.slots;
    const use = (offset: number, to: Ids) => {
      if (at[offset] >= 0) to.add(at[offset]);
    };
    for (const { info, fields } of parts) {
      // What an earlier part of the instruction has written is not read from before it.
      const own = new Ids(written), reads: Ids = new Ids();
      union(reads, info.reads), union(written, info.writes);
      let registers = 0;
      const zeroes = ZEROING.test(info.def.name) && info.def.operands.length === 2 &&
        info.def.operands.every((o) => o.place === "reg" && o.size >= 32 && !o.offset) &&
        fields.a === fields.b;
      info.def.operands.forEach((o, n) => {
        if (o.place === "mem") use(fields.base, reads), use(fields.index, reads);
        if (o.place === "imm" || o.place === "mem") return;
        const nth = o.place === "reg" ? registers++ : 0;
        const offset = (o.place === "fixed" ? 0 : registerIn(fields, o, nth, spec)) + (o.offset ?? 0);
        for (let k = 0; o.group && k < o.group.count; k++) {
          const { each, bytes } = o.group,
            member = (o.offset ?? 0) + (offset - (o.offset ?? 0) + k * each) % bytes;
          use(member, reads);
          if (o.access !== "r") use(member, written);
        }
        const fixed = o.place === "fixed" || info.how !== "inline" || o.size < 32;
        if ((fixed || info.operandReads[n]) && !zeroes) use(offset, reads);
        if (o.access === "w" || o.access === "rw") use(offset, written);
      });
      if (info.readsBase) use(fields.base, reads);
      for (const id of reads) if (!own.has(id)) used.add(id);
    }
  }
}
