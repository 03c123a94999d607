import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import plugin from "./lint.ts";
import { root } from "./workspace.ts";

function found(file: string, text: string): string[] {
  return Deno.lint.runPlugin(plugin, join(root, file), text).map((d) => d.id);
}

Deno.test("no-host finds Deno.* outside the host's plugin", () => {
  assertEquals(found("core/a.ts", "Deno.exit(1);"), ["house/no-host"]);
  assertEquals(found("plugins/vfs/a.ts", "globalThis.Deno;"), ["house/no-host"]);
  assertEquals(found("core/a.ts", "// Deno.exit\nconst s = 'Deno.exit';"), []);
  for (
    const file of [
      "core/a_test.ts",
      "cli.ts",
      "command.ts",
      "plugins/host_deno/a.ts",
      "tests/a.ts",
      "examples/a.ts",
    ]
  ) {
    assertEquals(found(file, "Deno.exit(1);"), [], file);
  }
});

Deno.test("no-bigint finds BigInt in core and arch unless it is marked cold", () => {
  assertEquals(found("core/a.ts", "f();\nexport const a = 1n;"), ["house/no-bigint"]);
  assertEquals(found("arch/x86_64/a.ts", "f();\nBigInt(1);"), ["house/no-bigint"]);
  assertEquals(found("arch/x86_64/a.ts", "f();\nBigInt.asUintN(64, a);"), []);
  assertEquals(found("core/a.ts", "f();\na(1n); // cold: tools only"), []);
  assertEquals(found("core/a.ts", "f();\n// cold: tools only\na(1n);"), []);
  assertEquals(found("core/a.ts", "f();\na(1n); // cold:"), ["house/no-bigint"]);
  assertEquals(found("core/a.ts", "/** A file. */\n// cold: only tools\n\nf();\na(1n);"), []);
  assertEquals(found("plugins/vfs/a.ts", "1n;"), []);
});

Deno.test("no-architecture finds branches on an architecture outside of arch", () => {
  const one = ["house/no-architecture"];
  assertEquals(found("core/a.ts", 'if (arch.name === "x86-64") f();'), one);
  assertEquals(found("personalities/p/a.ts", 'const a = "aarch64" != name ? 1 : 2;'), one);
  assertEquals(found("mod.ts", 'switch (name) { case "arm64": f(); }'), one);
  assertEquals(found("plugins/elf/a.ts", "const a = this.#machine.elfMachine === 62;"), one);
  assertEquals(found("plugins/elf/a.ts", "switch (elfMachine) { default: f(); }"), one);
  assertEquals(found("plugins/elf/a.ts", 'if (name.startsWith("x86")) f();'), one);
  assertEquals(found("core/a.ts", "if (arch.name === `amd64`) f();"), one);
  // Data is what it should be.
  assertEquals(found("core/a.ts", 'const table = { "x86-64": 1, aarch64: 2 };\nf(table[arch.name]);'), []);
  assertEquals(found("core/a.ts", "f(a.elfMachine === b.elfMachine, a.elfClass === 64);"), []);
  for (const file of ["arch/x86_64/a.ts", "tests/a.ts", "core/a_test.ts", "examples/a.ts"]) {
    assertEquals(found(file, 'if (arch.name === "x86-64") f();'), [], file);
  }
});
