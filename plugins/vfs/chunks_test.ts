import { assert, assertEquals } from "@std/assert";
import { EFBIG, ENOSPC, ENXIO } from "@guise/core";
import { Budget, Content } from "./chunks.ts";

function random(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return (seed >>> 8) % below;
  };
}

/** A content that is plain bytes, as the model. */
class Model {
  bytes = new Uint8Array(0);
  resize(size: number): void {
    const next = new Uint8Array(size);
    next.set(this.bytes.subarray(0, size));
    this.bytes = next;
  }
  write(from: Uint8Array, offset: number): void {
    if (offset + from.length > this.bytes.length) this.resize(offset + from.length);
    this.bytes.set(from, offset);
  }
}

for (const lower of [false, true]) {
  Deno.test(`Content is what an array is when ${lower ? "there is one below" : "it starts empty"}`, () => {
    for (let seed = 1; seed < 5; seed++) {
      const next = random(seed);
      const budget = new Budget(1e9);
      const model = new Model();
      let content = new Content(budget);
      if (lower) {
        const below = new Uint8Array(next(300000)).map(() => next(256));
        model.bytes = below.slice();
        content = new Content(budget, {
          read(into, offset) {
            const part = below.subarray(offset, offset + Math.min(into.length, 5000));
            into.set(part);
            return part.length;
          },
        }, below.length);
      }
      for (let step = 0; step < 150; step++) {
        const at = next(400000);
        switch (next(7)) {
          case 2: {
            // Space set aside changes nothing that can be read.
            assertEquals(content.reserve(at, at + 1 + next(200000)), 0);
            break;
          }
          case 0:
            content.truncate(at);
            model.resize(at);
            break;
          case 1: {
            const end = at + next(200000);
            assertEquals(content.punch(at, end), 0);
            model.bytes.fill(0, at, end);
            break;
          }
          default: {
            const from = new Uint8Array(next(next(3) === 0 ? 150000 : 9000)).map(() => 1 + next(255));
            if (from.length === 0) break;
            assertEquals(content.write(from, at), from.length);
            model.write(from, at);
          }
        }
        assertEquals(content.size, model.bytes.length);
        const into = new Uint8Array(next(200000) + 1).fill(99);
        const offset = next(400000);
        const expected = model.bytes.subarray(offset, offset + into.length);
        const n = content.read(into, offset);
        assertEquals(n, expected.length);
        assert(into.subarray(0, n).every((b, i) => b === expected[i]), `seed ${seed} step ${step}`);
        // Every byte that is not zero is data to SEEK_DATA, and what it calls a hole is zeros.
        let at2 = 0;
        while (at2 < content.size) {
          const data = content.seekData(at2, false);
          const end = data === ENXIO ? content.size : data;
          assert(model.bytes.subarray(at2, end).every((b) => b === 0), "a hole with bytes in it");
          if (data === ENXIO) break;
          at2 = content.seekData(data, true);
        }
      }
      content.clear();
      assertEquals([budget.used, content.allocated], [0, 0]);
    }
  });
}

Deno.test("Content takes no space for holes when a file has a size of a tebibyte", () => {
  const budget = new Budget(1e6);
  const content = new Content(budget);
  assertEquals(content.truncate(2 ** 40), 0);
  assertEquals([budget.used, content.allocated], [0, 0]);
  assertEquals(content.write(Uint8Array.of(7), 2 ** 40 - 1), 1);
  assertEquals(content.allocated, 4096);
  assertEquals(content.seekData(0, false), 2 ** 40 - 4096);
  assertEquals(content.seekData(0, true), 0);
  const into = new Uint8Array(2);
  assertEquals(content.read(into, 2 ** 40 - 2), 2);
  assertEquals([...into], [0, 7]);
  assertEquals(content.truncate(2 ** 53), EFBIG);
  assertEquals(content.write(into, 2 ** 53 - 1), EFBIG);
});

Deno.test("Content writes what fits and then ENOSPC when the budget ends", () => {
  const content = new Content(new Budget(200000));
  const n = content.write(new Uint8Array(1 << 20), 0);
  assertEquals(n, 3 * 65536);
  assertEquals(content.write(new Uint8Array(100000), n), ENOSPC);
  assertEquals(content.size, n);
  // What is given back can be taken again.
  assertEquals(content.truncate(65536), 0);
  assertEquals(content.write(new Uint8Array(65536), 65536), 65536);
});

Deno.test("Content counts pages when they are written, once", () => {
  const content = new Content(new Budget(1e9));
  content.write(new Uint8Array(1), 0);
  assertEquals(content.allocated, 4096);
  content.write(new Uint8Array(4097), 0);
  assertEquals(content.allocated, 8192);
  content.write(new Uint8Array(1), 100000);
  assertEquals(content.allocated, 12288);
  content.truncate(4096);
  assertEquals(content.allocated, 4096);
});

Deno.test("Content.reserve counts space that a later write then has", () => {
  const budget = new Budget(200000);
  const content = new Content(budget);
  assertEquals(content.reserve(0, 100000), 0);
  assertEquals([content.size, content.allocated, budget.used], [0, 102400, 102400]);
  assertEquals(content.reserve(200000, 400000), ENOSPC);
  budget.take(budget.limit - budget.used);
  assertEquals(content.write(new Uint8Array(100000), 0), 100000);
  content.clear();
});
