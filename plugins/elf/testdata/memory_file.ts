// Files in memory for the tests of this package.
import type { Backing } from "@guise/core";

/** A file of these bytes. */
export function memoryFile(content: Uint8Array, name: string): Backing {
  return {
    fill(offset, into): number {
      const part = content.subarray(
        Math.min(offset, content.length),
        Math.min(offset + into.length, content.length),
      );
      into.set(part);
      return part.length;
    },
    size: content.length,
    identity: content,
    name,
  };
}

/** Bytes as text. */
export const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
