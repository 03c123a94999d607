/**
 * What all parts of a region's emitter share: the state in locals, what of it differs from memory, how deep calls may nest, and how a region
 * is left. All ways out share two exits: with and without the lazy flags.
 */
import { EXPECTED, FIELD, LEAVE } from "../layout.ts";
import {
  type Func,
  type FunctionRef,
  type I32,
  i32,
  type I64,
  type Local,
  type Module,
  type Type,
} from "../wasm/mod.ts";
import type { Analysis } from "./analysis.ts";
import type { RegionFunc } from "./func.ts";
import type { Block, Graph, Instruction } from "./graph.ts";
import { RegionMachine } from "./machine.ts";
import { Ids, type Shape, type Signature } from "./shape.ts";
import type { Slot } from "./slots.ts";
import { State } from "./state.ts";

/** Guest calls nested in one another before everything unwinds to the interpreter. */
const DEPTH = 800;
/** Bytes of the host's stack (984 KiB in V8) that they may take; a frame of V8's first compiler holds every local, and some values more. */
const STACK = 400_000, MORE = 500;

/**
 * Parameters of what is called directly: twice the depth, plus 1 if the caller may read the flags behind the call; budget; the return
 * address that the caller expects; then slots.
 */
export const COUNT = 1, EXPECTED_PARAM = 2, FIXED = 3;

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
  /** What a slot holds now, if the guest is at one of these instructions: perhaps it will again when it comes back. */
  now?(slot: Slot, code: Iterable<Block>): bigint | undefined;
  /**
   * Lockstep: instructions are counted one by one, the region can be left before each of them, and it neither enters the kernel nor
   * reads the clock. Told where in the function's body each instruction begins.
   */
  readonly mark?: (i: Instruction, offset: number) => void;
}

/** One function of a region: what its parts share. */
export abstract class Exits {
  protected readonly state: State;
  protected readonly machine: RegionMachine;
  readonly count: Local<"i32">;
  /** The count changes here: there are loops or calls. Else it stays in the engine's field, whose base takes two loads to find. */
  protected readonly counts: boolean;
  protected readonly pc: Local<"i64">;
  protected readonly status: Local<"i32">;
  /** What differs from memory here. */
  protected dirty: Ids = new Ids();
  protected block!: Block;
  protected instruction!: Instruction;
  /** Values at entry of the slots that a return has to leave as they were. */
  protected readonly entry: Map<number, Local<"i64">> = new Map();

  /** `signature`: the function is what other regions call, not what the table holds. */
  constructor(
    readonly f: RegionFunc,
    readonly shape: Shape,
    readonly analysis: Analysis,
    readonly target: Target,
    readonly signature?: Signature,
  ) {
    const { slots } = analysis;
    const params = new Map(signature?.params.map((id, n) => [id, f.param(n + FIXED, "i64")]));
    this.state = new State(f, slots, analysis.memories, params);
    this.machine = new RegionMachine(this.state, analysis.memories, analysis);
    this.count = signature ? f.param(COUNT, "i32") : f.local("i32");
    this.counts = signature !== undefined || shape.graph.blocks.some((b) =>
      b.isLoop ||
      b.instructions.some(({ info: { kind, budget } }) =>
        kind === "call" || kind === "callIndirect" || kind === "jump" || budget
      )
    );
    f.frame = analysis.windows.stack;
    this.status = f.local("i32"), this.pc = f.local("i64");
  }
  get graph(): Graph {
    return this.shape.graph;
  }
  protected get flags(): number[] {
    return this.shape.flags;
  }

  /** Brings to memory what differs from it, after this instruction's own writes. */
  protected sync(i: Instruction, flags: boolean): void {
    const { slots } = this.analysis, all = this.here(i);
    const some = [...all].some((id) => slots.isFlag[id]);
    this.state.spill([...all].filter((id) => !slots.isFlag[id]));
    if (flags && some) this.state.spill(this.flags);
  }
  /** What differs from memory within an instruction that has written all it writes. */
  protected here(i: Instruction): Ids {
    const all = new Ids(this.dirty);
    for (const id of this.shape.own.get(i)!) all.add(id);
    return all;
  }
  /** Wanted at the start of a block, and not loaded on the way there. */
  protected wanted(to: Block): Ids {
    const live = new Ids(this.shape.liveIn[to.index]);
    live.without(this.shape.loads(this.block, to));
    return live;
  }
  /** `entered`: by JavaScript, which has written the result by halves, so that a load of the whole would wait for both. */
  protected reload(live: Iterable<number>, flags: boolean, entered = false): void {
    const { isFlag, at, spec } = this.analysis.slots;
    const result = entered && spec.result !== undefined ? at[spec.result] : -1;
    this.state.reload([...live].filter((id) => !isFlag[id] && id !== result).sort((a, b) => a - b));
    if (result >= 0) this.state.reloadHalves(result);
    if (flags) this.state.reload(this.shape.used.filter((id) => isFlag[id]));
  }

  /** How deep regions may nest; those of one architecture have about the same frames. */
  protected get deepest(): number {
    const bytes = this.analysis.slots.list.reduce((sum, s) => sum + (s.type === "v128" ? 16 : 8), MORE);
    return Math.min(DEPTH, Math.floor(STACK / bytes));
  }

  protected tooDeep(): I32 {
    return this.f.param(0, "i32").gtS(this.signature ? this.deepest * 2 + 1 : this.deepest);
  }
  /** The depth for a call through the table. */
  protected deeper(): I32 {
    const depth = this.f.param(0, "i32");
    return (this.signature ? depth.shrU(1) : depth).add(1);
  }

  protected end(): void {
    const { f, analysis } = this;
    f.store(analysis.memories.guest, "i64.store", 0, this.pc, analysis.slots.spec.pc);
    this.storeCount();
    this.out(this.status);
  }
  protected storeCount(): void {
    if (this.counts) this.f.store(this.analysis.memories.engine, "i32.store", 0, this.count, FIELD.count);
  }
  /** Says how the region was left, when all is in memory. */
  protected out(status: I32): void {
    if (this.signature) this.f.return(i32(0), status.extendU());
    else this.f.return(status);
  }

  /**
   * Leaves the region with these slots brought to memory, the flags among them if they may be read. `chain`: the region at the pc may
   * follow at once. `all`: what differs from memory, if that is more.
   */
  protected leave(
    status: number,
    pc: I64,
    flags: boolean,
    dirty: Iterable<number>,
    chain = false,
    all?: Ids,
  ): void {
    const { f } = this, { isFlag } = this.analysis.slots;
    this.refund();
    this.tellDead(all, dirty);
    this.state.spill([...dirty].filter((id) => !isFlag[id]));
    if (flags) this.state.spill(this.flags);
    f.set(this.pc, pc);
    if (chain && this.chains) return this.onward();
    f.set(this.status, status);
    this.end();
  }
  /** Lockstep does not compare what differs from memory and has not been brought there. */
  protected tellDead(all: Ids | undefined, kept: Iterable<number>): void {
    if (!this.target.mark) return;
    const dead = new Ids(all);
    dead.without(new Ids(kept));
    dead.words.forEach((word, n) => {
      this.f.store(this.analysis.memories.engine, "i32.store", 0, word, FIELD.dead + n * 4);
    });
  }
  /** Regions that are left go on in one another without the interpreter: not those that return in two ways, and not in lockstep. */
  protected get chains(): boolean {
    return !this.signature && !this.target.mark;
  }
  /** To the region at the pc, with the rest of the state in memory. */
  protected onward(): void {
    const { f, analysis } = this;
    f.store(analysis.memories.guest, "i64.store", 0, this.pc, analysis.slots.spec.pc);
    this.storeCount();
    f.returnCall(analysis.next, f.param(0, "i32"));
  }
  /** A piece of a loop that has been paid for is left. */
  protected abstract refund(): void;
}

/** Types of a function that is called directly. */
export function typeOf(params: readonly number[]): { params: Type[]; results: Type[] } {
  return { params: ["i32", "i32", "i64", ...params.map(() => "i64" as const)], results: ["i32", "i64"] };
}

/** What the table holds for a region that is called directly as well: state in memory before and after. */
export function emitEntry(f: Func, shape: Shape, analysis: Analysis, s: Signature): void {
  const { memories: { guest, engine }, slots: { spec, at, list } } = analysis;
  const load = (id: number) => guest.load("i64.load", 0, list[id].offset);
  const count = f.local("i32"), value = f.local("i64"), stack = at[spec.stack];
  const expected = f.let(guest.load("i64.load", 0, EXPECTED));
  // Those that a nested call may leave in memory with other values.
  const kept = new Map(
    [...s.saved].filter((id) => s.unknown || id === stack).map((id) => [id, f.let(load(id))]),
  );
  f.do(
    s.ref,
    [
      f.param(0, "i32").shl(1).add(1),
      engine.load("i32.load", 0, FIELD.count),
      expected,
      ...s.params.map((id) => kept.get(id) ?? load(id)),
    ],
    count,
    value,
  );
  f.if(count.leS(0), () => f.return(value.wrap()));
  const result = shape.result(s);
  if (result !== undefined) f.store(guest, "i64.store", 0, value, list[result].offset);
  for (const [id, v] of kept) {
    f.store(guest, "i64.store", 0, id === stack ? v.add(spec.returnPops ?? 0) : v, list[id].offset);
  }
  f.store(guest, "i64.store", 0, expected, spec.pc);
  f.store(engine, "i32.store", 0, count, FIELD.count);
  f.return(i32(LEAVE.go));
}
