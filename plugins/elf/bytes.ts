/**
 * Reading little-endian fields out of hostile bytes. A field beyond the end is zero, as in the kernel's zero-padded
 * header buffer, so that no reader here can throw; who must know about a short file checks lengths first.
 */
import type { Backing } from "@guise/core";

/** A 16-bit field; 0 beyond the end. */
export function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
}

/** A 32-bit field, unsigned; 0 beyond the end. */
export function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}

/** A 64-bit field, unsigned; exact below 2^53, above it rounded, never below 2^53. */
export function u64(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) + u32(bytes, at + 4) * 0x1_0000_0000;
}

/** Reads exactly `length` bytes at `offset`; undefined when the file has fewer. `length` must be bounded by the caller. */
export function readExactly(file: Backing, offset: number, length: number): Uint8Array | undefined {
  if (!(offset >= 0) || offset + length > file.size || !Number.isSafeInteger(offset + length)) {
    return undefined;
  }
  const into = new Uint8Array(length);
  return file.fill(offset, into) >= length ? into : undefined;
}

/** The first `length` bytes, padded with zeros (the kernel's bprm->buf). */
export function readHead(file: Backing, length: number): { bytes: Uint8Array; size: number } {
  const bytes = new Uint8Array(length);
  const got = file.fill(0, bytes);
  const size = Math.max(0, Math.min(length, got));
  bytes.fill(0, size);
  return { bytes, size };
}

/** Bytes up to the first NUL from `at` on, as at most `max` bytes. */
export function stringAt(bytes: Uint8Array, at: number, max: number): Uint8Array {
  const end = Math.min(bytes.length, at + max);
  let i = at;
  while (i < end && bytes[i] !== 0) i++;
  return bytes.subarray(Math.min(at, bytes.length), i);
}

const utf8 = new TextDecoder();

/** For messages: UTF-8 with control characters shown as escapes, at most 200 characters. */
export function printable(bytes: Uint8Array): string {
  const text = utf8.decode(bytes.length > 200 ? bytes.subarray(0, 200) : bytes);
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  return text.replace(/[\x00-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
