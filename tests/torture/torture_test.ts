/** A part of gcc's c-torture in the suite; the whole by `deno run -A tests/torture/torture.ts` (docs/acceptance.md has its last result). */
import { assertEquals } from "@std/assert";
import { names } from "./build.ts";
import { torture } from "./torture.ts";

const missing = names().length === 0;
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
