/** The architecture as the kernel sees it. */
import type { AddressSpace, Arch, CallAbi, Cpu, CpuOptions, KernelEntry, Register } from "@guise/core";
import { ArmCpu, loadTranslator, translatorLoading } from "./cpu.ts";
import { REG, REGISTERS } from "./registers.ts";

const registers: readonly Register[] = REGISTERS.map(({ name, bits }) => ({ name, bits }));

const abis: Record<string, CallAbi> = {
  /** spec A3. */
  svc: { number: "x8", args: ["x0", "x1", "x2", "x3", "x4", "x5"], result: "x0", pointer: 8 },
  /** AAPCS64. */
  call: {
    args: ["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"],
    result: "x0",
    link: "x30",
    redZone: 0,
    pointer: 8,
  },
};

/** Assembler and disassembler need all declarations, which take long to load: programs run without them. */
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
    throw new Error("assembler and disassembler are not loaded: import @guise/aarch64, not only its /run");
  }
  return tools;
}

/** The aarch64 architecture. */
export const aarch64: Arch = {
  name: "aarch64",
  elfMachine: 183,
  elfClass: 64,
  pageSize: 4096,
  registers,
  entries: ["svc"],
  abis,
  register(name: string): number {
    const i = REG[name];
    if (i === undefined) throw new Error(`aarch64 has no register ${name}`);
    return i;
  },
  pc: REG.pc,
  sp: REG.sp,
  tls: REG.tpidr_el0,
  syscallLength: 4,
  /** movz x16, #low; movk x16, #high, lsl #16; hvc #0, which means a call in pages of stubs alone; ret. */
  stub(target: number): Uint8Array {
    const low = target & 0xffff, high = target >>> 16;
    return new Uint8Array(
      Uint32Array.of(0xd2800010 | low << 5, 0xf2a00010 | high << 5, 0xd4000002, 0xd65f03c0).buffer,
    );
  },
  createCpu(space: AddressSpace, kernel: KernelEntry, options: CpuOptions = {}): Cpu {
    const parent = options.parent instanceof ArmCpu ? options.parent : undefined;
    const engine = options.engine ?? "auto";
    const cpu = new ArmCpu(space, kernel, aarch64, parent, engine, options.lockstep);
    if (options.clock) cpu.clock = options.clock;
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
