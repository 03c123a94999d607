import { assertEquals } from "@std/assert";
import { count } from "./test.ts";

Deno.test("count reads the summary of deno test", () => {
  assertEquals(count("x\nok | 18 passed (3 steps) | 0 failed | 2 ignored (4ms)\n", true), {
    passed: 18,
    failed: 0,
    ignored: 2,
  });
  assertEquals(count("\x1b[31mFAILED\x1b[0m | 3 passed | 2 failed (1s)\n\nerror: Test failed", false), {
    passed: 3,
    failed: 2,
    ignored: 0,
  });
  assertEquals(count("ok | 3 passed | 0 failed\n", false).failed, 1);
  assertEquals(count("crash", false), { passed: 0, failed: 1, ignored: 0 });
});
