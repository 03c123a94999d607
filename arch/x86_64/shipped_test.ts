import { assertEquals } from "@std/assert";
import { CORE_OPS } from "@guise/translator";
import { listed } from "@guise/translator/region";
import { operations } from "./operations.ts";
import { shippedOperations } from "./shipped.ts";

Deno.test("shippedOperations makes the operation of every number as the declarations do", () => {
  const { ops, numbering } = operations(), all = listed(ops, numbering), some = shippedOperations();
  assertEquals(some.hot, all.hot);
  for (let op = CORE_OPS.first; op < CORE_OPS.first + numbering.variants.length; op++) {
    const a = some.of(op), b = all.of(op);
    // Other declarations of the same operation may be hot.
    assertEquals({ ...a.def, hot: b.def.hot }, b.def);
    assertEquals(a.form, b.form);
    assertEquals(some.of(op).def === a.def, true);
  }
});
