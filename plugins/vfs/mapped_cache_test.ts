import { assertEquals } from "@std/assert";
import { MappedCache } from "./mapped_cache.ts";

const at = (sec: number) => ({ sec, nsec: 0 });

Deno.test("MappedCache reads a piece of a file twice and then no more, until the file changes", () => {
  const content = new Uint8Array(70000).map((_, i) => i % 251);
  let reads = 0;
  const read = (into: Uint8Array, offset: number): number => {
    reads++;
    const part = content.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  };
  const cache = new MappedCache();
  const file = { size: content.length, mtime: at(1), ctime: at(1) };
  const get = (offset: number, length: number): number[] => {
    const into = new Uint8Array(length);
    const n = cache.fill(file, into, offset, read);
    return [...into.subarray(0, n)];
  };
  for (let i = 0; i < 5; i++) {
    assertEquals(get(4096, 4096), [...content.subarray(4096, 8192)]);
    assertEquals(get(65536, 8192), [...content.subarray(65536)]);
    assertEquals(get(61440, 8192), [...content.subarray(61440, 69632)]);
  }
  // Two of each piece, and those that are of two pieces.
  assertEquals(reads, 4 + 5);
  content[4096] ^= 1;
  file.mtime = at(2);
  assertEquals(get(4096, 1), [content[4096]]);
});

Deno.test("MappedCache keeps nothing of a file that has just changed", () => {
  let reads = 0;
  const now = at(Math.floor(Date.now() / 1000));
  const cache = new MappedCache();
  for (let i = 0; i < 4; i++) {
    cache.fill({ size: 4096, mtime: now, ctime: at(1) }, new Uint8Array(4096), 0, () => (reads++, 4096));
  }
  assertEquals(reads, 4);
});
