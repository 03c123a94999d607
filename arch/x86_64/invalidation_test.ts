/** Regions that come and go: what is invalidated is forgotten, and memory stays bounded. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { assemble } from "./assemble.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";
import { CODE, FakeSpace, READ, STACK, WRITE } from "./fake_space.ts";

const EXEC = 4;
await loadTranslator();

Deno.test("2,000 regions, each invalidated by the next, run rightly, and their records stay bounded", () => {
  const space = new FakeSpace();
  const cpu = new X86Cpu(space, { syscall: () => 1, call: () => 1 }, undefined, undefined, "jit");
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | WRITE | EXEC);
  space.map(STACK - 0x4000, 0x4000, READ | WRITE);
  const code = assemble("mov eax, 1\nloop:\nadd eax, 2\ndec ecx\njne loop\nsyscall", CODE);
  const immediate = code.indexOf(2, 5);
  let sum = 0, expected = 0, records = 0;
  for (let i = 0; i < 2_000; i++) {
    // Each in the page of the one before, which its bytes invalidate; a place that has changed often is not translated again.
    const at = CODE + i * 16 % 0x10000, step = i % 100;
    code[immediate] = step;
    space.write(at, code);
    cpu.frame.setNum(1, 10), cpu.frame.setNum(4, STACK), cpu.frame.setNum(16, at);
    cpu.translateNow(at, at + code.length);
    assertEquals(cpu.run(1_000).cause, "syscall");
    sum += cpu.frame.num(0), expected += 1 + 10 * step;
    if (i === 500) records = cpu.engine.memory.buffer.byteLength;
  }
  assertEquals(sum, expected);
  assert(cpu.regions >= 1_900, `${cpu.regions}`);
  const set = cpu.cache.regions!;
  const live = set.regions.filter((r) => r).length;
  assert(live <= 16 && set.count <= 4096, `${live} regions, ${set.count} slots`);
  const grown = cpu.engine.memory.buffer.byteLength - records;
  assert(grown <= 64 << 20, `records grew by ${grown >> 20} MiB`);
});
