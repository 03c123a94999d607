import { assert, assertEquals } from "@std/assert";
import { EEXIST, EISDIR, ELOOP, ENOENT, ENOTDIR, ENOTEMPTY, ENXIO, EROFS } from "@guise/core";
import { HostFs } from "@guise/vfs/key";
import { hostFolder } from "./mod.ts";
import { Interrupts } from "./signals.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function inFolder(test: (path: string) => void | Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await test(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test("hostFolder reads what is there and changes nothing without write", () =>
  inFolder((path) => {
    Deno.writeTextFileSync(`${path}/a`, "hello");
    Deno.mkdirSync(`${path}/d`);
    Deno.symlinkSync("a", `${path}/l`);
    const folder = hostFolder(path);
    const stat = folder.lstat("a");
    assert(typeof stat === "object");
    assertEquals([stat.mode & 0o170000, stat.size], [0o100000, 5]);
    assertEquals(folder.lstat("none"), ENOENT);
    assertEquals(folder.readlink("l"), "a");
    const entries = folder.readdir("");
    assert(typeof entries === "object");
    assertEquals(entries.map((e) => [e.name, e.type]).sort(), [["a", 0o100000], ["d", 0o040000], [
      "l",
      0o120000,
    ]]);
    const file = folder.open("a", false);
    assert(typeof file === "object");
    const into = new Uint8Array(8);
    assertEquals(file.read(into, 3), 2);
    assertEquals(file.read(into, 0), 5);
    assertEquals(file.read(into, 100), 0);
    file.close();
    assertEquals(folder.open("a", true), EROFS);
    assertEquals(folder.create, undefined);
  }));

Deno.test("hostFolder opens no links, FIFOs, devices or directories", () =>
  inFolder(async (path) => {
    Deno.writeTextFileSync(`${path}/a`, "");
    Deno.symlinkSync("a", `${path}/l`);
    await new Deno.Command("mkfifo", { args: [`${path}/f`] }).output();
    const folder = hostFolder(path);
    assertEquals([folder.open("l", false), folder.open("f", false), folder.open("", false)], [
      ELOOP,
      ENXIO,
      ENXIO,
    ]);
  }));

Deno.test("a name that was missing is found as soon as the host or a guest has made it", () =>
  inFolder((path) => {
    // Long ago, so that the directory's time tells of the next change.
    Deno.utimeSync(path, new Date(0), new Date(0));
    const folder = hostFolder(path, { write: true });
    let asked = 0;
    const counted = { ...folder, lstat: (p: string) => (p === "x" && asked++, folder.lstat(p)) };
    const settled = new Date(Date.now() + 200);
    while (new Date() < settled);
    const root = new HostFs(counted, { readonly: false }).root;
    for (let i = 0; i < 10; i++) assertEquals(root.lookup("x", undefined as never), ENOENT);
    assert(asked < 5, `the host was asked ${asked} times`);
    Deno.writeTextFileSync(`${path}/x`, "");
    assert(typeof root.lookup("x", undefined as never) === "object");
    assertEquals(root.lookup("y", undefined as never), ENOENT);
    assertEquals(root.lookup("y", undefined as never), ENOENT);
    const made = root.create("y", { mode: 0o100644, uid: 0, gid: 0 });
    assert(typeof made === "object");
    assertEquals(root.lookup("y", undefined as never), made);
  }));

Deno.test("hostFolder refuses a path that has become a link out of the folder", () =>
  inFolder((path) => {
    Deno.mkdirSync(`${path}/in`);
    Deno.mkdirSync(`${path}/out`);
    Deno.writeTextFileSync(`${path}/out/secret`, "x");
    Deno.symlinkSync("../out", `${path}/in/d`);
    const folder = hostFolder(`${path}/in`, { write: true });
    assertEquals(folder.open("d/secret", false), ELOOP);
    assertEquals(folder.readdir("d"), ELOOP);
    assertEquals(folder.unlink!("d/secret"), ELOOP);
    assertEquals(folder.create!("d/new", 0o644), ELOOP);
    assertEquals([...Deno.readDirSync(`${path}/out`)].map((e) => e.name), ["secret"]);
  }));

Deno.test("hostFolder writes, renames and removes with the errors of the system", () =>
  inFolder((path) => {
    const folder = hostFolder(path, { write: true });
    const file = folder.create!("a", 0o640);
    assert(typeof file === "object");
    assertEquals(file.write(bytes("abcdef"), 2), 6);
    assertEquals(file.truncate(4), 0);
    file.close();
    assertEquals(Deno.readFileSync(`${path}/a`), new Uint8Array([0, 0, 97, 98]));
    assertEquals(Deno.statSync(`${path}/a`).mode! & 0o7777, 0o640);
    assertEquals(folder.create!("a", 0o640), EEXIST);
    assertEquals(folder.mkdir!("d", 0o750), 0);
    assertEquals(folder.rename!("a", "d/b"), 0);
    assertEquals(folder.rmdir!("d"), ENOTEMPTY);
    assertEquals(folder.unlink!("d"), EISDIR);
    assertEquals(folder.rmdir!("d/b"), ENOTDIR);
    assertEquals(folder.link!("d/b", "c"), 0);
    assertEquals(folder.symlink!("c", "s"), 0);
    assertEquals([folder.unlink!("s"), folder.unlink!("d/b"), folder.rmdir!("d"), folder.unlink!("none")], [
      0,
      0,
      0,
      ENOENT,
    ]);
    assertEquals(folder.chmod!("c", 0o4711), 0);
    assertEquals(folder.utimes!("c", 1000, 2_000_000_000_123), 0);
    const stat = folder.lstat("c");
    assert(typeof stat === "object");
    assertEquals([stat.mode & 0o7777, stat.mtimeMs], [0o4711, 2_000_000_000_123]);
  }));

Deno.test("hostFolder changes owner and times of links, not of what they lead to", () =>
  inFolder((path) => {
    Deno.writeTextFileSync(`${path}/a`, "");
    Deno.symlinkSync("a", `${path}/l`);
    const folder = hostFolder(path, { write: true });
    const before = folder.lstat("a");
    assertEquals(folder.utimes!("l", 1000, 1_000_000_000_250), 0);
    const link = folder.lstat("l");
    assert(typeof link === "object");
    assertEquals(link.mtimeMs, 1_000_000_000_250);
    assertEquals(folder.lchown!("l", link.uid, link.gid), 0);
    assertEquals(folder.lstat("a"), before);
    const free = folder.statfs!();
    assert(typeof free === "object" && free.bsize > 0 && free.blocks > 0);
  }));

Deno.test("Interrupts ends the host at a second ^C within a second, and only then", () => {
  let time = 0, ended = 0;
  const delivered: number[] = [];
  const interrupts = new Interrupts({
    deliver: (s) => delivered.push(s),
    end: () => ended++,
    now: () => time,
  });
  for (const [at, signal] of [[0, 2], [1500, 2], [1600, 15], [2499, 2]]) {
    time = at;
    interrupts.take(signal);
  }
  assertEquals([delivered, ended], [[2, 2, 15], 1]);
});
