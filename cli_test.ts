// The command as a person meets it: usage, statuses and messages, in a process of its own.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { makeProgram } from "@guise/elf";
import { x86_64 } from "@guise/x86-64";

const cli = fromFileUrl(new URL("./cli.ts", import.meta.url));

interface Ran {
  status: number;
  out: string;
  err: string;
}

/** Runs the command; `stdin` is what it reads. */
async function guise(args: string[], stdin = "", options: Deno.CommandOptions = {}): Promise<Ran> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", cli, ...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    ...options,
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  const text = (b: Uint8Array) => new TextDecoder().decode(b);
  return { status: code, out: text(stdout), err: text(stderr) };
}

/** A folder for one test, with a program that does what its listing says. */
async function inFolder(test: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await test(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}
const ADDRESS = 0x400000 + 120;
function program(path: string, listing: string): void {
  Deno.writeFileSync(path, makeProgram(x86_64, x86_64.assemble(listing, ADDRESS)), { mode: 0o755 });
}
const exit = (n: number): string => `mov edi, ${n}\nmov eax, 231\nsyscall\n`;

Deno.test("cli answers --help and --version with status 0", async () => {
  for (const args of [["--help"], ["run", "--help"], ["-h"]]) {
    const { status, out, err } = await guise(args);
    assertEquals([status, err], [0, ""]);
    assertStringIncludes(out, "Usage: guise run");
  }
  const { status, out } = await guise(["--version"]);
  assertEquals(status, 0);
  assertMatch(out, /^guise \d+\.\d+\.\d+\n$/);
});

Deno.test("cli answers wrong usage with one line and status 2", async () => {
  for (
    const [args, words] of [
      [[], "no command is given"],
      [["walk"], "unknown command walk"],
      [["run"], "no program is given"],
      [["run", "--bogus", "x"], "unknown option --bogus"],
      [["run", "--root"], "--root needs a value"],
      [["run", "--root", "/does/not/exist", "x"], "--root /does/not/exist: there is no such folder"],
      [["run", "--mount", "/tmp", "x"], "--mount needs HOST:GUEST"],
      [["run", "--env", "NOVALUE", "x"], "--env needs NAME=VALUE"],
      [["run", "--engine", "warp", "x"], "--engine is auto, interpreter, jit or lockstep"],
      [["run", "--timeout", "soon", "x"], "--timeout needs a number"],
      [["run", "--user", "root", "x"], "--user needs UID"],
      [["run", "--personality", "hurd", "x"], "there is no personality hurd"],
      [
        ["run", "--personality", "osv:2024", "x"],
        "osv has no option 2024; there are 2023, trivial, master, verbose",
      ],
    ] as const
  ) {
    const { status, out, err } = await guise([...args]);
    assertEquals([status, out], [2, ""], err);
    assert(err.startsWith("guise: ") && err.trimEnd().split("\n").length === 1, err);
    assertStringIncludes(err, words);
  }
});

Deno.test("cli passes on exit status, signal, and what cannot be run", () =>
  inFolder(async (path) => {
    program(`${path}/seven`, exit(7));
    program(`${path}/crash`, "mov eax, [rip+0x100000]\n");
    Deno.writeTextFileSync(`${path}/text`, "no program\n", { mode: 0o755 });
    program(`${path}/plain`, exit(0));
    Deno.chmodSync(`${path}/plain`, 0o644);
    const other = makeProgram({ ...x86_64, elfMachine: 243 }, new Uint8Array(4));
    Deno.writeFileSync(`${path}/other`, other, { mode: 0o755 });
    assertEquals(await guise(["run", `${path}/seven`]), { status: 7, out: "", err: "" });
    const crash = await guise(["run", `${path}/crash`]);
    assertEquals(crash.status, 139);
    assertMatch(crash.err, /^guise: .*SIGSEGV.*0x400078/);
    for (
      const [name, status, words] of [
        ["./none", 127, "./none: no such file or directory"],
        ["no-such-program", 127, "no-such-program: not found in PATH"],
        [`${path}/plain`, 126, "ermission denied"],
        [`${path}/text`, 126, "a text file without a #! line"],
        [`${path}/other`, 126, "a riscv ELF program, and this kernel runs x86-64 and aarch64 only"],
        [path, 126, "ermission denied"],
      ] as const
    ) {
      const ran = await guise(["run", name]);
      assertEquals([ran.status, ran.out], [status, ""], ran.err);
      assertStringIncludes(ran.err, words);
      assert(ran.err.trimEnd().split("\n").length === 1, ran.err);
    }
  }));

Deno.test("cli passes bytes through as they are, and the arguments after the program untouched", () =>
  inFolder(async (path) => {
    // cat: read(0), write(1), until the end
    program(
      `${path}/cat`,
      `again:
      mov eax, 0
      mov edi, 0
      mov rsi, rsp
      sub rsi, 4096
      mov edx, 4096
      syscall
      test eax, eax
      jle done
      mov edx, eax
      mov eax, 1
      mov edi, 1
      syscall
      jmp again
      done:\n` + exit(0),
    );
    const all = String.fromCharCode(...Array.from({ length: 128 }, (_, i) => i));
    assertEquals(await guise(["run", `${path}/cat`], all), { status: 0, out: all, err: "" });
    // argc, and the second argument
    program(`${path}/argc`, `mov edi, [rsp]\nmov eax, 231\nsyscall\n`);
    assertEquals((await guise(["run", "--", `${path}/argc`, "--trace", "--help", "--"])).status, 4);
    assertEquals((await guise(["run", "--cwd", path, "./argc", "-x"])).status, 2);
  }));

Deno.test("cli traces to standard error or a file, and writes counters", () =>
  inFolder(async (path) => {
    program(`${path}/p`, `mov eax, 39\nsyscall\n` + exit(3));
    const traced = await guise(["run", "--trace", `${path}/p`, "x"]);
    assertEquals(traced.status, 3);
    const lines = traced.err.trimEnd().split("\n");
    assertMatch(lines[0], /^execve\(".*\/p", \[".*, "x"\], 0x[0-9a-f]+ \/\* \d+ vars \*\/\) = 0$/);
    assertMatch(lines[1], /^getpid\(\) {32}= \d+$/);
    assertEquals(lines.slice(2), [`exit_group(3)${" ".repeat(27)}= ?`, "+++ exited with 3 +++"]);
    const file = await guise(["run", `--trace=${path}/t`, "--stats", `${path}/s`, `${path}/p`]);
    assertEquals(file, { status: 3, out: "", err: "" });
    assertMatch(Deno.readTextFileSync(`${path}/t`), /^\d+ +execve\(.*\n\d+ +getpid\(\) +=/);
    const stats = JSON.parse(Deno.readTextFileSync(`${path}/s`));
    assertEquals([stats.exit, stats.traps.syscall, stats.syscalls], [3, 2, { getpid: 1, exit_group: 1 }]);
    assert(stats.instructions >= 5 && stats.memoryBytes > 0 && stats.ms > 0, JSON.stringify(stats));
  }));

Deno.test("cli ends a guest that takes too long, and one that gets SIGTERM", () =>
  inFolder(async (path) => {
    program(`${path}/loop`, "again:\njmp again\n");
    const late = await guise(["run", "--timeout", "0.3", `${path}/loop`]);
    assertEquals(late.status, 137);
    assertStringIncludes(late.err, "killed after 0.3 s");
    // Half a second of nanosleep, after which the command listens to signals; write(1, rsp, 1), which tells so; a loop.
    program(
      `${path}/tells`,
      `mov eax, 35
      lea rdi, [rip+pause]
      xor esi, esi
      syscall
      mov eax, 1
      mov edi, 1
      mov rsi, rsp
      mov edx, 1
      syscall
      again:
      jmp again
      pause:
      .quad 0
      .quad 500000000
      `,
    );
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", cli, "run", `${path}/tells`],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    for await (const _ of child.stdout) child.kill("SIGTERM");
    const { code, signal } = await child.status;
    assertEquals([code, signal], [143, null]);
  }));

Deno.test("cli without --root keeps the host's files as they are; --mount with :rw writes through", () =>
  inFolder(async (path) => {
    Deno.mkdirSync(`${path}/m`);
    // open(argv[1], O_CREAT|O_WRONLY, 0644) and exit with 0 if that worked
    program(
      `${path}/touch`,
      `mov rdi, [rsp+16]
      mov eax, 2
      mov esi, 65
      mov edx, 420
      syscall
      shr eax, 31
      mov edi, eax
      mov eax, 231
      syscall\n`,
    );
    assertEquals((await guise(["run", `${path}/touch`, `${path}/new`])).status, 0);
    assertEquals(
      (await guise(["run", "--mount", `${path}/m:/mnt/m`, `${path}/touch`, "/mnt/m/ro"])).status,
      1,
    );
    assertEquals(
      (await guise(["run", "--mount", `${path}/m:/mnt/m:rw`, `${path}/touch`, "/mnt/m/rw"])).status,
      0,
    );
    assertEquals([...Deno.readDirSync(path)].map((e) => e.name).sort(), ["m", "touch"]);
    assertEquals([...Deno.readDirSync(`${path}/m`)].map((e) => e.name), ["rw"]);
    // Under --root the folder is all there is.
    const rooted = await guise(["run", "--root", path, "/touch", "/m/new"]);
    assertEquals(rooted, { status: 0, out: "", err: "" });
    assertEquals((await guise(["run", "--root", path, `${path}/touch`])).status, 127);
  }));

Deno.test({
  name: "cli leaves the rest of its input to the host's next program, and writes where the last one ended",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (path) => {
      // read(0, sp-16, 2), write(1, sp-16, 2)
      program(
        `${path}/two`,
        `xor eax, eax
        xor edi, edi
        lea rsi, [rsp-16]
        mov edx, 2
        syscall
        mov eax, 1
        mov edi, 1
        lea rsi, [rsp-16]
        mov edx, 2
        syscall\n` + exit(0),
      );
      Deno.writeTextFileSync(`${path}/in`, "abcdef\n");
      const command = `"$DENO" run -A --no-check "$CLI" run ${path}/two`;
      const shell = async (script: string): Promise<string> => {
        const { stdout, stderr } = await new Deno.Command("/bin/sh", {
          args: ["-c", script],
          env: { DENO: Deno.execPath(), CLI: cli },
        }).output();
        assertEquals(new TextDecoder().decode(stderr), "");
        return new TextDecoder().decode(stdout);
      };
      assertEquals(await shell(`(${command}; cat) < ${path}/in`), "abcdef\n");
      assertEquals(await shell(`(head -c 2 > /dev/null; ${command}; cat) < ${path}/in`), "cdef\n");
      assertEquals(await shell(`cat ${path}/in | (${command}; cat)`), "abcdef\n");
      await shell(`(echo one; ${command}; echo; echo two) < ${path}/in > ${path}/out 2>&1`);
      assertEquals(Deno.readTextFileSync(`${path}/out`), "one\nab\ntwo\n");
      await shell(`${command} < ${path}/in >> ${path}/out`);
      assertEquals(Deno.readTextFileSync(`${path}/out`), "one\nab\ntwo\nab");
    }),
});
