import { assertEquals } from "@std/assert";
import { EAGAIN, EDEADLK } from "@guise/core";
import {
  createMemoryFs,
  F_RDLCK,
  F_UNLCK,
  F_WRLCK,
  FileTable,
  LOCK_EX,
  LOCK_SH,
  LOCK_UN,
  type LockOwner,
  locksOf,
  LockWaits,
} from "./mod.ts";
import { caller, open } from "./testing.ts";

const setup = () => {
  const c = caller(createMemoryFs({ "/f": "" }));
  const a = open(c, "/f"), b = open(c, "/f");
  return { c, a, b, locks: locksOf(a.inode) };
};
const lock = (owner: LockOwner, type: number, start: number, end: number) => ({
  owner,
  type,
  start,
  end,
  pid: 1,
});

Deno.test("FileLocks.set splits, joins and changes an owner's ranges", () => {
  const { locks } = setup();
  const me = new FileTable();
  const shown = () => locks.ranges.map((r) => [r.type, r.start, r.end]);
  assertEquals(locks.set(lock(me, F_WRLCK, 0, 100)), 0);
  assertEquals(locks.set(lock(me, F_UNLCK, 40, 60)), 0);
  assertEquals(shown(), [[F_WRLCK, 0, 40], [F_WRLCK, 60, 100]]);
  locks.set(lock(me, F_RDLCK, 30, 70));
  assertEquals(shown(), [[F_WRLCK, 0, 30], [F_RDLCK, 30, 70], [F_WRLCK, 70, 100]]);
  locks.set(lock(me, F_WRLCK, 30, 70));
  assertEquals(shown(), [[F_WRLCK, 0, 100]]);
  locks.set(lock(me, F_WRLCK, 100, Infinity));
  assertEquals(shown(), [[F_WRLCK, 0, Infinity]]);
  locks.set(lock(me, F_UNLCK, 0, Infinity));
  assertEquals(shown(), []);
});

Deno.test("FileLocks.set is EAGAIN when another owner's lock is in the way", () => {
  const { locks } = setup();
  const me = new FileTable(), you = new FileTable();
  locks.set(lock(me, F_RDLCK, 0, 10));
  assertEquals(locks.set(lock(you, F_RDLCK, 5, 15)), 0);
  assertEquals(locks.set(lock(you, F_WRLCK, 9, 12)), EAGAIN);
  assertEquals(locks.set(lock(you, F_WRLCK, 10, 12)), 0);
  assertEquals(locks.conflict(lock(me, F_WRLCK, 0, 100))?.start, 5);
});

Deno.test("FileLocks gives up record locks when any descriptor of the file closes, OFD locks with the open file", () => {
  const { a, b, locks } = setup();
  const table = new FileTable();
  const fd = table.add(a, false) as number;
  const other = table.add(b, false) as number;
  locks.set(lock(table, F_WRLCK, 0, 10));
  locks.set(lock(b, F_WRLCK, 20, 30));
  a.ref();
  table.close(fd);
  assertEquals(locks.ranges.map((r) => r.start), [20]);
  table.close(other);
  assertEquals(locks.ranges, []);
});

Deno.test("FileLocks.flock is shared or exclusive by open file, and wakes who waits", () => {
  const { a, b, locks } = setup();
  assertEquals([locks.flock(a, LOCK_SH), locks.flock(b, LOCK_SH)], [0, 0]);
  assertEquals(locks.flock(a, LOCK_EX), EAGAIN);
  let woken = 0;
  locks.queue.add({ woken: () => (woken++, true) });
  b.unref();
  assertEquals([woken, locks.flock(a, LOCK_EX)], [1, 0]);
  assertEquals(locks.flock(a, LOCK_UN), 0);
});

Deno.test("LockWaits finds the circle when two owners would wait for each other", () => {
  const { locks } = setup();
  const me = new FileTable(), you = new FileTable();
  const waits = new LockWaits();
  locks.set(lock(me, F_WRLCK, 0, 1));
  locks.set(lock(you, F_WRLCK, 1, 2));
  assertEquals(waits.enter(locks, lock(me, F_WRLCK, 1, 2)), 0);
  assertEquals(waits.enter(locks, lock(you, F_WRLCK, 0, 1)), EDEADLK);
  waits.leave(me);
  assertEquals(waits.enter(locks, lock(you, F_WRLCK, 0, 1)), 0);
});
