// Whatever numbers and names a guest gives: an answer, never a throw, and no memory to speak of.
import { assert } from "@std/assert";
import {
  createDeviceFs,
  createMemoryFs,
  createPipe,
  createPtyFs,
  generatedDirectory,
  GeneratedFs,
  HostStream,
  mkdirAt,
  mknodAt,
  mountAt,
  openAt,
  OpenFile,
  openStdio,
  OverlayFs,
  pathText,
  registerDevices,
  renameAt,
  S_IFIFO,
  symlinkAt,
  Terminal,
  truncate,
  unlinkAt,
  Vfs,
  walk,
} from "./mod.ts";
import { caller, open } from "./testing.ts";

const NUMBERS = [
  0,
  1,
  -1,
  4095,
  65536,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 40,
  2 ** 53 - 1,
  2 ** 53,
  2 ** 63,
  -(2 ** 63),
  2 ** 64,
];

Deno.test("open files of every kind answer when offsets and lengths are hostile", () => {
  const overlay = new OverlayFs({
    lower: createMemoryFs({ "/f": "x".repeat(5000), "/d/g": "" }),
    limit: 1 << 20,
  });
  const vfs = new Vfs(overlay);
  registerDevices(vfs);
  mountAt(vfs, { at: "/dev", fs: createDeviceFs() });
  mountAt(vfs, { at: "/dev/pts", fs: createPtyFs(vfs) });
  const fs = new GeneratedFs(generatedDirectory({ g: { kind: "file", mode: 0o666, read: () => "text" } }), {
    type: "proc",
  });
  mountAt(vfs, { at: "/proc", fs });
  const c = caller(vfs);
  mknodAt(c, undefined, "/fifo", S_IFIFO | 0o666);
  const pipe = createPipe(c, 0);
  assert(typeof pipe !== "number");
  const streams = openStdio(c, [
    new HostStream({ demand: () => {} }),
    new HostStream({ write: (b) => b.length }),
    new Terminal({ cooked: false, write: (b) => b.length, demand: () => {} }, 0x8805),
  ]);
  const files = [
    ...["/f", "/fifo", "/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/ptmx", "/proc/g"].map((
      p,
    ) => open(c, p, 2)),
    ...["/d", "/proc", "/"].map((p) => open(c, p)),
    open(c, "/f", 0o10000000),
    open(c, "/f", 3),
    pipe.read,
    pipe.write,
    ...streams,
  ];
  const buffer = new Uint8Array(100);
  let answers = 0;
  const number = (value: unknown) => {
    assert(typeof value === "number" && Number.isInteger(value), `${value}`);
    answers++;
  };
  for (const file of files) {
    assert(file instanceof OpenFile);
    for (const a of NUMBERS) {
      number(file.pread(buffer, a, c));
      number(file.pwrite(buffer, a, c));
      number(file.truncate(a));
      for (let whence = -1; whence < 6; whence++) {
        number(file.seek(a, whence));
        number(file.read(buffer, c));
        number(file.write(buffer, c));
        number(file.readdir(() => true, c));
      }
      for (const b of NUMBERS) {
        for (const mode of [0, 1, 3, 16, 17, 2, 64, -1]) number(file.allocate(mode, a, b));
      }
      number(file.setFlags(a));
      number(file.poll());
      number(file.available());
      const backing = file.backing();
      if (typeof backing !== "number" && a >= 0) number(backing.fill(a, buffer));
      pathText(c, file);
    }
  }
  assert(answers > 20000 && overlay.budget.used <= 1 << 20);
});

Deno.test("path operations answer when paths are random bytes", () => {
  const fs = createMemoryFs({ "/d/e/f": "" }, { inodes: 300 });
  const c = caller(fs);
  let seed = 1;
  const next = (below: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed >>> 9) % below;
  };
  const parts = [
    "/",
    "//",
    ".",
    "..",
    "d",
    "e",
    "f",
    "\xff",
    "\n",
    " ",
    "l",
    "x".repeat(255),
    "x".repeat(256),
    "a/b",
  ];
  const path = () => {
    let p = "";
    for (let i = next(next(20) === 0 ? 600 : 6); i >= 0; i--) {
      p += parts[next(parts.length)] + (next(2) ? "/" : "");
    }
    return p;
  };
  for (let i = 0; i < 20000; i++) {
    const p = path();
    const results = [
      mkdirAt(c, undefined, p, 0o777),
      symlinkAt(c, path(), undefined, path()),
      renameAt(c, undefined, path(), undefined, path(), next(4)),
      unlinkAt(c, undefined, path(), next(2) === 0),
    ];
    const file = openAt(c, undefined, path(), next(0o2000000), 0o644);
    if (typeof file !== "number") file.unref();
    const at = walk(c, undefined, path(), next(8));
    if (typeof at !== "number") truncate(c, at, next(100000));
    assert(results.every((r) => Number.isInteger(r) && r <= 0));
  }
});
