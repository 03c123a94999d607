import { assert, assertEquals } from "@std/assert";
import { ENOENT, ENOSPC, ENOTEMPTY, ENXIO, EROFS } from "@guise/core";
import { hostFolder } from "@guise/host-deno";
import {
  type Caller,
  createMemoryFs,
  HostFs,
  mkdirAt,
  O_DIRECTORY,
  O_RDWR,
  openAt,
  OverlayFs,
  renameAt,
  truncate,
  unlinkAt,
  walk,
} from "@guise/vfs";
import { bytes, caller, list, open, read, take, write } from "@guise/vfs/testing";

const place = (c: Caller, path: string) => {
  const at = walk(c, undefined, path, 1);
  if (typeof at === "number") throw new Error(`${path}: ${at}`);
  return at;
};
const ino = (c: Caller, path: string) => place(c, path).inode.ino;

/** A folder of the host with some files, and an overlay above it. */
async function withHost(
  work: (dir: string, c: Caller, overlay: OverlayFs) => void | Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    Deno.mkdirSync(`${dir}/d/e`, { recursive: true });
    Deno.writeTextFileSync(`${dir}/d/f`, "below");
    Deno.writeTextFileSync(`${dir}/big`, "x".repeat(300000));
    Deno.symlinkSync("d/f", `${dir}/l`);
    Deno.linkSync(`${dir}/d/f`, `${dir}/hard`);
    const overlay = new OverlayFs({ lower: new HostFs(hostFolder(dir)), limit: 200000 });
    await work(dir, caller(overlay), overlay);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** All of a host's folder, to see that nothing was written. */
function snapshot(dir: string): string {
  return [...Deno.readDirSync(dir)].map((e) =>
    e.isDirectory
      ? `${e.name}/(${snapshot(`${dir}/${e.name}`)})`
      : `${e.name}:${e.isFile ? Deno.readTextFileSync(`${dir}/${e.name}`).slice(0, 20) : "link"}`
  ).sort().join(" ");
}

Deno.test("OverlayFs keeps the host's files as they are when the guest changes everything", () =>
  withHost((dir, c) => {
    const before = snapshot(dir);
    assertEquals(write(c, "/d/f", "above"), 5);
    assertEquals([read(c, "/l"), read(c, "/hard")], ["above", "above"]);
    assertEquals(unlinkAt(c, undefined, "/d/f", false), 0);
    assertEquals([read(c, "/d/f"), read(c, "/hard")], [ENOENT, "above"]);
    assertEquals(renameAt(c, undefined, "/d", undefined, "/moved"), 0);
    assertEquals(list(c, "/moved"), [".", "..", "e"]);
    assertEquals(mkdirAt(c, undefined, "/d", 0o755), 0);
    assertEquals(list(c, "/d"), [".", ".."]);
    write(c, "/d/f", "new");
    assertEquals(read(c, "/l"), "new");
    assertEquals(unlinkAt(c, undefined, "/moved", true), ENOTEMPTY);
    assertEquals(unlinkAt(c, undefined, "/moved/e", true), 0);
    assertEquals(unlinkAt(c, undefined, "/moved", true), 0);
    assertEquals(list(c, "/").sort(), [".", "..", "big", "d", "hard", "l"]);
    assertEquals(snapshot(dir), before);
  }));

Deno.test("OverlayFs keeps inode numbers and mappings when a file is copied up", () =>
  withHost((dir, c) => {
    const number = Deno.statSync(`${dir}/d/f`).ino;
    assertEquals([ino(c, "/d/f"), ino(c, "/hard")], [number, number]);
    const reader = open(c, "/d/f");
    const backing = reader.backing();
    assert(typeof backing !== "number");
    const identity = backing.identity;
    const writer = open(c, "/d/f", O_RDWR);
    writer.write(bytes("B"));
    assertEquals([take(reader), ino(c, "/d/f")], ["Below", number]);
    const again = writer.backing();
    assert(typeof again !== "number" && again.identity === identity);
    const entries = new Map<string, number>();
    open(c, "/d", O_DIRECTORY).readdir((name, n) => (entries.set(name, n), true), c);
    assertEquals(entries.get("f"), number);
    renameAt(c, undefined, "/d/f", undefined, "/g");
    assertEquals(ino(c, "/g"), number);
    reader.unref();
    writer.unref();
  }));

Deno.test("OverlayFs takes memory for changed parts only, and is ENOSPC at its limit", () =>
  withHost((_dir, c, overlay) => {
    const file = open(c, "/big", O_RDWR);
    assertEquals(file.pwrite(bytes("y"), 100000), 1);
    assertEquals(overlay.budget.used, 65536);
    const into = new Uint8Array(3);
    file.pread(into, 99999);
    assertEquals(new TextDecoder().decode(into), "xyx");
    assertEquals(file.pwrite(new Uint8Array(300000), 0), 3 * 65536);
    assertEquals(file.pwrite(bytes("z"), 299999), ENOSPC);
    assertEquals(truncate(c, place(c, "/big"), 0), 0);
    assertEquals(overlay.budget.used, 0);
    file.unref();
  }));

Deno.test("OverlayFs sees the host's changes when nothing was changed above", () =>
  withHost((dir, c) => {
    assertEquals(read(c, "/d/f"), "below");
    Deno.writeTextFileSync(`${dir}/d/f`, "changed");
    Deno.writeTextFileSync(`${dir}/d/new`, "new");
    assertEquals([read(c, "/d/f"), read(c, "/d/new"), place(c, "/d/f").inode.size], ["changed", "new", 7]);
    Deno.removeSync(`${dir}/d/new`);
    assertEquals(read(c, "/d/new"), ENOENT);
  }));

Deno.test("HostFs never leaves its folder when links lead out, and opens no FIFO of the host", () =>
  withHost(async (dir, c) => {
    Deno.symlinkSync("/etc/passwd", `${dir}/abs`);
    Deno.symlinkSync("../../../../etc/passwd", `${dir}/d/up`);
    await new Deno.Command("mkfifo", { args: [`${dir}/fifo`] }).output();
    assertEquals([read(c, "/abs"), read(c, "/d/up"), read(c, "/fifo")], [ENOENT, ENOENT, ENXIO]);
    const plain = caller(new HostFs(hostFolder(dir)));
    assertEquals([read(plain, "/abs"), read(plain, "/l"), read(plain, "/fifo")], [ENOENT, "below", ENXIO]);
    assertEquals([write(plain, "/d/f", "x"), write(plain, "/new", "x")], [EROFS, EROFS]);
    assertEquals(mkdirAt(plain, undefined, "/x", 0o755), EROFS);
  }));

Deno.test("OverlayFs lists a directory once when entries come and go above and below", () =>
  withHost((dir, c) => {
    for (let i = 0; i < 100; i++) Deno.writeTextFileSync(`${dir}/d/h${i}`, "");
    for (let i = 0; i < 50; i++) write(c, `/d/m${i}`, "");
    const file = open(c, "/d", O_DIRECTORY);
    const seen: string[] = [];
    for (let round = 0;; round++) {
      let n = 0;
      file.readdir((name) => n < 9 && (n++, seen.push(name) > 0), c);
      if (n === 0) break;
      unlinkAt(c, undefined, `/d/h${round}`, false);
      unlinkAt(c, undefined, `/d/m${49 - round}`, false);
      write(c, `/d/h${99 - round}`, "copied up");
    }
    assertEquals(new Set(seen).size, seen.length);
    for (const name of list(c, "/d")) assert(seen.includes(name), name);
    file.unref();
  }));

Deno.test("OverlayFs keeps changes when its caches are thrown away", () => {
  const files: Record<string, string> = {};
  for (let d = 0; d < 100; d++) for (let f = 0; f < 50; f++) files[`/d${d}/f${f}`] = "below";
  const overlay = new OverlayFs({ lower: createMemoryFs(files) });
  const c = caller(overlay);
  write(c, "/d5/f7", "above");
  unlinkAt(c, undefined, "/d6/f1", false);
  const held = open(c, "/d7/f7");
  for (let d = 0; d < 100; d++) for (let f = 0; f < 50; f++) walk(c, undefined, `/d${d}/f${f}`);
  const kept = overlay.forget();
  assert(kept < 20, `${kept} kept`);
  assertEquals([read(c, "/d5/f7"), read(c, "/d6/f1"), read(c, "/d6/f2")], ["above", ENOENT, "below"]);
  assert(place(c, "/d7/f7").inode === held.inode);
  held.unref();
});

Deno.test("OverlayFs frees what was written when the file is unlinked and closed", () =>
  withHost((_dir, c, overlay) => {
    const file = open(c, "/d/f", O_RDWR);
    file.write(bytes("more"));
    unlinkAt(c, undefined, "/d/f", false);
    unlinkAt(c, undefined, "/hard", false);
    assert(overlay.budget.used > 0);
    file.unref();
    assertEquals(overlay.budget.used, 0);
    assertEquals(openAt(c, undefined, "/hard", 0), ENOENT);
  }));

Deno.test("OverlayFs forgets between operations only when many inodes were looked at", async () => {
  const files: Record<string, string> = {};
  for (let d = 0; d < 700; d++) for (let f = 0; f < 100; f++) files[`/d${d}/f${f}`] = "";
  const overlay = new OverlayFs({ lower: createMemoryFs(files) });
  const c = caller(overlay);
  for (let d = 0; d < 700; d++) {
    for (let f = 0; f < 100; f++) walk(c, undefined, `/d${d}/f${f}`);
    // The directory of an operation must not be forgotten before it is changed.
    assertEquals(write(c, `/d${d}/new`, "x"), 1);
  }
  await Promise.resolve();
  for (let d = 0; d < 700; d++) assertEquals(read(c, `/d${d}/new`), "x");
  // Left: changed directories and what is new in them.
  assertEquals(overlay.forget(), 700);
});

Deno.test("OverlayFs keeps what the guest wrote when the host removes the folder below", () =>
  withHost((dir, c) => {
    write(c, "/d/e/mine", "mine");
    Deno.removeSync(`${dir}/d`, { recursive: true });
    assertEquals([read(c, "/d/e/mine"), read(c, "/d/f")], ["mine", ENOENT]);
  }));
