// The examples run as a reader would run them, and end well.
import { assertEquals, assertStringIncludes } from "@std/assert";

const root = new URL("../../", import.meta.url);

async function run(name: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", `examples/${name}`],
    cwd: root,
  }).output();
  const text = new TextDecoder().decode(stdout);
  assertEquals(code, 0, text + new TextDecoder().decode(stderr));
  return text;
}

Deno.test("examples/own_personality.ts runs a guest and passes the conformance suite", async () => {
  const text = await run("own_personality.ts");
  assertStringIncludes(text, 'It said "Hi!\\n" and left with 4.');
  assertEquals(text.match(/^ok: polite: /gm)?.length, 14);
});

Deno.test("examples/hello.ts prints the output and the trace of its program", async () => {
  const text = await run("hello.ts");
  assertStringIncludes(text, "Hello from x86-64");
  assertStringIncludes(text, "write(1, ");
  assertStringIncludes(text, "exit status: 42");
});

Deno.test("examples/two_architectures.ts pipes an aarch64 program's text through an x86-64 one", async () => {
  assertStringIncludes(await run("two_architectures.ts"), "It wrote: HELLO FROM AARCH64\nIts exit status: 0");
});
