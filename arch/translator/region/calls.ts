/**
 * Calls, returns and computed jumps of a region: directly where the callee is in the module (shape.ts), within the region where it has been
 * copied (inline.ts) or a table says where it goes, through the table of regions else; and calls of the kernel.
 */
// cold: constants of 64 bits, while code is generated
import { ANSWERS, BIAS, EXPECTED, FIELD, LEAVE } from "../layout.ts";
import { type I32, i32, type I64, i64, type Label, type Local } from "../wasm/mod.ts";
import { Exits, EXPECTED_PARAM } from "./exits.ts";
import type { Instruction } from "./graph.ts";
import { pcOf, SPACE } from "./inline.ts";
import { Ids, type Signature } from "./shape.ts";

/** What a region does where it goes somewhere else. */
export abstract class Calls extends Exits {
  /** Continues at a key. */
  protected abstract go(key: number, flags: boolean): void;
  /** The instructions of the block are there; what it does next comes behind its checks. */
  protected abstract finish(): void;
  /** A loop without checks is being emitted, or learned. */
  protected abstract get inLoop(): boolean;

  jump(pc: I64): void {
    const { f, target, analysis } = this, i = this.instruction, { kind } = i.info;
    const { recalled } = this.machine;
    f.set(this.pc, pc);
    this.finish();
    if (kind === "return" && this.signature) this.#return(i, this.signature);
    const { known } = f, { block: b, dirty } = this;
    // Code that has been emitted on one way has its own block, instruction and dirt.
    const again = () => (this.block = b, this.instruction = i, this.dirty = dirty, f.known = known);
    for (const guess of kind === "callIndirect" ? i.guesses : []) {
      if (guess >= SPACE) {
        f.plainIf(this.pc.eq(i64(pcOf(guess) + BIAS)), () => this.go(guess, i.flagsAfter));
        again();
        continue;
      }
      const signature = this.inLoop ? undefined : this.shape.callee(guess);
      if (!signature) continue;
      f.plainIf(this.pc.eq(i64(guess + BIAS)), () => {
        f.plainUnlikely(this.tooDeep(), () => {
          this.leave(LEAVE.go, i64(guess + BIAS), true, this.here(i));
        });
        this.#direct(i, signature, guess);
      });
      again();
    }
    if (kind === "jump") {
      const [back] = i.guesses;
      if (i.guesses.length === 1) {
        // Its return address is what the call has pushed: nothing was written there since.
        if (recalled === BigInt(pcOf(back) + BIAS)) return this.go(back, i.flagsAfter);
        f.plainUnlikely(this.pc.ne(i64(pcOf(back) + BIAS)), () => {
          this.refund();
          this.sync(i, true);
          f.set(this.status, LEAVE.go);
          this.end();
        });
        return this.go(back, i.flagsAfter);
      }
      const keys = [...i.guesses].sort((a, b) => pcOf(a) - pcOf(b));
      if (keys.length) f.plainBlock((other) => this.#choose(keys, other));
      f.forget();
      again();
    }
    if (this.inLoop) this.refund(), this.machine.loop!.guessed();
    this.sync(i, true);
    f.set(this.status, LEAVE.go);
    // What is called here returns to no piece of a loop.
    if (this.inLoop) return this.chains ? this.onward() : this.end();
    if (kind === "return" || (kind === "jump" && i.guesses.length === 1)) return this.end();
    if (kind === "jump" && this.chains) return this.onward();
    if (kind === "jump" && target.mark) return this.end();
    // Where the target is translated, it is called: also for a jump, whose nested calls return one after the other.
    const slot = this.#lookup(), { guest, engine } = analysis.memories;
    const waits = kind === "callIndirect" && !target.mark;
    f.plainUnlikely(waits ? this.tooDeep() : slot.ltS(0).or(this.tooDeep()), () => this.end());
    f.store(guest, "i64.store", 0, this.pc, analysis.slots.spec.pc);
    f.store(engine, "i32.store", 0, this.count.sub(4), FIELD.count);
    if (kind === "callIndirect") f.store(guest, "i64.store", 0, i64(pcOf(i.next) + BIAS), EXPECTED);
    const call = () => f.set(this.status, f.callIndirect(target.regions, target.type, slot, this.deeper()));
    if (waits) f.plainIf(slot.geS(0), call);
    else call();
    if (kind === "jump") return this.#passOn(this.signature!);
    this.#returned(i);
  }

  /** Goes to that of these keys, in order of their addresses, which the pc is; or to `other`. */
  #choose(keys: readonly number[], other: Label): void {
    const { f, instruction: i, block: b, dirty } = this, { known } = f, [first] = keys;
    if (keys.length === 1) {
      f.unlikelyBr(other, this.pc.ne(i64(pcOf(first) + BIAS)));
      return this.go(first, i.flagsAfter);
    }
    const half = keys.length >> 1,
      choose = (some: readonly number[]) => {
        this.block = b, this.instruction = i, this.dirty = dirty, f.known = known;
        this.#choose(some, other);
      };
    f.plainIf(
      this.pc.ltU(i64(pcOf(keys[half]) + BIAS)),
      () => choose(keys.slice(0, half)),
      () => choose(keys.slice(half)),
    );
  }

  /** Returns to the caller as it expects it; falls through when it cannot. */
  #return(i: Instruction, s: Signature): void {
    const { f, shape } = this, { spec, at, isFlag } = this.analysis.slots, { locals } = this.state;
    const result = shape.result(s), dirty = this.here(i), some = [...dirty].some((id) => isFlag[id]);
    f.plainBlock((slow) => {
      const expected = f.param(EXPECTED_PARAM, "i64");
      f.unlikelyBr(slow, this.pc.ne(expected));
      for (const [id, value] of this.entry) {
        const old = id === at[spec.stack] ? value.add(spec.returnPops ?? 0) : value;
        f.unlikelyBr(slow, (locals[id] as Local<"i64">).ne(old));
      }
      f.unlikelyBr(slow, this.count.leS(0));
      this.state.spill([...dirty].filter((id) => !s.saved.has(id) && id !== result && !isFlag[id]));
      if (some) f.plainUnlikely(f.param(0, "i32").and(1), () => this.state.spill(this.flags));
      f.return(this.count, result === undefined ? i64(0) : locals[result]);
    });
  }
  /** Behind a jump out of the region that was done as a call: with all state in memory, as the caller expects it. */
  #passOn(s: Signature): void {
    const { f } = this, { guest, engine } = this.analysis.memories, { spec, at, list } = this.analysis.slots;
    const load = (id: number) => guest.load("i64.load", 0, list[id].offset);
    f.set(this.count, engine.load("i32.load", 0, FIELD.count));
    f.plainBlock((slow) => {
      f.unlikelyBr(slow, this.status.or(this.count.leS(0)));
      const expected = f.param(EXPECTED_PARAM, "i64");
      f.unlikelyBr(slow, guest.load("i64.load", 0, spec.pc).ne(expected));
      for (const [id, value] of this.entry) {
        const old = id === at[spec.stack] ? value.add(spec.returnPops ?? 0) : value;
        f.unlikelyBr(slow, load(id).ne(old));
      }
      const result = this.shape.result(s);
      f.return(this.count, result === undefined ? i64(0) : load(result));
    });
    this.out(this.status);
  }
  /** Slot of the region at the pc, or -1. Each place remembers its last one: what is there now has the slot for as long as the module lives. */
  #lookup(): Local<"i32"> {
    const { f, analysis, target: { module } } = this;
    const lastPc = module.global("i64"), lastSlot = module.global("i32");
    const slot = f.let(lastSlot);
    f.plainUnlikely(this.pc.ne(lastPc), () => {
      f.set(slot, f.call("i32", analysis.find, this.pc.sub(BIAS)));
      f.plainIf(slot.geS(0), () => {
        f.setGlobal(lastPc, this.pc);
        f.setGlobal(lastSlot, slot);
      });
    });
    return slot;
  }
  /**
   * The kernel is called from inside the region, with all state in memory. When nothing else is due it goes on here; everything is
   * loaded anew, since a handler may write any register.
   */
  enter(host: "syscall" | "call", argument: I32, number: I64 | undefined): void {
    const { f, target, analysis } = this, { guest } = analysis.memories, { spec } = analysis.slots;
    const i = this.instruction, next = i64(pcOf(i.next) + BIAS);
    if (number) f.set(this.pc, number);
    this.finish();
    this.sync(i, true);
    const ask = () => {
      f.store(guest, "i64.store", 0, next, spec.pc);
      this.storeCount();
      f.set(this.status, f.call("i32", target.enter[host], argument));
      f.plainUnlikely(this.status, () => this.out(i32(LEAVE.budget)));
      f.plainUnlikely(guest.load("i64.load", 0, spec.pc).ne(next), () => this.out(i32(LEAVE.go)));
    };
    if (number && spec.result !== undefined) this.#answer(this.pc, spec.result, ask);
    else ask();
    const after = this.graph.byPc.get(i.next);
    if (!after || after.order < 0 || this.block.cut.has(i.next)) return this.out(i32(LEAVE.go));
    f.forget();
    this.reload(this.wanted(after), after.instructions[0].flagsBefore, true);
    f.setKnown(undefined);
    this.go(i.next, true);
  }
  /** The answer to the call with this number, if the kernel has said that it stays the same; else it is asked. */
  #answer(number: I64, result: number, ask: () => void): void {
    const { f } = this, { guest, engine } = this.analysis.memories;
    const entry = f.let(number.and(ANSWERS.entries - 1).mul(ANSWERS.size).wrap());
    const known = engine.load("i64.load", entry, ANSWERS.first);
    f.plainIf(
      known.eq(number.or(engine.load("i64.load", 0, FIELD.stamp))),
      () =>
        f.store(guest, "i64.store", 0, engine.load("i64.load", entry, ANSWERS.first + ANSWERS.value), result),
      ask,
    );
  }
  /** A guest call is a call, and goes on when it returned to where it should. */
  protected call(i: Instruction): void {
    const { f, target, analysis } = this, { guest, engine } = analysis.memories, { spec } = analysis.slots;
    f.plainUnlikely(this.tooDeep(), () => {
      this.leave(
        LEAVE.go,
        i64(i.target + BIAS),
        true,
        new Set([...this.shape.before.get(i)!, ...this.shape.own.get(i)!]),
      );
    });
    const signature = this.shape.calls(i);
    if (signature) return this.#direct(i, signature, i.target);
    this.sync(i, target.flagsLive(i.target));
    f.store(guest, "i64.store", 0, i64(i.target + BIAS), spec.pc);
    f.store(guest, "i64.store", 0, i64(pcOf(i.next) + BIAS), EXPECTED);
    f.store(engine, "i32.store", 0, this.count.sub(4), FIELD.count);
    f.set(
      this.status,
      f.callIndirect(target.regions, target.type, i32(target.slot(i.target)), this.deeper()),
    );
    this.#returned(i);
  }

  /** A call of a function of this module (shape.ts). */
  #direct(i: Instruction, s: Signature, pc: number): void {
    const { f, target, shape } = this,
      { spec, at, isFlag, list } = this.analysis.slots,
      { locals } = this.state;
    const result = shape.result(s), stack = locals[at[spec.stack]] as Local<"i64">;
    const { guest } = this.analysis.memories,
      all = this.here(i),
      through = [...all].filter((id) => !isFlag[id] && shape.passes(id, s));
    this.state.spill(through.filter((id) => !shape.takes(id, s)));
    if ([...all].some((id) => isFlag[id]) && target.flagsLive(pc)) this.state.spill(this.flags);
    const value = f.local("i64"),
      args = s.params.map((id) => {
        return shape.fetches(id, i) ? guest.load("i64.load", 0, list[id].offset) : locals[id];
      });
    const after = this.graph.byPc.get(i.next);
    const wanted = !after || after.order < 0 || this.block.cut.has(i.next) ||
      after.instructions[0].flagsBefore;
    const depth = (this.signature ? f.param(0, "i32").or(1) : f.param(0, "i32").shl(1).add(1)).add(
      wanted ? 2 : 1,
    );
    f.wrote();
    f.do(
      s.ref,
      [depth, this.count.sub(4), i64(pcOf(i.next) + BIAS), ...args],
      this.count,
      value,
    );
    f.plainUnlikely(this.count.leS(0), () => {
      this.state.spill(
        [...all].filter((id) => !isFlag[id] && !s.saved.has(id) && !through.includes(id)),
      );
      this.#await(i, value.wrap());
      if (target.mark || (this.signature && !this.signature.unknown)) return;
      // As behind a return: what is wanted, what differs from memory there, and the stack pointer before it is moved.
      const used = new Ids(shape.behind(i, this.dirty, s));
      if (after) used.join(this.wanted(after));
      this.reload([...used].filter((id) => id !== result && id !== at[spec.stack]), false);
      f.set(stack, guest.load("i64.load", 0, list[at[spec.stack]].offset).sub(spec.returnPops ?? 0));
      if (result !== undefined) f.set(value, guest.load("i64.load", 0, list[result].offset));
    });
    if (result !== undefined) f.set(locals[result], value);
    f.set(stack, stack.add(spec.returnPops ?? 0));
    f.setKnown(undefined);
    if (!after || after.order < 0 || this.block.cut.has(i.next)) {
      return this.leave(LEAVE.go, i64(pcOf(i.next) + BIAS), false, shape.behind(i, this.dirty, s), true);
    }
    const live = [...this.wanted(after)];
    this.reload(
      new Set(live.filter((id) => id !== result && shape.stale(id, s))),
      after.instructions[0].flagsBefore,
    );
    this.go(i.next, false);
  }

  /** What was called has been left, with all state in memory: goes on when the guest has come back to here, or is left as well. */
  #await(i: Instruction, status: I32): void {
    const { f, target, analysis, signature } = this;
    // What its callers have is not in memory, or everything is compared.
    if (target.mark || (signature && !signature.unknown)) return this.out(status);
    f.set(
      this.status,
      f.call("i32", analysis.nest, this.deeper(), i64(pcOf(i.next) + BIAS), status),
    );
    f.plainUnlikely(this.status, () => this.out(this.status));
    f.set(this.count, analysis.memories.engine.load("i32.load", 0, FIELD.count));
  }

  /** Behind a call: all is in memory; on, if it came back to here. */
  #returned(i: Instruction): void {
    const { f, analysis } = this, { guest, engine } = analysis.memories, { spec } = analysis.slots;
    f.set(this.count, engine.load("i32.load", 0, FIELD.count));
    const elsewhere = guest.load("i64.load", 0, spec.pc).ne(i64(pcOf(i.next) + BIAS));
    f.plainUnlikely(this.status.or(elsewhere).or(this.count.leS(0)), () => this.#await(i, this.status));
    const after = this.graph.byPc.get(i.next);
    // All is in memory.
    if (!after || after.order < 0 || this.block.cut.has(i.next)) {
      return this.chains ? f.returnCall(analysis.next, f.param(0, "i32")) : this.out(i32(LEAVE.go));
    }
    f.forget();
    this.reload(this.wanted(after), after.instructions[0].flagsBefore);
    f.setKnown(undefined);
    this.go(i.next, true);
  }
}
