/**
 * One function from a graph. Structured control flow from the dominator tree (N. Ramsey, "Beyond Relooper", 2022): a block
 * with several ways in follows a WebAssembly block that its dominator opens, a loop header is a loop, all else nests where it is
 * branched to. All ways out share two exits: with and without the lazy flags.
 */
// cold: constants of 64 bits, while code is generated
import { BIAS, CORE_OPS, FIELD, LEAVE, RECORD } from "../layout.ts";
import {
  type FunctionRef,
  type I32,
  i32,
  type I64,
  i64,
  type Label,
  type Local,
  type Module,
} from "../wasm/mod.ts";
import type { Analysis } from "./analysis.ts";
import type { RegionFunc } from "./func.ts";
import type { Block, Graph, Instruction } from "./graph.ts";
import { type Flow, RegionMachine, registerIn, State } from "./machine.ts";

/** Guest calls nested in one another before everything unwinds to the interpreter. */
const DEPTH = 800;

/** Tables and types of the module that the region goes to. */
export interface Target {
  readonly module: Module;
  readonly regions: number;
  readonly operations: number;
  readonly type: number;
  /** Slot for the region of a biased pc. */
  slot(pc: number): number;
  /** The kernel's functions, which do a system call while the region waits. */
  readonly enter: Readonly<Record<"syscall" | "call", FunctionRef>>;
  /** May the code at a biased pc read the flags? */
  flagsLive(pc: number): boolean;
  /**
   * Lockstep: instructions are counted one by one, the region can be left before each of them, and it neither enters the kernel nor
   * reads the clock. Told where in the function's body each instruction begins.
   */
  readonly mark?: (i: Instruction, offset: number) => void;
}

export class Emitter implements Flow {
  readonly #state: State;
  readonly #machine: RegionMachine;
  /** Slots that the region reads or writes; that it writes. */
  readonly #used: number[];
  readonly #flags: number[];
  readonly count: Local<"i32">;
  readonly #pc: Local<"i64">;
  readonly #status: Local<"i32">;
  readonly #labels = new Map<Block, Label>();
  readonly #loops = new Map<Block, Label>();
  /** What the kind of the flags is on the ways into a block. */
  readonly #kinds = new Map<Block, (number | undefined)[]>();
  /** What each instruction writes; slots that differ from memory at the start of each block, and here. */
  readonly #own = new Map<Instruction, Set<number>>();
  readonly #reads = new Map<Instruction, Set<number>>();
  readonly #before = new Map<Instruction, Set<number>>();
  readonly #dirtyOut = new Map<Block, Set<number>>();
  /** Slots whose values are wanted at the start of each block. */
  readonly #liveIn = new Map<Block, Set<number>>();
  readonly #dirtyIn = new Map<Block, Set<number>>();
  #dirty: Set<number> = new Set();
  #block!: Block;
  #instruction!: Instruction;

  constructor(
    readonly f: RegionFunc,
    readonly graph: Graph,
    readonly analysis: Analysis,
    readonly target: Target,
  ) {
    const { slots } = analysis;
    this.#state = new State(f, slots, analysis.memories);
    this.#machine = new RegionMachine(this.#state, analysis.memories, analysis);
    this.count = f.local("i32"), this.#status = f.local("i32"), this.#pc = f.local("i64");
    const used = new Set<number>(), written = new Set<number>();
    const flags = slots.list.filter((s) => slots.isFlag[s.id]).map((s) => s.id);
    for (const b of graph.blocks) {
      for (const i of b.instructions) {
        const own = new Set<number>(), reads = new Set<number>();
        this.#touch(i, reads, own);
        this.#own.set(i, own), this.#reads.set(i, reads);
        for (const id of own) written.add(id);
        for (const id of reads) used.add(id);
      }
    }
    this.#followDirty();
    this.#followLive();
    for (const id of written) used.add(id);
    this.#flags = written.has(slots.kind) ? flags : [];
    for (const id of flags) written.delete(id);
    if (this.#flags.length) { for (const id of flags) used.add(id); }
    this.#used = [...used].sort((a, b) => a - b);
  }

  #touch(i: Instruction, used: Set<number>, written: Set<number>): void {
    const { at, spec } = this.analysis.slots;
    const use = (offset: number, to: Set<number>) => {
      if (at[offset] >= 0) to.add(at[offset]);
    };
    for (const a of i.addresses) {
      use(a.fields.base, used),
        use(a.fields.index, used),
        use(a.fields.a, used),
        use(spec.temporary, written);
    }
    for (const { info, fields } of [...i.before, i, ...i.after]) {
      // What an earlier part of the instruction has written is not read from before it.
      const own = new Set(written), reads = new Set<number>();
      for (const id of info.reads) reads.add(id);
      for (const id of info.writes) written.add(id);
      let registers = 0;
      info.def.operands.forEach((o, n) => {
        if (o.place === "mem") use(fields.base, reads), use(fields.index, reads);
        if (o.place === "imm" || o.place === "mem") return;
        const nth = o.place === "reg" ? registers++ : 0;
        const offset = (o.place === "fixed" ? 0 : registerIn(fields, o, nth, spec)) + (o.offset ?? 0);
        const fixed = o.place === "fixed" || info.how !== "inline" || o.size < 32;
        if (fixed || info.operandReads[n]) use(offset, reads);
        if (o.access !== "r") use(offset, written);
      });
      if (info.readsBase) use(fields.base, reads);
      for (const id of reads) if (!own.has(id)) used.add(id);
    }
  }

  /** Forwards until nothing changes: what has been written since state was last in memory. */
  #followDirty(): void {
    const { blocks } = this.graph;
    for (const b of blocks) this.#dirtyIn.set(b, new Set());
    for (let changed = true; changed;) {
      changed = false;
      for (const b of blocks) {
        const dirty = new Set(this.#dirtyIn.get(b)!);
        for (const i of b.instructions) this.#after(i, dirty);
        for (const s of b.successors) {
          const to = this.#dirtyIn.get(s)!;
          for (const id of dirty) if (!to.has(id)) to.add(id), changed = true;
        }
      }
    }
  }
  /** Backwards until nothing changes: what is read before it is written. Any instruction may leave, which reads what differs from memory. */
  #followLive(): void {
    const { blocks } = this.graph;
    for (const b of blocks) {
      const dirty = new Set(this.#dirtyIn.get(b)!);
      for (const i of b.instructions) this.#before.set(i, new Set(dirty)), this.#after(i, dirty);
      this.#dirtyOut.set(b, dirty);
    }
    for (const b of blocks) this.#liveIn.set(b, new Set());
    for (let changed = true; changed;) {
      changed = false;
      for (let n = blocks.length - 1; n >= 0; n--) {
        const b = blocks[n], live = new Set<number>();
        for (const s of b.successors) for (const id of this.#liveIn.get(s)!) live.add(id);
        for (const id of this.#dirtyOut.get(b)!) live.add(id);
        for (let k = b.instructions.length - 1; k >= 0; k--) {
          const i = b.instructions[k], { how, kind } = i.info;
          // Behind a call everything is loaded anew.
          if (how === "call" || kind === "call" || kind === "callIndirect" || kind === "enter") live.clear();
          for (const id of this.#own.get(i)!) live.delete(id);
          for (const id of this.#reads.get(i)!) live.add(id);
          for (const id of this.#before.get(i)!) live.add(id);
        }
        const before = this.#liveIn.get(b)!;
        if (live.size !== before.size) this.#liveIn.set(b, live), changed = true;
      }
    }
  }
  /** What is wanted behind this instruction of the current block. */
  #liveAfter(i: Instruction): Set<number> {
    const b = this.#block, live = new Set<number>();
    for (const s of b.successors) for (const id of this.#liveIn.get(s)!) live.add(id);
    for (const id of this.#dirtyOut.get(b)!) live.add(id);
    for (let k = b.instructions.length - 1; b.instructions[k] !== i; k--) {
      const x = b.instructions[k];
      if (x.info.how === "call") live.clear();
      for (const id of this.#own.get(x)!) live.delete(id);
      for (const id of this.#reads.get(x)!) live.add(id);
      for (const id of this.#before.get(x)!) live.add(id);
    }
    return live;
  }
  #after(i: Instruction, dirty: Set<number>): void {
    const { how, kind } = i.info;
    if (how === "call" || kind === "call" || kind === "callIndirect" || kind === "enter") {
      return dirty.clear();
    }
    for (const id of this.#own.get(i)!) dirty.add(id);
  }
  /** Brings to memory what differs from it, after this instruction's own writes. */
  #sync(i: Instruction, flags: boolean): void {
    const { slots } = this.analysis, all = new Set(this.#dirty);
    for (const id of this.#own.get(i)!) all.add(id);
    const some = [...all].some((id) => slots.isFlag[id]);
    this.#state.spill([...all].filter((id) => !slots.isFlag[id]));
    if (flags && some) this.#state.spill(this.#flags);
  }
  #reload(live: Set<number>, flags: boolean): void {
    const { slots } = this.analysis;
    this.#state.reload(this.#used.filter((id) => slots.isFlag[id] ? flags : live.has(id)));
  }

  emit(): void {
    const { f, analysis } = this, { engine } = analysis.memories;
    f.set(this.count, engine.load("i32.load", 0, FIELD.count));
    this.#reload(this.#liveIn.get(this.graph.entry)!, this.graph.entry.instructions[0].flagsBefore);
    f.forget();
    f.known = undefined;
    this.#tree(this.graph.entry);
    f.unreachable();
  }
  #end(): void {
    const { f, analysis } = this;
    f.store(analysis.memories.guest, "i64.store", 0, this.#pc, analysis.slots.spec.pc);
    f.store(analysis.memories.engine, "i32.store", 0, this.count, FIELD.count);
    f.return(this.#status);
  }

  /** Leaves the region with these slots brought to memory, the flags among them if they may be read. */
  #leave(status: number, pc: I64, flags: boolean, dirty: Iterable<number>): void {
    const { f } = this, { isFlag } = this.analysis.slots;
    this.#state.spill([...dirty].filter((id) => !isFlag[id]));
    if (flags) this.#state.spill(this.#flags);
    f.set(this.#pc, pc);
    f.set(this.#status, status);
    this.#end();
  }

  #tree(b: Block): void {
    const { f } = this;
    if (!b.isLoop) return this.#within(b, b.merges.length - 1);
    f.plainLoop((again) => {
      this.#loops.set(b, again);
      f.known = undefined;
      f.forget();
      this.#within(b, b.merges.length - 1);
    });
  }
  /** The block inside one WebAssembly block for each merge that it dominates; the last one in order is outermost. */
  #within(b: Block, merge: number): void {
    const { f } = this;
    if (merge < 0) return this.#body(b);
    const next = b.merges[merge];
    f.plainBlock((label) => {
      this.#labels.set(next, label);
      this.#within(b, merge - 1);
    });
    f.forget();
    const kinds = this.#kinds.get(next) ?? [undefined];
    f.known = kinds.every((k) => k === kinds[0]) ? kinds[0] : undefined;
    this.#tree(next);
  }

  #body(b: Block): void {
    const { f } = this;
    this.#block = b;
    const { instructions } = b;
    const dirty = new Set(this.#dirtyIn.get(b)!);
    for (const i of instructions) {
      this.#block = b, this.#instruction = i, this.#dirty = dirty;
      f.scope(() => this.#one(i));
      this.#after(i, dirty);
    }
    const last = instructions[instructions.length - 1];
    if (last.info.kind === "next" && last.info.how !== "leave") {
      this.#block = b;
      this.#go(last.next, last.flagsAfter);
    }
  }

  #one(i: Instruction): void {
    const m = this.#machine, { info } = i;
    if (this.target.mark) {
      this.target.mark(i, this.f.w.length);
      this.#step(i);
      if (info.clock) return this.interpret(false);
    }
    for (const a of i.addresses) {
      const absolute = a.op === CORE_OPS.absolute
        ? BigInt(a.fields.imm) << 32n | BigInt(a.fields.disp >>> 0)
        : undefined;
      m.setAddress(a.fields, a.op === CORE_OPS.ea32, absolute);
    }
    if (info.how === "leave" || (info.kind === "enter" && this.target.mark)) return this.interpret(false);
    for (const p of i.before) m.emit(p.info.def, p.info.form, p.fields, i.pc, i.length, true, this);
    if (info.how === "call") this.#operation(i);
    else m.emit(info.def, info.form, i.fields, i.pc, i.length, !info.def.flags || i.flagsAfter, this);
    for (const p of i.after) m.emit(p.info.def, p.info.form, p.fields, i.pc, i.length, true, this);
  }

  /** Lockstep: counts the instruction and stops at the limit. */
  #step(i: Instruction): void {
    const { f } = this, { engine } = this.analysis.memories, steps = engine.load("i32.load", 0, FIELD.steps);
    f.store(engine, "i32.store", 0, steps.add(i.info.def.fused ? 2 : 1), FIELD.steps);
    f.plainUnlikely(steps.gtU(engine.load("i32.load", 0, FIELD.limit)), () => this.interpret(false));
  }
  /** Lockstep: the instruction is not done, or only in part. */
  #unstep(partly: boolean): void {
    if (!this.target.mark) return;
    const { f } = this, { engine } = this.analysis.memories, steps = engine.load("i32.load", 0, FIELD.steps);
    f.store(engine, "i32.store", 0, steps.sub(this.#instruction.info.def.fused ? 2 : 1), FIELD.steps);
    if (partly) f.store(engine, "i32.store", 0, 1, FIELD.partly);
  }

  /** The interpreter's function does it: with all state in memory. */
  #operation(i: Instruction): void {
    const { f, target, analysis } = this;
    const { isFlag } = analysis.slots;
    const before = new Set(this.#before.get(i)!), { temporary } = analysis.slots.spec;
    if (i.before.length || i.addresses.length) before.add(analysis.slots.at[temporary]);
    this.#state.spill([...before].filter((id) => !isFlag[id]));
    this.#state.spill(this.#flags);
    const op = i.op - analysis.numbering.hot;
    f.set(this.#status, f.callIndirect(target.operations, target.type, i32(op), i32(i.record)));
    f.plainUnlikely(this.#status, () => {
      // Nothing was done, or it says what is left to do: the interpreter finds that out again.
      this.#unstep(true);
      f.store(analysis.memories.guest, "i64.store", 0, i64(i.pc + BIAS), analysis.slots.spec.pc);
      f.store(analysis.memories.engine, "i32.store", 0, this.count, FIELD.count);
      f.return(i32(LEAVE.interpret));
    });
    const live = this.#liveAfter(i);
    if (i.after.length) { for (const id of this.#own.get(i)!) live.add(id); }
    this.#reload(live, true);
    f.setKnown(undefined);
  }

  /** Continues at a biased pc. */
  #go(pc: number, flags: boolean): void {
    const { f } = this, to = this.graph.byPc.get(pc);
    if (!to || to.order < 0 || this.#block.cut.has(pc)) {
      return this.#leave(LEAVE.go, i64(pc + BIAS), flags, this.#dirtyOut.get(this.#block)!);
    }
    if (to.order <= this.#block.order) {
      f.set(this.count, this.count.sub(to.loopSize));
      f.plainUnlikely(
        this.count.leS(0),
        () =>
          this.#leave(
            LEAVE.budget,
            i64(pc + BIAS),
            to.instructions[0].flagsBefore,
            this.#dirtyOut.get(this.#block)!,
          ),
      );
      return f.br(this.#loops.get(to)!);
    }
    if (to.isMerge) {
      const kinds = this.#kinds.get(to);
      if (kinds) kinds.push(f.known);
      else this.#kinds.set(to, [f.known]);
      return f.br(this.#labels.get(to)!);
    }
    this.#tree(to);
  }

  branchIf(cond: I32): void {
    const { f } = this, b = this.#block, i = this.#instruction;
    const kind = f.known;
    const taken = () => (this.#block = b, f.known = kind, this.#go(i.target, i.flagsAfter));
    const next = () => (this.#block = b, f.known = kind, this.#go(i.next, i.flagsAfter));
    f.plainIf(cond, taken, next);
    f.unreachable();
  }
  branch(): void {
    const i = this.#instruction;
    if (i.info.kind === "jmp") return this.#go(i.target, i.flagsAfter);
    this.#call(i);
  }
  jump(pc: I64): void {
    const { f, target, analysis } = this, i = this.#instruction, { kind } = i.info;
    f.set(this.#pc, pc);
    this.#sync(i, true);
    f.set(this.#status, LEAVE.go);
    if (kind === "return") return this.#end();
    // Where the target is translated, it is called: also for a jump, whose nested calls return one after the other.
    const depth = f.param(0, "i32"), slot = this.#lookup();
    f.plainUnlikely(slot.ltS(0).or(depth.gtS(DEPTH)), () => this.#end());
    f.store(analysis.memories.guest, "i64.store", 0, this.#pc, analysis.slots.spec.pc);
    f.store(analysis.memories.engine, "i32.store", 0, this.count.sub(4), FIELD.count);
    const call = f.callIndirect(target.regions, target.type, slot, depth.add(1));
    if (kind === "jump") return f.return(call);
    f.set(this.#status, call);
    this.#returned(i);
  }
  /** Slot of the region at the pc, or -1. */
  #lookup(): Local<"i32"> {
    const { f, analysis } = this, { engine } = analysis.memories;
    const slot = f.let(i32(-1)), pc = f.let(this.#pc.sub(BIAS));
    f.plainIf(pc.shrU(32).eqz(), () => {
      const low = f.let(pc.wrap());
      const level = engine.load(
        "i32.load",
        engine.load("i32.load", 0, FIELD.directory).add(low.shrU(22).shl(2)),
      );
      const page = engine.load("i32.load", level.add(low.shrU(12).and(1023).shl(2)));
      const found = f.let(engine.load("i32.load", page.add(low.and(4095).shl(2))));
      // There is no record at 0, and no region in that place.
      f.plainIf(engine.load("i32.load16_u", found, RECORD.op).eq(CORE_OPS.region), () => {
        f.set(slot, engine.load("i32.load", found, RECORD.imm));
      });
    });
    return slot;
  }
  /**
   * The kernel is called from inside the region, with all state in memory. When nothing else is due it goes on here; everything is
   * loaded anew, since a handler may write any register.
   */
  enter(host: "syscall" | "call", argument: I32): void {
    const { f, target, analysis } = this, { guest, engine } = analysis.memories, { spec } = analysis.slots;
    const i = this.#instruction, next = i64(i.next + BIAS);
    this.#sync(i, true);
    f.store(guest, "i64.store", 0, next, spec.pc);
    f.store(engine, "i32.store", 0, this.count, FIELD.count);
    f.set(this.#status, f.call("i32", target.enter[host], argument));
    f.plainUnlikely(this.#status, () => f.return(i32(LEAVE.budget)));
    f.plainUnlikely(guest.load("i64.load", 0, spec.pc).ne(next), () => f.return(i32(LEAVE.go)));
    const after = this.graph.byPc.get(i.next);
    if (!after || after.order < 0 || this.#block.cut.has(i.next)) return f.return(i32(LEAVE.go));
    this.#reload(this.#liveIn.get(after)!, after.instructions[0].flagsBefore);
    f.setKnown(undefined);
    this.#go(i.next, true);
  }
  interpret(partly: boolean): void {
    const i = this.#instruction, dirty = new Set(this.#before.get(i)!);
    if (partly) { for (const id of this.#own.get(i)!) if (this.#reads.get(i)!.has(id)) dirty.add(id); }
    this.#unstep(partly);
    this.#leave(LEAVE.interpret, i64(i.pc + BIAS), i.flagsBefore, dirty);
  }

  /** A guest call is a call, and goes on when it returned to where it should. */
  #call(i: Instruction): void {
    const { f, target, analysis } = this, { guest, engine } = analysis.memories, { spec } = analysis.slots;
    const depth = f.param(0, "i32");
    f.plainUnlikely(depth.gtS(DEPTH), () => {
      this.#leave(
        LEAVE.go,
        i64(i.target + BIAS),
        true,
        new Set([...this.#before.get(i)!, ...this.#own.get(i)!]),
      );
    });
    this.#sync(i, target.flagsLive(i.target));
    f.store(guest, "i64.store", 0, i64(i.target + BIAS), spec.pc);
    f.store(engine, "i32.store", 0, this.count.sub(4), FIELD.count);
    f.set(
      this.#status,
      f.callIndirect(target.regions, target.type, i32(target.slot(i.target)), depth.add(1)),
    );
    this.#returned(i);
  }

  /** Behind a call: all is in memory; on, if it came back to here. */
  #returned(i: Instruction): void {
    const { f, analysis } = this, { guest, engine } = analysis.memories, { spec } = analysis.slots;
    f.set(this.count, engine.load("i32.load", 0, FIELD.count));
    const elsewhere = guest.load("i64.load", 0, spec.pc).ne(i64(i.next + BIAS));
    f.plainUnlikely(
      this.#status.or(elsewhere).or(this.count.leS(0)),
      () => f.return(this.#status),
    );
    const after = this.graph.byPc.get(i.next);
    // All is in memory.
    if (!after || after.order < 0 || this.#block.cut.has(i.next)) return f.return(i32(LEAVE.go));
    this.#reload(this.#liveIn.get(after)!, after.instructions[0].flagsBefore);
    f.setKnown(undefined);
    this.#go(i.next, true);
  }
}
