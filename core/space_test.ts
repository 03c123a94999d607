import { assert, assertEquals } from "@std/assert";
import {
  type AddressSpace,
  type Backing,
  createSpace,
  EACCES,
  EEXIST,
  EFAULT,
  EINVAL,
  ENAMETOOLONG,
  ENOMEM,
  EPERM,
  EXEC,
  flushShared,
  HostMemory,
  LOWEST,
  MAP_BASE,
  READ,
  STACK_TOP,
  staleShared,
  WRITE,
} from "./mod.ts";
import { BIAS } from "./memory.ts";

const RW = READ | WRITE;
const K = 4096;
const space = (host?: HostMemory): AddressSpace => createSpace(host === undefined ? {} : { host })!;

function file(size: number, writable = false): Backing & { bytes: Uint8Array; fills: number; size: number } {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = i * 7 + (i >> 12);
  const it = {
    bytes,
    fills: 0,
    size,
    identity: {},
    name: "/f",
    fill(offset: number, into: Uint8Array): number {
      it.fills++;
      const part = it.bytes.subarray(offset, Math.min(offset + into.length, it.size));
      into.set(part);
      return part.length;
    },
    ...(writable
      ? {
        store(offset: number, from: Uint8Array): void {
          it.bytes.set(from, offset);
        },
      }
      : {}),
  };
  return it;
}
const layout = (s: AddressSpace): string[] =>
  s.vmas.map((v) =>
    `${v.start.toString(16)}-${v.end.toString(16)} ${v.prot}${v.shared ? "s" : "p"} ${v.name}`
  );

Deno.test("map places mappings upwards from MAP_BASE and fills holes again", () => {
  const s = space();
  const a = s.map({ address: 0, length: 1, prot: RW });
  const b = s.map({ address: 0, length: 3 * K, prot: READ });
  assertEquals([a, b], [MAP_BASE, MAP_BASE + K]);
  assertEquals(s.mapped, 4 * K);
  assertEquals(s.unmap(a, K), 0);
  assertEquals(s.map({ address: 0, length: 2 * K, prot: READ }), MAP_BASE + 4 * K);
  assertEquals(s.map({ address: 0, length: K, prot: RW }), MAP_BASE);
});

Deno.test("map takes a hint when it is free and falls back when it is not", () => {
  const s = space();
  assertEquals(s.map({ address: 0x30000123, length: K, prot: RW }), 0x30000000);
  assertEquals(s.map({ address: 0x30000000, length: K, prot: RW }), MAP_BASE);
  assertEquals(s.map({ address: 0xc000000000, length: K, prot: RW }), MAP_BASE + K); // Go's hint (X25)
});

Deno.test("map answers as Linux for bad requests", () => {
  const s = space();
  assertEquals(s.map({ address: 0, length: 0, prot: RW }), EINVAL);
  assertEquals(s.map({ address: 0, length: NaN, prot: RW }), EINVAL);
  assertEquals(s.map({ address: 0, length: 2 ** 40, prot: RW }), ENOMEM);
  assertEquals(s.map({ address: 0x30000001, length: K, prot: RW, fixed: "replace" }), EINVAL);
  assertEquals(s.map({ address: 0x1000, length: K, prot: RW, fixed: "replace" }), EPERM);
  assertEquals(s.map({ address: 0xfffff000, length: 2 * K, prot: RW, fixed: "replace" }), ENOMEM);
  assertEquals(s.map({ address: 0, length: K, prot: RW, offset: 5 }), EINVAL);
  const at = s.map({ address: 0x30000000, length: 2 * K, prot: RW, fixed: "exclusive" });
  assertEquals(at, 0x30000000);
  assertEquals(s.map({ address: at + K, length: K, prot: RW, fixed: "exclusive" }), EEXIST);
  s.mapLimit = 3 * K; // RLIMIT_AS, G3
  assertEquals(s.map({ address: 0, length: 2 * K, prot: RW }), ENOMEM);
  assertEquals(s.map({ address: at, length: 3 * K, prot: RW, fixed: "replace" }), at);
});

Deno.test("unmap and protect split mappings, and equal neighbours join again", () => {
  const s = space();
  const a = s.map({ address: 0, length: 4 * K, prot: RW });
  assertEquals(s.protect(a + K, K, READ), 0);
  assertEquals(layout(s).length, 3);
  assertEquals(s.protect(a + K, K, RW), 0);
  assertEquals(layout(s), ["2000000-2004000 3p "]);
  assertEquals(s.unmap(a + 2 * K, K), 0);
  assertEquals(layout(s), ["2000000-2002000 3p ", "2003000-2004000 3p "]);
  assertEquals(s.map({ address: 0, length: K, prot: RW }), a + 2 * K);
  assertEquals(layout(s), ["2000000-2004000 3p "]);
});

Deno.test("protect changes the part before a gap and answers ENOMEM", () => {
  const s = space();
  const a = s.map({ address: 0, length: K, prot: RW });
  s.map({ address: a + 2 * K, length: K, prot: RW });
  assertEquals(s.protect(a, 3 * K, READ), ENOMEM);
  assertEquals(s.find(a)!.prot, READ);
  assertEquals(s.find(a + 2 * K)!.prot, RW);
  assertEquals(s.protect(a + K, K, READ), ENOMEM);
  assertEquals(s.protect(a + 1, K, READ), EINVAL);
  assertEquals(s.map({ address: a, length: K, prot: READ, maxProt: READ, fixed: "replace" }), a);
  assertEquals(s.protect(a, K, RW), EACCES);
});

Deno.test("file mappings join when their offsets continue", () => {
  const s = space();
  const f = file(8 * K);
  const a = s.map({ address: 0, length: 4 * K, prot: READ, backing: f });
  s.protect(a + K, K, RW);
  assertEquals(s.vmas.map((v) => v.offset), [0, K, 2 * K]);
  s.protect(a + K, K, READ);
  assertEquals(s.vmas.length, 1);
  s.map({ address: a + 4 * K, length: K, prot: READ, backing: f, offset: 4 * K });
  assertEquals(s.vmas.length, 1);
  s.map({ address: a + 5 * K, length: K, prot: READ, backing: f, offset: 0 });
  assertEquals(s.vmas.length, 2);
});

Deno.test("memory is zero when it is mapped again", () => {
  const s = space();
  const a = s.map({ address: 0, length: 16 * K, prot: RW });
  s.write(a, new Uint8Array(16 * K).fill(9));
  s.unmap(a, 16 * K);
  assertEquals(s.map({ address: 0, length: 16 * K, prot: RW }), a);
  assert(s.read(a, 16 * K)!.every((b) => b === 0));
  s.write(a, new Uint8Array(16 * K).fill(9));
  assertEquals(s.discard(a + K, K), 0);
  assertEquals(s.read(a + K, K)!.every((b) => b === 0), true);
  assertEquals(s.getU32(a), 0x09090909);
  assertEquals(s.discard(a + 15 * K, 2 * K), ENOMEM);
});

Deno.test("check accepts no address that cannot be accessed", () => {
  const s = space();
  const a = s.map({ address: 0, length: 2 * K, prot: RW });
  const r = s.map({ address: 0, length: K, prot: READ });
  s.map({ address: 0, length: K, prot: 0 });
  assertEquals(s.check(a, 3 * K, READ), true);
  assertEquals(s.check(a, 3 * K, WRITE), false);
  assertEquals(s.faultCause, "forbidden");
  assertEquals(s.check(r, 2 * K, READ), false);
  assertEquals(s.check(a - 1, 2, READ), false);
  assertEquals(s.faultCause, "unmapped");
  for (
    const bad of [
      0,
      1,
      -1,
      NaN,
      Infinity,
      -Infinity,
      0.5,
      a + 0.5,
      2 ** 32,
      2 ** 32 + a,
      2 ** 53,
      2 ** 64,
      LOWEST,
    ]
  ) {
    assertEquals(s.check(bad, 1, READ), false, String(bad));
    assertEquals(s.resolve(bad, READ) && bad !== a + 0.5, false, String(bad));
    assertEquals(s.getU32(bad), undefined);
    assertEquals(s.setNum64(bad, 1), false);
    assertEquals(s.write(bad, new Uint8Array(1)), false);
    assertEquals([s.cstring(bad, 10), s.byteString(bad, 10)], [EFAULT, EFAULT]);
  }
  assertEquals(s.check(a, NaN, READ), false);
  assertEquals(s.check(a, -1, READ), false);
  assertEquals(s.check(a, 2 ** 60, READ), false);
  assertEquals(s.check(123, 0, READ), true);
  assertEquals(s.protect(NaN, NaN, 1), EINVAL);
  assertEquals(s.unmap(NaN, 1), EINVAL);
  assertEquals(s.unmap(0, 2 ** 33), EINVAL);
  assertEquals(s.discard(2 ** 53, K), ENOMEM);
});

Deno.test("scalars and strings cross page borders", () => {
  const s = space();
  const a = s.map({ address: 0, length: 2 * K, prot: RW });
  assert(s.setNum64(a + K - 3, -2));
  assertEquals(s.getU32(a + K - 3), 0xfffffffe);
  assertEquals(s.getNum64(a + K - 3), 2 ** 64);
  assert(s.setNum64(a, 2 ** 53 - 1));
  assertEquals(s.getNum64(a), 2 ** 53 - 1);
  s.write(a + K - 2, new TextEncoder().encode("abcdef"));
  s.discard(a + K, K);
  s.write(a + K, new Uint8Array([99, 0]));
  assertEquals(s.cstring(a + K - 2, 100), new Uint8Array([97, 98, 99]));
  assertEquals(s.cstring(a + K - 2, 3), ENAMETOOLONG);
  s.write(a + 2 * K - 1, new Uint8Array([1]));
  assertEquals(s.cstring(a + 2 * K - 1, 10), EFAULT);
});

Deno.test("byteString gives each byte as a code unit, and refuses what cstring refuses", () => {
  const s = space(), a = s.map({ address: 0, length: 2 * K, prot: RW });
  for (const length of [0, 1, 8, 9, 63, 64, 65, 200, K + 5]) {
    const from = a + K - 6, bytes = Uint8Array.from({ length }, (_, i) => i * 37 % 255 + 1);
    s.write(from, new Uint8Array([...bytes, 0]));
    const text = s.byteString(from, 2 * K), same = s.cstring(from, 2 * K);
    assert(typeof text === "string" && typeof same !== "number");
    assertEquals(Array.from(text, (c) => c.charCodeAt(0)), [...same]);
    for (const max of [0, 1, length, length + 1]) {
      const same = s.cstring(from, max), got = s.byteString(from, max);
      assertEquals(typeof got === "string" ? got.length : got, typeof same === "number" ? same : same.length);
    }
  }
  s.write(a + 2 * K - 1, new Uint8Array([1]));
  assertEquals(s.byteString(a + 2 * K - 1, 10), EFAULT);
});

Deno.test("bytes shows the range that is asked for, as it is now, when the same one was asked for before", () => {
  const s = space();
  const at = s.map({ address: 0, length: K, prot: RW }) as number;
  s.check(at, K, WRITE);
  s.bytes(at, 4).set([1, 2, 3, 4]);
  assertEquals([...s.bytes(at, 4)], [1, 2, 3, 4]);
  assertEquals([...s.bytes(at, 3)], [1, 2, 3]);
  assertEquals([...s.bytes(at + 1, 3)], [2, 3, 4]);
  const before = s.u8;
  const far = s.map({ address: 0, length: 64 << 20, prot: RW }) as number;
  s.check(far + (63 << 20), K, WRITE);
  assert(s.u8 !== before); // the memory has grown: views of it from before are empty
  assertEquals([...s.bytes(at + 1, 3)], [2, 3, 4]);
});

Deno.test("PROT_NONE commits nothing and grows no memory", () => {
  const s = space();
  const before = s.memory.buffer.byteLength, committed = s.committed;
  const a = s.map({ address: 0, length: 2 ** 30, prot: 0 });
  assertEquals(a, MAP_BASE);
  assertEquals(s.memory.buffer.byteLength, before);
  assertEquals(s.committed, committed);
  assertEquals(s.protect(a + 2 ** 29, K, RW), 0);
  assert(s.setU32(a + 2 ** 29, 5));
  assertEquals(s.committed - committed, K);
});

Deno.test("memories with 32-bit addresses serve as well", () => {
  const s = space(new HostMemory(2 ** 32, true));
  const a = s.map({ address: 0x40000000, length: 2 * K, prot: RW });
  assertEquals(a, 0x40000000);
  assert(s.setU32(a + K, 5));
  const c = s.fork()!;
  assertEquals(c.getU32(a + K), 5);
  // The API of 64-bit memories gives and takes BigInt.
  assertEquals(typeof s.memory.grow(0), "number");
});

Deno.test("the highest page below 4 GiB can be used", () => {
  const s = space();
  const a = s.map({ address: 0xfffff000, length: K, prot: RW, fixed: "replace" });
  assertEquals(a, 0xfffff000);
  assert(s.setU32(0xfffffffc, 7));
  assertEquals(s.getU32(0xfffffffc), 7);
  assertEquals(s.getU32(0xfffffffd), undefined);
});

Deno.test("a stack grows down to its limit and keeps a gap to what lies below", () => {
  const s = space();
  s.map({
    address: STACK_TOP - 4 * K,
    length: 4 * K,
    prot: RW,
    fixed: "replace",
    growsDown: true,
    name: "[stack]",
  });
  assert(s.setU32(STACK_TOP - 100 * K, 1));
  assertEquals(s.find(STACK_TOP - 1)!.start, STACK_TOP - 100 * K);
  assertEquals(s.setU32(STACK_TOP - (8 << 20) - 4, 1), false);
  assertEquals(s.setU32(STACK_TOP - (8 << 20), 1), true);
  s.stackLimit = 32 << 20;
  s.map({ address: STACK_TOP - (16 << 20), length: K, prot: RW, fixed: "replace" });
  assertEquals(s.setU32(STACK_TOP - (16 << 20) + 200 * K, 1), false);
  assertEquals(s.setU32(STACK_TOP - (16 << 20) + 257 * K, 1), true);
});

Deno.test("private file mappings are read when used, and end where the file ends", () => {
  const s = space();
  const f = file((1 << 20) + 10);
  const a = s.map({ address: 0, length: (1 << 20) + 3 * K, prot: RW, backing: f });
  assertEquals(f.fills, 0);
  assertEquals(s.u8[a - BIAS], 0);
  assert(s.check(a + 5 * K, 1, READ));
  assertEquals(f.fills, 1);
  assertEquals(s.read(a + 7 * K, K), f.bytes.slice(7 * K, 8 * K));
  assertEquals(f.fills, 1);
  assertEquals(
    s.read(a + (1 << 20), K)!.slice(8, 12),
    new Uint8Array([f.bytes[(1 << 20) + 8], f.bytes[(1 << 20) + 9], 0, 0]),
  );
  assertEquals(s.check(a + (1 << 20) + K, 1, READ), false);
  assertEquals(s.faultCause, "beyond");
  s.setU32(a, 1234);
  assertEquals(s.getU32(a), 1234);
  assertEquals(f.bytes[0], 0);
  s.discard(a, K);
  assertEquals(s.u8[a + 1 - BIAS], 0);
  assertEquals(s.getU32(a), new DataView(f.bytes.buffer).getUint32(0, true));
});

Deno.test("stores to watched code tell the watcher once, and mapping changes tell it too", () => {
  const s = space();
  const told: [number, number][] = [];
  s.codeWatcher = { invalidate: (start, length) => told.push([start, length]) };
  const a = s.map({ address: 0, length: 4 * K, prot: RW | EXEC });
  s.watchCode(a + 10, 20);
  s.watchCode(a + K, K + 1);
  const pages = new Uint8Array(s.pages.buffer);
  assertEquals(pages[a >>> 12] & 7, READ | EXEC);
  assert(s.write(a, new Uint8Array(5)));
  assertEquals(told, [[a, K]]);
  assert(s.write(a, new Uint8Array(5)));
  assertEquals(told.length, 1);
  assertEquals(pages[a >>> 12] & 7, 7);
  s.protect(a + K, K, READ); // executable no more
  assertEquals(told.length, 2);
  s.protect(a + K, K, RW | EXEC);
  s.unmap(a + 2 * K, K);
  assertEquals(told[2], [a + 2 * K, K]);
  s.unmap(a, 4 * K);
  assertEquals(told.length, 3);
});

Deno.test("move keeps bytes, resizes in place where there is room, and leaves the old range unmapped", () => {
  const s = space();
  const a = s.map({ address: 0, length: 2 * K, prot: RW });
  s.setU32(a, 11);
  s.setU32(a + K, 22);
  assertEquals(s.move(a, 2 * K, a, 4 * K), a);
  const wall = s.map({ address: a + 4 * K, length: K, prot: READ, fixed: "exclusive" });
  assertEquals(s.move(a, 4 * K, a, 5 * K), ENOMEM);
  const b = s.move(a, 4 * K, 0, 8 * K);
  assertEquals(b, wall + K);
  assertEquals([s.getU32(b), s.getU32(b + K), s.getU32(b + 7 * K)], [11, 22, 0]);
  assertEquals(s.getU32(a), undefined);
  assertEquals(s.move(b, 8 * K, 0x40000000, K), 0x40000000);
  assertEquals([s.getU32(0x40000000), s.getU32(b + K)], [11, undefined]);
  assertEquals(s.move(0x50000000, K, 0, K), EFAULT);
  assertEquals(s.mapped, 2 * K);
  assertEquals(s.map({ address: a, length: 4 * K, prot: READ, fixed: "exclusive" }), a);
  assert(s.read(a, 4 * K)!.every((x) => x === 0));
});

Deno.test("fork copies private memory and shares shared memory, merged at switches", () => {
  const s = space();
  const p = s.map({ address: 0, length: 64 * K, prot: RW });
  const m = s.map({ address: 0, length: 4 * K, prot: RW, shared: true });
  s.setU32(p + 5 * K, 1);
  s.setU32(m, 100);
  const c = s.fork()!;
  assertEquals([c.getU32(p + 5 * K), c.getU32(p), c.getU32(m)], [1, 0, 100]);
  c.enter();
  c.setU32(p + 5 * K, 2);
  c.setU32(m, 101);
  c.setU32(m + K, 7);
  c.leave();
  s.enter();
  assertEquals([s.getU32(p + 5 * K), s.getU32(m), s.getU32(m + K)], [1, 101, 7]);
  s.setU32(m, s.getU32(m)! + 1);
  s.leave();
  c.enter();
  assertEquals(c.getU32(m), 102);
  const d = c.fork()!;
  d.enter();
  d.setU32(m, 1);
  d.leave();
  d.dispose();
  c.dispose();
  s.enter();
  assertEquals(s.getU32(m), 1);
  assertEquals(layout(s)[1], "2040000-2044000 3s ");
  s.dispose();
});

Deno.test("shared file mappings write back and see what others write", () => {
  const f = file(K + 100, true);
  const host = new HostMemory();
  const a = space(host), b = space(host);
  const at = a.map({ address: 0, length: 2 * K, prot: RW, shared: true, backing: f });
  b.map({ address: at, length: 2 * K, prot: READ, shared: true, backing: f, fixed: "replace" });
  a.enter();
  a.write(at + K + 98, new Uint8Array([1, 2, 3]));
  a.leave();
  assertEquals(f.bytes.slice(K + 98), new Uint8Array([1, 2]));
  b.enter();
  assertEquals(b.read(at + K + 98, 2), new Uint8Array([1, 2]));
  a.write(at, new Uint8Array([42]));
  flushShared(f.identity); // read(2) of the file
  assertEquals(f.bytes[0], 42);
  f.bytes[0] = 43; // write(2)
  staleShared(f.identity);
  assertEquals([a.read(at, 1)![0], b.read(at, 1)![0]], [43, 43]);
  a.write(at, new Uint8Array([44]));
  assertEquals(a.sync(at, K), 0);
  assertEquals(f.bytes[0], 44);
  a.write(at, new Uint8Array([45]));
  a.unmap(at, 2 * K);
  assertEquals(f.bytes[0], 45);
  assertEquals(a.sync(at, K), ENOMEM);
});

Deno.test("two spaces that change shared pages in turn always read the newest", () => {
  const pages = 40;
  const s = space();
  const m = s.map({ address: 0, length: pages * K, prot: RW, shared: true });
  const all = [s, s.fork()!, s.fork()!];
  const model = new Array<number>(pages).fill(0);
  let seed = 7;
  const random = (n: number): number => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % n;
  for (let turn = 0; turn < 3000; turn++) {
    const it = all[random(3)];
    it.enter();
    // Now and then more changes than an object remembers.
    const count = turn % 400 === 399 ? 3000 : random(6);
    for (let n = 0; n < count; n++) {
      const page = random(pages);
      assertEquals(it.getU32(m + page * K), model[page]);
      if (random(2) === 0) {
        model[page] = turn + 1;
        it.setU32(m + page * K, turn + 1);
      }
      if (n % 50 === 49) {
        it.leave();
        it.enter();
      }
    }
    it.leave();
  }
});

Deno.test("a page that is mapped twice in one space has one content", () => {
  const s = space();
  const f = file(4 * K, true);
  const a = s.map({ address: 0, length: 4 * K, prot: RW, shared: true, backing: f });
  const b = s.map({ address: 0, length: 2 * K, prot: RW, shared: true, backing: f, offset: K });
  s.setU32(a + K, 1);
  assertEquals(s.getU32(b), 1);
  s.setU32(b, 2);
  assertEquals(s.getU32(a + K), 2);
  s.setU32(a + K + 8, 3);
  s.setU32(b + 4, 4);
  assertEquals([s.getU32(a + K), s.getU32(a + K + 4), s.getU32(b + 8)], [2, 4, 3]);
  const c = s.fork()!;
  c.enter();
  c.setU32(b + 8, 5);
  assertEquals(c.getU32(a + K + 8), 5);
  c.leave();
  s.enter();
  assertEquals([s.getU32(a + K + 8), s.getU32(b + 8)], [5, 5]);
});

Deno.test("parts of a split shared mapping stay shared", () => {
  const s = space();
  const m = s.map({ address: 0, length: 6 * K, prot: RW, shared: true });
  s.protect(m + 2 * K, K, READ);
  const c = s.fork()!;
  s.unmap(m, K);
  c.unmap(m + 4 * K, K);
  const moved = c.move(m + 5 * K, K, 0, K);
  s.enter();
  s.setU32(m + K, 1);
  s.setU32(m + 5 * K, 2);
  s.leave();
  c.enter();
  assertEquals([c.getU32(m + K), c.getU32(moved), c.getU32(m + 2 * K)], [1, 2, 0]);
  c.setU32(moved, 3);
  c.leave();
  s.enter();
  assertEquals(s.getU32(m + 5 * K), 3);
  // mremap of no bytes: the same object once more
  const again = s.move(m + 5 * K, 0, 0, K);
  assertEquals(s.getU32(again), 3);
  assertEquals(s.move(m + 5 * K, 0, 0, 0), EINVAL);
});

Deno.test("backings are held and released as often as mappings come and go", () => {
  let held = 0;
  const f = { ...file(8 * K), hold: () => held++, release: () => held-- };
  const s = space();
  const a = s.map({ address: 0, length: 8 * K, prot: READ, backing: f });
  s.unmap(a + K, K);
  s.protect(a + 4 * K, K, RW);
  s.protect(a + 4 * K, K, READ);
  s.move(a + 4 * K, 2 * K, 0, 3 * K);
  const c = s.fork()!;
  assert(held > 4);
  c.dispose();
  s.unmap(a, 32 * K);
  assertEquals(held, 0);
  s.dispose();
});

Deno.test("the host's limit holds across spaces and freed memory comes back", () => {
  const host = new HostMemory(8 << 20);
  const a = space(host), b = space(host);
  const at = a.map({ address: 0, length: 6 << 20, prot: RW });
  b.map({ address: 0, length: 6 << 20, prot: RW });
  assert(a.write(at, new Uint8Array(6 << 20).fill(1)));
  assertEquals(b.write(at, new Uint8Array(6 << 20)), false);
  assert(host.used <= host.limit);
  assert(a.fork() === undefined);
  a.dispose();
  assert(b.write(at, new Uint8Array(6 << 20)));
  assertEquals(b.map({ address: 0, length: 9 << 20, prot: RW }), ENOMEM);
  b.dispose();
  host.clear();
  assertEquals(host.used, 0);
});

Deno.test("a reused memory is zero", () => {
  const host = new HostMemory();
  for (let i = 0; i < 5; i++) {
    const s = space(host);
    s.u8[100] = 1; // the state block
    assertEquals(s.u8[200], 0);
    s.u8[200] = 1;
    const at = s.map({ address: 0, length: 64 * K, prot: RW });
    assert(s.bytes(at, 64 * K).every((x) => x === 0));
    s.write(at, new Uint8Array(64 * K).fill(i + 1));
    s.dispose();
  }
});

Deno.test("a whole memory has 4 GiB of addresses, keeps its bytes, and is zero again for the next space", () => {
  const host = new HostMemory();
  let whole: WebAssembly.Memory | undefined;
  for (let i = 0; i < 3; i++) {
    const s = space(host), at = s.map({ address: 0, length: 64 * K, prot: RW });
    s.setU32(at, i + 1);
    assert(s.whole() && s.whole());
    assertEquals(s.u8.length, 2 ** 32);
    assertEquals(s.getU32(at), i + 1);
    assertEquals(s.view.getUint32(at - BIAS, true), i + 1);
    const far = s.map({ address: 3 * 2 ** 30, length: 64 * K, prot: RW, fixed: "exclusive" });
    assertEquals([s.getU32(far), s.getU32(at + 4)], [0, 0]);
    s.setU32(far, 7), s.setU32(at + 4, 7);
    const child = s.fork()!;
    assertEquals([child.getU32(far), child.getU32(at)], [7, i + 1]);
    child.dispose(), s.dispose();
    whole ??= s.memory;
    assert(host.used < 1 << 20);
  }
  assertEquals(whole!.buffer.byteLength, 2 ** 32);
});

// The process's memory: tests/guests/leaks_test.ts.
Deno.test("ten thousand spaces come and go and the host's account is as before", () => {
  const host = new HostMemory();
  for (let i = 0; i < 10_000; i++) {
    const s = space(host);
    const at = s.map({ address: 0, length: 16 * K, prot: RW });
    s.setU32(at, i);
    s.dispose();
  }
  assert(host.used < 1 << 20);
});

Deno.test("random mapping changes agree with a page by page model", () => {
  let seed = 12345;
  const random = (n: number): number => ((seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 8) % n;
  const s = space();
  const base = MAP_BASE, pages = 64;
  const model: ({ prot: number; value: number } | undefined)[] = new Array(pages).fill(undefined);
  for (let step = 0; step < 20_000; step++) {
    const first = random(pages), count = 1 + random(Math.min(12, pages - first));
    const at = base + first * K, prot = [0, READ, RW, RW | EXEC][random(4)];
    const range = Array.from({ length: count }, (_, i) => first + i);
    switch (random(6)) {
      case 0:
        assertEquals(s.map({ address: at, length: count * K, prot, fixed: "replace" }), at);
        for (const p of range) model[p] = { prot, value: 0 };
        break;
      case 1:
        assertEquals(s.unmap(at, count * K), 0);
        for (const p of range) model[p] = undefined;
        break;
      case 2: {
        const gap = range.findIndex((p) => model[p] === undefined);
        assertEquals(s.protect(at, count * K, prot), gap < 0 ? 0 : ENOMEM);
        for (const p of gap < 0 ? range : range.slice(0, gap)) model[p]!.prot = prot;
        break;
      }
      case 3: {
        const p = model[first];
        const may = p !== undefined && (p.prot & WRITE) !== 0;
        assertEquals(s.setU32(at, step), may);
        if (may) p.value = step;
        break;
      }
      case 4:
        assertEquals(s.discard(at, count * K), range.every((p) => model[p] !== undefined) ? 0 : ENOMEM);
        for (const p of range) if (model[p] !== undefined) model[p]!.value = 0;
        break;
      default: {
        const p = model[first];
        assertEquals(s.getU32(at), p !== undefined && p.prot !== 0 ? p.value : undefined);
      }
    }
    if (step % 500 === 0) {
      let runs = 0;
      for (let p = 0; p < pages; p++) {
        if (model[p] !== undefined && model[p]?.prot !== model[p - 1]?.prot) runs++;
      }
      assertEquals(s.vmas.length, runs);
      const c = s.fork()!;
      for (let p = 0; p < pages; p++) {
        const m = model[p];
        assertEquals(c.getU32(base + p * K), m !== undefined && m.prot !== 0 ? m.value : undefined);
      }
      c.dispose();
    }
  }
});
