/**
 * What functions save on the stack and take back is known to the translator where nothing can have been written there (region/func.ts), and ends of
 * functions are copied for ways on which nothing is called (region/graph.ts). Functions that write to what was saved, by whatever register.
 */
// cold: tests
import { assert } from "@std/assert";
import { debug } from "@guise/translator/region";
import { DATA } from "./fake_space.ts";
import { same } from "./loops_fixture.ts";
import { Random } from "./testing.ts";

/** More, or others: with these in the environment. */
const COUNT = Number(Deno.env.get("LOOPS") ?? 60), SEED = Number(Deno.env.get("SEED") ?? 20261124);

Deno.test("random functions take back what they saved, or what was written there", () => {
  const r = new Random(SEED);
  // Locals, then what was saved: rbp, rbx, the return address.
  const place = () => r.pick([0, 8, 16, 20, 24, 24, 25, 28, 32, 32, 36]);
  const write = () =>
    r.pick([
      () => `mov [rsp + ${place()}], rdi`,
      () => `mov [rsp + ${place()}], edi`,
      () => `mov byte ptr [rsp + ${place()}], dil`,
      () => `mov [rsi + ${place()}], rdi`,
      () => `lea rcx, [rsp + ${place()}]\nadd qword ptr [rcx], 5`,
      () => `lea rcx, [rsp + rdi*8 + ${place()}]\nadd byte ptr [rcx], 5`,
      () => `mov rcx, rsp\nmov [rcx + ${place()}], eax`,
      () => `movdqu [rsp + ${r.pick([0, 8, 16, 20, 24])}], xmm0`,
      () => `inc dword ptr [rsp + ${place()}]`,
      () => `add rax, [rsp + ${place()}]`,
      () => `test dil, 2\njz l${++labels}\nmov [rsp + ${place()}], rax\nl${labels}:`,
      () => `push rax\npop rdx`,
      () => `push rbx\nadd rsp, 8`,
      () => `xchg [rsp + ${place()}], rbx`,
    ])();
  let labels = 0;
  const some = (most: number) => Array.from({ length: r.below(most + 1) }, write).join("\n");
  for (let n = 0; n < COUNT; n++) {
    const calls = r.below(3);
    const source = `
      mov r13d, 300
      xor eax, eax
      movq xmm0, rax
      loop:
      mov edi, r13d
      and edi, ${r.pick([3, 7])}
      ${r.below(2) ? "lea rsi, [rsp - 48]" : `mov rsi, ${DATA + 0x1000}`}
      mov rbx, r13
      lea rbp, [r13 + 7]
      call function
      add rax, rbx
      rol rax, 3
      add rax, rbp
      dec r13d
      jnz loop
      mov rsp, ${DATA + 0x4000}
      hlt
      function:
      push rbx
      push rbp
      sub rsp, 24
      mov rbx, rdi
      ${some(2)}
      cmp edi, ${1 + r.below(2)}
      jbe leaf
      ${some(1)}
      ${"dec edi\n call function\n mov edi, ebx\n and edi, 3\n".repeat(calls)}
      lea rbp, [rax + rdi]
      ${some(2)}
      leaf:
      ${r.below(2) ? "mov rax, rbx" : ""}
      add rsp, 24
      pop rbp
      pop rbx
      ret
    `.replaceAll(" + 0]", "]");
    same(source, r.pick([100, 5000, 1_000_000]));
  }
});

Deno.test("a function that returns elsewhere does, copied or not", () => {
  let ends = 0;
  debug.module = (_, graphs) => {
    // The end of the function in this copy of it, and once more for the way that calls nothing.
    for (
      const { blocks } of graphs as { blocks: { pc: number; instructions: { info: { kind: string } }[] }[] }[]
    ) {
      const returns = blocks.filter((b) => ["return", "jump"].includes(b.instructions.at(-1)!.info.kind));
      ends = Math.max(ends, ...returns.map((b) => returns.filter(({ pc }) => pc === b.pc).length));
    }
  };
  try {
    for (
      const change of [
        "mov [rsp + 32], rdx",
        "mov [rcx], rdx",
        "mov word ptr [rsp + 32], dx",
        "mov byte ptr [rcx], dl",
      ]
    ) {
      same(`
        mov r13d, 3000
        lea rdx, [rip + other]
        loop:
        mov edi, r13d
        and edi, 3
        call function
        inc rax
        back:
        mov rsp, ${DATA + 0x4000}
        dec r13d
        jnz loop
        hlt
        function:
        push rbx
        sub rsp, 24
        lea rcx, [rsp + 32]
        mov rbx, rdi
        test r13d, 256
        jz same
        ${change}
        same:
        cmp edi, 1
        jbe leaf
        dec edi
        call function
        leaf:
        add rax, rbx
        add rsp, 24
        pop rbx
        ret
        other:
        add rax, 1000
        jmp back
      `);
    }
  } finally {
    debug.module = undefined;
  }
  assert(ends > 1);
});
