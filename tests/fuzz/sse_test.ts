/**
 * SSE to SSE4.2 against the host's CPU with what the general fuzzer keeps at its defaults: numbers at the edges of the formats, all
 * rounding modes, DAZ and FTZ, PE set and clear (fast and slow paths), and unmasked exceptions.
 */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { type Form, Random } from "@guise/x86-64/testing";
import { withFloats } from "./floats.ts";
import { fuzz, nativeRunner } from "./x86_64.ts";

const runner = nativeRunner();
const skipped = runner === undefined ? " (skipped: needs an x86-64 Linux host with cc)" : "";

const vectors = ({ declaration: d }: Form): boolean =>
  /^(sse|sse2|sse3|ssse3|sse4\.1|sse4\.2)$/.test(d.feature ?? "") && d.operands.every((k) =>
    k.class !== "mm"
  ) &&
  // Bit 17 of MXCSR exists on AMD's processors and not on Intel's, nor here.
  d.mnemonic !== "ldmxcsr";
/** What can raise a floating-point exception: drawn more often. */
const floats = (f: Form): boolean =>
  vectors(f) && f.declaration.traps === true && f.declaration.mnemonic !== "maskmovdqu";

for (
  const [what, filter, unmasked, seed] of [
    ["vectors", vectors, false, 1],
    ["floating point", floats, false, 2],
    ["floating point with unmasked exceptions", floats, true, 3],
  ] as const
) {
  Deno.test({
    name: `SSE ${what}: random instructions leave the host's state${skipped}`,
    ignore: runner === undefined,
    async fn() {
      const r = new Random(seed);
      const { differences, drawn } = await fuzz(
        runner!,
        30_000,
        seed,
        filter,
        5,
        (c) => withFloats(c, r, unmasked),
      );
      assertEquals(
        differences.map((d) => ({ case: d.index, forms: d.case.forms.map((f) => f.name), text: d.text })),
        [],
      );
      assertGreaterOrEqual(Math.min(...drawn.values()), 30);
    },
  });
}
