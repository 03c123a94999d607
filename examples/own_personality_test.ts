// Personalities broken on purpose must not pass the conformance suite, which polite.ts passes.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { int, type Personality, type Plugin, syscall, tables } from "@guise/core";
import { conformance, type ConformanceCheck, ConformanceError } from "@guise/core/testing";
import { x86_64 } from "@guise/x86-64";
import { ADDRESS, polite } from "./polite.ts";

const program = x86_64.assemble(
  `
  mov eax, 1
  lea rdi, [rip+text]
  mov esi, 5
  syscall                 # say("hello", 5) is 5
  mov edi, eax
  mov eax, 2
  syscall                 # leave(5)
text:
  .byte 104, 101, 108, 108, 111
`,
  ADDRESS,
);

const checks = (personality: Personality): ConformanceCheck[] =>
  conformance({
    plugins: (): Plugin[] => [{ name: "cpu", arch: x86_64 }, { name: "mine", personality }],
    personality: personality.name,
    guests: [{ name: "a talker", request: { program, args: [], env: {} }, code: 5 }],
  });

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
  const leave = polite.tables[0].rows.get(2)!;
  const broken: Record<string, Personality> = {
    "a handler that throws": {
      ...polite,
      tables: tables([["x86-64", "syscall"]], [[[1], unchecked], [[2], leave]]),
    },
    "faults that are ignored": { ...polite, fault: () => undefined },
    "results that are lost": { ...polite, encode: () => {} },
    "a start that throws": {
      ...polite,
      start: () => {
        throw new Error("no");
      },
    },
  };
  for (const [what, personality] of Object.entries(broken)) {
    assert((await complaints(personality)).length > 0, `the suite accepts ${what}`);
  }
  assertEquals(await complaints(polite), []);
});

Deno.test("the conformance suite fails as a test when run as one", async () => {
  const check = checks({ ...polite, encode: () => {} }).find((c) => c.name.includes("encode"));
  assert(check !== undefined);
  await assertRejects(() => check.run(), ConformanceError);
});

Deno.test("polite.ts is under 60 lines and has two calls", async () => {
  const text = await Deno.readTextFile(new URL("polite.ts", import.meta.url));
  assert(text.trimEnd().split("\n").length < 60);
  assertEquals(polite.tables.map((t) => t.rows.size), [2]);
});
