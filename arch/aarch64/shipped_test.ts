import { assertEquals } from "@std/assert";
import { CORE_OPS, type OpDef } from "@guise/translator";
import { listed } from "@guise/translator/region";
import { operations } from "./built.ts";
import { shippedOperations } from "./shipped.ts";

/** Meanings are made for each operation. */
const plain = ({ semantics: _, hot: __, ...def }: OpDef) => def;

Deno.test("shippedOperations makes the operation of every number as the declarations do", () => {
  const { ops, numbering } = operations(), all = listed(ops, numbering), some = shippedOperations();
  assertEquals(some.hot, all.hot);
  for (let op = CORE_OPS.first; op < CORE_OPS.first + numbering.variants.length; op++) {
    const a = some.of(op), b = all.of(op);
    assertEquals(plain(a.def), plain(b.def));
    assertEquals(a.form, b.form);
    assertEquals(some.of(op).def === a.def, true);
  }
});
