/** Where x86-64 registers lie in the state block (memory 0). Fields of records hold offsets below 256. */
export const STATE = {
  /** rax rcx rdx rbx rsp rbp rsi rdi r8-r15, 8 bytes each, as encodings number them. */
  gpr: 0,
  /** Always zero: the base of an address without one. */
  zero: 128,
  fsBase: 136,
  gsBase: 144,
  /** A computed address. */
  temporary: 152,
  rip: 160,
  /** Lazy flags: a kind (flags.ts) and two operands. */
  flagKind: 168,
  /** rflags without CF PF AF ZF SF OF: DF, ID, AC, bit 1, IF. */
  flagRest: 172,
  flagA: 176,
  flagB: 184,
  /** xmm0-15, 16 bytes each. */
  xmm: 256,
  mxcsr: 512,
  /** x87: control, status without TOP, abridged tag (bit i: physical register i is used), TOP, last opcode: i32 each. */
  fcw: 516,
  fsw: 520,
  ftw: 524,
  ftop: 528,
  fop: 532,
  /** Last instruction and data pointers, 64 bits. */
  fip: 536,
  fdp: 544,
  /** Physical x87 registers 0-7, 80 bits in 16 bytes; mm0-7 are their low 64 bits. */
  x87: 576,
  /** Free for operations that need memory for a moment. */
  scratch: 704,
  end: 1024,
} as const;

export const RAX = 0, RCX = 8, RDX = 16, RBX = 24, RSP = 32, RBP = 40, RSI = 48, RDI = 56, R11 = 88;

/** In the scale field of a record behind one that computed its address: the address has 32 bits. */
export const NARROW = 4;

/** Bits of rflags. */
export const CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, TF = 0x100, IF = 0x200, DF = 0x400, OF = 0x800;
export const STATUS_FLAGS: number = CF | PF | AF | ZF | SF | OF;
