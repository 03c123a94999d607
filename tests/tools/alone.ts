/**
 * Tests that measure their process: `deno test --parallel` runs the files of a suite as threads of one process, whose memory is that of
 * all of them.
 *
 * @module
 */
import { assert } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { only } from "./test.ts";

/** The test of the module `url` with this definition, run in a process of its own: `Deno.test(alone(import.meta.url, { … }))`. */
export function alone(
  url: string,
  test: Pick<Deno.TestDefinition, "name" | "ignore" | "fn">,
): Deno.TestDefinition {
  if (Deno.env.get("GUISE_ALONE") === test.name) return test;
  return {
    ...test,
    fn: async () => {
      const engine = Deno.env.has("GUISE_ENGINE")
        ? [`--preload=${fromFileUrl(new URL("engine.ts", import.meta.url))}`]
        : [];
      const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["test", "-A", "--no-check", ...engine, only(test.name), fromFileUrl(url)],
        env: { GUISE_ALONE: test.name, NO_COLOR: "1" },
      }).output();
      const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assert(success && text.includes("| 1 passed"), text);
    },
  };
}
