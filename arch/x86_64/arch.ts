/** The architecture as the kernel sees it. */
import type { AddressSpace, Arch, CallAbi, Cpu, CpuOptions, KernelEntry, Register } from "@guise/core";
import { loadTranslator, translatorLoading, X86Cpu } from "./cpu.ts";
import { REG, REGISTERS } from "./registers.ts";

const registers: readonly Register[] = REGISTERS.map(({ name, bits }) => ({ name, bits }));

const abis: Record<string, CallAbi> = {
  /** spec X6, X7. */
  syscall: { number: "rax", args: ["rdi", "rsi", "rdx", "r10", "r8", "r9"], result: "rax", pointer: 8 },
  /** spec X12: the i386 table; arguments are zero-extended from 32 bits. */
  int80: { number: "rax", args: ["rbx", "rcx", "rdx", "rsi", "rdi", "rbp"], result: "rax", pointer: 4 },
  /** System V AMD64. */
  call: { args: ["rdi", "rsi", "rdx", "rcx", "r8", "r9"], result: "rax", pointer: 8 },
};

/** Assembler and disassembler need all declarations, which take longer to load than everything else: programs run without them. */
interface Tools {
  disassemble(code: Uint8Array, pc: number): { text: string; length: number }[];
  assemble(source: string, at: number): Uint8Array;
}
let tools: Tools | undefined;
export function provideTools(t: Tools): void {
  tools = t;
}
function need(): Tools {
  if (!tools) {
    throw new Error("assembler and disassembler are not loaded: import @guise/x86-64, not only its /run");
  }
  return tools;
}

/** The x86-64 architecture. */
export const x86_64: Arch = {
  name: "x86-64",
  elfMachine: 62,
  elfClass: 64,
  pageSize: 4096,
  registers,
  entries: ["syscall", "int80"],
  abis,
  register(name: string): number {
    const i = REG[name];
    if (i === undefined) throw new Error(`x86-64 has no register ${name}`);
    return i;
  },
  pc: REG.rip,
  sp: REG.rsp,
  tls: REG.fs_base,
  syscallLength: 2,
  /** 0F 04 (undefined on every processor), the target, ret. */
  stub(target: number): Uint8Array {
    return Uint8Array.of(0x0f, 0x04, target, target >>> 8, target >>> 16, target >>> 24, 0xc3);
  },
  createCpu(space: AddressSpace, kernel: KernelEntry, options: CpuOptions = {}): Cpu {
    const parent = options.parent instanceof X86Cpu ? options.parent : undefined;
    const engine = options.engine ?? "auto";
    const cpu = new X86Cpu(space, kernel, x86_64, parent, engine, options.lockstep);
    if (options.clock !== undefined) cpu.clock = options.clock;
    space.codeWatcher = cpu;
    return cpu as unknown as Cpu;
  },
  loadTranslator,
  get loading(): Promise<void> | undefined {
    return translatorLoading();
  },
  disassemble: (code, pc) => need().disassemble(code, pc),
  assemble: (source, at) => need().assemble(source, at),
};
