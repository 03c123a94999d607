// The personality of own_personality.ts under the conformance suite, and broken ones, which must not pass it.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { int, type Personality, type Plugin, syscall, tables } from "@guise/core";
import { conformance, type ConformanceCheck, ConformanceError } from "@guise/core/testing";
import { x86_64 } from "@guise/x86-64";
import { leave, say, twoCalls } from "./own_personality.ts";

const program = x86_64.assemble(
  `
  mov eax, 1
  lea rdi, [rip+text]
  mov esi, 5
  syscall                 # say("hello", 5) is 5
  mov edi, eax
  xor eax, eax
  syscall                 # leave(5)
text:
  .byte 104, 101, 108, 108, 111
`,
  0x400000,
);

const checks = (personality: Personality): ConformanceCheck[] =>
  conformance({
    plugins: (): Plugin[] => [{ name: "cpu", arch: x86_64 }, { name: "mine", personality }],
    personality: personality.name,
    guests: [{ name: "a talker", request: { program, args: [], env: {} }, code: 5 }],
  });

for (const check of checks(twoCalls)) Deno.test(check.name, check.run);

/** What the suite says about a personality. */
async function complaints(personality: Personality): Promise<string[]> {
  const said: string[] = [];
  for (const { name, run } of checks(personality)) {
    try {
      await run();
    } catch (error) {
      said.push(`${name}: ${error}`);
    }
  }
  return said;
}

Deno.test("the conformance suite says what is wrong with personalities broken on purpose", async () => {
  const unchecked = syscall({
    name: "say",
    doc: "Shows a text, and believes every pointer.",
    args: { at: int, length: int },
    run(task, { at, length }) {
      const view = new Uint8Array(task.space.memory.buffer, at, length);
      return view.reduce((sum, byte) => sum + byte, 0);
    },
  });
  const broken: Record<string, Personality> = {
    "a handler that throws": {
      ...twoCalls,
      tables: tables([["x86-64", "syscall"]], [[[0], leave], [[1], unchecked]]),
    },
    "faults that are ignored": { ...twoCalls, fault: () => undefined },
    "results that are lost": { ...twoCalls, encode: () => {} },
    "a start that throws": {
      ...twoCalls,
      start: () => {
        throw new Error("no");
      },
    },
  };
  for (const [what, personality] of Object.entries(broken)) {
    assert((await complaints(personality)).length > 0, `the suite accepts ${what}`);
  }
  assertEquals(await complaints(twoCalls), []);
});

Deno.test("the conformance suite fails as a test when run as one", async () => {
  const check = checks({ ...twoCalls, encode: () => {} }).find((c) => c.name.includes("encode"));
  assert(check !== undefined);
  await assertRejects(() => check.run(), ConformanceError);
});

Deno.test("own_personality.ts is under 60 lines", async () => {
  const text = await Deno.readTextFile(new URL("own_personality.ts", import.meta.url));
  assert(text.split("\n").length <= 60 && say.name === "say");
});
