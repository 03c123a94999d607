// What file calls do at their edges: blocking, partial transfers, limits, locks, errors in Linux's order. Each expectation
// was observed on the host's Linux (6.18) with a C program making the same calls.
import { assert, assertEquals } from "@std/assert";
import {
  EAGAIN,
  EBADF,
  EDEADLK,
  EEXIST,
  EFAULT,
  EFBIG,
  EINVAL,
  EISDIR,
  EMFILE,
  ENOTDIR,
  EPIPE,
  ERESTART_RESTARTBLOCK,
  ERESTARTSYS,
  ESPIPE,
  type Outcome,
  type Wait,
} from "@guise/core";
import { filesKey, type FileTable } from "@guise/vfs/key";
import { limitsKey, RLIMIT_FSIZE, RLIMIT_NOFILE } from "../limits.ts";
import { Machine } from "../testdata/harness.ts";
import * as descriptor from "./descriptor.ts";
import * as directory from "./directory.ts";
import { fcntl } from "./fcntl.ts";
import * as open from "./open.ts";
import * as poll from "./poll.ts";
import * as rw from "./read_write.ts";
import * as sendfile from "./sendfile.ts";
import * as space from "./space.ts";
import * as stat from "./stat.ts";

const O_RDWR = 2, O_CREAT = 0o100, O_NONBLOCK = 0o4000, O_APPEND = 0o2000;

function waits(outcome: Outcome): Wait {
  assert(typeof outcome !== "number" && outcome.kind === "wait", `not a wait: ${outcome}`);
  return outcome;
}

function pipe(m: Machine, flags = 0): [number, number] {
  const pair = m.room(8);
  assertEquals(m.call(descriptor.pipe2, pair, flags), 0);
  const view = m.view(pair, 8);
  return [view.getInt32(0, true), view.getInt32(4, true)];
}

Deno.test("read of an empty pipe waits until bytes come when it is blocking", () => {
  const m = new Machine();
  const [r, w] = pipe(m);
  const buffer = m.room(16);
  const waiting = waits(m.start(rw.read, r, buffer, 16));
  assertEquals(waiting.queues.length, 1);
  let woken = 0;
  waiting.queues[0].add({ woken: () => (woken++, true) });
  assertEquals(m.call(rw.write, w, "abc", 3), 3);
  assertEquals(woken > 0, true);
  assertEquals(m.call(rw.read, r, buffer, 16), 3);
  assertEquals(m.text(buffer, 3), "abc");
  m.call(fcntl, r, 4, O_NONBLOCK);
  assertEquals(m.call(rw.read, r, buffer, 16), EAGAIN);
  m.call(open.close, w);
  assertEquals(m.call(rw.read, r, buffer, 16), 0);
});

Deno.test("write of more than a pipe holds goes on after each wait and returns all", () => {
  const m = new Machine();
  const [r, w] = pipe(m);
  const from = m.room(100000), into = m.room(65536);
  let outcome = m.start(rw.write, w, from, 100000);
  waits(outcome);
  assertEquals(m.call(rw.read, r, into, 65536), 65536);
  outcome = m.resume(rw.write, outcome);
  assertEquals(outcome, 100000);
  assertEquals(m.call(rw.read, r, into, 65536), 100000 - 65536);
});

Deno.test("write that waits returns what it moved when a signal comes, ERESTARTSYS when nothing", () => {
  const m = new Machine();
  const [, w] = pipe(m);
  const from = m.room(100000);
  assertEquals(m.resume(rw.write, m.start(rw.write, w, from, 100000), "signal"), 65536);
  assertEquals(m.resume(rw.write, m.start(rw.write, w, from, 10), "signal"), ERESTARTSYS);
});

Deno.test("write to a pipe without readers is EPIPE and raises SIGPIPE", () => {
  const m = new Machine();
  const [r, w] = pipe(m);
  m.call(open.close, r);
  assertEquals(m.call(rw.write, w, "x", 1), EPIPE);
  assertEquals(m.pendingSignals(), [13]);
});

Deno.test("a partly bad buffer moves the bytes before the bad page of a file, and none of a pipe's buffer (G2)", () => {
  const m = new Machine();
  const [r, w] = pipe(m);
  const edge = 0x300000;
  m.space.map({ address: edge, length: 4096, prot: 3, fixed: "replace" });
  assertEquals(m.call(rw.write, w, edge + 4000, 200), EFAULT);
  assertEquals(m.call(rw.write, w, m.room(70), 70), 70);
  assertEquals(m.call(rw.read, r, edge + 4050, 60), EFAULT);
  assertEquals(m.call(rw.read, r, 1, 5), EFAULT);
  assertEquals(m.call(rw.read, r, m.room(64), 64), 64);
  const fd = m.call(open.open, "/f", O_CREAT | O_RDWR, 0o644);
  assertEquals(m.call(rw.write, fd, edge + 4000, 200), 96);
  assertEquals(m.call(rw.pread64, fd, edge + 4050, 96, 0), 46);
  assertEquals(m.call(rw.read, fd, 1, 5), 0);
  m.call(rw.lseek, fd, 0, 0);
  assertEquals(m.call(rw.read, fd, 1, 5), EFAULT);
  const none = m.call(open.open, "/dev/null", O_RDWR, 0);
  assertEquals(m.call(rw.write, none, 1, 5), 5);
  assertEquals(m.call(rw.read, none, 1, 5), 0);
  const vector = m.put(new Uint8Array(48));
  [m.put("abc"), 3, 1, 5, m.put("def"), 3].forEach((v, i) => m.space.setU32(vector + 8 * i, v));
  assertEquals(m.call(rw.writev, fd, vector, 3), 3);
  assertEquals(m.call(rw.writev, w, vector, 3), EFAULT);
});

Deno.test("errors come in the order of Linux: descriptor, then what it is, then the buffer", () => {
  const m = new Machine();
  const [r, w] = pipe(m);
  const dir = m.call(open.open, "/", 0, 0);
  assertEquals(m.call(rw.read, 99, 1, 1), EBADF);
  assertEquals(m.call(rw.read, w, 1, 1), EBADF);
  assertEquals(m.call(rw.write, r, 1, 1), EBADF);
  assertEquals(m.call(rw.read, dir, 1, 1), EISDIR);
  assertEquals(m.call(rw.pread64, r, 1, 1, -1), EINVAL);
  assertEquals(m.call(rw.pread64, r, m.room(4), 1, 0), ESPIPE);
  assertEquals(m.call(rw.pread64, r, m.room(4), 0, 0), ESPIPE);
  assertEquals(m.call(rw.pread64, dir, m.room(64), 64, 0), EISDIR);
  assertEquals(m.call(rw.lseek, r, 0, 0), ESPIPE);
  assertEquals(m.call(open.open, "/dev/null/x", 0, 0), ENOTDIR);
  assertEquals(m.call(open.open, "/", O_RDWR, 0), EISDIR);
  assertEquals(m.call(open.open, "/dev", O_CREAT | 0o200, 0o644), EEXIST);
  assertEquals(m.call(directory.getdents64, r, m.room(64), 64), ENOTDIR);
  assertEquals(m.call(directory.getdents64, dir, m.room(64), 8), EINVAL);
});

Deno.test("O_APPEND and pwrite: the bytes go to the end all the same", () => {
  const m = new Machine();
  const fd = m.call(open.open, "/f", O_CREAT | O_RDWR | O_APPEND, 0o644);
  m.call(rw.write, fd, "abc", 3);
  assertEquals(m.call(rw.pwrite64, fd, "X", 1, 0), 1);
  const buffer = m.room(16);
  assertEquals(m.call(rw.pread64, fd, buffer, 16, 0), 4);
  assertEquals(m.text(buffer, 4), "abcX");
});

Deno.test("RLIMIT_FSIZE cuts a write, then it is EFBIG with SIGXFSZ (G3)", () => {
  const m = new Machine();
  m.task.process.data.get(limitsKey).soft[RLIMIT_FSIZE] = 4;
  const fd = m.call(open.open, "/f", O_CREAT | O_RDWR, 0o644);
  assertEquals(m.call(rw.write, fd, "abcdef", 6), 4);
  assertEquals(m.pendingSignals(), []);
  assertEquals(m.call(rw.write, fd, "g", 1), EFBIG);
  assertEquals(m.pendingSignals(), [25]);
  assertEquals(m.call(space.ftruncate, fd, 5), EFBIG);
  assertEquals(m.call(rw.write, fd, "", 0), 0);
});

Deno.test("RLIMIT_NOFILE is EMFILE, and EINVAL for F_DUPFD beyond it (G3)", () => {
  const m = new Machine();
  m.task.process.data.get(limitsKey).soft[RLIMIT_NOFILE] = 2;
  assertEquals(m.call(open.open, "/", 0, 0), 0);
  assertEquals(m.call(descriptor.dup, 0), 1);
  assertEquals(m.call(open.open, "/nothing", 0, 0), EMFILE);
  assertEquals(m.call(descriptor.dup, 0), EMFILE);
  assertEquals(m.call(descriptor.dup2, 0, 5), EBADF);
  assertEquals(m.call(fcntl, 0, 0, 7), EINVAL);
});

Deno.test("record locks conflict between tables, wait with F_SETLKW and find circles", () => {
  const m = new Machine();
  const fd = m.call(open.open, "/f", O_CREAT | O_RDWR, 0o644);
  const mine = m.task.data.get(filesKey);
  const other: FileTable = mine.copy();
  const lock = (type: number, start: number, length: number): number => {
    const bytes = new Uint8Array(32);
    bytes[0] = type;
    bytes[8] = start;
    bytes[16] = length;
    return m.put(bytes);
  };
  const as = <T>(table: FileTable, run: () => T): T => {
    m.task.data.set(filesKey, table);
    try {
      return run();
    } finally {
      m.task.data.set(filesKey, mine);
    }
  };
  const SETLK = 6, SETLKW = 7;
  assertEquals(m.call(fcntl, fd, SETLK, lock(1, 0, 10)), 0);
  assertEquals(as(other, () => m.call(fcntl, fd, SETLK, lock(0, 5, 1))), EAGAIN);
  assertEquals(as(other, () => m.call(fcntl, fd, SETLK, lock(1, 10, 10))), 0);
  const found = lock(0, 0, 0);
  assertEquals(as(other, () => m.call(fcntl, fd, 5, found)), 0);
  const view = m.view(found, 32);
  assertEquals([
    view.getInt16(0, true),
    view.getInt32(8, true),
    view.getInt32(16, true),
    view.getInt32(24, true),
  ], [
    1,
    0,
    10,
    10,
  ]);
  const waiting = as(other, () => m.start(fcntl, fd, SETLKW, lock(1, 0, 1)));
  waits(waiting);
  assertEquals(m.call(fcntl, fd, SETLKW, lock(1, 10, 1)), EDEADLK);
  assertEquals(m.call(fcntl, fd, SETLK, lock(2, 0, 0)), 0);
  assertEquals(as(other, () => m.resume(fcntl, waiting)), 0);
});

Deno.test("poll waits on all its files and ends with restart_syscall's errno when a signal comes", () => {
  const m = new Machine();
  const [r, w] = pipe(m);
  const fds = new Uint8Array(8);
  fds[0] = r;
  fds[4] = 1;
  const at = m.put(fds);
  const waiting = waits(m.start(poll.poll, at, 1, 1000));
  assertEquals(waiting.deadline, 1e9);
  m.call(rw.write, w, "x", 1);
  assertEquals(m.resume(poll.poll, waiting), 1);
  assertEquals(m.view(at, 8).getUint16(6, true), 1);
  m.call(rw.read, r, m.room(4), 4);
  const again = waits(m.start(poll.poll, at, 1, 1000));
  assertEquals(m.resume(poll.poll, again, "signal"), ERESTART_RESTARTBLOCK);
  const last = waits(m.start(poll.poll, at, 1, 1000));
  assertEquals(m.resume(poll.poll, last, "timeout"), 0);
});

Deno.test("select waits, then tells what is ready and how much time is left", () => {
  const m = new Machine();
  const [r, w] = pipe(m);
  const set = m.put(new Uint8Array([1 << r, 0, 0, 0, 0, 0, 0, 0]));
  const time = m.room(16);
  m.space.setU32(time, 2);
  const waiting = waits(m.start(poll.select, 8, set, 0, 0, time));
  m.now = 5e8;
  m.call(rw.write, w, "x", 1);
  assertEquals(m.resume(poll.select, waiting), 1);
  const left = m.view(time, 16);
  assertEquals([left.getUint32(0, true), left.getUint32(8, true)], [1, 500000]);
  const bad = m.put(new Uint8Array([0, 0, 0, 128, 0, 0, 0, 0]));
  assertEquals(m.call(poll.select, 32, bad, 0, 0, 0), EBADF);
  assertEquals(m.call(poll.select, -1, 0, 0, 0, time), EINVAL);
});

Deno.test("sendfile copies to a pipe, moves the offset given, and goes on when the pipe was full", () => {
  const m = new Machine();
  const [r, w] = pipe(m);
  const fd = m.call(open.open, "/f", O_CREAT | O_RDWR, 0o644);
  const big = m.room(70000);
  assertEquals(m.call(rw.write, fd, big, 70000), 70000);
  m.call(rw.lseek, fd, 0, 0);
  const offset = m.room(8);
  m.space.setU32(offset, 10);
  let outcome = m.start(sendfile.sendfile, w, fd, offset, 100000);
  waits(outcome);
  assertEquals(m.call(rw.read, r, big, 65536), 65536);
  outcome = m.resume(sendfile.sendfile, outcome);
  assertEquals(outcome, 69990);
  assertEquals(m.space.getU32(offset), 70000);
  assertEquals(m.call(rw.lseek, fd, 0, 1), 0);
});

Deno.test("copy_file_range refuses pipes, directories and overlaps", () => {
  const m = new Machine();
  const [r, w] = pipe(m);
  const fd = m.call(open.open, "/f", O_CREAT | O_RDWR, 0o644);
  const dir = m.call(open.open, "/", 0, 0);
  m.call(rw.write, fd, "hello", 5);
  m.call(rw.lseek, fd, 0, 0);
  assertEquals(m.call(sendfile.copyFileRange, r, 0, w, 0, 5, 0), EINVAL);
  assertEquals(m.call(sendfile.copyFileRange, dir, 0, fd, 0, 5, 0), EISDIR);
  const to = m.room(8);
  m.space.setU32(to, 2);
  assertEquals(m.call(sendfile.copyFileRange, fd, 0, fd, to, 5, 0), EINVAL);
  m.space.setU32(to, 5);
  assertEquals(m.call(sendfile.copyFileRange, fd, 0, fd, to, 5, 0), 5);
  const out = m.room(16);
  assertEquals(m.call(rw.pread64, fd, out, 16, 0), 10);
  assertEquals(m.text(out, 10), "hellohello");
});

Deno.test("getdents64 lists . and .. and every name once over several calls", () => {
  const m = new Machine();
  m.call(directory.mkdir, "/d", 0o755);
  for (let i = 0; i < 50; i++) m.call(open.close, m.call(open.creat, `/d/file${i}`, 0o644));
  const fd = m.call(open.open, "/d", 0o200000, 0);
  const buffer = m.room(256);
  const names: string[] = [];
  for (;;) {
    const n = m.call(directory.getdents64, fd, buffer, 256);
    assert(n >= 0);
    if (n === 0) break;
    const view = m.view(buffer, n);
    for (let at = 0; at < n; at += view.getUint16(at + 16, true)) {
      names.push(m.text(buffer + at + 19, 12).replace(/\0[^]*$/, ""));
    }
  }
  const expected = [".", "..", ...Array.from({ length: 50 }, (_, i) => `file${i}`)];
  assertEquals(names.sort(), expected.sort());
});

Deno.test("O_PATH descriptors serve fstat and fchdir but not read", () => {
  const m = new Machine();
  const fd = m.call(open.open, "/dev", 0o10000000, 0);
  assertEquals(m.call(rw.read, fd, m.room(4), 4), EBADF);
  assertEquals(m.call(stat.fstat, fd, m.room(144)), 0);
  assertEquals(m.call(directory.fchdir, fd), 0);
  const cwd = m.room(64);
  assertEquals(m.call(directory.getcwd, cwd, 64), 5);
  assertEquals(m.text(cwd, 4), "/dev");
  assertEquals(m.call(fcntl, fd, 3, 0), 0o10000000);
});

Deno.test("struct stat is laid out by the row's ABI (A9)", () => {
  for (const [arch, mode, nlink, size] of [["x86-64", 24, 16, 48], ["aarch64", 16, 20, 48]] as const) {
    const m = new Machine({ arch });
    const fd = m.call(open.open, "/f", O_CREAT | O_RDWR, 0o640);
    m.call(rw.write, fd, "hello", 5);
    const out = m.room(160);
    assertEquals(m.call(stat.fstat, fd, out), 0);
    const view = m.view(out, 144);
    assertEquals([view.getUint32(mode, true), view.getUint32(nlink, true), view.getUint32(size, true)], [
      0o100640,
      1,
      5,
    ]);
  }
});
