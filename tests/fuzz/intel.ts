/**
 * What Intel's processors leave that AMD's do not, each with the manual's section: flags, results and NaNs that the architecture leaves
 * open. Nothing here is asked on an AMD.
 */
import type { Case, Declaration, Form, Open } from "@guise/x86-64/testing";
import { AT } from "./state.ts";

export const openOnIntel: Open = {
  /** OF after shifts and rotates by more than 1 (SDM volume 2, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD). */
  undefines({ mnemonic, operands }, code) {
    if (!/^(ro[lr]|rc[lr]|sh[lr]|sar|sh[lr]d)$/.test(mnemonic)) return undefined;
    const by = operands.at(-1)!;
    if (by.source === "imm") {
      return (code.at(-1)! & (operands[0].size === 64 ? 63 : 31)) > 1 ? "of" : undefined;
    }
    return by.name === "1" ? undefined : "of";
  },
  /** The result of 16-bit shld and shrd by more than 16 (SDM volume 2, SHLD, SHRD): bit 4 of the count is cleared. */
  closed({ mnemonic, operands }, code) {
    if (!/^sh[lr]d$/.test(mnemonic) || operands[0].size !== 16) return code;
    // btr cx, 4
    return operands.at(-1)!.source === "imm"
      ? code.with(-1, code.at(-1)! & ~16)
      : [0x66, 0x0f, 0xba, 0xf1, 4, ...code];
  },
};

/** Which of several NaNs dpps and dppd give: the manual has no order of the additions' operands (SDM volume 2, DPPS, DPPD). */
export function openNans({ mnemonic }: Declaration): boolean {
  return /^dpp[sd]$/.test(mnemonic);
}

/**
 * Whether fprem and fprem1 by infinity and fscale by zero tell of underflow, where it is unmasked and ST(0) is denormal: AMD's do, Intel's
 * give it as it is (SDM volume 2, the tables of their results). softfloat_test.ts compares just that; here underflow is masked.
 */
export function openUnderflow({ declaration: { mnemonic } }: Form): boolean {
  return /^f(prem1?|scale)$/.test(mnemonic);
}

/** What the host left, with ours where either may be. */
export function settled(c: Case, expected: Uint8Array, actual: Uint8Array): Uint8Array {
  const out = expected.slice(),
    e = new DataView(out.buffer),
    a = new DataView(actual.buffer, actual.byteOffset);
  if (openNans(c.forms[0].declaration)) {
    // 66 [REX] 0F 3A 40|41 ModRM: lanes of the destination that are quiet NaNs in both.
    const map = c.code.indexOf(0x3a), rex = c.code[map - 2], double = c.code[map + 1] === 0x41;
    const at = AT.fx + 160 + 16 * (c.code[map + 2] >> 3 & 7 | (rex >> 4 === 4 ? rex << 1 & 8 : 0));
    const lane = double ? 8 : 4, quiet = double ? 0x7ff8 : 0x7fc0;
    const nan = (v: DataView, i: number) => (v.getUint16(i + lane - 2, true) & quiet) === quiet;
    for (let i = at; i < at + 16; i += lane) {
      if (nan(e, i) && nan(a, i)) out.set(actual.subarray(i, i + lane), i);
    }
  }
  // A page fault in repeated cmps and scas: "the EFLAGS value is restored to the state prior to the execution of the instruction" (SDM
  // volume 2, REP/REPE/REPZ/REPNE/REPNZ). On AMD's they are those of the last comparison.
  if (e.getUint32(AT.signal, true) === 11 && repeatedComparison(c.code, e.getUint32(AT.rip, true))) {
    e.setUint32(AT.flags, a.getUint32(AT.flags, true), true);
  }
  // A page fault in a store of an MMX register: the top of the x87 stack is 0 already (read off the processor; the manual, volume 1, 9.5.1,
  // says so of an instruction that is executed), so the registers have other numbers.
  if (e.getUint32(AT.signal, true) === 11 && storesMmx(c.code, e.getUint32(AT.rip, true))) {
    out.set(actual.subarray(AT.fx + 2, AT.fx + 4), AT.fx + 2);
    out.set(actual.subarray(AT.fx + 32, AT.fx + 160), AT.fx + 32);
  }
  // maskmovdqu is refused at its upper half first (read off the processor; SDM volume 2 leaves open which faults a mask brings).
  if (e.getUint32(AT.signal, true) === 11 && masked(c.code, e.getUint32(AT.rip, true))) {
    const address = (v: DataView) => v.getBigUint64(AT.fault, true);
    if (address(e) - address(a) === 8n) out.set(actual.subarray(AT.fault, AT.fault + 8), AT.fault);
  }
  return out;
}

/** maskmovdqu. */
function masked(code: Uint8Array, at: number): boolean {
  for (; code[at] === 0x66 || code[at] === 0x67 || code[at] >> 4 === 4; at++);
  return code[at] === 0x0f && code[at + 1] === 0xf7;
}

/** movd, movq or movntq to memory. */
function storesMmx(code: Uint8Array, at: number): boolean {
  for (; code[at] >> 4 === 4 || code[at] === 0x67; at++);
  return code[at] === 0x0f && [0x7e, 0x7f, 0xe7].includes(code[at + 1]);
}

function repeatedComparison(code: Uint8Array, at: number): boolean {
  let repeated = false;
  for (; /^(66|67|f2|f3|4.)$/.test(code[at]?.toString(16)); at++) repeated ||= code[at] >= 0xf2;
  return repeated && [0xa6, 0xa7, 0xae, 0xaf].includes(code[at]);
}
