/**
 * What an x86-64 processor and a kernel on it do at each way in, performed on a table of gates and a stack of words of its own,
 * step by step, and counted: the interrupt descriptor table of Linux (spec X10), SYSCALL's registers (X1-X3), the words that
 * an interrupt pushes, the area that a kernel saves (X5). The events come from the CPU: every call of its kernel entries and
 * every trap that it returns. docs/entries.md explains the model.
 */
import type { Arch, KernelEntry, Plugin, Trap, TrapFrame } from "@guise/core";

/** What was counted. */
export interface Counts {
  /** Changes of the privilege level, there and back: one a trap. */
  traps: number;
  /** Gates read from the interrupt descriptor table. */
  gateLookups: number;
  /** Words that the processor pushed: five, and an error code where there is one. */
  frameWords: number;
  /** Model specific registers that SYSCALL took its target, flags and segments from. */
  modelRegisters: number;
  /** Words of pt_regs that the kernel wrote itself. */
  savedWords: number;
  /** Functions of the kernel that were called as functions. */
  hostCalls: number;
  /** Guest instructions. */
  instructions: number;
}

/**
 * The modelled cost of each, in cycles. The scale is that of processors without mitigations, where a SYSCALL and its return
 * cost about a hundred simple instructions and an interrupt and its IRET some three times as much.
 */
export const COST: Readonly<Record<keyof Counts, number>> = {
  instructions: 1,
  hostCalls: 2,
  traps: 60,
  modelRegisters: 5,
  savedWords: 1,
  // The gate, and the segment and stack that it names: three descriptors.
  gateLookups: 90,
  // Pushed by microcode and popped again by IRET.
  frameWords: 15,
};

/** Gates that programs may use: int3, into, and the system call (X10). */
const OPEN = [3, 4, 0x80];
const KERNEL_CS = 0x10, USER_CS = 0x33, USER_DS = 0x2b;
/** Exceptions that push an error code. */
const WITH_ERROR = [8, 10, 11, 12, 13, 14, 17, 21];
const PT_REGS_WORDS = 21;
/** FMASK of today's kernels (X3). */
const FMASK = 0x257fd5;

/** 256 gates of 16 bytes (X10): interrupt gates of ring 0, but for the open ones; the "handler" of vector n is at 0x1000 + 16 n. */
export function descriptorTable(): DataView<ArrayBuffer> {
  const table = new DataView(new ArrayBuffer(256 * 16));
  for (let vector = 0; vector < 256; vector++) {
    const at = vector * 16, handler = 0x1000 + 16 * vector;
    const privilege = OPEN.includes(vector) ? 3 : 0;
    table.setUint16(at, handler & 0xffff, true);
    table.setUint16(at + 2, KERNEL_CS, true);
    table.setUint8(at + 5, 0x80 | privilege << 5 | 0xe);
    table.setUint16(at + 6, handler >>> 16, true);
  }
  return table;
}

/** The modelled processor. */
export class Model {
  readonly counts: Counts = {
    traps: 0,
    gateLookups: 0,
    frameWords: 0,
    modelRegisters: 0,
    savedWords: 0,
    hostCalls: 0,
    instructions: 0,
  };
  readonly #gates = descriptorTable();
  readonly #stack: number[] = [];
  readonly #registers = { star: 0x0023_0010, lstar: 0x2000, fmask: FMASK };

  #push(word: number): void {
    this.#stack.push(word);
  }
  /** The general registers and what else makes the frame full (X5), and off again at the end of the call. */
  #save(already: number): void {
    while (this.#stack.length < PT_REGS_WORDS) this.#push(0);
    this.counts.savedWords += PT_REGS_WORDS - already;
    this.#stack.length = 0;
  }
  #register(name: "star" | "lstar" | "fmask"): number {
    this.counts.modelRegisters++;
    return this.#registers[name];
  }

  /** SYSCALL: three registers and no memory; the kernel makes the whole frame. */
  syscall(): void {
    this.counts.traps++;
    this.#register("star"), this.#register("lstar"), this.#register("fmask");
    this.#save(0);
  }

  /** An interrupt: through its gate, with the words that go onto the kernel's stack. */
  interrupt(vector: number, software: boolean, frame: TrapFrame, arch: Arch, error = 0): void {
    const { counts } = this;
    counts.traps++;
    counts.gateLookups++;
    const type = this.#gates.getUint8(vector * 16 + 5);
    if (software && type >> 5 & 3 ^ 3) return this.interrupt(13, false, frame, arch, vector << 3 | 2);
    const words = [
      USER_DS,
      frame.num(arch.sp),
      frame.lo(arch.register("rflags")),
      USER_CS,
      frame.num(arch.pc),
    ];
    if (!software && WITH_ERROR.includes(vector)) words.push(error);
    words.forEach((word) => this.#push(word));
    counts.frameWords += words.length;
    this.#save(words.length);
  }

  /** A stub: the kernel's function runs in the caller's place, on its stack. */
  call(): void {
    this.counts.hostCalls++;
  }

  trap(trap: Trap, frame: TrapFrame, arch: Arch): void {
    switch (trap.cause) {
      case "syscall":
      case "call":
      case "budget":
      case "interrupt":
        return;
      default:
        this.interrupt(trap.vector, false, frame, arch, trap.error);
    }
  }
}

/** The cost of counts. */
export function costOf(counts: Counts): number {
  return (Object.keys(COST) as (keyof Counts)[]).reduce((sum, key) => sum + COST[key] * counts[key], 0);
}

/** A plugin that puts an architecture of x86-64 in the place of the standard one: the same CPUs, with the model at their kernel entries. */
export function modelled(arch: Arch, model: Model): Plugin {
  const entry = (at: number): string => arch.entries[at];
  const observed: Arch = {
    ...arch,
    createCpu(space, kernel, options) {
      const inner: KernelEntry = {
        syscall(at) {
          if (entry(at) === "int80") model.interrupt(0x80, true, cpu.frame, arch);
          else model.syscall();
          return kernel.syscall(at);
        },
        call(target) {
          model.call();
          return kernel.call(target);
        },
      };
      const cpu = arch.createCpu(space, inner, options);
      // The model sees each call.
      cpu.rememberAnswer = () => {};
      const run = cpu.run.bind(cpu);
      cpu.run = (budget) => {
        const before = cpu.instructions, trap = run(budget);
        model.counts.instructions += cpu.instructions - before;
        model.trap(trap, cpu.frame, arch);
        return trap;
      };
      return cpu;
    },
  };
  return { name: arch.name, arch: observed };
}
