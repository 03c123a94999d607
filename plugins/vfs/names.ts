/**
 * Names and paths are bytes on Linux. Here they are byte strings: JavaScript strings in which each code unit, 0 to 255,
 * is one byte. They compare, hash and slice as bytes do, so names that are not UTF-8 work like all others.
 */

/** A byte string: one name, or a path. Made by {@link nameOf} from text and by {@link nameOfBytes} from bytes. */
export type Name = string;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const strict = new TextDecoder("utf-8", { fatal: true });

/** The byte string of these bytes. */
export function nameOfBytes(bytes: Uint8Array): Name {
  let name = "";
  for (let i = 0; i < bytes.length; i += 4096) {
    name += String.fromCharCode.apply(null, bytes.subarray(i, i + 4096) as unknown as number[]);
  }
  return name;
}

/** The bytes of a byte string. */
export function bytesOfName(name: Name): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(name.length);
  for (let i = 0; i < name.length; i++) bytes[i] = name.charCodeAt(i);
  return bytes;
}

const ascii = /^[\0-\x7f]*$/;

/** The byte string of a text, in UTF-8. */
export function nameOf(text: string): Name {
  return ascii.test(text) ? text : nameOfBytes(encoder.encode(text));
}

/** A byte string as text for people: bytes that are not UTF-8 become U+FFFD. */
export function textOf(name: Name): string {
  return ascii.test(name) ? name : decoder.decode(bytesOfName(name));
}

/** A byte string as text, or undefined when it is not UTF-8 (a host that knows text names only cannot hold it). */
export function textOfExact(name: Name): string | undefined {
  if (ascii.test(name)) return name;
  try {
    return strict.decode(bytesOfName(name));
  } catch {
    return undefined;
  }
}
