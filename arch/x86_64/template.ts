/** The numeric tables that decoders work by, and what their fields mean. Made from the declarations by tables.ts. */

export interface NumericTables {
  /** By map << 8 | opcode: first leaf (0: no such opcode). */
  readonly nodes: Uint16Array;
  /** By map << 8 | opcode: bit 0 ModRM, bit 1 by ModRM.reg, bit 2 register forms also by ModRM.rm. */
  readonly nodeBits: Uint8Array;
  /** Template numbers (0: no such instruction), 16 by prefixes: 66 | REX.W << 1 | rep << 2 (0, 2: F2, 3: F3). */
  readonly leaves: Uint16Array;
  readonly templates: Uint8Array;
  /** Fused operations by row << 4 | condition; 0: none. */
  readonly fused: Uint16Array;
}

/** Fields of a template: what the decoder does for one form (register or memory) of a declaration. */
export const TEMPLATE = {
  /** Four u16, by address form * 2 + flags wanted. */
  op: 0,
  /** Where fields a and b come from: {@link SOURCE}. */
  a: 8,
  b: 9,
  imm: 10,
  flow: 11,
  bits: 12,
  reads: 13,
  writes: 14,
  kills: 15,
  /** Row of the fusion table by address form 0 (the next row is form 1), 0: none. */
  fuse: 16,
  condition: 17,
  /** u16: the declaration. */ declaration: 18,
  size: 20,
} as const;

/** Sources of register fields; 128 and more: the constant slot (value - 128). */
// deno-fmt-ignore
export const SOURCE = { none: 0, reg: 1, rm: 2, opcode: 3, reg8: 4, rm8: 5, opcode8: 6, reg16: 7, rm16: 8, regIndex: 9, rmIndex: 10, mmReg: 11, mmRm: 12, constant: 128 } as const;
/** Kinds of immediates. */
// deno-fmt-ignore
export const IMM = { none: 0, byte: 1, signedByte: 2, word: 3, dword: 4, qword: 5, rel8: 6, rel32: 7, moffs: 8, enter: 9 } as const;
// deno-fmt-ignore
export const FLOW = { none: 0, jmp: 1, jcc: 2, call: 3, end: 4, syscall: 5 } as const;
/** Bits of a template. */
export const BIT = {
  memory: 1,
  /** The operation has a second address form. */
  indexed: 2,
  /** The operation has variants with and without flags. */
  flags: 4,
  /** The plain address is used (lea): no bias. */
  plain: 8,
  lock: 16,
  /** It can trap or leave: the flags before it must be exact. */
  barrier: 32,
  /** An immediate count of zero leaves the flags alone. */
  counts: 64,
  /** The address is computed with rsp as it is after popping (the size is in the register source a). */
  pops: 128,
} as const;
