/** The registers of aarch64 as the kernel's contracts name them. */
import type { RegisterPlace } from "@guise/translator/run";
import { STATE } from "./state.ts";

const at = (name: string, bits: number, offset: number): RegisterPlace => ({ name, bits, offset });

/** In the order of `Arch.registers`. `fpsimd` is fpsr, fpcr, v0-v31, as in the signal frame's record (spec A8). */
export const REGISTERS: readonly RegisterPlace[] = [
  ...Array.from({ length: 31 }, (_, i) => at(`x${i}`, 64, STATE.gpr + i * 8)),
  at("sp", 64, STATE.sp),
  at("pc", 64, STATE.pc),
  at("pstate", 64, -1),
  at("tpidr_el0", 64, STATE.tpidr),
  at("fpcr", 32, STATE.fpcr),
  at("fpsr", 32, STATE.fpsr),
  ...Array.from({ length: 32 }, (_, i) => at(`v${i}`, 128, STATE.v + i * 16)),
  at("fpsimd", 520 * 8, -1),
];

export const REG: Readonly<Record<string, number>> = Object.fromEntries(REGISTERS.map((r, i) => [r.name, i]));
