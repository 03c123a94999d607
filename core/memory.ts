/**
 * The flat, MMU-less address space: one WebAssembly.Memory, byte offset = guest address - {@link BIAS}, and beside it a
 * page table that guests cannot write: one byte a page, whose bits say what the CPU may do without asking.
 *
 * A cleared bit does not mean "forbidden" but "ask": the CPU leaves guest code and calls {@link AddressSpace.resolve}.
 * That one road serves real faults, stack growth, lazily loaded file pages, first writes to shared pages, and stores to
 * pages that hold decoded code.
 */
import type { Errno } from "./errno.ts";

/**
 * Guest address of the first byte of the memory: the guest's addresses are those of the memory, so that translated code need not subtract anything
 * (decision 73). What lies below {@link LOWEST} no guest can map: there are the CPU's state block, and what translated code
 * remembers of permissions.
 */
export const BIAS = 0;
/** The first mappable guest address, as vm.mmap_min_addr is on Linux: Go links programs for arm64 to begin here. */
export const LOWEST = 0x10000;
/**
 * From these bytes of the memory on translated code remembers what it may access: when a page's bit is cleared, windows are zeroed, and the
 * pages behind them filled with {@link NO_PAGE}, up to the end of the block.
 */
export const WINDOWS = 2048, WINDOW_PAGES = 4096, BLOCK_END = 0x5000;
/** Each byte of a remembered page that is none. */
export const NO_PAGE = 0xff;
/** Bytes of a page. */
export const PAGE = 4096;
/**
 * Where mmap's area begins, upwards, and below it the stack, unless the program is large (`AddressSpace.mapBase`). Low,
 * since the memory reaches from 0 to the highest page in use, and V8 collects garbage when memories of many megabytes
 * are made: at 32 MiB a small process takes 36 MiB of addresses.
 */
export const MAP_BASE = 0x2000000;
/** Where the first stack of a process ends when {@link MAP_BASE} has not been moved. */
export const STACK_TOP: number = MAP_BASE;

/** What backs a mapping: a file, a shared object, a device. Pages are asked for by file offset. */
export interface Backing {
  /** Fills `into` from `offset`; returns the bytes that exist (the rest of the last page is zero, beyond it SIGBUS). */
  fill(offset: number, into: Uint8Array): number;
  /** Takes back bytes that a shared mapping changed; absent: changes are not written back. */
  store?(offset: number, from: Uint8Array): void;
  /** Size in bytes now. */
  readonly size: number;
  /**
   * One identity for all mappings of the same object (an inode); shared mappings and futexes key on it. Who changes or reads
   * the object other than through mappings calls `staleShared` or `flushShared` with it.
   */
  readonly identity: object;
  /** The line in /proc/self/maps: path or [name], device numbers and inode. */
  readonly name: string;
  /** Major and minor number, for /proc/self/maps. */
  readonly device?: readonly [number, number];
  /** For /proc/self/maps. */
  readonly inode?: number;
  /** A mapping was made or removed, as open(2) and close(2) count files. */
  hold?(): void;
  /** See {@link Backing.hold}. */
  release?(): void;
}

/** A mapped range with one protection and one backing. */
export interface Vma {
  /** First address. */
  readonly start: number;
  /** Address after the last byte. */
  readonly end: number;
  /** READ | WRITE | EXEC of arch.ts, as Linux's PROT_ bits. */
  readonly prot: number;
  /** What `protect` may set at most (a file opened without writing, mapped shared). */
  readonly maxProt: number;
  /** MAP_SHARED. */
  readonly shared: boolean;
  /** What it maps; anonymous without. */
  readonly backing?: Backing;
  /** Offset in the backing of `start`. */
  readonly offset: number;
  /** `[heap]`, `[stack]`, `[vdso]`… for anonymous ranges. */
  readonly name: string;
  /** Call stubs and the vsyscall page: jumping there traps to the kernel (design 4: stubs only where the kernel put them). */
  readonly stubs: boolean;
  /** A stack: grows down when the page below is used. */
  readonly growsDown: boolean;
}

/** A request to {@link AddressSpace.map}. */
export interface MapRequest {
  /** 0: anywhere. Without `fixed` a hint, that falls back to a free place. */
  readonly address: number;
  /** In bytes; rounded up to pages. */
  readonly length: number;
  /** READ | WRITE | EXEC. */
  readonly prot: number;
  /** Default: everything. See {@link Vma.maxProt}. */
  readonly maxProt?: number;
  /** MAP_SHARED. */
  readonly shared?: boolean;
  /** "replace": MAP_FIXED; "exclusive": MAP_FIXED_NOREPLACE (EEXIST). */
  readonly fixed?: "replace" | "exclusive";
  /** What to map; anonymous without. */
  readonly backing?: Backing;
  /** Offset in the backing, a multiple of the page size. */
  readonly offset?: number;
  /** See {@link Vma.name}. */
  readonly name?: string;
  /** See {@link Vma.stubs}. */
  readonly stubs?: boolean;
  /** See {@link Vma.growsDown}. */
  readonly growsDown?: boolean;
  /** Below 2 GiB (MAP_32BIT). */
  readonly low?: boolean;
}

/** Somebody who must know when code changes: the CPU of this space. */
export interface CodeWatcher {
  /** Decoded code of this range is not valid any more. */
  invalidate(start: number, length: number): void;
}

/** The memory of a process; see {@link createSpace}. */
export interface AddressSpace {
  /** Guest bytes. Grows; every view must be taken anew after a call that can map. */
  readonly memory: WebAssembly.Memory;
  /** The page table: index = guest address >>> 12, bits READ, WRITE, EXEC. */
  readonly pages: WebAssembly.Memory;
  /** Counts how often permission bits that were set have been cleared: who remembers them looks again. */
  readonly revoked: number;
  /** Views of `memory`, current at the time of reading the property. Offset = guest address - BIAS. */
  readonly u8: Uint8Array;
  /** See {@link AddressSpace.u8}. */
  readonly i32: Int32Array;
  /** See {@link AddressSpace.u8}. */
  readonly u32: Uint32Array;
  /** See {@link AddressSpace.u8}. */
  readonly view: DataView;
  /** Upper limit of addresses, at most 4 GiB. */
  readonly limit: number;
  /** How far a `growsDown` mapping may grow, in bytes (RLIMIT_STACK). Default 8 MiB. */
  stackLimit: number;
  /**
   * Where places are looked for when a mapping names none, upwards; the first stack ends here. A loader sets it above a
   * large program, with room for heap and stack, before it maps anything else. Default {@link MAP_BASE}.
   */
  mapBase: number;
  /** How many bytes may be mapped (RLIMIT_AS). Default Infinity. */
  mapLimit: number;
  /** Bytes mapped (RLIMIT_AS counts them), and bytes that can have been touched. */
  readonly mapped: number;
  /** Bytes that the host has committed. */
  readonly committed: number;
  /** Where the last failed `resolve` found: nothing mapped, forbidden, beyond the end of its file, or ("memory") no host memory left. */
  readonly faultCause: "unmapped" | "forbidden" | "beyond" | "memory";

  /**
   * Makes the memory as long as it may become, for code that is quicker where its length cannot change: addresses of the host, no
   * memory. False: the host refuses, all is as before.
   */
  whole(): boolean;

  /** Maps; returns the address or ENOMEM, EEXIST, EINVAL, EPERM (fixed below {@link LOWEST}). Old mappings under a fixed one go as by unmap. */
  map(request: MapRequest): number | Errno;
  /** Removes what is mapped in the range; EINVAL when the range is wrong. */
  unmap(start: number, length: number): 0 | Errno;
  /** ENOMEM when part of the range is not mapped (earlier parts are changed, as on Linux), EACCES when the backing forbids it. */
  protect(start: number, length: number, prot: number): 0 | Errno;
  /**
   * mremap: pages keep their bytes. `to` equal to `from` resizes in place (ENOMEM when what follows is not free), 0 takes a
   * free place, another one replaces what is there. EFAULT when the old range is not inside one mapping.
   */
  move(from: number, oldLength: number, to: number, newLength: number): number | Errno;
  /** Throws away the bytes (MADV_DONTNEED): zero or the file's next time. */
  discard(start: number, length: number): 0 | Errno;
  /** msync: changed pages of shared mappings go to their objects and files. ENOMEM when part of the range is not mapped. */
  sync(start: number, length: number): 0 | Errno;
  /** The mapping that contains the address. */
  find(address: number): Vma | undefined;
  /** All mappings in order of address. */
  readonly vmas: readonly Vma[];

  /** The CPU or the kernel met a cleared bit. True: permitted now, try again. `address` may be any number. */
  resolve(address: number, access: number): boolean;
  /** True when all bytes may be accessed by the guest that way; resolves what must be. length 0 is true. */
  check(address: number, length: number, access: number): boolean;
  /** Stores to these pages must reach `resolve`, which tells the watcher before it permits them. */
  watchCode(start: number, length: number): void;
  /** The CPU of this space. */
  codeWatcher: CodeWatcher | undefined;

  /** A view of checked memory, valid until the next call that can map. Does not check. */
  bytes(address: number, length: number): Uint8Array;
  /** Copies out of the guest; undefined when not readable. */
  read(address: number, length: number): Uint8Array | undefined;
  /** Copies into the guest; false when not writable. Invalidate code and mark shared pages as a guest's store does. */
  write(address: number, bytes: Uint8Array): boolean;
  /** A copy of NUL-terminated bytes, without the NUL; EFAULT, or ENAMETOOLONG when there is no NUL in `max` bytes. */
  cstring(address: number, max: number): Uint8Array | Errno;
  /** The same as a byte string, one code unit a byte: several times quicker than an array of them, which is an object of the host's. */
  byteString(address: number, max: number): string | Errno;
  /** Scalars for the kernel; undefined or false when not accessible. num64 is unsigned and exact below 2^53. */
  getU32(address: number): number | undefined;
  /** See {@link AddressSpace.getU32}. */
  getNum64(address: number): number | undefined;
  /** See {@link AddressSpace.getU32}. */
  setU32(address: number, value: number): boolean;
  /** See {@link AddressSpace.getU32}; negative numbers as two's complement. */
  setNum64(address: number, value: number): boolean;

  /** A copy for fork: private pages copied (only touched ones), shared ones shared. undefined: out of memory. */
  fork(): AddressSpace | undefined;
  /** This space's tasks are about to run, or stop running: merges shared pages with their objects. */
  enter(): void;
  /** See {@link AddressSpace.enter}. */
  leave(): void;
  /** Gives everything back; the space is not used any more. */
  dispose(): void;
}
