/** The registers of x86-64 as the kernel's contracts name them. */
import type { RegisterPlace } from "@guise/translator/run";
import { STATE } from "./state.ts";

export const GPR_NAMES = [
  "rax",
  "rcx",
  "rdx",
  "rbx",
  "rsp",
  "rbp",
  "rsi",
  "rdi",
  "r8",
  "r9",
  "r10",
  "r11",
  "r12",
  "r13",
  "r14",
  "r15",
];

const at = (name: string, bits: number, offset: number): RegisterPlace => ({ name, bits, offset });

/** In the order of `Arch.registers`: 16 general registers, then the rest. */
export const REGISTERS: readonly RegisterPlace[] = [
  ...GPR_NAMES.map((name, i) => at(name, 64, STATE.gpr + i * 8)),
  at("rip", 64, STATE.rip),
  at("rflags", 64, -1),
  at("fs_base", 64, STATE.fsBase),
  at("gs_base", 64, STATE.gsBase),
  ...Array.from({ length: 16 }, (_, i) => at(`xmm${i}`, 128, STATE.xmm + i * 16)),
  at("mxcsr", 32, STATE.mxcsr),
  at("fcw", 16, STATE.fcw),
  at("fsw", 16, -1),
  at("fxsave", 4096, -1),
];

export const REG: Readonly<Record<string, number>> = Object.fromEntries(REGISTERS.map((r, i) => [r.name, i]));
