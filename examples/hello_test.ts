// The examples run as a reader runs them: from a shell, without permissions.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";

async function example(name: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-prompt", fromFileUrl(new URL(name, import.meta.url))],
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout);
}

Deno.test("hello.ts prints what its program wrote and each of its traps, without a permission", async () => {
  const text = await example("hello.ts");
  assertStringIncludes(text, "It wrote:\nHello from x86-64, on a kernel made of plugins.\n");
  assertStringIncludes(text, "It made 4 traps:\nexecve(");
  assertStringIncludes(text, `write(1, "Hello from x86-64, on a kernel m"..., 48) = 48\n`);
  assertStringIncludes(text, `close(-1)${" ".repeat(31)}= -1 EBADF (Bad file descriptor)\n`);
  assertStringIncludes(text, "Its exit status: 42\n");
});
