/**
 * Programs under the OSv personality: C programs that are built here and must print what they print natively, Debian's own
 * dynamic programs, and what OSv answers otherwise (spec 3). `--stats` says which calls were direct, and that none trapped.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { build, exists, here, osv, output, same, temporary, test } from "./support.ts";

const decoder = new TextDecoder();

for (const [kind, flags] of [["PIE", []], ["non-PIE", ["-no-pie"]]] as const) {
  test(`a dynamic ${kind} hello prints as natively, by direct calls alone`, async () => {
    const program = build("hello", ...flags);
    const { traps, calls } = await same(program);
    assertEquals(traps, { syscall: 0, int80: 0, svc: 0, fault: 0 });
    assertEquals(calls.printf ?? calls.__printf_chk, 3);
    assertEquals(calls.fopen, 1);
  });
}

test("a static hello lives on system calls, with one line for rseq (O12)", async () => {
  const program = build("hello", "-static");
  const { traps, error } = await same(program);
  assert(traps.syscall > 0);
  assertEquals(error, "syscall(): unimplemented system call 334\n");
});

test("SYSCALL saves registers on a stack of each thread that GS names (O9)", async () => {
  const { out } = await osv(build("stack", "-static"), []);
  assertEquals(out, "1 1\n89abcdef01234567 1234567 77 1\ndeadbeafdeadbeaf\n1 1 1 1\n");
});

test("libvdso.so has three functions, which call the kernel without a trap (O8)", async () => {
  const { out, calls } = await osv(build("vdso", "-static"), []);
  assertEquals(out, "1 5\n__vdso_time\n__vdso_gettimeofday\n__vdso_clock_gettime 0 1 -1\n");
  assertEquals(calls.__vdso_clock_gettime, 2);
});

test("the sets of system calls are chosen by name, and exit is told when OSv is verbose (O7, 3.3)", async () => {
  const program = build("hello", "-static");
  const trivial = await osv(program, [], {}, "osv:trivial");
  const old = await osv(program, [], {}, "osv:2023");
  const all = await osv(program, [], {}, "osv:master,verbose");
  assertStringIncludes(trivial.error, "unimplemented system call 158\n");
  assertStringIncludes(old.error, "unimplemented system call 158\n");
  assertEquals(all.error, "syscall(): unimplemented system call 334\nprogram exited with status 3\n");
});

test("a Go program runs by SYSCALL, with goroutines (where there is a Go compiler)", async () => {
  if (!exists("/usr/bin/go")) return;
  const program = temporary("file", "go-");
  const built = new Deno.Command("/usr/bin/go", {
    args: ["build", "-o", program, `${here}goroutines.go`],
    env: { CGO_ENABLED: "0" },
  }).outputSync();
  assert(built.success, decoder.decode(built.stderr));
  const native = await output(program, []);
  const { out, status, traps } = await osv(program, []);
  assertEquals({ out, status }, { out: native.out, status: 0 });
  assert(traps.syscall > 20);
});

for (
  const name of [
    "threads",
    "files",
    "calendar",
    "various",
    "streams",
    "older",
    "interrupted",
    "cancel",
    "trees",
  ]
) {
  test(`${name}.c prints what it prints natively, without a trap`, async () => {
    const { traps, syscalls } = await same(build(name));
    assertEquals(traps.fault, 0);
    assertEquals(syscalls, {});
  });
}

test("a program is linked to its library: copies, TLS, IFUNC, order of init and fini functions", async () => {
  const folder = temporary("folder");
  const library = `${folder}/liblinking.so`;
  const built = new Deno.Command("gcc", {
    args: ["-w", "-O1", "-shared", "-fPIC", "-o", library, `${here}library.c`],
  }).outputSync();
  assert(built.success, decoder.decode(built.stderr));
  for (const flags of [[], ["-no-pie"], ["-Wl,-z,now"]]) {
    await same(build("linking", ...flags, library));
  }
  await same(build("opening", "-rdynamic"), [library]);
});

for (const locale of ["C", "C.UTF-8"]) {
  test(`regular expressions match as glibc's in the locale ${locale}: 1,000 chosen, 4,000 random ones`, async () => {
    const { traps } = await same(build("regex"), ["4000", "11"], { env: { LC_ALL: locale } });
    assertEquals(traps.syscall, 0);
  });
}

test("dlopen, dlclose, versions, RTLD_NEXT and all models of thread-local data are as natively", async () => {
  const folder = temporary("folder");
  const gcc = (...args: string[]): void => {
    const built = new Deno.Command("gcc", { args: ["-w", "-O1", ...args], cwd: folder }).outputSync();
    assert(built.success, decoder.decode(built.stderr));
  };
  Deno.writeTextFileSync(
    `${folder}/map`,
    "V1 { global: answer; local: *; };\nV2 { global: answer; } V1;\n",
  );
  const versioned = `${folder}/libversioned.so`;
  gcc(
    ...["-shared", "-fPIC", "-Wl,-soname,libversioned.so", "-Wl,--version-script=map", "-o", versioned],
    `${here}versioned.c`,
  );
  gcc("-rdynamic", "-o", "closing", `${here}closing.c`, "-L.", "-lversioned", "-Wl,-rpath,$ORIGIN");
  for (const [model, flag] of [["gd", "-DGD"], ["desc", "-mtls-dialect=gnu2"], ["ie", "-DSTATIC_TLS"]]) {
    const plugin = `${folder}/plugin_${model}.so`;
    gcc("-shared", "-fPIC", flag, "-o", plugin, `${here}plugin.c`);
    const { traps } = await same(`${folder}/closing`, [plugin, versioned]);
    assertEquals(traps, { syscall: 0, int80: 0, svc: 0, fault: 0 });
  }
});

test("a C++ program throws, catches and prints as natively (where there is a C++ compiler)", async () => {
  if (!exists("/usr/bin/g++")) return;
  const program = temporary("file", "cc-");
  const built = new Deno.Command("g++", {
    args: ["-O1", "-pthread", "-o", program, `${here}exceptions.cc`],
  }).outputSync();
  assert(built.success, decoder.decode(built.stderr));
  const { traps } = await same(program);
  assertEquals(traps.syscall, 0);
});

test("processes, identity and the auxiliary vector are OSv's (O1, O6, O7)", async () => {
  const { out, error, status } = await osv(build("osv"), ["a"]);
  assertEquals(out, "2 2 0 0\n-1 -1 -1 1 -1 1 -1 -1\n33 6 51 25 \n");
  assertEquals(error, "fork() stubbed\nexecve() stubbed\n");
  assertEquals(status, 2);
});

test("system calls by number answer as OSv's do (O12, O13)", async () => {
  const program = build("calls", "-static");
  const { out, error, status } = await osv(program, []);
  assertEquals(out, "2 2 0\n1\n-22 -22\n-38 -22\n-38 -38\n-22 -3\n-11\n");
  // Arguments of one printf are evaluated from the last to the first.
  const lines = [334, 59, 57].map((n) => `syscall(): unimplemented system call ${n}\n`);
  assertEquals(error, lines.join(""));
  assertEquals(status, 0);
  const other = await osv(program, ["requeue"]);
  assertEquals(other.status, 134);
  assertStringIncludes(other.error, "futex() operation 3 is not implemented");
});

for (
  const [when, flag, expected] of [
    ["when it is called", "-Wl,-z,lazy", 134],
    ["at the start of a program that binds at once", "-Wl,-z,now", 126],
  ] as const
) {
  test(`a missing symbol is named ${when} (O4)`, async () => {
    const folder = temporary("folder");
    const source = `${folder}/missing.c`, library = `${folder}/libmissing.so`;
    Deno.writeTextFileSync(source, "int nowhere_found(void); int here(void) { return nowhere_found(); }\n");
    const user = `${folder}/user.c`, program = `${folder}/user`;
    Deno.writeTextFileSync(user, "int here(void); int main(void) { return here(); }\n");
    for (
      const args of [
        ["-shared", "-fPIC", flag, "-o", library, source],
        ["-o", program, user, library, "-Wl,--allow-shlib-undefined"],
      ]
    ) {
      const built = new Deno.Command("gcc", { args: ["-w", ...args] }).outputSync();
      assert(built.success, decoder.decode(built.stderr));
    }
    const { status, error } = await osv(program, []);
    assertEquals(status, expected);
    assertStringIncludes(error, `${library}: failed looking up symbol nowhere_found`);
  });
}

test("the Linux ld.so loads a program by system calls (O5)", async () => {
  const { traps, out } = await osv("/lib64/ld-linux-x86-64.so.2", ["/usr/bin/echo", "hi"]);
  assertEquals(out, "hi\n");
  assert(traps.syscall > 10);
});
