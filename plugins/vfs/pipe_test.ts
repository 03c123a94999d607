import { assert, assertEquals } from "@std/assert";
import { EAGAIN, EBADF, EBUSY, EINVAL, ENXIO, EPERM, EPIPE, ESPIPE, type Waiter } from "@guise/core";
import {
  createMemoryFs,
  createPipe,
  mknodAt,
  O_NONBLOCK,
  O_RDWR,
  O_WRONLY,
  openAt,
  OpenFile,
  pathText,
  pipeSize,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  S_IFIFO,
  setPipeSize,
} from "./mod.ts";
import { bytes, caller, open, take } from "./testing.ts";

const ready = POLLIN | POLLOUT | POLLERR | POLLHUP;

function pipe(): { c: ReturnType<typeof caller>; read: OpenFile; write: OpenFile } {
  const c = caller(createMemoryFs());
  const made = createPipe(c, 0);
  if (typeof made === "number") throw new Error();
  return { c, ...made };
}

/** Counts how often a file's queue wakes. */
function watch(file: OpenFile): { count: number } {
  const seen = { count: 0 };
  const waiter: Waiter = { woken: () => (seen.count++, true) };
  file.queue.add(waiter);
  return seen;
}

Deno.test("createPipe passes bytes in order through its ring", () => {
  const { read, write } = pipe();
  let sent = 0, got = 0;
  const into = new Uint8Array(7001);
  while (got < 1_000_000) {
    const chunk = Uint8Array.from({ length: 5003 }, (_, i) => (sent + i) & 0xff);
    const n = write.write(chunk);
    if (n > 0) sent += n;
    const m = read.read(into);
    assert(m > 0);
    for (let i = 0; i < m; i++) assert(into[i] === ((got + i) & 0xff));
    got += m;
  }
});

Deno.test("PipeFile.write is atomic up to PIPE_BUF and short above it", () => {
  const { read, write } = pipe();
  assertEquals(write.write(new Uint8Array(65536 - 100)), 65436);
  assertEquals(write.write(new Uint8Array(101)), EAGAIN);
  assertEquals(write.write(new Uint8Array(4097)), 100);
  assertEquals(write.write(new Uint8Array(1)), EAGAIN);
  assertEquals(write.poll() & ready, 0);
  assertEquals(read.available(), 65536);
  take(read, 4095);
  assertEquals(write.poll() & ready, 0);
  take(read, 1);
  assertEquals(write.poll() & ready, POLLOUT);
});

Deno.test("PipeFile is EAGAIN, then the end, as writers go", () => {
  const { read, write } = pipe();
  assertEquals(take(read), EAGAIN);
  const woken = watch(read);
  write.write(bytes("last"));
  assertEquals(woken.count, 1);
  write.unref();
  assertEquals(woken.count, 2);
  assertEquals(read.poll() & ready, POLLIN | POLLHUP);
  assertEquals([take(read), take(read)], ["last", ""]);
  assertEquals(read.poll() & ready, POLLHUP);
});

Deno.test("PipeFile.write is EPIPE when no reader is left, also for those who wait", () => {
  const { read, write } = pipe();
  const woken = watch(write);
  assertEquals([read.write(bytes("x")), take(write)], [EBADF, EBADF]);
  read.unref();
  assertEquals(woken.count, 1);
  assertEquals(write.write(bytes("x")), EPIPE);
  assertEquals(write.poll() & POLLERR, POLLERR);
  assertEquals([write.seek(0, 0), write.pwrite(bytes("x"), 0)], [ESPIPE, ESPIPE]);
});

Deno.test("setPipeSize rounds up, keeps what is in it, and has limits", () => {
  const { c, read, write } = pipe();
  const user = caller(c.fs.vfs, 1000);
  assertEquals(pipeSize(read), 65536);
  assertEquals(setPipeSize(read, 5000, user), 8192);
  write.write(new Uint8Array(6000).fill(1));
  assertEquals(setPipeSize(read, 4096, user), EBUSY);
  assertEquals(setPipeSize(read, 1 << 20, user), 1 << 20);
  assertEquals(setPipeSize(read, (1 << 20) + 1, user), EPERM);
  assertEquals(setPipeSize(read, -1, user), EINVAL);
  assertEquals(read.read(new Uint8Array(9000)), 6000);
  assertEquals(pipeSize(open(c, "/f", O_RDWR | 0o100)), EBADF);
});

Deno.test("a pipe is named by its inode number and opens again by its place", () => {
  const { c, read, write } = pipe();
  assertEquals(pathText(c, read), `pipe:[${read.inode.ino}]`);
  const place = c.fs.vfs.placeOf(write);
  const again = place.inode.open!(place, O_WRONLY, c);
  assert(again instanceof OpenFile);
  write.unref();
  again.write(bytes("more"));
  assertEquals(take(read), "more");
  again.unref();
  assertEquals(take(read), "");
});

Deno.test("a FIFO's open waits for a partner unless it may not", () => {
  const c = caller(createMemoryFs());
  mknodAt(c, undefined, "/fifo", S_IFIFO | 0o666);
  assertEquals(openAt(c, undefined, "/fifo", O_WRONLY | O_NONBLOCK), ENXIO);
  const reader = open(c, "/fifo");
  const woken = watch(reader);
  assert(reader.opening !== undefined);
  const writer = open(c, "/fifo", O_WRONLY);
  assert(woken.count > 0);
  assertEquals([reader.opening, writer.opening], [undefined, undefined]);
  writer.write(bytes("through"));
  writer.unref();
  assertEquals([take(reader), take(reader)], ["through", ""]);
  // A writer that came and went has been a partner.
  const late = open(c, "/fifo", O_WRONLY);
  assertEquals(late.opening, undefined);
  late.unref();
  reader.unref();
  const both = open(c, "/fifo", O_RDWR);
  assertEquals(both.opening, undefined);
  both.write(bytes("self"));
  assertEquals(take(both), "self");
  both.unref();
  const alone = open(c, "/fifo", O_NONBLOCK);
  assertEquals([alone.opening, take(alone), alone.poll() & POLLHUP], [undefined, "", 0]);
  open(c, "/fifo", O_WRONLY).unref();
  assertEquals(alone.poll() & POLLHUP, POLLHUP);
  alone.unref();
});

Deno.test("pipes stay small when all pipes together take too much", () => {
  const c = caller(createMemoryFs());
  const writes: OpenFile[] = [];
  let taken = 0;
  for (let i = 0; i < 1500; i++) {
    const made = createPipe(c, 0);
    if (typeof made === "number") throw new Error();
    for (let n = 0; n >= 0;) {
      taken += n;
      n = made.write.write(new Uint8Array(4096));
    }
    writes.push(made.write);
  }
  assertEquals([pipeSize(writes[0]), pipeSize(writes[1499])], [65536, 8192]);
  assertEquals(setPipeSize(writes[1499], 1 << 20, c), EPERM);
  assert(taken < 80 << 20, `${taken}`);
});
