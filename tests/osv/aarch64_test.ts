/** OSv on aarch64: SVC with its exception stack, direct calls, libvdso.so, Debian's own dynamic programs (spec O8, O10, O12a). */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { build, missing, ours, qemu, type Seen } from "../aarch64/build.ts";
import { guestRoot } from "../tools/guests.ts";

const here = fromFileUrl(new URL(".", import.meta.url));

interface Counted extends Seen {
  readonly traps: Record<string, number>;
  readonly calls: Record<string, number>;
  readonly syscalls: Record<string, number>;
}
function counted(run: (flags: string[]) => Seen): Counted {
  const stats = Deno.makeTempFileSync({ prefix: "guise-osv-", suffix: ".json" });
  try {
    const seen = run(["--personality", "osv", "--stats", stats]);
    return { ...seen, ...JSON.parse(Deno.readTextFileSync(stats)) };
  } finally {
    Deno.removeSync(stats);
  }
}
const osv = (program: string, ...args: string[]): Counted => counted((flags) => ours(program, args, flags));
const test = (name: string, fn: () => void) =>
  Deno.test({ name: `osv on aarch64: ${name}${missing}`, ignore: missing !== "", fn });

test("a dynamic hello prints what it prints under qemu, by direct calls alone (O12a)", () => {
  const program = build("hello", "glibc dynamic"), expected = qemu(program, "a");
  const { status, text, errors, traps, calls } = osv(program, "a");
  assertEquals({ status, text, errors }, expected);
  assertEquals(traps, { syscall: 0, int80: 0, svc: 0, fault: 0 });
  assert(calls.printf === 1 && calls.puts === 1 && calls.open === 1, JSON.stringify(calls));
});

test("a static hello lives on SVC, with one line for rseq (O12)", () => {
  for (const kind of ["glibc static", "musl static"] as const) {
    const program = build("hello", kind), expected = qemu(program, "a");
    const { status, text, errors, traps } = osv(program, "a");
    assertEquals({ status, text }, { status: expected.status, text: expected.text });
    assert(traps.svc > 0 && traps.syscall === 0);
    assertEquals(errors, kind === "glibc static" ? "syscall(): unimplemented system call 293\n" : "");
  }
});

test("threads are the kernel's, with thread-local data above the thread pointer", () => {
  const program = build("threads", "glibc dynamic"), expected = qemu(program);
  const { status, text, errors, traps, calls } = osv(program);
  assertEquals({ status, text, errors }, expected);
  assertEquals([traps.svc, calls.pthread_create], [0, 4]);
});

for (const name of ["interrupted", "cancel", "trees"]) {
  test(`${name}.c prints what it prints under qemu`, () => {
    const program = build(`${here}${name}.c`, "glibc dynamic", ["-w", "-O1", "-pthread"], name);
    const { status, text, errors, traps } = osv(program), expected = qemu(program);
    assertEquals({ status, text, errors }, expected);
    // sigsetjmp with a mask, and the jump, are the guest's libc's here.
    assertEquals(traps.svc, name === "interrupted" ? 2 : 0);
  });
}

test("SVC saves a frame on the exception stack of its thread (O10)", () => {
  const { text } = osv(build(`${here}exception.c`, "glibc static", [], "exception"));
  const frame = "result 2, frame x0 77 x8 172 sp 1 elr 1 esr 56000000 far 0";
  assertEquals(text, `10000\nmain: ${frame}\n10000\n10000\nthread: ${frame}\n`);
});

test("libvdso.so has three functions, which call the kernel without a trap (O8)", () => {
  const program = build(`${here}vdso.c`, "glibc static", ['-DCLOCK="__kernel_clock_gettime"'], "libvdso");
  const { text, calls } = osv(program);
  assertEquals(text, "1 5\n__kernel_gettimeofday\n__kernel_clock_gettime 0 1 -1\n__kernel_clock_getres\n");
  assertEquals(calls.__kernel_clock_gettime, 2);
});

const root = guestRoot("aarch64");
for (
  const [command, ...args] of [
    ["/bin/true"],
    ["/bin/echo", "a", "b c"],
    ["/bin/cat", "/etc/hostname", "/etc/nothing"],
    ["/usr/bin/wc", "/etc/passwd"],
    ["/bin/ls", "-l", "/usr/share/base-passwd"],
    ["/usr/bin/sort", "-r", "/etc/passwd"],
    ["/usr/bin/sha256sum", "/etc/passwd"],
    [
      "/usr/bin/lua5.4",
      "-e",
      "for i = 1, 3 do print(i / 3, string.format('%5.2f|%x', i * 1.5, i * 100)) end",
    ],
    [
      "/usr/bin/sqlite3",
      ":memory:",
      "create table t(a, b); insert into t values (1, 2.5), (3, 'x'); select sum(a), max(b) from t",
    ],
  ]
) {
  test(`Debian's ${command} does what it does under Linux, without a trap`, () => {
    const run = (flags: string[]): Seen => {
      const { code, stdout, stderr } = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          fromFileUrl(new URL("../../cli.ts", import.meta.url)),
          "run",
          "--root",
          root!,
          ...flags,
          "--",
          command,
          ...args,
        ],
        stdin: "null",
      }).outputSync();
      return {
        status: code,
        text: new TextDecoder().decode(stdout),
        errors: new TextDecoder().decode(stderr),
      };
    };
    const expected = run([]), { traps, syscalls, status, text, errors } = counted(run);
    assertEquals({ status, text, errors }, expected);
    assertEquals([traps.svc, syscalls], [0, {}]);
  });
}
