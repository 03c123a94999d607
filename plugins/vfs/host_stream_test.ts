import { assert, assertEquals } from "@std/assert";
import { EAGAIN, EBADF, EPIPE, ESPIPE } from "@guise/core";
import {
  createMemoryFs,
  type HostFile,
  HostStream,
  openStdio,
  pathText,
  POLLERR,
  POLLHUP,
  POLLIN,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  Terminal,
} from "./mod.ts";
import { bytes, caller, take } from "./testing.ts";

Deno.test("openStdio reads from the host only what a reader asks for, when it asks", () => {
  const c = caller(createMemoryFs());
  const asked: number[] = [];
  const stream = new HostStream({ demand: (max) => void asked.push(max) });
  const [file] = openStdio(c, [stream]);
  assert(file !== undefined);
  assertEquals([take(file, 10), take(file, 10), asked], [EAGAIN, EAGAIN, [10]]);
  let woken = 0;
  file.queue.add({ woken: () => (woken++, true) });
  stream.push(bytes("hello world"));
  assertEquals([woken, file.available(), file.poll() & POLLIN], [1, 11, POLLIN]);
  assertEquals([take(file, 6), take(file, 6)], ["hello ", "world"]);
  assertEquals([file.poll() & POLLIN, asked], [0, [10, 4096]]);
  stream.end();
  assertEquals([take(file), take(file), file.poll() & POLLHUP], ["", "", POLLHUP]);
  assertEquals([file.write(bytes("x")), file.seek(0, 1)], [EBADF, ESPIPE]);
  assertEquals(file.inode.mode & S_IFMT, S_IFIFO);
  assertEquals(pathText(c, file), `pipe:[${file.inode.ino}]`);
});

Deno.test("openStdio hands output over at once, and tells when nobody reads it", () => {
  const c = caller(createMemoryFs());
  const out: string[] = [];
  let broken = false;
  const stream = new HostStream({
    write: (b) => broken ? EPIPE : (out.push(new TextDecoder().decode(b)), b.length),
    rdev: 0x305,
  });
  const [, file, again] = openStdio(c, [undefined, stream, stream]);
  assert(file !== undefined && again !== undefined);
  assertEquals([file.write(bytes("a")), again.write(bytes("b")), out.join("")], [1, 1, "ab"]);
  assertEquals([file.inode === again.inode, file.inode.mode & S_IFMT, file.inode.rdev], [
    true,
    S_IFCHR,
    0x305,
  ]);
  // /proc/self/fd/1 is the same stream, opened once more.
  const place = c.fs.vfs.placeOf(file);
  const third = place.inode.open!(place, 1, c);
  assert(typeof third !== "number");
  third.write(bytes("c"));
  assertEquals(out.join(""), "abc");
  broken = true;
  assertEquals([file.write(bytes("d")), file.poll() & POLLERR], [EPIPE, POLLERR]);
});

Deno.test("openStdio makes a redirected file what it is: seekable, with the host's size and offset", () => {
  const c = caller(createMemoryFs());
  const content = bytes("0123456789");
  const none = () => -30 as const;
  const file: HostFile = {
    stat: () => ({
      mode: 0o100640,
      ino: 77,
      dev: 8,
      nlink: 1,
      uid: 1,
      gid: 2,
      rdev: 0,
      size: content.length,
      blocks: 8,
      atimeMs: 0,
      mtimeMs: 1500,
      ctimeMs: 0,
      birthtimeMs: 0,
    }),
    read(into, offset) {
      const part = content.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    write: none,
    truncate: none,
    sync: none,
    close: () => {},
  };
  const [open] = openStdio(c, [{ file, offset: 4, flags: 0 }]);
  assert(open !== undefined);
  assertEquals([take(open, 3), open.seek(0, 1), open.seek(-1, 2), take(open)], ["456", 7, 9, "9"]);
  const { mode, size, ino, dev, mtime } = open.inode;
  assertEquals([mode & S_IFMT, size, ino, dev, mtime.sec, mtime.nsec], [S_IFREG, 10, 77, 8, 1, 5e8]);
});

Deno.test("openStdio shares one open file among the descriptors of a terminal", () => {
  const c = caller(createMemoryFs());
  const terminal = new Terminal({ cooked: true, write: (b) => b.length, demand: () => {} }, 0x8803);
  const [a, b, none] = openStdio(c, [terminal, terminal, undefined]);
  assert(a !== undefined && a === b && none === undefined);
  assertEquals([a.refs, a.terminal === terminal, a.inode.rdev, pathText(c, a)], [
    2,
    true,
    0x8803,
    "/dev/pts/3",
  ]);
  const [dev] = openStdio(c, ["null"]);
  assertEquals([take(dev!), dev!.inode.rdev], ["", 0x103]);
});
