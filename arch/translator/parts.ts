/** What a CPU is put together from: the address space, the kernel, the interpreter module, the translator. */
import type { Engine, RegionSet } from "./cache.ts";
import type { BaseCpu } from "./cpu.ts";
import type { Eagerness } from "./eagerness.ts";
import type { LockstepLog, RegionText } from "./lockstep.ts";
import type { Cause } from "./machine.ts";

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
  /** Makes the memory as long as it may become: regions then need not ask how long it is. */
  whole?(): boolean;
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

/** What a translator makes of entries: regions of one module. */
export interface Translation {
  readonly module: WebAssembly.Module;
  /** Instructions that were translated, copies of what is called among them. */
  readonly size: number;
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
  /** Loops in them: biased addresses of their instructions, by where they begin. */
  readonly loops: ReadonlyMap<number, ReadonlySet<number>>;
  /** Biased addresses of all their instructions. */
  readonly places: readonly number[];
  /** Functions that have copies in a region, by where slices end that it was in: its loops, and where it begins. */
  readonly copied: ReadonlyMap<number, ReadonlySet<number>>;
}
/** Copies between the state block and an image in guest memory, both of which must be there. */
export interface Copies {
  /** To the image at a wasm address. */
  save(at: number): void;
  /** From it. */
  restore(at: number): void;
}

/** Makes regions of decoded code. */
export interface Translator {
  /** What copies the image register of signal frames, or registers at these offsets (those below 0 not), in a memory. */
  copies(memory: WebAssembly.Memory, wide: boolean, offsets?: Int32Array): Copies;
  /** Regions at biased entries, as far as they can be translated; how many instructions it would take, when `paid` are too few. */
  translate(
    cpu: BaseCpu,
    entries: readonly number[],
    set: RegionSet,
    wide: boolean,
    limits: Eagerness,
    paid: number,
  ): Translation | number | undefined;
  /** Pieces of 4 bytes of the state block that lockstep leaves alone: what is only used within an instruction, and lazy flags. */
  readonly ignored: ReadonlySet<number>;
  /** What regions keep in locals: pieces of the state block, by the numbers of FIELD.dead. */
  readonly slots: readonly { readonly offset: number; readonly bytes: number }[];
  /** Does the code at a biased pc read the flags before it overwrites them? `exact`: also for who may look at a fault in it. */
  flagsWanted(cpu: BaseCpu, pc: number, exact: boolean): boolean;
  /** The micro-ops of the instruction at a biased pc, for a person. */
  describe(cpu: BaseCpu, pc: number): string[];
  /** Where the next instruction is, and whether regions leave this one to the interpreter. */
  look(cpu: BaseCpu, pc: number): { readonly next: number; readonly leaves: boolean } | undefined;
}

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
