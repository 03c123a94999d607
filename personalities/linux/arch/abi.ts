/**
 * What differs between architectures in Linux beyond system call numbers, as data: register names, the signal frame's
 * offsets, the auxiliary vector's values. The code that uses it has no branch on the architecture.
 */
import type { Arch, TrapFrame } from "@guise/core";

/** A register stored in a signal frame at `offset` of its mcontext. */
export interface SavedRegister {
  readonly name: string;
  readonly offset: number;
  /** Bits that rt_sigreturn takes from the frame; others keep their value. Default: all. */
  readonly mask?: number;
}

/** How a handler is entered and left (spec X26-X28, A8). Offsets are in bytes from the frame's start, which SP gets. */
export interface SignalFrameLayout {
  /** Bytes of the fixed part. */
  readonly size: number;
  readonly siginfo: number;
  readonly ucontext: number;
  /** Inside ucontext. */
  readonly ucFlags: number;
  readonly ucLink: number;
  readonly ucStack: number;
  readonly ucMask: number;
  readonly mcontext: number;
  /** Value of uc_flags. */
  readonly flags: number;
  /** Bytes below the interrupted SP that belong to the code (x86-64's red zone). */
  readonly redZone: number;
  /** SP % 16 at handler entry. */
  readonly misalignment: number;
  /** Each 8 bytes behind the one before; those with a mask at the end. */
  readonly registers: readonly SavedRegister[];
  /** Fixed 16-bit values in the mcontext: x86-64's selectors. */
  readonly constants: readonly {
    readonly offset: number;
    readonly value: number;
    readonly bytes: 2 | 4 | 8;
  }[];
  /** Where the trap that caused the signal is described, inside mcontext; absent: nowhere. */
  readonly trap: {
    readonly error?: number;
    readonly vector?: number;
    readonly oldMask?: number;
    readonly address: number;
  };
  /** Floating point and vector state. */
  readonly extended: {
    /** Register image (a name of Arch.registers) that `frame.read` gives. */
    readonly register: string;
    /** Bytes of the image in the frame, with what surrounds it. */
    readonly size: number;
    /** Above the fixed part with a pointer to it in the mcontext, or inside the mcontext. */
    readonly place: { readonly kind: "above"; readonly pointer: number; readonly align: number } | {
      readonly kind: "inside";
      readonly offset: number;
    };
    /** These bytes without the image: magic numbers. The image lies `image` bytes from their start. */
    readonly around: Uint8Array;
    readonly image: number;
    /** Adds what depends on the thread's last fault to the bytes at `at`; absent: nothing does. */
    dress?(view: DataView, at: number, vector: number, error: number): void;
    /** Where the image lies in the bytes from `at`, which the guest may have changed; -1: not valid. */
    undress(view: DataView, at: number): number;
  };
  /**
   * Whether rt_sigreturn may take a frame whose mcontext is at `mcontext` in `view`: it names user code at the user's
   * level of privilege (spec X28, X31, A8). Registers have been through their masks then.
   */
  acceptable(view: DataView, mcontext: number): boolean;
  /** Where the return address goes: pushed at the frame's start, or a register. */
  readonly returnTo: { readonly kind: "memory"; readonly offset: number } | {
    readonly kind: "register";
    readonly name: string;
  };
  /** True when sa_restorer must be there (x86-64). */
  readonly needsRestorer: boolean;
  /** Bytes that rt_sigreturn adds to SP to be at the frame's start again: -8 on x86-64, whose `ret` popped one word. */
  readonly returnOffset: number;
  /** Registers set at handler entry: signal, siginfo, ucontext, and zeroes. */
  readonly signalRegister: string;
  readonly infoRegister: string;
  readonly contextRegister: string;
  readonly zeroRegisters: readonly string[];
  /** A second frame record that unwinders follow (aarch64: x29, x30), inside the frame. */
  readonly record?: {
    readonly offset: number;
    readonly registers: readonly string[];
    readonly pointer: string;
  };
  /** Bits cleared in the flags register at handler entry (x86-64: DF, TF, RF). */
  readonly clearFlags?: { readonly name: string; readonly bits: number };
}

/** The signal of a trap that is no call (spec X11, A5). */
export interface FaultSignal {
  readonly signal: number;
  readonly code: number;
  /** si_addr: the program counter, the faulting address, or 0. */
  readonly address: "pc" | "fault" | "zero";
}

/** One architecture as Linux sees it. */
export interface LinuxArch {
  readonly name: string;
  /** utsname.machine, AT_PLATFORM. */
  readonly machine: string;
  readonly platform: string;
  /** The register of the call's number, to write restart_syscall's. */
  readonly numberRegister: string;
  readonly restartSyscall: number;
  readonly resultRegister: string;
  /** Set to a fixed value when a program starts. */
  readonly startRegisters: readonly { readonly name: string; readonly value: number }[];
  /** Image of the floating point and vector state when a program starts. */
  readonly startExtended: Uint8Array;
  /** Auxiliary vector entries that come first (spec X24), in order; values are asked from the architecture where it knows. */
  readonly hwcap: number;
  readonly hwcap2: number;
  readonly minimumSignalStack: number;
  /** Name of the thread pointer that CLONE_SETTLS writes. */
  readonly tlsRegister: string;
  readonly frame: SignalFrameLayout;
  /** Page faults are SIGSEGV or SIGBUS by what was found; the others are here. */
  readonly faults: Readonly<
    Record<
      "illegal" | "breakpoint" | "protection" | "divide" | "overflow" | "alignment" | "float",
      FaultSignal
    >
  >;
  /** Faults that are told by their vector: x86-64's #SS. */
  readonly vectors: Readonly<Record<number, FaultSignal>>;
  /** si_code of a floating point exception, from the state image and the vector. */
  floatCode(image: Uint8Array, vector: number): number;
  /** Addresses beyond this many bits, sign-extended, are no page faults but "protection" faults (x86-64's canonical form). */
  readonly canonicalBits?: number;
  /** Vector and error code of a page fault where the CPU gives none: for the signal frame. */
  readonly pageVector: number;
  pageError(access: number, mapped: boolean): number;
  /** Argument slots of clone(2) after flags and stack. */
  readonly cloneOrder: readonly ["ptid", "ctid", "tls"] | readonly ["ptid", "tls", "ctid"];
  /** The vsyscall page's address; undefined: none. */
  readonly vsyscall: number | undefined;
}

const indices = new WeakMap<Arch, Map<string, number>>();

/** Index of a register by name, remembered per architecture. */
export function register(arch: Arch, name: string): number {
  let map = indices.get(arch);
  if (map === undefined) indices.set(arch, map = new Map());
  let index = map.get(name);
  if (index === undefined) map.set(name, index = arch.register(name));
  return index;
}

/** True when the architecture has that register. */
export function hasRegister(arch: Arch, name: string): boolean {
  return arch.registers.some((r) => r.name === name);
}

/** Sets a register from a number. */
export function setRegister(arch: Arch, frame: TrapFrame, name: string, value: number): void {
  frame.setNum(register(arch, name), value);
}
