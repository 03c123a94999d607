/** How values look in a trace: the texts of strace(1), so that a person's habits and scripts carry over (X32, X33). */
import { READ } from "./arch.ts";
import type { AddressSpace } from "./memory.ts";

/** Bytes of a string that are shown before `...`. */
const SHOWN = 32;

// deno-fmt-ignore
const ESCAPES: Readonly<Record<number, string>> = {
  9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\",
};

/** Bytes in double quotes; others than printable ones as C escapes, octal ones as short as what follows permits. */
export function quoted(bytes: Uint8Array): string {
  let text = '"';
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    const escape = ESCAPES[byte];
    if (escape !== undefined) text += escape;
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte);
    else {
      const next = bytes[i + 1];
      const long = next !== undefined && next >= 48 && next <= 57;
      text += "\\" + byte.toString(8).padStart(long ? 3 : 1, "0");
    }
  }
  return text + '"';
}

/** A buffer's first 32 bytes, `...` when there are more, its address when they cannot be read. */
export function bufferText(space: AddressSpace, address: number, length: number): string {
  if (address === 0) return "NULL";
  const shown = Math.min(length, SHOWN);
  const bytes = space.read(address, shown);
  if (bytes === undefined) return hexText(address);
  return quoted(bytes) + (length > SHOWN ? "..." : "");
}

/** A NUL-terminated string; `whole` (paths): not cut after 32 bytes. */
export function stringText(space: AddressSpace, address: number, whole: boolean): string {
  if (address === 0) return "NULL";
  const max = whole ? 4096 : SHOWN + 1;
  let length = 0;
  const bytes = new Uint8Array(max);
  while (length < max) {
    const at = address + length;
    if (!space.check(at, 1, READ)) return hexText(address);
    const part = space.bytes(at, Math.min(max - length, 4096 - at % 4096));
    const end = part.indexOf(0);
    bytes.set(end < 0 ? part : part.subarray(0, end), length);
    length += end < 0 ? part.length : end;
    if (end >= 0) break;
  }
  const cut = !whole && length > SHOWN;
  return quoted(bytes.subarray(0, cut ? SHOWN : length)) + (cut || length === max ? "..." : "");
}

/** `0x` and digits; negative numbers as 64 bits in two's complement. */
export function hexText(value: number): string {
  if (value >= 0) return "0x" + value.toString(16);
  const low = (value >>> 0).toString(16).padStart(8, "0");
  return "0x" + (Math.floor(value / 2 ** 32) >>> 0).toString(16) + low;
}

/** Bits of a flag set, or values of an enumeration, and their names. */
export type Names = readonly (readonly [value: number, name: string])[];

/** `A|B|0x40`; nothing known: `0x40 /* A_??? *\/`. A value of several bits counts when all are set. */
export function flagsText(value: number, names: Names, prefix: string): string {
  let rest = value >>> 0;
  if (rest === 0) return names.find(([bits]) => bits === 0)?.[1] ?? "0";
  const parts: string[] = [];
  for (const [bits, name] of names) {
    if (bits === 0 || ((rest & bits) >>> 0) !== bits >>> 0) continue;
    parts.push(name);
    rest = (rest & ~bits) >>> 0;
  }
  if (parts.length === 0) return `${hexText(rest)} /* ${prefix}??? */`;
  if (rest !== 0) parts.push(hexText(rest));
  return parts.join("|");
}

/** The name of a value; unknown: `0x9 /* A_??? *\/`. */
export function choiceText(value: number, names: Names, prefix: string): string {
  return names.find(([v]) => v === value)?.[1] ?? `${hexText(value)} /* ${prefix}??? */`;
}
