import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type ArgType,
  type Clock,
  type Control,
  createKernel,
  EACCES,
  EINTR,
  ENOSYS,
  ERESTARTSYS,
  ETIMEDOUT,
  EXIT,
  type Hooks,
  invoke,
  KEEP,
  type Kernel,
  type KernelEvent,
  type KernelOptions,
  type Outcome,
  type Personality,
  type Plugin,
  type Process,
  READ,
  STACK_TOP,
  syscall,
  tables,
  type Task,
  type Trap,
  virtualClock,
  wait,
  WaitQueue,
  WRITE,
} from "./mod.ts";
import { fakeArch, FLAT_BASE, loadFlat } from "./testing.ts";

const arch = fakeArch({ entries: ["syscall", "other"] });
const int: ArgType<number> = {
  label: "int",
  slots: 1,
  direction: "in",
  compile: (abi, slot) => (task) => task.frame.lo(abi.registers[slot]),
  format: (abi, slot) => (task) => String(task.frame.lo(abi.registers[slot])),
};

type Handler = (task: Task, a: number, b: number, c: number) => Outcome;

interface World {
  kernel: Kernel;
  log: unknown[];
  queue: WaitQueue;
  spawn(source: string): { process: Process; status: Promise<{ code: number }> };
}

/** A kernel with numbered handlers; 60 exits, 1 logs its argument. */
async function world(
  handlers: Record<number, Handler> = {},
  extra: Partial<Personality> = {},
  options: Partial<KernelOptions> = {},
): Promise<World> {
  const log: unknown[] = [];
  const all: Record<number, Handler> = {
    60: (task, code) => {
      task.kernel.ended(task.process, { code });
      return EXIT;
    },
    1: (_task, n) => {
      log.push(n);
      return 0;
    },
    ...handlers,
  };
  const rows = Object.entries(all).map(([number, run]) => {
    const call = syscall({
      name: `call${number}`,
      doc: "",
      args: { a: int, b: int, c: int },
      run: (task, { a, b, c }) => run(task, a, b, c),
    });
    return [[Number(number), Number(number) + 1000], call] as const;
  });
  const personality: Personality = {
    name: "test",
    tables: tables([["fake", "syscall"], ["fake", "other"]], rows),
    start: loadFlat,
    fault(task, trap) {
      log.push(trap.cause);
      task.kernel.ended(task.process, { code: 139 });
      return EXIT;
    },
    ...extra,
  };
  const kernel = await createKernel({
    plugins: [{ name: "fake", arch }, { name: "test", personality }],
    clock: virtualClock(),
    ...options,
  });
  return {
    kernel,
    log,
    queue: new WaitQueue(),
    spawn: (source) => kernel.spawn("test", { program: arch.assemble(source, FLAT_BASE), args: [], env: {} }),
  };
}
const exit = "\nset r0, 60\ntrap syscall";

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

Deno.test("a wait without then runs the call again when ready, and hooks see one call", async () => {
  let ready = false;
  const queue = new WaitQueue();
  const w = await world({
    7: (_t, a) => ready ? a : wait([queue]),
    8: () => {
      ready = true;
      queue.wake();
      return 0;
    },
  });
  const seen: string[] = [];
  w.kernel.hook({
    enter: (e) => void seen.push(`enter ${e.number} ${e.text().join()}`),
    exit: (e, result) => void seen.push(`exit ${e.number} ${result}`),
  });
  w.spawn(
    `
    set r0, 7
    set r1, 33
    trap syscall
    mov r1, r0` + exit,
  );
  w.spawn("set r0, 8\ntrap syscall" + exit);
  await w.kernel.run();
  assertEquals(seen, [
    "enter 7 33,0,0",
    "enter 8 0,0,0",
    "exit 8 0",
    "enter 60 0,0,0",
    "exit 60 undefined",
    "exit 7 33",
    "enter 60 33,0,0",
    "exit 60 undefined",
  ]);
});

Deno.test("a wait ends by its deadline: ETIMEDOUT, or what then says", async () => {
  const queue = new WaitQueue();
  const w = await world({
    7: (task, ns) => wait([queue], task.kernel.clock.monotonic() + ns),
    8: (task, ns) =>
      wait([], task.kernel.clock.monotonic() + ns, (_t, reason) => reason === "timeout" ? 77 : 0),
  });
  w.spawn(
    `
    set r1, 1000000
    set r0, 7
    trap syscall
    mov r1, r0
    set r0, 1
    trap syscall
    set r0, 8
    trap syscall
    mov r1, r0
    set r0, 1
    trap syscall` + exit,
  );
  await w.kernel.run();
  assertEquals(w.log, [ETIMEDOUT, 77]);
  assert(w.kernel.clock.monotonic() >= 1_000_000 && w.kernel.clock.monotonic() < 2_000_000);
  assertEquals(queue.size, 0);
});

Deno.test("sleepers wake in the order of their deadlines, on the host's clock too", async () => {
  const w = await world(
    { 8: (task, ms) => wait([], task.kernel.clock.monotonic() + ms * 1e6, () => 0) },
    {},
    {
      clock: undefined as unknown as Clock,
    },
  );
  for (const ms of [30, 10, 20]) {
    w.spawn(`set r0, 8\nset r1, ${ms}\ntrap syscall\nset r0, 1\ntrap syscall` + exit);
  }
  const start = performance.now();
  await w.kernel.run();
  assertEquals(w.log, [10, 20, 30]);
  assert(performance.now() - start >= 29);
});

Deno.test("a signal ends a wait with ERESTARTSYS, which the personality turns into a restart or EINTR", async () => {
  const queue = new WaitQueue();
  let restart = true;
  let tries = 0;
  let waiter: Task | undefined;
  const w = await world({
    7: (task) => {
      tries++;
      waiter = task;
      return tries === 3 ? 5 : wait([queue]);
    },
    8: () => {
      waiter!.attention = true;
      waiter!.wake("signal");
      return 0;
    },
    9: (task) => wait([], task.kernel.clock.monotonic() + 10_000, () => 0),
  }, {
    attend(task, outcome): Control | undefined {
      task.attention = false;
      w.log.push(["attend", outcome]);
      if (outcome !== ERESTARTSYS) return undefined;
      if (restart) task.frame.setNum(9, task.frame.num(9) - 8);
      else task.frame.setNum(0, EINTR);
      restart = false;
      return undefined;
    },
  });
  w.spawn(
    `
    set r0, 7
    trap syscall
    mov r1, r0
    set r0, 1
    trap syscall` + exit,
  );
  w.spawn(`set r0, 8\ntrap syscall` + exit);
  w.spawn(`set r0, 9\ntrap syscall\nset r0, 8\ntrap syscall` + exit);
  await w.kernel.run();
  assertEquals(w.log, [["attend", ERESTARTSYS], ["attend", ERESTARTSYS], EINTR]);
  assertEquals(tries, 2);
  assertEquals(queue.size, 0);
});

Deno.test("attention ends a wait at once unless it is uninterruptible", async () => {
  const queue = new WaitQueue();
  const w = await world({
    7: (task) => {
      task.attention = true;
      return wait([queue], Infinity, (_t, reason) => reason === "signal" ? -4 : 0);
    },
    8: (task) => {
      task.attention = true;
      task.kernel.timer(task.kernel.clock.monotonic() + 1000, () => queue.wake());
      return {
        kind: "wait",
        queues: [queue],
        deadline: Infinity,
        uninterruptible: true,
        then: (_t, r) => r === "ready" ? 9 : 1,
      };
    },
  }, {
    attend: (task) => {
      task.attention = false;
      return undefined;
    },
  });
  w.spawn(
    `
    set r0, 7
    trap syscall
    mov r1, r0
    set r0, 1
    trap syscall
    set r0, 8
    trap syscall
    mov r1, r0
    set r0, 1
    trap syscall` + exit,
  );
  await w.kernel.run();
  assertEquals(w.log, [-4, 9]);
});

Deno.test("attend that stops a task is called again when it is resumed", async () => {
  let stops = 0;
  const w = await world({
    7: (task) => {
      task.attention = true;
      return 3;
    },
  }, {
    attend(task, outcome) {
      w.log.push(outcome);
      if (stops++ === 0) {
        task.stop();
        task.kernel.timer(task.kernel.clock.monotonic() + 500, () => task.resume());
      } else task.attention = false;
      return undefined;
    },
  });
  w.spawn("set r0, 7\ntrap syscall\nmov r1, r0\nset r0, 1\ntrap syscall" + exit);
  await w.kernel.run();
  assertEquals(w.log, [3, undefined, 3]);
});

Deno.test("a stopped task keeps its wait and learns of its end when resumed", async () => {
  const queue = new WaitQueue();
  let waiter!: Task;
  const w = await world({
    7: (task) => {
      waiter = task;
      return wait([queue], Infinity, () => 1);
    },
    8: () => {
      waiter.stop();
      assertEquals(waiter.state.kind, "stopped");
      assertEquals(queue.wake(), 1);
      assertEquals(waiter.state.kind, "stopped");
      return 0;
    },
    9: () => {
      waiter.resume();
      return 0;
    },
  });
  w.spawn("set r0, 7\ntrap syscall\nset r0, 1\nset r1, 100\ntrap syscall" + exit);
  w.spawn("set r0, 8\ntrap syscall\nset r0, 1\nset r1, 50\ntrap syscall\nset r0, 9\ntrap syscall" + exit);
  await w.kernel.run();
  assertEquals(w.log, [50, 100]);
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

Deno.test("two endless loops share evenly and a sleeper wakes within two quanta (G4)", async () => {
  const quantum = 20_000;
  const late: number[] = [];
  const w = await world(
    {
      7: (task) => {
        const until = task.kernel.clock.monotonic() + 100_000;
        return wait([], until, () => {
          late.push(task.kernel.clock.monotonic() - until);
          return 0;
        });
      },
      8: (task) => {
        for (const p of [...task.kernel.processes.values()]) {
          if (p !== task.process) {
            task.kernel.ended(p, { code: 0 });
          }
        }
        return 0;
      },
    },
    {},
    { quantum },
  );
  const a = w.spawn("l:\nadd r1, 1\njump l"), b = w.spawn("l:\nadd r1, 1\njump l");
  const [ta] = a.process.tasks, [tb] = b.process.tasks;
  w.spawn(
    `
    set r4, 20
  l:
    set r0, 7
    trap syscall
    add r4, -1
    jnz r4, l
    set r0, 8
    trap syscall` + exit,
  );
  await w.kernel.run();
  const share = ta.cpuTime / (ta.cpuTime + tb.cpuTime);
  assert(share > 0.4 && share < 0.6, String(share));
  assertEquals(late.length, 20);
  assert(Math.max(...late) <= 2 * quantum + 10, String(late));
});

Deno.test("pre-emption at any quantum gives the same result", async () => {
  const results: unknown[] = [];
  for (const quantum of [1, 7, 1e9]) {
    const w = await world({}, {}, { quantum });
    const source = (n: number): string =>
      `
      set r4, 500
      set r1, ${n}
    l:
      mov r3, r1
      sum r1, r3
      add r1, 17
      push r1
      pop r1
      add r4, -1
      jnz r4, l
      set r0, 1
      trap syscall` + exit;
    const task = w.spawn(source(1));
    // A second task of the same space: registers are switched within one CPU.
    const other = task.process.addTask(task.process.tasks[0]);
    other.frame.setNum(8, other.frame.num(8) - 4096);
    other.frame.setNum(9, FLAT_BASE + 16 - 8);
    assertEquals(task.process.tasks[0].frame.num(9), FLAT_BASE);
    w.spawn(source(5));
    await w.kernel.run();
    results.push([...w.log].sort());
  }
  assertEquals(results[0], results[1]);
  assertEquals(results[0], results[2]);
});

Deno.test("a run with a virtual clock and a seed is the same every time", async () => {
  const trace = async (): Promise<string> => {
    const out: string[] = [];
    let n = 0;
    const w = await world(
      {
        7: (task) => wait([], task.kernel.clock.monotonic() + (n = (n * 7 + 13) % 97) * 1000, () => 0),
      },
      {},
      { quantum: 50 },
    );
    w.kernel.hook({
      enter: (e) => void out.push(`${e.task.id}:${e.number}@${e.task.kernel.clock.monotonic()}`),
    });
    for (let i = 0; i < 5; i++) {
      w.spawn(
        `
        set r4, ${10 + i}
      l:
        set r0, 7
        trap syscall
        set r5, ${i * 13 + 1}
      m:
        add r5, -1
        jnz r5, m2
        jump n
      m2:
        jump m
      n:
        add r4, -1
        jnz r4, l` + exit,
      );
    }
    await w.kernel.run();
    return out.join(" ");
  };
  const first = await trace();
  assert(first.length > 500);
  assertEquals(await trace(), first);
});

Deno.test("a forked process has its own memory and registers, and shares nothing private", async () => {
  const w = await world({
    7: (task) => {
      const child = task.kernel.createProcess(
        task.process.personality,
        "fake",
        task.space.fork()!,
        task.process,
      );
      const first = child.addTask(task);
      first.frame.setNum(0, 0);
      assertEquals(first.id, child.id);
      assertEquals(child.sharesSpace, false);
      return child.id;
    },
    9: (_t, a) => w.log.push(a) && 0,
  });
  w.spawn(
    `
    set r2, data
    set r1, 5
    store r1, r2
    set r0, 7
    trap syscall
    jnz r0, parent
    set r1, 6
    store r1, r2
    load r1, r2
    set r0, 9
    trap syscall` + exit + `
  parent:
    set r4, 100
  l:
    add r4, -1
    jnz r4, l
    load r1, r2
    set r0, 9
    trap syscall` + exit + `
  data:
    nop`,
  );
  await w.kernel.run();
  assertEquals(w.log.sort(), [5, 6]);
});

Deno.test("a vfork child shares the space until it execs, while its parent waits", async () => {
  const done = new WaitQueue();
  const events: string[] = [];
  const w = await world({
    7: (task) => {
      const child = task.kernel.createProcess(task.process.personality, "fake", task.space, task.process);
      assertEquals(child.sharesSpace, true);
      assertEquals(child.cpu, task.process.cpu);
      child.addTask(task).frame.setNum(0, 0);
      return {
        kind: "wait",
        queues: [done],
        deadline: Infinity,
        uninterruptible: true,
        then: () => child.id,
      };
    },
    8: (task) => {
      const space = task.kernel.createSpace()!;
      task.process.replace(space);
      done.wake();
      events.push(`exec ${task.process.sharesSpace}`);
      space.map({ address: FLAT_BASE, length: 4096, prot: 7, fixed: "replace" });
      space.write(FLAT_BASE, arch.assemble("set r0, 1\nset r1, 77\ntrap syscall" + exit, FLAT_BASE));
      task.frame.setNum(9, FLAT_BASE);
      return KEEP;
    },
  });
  w.spawn(
    `
    set r5, 123
    set r0, 7
    trap syscall
    jnz r0, parent
    set r5, 9
    set r0, 8
    trap syscall
    illegal
  parent:
    mov r1, r5
    set r0, 1
    trap syscall` + exit,
  );
  await w.kernel.run();
  assertEquals(events, ["exec false"]);
  assertEquals(w.log.sort(), [123, 77]);
});

Deno.test("threads share memory and end one by one, and ended is called after the last", async () => {
  const told: string[] = [];
  const w = await world({
    7: (task, at) => {
      const thread = task.process.addTask(task);
      thread.frame.setNum(9, at);
      return thread.id;
    },
    8: () => EXIT,
  }, {
    ended: (process) => {
      told.push(`ended ${process.tasks.length}`);
      process.kernel.ended(process, { code: 5 });
    },
  });
  w.kernel.hook({
    event: (e) => {
      if (e.kind === "taskEnd" || e.kind === "end") told.push(e.kind);
    },
  });
  const { status } = w.spawn(`
    set r0, 7
    set r1, thread
    trap syscall
    set r0, 8
    trap syscall
  thread:
    set r0, 8
    trap syscall`);
  await w.kernel.run();
  assertEquals(await status, { code: 5 });
  assertEquals(told, ["taskEnd", "taskEnd", "ended 0", "end"]);
});

Deno.test("a personality without ended ends with code 0, and a failing start with its status", async () => {
  const w = await world({ 8: () => EXIT });
  const { status } = w.spawn("set r0, 8\ntrap syscall");
  const failed = w.kernel.spawn("test", { program: "nothing", args: [], env: {} });
  await w.kernel.run();
  assertEquals(await status, { code: 0 });
  assertEquals(await failed.status, { code: 126, message: "guise: not a program" });
  assertEquals(w.kernel.processes.size, 0);
});

Deno.test("end works on waiting, runnable and the current task", async () => {
  const queue = new WaitQueue();
  const tasks: Task[] = [];
  const w = await world({
    7: (task) => (tasks.push(task), wait([queue], 1e15)),
    8: (task) => {
      for (const other of tasks) other.end();
      task.end();
      return 0;
    },
  });
  w.spawn("set r0, 7\ntrap syscall\nillegal");
  tasks.push(w.spawn("l:\njump l").process.tasks[0]);
  w.spawn("set r0, 8\ntrap syscall\nillegal");
  await w.kernel.run();
  assertEquals(queue.size, 0);
  assertEquals(w.log, []);
});

Deno.test("background work keeps the kernel alive and its end runs between tasks", async () => {
  const queue = new WaitQueue();
  let text = "";
  const w = await world({
    7: (task) => {
      if (text !== "") return text.length;
      task.kernel.background(new Promise<string>((r) => setTimeout(() => r("hello"), 20)), (value) => {
        assertEquals(task.kernel.current, undefined);
        text = value!;
        queue.wake();
      });
      return wait([queue]);
    },
  });
  const { status } = w.spawn("set r0, 7\ntrap syscall\nmov r1, r0" + exit);
  await w.kernel.run();
  assertEquals((await status).code, 5);
});

Deno.test("the host's event loop runs while guests compute", async () => {
  const w = await world({}, {}, { clock: undefined as unknown as Clock });
  const { process } = w.spawn("l:\nadd r1, 1\njump l");
  let ticks = 0;
  const gaps: number[] = [];
  let last = performance.now();
  const timer = setInterval(() => {
    ticks++;
    gaps.push(performance.now() - last);
    last = performance.now();
    if (ticks === 20) w.kernel.post(() => w.kernel.ended(process, { code: 0 }));
  }, 1);
  await w.kernel.run();
  clearInterval(timer);
  assert(ticks >= 20);
  gaps.sort((a, b) => a - b);
  assert(gaps[10] < 20, String(gaps));
});

Deno.test("stop returns from run and a later run goes on", async () => {
  const w = await world({ 7: (task) => (task.kernel.stop(), 0) });
  w.spawn("set r0, 7\ntrap syscall\nset r0, 1\nset r1, 4\ntrap syscall" + exit);
  await w.kernel.run();
  assertEquals(w.log, []);
  await w.kernel.run();
  assertEquals(w.log, [4]);
});

Deno.test("a thousand processes come and go without a leak, two hundred live at a time", async () => {
  const w = await world({ 8: (task) => wait([], task.kernel.clock.monotonic() + 1000, () => 0) });
  const round = async (): Promise<void> => {
    const all = Array.from(
      { length: 200 },
      () => w.spawn("set r0, 8\ntrap syscall\nset r1, 7" + exit).status,
    );
    await w.kernel.run();
    assertEquals(new Set((await Promise.all(all)).map((status) => status.code)), new Set([7]));
  };
  await round();
  const before = Deno.memoryUsage().rss;
  for (let i = 0; i < 4; i++) await round();
  assertEquals(w.kernel.processes.size, 0);
  assert(Deno.memoryUsage().rss - before < 100e6, String(Deno.memoryUsage().rss - before));
});

Deno.test("createKernel says what is wrong with its plugins", async () => {
  const personality: Personality = { name: "p", tables: [], start: loadFlat, fault: () => EXIT };
  const make = (...plugins: Plugin[]): Promise<Kernel> => createKernel({ plugins });
  await assertRejects(() => make({ name: "a" }, { name: "a" }), Error, "two plugins have the name a");
  await assertRejects(
    () => make({ name: "a", arch }, { name: "b", arch }),
    Error,
    "the architecture fake once more",
  );
  await assertRejects(
    () => make({ name: "a", personality }, { name: "b", personality }),
    Error,
    "the personality p once more",
  );
  const kernel = await make({ name: "a", personality });
  assertThrows(
    () => kernel.spawn("q", { program: "x", args: [], env: {} }),
    Error,
    "no plugin brings the personality q",
  );
  assertThrows(
    () => kernel.spawn("p", { program: "x", args: [], env: {} }),
    Error,
    "no plugin brings an architecture",
  );
  const order: string[] = [];
  await make({ name: "1", setup: async () => void (await 0, order.push("1")) }, {
    name: "2",
    setup: () => void order.push("2"),
  });
  assertEquals(order, ["1", "2"]);
});
