/**
 * One function from a graph. Structured control flow from the dominator tree (N. Ramsey, "Beyond Relooper", 2022): a block
 * with several ways in follows a WebAssembly block that its dominator opens, a loop header is a loop, all else nests where it is
 * branched to. All ways out share two exits: with and without the lazy flags.
 */
// cold: constants of 64 bits, while code is generated
import { BIAS, CORE_OPS, EXPECTED, FIELD, LEAVE, RECORD } from "../layout.ts";
import {
  type Func,
  type FunctionRef,
  type I32,
  i32,
  type I64,
  i64,
  type Label,
  type Local,
  type Module,
  type Type,
  type Value,
} from "../wasm/mod.ts";
import type { Analysis } from "./analysis.ts";
import type { RegionFunc, View } from "./func.ts";
import type { Block, Graph, Instruction } from "./graph.ts";
import { pcOf, SPACE } from "./inline.ts";
import { candidates, lift, LoopWatch } from "./loops.ts";
import { type Flow, RegionMachine } from "./machine.ts";
import { Ids, type Shape, type Signature } from "./shape.ts";
import { State } from "./state.ts";
import { RegionTrial, trials } from "./trial.ts";

/** Guest calls nested in one another before everything unwinds to the interpreter. */
const DEPTH = 800;
/** Bytes of the host's stack (984 KiB in V8) that they may take; a frame of V8's first compiler holds every local, and some values more. */
const STACK = 400_000, MORE = 500;

/**
 * Parameters of what is called directly: twice the depth, plus 1 if the caller may read the flags behind the call; budget; the return
 * address that the caller expects; then slots.
 */
const COUNT = 1, EXPECTED_PARAM = 2, FIXED = 3;

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
  readonly count: Local<"i32">;
  /** The count changes here: there are loops or calls. Else it stays in the engine's field, whose base takes two loads to find. */
  readonly #counts: boolean;
  readonly #pc: Local<"i64">;
  readonly #status: Local<"i32">;
  readonly #labels = new Map<Block, Label>();
  readonly #loops = new Map<Block, Label>();
  /** What is emitted will be thrown away. */
  #learning = false;
  /** What the kind of the flags is on the ways into a block. */
  readonly #kinds = new Map<Block, (number | undefined)[]>();
  /** What is known on these ways. */
  readonly #views = new Map<Block, View[]>();
  /** What differs from memory here. */
  #dirty: Ids = new Ids();
  /** On trial: leaving is failing. */
  #fail: Label | undefined;
  #block!: Block;
  #instruction!: Instruction;
  /** The loop without checks that is being emitted. */
  #piece: LoopWatch | undefined;
  /** Values at entry of the slots that a return has to leave as they were. */
  readonly #entry = new Map<number, Local<"i64">>();

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
    this.#state = new State(f, slots, analysis.memories, params);
    this.#machine = new RegionMachine(this.#state, analysis.memories, analysis);
    this.count = signature ? f.param(COUNT, "i32") : f.local("i32");
    this.#counts = signature !== undefined || shape.graph.blocks.some((b) =>
      b.isLoop ||
      b.instructions.some(({ info: { kind, budget } }) =>
        kind === "call" || kind === "callIndirect" || kind === "jump" || budget
      )
    );
    f.frame = analysis.windows.stack;
    this.#status = f.local("i32"), this.#pc = f.local("i64");
  }
  get graph(): Graph {
    return this.shape.graph;
  }
  get #flags(): number[] {
    return this.shape.flags;
  }

  /** Brings to memory what differs from it, after this instruction's own writes. */
  #sync(i: Instruction, flags: boolean): void {
    const { slots } = this.analysis, all = this.#here(i);
    const some = [...all].some((id) => slots.isFlag[id]);
    this.#state.spill([...all].filter((id) => !slots.isFlag[id]));
    if (flags && some) this.#state.spill(this.#flags);
  }
  /** What differs from memory within an instruction that has written all it writes. */
  #here(i: Instruction): Ids {
    const all = new Ids(this.#dirty);
    for (const id of this.shape.own.get(i)!) all.add(id);
    return all;
  }
  /** Wanted at the start of a block, and not loaded on the way there. */
  #wanted(to: Block): Ids {
    const live = new Ids(this.shape.liveIn[to.index]);
    live.without(this.shape.loads(this.#block, to));
    return live;
  }
  /** `entered`: by JavaScript, which has written the result by halves, so that a load of the whole would wait for both. */
  #reload(live: Iterable<number>, flags: boolean, entered = false): void {
    const { isFlag, at, spec } = this.analysis.slots;
    const result = entered && spec.result !== undefined ? at[spec.result] : -1;
    this.#state.reload([...live].filter((id) => !isFlag[id] && id !== result).sort((a, b) => a - b));
    if (result >= 0) this.#state.reloadHalves(result);
    if (flags) this.#state.reload(this.shape.used.filter((id) => isFlag[id]));
  }

  /** How deep regions may nest; those of one architecture have about the same frames. */
  get #deepest(): number {
    const bytes = this.analysis.slots.list.reduce((sum, s) => sum + (s.type === "v128" ? 16 : 8), MORE);
    return Math.min(DEPTH, Math.floor(STACK / bytes));
  }

  #tooDeep(): I32 {
    return this.f.param(0, "i32").gtS(this.signature ? this.#deepest * 2 + 1 : this.#deepest);
  }
  /** The depth for a call through the table. */
  #deeper(): I32 {
    const depth = this.f.param(0, "i32");
    return (this.signature ? depth.shrU(1) : depth).add(1);
  }

  emit(): void {
    const { f, analysis, signature, graph: { entry } } = this, { engine } = analysis.memories;
    const live = new Ids(this.shape.liveIn[entry.index]);
    if (signature) {
      for (const id of signature.params) live.delete(id);
      for (const id of signature.saved) this.#entry.set(id, f.let(this.#state.locals[id] as Local<"i64">));
    } else if (this.#counts) f.set(this.count, engine.load("i32.load", 0, FIELD.count));
    this.#reload(live, entry.instructions[0].flagsBefore);
    f.forget();
    f.known = undefined;
    this.#tree(this.graph.entry);
    f.unreachable();
  }
  #end(): void {
    const { f, analysis } = this;
    f.store(analysis.memories.guest, "i64.store", 0, this.#pc, analysis.slots.spec.pc);
    this.#storeCount();
    this.#out(this.#status);
  }
  #storeCount(): void {
    if (this.#counts) this.f.store(this.analysis.memories.engine, "i32.store", 0, this.count, FIELD.count);
  }
  /** Says how the region was left, when all is in memory. */
  #out(status: I32): void {
    if (this.signature) this.f.return(i32(0), status.extendU());
    else this.f.return(status);
  }

  /** Leaves the region with these slots brought to memory, the flags among them if they may be read. */
  #leave(status: number, pc: I64, flags: boolean, dirty: Iterable<number>): void {
    const { f } = this, { isFlag } = this.analysis.slots;
    this.#refund();
    this.#state.spill([...dirty].filter((id) => !isFlag[id]));
    if (flags) this.#state.spill(this.#flags);
    f.set(this.#pc, pc);
    f.set(this.#status, status);
    this.#end();
  }

  #tree(b: Block): void {
    const { f } = this;
    const body = () => this.#body(b);
    if (!b.isLoop) return this.#within(b.merges, body);
    const watch = this.#learning ? undefined : this.#learn(b), { merges } = b;
    f.plainLoop((again) => {
      this.#loops.set(b, again);
      f.known = undefined;
      f.forget();
      if (!watch) return this.#within(merges, body);
      const inside = merges.filter((m) => watch.loop.body.has(m));
      this.#within(merges.filter((m) => !inside.includes(m)), () => {
        this.#versions(watch, () => this.#within(inside, body));
      });
    });
  }
  /** Emits the body of a loop for nothing, to see whether a second version of it would gain something. */
  #learn(header: Block): LoopWatch | undefined {
    const { f } = this, machine = this.#machine;
    for (const loop of candidates(header)) {
      lift(this.graph, loop);
      const watch = machine.loop = new LoopWatch(loop, f, this.#state), place = f.place();
      const ways = [this.#kinds, this.#views].map((map) =>
        [...map].map(([b, list]) => [b, list.length] as const)
      );
      this.#learning = true;
      f.plainLoop((again) => {
        this.#loops.set(header, again);
        f.known = undefined;
        f.forget();
        for (const m of header.merges) this.#labels.set(m, again);
        this.#within(header.merges.filter((m) => loop.body.has(m)), () => this.#body(header));
      });
      this.#learning = false, machine.loop = undefined;
      f.rewind(place);
      [this.#kinds, this.#views].forEach((map: Map<Block, unknown[]>, n) => {
        const before = new Map(ways[n]);
        for (const [b, list] of map) {
          const length = before.get(b);
          if (length === undefined) map.delete(b);
          else list.length = length;
        }
      });
      watch.learned();
      if (watch.ranges.length) return watch;
    }
    return undefined;
  }
  /** A loop's body without the checks that a test before each piece makes needless (loops.ts), and with them. */
  #versions(watch: LoopWatch, body: () => void): void {
    const { f } = this, whole = watch.rounds * watch.loop.size;
    // Values where a round begins have the same names in both.
    for (const local of this.#state.locals) if (local.type === "i64") f.symbol(local);
    const start = f.view(this.#state.locals);
    const version = () => {
      f.meet([start]);
      f.known = undefined;
      for (const b of watch.loop.body) this.#kinds.delete(b), this.#views.delete(b);
      body();
    };
    f.plainBlock((checked) => {
      f.scope(() => {
        for (const range of watch.ranges) for (const test of watch.tests(range)) f.unlikelyBr(checked, test);
      });
      f.unlikelyBr(checked, this.count.leS(whole));
      f.set(this.count, this.count.sub(whole));
      f.set(watch.left, watch.rounds);
      this.#piece = this.#machine.loop = watch;
      f.plainLoop((again) => {
        watch.again = again;
        version();
      });
      this.#piece = this.#machine.loop = undefined;
    });
    version();
  }
  /** What a piece has paid for and not done, when it is left. */
  #refund(): void {
    const { left, loop } = this.#piece ?? {};
    if (left) this.f.set(this.count, this.count.add(left.mul(loop!.size)));
  }
  /** The block inside one WebAssembly block for each merge; the last one in order is outermost. */
  #within(merges: readonly Block[], body: () => void): void {
    const { f } = this;
    if (!merges.length) return body();
    const next = merges[merges.length - 1];
    f.plainBlock((label) => {
      this.#labels.set(next, label);
      this.#within(merges.slice(0, -1), body);
    });
    const views = this.#views.get(next);
    if (views) f.meet(views);
    else f.forget();
    const kinds = this.#kinds.get(next) ?? [undefined];
    f.known = kinds.every((k) => k === kinds[0]) ? kinds[0] : undefined;
    this.#tree(next);
  }

  #body(b: Block): void {
    const { f } = this;
    this.#block = b;
    const { instructions } = b;
    const dirty = new Ids(this.shape.dirtyIn[b.index]);
    this.#state.forget();
    f.begin(this.#state.locals);
    const tries = this.target.mark ? [] : trials(instructions, this.shape);
    for (let n = 0; n < instructions.length;) {
      const t = tries[0]?.from === n ? tries.shift() : undefined, end = t?.end ?? n + 1;
      if (t) this.#try(b, instructions.slice(n, end), dirty);
      else this.#each(b, instructions.slice(n, end), dirty);
      for (; n < end; n++) this.shape.after(instructions[n], dirty);
    }
    const last = instructions[instructions.length - 1];
    this.#finish();
    if (last.info.kind === "next" && last.info.how !== "leave") {
      this.#block = b;
      this.#go(last.next, last.flagsAfter);
    }
  }

  /** Instructions one after the other; `before` is dirty there. */
  #each(b: Block, instructions: readonly Instruction[], before: Ids): void {
    const dirty = new Ids(before);
    for (const i of instructions) {
      this.#block = b, this.#instruction = i, this.#dirty = dirty;
      this.f.scope(() => this.#one(i));
      this.shape.after(i, dirty);
    }
  }
  /** Floating point on trial (trial.ts). */
  #try(b: Block, instructions: readonly Instruction[], dirty: Ids): void {
    const { f } = this, state = this.#state, machine = this.#machine, written: Ids = new Ids();
    for (const i of instructions) written.join(this.shape.own.get(i)!);
    state.settle();
    let left: ReturnType<State["shape"]>;
    f.scope(() => {
      // Named before, so that both versions know how far they move them.
      for (const id of written) f.symbol(state.locals[id]);
      const old = [...written].map((id) => [state.locals[id], f.let(state.locals[id] as Value)] as const);
      f.attempt((fail) => {
        const trial = new RegionTrial(state, fail);
        machine.tried = trial, this.#fail = fail;
        this.#each(b, instructions, dirty);
        machine.tried = this.#fail = undefined;
        trial.end();
        left = state.shape();
        state.forget();
      }, () => {
        for (const [local, value] of old) f.set(local, value);
      }, () => {
        this.#each(b, instructions, dirty);
        state.conform(left);
      });
    });
  }

  /** The instructions of the block are there; what it does next comes behind its checks. */
  #finish(): void {
    this.#state.settle();
    this.#machine.loop?.endBlock();
    const { f } = this, b = this.#block, first = b.instructions[0], known = f.known;
    f.endBlock((checks) =>
      this.#machine.checks(checks, () => {
        this.#leave(LEAVE.interpret, i64(b.pc + BIAS), first.flagsBefore, this.shape.dirtyIn[b.index]);
      })
    );
    f.known = known;
  }
  #one(i: Instruction): void {
    const m = this.#machine, { info } = i;
    m.loop?.at(i);
    if (this.target.mark) {
      if (!this.#learning) this.target.mark(i, this.f.w.length);
      this.#step(i);
      if (info.clock) {
        this.#finish();
        return this.interpret(false);
      }
    }
    for (const a of i.addresses) {
      const absolute = a.op === CORE_OPS.absolute
        ? BigInt(a.fields.imm) << 32n | BigInt(a.fields.disp >>> 0)
        : undefined;
      m.setAddress(a.fields, a.op === CORE_OPS.ea32, absolute);
    }
    if (info.how === "leave" || (info.kind === "enter" && this.target.mark)) {
      this.#finish();
      return this.interpret(false);
    }
    if (info.stirs) this.#state.settle(this.shape.own.get(i)!);
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
    const before = new Ids(this.shape.before.get(i)!), { temporary } = analysis.slots.spec;
    if (i.before.length || i.addresses.length) before.add(analysis.slots.at[temporary]);
    this.#state.spill([...before].filter((id) => !isFlag[id]));
    this.#state.spill(this.#flags);
    const op = i.op - analysis.numbering.hot;
    f.set(this.#status, f.callIndirect(target.operations, target.type, i32(op), i32(i.record)));
    f.plainUnlikely(this.#status, () => {
      // Nothing was done, or it says what is left to do: the interpreter finds that out again.
      this.#unstep(true);
      f.store(analysis.memories.guest, "i64.store", 0, i64(i.pc + BIAS), analysis.slots.spec.pc);
      this.#storeCount();
      this.#out(i32(LEAVE.interpret));
    });
    const live = this.shape.liveAfter(i);
    if (i.after.length) { for (const id of this.shape.own.get(i)!) live.add(id); }
    this.#reload(live, true);
    this.#state.forget();
    f.forget();
    f.setKnown(undefined);
  }

  /** Continues at a key. */
  #go(key: number, flags: boolean): void {
    const { f } = this, to = this.graph.byPc.get(key), pc = pcOf(key);
    if (!to || to.order < 0 || this.#block.cut.has(key)) {
      return this.#leave(LEAVE.go, i64(pc + BIAS), flags, this.shape.dirtyOut[this.#block.index]);
    }
    const piece = this.#piece;
    if (piece?.loop.header === to) {
      const { left } = piece;
      this.#state.reload(this.shape.loads(this.#block, to));
      f.set(left, left.sub(1));
      f.brIf(piece.again!, left);
      return f.br(this.#loops.get(to)!);
    }
    if (piece && !piece.loop.body.has(to)) this.#refund();
    if (to.order <= this.#block.order) {
      this.#state.reload(this.shape.loads(this.#block, to));
      f.set(this.count, this.count.sub(to.loopSize));
      f.plainUnlikely(
        this.count.leS(0),
        () =>
          this.#leave(
            LEAVE.budget,
            i64(pc + BIAS),
            to.instructions[0].flagsBefore,
            this.shape.dirtyOut[this.#block.index],
          ),
      );
      return f.br(this.#loops.get(to)!);
    }
    this.#state.reload(this.shape.loads(this.#block, to));
    if (to.isMerge) {
      const kinds = this.#kinds.get(to);
      const view = f.view(this.#state.locals);
      if (kinds) kinds.push(f.known), this.#views.get(to)!.push(view);
      else this.#kinds.set(to, [f.known]), this.#views.set(to, [view]);
      return f.br(this.#labels.get(to)!);
    }
    this.#tree(to);
  }

  branchIf(cond: I32): void {
    const { f } = this, b = this.#block, i = this.#instruction;
    this.#finish();
    const kind = f.known;
    const taken = () => (this.#block = b, f.known = kind, this.#go(i.target, i.flagsAfter));
    const next = () => (this.#block = b, f.known = kind, this.#go(i.next, i.flagsAfter));
    f.plainIf(cond, taken, next);
    f.unreachable();
  }
  branch(): void {
    const i = this.#instruction;
    this.#finish();
    if (i.info.kind === "jmp") return this.#go(i.target, i.flagsAfter);
    this.#call(i);
  }
  jump(pc: I64): void {
    const { f, target, analysis } = this, i = this.#instruction, { kind } = i.info;
    f.set(this.#pc, pc);
    this.#finish();
    if (kind === "return" && this.signature) this.#return(i, this.signature);
    const known = f.known, b = this.#block;
    for (const guess of kind === "callIndirect" ? i.guesses : []) {
      if (guess >= SPACE) {
        f.plainIf(this.#pc.eq(i64(pcOf(guess) + BIAS)), () => this.#go(guess, i.flagsAfter));
        this.#block = b, f.known = known;
        continue;
      }
      const signature = this.shape.callee(guess);
      if (!signature) continue;
      f.plainIf(this.#pc.eq(i64(guess + BIAS)), () => {
        f.plainUnlikely(this.#tooDeep(), () => {
          this.#leave(LEAVE.go, i64(guess + BIAS), true, this.#here(i));
        });
        this.#direct(i, signature, guess);
      });
      this.#block = b, f.known = known;
    }
    if (kind === "jump") {
      const [back] = i.guesses;
      if (i.guesses.length === 1) {
        f.plainUnlikely(this.#pc.ne(i64(pcOf(back) + BIAS)), () => {
          this.#sync(i, true);
          f.set(this.#status, LEAVE.go);
          this.#end();
        });
        return this.#go(back, i.flagsAfter);
      }
      const keys = [...i.guesses].sort((a, b) => pcOf(a) - pcOf(b));
      if (keys.length) f.plainBlock((other) => this.#choose(keys, other));
      f.forget();
      this.#block = b, f.known = known;
    }
    this.#sync(i, true);
    f.set(this.#status, LEAVE.go);
    if (kind === "return" || (kind === "jump" && i.guesses.length === 1)) return this.#end();
    // Where the target is translated, it is called: also for a jump, whose nested calls return one after the other.
    const slot = this.#lookup(), { guest, engine } = analysis.memories;
    f.plainUnlikely(slot.ltS(0).or(this.#tooDeep()), () => this.#end());
    f.store(guest, "i64.store", 0, this.#pc, analysis.slots.spec.pc);
    f.store(engine, "i32.store", 0, this.count.sub(4), FIELD.count);
    if (kind === "callIndirect") f.store(guest, "i64.store", 0, i64(pcOf(i.next) + BIAS), EXPECTED);
    const call = f.callIndirect(target.regions, target.type, slot, this.#deeper());
    if (kind === "jump" && !this.signature) return f.return(call);
    f.set(this.#status, call);
    if (kind === "jump") return this.#passOn(this.signature!);
    this.#returned(i);
  }

  /** Goes to that of these keys, in order of their addresses, which the pc is; or to `other`. */
  #choose(keys: readonly number[], other: Label): void {
    const { f } = this, i = this.#instruction, b = this.#block, { known } = f, [first] = keys;
    if (keys.length === 1) {
      f.unlikelyBr(other, this.#pc.ne(i64(pcOf(first) + BIAS)));
      return this.#go(first, i.flagsAfter);
    }
    const half = keys.length >> 1,
      choose = (some: readonly number[]) => {
        this.#block = b, this.#instruction = i, f.known = known;
        this.#choose(some, other);
      };
    f.plainIf(
      this.#pc.ltU(i64(pcOf(keys[half]) + BIAS)),
      () => choose(keys.slice(0, half)),
      () => choose(keys.slice(half)),
    );
  }

  /** Returns to the caller as it expects it; falls through when it cannot. */
  #return(i: Instruction, s: Signature): void {
    const { f, shape } = this, { spec, at, isFlag } = this.analysis.slots, { locals } = this.#state;
    const result = shape.result(s), dirty = this.#here(i), some = [...dirty].some((id) => isFlag[id]);
    f.plainBlock((slow) => {
      const expected = f.param(EXPECTED_PARAM, "i64");
      f.unlikelyBr(slow, this.#pc.ne(expected));
      for (const [id, value] of this.#entry) {
        const old = id === at[spec.stack] ? value.add(spec.returnPops ?? 0) : value;
        f.unlikelyBr(slow, (locals[id] as Local<"i64">).ne(old));
      }
      f.unlikelyBr(slow, this.count.leS(0));
      this.#state.spill([...dirty].filter((id) => !s.saved.has(id) && id !== result && !isFlag[id]));
      if (some) f.plainUnlikely(f.param(0, "i32").and(1), () => this.#state.spill(this.#flags));
      f.return(this.count, result === undefined ? i64(0) : locals[result]);
    });
  }
  /** Behind a jump out of the region that was done as a call: with all state in memory, as the caller expects it. */
  #passOn(s: Signature): void {
    const { f } = this, { guest, engine } = this.analysis.memories, { spec, at, list } = this.analysis.slots;
    const load = (id: number) => guest.load("i64.load", 0, list[id].offset);
    f.set(this.count, engine.load("i32.load", 0, FIELD.count));
    f.plainBlock((slow) => {
      f.unlikelyBr(slow, this.#status.or(this.count.leS(0)));
      const expected = f.param(EXPECTED_PARAM, "i64");
      f.unlikelyBr(slow, guest.load("i64.load", 0, spec.pc).ne(expected));
      for (const [id, value] of this.#entry) {
        const old = id === at[spec.stack] ? value.add(spec.returnPops ?? 0) : value;
        f.unlikelyBr(slow, load(id).ne(old));
      }
      const result = this.shape.result(s);
      f.return(this.count, result === undefined ? i64(0) : load(result));
    });
    this.#out(this.#status);
  }
  /** Slot of the region at the pc, or -1. Each place remembers its last one: what is there now has the slot for as long as the module lives. */
  #lookup(): Local<"i32"> {
    const { f, analysis, target: { module } } = this, { engine } = analysis.memories;
    const lastPc = module.global("i64"), lastSlot = module.global("i32");
    const slot = f.let(i32(-1));
    f.plainIf(this.#pc.eq(lastPc), () => f.set(slot, lastSlot), () => {
      const pc = f.let(this.#pc.sub(BIAS));
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
          f.setGlobal(lastPc, this.#pc);
          f.setGlobal(lastSlot, slot);
        });
      });
    });
    return slot;
  }
  /**
   * The kernel is called from inside the region, with all state in memory. When nothing else is due it goes on here; everything is
   * loaded anew, since a handler may write any register.
   */
  enter(host: "syscall" | "call", argument: I32): void {
    const { f, target, analysis } = this, { guest } = analysis.memories, { spec } = analysis.slots;
    const i = this.#instruction, next = i64(pcOf(i.next) + BIAS);
    this.#finish();
    this.#sync(i, true);
    f.store(guest, "i64.store", 0, next, spec.pc);
    this.#storeCount();
    f.set(this.#status, f.call("i32", target.enter[host], argument));
    f.plainUnlikely(this.#status, () => this.#out(i32(LEAVE.budget)));
    f.plainUnlikely(guest.load("i64.load", 0, spec.pc).ne(next), () => this.#out(i32(LEAVE.go)));
    const after = this.graph.byPc.get(i.next);
    if (!after || after.order < 0 || this.#block.cut.has(i.next)) return this.#out(i32(LEAVE.go));
    f.forget();
    this.#reload(this.#wanted(after), after.instructions[0].flagsBefore, true);
    f.setKnown(undefined);
    this.#go(i.next, true);
  }
  interpret(partly: boolean): void {
    if (this.#fail) return this.f.br(this.#fail);
    const i = this.#instruction, dirty = new Ids(this.shape.before.get(i)!);
    if (partly) {
      for (const id of this.shape.own.get(i)!) if (this.shape.reads.get(i)!.has(id)) dirty.add(id);
    }
    this.#unstep(partly);
    this.#leave(LEAVE.interpret, i64(i.pc + BIAS), i.flagsBefore, dirty);
  }

  /** A guest call is a call, and goes on when it returned to where it should. */
  #call(i: Instruction): void {
    const { f, target, analysis } = this, { guest, engine } = analysis.memories, { spec } = analysis.slots;
    f.plainUnlikely(this.#tooDeep(), () => {
      this.#leave(
        LEAVE.go,
        i64(i.target + BIAS),
        true,
        new Set([...this.shape.before.get(i)!, ...this.shape.own.get(i)!]),
      );
    });
    const signature = this.shape.calls(i);
    if (signature) return this.#direct(i, signature, i.target);
    this.#sync(i, target.flagsLive(i.target));
    f.store(guest, "i64.store", 0, i64(i.target + BIAS), spec.pc);
    f.store(guest, "i64.store", 0, i64(pcOf(i.next) + BIAS), EXPECTED);
    f.store(engine, "i32.store", 0, this.count.sub(4), FIELD.count);
    f.set(
      this.#status,
      f.callIndirect(target.regions, target.type, i32(target.slot(i.target)), this.#deeper()),
    );
    this.#returned(i);
  }

  /** A call of a function of this module (shape.ts). */
  #direct(i: Instruction, s: Signature, pc: number): void {
    const { f, target, shape } = this,
      { spec, at, isFlag, list } = this.analysis.slots,
      { locals } = this.#state;
    const { guest } = this.analysis.memories,
      all = this.#here(i),
      through = [...all].filter((id) => !isFlag[id] && shape.passes(id, s));
    this.#state.spill(through);
    if ([...all].some((id) => isFlag[id]) && target.flagsLive(pc)) this.#state.spill(this.#flags);
    const value = f.local("i64"),
      args = s.params.map((id) => {
        return shape.fetches(id, i) ? guest.load("i64.load", 0, list[id].offset) : locals[id];
      });
    const after = this.graph.byPc.get(i.next);
    const wanted = !after || after.order < 0 || this.#block.cut.has(i.next) ||
      after.instructions[0].flagsBefore;
    const depth = (this.signature ? f.param(0, "i32").or(1) : f.param(0, "i32").shl(1).add(1)).add(
      wanted ? 2 : 1,
    );
    f.do(
      s.ref,
      [depth, this.count.sub(4), i64(pcOf(i.next) + BIAS), ...args],
      this.count,
      value,
    );
    f.plainUnlikely(this.count.leS(0), () => {
      this.#state.spill(
        [...all].filter((id) => !isFlag[id] && !s.saved.has(id) && !through.includes(id)),
      );
      this.#out(value.wrap());
    });
    const result = shape.result(s), stack = locals[at[spec.stack]] as Local<"i64">;
    if (result !== undefined) f.set(locals[result], value);
    f.set(stack, stack.add(spec.returnPops ?? 0));
    f.setKnown(undefined);
    if (!after || after.order < 0 || this.#block.cut.has(i.next)) {
      return this.#leave(LEAVE.go, i64(pcOf(i.next) + BIAS), false, shape.behind(i, this.#dirty, s));
    }
    const live = [...this.#wanted(after)];
    this.#reload(
      new Set(live.filter((id) => id !== result && shape.stale(id, s))),
      after.instructions[0].flagsBefore,
    );
    this.#go(i.next, false);
  }

  /** Behind a call: all is in memory; on, if it came back to here. */
  #returned(i: Instruction): void {
    const { f, analysis } = this, { guest, engine } = analysis.memories, { spec } = analysis.slots;
    f.set(this.count, engine.load("i32.load", 0, FIELD.count));
    const elsewhere = guest.load("i64.load", 0, spec.pc).ne(i64(pcOf(i.next) + BIAS));
    f.plainUnlikely(
      this.#status.or(elsewhere).or(this.count.leS(0)),
      () => this.#out(this.#status),
    );
    const after = this.graph.byPc.get(i.next);
    // All is in memory.
    if (!after || after.order < 0 || this.#block.cut.has(i.next)) return this.#out(i32(LEAVE.go));
    f.forget();
    this.#reload(this.#wanted(after), after.instructions[0].flagsBefore);
    f.setKnown(undefined);
    this.#go(i.next, true);
  }
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
