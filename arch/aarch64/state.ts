/**
 * Where aarch64 registers lie in the state block (memory 0). Register fields of records are half the offset of a slot:
 * general registers, sp, the zero register and v0-v31 (counted from {@link STATE}.v) all fit into a byte.
 */
export const STATE = {
  /** x0-x30, 8 bytes each. */
  gpr: 0,
  sp: 248,
  /** Always zero: xzr when it is read. */
  zero: 256,
  /** xzr when it is written. */
  trash: 264,
  /** A computed address. */
  temporary: 272,
  pc: 280,
  /** Lazy flags (flags.ts): kind and two operands. */
  flagKind: 288,
  fpcr: 292,
  fpsr: 296,
  flagA: 304,
  flagB: 312,
  tpidr: 320,
  tpidrro: 328,
  /** The exclusive monitor: address (-1: open) and the value that was loaded. */
  exclusive: 336,
  exclusiveLow: 344,
  exclusiveHigh: 352,
  /** 15 while instructions that would misalign sp are to stop before they do (cpu.ts), else 0. */
  stackMask: 360,
  /** v0-v31, 16 bytes each. */
  v: 512,
  /** End of what belongs to a task. */
  end: 1024,
  /** Free for operations that need memory for a moment. */
  scratch: 1024,
} as const;

/** Exception classes (ESR_ELx.EC). */
export const INSTRUCTION_ABORT = 0x20, PC_ALIGNMENT = 0x22, DATA_ABORT = 0x24, STACK_ALIGNMENT = 0x26;
/** A register field of a record times 2^this is the offset. */
export const FIELD_SHIFT = 1;
export const X8 = 64, X16 = 128, X30 = 240;

/** Bits of nzcv as PSTATE has them. */
export const N = 0x80000000, Z = 0x40000000, C = 0x20000000, V = 0x10000000;
