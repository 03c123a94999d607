/** The machine of the interpreter: operands come from the record, control flow is the loop's or a returned status. */
import { ACCESS, BIAS, CHUNK, CHUNK_INFO, FIELD, INFO, PAGE_BIAS, RECORD, STATUS } from "./layout.ts";
import type { Generator, Variant } from "./interpreter.ts";
import {
  type Cause,
  CAUSES,
  type Env,
  type Machine,
  type OpDef,
  type Operand,
  type OperandSpec,
  type RegisterField,
  type TypeOf,
} from "./machine.ts";
import {
  type Address,
  type Func,
  type FunctionRef,
  type I32,
  i32,
  type I64,
  type Int,
  type Label,
  type Load,
  type Local,
  type Store,
  type Type,
  type Value,
} from "./wasm/mod.ts";

/** Locals and labels of the big loop, for operations that are cases of it. */
export interface LoopContext {
  /** The record that is executed. */
  readonly record: Local<"i32">;
  /** What is left of the budget, plus its ordinal. */
  readonly count: Local<"i32">;
  /** Why the loop is left. */
  readonly status: Local<"i32">;
  /** Leaves the loop. */
  readonly exit: Label;
  /** Executes `record`. */
  readonly dispatch: Label;
}

/** The environment of helper functions. */
export class HelperEnv implements Env {
  /** Everything is emitted into `f`. */
  constructor(readonly g: Generator, readonly f: Func) {}

  state<N extends Load>(name: N, offset: number): Value<TypeOf<N>> {
    return this.g.guest.load(name, 0, offset);
  }
  /** See {@link Env.setState}. */
  setState<N extends Store>(name: N, offset: number, v: Value<TypeOf<N>> | number): void {
    this.f.store(this.g.guest, name, 0, v as never, offset);
  }
  stateAt<N extends Load>(name: N, index: I32, offset: number): Value<TypeOf<N>> {
    return this.g.guest.load(name, index, offset);
  }
  /** See {@link Env.setStateAt}. */
  setStateAt<N extends Store>(name: N, index: I32, offset: number, v: Value<TypeOf<N>> | number): void {
    this.f.store(this.g.guest, name, index, v as never, offset);
  }
  load<N extends Load>(name: N, address: Address, offset = 0): Value<TypeOf<N>> {
    return this.g.guest.load(name, address, offset);
  }
  /** See {@link Env.store}. */
  store<N extends Store>(name: N, address: Address, v: Value<TypeOf<N>> | number, offset = 0): void {
    this.f.store(this.g.guest, name, address, v as never, offset);
  }
  copy(to: Address, from: Address, bytes: Int): void {
    this.f.copy(this.g.guest, this.g.guest, to, from, bytes as I64);
  }
  /** See {@link Env.fill}. */
  fill(to: Address, byte: I32, bytes: Int): void {
    this.f.fill(this.g.guest, to, byte, bytes as I64);
  }
  field<N extends Load>(name: N, offset: number): Value<TypeOf<N>> {
    return this.g.engine.load(name, 0, offset);
  }
  /** See {@link Env.setField}. */
  setField<N extends Store>(name: N, offset: number, v: Value<TypeOf<N>> | number): void {
    this.f.store(this.g.engine, name, 0, v as never, offset);
  }
  permissions(address: I64): I32 {
    return this.g.pages.load("i32.load8_u", address.wrap().shrU(12), PAGE_BIAS);
  }
  probe(address: I64, bytes: number | I32, access: number): I32 {
    const size = typeof bytes === "number" ? i32(bytes | access << 16) : bytes.or(access << 16);
    return this.f.call("i32", this.g.slow, address, size);
  }
  helper(
    name: string,
    params: readonly Type[],
    results: readonly Type[],
    body: (env: Env, ...params: Value<never>[]) => void,
  ): FunctionRef {
    return this.g.helper(name, params, results, body);
  }
  host(name: string): FunctionRef {
    const ref = this.g.hosts.get(name);
    if (!ref) throw new Error(`no host function ${name}`);
    return ref;
  }
}

/** Operands from the record that `record` points to; control flow by the loop, or by the returned status. */
export class RecordMachine extends HelperEnv implements Machine {
  readonly flagsWanted: boolean;
  readonly parameter: number;
  readonly inline: boolean = false;
  readonly trial: undefined = undefined;
  readonly fuses: boolean = false;
  /** See {@link Machine.collect}. */
  collect(): boolean {
    return false;
  }
  /** See {@link Machine.once}. */
  once(_key: string, _offsets: readonly number[], compute: () => I32): I32 {
    return compute();
  }
  /** See {@link Machine.defer}. */
  defer(): void {
    throw new Error("the interpreter defers nothing");
  }
  /** The end of the instruction was emitted. */
  ended = false;
  readonly #form: number;

  /** Everything is emitted into `f`. */
  constructor(
    g: Generator,
    f: Func,
    readonly def: OpDef,
    variant: Variant,
    readonly record: Local<"i32">,
    readonly loop?: LoopContext,
  ) {
    super(g, f);
    this.flagsWanted = !def.flags || variant.flags === 1;
    this.#form = variant.form;
    this.parameter = def.parameter ?? 0;
  }

  /** Address, check, semantics. */
  emit(): void {
    this.def.before?.(this);
    let registers = 0;
    const operands = this.def.operands.map((spec) => {
      if (spec.place !== "mem") {
        return new RecordOperand(
          this,
          spec,
          spec.field ?? (spec.place === "reg" && registers++ > 0 ? "b" : "a"),
        );
      }
      const address = this.f.let(this.effectiveAddress(this.#form === 1, spec.extend));
      const { misaligned, misalignedCause = "protection" } = spec;
      if (misaligned !== undefined) {
        this.f.if(address.wrap().and((spec.size >> 3) - 1), () => {
          this.setField("i64.store", FIELD.address, address.add(BIAS));
          this.raise(misalignedCause, misaligned);
        });
      }
      if (spec.access !== "none") {
        this.#check(address, spec.size >> 3, spec.access === "r" ? ACCESS.read : ACCESS.write);
      }
      return new RecordOperand(this, spec, "a", address);
    });
    this.def.semantics(this, ...operands);
  }

  /** A register whose slot is in a field of the record. */
  slot<N extends Load>(name: N, field: RegisterField, offset = 0): Value<TypeOf<N>> {
    return this.g.guest.load(name, this.slotAddress(field), offset);
  }
  /** Address of the register that a field names. */
  slotAddress(field: RegisterField): Address {
    const { wide, fieldShift = 0 } = this.g.spec;
    return (this.g.engine.load(wide ? "i64.load8_u" : "i32.load8_u", this.record, RECORD[field]) as Int).shl(
      fieldShift,
    );
  }

  /** The address of the memory operand. */
  effectiveAddress(indexed: boolean, extend?: OperandSpec["extend"]): I64 {
    const { engine } = this.g;
    let address = this.slot("i64.load", "base").add(engine.load("i64.load32_s", this.record, RECORD.disp));
    if (indexed) {
      const scale = engine.load("i64.load8_u", this.record, RECORD.scale);
      const load = extend === "zero" ? "i64.load32_u" : extend === "sign" ? "i64.load32_s" : "i64.load";
      address = address.add(this.slot(load, "index").shl(scale));
    }
    return address;
  }

  #check(address: Local<"i64">, bytes: number, access: number): void {
    if (access & ACCESS.write) access = ACCESS.write;
    this.f.if(this.g.suspicious(address, bytes, access), () => {
      const { untag } = this.g;
      if (untag) this.f.set(address, this.f.call("i64", untag, address));
      this.f.if(this.probe(address, bytes, access), () => this.exit(STATUS.fault));
    });
  }

  checked(guestAddress: I64, bytes: number, access: number): I64 {
    const address = this.f.let(guestAddress.sub(BIAS));
    this.#check(address, bytes, access);
    return address;
  }

  fixed(offset: number, size: number): Operand {
    return new RecordOperand(this, { place: "fixed", size, access: "rw", offset, zeroUpper: true }, "a");
  }
  segment(): I64 {
    return this.slot("i64.load", "base");
  }
  /** See {@link Machine.narrow}. */
  narrow(): I32 {
    return this.g.engine.load("i32.load8_u", this.record, RECORD.scale);
  }
  immediate(): I32 {
    return this.g.engine.load("i32.load", this.record, RECORD.imm);
  }

  #info(): I32 {
    return this.record.and(~(CHUNK - 1)).add(this.record.and(0xffff).shrU(1));
  }
  /** See {@link Machine.pc}. */
  pc(): I64 {
    return this.g.engine.load("i64.load32_u", this.#info(), CHUNK_INFO + INFO.pc).add(BIAS);
  }
  nextPc(): I64 {
    const info = this.f.let(this.#info()), { engine } = this.g;
    return engine.load("i64.load32_u", info, CHUNK_INFO + INFO.pc)
      .add(engine.load("i64.load8_u", info, CHUNK_INFO + INFO.length)).add(BIAS);
  }

  /** Leaves with a status. */
  exit(status: number): void {
    if (this.loop) this.f.set(this.loop.status, status), this.f.br(this.loop.exit);
    else this.f.return(i32(status));
  }
  raise(cause: Cause, vector: number, error: number | I32 = 0): void {
    this.setField("i32.store", FIELD.cause, CAUSES.indexOf(cause));
    this.setField("i32.store", FIELD.vector, vector);
    this.setField("i32.store", FIELD.error, error);
    this.exit(STATUS.trap);
  }
  fault(): void {
    this.exit(STATUS.fault);
  }
  yield(): void {
    this.exit(STATUS.yield);
  }
  budget(): I32 {
    return this.loop?.count ?? this.field("i32.load", FIELD.count);
  }

  branchIf(cond: I32): void {
    this.f.if(cond, () => this.branch());
    // Not taken: a fused pair also passes the record of its branch.
    if (this.def.fused) {
      this.f.set(this.record, this.record.add(2 * RECORD.size));
      this.f.br(this.loop!.dispatch);
    }
    this.ended = !!this.def.fused;
  }
  /** See {@link Machine.branch}. */
  branch(): void {
    const { f, loop } = this, at = this.def.fused ? RECORD.size : 0;
    if (!loop) return f.return(i32(STATUS.taken));
    f.set(loop.count, loop.count.sub(this.g.engine.load("i32.load", loop.record, RECORD.imm + at)));
    f.set(loop.record, this.g.engine.load("i32.load", loop.record, RECORD.disp + at));
    f.brIf(loop.dispatch, loop.count.gtS(0));
    this.exit(STATUS.budget);
    this.ended = true;
  }

  jump(pc: I64): void {
    const { f, loop } = this, { engine } = this.g;
    if (!loop) {
      this.setField("i64.store", FIELD.target, pc);
      return f.return(i32(STATUS.jump));
    }
    const to = f.let(pc.sub(BIAS)), low = f.let(to.wrap()), found = f.local("i32");
    this.setState("i64.store", this.g.spec.pc, to.add(BIAS));
    f.set(loop.count, loop.count.sub(engine.load("i32.load8_u", loop.record, RECORD.ordinal).add(1)));
    f.if(loop.count.leS(0), () => (f.set(loop.record, 0), this.exit(STATUS.budget)));
    f.if(
      to.eq(engine.load("i64.load", 0, FIELD.expected)),
      () => (f.set(loop.record, 0), this.exit(STATUS.returned)),
    );
    f.if(to.shrU(32).eqz(), () => {
      const directory = engine.load("i32.load", 0, FIELD.directory);
      const level = engine.load("i32.load", directory.add(low.shrU(22).shl(2)));
      const page = engine.load("i32.load", level.add(low.shrU(12).and(1023).shl(2)));
      f.set(found, engine.load("i32.load", page.add(low.and(4095).shl(2))));
      f.if(found.eqz(), () => f.set(found, f.call("i32", this.g.near, low)));
      f.if(found, () => {
        f.set(loop.record, found);
        f.set(loop.count, loop.count.add(engine.load("i32.load8_u", found, RECORD.ordinal)));
        f.br(loop.dispatch);
      });
    });
    this.setField("i32.store", FIELD.count, loop.count);
    f.set(found, f.call("i32", this.g.hosts.get("miss")!, i32(0)));
    f.if(found, () => {
      f.set(loop.record, found);
      f.set(loop.count, loop.count.add(engine.load("i32.load8_u", found, RECORD.ordinal)));
      f.br(loop.dispatch);
    });
    f.set(loop.record, 0);
    this.exit(STATUS.fetch);
    this.ended = true;
  }

  enter(host: "syscall" | "call", argument: I32): void {
    const { f, loop } = this, next = f.let(this.nextPc());
    if (loop) this.setField("i32.store", FIELD.count, loop.count);
    this.setState("i64.store", this.g.spec.pc, next);
    const leave = f.call("i32", this.g.hosts.get(host)!, argument);
    f.if(leave, () => this.exit(STATUS.leave));
    // The kernel may have sent it elsewhere: into a signal's handler, or back from one.
    const pc = f.let(this.state("i64.load", this.g.spec.pc)), { ended } = this;
    f.if(pc.ne(next), () => this.jump(pc));
    this.ended = ended;
  }
}

class RecordOperand implements Operand {
  readonly place: OperandSpec["place"];
  readonly size: number;

  constructor(
    readonly m: RecordMachine,
    readonly spec: OperandSpec,
    readonly field: RegisterField,
    readonly memory?: Local<"i64">,
  ) {
    this.place = spec.place, this.size = spec.size;
  }

  get address(): I64 {
    if (!this.memory) throw new Error(`${this.m.def.name}: not a memory operand`);
    return this.memory;
  }

  get index(): I32 {
    return this.m.g.engine.load("i32.load8_u", this.m.record, RECORD[this.field]);
  }

  load<N extends Load>(name: N, offset = 0): Value<TypeOf<N>> {
    switch (this.place) {
      case "mem":
        return this.m.load(name, this.address, offset);
      case "reg":
        return this.m.slot(name, this.field, (this.spec.offset ?? 0) + offset);
      case "fixed":
        return this.m.state(name, this.spec.offset! + offset);
      case "imm":
        throw new Error("an immediate has no address");
    }
  }
  store<N extends Store>(name: N, v: Value<TypeOf<N>>, offset = 0): void {
    switch (this.place) {
      case "mem":
        return this.m.store(name, this.address, v, offset);
      case "reg":
        return this.m.f.store(
          this.m.g.guest,
          name,
          this.m.slotAddress(this.field),
          v as never,
          (this.spec.offset ?? 0) + offset,
        );
      case "fixed":
        return this.m.setState(name, this.spec.offset! + offset, v);
      case "imm":
        throw new Error("an immediate cannot be written");
    }
  }

  read(): Int {
    const { m, size } = this;
    if (this.place === "imm") {
      const at = this.spec.at ?? RECORD.imm;
      if (size === 64) {
        if (this.spec.wideImmediate) return m.g.engine.load("i64.load", m.record, RECORD.disp) as Int;
        return m.g.engine.load("i64.load32_s", m.record, at) as Int;
      }
      if (size === 32) return m.g.engine.load("i32.load", m.record, at) as Int;
      return m.g.engine.load(size === 16 ? "i32.load16_u" : "i32.load8_u", m.record, at) as Int;
    }
    return this.load(
      ({ 8: "i32.load8_u", 16: "i32.load16_u", 32: "i32.load", 64: "i64.load" } as const)[size as 8],
    ) as Int;
  }
  signed(): Int {
    const { m, size } = this;
    if (size >= 32) return this.read();
    if (this.place === "imm") {
      return m.g.engine.load(size === 16 ? "i32.load16_s" : "i32.load8_s", m.record, RECORD.imm) as Int;
    }
    return this.load(size === 16 ? "i32.load16_s" : "i32.load8_s") as Int;
  }
  write(v: Int): void {
    const { size } = this;
    if (size === 64) return this.store("i64.store", v as I64);
    if (size === 32) {
      if (this.place !== "mem" && this.spec.zeroUpper) return this.store("i64.store", (v as I32).extendU());
      return this.store("i32.store", v as I32);
    }
    this.store(size === 16 ? "i32.store16" : "i32.store8", v.wrap());
  }
}
