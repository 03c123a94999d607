import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { assemble } from "./assemble.ts";
import { X86Cpu } from "./cpu.ts";
import { CODE, DATA, EXEC, machine, READ, STACK, WRITE } from "./fake_space.ts";
import { REG } from "./registers.ts";

const asm = (source: string, at = CODE) => assemble(source, at);
const ALWAYS = 1_000_000;

Deno.test("run counts every finished instruction and leaves at syscall", () => {
  const { cpu, calls } = machine(asm("mov ecx, 1000\nagain:\nadd rax, rcx\nsub ecx, 1\njne again\nsyscall"));
  const trap = cpu.run(ALWAYS);
  assertEquals([trap.cause, trap.entry, calls], ["syscall", 0, [0]]);
  assertEquals(cpu.frame.num(REG.rax), 500500);
  assertEquals(cpu.instructions, 1 + 3 * 1000 + 1);
  assertEquals(cpu.frame.num(REG.rcx), cpu.frame.num(REG.rip));
});

Deno.test("run stops near its budget and goes on where it stopped", () => {
  const { cpu } = machine(asm("again:\nadd rax, 1\nadd rbx, 2\njmp again"));
  for (let i = 1; i <= 20; i++) {
    assertEquals(cpu.run(1000).cause, "budget");
    assertEquals(cpu.frame.num(REG.rbx), 2 * cpu.frame.num(REG.rax));
    assert(Math.abs(cpu.instructions - 1000 * i) < 130 * i, `${cpu.instructions}`);
  }
});

Deno.test("run(1) executes exactly one instruction", () => {
  const { cpu } = machine(
    asm("mov ecx, 3\nagain:\npush rcx\npop rdx\ncall f\nsub ecx, 1\njne again\nhlt\nf:\nret"),
  );
  const pcs: number[] = [];
  for (let i = 0; i < 19; i++) {
    pcs.push(cpu.frame.num(REG.rip) - CODE);
    assertEquals(cpu.run(1).cause, "budget");
    assertEquals(cpu.instructions, i + 1);
  }
  assertEquals(pcs.slice(0, 8), [0, 5, 6, 7, 18, 12, 15, 5]);
  assertEquals(cpu.run(1).cause, "protection");
});

Deno.test("a page fault has exact registers, address and access", () => {
  for (
    const [source, address, access, register, value] of [
      ["mov rax, 7\nmov rbx, qword ptr [0x1000]", 0x1000, READ, REG.rax, 7],
      ["mov rax, 7\nadd dword ptr [0x20000], eax", 0x20000, WRITE, REG.rax, 7],
      [`mov eax, 1\nmov qword ptr [${DATA + 0x10000 - 4}], rax`, DATA + 0x10000, WRITE, REG.rax, 1],
      ["mov rsp, 0x20008\npush rax\npush rax", 0x1fff8, WRITE, REG.rsp, 0x20000],
      ["mov rax, 0x100000000\nmov cl, byte ptr [rax+0x12345]", 0x100012345, READ, REG.rax, 0x100000000],
      ["mov eax, 0x20000\njmp rax", 0x20000, EXEC, REG.rip, 0x20000],
    ] as const
  ) {
    const { cpu, space } = machine(asm(source));
    space.map(0x20000, 4096, source.includes("push") ? READ | WRITE : source.includes("jmp") ? READ : 0);
    const trap = cpu.run(ALWAYS);
    assertEquals([trap.cause, trap.address, trap.access], ["page", address, access], source);
    assertEquals(cpu.frame.num(register), value, source);
  }
});

Deno.test("a fault keeps the flags of the instruction before", () => {
  const { cpu } = machine(asm("mov eax, 5\ncmp eax, 6\nmov ebx, dword ptr [0]\ncmp eax, eax"));
  assertEquals(cpu.run(ALWAYS).cause, "page");
  assertEquals(cpu.frame.lo(REG.rflags) & 0x8d5, 0x95); // SF AF PF CF
});

Deno.test("addresses that are not canonical are a protection fault", () => {
  const { cpu } = machine(asm("movabs rax, 0x8000000000000000\nmov rbx, qword ptr [rax]"));
  const trap = cpu.run(ALWAYS);
  assertEquals([trap.cause, trap.vector, trap.error], ["protection", 13, 0]);
});

Deno.test("traps have the vector, the error code and the pc of hardware", () => {
  for (
    const [source, cause, vector, error, after] of [
      ["int3", "breakpoint", 3, 0, 1],
      ["int 4", "overflow", 4, 0, 2],
      ["int 0x21", "protection", 13, 0x10a, 0],
      ["int 0x0e", "protection", 13, 0x72, 0],
      ["ud2", "illegal", 6, 0, 0],
      ["hlt", "protection", 13, 0, 0],
      ["xor ecx, ecx\nxor edx, edx\ndiv ecx", "divide", 0, 0, 4],
      [".byte 0x0f, 0x04, 1, 0, 0, 0", "illegal", 6, 0, 0],
      [
        ".byte 0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x66,0x90",
        "protection",
        13,
        0,
        0,
      ],
    ] as const
  ) {
    const { cpu } = machine(asm(source));
    const trap = cpu.run(ALWAYS);
    assertEquals([trap.cause, trap.vector, trap.error, cpu.frame.num(REG.rip) - CODE], [
      cause,
      vector,
      error,
      after,
    ], source);
  }
});

Deno.test("int 0x80 enters the kernel by the second entry", () => {
  const { cpu, calls } = machine(asm("int 0x80"));
  assertEquals([cpu.run(ALWAYS).cause, cpu.trap.entry, calls, cpu.frame.num(REG.rip) - CODE], ["syscall", 1, [
    1,
  ], 2]);
});

Deno.test("a call stub is honoured in stub pages alone", () => {
  const { cpu, space, calls } = machine(asm("call 0x38000\nhlt"));
  space.write(0x38000, [0x0f, 0x04, 5, 0, 0, 0, 0xc3]);
  space.stubs.add(0x38);
  const trap = cpu.run(ALWAYS);
  assertEquals([trap.cause, trap.address, calls], ["call", 5, [0x1005]]);
  assertEquals(cpu.run(ALWAYS).cause, "protection");
  assertEquals(cpu.frame.num(REG.rip), CODE + 5);
});

Deno.test("code that writes the instruction after the store runs what it wrote", () => {
  // mov byte ptr [next+1], 9; next: mov al, 1
  const { cpu } = machine(
    asm(
      "mov byte ptr [rip+next], 0xb0\nmov byte ptr [rip+operand], 9\nnext:\n.byte 0x90\noperand:\n.byte 0x90\nhlt",
    ),
  );
  assertEquals(cpu.run(ALWAYS).cause, "protection");
  assertEquals(cpu.frame.num(REG.rax), 9);
});

Deno.test("code rewritten by the kernel is decoded again, also where it straddles pages", () => {
  const { cpu, space } = machine();
  const at = CODE + 4096 - 2;
  space.write(at, asm("mov eax, 0x11223344\nhlt", at));
  cpu.frame.setNum(REG.rip, at);
  assertEquals(cpu.run(ALWAYS).cause, "protection");
  assertEquals(cpu.frame.num(REG.rax), 0x11223344);
  space.write(CODE + 4096, [0x55]);
  cpu.frame.setNum(REG.rip, at);
  cpu.run(ALWAYS);
  assertEquals(cpu.frame.num(REG.rax), 0x11225544);
});

Deno.test("rep movs stops at a fault with the registers of the finished part", () => {
  const { cpu, space } = machine(asm(`mov esi, ${DATA}\nmov edi, ${DATA + 0xfff0}\nmov ecx, 5\nrep movsq`));
  space.u8.fill(7, DATA - BIAS, DATA - BIAS + 64);
  const trap = cpu.run(ALWAYS);
  assertEquals([trap.cause, trap.address, trap.access], ["page", DATA + 0x10000, WRITE]);
  assertEquals([REG.rcx, REG.rsi, REG.rdi].map((r) => cpu.frame.num(r)), [3, DATA + 16, DATA + 0x10000]);
  assertEquals(space.u8[DATA + 0xffff - BIAS], 7);
});

Deno.test("overlapping rep movsb repeats a pattern as hardware does", () => {
  const { cpu, space } = machine(
    asm(`mov esi, ${DATA}\nmov edi, ${DATA + 3}\nmov ecx, 5000\nrep movsb\nhlt`),
  );
  space.u8.set([1, 2, 3], DATA - BIAS);
  cpu.run(ALWAYS);
  assertEquals([4000, 4001, 4002, 5002].map((i) => space.u8[DATA - BIAS + i]), [2, 3, 1, 2]);
});

Deno.test("fork shares decoded code until one side changes it", () => {
  const code = asm("add rax, 1\nadd rax, 2\nhlt");
  const { cpu, space } = machine(code);
  cpu.run(ALWAYS);
  const other = space.fork();
  const child = new X86Cpu(other, cpu.kernel, undefined, cpu);
  other.watcher = child;
  child.frame.restore(cpu.frame.save());
  for (const c of [cpu, child]) c.frame.setNum(REG.rip, CODE), c.frame.setNum(REG.rax, 0);
  other.write(CODE + 3, [0x10]);
  cpu.run(ALWAYS), child.run(ALWAYS);
  assertEquals([cpu.frame.num(REG.rax), child.frame.num(REG.rax)], [3, 0x12]);
  child.dispose();
});

Deno.test("an instruction that goes on in a page that differs after a fork is each side's own", () => {
  // mov eax, imm32 begins 2 bytes before the page's end, behind what both sides share.
  const { cpu, space } = machine();
  space.map(CODE, 0x10000, READ | EXEC);
  space.write(CODE, asm(`xor ebx, ebx\njmp ${CODE + 4096 - 5}`));
  space.write(CODE + 4096 - 5, asm("add ebx, 1\nmov eax, 0x11111111\nadd ebx, 2\nhlt"));
  const other = space.fork();
  const child = new X86Cpu(other, cpu.kernel, undefined, cpu);
  other.watcher = child;
  other.u8.set([0x22, 0x22, 0x22], CODE + 4096 - BIAS);
  child.frame.restore(cpu.frame.save());
  for (const round of [1, 2]) {
    for (const c of [cpu, child]) {
      c.frame.setNum(REG.rip, CODE);
      assertEquals(c.run(ALWAYS).cause, "protection", `${round}`);
      assertEquals([c.frame.num(REG.rax), c.frame.num(REG.rbx)], [c === cpu ? 0x11111111 : 0x22222211, 3]);
      // What is decoded next may lie where the run was.
      c.frame.setNum(REG.rip, CODE + 0x2000), c.run(10);
    }
  }
  child.dispose();
});

Deno.test("a space with 32-bit memory runs the same", async () => {
  await import("./memory32.ts");
  const { cpu } = machine(
    asm(
      `push 5\npop rax\nmov dword ptr [${DATA}], eax\nadd eax, dword ptr [${DATA}]\nmov rbx, qword ptr [rax-0x100]`,
    ),
    false,
  );
  const trap = cpu.run(ALWAYS);
  assertEquals([trap.cause, trap.addressLo, trap.addressHi], ["page", -0xf6, -1]);
  assertEquals(cpu.frame.num(REG.rax), 10);
});

Deno.test("save and restore carry a task to another CPU", () => {
  const a = machine(asm("mov eax, 5\nstc\nhlt")), b = machine(asm("nop\nnop\nhlt"));
  a.cpu.run(ALWAYS);
  b.cpu.frame.restore(a.cpu.frame.save());
  assertEquals([b.cpu.frame.num(REG.rax), b.cpu.frame.lo(REG.rflags) & 1, b.cpu.frame.num(REG.rsp)], [
    5,
    1,
    STACK,
  ]);
});

Deno.test("interrupt makes run return", () => {
  const { cpu } = machine(asm("again: \njmp again".replace(": ", ":")));
  cpu.interrupt();
  assertEquals(cpu.run(ALWAYS).cause, "interrupt");
  assertEquals(cpu.run(1000).cause, "budget");
});

Deno.test("more code than the cache holds is decoded again", () => {
  const { cpu, space } = machine();
  const small = cpu.cache as unknown as { maxChunks: number };
  small.maxChunks = 2;
  // 3,000 blocks that jump to the next one.
  const bytes: number[] = [];
  for (let i = 0; i < 3000; i++) bytes.push(0x48, 0xff, 0xc0, 0xeb, 0x00);
  bytes.push(0xf4);
  space.write(CODE, bytes);
  for (let i = 0; i < 2; i++) {
    cpu.frame.setNum(REG.rip, CODE), cpu.frame.setNum(REG.rax, 0);
    assertEquals(cpu.run(ALWAYS).cause, "protection");
    assertEquals(cpu.frame.num(REG.rax), 3000);
  }
});

Deno.test("caches of many spaces stay within the engine's memory", () => {
  const machines = Array.from(
    { length: 12 },
    () => machine(asm("again:\nadd rax, 1\nsub ecx, 1\njne again\nhlt")),
  );
  const engine = machines[0].cpu.engine as unknown as { limit: number };
  const limit = engine.limit;
  engine.limit = machines[0].cpu.engine.memory.buffer.byteLength;
  try {
    for (let round = 0; round < 3; round++) {
      for (const { cpu } of machines) {
        cpu.frame.setNum(REG.rip, CODE), cpu.frame.setNum(REG.rcx, 100), cpu.frame.setNum(REG.rax, 0);
        assertEquals(cpu.run(ALWAYS).cause, "protection");
        assertEquals(cpu.frame.num(REG.rax), 100);
      }
    }
  } finally {
    engine.limit = limit;
    for (const { cpu } of machines) cpu.dispose();
  }
});

Deno.test("a CPU made while another is inside a system call leaves that one alone", () => {
  const { cpu, space } = machine(asm("mov eax, 1\nsyscall\nmov ebx, 2\nsyscall\nhlt"));
  const children: X86Cpu[] = [];
  (cpu.kernel as { syscall: unknown }).syscall = () => {
    const child = new X86Cpu(space.fork(), cpu.kernel, undefined, cpu);
    children.push(child);
    return 0;
  };
  cpu.run(1), cpu.run(1);
  assertEquals(cpu.instructions, 2);
  assertEquals(cpu.run(ALWAYS).cause, "protection");
  assertEquals([cpu.frame.num(REG.rbx), cpu.instructions, children.length], [2, 4, 2]);
  for (const c of children) c.dispose();
});
