/**
 * One function from a graph. Structured control flow from the dominator tree (N. Ramsey, "Beyond Relooper", 2022): a block
 * with several ways in follows a WebAssembly block that its dominator opens, a loop header is a loop, all else nests where it is
 * branched to.
 */
// cold: constants of 64 bits, while code is generated
import { BIAS, CORE_OPS, FIELD, LEAVE } from "../layout.ts";
import { type I32, i32, type I64, i64, type Label, type Local, type Value } from "../wasm/mod.ts";
import { Calls } from "./calls.ts";
import type { View } from "./known.ts";
import type { Block, Instruction } from "./graph.ts";
import { pcOf } from "./inline.ts";
import { around, candidates, innerOf, lift, type Loop, loopOf, LoopWatch, writtenBefore } from "./loops.ts";
import type { Flow } from "./machine.ts";
import { Ids } from "./shape.ts";
import type { State } from "./state.ts";
import { RegionTrial, trials } from "./trial.ts";

/** Instructions of a loop that is emitted a third time, for the tables where they are. */
const SMALL = 40;

export class Emitter extends Calls implements Flow {
  readonly #labels = new Map<Block, Label>();
  readonly #loops = new Map<Block, Label>();
  /** Loops inside those of the same header. */
  readonly #inner = new Map<Block, { readonly loop: Loop; readonly again: Label }>();
  /** What is emitted will be thrown away. */
  #learning = false;
  /** What the kind of the flags is on the ways into a block. */
  readonly #kinds = new Map<Block, (number | undefined)[]>();
  /** What is known on these ways. */
  readonly #views = new Map<Block, View[]>();
  /** On trial: leaving is failing. */
  #fail: Label | undefined;
  /** The loop without checks that is being emitted. */
  #piece: LoopWatch | undefined;

  emit(): void {
    const { f, analysis, signature, graph: { entry } } = this, { engine } = analysis.memories;
    const live = new Ids(this.shape.liveIn[entry.index]);
    if (signature) {
      for (const id of signature.params) live.delete(id);
      for (const id of signature.saved) this.entry.set(id, f.let(this.state.locals[id] as Local<"i64">));
    } else if (this.counts) f.set(this.count, engine.load("i32.load", 0, FIELD.count));
    this.reload(live, entry.instructions[0].flagsBefore);
    f.forget();
    f.known = undefined;
    this.#tree(this.graph.entry);
    f.unreachable();
  }
  #tree(b: Block): void {
    const { f } = this;
    const body = () => this.#body(b);
    if (!b.isLoop) return this.#within(b.merges, body);
    const watch = this.#learning ? undefined : this.#learn(b), whole = loopOf(b);
    // What follows the loop stands behind it: V8 takes all that stands in it for its body, and what is set there for what it changes.
    lift(this.graph, whole);
    const { merges } = b, inside = merges.filter((m) => whole.body.has(m));
    this.#within(merges.filter((m) => !inside.includes(m)), () => {
      f.plainLoop((again) => {
        this.#loops.set(b, again);
        f.known = undefined;
        f.forget();
        if (!watch) return this.#nest(b, whole, inside, body);
        const inner = inside.filter((m) => watch.loop.body.has(m));
        this.#within(inside.filter((m) => !inner.includes(m)), () => {
          this.#versions(watch, () => this.#within(inner, body));
        });
      });
    });
  }
  /** An inner loop that shares its header with the outer one is a loop of its own: V8 keeps what it needs in registers there. */
  #nest(b: Block, whole: Loop, inside: readonly Block[], body: () => void): void {
    const { f } = this, loop = innerOf(b);
    if (!loop || loop.size * 2 > whole.size) return this.#within(inside, body);
    lift(this.graph, loop);
    const inner = b.merges.filter((m) => loop.body.has(m));
    this.#within(b.merges.filter((m) => whole.body.has(m) && !inner.includes(m)), () => {
      f.plainLoop((again) => {
        this.#inner.set(b, { loop, again });
        f.known = undefined;
        f.forget();
        this.#within(inner, body);
      });
    });
  }
  /** Emits the body of a loop for nothing, to see whether a second version of it would gain something. */
  #learn(header: Block): LoopWatch | undefined {
    const { f } = this, machine = this.machine;
    for (const loop of candidates(header)) {
      lift(this.graph, loop);
      const watch = machine.loop = new LoopWatch(loop, f, this.state, this.shape, this.target.module);
      const place = f.place();
      const ways = this.#ways();
      this.#learning = f.rooting = true, this.state.watcher = watch.narrow;
      this.state.floating = watch.floats;
      f.plainLoop((again) => {
        this.#loops.set(header, again);
        f.known = undefined;
        f.forget();
        for (const m of header.merges) this.#labels.set(m, again);
        this.#within(header.merges.filter((m) => loop.body.has(m)), () => this.#body(header));
      });
      this.#learning = f.rooting = false, machine.loop = this.state.watcher = this.state.floating = undefined;
      f.rewind(place), this.#goBack(ways);
      watch.learned(this.shape.liveIn[header.index]);
      if (watch.gains) return watch;
    }
    return undefined;
  }
  /** How many ways lead to each block so far; and back to that, when what has been emitted since is thrown away. */
  #ways(): ReadonlyMap<Block, number>[] {
    return [this.#kinds, this.#views].map((map) => new Map([...map].map(([b, list]) => [b, list.length])));
  }
  #goBack(ways: ReadonlyMap<Block, number>[]): void {
    [this.#kinds, this.#views].forEach((map: Map<Block, unknown[]>, n) => {
      for (const [b, list] of map) {
        const length = ways[n].get(b);
        if (length === undefined) map.delete(b);
        else list.length = length;
      }
    });
  }
  /** A loop's body without the checks that a test before each piece makes needless (loops.ts), and with them. */
  #versions(watch: LoopWatch, body: () => void): void {
    const { f } = this, whole = watch.rounds * watch.loop.size;
    // Values where a round begins have the same names in both.
    for (const local of this.state.locals) if (local.type === "i64") f.symbol(local);
    const start = f.view(this.state.locals);
    const version = () => {
      f.meet([start]);
      f.known = undefined;
      for (const b of watch.loop.body) this.#kinds.delete(b), this.#views.delete(b);
      body();
    };
    const piece = (fixed?: ReadonlyMap<Local<"i64">, I64>) =>
      f.plainBlock((checked) => {
        f.scope(() => {
          for (const [local, value] of fixed ?? []) f.unlikelyBr(checked, local.ne(value));
          for (const range of watch.ranges) {
            for (const test of watch.tests(range)) f.unlikelyBr(checked, test);
          }
          for (const test of watch.steady.tests()) f.unlikelyBr(checked, test);
          watch.assume(checked, () => around(this.graph, watch.loop.header, this.shape));
        });
        f.unlikelyBr(checked, this.count.leS(whole));
        f.set(this.count, this.count.sub(whole));
        f.set(watch.left, watch.rounds);
        this.#piece = this.machine.loop = watch;
        watch.steady.begin(),
          watch.sums.begin(),
          watch.narrow.begin(),
          watch.floats.begin(),
          watch.collect(this.shape.dirtyIn[watch.loop.header.index]);
        this.state.floating = watch.floats;
        for (const [local, value] of fixed ?? []) f.set(local, value);
        f.plainLoop((again) => {
          watch.again = again;
          version();
        });
        this.#piece = this.machine.loop = this.state.narrow = undefined;
        this.state.floats = this.state.floating = undefined;
        this.state.collected.clear(), this.state.resident.clear();
      });
    const place = f.place(), ways = this.#ways(), fixed = this.#fixed(watch);
    const pieces = () => {
      if (fixed.size) piece(fixed);
      piece();
    };
    pieces();
    if (watch.sums.wrong) {
      this.state.widened = false;
      f.rewind(place), this.#goBack(ways);
      watch.sums.drop(false);
      pieces();
    }
    if (this.state.widened) {
      // Its registers are not as narrow, or not as often floats, as was learned.
      this.state.widened = false;
      f.rewind(place), this.#goBack(ways);
      watch.narrow.locals = new Map(),
        watch.floats.drop(),
        watch.steady.drop(),
        watch.sums.drop(true),
        watch.scatter();
      pieces();
    }
    // Here the windows come to where the tests want them.
    this.machine.windowed = new Set(watch.ranges.map(({ window }) => window));
    version();
    this.machine.windowed = new Set();
  }
  /** Where the tables of a small loop are now, if nothing of the region says so: a constant costs no time on the way from an index to an entry. */
  #fixed({ loop, tables }: LoopWatch): Map<Local<"i64">, I64> {
    const fixed = new Map<Local<"i64">, I64>(), { list } = this.analysis.slots;
    if (loop.size > SMALL) return fixed;
    for (const id of tables) {
      const now = writtenBefore(loop, id, this.shape) ? undefined : this.target.now?.(list[id], loop.body);
      if (now !== undefined) fixed.set(this.state.locals[id] as Local<"i64">, i64(now));
    }
    return fixed;
  }
  protected override get inLoop(): boolean {
    return this.machine.loop !== undefined;
  }
  /** A piece ends with this round. */
  #last(): void {
    this.refund();
    this.f.set(this.count, this.count.sub(this.#piece!.loop.size));
    this.f.set(this.#piece!.left, 1);
  }
  /** What a piece has paid for and not done, when it is left. */
  protected override refund(): void {
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
    this.block = b;
    const { instructions } = b;
    const dirty = new Ids(this.shape.dirtyIn[b.index]);
    this.state.forget();
    this.state.made = new Map();
    this.state.watcher?.block();
    f.begin(this.state.locals);
    const tries = this.target.mark ? [] : trials(instructions, this.shape);
    for (let n = 0; n < instructions.length;) {
      const t = tries[0]?.from === n ? tries.shift() : undefined, end = t?.end ?? n + 1;
      if (t) this.#try(b, instructions.slice(n, end), dirty);
      else this.#each(b, instructions.slice(n, end), dirty);
      for (; n < end; n++) this.shape.after(instructions[n], dirty);
    }
    const last = instructions[instructions.length - 1];
    this.finish();
    if (last.info.kind === "next" && last.info.how !== "leave") {
      this.block = b;
      this.go(last.next, last.flagsAfter);
    }
  }

  /** Instructions one after the other; `before` is dirty there. */
  #each(b: Block, instructions: readonly Instruction[], before: Ids): void {
    const dirty = new Ids(before);
    const [last, beforeLast] = b.instructions.toReversed(), { machine } = this;
    const branch = !this.target.mark && !this.#learning && last.info.kind === "jcc" &&
      last.info.how === "inline" &&
      !last.before.length && !last.addresses.length;
    for (const i of instructions) {
      this.block = b, this.instruction = i, this.dirty = dirty;
      machine.awaited = branch && i === beforeLast;
      this.f.scope(() => this.#one(i));
      this.shape.after(i, dirty);
    }
  }
  /** Floating point on trial (trial.ts). */
  #try(b: Block, instructions: readonly Instruction[], dirty: Ids): void {
    const { f } = this, state = this.state, machine = this.machine, written: Ids = new Ids();
    for (const i of instructions) written.join(this.shape.own.get(i)!);
    state.settle();
    let left: ReturnType<State["shape"]>, made: State["made"], summed = false;
    f.scope(() => {
      // Named before, so that both versions know how far they move them.
      for (const id of written) f.symbol(state.locals[id]);
      const own = [...written].filter((id) => !state.resident.has(id));
      const old = own.map((id) => [state.place(id), f.let(state.place(id) as Value)] as const);
      f.attempt((fail) => {
        const trial = new RegionTrial(
          state,
          fail,
          machine.loop,
          instructions.some((i) => this.analysis.mayFuse(i.op)),
        );
        machine.tried = trial, this.#fail = fail, state.tried = true;
        this.#each(b, instructions, dirty);
        machine.tried = this.#fail = undefined, state.tried = false;
        trial.end();
        left = state.shape(), made = state.made, summed = trial.summed;
        state.forget();
      }, () => {
        for (const [local, value] of old) f.set(local, value);
      }, () => {
        // What it does otherwise it does here only.
        const { floating } = state;
        state.floating = undefined;
        this.#each(b, instructions, dirty);
        state.conform(left);
        state.made = made;
        if (summed) this.#last();
        state.floating = floating;
      });
    });
  }

  /** The instructions of the block are there; what it does next comes behind its checks. */
  protected override finish(): void {
    this.state.settleAll();
    this.machine.loop?.endBlock();
    const { f } = this, b = this.block, first = b.instructions[0], known = f.known;
    f.endBlock((checks) =>
      this.machine.checks(checks, () => {
        const { shape } = this, pc = i64(b.pc + BIAS);
        this.leave(LEAVE.interpret, pc, first.flagsBefore, shape.keptIn(b), false, shape.dirtyIn[b.index]);
      })
    );
    f.known = known;
  }
  #one(i: Instruction): void {
    const m = this.machine, { info } = i;
    m.loop?.at(i);
    if (this.target.mark) {
      if (!this.#learning) this.target.mark(i, this.f.w.length);
      this.#step(i);
      if (info.clock) {
        this.finish();
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
      this.finish();
      return this.interpret(false);
    }
    if (info.stirs) this.state.settle(this.shape.own.get(i)!);
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
    f.store(engine, "i32.store", 0, steps.sub(this.instruction.info.def.fused ? 2 : 1), FIELD.steps);
    if (partly) f.store(engine, "i32.store", 0, 1, FIELD.partly);
  }

  /** The interpreter's function does it: with all state in memory. */
  #operation(i: Instruction): void {
    const { f, target, analysis } = this;
    const { isFlag } = analysis.slots;
    const before = this.shape.kept(i), { temporary } = analysis.slots.spec;
    if (i.before.length || i.addresses.length) before.add(analysis.slots.at[temporary]);
    this.state.spill([...before].filter((id) => !isFlag[id]));
    this.state.spill(this.flags);
    const op = i.op - analysis.operations.hot;
    f.wrote();
    f.set(this.status, f.callIndirect(target.operations, target.type, i32(op), i32(i.record)));
    f.plainUnlikely(this.status, () => {
      // Nothing was done, or it says what is left to do: the interpreter finds that out again.
      this.#unstep(true);
      this.tellDead(this.shape.before.get(i), before);
      f.store(analysis.memories.guest, "i64.store", 0, i64(i.pc + BIAS), analysis.slots.spec.pc);
      this.storeCount();
      this.out(i32(LEAVE.interpret));
    });
    const live = this.shape.liveAfter(i);
    if (i.after.length) { for (const id of this.shape.own.get(i)!) live.add(id); }
    this.reload(live, true);
    this.state.forget();
    f.forget();
    f.setKnown(undefined);
  }

  /** Continues at a key. */
  protected override go(key: number, flags: boolean): void {
    const { f } = this, to = this.graph.byPc.get(key), pc = pcOf(key);
    if (!to || to.order < 0 || this.block.cut.has(key)) {
      return this.leave(LEAVE.go, i64(pc + BIAS), flags, this.shape.dirtyOut[this.block.index], true);
    }
    const piece = this.#piece;
    if (piece?.loop.header === to) {
      const { left } = piece;
      this.state.reload(this.shape.loads(this.block, to));
      f.set(left, left.sub(1));
      f.brIf(piece.again!, left);
      this.state.widen();
      return f.br(this.#loops.get(to)!);
    }
    if (piece && !piece.loop.body.has(to)) this.refund(), this.state.widen();
    if (to.order <= this.block.order) {
      this.state.reload(this.shape.loads(this.block, to));
      f.set(this.count, this.count.sub(to.loopSize));
      f.plainUnlikely(
        this.count.leS(0),
        () =>
          this.leave(
            LEAVE.budget,
            i64(pc + BIAS),
            to.instructions[0].flagsBefore,
            this.shape.keptOn(this.block, to),
            false,
            this.shape.dirtyOut[this.block.index],
          ),
      );
      const inner = this.#inner.get(to);
      return f.br(inner?.loop.body.has(this.block) ? inner.again : this.#loops.get(to)!);
    }
    this.state.reload(this.shape.loads(this.block, to));
    if (to.isMerge) {
      const kinds = this.#kinds.get(to);
      const view = f.view(this.state.locals);
      if (kinds) kinds.push(f.known), this.#views.get(to)!.push(view);
      else this.#kinds.set(to, [f.known]), this.#views.set(to, [view]);
      return f.br(this.#labels.get(to)!);
    }
    this.#tree(to);
  }

  branchIf(cond: I32): void {
    const { f, machine } = this,
      b = this.block,
      i = this.instruction,
      { parts } = cond,
      { deferred } = machine;
    machine.deferred = undefined;
    if (deferred && !parts) deferred.put();
    this.finish();
    let kind = f.known;
    const taken = () => (this.block = b, f.known = kind, this.go(i.target, i.flagsAfter));
    const next = () => (this.block = b, f.known = kind, this.go(i.next, i.flagsAfter));
    if (!parts) f.plainIf(cond, taken, next);
    else {
      // Chosen flags are set where it is known which.
      const [one, other] = deferred?.kinds ?? [kind, kind],
        [then, otherwise] = parts.is ? [taken, next] : [next, taken];
      f.plainBoth(parts.all, deferred?.choice, () => (kind = one, then()), () => {
        kind = one === other ? one : undefined;
        otherwise();
      });
    }
    f.unreachable();
  }
  branch(): void {
    const i = this.instruction;
    this.finish();
    if (i.info.kind === "jmp") return this.go(i.target, i.flagsAfter);
    this.call(i);
  }

  interpret(partly: boolean): void {
    if (this.#fail) return this.f.br(this.#fail);
    const i = this.instruction, dirty = this.shape.kept(i);
    if (partly) {
      for (const id of this.shape.own.get(i)!) if (this.shape.reads.get(i)!.has(id)) dirty.add(id);
    }
    this.#unstep(partly);
    this.leave(LEAVE.interpret, i64(i.pc + BIAS), i.flagsBefore, dirty, false, this.shape.before.get(i));
  }
}
