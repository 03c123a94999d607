/**
 * The machine of a region: operands are locals and constants, because the record is known. Registers live in locals for
 * the whole region; the interpreter's functions and its slow path for memory are called where they are better.
 */
// cold: constants of 64 bits, while code is generated
import { ACCESS, BIAS, FIELD, PAGE_BIAS, PAGES, RECORD, WINDOW } from "../layout.ts";
import type { Cause, Choice, Env, Machine, OpDef, Operand, OperandSpec, Trial, TypeOf } from "../machine.ts";
import {
  type Address,
  type FunctionRef,
  type I32,
  i32,
  type I64,
  i64,
  type Int,
  type Label,
  type Load,
  Local,
  type Store,
  type Type,
  type V128,
  type Value,
  value,
} from "../wasm/mod.ts";
import { fuses } from "./fuses.ts";
import { BaseEnv, type Helper, type Helpers } from "./env.ts";
import type { RegionFunc } from "./func.ts";
import { type Check, CONSTANT, REACH, type Symbol, type Word } from "./known.ts";
import type { LoopWatch, Parts } from "./loops.ts";
import type { SlotSpec } from "./slots.ts";
import { paging } from "./window.ts";
import { firstLane, floatOf, LoadedFloat, type Memories, Sourced, type State } from "./state.ts";
import { Unsupported } from "./parts.ts";

/** Logarithm of the size of an entry of {@link PAGES}. */
/**
 * Constants of addresses, up to this, that accesses in loops have apart: V8 compares the rest with a limit that it has found before the loop.
 * What can be accessed begins higher, so that the rest is not below 0.
 */
const APART = 0x8000;
const ENTRY = Math.log2(PAGES.size);

/** The name of what a conditional comparison has chosen. */
const CHOSEN = "chosen";

/** Fields of a record that say what its operands are. Registers are offsets in the state block. */
export interface Fields {
  readonly a: number;
  readonly b: number;
  readonly base: number;
  readonly index: number;
  /** As the record has it; the register that it may name is {@link registerIn}'s. */
  readonly scale: number;
  readonly disp: number;
  readonly imm: number;
}

/** Offset of the register operand: what its declaration says, else the first is in a, others in b. */
export function registerIn(fields: Fields, spec: OperandSpec, nth: number, slots: SlotSpec): number {
  const field = spec.field ?? (spec.place === "reg" && nth > 0 ? "b" : "a");
  return field === "scale" ? fields.scale << (slots.fieldShift ?? 0) : fields[field];
}

/** 32 bits of the record from a byte of it on, or what is left of its word. */
function bytesAt(fields: Fields, at: number): number {
  if (at === RECORD.scale) return fields.scale;
  return (at >= RECORD.imm ? fields.imm : fields.disp) >> 8 * (at & 3);
}

/** What semantics do that ends an instruction; the region's emitter decides how. */
export interface Flow {
  branchIf(cond: I32): void;
  branch(): void;
  jump(pc: I64): void;
  enter(host: "syscall" | "call", argument: I32, number: I64 | undefined): void;
  /** Leaves the region before this instruction; the interpreter does it. `partly`: it may have written some of what it reads. */
  interpret(partly: boolean): void;
  readonly count: I32;
}

export class RegionMachine extends BaseEnv implements Machine {
  readonly f: RegionFunc;
  /** Helpers that were asked for. */
  readonly used: Set<Helper> = new Set();
  /** The instruction at hand. */
  def!: OpDef;
  #form = 0;
  #fields!: Fields;
  /** What the temporary is the address of, if it is a sum of registers. */
  #computed: Fields | undefined;
  #pc = 0;
  #length = 0;
  flagsWanted = true;
  flow!: Flow;
  ended = false;
  /** By address: what its constant is added to. */
  readonly #apart = new Map<Address, { readonly from: Local<"i64">; readonly disp: number }>();
  /** The loop whose body is emitted, if it comes in two versions. */
  loop: LoopWatch | undefined;
  #stored = false;
  /** Register operands that semantics read, or wrote only in part. */
  operandReads: boolean[] = [];
  /** What the semantics asked for (for the analysis). */
  asked = {
    branchIf: false,
    branch: false,
    jump: false,
    enter: false,
    nextPc: false,
    raise: false,
    late: false,
    clock: false,
    segment: false,
    trial: false,
    effects: false,
    budget: false,
    fuses: false,
  };

  /** The block ends behind this instruction, with a branch: chosen flags are left to that. */
  awaited = false;
  /** They are. */
  deferred: { put(): void; readonly kinds: Choice["kinds"]; readonly choice: Choice["put"] } | undefined;

  /** What the instruction's last load has got, where that is known without it. */
  recalled: bigint | undefined;

  readonly inline = true;
  /** Set by the emitter while it tries a run. */
  tried: Trial | undefined;
  get trial(): Trial | undefined {
    this.asked.trial = true;
    return this.tried;
  }
  get fuses(): boolean {
    this.asked.fuses = true;
    return fuses();
  }

  constructor(readonly values: State, memories: Memories, helpers: Helpers) {
    super(memories, helpers);
    this.f = values.f;
  }

  once(key: string, offsets: readonly number[], compute: () => I32): I32 {
    const { values } = this, from = offsets.map((o) => values.locals[values.slots.at[o]]);
    // Noted as read in any case.
    const v = compute();
    if (this.loop?.assumes(key, from.map((l) => values.locals.indexOf(l)), compute)) return i32(1);
    return this.f.held(key, from, () => v);
  }
  collect(offset: number, bits: number, v: V128): boolean {
    const { loop, values } = this, id = values.slots.at[offset];
    if (!loop?.collects(id, bits, this.tried !== undefined)) return false;
    values.collect(id, v);
    return true;
  }
  defer(cond: I32): void {
    this.f.unlikely(cond, () => this.flow.interpret(false));
  }

  get parameter(): number {
    return this.def.parameter ?? 0;
  }

  emit(
    def: OpDef,
    form: number,
    fields: Fields,
    pc: number,
    length: number,
    flagsWanted: boolean,
    flow: Flow,
  ): void {
    this.def = def, this.#form = form, this.#fields = fields, this.#pc = pc, this.#length = length;
    this.flagsWanted = flagsWanted, this.flow = flow, this.ended = false;
    this.operandReads = [], this.values.base = this.f.w.depth, this.#stored = false;
    this.recalled = undefined;
    def.before?.(this);
    let registers = 0;
    const operands = def.operands.map((spec, place) => {
      if (spec.place !== "mem") {
        const nth = spec.place === "reg" ? registers++ : 0;
        const field = registerIn(fields, spec, nth, this.values.slots.spec);
        return new RegionOperand(this, spec, field, undefined, place);
      }
      const address = this.#addressOf(this.#form === 1, spec.extend);
      const { misaligned, misalignedCause = "protection" } = spec;
      const access = spec.access === "r" ? ACCESS.read : ACCESS.write;
      const sum = this.#sum(form === 1);
      const window = this.helpers.windows.of(sum.fields, sum.indexed, access), bytes = spec.size >> 3;
      const multiple = misaligned === undefined ? 1 : bytes;
      if (
        spec.access !== "none" && this.#pageOf(address, bytes) === undefined &&
        this.loop?.access(address, bytes, access, window, this.#parts(form === 1, spec.extend), multiple)
      ) return new RegionOperand(this, spec, 0, address);
      if (misaligned !== undefined) {
        this.f.if(address.wrap().and((spec.size >> 3) - 1), () => {
          this.setField("i64.store", FIELD.address, address.add(BIAS));
          this.raise(misalignedCause, misaligned);
        });
      }
      if (spec.access !== "none") this.#check(address, bytes, access, window);
      return new RegionOperand(this, spec, 0, address);
    });
    this.#computed = undefined;
    def.semantics(this, ...operands);
  }

  /** The record's address, or what was computed into the temporary that it names: its registers tell more. */
  #sum(indexed: boolean): { readonly fields: Fields; readonly indexed: boolean } {
    const fields = this.#fields, inner = this.#computed, { temporary, zero } = this.values.slots.spec;
    if (!inner || fields.base !== temporary || (indexed && fields.index !== zero)) return { fields, indexed };
    return { fields: { ...inner, disp: inner.disp + fields.disp }, indexed: true };
  }
  /** The slots of the record's operand, where its address is a sum of them. */
  #parts(indexed: boolean, extend: OperandSpec["extend"]): Parts | undefined {
    const { spec: { zero }, at } = this.values.slots, sum = this.#sum(indexed);
    const half = indexed && extend !== undefined && this.#fields.index !== zero;
    if (half && extend === "sign") return undefined;
    const { base, index, scale, disp } = sum.fields;
    const slot = (offset: number) => offset === zero ? undefined : at[offset];
    const parts = { base: slot(base), index: sum.indexed ? slot(index) : undefined, scale, disp, half };
    // What is in no local may be anything.
    return parts.base === -1 || parts.index === -1 ? undefined : parts;
  }
  /** The address of the operand; its constant is {@link APART}. */
  #addressOf(indexed: boolean, extend: OperandSpec["extend"]): Local<"i64"> {
    const { f } = this, { disp, base, index } = this.#fields, { zero } = this.values.slots.spec;
    const some = base !== zero || (indexed && index !== zero);
    const address = f.let(this.effectiveAddress(indexed, extend));
    if (!this.loop || !some || disp <= 0 || disp > APART) return address;
    const from = f.let(this.effectiveAddress(indexed, extend, 0));
    this.#apart.set(address, { from, disp });
    return address;
  }
  /** The address of the record's operand. */
  effectiveAddress(indexed: boolean, extend?: OperandSpec["extend"], disp = this.#fields.disp): I64 {
    const { base, index, scale } = this.#fields, { zero } = this.values.slots.spec;
    let address = base === zero ? undefined : this.state("i64.load", base);
    if (indexed && index !== zero) {
      const load = extend === "zero" ? "i64.load32_u" : extend === "sign" ? "i64.load32_s" : "i64.load";
      const x = this.state(load, index).shl(scale);
      address = address ? address.add(x) : x;
    }
    return address ? disp ? address.add(disp) : address : i64(disp);
  }
  /** For the operations that compute an address into the temporary. */
  setAddress(fields: Fields, narrow: boolean, absolute: bigint | undefined): void {
    this.#fields = fields;
    const { temporary, zero } = this.values.slots.spec;
    const plain = absolute === undefined && !narrow && fields.a === zero && fields.base !== temporary &&
      fields.index !== temporary;
    this.#computed = plain ? fields : undefined;
    let v: I64 = absolute === undefined ? this.effectiveAddress(true) : i64(absolute);
    if (narrow) v = v.and(0xffffffff);
    if (fields.a !== zero) v = this.state("i64.load", fields.a).add(v);
    this.setState("i64.store", temporary, v);
  }

  /** 1 when the fast test of an access fails, as in the interpreter. */
  #suspicious(address: I64, bytes: number, access: number): I32 {
    const page = this.memories.pages.load("i32.load8_u", address.wrap().shrU(12), PAGE_BIAS);
    const refused = page.and(access).eqz().or(address.shrU(32).wrap());
    return bytes === 1 ? refused : refused.or(address.wrap().and(4095).gtU(4096 - bytes));
  }
  #check(address: Local<"i64">, bytes: number, access: number, window: number): void {
    // Of the stack there is one window, for writing: a frame needs one check.
    if (access & ACCESS.write || window === this.helpers.windows.stack) access = ACCESS.write;
    const { f } = this;
    if (bytes > REACH / 2) {
      f.unlikely(this.#suspicious(address, bytes, access), () => {
        f.unlikely(this.probe(address, bytes, access), () => this.flow.interpret(false));
      });
      return;
    }
    const symbol = f.symbol(address)!, page = this.#pageOf(address, bytes);
    if (page !== undefined) return this.#checkPage(page, access);
    if (f.proven(symbol, access, bytes) || f.checkEarly(symbol, access, bytes, window)) return;
    const check = f.check(symbol, access, bytes, address, window);
    f.plainUnlikely(this.#outside(check), () => {
      f.plainUnlikely(this.#look(check), () => this.flow.interpret(false));
    });
  }
  /** The page of an address that is known. */
  #pageOf(address: Local<"i64">, bytes: number): number | undefined {
    const { id, plus } = this.f.symbol(address)!;
    const known = id === CONSTANT && plus >= 0 && (plus & 4095) + bytes <= 4096 && plus < 2 ** 32;
    return known ? Math.floor(plus / 4096) : undefined;
  }
  /** Of an address that is known: one comparison, with the page that is remembered (PAGES in layout.ts); for a loop before its pieces. */
  #checkPage(page: number, access: number): void {
    const { f, memories: { guest } } = this, entry = page % PAGES.entries * PAGES.size;
    const remembered = () =>
      guest.load("i64.load", 0, (access === ACCESS.write ? PAGES.write : PAGES.read) + entry).eq(i64(page));
    if (this.loop?.remembers(`${page} ${access}`, remembered)) return;
    const check = f.page(page, access);
    if (!check) return;
    f.plainUnlikely(this.#outside(check), () => {
      f.plainUnlikely(this.#look(check), () => this.flow.interpret(false));
    });
  }
  /** 1 when a check fails. */
  #outside({ low, last, window, page }: Check): I32 {
    const { memories: { guest } } = this;
    if (page !== undefined) {
      const entry = page % PAGES.entries * PAGES.size;
      return guest.load("i64.load", 0, (window ? PAGES.write : PAGES.read) + entry).ne(i64(page));
    }
    if (this.#paged(window)) {
      // Bytes on two pages are none of either's.
      const entry = low.shrU(12 - ENTRY).and((PAGES.entries - 1) << ENTRY);
      const known = guest.load("i64.load", entry, window & WINDOW.size ? PAGES.write : PAGES.read);
      return last.shrU(12).ne(known);
    }
    const distance = low.sub(guest.load("i64.load", 0, window + WINDOW.start));
    return distance.geU(guest.load("i64.load", 0, window + WINDOW.length));
  }
  /** 1 when the access is refused. */
  #look({ low, request, window, page }: Check): I32 {
    const paged = page !== undefined || this.#paged(window);
    return this.f.call("i32", this.helpers.window, low, request, paged ? 0 : window);
  }
  /** Windows that are looked through here in any case. */
  windowed: ReadonlySet<number> = new Set();
  #paged(window: number): boolean {
    const { windows } = this.helpers;
    // A check of the frame may still grow: its last byte is not known.
    if (window === windows.stack || this.windowed.has(window)) return false;
    return paging.always || windows.paged.has(window);
  }
  override probe(address: I64, bytes: number | I32, access: number): I32 {
    this.loop?.spoil();
    return super.probe(address, bytes, access);
  }

  /**
   * The checks at the start of a block; `leave` is emitted for when one refuses. Each has its own place behind, where it is known to have failed: one
   * that was made once more there V8 would keep the result of, and test that.
   */
  checks(checks: readonly Check[], leave: () => void): void {
    const { f } = this;
    f.scope(() => {
      // Zero, since a later check may be the first that fails; and what a local held before V8 would keep for it, in all loops around.
      const refused = f.let(i32(0)), outs: Label[] = [];
      f.plainBlock((inside) => {
        const behind = (n: number) => {
          if (n < 0) {
            checks.forEach((check, k) => f.unlikelyBr(outs[k], this.#outside(check)));
            return f.br(inside);
          }
          const asked = () => this.#look(checks[n]);
          if (n === 0) {
            f.plainBlock((out) => (outs[0] = out, behind(-1)));
            return f.set(refused, asked());
          }
          f.plainBlock((after) => {
            f.plainBlock((out) => {
              outs[n] = out, behind(n - 1);
              f.brIf(after, this.#outside(checks[n]).eqz());
            });
            f.set(refused, refused.or(asked()));
          });
        };
        behind(checks.length - 1);
        f.plainUnlikely(refused, leave);
      });
    });
  }
  override store<N extends Store>(name: N, address: Address, v: Value<TypeOf<N>> | number, offset = 0): void {
    this.#stored = this.asked.effects = true;
    this.#wrote(name, address, value(name.split(".")[0] as Type, v as never), offset);
    const float = name === "i64.store" || name === "i32.store" ? floatOf(v as Value) : undefined;
    if (float) this.#put(`${float.type}.store` as "f64.store", address, float as Value<"f64">, offset);
    else this.#put(name, address, value(name.split(".")[0] as Type, v as never), offset);
  }
  #put<N extends Store>(name: N, address: Address, v: Value, offset: number): void {
    const { loop } = this, once = loop ? this.f.let(v) : v;
    const apart = this.#apart.get(address);
    if (apart) super.store(name, apart.from, once as Value<TypeOf<N>>, offset + apart.disp);
    else super.store(name, address, once as Value<TypeOf<N>>, offset);
    const place = loop?.steady.store(name, address, once, offset);
    if (place !== undefined) loop!.sums.wrote(place, this.values.madeOfFloat(v));
  }
  #symbolOf(address: Address, offset: number): Symbol | undefined {
    const s = typeof address === "number" ? undefined : this.f.symbol(address as Value);
    return s && { id: s.id, plus: s.plus + offset };
  }
  #wrote(name: Store, address: Address, v: Value, offset: number): void {
    const to = this.#symbolOf(address, offset), bits = /store(\d+)/.exec(name)?.[1] ?? /\d+/.exec(name)![0];
    this.f.wrote(to, Number(bits) / 8, to && name === "i64.store" ? this.#wordOf(to, v as I64) : undefined);
  }
  /** What is to be known of a stored word: a constant; and on the stack a copy, for who takes back what was saved there. */
  #wordOf(to: Symbol, v: I64): Word["value"] | undefined {
    if (v.constant !== undefined) return BigInt(v.constant);
    const { f, values: { locals, slots } } = this;
    if (
      !(v instanceof Local) || this.loop || !f.always ||
      to.id !== f.symbol(locals[slots.at[slots.spec.stack]])?.id
    ) return undefined;
    const copy = f.fixed("i64");
    f.set(copy, v);
    return copy;
  }
  override load<N extends Load>(name: N, address: Address, offset = 0): Value<TypeOf<N>> {
    const at = name === "i64.load" ? this.#symbolOf(address, offset) : undefined;
    const word = at && this.f.wordAt(at);
    this.recalled = typeof word === "bigint" ? word : undefined;
    if (word !== undefined) return (typeof word === "bigint" ? i64(word) : word) as Value as Value<TypeOf<N>>;
    const zeros = name === "v128.load64_zero" || name === "v128.load32_zero";
    const type = name.includes("64") ? "f64" : "f32", alone = zeros ? `${type}.load` as const : name;
    const place = this.loop?.steady.load(alone, address, offset);
    const plain = (name: Load) => this.#load(name, address, offset) as Value;
    if (alone !== "f64.load" && alone !== "f32.load") {
      return (place?.value ?? plain(name)) as Value<TypeOf<N>>;
    }
    // For tests of floats (middling.ts).
    const vector = this.tried && !place?.value && type === "f64"
      ? this.f.let(plain("v128.load64_zero")) as Local<"v128">
      : undefined;
    const v = place?.value ?? (vector ? firstLane(type, vector) : plain(alone));
    const float = new Sourced(v as Value<"f64">, { type, place: place?.key, vector });
    return (zeros ? new LoadedFloat(vector ?? plain(name) as V128, float) : float) as Value as Value<
      TypeOf<N>
    >;
  }
  #load<N extends Load>(name: N, address: Address, offset: number): Value<TypeOf<N>> {
    const apart = this.#apart.get(address);
    return apart ? super.load(name, apart.from, offset + apart.disp) : super.load(name, address, offset);
  }
  override copy(to: Address, from: Address, bytes: Int): void {
    this.asked.effects = true;
    this.f.wrote(), this.loop?.steady.wrote();
    super.copy(to, from, bytes);
  }
  override fill(to: Address, byte: I32, bytes: Int): void {
    this.asked.effects = true;
    this.f.wrote(), this.loop?.steady.wrote();
    super.fill(to, byte, bytes);
  }
  state<N extends Load>(name: N, offset: number): Value<TypeOf<N>> {
    return this.values.load(name, offset) as Value<TypeOf<N>>;
  }
  setState<N extends Store>(name: N, offset: number, v: Value<TypeOf<N>> | number): void {
    if (this.values.slots.at[offset] < 0) this.asked.effects = true;
    this.values.store(name, offset, value(name.split(".")[0] as Type, v as never));
  }
  kinds(): readonly number[] | undefined {
    return this.f.either;
  }
  choose({ cond, left, right, ...choice }: Choice, offsets: readonly number[], put: () => void): void {
    const { f, values } = this, from = offsets.map((o) => values.locals[values.slots.at[o]]);
    if (this.awaited) this.deferred = { put, kinds: choice.kinds, choice: choice.put };
    else put();
    const l = f.hold(`${CHOSEN} left ${left.type}`, from, left as I64);
    const r = f.hold(`${CHOSEN} right ${left.type}`, from, right as I64);
    f.hold(CHOSEN, from, cond, { ...choice, left: l, right: r });
    if (f.known === undefined) f.either = choice.kinds;
  }
  chosen(): Choice | undefined {
    const cond = this.f.holding(CHOSEN) as I32 | undefined;
    return cond && { ...this.f.heldWith(CHOSEN) as Omit<Choice, "cond">, cond };
  }
  /** Of registers that an operand's `group` names; everything else is for the interpreter. */
  stateAt<N extends Load>(name: N, index: I32, offset: number): Value<TypeOf<N>> {
    const at = this.#fixedAt(index, offset);
    return this.values.quietly(() => this.state(name, at));
  }
  setStateAt<N extends Store>(name: N, index: I32, offset: number, v: Value<TypeOf<N>> | number): void {
    const at = this.#fixedAt(index, offset);
    this.values.quietly(() => this.setState(name, at, v));
  }
  #fixedAt(index: I32, offset: number): number {
    if (index.constant === undefined || !this.def.operands.some((o) => o.group)) {
      throw new Unsupported("computed offset in the state block");
    }
    return Number(index.constant) + offset;
  }
  host(name: string): FunctionRef {
    throw new Unsupported(`JavaScript ${name}`);
  }
  override field<N extends Load>(name: N, offset: number): Value<TypeOf<N>> {
    if (offset === FIELD.time) this.asked.clock = true;
    return super.field(name, offset);
  }
  override helper(
    name: string,
    params: readonly Type[],
    results: readonly Type[],
    body: (env: Env, ...params: Value<never>[]) => void,
  ): FunctionRef {
    const helper = this.helpers.helper(name, params, results, body);
    if (helper.opaque) throw new Unsupported(`function ${name}`);
    this.f.wrote();
    for (const id of helper.reads) this.values.reads.add(id);
    for (const id of helper.writes) {
      this.values.writes.add(id), this.values.reads.add(id);
      if (this.values.slots.list[id].type === "v128") this.values.stirred = true;
    }
    this.used.add(helper);
    return helper;
  }

  checked(guestAddress: I64, bytes: number, access: number): I64 {
    const address = this.f.let(guestAddress.sub(BIAS)), { stack } = this.helpers.windows;
    if (bytes > REACH / 2 || !this.loop?.access(address, bytes, access, stack, undefined, 1)) {
      this.#check(address, bytes, access, stack);
    }
    return address;
  }
  fixed(offset: number, size: number): Operand {
    return new RegionOperand(this, { place: "fixed", size, access: "rw", offset, zeroUpper: true }, 0);
  }
  segment(): I64 {
    this.asked.segment = true;
    return this.state("i64.load", this.#fields.base);
  }
  narrow(): I32 {
    return i32(this.#fields.scale);
  }
  immediate(): I32 {
    return i32(this.#fields.imm);
  }
  get fields(): Fields {
    return this.#fields;
  }
  pc(): I64 {
    return i64(this.#pc + BIAS);
  }
  nextPc(): I64 {
    this.asked.nextPc = true;
    return i64(this.#pc + this.#length + BIAS);
  }
  raise(_cause: Cause, _vector: number, _error: number | I32 = 0): void {
    this.asked.raise = true;
    this.flow.interpret(false);
  }
  fault(): void {
    // Done once more it would read what it has written: nothing of its progress is in registers.
    if (this.#stored && !this.values.writes.size) this.asked.late = true;
    this.flow.interpret(true);
  }
  yield(): void {
    this.flow.interpret(true);
  }
  budget(): I32 {
    this.asked.budget = true;
    return this.flow.count;
  }
  branchIf(cond: I32): void {
    this.asked.branchIf = true;
    this.ended = true;
    this.flow.branchIf(cond);
  }
  branch(): void {
    this.asked.branch = true;
    this.ended = true;
    this.flow.branch();
  }
  jump(pc: I64): void {
    this.asked.jump = true;
    this.ended = true;
    this.flow.jump(pc);
  }
  enter(host: "syscall" | "call", argument: I32, number?: number): void {
    this.asked.enter = true;
    this.flow.enter(host, argument, number === undefined ? undefined : this.state("i64.load32_u", number));
  }
}

class RegionOperand implements Operand {
  readonly place: OperandSpec["place"];
  readonly size: number;

  constructor(
    readonly m: RegionMachine,
    readonly spec: OperandSpec,
    readonly field: number,
    readonly memory?: Local<"i64">,
    /** Its place among the operands. */
    readonly at = -1,
  ) {
    this.place = spec.place, this.size = spec.size;
  }
  /** The slot of a register, or -1. */
  get id(): number {
    return this.place === "reg" || this.place === "fixed"
      ? this.m.values.slots.at[(this.place === "reg" ? this.field : 0) + (this.spec.offset ?? 0)]
      : -1;
  }
  get address(): I64 {
    if (!this.memory) throw new Error(`${this.m.def.name}: not a memory operand`);
    return this.memory;
  }
  get index(): I32 {
    return i32(this.field >> (this.m.values.slots.spec.fieldShift ?? 0));
  }
  load<N extends Load>(name: N, offset = 0): Value<TypeOf<N>> {
    switch (this.place) {
      case "mem":
        return this.m.load(name, this.address, offset);
      case "reg":
        if (this.at >= 0) this.m.operandReads[this.at] = true;
        return this.m.values.quietly(() => this.m.state(name, this.field + (this.spec.offset ?? 0) + offset));
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
        if (
          this.at >= 0 && (this.m.f.w.depth !== this.m.values.base || offset ||
            (name !== "i64.store" && name !== "v128.store") ||
            (name === "i64.store" &&
              this.m.values.slots.list[this.m.values.slots.at[this.spec.offset ?? 0]]?.type !== "i64"))
        ) this.m.operandReads[this.at] = true;
        return this.m.values.quietly(() =>
          this.m.setState(name, this.field + (this.spec.offset ?? 0) + offset, v)
        );
      case "fixed":
        return this.m.setState(name, this.spec.offset! + offset, v);
      case "imm":
        throw new Error("an immediate cannot be written");
    }
  }
  read(): Int {
    if (this.place === "imm") return this.#immediate(false);
    return this.load(
      ({ 8: "i32.load8_u", 16: "i32.load16_u", 32: "i32.load", 64: "i64.load" } as const)[this.size as 8],
    ) as Int;
  }
  signed(): Int {
    if (this.place === "imm") return this.#immediate(true);
    if (this.size >= 32) return this.read();
    return this.load(this.size === 16 ? "i32.load16_s" : "i32.load8_s") as Int;
  }
  #immediate(signed: boolean): Int {
    const { size, m: { fields } } = this;
    if (size === 64 && this.spec.wideImmediate) {
      return i64(BigInt(fields.imm) << 32n | BigInt(fields.disp >>> 0)) as Int;
    }
    const imm = bytesAt(fields, this.spec.at ?? RECORD.imm);
    if (size === 64) return i64(imm) as Int;
    if (size === 32) return i32(imm) as Int;
    if (size === 16) return i32(signed ? imm << 16 >> 16 : imm & 0xffff) as Int;
    return i32(signed ? imm << 24 >> 24 : imm & 0xff) as Int;
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
