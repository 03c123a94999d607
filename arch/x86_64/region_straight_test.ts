/** Long ways straight on, as hashes that a compiler has unrolled, become one region where they are hot as a whole. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { assemble } from "./assemble.ts";
import { CODE, DATA, FakeSpace, READ, WRITE } from "./fake_space.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";
import { Random } from "./testing.ts";

const EXEC = 4;
await loadTranslator();

function run(code: ArrayLike<number>, engine: "auto" | "interpreter") {
  const space = new FakeSpace(), kernel = { syscall: () => 1 as const, call: () => 1 as const };
  const cpu = new X86Cpu(space, kernel, undefined, undefined, engine);
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | WRITE | EXEC);
  space.map(DATA, 0x10000, READ | WRITE);
  space.write(CODE, code);
  cpu.frame.setNum(16, CODE);
  let trap = cpu.run(1_000_000);
  for (let turn = 0; trap.cause === "budget" && turn < 400; turn++) trap = cpu.run(1_000_000);
  const registers = Array.from({ length: 17 }, (_, i) => cpu.frame.big(i).toString(16)).join();
  const largest = Math.max(0, ...(cpu.cache.regions?.regions ?? []).map((r) => r?.size ?? 0));
  return { seen: { cause: trap.cause, registers }, largest };
}

Deno.test("a loop of 2,000 instructions without branches is translated far beyond the limit of a region, with the interpreter's results", () => {
  const r = new Random(5), registers = ["eax", "ebx", "edx", "edi", "ebp", "r8d", "r9d", "r10d", "r11d"];
  const step = () => {
    const x = r.pick(registers), y = r.pick(registers);
    return r.pick([
      () => `add ${x}, ${y}`,
      () => `xor ${x}, ${y}`,
      () => `ror ${x}, ${1 + r.below(31)}`,
      () => `and ${x}, ${y}`,
      () => `lea ${x}, [${x.replace(/^e/, "r").replace(/d$/, "")} + ${r.below(1 << 30)}]`,
      () => `mov ${x}, [rsi + ${4 * r.below(64)}]`,
      () => `mov [rsi + ${4 * r.below(64)}], ${x}`,
    ])();
  };
  const body = Array.from({ length: 2000 }, step).join("\n");
  const code = assemble(`mov rsi, ${DATA}\nmov ecx, 25000\nagain:\n${body}\ndec ecx\njnz again\nhlt`, CODE);
  const { seen, largest } = run(code, "auto");
  assertEquals(seen, run(code, "interpreter").seen);
  assert(largest > 1000, `${largest}`);
});
