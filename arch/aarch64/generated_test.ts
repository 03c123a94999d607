import { assertEquals } from "@std/assert";
import { generated } from "./tools/generate.ts";
import { declarations } from "./built.ts";
import { disassemble } from "./disassemble.ts";

Deno.test("the shipped interpreter is what the declarations make", async () => {
  const { main, memory32, operations } = generated();
  const same = async (text: string, name: string) =>
    text === await Deno.readTextFile(new URL(`./${name}`, import.meta.url));
  assertEquals(
    await same(main, "interpreter.generated.ts"),
    true,
    "run deno run -A arch/aarch64/tools/generate.ts",
  );
  assertEquals(
    await same(memory32, "memory32.generated.ts"),
    true,
    "run deno run -A arch/aarch64/tools/generate.ts",
  );
  assertEquals(
    await same(operations, "operations.generated.ts"),
    true,
    "run deno run -A arch/aarch64/tools/generate.ts",
  );
});

Deno.test("no two declarations have the same bits", () => {
  const seen = new Map<string, string>();
  for (const d of declarations()) {
    const key = `${d.mask} ${d.value}`;
    assertEquals(seen.get(key), undefined, `${d.text} and ${seen.get(key)}`);
    seen.set(key, d.text);
  }
});

Deno.test("disassemble prints registers, addresses and immediates as the manual writes them", () => {
  const words = [
    0x8b0200a4,
    0xf8408c20,
    0xf8627820,
    0x9240cc41,
    0x54000040,
    0x1e6c1000,
    0x4e208420,
    0xd4000001,
  ];
  const code = new Uint8Array(Int32Array.from(words).buffer);
  assertEquals(disassemble(code, 0x1000).map((l) => l.text), [
    "add x4, x5, x2",
    "ldr x0, [x1, #8]!",
    "ldr x0, [x1, x2, lsl #3]",
    "and x1, x2, #0xfffffffffffff",
    "b.eq 0x1018",
    "fmov d0, #0x3fe0000000000000",
    "add v0.16b, v1.16b, v0.16b",
    "svc #0x0",
  ]);
});
