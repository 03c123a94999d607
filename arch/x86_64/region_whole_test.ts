/** Regions that were made for a memory that cannot grow, and processes that get no such memory. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { assemble } from "./assemble.ts";
import { CODE, DATA, FakeSpace, READ, STACK, WRITE } from "./fake_space.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";
import { REG } from "./registers.ts";

const EXEC = 4, WHOLE = 65536;
await loadTranslator();

/** A space as core's, whose memory may become as long as any. */
class Long extends FakeSpace {
  asked = 0;
  constructor(readonly refuses = false) {
    super(true, 64, WHOLE);
  }
  whole(): boolean {
    this.asked++;
    const more = WHOLE - this.memory.buffer.byteLength / 65536;
    if (more && !this.refuses) this.memory.grow(BigInt(more) as unknown as number);
    return !this.refuses;
  }
}
/** Computes 3x + 1 of what is at DATA 20,000 times, in memory and by the stack; then syscall. */
const PROGRAM = assemble(
  `
    call triple
    syscall
    triple:
    mov ecx, 20000
    mov rsi, ${DATA}
    loop:
    mov rax, qword ptr [rsi]
    lea rax, [rax+rax*2+1]
    push rax
    pop qword ptr [rsi]
    dec ecx
    jne loop
    ret
  `,
  CODE,
);
function prepare(space: FakeSpace, parent?: X86Cpu): X86Cpu {
  const kernel = { syscall: () => 1 as const, call: () => 1 as const };
  space.map(CODE, 0x10000, READ | EXEC);
  space.map(DATA, 0x10000, READ | WRITE);
  space.map(STACK - 0x4000, 0x4000, READ | WRITE);
  if (!parent) space.write(CODE, PROGRAM);
  const cpu = new X86Cpu(space, kernel, undefined, parent, "jit");
  space.watcher = cpu;
  return cpu;
}
/** What RAX is behind the program, three times. */
function run(cpu: X86Cpu, space: FakeSpace): string[] {
  space.u8.fill(0, DATA - BIAS, DATA - BIAS + 8);
  return [1, 2, 3].map(() => {
    cpu.frame.setNum(REG.rip, CODE), cpu.frame.setNum(REG.rsp, STACK);
    for (let turn = 0; turn < 100 && cpu.run(100_000).cause === "budget"; turn++);
    return cpu.frame.big(REG.rax).toString();
  });
}
/** n times 3x + 1 from nothing is (3^n - 1) / 2. */
const EXPECTED = [20_000n, 40_000n, 60_000n].map((n) => BigInt.asUintN(64, (3n ** n - 1n) / 2n).toString());

Deno.test("the first region makes the memory whole; where the host refuses, regions work with what there is", () => {
  for (const refuses of [false, true]) {
    const space = new Long(refuses), cpu = prepare(space);
    assertEquals(run(cpu, space), EXPECTED);
    assert(space.asked > 0);
    assert(cpu.cache.regions!.count > 0);
    assertEquals(space.memory.buffer.byteLength / 65536, refuses ? 64 : WHOLE);
  }
});

Deno.test("regions of a parent with a whole memory are the interpreter's in a child that gets none", () => {
  const space = new Long(), cpu = prepare(space);
  assertEquals(run(cpu, space), EXPECTED);
  const other = new Long(true);
  other.u8.set(space.u8.subarray(0, other.u8.length));
  const child = prepare(other, cpu);
  assertEquals(child.cache, cpu.cache);
  assertEquals(run(child, other), EXPECTED);
  assert(other.asked > 0);
  assertEquals(run(cpu, space), EXPECTED);
  child.dispose();
});
