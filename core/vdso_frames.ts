/**
 * Call frame information (.eh_frame and its search table) for functions that keep the stack pointer where it was at
 * entry, as all of a vDSO's are, so that debuggers and C++ exceptions unwind through them. What differs between architectures is a row of
 * {@link conventions}, from the psABI documents.
 */
import type { Arch } from "./arch.ts";
import { Builder } from "./vdso_elf.ts";

interface Convention {
  readonly codeAlign: number;
  readonly dataAlign: number;
  readonly returnColumn: number;
  /** DWARF number of the stack pointer, and what is added to it at entry to find the caller's. */
  readonly stackPointer: number;
  readonly offset: number;
  /** The return address lies below the caller's stack pointer, in units of dataAlign; 0: in its register. */
  readonly saved: number;
}

/** By ELF e_machine. */
const conventions: ReadonlyMap<number, Convention> = new Map([
  [3, { codeAlign: 1, dataAlign: -4, returnColumn: 8, stackPointer: 4, offset: 4, saved: 1 }],
  [62, { codeAlign: 1, dataAlign: -8, returnColumn: 16, stackPointer: 7, offset: 8, saved: 1 }],
  [183, { codeAlign: 4, dataAlign: -8, returnColumn: 30, stackPointer: 31, offset: 0, saved: 0 }],
  [243, { codeAlign: 1, dataAlign: -4, returnColumn: 1, stackPointer: 2, offset: 0, saved: 0 }],
]);

/** Sizes are known from the number of functions alone; contents when they have been placed. */
export interface FrameInformation {
  readonly headerSize: number;
  readonly size: number;
  header(at: number, framesAt: number, functions: readonly { at: number; size: number }[]): Uint8Array;
  frames(at: number, functions: readonly { at: number; size: number }[]): Uint8Array;
}

const CIE = 24, FDE = 20;

/** Prepares the tables of `count` functions. */
export function frameInformation(arch: Arch, count: number): FrameInformation {
  const convention = conventions.get(arch.elfMachine);
  return {
    headerSize: 12 + 8 * count,
    size: CIE + FDE * count + 4,
    header(at, framesAt, functions): Uint8Array {
      const out = new Builder(true);
      // Version 1; pc-relative int32 pointer, uint32 count, table of int32 relative to the header.
      out.bytes(new Uint8Array([1, 0x1b, 0x03, 0x3b]));
      out.u32(framesAt - (at + 4));
      out.u32(count);
      const rows = functions.map((f, i) => [f.at - at, framesAt + CIE + FDE * i - at]);
      for (const [fn, frame] of rows.sort((a, b) => a[0] - b[0])) {
        out.u32(fn);
        out.u32(frame);
      }
      return out.finish();
    },
    frames(at, functions): Uint8Array {
      const out = new Builder(true);
      out.u32(CIE - 4);
      out.u32(0);
      const sleb = (n: number): number => n & 0x7f;
      const c = convention;
      // Version 1, "zR", alignments, return column, one byte of augmentation: pc-relative int32 pointers.
      const cie = [
        1,
        0x7a,
        0x52,
        0,
        c?.codeAlign ?? 1,
        sleb(c?.dataAlign ?? -8),
        c?.returnColumn ?? 0,
        1,
        0x1b,
      ];
      if (c !== undefined) {
        cie.push(0x0c, c.stackPointer, c.offset); // DW_CFA_def_cfa
        if (c.saved !== 0) cie.push(0x80 | c.returnColumn, c.saved); // DW_CFA_offset
      }
      while (cie.length < CIE - 8) cie.push(0);
      out.bytes(new Uint8Array(cie));
      for (const f of functions) {
        const start = at + out.length;
        out.u32(FDE - 4);
        out.u32(start + 4 - at);
        out.u32(f.at - (start + 8));
        out.u32(f.size);
        out.u32(0); // no augmentation data, padding (DW_CFA_nop)
      }
      out.u32(0);
      return out.finish();
    },
  };
}
