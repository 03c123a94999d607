import { assertEquals } from "@std/assert";
import { osvTables, SET_2023, SET_MASTER, SET_TRIVIAL } from "./tables.ts";

Deno.test("osvTables has 73, 133 and 150 calls by set, and the way back from signal handlers", () => {
  assertEquals([SET_2023, SET_TRIVIAL, SET_MASTER].map((set) => new Set(set).size), [73, 60, 150]);
  const names = (set: "2023" | "trivial" | "master"): Set<string> =>
    new Set([...osvTables(set).find((t) => t.arch === "x86-64")!.rows.values()].map((call) => call.name));
  assertEquals(names("2023"), new Set([...SET_2023, "rt_sigreturn"]));
  assertEquals(names("trivial"), new Set([...SET_2023, ...SET_TRIVIAL, "rt_sigreturn"]));
  assertEquals(
    names("master"),
    new Set([...SET_MASTER, "rt_sigreturn"]),
  );
});

Deno.test("osvTables knows SYSCALL and SVC alone, and neither fork, execve nor rseq", () => {
  const tables = osvTables("master");
  assertEquals(tables.map((t) => t.entry), ["syscall", "svc"]);
  for (const number of [57, 58, 59, 61, 334]) assertEquals(tables[0].rows.has(number), false);
});
