/** Where the regions of loops begin that are met in their middle. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { debug } from "@guise/translator/region";
import { assemble } from "./assemble.ts";
import { CODE, FakeSpace, READ, STACK, WRITE } from "./fake_space.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";

const EXEC = 4;
await loadTranslator();

interface Seen {
  readonly end: readonly string[];
  /** Where regions begin that begin with a loop. */
  readonly loops: readonly number[];
}

function run(source: string, engine: "auto" | "interpreter"): Seen {
  const space = new FakeSpace(), kernel = { syscall: () => 1 as const, call: () => 1 as const };
  const cpu = new X86Cpu(space, kernel, undefined, undefined, engine), loops: number[] = [];
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | WRITE | EXEC);
  space.map(STACK - 0x4000, 0x4000, READ | WRITE);
  space.write(CODE, assemble(source, CODE));
  cpu.frame.setNum(16, CODE);
  cpu.frame.setNum(4, STACK);
  debug.module = (_, graphs) => {
    for (const { entry } of graphs as { entry: { pc: number; isLoop: boolean } }[]) {
      if (entry.isLoop) loops.push(entry.pc + BIAS);
    }
  };
  try {
    while (cpu.run(1_000_000).cause === "budget");
  } finally {
    debug.module = undefined;
  }
  return { end: Array.from({ length: 17 }, (_, i) => cpu.frame.big(i).toString(16)), loops };
}

/** An instruction that is found by its bytes. */
const HERE = "mov r15, 0x1122334455667788";

/** Runs a program; where {@link HERE} is in it, and where regions begin with loops. */
function look(source: string): { at: number; loops: readonly number[] } {
  const { end, loops } = run(source, "auto"), code = assemble(source, CODE);
  assertEquals(end, run(source, "interpreter").end);
  const at = code.findIndex((_, i) =>
    [0x49, 0xbf, 0x88, 0x77, 0x66].every((byte, n) => code[i + n] === byte)
  );
  return { at: CODE + at, loops };
}

const FUNCTION = `function:\n${"add rax, 3\n imul rax, rdx\n".repeat(30)}ret`;
const BODY = "  add rax, rdx\n  rol rax, 5\n  xor rdx, rax\n".repeat(4);

Deno.test("a loop that is met behind a call in its middle is translated from where it is come to: what lies before it", () => {
  const { at, loops } = look(`
    mov ecx, 900000
    lea rbx, [rip+function]
    xor eax, eax
    mov edx, 5
  top:
    ${HERE}
    ${BODY}
    call rbx
    ${BODY}
    sub ecx, 1
    jne top
    syscall
  ${FUNCTION}
  `);
  assert(loops.includes(at));
});

Deno.test("a loop that is jumped into is translated from there", () => {
  const { at, loops } = look(`
    mov ecx, 900000
    xor eax, eax
    mov edx, 5
    jmp middle
  top:
    ${BODY}
  middle:
    ${HERE}
    ${BODY}
    sub ecx, 1
    jne top
    syscall
  `);
  assert(loops.includes(at));
});

Deno.test("a loop in a loop that is met behind a call is translated from where the inner one is come to", () => {
  const { at, loops } = look(`
    mov r12d, 40
    lea rbx, [rip+function]
    xor eax, eax
    mov edx, 5
  outer:
    ${BODY}
    xor r14d, r14d
  inner:
    ${HERE}
    call rbx
    add r14, 1
    cmp r14, 20000
    jne inner
    ${BODY}
    sub r12d, 1
    jne outer
    syscall
  ${FUNCTION}
  `);
  assert(loops.includes(at));
});
