import { assertEquals } from "@std/assert";
import { TextBuffer } from "./mod.ts";

Deno.test("TextBuffer gives all text in order, whatever its length and characters", () => {
  let out = "";
  let writes = 0;
  const buffer = new TextBuffer((bytes) => {
    writes++;
    out += new TextDecoder().decode(bytes);
  }, 16);
  let expected = "";
  for (const text of ["ab", "", "cdefghijklmn", "op", "é", "q", "x".repeat(40), "ende ñ", "\n"]) {
    buffer.add(text);
    expected += text;
  }
  assertEquals(out === expected, false);
  buffer.flush();
  buffer.flush();
  assertEquals(out, expected);
  assertEquals(writes < 9, true);
});
