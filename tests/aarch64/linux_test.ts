/** Programs built for aarch64, compared with qemu-aarch64: both C libraries, faults in signal handlers, the vDSO, nolibc-test. */
import { assert, assertEquals } from "@std/assert";
import { guestSource } from "../tools/guests.ts";
import { build, folder, KINDS, missing, ours, qemu } from "./build.ts";

const test = (name: string, fn: () => void | Promise<void>, why = missing) =>
  Deno.test({ name: name + why, ignore: why !== "", fn });

for (const kind of KINDS) {
  test(`hello.c for aarch64 (${kind}) prints what it prints under qemu`, () => {
    const program = build("hello", kind);
    const expected = qemu(program, "a");
    assertEquals([expected.status, ours(program, ["a"])], [7, expected]);
  });
  test(`threads.c for aarch64 (${kind}) prints what it prints under qemu`, () => {
    const program = build("threads", kind);
    assertEquals(ours(program), qemu(program));
  });
}

test("faults reach handlers with signal, code, address and syndrome; dc zva, tags and changing code work", () => {
  const program = build("traps");
  const expected = qemu(program), actual = ours(program);
  // qemu tells ILL_ILLOPN of what is undefined, Linux ILL_ILLOPC (A5); before version 8 it has no syndrome record.
  const general = (text: string) => text.replace(/ esr class \w+ rest \w+/g, "");
  assertEquals(
    general(actual.text),
    general(expected.text).replace("undefined: signal 4 code 2", "undefined: signal 4 code 1"),
  );
  const syndromes = [...actual.text.matchAll(/^(.*?): .* esr class (\w+) rest (\w+)/gm)].map((m) =>
    m.slice(1)
  );
  assertEquals(syndromes, [
    ["read of nothing", "24", "7"],
    ["write to nothing", "24", "47"],
    ["write to a page that is read-only", "24", "4f"],
    ["call of nothing", "20", "7"],
    ["call of data", "20", "f"],
    ["call of an odd address", "22", "0"],
    ["atomic access that is not aligned", "24", "21"],
  ]);
});

test("a stack pointer that is not aligned is SIGBUS, and dc zva asks for permission (qemu-user checks neither)", () => {
  const { text } = ours(build("traps", "glibc static", ["-DSTACK"], "traps-stack"));
  const line = (name: string) =>
    text.split("\n").find((l) => l.startsWith(name))?.replace(/ record 46508001 of 528/, "");
  assertEquals(
    line("stack pointer"),
    "stack pointer that is not aligned: signal 7 code 1 address sp esr class 26 rest 0",
  );
  assertEquals(
    line("dc zva to"),
    "dc zva to a page that is read-only: signal 11 code 2 address as given esr class 24 rest 4f",
  );
});

for (const engine of ["interpreter", "jit", "lockstep"]) {
  test(`handlers see all vector registers, and what they change in the FPSIMD record comes back (${engine})`, () => {
    const program = build("vectors"), expected = qemu(program);
    assertEquals(ours(program, [], ["--engine", engine]).text, expected.text);
    assert(expected.text.endsWith("\n170 signals\n"), expected.text);
  });
}

test("the clock is read through the vDSO, without a system call for the clocks it has", () => {
  const program = build("vdso", "glibc dynamic");
  const expected = qemu(program), stats = Deno.makeTempFileSync();
  try {
    const actual = ours(program, [], ["--stats", stats]);
    assertEquals(actual.text, expected.text.replace("vdso 0", "vdso 1"));
    // Twelve by number, and those of clocks that only a system call knows.
    const { syscalls } = JSON.parse(Deno.readTextFileSync(stats));
    assert(syscalls.clock_gettime < 30 && (syscalls.gettimeofday ?? 0) === 0, JSON.stringify(syscalls));
  } finally {
    Deno.removeSync(stats);
  }
});

/** Checks that passed, by name, of nolibc-test's output. */
function passed(text: string): string[] {
  let group = "";
  return text.split("\n").flatMap((line) => {
    group = /^Running test '(.*)'/.exec(line)?.[1] ?? group;
    const check = /^(\d+) (\w+) .*\[OK\]/.exec(line);
    return check === null ? [] : [`${group} ${check[1]} ${check[2]}`];
  });
}

const linux = guestSource("linux"), source = `${linux}/tools/testing/selftests/nolibc/nolibc-test.c`;
test("nolibc-test for aarch64 passes every check that passes under qemu, as the same user", () => {
  const flags = "-Os -fno-ident -fno-asynchronous-unwind-tables -s -nostdlib -fno-stack-protector -include"
    .split(" ");
  const program = build(
    source,
    "glibc static",
    [...flags, `${linux}/tools/include/nolibc/nolibc.h`],
    "nolibc-test",
  );
  // As an ordinary user, with a pipe for standard input, in a folder that it can enter: as the checks expect.
  const path = Deno.makeTempFileSync({ prefix: "nolibc-" });
  Deno.copyFileSync(folder + program, path);
  Deno.chmodSync(path, 0o755);
  const run = (argv: string[]) => {
    const drop = Deno.uid() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : [];
    const all = argv[0] === "qemu-aarch64" ? [...drop, ...argv] : argv;
    const { stdout } = new Deno.Command("sh", {
      args: ["-c", 'true | "$@"', "sh", ...all],
      cwd: "/tmp",
    }).outputSync();
    return passed(new TextDecoder().decode(stdout));
  };
  try {
    const expected = run(["qemu-aarch64", path]);
    const cli = new URL("../../cli.ts", import.meta.url).pathname;
    const user = Deno.uid() === 0 ? ["--user", "65534:65534"] : [];
    const actual = run([Deno.execPath(), "run", "-A", cli, "run", ...user, "--", path]);
    assert(expected.length >= 60, `only ${expected.length} pass under qemu`);
    assertEquals(expected.filter((name) => !actual.includes(name)), []);
  } finally {
    Deno.removeSync(path);
  }
}, missing || (linux === undefined ? " (skipped: deno task guests has not fetched its source)" : ""));
