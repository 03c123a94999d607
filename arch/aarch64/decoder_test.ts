/** Both decoders make the same records of the same words. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { createSpace, EXEC, READ, WRITE } from "@guise/core";
import { BIAS, CHUNK_INFO } from "@guise/translator";
import type { ArmCpu } from "./cpu.ts";
import { declarations, useDeclarations } from "./built.ts";
import { Decoder, RUN_RECORDS } from "./decode.ts";
import { image } from "./image.ts";
import { aarch64 } from "./mod.ts";

const CODE = 0x40000;

/** Records of a run with targets relative to its start, so that two decodings can be compared. */
function records(cpu: ArmCpu, start: number, end: number): Uint32Array[] {
  const { u32 } = cpu.engine, words = u32.slice(start >>> 2, end >>> 2);
  for (let i = 2; i < words.length; i += 4) {
    if (words[i] >= start && words[i] < end) words[i] = words[i] - start + 0x77000000;
  }
  const info = (start & ~0x1ffff) + CHUNK_INFO + ((start & 0xffff) >>> 1);
  return [words, u32.slice(info >>> 2, info + (end - start >>> 1) >>> 2)];
}

Deno.test("both decoders make the same records of random instructions", () => {
  useDeclarations();
  const space = createSpace()!;
  const cpu = aarch64.createCpu(space, { syscall: () => 1, call: () => 1 }) as unknown as ArmCpu;
  space.map({ address: CODE, length: 0x10000, prot: READ | WRITE | EXEC, fixed: "replace" });
  const { finder, special } = image(), reference = new Decoder(finder, special, cpu), { cache, engine } = cpu;
  const list = declarations();
  let seed = 12345, compared = 0, left = 0;
  const random = () => (seed = Math.imul(seed, 1103515245) + 12345 | 0) >>> 8 ^ seed << 9;
  for (let round = 0; round < 6000; round++) {
    const d = list[round % list.length], pc = CODE - BIAS + (round % 5 ? 64 : 4096 - 8);
    // The declaration, then a branch by a condition or something else, then a return.
    const words = [
      d.value | random() & ~d.mask,
      round % 3 ? 0x54000000 | random() & 0xff_ffef : random(),
      0xd65f03c0,
    ];
    space.u8.set(new Uint8Array(Int32Array.from(words).buffer), pc);
    const decoded = (decode: (at: number) => number) => {
      cache.reset();
      engine.use(cache);
      const at = cache.begin(RUN_RECORDS);
      return [at, decode(at)];
    };
    const [a, end] = decoded((at) => cpu.exports.decode(pc, cache.page(pc >>> 12), at));
    if (!end) {
      left++;
      continue;
    }
    const fast = records(cpu, a, end),
      last = fast[0].findLastIndex((w, i) => i % 4 === 0 && (w & 0xffff) !== 1);
    // It stops before what it cannot do, with a jump there: as many instructions are asked of the other.
    const stops = (fast[0][last] & 0xffff) === 2, count = stops ? fast[0][last + 1] >>> 24 : 64;
    const [b, slow] = decoded((at) => reference.run(pc, count, at, false));
    assertEquals(
      fast,
      records(cpu, b, slow),
      `${d.text} ${words.map((w) => (w >>> 0).toString(16)).join(" ")}`,
    );
    compared++;
  }
  assert(compared > 4500 && left < 1500, `${compared} compared, ${left} left`);
});
