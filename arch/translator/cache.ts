/**
 * Decoded code. Records and lookup tables live in the engine's memory, which guests cannot write. A cache may be shared by
 * the spaces of a fork; it is bounded, and when it is full everything is dropped.
 */
import {
  ANSWERS,
  CHUNK,
  CHUNK_RECORDS,
  CHUNK_TABLES,
  CHUNKS,
  CORE_OPS,
  EMPTY_LEVEL,
  EMPTY_PAGE,
  FIELD,
  INFO,
  infoOf,
  JUMPS,
  RECORD,
} from "./layout.ts";
import type { RegionText } from "./lockstep.ts";

/** Memory 2, shared by all spaces of one kernel. */
export class Engine {
  /** Slices of CPUs that ended while they looked for hot code. */
  samples = 0;
  /** Those of places where many have been before. */
  hot = 0;
  /** When the last sample was (ns). */
  sampled = 0;
  /** What the guest took, in samples. */
  taken = 0;
  /** The translator is there. */
  translates = false;
  /** Instructions that were translated. */
  translated = 0;
  /** Memory 2 itself. */
  readonly memory: WebAssembly.Memory = new WebAssembly.Memory({ initial: 32, maximum: 16384 });
  /** Views of it, taken anew when it grows. */
  u8!: Uint8Array;
  /** 16-bit view. */
  u16!: Uint16Array;
  /** Signed 32-bit view. */
  i32!: Int32Array;
  /** 32-bit view. */
  u32!: Uint32Array;
  #free: number[] = [];
  readonly #caches = new Set<CodeCache>();
  #current: CodeCache | undefined;
  #next: number = CHUNKS;
  #stamp = 0;
  /** One run of a single instruction, for stepping. */
  readonly scratch: number;

  /** `limit`: bytes; a cache in use may go beyond. */
  constructor(readonly limit: number = 256 << 20) {
    this.#views();
    this.u32.fill(EMPTY_PAGE, EMPTY_LEVEL >>> 2, (EMPTY_LEVEL >>> 2) + 1024);
    this.scratch = this.chunk();
  }

  #views(): void {
    const { buffer } = this.memory;
    this.u8 = new Uint8Array(buffer), this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer), this.u32 = new Uint32Array(buffer);
  }

  /**
   * A chunk with old contents. Memory grows by 4 MiB when none is free; at the limit the cache that was not used for longest is
   * dropped: whoever executed from it decodes again.
   */
  chunk(): number {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    const at = this.#next;
    if (at + CHUNK > this.memory.buffer.byteLength) {
      if (at + CHUNK > this.limit && this.#drop()) return this.chunk();
      this.memory.grow(64);
      this.#views();
    }
    this.#next += CHUNK;
    return at;
  }
  #drop(): boolean {
    for (const cache of this.#caches) {
      if (cache === this.#current || !cache.holds) continue;
      cache.reset(false);
      return true;
    }
    return false;
  }

  /** The cache that is executed from now on. */
  use(cache: CodeCache): void {
    if (cache !== this.#current) {
      this.#current?.suspend();
      // In order of use, the latest last.
      this.#caches.delete(cache);
      this.#caches.add(cache);
      this.#current = cache;
      cache.resume();
    }
    this.u32[FIELD.directory >>> 2] = cache.ready();
    this.u32[FIELD.jumps >>> 2] = cache.jumps;
  }
  /** A number that no answer in memory ({@link ANSWERS}) has. */
  stamp(): number {
    if (this.#stamp === 0xffffffff) {
      this.#stamp = 0;
      this.u8.fill(0, ANSWERS.first, ANSWERS.first + ANSWERS.entries * ANSWERS.size);
    }
    return ++this.#stamp;
  }
  /** The cache is not used any more. */
  forget(cache: CodeCache): void {
    this.#caches.delete(cache);
    if (this.#current !== cache) return;
    this.#current = undefined;
    this.u32[FIELD.room >>> 2] = 0;
  }
  /** Whether it is the cache that is executed from. */
  uses(cache: CodeCache): boolean {
    return cache === this.#current;
  }
  /** Gives a chunk back. */
  release(chunk: number): void {
    this.#free.push(chunk);
  }
}

/** Who executes from a cache. */
export interface Sharer {
  /** The page is executable here and holds these bytes: it may be decoded for all sharers. Watches it when it agrees. */
  agrees(page: number, bytes: Uint8Array): boolean;
  /** The 4,096 bytes of a guest page. */
  bytes(page: number): Uint8Array;
}

/** Records and lookup tables of the code that some spaces share. */
/** Modules that miss a window before others are expected to. */
const HABIT = 3;
/** Translated regions of a cache: modules that every sharer instantiates for itself. */
export class RegionSet {
  /** Slots by biased pc of the entry: regions, and what regions call. */
  readonly slots: Map<number, number> = new Map();
  readonly regions: (Region | undefined)[] = [];
  readonly #pages = new Map<number, Set<Region>>();
  /** Samples, or calls from regions, of a pc that has no region; -1: it cannot have one. */
  readonly heat: Map<number, number> = new Map();
  /** Samples of a pc since the set was made: what is executed often. */
  readonly samples: Map<number, number> = new Map();
  /** Functions that have copies in a region, by the places where slices end that it was in; and how many did, by those functions. */
  readonly copied: Map<number, ReadonlySet<number>> = new Map();
  readonly inside: Map<number, number> = new Map();
  /** Loops inside of regions: their instructions, by where they begin. */
  readonly loops: Map<number, ReadonlySet<number>> = new Map();
  /** Places in loops that begin with a region: from there it is not far to it. */
  readonly near: Set<number> = new Set();
  /** Regions that are one of these loops alone. */
  readonly alone: Set<number> = new Set();
  /** Windows (offsets) that code misses too often, by the pc of its regions; and by how many modules. */
  readonly missed: Map<number, ReadonlySet<number>> = new Map();
  readonly #missing = new Map<number, number>();
  /** Those that several modules miss: code that is new may be expected to miss them, too. */
  readonly habit: Set<number> = new Set();
  /** Samples that pay for the translation of a pc, where that is known. */
  readonly prices: Map<number, number> = new Map();

  /** Instructions that were translated. */
  size = 0;
  /** `born`: samples of the engine when it was made. */
  constructor(readonly born: number = 0) {}
  readonly #drops = new Map<number, number>();

  get count(): number {
    return this.regions.length;
  }
  slot(pc: number): number {
    let slot = this.slots.get(pc);
    if (slot === undefined) this.slots.set(pc, slot = this.regions.push(undefined) - 1);
    return slot;
  }
  add(region: Region): void {
    this.regions[region.slot] = region;
    this.size += region.size;
    for (const page of region.pages) {
      const set = this.#pages.get(page);
      if (set) set.add(region);
      else this.#pages.set(page, new Set([region]));
    }
  }
  /** The regions of a module miss these windows. */
  miss(regions: readonly Region[], windows: Iterable<number>): void {
    const all = new Set([...windows, ...this.missed.get(regions[0].pc) ?? [], ...this.habit]);
    for (const { pc } of regions) this.missed.set(pc, all);
    for (const w of windows) {
      const modules = (this.#missing.get(w) ?? 0) + 1;
      this.#missing.set(w, modules);
      if (modules >= HABIT) this.habit.add(w);
    }
  }
  /** Takes a region out that is to be translated anew. */
  remove(region: Region): void {
    this.regions[region.slot] = undefined;
    this.size -= region.size;
    for (const p of region.pages) this.#pages.get(p)?.delete(region);
    this.heat.delete(region.pc);
  }
  /** Takes out what covers the page. */
  drop(page: number): Region[] {
    const dropped = [...this.#pages.get(page) ?? []];
    for (const region of dropped) {
      this.regions[region.slot] = undefined;
      this.size -= region.size;
      // It may become hot again; not for ever.
      const drops = (this.#drops.get(region.pc) ?? 0) + 1;
      this.#drops.set(region.pc, drops);
      if (drops < 8) this.heat.delete(region.pc);
      for (const p of region.pages) this.#pages.get(p)?.delete(region);
    }
    this.#pages.delete(page);
    return dropped;
  }
}
/** Translated code: one function of a module, entered at one guest address. */
export interface Region {
  readonly slot: number;
  /** Biased entry. */
  readonly pc: number;
  /** Its record, which starts the region. */
  readonly record: number;
  readonly module: WebAssembly.Module;
  /** Biased page numbers of its code. */
  readonly pages: ReadonlySet<number>;
  /** In instructions. */
  readonly size: number;
  /** In lockstep: for reports. */
  readonly text?: RegionText;
}

/** Decoded and translated code of one address space, or of several that a fork made. */
export class CodeCache {
  regions: RegionSet | undefined;
  /** Of this cache; engine field `directory` while it is in use. */
  root = 0;
  /** Its jump table, when there are regions; engine field `jumps` while it is in use. */
  jumps = 0;
  /** CPUs that execute from it. */
  readonly sharers: Set<Sharer> = new Set();
  #chunks: number[] = [];
  /** Bump allocation of records, and of tables in 4 KiB units. */
  #record = 0;
  #recordEnd = 0;
  #table = 0;
  #tableEnd = 0;
  /** Counts how often everything was dropped. */
  generation = 0;

  /** `maxChunks`: chunks of {@link CHUNK} bytes before everything is dropped. */
  constructor(readonly engine: Engine, readonly maxChunks: number = 512) {
    this.ready();
  }

  /** Drops everything. Without `restart` nothing is held until the next use. */
  reset(restart = true): void {
    this.#release();
    this.generation++;
    this.root = 0;
    if (restart) this.ready();
  }
  /** The directory, made when there is none. */
  ready(): number {
    if (!this.root) {
      this.root = this.#tables(1);
      this.engine.u32.fill(EMPTY_LEVEL, this.root >>> 2, (this.root >>> 2) + 1024);
    }
    return this.root;
  }
  /** It holds memory. */
  get holds(): boolean {
    return this.#chunks.length > 0;
  }

  /** Regions come: they look up where they jump to. */
  enableJumps(): void {
    if (this.jumps) return;
    const { entries, size } = JUMPS;
    this.jumps = this.#tables(entries * size >>> 12);
    // No pc is here, and the slot that none has.
    this.engine.u32.fill(0xffffffff, this.jumps >>> 2, (this.jumps + entries * size) >>> 2);
  }

  /** Gives all memory back. */
  dispose(): void {
    this.#release();
    this.root = 0;
    this.engine.forget(this);
  }
  #release(): void {
    this.regions = undefined;
    this.jumps = 0;
    for (const chunk of this.#chunks) this.engine.release(chunk);
    this.#chunks = [];
    this.#record =
      this.#recordEnd =
      this.#table =
      this.#tableEnd =
        0;
    this.resume();
  }

  /** While it is in use the interpreter adds records itself, where the engine's fields say. */
  resume(): void {
    const { u32 } = this.engine;
    if (!this.engine.uses(this)) return;
    u32[FIELD.next >>> 2] = this.#record, u32[FIELD.room >>> 2] = this.#recordEnd;
  }
  /** Takes back what {@link CodeCache.resume} gave. */
  suspend(): void {
    this.#record = this.engine.u32[FIELD.next >>> 2];
  }

  /** It should be dropped before more is decoded. */
  get full(): boolean {
    return this.#chunks.length >= this.maxChunks;
  }

  #chunk(): number {
    const chunk = this.engine.chunk();
    this.#chunks.push(chunk);
    return chunk;
  }

  #tables(pages: number): number {
    const bytes = pages << 12;
    if (this.#table + bytes > this.#tableEnd) {
      this.#table = this.#chunk();
      this.#tableEnd = this.#table + CHUNK;
    }
    const at = this.#table;
    this.#table += bytes;
    return at;
  }

  /** Place for a run of at most `records` records; `commit` says how many were used. */
  begin(records: number): number {
    if (this.engine.uses(this)) this.suspend();
    if (this.#record + records * RECORD.size > this.#recordEnd) {
      const chunk = this.#chunk();
      this.#record = chunk;
      this.#recordEnd = chunk + CHUNK_RECORDS * RECORD.size;
      // The rest of the chunk serves as tables when there is no better place.
      if (this.#tableEnd - this.#table < 0x4000) {
        this.#table = chunk + CHUNK_TABLES, this.#tableEnd = chunk + CHUNK;
      }
      this.resume();
    }
    return this.#record;
  }
  /** The run that was begun ends here. */
  commit(end: number): void {
    this.#record = end;
    if (this.engine.uses(this)) this.engine.u32[FIELD.next >>> 2] = end;
  }

  /** The record of a biased pc, or 0. */
  find(pc: number): number {
    if (!this.root) return 0;
    const { u32 } = this.engine;
    const level = u32[(this.root >>> 2) + (pc >>> 22)];
    const page = u32[(level >>> 2) + (pc >>> 12 & 1023)];
    return u32[(page >>> 2) + (pc & 4095)];
  }

  /** The lookup table of a biased page number, made when missing. */
  page(page: number): number {
    const { engine } = this;
    const slot = (this.root >>> 2) + (page >>> 10);
    let level = engine.u32[slot];
    if (level === EMPTY_LEVEL) {
      level = this.#tables(1);
      engine.u32.fill(EMPTY_PAGE, level >>> 2, (level >>> 2) + 1024);
      engine.u32[slot] = level;
    }
    const at = (level >>> 2) + (page & 1023);
    let table = engine.u32[at];
    if (table === EMPTY_PAGE) {
      table = this.#tables(4);
      engine.u8.fill(0, table, table + 0x4000);
      engine.u32[at] = table;
    }
    return table;
  }

  /** Has code of this biased page been decoded? */
  knows(page: number): boolean {
    if (!this.root) return false;
    const level = this.engine.u32[(this.root >>> 2) + (page >>> 10)];
    return this.engine.u32[(level >>> 2) + (page & 1023)] !== EMPTY_PAGE;
  }

  /** Forgets one record. */
  forget(pc: number, record: number): void {
    this.engine.u16[record >>> 1] = CORE_OPS.miss;
    if (this.find(pc) === record) this.engine.u32[(this.page(pc >>> 12) >>> 2) + (pc & 4095)] = 0;
  }

  /** Forgets the code of a biased page, in place: whoever runs into one of its records decodes again. */
  invalidate(page: number): void {
    if (!this.root) return;
    const { engine } = this;
    const level = engine.u32[(this.root >>> 2) + (page >>> 10)];
    const table = engine.u32[(level >>> 2) + (page & 1023)];
    if (table !== EMPTY_PAGE) {
      const { u32, u16 } = engine;
      for (let i = table >>> 2; i < (table >>> 2) + 4096; i++) {
        if (!u32[i]) continue;
        u16[u32[i] >>> 1] = CORE_OPS.miss;
        u32[i] = 0;
      }
    }
    if (!page) return;
    // Instructions that straddle into the page.
    for (let pc = (page << 12 >>> 0) - 14; pc < page * 4096; pc++) {
      const record = this.find(pc);
      if (!record || pc + engine.u8[infoOf(record) + INFO.length] <= page * 4096) continue;
      engine.u16[record >>> 1] = CORE_OPS.miss;
      engine.u32[(this.page(pc >>> 12) >>> 2) + (pc & 4095)] = 0;
    }
  }
}
