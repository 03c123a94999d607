/** What CPUs of all architectures share: the run loop, misses, traps, stepping and invalidation. */
import { bodies, Body } from "./body.ts";
import { CodeCache, type Engine, type Sharer } from "./cache.ts";
import { SLICE } from "./eagerness.ts";
import {
  ACCESS,
  ANSWERS,
  BIAS,
  CORE_OPS,
  EMPTY_LEVEL,
  FIELD,
  IDLE_OPS,
  INFO,
  infoOf,
  RECORD,
  STATUS,
} from "./layout.ts";
import { Lockstep } from "./lockstep.ts";
import { CAUSES } from "./machine.ts";
import type { Copies, CpuParts, Imports, Kernel, Space, TrapData } from "./parts.ts";
import { Promotion } from "./promotion.ts";

/** Records of the engine's scratch chunk: a step from 0, a way to a dropped cache's successor, the warming up. */
const SCRATCH = { bridge: 64, warm: 128 } as const;

/** The run loop and the code cache of a CPU; an architecture adds decoder and frame. */
export abstract class BaseCpu implements Sharer {
  /** The result of `run`, reused. */
  readonly trap: TrapData = {
    cause: "budget",
    address: 0,
    addressLo: 0,
    addressHi: 0,
    access: 0,
    vector: 0,
    error: 0,
    entry: 0,
  };
  /** Guest instructions finished. */
  get instructions(): number {
    return this.#done + (this.#inside ? this.#entered - this.engine.i32[FIELD.count >>> 2] : 0);
  }
  /** Memory 2, with all decoded code. */
  readonly engine: Engine;
  /** Decoded code; another one after code that was shared has changed. */
  cache: CodeCache;
  /** Functions of the interpreter module. */
  readonly exports: Record<string, (...args: number[]) => number>;
  readonly #body: Body;
  #done = 0;
  #inside = false;
  #entered = 0;
  #interrupted = false;
  #time = 0;
  #ticked = 0;
  /** Nanoseconds of the guest's time base (TSC, CNTVCT). */
  clock: () => number = () => performance.now() * 1e6;
  readonly #promotion: Promotion;
  /** Regions that were made because this CPU was often there. */
  get regions(): number {
    return this.#promotion.made;
  }
  /** What a fault finds in the frame is exact, the flags included: somebody may look. It costs regions up to half of their speed. */
  exact: boolean;
  #warming = false;
  /** Whose answers translated code may use ({@link ANSWERS}). */
  #stamp: number;
  /** Instructions until the next sample: slices go on over calls that leave. */
  #rest: number;
  /** Regions were dropped while a page was made accessible: what runs has to leave. */
  #dropped = false;
  /** The records of the current run are not ours any more: leave and look up again. */
  #moved = false;
  #left = false;
  /** A region was left by a call of the kernel. */
  #within = false;
  #cause: "syscall" | "call" = "syscall";
  #state!: DataView;
  #bytes!: Uint8Array;
  readonly #pages: Uint8Array;
  readonly #pcOffset: number;

  /** `parent`: a CPU whose decoded code may be shared. */
  constructor(readonly space: Space, readonly kernel: Kernel, readonly parts: CpuParts, parent?: BaseCpu) {
    this.engine = parts.engine;
    this.#pcOffset = parts.pc;
    this.#rest = parts.eagerness?.slice ?? SLICE;
    this.#stamp = parts.engine.stamp();
    if (space.pages.buffer.byteLength < 17 * 65536) space.pages.grow(1);
    this.#pages = new Uint8Array(space.pages.buffer);
    this.exact = parent?.exact ?? false;
    this.cache = parent?.cache ?? new CodeCache(this.engine);
    this.cache.sharers.add(this);
    const spare = bodies.get(space.memory);
    const { log } = parts;
    const reused = log === undefined && spare !== undefined && spare.cpu === undefined &&
      spare.engine === this.engine &&
      spare.pages === space.pages && spare.module === parts.module(spare.wide);
    const body = this.#body = reused ? spare : new Body(space, this.engine);
    body.cpu = this;
    body.own = parts.host(this);
    if (!reused) {
      body.enter = BaseCpu.#entersOf(body);
      body.instantiate(parts, BaseCpu.#hostOf(body));
    }
    this.exports = body.exports;
    if (!reused) this.#warm();
    this.#promotion = new Promotion(this, {
      body,
      lockstep: this.#lockstepOf(body),
      unshare: () => this.#unshare(),
      bridge: (target, steps) => this.#bridge(target, steps),
    });
  }

  #lockstepOf(body: Body): Lockstep | undefined {
    const { parts: { log, translator } } = this;
    if (log === undefined) return undefined;
    const t = translator?.();
    if (t === undefined) throw new Error("guise: lockstep needs the translator, which is not loaded");
    return new Lockstep(this, {
      module: body.module,
      host: body.own!,
      translator: t,
      log,
      resolve: (address, access) => this.#resolve(address, access),
      miss: (record) => this.#miss(record),
      stepAt: (pc) => (this.claim(pc), this.stepAt(pc)),
      setPc: (pc) => this.#setPc(pc),
      flags: () => this.statusFlags(),
      disassemble: (pc) => this.#disassemble(pc),
    });
  }

  /** Status flags in the form that programs see. */
  protected abstract statusFlags(): number;
  /** The architecture as the kernel knows it; its disassembler serves reports. */
  abstract readonly arch?: unknown;
  /** The instruction there, for a person. */
  #disassemble(pc: number): string {
    const code = this.memory.slice(pc - BIAS, pc - BIAS + 15);
    try {
      const { disassemble } = this.arch as { disassemble(code: Uint8Array, pc: number): { text: string }[] };
      return disassemble(code, pc)[0].text;
    } catch {
      // The disassembler is not loaded, as in programs that only run guests.
      return Array.from(code, (b) => b.toString(16).padStart(2, "0")).join(" ");
    }
  }
  /** What the instance calls: its present CPU. */
  static #hostOf(body: Body): Imports {
    const host: Record<string, (a: never, b: never, c: never) => unknown> = {};
    for (const name of Object.keys(body.own!)) host[name] = (a, b, c) => body.own![name](a, b, c);
    return {
      region: (record: number) => body.cpu!.#region(record),
      miss: (record: number) => body.cpu!.#miss(record),
      resolve: (address: number, access: number) => body.cpu!.#resolve(address, access) ? 1 : 0,
      syscall: (entry: number) => body.cpu!.#enterSyscall(entry),
      call: (target: number) => body.cpu!.#enterCall(target),
      ...host,
    };
  }
  /** What regions call, as long as the instance of the interpreter lives. */
  static #entersOf(body: Body): Imports {
    return {
      syscall: (entry: number) => body.cpu!.#syscallWithin(entry),
      call: (target: number) => body.cpu!.#callWithin(target),
    };
  }

  /** Shows the interpreter's indirect call site enough different functions ({@link IDLE_OPS}). */
  #warm(): void {
    const { engine } = this, { u32 } = engine, first = engine.scratch + SCRATCH.warm * RECORD.size;
    const regions = this.parts.eagerness ? IDLE_OPS : 0;
    this.#body.table.grow(regions);
    for (let i = 0; i < regions; i++) this.#body.table.set(i, this.exports[`idle ${i}`]);
    for (let i = 0; i <= IDLE_OPS + regions; i++) {
      const record = first + i * RECORD.size;
      u32[record >>> 2] = i < IDLE_OPS
        ? this.parts.idle + i
        : i < IDLE_OPS + regions
        ? CORE_OPS.region
        : CORE_OPS.step;
      u32[record + 4 >>> 2] = 0;
      u32[record + RECORD.imm >>> 2] = i - IDLE_OPS;
    }
    // A fork makes this instance while its parent's is at work: its fields stay.
    const fields = u32.slice(FIELD.record >>> 2, (FIELD.record >>> 2) + 2);
    const { state } = this,
      low = state.getUint32(this.#pcOffset, true),
      high = state.getUint32(this.#pcOffset + 4, true);
    this.#warming = true;
    this.exports.run(first, 1);
    this.#warming = false;
    this.state.setUint32(this.#pcOffset, low, true), this.state.setUint32(this.#pcOffset + 4, high, true);
    u32.set(fields, FIELD.record >>> 2);
  }

  /** The state block; current until the memory grows. */
  get state(): DataView {
    const { view } = this.space;
    if (view !== undefined) return view;
    if (this.#state?.buffer !== this.space.memory.buffer) {
      this.#state = new DataView(this.space.memory.buffer);
    }
    return this.#state;
  }
  /** Guest bytes by wasm address. */
  get memory(): Uint8Array {
    const { u8 } = this.space;
    if (u8 !== undefined) return u8;
    if (this.#bytes?.buffer !== this.space.memory.buffer) {
      this.#bytes = new Uint8Array(this.space.memory.buffer);
    }
    return this.#bytes;
  }

  /** {@link Translator.copies} for this memory; undefined: no translator is loaded, or this CPU has only an interpreter. */
  copies(offsets?: Int32Array): Copies | undefined {
    if (this.parts.eagerness === undefined) return undefined;
    return this.parts.translator?.()?.copies(this.space.memory, this.#body.wide, offsets);
  }

  /** Decodes a run at a biased pc into `at` (at most {@link RUN_RECORDS} records); returns its end, or 0: cannot be fetched. */
  protected abstract decode(pc: number, limit: number): number;

  /** Permission bits of a guest page. */
  permissions(page: number): number {
    return this.#pages[page];
  }

  /** The page of a guest address may be executed. */
  executable(address: number): boolean {
    return address < 0x100000000 &&
      ((this.#pages[address >>> 12] & ACCESS.exec) !== 0 || this.#resolve(address, ACCESS.exec));
  }

  /** What regions at work are built on is not so any more: none of them may go on, nor wait for what it has called. */
  #drop(): void {
    this.#dropped = true;
    this.engine.u32[FIELD.changed >>> 2] = 1;
  }

  #resolve(address: number, access: number): boolean {
    this.#dropped = false;
    const { revoked } = this.space;
    if (!this.space.resolve(address, access)) return false;
    // Another page lost permissions (a second mapping of a shared page): what runs may have looked at it already.
    if (revoked !== this.space.revoked) this.#drop();
    // The store is repeated from the new cache, so that a changed next instruction is seen; or outside the region.
    return !this.#moved && !this.#dropped;
  }

  /** Makes the code of a page ours to decode: watched, and the same for all sharers. */
  claim(address: number): void {
    const page = address >>> 12;
    if (this.cache.sharers.size > 1 && !this.cache.knows(page - (BIAS >>> 12))) {
      const bytes = this.bytes(page);
      for (const s of this.cache.sharers) {
        if (s !== this && !s.agrees(page, bytes)) return this.#unshare(), this.claim(address);
      }
    }
    this.space.watchCode?.(page * 4096, 4096);
  }
  agrees(page: number, bytes: Uint8Array): boolean {
    if (!this.executable(page * 4096)) return false;
    const mine = this.bytes(page);
    for (let i = 0; i < 4096; i++) if (mine[i] !== bytes[i]) return false;
    this.space.watchCode?.(page * 4096, 4096);
    return true;
  }
  /** The bytes of a guest page. */
  bytes(page: number): Uint8Array {
    return this.memory.subarray(page * 4096 - BIAS, page * 4096 - BIAS + 4096);
  }

  #unshare(): void {
    this.cache.sharers.delete(this);
    this.cache = new CodeCache(this.engine);
    this.cache.sharers.add(this);
    // Another CPU may be at work, whose store has changed this one's code: the engine stays with its cache.
    if (this.#inside) this.engine.use(this.cache);
    this.#moved = true;
    this.engine.u32[FIELD.changed >>> 2] = 1;
  }

  /** See {@link BaseCpu.exact}; regions made before are given up. */
  exactFaults(): void {
    if (this.exact) return;
    this.exact = true;
    if (this.cache.regions || this.cache.sharers.size > 1) this.#unshare();
  }

  /** Code in this range has changed or is no longer executable. */
  invalidate(start: number, length: number): void {
    if (length <= 0 || start + length <= BIAS || !this.cache.root) return;
    const first = Math.max(0, Math.floor((start - BIAS) / 4096));
    const last = Math.min(0xfffff, Math.floor((start + length - 1 - BIAS) / 4096));
    // Nothing to forget is the common case, and must not cost a cache its sharers.
    let known = false;
    for (let p = first; p <= last && !known; p++) {
      if (
        (p & 1023) === 0 && p + 1023 <= last &&
        this.engine.u32[(this.cache.root >>> 2) + (p >>> 10)] === EMPTY_LEVEL
      ) p += 1023;
      else known = this.cache.knows(p);
    }
    if (!known && !(first > 0 && this.cache.knows(first - 1))) return;
    if (this.cache.sharers.size > 1) return this.#unshare();
    for (let p = first; p <= last; p++) {
      const dropped = this.cache.regions?.drop(p) ?? [];
      this.cache.invalidate(p);
      for (const region of dropped) {
        this.#drop();
        this.#promotion.drop(region.slot);
        this.cache.forget(region.pc, region.record);
      }
    }
  }

  /** For tests: translates straight-line code now, in as many regions as it takes. */
  translateNow(start: number, end: number): void {
    this.#promotion.translateNow(start, end);
  }

  /** Somebody met a slot that is empty here: see {@link Promotion.region}. */
  #region(record: number): number {
    return this.#warming ? record + RECORD.size : this.#promotion.region(record);
  }

  /** The system call of this number gives this until {@link BaseCpu.forgetAnswers}: translated code need not ask again. */
  rememberAnswer(number: number, lo: number, hi: number): void {
    const { i32 } = this.engine, at = ANSWERS.first + (number & ANSWERS.entries - 1) * ANSWERS.size >>> 2;
    i32[at] = number, i32[at + 1] = this.#stamp;
    i32[at + (ANSWERS.value >>> 2)] = lo, i32[at + (ANSWERS.value >>> 2) + 1] = hi;
  }
  /** Another task is about to run here, or somebody wants to see each call. */
  forgetAnswers(): void {
    this.#stamp = this.engine.stamp();
    if (this.#inside) this.engine.u32[FIELD.stamp + 4 >>> 2] = this.#stamp;
  }

  /** Makes a running `run` return soon with "interrupt". */
  interrupt(): void {
    this.#interrupted = true;
  }

  /** Gives everything back. */
  dispose(): void {
    this.#promotion.dispose();
    this.#body.cpu = this.#body.own = undefined;
    this.cache.sharers.delete(this);
    if (!this.cache.sharers.size) this.cache.dispose();
  }

  /** Offset of the program counter in the state block. */
  get pc(): number {
    return this.state.getUint32(this.#pcOffset, true) +
      this.state.getUint32(this.#pcOffset + 4, true) * 0x100000000;
  }
  #setPc(v: number): void {
    this.state.setUint32(this.#pcOffset, v >>> 0, true);
    this.state.setUint32(this.#pcOffset + 4, v / 0x100000000 >>> 0, true);
  }

  /** The record at a guest pc, decoded when needed; 0: cannot be fetched. */
  recordAt(pc: number): number {
    if (pc < BIAS || pc - BIAS >= 0x100000000) return 0;
    const biased = pc - BIAS;
    let record = this.cache.find(biased);
    if (record) return record;
    if (!this.executable(pc)) return 0;
    this.claim(pc);
    // Regions that wait would not be told of changes of their code any more.
    if (this.cache.full) this.cache.reset(), this.engine.u32[FIELD.changed >>> 2] = 1;
    this.engine.use(this.cache);
    record = this.decode(biased, 64);
    return record;
  }

  /** A record that has to be decoded: an unlinked branch's stub, an invalidated record, or (0) the pc of an indirect jump. */
  #miss(record: number): number {
    const { engine } = this;
    if (record === 0) {
      const { cache } = this, { generation } = cache, found = this.recordAt(this.pc);
      const same = cache === this.cache && generation === cache.generation;
      return same || !this.#waited ? found : 0;
    }
    const at = infoOf(record);
    const pc = engine.u32[at >>> 2] + BIAS;
    const generation = this.cache.generation, cache = this.cache;
    const target = this.recordAt(pc);
    if (!target) return this.#setPc(pc), 0;
    // After a drop or a change of cache the old record is not there any more.
    if (cache !== this.cache || generation !== cache.generation) {
      // Regions that wait are of the old one: they are left.
      if (this.#waited) return this.#setPc(pc), 0;
      // The count belongs to the ordinal of `record`: make a jump that says so.
      return this.#bridge(target);
    }
    if (engine.u16[record >>> 1] === CORE_OPS.link) {
      const branch = engine.u32[record + RECORD.disp >>> 2];
      engine.i32[branch + RECORD.imm >>> 2] -= engine.u8[target + RECORD.ordinal];
      engine.u32[branch + RECORD.disp >>> 2] = target;
    }
    engine.u16[record >>> 1] = CORE_OPS.goto;
    engine.i32[record + RECORD.imm >>> 2] = engine.u8[record + RECORD.ordinal] -
      engine.u8[target + RECORD.ordinal];
    engine.u32[record + RECORD.disp >>> 2] = target;
    return record;
  }

  /** A jump to a record that takes `steps` instructions, less its ordinal, from the count. */
  #bridge(target: number, steps = 0): number {
    const { engine } = this, record = engine.scratch + SCRATCH.bridge * RECORD.size;
    engine.u16[record >>> 1] = CORE_OPS.goto;
    engine.i32[record + RECORD.imm >>> 2] = steps - engine.u8[target + RECORD.ordinal];
    engine.u32[record + RECORD.disp >>> 2] = target;
    return record;
  }

  /** A region waits for what the interpreter does now. */
  get #waited(): boolean {
    return this.engine.u32[FIELD.nested >>> 2] !== 0;
  }
  #enterSyscall(entry: number): 0 | 1 {
    if (this.#waited) return this.#syscallWithin(entry);
    const left = this.kernel.syscall(entry);
    return left !== 0 || this.#interrupted || this.#moved ? this.#leaves(left, "syscall", entry) : 0;
  }
  #enterCall(target: number): 0 | 1 {
    if (this.#waited) return this.#callWithin(target);
    const left = this.kernel.call(target);
    return left !== 0 || this.#interrupted || this.#moved ? this.#leaves(left, "call", target) : 0;
  }
  #leaves(left: 0 | 1, cause: "syscall" | "call", argument: number): 1 {
    this.#left = left === 1;
    this.#cause = cause;
    this.trap.entry = this.trap.address = argument;
    return 1;
  }

  /**
   * The same from inside a region, which also has to be left when what it is built on has changed: the code, and the pages
   * that it found accessible.
   */
  #syscallWithin(entry: number): 0 | 1 {
    const { space } = this, { revoked } = space;
    const left = this.kernel.syscall(entry);
    if (left !== 0 || this.#interrupted || this.#moved || this.#dropped || revoked !== space.revoked) {
      this.#within = true;
      return this.#leaves(left, "syscall", entry);
    }
    return 0;
  }
  #callWithin(target: number): 0 | 1 {
    const { space } = this, { revoked } = space;
    const left = this.kernel.call(target);
    if (left !== 0 || this.#interrupted || this.#moved || this.#dropped || revoked !== space.revoked) {
      this.#within = true;
      return this.#leaves(left, "call", target);
    }
    return 0;
  }

  /** Runs about `budget` instructions, one when it is 1. The result is reused. */
  run(budget: number): TrapData {
    const { engine, trap } = this;
    let remaining = budget;
    const single = budget === 1;
    let pc = this.pc, record = 0;
    for (;;) {
      if (this.#interrupted) {
        this.#interrupted = false;
        if (record) this.#setPc(pc);
        return this.#trap("interrupt");
      }
      if (remaining <= 0) {
        if (record) this.#setPc(pc);
        return this.#trap("budget");
      }
      this.#moved = false;
      engine.use(this.cache);
      engine.u32[FIELD.stamp + 4 >>> 2] = this.#stamp;
      // The outermost loop, which returns to nowhere.
      engine.u32[FIELD.depth >>> 2] = engine.u32[FIELD.nested >>> 2] = engine.u32[FIELD.changed >>> 2] = 0;
      engine.u32[FIELD.expected >>> 2] = engine.u32[FIELD.expected + 4 >>> 2] = 0xffffffff;
      this.#promotion.prepare(this.cache);
      if (single) {
        record = this.executable(pc) ? (this.claim(pc), this.stepAt(pc)) : 0;
      } else if (!record) {
        record = this.recordAt(pc);
      }
      if (!record) {
        // A wild one is in the state block already, exactly.
        if (pc < 2 ** 53) this.#setPc(pc);
        return this.#pageFault(pc, ACCESS.exec);
      }
      const ordinal = engine.u8[record + RECORD.ordinal];
      if (this.#rest <= 0) this.#rest = 1;
      const slice = remaining < this.#rest ? remaining : this.#rest;
      engine.i32[FIELD.count >>> 2] = engine.i32[FIELD.start >>> 2] = this.#entered = slice + ordinal;
      this.#tick();
      this.#inside = true;
      let status: number = this.exports.run(record, slice + ordinal);
      this.#inside = false;
      record = engine.u32[FIELD.record >>> 2];
      let count = engine.i32[FIELD.count >>> 2];
      if (record) count -= engine.u8[record + RECORD.ordinal];
      if (this.#within) {
        this.#within = this.#dropped = false;
        status = STATUS.leave;
      }
      if (status === STATUS.leave) count--;
      this.#done += slice - count;
      remaining -= slice - count;
      this.#rest -= slice - count;
      if (status === STATUS.fault && (this.#moved || this.#dropped)) {
        status = STATUS.budget;
        this.#dropped = false;
      }
      pc = record && status !== STATUS.leave && status !== STATUS.fetch
        ? engine.u32[infoOf(record) >>> 2] + BIAS
        : this.pc;
      switch (status) {
        case STATUS.budget:
          if (this.#moved) record = 0;
          else if (single) return this.#setPc(pc), this.#trap("budget");
          else if (!this.parts.eagerness) this.#rest = SLICE;
          else if (this.#rest <= 0) {
            // A region that was interrupted leaves no record, nor does a computed jump.
            const jumped = !record;
            if (record) this.#setPc(pc), record = 0;
            this.#promotion.sample(pc - BIAS, jumped);
            this.#promotion.renew();
            this.#rest = this.#promotion.next();
          }
          break;
        case STATUS.yield:
          // It costs about this many instructions without being one.
          remaining -= Math.min(remaining - 1, 20_000);
          if (remaining <= 1 && !single) return this.#setPc(pc), this.#trap("budget");
          break;
        case STATUS.step:
          return this.#setPc(pc), this.#trap("budget");
        case STATUS.leave:
          record = 0;
          if (this.#left) return this.#trap(this.#cause);
          break;
        case STATUS.returned:
          // To nowhere, which no code is at.
          record = 0;
          break;
        case STATUS.fetch:
          return this.#pageFault(pc, ACCESS.exec);
        case STATUS.fault:
          this.#setPc(pc);
          trap.addressLo = engine.i32[FIELD.address >>> 2];
          trap.addressHi = engine.i32[FIELD.address + 4 >>> 2];
          trap.address = (trap.addressHi >>> 0) * 0x100000000 + (trap.addressLo >>> 0);
          trap.access = engine.i32[FIELD.access >>> 2];
          return this.fault();
        case STATUS.trap:
          this.#setPc(pc);
          trap.cause = CAUSES[engine.i32[FIELD.cause >>> 2]];
          trap.vector = engine.i32[FIELD.vector >>> 2];
          trap.error = engine.i32[FIELD.error >>> 2];
          this.adjust(engine.u8[infoOf(record) + INFO.length]);
          return trap;
        default:
          throw new Error(`the interpreter returned ${status}`);
      }
    }
  }

  /** Refreshes the time base: nanoseconds, never behind what the guest can have read. */
  #tick(): void {
    const { u32 } = this.engine, at = FIELD.time >>> 2;
    const least = this.#time + (this.instructions - this.#ticked) + 1;
    this.#time = Math.max(least, Math.floor(this.clock()));
    this.#ticked = this.instructions;
    u32[at] = this.#time, u32[at + 1] = this.#time / 0x100000000;
  }

  /** Decodes one instruction alone, followed by an end. */
  protected abstract stepAt(pc: number): number;

  #trap(cause: TrapData["cause"]): TrapData {
    this.trap.cause = cause;
    return this.trap;
  }
  #pageFault(pc: number, access: number): TrapData {
    const { trap } = this;
    trap.addressLo = pc | 0,
      trap.addressHi = Math.floor(pc / 0x100000000) | 0,
      trap.address = pc,
      trap.access = access;
    if (pc >= 0x100000000) {
      trap.addressLo = this.state.getInt32(this.#pcOffset, true);
      trap.addressHi = this.state.getInt32(this.#pcOffset + 4, true);
    }
    return this.fault();
  }

  /** Turns address and access in the trap into what the hardware reports. */
  protected fault(): TrapData {
    return this.#trap("page");
  }
  /** After a raised trap: hardware leaves the pc behind some instructions (`length` bytes). */
  protected adjust(_length: number): void {}
}
