import { assertEquals } from "@std/assert";
import { count, failures, only } from "./test.ts";

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

Deno.test("failures reads the names below FAILURES, and only chooses one of them", () => {
  const output =
    "x => ./no_test.ts:1:1\n\n\x1b[1m FAILURES \x1b[0m\n\na (b), c? \x1b[38m=> ./tests/a_test.ts:17:8\x1b[0m\n" +
    "x => ./core/doc.ts#3-4.ts:1:1\n\nFAILED | 3 passed | 2 failed (1s)\n";
  assertEquals(failures(output), [{ name: "a (b), c?", file: "tests/a_test.ts" }]);
  assertEquals(failures("ok | 3 passed | 0 failed\n"), []);
  assertEquals(only("a (b), c?"), "--filter=/^a \\(b\\), c\\?$/");
});
