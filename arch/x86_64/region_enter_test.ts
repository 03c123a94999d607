/** Regions enter the kernel without being left, and are left when the kernel asks or has changed what they are built on. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { assemble } from "./assemble.ts";
import { CODE, DATA, FakeSpace, READ, STACK, WRITE } from "./fake_space.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";
import { REG } from "./registers.ts";

const EXEC = 4;
await loadTranslator();

interface Seen {
  cpu: X86Cpu;
  space: FakeSpace;
  calls: number;
  /** Calls whose way was looked at (a stack trace takes long), and those of them that a region made. */
  looked: number;
  within: number;
}

/** A machine whose kernel does `handle`; the call with number 99 ends the run. */
function start(
  source: string,
  engine: "jit" | "interpreter",
  handle: (seen: Seen, number: number) => 0 | 1,
): Seen {
  const space = new FakeSpace();
  const enter = (): 0 | 1 => {
    if (++seen.calls % 251 === 0) {
      seen.looked++;
      if (new Error().stack!.includes("Within")) seen.within++;
    }
    const number = seen.cpu.frame.lo(REG.rax);
    return number === 99 ? 1 : handle(seen, number);
  };
  const cpu = new X86Cpu(space, { syscall: enter, call: enter }, undefined, undefined, engine);
  const seen: Seen = { cpu, space, calls: 0, looked: 0, within: 0 };
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | WRITE | EXEC);
  space.map(DATA, 0x10000, READ | WRITE);
  space.map(STACK - 0x4000, 0x4000, READ | WRITE);
  space.write(CODE, assemble(source, CODE));
  cpu.frame.setNum(REG.rip, CODE);
  cpu.frame.setNum(REG.rsp, STACK);
  return seen;
}
/** Runs to the end, or a fault; gives its cause. */
function finish(seen: Seen): string {
  for (let turn = 0; turn < 2000; turn++) {
    const { cause } = seen.cpu.run(100_000);
    if (cause === "budget" || cause === "interrupt") continue;
    if (cause === "syscall" && seen.cpu.frame.lo(REG.rax) !== 99) continue;
    return cause;
  }
  return "never";
}
const registers = ({ cpu }: Seen) => Array.from({ length: 18 }, (_, i) => cpu.frame.big(i).toString(16));

/** Both engines end the same; gives the region's. */
function same(source: string, handle: (seen: Seen, number: number) => 0 | 1): Seen {
  const a = start(source, "interpreter", handle), b = start(source, "jit", handle);
  const causes = [finish(a), finish(b)];
  assertEquals(causes[1], causes[0]);
  assertEquals(registers(b), registers(a));
  assertEquals(b.calls, a.calls);
  return b;
}

function mostlyWithin({ within, looked }: Seen): void {
  assert(within > looked / 2, `${within} of ${looked} calls from a region`);
}

const LOOP = `
  mov ebx, 20000
  mov r12, 1
  again:
  mov edi, ebx
  xor eax, eax
  cmp ebx, 777
  syscall
  adc r12, rax
  pushf
  pop rax
  add r13, rax
  imul r12, r12, 3
  add r14, rcx
  add r15, r11
  dec ebx
  jne again
  mov eax, 99
  syscall
`;

Deno.test("a loop with a system call stays in its region, with the interpreter's results and flags", () => {
  const seen = same(LOOP, ({ cpu }) => {
    cpu.frame.setNum(REG.rax, cpu.frame.lo(REG.rdi) * 3 - 5);
    return 0;
  });
  assertEquals(seen.calls, 20_001);
  mostlyWithin(seen);
});

Deno.test("int 0x80 and call stubs are entered from regions as well", () => {
  const source = LOOP.replace("xor eax, eax", "xor eax, eax\nint 0x80");
  const seen = same(source, ({ cpu }) => (cpu.frame.setNum(REG.rax, 7), 0));
  assertEquals(seen.calls, 40_001);
  mostlyWithin(seen);
});

Deno.test("a handler may write any register, and the program counter", () => {
  const source = `
    mov ebx, 30000
    again:
    mov eax, 1
    syscall
    add r12, r9
    dec ebx
    jne again
    mov eax, 99
    syscall
    elsewhere:
    add r13, 1
    dec ebx
    jne again
    mov eax, 99
    syscall
  `;
  const bytes = assemble(source, CODE), to = bytes.lastIndexOf(0x49, bytes.length - 1);
  assert(to > 0);
  const seen = same(source, ({ cpu, calls }) => {
    cpu.frame.setNum(REG.r9, calls);
    cpu.frame.setNum(REG.rdx, calls * 5);
    if (calls % 100 === 0) cpu.frame.setNum(REG.rip, CODE + to);
    return 0;
  });
  assertEquals(seen.cpu.frame.num(REG.r13), 300);
  mostlyWithin(seen);
});

Deno.test("a region is left when the kernel asks, and when somebody interrupts", () => {
  const seen = same(LOOP, ({ cpu, calls }) => {
    cpu.frame.setNum(REG.rax, calls);
    if (calls % 64 === 0) cpu.interrupt();
    return calls % 50 === 0 ? 1 : 0;
  });
  assertEquals(seen.calls, 20_001);
});

Deno.test("a call that takes the permission to write away is seen by the region's next store", () => {
  const source = `
    mov rbx, ${DATA}
    mov r12d, 30000
    again:
    mov qword ptr [rbx], r12
    mov eax, 1
    syscall
    mov qword ptr [rbx], r12
    dec r12d
    jne again
    mov eax, 99
    syscall
  `;
  const seen = same(source, ({ cpu, space }) => {
    if (cpu.frame.lo(REG.r12) === 100) space.map(DATA, 0x1000, READ);
    return 0;
  });
  assertEquals(seen.cpu.trap.cause, "page");
  assertEquals(seen.cpu.frame.lo(REG.r12), 100);
  mostlyWithin(seen);
});

Deno.test("a call that changes the code of its own loop is followed by the new code", () => {
  const source = `
    mov r12d, 30000
    again:
    mov eax, 1
    syscall
    patched:
    add r13d, 1
    dec r12d
    jne again
    mov eax, 99
    syscall
  `;
  const code = assemble(source, CODE);
  const at = code.findIndex((b, i) => b === 0x0f && code[i + 1] === 0x05) + 2;
  const seen = same(source, ({ cpu, space }) => {
    if (cpu.frame.lo(REG.r12) === 1000) space.write(CODE + at, [0x41, 0x83, 0xc5, 0x07]); // add r13d, 7
    return 0;
  });
  assertEquals(seen.cpu.frame.num(REG.r13), 29_000 + 7_000);
  mostlyWithin(seen);
});
