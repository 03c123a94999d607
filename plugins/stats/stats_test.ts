import { assertEquals } from "@std/assert";
import type { Process, SyscallEvent, Task, Trap } from "@guise/core";
import { countTable, stats } from "./mod.ts";

const call = (name: string, task: number, entry = "syscall"): SyscallEvent =>
  ({ task: { id: task }, call: { name }, entry, number: 1 }) as unknown as SyscallEvent;

Deno.test("stats counts calls, ways in, faults, instructions and memory", () => {
  let time = 0;
  const plugin = stats(() => time++);
  const { enter, exit, trap, event } = plugin.hooks!;
  const process = { cpu: { instructions: 100 }, space: { committed: 4096 } };
  const guest = process as unknown as Process;
  event!({ kind: "spawn", process: guest });
  for (const [name, result] of [["write", 5], ["write", -9], ["read", 0]] as const) {
    enter!(call(name, 1));
    exit!(call(name, 1), result);
  }
  enter!(call("getpid", 1, "int80"));
  trap!({} as Task, { cause: "page" } as Trap);
  trap!({} as Task, { cause: "budget" } as Trap);
  process.cpu = { instructions: 7 };
  process.space = { committed: 8192 };
  event!({ kind: "exec", process: guest, path: "/bin/true" });
  event!({ kind: "end", process: guest, status: { code: 3 } });
  const report = plugin.report(3);
  assertEquals(report.traps, { syscall: 3, int80: 1, svc: 0, fault: 1 });
  assertEquals(report.syscalls, { write: 2, read: 1, getpid: 1 });
  assertEquals([report.exit, report.instructions, report.memoryBytes], [3, 107, 8192]);
  assertEquals(plugin.counts().find((c) => c.name === "write")?.errors, 1);
});

Deno.test("countTable prints as strace -c does", () => {
  const table = countTable([
    { name: "read", calls: 1, errors: 0, ms: 1 },
    { name: "mmap", calls: 8, errors: 2, ms: 3 },
  ]);
  assertEquals(
    table,
    `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 75.00    0.003000         375         8         2 mmap
 25.00    0.001000        1000         1           read
------ ----------- ----------- --------- --------- ----------------
100.00    0.004000         444         9         2 total
`,
  );
});
