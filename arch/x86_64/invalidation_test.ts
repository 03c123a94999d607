/** Regions that come and go: what is invalidated is forgotten, and memory stays bounded. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { assemble } from "./assemble.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";
import { CODE, FakeSpace, READ, STACK, WRITE } from "./fake_space.ts";

const EXEC = 4;
await loadTranslator();

Deno.test("10,000 regions, each invalidated by the next, run rightly in bounded memory", () => {
  const space = new FakeSpace();
  const cpu = new X86Cpu(space, { syscall: () => 1, call: () => 1 }, undefined, undefined, "jit");
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | WRITE | EXEC);
  space.map(STACK - 0x4000, 0x4000, READ | WRITE);
  const code = assemble("mov eax, 1\nloop:\nadd eax, 2\ndec ecx\njne loop\nsyscall", CODE);
  const immediate = code.indexOf(2, 5);
  let sum = 0, expected = 0, records = 0, resident = 0;
  for (let i = 0; i < 10_000; i++) {
    const at = CODE + i % 7 * 4096 + i % 5 * 64, step = i % 100;
    code[immediate] = step;
    space.write(at, code);
    cpu.frame.setNum(1, 10), cpu.frame.setNum(4, STACK), cpu.frame.setNum(16, at);
    cpu.translateNow(at, at + code.length);
    assertEquals(cpu.run(1_000).cause, "syscall");
    sum += cpu.frame.num(0), expected += 1 + 10 * step;
    if (i !== 2_000) continue;
    records = cpu.engine.memory.buffer.byteLength, resident = Deno.memoryUsage().rss;
  }
  assertEquals(sum, expected);
  assert(cpu.regions >= 9_500, `${cpu.regions}`);
  const set = cpu.cache.regions!;
  assert(set.regions.filter((r) => r).length <= 35 && set.size <= 35 * 5 && set.count <= 35, `${set.size}`);
  const grown = cpu.engine.memory.buffer.byteLength - records;
  assert(grown <= 64 << 20, `records grew by ${grown >> 20} MiB`);
  const more = Deno.memoryUsage().rss - resident;
  assert(more < 200 << 20, `the process grew by ${more >> 20} MiB`);
});
