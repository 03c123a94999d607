import { assert, assertEquals } from "@std/assert";
import { EEXIST, EFBIG, EINVAL, ENODATA, ENOENT, ENOSPC, ENOTEMPTY, EOPNOTSUPP, EPERM } from "@guise/core";
import {
  type Caller,
  createMemoryFile,
  createMemoryFs,
  type Inode,
  linkAt,
  memoryInode,
  mkdirAt,
  nameOf,
  O_DIRECTORY,
  O_EXCL,
  O_RDWR,
  O_TMPFILE,
  pathText,
  renameAt,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  symlinkAt,
  textOf,
  unlinkAt,
  walk,
} from "./mod.ts";
import { bytes, caller, list, open, read, take, write } from "./testing.ts";

const inode = (c: Caller, path: string): Inode => {
  const at = walk(c, undefined, path, 1);
  if (typeof at === "number") throw new Error(`${path}: ${at}`);
  return at.inode;
};

Deno.test("createMemoryFs makes files, folders and links when told by paths", () => {
  const c = caller(createMemoryFs({
    "/etc/motd": "hi\n",
    "bin/tool": { content: Uint8Array.of(1, 2), mode: 0o4755, uid: 3, gid: 4 },
    "/bin/sh": { symlink: "../etc/motd" },
    "/tmp": { directory: true, mode: 0o1777 },
    "/ä": "umlaut",
  }));
  assertEquals(read(c, "/bin/sh"), "hi\n");
  const { mode, uid, gid, size } = inode(c, "/bin/tool");
  assertEquals([mode, uid, gid, size], [0o104755, 3, 4, 2]);
  assertEquals(inode(c, "/tmp").mode, 0o41777);
  assertEquals(read(c, nameOf("/ä")), "umlaut");
  assertEquals(list(c, "/").map(textOf), [".", "..", "etc", "bin", "tmp", "ä"]);
});

Deno.test("MemoryFs keeps content when a file is unlinked while open, and frees it at the end", () => {
  const fs = createMemoryFs();
  const c = caller(fs);
  write(c, "/f", "content");
  const file = open(c, "/f", O_RDWR);
  assertEquals(unlinkAt(c, undefined, "/f", false), 0);
  assertEquals(file.inode.nlink, 0);
  assertEquals(take(file), "content");
  assertEquals(read(c, "/f"), ENOENT);
  assertEquals(pathText(c, file), "/f (deleted)");
  assert(fs.budget.used > 0);
  file.unref();
  assertEquals(fs.budget.used, 0);
});

Deno.test("MemoryFs leaves the old file to who has it open when another is renamed over it", () => {
  const fs = createMemoryFs();
  const c = caller(fs);
  write(c, "/old", "old");
  write(c, "/new", "new");
  const file = open(c, "/old");
  assertEquals(renameAt(c, undefined, "/new", undefined, "/old"), 0);
  assertEquals([read(c, "/old"), take(file), read(c, "/new")], ["new", "old", ENOENT]);
  file.unref();
});

Deno.test("MemoryFs takes names of any bytes when they are not UTF-8", () => {
  const c = caller(createMemoryFs());
  const name = "\xff\xfe\x01";
  assertEquals(write(c, "/" + name, "x"), 1);
  assertEquals(read(c, "/" + name), "x");
  assert(list(c, "/").includes(name));
});

Deno.test("MemoryFs counts links of files and directories when they come and go", () => {
  const c = caller(createMemoryFs());
  mkdirAt(c, undefined, "/d", 0o755);
  mkdirAt(c, undefined, "/d/e", 0o755);
  write(c, "/f", "");
  linkAt(c, undefined, "/f", undefined, "/d/g");
  assertEquals([inode(c, "/").nlink, inode(c, "/d").nlink, inode(c, "/f").nlink], [3, 3, 2]);
  assertEquals(renameAt(c, undefined, "/d/e", undefined, "/e"), 0);
  assertEquals([inode(c, "/").nlink, inode(c, "/d").nlink], [4, 2]);
  assertEquals(unlinkAt(c, undefined, "/d", true), ENOTEMPTY);
  assertEquals(unlinkAt(c, undefined, "/d/g", false), 0);
  const gone = inode(c, "/d");
  assertEquals(unlinkAt(c, undefined, "/d", true), 0);
  assertEquals([inode(c, "/").nlink, inode(c, "/f").nlink, gone.nlink], [3, 1, 0]);
});

Deno.test("MemoryFs refuses new inodes and bytes when its limits are reached", () => {
  const fs = createMemoryFs({}, { limit: 70000, inodes: 3 });
  const c = caller(fs);
  assertEquals(write(c, "/a", "x".repeat(100000)), 65536);
  assertEquals(write(c, "/b", "x".repeat(60000)), ENOSPC);
  assertEquals(mkdirAt(c, undefined, "/c", 0o755), ENOSPC);
  assertEquals(linkAt(c, undefined, "/a", undefined, "/l"), ENOSPC);
  unlinkAt(c, undefined, "/a", false);
  assertEquals(mkdirAt(c, undefined, "/c", 0o755), 0);
  assertEquals(fs.statfs().ffree, 0);
  unlinkAt(c, undefined, "/c", true);
  assertEquals(fs.statfs().ffree, 1);
});

Deno.test("MemoryFs lists entries once when others are made and removed meanwhile", () => {
  const c = caller(createMemoryFs());
  mkdirAt(c, undefined, "/d", 0o755);
  for (let i = 0; i < 200; i++) write(c, `/d/f${i}`, "");
  const dir = open(c, "/d", O_DIRECTORY);
  const seen: string[] = [];
  for (let round = 0;; round++) {
    let n = 0;
    dir.readdir((name) => {
      if (n === 10) return false;
      n++;
      seen.push(name);
      return true;
    }, c);
    if (n === 0) break;
    // Some that were read, some that were not, and one that is new.
    for (const i of [round * 3, 199 - round * 2]) unlinkAt(c, undefined, `/d/f${i}`, false);
    if (round < 5) write(c, `/d/new${round}`, "");
  }
  assertEquals(new Set(seen).size, seen.length);
  const now = list(c, "/d", 1000);
  for (const name of now) if (!name.startsWith("new")) assert(seen.includes(name), name);
  // A position is good after a seek, too.
  assertEquals(dir.seek(0, 0), 0);
  assertEquals(list(c, dir, 3), now);
  dir.unref();
});

Deno.test("MemoryFs removes a whole directory when the listing goes on while it empties", () => {
  const c = caller(createMemoryFs());
  mkdirAt(c, undefined, "/d", 0o755);
  for (let i = 0; i < 5000; i++) write(c, `/d/f${i}`, "");
  const dir = open(c, "/d", O_DIRECTORY);
  for (;;) {
    const batch: string[] = [];
    dir.readdir((name) => batch.length < 50 && batch.push(name) > 0, c);
    if (batch.length === 0) break;
    for (const name of batch) if (!name.startsWith(".")) unlinkAt(c, undefined, `/d/${name}`, false);
  }
  assertEquals(list(c, "/d"), [".", ".."]);
  assertEquals(unlinkAt(c, undefined, "/d", true), 0);
  assertEquals(dir.readdir(() => true, c), ENOENT);
  dir.unref();
});

Deno.test("MemoryFs reads a directory of 40,000 entries in linear time", () => {
  const folders = [10_000, 40_000].map((count) => {
    const c = caller(createMemoryFs()), root = inode(c, "/");
    for (let i = 0; i < count; i++) root.create(`file-${i}`, { mode: 0o100644, uid: 0, gid: 0 });
    return { c, count, least: Infinity };
  });
  // The least of several, since the machine may be busy with others. If each piece began at the beginning, it would be 16 times.
  for (let round = 0; round < 5; round++) {
    for (const folder of folders) {
      const start = performance.now();
      assertEquals(list(folder.c, "/", 300).length, folder.count + 2);
      folder.least = Math.min(folder.least, performance.now() - start);
    }
  }
  const [few, many] = folders;
  assert(many.least < 9 * few.least + 20, `${few.least} and ${many.least} ms`);
});

Deno.test("MemoryFs makes nameless files when opened with O_TMPFILE, which linkat can name", () => {
  const c = caller(createMemoryFs());
  const file = open(c, "/", O_TMPFILE | O_RDWR, 0o600);
  assertEquals(file.inode.nlink, 0);
  file.write(bytes("tmp"));
  assertEquals(linkAt(c, file.location, "", undefined, "/named", 4), 0);
  assertEquals([read(c, "/named"), file.inode.nlink], ["tmp", 1]);
  // Only the first name is free.
  unlinkAt(c, undefined, "/named", false);
  assertEquals(linkAt(c, file.location, "", undefined, "/again", 4), ENOENT);
  file.unref();
  const never = open(c, "/", O_TMPFILE | O_RDWR | O_EXCL, 0o600);
  assertEquals(linkAt(c, never.location, "", undefined, "/named", 4), ENOENT);
  never.unref();
});

Deno.test("RegularFile seeks, finds data and holes, and refuses what no file can have", () => {
  const c = caller(createMemoryFs());
  const file = open(c, "/f", O_RDWR | 0o100);
  assertEquals(file.seek(100000, 0), 100000);
  assertEquals(file.write(bytes("end")), 3);
  assertEquals(file.seek(0, SEEK_DATA), 98304);
  assertEquals(file.seek(0, SEEK_HOLE), 0);
  assertEquals(file.seek(98304, SEEK_HOLE), 100003);
  assertEquals(file.seek(-3, SEEK_END), 100000);
  assertEquals(take(file), "end");
  assertEquals(file.seek(-1, 0), EINVAL);
  assertEquals(file.seek(0, 9), EINVAL);
  assertEquals(file.pwrite(bytes("x"), 2 ** 53 - 1), EFBIG);
  assertEquals(file.truncate(2 ** 53), EFBIG);
  assertEquals(file.pread(new Uint8Array(1), -1), EINVAL);
  file.unref();
});

Deno.test("RegularFile appends when O_APPEND, wherever the offset or the caller wants it", () => {
  const c = caller(createMemoryFs({ "/f": "one" }));
  const file = open(c, "/f", O_RDWR | 0o2000);
  assertEquals(file.pwrite(bytes("two"), 0), 3);
  file.seek(0, 0);
  file.write(bytes("three"));
  assertEquals(read(c, "/f"), "onetwothree");
  file.unref();
});

Deno.test("fallocate grows, keeps size, punches holes when told", () => {
  const c = caller(createMemoryFs({ "/f": "x".repeat(10000) }));
  const file = open(c, "/f", O_RDWR);
  assertEquals(file.allocate(1, 0, 20000), 0);
  assertEquals(file.inode.size, 10000);
  assertEquals(file.allocate(0, 0, 20000), 0);
  assertEquals(file.inode.size, 20000);
  assertEquals(file.allocate(3, 0, 4096), 0);
  assertEquals([file.seek(0, SEEK_DATA), file.inode.blocks], [4096, 32]);
  assertEquals(file.allocate(8, 0, 4096), EOPNOTSUPP);
  assertEquals(file.allocate(0, 0, 2 ** 50), ENOSPC);
  file.unref();
});

Deno.test("extended attributes are stored when set, with CREATE and REPLACE as in Linux", () => {
  const c = caller(createMemoryFs({ "/f": "" }));
  const f = inode(c, "/f");
  assertEquals(f.getxattr("user.a"), ENODATA);
  assertEquals(f.setxattr("user.a", bytes("1"), 2), ENODATA);
  assertEquals(f.setxattr("user.a", bytes("1"), 1), 0);
  assertEquals(f.setxattr("user.a", bytes("2"), 1), EEXIST);
  assertEquals(f.getxattr("user.a"), bytes("1"));
  assertEquals(f.listxattr(), ["user.a"]);
  assertEquals([f.removexattr("user.a"), f.removexattr("user.a")], [0, ENODATA]);
});

Deno.test("createMemoryFile gives a nameless file whose seals hold", () => {
  const c = caller(createMemoryFs());
  const file = createMemoryFile(c, "shm");
  assert(typeof file !== "number");
  assertEquals(pathText(c, file), "/memfd:shm (deleted)");
  assertEquals(file.write(bytes("12345")), 5);
  memoryInode(file)!.seals = 2 | 4;
  assertEquals([file.truncate(1), file.truncate(9), file.pwrite(bytes("x"), 5)], [EPERM, EPERM, EPERM]);
  assertEquals(file.pwrite(bytes("abc"), 4), 1);
  memoryInode(file)!.seals = 8;
  assertEquals(file.pwrite(bytes("x"), 0), EPERM);
  file.unref();
});

Deno.test("backing maps a file under its path, with one identity for all openings", () => {
  const c = caller(createMemoryFs({ "/d/f": "0123456789" }));
  const a = open(c, "/d/f"), b = open(c, "/d/f");
  const one = a.backing(), two = b.backing();
  assert(typeof one !== "number" && typeof two !== "number");
  assert(one.identity === two.identity);
  assertEquals([one.name, one.size, one.inode], ["/d/f", 10, a.inode.ino]);
  const into = new Uint8Array(4);
  assertEquals([one.fill(8, into), one.fill(20, into)], [2, 0]);
  one.store!(8, bytes("abcdef"));
  assertEquals(read(c, "/d/f"), "01234567ab");
  one.hold!();
  a.unref();
  b.unref();
  unlinkAt(c, undefined, "/d/f", false);
  assertEquals(one.fill(0, into), 4);
  one.release!();
  assertEquals(one.fill(0, into), 0);
});

Deno.test("pathText follows a file that is renamed, and its directory", () => {
  const c = caller(createMemoryFs({ "/d/f": "" }));
  const file = open(c, "/d/f");
  renameAt(c, undefined, "/d", undefined, "/e");
  assertEquals(pathText(c, file), "/e/f");
  renameAt(c, undefined, "/e/f", undefined, "/g");
  assertEquals(pathText(c, file), "/g");
  symlinkAt(c, "/g", undefined, "/s");
  assertEquals(pathText(c, open(c, "/s")), "/g");
  file.unref();
});

Deno.test("setxattr of an access list that says no more than a mode sets the mode", () => {
  const c = caller(createMemoryFs({ "/f": { content: "", mode: 0o4600 } }));
  const f = inode(c, "/f");
  const acl = (...entries: [tag: number, bits: number][]) =>
    Uint8Array.of(2, 0, 0, 0, ...entries.flatMap(([tag, bits]) => [tag, 0, bits, 0, 255, 255, 255, 255]));
  assertEquals(f.setxattr("system.posix_acl_access", acl([1, 6], [4, 4], [0x20, 4]), 0), 0);
  assertEquals([f.mode, f.listxattr(), f.getxattr("system.posix_acl_access")], [0o104644, [], ENODATA]);
  assertEquals(f.setxattr("system.posix_acl_access", acl([1, 6], [2, 7], [4, 4], [0x20, 4]), 0), EOPNOTSUPP);
  assertEquals(f.setxattr("system.posix_acl_access", Uint8Array.of(9, 9), 0), EINVAL);
  assertEquals(f.setxattr("system.other", acl(), 0), EOPNOTSUPP);
});
