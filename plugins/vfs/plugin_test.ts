import { assertEquals, assertThrows } from "@std/assert";
import type { Kernel } from "@guise/core";
import { State } from "@guise/core";
import { createMemoryFs, type HostFolder, HostFs, vfs, vfsKey, type VfsOptions, walk } from "./mod.ts";
import { caller, list, read, write } from "./testing.ts";

/** What the plugin uses of a kernel. */
function install(options?: VfsOptions) {
  const data = new State();
  const kernel = {
    data,
    clock: { realtime: (into: [number, number]) => (into[0] = 12345, into[1] = 678) },
    random: (into: Uint8Array) => into.fill(7),
  };
  vfs(options).setup!(kernel as unknown as Kernel);
  return caller(data.get(vfsKey));
}

Deno.test("vfs mounts /dev, /dev/shm and /tmp when nothing else is said", () => {
  const c = install();
  assertEquals(c.fs.vfs.mountLines(c.fs.root).map((l) => `${l.path} ${l.type} ${l.options}`), [
    "/ tmpfs rw,relatime",
    "/dev devtmpfs rw,nosuid,relatime",
    "/dev/pts devpts rw,nosuid,noexec,relatime",
    "/dev/shm tmpfs rw,nosuid,nodev,relatime",
    "/tmp tmpfs rw,nosuid,nodev,relatime",
  ]);
  write(c, "/tmp/f", "x");
  const f = c.fs.vfs.root.inode;
  assertEquals(f.mtime, { sec: 12345, nsec: 678 });
  assertEquals(read(c, "/dev/null"), "");
});

Deno.test("files get the clock's latest reading as their times where it tells that", () => {
  const data = new State();
  let asked = 0;
  const clock = {
    realtime: () => void asked++,
    last: (into: [number, number]) => (into[0] = 99, into[1] = 7, 0),
  };
  vfs().setup!({ data, clock, random: () => {} } as unknown as Kernel);
  const c = caller(data.get(vfsKey));
  write(c, "/f", "x");
  const f = walk(c, undefined, "/f");
  assertEquals([typeof f === "number" || f.inode.mtime, asked], [{ sec: 99, nsec: 7 }, 0]);
});

Deno.test("vfs puts further file systems where it is told, making directories on the way", () => {
  const c = install({
    root: createMemoryFs({ "/tmp/mine": "kept" }),
    mounts: [{ at: "/a/b", fs: createMemoryFs({ "/f": "mounted" }), readonly: true, source: "box" }],
  });
  assertEquals([read(c, "/a/b/f"), write(c, "/a/b/g", ""), read(c, "/tmp/mine")], ["mounted", -30, "kept"]);
  assertEquals(list(c, "/a"), [".", "..", "b"]);
  assertEquals(c.fs.vfs.mountLines(c.fs.root).at(-1)?.source, "box");
});

Deno.test("vfs says in words what it cannot mount", () => {
  const folder: HostFolder = {
    name: "/nowhere",
    lstat: (path) =>
      path === ""
        ? {
          mode: 0o40755,
          ino: 1,
          dev: 1,
          nlink: 2,
          uid: 0,
          gid: 0,
          rdev: 0,
          size: 0,
          blocks: 0,
          atimeMs: 0,
          mtimeMs: 0,
          ctimeMs: 0,
          birthtimeMs: 0,
        }
        : -2,
    readlink: () => -2,
    readdir: () => [],
    open: () => -2,
  };
  assertThrows(() => install({ root: new HostFs(folder) }), Error, "cannot mount on /dev");
  assertThrows(() => new HostFs({ ...folder, lstat: () => -2 }), Error, "cannot use /nowhere");
});
