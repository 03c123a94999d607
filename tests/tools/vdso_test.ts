import { assert } from "@std/assert";
import { place, prebuiltModule } from "./vdso.ts";

Deno.test("the vDSO built ahead is that of exports.ts", async () => {
  assert(
    await Deno.readTextFile(place) === prebuiltModule(),
    "personalities/linux/vdso/prebuilt.ts is out of date: deno run -A tests/tools/vdso.ts",
  );
});
