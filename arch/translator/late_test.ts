import { assertEquals } from "@std/assert";
import { late, nth } from "./late.ts";

Deno.test("nth finds the place in all lists, and makes only the list that has it, once", () => {
  const made: string[] = [];
  const list = (name: string, ...of: number[]) => late(() => (made.push(name), of));
  const lists = [list("a", 1, 2), list("none"), list("b", 3), list("c", 4)], lengths = [2, 0, 1, 1];
  assertEquals([2, 2, 3].map((n) => nth(lists, lengths, n)), [3, 3, 4]);
  assertEquals(made, ["b", "c"]);
  assertEquals([0, 1].map((n) => nth(lists, lengths, n)), [1, 2]);
  assertEquals(made, ["b", "c", "a"]);
});
