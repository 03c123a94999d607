/** Programs made from machine code, as axle's loader wants them (W10): for examples and tests without a compiler. */

const HEADER = 64, PHENT = 56, SHENT = 64, AT = 0x400000;
const NAMES = "\0.bss\0.symtab\0.strtab\0";

/** Where the code of {@link makeProgram} lies in memory. */
export const CODE: number = AT + HEADER + PHENT;

/** An x86-64 ELF program of one segment that may be read, written and run; it starts with its first byte. */
export function makeProgram(code: Uint8Array): Uint8Array {
  const names = HEADER + PHENT + code.length, sections = Math.ceil((names + NAMES.length) / 8) * 8;
  const bytes = new Uint8Array(sections + 4 * SHENT), view = new DataView(bytes.buffer);
  const number = (at: number, value: number): void => view.setUint32(at, value, true);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  number(20, 1);
  number(24, CODE);
  number(32, HEADER);
  number(40, sections);
  [HEADER, PHENT, 1, SHENT, 4, 3].forEach((value, i) => view.setUint16(52 + 2 * i, value, true));
  const memory = code.length + HEADER + PHENT;
  [1, 7, 0, 0, AT, 0, AT, 0, memory, 0, memory, 0, 4096, 0].forEach((v, i) => number(HEADER + 4 * i, v));
  bytes.set(code, HEADER + PHENT);
  bytes.set(new TextEncoder().encode(NAMES), names);
  // Names by offset: .bss 1, .symtab 6, .strtab 14.
  [[1, 8, AT + memory, 0], [6, 2, 0, 0], [14, 3, 0, NAMES.length]].forEach(
    ([name, type, address, size], i) => {
      const at = sections + (i + 1) * SHENT;
      number(at, name);
      number(at + 4, type);
      number(at + 16, address);
      number(at + 24, names);
      number(at + 32, size);
    },
  );
  return bytes;
}
