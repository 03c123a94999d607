// The same operations on the memory file system and on the host's kernel, as three users, with the same results:
// which error wins, who may do what, what links, modes and owners there are in the end.
import { assertEquals } from "@std/assert";
import {
  access,
  type Caller,
  chdir,
  chmod,
  chown,
  createMemoryFs,
  credentialsOf,
  type FileSystem,
  HostFs,
  type Inode,
  linkAt,
  type Location,
  mkdirAt,
  mknodAt,
  NO_FOLLOW,
  O_NONBLOCK,
  openAt,
  type OpenFile,
  OverlayFs,
  readlink,
  renameAt,
  S_IFIFO,
  S_IFMT,
  symlinkAt,
  truncate,
  unlinkAt,
  utimes,
  Vfs,
  walk,
} from "@guise/vfs";
import { hostFolder } from "@guise/host-deno";

type Op = [uid: number, op: string, ...args: (string | number | boolean)[]];

/** A reproducible stream of numbers below 2^32. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
}

function operations(count: number, users: number[], next: () => number): Op[] {
  const pick = <T>(list: readonly T[]): T => list[next() % list.length];
  const names = ["a", "b", "d", "e", "l", "s", "d/a", "d/b", "d/e", "d/e/x", "e/d", "s/a", "l/a", "d/s"];
  const odd = [
    "",
    ".",
    "..",
    "d/",
    "a/",
    "d/.",
    "d/..",
    "l/",
    "s/",
    "/",
    "none/x",
    "a/x",
    "d//e",
    "./d/../a",
    "n".repeat(256),
  ];
  const path = () => next() % 8 === 0 ? pick(odd) : pick(names);
  // Above the box are files of the host's.
  const inside = (p: string) => p === ".." || p === "/" ? "." : p;
  const modes = [0o777, 0o755, 0o700, 0o644, 0o600, 0o1777, 0o2775, 0o4755, 0o2644, 0o6777, 0o555, 0];
  const flags = [
    0,
    1,
    2,
    0o101,
    0o102,
    0o301,
    0o1001,
    0o1101,
    0o200000,
    0o400000,
    0o200101,
    0o401,
    0o400102,
    0o301 | 0o400000,
  ];
  const make: (() => Op)[] = [
    () => [0, "mkdir", path(), pick(modes)],
    () => [0, "mkdir", pick(["d", "e", "d/e", "e/d"]), 0o777],
    () => [0, "rmdir", path()],
    () => [0, "unlink", path()],
    () => [0, "rename", path(), path()],
    () => [0, "rename", path(), path()],
    () => [0, "rename2", path(), path(), pick([0, 1, 2, 3, 2, 1])],
    () => [0, "link", path(), path(), pick([true, false])],
    () => [0, "symlink", pick(["a", "d", "l", "s", "../a", "d/e", "none", "./", "e/d/"]), path()],
    () => [0, "symlink", pick(["a", "d", "l", "../a"]), pick(["l", "s", "d/s"])],
    () => [0, "readlink", path()],
    () => [0, "open", inside(path()), pick(flags), pick(modes)],
    () => [0, "open", pick(["a", "b", "d/a", "d/b"]), 0o102, pick(modes)],
    () => [0, "write", path(), pick([1, 2, 0o101, 0o2001, 0o1001]), "x".repeat(next() % 20)],
    () => [0, "chmod", inside(path()), pick(modes)],
    () => [0, "chown", inside(path()), pick([-1, ...users]), pick([-1, ...users])],
    () => [0, "truncate", path(), pick([0, 5, 100, -1])],
    () => [0, "mkfifo", path(), pick(modes)],
    () => [0, "mknod", path(), pick([0o100644, 0o10644, 0o140644, 0o40755, 0o120777, 0o644]), 0],
    () => [0, "access", inside(path()), pick([0, 1, 2, 4, 7])],
    () => [0, "stat", path()],
    () => [0, "lstat", path()],
    () => [0, "listdir", inside(path())],
    () => [0, "utime", inside(path()), 5, 6],
    () => [0, "touch", inside(path())],
  ];
  const ops: Op[] = [];
  for (let i = 0; i < count; i++) {
    const op = pick(make)();
    op[0] = pick(users);
    ops.push(op);
    if (i % 20 === 19) ops.push([0, "tree"]);
    // Now and then open everything up, or nothing is permitted any more.
    if (i % 40 === 39) { for (const d of ["d", "e", "d/e"]) ops.push([0, "chmod", d, 0o777]); }
  }
  return ops;
}

/** The same on our own file system. */
class Ours {
  readonly #vfs: Vfs;
  readonly #callers = new Map<number, Caller>();
  readonly #box: Location;
  constructor(fs: FileSystem) {
    this.#vfs = new Vfs(fs);
    this.#box = walk(this.caller(0), undefined, "box") as Location;
    for (const caller of this.#callers.values()) chdir(caller, this.#box);
  }
  caller(uid: number): Caller {
    let caller = this.#callers.get(uid);
    if (caller === undefined) {
      caller = { fs: this.#vfs.createContext(), cred: credentialsOf(uid) };
      this.#callers.set(uid, caller);
      if (this.#box !== undefined) chdir(caller, this.#box);
    }
    return caller;
  }
  run([uid, op, ...args]: Op): unknown {
    const c = this.caller(uid);
    const [p, q, r] = args as [string, never, never];
    const at = <T>(path: string, flags: number, use: (at: Location) => T): T | number => {
      const found = walk(c, undefined, path, flags);
      return typeof found === "number" ? found : use(found);
    };
    const open = (path: string, flags: number, mode: number, use: (file: OpenFile) => number): number => {
      const file = openAt(c, undefined, path, flags | O_NONBLOCK, mode);
      if (typeof file === "number") return file;
      const result = use(file);
      file.unref();
      return result;
    };
    switch (op) {
      case "mkdir":
        return mkdirAt(c, undefined, p, q);
      case "rmdir":
        return unlinkAt(c, undefined, p, true);
      case "unlink":
        return unlinkAt(c, undefined, p, false);
      case "rename":
        return renameAt(c, undefined, p, undefined, q);
      case "rename2":
        return renameAt(c, undefined, p, undefined, q, r);
      case "link":
        return linkAt(c, undefined, p, undefined, q, r ? 0 : NO_FOLLOW);
      case "symlink":
        return symlinkAt(c, p, undefined, q);
      case "readlink":
        return at(p, NO_FOLLOW, (l) => readlink(c, l));
      case "open":
        return open(p, q, r, () => 0);
      case "write":
        return open(p, q, 0o644, (file) => file.write(new TextEncoder().encode(r)));
      case "chmod":
        return at(p, 0, (l) => chmod(c, l, q));
      case "chown":
        return at(p, NO_FOLLOW, (l) => chown(c, l, q, r));
      case "truncate":
        // truncate(2) looks at the size before the path.
        return q < 0 ? -22 : at(p, 0, (l) => truncate(c, l, q));
      case "mkfifo": {
        const made = mknodAt(c, undefined, p, S_IFIFO | q);
        return typeof made === "number" ? made : 0;
      }
      case "mknod": {
        const made = mknodAt(c, undefined, p, q, r);
        return typeof made === "number" ? made : 0;
      }
      case "access": {
        const error = at(p, 0, (l) => access(c, l, q));
        return error === 0 ? 0 : 1;
      }
      case "stat":
        return at(p, 0, (l) => l.inode.mode & S_IFMT);
      case "lstat":
        return at(p, NO_FOLLOW, (l) => l.inode.mode & S_IFMT);
      case "listdir":
        return this.#list(c, p);
      case "utime":
        return at(p, 0, (l) => utimes(c, l, { sec: q, nsec: 0 }, { sec: r, nsec: 0 }));
      case "touch":
        return at(p, 0, (l) => utimes(c, l, "now", "now"));
      case "tree":
        return this.#tree(this.#box.inode, "").sort((a, b) => a[0] < b[0] ? -1 : 1);
    }
    throw new Error(op);
  }
  #list(c: Caller, path: string): unknown {
    const file = openAt(c, undefined, path, 0o200000);
    if (typeof file === "number") return file;
    const names: string[] = [];
    file.readdir((name) => {
      if (name !== "." && name !== "..") names.push(name);
      return true;
    }, c);
    file.unref();
    return names.sort();
  }
  #tree(dir: Inode, path: string): [string, ...unknown[]][] {
    const lines: [string, ...unknown[]][] = [];
    const listing = dir.listing(this.caller(0));
    if (typeof listing === "number") return lines;
    listing.read(0, (name) => {
      const inode = dir.lookup(name) as Inode;
      const size = inode.isDirectory ? 0 : inode.size;
      const link = inode.isSymlink ? inode.readlink() : "";
      lines.push([path + name, "0o" + inode.mode.toString(8), inode.uid, inode.gid, inode.nlink, size, link]);
      if (inode.isDirectory) lines.push(...this.#tree(inode, `${path}${name}/`));
      return true;
    });
    return lines;
  }
}

const python = await new Deno.Command("python3", { args: ["-c", "0"] }).output().then(
  (o) => o.success,
  () => false,
);

/** What the kernel answers to these operations in `dir`. */
async function native(dir: string, ops: readonly Op[]): Promise<unknown[]> {
  const child = new Deno.Command("python3", {
    args: [new URL("oracle.py", import.meta.url).pathname, dir],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const writing = writer.write(
    new TextEncoder().encode(ops.map((op) => JSON.stringify(op)).join("\n") + "\n"),
  )
    .then(() => writer.close());
  const output = new TextDecoder().decode((await child.output()).stdout).trim().split("\n");
  await writing;
  return output.map((line) => JSON.parse(line));
}

/** Runs `work` in a folder with a box that all may write, since links lead out of the box. */
async function inBox(work: (dir: string) => Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    Deno.mkdirSync(`${dir}/box`);
    for (const d of [dir, `${dir}/box`]) Deno.chmodSync(d, 0o777);
    await work(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function compare(ours: Ours, ops: readonly Op[], expected: readonly unknown[], what: string): void {
  const history: string[] = [];
  ops.forEach((op, i) => {
    const result = ours.run(op);
    if (op[1] !== "tree") history.push(`${JSON.stringify(op)} = ${JSON.stringify(expected[i])}`);
    assertEquals(result, expected[i], `${what}, operation ${i}, after\n${history.slice(-12).join("\n")}\n`);
  });
}

const me = Deno.uid() ?? 0;
const users = me === 0 ? [0, 1000, 1001] : [me];
const more = { directory: true, mode: 0o777, uid: me, gid: me } as const;
const ignore = !python || Deno.build.os !== "linux";

Deno.test({
  name: "MemoryFs and OverlayFs answer as Linux does when several users do random operations",
  ignore,
  fn: async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const ops = operations(1500, users, random(seed));
      await inBox(async (dir) => {
        const expected = await native(`${dir}/box`, ops);
        const memory = createMemoryFs({ "/": more, "/box": more });
        compare(new Ours(memory), ops.slice(0, 700), expected, `seed ${seed}`);
        // What is there now becomes the lower layer; all that follows is above it.
        const overlay = new OverlayFs({ lower: memory });
        compare(new Ours(overlay), ops.slice(700), expected.slice(700), `seed ${seed}, overlay`);
      });
    }
  },
});

Deno.test({
  name: "OverlayFs answers as Linux does when a host folder is below",
  ignore,
  fn: async () => {
    for (let seed = 21; seed <= 24; seed++) {
      const ops = operations(1200, users, random(seed));
      await inBox(async (dir) => {
        await native(`${dir}/box`, ops.slice(0, 500));
        // A host's FIFOs cannot be opened.
        await new Deno.Command("find", { args: [`${dir}/box`, "-type", "p", "-delete"] }).output();
        await new Deno.Command("cp", { args: ["-a", dir, `${dir}.copy`] }).output();
        try {
          const expected = await native(`${dir}/box`, ops.slice(500));
          const overlay = new OverlayFs({ lower: new HostFs(hostFolder(`${dir}.copy`)) });
          compare(new Ours(overlay), ops.slice(500), expected, `seed ${seed}`);
        } finally {
          await Deno.remove(`${dir}.copy`, { recursive: true });
        }
      });
    }
  },
});

Deno.test({
  name: "HostFs answers as Linux does when it is read-write",
  ignore,
  fn: async () => {
    for (let seed = 31; seed <= 32; seed++) {
      // Nodes, owners and exchanges are not in the host's interface.
      const lacking = ["mkfifo", "mknod", "chown"];
      const ops = operations(1000, [me], random(seed)).filter((op) =>
        !lacking.includes(op[1]) && !(op[1] === "rename2" && op[4] === 2)
      );
      await inBox((dir) =>
        inBox(async (other) => {
          const expected = await native(`${dir}/box`, ops);
          const fs = new HostFs(hostFolder(other, { write: true }), { readonly: false });
          compare(new Ours(fs), ops, expected, `seed ${seed}`);
        })
      );
    }
  },
});
