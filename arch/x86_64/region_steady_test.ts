/** Places in memory that stay where they are in a loop (translator, region/steady.ts): what is kept of them is what the interpreter finds there. */
// cold: tests
import { assertEquals } from "@std/assert";
import { keeping } from "@guise/translator/region";
import { DATA } from "./fake_space.ts";
import { called, same } from "./loops_fixture.ts";
import { Random } from "./testing.ts";

/** More, or others: with these in the environment. */
const COUNT = Number(Deno.env.get("LOOPS") ?? 40), SEED = Number(Deno.env.get("SEED") ?? 20261122);

Deno.test("random loops over places that stay where they are do what the interpreter does, also where others are the same", () => {
  const r = new Random(SEED + 9), before = keeping.places;
  const at = (base: string) => `[${base} + ${r.pick([0, 4, 8, 8, 16, 16, 20, 24])}]`;
  const access = (base: string) =>
    r.pick([
      () => `mov eax, ${at(base)}`,
      () => `add ${at(base)}, eax`,
      () => `add eax, ${at(base)}`,
      () => `inc dword ptr ${at(base)}`,
      () => `mov rax, ${at(base)}`,
      () => `mov ${at(base)}, rax`,
      () => `adc qword ptr ${at(base)}, rdx`,
      () => `mov edx, ${at(base)}\nmov ${at(base)}, eax\nxor eax, edx`,
      () => `xchg ${at(base)}, rax`,
      () => `movsd xmm0, ${at(base)}`,
      () => `addsd xmm0, ${at(base)}`,
      () => `mulsd xmm1, xmm0`,
      () => `movsd ${at(base)}, xmm0`,
      () => `movss ${at(base)}, xmm1`,
      () => `cvtsi2sd xmm0, eax\nmovsd ${at(base)}, xmm0`,
      () => `movq rdx, xmm0\nmov ${at(base)}, rdx`,
    ])();
  const other = (label: string) =>
    r.pick([
      () => `mov byte ptr ${at("rbx")}, al`,
      () => `movzx edx, byte ptr ${at("rbx")}\nadd rax, rdx`,
      () => `movdqu ${at("rbx")}, xmm1`,
      () => `mov ${at("rsi")}, eax`,
      () => `add rax, ${at("rsi")}`,
      () => `mov rdi, rbx\nadd ${at("rdi")}, eax`,
      () => `push rax`,
      () => `rep movsb`,
      () => `add rbx, 8`,
      () => `test al, ${1 << r.below(3)}\njz ${label}\n${access("rbx")}\n${label}:`,
      () => `test al, ${1 << r.below(3)}\njz next`,
      () => `cmp eax, ${r.below(1000)}\nje out`,
    ])();
  for (let n = 0; n < COUNT * 2; n++) {
    const body: string[] = [];
    for (let k = 1 + r.below(5); k > 0; k--) body.push(access("rbx"));
    for (let k = r.pick([0, 0, 1, 2]); k > 0; k--) body.splice(r.below(body.length + 1), 0, other(`l${k}`));
    // rsi is elsewhere, or (later) where rbx is, or next to it.
    const calls = Array.from(
      { length: 8 },
      (_, turn) =>
        `mov rbx, ${DATA + 0x2000 + turn * 32}\nlea rsi, [rbx + ${
          turn < 5 ? 512 : r.below(20)
        }]\nmov edx, 3\nmov eax, ${r.below(1000)}\nmov ecx, ${1 + r.below(150)}\ncall body`,
    );
    const third = [
      "mov edi, 3",
      "cvtsi2sd xmm1, edi",
      "mov edi, 1",
      "cvtsi2sd xmm0, edi",
      "divsd xmm0, xmm1",
    ];
    same(called([...third, ...calls], body), r.pick([100, 1000, 1_000_000]));
  }
  assertEquals(keeping.places - before > COUNT / 2, true);
});

Deno.test("a place that is only loaded is kept where nothing is stored there, whatever its register is", () => {
  for (
    const [load, store] of [["add eax, [rsi + 8]", "add [rbx + 8], eax"], [
      "addsd xmm0, [rsi + 8]",
      "movsd [rbx + 8], xmm0",
    ]]
  ) {
    const before = keeping.places;
    for (const apart of [512, 8, 7, 4, 1, 0, -1, -4, -7, -8, -512]) {
      const start = [
        `mov rbx, ${DATA + 0x2000}`,
        `lea rsi, [rbx + ${apart}]`,
        "mov eax, 3",
        "mov ecx, 3000",
        "call body",
      ];
      same(called([...start, ...start], [load, store, "xor eax, 0x55"]));
    }
    assertEquals(keeping.places - before > 10, true);
  }
});
