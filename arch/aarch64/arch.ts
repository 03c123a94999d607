/** The architecture as the kernel sees it. */
import type { AddressSpace, Arch, CallAbi, Cpu, CpuOptions, KernelEntry, Register } from "@guise/core";
import { ArmCpu, loadTranslator } from "./cpu.ts";
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
  /** udf #0xc411 (never allocated), the target, as the decoder of stub pages reads it; ret. */
  stub(target: number): Uint8Array {
    const bytes = new Uint8Array(12), view = new DataView(bytes.buffer);
    view.setUint32(0, 0xc411, true);
    view.setUint32(4, target, true);
    view.setUint32(8, 0xd65f03c0, true);
    return bytes;
  },
  createCpu(space: AddressSpace, kernel: KernelEntry, options: CpuOptions = {}): Cpu {
    const parent = options.parent instanceof ArmCpu ? options.parent : undefined;
    // "auto" is the interpreter until the program comparisons pass with regions.
    const engine = options.engine === "auto" ? "interpreter" : options.engine;
    const cpu = new ArmCpu(space, kernel, aarch64, parent, engine, options.lockstep);
    if (options.clock) cpu.clock = options.clock;
    space.codeWatcher = cpu;
    return cpu as unknown as Cpu;
  },
  loadTranslator,
  disassemble: (code, pc) => need().disassemble(code, pc),
  assemble: (source, at) => need().assemble(source, at),
};
