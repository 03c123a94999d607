/** Linux on aarch64: the signal frame of spec A8, and what else has numbers of its own. */
import { BUS_ADRALN, FPE_FLTINV, FPE_INTDIV, ILL_ILLOPC, SI_KERNEL, TRAP_BRKPT } from "../signals/info.ts";
import { SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP } from "../signals/numbers.ts";
import type { LinuxArch } from "./abi.ts";

/** FPSIMD record: magic, size, fpsr, fpcr, v0-v31; then the terminator. */
const FPSIMD_MAGIC = 0x46508001, FPSIMD_SIZE = 528, IMAGE = 520;
/** The record that tells the syndrome of a thread's last abort: exception class, 32-bit instruction, the rest. */
const ESR_MAGIC = 0x45535201, ESR_SIZE = 16, ABORTS: readonly number[] = [0x20, 0x22, 0x24, 0x26];
const UCONTEXT = 128, MCONTEXT = 176, RESERVED = 288, PSTATE = 272;
/** Bytes reserved for records. */
const RECORDS = 4096;

/**
 * HWCAP bits of what the CPU has: FP, ASIMD, CRC32, ATOMICS (spec A6), FPHP, ASIMDHP, ASIMDRDM, ASIMDDP. No CPUID: identification
 * registers are not there.
 */
const HWCAP = 1 << 0 | 1 << 1 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 12 | 1 << 20;

const AROUND = new Uint8Array(FPSIMD_SIZE + ESR_SIZE + 8);
AROUND.set(new Uint8Array(Uint32Array.of(FPSIMD_MAGIC, FPSIMD_SIZE).buffer));

/** See {@link LinuxArch}. */
export const aarch64: LinuxArch = {
  name: "aarch64",
  machine: "aarch64",
  platform: "aarch64",
  numberRegister: "x8",
  restartSyscall: 128,
  resultRegister: "x0",
  startRegisters: [{ name: "pstate", value: 0 }],
  startExtended: new Uint8Array(IMAGE),
  hwcap: HWCAP,
  hwcap2: 0,
  minimumSignalStack: 5120,
  tlsRegister: "tpidr_el0",
  vsyscall: undefined,
  // spec A5.
  faults: {
    illegal: { signal: SIGILL, code: ILL_ILLOPC, address: "pc" },
    breakpoint: { signal: SIGTRAP, code: TRAP_BRKPT, address: "pc" },
    protection: { signal: SIGSEGV, code: SI_KERNEL, address: "zero" },
    divide: { signal: SIGFPE, code: FPE_INTDIV, address: "pc" },
    overflow: { signal: SIGSEGV, code: SI_KERNEL, address: "zero" },
    alignment: { signal: SIGBUS, code: BUS_ADRALN, address: "fault" },
    float: { signal: SIGFPE, code: FPE_FLTINV, address: "pc" },
  },
  vectors: {},
  // No exception of the floating point unit traps.
  floatCode: () => FPE_FLTINV,
  // EC and ISS of an abort come from the CPU; these serve faults that the kernel finds.
  pageVector: 0x24,
  pageError: (access, mapped) => (mapped ? 15 : 7) | (access === 2 ? 0x40 : 0),
  cloneOrder: ["ptid", "tls", "ctid"],
  frame: {
    // siginfo, ucontext with its reserved 4096 bytes, then the frame record.
    size: 4704,
    siginfo: 0,
    ucontext: UCONTEXT,
    ucFlags: 0,
    ucLink: 8,
    ucStack: 16,
    ucMask: 40,
    mcontext: MCONTEXT,
    flags: 0,
    redZone: 0,
    misalignment: 0,
    registers: [
      ...Array.from({ length: 31 }, (_, i) => ({ name: `x${i}`, offset: 8 + 8 * i })),
      { name: "sp", offset: 256 },
      { name: "pc", offset: 264 },
      { name: "pstate", offset: PSTATE },
    ],
    constants: [],
    trap: { address: 0 },
    extended: {
      register: "fpsimd",
      size: FPSIMD_SIZE + ESR_SIZE + 8,
      place: { kind: "inside", offset: RESERVED },
      around: AROUND,
      image: 8,
      dress(view, at, vector, error) {
        // Zero without a syndrome: the end of the records.
        const is = ABORTS.includes(vector), to = at + FPSIMD_SIZE;
        view.setUint32(to, is ? ESR_MAGIC : 0, true);
        view.setUint32(to + 4, is ? ESR_SIZE : 0, true);
        view.setUint32(to + 8, is ? vector << 26 | 1 << 25 | error : 0, true);
      },
      undress(view, start) {
        // Records follow each other; a frame without this one is not valid.
        for (let at = 0; at + FPSIMD_SIZE <= RECORDS;) {
          const magic = view.getUint32(start + at, true), size = view.getUint32(start + at + 4, true);
          if (magic === FPSIMD_MAGIC && size === FPSIMD_SIZE) return start + at + 8;
          if (magic === 0 || size < 16) return -1;
          at += size;
        }
        return -1;
      },
    },
    // EL0t of AArch64, with no exception masked (valid_user_regs).
    acceptable: (view, mcontext) => (view.getUint32(mcontext + PSTATE, true) & 0x3df) === 0,
    returnTo: { kind: "register", name: "x30" },
    needsRestorer: false,
    returnOffset: 0,
    signalRegister: "x0",
    infoRegister: "x1",
    contextRegister: "x2",
    zeroRegisters: [],
    record: { offset: 4688, registers: ["x29", "x30"], pointer: "x29" },
  },
};
