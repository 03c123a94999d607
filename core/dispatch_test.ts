import { assertEquals } from "@std/assert";
import {
  EACCES,
  ENOSYS,
  type Hooks,
  invoke,
  type KernelEvent,
  READ,
  STACK_TOP,
  syscall,
  tables,
  type Trap,
  wait,
  WRITE,
} from "./mod.ts";
import { exit, world } from "./kernel_world_test.ts";
import { FLAT_BASE } from "./testing.ts";

Deno.test("a system call takes its arguments from registers and gives its number back", async () => {
  const w = await world({ 7: (_t, a, b, c) => a + b * c });
  const { status } = w.spawn(`
    set r0, 7
    set r1, 2
    set r2, 5
    set r3, 8
    trap syscall
    mov r1, r0
    set r0, 60
    trap syscall`);
  await w.kernel.run();
  assertEquals(await status, { code: 42 });
});

Deno.test("entries have tables of their own and the number is the low half of its register (X7)", async () => {
  const w = await world();
  w.spawn(
    `
    set r0, 1001
    set r1, 5
    trap other
    set r0, 1
    set r2, 4294967296
    sum r0, r2
    set r1, 6
    trap syscall` + exit,
  );
  await w.kernel.run();
  assertEquals(w.log, [5, 6]);
});

Deno.test("a constant call is asked once a task, but each time by another entry and while hooks watch", async () => {
  const asked: string[] = [], seen: number[] = [];
  const own = (name: string, constant: boolean) =>
    syscall({ name, doc: "", args: {}, constant, run: (task) => (asked.push(name), task.id) });
  const watch = syscall({
    name: "watch",
    doc: "",
    args: {},
    run: (task) => (task.kernel.hook({ enter: (e) => seen.push(e.number) }), 0),
  });
  const w = await world({}, {
    tables: tables([["fake", "syscall"], ["fake", "other"]], [
      [[5, 5], own("constant", true)],
      [[6, 6], own("changing", false)],
      [[7, 7], watch],
    ]),
  });
  const call = (number: number, entry = "syscall") => `set r0, ${number}\ntrap ${entry}\n`;
  const both = call(5) + call(6);
  w.spawn(both + both + call(5, "other") + call(7) + both + both + "illegal");
  await w.kernel.run();
  assertEquals(asked, [
    ...["constant", "changing", "changing", "constant"],
    ...["constant", "changing", "constant", "changing"],
  ]);
  assertEquals(seen, [5, 6, 5, 6]);
});

Deno.test("an unknown call answers ENOSYS and is reported once for a process image", async () => {
  const w = await world();
  const events: KernelEvent[] = [];
  w.kernel.hook({ event: (e) => events.push(e) });
  w.spawn(
    `
    set r5, 2
  again:
    set r0, 999
    trap syscall
    mov r1, r0
    set r0, 1
    trap syscall
    set r0, -1
    trap syscall
    add r5, -1
    jnz r5, again` + exit,
  );
  await w.kernel.run();
  assertEquals(w.log, [ENOSYS, ENOSYS]);
  const seen = events.flatMap((e) => e.kind === "unimplemented" ? [[e.number, e.arch, e.entry]] : []);
  assertEquals(seen, [[999, "fake", "syscall"], [-1, "fake", "syscall"]]);
});

Deno.test("a call that is declared without an implementation is reported by name", async () => {
  const none = syscall({
    name: "later",
    doc: "Not yet.",
    args: {},
    support: "none",
    run: () => ENOSYS,
  });
  const w = await world({}, { tables: tables([["fake", "syscall"]], [[[5], none]]) });
  const names: (string | undefined)[] = [];
  w.kernel.hook({
    event: (e) => {
      if (e.kind === "unimplemented") names.push(e.name);
    },
  });
  w.spawn("set r0, 5\ntrap syscall\nset r0, 5\ntrap syscall\nillegal");
  await w.kernel.run();
  assertEquals(names, ["later"]);
});

Deno.test("a personality encodes results and answers unknown numbers its own way", async () => {
  const w = await world({ 7: () => -5 }, {
    encode: (task, value) => task.frame.setNum(0, value < 0 ? 1000 - value : value),
    unknown: (_task, number) => number * 2,
  });
  w.spawn(
    `
    set r0, 7
    trap syscall
    mov r1, r0
    set r0, 1
    trap syscall
    set r0, 21
    trap syscall
    mov r1, r0
    set r0, 1
    trap syscall` + exit,
  );
  await w.kernel.run();
  assertEquals(w.log, [1005, 42]);
});

Deno.test("intercept replaces a call: deny, inject, and the first hook wins", async () => {
  const w = await world({ 7: () => 1 });
  const answers: (Partial<Hooks>)[] = [
    { intercept: (e) => e.number === 7 ? EACCES : undefined },
    { intercept: (e) => e.number === 7 ? 12 : undefined },
  ];
  const source = "set r0, 7\ntrap syscall\nmov r1, r0\nset r0, 1\ntrap syscall" + exit;
  const off = answers.map((hooks) => w.kernel.hook(hooks));
  w.spawn(source);
  await w.kernel.run();
  off[0]();
  w.spawn(source);
  await w.kernel.run();
  off[1]();
  w.spawn(source);
  await w.kernel.run();
  assertEquals(w.log, [EACCES, 12, 1]);
});

Deno.test("hooks that are added or removed while a program runs take effect with its next call", async () => {
  const seen: number[] = [];
  let off: (() => void) | undefined;
  const w = await world({
    7: (task) => {
      if (off === undefined) off = task.kernel.hook({ enter: (e) => void seen.push(e.arg(0)) });
      else off();
      return 0;
    },
  });
  const call = (n: number, a: number): string => `set r0, ${n}\nset r1, ${a}\ntrap syscall\n`;
  w.spawn(call(1, 1) + call(7, 0) + call(1, 2) + call(1, 3) + call(7, 4) + call(1, 5) + exit);
  await w.kernel.run();
  assertEquals(seen, [2, 3, 4]);
});

Deno.test("invoke calls guest functions, nested, and restores the caller's registers", async () => {
  const functions = (f: string): number => FLAT_BASE + Number(f);
  const w = await world({
    // qsort-like: calls the function at b with a, then with the result of that.
    7: (_t, a, f) =>
      invoke(f, [a, 10, 20, 30, 40, 50, 60, 70], (_t2, r) => invoke(f, [r], (_t3, r2) => r * 1000 + r2)),
    8: (_t, a, f) => invoke(f, [a], (_t2, r) => r + 1),
  });
  void functions;
  w.spawn(`
    set r0, 7
    set r1, 5
    set r2, double
    set r7, 4444
    trap syscall
    mov r1, r0
    set r0, 1
    trap syscall
    mov r1, r7
    set r0, 1
    trap syscall
    set r0, 60
    set r1, 0
    trap syscall
  double:
    set r7, 1
    mov r6, r1
    set r0, 8
    set r2, plus3
    trap syscall      # plus3(r1) + 1
    sum r0, r6
    ret
  plus3:
    mov r0, r1
    add r0, 3
    ret`);
  await w.kernel.run();
  // double(x) = x + (x + 3 + 1)
  assertEquals(w.log, [14 * 1000 + 32, 4444]);
});

Deno.test("invoke passes arguments beyond the registers on the stack, aligned to 16 bytes", async () => {
  const w = await world({
    7: (task, _a, f) =>
      invoke(f, [1, 2, 3, 4, 5, 6, 70, 80], (_t, r) => {
        w.log.push(task.frame.num(8));
        return r;
      }),
    8: (task) => {
      const sp = task.frame.num(8);
      return (sp % 16) * 1000 + task.space.getNum64(sp + 8)! + task.space.getNum64(sp + 16)!;
    },
  });
  w.spawn(
    `
    set r0, 7
    set r2, f
    trap syscall
    mov r1, r0
    set r0, 1
    trap syscall` + exit + `
  f:
    set r0, 8
    trap syscall
    ret`,
  );
  await w.kernel.run();
  const [sp, result] = w.log as number[];
  assertEquals(result, 8000 + 150);
  assertEquals(sp, STACK_TOP - 64);
});

Deno.test("invoke with a bad stack is a page fault of the guest", async () => {
  const w = await world({ 7: (_t, _a, f) => invoke(f, [], () => 0) });
  const { status } = w.spawn("set r0, 7\nset r2, 4096\nset sp, 64\ntrap syscall" + exit);
  await w.kernel.run();
  assertEquals(w.log, ["page"]);
  assertEquals((await status).code, 139);
});

Deno.test("call stubs reach the personality, only from pages of stubs", async () => {
  const w = await world({ 7: (task) => task.process.stub(5)! }, {
    call: (task, target) => target === 5 ? task.frame.lo(1) * 2 : -1,
  });
  const { status } = w.spawn(
    `
    set r0, 7
    trap syscall
    mov r4, r0
    set r1, 21
    callr r4
    mov r1, r0
    set r0, 1
    trap syscall
    mov r2, r4
    load r5, r2     # the same bytes elsewhere
    set r3, copy
    store r5, r3
    add r2, 4
    add r3, 4
    load r5, r2
    store r5, r3
  copy:
    nop` + exit,
  );
  await w.kernel.run();
  assertEquals(w.log, [42, "illegal"]);
  assertEquals((await status).code, 139);
});

Deno.test("a call stub may wait and is asked again", async () => {
  let n = 0;
  const w = await world({ 7: (task) => task.process.stub(5)! }, {
    call: (task) => n++ < 3 ? wait([], task.kernel.clock.monotonic() + 100, () => n) : 9,
  });
  w.spawn(
    `
    set r0, 7
    trap syscall
    callr r0
    mov r1, r0
    set r0, 1
    trap syscall` + exit,
  );
  await w.kernel.run();
  assertEquals(w.log, [1]);
});

Deno.test("a guest that jumps to the return stub by itself gets an illegal instruction", async () => {
  const w = await world({ 7: (_t, _a, f) => invoke(f, [], (_t2, r) => r) });
  const { status } = w.spawn(`
    set r0, 7
    set r2, f
    trap syscall
    jumpr r0
  f:
    pop r0
    push r0
    ret`);
  await w.kernel.run();
  assertEquals([w.log, (await status).code], [["illegal"], 139]);
});

Deno.test("faults reach fault hooks first, then the personality, with cause and address", async () => {
  const faults: unknown[] = [];
  let mapped = false;
  const w = await world({}, {
    fault(task, trap: Trap) {
      faults.push([trap.cause, trap.address, trap.access]);
      task.frame.setNum(9, task.frame.num(9) + 8);
      return undefined;
    },
  });
  const traps: string[] = [];
  w.kernel.hook({
    trap: (_t, trap) => void traps.push(trap.cause),
    fault(task, trap) {
      if (trap.address !== 0x30000000 || mapped) return false;
      task.space.map({ address: 0x30000000, length: 4096, prot: READ | WRITE, fixed: "exclusive" });
      return mapped = true;
    },
  });
  w.spawn(
    `
    set r2, 64
    load r1, r2
    set r2, 0x20000000
    store r1, r2
    set r2, 0x30000000
    set r1, 7
    store r1, r2
    divide
    break
    nop
    illegal
    load r1, r2
    set r0, 1
    trap syscall` + exit,
  );
  await w.kernel.run();
  assertEquals(faults.slice(0, 3), [["page", 64, READ], ["page", 0x20000000, WRITE], [
    "divide",
    FLAT_BASE + 56,
    0,
  ]]);
  assertEquals(w.log, [7]);
  assertEquals(traps, ["page", "page", "page", "divide", "breakpoint", "illegal"]);
});

Deno.test("a task that faults for ever still shares the CPU", async () => {
  const w = await world({}, { fault: () => undefined });
  const bad = w.spawn("illegal");
  w.spawn("set r0, 1\nset r1, 3\ntrap syscall" + exit);
  w.kernel.hook({ event: (e) => e.kind === "end" && w.kernel.ended(bad.process, { code: 1 }) });
  await w.kernel.run();
  assertEquals(w.log, [3]);
});
