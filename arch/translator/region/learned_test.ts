import { assertEquals } from "@std/assert";
import { type Learned, pack, Table } from "./learned.ts";
import type { Helper } from "./env.ts";

const helper: Helper = {
  index: 0,
  name: "round",
  params: ["i64", "i32"],
  results: ["f64"],
  reads: new Set([3]),
  writes: new Set([4, 5]),
  opaque: true,
};
const plain: Learned = {
  kind: "next",
  how: "inline",
  reads: new Set([1, 36]),
  writes: new Set([2]),
  direct: new Set([2]),
  operandReads: [],
  trial: false,
  effects: false,
  stirs: false,
  readsFlags: false,
  leaves: false,
  needsFlags: false,
  killsFlags: true,
  budget: false,
  helpers: new Set(),
  clock: false,
  readsBase: false,
};
const other: Learned = {
  ...plain,
  kind: "stop",
  how: "leave",
  operandReads: [false, true],
  trial: true,
  effects: true,
  stirs: true,
  readsFlags: true,
  leaves: true,
  needsFlags: true,
  killsFlags: false,
  budget: true,
  helpers: new Set([helper]),
  clock: true,
  readsBase: true,
};

Deno.test("Table gives back what pack was given, and one helper for one name", () => {
  const table = new Table(pack([plain, undefined, other, plain]));
  assertEquals([0, 1, 2, 3].map((n) => table.at(n)), [plain, undefined, other, plain]);
  assertEquals(table.at(3) === table.at(0), true);
  assertEquals(table.at(2)!.helpers.has(table.helper("round")!), true);
  assertEquals(table.helper("unknown"), undefined);
});
