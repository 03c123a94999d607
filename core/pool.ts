/**
 * Host memory: how much all address spaces together may use, and WebAssembly memories kept for the next process.
 * Making a memory costs about a millisecond and its pages cost a fault each when first touched, so a shell that
 * forks ten times a second takes memories that are already warm.
 */

import { BIAS, BLOCK_END, LOWEST } from "./memory.ts";

/** Page byte: what the CPU may do without asking are the three low bits; the others are the kernel's. */
// deno-fmt-ignore
export const
  /** The bytes belong to the mapping (else they are zero, or the file's are not yet read). */
  TOUCHED = 8,
  /** The page holds decoded code: stores must be told to the CPU. */
  CODE = 16,
  /** A shared page that was changed since it was last merged with its object. */
  DIRTY = 32,
  /** A private page of a file that differs from the file. */
  MODIFIED = 64,
  /** The host has a page here. Never cleared while the memory lives. */
  RESIDENT = 128;

const PAGES = 1 << 20;
/** Of 64 KiB: how long a memory may become. */
const MOST_PAGES = 65536;
/** Enough for a program, its stack and its libraries: most processes never grow. */
const INITIAL_PAGES = 0x2400000 / 65536;
/** Resident pages that all kept memories may have together: 64 MiB. */
const KEEP_RESIDENT = 16384;
const KEEP_MEMORIES = 32;

/** A guest memory with its page table. */
export interface MemoryPair {
  /** Guest bytes. */
  readonly memory: WebAssembly.Memory;
  /** One byte a page. */
  readonly pages: WebAssembly.Memory;
  /** Pages that the host has committed to it. */
  resident: number;
  /** No byte from this guest address on has ever been used. */
  reached: number;
}

/** The memory of one kernel: a limit, what is used, and memories to use again. */
export class HostMemory {
  /** Bytes that may be committed. */
  limit: number;
  /** Bytes committed, those of kept memories included. */
  used = 0;
  /** Memories with 32-bit addresses, as on hosts without memory64. */
  readonly memory32: boolean;
  readonly #kept: MemoryPair[] = [];
  #keptPages = 0;

  /** `limit` in bytes. */
  constructor(limit: number = 4 * 2 ** 30, memory32: boolean = !hasMemory64()) {
    this.limit = limit;
    this.memory32 = memory32;
  }

  /** Counts pages of `pair` as committed. False: over the limit, nothing is counted. */
  commit(pair: MemoryPair, pages: number): boolean {
    while (this.used + pages * 4096 > this.limit) {
      const kept = this.#pop();
      if (kept === undefined) return false;
      this.used -= kept.resident * 4096;
    }
    this.used += pages * 4096;
    pair.resident += pages;
    return true;
  }

  #pop(): MemoryPair | undefined {
    const kept = this.#kept.pop();
    if (kept !== undefined) this.#keptPages -= kept.resident;
    return kept;
  }

  /** A memory whose bytes are all zero; undefined when the host has none. */
  take(): MemoryPair | undefined {
    const kept = this.#pop();
    if (kept !== undefined) {
      clear(kept);
      return kept;
    }
    try {
      // The page table's memory is an i32 one everywhere: it is small, and indices are computed as i32.
      // One wasm page more than the table: a CPU looks up biased page numbers (arch/translator/README.md).
      const pages = new WebAssembly.Memory({ initial: PAGES / 65536 + 1, maximum: PAGES / 65536 + 1 });
      const memory = this.memory32
        ? new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MOST_PAGES })
        : new WebAssembly.Memory(wide(INITIAL_PAGES, MOST_PAGES));
      return { memory, pages, resident: 0, reached: LOWEST };
    } catch {
      return undefined;
    }
  }

  /** Keeps the memory for later, or lets it go. */
  give(pair: MemoryPair): void {
    if (this.#kept.length < KEEP_MEMORIES && this.#keptPages + pair.resident <= KEEP_RESIDENT) {
      this.#kept.push(pair);
      this.#keptPages += pair.resident;
    } else this.used -= pair.resident * 4096;
  }

  /** Lets all kept memories go. */
  clear(): void {
    for (const pair of this.#kept) this.used -= pair.resident * 4096;
    this.#kept.length = this.#keptPages = 0;
  }
}

/** Grows the memory to at least `pages` WebAssembly pages. */
export function growMemory(memory: WebAssembly.Memory, pages: number, memory32: boolean): boolean {
  const more = pages - memory.buffer.byteLength / 65536;
  if (more <= 0) return true;
  try {
    // cold: the API's; the memory grows in large steps
    memory.grow((memory32 ? more : BigInt(more)) as number);
    return true;
  } catch {
    return false;
  }
}

/** Makes the memory as long as it may become, which takes addresses of the host and nothing else. False: the host refuses. */
export function growWhole(memory: WebAssembly.Memory, memory32: boolean): boolean {
  return growMemory(memory, MOST_PAGES, memory32);
}

let memory64: boolean | undefined;

/** Whether the host has memories with 64-bit addresses. */
export function hasMemory64(): boolean {
  if (memory64 === undefined) {
    try {
      memory64 = new WebAssembly.Memory(wide(1, 1)).buffer.byteLength === 65536;
    } catch {
      memory64 = false;
    }
  }
  return memory64;
}

function wide(first: number, most: number): WebAssembly.MemoryDescriptor {
  const initial = BigInt(first), maximum = BigInt(most); // cold: once a memory
  return { address: "i64", initial, maximum } as unknown as WebAssembly.MemoryDescriptor;
}

function clear(pair: MemoryPair): void {
  const bytes = new Uint8Array(pair.memory.buffer);
  const table = new Uint8Array(pair.pages.buffer);
  bytes.fill(0, 0, BLOCK_END); // the state block
  const words = new Int32Array(pair.pages.buffer, 0, Math.ceil(pair.reached / 16384));
  let run = -1; // first page of a run of touched ones; the others have been cleared before
  const end = (from: number, to: number): void => void bytes.fill(0, from * 4096 - BIAS, to * 4096 - BIAS);
  for (let w = 0; w < words.length; w++) {
    if (words[w] === 0 && run < 0) continue;
    for (let p = w * 4; p < w * 4 + 4; p++) {
      const touched = (table[p] & TOUCHED) !== 0;
      if (touched && run < 0) run = p;
      else if (!touched && run >= 0) {
        end(run, p);
        run = -1;
      }
      table[p] &= RESIDENT;
    }
  }
  if (run >= 0) end(run, words.length * 4);
}
