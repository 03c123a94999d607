import * as path from "@std/path";
import * as posix from "@std/path/posix";
import { assert, assertEquals, assertThrows } from "@std/assert";

Deno.test("join, dirname, basename, extname take and drop parts", () => {
  assertEquals(path.join("/a", "..", "b", "c.ts"), "/b/c.ts");
  assertEquals(path.join(), ".");
  assertEquals(path.join(new URL("file:///a/b"), "c"), "/a/b/c");
  assertEquals(path.dirname("/a/b/c.ts"), "/a/b");
  assertEquals(path.basename("/a/b/c.ts"), "c.ts");
  assertEquals(path.basename("/a/b/c.ts", ".ts"), "c");
  assertEquals(path.extname("/a/b.c/d.tar.gz"), ".gz");
  assertEquals(path.normalize("/a//b/./../c/"), "/a/c/");
  assertEquals(path.relative("/a/b/c", "/a/d"), "../../d");
  assertEquals(path.resolve("/a", "b", "../c"), "/a/c");
  assert(path.isAbsolute("/a") && !path.isAbsolute("a"));
  assertEquals(path.SEPARATOR, "/");
  assertEquals(posix.join("a", "b"), "a/b");
  assertEquals(posix.parse("/a/b.c"), { root: "/", dir: "/a", base: "b.c", ext: ".c", name: "b" });
});

Deno.test("toFileUrl and fromFileUrl are inverse", () => {
  for (const p of ["/", "/a b", "/100%", "/a#b?c", "/ä/\\/\n", "/dir/"]) {
    assertEquals(path.fromFileUrl(path.toFileUrl(p)), p);
  }
  assertEquals(path.toFileUrl("/a b").href, "file:///a%20b");
  assertEquals(path.fromFileUrl("file:///a%20b"), "/a b");
  assertThrows(() => path.fromFileUrl("https://a/b"), TypeError, "file URL");
  assertThrows(() => path.toFileUrl("a"), TypeError, "absolute");
});

Deno.test("globToRegExp matches as its documentation says", () => {
  const cases: [string, string, boolean][] = [
    ["*.ts", "a.ts", true],
    ["*.ts", "a/b.ts", false],
    ["**/*.ts", "a/b/c.ts", true],
    ["**/*.ts", "c.ts", true],
    ["a/**", "a/b/c", true],
    ["a/**/c", "a/c", true],
    ["a**c", "abc", true],
    ["a**c", "a/c", false],
    ["{a,b/c}.ts", "b/c.ts", true],
    ["[!a]b", "cb", true],
    ["[!a]b", "ab", false],
    ["[^a]b", "^b", true],
    ["[[:digit:]]", "7", true],
    ["[[:digit:]]", "x", false],
    ["@(a|b)", "a", true],
    ["!(a)", "b", true],
    ["!(a)", "a", false],
    ["+(ab)", "abab", true],
    ["?(a)b", "b", true],
    ["a?c", "abc", true],
    ["a\\*", "a*", true],
    ["a\\*", "ab", false],
    ["a[b", "a[b", true],
    ["a.b", "aXb", false],
    ["dir/", "dir", true],
    ["dir", "dir/", true],
  ];
  for (const [glob, text, expected] of cases) {
    assertEquals(path.globToRegExp(glob).test(text), expected, `${glob} on ${text}`);
  }
  assert(!path.globToRegExp("").test(""));
  assert(path.globToRegExp("*.TS", { caseInsensitive: true }).test("a.ts"));
  assert(!path.globToRegExp("**", { globstar: false }).test("a/b"));
});
