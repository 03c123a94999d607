/** A part of gcc's c-torture in the suite; the whole by `deno run -A tests/torture/torture.ts` (docs/acceptance.md has its last result). */
import { assertEquals, assertGreater } from "@std/assert";
import { ADVSIMD, names } from "./build.ts";
import { AARCH64, torture } from "./torture.ts";

const missing = names().length === 0;
const cross = await new Deno.Command("sh", { args: ["-c", "command -v aarch64-linux-gnu-gcc qemu-aarch64"] })
  .output()
  .then((o) => o.success, () => false);
for (const level of ["O0", "O2"] as const) {
  Deno.test({
    name: `c-torture at -${level}: every 12th test passes as natively${
      missing ? " (skipped: deno task guests has not fetched gcc's sources)" : ""
    }`,
    ignore: missing || Deno.build.arch !== "x86_64",
    fn: async () => {
      const report = await torture(level, "", 12);
      assertEquals(report.failed, []);
    },
  });
}

Deno.test({
  name: `c-torture for aarch64 at -O2: every 24th test passes as under qemu${
    missing || !cross ? " (skipped: needs gcc's sources, aarch64-linux-gnu-gcc and qemu-aarch64)" : ""
  }`,
  ignore: missing || !cross,
  fn: async () => {
    const report = await torture("O2", "", 24, undefined, AARCH64);
    assertEquals(report.failed, []);
  },
});

Deno.test({
  name: `Advanced SIMD by gcc's own tests at -O2: every 8th passes as under qemu${
    missing || !cross ? " (skipped: needs gcc's sources, aarch64-linux-gnu-gcc and qemu-aarch64)" : ""
  }`,
  ignore: missing || !cross,
  fn: async () => {
    const report = await torture("O2", "", 8, undefined, AARCH64, ADVSIMD);
    assertEquals(report.failed, []);
  },
});

/** The whole by `--engine jit` and `--engine lockstep`. */
for (const [engine, every] of [["jit", 100], ["lockstep", 150]] as const) {
  Deno.test({
    name: `c-torture at -O2: every ${every}th test passes with engine ${engine}${
      missing ? " (skipped: deno task guests has not fetched gcc's sources)" : ""
    }`,
    ignore: missing || Deno.build.arch !== "x86_64",
    fn: async () => {
      const report = await torture("O2", "", every, engine);
      assertEquals(report.failed, []);
      if (engine === "lockstep") assertGreater(report.compared, 300);
    },
  });
}
