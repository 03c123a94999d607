// Texts as strace 6.1 printed them on the host.
import { assertEquals } from "@std/assert";
import { choice, fileMode, flags, hex, octal, quote, timeComment } from "./text.ts";

const BITS = [[1, "A"], [6, "BC"], [2, "B"], [8, "D"]] as const;

Deno.test("flags names bits in the table's order and shows the rest in hexadecimal", () => {
  assertEquals(flags(9, BITS, "?"), "A|D");
  assertEquals(flags(7, BITS, "?"), "A|BC");
  assertEquals(flags(3, BITS, "?"), "A|B");
  assertEquals(flags(0x41, BITS, "?"), "A|0x40");
  assertEquals(flags(0x40, BITS, "X_???"), "0x40 /* X_??? */");
  assertEquals(flags(0, BITS, "?"), "0");
  assertEquals(flags(0, [[0, "NONE"]], "?"), "NONE");
  assertEquals(flags(-2147483648, BITS, "?"), "0x80000000 /* ? */");
});

Deno.test("choice, hex, octal and fileMode print numbers as C does", () => {
  assertEquals(choice(9, [[1, "ONE"]], "SEEK_???"), "0x9 /* SEEK_??? */");
  assertEquals([hex(0), hex(255), hex(-1)], ["0", "0xff", "0xffffffff"]);
  assertEquals([0, 1, 7, 8, 0o100, 0o644, 0o4755].map(octal), [
    "000",
    "001",
    "007",
    "010",
    "0100",
    "0644",
    "04755",
  ]);
  assertEquals(fileMode(0o41777), "S_IFDIR|S_ISVTX|0777");
  assertEquals(fileMode(0o100644), "S_IFREG|0644");
  assertEquals([fileMode(0o666), fileMode(0o1644)], ["0666", "S_ISVTX|0644"]);
});

Deno.test("quote escapes as briefly as the next character permits", () => {
  const bytes = Uint8Array.from([0x61, 0x0a, 0x09, 0x1b, 0x7f, 0x39, 1, 0x80, 0x22, 0x5c, 0, 0x30]);
  assertEquals(quote(bytes), '"a\\n\\t\\33\\1779\\1\\200\\"\\\\\\0000"');
});

Deno.test("timeComment shows the fraction only when there is one, and nothing for the epoch", () => {
  assertEquals(timeComment(1, 2, 9), " /* 1970-01-01T00:00:01.000000002+0000 */");
  assertEquals(timeComment(1600000000, 0, 0), " /* 2020-09-13T12:26:40+0000 */");
  assertEquals(timeComment(0, 0, 9), "");
});
