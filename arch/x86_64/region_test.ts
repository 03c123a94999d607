/** Regions do what the interpreter does: loops, calls, faults, code that changes, forks; and they do run. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { assemble } from "./assemble.ts";
import { CODE, DATA, FakeSpace, READ, STACK, WRITE } from "./fake_space.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";
import { STATE } from "./state.ts";

const EXEC = 4;
await loadTranslator();

function start(source: string, engine: "jit" | "interpreter", at = CODE): { cpu: X86Cpu; space: FakeSpace } {
  const space = new FakeSpace();
  const kernel = { syscall: () => 1 as const, call: () => 1 as const };
  const cpu = new X86Cpu(space, kernel, undefined, undefined, engine);
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | WRITE | EXEC);
  space.map(DATA, 0x10000, READ | WRITE);
  space.map(STACK - 0x4000, 0x4000, READ | WRITE);
  space.write(at, assemble(source, at));
  cpu.frame.setNum(16, at);
  cpu.frame.setNum(4, STACK);
  return { cpu, space };
}

/** Everything a program can see, after it ended with a system call (or a fault). */
function outcome(cpu: X86Cpu, space: FakeSpace): unknown {
  for (let turn = 0;; turn++) {
    const trap = cpu.run(1_000_000);
    if (trap.cause === "budget" && turn < 200) continue;
    const registers = Array.from({ length: 17 }, (_, i) => cpu.frame.big(i).toString(16));
    const xmm = Array.from(space.u8.slice(STATE.xmm, STATE.xmm + 256)).join();
    const data = Array.from(space.u8.slice(DATA - BIAS, DATA - BIAS + 4096)).join();
    return { cause: trap.cause, address: trap.cause === "page" ? trap.address : 0, registers, xmm, data };
  }
}

function same(source: string): X86Cpu {
  const a = start(source, "interpreter"), b = start(source, "jit");
  assertEquals(outcome(b.cpu, b.space), outcome(a.cpu, a.space));
  return b.cpu;
}
const regions = (cpu: X86Cpu) => cpu.cache.regions?.regions.filter((r) => r).length ?? 0;

Deno.test("a hot loop becomes a region with the interpreter's results", () => {
  const cpu = same(`
    mov ecx, 300000
    mov rax, 1
    loop:
    mov r8, 6364136223846793005
    imul rax, r8
    add rax, rcx
    mov rdx, rax
    shr rdx, 33
    xor al, dl
    mov ah, dl
    ror rax, 7
    cmp rdx, rcx
    cmovb rbx, rax
    adc rsi, 0
    setg dil
    dec ecx
    jne loop
    syscall
  `);
  assert(regions(cpu) > 0);
});

Deno.test("calls inside regions return to where they should, deep recursion unwinds", () => {
  const cpu = same(`
    mov edi, 16
    call fib
    mov r12, rax
    mov r13d, 60
    again:
    mov edi, 1500
    call deep
    add r12, rax
    dec r13d
    jne again
    syscall
    fib:
    cmp rdi, 2
    jae more
    mov rax, rdi
    ret
    more:
    push rbx
    push rdi
    dec rdi
    call fib
    mov rbx, rax
    pop rdi
    sub rdi, 2
    call fib
    add rax, rbx
    pop rbx
    ret
    deep:
    test rdi, rdi
    je done
    dec rdi
    call deep
    inc rax
    ret
    done:
    xor eax, eax
    ret
  `);
  assert(regions(cpu) > 1);
});

Deno.test("a fault inside a region has the registers of its instruction", () => {
  const cpu = same(`
    mov rbx, ${DATA}
    mov ecx, 0
    loop:
    mov dword ptr [rbx+rcx*4], ecx
    add rsi, rcx
    inc rcx
    jmp loop
  `);
  assert(regions(cpu) > 0);
});

Deno.test("vectors and doubles in regions are those of the interpreter", () => {
  same(`
    mov rbx, ${DATA}
    mov ecx, 50000
    mov eax, 3
    cvtsi2sd xmm0, rax
    sqrtsd xmm1, xmm0
    loop:
    addsd xmm2, xmm1
    mulsd xmm1, xmm0
    divsd xmm1, xmm0
    movd xmm3, ecx
    pshufd xmm4, xmm3, 0
    paddd xmm5, xmm4
    pxor xmm6, xmm5
    movdqu [rbx+16], xmm6
    ucomisd xmm2, xmm0
    ja next
    movaps xmm7, xmm2
    next:
    dec ecx
    jne loop
    syscall
  `);
});

Deno.test("code that a region has translated can be changed by the program", () => {
  const cpu = same(`
    mov ecx, 200000
    mov r8, ${CODE}
    again:
    patched:
    add eax, 1
    cmp ecx, 100000
    jne go
    mov byte ptr [r8+14], 5
    go:
    dec ecx
    jne again
    syscall
  `);
  assert(regions(cpu) > 0);
});

Deno.test("a fork shares regions until one side changes the code", () => {
  const source = `
    mov ecx, 400000
    loop:
    add rax, rcx
    dec ecx
    jne loop
    syscall
  `;
  const { cpu, space } = start(source, "jit");
  cpu.run(100_000);
  assert(regions(cpu) > 0);
  const copy = space.fork();
  const child = new X86Cpu(copy, { syscall: () => 1, call: () => 1 }, undefined, cpu, "jit");
  copy.watcher = child;
  assertEquals(child.cache, cpu.cache);
  const a = outcome(cpu, space), b = outcome(child, copy);
  assertEquals(b, a);
});

Deno.test("a loop in a region is interrupted by the budget, and stepping goes one by one", () => {
  const { cpu } = start("loop:\nadd rax, 1\njmp loop", "jit");
  for (let i = 0; i < 20; i++) assertEquals(cpu.run(50_000).cause, "budget");
  assert(regions(cpu) > 0);
  const before = cpu.frame.num(0), pc = cpu.frame.num(16);
  cpu.run(1), cpu.run(1);
  assertEquals(cpu.frame.num(0), before + 1);
  assertEquals(cpu.frame.num(16), pc);
});
