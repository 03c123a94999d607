/**
 * The command's entry: `deno run -A cli.ts run PROGRAM`. Loading and checking some 250 modules takes longer than a small program
 * runs, so it takes the bundle of them (`bundle/`, by `deno task bundle`) where that is current, and the modules themselves
 * where it is not. Nothing is imported here, and no name below is a literal: Deno would load what it names in any case.
 *
 * Current means: every file has the SHA-256 that the bundle's list has for it. That was so when these files had the inodes, sizes and
 * times of change that a note in the user's cache folder remembers; a missing or damaged note means to look again.
 *
 * @module
 */
interface Command {
  main(args: readonly string[]): Promise<number>;
}

/** Undefined: not files, but something to fetch. */
const folder = import.meta.dirname === undefined ? undefined : `${import.meta.dirname}/`;
const source = "./command.ts", bundle = "./bundle/main.js", list = "bundle/files.json";

/**
 * A note: how it was looked at files, whether all are as the list says, how many they are; then the {@link STAMP} of each; all this
 * as 32-bit numbers. Then their paths, each with a 0 behind it, the list's first.
 */
const HEAD = 3;
/** Numbers that change with a file: inode, size, seconds and nanoseconds of its times of change and of modification. */
const STAMP = 6;

/** How to look at files. */
interface Look {
  /** In notes. */
  readonly kind: number;
  /** Writes the stamp of the file whose path begins there. False: there is none. */
  stamp(paths: Uint8Array<ArrayBuffer>, at: number, stamp: Uint32Array): boolean;
}

const fileInfo: Look = {
  kind: 0x67757801,
  stamp(paths, at, stamp) {
    const path = new TextDecoder().decode(paths.subarray(at, paths.indexOf(0, at)));
    try {
      const { ino, size, ctime, mtime } = Deno.lstatSync(path);
      const times = [ctime?.getTime() ?? 0, mtime?.getTime() ?? 0];
      stamp.set([ino ?? 0, size, ...times.flatMap((ms) => [Math.floor(ms / 1000), ms % 1000 * 1e6])]);
      return true;
    } catch {
      return false;
    }
  },
};

/**
 * By statx(2) of the C library, where that may be called: 500 files in 1 ms, where {@link fileInfo} takes 4 and leaves what V8 has to
 * collect. What it answers is laid out alike on all architectures (include/uapi/linux/stat.h).
 */
function statx(): Look | undefined {
  if (Deno.build.os !== "linux" || Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return;
  const parameters = ["i32", "usize", "i32", "u32", "buffer"] as const;
  const { statx } = Deno.dlopen("libc.so.6", { statx: { parameters, result: "i32" } }).symbols;
  const AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, STATX_BASIC_STATS = 0x7ff;
  const words = new Uint32Array(64), answer = new Uint8Array(words.buffer);
  let known: Uint8Array | undefined, address = 0;
  return {
    kind: 0x67757802,
    stamp(paths, at, stamp) {
      if (paths !== known) {
        known = paths, address = Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(paths)));
      }
      const path = address + at as unknown as bigint; // either will do, says Deno's manual
      if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, answer) !== 0) return false;
      stamp[0] = words[8], stamp[1] = words[10];
      stamp[2] = words[24], stamp[3] = words[26], stamp[4] = words[28], stamp[5] = words[30];
      return true;
    },
  };
}

function lookOf(): Look {
  try {
    return statx() ?? fileInfo;
  } catch {
    return fileInfo; // another C library
  }
}

/** Where the note is kept; undefined where there is no such place. */
function placeOf(folder: string): string | undefined {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME") || (home ? `${home}/.cache` : undefined);
  return cache?.startsWith("/") ? `${cache}/guise/${folder.replaceAll("/", "%")}` : undefined;
}

/** What the note says, if the files are as it remembers them. */
function remembered(place: string, folder: string, look: Look): boolean | undefined {
  let note: Uint8Array<ArrayBuffer>;
  try {
    note = Deno.readFileSync(place);
  } catch {
    return undefined; // none yet
  }
  const words = new Uint32Array(note.buffer, 0, note.length >>> 2);
  const [kind, current, count] = words, paths = note.subarray(4 * (HEAD + STAMP * count));
  const first = new TextEncoder().encode(`${folder}${list}\0`);
  if (kind !== look.kind || first.some((byte, i) => byte !== paths[i])) return undefined;
  const stamp = new Uint32Array(STAMP);
  let at = 0, from = HEAD;
  for (let i = 0; i < count; i++, from += STAMP) {
    const end = paths.indexOf(0, at);
    if (end < 0 || !look.stamp(paths, at, stamp)) return undefined;
    if (stamp[0] !== words[from] || stamp[1] !== words[from + 1] || stamp[2] !== words[from + 2]) {
      return undefined;
    }
    if (stamp[3] !== words[from + 3] || stamp[4] !== words[from + 4] || stamp[5] !== words[from + 5]) {
      return undefined;
    }
    at = end + 1;
  }
  return at === paths.length ? current === 1 : undefined;
}

/** Reads all files, and writes the note. */
async function compare(place: string | undefined, folder: string, look: Look): Promise<boolean> {
  const { files } = JSON.parse(Deno.readTextFileSync(folder + list)) as {
    readonly files: Readonly<Record<string, string>>;
  };
  const names = Object.keys(files), count = 1 + names.length;
  const paths = new TextEncoder().encode([list, ...names].map((name) => `${folder}${name}\0`).join(""));
  const note = new Uint8Array(4 * (HEAD + STAMP * count) + paths.length),
    words = new Uint32Array(HEAD + STAMP * count);
  // Before reading: what changes meanwhile has another stamp later.
  for (let i = 0, at = 0; i < count; i++, at = paths.indexOf(0, at) + 1) {
    if (!look.stamp(paths, at, words.subarray(HEAD + STAMP * i))) return false;
  }
  const sums = await Promise.all(
    names.map(async (name) => {
      const sum = await crypto.subtle.digest("SHA-256", Deno.readFileSync(folder + name));
      return Array.from(new Uint8Array(sum), (b) => b.toString(16).padStart(2, "0")).join("") === files[name];
    }),
  );
  const current = sums.every((same) => same);
  words[0] = look.kind, words[1] = Number(current), words[2] = count;
  // What has just changed may change again without another time.
  const recent = Date.now() / 1000 - 2;
  for (let at = HEAD; at < words.length; at += STAMP) {
    if (place === undefined || words[at + 2] + words[at + 3] / 1e9 > recent) return current;
  }
  note.set(new Uint8Array(words.buffer)), note.set(paths, 4 * words.length);
  try {
    Deno.mkdirSync(place!.slice(0, place!.lastIndexOf("/")), { recursive: true });
    // Complete or not there, also when several start at once.
    const draft = `${place}.${Deno.pid}`;
    Deno.writeFileSync(draft, note);
    Deno.renameSync(draft, place!);
  } catch {
    // No such place: the next start looks again.
  }
  return current;
}

async function isCurrent(folder: string): Promise<boolean> {
  try {
    const place = placeOf(folder), look = lookOf();
    return (place === undefined ? undefined : remembered(place, folder, look)) ??
      await compare(place, folder, look);
  } catch {
    return false; // no bundle, or one of its files is missing
  }
}

const load = (name: string) => import(name) as Promise<Command>;
// First, although it may be for nothing: what looking at the files leaves behind makes V8 collect garbage, at length when that is
// most of the little there is.
const loaded = folder === undefined ? undefined : await load(bundle).catch(() => undefined);
const command = folder !== undefined && await isCurrent(folder) ? loaded : undefined;
const { main } = command ?? await load(source);
Deno.exit(await main(Deno.args));
