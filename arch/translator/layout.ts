/**
 * Where things lie in the memories of an interpreter. Memory 0 is the guest's, with the running task's state block at its
 * start; memory 1 is the page table; memory 2 belongs to the engine and is out of the guest's reach.
 */

/** Wasm offset = guest address - BIAS (core/memory.ts): the state block and {@link PAGES} lie below the first mappable page, 0x10000. */
export const BIAS = 0;
/** Guest page n has its permissions at n in memory 1, so a biased page number is this much lower. */
export const PAGE_BIAS = BIAS >>> 12;
/** Bytes at the start of memory 0 that hold the running task's registers. */
export const STATE_BYTES = 4096;

/** Registers end here at the latest; between this and the windows translated code keeps what it needs for itself. */
export const STATE_END = 1024;
/** i64 in the state block's page: where the call that is being made through the table wants its callee to return to. */
export const EXPECTED = 1024;

/**
 * Windows of the state block's page: ranges of guest memory that regions have found accessible, one for the addresses that come from
 * one register and one kind of access. Whoever takes a permission away zeroes all of them (core's AddressSpace).
 */
export const WINDOW = {
  first: 2048,
  count: 64,
  size: 32,
  /** i64: first wasm address; i64: bytes; i32: misses to let pass before the next search, and how many there were to be. */
  start: 0,
  length: 8,
  patience: 16,
  last: 20,
  /** Bytes around each address of a window that are accessible too. */
  slack: 256,
} as const;

/**
 * Behind the state block's page: pages that regions have found accessible, as i64 wasm page numbers by their lowest bits (a TLB of one way).
 * For accesses whose addresses come from so many mappings that a window would not do. All ones: none.
 */
export const PAGES = { read: 4096, write: 12288, entries: 1024, size: 8, end: 20480 } as const;

/** Nothing is permitted that regions remember. */
export function forgetPermissions(memory: Uint8Array): void {
  memory.fill(0, WINDOW.first, STATE_BYTES);
  memory.fill(0xff, PAGES.read, PAGES.end);
}

/**
 * Where the engine's fields lie in memory 2. Not at offsets that registers have in memory 0: memories begin at multiples of 4 KiB, and a
 * processor takes a load behind a store to the same place in another page for one that depends on it.
 */
const FIELDS = 0x600;
/** Fields of the engine at the start of memory 2. */
export const FIELD = {
  /** Record at which the interpreter stopped. */
  record: FIELDS + 0,
  /** What is left of the budget, plus the ordinal of `record`. */
  count: FIELDS + 4,
  /** Guest address of the last fault, 64 bits. */
  address: FIELDS + 8,
  access: FIELDS + 16,
  /** Cause, vector and error code of a raised trap; entry id or call target. */
  cause: FIELDS + 20,
  vector: FIELDS + 24,
  error: FIELDS + 28,
  entry: FIELDS + 32,
  /** Directory of the code cache that is in use. */
  directory: FIELDS + 36,
  /** 64-bit time base that JavaScript refreshes (TSC, CNTVCT). */
  time: FIELDS + 40,
  /** Destination of an indirect jump made by a rare operation, 64 bits. */
  target: FIELDS + 48,
  /** Budget the current run began with (count at entry). */
  start: FIELDS + 56,
  /** Written by operations that do nothing. */
  idle: FIELDS + 60,
  /** Ways from a region to where there is none, until one of them is a sample. */
  exits: FIELDS + 64,
  /** Where the current cache's next records go, and the end of that place. */
  next: FIELDS + 68,
  room: FIELDS + 72,
  /** A region (its slot and one) of a module that misses its windows too often, and 64 bits: which of them. */
  stale: FIELDS + 76,
  missed: FIELDS + 80,
  /** Jump table of the code cache that is in use ({@link JUMPS}). */
  jumps: FIELDS + 88,
  /** Of the interpreter's loop that is at work: how deep in regions it is, its nesting in other loops, and (64 bits) where a return ends it. */
  depth: FIELDS + 92,
  expected: FIELDS + 96,
  nested: FIELDS + 104,
  /** Code was dropped, or a permission taken away, while a page was asked for: all regions that are at work are left. */
  changed: FIELDS + 108,
  /** Lockstep: instructions begun since the region was entered, how many may be, and whether one was left in its middle. */
  steps: FIELDS + 128,
  limit: FIELDS + 132,
  partly: FIELDS + 136,
  /** 64 bits, the lower half 0: whose answers of {@link ANSWERS} hold now. */
  stamp: FIELDS + 144,
  /** Lockstep: slots (translator, region/slots.ts) that the region has not brought to memory, since nobody reads them any more; 96 bits. */
  dead: FIELDS + 152,
} as const;

/**
 * Answers of the kernel that regions need not ask for again, behind the fields: entries of 16 bytes at the place that the lowest bits of
 * the call's number name, with the number (u32), the stamp of the task (u32) and the answer (i64).
 */
export const ANSWERS = { first: FIELDS + 256, entries: 16, size: 16, value: 8 } as const;

/** What a decoder notes while it decodes a run: from here, behind the fields, up to {@link EMPTY_LEVEL}. */
export const NOTES = 0x800;
/** Second level of an empty directory, and an empty page: all zero, never written. */
export const EMPTY_LEVEL = 0x1000, EMPTY_PAGE = 0x4000;
/** Tables of the decoder. */
export const TABLES = 0x8000;
/** Chunks of records and lookup tables from here, each aligned to its size. */
export const CHUNKS = 0x40000, CHUNK = 0x20000;
/** In a chunk of records: 4,096 records of 16 bytes, then 8 bytes of {@link INFO} for each, then two lookup pages. */
export const CHUNK_RECORDS = 4096, CHUNK_INFO = 0x10000, CHUNK_TABLES = 0x18000;

/** A record: 16 bytes. A register field is a byte offset in the state block. */
export const RECORD = {
  /** u16 */ op: 0,
  a: 2,
  b: 3,
  base: 4,
  index: 5,
  scale: 6,
  /** Instructions before this one in its run. */
  ordinal: 7,
  /** i32: displacement (biased, for memory operands), or the target record of a branch. */
  disp: 8,
  /** i32: immediate, or the count that a taken branch takes from the budget. */
  imm: 12,
  size: 16,
} as const;
/** Beside each record: u32 biased pc, u8 length, u8 kind. */
export const INFO = { pc: 0, length: 4, kind: 5, size: 8 } as const;

/** Address of the {@link INFO} of a record. */
export function infoOf(record: number): number {
  return (record & ~(CHUNK - 1)) + CHUNK_INFO + ((record & 0xffff) >>> 1);
}

/** What an operation or the interpreter returns. */
export const STATUS = {
  next: 0,
  /** A page fault at this record; `address` and `access` tell. */
  fault: 1,
  /** `cause`, `vector` and `error` tell. */
  trap: 2,
  /** The kernel asked to leave; the program counter is in the state block. */
  leave: 3,
  /** The budget is used up before this record. */
  budget: 4,
  /** The instruction at the program counter in the state block could not be fetched. */
  fetch: 5,
  /** Inside only: the branch of this record is taken; the jump goes to FIELD.target. */
  taken: 6,
  jump: 7,
  /** A single step is over. */
  step: 8,
  /** A long instruction wants to be continued. */
  yield: 9,
  /** The guest is where a region waits for it ({@link FIELD.expected}). */
  returned: 10,
} as const;

/** What a region returns; the program counter is in the state block. */
export const LEAVE = {
  /** Go on there. */
  go: 0,
  /** The same, but at least one instruction by the interpreter: it faults, or only the interpreter can do it. */
  interpret: 1,
  /** The budget is used up, or the kernel, called from inside, asked to leave. */
  budget: 2,
  /** Of a slot that holds no region in this instance. */
  missing: 3,
} as const;
/** Loops of the interpreter that regions call: how deep in regions the last one may begin, and how many may be at work. */
export const NEST = { depth: 100, levels: 12, frames: 8 } as const;
/** Slots in the table of regions, at most. */
export const REGION_SLOTS = 0x10000;

/**
 * Of each code cache: where computed jumps and calls of regions lead. Entries of 8 bytes, biased pc and slot, at the place that the pc's
 * low bits name; what is not there is looked up in the directory.
 */
export const JUMPS = { entries: 2048, size: 8, slot: 4 } as const;

/** Kinds of access: the permission bits of a page. */
export const ACCESS = { read: 1, write: 2, exec: 4 } as const;
/** Bit of a page's permissions: it holds decoded code, and stores to it are told (core/pool.ts). */
export const WATCHED = 16;

/** Operations of the interpreter itself; architectures' follow. */
export const CORE_OPS = {
  miss: 0,
  link: 1,
  goto: 2,
  step: 3,
  ea: 4,
  ea32: 5,
  absolute: 6,
  /** A translated region begins here: `imm` is its slot, `disp` a copy of the record that was here. */
  region: 7,
  first: 8,
} as const;

/**
 * Operations that do nothing, numbered after all others. V8 inlines what a call site has called until then, and throws the optimised
 * code away when another function comes; a call site that has seen more than four is left alone. So a new instance executes these.
 */
export const IDLE_OPS = 6;
