/** A part of the comparison with the host's CPU in the suite; a million cases by `deno run -A tests/fuzz/x86_64.ts --cases 1000000`. */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { fuzz, nativeRunner } from "./x86_64.ts";

const runner = nativeRunner();

/** Seeds that once showed a difference are kept here. */
for (const [seed, cases] of [[1, 60_000], [5, 20_000]] as const) {
  Deno.test({
    name: `random instructions leave the state that the host's CPU leaves, seed ${seed}${
      runner === undefined ? " (skipped: needs an x86-64 Linux host with cc)" : ""
    }`,
    ignore: runner === undefined,
    fn: async () => {
      const { differences, drawn } = await fuzz(runner!, cases, seed);
      assertEquals(
        differences.map((d) => ({ case: d.index, forms: d.case.forms.map((f) => f.name), text: d.text })),
        [],
      );
      assertGreaterOrEqual(Math.min(...drawn.values()), 10);
    },
  });
}

/** `--cases 100000 --engine jit` by hand. */
for (const [engine, cases] of [["jit", 6_000], ["lockstep", 2_500]] as const) {
  Deno.test({
    name: `random instructions in regions leave the state that the host's CPU leaves, ${engine}${
      runner === undefined ? " (skipped: needs an x86-64 Linux host with cc)" : ""
    }`,
    ignore: runner === undefined,
    fn: async () => {
      const { differences, regions, lockstep } = await fuzz(runner!, cases, 3, "", 20, undefined, engine);
      assertEquals(
        differences.map((d) => ({ case: d.index, forms: d.case.forms.map((f) => f.name), text: d.text })),
        [],
      );
      assertGreaterOrEqual(regions, cases * 0.9);
      assertEquals(lockstep.differences, []);
      if (engine === "lockstep") assertGreaterOrEqual(lockstep.compared, cases * 0.9);
    },
  });
}
