import { assertEquals } from "@std/assert";
import { EACCES, EBADF, EINVAL, ENOENT, EPERM } from "@guise/core";
import {
  createDeviceFs,
  createMemoryFs,
  type GeneratedDirectory,
  generatedDirectory,
  GeneratedFs,
  type GeneratedNode,
  getcwd,
  mountAt,
  openAt,
  pathText,
  registerDevices,
  Terminal,
  Vfs,
  walk,
} from "./mod.ts";
import { chdir, chmod } from "./attr.ts";
import { bytes, caller, list, open, read, take, write } from "./testing.ts";

function proc() {
  const pids = new Set(["1", "22"]);
  let written = "";
  let reads = 0;
  const process = (pid: string): GeneratedDirectory => ({
    kind: "directory",
    id: `pid ${pid}`,
    owner: () => ({ uid: Number(pid), gid: 0 }),
    lookup: (name) =>
      name === "status"
        ? {
          kind: "file",
          id: `status ${pid}`,
          read: () => `pid ${pid}, read ${++reads}\n`,
        } satisfies GeneratedNode
        : undefined,
    names: () => ["status"],
  });
  const fixed = generatedDirectory({
    self: { kind: "link", target: (c) => String(c.cred.uid) },
    secret: { kind: "file", mode: 0o400, read: () => "s" },
    control: {
      kind: "file",
      mode: 0o644,
      read: () => written,
      write: (b) => (written += new TextDecoder().decode(b), b.length),
    },
    broken: { kind: "file", read: () => EACCES },
  });
  const fs = new GeneratedFs({
    kind: "directory",
    lookup: (name, c) => fixed.lookup(name, c) ?? (pids.has(name) ? process(name) : undefined),
    names: (c) => [...fixed.names(c), ...pids],
  }, { type: "proc" });
  const vfs = new Vfs(createMemoryFs());
  mountAt(vfs, { at: "/proc", fs });
  return { vfs, pids };
}

Deno.test("GeneratedFs shows what its functions say when they are asked", () => {
  const { vfs, pids } = proc();
  const c = caller(vfs, 22);
  assertEquals(list(c, "/proc", 2), [".", "..", "self", "secret", "control", "broken", "1", "22"]);
  pids.add("300");
  assertEquals(read(c, "/proc/300/status"), "pid 300, read 1\n");
  pids.delete("300");
  assertEquals(read(c, "/proc/300/status"), ENOENT);
  assertEquals(read(c, "/proc/self/status"), "pid 22, read 2\n");
  assertEquals(read(c, "/proc/secret"), EACCES);
  assertEquals(read(c, "/proc/broken"), EACCES);
  assertEquals(walk(c, undefined, "/proc/1/none"), ENOENT);
  assertEquals(write(c, "/proc/1/new", "x"), EACCES);
  const self = walk(caller(vfs), undefined, "/proc/control");
  assertEquals(typeof self === "number" ? self : chmod(caller(vfs), self, 0o600), EPERM);
});

Deno.test("GeneratedFs lets nobody change attributes of what is immutable", () => {
  const fs = new GeneratedFs(generatedDirectory({}, { immutable: true }), { type: "proc" });
  const root = fs.root;
  assertEquals([root.setattr({ uid: 0, gid: 0 }), root.setattr({ atime: { sec: 0, nsec: 0 } })], [
    EPERM,
    EPERM,
  ]);
});

Deno.test("GeneratedFs keeps inode numbers by id, owners and paths when objects are new each time", () => {
  const { vfs } = proc();
  const c = caller(vfs);
  const inode = (path: string) => {
    const at = walk(c, undefined, path);
    if (typeof at === "number") throw new Error(path);
    return at.inode;
  };
  assertEquals(inode("/proc/22").ino, inode("/proc/22").ino);
  assertEquals([inode("/proc/22").uid, inode("/proc/22").nlink], [22, 2]);
  assertEquals(pathText(c, open(c, "/proc/22/status")), "/proc/22/status");
  const at = walk(c, undefined, "/proc/22");
  if (typeof at === "number") throw new Error();
  chdir(c, at);
  assertEquals([getcwd(c), read(c, "../1/status")], ["/proc/22", "pid 1, read 1\n"]);
});

Deno.test("GeneratedFs makes content once for a reader, and again after a rewind", () => {
  const { vfs } = proc();
  const c = caller(vfs);
  const file = open(c, "/proc/1/status");
  assertEquals([take(file, 7, c), take(file, 100, c), take(file, 100, c)], ["pid 1, ", "read 1\n", ""]);
  assertEquals(file.seek(0, 0), 0);
  assertEquals(take(file, 100, c), "pid 1, read 2\n");
  assertEquals([file.seek(0, 2), file.write(bytes("x"))], [EINVAL, EBADF]);
  assertEquals(write(c, "/proc/control", "on", 1), 2);
  assertEquals(read(c, "/proc/control"), "on");
});

Deno.test("devices do what they do on Linux", () => {
  const vfs = new Vfs(createMemoryFs());
  registerDevices(vfs, (into) => into.fill(5));
  mountAt(vfs, { at: "/dev", fs: createDeviceFs() });
  const c = caller(vfs, 1000);
  const io = (path: string): [number, number] => {
    const file = open(c, path, 2);
    const into = new Uint8Array(3).fill(9);
    const n = file.read(into);
    const result: [number, number] = [n > 0 ? into[0] : n, file.write(bytes("abc"))];
    file.unref();
    return result;
  };
  assertEquals(["null", "zero", "full", "random", "urandom"].map((d) => io("/dev/" + d)), [
    [0, 3],
    [0, 3],
    [0, -28],
    [5, 3],
    [5, 3],
  ]);
  assertEquals(openAt(c, undefined, "/dev/tty", 2), -6);
  const terminal = new Terminal({ cooked: false, write: (b) => b.length, demand: () => {} }, 0x8800);
  vfs.controllingTerminal = () => terminal;
  const tty = open(c, "/dev/tty", 2);
  assertEquals([tty.terminal === terminal, tty.inode.rdev, tty.write(bytes("x"))], [true, 0x500, 1]);
  assertEquals(openAt(c, undefined, "/dev/console", 2), EACCES);
  assertEquals(list(c, "/dev").includes("stdin"), true);
  const zero = open(c, "/dev/zero").backing();
  if (typeof zero === "number") throw new Error();
  assertEquals(zero.fill(100, new Uint8Array(4)), 4);
});
