/** Lockstep compares regions with the interpreter, goes on with the interpreter's state, and names the instruction that differs. */
// cold: tests
import { assert, assertEquals, assertMatch } from "@std/assert";
import { BIAS } from "@guise/translator";
import { assemble } from "./assemble.ts";
import { tables } from "./built.ts";
import { loadTranslator, useTranslator, X86Cpu } from "./cpu.ts";
import { CODE, DATA, FakeSpace, READ, STACK, WRITE } from "./fake_space.ts";
import { listed } from "@guise/translator/region";
import { translator } from "./jit.ts";

const EXEC = 4;
await loadTranslator();

function lockstep(source: string) {
  const space = new FakeSpace(),
    log = { compared: 0, instructions: 0, partial: 0, differences: [] as string[] };
  const cpu = new X86Cpu(space, { syscall: () => 1, call: () => 1 }, undefined, undefined, "lockstep", log);
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | WRITE | EXEC);
  space.map(DATA, 0x10000, READ | WRITE);
  space.map(STACK - 0x4000, 0x4000, READ | WRITE);
  space.write(CODE, assemble(source, CODE));
  cpu.frame.setNum(16, CODE);
  cpu.frame.setNum(4, STACK);
  let turns = 0, trap = cpu.run(100_000);
  while (trap.cause === "budget" && ++turns < 50) trap = cpu.run(100_000);
  return { cpu, log, trap, space };
}

const LOOP = `
  mov ecx, 30000
  mov rbx, ${DATA}
  loop:
  call f
  add [rbx+8], rax
  dec ecx
  jne loop
  syscall
  f:
  imul rax, rax, 3
  add eax, ecx
  mov [rbx+rcx], al
  ret
`;

Deno.test("lockstep compares runs of regions with nested calls, and finds them equal", () => {
  const { log, trap } = lockstep(LOOP);
  assertEquals([trap.cause, log.differences], ["syscall", []]);
  assert(log.compared > 20 && log.instructions > 200_000, `${log.compared} ${log.instructions}`);
});

Deno.test("lockstep spoils a register that a region has left out, so that whoever reads it notices", () => {
  const { cpu, space } = lockstep("syscall");
  // rdx is written anew in each round, and behind the loop.
  space.write(
    CODE,
    assemble(
      `
    mov ecx, 60000
    xor eax, eax
    again:
    lea rdx, [rcx+rcx*2]
    add rax, rdx
    dec ecx
    jne again
    mov edx, 5
    syscall`,
      CODE,
    ),
  );
  cpu.frame.setNum(16, CODE);
  let spoilt = 0, trap = cpu.run(3000);
  for (; trap.cause === "budget"; trap = cpu.run(3000)) {
    const last = 3 * (cpu.frame.num(1) + 1);
    if (cpu.frame.lo(2) === ~last) spoilt++;
    else assert([last, last - 3].includes(cpu.frame.lo(2)), `${cpu.frame.lo(2)} at ${last}`);
  }
  assert(spoilt > 10, `${spoilt}`);
  assertEquals([trap.cause, cpu.frame.num(0), cpu.frame.num(2)], ["syscall", 3 * 60000 * 60001 / 2, 5]);
});

Deno.test("lockstep follows programs that change their own code and that fault", () => {
  const { log, trap, space } = lockstep(`
    mov ecx, 20000
    mov r8, ${CODE}
    again:
    add eax, 1
    cmp ecx, 10000
    jne go
    mov byte ptr [r8+14], 5
    go:
    dec ecx
    jne again
    push rax
    mov rbx, ${DATA}
    fill:
    mov [rbx+rcx], cl
    inc rcx
    jmp fill
  `);
  assertEquals([trap.cause, trap.address, log.differences], ["page", DATA + 0x10000, []]);
  assertEquals(new DataView(space.memory.buffer).getUint32(STACK - 8 - BIAS, true), 10001 + 9999 * 5);
  assert(log.compared > 10);
});

Deno.test("lockstep names instruction, micro-op and WebAssembly of a wrong region, and goes on rightly", () => {
  const right = lockstep(LOOP), { ops, numbering } = tables();
  const wrong = ops.map((def) =>
    def.name === "add reg32:rw,reg32:r"
      ? { ...def, semantics: ops.find((d) => d.name === "sub reg32:rw,reg32:r")!.semantics }
      : def
  );
  const restore = useTranslator(translator(listed(wrong, numbering)));
  try {
    const { cpu, log, trap } = lockstep(LOOP);
    assertEquals([trap.cause, cpu.frame.big(0)], ["syscall", right.cpu.frame.big(0)]);
    assert(log.differences.length > 0);
    assertMatch(log.differences[0], /differs behind \d+ of \d+ instructions/);
    assertMatch(log.differences[0], /micro-op: add reg32:rw,reg32:r a=0 b=8/);
    assertMatch(log.differences[0], /state 0: region [0-9a-f]{16}, interpreter [0-9a-f]{16}/);
    assertMatch(log.differences[0], /wasm of region 0x[0-9a-f]+, bytes \d+-\d+ of its body: [0-9a-f]{2} /);
  } finally {
    restore();
  }
});
