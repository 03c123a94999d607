import { assert, assertEquals } from "@std/assert";
import {
  EACCES,
  EBUSY,
  EEXIST,
  EINVAL,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EPERM,
  EROFS,
  EXDEV,
} from "@guise/core";
import {
  type Caller,
  chdir,
  chroot,
  createMemoryFs,
  credentialsOf,
  DIRECTORY,
  FileTable,
  generatedDirectory,
  GeneratedFs,
  getcwd,
  linkAt,
  type Location,
  mkdirAt,
  type Mount,
  NO_FOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDWR,
  O_WRONLY,
  openAt,
  pathText,
  renameAt,
  startOf,
  symlinkAt,
  unlinkAt,
  Vfs,
  walk,
} from "./mod.ts";
import { caller, list, open, read, write } from "./testing.ts";

const at = (c: Caller, path: string, flags = 0): Location => {
  const found = walk(c, undefined, path, flags);
  if (typeof found === "number") throw new Error(`${path}: ${found}`);
  return found;
};

Deno.test("walk keeps a guest inside its root when links and .. lead up", () => {
  const c = caller(createMemoryFs({
    "/secret": "outside",
    "/jail/etc/inside": "inside",
    "/jail/abs": { symlink: "/etc/inside" },
    "/jail/up": { symlink: "../../../secret" },
    "/jail/upabs": { symlink: "/../../secret" },
  }));
  assertEquals(chroot(c, at(c, "/jail")), 0);
  assertEquals(chdir(c, at(c, "/")), 0);
  assertEquals(read(c, "/abs"), "inside");
  for (const path of ["/up", "/upabs", "../secret", "/../secret", "etc/../../secret"]) {
    assertEquals(read(c, path), ENOENT, path);
  }
  assertEquals(getcwd(c), "/");
  assertEquals(chdir(c, at(c, "etc")), 0);
  assertEquals(getcwd(c), "/etc");
});

Deno.test("getcwd says what Linux says when the directory is outside the root or removed", () => {
  const c = caller(createMemoryFs({ "/a/b/f": "", "/jail/f": "" }));
  chdir(c, at(c, "/a/b"));
  assertEquals(chroot(c, at(c, "/jail")), 0);
  assertEquals(getcwd(c), "(unreachable)/a/b");
  const d = caller(createMemoryFs({ "/a/b/f": "" }));
  chdir(d, at(d, "/a/b"));
  unlinkAt(d, undefined, "f", false);
  assertEquals(unlinkAt(d, undefined, "/a/b", true), 0);
  assertEquals(getcwd(d), ENOENT);
  assertEquals(write(d, "x", ""), ENOENT);
});

Deno.test("walk follows 40 links and no more", () => {
  const files: Record<string, string | { symlink: string }> = { "/l0": "end" };
  for (let i = 1; i <= 41; i++) files[`/l${i}`] = { symlink: `l${i - 1}` };
  const c = caller(createMemoryFs({ ...files, "/loop": { symlink: "loop" } }));
  assertEquals(read(c, "/l40"), "end");
  assertEquals(read(c, "/l41"), ELOOP);
  assertEquals(read(c, "/loop"), ELOOP);
  assertEquals(read(c, "/loop/x"), ELOOP);
});

Deno.test("walk refuses names and paths that are too long", () => {
  const c = caller(createMemoryFs());
  assertEquals(write(c, "/" + "n".repeat(255), ""), 0);
  assertEquals(write(c, "/" + "n".repeat(256), ""), ENAMETOOLONG);
  assertEquals(walk(c, undefined, "/.".repeat(2047)), c.fs.root);
  assertEquals(walk(c, undefined, "/.".repeat(2048)), ENAMETOOLONG);
  assertEquals(walk(c, undefined, ""), ENOENT);
});

Deno.test("walk asks for search permission of each directory when the user is not root", () => {
  const fs = createMemoryFs({
    "/d": { directory: true, mode: 0o700 },
    "/d/f": "x",
    "/r": { directory: true, mode: 0o744 },
    "/r/f": "x",
  });
  const user = caller(fs, 1000);
  assertEquals([read(user, "/d/f"), read(user, "/r/f"), read(user, "/d/none")], [EACCES, EACCES, EACCES]);
  assertEquals(list(user, "/r"), [".", "..", "f"]);
  assertEquals(openAt(user, undefined, "/d", O_DIRECTORY), EACCES);
});

Deno.test("mounts cover directories, .. leads out of them, and they cannot be removed", () => {
  const c = caller(createMemoryFs({ "/mnt/under": "", "/f": "1" }));
  const other = createMemoryFs({ "/sub/g": "2" });
  const { vfs } = c.fs;
  const mount = vfs.mount(other, at(c, "/mnt")) as Mount;
  assertEquals(read(c, "/mnt/sub/g"), "2");
  assertEquals(read(c, "/mnt/sub/../../f"), "1");
  assertEquals(list(c, "/mnt"), [".", "..", "sub"]);
  assertEquals(pathText(c, open(c, "/mnt/sub/g")), "/mnt/sub/g");
  assertEquals(renameAt(c, undefined, "/f", undefined, "/mnt/f"), EXDEV);
  assertEquals(linkAt(c, undefined, "/f", undefined, "/mnt/f"), EXDEV);
  assertEquals(unlinkAt(c, undefined, "/mnt", true), EBUSY);
  assertEquals(renameAt(c, undefined, "/mnt", undefined, "/x"), EBUSY);
  assertEquals(at(c, "/mnt").inode.dev, other.dev);
  assertEquals(vfs.mountLines(vfs.root).map((l) => [l.path, l.type]), [["/", "tmpfs"], ["/mnt", "tmpfs"]]);
  chdir(c, at(c, "/mnt/sub"));
  assertEquals(getcwd(c), "/mnt/sub");
  assertEquals(vfs.unmount(mount.location), 0);
  assertEquals(list(c, "/mnt"), [".", "..", "under"]);
  assertEquals(vfs.unmount(vfs.root), EINVAL);
});

Deno.test("a file can be mounted on a file, a part of a file system on a directory", () => {
  const c = caller(createMemoryFs({ "/etc/hosts": "old", "/data/x": "x", "/view": { directory: true } }));
  const { vfs } = c.fs;
  const one = createMemoryFs({ "/hosts": "new" });
  vfs.mount(one, at(c, "/etc/hosts"), { root: one.root.lookup("hosts") as never });
  assertEquals(read(c, "/etc/hosts"), "new");
  vfs.mount(vfs.rootMount.fs, at(c, "/view"), { root: at(c, "/data").inode, readonly: true });
  assertEquals(read(c, "/view/x"), "x");
  assertEquals(write(c, "/view/y", ""), EROFS);
  assertEquals(vfs.mount(one, at(c, "/etc/hosts")), ENOTDIR);
});

Deno.test("read-only mounts refuse every change with EROFS, after what comes before it", () => {
  const fs = createMemoryFs({ "/f": "", "/d/g": "" });
  const c = caller(new Vfs(fs, { readonly: true }));
  assertEquals(write(c, "/f", "x"), EROFS);
  assertEquals(write(c, "/new", "x"), EROFS);
  assertEquals(mkdirAt(c, undefined, "/d", 0), EEXIST);
  assertEquals(mkdirAt(c, undefined, "/e", 0), EROFS);
  assertEquals(unlinkAt(c, undefined, "/none", false), EROFS);
  assertEquals(renameAt(c, undefined, "/f", undefined, "/g"), EROFS);
  assertEquals(symlinkAt(c, "x", undefined, "/f"), EEXIST);
  assertEquals(read(c, "/f"), "");
});

Deno.test("relative walks start at the descriptor when one is given", () => {
  const c = caller(createMemoryFs({ "/d/f": "in d", "/f": "top" }));
  const files = new FileTable();
  const fd = files.add(open(c, "/d", O_DIRECTORY | O_PATH), false) as number;
  const plain = files.add(open(c, "/f"), false) as number;
  const start = (n: number, path: string) => startOf(files, n, path);
  assertEquals(at(c, "/d/f").inode, (walk(c, start(fd, "f") as Location, "f") as Location).inode);
  assertEquals(start(99, "f"), -9);
  assertEquals(start(99, "/f"), undefined);
  assertEquals(start(-100, "f"), undefined);
  assertEquals(walk(c, start(plain, "f") as Location, "f"), ENOTDIR);
  files.drop();
});

Deno.test("O_PATH and O_NOFOLLOW open links themselves when together", () => {
  const c = caller(createMemoryFs({ "/f": "x", "/l": { symlink: "f" }, "/d/l": { symlink: ".." } }));
  assertEquals(openAt(c, undefined, "/l", O_NOFOLLOW), ELOOP);
  const link = open(c, "/l", O_NOFOLLOW | O_PATH);
  assert(link.inode.isSymlink);
  assertEquals(link.read(new Uint8Array(1)), -9);
  assertEquals(openAt(c, undefined, "/l", O_DIRECTORY), ENOTDIR);
  assertEquals(openAt(c, undefined, "/l", O_DIRECTORY | O_NOFOLLOW), ENOTDIR);
  assertEquals(walk(c, undefined, "/l", NO_FOLLOW | DIRECTORY), ENOTDIR);
  assert(at(c, "/d/l/").inode === c.fs.root.inode);
  assertEquals(openAt(c, undefined, "/f", O_CREAT | O_DIRECTORY), EINVAL);
});

Deno.test("a file that is executed cannot be written, nor one that is written be found free", () => {
  const c = caller(createMemoryFs({ "/f": "x" }));
  const { inode } = at(c, "/f");
  inode.executors++;
  assertEquals([write(c, "/f", "y"), openAt(c, undefined, "/f", O_RDWR)], [-26, -26]);
  inode.executors--;
  const file = open(c, "/f", O_WRONLY);
  assertEquals(inode.writers, 1);
  file.unref();
  assertEquals(inode.writers, 0);
});

Deno.test("magic links lead to places, also to those without a path", () => {
  const c = caller(createMemoryFs({ "/f": "content", "/p": { directory: true } }));
  const file = open(c, "/f");
  unlinkAt(c, undefined, "/f", false);
  const fs = new GeneratedFs(
    generatedDirectory({
      "3": {
        kind: "link",
        target: () => pathText(c, file),
        follow: () => c.fs.vfs.placeOf(file),
      },
    }),
    { type: "proc" },
  );
  c.fs.vfs.mount(fs, at(c, "/p"));
  assertEquals(read(c, "/p/3"), "content");
  assertEquals(at(c, "/p/3", NO_FOLLOW).inode.readlink(c), "/f (deleted)");
  assertEquals(openAt(c, undefined, "/p/3", O_NOFOLLOW), ELOOP);
});

Deno.test("newly made things get umask, group of a set-group-id directory, and the caller's ids", () => {
  const c = caller(
    createMemoryFs({
      "/": { directory: true, mode: 0o777 },
      "/s": { directory: true, mode: 0o2777, uid: 5, gid: 50 },
    }),
    1000,
    credentialsOf(1000, 100, [50]),
  );
  c.fs.umask = 0o027;
  const made = (path: string) => {
    const { mode, uid, gid } = at(c, path).inode;
    return [mode.toString(8), uid, gid];
  };
  write(c, "/f", "");
  mkdirAt(c, undefined, "/d", 0o777);
  write(c, "/s/f", "");
  mkdirAt(c, undefined, "/s/d", 0o777);
  assertEquals(["/f", "/d", "/s/f", "/s/d"].map(made), [
    ["100640", 1000, 100],
    ["40750", 1000, 100],
    ["100640", 1000, 50],
    ["42750", 1000, 50],
  ]);
  assertEquals(chroot(c, at(c, "/d")), EPERM);
});
