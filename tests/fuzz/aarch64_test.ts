/** A part of the comparison with qemu-aarch64 in the suite; more by `deno run -A tests/fuzz/aarch64.ts --cases 1000000`. */
import { assertEquals, assertGreaterOrEqual } from "@std/assert";
import { fuzz, qemuRunner } from "./aarch64.ts";

const runner = await qemuRunner();

for (const seed of [1, 7]) {
  Deno.test({
    name: `random aarch64 instructions leave the state that qemu leaves, seed ${seed}${
      runner === undefined ? " (skipped: needs qemu-aarch64 and aarch64-linux-gnu-gcc)" : ""
    }`,
    ignore: runner === undefined,
    fn: async () => {
      const { differences, never } = await fuzz(runner!, 20_000, seed);
      assertEquals(differences.map((d) => ({ forms: d.case.forms.map((f) => f.name), text: d.text })), []);
      assertEquals(never, []);
    },
  });
}

/** `--cases 300000 --engine jit` by hand. */
for (const [engine, cases] of [["jit", 7_000], ["lockstep", 3_400]] as const) {
  Deno.test({
    name: `random aarch64 instructions in regions leave the state that qemu leaves, ${engine}${
      runner === undefined ? " (skipped: needs qemu-aarch64 and aarch64-linux-gnu-gcc)" : ""
    }`,
    ignore: runner === undefined,
    fn: async () => {
      const { differences, regions, lockstep } = await fuzz(runner!, cases, 31, "", 20, 1e9, engine);
      assertEquals(differences.map((d) => ({ forms: d.case.forms.map((f) => f.name), text: d.text })), []);
      assertGreaterOrEqual(regions, cases * 0.8);
      assertEquals(lockstep.differences, []);
      if (engine === "lockstep") assertGreaterOrEqual(lockstep.compared, cases * 0.7);
    },
  });
}
