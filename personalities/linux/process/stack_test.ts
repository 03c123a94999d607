import { assert, assertEquals } from "@std/assert";
import { createSpace } from "@guise/core";
import { AT_EXECFN, AT_NULL, AT_PAGESZ, AT_PLATFORM, AT_RANDOM, buildStack } from "./stack.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("buildStack lays out argc, argv, envp and auxv as X23 says", () => {
  const space = createSpace({})!;
  const top = 0x1000000;
  space.map({ address: top - 0x10000, length: 0x10000, prot: 3, fixed: "replace" });
  const random = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
  const layout = buildStack(space, {
    top,
    args: [bytes("prog"), bytes("")],
    env: [bytes("A=1")],
    execfn: bytes("/bin/prog"),
    platform: "x86_64",
    random,
    auxv: [[AT_PAGESZ, 4096], [AT_RANDOM, "random"], [AT_EXECFN, "execfn"], [AT_PLATFORM, "platform"]],
    pointer: 8,
  });
  assert(layout !== undefined);
  const { sp } = layout;
  assertEquals(sp % 16, 0);
  const word = (i: number) => space.getNum64(sp + 8 * i)!;
  const text = (at: number) => new TextDecoder().decode(space.cstring(at, 100) as Uint8Array);
  assertEquals(word(0), 2);
  assertEquals([text(word(1)), text(word(2)), word(3)], ["prog", "", 0]);
  assertEquals([text(word(4)), word(5)], ["A=1", 0]);
  assertEquals([word(6), word(7)], [AT_PAGESZ, 4096]);
  assertEquals(word(8), AT_RANDOM);
  assertEquals(space.read(word(9), 16), random);
  assertEquals([word(10), text(word(11))], [AT_EXECFN, "/bin/prog"]);
  assertEquals([word(12), text(word(13))], [AT_PLATFORM, "x86_64"]);
  assertEquals([word(14), word(15)], [AT_NULL, 0]);
  // The strings come in order, execfn last, and eight zero bytes end the stack.
  assertEquals(layout.argStart, word(1));
  assertEquals([layout.argEnd, layout.envStart, layout.envEnd], [word(4), word(4), word(11)]);
  assertEquals(space.getNum64(top - 8), 0);
  assertEquals(layout.auxv.length, 5 * 16);
  space.dispose();
});
