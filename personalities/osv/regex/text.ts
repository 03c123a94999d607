/** Bytes as characters: of one byte each, or of UTF-8. Places in the text are counted in characters and told in bytes. */
import { BYTE, fold, INVALID } from "./syntax.ts";

/** A text to match. */
export interface Text {
  readonly characters: Int32Array | Uint8Array;
  /** The byte at which each character begins, and the end; undefined when characters are bytes. */
  readonly starts: Int32Array | undefined;
}

/** How bytes become characters. */
export interface Coding {
  readonly utf8: boolean;
  readonly ignoreCase: boolean;
  /** A table of 256 bytes that each byte goes through first. */
  readonly translate: Uint8Array | undefined;
}

/** The length of a UTF-8 character at `at`; 1 when there is none. */
function lengthAt(bytes: Uint8Array, at: number): number {
  const c = bytes[at];
  const n = c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 1;
  for (let i = 1; i < n; i++) if ((bytes[at + i] & 0xc0) !== 0x80) return 1;
  if (c === 0xe0 && bytes[at + 1] < 0xa0) return 1;
  if (c === 0xed && bytes[at + 1] >= 0xa0) return 1;
  if (c === 0xf0 && bytes[at + 1] < 0x90) return 1;
  if (c === 0xf4 && bytes[at + 1] >= 0x90) return 1;
  return n;
}

function codeAt(bytes: Uint8Array, at: number, length: number): number {
  const c = bytes[at];
  switch (length) {
    case 1:
      return c < 0x80 ? c : INVALID + c;
    case 2:
      return (c & 0x1f) << 6 | bytes[at + 1] & 0x3f;
    case 3:
      return (c & 0xf) << 12 | (bytes[at + 1] & 0x3f) << 6 | bytes[at + 2] & 0x3f;
    default:
      return (c & 7) << 18 | (bytes[at + 1] & 0x3f) << 12 | (bytes[at + 2] & 0x3f) << 6 |
        bytes[at + 3] & 0x3f;
  }
}

/** Decodes; `folded` as {@link Coding.ignoreCase} asks. May keep `bytes`. */
export function decode(bytes: Uint8Array, coding: Coding): Text {
  const { translate, utf8, ignoreCase } = coding;
  let source = bytes;
  if (translate !== undefined) source = source.map((c) => translate[c]);
  const ascii = !source.some((c) => c > 127);
  if (ascii || !utf8) {
    const folded = ignoreCase ? source.map((c) => fold(c & 0x7f) | c & 0x80) : source;
    const characters = ascii ? folded : Int32Array.from(folded, (c) => c > 127 ? BYTE + c : c);
    return { characters, starts: undefined };
  }
  const characters = new Int32Array(source.length), starts = new Int32Array(source.length + 1);
  let count = 0;
  for (let at = 0; at < source.length;) {
    const length = lengthAt(source, at);
    const code = codeAt(source, at, length);
    characters[count] = ignoreCase ? fold(code) : code;
    starts[count++] = at;
    at += length;
  }
  starts[count] = source.length;
  return { characters: characters.subarray(0, count), starts: starts.subarray(0, count + 1) };
}

/** The character that begins at a byte, or the next one. */
export function characterAt(text: Text, byte: number): number {
  const { starts } = text;
  if (starts === undefined) return byte;
  let low = 0, high = starts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (starts[middle] < byte) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where a character begins, in bytes. */
export function byteAt(text: Text, character: number): number {
  return text.starts === undefined ? character : text.starts[character];
}
