/**
 * Every one of OSv's 73 names of 2023 and of the 60 trivial ones (spec 3.3), by its number: the programs here run natively,
 * and the same lines must come under Linux, on both engines and both architectures, and under OSv in each of its tables,
 * where what differs stands in `OSV` with its fact. The programs have no libc: they make exactly the calls they print.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { run, type RunOptions, type RunResult } from "@guise/guise";
import { exportedFunctions, osv, type TableSet } from "@guise/osv";
import { unniced } from "../tools/unniced.ts";
import { called, cases, NAMES_60, NAMES_73, NOT_IN_MASTER, NOT_ON_AARCH64, without } from "./lists.ts";

const here = fromFileUrl(new URL(".", import.meta.url));
const native = Deno.build.os === "linux" && Deno.build.arch === "x86_64";
const user = { uid: native ? Deno.uid() ?? 0 : 0, gid: native ? Deno.gid() ?? 0 : 0 };
const FAMILIES = ["files", "paths", "sockets", "waiting", "memory", "process", "signals"];
const ENDINGS = { exit: 5, exit_group: 6 };

// deno-fmt-ignore
const FLAGS = ["-std=gnu17", "-w", "-O1", "-static", "-nostdlib", "-ffreestanding", "-fno-builtin", "-fno-stack-protector",
  "-fno-pie", "-no-pie", "-fno-toplevel-reorder"];

function has(command: string): boolean {
  try {
    return new Deno.Command(command, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

const built = new Map<string, string>();
/** The path of a built program. */
function program(name: string, compiler = "gcc"): string {
  const key = `${compiler} ${name}`;
  let path = built.get(key);
  if (path === undefined) {
    path = Deno.makeTempFileSync({ prefix: `guise-names-${name}-` });
    const result = new Deno.Command(compiler, {
      args: [...FLAGS, ...compiler === "gcc" ? ["-fcf-protection=none"] : [], "-o", path, `${here}${name}.c`],
    }).outputSync();
    assert(result.success, new TextDecoder().decode(result.stderr));
    built.set(key, path);
  }
  return path;
}
addEventListener("unload", () => built.forEach((path) => Deno.removeSync(path)));

interface Seen {
  readonly status: number;
  readonly text: string;
}

const expectations = new Map<string, Seen>();
/** What real Linux prints, in an empty folder. */
function natively(name: string, ...args: string[]): Seen {
  const key = [name, ...args].join(" ");
  let seen = expectations.get(key);
  if (seen === undefined) {
    const cwd = Deno.makeTempDirSync({ prefix: "guise-names-" });
    try {
      const [command, ...rest] = [...unniced, program(name), ...args];
      const { code, stdout } = new Deno.Command(command, { args: rest, cwd, stdin: "null" }).outputSync();
      seen = { status: code, text: new TextDecoder().decode(stdout) };
    } finally {
      Deno.removeSync(cwd, { recursive: true });
    }
    expectations.set(key, seen);
  }
  return seen;
}

/** The same under Guise. */
async function ours(path: string, options: RunOptions = {}): Promise<RunResult> {
  const bytes = Deno.readFileSync(path);
  return await run(bytes, {
    cwd: "/w",
    files: { "/w": { directory: true, ...user } },
    user,
    timeout: 300_000,
    ...options,
  });
}

function test(name: string, fn: () => Promise<void> | void, needs = true): void {
  Deno.test({ name: `names: ${name}`, ignore: !native || !has("gcc") || !needs, fn });
}

test("each of the 73 and of the 60 is called by its number", () => {
  assertEquals([NAMES_73.length, NAMES_60.length], [73, 60]);
  const names = new Set<string>();
  for (const family of FAMILIES) {
    const { status, text } = natively(family);
    assertEquals(status, 0);
    assert(!text.includes("ENOSYS"), "real Linux has all of them");
    for (const [name, lines] of cases(text)) {
      assert(lines.some((line) => line.startsWith(`${name}(`)), `the case ${name} does not call ${name}`);
      assert(!names.has(name), `two cases for ${name}`);
      names.add(name);
    }
  }
  for (const [name, status] of Object.entries(ENDINGS)) {
    assertEquals(natively("ending", name).status, status);
    names.add(name);
  }
  assertEquals([...names].sort(), [...NAMES_73, ...NAMES_60].sort());
});

test("each name that a libc has is a function that OSv's programs call directly", () => {
  const direct = new Set(exportedFunctions);
  const names = [...NAMES_73, ...NAMES_60];
  // A libc has them by other names: eventfd, _exit, fstatat, pselect, sigaction, sigprocmask; or not at all.
  assertEquals(names.filter((name) => !direct.has(name)).sort(), [
    "eventfd2",
    "exit_group",
    "futex",
    "get_mempolicy",
    "newfstatat",
    "pselect6",
    "rt_sigaction",
    "rt_sigprocmask",
    "set_mempolicy",
  ]);
  for (const name of ["eventfd", "_exit", "fstatat", "readdir", "pselect", "sigaction", "sigprocmask"]) {
    assert(direct.has(name), name);
  }
});

for (const engine of ["interpreter", "jit"] as const) {
  for (const family of FAMILIES) {
    test(`${family} under Linux (${engine}), line by line`, async () => {
      const result = await ours(program(family), { engine, stats: true });
      // Here the first process of a kernel may have OSv's number.
      assertEquals(result.text().replace("  is 2 1", "  is 2 0"), natively(family).text);
      assertEquals(result.status, 0);
      // The calls that are printed are the calls that the kernel saw.
      for (const name of called(result.text())) assert(result.stats!.syscalls[name] > 0, name);
      assertEquals(result.stats!.traps.fault, 0);
    });
  }
}

for (const [name, status] of Object.entries(ENDINGS)) {
  test(`${name} ends the process with its status, under Linux and under OSv`, async () => {
    for (const personality of ["linux", "osv"]) {
      const result = await ours(program("ending"), { args: [name], personality });
      assertEquals({ status: result.status, text: result.text() }, natively("ending", name));
      assertEquals(result.status, status);
    }
  });
}

for (const family of FAMILIES) {
  test(`${family} on aarch64 prints what Linux prints, for the names that are there`, async () => {
    const expected = new Map(cases(natively(family).text));
    for (const name of NOT_ON_AARCH64) expected.delete(name);
    const result = await ours(program(family, "aarch64-linux-gnu-gcc"));
    const text = result.text().replace("machine 'aarch64'", "machine 'x86_64'").replace(
      "  is 2 1",
      "  is 2 0",
    );
    assertEquals(Object.fromEntries(cases(text)), Object.fromEntries(expected));
  }, has("aarch64-linux-gnu-gcc"));
}

/** What OSv answers otherwise: by case, Linux's line and OSv's (spec 3.1, 3.2), each with its fact. */
const OSV: Readonly<Record<string, readonly (readonly [linux: string, osv: string, fact: string])[]>> = {
  getpid: [["  is 2 0", "  is 2 1", "O1"]],
  getuid: [[`  root ${Number(user.uid === 0)}`, "  root 1", "O1"]],
  getgid: [[`  root's ${Number(user.gid === 0)}`, "  root's 1", "O1"]],
  // Everybody is root there.
  sethostname: user.uid === 0 ? [] : [
    [
      "sethostname(u.nodename, length(u.nodename)) = EPERM",
      "sethostname(u.nodename, length(u.nodename)) = ok",
      "O1",
    ],
    ["sethostname(u.nodename, -1) = EPERM", "sethostname(u.nodename, -1) = EINVAL", "O1"],
    ["sethostname(u.nodename, 65) = EPERM", "sethostname(u.nodename, 65) = EINVAL", "O1"],
  ],
  set_mempolicy: [["set_mempolicy(99, 0, 0) = EINVAL", "set_mempolicy(99, 0, 0) = 0", "O13"]],
};

const lists: Record<TableSet, (name: string) => boolean> = {
  2023: (name) => NAMES_73.includes(name),
  trivial: () => true,
  master: (name) => !NOT_IN_MASTER.includes(name),
};

for (const [set, there] of Object.entries(lists) as [TableSet, (name: string) => boolean][]) {
  for (const compiler of ["gcc", "aarch64-linux-gnu-gcc"]) {
    const cross = compiler !== "gcc";
    const known = (name: string) => !cross || !NOT_ON_AARCH64.includes(name);
    for (const family of FAMILIES) {
      const on = cross ? " on aarch64" : "";
      test(
        `${family} under OSv${on}, set ${set}: Linux's lines but for those that OSv answers otherwise`,
        async () => {
          const result = await ours(program(family, compiler), {
            personality: "osv",
            plugins: [osv({ calls: set })],
          });
          const all = [...cases(natively(family).text)].filter(([name]) => known(name));
          const expected = all.map(([name, body]) => {
            const lines = [...body];
            for (const [from, to] of OSV[name] ?? []) {
              const at = lines.indexOf(from);
              assert(at >= 0, `${name}: Linux does not print ${from}`);
              lines[at] = to;
            }
            return [`# ${name}`, ...lines].join("\n");
          }).join("\n");
          const text = cross ? result.text().replace("machine 'aarch64'", "machine 'x86_64'") : result.text();
          assertEquals(text, without(expected, there));
          // A name that is not in the table is told on the console (O12).
          const missing = all.flatMap(([, body]) => body)
            .map((line) => /^(\w+)\(/.exec(line)?.[1]).filter((name) => name !== undefined && !there(name));
          assertEquals(result.errorText().includes("unimplemented system call"), missing.length > 0);
        },
        !cross || has(compiler),
      );
    }
  }
}
