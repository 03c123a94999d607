/** Regions do what the interpreter does: loops, calls, faults, code that changes, forks; and they do run. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { copying } from "@guise/translator/region";
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
  const a = start(source, "interpreter"), expected = outcome(a.cpu, a.space);
  const jit = () => {
    const b = start(source, "jit");
    assertEquals(outcome(b.cpu, b.space), expected);
    return b.cpu;
  };
  // Small functions as a part of their callers, and called.
  jit();
  copying.on = false;
  try {
    return jit();
  } finally {
    copying.on = true;
  }
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

Deno.test("computed jumps from region to region do what the interpreter does, and are interrupted by the budget", () => {
  // An interpreter of three opcodes: each handler jumps through the table to the next one.
  const source = (rounds: number) => `
    lea rbx, [rip+add]
    mov qword ptr [${DATA}], rbx
    lea rbx, [rip+double]
    mov qword ptr [${DATA + 8}], rbx
    lea rbx, [rip+next]
    mov qword ptr [${DATA + 16}], rbx
    mov rdi, ${DATA}
    mov ecx, ${rounds}
    xor esi, esi
    xor eax, eax
    jmp qword ptr [rdi+rsi*8]
  add:
    add eax, 3
    mov esi, 1
    jmp qword ptr [rdi+rsi*8]
  double:
    lea eax, [rax+rax+1]
    mov esi, 2
    jmp qword ptr [rdi+rsi*8]
  next:
    xor esi, esi
    sub ecx, 1
    je end
    jmp qword ptr [rdi+rsi*8]
  end:
    syscall
  `;
  const cpu = same(source(200_000));
  assert(regions(cpu) >= 2, `${regions(cpu)} regions`);
  const endless = start(source(0x7fffffff), "jit").cpu;
  for (let i = 0; i < 60; i++) assertEquals(endless.run(50_000 + i).cause, "budget");
  assert(regions(endless) >= 2, `${regions(endless)} regions`);
});

Deno.test("a way through regions that have no loop of their own is interrupted by the budget", () => {
  const long = Array.from({ length: 800 }, () => "add rbx, 1").join("\n");
  for (
    const source of [
      // A return to somewhere else; regions that are too long for one to hold the whole loop.
      `again:\nadd rax, 1\ncall other\nhlt\nother:\nlea rdx, [${CODE}]\nmov qword ptr [rsp], rdx\nadd rsp, 8\njmp rdx`,
      `again:\nadd rax, 1\ncall other\nhlt\nother:\nmov qword ptr [rsp], ${CODE}\nret`,
      `again:\nadd rax, 1\n${long}\njmp again`,
    ]
  ) {
    const { cpu } = start(source, "jit");
    for (let i = 0; i < 20; i++) assertEquals(cpu.run(50_000).cause, "budget");
    assert(regions(cpu) > 0 && cpu.frame.num(0) > 100);
  }
});

Deno.test("a direct call keeps what the callee breaks: saved registers, the stack, the return address", () => {
  const cpu = same(`
    mov ecx, 3000
    mov ebx, 7
    mov r12d, 9
    again:
    mov edi, ecx
    call breaks
    add rax, rbx
    add r12, rax
    lea rsi, [rip+after]
    call elsewhere
    ud2
    after:
    mov edi, ecx
    call drops
    sub r12, rdi
    dec ecx
    jne again
    syscall
    breaks:
    push r12
    xor r12, r12
    add rbx, rdi
    mov rax, rbx
    pop r12
    ret
    elsewhere:
    mov [rsp], rsi
    inc rbp
    ret
    drops:
    test dil, 7
    jne end
    add rbp, 3
    end:
    mov rdx, [rsp]
    lea rsp, [rsp+8]
    jmp rdx
  `);
  assert(regions(cpu) > 1);
});

Deno.test("flags live across calls and returns, and from a function's tail to another", () => {
  same(`
    mov ecx, 30000
    mov rsi, ${DATA}
    again:
    cmp rcx, 20000
    call first
    adc rax, 0
    call second
    sbb rbx, 0
    test rcx, 1
    call third
    setne dl
    add rdi, rdx
    call fourth
    seta r8b
    add r9, r8
    dec ecx
    jne again
    syscall
    first:
    lea r10, [r10+1]
    ret
    second:
    bt rcx, 3
    jc other
    ret
    other:
    lea r11, [r11+3]
    jmp tail
    tail:
    mov rdx, [rsp]
    ret
    third:
    mov [rsi], rcx
    ret
    fourth:
    push rbx
    mov rbx, rcx
    and rbx, 7
    call first
    cmp rbx, 4
    pop rbx
    ret
  `);
});

/** A loop over a table of four pieces of code, which is changed in between. */
const SWITCH = (entry: (n: number) => string, jump: string) => `
    mov rsi, ${DATA}
    lea rax, [rip+zero]
    ${entry(0)}
    lea rax, [rip+one]
    ${entry(1)}
    lea rax, [rip+two]
    ${entry(2)}
    lea rax, [rip+three]
    ${entry(3)}
    mov ecx, 60000
    again:
    mov rbx, rcx
    shr rbx, 2
    xor rbx, rcx
    and ebx, 3
    cmp rcx, 10000
    ${jump}
    zero:
    adc r8, 1
    jmp next
    one:
    lea r8, [r8+r8*2]
    jmp next
    two:
    xor r9, r8
    three:
    add r10, r9
    next:
    dec ecx
    je done
    cmp ecx, 3000
    jne again
    lea rax, [rip+other]
    ${entry(2)}
    jmp again
    other:
    inc r11
    jmp next
    done:
    syscall
  `;

Deno.test("jumps through tables go where the table says, also when it changes", () => {
  const direct = same(SWITCH((n) => `mov [rsi+${n * 8}], rax`, `jmp qword ptr [rbx*8+${DATA}]`));
  const distances = same(SWITCH(
    (n) =>
      `sub rax, rsi
    mov dword ptr [rsi+${n * 4}], eax`,
    `movsxd rax, dword ptr [rsi+rbx*4]
    add rax, rsi
    jmp rax`,
  ));
  for (const cpu of [direct, distances]) assert(regions(cpu) > 0);
});

Deno.test("a small function returns somewhere else, or never", () => {
  same(`
    mov ecx, 3000
    again:
    lea r9, [rip+odd]
    test ecx, 1
    lea rdi, [rip+plain]
    cmovne rdi, r9
    call skips
    jmp done
    add rax, 5
    call rdi
    add rax, 7
    jmp next
    add rax, 11
    next:
    call drops
    add rbx, 1
    behind:
    dec ecx
    jne again
    syscall
    done:
    mov rax, -1
    syscall
    skips:
    add qword ptr [rsp], 2
    ret
    plain:
    add rdx, rax
    ret
    odd:
    push rax
    mov rax, [rsp+8]
    add rax, 6
    mov [rsp+8], rax
    pop rax
    ret
    drops:
    add rsp, 8
    jmp behind
  `);
});

Deno.test("what a copied function returns on several ways is looked at behind the call, on each of them", () => {
  const program = (call: string) => `
    mov ecx, 3000
    lea rbp, [rip+order]
    again:
    mov edi, ecx
    and edi, 15
    mov esi, 7
    lea r8, [rip+strange]
    lea rbp, [rip+order]
    test ecx, 1023
    cmove rbp, r8
    ${call}
    test eax, eax
    jg more
    add rbx, rdi
    jmp next
    more:
    lea rdx, [rdx+rax*4+1]
    next:
    ${call}
    cmp eax, 0
    je equal
    adc r10, 1
    equal:
    dec ecx
    jne again
    syscall
    order:
    mov eax, -1
    cmp edi, esi
    jb ends
    xor eax, eax
    cmp esi, edi
    setb al
    ends:
    ret
    strange:
    mov eax, 5
    ret
  `;
  same(program("call order"));
  same(program("call rbp"));
});

Deno.test("computed calls of several functions, and jumps out of called ones, go where they should", () => {
  const cpu = same(`
    mov rbp, ${DATA}
    lea rax, [rip+one]
    mov [rbp], rax
    lea rax, [rip+two]
    mov [rbp+8], rax
    lea rax, [rip+three]
    mov [rbp+16], rax
    mov [rbp+24], rax
    mov ecx, 60000
    mov edi, 1
    again:
    mov rax, rdi
    xor rax, rcx
    and eax, 3
    mov rax, [rbp+rax*8]
    call rax
    mov rdi, rax
    dec ecx
    jne again
    syscall
    one:
    lea rax, [rdi+1]
    ret
    two:
    imul rax, rdi, 3
    ret
    three:
    mov rdx, [rbp]
    jmp rdx
  `);
  assert(regions(cpu) > 1);
});

Deno.test("a block that ends in a trap has its accesses checked", () => {
  for (const end of ["ud2", "hlt", "int3"]) {
    same(`
      mov rbx, ${DATA}
      mov ecx, 4000
      again:
      add rax, [rbx+rcx]
      dec ecx
      jne again
      mov rbx, ${DATA + 0x20000}
      jmp last
      last:
      mov rdx, [rbx+64]
      mov rsi, [rbx+8]
      ${end}
    `);
  }
});

Deno.test("accesses of one block near one register fault each by itself", () => {
  // The last one crosses into a page that is not there; the ones before it are done.
  same(`
    mov rbx, ${DATA + 0xff00}
    mov ecx, 1000
    again:
    mov [rbx], rcx
    add rax, [rbx+8]
    inc qword ptr [rbx+16]
    mov [rbx+240], rcx
    test ecx, ecx
    jne more
    mov [rbx+128], rcx
    mov [rbx+252], rcx
    syscall
    more:
    dec ecx
    jmp again
  `);
});

Deno.test("what regions remember of permissions ends when one is taken away", () => {
  const { cpu, space } = start(
    `
    mov rbx, ${DATA}
    again:
    mov ecx, 2000
    fill:
    mov [rbx+rcx], cl
    dec ecx
    jne fill
    inc rdi
    syscall
    jmp again
  `,
    "jit",
  );
  const until = (cause: string) => {
    for (let turn = 0; turn < 50; turn++) if (cpu.run(100_000).cause === cause) return;
    throw new Error(`no ${cause}`);
  };
  for (let n = 0; n < 10; n++) until("syscall");
  assert(regions(cpu) > 0);
  space.map(DATA, 0x10000, READ);
  until("page");
  assertEquals([cpu.trap.address, cpu.frame.num(7)], [DATA + 2000, 10]);
});

Deno.test("a loop becomes a region when its last jump straddles pages, where the interpreter takes it without its cmp", () => {
  const before = "mov ecx, 300000\n loop:\n lea eax, [rax+rcx*2]\n dec ecx\n cmp ecx, 3\n";
  const source = `${before} jne loop\n syscall`, at = CODE + 0x1000 - assemble(before, CODE).length - 1;
  const [expected, seen] = (["interpreter", "jit"] as const).map((engine) => {
    const { cpu, space } = start(source, engine, at);
    return { cpu, outcome: outcome(cpu, space) };
  });
  assertEquals(seen.outcome, expected.outcome);
  assert(regions(seen.cpu) > 0);
});
