import { assert, assertEquals } from "@std/assert";
import { EBADF, EINVAL, EMFILE } from "@guise/core";
import { createMemoryFs, FileTable, type OpenFile } from "./mod.ts";
import { caller, open } from "./testing.ts";

function files(): { table: FileTable; file: () => OpenFile } {
  const c = caller(createMemoryFs({ "/f": "" }));
  return { table: new FileTable(16), file: () => open(c, "/f") };
}

Deno.test("FileTable gives the lowest free descriptor, also after closes", () => {
  const { table, file } = files();
  for (let i = 0; i < 5; i++) assertEquals(table.add(file(), false), i);
  assertEquals([table.close(3), table.close(1), table.close(1), table.close(99)], [0, 0, EBADF, EBADF]);
  assertEquals(table.add(file(), false, 2), 3);
  assertEquals(table.add(file(), false), 1);
  assertEquals(table.add(file(), false), 5);
  assertEquals([...table.fds()], [0, 1, 2, 3, 4, 5]);
  assertEquals(table.count, 6);
});

Deno.test("FileTable refuses descriptors from its limit on", () => {
  const { table, file } = files();
  for (let i = 0; i < 16; i++) assertEquals(table.add(file(), false), i);
  assertEquals(table.add(file(), false), EMFILE);
  assertEquals(table.dup(0), EMFILE);
  assertEquals(table.dup(0, false, 16), EINVAL);
  assertEquals(table.dup2(0, 16), EBADF);
  assertEquals(table.dup2(0, 15), 15);
  // Lowering the limit keeps what is open.
  table.limit = 3;
  assert(table.get(10) !== undefined);
});

Deno.test("FileTable counts references when descriptors are duplicated, copied and closed", () => {
  const { table, file } = files();
  const f = file();
  table.add(f, true);
  assertEquals([table.dup(0), table.dup2(0, 9), table.dup2(0, 0), table.dup(0, true, 4)], [1, 9, 0, 4]);
  assertEquals(f.refs, 4);
  assertEquals([0, 1, 9, 4].map((fd) => table.cloexec(fd)), [true, false, false, true]);
  const copy = table.copy();
  assertEquals(f.refs, 8);
  table.exec();
  assertEquals([...table.fds()], [1, 9]);
  assertEquals([...copy.fds()], [0, 1, 4, 9]);
  assertEquals(table.add(file(), false), 0);
  copy.share();
  copy.drop();
  assertEquals(copy.count, 4);
  copy.drop();
  assertEquals(f.refs, 2);
  table.drop();
  assertEquals([f.refs, f.inode.holds], [0, 0]);
});

Deno.test("FileTable.dup2 closes what was there", () => {
  const { table, file } = files();
  const a = file(), b = file();
  table.add(a, false);
  table.add(b, true);
  assertEquals(table.dup2(0, 1), 1);
  assertEquals([a.refs, b.refs, table.cloexec(1), table.count], [2, 0, false, 2]);
  assertEquals(table.dup2(7, 1), EBADF);
});

Deno.test("FileTable.closeRange closes or marks what is in the range", () => {
  const { table, file } = files();
  for (let i = 0; i < 8; i++) table.add(file(), false);
  table.closeRange(2, 3, false);
  table.closeRange(6, 0xffffffff, true);
  assertEquals([...table.fds()], [0, 1, 4, 5, 6, 7]);
  assertEquals([5, 6, 7].map((fd) => table.cloexec(fd)), [false, true, true]);
});
