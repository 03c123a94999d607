import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { check, type Import, violation } from "./layers.ts";
import type { Package } from "./workspace.ts";

const pkg = (name: string, folder: string, ...entries: string[]): Package => ({
  name,
  folder,
  exports: Object.fromEntries([
    [".", join(folder, "mod.ts")],
    ...entries.map((e) => [`./${e}`, join(folder, `${e}.ts`)]),
  ]),
});
const all = [
  pkg("@x/core", "core", "testing"),
  pkg("@x/translator", "arch/translator"),
  pkg("@x/x86-64", "arch/x86_64"),
  pkg("@x/vfs", "plugins/vfs", "key"),
  pkg("@x/elf", "plugins/elf"),
  pkg("@x/host-deno", "plugins/host_deno"),
  pkg("@x/linux", "personalities/linux"),
  pkg("@x/x", "."),
];

function why(from: string, specifier: string, to?: string, typeOnly = false): string | undefined {
  return violation({ from, specifier, to, typeOnly, line: 1 } satisfies Import, all);
}

Deno.test("violation allows what the table allows", () => {
  const good: [string, string, string?, boolean?][] = [
    ["core/a.ts", "./b.ts", "core/b.ts"],
    ["core/a_test.ts", "@std/assert"],
    ["arch/translator/a.ts", "@x/core", "core/mod.ts", true],
    ["arch/x86_64/a.ts", "@x/core", "core/mod.ts"],
    ["arch/x86_64/a.ts", "@x/translator", "arch/translator/mod.ts"],
    ["plugins/elf/a.ts", "@x/vfs/key", "plugins/vfs/key.ts"],
    ["plugins/elf/a.ts", "@x/core", "core/mod.ts"],
    ["plugins/host_deno/a.ts", "node:fs"],
    ["personalities/linux/a.ts", "@x/vfs/key", "plugins/vfs/key.ts"],
    ["personalities/linux/a_test.ts", "@x/core/testing", "core/testing.ts"],
    ["mod.ts", "@x/linux", "personalities/linux/mod.ts"],
    ["command.ts", "./mod.ts", "mod.ts"],
    ["examples/hello.ts", "../mod.ts", "mod.ts"],
    ["examples/hello.ts", "@x/vfs", "plugins/vfs/mod.ts"],
    ["tests/a_test.ts", "./tools/b.ts", "tests/tools/b.ts"],
    ["tests/a_test.ts", "npm:mitata"],
  ];
  for (const args of good) assertEquals(why(...args), undefined, args.join(" "));
});

Deno.test("violation names what the table does not allow", () => {
  const bad: [string, string, string | undefined, boolean, string][] = [
    ["core/a.ts", "@std/assert", undefined, false, "core imports nothing"],
    ["core/a.ts", "@x/vfs/key", "plugins/vfs/key.ts", true, "core may not import @x/vfs"],
    ["core/a_test.ts", "@x/x86-64", "arch/x86_64/mod.ts", false, "core may not import"],
    ["arch/translator/a.ts", "@x/core", "core/mod.ts", false, "only types"],
    ["arch/x86_64/a.ts", "@x/vfs/key", "plugins/vfs/key.ts", false, "may not import"],
    ["arch/x86_64/a.ts", "../../core/mod.ts", "core/mod.ts", false, "by its name, @x/core"],
    ["arch/x86_64/a.ts", "../../core/b.ts", "core/b.ts", false, "no public entry of @x/core"],
    ["arch/x86_64/a.ts", "node:fs", undefined, false, "host"],
    ["plugins/elf/a.ts", "@x/vfs", "plugins/vfs/mod.ts", false, "only @x/vfs/key"],
    ["plugins/elf/a.ts", "@x/linux", "personalities/linux/mod.ts", false, "may not import"],
    ["personalities/linux/a.ts", "@x/x86-64", "arch/x86_64/mod.ts", true, "may not import @x/x86-64"],
    ["personalities/linux/a.ts", "@x/vfs", "plugins/vfs/mod.ts", false, "only @x/vfs/key"],
    ["plugins/elf/a.ts", "../../mod.ts", "mod.ts", false, "by its name"],
    ["mod.ts", "./tests/a.ts", "tests/a.ts", false, "nobody imports tests/"],
    ["tests/a_test.ts", "../examples/hello.ts", "examples/hello.ts", false, "nobody imports examples/"],
    ["tests/a_test.ts", "../core/b.ts", "core/b.ts", false, "no public entry"],
  ];
  for (const [from, specifier, to, typeOnly, message] of bad) {
    assertStringIncludes(why(from, specifier, to, typeOnly) ?? "(allowed)", message);
  }
});

Deno.test("check reads a checkout's imports", async () => {
  const at = await Deno.makeTempDir();
  try {
    const write = async (path: string, text: string) => {
      await Deno.mkdir(join(at, path, ".."), { recursive: true });
      await Deno.writeTextFile(join(at, path), text);
    };
    await new Deno.Command("git", { args: ["init", "-q", at] }).output();
    await write("deno.json", '{"name": "@x/x", "exports": "./mod.ts", "workspace": ["core", "plugins/vfs"]}');
    await write("core/deno.json", '{"name": "@x/core", "exports": "./mod.ts"}');
    await write(
      "plugins/vfs/deno.json",
      '{"name": "@x/vfs", "exports": {".": "./mod.ts", "./key": "./key.ts"}}',
    );
    await write("mod.ts", 'export * from "@x/core";\n');
    await write("plugins/vfs/mod.ts", 'import "@x/core";\nexport * from "./key.ts";\n');
    await write("plugins/vfs/key.ts", "export const key = 1;\n");
    await write("core/mod.ts", "export {};\n");
    assertEquals(await check(at), []);
    await write("core/mod.ts", '\nexport { key } from "@x/vfs/key";\n');
    const found = await check(at);
    assertEquals(found.length, 1);
    assertMatch(found[0], /^core\/mod\.ts:2: "@x\/vfs\/key": core may not import @x\/vfs$/);
  } finally {
    await Deno.remove(at, { recursive: true });
  }
});
