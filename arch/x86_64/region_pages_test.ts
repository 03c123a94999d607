/** Registers that alternate between mappings: their regions are translated anew and look for pages (translator, region/window.ts). */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS, PAGES } from "@guise/translator";
import { assemble } from "./assemble.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";
import { CODE, DATA, EXEC, FakeSpace, READ, STACK, WRITE } from "./fake_space.ts";

await loadTranslator();
const FAR = DATA + 0x80000;

/** A walk through pointers that lead from one mapping to the other and back, and writes to where they lead. */
function walk(engine: "jit" | "interpreter", rounds: number): { cpu: X86Cpu; space: FakeSpace; sum: number } {
  const space = new FakeSpace(), kernel = { syscall: () => 1 as const, call: () => 1 as const };
  const cpu = new X86Cpu(space, kernel, undefined, undefined, engine);
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | WRITE | EXEC);
  space.map(STACK - 0x1000, 0x1000, READ | WRITE);
  space.map(DATA, 0x2000, READ | WRITE);
  space.map(FAR, 0x2000, READ | WRITE);
  const link = (from: number, to: number) =>
    space.write(from, new Uint8Array(new BigUint64Array([BigInt(to), 0n]).buffer));
  // The last pair lies across the border of two pages.
  const places = Array.from({ length: 64 }, (_, n) => (n & 1 ? FAR : DATA) + 0xff8 - 16 * (63 - n));
  places.forEach((at, n) => link(at, places[(n + 1) % places.length]));
  space.write(
    CODE,
    assemble(
      `mov rsi, ${places[0]}
      mov rcx, ${rounds}
      again:
      add [rsi + 8], rcx
      add rax, [rsi + 8]
      mov rsi, [rsi]
      dec rcx
      jnz again
      hlt`,
      CODE,
    ),
  );
  cpu.frame.setNum(16, CODE);
  let trap = cpu.run(100_000);
  while (trap.cause === "budget") trap = cpu.run(100_000);
  assertEquals(trap.cause, "protection");
  return { cpu, space, sum: cpu.frame.num(0) };
}

Deno.test("a region whose register alternates between mappings is translated anew, and remembers pages", () => {
  const expected = walk("interpreter", 30_000), actual = walk("jit", 30_000);
  assertEquals(actual.sum, expected.sum);
  const view = new DataView(actual.space.u8.buffer);
  for (const at of [DATA, FAR]) {
    const page = at - BIAS >>> 12, entry = (page & (PAGES.entries - 1)) * PAGES.size;
    for (const table of [PAGES.read, PAGES.write]) assertEquals(view.getUint32(table + entry, true), page);
  }
  assert(actual.cpu.regions >= 2, "the second translation counts");
});

Deno.test("remembered pages are forgotten when a permission goes", () => {
  const { cpu, space } = walk("jit", 30_000);
  space.map(FAR, 0x1000, READ);
  cpu.frame.setNum(16, CODE);
  let trap = cpu.run(100_000);
  while (trap.cause === "budget") trap = cpu.run(100_000);
  assertEquals([trap.cause, trap.address >>> 12], ["page", FAR >>> 12]);
});
