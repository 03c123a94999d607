/** Linux on x86-64: the signal frame of spec X26-X28 and what else has numbers of its own. */
import { EXEC, WRITE } from "@guise/core";
import {
  BUS_ADRALN,
  FPE_FLTDIV,
  FPE_FLTINV,
  FPE_FLTOVF,
  FPE_FLTRES,
  FPE_FLTUND,
  FPE_INTDIV,
  ILL_ILLOPN,
  SI_KERNEL,
  TRAP_BRKPT,
} from "../signals/info.ts";
import { SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP } from "../signals/numbers.ts";
import type { LinuxArch } from "./abi.ts";

const FXSAVE = 512;
const MAGIC1 = 0x46505853, MAGIC2 = 0x46505845;
/** FP and SSE: the two states of an XSAVE area without extensions, and its 64-byte header. */
const XFEATURES = 3;
const XSAVE = FXSAVE + 64;

// deno-fmt-ignore
const GENERAL = ["r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp",
  "rip"];

/** What the kernel says in the bytes that FXSAVE leaves to software, and the XSAVE header with the second magic number. */
const AROUND = new Uint8Array(XSAVE + 4);
AROUND.set(new Uint8Array(Uint32Array.of(MAGIC1, XSAVE + 4, XFEATURES, 0, XSAVE).buffer), 464);
new DataView(AROUND.buffer).setUint32(FXSAVE, XFEATURES, true);
new DataView(AROUND.buffer).setUint32(XSAVE, MAGIC2, true);

/** FCW 0x37f, MXCSR 0x1f80 and the mask of its bits that exist; everything else zero (spec X23). */
const START = new Uint8Array(FXSAVE);
new DataView(START.buffer).setUint16(0, 0x37f, true);
new DataView(START.buffer).setUint32(24, 0x1f80, true);
new DataView(START.buffer).setUint32(28, 0xffff, true);

/** The code segment of 64-bit programs (X2), and its place in mcontext. */
const USER_CS = 0x33, CODE_SEGMENT = 144;
/** Flag bits that rt_sigreturn takes from the frame (FIX_EFLAGS of the kernel; X28). */
const FLAG_BITS = 0x50dd5;

/** x87 exceptions come with vector 16, SSE ones with 19; an unmasked flag in Linux's order (fpu__exception_code). */
function floatCode(image: Uint8Array, vector: number): number {
  const view = new DataView(image.buffer, image.byteOffset);
  const mxcsr = view.getUint32(24, true);
  const raised = vector === 16 ? view.getUint16(2, true) & ~view.getUint16(0, true) : mxcsr & ~(mxcsr >>> 7);
  if (raised & 0x01) return FPE_FLTINV;
  if (raised & 0x04) return FPE_FLTDIV;
  if (raised & 0x08) return FPE_FLTOVF;
  if (raised & 0x12) return FPE_FLTUND;
  return raised & 0x20 ? FPE_FLTRES : 0;
}

/** See {@link LinuxArch}. */
export const x86_64: LinuxArch = {
  name: "x86-64",
  machine: "x86_64",
  platform: "x86_64",
  numberRegister: "rax",
  restartSyscall: 219,
  resultRegister: "rax",
  startRegisters: [{ name: "rflags", value: 0x202 }],
  startExtended: START,
  // FPU VME DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2: cpuid(1).edx.
  hwcap: 0x078bfbff,
  hwcap2: 0,
  minimumSignalStack: 2048,
  tlsRegister: "fs_base",
  vsyscall: 0xffffffffff600000,
  // spec X11.
  faults: {
    illegal: { signal: SIGILL, code: ILL_ILLOPN, address: "pc" },
    breakpoint: { signal: SIGTRAP, code: SI_KERNEL, address: "zero" },
    protection: { signal: SIGSEGV, code: SI_KERNEL, address: "zero" },
    divide: { signal: SIGFPE, code: FPE_INTDIV, address: "pc" },
    overflow: { signal: SIGSEGV, code: SI_KERNEL, address: "zero" },
    alignment: { signal: SIGBUS, code: BUS_ADRALN, address: "zero" },
    float: { signal: SIGFPE, code: FPE_FLTINV, address: "pc" },
  },
  vectors: {
    // #DB, which only icebp raises here, and #SS.
    1: { signal: SIGTRAP, code: TRAP_BRKPT, address: "pc" },
    12: { signal: SIGBUS, code: SI_KERNEL, address: "zero" },
  },
  floatCode,
  canonicalBits: 47,
  pageVector: 14,
  pageError: (access, mapped) =>
    4 | (mapped ? 1 : 0) | (access === WRITE ? 2 : 0) | (access === EXEC ? 0x10 : 0),
  cloneOrder: ["ptid", "ctid", "tls"],
  frame: {
    size: 440,
    siginfo: 312,
    ucontext: 8,
    ucFlags: 0,
    ucLink: 8,
    ucStack: 16,
    mcontext: 40,
    ucMask: 296,
    flags: 7,
    redZone: 128,
    misalignment: 8,
    registers: [
      ...GENERAL.map((name, i) => ({ name, offset: i * 8 })),
      { name: "rflags", offset: 17 * 8, mask: FLAG_BITS },
    ],
    constants: [
      { offset: CODE_SEGMENT, value: USER_CS, bytes: 2 },
      { offset: 150, value: 0x2b, bytes: 2 },
    ],
    trap: { error: 152, vector: 160, oldMask: 168, address: 176 },
    extended: {
      register: "fxsave",
      size: XSAVE + 4,
      place: { kind: "above", pointer: 184, align: 64 },
      around: AROUND,
      image: 0,
      // Bits of MXCSR that are not there are a fault of FXRSTOR.
      undress: (view, at) => view.getUint16(at + 26, true) !== 0 ? -1 : at,
    },
    // Linux makes the segment's privilege 3; what is no segment of a user's then fails in IRET. 32-bit code is not here.
    acceptable: (view, mcontext) => (view.getUint16(mcontext + CODE_SEGMENT, true) | 3) === USER_CS,
    returnTo: { kind: "memory", offset: 0 },
    needsRestorer: true,
    returnOffset: -8,
    signalRegister: "rdi",
    infoRegister: "rsi",
    contextRegister: "rdx",
    zeroRegisters: ["rax"],
    clearFlags: { name: "rflags", bits: 0x10500 },
  },
};
