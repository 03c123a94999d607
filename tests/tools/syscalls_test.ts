import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { subjects } from "@guise/linux/tables";
import { document } from "./syscalls.ts";
import { root } from "./workspace.ts";

Deno.test("docs/syscalls.md is what the tables say", () => {
  assertEquals(Deno.readTextFileSync(join(root, "docs", "syscalls.md")), document());
});

/** Numbers by name from the C library's headers. */
function header(path: string): Map<string, number> | undefined {
  try {
    const text = Deno.readTextFileSync(path);
    return new Map(
      [...text.matchAll(/#define __NR(?:3264)?_(\w+)\s+(\d+)/g)].map((m) => [m[1], Number(m[2])]),
    );
  } catch {
    return undefined;
  }
}

const headers = [
  header("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
  header("/usr/include/asm-generic/unistd.h"),
];

Deno.test({
  name: "the tables have the numbers of the kernel's headers",
  ignore: headers.some((h) => h === undefined),
  fn: () => {
    for (const [numbers, { name }] of Object.values(subjects).flat()) {
      numbers.forEach((number, column) => {
        const there = headers[column]!.get(name);
        // The headers may be older than the newest calls; a name they know must have their number.
        if (there !== undefined || number === null) {
          assertEquals(number, there ?? null, `${name} in column ${column}`);
        }
      });
    }
  },
});
