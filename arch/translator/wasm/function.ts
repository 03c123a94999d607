/**
 * Function bodies: locals, structured control flow, memory. Statements emit at once, in the order they are called;
 * expressions (`Value`) emit when a statement consumes them.
 */
import { type Arg, type I32, type I64, type Int, type ResultOf, type Type, Value, value } from "./value.ts";
import { Writer } from "./writer.ts";

/** Encodings of the value types. */
export const TYPE_BYTE: Record<Type, number> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** Opcodes and types of the loads. */
// deno-fmt-ignore
export const LOADS = {
  "i32.load": [0x28, "i32"], "i64.load": [0x29, "i64"], "f32.load": [0x2a, "f32"], "f64.load": [0x2b, "f64"],
  "i32.load8_s": [0x2c, "i32"], "i32.load8_u": [0x2d, "i32"], "i32.load16_s": [0x2e, "i32"], "i32.load16_u": [0x2f, "i32"],
  "i64.load8_s": [0x30, "i64"], "i64.load8_u": [0x31, "i64"], "i64.load16_s": [0x32, "i64"], "i64.load16_u": [0x33, "i64"],
  "i64.load32_s": [0x34, "i64"], "i64.load32_u": [0x35, "i64"], "v128.load": [0xfd00, "v128"],
  "v128.load32_zero": [0xfd5c, "v128"], "v128.load64_zero": [0xfd5d, "v128"],
  "v128.load8x8_s": [0xfd01, "v128"], "v128.load8x8_u": [0xfd02, "v128"], "v128.load16x4_s": [0xfd03, "v128"],
  "v128.load16x4_u": [0xfd04, "v128"], "v128.load32x2_s": [0xfd05, "v128"], "v128.load32x2_u": [0xfd06, "v128"],
} as const satisfies Record<string, readonly [number, Type]>;
/** Opcodes and types of the stores. */
// deno-fmt-ignore
export const STORES = {
  "i32.store": [0x36, "i32"], "i64.store": [0x37, "i64"], "f32.store": [0x38, "f32"], "f64.store": [0x39, "f64"],
  "i32.store8": [0x3a, "i32"], "i32.store16": [0x3b, "i32"], "i64.store8": [0x3c, "i64"], "i64.store16": [0x3d, "i64"],
  "i64.store32": [0x3e, "i64"], "v128.store": [0xfd0b, "v128"],
} as const satisfies Record<string, readonly [number, Type]>;
/** Names of WebAssembly's loads; the part before the dot is the type of the result. */
export type Load = keyof typeof LOADS;
/** Names of WebAssembly's stores; the part before the dot is the type of the value. */
export type Store = keyof typeof STORES;

/** An address: a number is a constant. */
export type Address = Int | number;

/**
 * A memory of the module. Addresses of either width are accepted and converted to what the memory takes: this is the one
 * place that knows whether guest memory is memory64 or memory32.
 */
export class Mem {
  /** `wide`: a memory64. */
  constructor(readonly index: number, readonly wide: boolean) {}

  /** The address in the memory's own width. */
  address(a: Address): Value<"i32" | "i64"> {
    if (typeof a === "number") return value(this.wide ? "i64" : "i32", a);
    return this.wide ? a.extendU() : a.wrap();
  }

  /** Writes alignment, memory and offset of an access. */
  emitArg(w: Writer, offset: number): void {
    w.byte(this.index ? 0x40 : 0); // alignment hint 1; bit 6: a memory index follows
    if (this.index) w.u(this.index);
    w.u(offset);
  }

  /** Its size in bytes, modulo 4 GiB. */
  size(): Value<"i32"> {
    return new Value("i32", (w) => {
      w.byte(0x3f), w.u(this.index); // memory.size
      if (this.wide) w.byte(0xa7); // i32.wrap_i64
      w.byte(0x41), w.byte(16), w.byte(0x74); // i32.const 16, i32.shl
    });
  }

  /** `load("i64.load8_u", address, constant offset)`. */
  load<N extends Load>(name: N, a: Address, offset = 0): Value<ResultOf<N>> {
    const [code, type] = LOADS[name], address = this.address(a);
    const v = new Value(type as ResultOf<N>, (w) => {
      address.emit(w);
      if (code > 255) w.byte(0xfd), w.u(code & 255);
      else w.byte(code);
      this.emitArg(w, offset);
    });
    if (name.endsWith("8_u")) v.most = 0xff;
    else if (name.endsWith("16_u")) v.most = 0xffff;
    return v;
  }
}

/** A function of the module, declared before its body so that others can call it. */
export interface FunctionRef {
  /** Its index in the module. */
  readonly index: number;
  /** Types of the parameters. */
  readonly params: readonly Type[];
  /** Types of the results. */
  readonly results: readonly Type[];
}

/** A local variable: reading it is using it as a value. */
export class Local<T extends Type = Type> extends Value<T> {
  /** A local that exists. */
  constructor(type: T, readonly index: number) {
    super(type, (w) => (w.byte(0x20), w.u(index)));
  }
}

/** A variable of an instance: reading it is using it as a value. */
export class Global<T extends Type = Type> extends Value<T> {
  /** One that exists. */
  constructor(type: T, readonly index: number) {
    super(type, (w) => (w.byte(0x23), w.u(index)));
  }
}

/** A place to branch to: the start of a loop, the end of a block. */
export interface Label {
  /** Blocks around it. */
  readonly depth: number;
}

/** Builds the body of one function. */
export class Func {
  /** The bytes of the body. */
  readonly w: Writer = new Writer(1024);
  #types: Type[] = [];
  /** Locals given back by scopes, by type. */
  #free: Record<Type, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };
  #scope: Local[] | undefined;

  /** A body for `ref`. */
  constructor(readonly ref: FunctionRef) {}

  /** A parameter as a variable. */
  param<T extends Type>(index: number, type: T): Local<T> {
    if (this.ref.params[index] !== type) throw new Error(`parameter ${index} is ${this.ref.params[index]}`);
    return new Local(type, index);
  }

  /** A local of this type. It may hold an old value: set it first. Given back at the end of the `scope` it was made in. */
  local<T extends Type>(type: T): Local<T> {
    let index = this.#free[type].pop();
    if (index === undefined) {
      index = this.ref.params.length + this.#types.length;
      this.#types.push(type);
    }
    const local = new Local(type, index);
    this.#scope?.push(local);
    return local;
  }

  /** A local that no scope gives back. */
  fixed<T extends Type>(type: T): Local<T> {
    this.#types.push(type);
    return new Local(type, this.ref.params.length + this.#types.length - 1);
  }

  /** Computes `v` now and keeps it: use this for what is needed more than once. */
  let<T extends Type>(v: Value<T>): Local<T> {
    const local = this.local(v.type);
    this.set(local, v);
    return local;
  }

  /** As `let`, for what is not assigned to again: a constant stays one. */
  keep<T extends Type>(v: Value<T>): Value<T> {
    return v.constant === undefined ? this.let(v) : v;
  }

  /** Locals made inside are reused after it. */
  scope<R>(body: () => R): R {
    const outer = this.#scope, mine: Local[] = [];
    this.#scope = mine;
    try {
      return body();
    } finally {
      this.#scope = outer;
      for (const l of mine) this.#free[l.type].push(l.index);
    }
  }

  /** Assigns. */
  set<T extends Type>(local: Local<T>, v: Arg<T>): void {
    value(local.type, v).emit(this.w);
    this.w.byte(0x21), this.w.u(local.index);
  }

  /** Assigns to a variable of the instance. */
  setGlobal<T extends Type>(global: Global<T>, v: Arg<T>): void {
    value(global.type, v).emit(this.w);
    this.w.byte(0x24), this.w.u(global.index);
  }

  /** Sets the local and yields the value. */
  tee<T extends Type>(local: Local<T>, v: Arg<T>): Value<T> {
    const x = value(local.type, v);
    return new Value(local.type, (w) => (x.emit(w), w.byte(0x22), w.u(local.index)));
  }

  /** Stores to memory: `store(mem, "i32.store8", address, value, constant offset)`. */
  store<N extends Store>(mem: Mem, name: N, a: Address, v: Arg<ResultOf<N>>, offset = 0): void {
    const [code, type] = STORES[name];
    mem.address(a).emit(this.w);
    value(type as ResultOf<N>, v).emit(this.w);
    if (code > 255) this.w.byte(0xfd), this.w.u(code & 255);
    else this.w.byte(code);
    mem.emitArg(this.w, offset);
  }

  /** memory.copy, overlapping allowed. */
  copy(to: Mem, from: Mem, dst: Address, src: Address, bytes: I32 | I64): void {
    to.address(dst).emit(this.w), from.address(src).emit(this.w);
    (to.wide && from.wide ? bytes.extendU() : bytes.wrap()).emit(this.w);
    this.w.byte(0xfc), this.w.byte(10), this.w.u(to.index), this.w.u(from.index);
  }

  /** memory.fill with the low byte of `byte`. */
  fill(mem: Mem, dst: Address, byte: Arg<"i32">, bytes: I32 | I64): void {
    mem.address(dst).emit(this.w), value("i32", byte).emit(this.w);
    (mem.wide ? bytes.extendU() : bytes.wrap()).emit(this.w);
    this.w.byte(0xfc), this.w.byte(11), this.w.u(mem.index);
  }

  #open(code: number): Label {
    this.w.byte(code), this.w.byte(0x40);
    return { depth: ++this.w.depth };
  }
  #end(): void {
    this.w.byte(0x0b), this.w.depth--;
  }

  /** Runs `then` when the condition is not 0. */
  if(cond: I32, then: () => void, otherwise?: () => void): void {
    cond.emit(this.w);
    if (this.#rare) this.#rare = false, this.hints.push(this.w.length);
    this.#open(0x04);
    then();
    if (otherwise) this.w.byte(0x05), otherwise();
    this.#end();
  }

  /** As `if`, with a hint to the compiler that the condition is false as a rule. */
  unlikely(cond: I32, then: () => void, otherwise?: () => void): void {
    if (cond.constant === undefined) this.#rare = true;
    this.if(cond, then, otherwise);
  }

  /** Branching to the label leaves the block. */
  block(body: (leave: Label) => void): void {
    body(this.#open(0x02));
    this.#end();
  }

  /** Branching to the label starts the loop again; falling off the end leaves it. */
  loop(body: (again: Label) => void): void {
    body(this.#open(0x03));
    this.#end();
  }

  /** `while (cond) body`; the label leaves it. */
  while(cond: () => I32, body: (leave: Label) => void): void {
    this.block((leave) =>
      this.loop((again) => {
        this.brIf(leave, cond().eqz());
        body(leave);
        this.br(again);
      })
    );
  }

  /** Branches. */
  br(to: Label): void {
    this.w.byte(0x0c), this.w.u(this.w.depth - to.depth);
  }
  /** Branches when the condition is not 0. */
  brIf(to: Label, cond: I32): void {
    cond.emit(this.w);
    this.w.byte(0x0d), this.w.u(this.w.depth - to.depth);
  }

  /** As `brIf`, with a hint to the compiler that the condition is false as a rule. */
  unlikelyBr(to: Label, cond: I32): void {
    cond.emit(this.w);
    this.hints.push(this.w.length);
    this.w.byte(0x0d), this.w.u(this.w.depth - to.depth);
  }

  /** `cases[index]()`, each leaving the switch at its end; `otherwise` for indices beyond. */
  switch(index: I32, cases: readonly ((leave: Label) => void)[], otherwise: (leave: Label) => void): void {
    const leave = this.#open(0x02);
    for (let i = 0; i <= cases.length; i++) this.#open(0x02);
    index.emit(this.w);
    this.w.byte(0x0e), this.w.u(cases.length);
    for (let i = 0; i <= cases.length; i++) this.w.u(i);
    for (const body of [...cases, otherwise]) {
      this.#end();
      body(leave);
      this.br(leave);
    }
    this.w.byte(0x00);
    this.#end();
  }

  /** Leaves the function. */
  return(...values: Value[]): void {
    for (const v of values) v.emit(this.w);
    this.w.byte(0x0f);
  }

  /** Computes and forgets. */
  drop(v: Value): void {
    v.emit(this.w);
    this.w.byte(0x1a);
  }

  /** Traps: this place is never reached. */
  unreachable(): void {
    this.w.byte(0x00);
  }

  /** A call as an expression: the callee's only result. */
  call<T extends Type>(type: T, to: FunctionRef, ...args: Arg<Type>[]): Value<T> {
    if (to.results.length !== 1 || to.results[0] !== type) throw new Error(`results are ${to.results}`);
    const values = bind(to, args);
    return new Value(type, (w) => {
      for (const v of values) v.emit(w);
      w.byte(0x10), w.u(to.index);
    });
  }

  /** A call as a statement; several results go to `into`, in order. */
  do(to: FunctionRef, args: Arg<Type>[], ...into: Local[]): void {
    for (const v of bind(to, args)) v.emit(this.w);
    this.w.byte(0x10), this.w.u(to.index);
    if (into.length) { for (const l of into.toReversed()) this.w.byte(0x21), this.w.u(l.index); }
    else for (const _ of to.results) this.w.byte(0x1a);
  }

  /** A call through a table as an expression with one i32 result. */
  callIndirect(table: number, typeIndex: number, index: I32, ...args: Value[]): I32 {
    return new Value("i32", (w) => {
      for (const v of args) v.emit(w);
      index.emit(w);
      w.byte(0x11), w.u(typeIndex), w.u(table);
    });
  }

  /** Goes on in another function, which returns to this one's caller. */
  returnCall(to: FunctionRef, ...args: Arg<Type>[]): void {
    for (const v of bind(to, args)) v.emit(this.w);
    this.w.byte(0x12), this.w.u(to.index);
  }
  /** Goes on in a function of a table, which returns to this one's caller. */
  returnCallIndirect(table: number, typeIndex: number, index: I32, ...args: Value[]): void {
    for (const v of args) v.emit(this.w);
    index.emit(this.w);
    this.w.byte(0x13), this.w.u(typeIndex), this.w.u(table);
  }

  /** Places of unlikely branches in the body. */
  readonly hints: number[] = [];
  #rare = false;

  /** Declarations of locals. */
  #head(): Writer {
    const head = new Writer();
    const runs: [number, Type][] = [];
    for (const t of this.#types) {
      if (runs.length && runs[runs.length - 1][1] === t) runs[runs.length - 1][0]++;
      else runs.push([1, t]);
    }
    head.u(runs.length);
    for (const [n, t] of runs) head.u(n), head.byte(TYPE_BYTE[t]);
    return head;
  }

  /** Entry of the section of branch hints. */
  finishHints(out: Writer): void {
    const head = this.#head();
    out.u(this.ref.index), out.u(this.hints.length);
    for (const at of this.hints) out.u(head.length + at), out.u(1), out.byte(0);
  }

  /** Size-prefixed code entry. */
  finish(out: Writer): void {
    const head = this.#head();
    out.u(head.length + this.w.length + 1);
    out.raw(head.bytes.subarray(0, head.length));
    out.raw(this.w.bytes.subarray(0, this.w.length));
    out.byte(0x0b);
  }
}

function bind(to: FunctionRef, args: Arg<Type>[]): Value[] {
  if (args.length !== to.params.length) throw new Error(`${to.params.length} arguments expected`);
  return args.map((a, i) => value(to.params[i], a));
}
