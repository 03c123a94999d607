import { assert, assertEquals } from "@std/assert";
import {
  type Clock,
  type Control,
  EINTR,
  ERESTARTSYS,
  ETIMEDOUT,
  type Task,
  wait,
  WaitQueue,
} from "./mod.ts";
import { exit, world } from "./kernel_world_test.ts";

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
