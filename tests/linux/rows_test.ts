import { x86_64 } from "@guise/x86-64/run";
import { aarch64 } from "@guise/aarch64/run";
import { callsOf } from "@guise/core/testing";
import { assertEquals } from "@std/assert";
import { personality } from "@guise/linux";

// Rows are made when a program uses them: that each of them can be made is said here.
Deno.test("each call of each entry has a row when its number is looked up", () => {
  for (const arch of [x86_64, aarch64]) {
    for (const entry of arch.entries) {
      const find = callsOf(personality, arch, entry);
      const rows = personality.tables.find((t) => t.arch === arch.name && t.entry === entry)!.rows;
      for (const [number, call] of rows) assertEquals(find(number), call);
      assertEquals(find(4095), undefined);
    }
  }
});
