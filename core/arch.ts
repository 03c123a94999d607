/**
 * The contract between the kernel and a CPU. The kernel sees a CPU through one call, {@link Cpu.run}: "run until
 * something happens". What can happen is {@link TrapCause}. Entries and registers are named as data, so that a
 * personality never imports an architecture.
 */
import type { AddressSpace } from "./memory.ts";

/** One register, as guests name it. Its index in {@link Arch.registers} is what the frame's methods take. */
export interface Register {
  /** Lower-case name as in the manual: `rax`, `x0`, `pc`, `sp`, `xmm0`, `fs_base`. */
  readonly name: string;
  /** Width in bits; 64 and below are read by lo/hi/num, wider ones by {@link TrapFrame.read}. */
  readonly bits: number;
}

/** Which registers carry a system call (or a call) on one entry path. Names of {@link Arch.registers}. */
export interface CallAbi {
  /** Number register; absent for plain calls. */
  readonly number?: string;
  /** Argument registers in order. */
  readonly args: readonly string[];
  /** Result register. */
  readonly result: string;
  /** Register that takes the return address; absent: it is pushed on the stack. Of `call`. */
  readonly link?: string;
  /** Bytes below the stack pointer that belong to the function that runs (128 on x86-64). Of `call`. */
  readonly redZone?: number;
  /** Width of a guest pointer and of a long in bytes. */
  readonly pointer: 4 | 8;
}

/** What ended a {@link Cpu.run}. */
export type TrapCause =
  | "syscall" // the dispatcher asked to leave (it returned 1); data: entry
  | "call" // a call stub asked to leave; data: target
  | "page" // data: address, access; the page stays forbidden after `AddressSpace.resolve` said no
  | "illegal" // invalid or unknown opcode at pc; data: bytes in `code`
  | "breakpoint" // int3, brk; pc as the hardware leaves it
  | "protection" // #GP: data: error
  | "divide"
  | "overflow" // `int 4`
  | "float" // unmasked floating point exception
  | "alignment" // aarch64 pc/sp alignment; movaps and friends are "protection" on x86
  | "interrupt" // Cpu.interrupt() was called
  | "budget"; // the budget is used up

/** What kind of access met a page fault. The values are the permission bits of a page. */
export const READ = 1, WRITE = 2, EXEC = 4;

/** Why `run` returned. One object a CPU, reused: copy what must live on. */
export interface Trap {
  /** What happened. */
  cause: TrapCause;
  /** Faulting address ("page"), call target ("call"); exact below 2^53, else rounded: see addressHi/addressLo. */
  address: number;
  /** Low 32 bits of the address, signed. */
  addressLo: number;
  /** High 32 bits of the address, signed. */
  addressHi: number;
  /** {@link READ}, {@link WRITE} or {@link EXEC} ("page"). */
  access: number;
  /** Vector and error code as the architecture defines them (x86: vector, #GP/#PF error code; aarch64: EC, ISS). */
  vector: number;
  /** Error code; see `vector`. */
  error: number;
  /** Entry id ("syscall"). */
  entry: number;
}

/** Registers of the running task. `reg` is an index into {@link Arch.registers}. */
export interface TrapFrame {
  /** Low and high 32 bits, signed. */
  lo(reg: number): number;
  /** See {@link TrapFrame.lo}. */
  hi(reg: number): number;
  /** Sets both halves. */
  set(reg: number, lo: number, hi: number): void;
  /** The value as an unsigned number, exact below 2^53 (above it is rounded, never smaller than 2^53). */
  num(reg: number): number;
  /** Sets from a number; negative numbers are sign-extended to 64 bits. Integers of at most 53 bits. */
  setNum(reg: number, value: number): void;
  /** Tools only. */
  big(reg: number): bigint;
  /** Tools only. */
  setBig(reg: number, value: bigint): void;
  /**
   * Registers wider than 64 bits and images such as `fxsave` (x86) or `fpsimd` (aarch64), by copy: to byte `at` (default 0) of `into`,
   * which may be the guest's own memory.
   */
  read(reg: number, into: Uint8Array, at?: number): void;
  /** See {@link TrapFrame.read}. */
  write(reg: number, from: Uint8Array, at?: number): void;
  /** Many registers at once, 8 bytes each in the order of `registers`, from byte `at`: what signal frames are made of. */
  gather(registers: Int32Array, into: DataView, at: number): void;
  /** Sets what {@link TrapFrame.gather} gave. */
  scatter(registers: Int32Array, from: DataView, at: number): void;
  /** The whole state of a task, to switch tasks that share an address space, for fork and for clone. */
  save(into?: Uint8Array): Uint8Array;
  /** Takes back what `save` gave; does not keep `saved`. */
  restore(saved: Uint8Array): void;
}

/** A CPU bound to one address space. Never throws for anything a guest does. */
export interface Cpu {
  /** Its architecture. */
  readonly arch: Arch;
  /** The memory it runs in. */
  readonly space: AddressSpace;
  /** Registers of the task that it runs. */
  readonly frame: TrapFrame;
  /** Guest instructions finished by this CPU so far. */
  readonly instructions: number;
  /** Runs the task in the frame for about `budget` instructions (exactly 1 when it is 1). The result is reused. */
  run(budget: number): Trap;
  /** Makes a running `run` return soon with "interrupt"; called from inside a system call or a hook. */
  interrupt(): void;
  /** Code in this range has changed or is no longer executable. */
  invalidate(start: number, length: number): void;
  /**
   * From now on the program may look at the frame of a fault: all of it must be exact then. Until then an engine may leave status flags
   * that no instruction reads. Without it: they always are.
   */
  exactFaults?(): void;
  /**
   * The system call of this number by the first entry gives this (in the result register of its {@link CallAbi}, as halves) whenever
   * the task makes it: an engine may answer without asking the kernel, until {@link Cpu.forgetAnswers}. An engine need not;
   * who wraps a CPU to see each call replaces this by a function that does nothing.
   */
  rememberAnswer?(number: number, lo: number, hi: number): void;
  /** Calls go to the kernel again: another task is about to run, or hooks want to see them. */
  forgetAnswers?(): void;
  /** Gives back everything; the CPU is not used any more. */
  dispose(): void;
}

/** The kernel's side of the entry paths. Both are called from inside guest code, with all state in the frame. */
export interface KernelEntry {
  /** `entry` is an index into {@link Arch.entries}. 0: go on with the frame as it is; 1: leave `run`. */
  syscall(entry: number): 0 | 1;
  /** A call stub with this target number was reached by a call; the return address is on the stack or in the link register. */
  call(target: number): 0 | 1;
}

/** Options of {@link Arch.createCpu}. */
export interface CpuOptions {
  /** A CPU whose decoded or translated code may be shared: the parent's, at fork. */
  readonly parent?: Cpu;
  /** Nanoseconds for the guest's time base (TSC, CNTVCT), as of the beginning of the present `run`. Default: the host's. */
  readonly clock?: () => number;
  /** Which engine runs guest code; default "auto". */
  readonly engine?: Engine;
  /** Engine "lockstep" reports here. */
  readonly lockstep?: LockstepLog;
}

/**
 * Which engine runs guest code: the interpreter alone; translated code from the first moment on; translated where it is worth it; or
 * translated code of which each run is done once more by the interpreter and compared.
 */
export type Engine = "interpreter" | "jit" | "auto" | "lockstep";

/** What engine "lockstep" found, of all processes of a kernel. */
export interface LockstepLog {
  /** Runs of translated code, from entry to exit, that were compared. */
  compared: number;
  /** Instructions in them. */
  instructions: number;
  /** Runs that ended within an instruction, and were left to the interpreter. */
  partial: number;
  /** For a person: where, what differs, the micro-ops and the WebAssembly of the first instruction that differs. */
  readonly differences: string[];
}

/** A CPU architecture. */
export interface Arch {
  /** `x86-64`, `aarch64`. */
  readonly name: string;
  /** ELF e_machine. */
  readonly elfMachine: number;
  /** 32- or 64-bit programs. */
  readonly elfClass: 32 | 64;
  /** In bytes. */
  readonly pageSize: number;
  /** What {@link TrapFrame} gives access to, by index. */
  readonly registers: readonly Register[];
  /** Entry paths by id: `["syscall", "int80"]`, `["svc"]`. */
  readonly entries: readonly string[];
  /** By entry name, and `call` for the C calling convention. */
  readonly abis: Readonly<Record<string, CallAbi>>;
  /** Index of the register of that name; an unknown name is a bug of ours and throws. */
  register(name: string): number;
  /** Index of the program counter, of the stack pointer and of the thread pointer. */
  readonly pc: number;
  /** See {@link Arch.pc}. */
  readonly sp: number;
  /** See {@link Arch.pc}. */
  readonly tls: number;
  /** Bytes of the system call instruction of the first entry, to step back for a restart. */
  readonly syscallLength: number;
  /** Code of a stub that calls `target` in the kernel and returns to its caller. Honoured only in pages mapped as stubs. */
  stub(target: number): Uint8Array;
  /** Makes the CPU of an address space; it sets `space.codeWatcher`. */
  createCpu(space: AddressSpace, kernel: KernelEntry, options?: CpuOptions): Cpu;
  /** Loads the translator of hot code; engines "jit" and "lockstep" wait for it, others run the interpreter until it is there. */
  loadTranslator?(): Promise<void>;
  /** While a CPU that met hot code loads the translator: the kernel waits for it. */
  readonly loading?: Promise<void> | undefined;
  /** The instructions of `code`, which lies at guest address `pc`. */
  disassemble(code: Uint8Array, pc: number): { text: string; length: number }[];
  /** Assembles a listing of one instruction or label a line. Throws on a bad line: it is the author's mistake. */
  assemble(source: string, at: number): Uint8Array;
}
