/** Bytes that modules carry as text. */

/** Base64 as bytes; bytes stay as they are: a bundle (docs/decisions/0045) has those in the place of text. */
export function bytesOf(base64: string | Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (typeof base64 !== "string") return base64;
  // Younger than some engines that can run the rest, and than the types that packages are checked with.
  const native = Uint8Array as unknown as { fromBase64?(text: string): Uint8Array<ArrayBuffer> };
  return native.fromBase64?.(base64) ?? Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}
