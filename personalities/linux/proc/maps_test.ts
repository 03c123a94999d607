import { assertEquals } from "@std/assert";
import type { Backing, Vma } from "@guise/core";
import { mapsRow } from "./maps.ts";

function vma(fields: Partial<Vma>): Vma {
  return {
    start: 0,
    end: 0,
    prot: 0,
    shared: false,
    offset: 0,
    name: "",
    stubs: false,
    growsDown: false,
    ...fields,
  } as Vma;
}

// Rows that the host's Linux printed (spec X22): the same mappings give the same bytes.
Deno.test("mapsRow prints a file's mapping with its name in column 73", () => {
  const backing = {
    fill: () => 0,
    size: 0,
    identity: {},
    name: "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    device: [0xfe, 0],
    inode: 338944,
  } as unknown as Backing;
  const row = vma({ start: 0x7f0fdc422000, end: 0x7f0fdc424000, prot: 3, offset: 0x33000, backing });
  assertEquals(
    mapsRow(row),
    "7f0fdc422000-7f0fdc424000 rw-p 00033000 fe:00 338944                     /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
  );
});

Deno.test("mapsRow prints pseudo names, and ends unnamed rows in one space", () => {
  assertEquals(
    mapsRow(vma({ start: 0x7ffd41342000, end: 0x7ffd41363000, prot: 3, name: "[stack]", offset: 0x1000 })),
    "7ffd41342000-7ffd41363000 rw-p 00000000 00:00 0                          [stack]",
  );
  assertEquals(
    mapsRow(vma({ start: 0x20000, end: 0x21000, shared: true })),
    "00020000-00021000 ---s 00000000 00:00 0 ",
  );
});
