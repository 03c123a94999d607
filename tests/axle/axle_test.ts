// axle's calls as its programs see them (spec W1-W16).
import { assert, assertEquals, assertMatch } from "@std/assert";
import { axle, axleKey } from "@guise/axle";
import { CODE, makeProgram } from "@guise/axle/testing";
import { createKernel, virtualClock } from "@guise/core";
import { conformance } from "@guise/core/testing";
import { x86_64 as x86_64Tools } from "@guise/x86-64";
import { x86_64 } from "@guise/x86-64/run";
import { strace } from "@guise/strace";
import { compiler, program, run } from "./build.ts";

const test = (name: string, fn: () => Promise<void>): void => Deno.test({ name, ignore: !compiler, fn });

test("a message sent before its service exists is delivered at registration (W16)", async () => {
  const a = program(`
    amc_register("a");
    struct { u32 event; u32 pad; u64 n; } m = {7, 0, 1234};
    print_number("sent ", amc_send("b", &m, sizeof m));
    message *got;
    amc_await("b", &got);
    print_number("reply ", word(got, 8));
    print_number("at ", word(got, 0) + (got->body - (u8 *)got));
  `);
  const b = program(`
    core_number(202, 50);
    core_number(202, 50);
    message *got;
    amc_await_event("a", 7, &got);
    print_number("got ", word(got, 8));
    struct { u32 event; u32 pad; u64 n; } m = {8, 0, word(got, 8) * 2};
    print_number("replied ", amc_send("a", &m, sizeof m));
  `.replace("core_number(202, 50);", `for (volatile int i = 0; i < 100000; i++); amc_register("b");`));
  const { lines, codes } = await run([a, b], { quantum: 20_000 });
  assertEquals(codes, [0, 0]);
  assertEquals(lines.filter((l) => !l.includes("terminated")), [
    "[2] sent 0",
    "[3] got 1234",
    "[3] replied 1",
    "[2] reply 2468",
    "[2] at 140",
  ]);
});

test("await takes the first message that matches and leaves the others; delivery overwrites (W7)", async () => {
  const { lines, codes } = await run([program(`
    amc_register("self");
    for (u32 n = 1; n <= 4; n++) { u32 m[2] = {n % 2, n}; amc_send("self", m, 8); }
    message *x, *y;
    amc_await_event("self", 0, &x);
    print_number("even ", word(x, 4));
    amc_await_any(&y);
    print_number("next ", word(y, 4));
    print_number("same place ", x == y);
    print_number("overwritten ", word(x, 4));
    const char *names[] = {"nobody", "self"};
    amc_await_from(2, names, &y);
    print_number("third ", word(y, 4));
    print_number("has ", amc_has());
    print_number("from nobody ", amc_has_from("nobody"));
    amc_await_from(0, names, &y);
    print_number("last ", word(y, 4));
    print_number("has ", amc_has());
    print_number("length ", y->len);
    print_number("to self ", same(y->source, "self") && same(y->dest, "self"));
  `)]);
  assertEquals(codes, [0]);
  assertEquals(lines.slice(0, -1).map((l) => l.replace("[2] ", "")), [
    "even 2",
    "next 1",
    "same place 1",
    "overwritten 1",
    "third 3",
    "has 1",
    "from nobody 0",
    "last 4",
    "has 0",
    "length 8",
    "to self 1",
  ]);
});

test("the pool of messages for unknown services holds 512; one more ends the sender (W6)", async () => {
  const { lines, codes, kernel } = await run([program(`
    amc_register("sender");
    for (int n = 0; n < 512; n++) if (amc_send("nobody", &n, 4) != 0) exit(9);
    print("512 stored");
    amc_send("nobody", "more", 4);
    print("not reached");
  `)]);
  assertEquals(codes, [1]);
  assertEquals(lines[0], "[2] 512 stored");
  assertMatch(lines[1], /Assertion failed: array is full/);
  assertEquals(lines.length, 2);
  assertEquals(kernel.data.get(axleKey).stored.length, 512);
});

test("queues and waiting messages have limits that end the sender, not the host", async () => {
  const { lines, codes } = await run([
    program(`
      amc_register("crowd");
      for (int n = 0; n < 2032; n++) if (amc_send("crowd", &n, 4) != 1) exit(9);
      amc_send("crowd", "more", 4);
    `),
    program(
      `
      amc_register("large");
      for (int n = 0; n < 17; n++) amc_send("nobody", large, sizeof large);
      print("17 times 15 MiB");
      amc_send("nobody", large, sizeof large);
    `,
      "static char large[15 << 20];",
    ),
  ]);
  assertEquals(codes, [1, 1]);
  assert(lines.includes("[2] Assertion failed: would exceed"));
  assert(lines.includes("[3] 17 times 15 MiB"));
  assert(lines.includes("[3] Assertion failed: no memory for more messages"));
});

test("who asked is told of a service's death, and messages to it are stored from then on (208)", async () => {
  const { lines, codes } = await run([
    program(`
      amc_register("mortal");
      message *m;
      amc_await_any(&m);
      exit(3);
    `),
    program(`
      amc_register("mourner");
      core_name(208, "nobody");
      core_name(208, "mortal");
      print_number("alive ", amc_send("mortal", "bye!", 4));
      message *m;
      amc_await("com.axle.core", &m);
      print_number("event ", word(m, 0));
      print(m->body + 4);
      print_number("dead ", amc_send("mortal", "bye!", 4));
      core_name(211, "mortal");
      amc_await_event("com.axle.core", 211, &m);
      print_number("exists ", word(m, 68));
      core_name(211, "mourner");
      amc_await_event("com.axle.core", 211, &m);
      print_number("exists ", word(m, 68));
      core_name(209, "mortal");
    `),
  ]);
  assertEquals(codes, [3, 0]);
  assertEquals(lines.filter((l) => l.startsWith("[3]")), [
    "[3] alive 1",
    "[3] event 208",
    "[3] mortal",
    "[3] dead 0",
    "[3] exists 0",
    "[3] exists 1",
    "[3] self-terminated with exit 0 (0x0). Zombie",
  ]);
  assert(lines.includes("[2] self-terminated with exit 3 (0x3). Zombie"));
});

test("flush takes back one's own undelivered messages only (209)", async () => {
  const { codes, kernel } = await run([
    program(`amc_register("x"); amc_send("late", "from x", 6);`),
    program(`amc_register("y"); amc_send("late", "from y", 6); core_name(209, "late");`),
  ]);
  assertEquals(codes, [0, 0]);
  assertEquals(kernel.data.get(axleKey).stored.map((m) => m.source), ["x"]);
});

test("sleep lasts, and sleep-or-message ends with a message (202, 207)", async () => {
  const { lines, codes } = await run([
    program(`
      amc_register("sleeper");
      int t = ms_since_boot();
      core_number(202, 200);
      t = ms_since_boot() - t;
      print_number("slept ", t >= 200 && t < 250);
      message *m;
      amc_await_any(&m);
      t = ms_since_boot();
      core_number(207, 10000);
      t = ms_since_boot() - t;
      print_number("woken early ", t < 1000);
      print_number("by a message ", amc_has());
      amc_await_any(&m);
      t = ms_since_boot();
      core_number(207, 100);
      print_number("in time ", ms_since_boot() - t >= 100);
      amc_send("sleeper", "3", 1);
      t = ms_since_boot();
      core_number(207, 100);
      print_number("only new ones wake ", ms_since_boot() - t >= 100);
    `),
    program(`
      amc_register("waker");
      amc_send("sleeper", "1", 1);
      core_number(202, 400);
      amc_send("sleeper", "2", 1);
    `),
  ]);
  assertEquals(codes, [0, 0]);
  assertEquals(lines.filter((l) => l.startsWith("[2]")).slice(0, 5), [
    "[2] slept 1",
    "[2] woken early 1",
    "[2] by a message 1",
    "[2] in time 1",
    "[2] only new ones wake 1",
  ]);
});

test("shared memory is the same bytes in two services (210)", async () => {
  const common = `
    static void ask(const char *name, u32 size, u64 *local, u64 *remote) {
      u8 body[72] = {0};
      *(u32 *)body = 210;
      copy(body + 4, name, length(name));
      copy(body + 68, &size, 4);
      amc_send("com.axle.core", body, 72);
      message *m;
      amc_await_event("com.axle.core", 210, &m);
      copy(local, m->body + 8, 8);
      copy(remote, m->body + 16, 8);
    }`;
  const { lines, codes } = await run([
    program(
      `
      amc_register("one");
      message *m;
      amc_await("two", &m);
      u64 local, remote;
      ask("two", 5000, &local, &remote);
      print_number("aligned ", local % 4096 == 0 && remote % 4096 == 0);
      volatile char *shared = (char *)local;
      print_number("fresh ", shared[4999]);
      shared[0] = 'A';
      shared[8191] = 'Z';
      amc_send("two", &remote, 8);
      amc_await("two", &m);
      print_number("answer ", shared[1]);
    `,
      common,
    ),
    program(`
      amc_register("two");
      amc_send("one", "here", 4);
      message *m;
      amc_await("one", &m);
      u64 at;
      copy(&at, m->body, 8);
      volatile char *shared = (char *)at;
      print_number("seen ", shared[0] * 1000 + shared[8191]);
      shared[1] = 42;
      amc_send("one", "done", 4);
    `),
    program(`
      amc_register("three");
      u8 body[72] = {210};
      copy(body + 4, "nobody", 6);
      body[69] = 16;
      amc_send("com.axle.core", body, 72);
      print_number("no answer ", amc_has());
    `),
  ]);
  assertEquals(codes, [0, 0, 0]);
  const said = (n: number) => lines.filter((l) => l.startsWith(`[${n}]`)).slice(0, -1);
  assertEquals(said(2), ["[2] aligned 1", "[2] fresh 0", "[2] answer 42"]);
  assertEquals(said(3), ["[3] seen 65090"]);
  assertEquals(said(4), ["[4] no answer 0"]);
});

test("a driver waits for its interrupt line or a message (W9)", async () => {
  const { lines, codes } = await run([
    program(`
      amc_register("driver");
      adi_register("driver", 5);
      amc_send("device", "ready", 5);
      for (int n = 0; n < 3; n++) {
        int interrupt = adi_await(5);
        print_number("event ", interrupt);
        message *m;
        if (interrupt) adi_eoi(5); else amc_await_any(&m);
        amc_send("device", "next", 4);
      }
      adi_eoi(5);
      print("not reached");
    `),
    program(`adi_register("second", 6); adi_register("second", 6); print("not reached");`),
    program(`adi_register("none", 128);`),
  ], {
    prepare(kernel) {
      const axle = kernel.data.get(axleKey);
      let n = 0;
      const device = axle.attach("device", () => {
        if (n === 1) device.send("driver", new Uint8Array(4));
        else if (n < 3) axle.interrupt(5);
        n++;
      })!;
      assertEquals(axle.interrupt(7), false);
    },
  });
  assertEquals(codes, [1, 1, 1]);
  assertEquals(
    lines.filter((l) => l.startsWith("[2]")),
    [
      "[2] event 1",
      "[2] event 0",
      "[2] event 1",
      "[2] Assertion failed: EOI without a pending interrupt",
    ],
  );
  assert(lines.includes("[3] Assertion failed: IRQ already mapped to a driver task"));
  assert(lines.includes("[4] Assertion failed: Invalid IRQ provided"));
});

test("registration: long, second and taken names end the process (W5)", async () => {
  const { lines, codes } = await run([
    program(`amc_register("0123456789012345678901234567890123456789012345678901234567890123");`),
    program(`amc_register("first"); amc_register("second");`),
    program(`amc_register("kept"); message *m; amc_await_any(&m);`),
    program(`for (volatile int i = 0; i < 300000; i++); amc_register("kept"); print("not reached");`),
  ], {
    quantum: 50_000,
    prepare(kernel) {
      const axle = kernel.data.get(axleKey);
      const reporter = axle.attach("com.axle.crash_reporter", ({ source }) => {
        axle.log(`report from ${source.replace(/\d+$/, "N")}`);
        reporter.send("kept", new Uint8Array(4));
      })!;
    },
  });
  assertEquals(codes, [1, 1, 0, 1]);
  for (
    const line of [
      "[2] Assertion failed: AMC service name exceeded max size!",
      "[3] Assertion failed: A process can expose only one service name",
      "[5] Assertion failed: AMC service name already registered",
      "report from com.axle.invalid_service_name_kept_time_N",
    ]
  ) assert(lines.includes(line), `${line}\nis not in\n${lines.join("\n")}`);
});

test("faults end the guest with axle's text, and are reported (W14)", async () => {
  const reports: string[] = [];
  const { lines, codes } = await run([
    program(`amc_register("reads"); return *(volatile int *)0x10;`),
    program(`amc_register("writes"); *(volatile int *)0x7f8000000000 = 1;`),
    program(`((void (*)(void))0x666000)();`),
    program(`volatile int zero = 0; return 10 / zero;`),
    program(`__asm__("ud2");`),
    program(`__asm__("int $0x21");`),
    program(`__asm__("int3");`),
    program(`__asm__("syscall" :: "a"(39) : "rcx", "r11", "memory");`),
    program(`amc_register((char *)0x123456789a);`),
    program(`amc_register("x"); amc_send("y", (void *)0x3ffffff0, 0x1000);`),
    program(`amc_register("z"); message **wild = (message **)8; amc_send("z", "", 0); amc_await_any(wild);`),
    program(`amc_send("y", "", 0);`),
    program(`task_assert("it is wrong");`),
    program(`amc_register("w"); core_number(999, 0);`),
    program(`call3(17, 0, 0, 0);`),
    program(`amc_register("big"); amc_send("y", (char *)0x400000, 0x1000000);`),
    program(`amc_register("null"); amc_send(0, "", 0);`),
    program(`adi_await(9);`),
    program(`amc_register("screen"); core_number(201, 0);`),
    program(`amc_register("com.axle.awm"); core_number(201, 0);`),
    program(`amc_register("list"); core_number(200, 0);`),
    program(`amc_register("flusher"); core_name(209, "flusher");`),
  ], {
    prepare(kernel) {
      kernel.data.get(axleKey).attach("com.axle.crash_reporter", ({ source, body }) => {
        reports.push(`${source}: ${new TextDecoder().decode(body.subarray(8)).split("\n")[0]}`);
      });
    },
  });
  assertEquals(codes, codes.map(() => 1));
  const expected = [
    "Page fault: read  at 0x10",
    "Page fault: write at 0x7f8000000000",
    "Page fault: execute at 0x666000",
    "[5] Assertion failed: Attempted division by zero",
    "[6] Assertion failed: Invalid opcode encountered",
    "[7] Assertion failed: Unhandled exception 13",
    "[8] Assertion failed: Unhandled exception 3",
    "[9] Assertion failed: Invalid opcode encountered",
    "Page fault: read  at 0x123456789a",
    "Page fault: read  at 0x3ffffff0",
    "Page fault: write at 0x8",
    "[13] Assertion failed: Current task is not a registered amc service",
    "[14] Assertion failed: it is wrong",
    "[15] Assertion failed: Unknown message to core",
    "[16] Assertion failed: Syscall 17: array index out of range",
    "[17] Assertion failed: Message exceeded max size",
    "[18] Assertion failed: NULL destination service provided",
    "[19] Assertion failed: Current task does not match driver layout",
    "[20] Assertion failed: Only AWM may use this syscall",
    "[21] Assertion failed: command 201 to com.axle.core needs hardware that is not here",
    "[22] Assertion failed: NotImplemented",
    "[23] Assertion failed: NotImplemented",
  ];
  for (const line of expected) assert(lines.includes(line), `${line}\nis not in\n${lines.join("\n")}`);
  assertEquals(reports, ["reads", "writes", "x", "z"].map((name) => `${name}: Assertion failed: Page fault`));
});

test("numbers from 128 on are told and change nothing; others keep registers (W2, W3)", async () => {
  const { lines, codes } = await run([program(`
    u64 a = 200, b = 1, c = 2, d = 3, s = 4, e = 5, r8 = 0;
    __asm__ volatile("mov $88, %%r8; int $0x80; mov %%r8, %6"
      : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(s), "+D"(e), "=r"(r8) :: "r8", "r11", "memory");
    print_number("rax ", a);
    print_number("kept ", b == 1 && c == 2 && d == 3 && s == 4 && e == 5 && r8 == 88);
    char *old = sbrk(0);
    print_number("same ", sbrk(10000) == old);
    old[9999] = 1;
    print_number("zero ", old[5000]);
    print_number("grown ", sbrk(0) - old);
    print_number("negative ", (long)sbrk(-16));
    print_number("raised ", sbrk(0) - old);
    print_number("too much ", (int)(long)sbrk(0x40000000));
    print_number("pid ", getpid());
    u64 sp;
    __asm__("mov %%rsp, %0" : "=r"(sp));
  `)]);
  assertEquals(codes, [0]);
  assertEquals(lines.slice(0, -1), [
    "Syscall 200 called but not defined",
    "[2] rax 200",
    "[2] kept 1",
    "[2] same 1",
    "[2] zero 0",
    "[2] grown 10000",
    "[2] negative 0",
    "[2] raised 10016",
    "[2] too much -1",
    "[2] pid 2",
  ]);
});

test("exec starts a supervised program from memory (204, 215)", async () => {
  const child = program(`print("I run"); return 7;`);
  const array = `static const u8 elf[] = {${[...child].join(",")}};`;
  const { lines, codes } = await run([
    program(
      `
      amc_register("com.axle.file_server");
      struct { u32 event, pad; const char *name; u64 supervised; const void *at; u32 size, more; } m =
        {204, 0, "child", 1, elf, sizeof elf, 0};
      amc_send("com.axle.core", &m, sizeof m);
      message *got;
      for (int n = 0; n < 4; n++) {
        amc_await("com.axle.core", &got);
        print_number("event ", word(got, 0) * 1000 + word(got, 8));
        if (word(got, 8) == 2) print_number("status ", word(got, 24));
        if (word(got, 8) == 3) print(got->body + 32);
      }
      m.at = "no program";
      m.size = 10;
      amc_send("com.axle.core", &m, sizeof m);
    `,
      array,
    ),
    program(`amc_register("other"); core_number(204, 0);`),
  ]);
  assertEquals(codes, [0, 1]);
  assertEquals(lines.filter((l) => l.startsWith("[2]")).slice(0, 6), [
    "[2] event 215000",
    "[2] event 215001",
    "[2] event 215003",
    "[2] I run",
    "[2] event 215002",
    "[2] status 7",
  ]);
  assert(lines.includes("[4] I run"));
  assert(lines.includes("child: is not an ELF file"));
  assert(lines.includes("[3] Assertion failed: Only certain services may use this syscall"));
});

test("one trace line shows vector, number and event of a window_moved_event (G5)", async () => {
  let text = "";
  const { codes } = await run([program(`
    amc_register("com.example.mover");
    struct { u32 message_type; u64 window_id; int x, y; } window_moved_event = {1002, 5, 30, 40};
    amc_send("com.axle.awm", &window_moved_event, sizeof window_moved_event);
  `)], { plugins: [strace({ write: (t) => text += t })] });
  assertEquals(codes, [0]);
  const line = text.split("\n").find((l) => l.includes("amc_message_send"))!;
  assertMatch(
    line,
    /^int 0x80 \[1\] amc_message_send\("com\.axle\.awm", \{event=1002, 20 more bytes\}, 24\) += 0$/,
  );
});

test("1,000 random calls end the guest or go on, and never throw", async () => {
  const bytes = program(`
    static char *values[] = {0, (char *)8, (char *)0x400000, (char *)0x1fffff8, (char *)0x2000000, (char *)-1,
      (char *)0x7fffffffffff, "com.axle.core", "self", "nobody", (char *)-4096, (char *)0x80000000, (char *)5, (char *)bss};
    volatile u64 state = getpid() * 77777;
    if (getpid() % 4) amc_register(getpid() % 4 == 1 ? "self" : "other");
    for (int n = 0; n < 50; n++) {
      u64 v[6];
      for (int i = 0; i < 6; i++) {
        state = state * 6364136223846793005ul + 1442695040888963407ul;
        u32 r = state >> 33;
        v[i] = r % 3 ? (u64)values[r / 8 % 14] : r / 8 % 3 ? r / 8 % 300 : state;
      }
      int number = (u32)v[0] % 20;
      call5(number == 9 || (number >= 2 && number <= 5 && !amc_has()) ? 6 : number, v[1], v[2], v[3], v[4], v[5]);
    }
  `);
  let calls = 0;
  const kernel = await createKernel({
    plugins: [{ name: "x86-64", arch: x86_64 }, axle()],
    clock: virtualClock(),
  });
  kernel.hook({ enter: () => void calls++ });
  // One after another, so that memories are used again; the number of the process is the seed.
  for (let n = 0; n < 500 && calls < 1000; n++) {
    const { status } = kernel.spawn("axle", { program: bytes, args: ["random"], env: {} });
    await kernel.run();
    const { code, message } = await status;
    assert(code >= 0 && code < 256, message);
  }
  assert(calls >= 1000, `only ${calls} calls`);
});

for (
  const { name, run } of conformance({
    plugins: () => [{ name: "x86-64", arch: x86_64 }, axle()],
    personality: "axle",
    guests: compiler
      ? [{ name: "a program", request: { program: program("return 5;"), args: [], env: {} }, code: 5 }]
      : [],
  })
) test(name, run);

Deno.test("500 damaged programs are refused or run to an end, and never throw", async () => {
  const whole = makeProgram(x86_64Tools.assemble("mov eax, 13\nmov ebx, 6\nint 0x80", CODE));
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48271) % 0x7fffffff) % below;
  const kernel = await createKernel({
    plugins: [{ name: "x86-64", arch: x86_64 }, axle()],
    clock: virtualClock(),
  });
  let refused = 0, ran = 0;
  for (let n = 0; n < 500; n++) {
    const bytes = whole.slice(0, random(8) === 0 ? random(whole.length) : whole.length);
    for (let i = random(4); i >= 0; i--) bytes[random(bytes.length)] = random(256);
    const { status } = kernel.spawn("axle", { program: bytes, args: ["damaged"], env: {} });
    const run = kernel.run();
    const late = setTimeout(() => kernel.stop(), 200);
    await run;
    clearTimeout(late);
    for (const process of kernel.processes.values()) process.personality.signal!(process, 9);
    const { code, message } = await status;
    if (code === 126) refused++;
    else ran++;
    assert(code === 126 ? message!.startsWith("damaged: ") : code >= 0, message);
  }
  assert(refused > 50 && ran > 50, `${refused} refused, ${ran} ran`);
});

Deno.test("a program without section headers is refused in words (W10)", async () => {
  const bytes = makeProgram(new Uint8Array(8));
  new DataView(bytes.buffer).setUint16(60, 0, true);
  const { codes, messages } = await run([bytes]);
  assertEquals([codes, messages], [[126], ["program0: has no section headers"]]);
});

Deno.test("a program starts with RDI = RSP, RSI = its entry, and nine words above (W11)", async () => {
  const program = makeProgram(x86_64Tools.assemble(
    `
    mov rax, rdi
    sub rax, rsp
    mov rcx, rsp
    and ecx, 15
    add rax, rcx          # 8: misaligned as after a call
    lea rdx, [rsp+64]
    add rax, [rdx]        # the ninth word is there, and zero
    mov rbx, rsi
    sub rbx, ${CODE}
    add rbx, rax
    mov eax, 13
    int 0x80
  `,
    CODE,
  ));
  const { codes, messages } = await run([
    program,
    makeProgram(x86_64Tools.assemble("mov rax, [rsp+72]", CODE)),
  ]);
  assertEquals(codes, [8, 1], messages.join());
  assertEquals(messages[1], "[3] Assertion failed: Page fault");
});
