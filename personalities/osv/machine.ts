/** What differs between the architectures that OSv runs on, as data: where libraries lie, the thread's block, variable arguments, the way in. */
import type { Arch } from "@guise/core";

/** Offsets from the thread pointer, as the libc under us lays out a thread. */
export interface ThreadLayout {
  /** Bytes of the control block below and above the thread pointer; static thread-local data lies on one side beyond it. */
  readonly below: number;
  /** See {@link ThreadLayout.below}. */
  readonly above: number;
  /** Words that point to the block itself: its own address, the list of threads (two links). */
  readonly links: readonly number[];
  /** What they point to. */
  readonly block: number;
  /** The stack protector's canary. */
  readonly canary: number;
  /** The thread's id. */
  readonly tid: number;
  /** Head of the list of robust locks. */
  readonly robust: number;
}

/** A `va_list`, and the register save area behind it. */
export interface ListLayout {
  /** Bytes of the list. */
  readonly size: number;
  /** Vector registers, in order, 16 bytes of each are saved. */
  readonly vectors: readonly string[];
  /** Writes the list: `first` arguments have names, the registers are saved at `saved`, further arguments lie at `stack`. */
  write(view: DataView, first: number, saved: number, stack: number): void;
  /** Where a list's next `count` integer arguments lie. */
  places(list: DataView, count: number): number[];
}

/** The way in: a stack that a segment register names (O9), or an exception stack with a frame (O10). */
export type EntryLayout =
  | { readonly kind: "named"; readonly base: string; readonly saved: readonly string[] }
  | { readonly kind: "exception"; readonly general: readonly string[] };

/** One architecture. */
export interface OsvMachine {
  /** Where libraries are looked for (O3). */
  readonly libraries: readonly string[];
  /** Where the libc that completes the kernel's exports is. */
  readonly libc: readonly string[];
  /** See {@link ThreadLayout}. */
  readonly thread: ThreadLayout;
  /** See {@link ListLayout}. */
  readonly list: ListLayout;
  /** See {@link EntryLayout}. */
  readonly entry: EntryLayout;
  /** A structure of more than 16 bytes as an argument: its words on the stack, or its address in a register. */
  readonly structures: "stack" | "address";
  /** Where `struct stat` has the mode, and its size. */
  readonly stat: { readonly mode: number; readonly size: number };
  /** Functions that the kernel has for other architectures alone (O2). */
  readonly absent: ReadonlySet<string>;
}

const folders = (triplet: string): string[] => [
  "/",
  "/usr/lib/",
  "/lib/",
  `/lib/${triplet}/`,
  `/usr/lib/${triplet}/`,
  "/usr/local/lib/",
];
const libc = (machine: string): string[] => [
  `/lib/ld-musl-${machine}.so.1`,
  `/usr/lib/${machine}-linux-musl/libc.so`,
  `/lib/libc.musl-${machine}.so.1`,
  "/usr/local/musl/lib/libc.so",
];

const CONTEXTS = ["getcontext", "setcontext", "makecontext", "swapcontext", "sigsetjmp", "__sigsetjmp"];

function get64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}
function put64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}

const numbered = (letter: string, n: number): string[] =>
  Array.from({ length: n }, (_, i) => `${letter}${i}`);

const machines: Readonly<Record<string, OsvMachine>> = {
  "x86-64": {
    libraries: folders("x86_64-linux-gnu"),
    libc: libc("x86_64"),
    thread: {
      below: 0,
      above: 4096,
      links: [0, 16, 24],
      block: 0,
      canary: 40,
      tid: 48,
      robust: 0x88,
    },
    // System V ABI for x86-64, 3.5.7: offsets of what is unused, the stack, the save area.
    list: {
      size: 24,
      vectors: numbered("xmm", 8),
      write(view, first, saved, stack) {
        view.setUint32(0, 8 * Math.min(first, 6), true);
        view.setUint32(4, 48, true);
        put64(view, 8, stack);
        put64(view, 16, saved);
      },
      places(list, count) {
        let used = list.getUint32(0, true), rest = get64(list, 8);
        const saved = get64(list, 16);
        return Array.from({ length: count }, () => used < 48 ? saved + (used += 8) - 8 : (rest += 8) - 8);
      },
    },
    entry: {
      kind: "named",
      base: "gs_base",
      // What the entry saves, downwards from the word below the top.
      // deno-fmt-ignore
      saved: ["rcx", "rbp", "rsp", "rbx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"],
    },
    structures: "stack",
    stat: { mode: 24, size: 144 },
    absent: new Set(),
  },
  aarch64: {
    libraries: folders("aarch64-linux-gnu"),
    libc: libc("aarch64"),
    // The block ends at the thread pointer, with the canary and a vector that nobody reads; 16 bytes above it the data begin.
    thread: {
      below: 4096,
      above: 16,
      links: [-200, -192, -184],
      block: -200,
      canary: -16,
      tid: -168,
      robust: -80,
    },
    // Procedure call standard for the 64-bit architecture: the stack, the ends of both save areas, distances from them.
    list: {
      size: 32,
      vectors: numbered("v", 8),
      write(view, first, saved, stack) {
        put64(view, 0, stack);
        put64(view, 8, saved + 64);
        put64(view, 16, saved + 64 + 128);
        view.setInt32(24, -8 * Math.max(0, 8 - first), true);
        view.setInt32(28, -128, true);
      },
      places(list, count) {
        let rest = get64(list, 0), used = list.getInt32(24, true);
        const end = get64(list, 8);
        return Array.from({ length: count }, () => used < 0 ? end + (used += 8) - 8 : (rest += 8) - 8);
      },
    },
    entry: { kind: "exception", general: numbered("x", 31) },
    structures: "address",
    stat: { mode: 16, size: 128 },
    absent: new Set(CONTEXTS),
  },
};

/** The facts of an architecture; undefined where OSv does not run. */
export function machineOf(arch: Pick<Arch, "name">): OsvMachine | undefined {
  return machines[arch.name];
}
