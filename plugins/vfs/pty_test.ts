import { assert, assertEquals } from "@std/assert";
import { EAGAIN, EIO } from "@guise/core";
import {
  createDeviceFs,
  createMemoryFs,
  createPtyFs,
  defaultTermios,
  mountAt,
  openAt,
  openStdio,
  pathText,
  POLLHUP,
  Terminal,
  Vfs,
} from "./mod.ts";
import { PtyMaster } from "./pty.ts";
import { bytes, caller, list, open, take } from "./testing.ts";

function setup() {
  const vfs = new Vfs(createMemoryFs());
  mountAt(vfs, { at: "/dev", fs: createDeviceFs() });
  mountAt(vfs, { at: "/dev/pts", fs: createPtyFs(vfs) });
  const c = caller(vfs, 1000);
  const master = open(c, "/dev/ptmx", 2);
  assert(master instanceof PtyMaster);
  return { c, master };
}

Deno.test("opening /dev/ptmx makes a slave that is a terminal, once it is unlocked", () => {
  const { c, master } = setup();
  assertEquals([master.number, list(c, "/dev/pts")], [0, [".", "..", "ptmx", "0"]]);
  assertEquals(openAt(c, undefined, "/dev/pts/0", 2), EIO);
  master.locked = false;
  const slave = open(c, "/dev/pts/0", 2);
  assertEquals([slave.inode.rdev, slave.inode.uid, slave.terminal === master.terminal], [0x8800, 1000, true]);
  slave.write(bytes("prompt\n"));
  assertEquals([take(master), take(master)], ["prompt\r\n", EAGAIN]);
  master.write(bytes("ls -l\r"));
  assertEquals([take(slave), take(master)], ["ls -l\n", "ls -l\r\n"]);
  const second = open(c, "/dev/ptmx", 2);
  assert(second instanceof PtyMaster && second.number === 1);
});

Deno.test("a pty's ends see each other go", () => {
  const { c, master } = setup();
  master.locked = false;
  const slave = open(c, "/dev/pts/0", 2);
  const signals: number[] = [];
  master.terminal.onSignal = (s) => signals.push(s);
  slave.write(bytes("bye"));
  slave.unref();
  assertEquals([take(master), take(master), master.poll() & POLLHUP], ["bye", EIO, POLLHUP]);
  const again = open(c, "/dev/pts/0", 2);
  assertEquals(take(master), EAGAIN);
  master.unref();
  assertEquals([take(again), again.write(bytes("x")), signals], ["", EIO, [1]]);
  assertEquals(list(c, "/dev/pts"), [".", "..", "ptmx"]);
  assertEquals(openAt(c, undefined, "/dev/pts/0", 2), -2);
  again.unref();
});

Deno.test("a pty takes no more than fits in either direction", () => {
  const { c, master } = setup();
  master.locked = false;
  const slave = open(c, "/dev/pts/0", 2);
  let woken = 0;
  slave.queue.add({ woken: () => (woken++, true) });
  slave.terminal!.setTermios({ ...defaultTermios(), lflag: 0, oflag: 0 });
  assertEquals(slave.write(new Uint8Array(100000)), 65536);
  assertEquals(slave.write(bytes("x")), EAGAIN);
  take(master, 1000);
  assert(woken > 0);
  assertEquals(slave.write(new Uint8Array(100000)), 1000);
  assertEquals(master.write(new Uint8Array(100000)), 65536);
  assertEquals(master.write(bytes("x")), EAGAIN);
  assertEquals(take(slave, 10), "\0".repeat(10));
  assertEquals(master.write(bytes("x")), 1);
});

Deno.test("a terminal of the host has a node in /dev/pts when it is a pty there", () => {
  const { c } = setup();
  const terminal = new Terminal({ cooked: true, write: (b) => b.length, demand: () => {} }, 0x8807);
  const [file] = openStdio(c, [terminal]);
  assert(file !== undefined);
  assertEquals(pathText(c, file), "/dev/pts/7");
  const again = open(c, "/dev/pts/7", 2);
  assert(again.terminal === terminal && again.inode === file.inode);
  const other = new Terminal({ cooked: true, write: (b) => b.length, demand: () => {} }, 0x401);
  assertEquals(pathText(c, openStdio(c, [other])[0]!), "/dev/tty1");
});
