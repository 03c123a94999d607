/** What CPUs of all architectures share: the run loop, misses, traps, stepping and invalidation. */
import { CodeCache, type Engine, RegionSet, type Sharer } from "./cache.ts";
import {
  ACCESS,
  BIAS,
  CHUNKS,
  CORE_OPS,
  EMPTY_LEVEL,
  FIELD,
  IDLE_OPS,
  INFO,
  infoOf,
  LEAVE,
  RECORD,
  STATUS,
} from "./layout.ts";
import { Lockstep, type LockstepLog, type RegionText } from "./lockstep.ts";
import { type Cause, CAUSES } from "./machine.ts";

/** What a CPU needs of an address space (core's AddressSpace has it). */
export interface Space {
  /** Guest memory. */
  readonly memory: WebAssembly.Memory;
  /** Views of `memory` that are always current; without them the CPU looks at the memory's buffer each time, which is slow. */
  readonly view?: DataView;
  /** See `view`. */
  readonly u8?: Uint8Array;
  /** The page table: one byte a page of the guest, permission bits. */
  readonly pages: WebAssembly.Memory;
  /** A permission bit is clear: true when the access is permitted now. */
  resolve(address: number, access: number): boolean;
  /** Stores to these pages must come to `resolve`, which tells the CPU. */
  watchCode?(start: number, length: number): void;
  /** Counts how often permission bits that were set have been cleared: regions remember where they may go. */
  readonly revoked?: number;
  /** What is mapped at an address. */
  find?(address: number): { readonly stubs: boolean } | undefined;
}

/** Where system calls and call stubs go. 1 asks to leave `run`. */
export interface Kernel {
  /** An entry of the architecture, by its number. */
  syscall(entry: number): 0 | 1;
  /** A call stub, by its target number. */
  call(target: number): 0 | 1;
}

/** Why `run` returned: core's Trap. */
export interface TrapData {
  /** What happened. */
  cause: Exclude<Cause, never>;
  /** Faulting address or call target, exact below 2^53. */
  address: number;
  /** Its low half. */
  addressLo: number;
  /** Its high half. */
  addressHi: number;
  /** Kind of the access that faulted. */
  access: number;
  /** Vector of the exception. */
  vector: number;
  /** Error code. */
  error: number;
  /** Entry number. */
  entry: number;
}

/** Records of the engine's scratch chunk: a step from 0, a way to a dropped cache's successor, the warming up. */
const SCRATCH = { bridge: 64, warm: 128 } as const;

/** Translated instructions of one code cache, at most; samples before a full one is dropped. */
const SET_LIMIT = 200_000, LIFE = 20_000;
/** What a module costs beside its instructions, in instructions. */
const MODULE_COST = 20;
/** Instructions that may be translated before any sample allows it: the loops of a short program. */
const START = 1_500;

/** Instructions in one stay inside the interpreter: V8 replaces code on entry only. */
const SLICE = 400_000;

/** What a translator makes of entries: regions of one module. */
export interface Translation {
  readonly module: WebAssembly.Module;
  readonly regions: readonly {
    readonly slot: number;
    readonly pc: number;
    /** Records of the entry's instruction that its copy needs. */
    readonly records: number;
    readonly pages: ReadonlySet<number>;
    /** In instructions. */
    readonly size: number;
    /** With `Eagerness.lockstep`. */
    readonly text?: RegionText;
  }[];
}
/** Makes regions of decoded code. */
export interface Translator {
  /** Regions at biased entries, as far as they can be translated. */
  translate(
    cpu: BaseCpu,
    entries: readonly number[],
    set: RegionSet,
    wide: boolean,
    limits: Eagerness,
  ): Translation | undefined;
  /** Pieces of 4 bytes of the state block that lockstep leaves alone: what is only used within an instruction, and lazy flags. */
  readonly ignored: ReadonlySet<number>;
  /** Does the code at a biased pc read the flags before it overwrites them? */
  flagsWanted(cpu: BaseCpu, pc: number): boolean;
  /** The micro-ops of the instruction at a biased pc, for a person. */
  describe(cpu: BaseCpu, pc: number): string[];
  /** Where the next instruction is, and whether regions leave this one to the interpreter. */
  look(cpu: BaseCpu, pc: number): { readonly next: number; readonly leaves: boolean } | undefined;
}

/** How eagerly code is translated: instructions in a slice while sampling, samples of a target. */
export interface Eagerness {
  readonly slice: number;
  readonly samples: number;
  readonly calls: number;
  /** Ways out of regions for one sample. */
  readonly exits: number;
  /** Instructions of a region, and of all of one module. */
  readonly region: number;
  readonly module: number;
  /** Samples of all CPUs of an engine before the translator is loaded, and samples of one place that are as good. */
  readonly patience: number;
  readonly certain: number;
  /** Code that has not been decoded yet is translated with what leads to it. */
  readonly cold: boolean;
  /** Instructions that each sample allows to be translated: translating takes no more than a part of the time. */
  readonly allowance: number;
  /** Regions that can be compared with the interpreter. */
  readonly lockstep?: boolean;
}
/** How soon each engine translates: instructions a slice, samples, calls and exits before it, limits of size. */
export const EAGERNESS: Readonly<Record<"jit" | "lockstep" | "auto", Eagerness>> = {
  jit: {
    slice: 2_000,
    samples: 1,
    calls: 1,
    exits: 10,
    region: 600,
    module: 600,
    patience: 0,
    certain: 0,
    allowance: 1e9,
    cold: true,
  },
  lockstep: {
    slice: 2_000,
    samples: 1,
    calls: 1,
    exits: 10,
    region: 600,
    module: 600,
    patience: 0,
    cold: true,
    certain: 0,
    allowance: 1e9,
    lockstep: true,
  },
  auto: {
    slice: 20_000,
    samples: 3,
    calls: 200,
    exits: 200,
    region: 400,
    module: 1_000,
    patience: 5_000,
    certain: 150,
    allowance: 0.5,
    cold: false,
  },
};

/** The parts an architecture brings. */
export interface CpuParts {
  /** Memory 2, with all decoded code. */
  readonly engine: Engine;
  /** A compiled interpreter module for memory64, and for memory32. */
  readonly module: (wide: boolean) => WebAssembly.Module;
  /** Offset of the program counter in the state block. */
  readonly pc: number;
  /** Number of the first idle operation. */
  readonly idle: number;
  /** JavaScript that operations call, by name. */
  readonly host: (cpu: BaseCpu) => Record<string, (...args: never[]) => unknown>;
  /** Undefined: only the interpreter runs. */
  readonly eagerness?: Eagerness;
  /** The translator, when it is loaded. */
  readonly translator?: () => Translator | undefined;
  /** Where lockstep reports, if `eagerness` is lockstep's. */
  readonly log?: LockstepLog;
}

/** JavaScript functions by name: what a module imports. */
export type Imports = Record<string, (...args: never[]) => unknown>;

/**
 * An instance of the interpreter, bound to a memory. Memories are used again after a process has ended, and so are
 * their instances: instantiating is the largest part of a fork.
 */
class Body {
  /** Whose it is; undefined while no CPU uses it. */
  cpu: BaseCpu | undefined;
  /** The architecture's part of what the instance calls. */
  own: Imports | undefined;
  readonly memory: WebAssembly.Memory;
  readonly pages: WebAssembly.Memory;
  readonly engine: Engine;
  readonly table: WebAssembly.Table = new WebAssembly.Table({ element: "anyfunc", initial: 0 });
  wide = true;
  module!: WebAssembly.Module;
  exports!: Record<string, (...args: number[]) => number>;
  /** The ways into the kernel from regions. */
  enter!: Imports;
  constructor(space: Space, engine: Engine) {
    this.memory = space.memory;
    this.pages = space.pages;
    this.engine = engine;
    bodies.set(space.memory, this);
  }

  instantiate(parts: CpuParts, host: Imports): void {
    const { memory, pages, table } = this;
    const imports = { guise: { memory, pages, engine: this.engine.memory, regions: table }, host };
    try {
      this.#make(parts, imports as unknown as WebAssembly.Imports);
    } catch (error) {
      // Another kind of memory than the module wants, or a host that knows none with 64-bit addresses.
      if (!(error instanceof WebAssembly.LinkError) && !(error instanceof WebAssembly.CompileError)) {
        throw error;
      }
      this.wide = false;
      this.#make(parts, imports as unknown as WebAssembly.Imports);
    }
  }
  #make(parts: CpuParts, imports: WebAssembly.Imports): void {
    this.module = parts.module(this.wide);
    this.exports = new WebAssembly.Instance(this.module, imports).exports as never;
  }
}

const bodies = new WeakMap<WebAssembly.Memory, Body>();

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
  /** Translated regions by slot, and the set that they are from. */
  readonly #table: WebAssembly.Table;
  readonly #lockstep: Lockstep | undefined;
  /** Regions that were made because this CPU was often there. */
  regions = 0;
  /** What a fault finds in the frame is exact, the flags included: somebody may look. It costs regions up to half of their speed. */
  exact: boolean;
  #linked: RegionSet | undefined;
  readonly #wide: boolean;
  #warming = false;
  /** Instructions between samples, and until the next one: slices go on over calls that leave. */
  #slice: number;
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
    this.#slice = this.#rest = parts.eagerness?.slice ?? SLICE;
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
    this.#table = body.table;
    this.#wide = body.wide;
    this.exports = body.exports;
    if (!reused) this.#warm();
    if (log === undefined) return;
    const t = parts.translator?.();
    if (t === undefined) throw new Error("guise: lockstep needs the translator, which is not loaded");
    this.#lockstep = new Lockstep(this, {
      module: body.module,
      host: body.own,
      translator: t,
      log,
      resolve: (address, access) => this.#resolve(address, access),
      miss: (record) => this.#miss(record),
      stepAt: (pc) => (this.claim(pc), this.stepAt(pc)),
      setPc: (pc) => this.#setPc(pc),
      flags: () => this.statusFlags(),
      disassemble: (pc) => this.#disassemble(pc),
    });
    this.#table = this.#lockstep.table;
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
  /** What a slot without a region holds. */
  get #missing(): () => number {
    return (this.#lockstep ?? this).exports.missing;
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
    this.#warming = true;
    this.exports.run(first, 1);
    this.#warming = false;
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

  #resolve(address: number, access: number): boolean {
    this.#dropped = false;
    const { revoked } = this.space;
    if (!this.space.resolve(address, access)) return false;
    // Another page lost permissions (a second mapping of a shared page): what runs may have looked at it already.
    if (revoked !== this.space.revoked) this.#dropped = true;
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
    this.engine.use(this.cache);
    this.#moved = true;
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
        this.#dropped = true;
        if (region.slot < this.#table.length) this.#table.set(region.slot, this.#missing);
        this.cache.forget(region.pc, region.record);
      }
    }
  }

  /** The table as long as the set wants it, and without functions of an older set. */
  #adjustTable(): void {
    const set = this.cache.regions, table = this.#table;
    if (this.#linked !== set) {
      this.#linked = set;
      for (let i = 0; i < table.length; i++) table.set(i, this.#missing);
    }
    if (!set) return;
    this.#lockstep?.grow(set.count);
    for (const t of [table, this.#body.table]) {
      if (t.length >= set.count) continue;
      (t.grow as (n: number, f: unknown) => number).call(t, set.count + 256 - t.length, this.#missing);
    }
  }

  /** Instantiates the module of a region here. */
  #link(module: WebAssembly.Module): void {
    const help: Record<string, unknown> = {},
      { exports, pages } = this.#lockstep ??
        { exports: this.exports, pages: this.space.pages };
    for (const { name } of WebAssembly.Module.imports(module)) {
      if (name in exports) help[name] = exports[name];
    }
    const instance = new WebAssembly.Instance(
      module,
      {
        guise: {
          memory: this.space.memory,
          pages,
          engine: this.engine.memory,
          regions: this.#table,
          operations: exports.operations,
        },
        help,
        host: this.#body.enter,
      } as never,
    );
    for (const [name, f] of Object.entries(instance.exports)) {
      this.#table.set(Number(name.slice(1)), f as () => number);
    }
  }

  /** Translates the code at biased entries. */
  #promote(entries: readonly number[]): void {
    const { cache, engine } = this,
      eager = this.parts.eagerness!,
      set = cache.regions ??= new RegionSet(engine.samples);
    const heat = set.heat.get(entries[0]) ?? 0;
    if (engine.samples < eager.patience && heat < eager.certain) return;
    const translator = this.parts.translator?.();
    if (!translator || engine.translated > START + engine.samples * eager.allowance) return;
    if (set.size >= SET_LIMIT && engine.samples - set.born > LIFE) {
      // What was hot long ago need not be now. Regions that are being executed go on calling by their slots: not below them.
      if (!this.#inside) {
        this.#unshare();
        if (!cache.sharers.size) cache.dispose();
      }
      return;
    }
    const made = set.size < SET_LIMIT
      ? translator.translate(this, entries, set, this.#wide, eager)
      : undefined;
    if (cache !== this.cache || cache.regions !== set) return;
    for (const pc of entries) set.heat.set(pc, -1);
    if (!made) return;
    for (const r of made.regions) set.heat.set(r.pc, -1), engine.translated += r.size;
    engine.translated += MODULE_COST;
    this.#adjustTable();
    const { u8, u16, u32, i32 } = engine;
    for (const r of made.regions) {
      const record = cache.find(r.pc);
      if (!record || u16[record >>> 1] <= CORE_OPS.goto || u16[record >>> 1] === CORE_OPS.region) continue;
      const copy = cache.begin(4), count = r.records;
      for (let i = 0; i < count; i++) {
        for (let w = 0; w < 4; w++) u32[(copy + i * 16 >>> 2) + w] = u32[(record + i * 16 >>> 2) + w];
        u32[infoOf(copy + i * 16) >>> 2] = u32[infoOf(record + i * 16) >>> 2];
        u32[infoOf(copy + i * 16) + 4 >>> 2] = u32[infoOf(record + i * 16) + 4 >>> 2];
      }
      const rest = copy + count * 16, after = record + count * 16;
      u32[rest >>> 2] = CORE_OPS.goto;
      u32[rest + 4 >>> 2] = u8[after + RECORD.ordinal] << 24;
      u32[rest + 8 >>> 2] = after, u32[rest + 12 >>> 2] = 0;
      u32[infoOf(rest) >>> 2] = u32[infoOf(after) >>> 2], u32[infoOf(rest) + 4 >>> 2] = 0;
      cache.commit(rest + 16);
      // A stub that would link this record may not write to it any more.
      const stub = u32[record + RECORD.disp >>> 2];
      if (
        count === 1 && stub >= CHUNKS && stub < engine.memory.buffer.byteLength && stub % 16 === 0 &&
        u16[stub >>> 1] === CORE_OPS.link && u32[stub + RECORD.disp >>> 2] === record
      ) u16[stub >>> 1] = CORE_OPS.miss;
      u16[record >>> 1] = CORE_OPS.region;
      i32[record + RECORD.imm >>> 2] = r.slot;
      u32[record + RECORD.disp >>> 2] = copy;
      set.add({
        slot: r.slot,
        pc: r.pc,
        record,
        module: made.module,
        pages: r.pages,
        size: r.size,
        text: r.text,
      });
      this.regions++;
    }
    this.#link(made.module);
  }

  /** For tests: translates straight-line code now, in as many regions as it takes. */
  translateNow(start: number, end: number): void {
    const translator = this.parts.translator?.(), entries: number[] = [];
    if (!translator) throw new Error("the translator is not loaded");
    let enters = true;
    for (let pc = start - BIAS; pc < end - BIAS;) {
      if (enters) entries.push(pc);
      const i = translator.look(this, pc);
      if (!i) break;
      enters = i.leaves, pc = i.next;
    }
    this.#promote(entries);
  }

  /** Somebody met a slot that is empty here: the region of this record, or one that is called from it (0: go on at the pc). */
  #region(record: number): number {
    if (this.#warming) return record + RECORD.size;
    if (!record) return this.#exit();
    const { engine } = this, set = this.cache.regions, slot = engine.u32[record + RECORD.imm >>> 2];
    const own = engine.u16[record >>> 1] === CORE_OPS.region;
    if (own && this.#table.get(slot) === this.#missing) {
      const region = set?.regions[slot];
      if (!region) return engine.u32[record + RECORD.disp >>> 2];
      this.#link(region.module);
      if (!this.#lockstep) return record;
    }
    if (this.#lockstep && own) return this.#compare(this.#lockstep, slot, record);
    this.#called();
    return 0;
  }

  /** A region has called what is none here: at the pc. */
  #called(): void {
    const set = this.cache.regions, pc = this.pc - BIAS;
    if (!set) return;
    const called = set.slots.get(pc), region = called === undefined ? undefined : set.regions[called];
    if (region) return this.#link(region.module);
    const calls = set.heat.get(pc) ?? 0;
    if (calls < 0) {
      // It never will be.
      if (called !== undefined) this.#table.set(called, this.exports.away);
    } else {
      const eager = this.parts.eagerness!, heat = calls + eager.samples / eager.calls;
      set.heat.set(pc, heat);
      if (heat >= eager.samples && this.executable(this.pc)) this.#promote([pc]);
    }
  }

  /** A region in lockstep: the record that goes on behind it, with the right count, or 0. */
  #compare(lockstep: Lockstep, slot: number, record: number): number {
    const { engine } = this, ordinal = engine.u8[record + RECORD.ordinal];
    const instead = engine.u32[record + RECORD.disp >>> 2];
    const { status, steps } = lockstep.run(slot, record);
    if (!steps) return instead;
    if (status === LEAVE.missing) this.#called();
    let next = lockstep.after(status);
    if (next && status === LEAVE.go && engine.u16[next >>> 1] !== CORE_OPS.region) {
      if (--engine.i32[FIELD.exits >>> 2] <= 0) next = this.#exit();
    }
    return next && this.#bridge(next, ordinal + steps);
  }

  /** Regions lead to here often: it should be one. */
  #exit(): number {
    this.engine.i32[FIELD.exits >>> 2] = this.parts.eagerness!.exits;
    const { pc } = this;
    this.#sample(pc - BIAS);
    return this.recordAt(pc);
  }

  /** The guest was here when a slice ended. */
  #sample(pc: number): void {
    const eager = this.parts.eagerness!;
    const set = this.cache.regions ??= new RegionSet(this.engine.samples);
    this.engine.samples++;
    const heat = set.heat.get(pc) ?? 0;
    if (heat < 0) {
      this.#slice = Math.min(this.#slice * 2, SLICE);
      return;
    }
    set.heat.set(pc, heat + 1);
    if (heat + 1 >= eager.samples) {
      this.#promote([pc]);
      this.#slice = eager.slice;
    }
  }

  /** Makes a running `run` return soon with "interrupt". */
  interrupt(): void {
    this.#interrupted = true;
  }

  /** Gives everything back. */
  dispose(): void {
    // What the table holds would keep modules alive.
    if (this.#linked) {
      this.#linked = undefined;
      for (let i = 0; i < this.#table.length; i++) this.#table.set(i, this.#missing);
    }
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
    if (this.cache.full) this.cache.reset();
    this.engine.use(this.cache);
    record = this.decode(biased, 64);
    return record;
  }

  /** A record that has to be decoded: an unlinked branch's stub, an invalidated record, or (0) the pc of an indirect jump. */
  #miss(record: number): number {
    const { engine } = this;
    if (record === 0) return this.recordAt(this.pc);
    const at = infoOf(record);
    const pc = engine.u32[at >>> 2] + BIAS;
    const generation = this.cache.generation, cache = this.cache;
    const target = this.recordAt(pc);
    if (!target) return this.#setPc(pc), 0;
    // After a drop or a change of cache the old record is not there any more.
    if (cache !== this.cache || generation !== cache.generation) {
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

  #enterSyscall(entry: number): 0 | 1 {
    const left = this.kernel.syscall(entry);
    return left !== 0 || this.#interrupted || this.#moved ? this.#leaves(left, "syscall", entry) : 0;
  }
  #enterCall(target: number): 0 | 1 {
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
      if (this.#linked !== this.cache.regions) this.#adjustTable();
      else if (this.#linked && this.#linked.count > this.#table.length) this.#adjustTable();
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
          else if (!this.parts.eagerness) this.#rest = this.#slice;
          else if (this.#rest <= 0) {
            if (record) this.#setPc(pc), record = 0;
            this.#sample(pc - BIAS);
            this.#rest = this.#slice;
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
