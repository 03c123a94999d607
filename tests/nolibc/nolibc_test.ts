/** The kernel's own nolibc-test (Debian's linux-source-6.1): every check that passes natively as an ordinary user passes here. */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { compile } from "../tools/compile.ts";

const guests = fromFileUrl(new URL("../.guests/", import.meta.url));
const cli = fromFileUrl(new URL("../../cli.ts", import.meta.url));
const linux = `${guests}src/linux`;

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function build(): string {
  const program = `${guests}nolibc/nolibc-test`;
  Deno.mkdirSync(`${guests}nolibc`, { recursive: true });
  const refused = compile(program, "gcc", [
    ..."-Os -fno-ident -fno-asynchronous-unwind-tables -s -static -nostdlib -fno-stack-protector -include"
      .split(" "),
    `${linux}/tools/include/nolibc/nolibc.h`,
    ...["-o", program, `${linux}/tools/testing/selftests/nolibc/nolibc-test.c`, "-lgcc"],
  ]);
  assertEquals(refused, undefined);
  return program;
}

/** Check name -> passed, from lines such as `15 chmod_net = -1 EPERM      [FAIL]`. */
async function checks(argv: string[]): Promise<Map<string, boolean>> {
  // Standard input is a pipe and the folder one that an ordinary user can enter, as the checks expect.
  const child = new Deno.Command(argv[0], {
    args: argv.slice(1),
    cwd: "/tmp",
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const { stdout } = await child.output();
  await child.stdin.close().catch(() => {});
  const results = new Map<string, boolean>();
  let group = "";
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    group = /^Running test '(.*)'/.exec(line)?.[1] ?? group;
    const check = /^(\d+) (\w+) .*\[(OK|FAIL)\]/.exec(line);
    if (check !== null) results.set(`${group} ${check[1]} ${check[2]}`, check[3] === "OK");
  }
  return results;
}

const missing = !exists(`${linux}/tools/testing/selftests/nolibc/nolibc-test.c`);

Deno.test({
  name: `nolibc-test passes every check that passes natively${
    missing ? " (skipped: deno task guests has not fetched its source)" : ""
  }`,
  ignore: missing,
  fn: async () => {
    const program = build();
    // Copied where any user can reach it.
    const copy = await Deno.makeTempFile({ prefix: "nolibc-" });
    try {
      await Deno.copyFile(program, copy);
      await Deno.chmod(copy, 0o755);
      const drop = Deno.uid() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
      const expected = await checks([...drop, copy]);
      const user = Deno.uid() === 0 ? ["--user", "65534:65534"] : [];
      const actual = await checks([Deno.execPath(), "run", "-A", cli, "run", ...user, "--", copy]);
      const passed = [...expected].filter(([, ok]) => ok).map(([name]) => name);
      assert(passed.length >= 60, `only ${passed.length} checks pass natively`);
      assertEquals(passed.filter((name) => actual.get(name) !== true), []);
    } finally {
      await Deno.remove(copy);
    }
  },
});
