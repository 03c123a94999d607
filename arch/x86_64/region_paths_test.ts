/** Functions are copied into regions along what samples say is executed; whoever comes to the rest leaves the copy there. */
// cold: tests
import { assert, assertEquals } from "@std/assert";
import { BIAS } from "@guise/translator";
import { debug } from "@guise/translator/region";
import { assemble } from "./assemble.ts";
import { CODE, DATA, FakeSpace, READ, STACK, WRITE } from "./fake_space.ts";
import { loadTranslator, X86Cpu } from "./cpu.ts";

const EXEC = 4;
await loadTranslator();

const LOOP = `
  mov rbx, ${DATA}
  xor r12d, r12d
  loop:
  mov rdi, r12
  call function
  add r13, rax
  inc r12
  cmp r12, 400000
  jne loop
  syscall
`;
/** Too large to be copied as a whole, with the other half far too large; every `often`th call takes the other half. */
const FUNCTION = (often: number, branch: string) => `
  function:
  push rbp
  push r14
  mov rax, rdi
  xor edx, edx
  mov ecx, ${often || 1}
  div rcx
  ${often ? "mov rbp, rdx" : "mov ebp, 1"}
  ${"add rax, rdi\n rol rax, 7\n".repeat(10)}
  test rbp, rbp
  ${branch}
`;
const RARE = `
  rare:
  mov r14, [rbx+8]
  ${"add r14, rax\n xor [rbx+16], r14\n".repeat(50)}
  mov [rbx+8], r14
  mov rdi, rax
  call other
  mov r9, rax
  pop r14
  pop rbp
  ret
`;
const USUAL = `
  usual:
  add [rbx], rax
  mov r8, [rbx]
  pop r14
  pop rbp
  ret
  other:
  lea rax, [rdi+rdi*2]
  ret
`;

interface Seen {
  /** How it ended: cause, registers, data. */
  readonly end: readonly unknown[];
  /** Where blocks of copies begin that were translated with the loop. */
  readonly copied: ReadonlySet<number>;
}

function run(source: string, engine: "auto" | "interpreter"): Seen {
  const space = new FakeSpace(), kernel = { syscall: () => 1 as const, call: () => 1 as const };
  const cpu = new X86Cpu(space, kernel, undefined, undefined, engine), copied = new Set<number>();
  space.watcher = cpu;
  space.map(CODE, 0x10000, READ | WRITE | EXEC);
  space.map(DATA, 0x10000, READ | WRITE);
  space.map(STACK - 0x4000, 0x4000, READ | WRITE);
  space.write(CODE, assemble(source, CODE));
  cpu.frame.setNum(16, CODE);
  cpu.frame.setNum(4, STACK);
  debug.module = (_, graphs) => {
    for (const { blocks } of graphs as { blocks: { key: number; pc: number }[] }[]) {
      for (const { key, pc } of blocks) if (key >= 2 ** 32) copied.add(pc + BIAS);
    }
  };
  try {
    for (let turn = 0; turn < 200; turn++) {
      const { cause } = cpu.run(1_000_000);
      if (cause === "budget") continue;
      const registers = Array.from({ length: 17 }, (_, i) => cpu.frame.big(i).toString(16));
      return { end: [cause, registers, ...space.u8.slice(DATA - BIAS, DATA - BIAS + 64)], copied };
    }
  } finally {
    debug.module = undefined;
  }
  throw new Error("the program does not end");
}

/** Runs a program of these parts; where each begins, and what was copied. */
function look(parts: readonly string[]): { at: number[]; copied: number[] } {
  const source = parts.join(""), { end, copied } = run(source, "auto");
  assertEquals(end, run(source, "interpreter").end);
  const at = parts.map((_, n) => {
    const before = parts.slice(0, n).join("");
    // What is not there yet has to have a place.
    const missing = ["function", "usual", "rare", "other"].filter((l) => !before.includes(`${l}:`));
    return CODE + assemble(before + missing.map((l) => `${l}:\n`).join(""), CODE).length;
  });
  return { at, copied: [...copied] };
}

Deno.test("a region copies what is executed often of a function whose other half is large, and taken now and then", () => {
  const { at: [, , rare, usual], copied } = look([LOOP, FUNCTION(1000, "jne usual"), RARE, USUAL]);
  assert(copied.includes(usual), "the usual half is copied");
  assert(!copied.some((pc) => pc >= rare && pc < usual), "the rare half is not");
});

Deno.test("a region copies what has been executed of a function whose other half never was", () => {
  const { at: [, start, usual, rare], copied } = look([LOOP, FUNCTION(0, "je rare"), USUAL, RARE]);
  assert(copied.some((pc) => pc >= start && pc < usual) && !copied.some((pc) => pc >= rare));
});
