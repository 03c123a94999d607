/** Writes a program around machine code, for examples, tests and tools that assemble their own. */
import type { Machine } from "./key.ts";

/** Options of {@link makeProgram}. */
export interface MakeOptions {
  /** Where the code goes, a multiple of the page size. Default 0x400000. */
  readonly address?: number;
  /** Zeroed bytes after the code (then the segment is writable). Default 0. */
  readonly zeros?: number;
  /** Let the program write to its own code and data. */
  readonly writable?: boolean;
}

/** Bytes of headers in front of the code: assemble it for `address + programHeaderBytes(machine)`. */
export function programHeaderBytes(machine: Machine): number {
  return machine.elfClass === 64 ? 64 + 56 : 52 + 32;
}

/** A static ELF program of one segment that begins with `code`'s first instruction. */
export function makeProgram(
  machine: Machine,
  code: Uint8Array,
  options: MakeOptions = {},
): Uint8Array<ArrayBuffer> {
  const { address = 0x400000, zeros = 0 } = options;
  const wide = machine.elfClass === 64;
  const start = programHeaderBytes(machine);
  const file = new Uint8Array(start + code.length);
  const view = new DataView(file.buffer);
  let at = 16;
  const half = (n: number): void => {
    view.setUint16(at, n, true);
    at += 2;
  };
  const word = (n: number): void => {
    view.setUint32(at, n, true);
    at += 4;
  };
  const long = (n: number): void => {
    word(n >>> 0);
    if (wide) word(Math.floor(n / 0x1_0000_0000));
  };
  file.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, 1, 1]);
  half(2); // ET_EXEC
  half(machine.elfMachine);
  word(1);
  long(address + start); // entry
  long(wide ? 64 : 52); // program headers
  long(0);
  word(0);
  for (const n of wide ? [64, 56, 1, 64, 0, 0] : [52, 32, 1, 40, 0, 0]) half(n);
  const flags = 5 | (options.writable === true || zeros > 0 ? 2 : 0);
  word(1); // PT_LOAD
  if (wide) word(flags);
  for (const n of [0, address, address, file.length, file.length + zeros]) long(n);
  if (!wide) word(flags);
  long(4096);
  file.set(code, start);
  return file;
}
