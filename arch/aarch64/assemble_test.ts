import { assert, assertEquals, assertThrows } from "@std/assert";
import { aarch64 } from "./mod.ts";
import { CaseGenerator, forms } from "./testing.ts";

const PC = 0x40000;
const text = (code: Uint8Array) => aarch64.disassemble(code, PC).map((l) => l.text);
const words = (code: Uint8Array) => [...new Uint32Array(code.buffer)].map((w) => w.toString(16));

Deno.test("assemble gives the text back that disassemble made, for every form", () => {
  const all = forms(), random = new CaseGenerator(5, all), lost: string[] = [];
  for (const form of all) {
    const word = random.word(form, random.below(31));
    if (word === undefined) continue;
    const [written] = text(new Uint8Array(Int32Array.of(word).buffer));
    // An index that is extended in a way that is reserved.
    if (/, +(#\d+)?\]/.test(written)) continue;
    try {
      assertEquals(text(aarch64.assemble(written, PC)), [written]);
    } catch (error) {
      lost.push(`${written}: ${(error as Error).message.split("\n")[0]}`);
    }
  }
  assertEquals(lost, []);
  assert(all.length > 2500);
});

Deno.test("assemble knows labels, symbols, comments and the usual short names", () => {
  const source = `
    .set far, 0x41000
    start:
      mov x0, #5        // movz
      mov sp, x1
    again: subs x0, x0, #1 ; down
      b.ne again
      adrp x2, far
      ldr x3, [x2, w0, uxtw #3]
      cmp w0, #11
      tst w3, w4
      b.hs start
      movk x1, #5, lsl #32
      lsl w3, w3, w0
      stp x29, lr, [sp, #-16]!
      bl far
      ret
      .inst 0xd503201f`;
  // As the GNU assembler makes them.
  assertEquals(
    words(aarch64.assemble(source, PC)),
    // deno-fmt-ignore
    ["d28000a0", "9100003f", "f1000400", "54ffffe1", "b0000002", "f8605843", "71002c1f", "6a04007f", "54ffff02", "f2c000a1",
      "1ac02063", "a9bf7bfd", "940003f4", "d65f03c0", "d503201f"],
  );
});

Deno.test("assemble refuses what it does not know, with the line", () => {
  for (const line of ["frobnicate x0", "add x0, x1", "ldr x0, [x1, #3]", "b nowhere", "mov x0, #x"]) {
    assertThrows(() => aarch64.assemble(line, PC), Error, line);
  }
});
