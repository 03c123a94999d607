/**
 * One function from a graph. Structured control flow from the dominator tree (N. Ramsey, "Beyond Relooper", 2022): a block
 * with several ways in follows a WebAssembly block that its dominator opens, a loop header is a loop, all else nests where it is
 * branched to. All ways out share two exits: with and without the lazy flags.
 */
// cold: constants of 64 bits, while code is generated
import { BIAS, CORE_OPS, FIELD, LEAVE } from "../layout.ts";
import { type I32, i32, type I64, i64, type Label, type Local, type Module } from "../wasm/mod.ts";
import type { Analysis } from "./analysis.ts";
import type { RegionFunc } from "./func.ts";
import type { Block, Graph, Instruction } from "./graph.ts";
import { type Flow, RegionMachine, State } from "./machine.ts";

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
}

export class Emitter implements Flow {
  readonly #state: State;
  readonly #machine: RegionMachine;
  /** Slots that the region reads or writes; that it writes. */
  readonly #used: number[];
  readonly #written: number[];
  readonly #flags: number[];
  readonly count: Local<"i32">;
  readonly #pc: Local<"i64">;
  readonly #status: Local<"i32">;
  #withFlags!: Label;
  #withoutFlags!: Label;
  readonly #labels = new Map<Block, Label>();
  readonly #loops = new Map<Block, Label>();
  /** What the kind of the flags is on the ways into a block. */
  readonly #kinds = new Map<Block, (number | undefined)[]>();
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
    for (const b of graph.blocks) for (const i of b.instructions) this.#touch(i, used, written);
    for (const id of written) used.add(id);
    this.#flags = written.has(slots.kind) ? flags : [];
    for (const id of flags) written.delete(id);
    if (this.#flags.length) { for (const id of flags) used.add(id); }
    this.#used = [...used].sort((a, b) => a - b);
    this.#written = [...written].sort((a, b) => a - b);
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
    for (const id of i.info.reads) used.add(id);
    for (const id of i.info.writes) written.add(id);
    let registers = 0;
    for (const o of i.info.def.operands) {
      if (o.place === "mem") use(i.fields.base, used), use(i.fields.index, used);
      if (o.place === "imm" || o.place === "mem") continue;
      const field = o.place === "fixed" ? 0 : registers++ > 0 ? i.fields.b : i.fields.a;
      const offset = field + (o.offset ?? 0);
      use(offset, used);
      if (o.access !== "r") use(offset, written);
      // mul and others name the second half by a fixed slot: their semantics were watched. Vectors are one slot.
    }
    if (i.info.how === "inline") use(i.fields.base, used);
  }

  emit(): void {
    const { f, analysis } = this, { engine } = analysis.memories;
    f.set(this.count, engine.load("i32.load", 0, FIELD.count));
    this.#state.reload(this.#used);
    f.plainBlock((withFlags) => {
      this.#withFlags = withFlags;
      f.plainBlock((withoutFlags) => {
        this.#withoutFlags = withoutFlags;
        f.known = undefined;
        this.#tree(this.graph.entry);
        f.unreachable();
      });
      this.#state.spill(this.#written);
      this.#end();
    });
    this.#state.spill(this.#written);
    this.#state.spill(this.#flags);
    this.#end();
    f.unreachable();
  }
  #end(): void {
    const { f, analysis } = this;
    f.store(analysis.memories.guest, "i64.store", 0, this.#pc, analysis.slots.spec.pc);
    f.store(analysis.memories.engine, "i32.store", 0, this.count, FIELD.count);
    f.return(this.#status);
  }

  #leave(status: number, pc: I64, flags: boolean): void {
    const { f } = this;
    f.set(this.#pc, pc);
    f.set(this.#status, status);
    f.br(flags ? this.#withFlags : this.#withoutFlags);
  }

  #tree(b: Block): void {
    const { f } = this;
    if (!b.isLoop) return this.#within(b, b.merges.length - 1);
    f.plainLoop((again) => {
      this.#loops.set(b, again);
      f.known = undefined;
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
    const kinds = this.#kinds.get(next) ?? [undefined];
    f.known = kinds.every((k) => k === kinds[0]) ? kinds[0] : undefined;
    this.#tree(next);
  }

  #body(b: Block): void {
    const { f } = this;
    this.#block = b;
    const { instructions } = b;
    for (const i of instructions) {
      this.#block = b;
      this.#instruction = i;
      f.scope(() => this.#one(i));
    }
    const last = instructions[instructions.length - 1];
    if (last.info.kind === "next" && last.info.how !== "leave") {
      this.#block = b;
      this.#go(last.next, last.flagsAfter);
    }
  }

  #one(i: Instruction): void {
    const m = this.#machine, { info } = i;
    for (const a of i.addresses) {
      const absolute = a.op === CORE_OPS.absolute
        ? BigInt(a.fields.imm) << 32n | BigInt(a.fields.disp >>> 0)
        : undefined;
      m.setAddress(a.fields, a.op === CORE_OPS.ea32, absolute);
    }
    if (info.how === "leave" || info.kind === "enter") return this.interpret();
    if (info.how === "call") return this.#operation(i);
    m.emit(info.def, info.form, i.fields, i.pc, i.length, !info.def.flags || i.flagsAfter, this);
  }

  /** The interpreter's function does it: with all state in memory. */
  #operation(i: Instruction): void {
    const { f, target, analysis } = this;
    const all = [...this.#written, ...this.#flags];
    this.#state.spill(all);
    const op = i.op - analysis.numbering.hot;
    f.set(this.#status, f.callIndirect(target.operations, target.type, i32(op), i32(i.record)));
    f.plainIf(this.#status, () => {
      // Nothing was done, or it says what is left to do: the interpreter finds that out again.
      f.store(analysis.memories.guest, "i64.store", 0, i64(i.pc + BIAS), analysis.slots.spec.pc);
      f.store(analysis.memories.engine, "i32.store", 0, this.count, FIELD.count);
      f.return(i32(LEAVE.interpret));
    });
    this.#state.reload(this.#used);
    f.setKnown(undefined);
  }

  /** Continues at a biased pc. */
  #go(pc: number, flags: boolean): void {
    const { f } = this, to = this.graph.byPc.get(pc);
    if (!to || to.order < 0) return this.#leave(LEAVE.go, i64(pc + BIAS), flags);
    if (to.order <= this.#block.order) {
      f.set(this.count, this.count.sub(to.loopSize));
      f.plainIf(
        this.count.leS(0),
        () => this.#leave(LEAVE.budget, i64(pc + BIAS), to.instructions[0].flagsBefore),
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
    this.#leave(LEAVE.go, pc, true);
  }
  enter(): void {
    this.interpret();
  }
  interpret(): void {
    this.#leave(LEAVE.interpret, i64(this.#instruction.pc + BIAS), this.#instruction.flagsBefore);
  }

  /** A guest call is a call, and goes on when it returned to where it should. */
  #call(i: Instruction): void {
    const { f, target, analysis } = this, { guest, engine } = analysis.memories, { spec } = analysis.slots;
    const depth = f.param(0, "i32");
    f.plainIf(depth.gtS(DEPTH), () => this.#leave(LEAVE.go, i64(i.target + BIAS), true));
    this.#state.spill(this.#written);
    this.#state.spill(this.#flags);
    f.store(guest, "i64.store", 0, i64(i.target + BIAS), spec.pc);
    f.store(engine, "i32.store", 0, this.count.sub(4), FIELD.count);
    f.set(
      this.#status,
      f.callIndirect(target.regions, target.type, i32(target.slot(i.target)), depth.add(1)),
    );
    f.set(this.count, engine.load("i32.load", 0, FIELD.count));
    const elsewhere = guest.load("i64.load", 0, spec.pc).ne(i64(i.next + BIAS));
    f.plainIf(
      this.#status.or(elsewhere).or(this.count.leS(0)),
      () => f.return(this.#status),
    );
    this.#state.reload(this.#used);
    f.setKnown(undefined);
    this.#go(i.next, true);
  }
}
