import { parseArgs } from "@std/cli";
import { parseArgs as fromEntry } from "@std/cli/parse-args";
import { assertEquals, assertStrictEquals } from "@std/assert";

Deno.test("parseArgs without options guesses", () => {
  assertStrictEquals(parseArgs, fromEntry);
  assertEquals(parseArgs(["--foo", "--bar=baz", "./quux.txt"]), { foo: true, bar: "baz", _: ["./quux.txt"] });
  assertEquals(parseArgs(["-n5", "-abc", "7", "x", "0x10"]), { n: 5, a: true, b: true, c: 7, _: ["x", 16] });
  assertEquals(parseArgs(["-", "--", "-a"]), { _: ["-", "-a"] });
  assertEquals(parseArgs(["--a.b", "1", "--a.c=2"]), { a: { b: 1, c: 2 }, _: [] });
  assertEquals(parseArgs(["--x", "--y", "true"]), { x: true, y: "true", _: [] });
  assertEquals(parseArgs(["-k=v", "-f/x", "--no-color"]), { k: "v", f: "/x", "no-color": true, _: [] });
});

Deno.test("parseArgs with options of every kind", () => {
  const args = parseArgs(
    [
      "run",
      "--trace=f",
      "-v",
      "--mount",
      "a:b",
      "--mount=c:d",
      "--no-jit",
      "--root",
      "12",
      "p",
      "--",
      "-x",
      "--y",
    ],
    {
      boolean: ["verbose", "quiet"],
      string: ["mount", "trace", "root", "cwd", "jit", "env"],
      collect: ["mount", "env"],
      negatable: ["jit"],
      alias: { verbose: "v" },
      default: { cwd: "/" },
      "--": true,
    },
  );
  assertEquals(args, {
    _: ["run", "p"],
    "--": ["-x", "--y"],
    verbose: true,
    v: true,
    quiet: false,
    mount: ["a:b", "c:d"],
    env: [],
    trace: "f",
    root: "12",
    cwd: "/",
    jit: false,
  });
  // The types, too: each line compiles only when they are right.
  const verbose: boolean = args.verbose && args.v;
  const mounts: string[] = args.mount;
  const root: string | undefined = args.root;
  const cwd: string = args.cwd;
  const rest: string[] = args["--"];
  assertEquals([verbose, mounts.length, root, cwd, rest.length], [true, 2, "12", "/", 2]);
});

Deno.test("parseArgs stops early, and asks about the unknown", () => {
  assertEquals(parseArgs(["-v", "prog", "--flag", "-x"], { boolean: ["v"], stopEarly: true }), {
    v: true,
    _: ["prog", "--flag", "-x"],
  });
  const seen: unknown[] = [];
  const args = parseArgs(["file", "--what=1", "-q", "--known"], {
    boolean: ["known"],
    unknown: (arg, key, value) => {
      seen.push([arg, key, value]);
      return key === undefined;
    },
  });
  assertEquals(args, { known: true, _: ["file"] });
  assertEquals(seen, [["file", undefined, undefined], ["--what=1", "what", "1"], ["-q", "q", true]]);
});

Deno.test("parseArgs gives a boolean only true or false as its value", () => {
  assertEquals(parseArgs(["--a", "false", "--b=false", "--c", "x"], { boolean: ["a", "b", "c"] }), {
    a: false,
    b: false,
    c: true,
    _: ["x"],
  });
  assertEquals(parseArgs(["--a", "x", "-b"], { boolean: true }), { a: true, b: true, _: ["x"] });
});

Deno.test("parseArgs gives a string option at the end the empty string", () => {
  assertEquals(parseArgs(["--s"], { string: ["s"] }), { s: "", _: [] });
  assertEquals(parseArgs([], { string: ["s"], collect: ["s"] }), { s: [], _: [] });
});
