/**
 * The command's entry: `deno run -A cli.ts run PROGRAM`. Loading and checking some 250 modules takes longer than a small program
 * runs, so it takes the bundle of them (`bundle/`, by `deno task bundle`) where that is current, and the modules themselves
 * where it is not. Nothing is imported here, and no name below is a literal: Deno would load what it names in any case.
 *
 * Current means: every file has the SHA-256 that the bundle's list has for it. That was so when these files had the sizes and
 * times of change that a note in the user's cache folder remembers; a missing or damaged note means to look again.
 *
 * @module
 */
interface Command {
  main(args: readonly string[]): Promise<number>;
}

const here = new URL(".", import.meta.url);
const folder = decodeURIComponent(here.pathname);
const source = "command.ts", bundle = "bundle/main.js", list = "bundle/files.json";

/** What changes with a file's contents, as far as that can be seen without reading them. */
interface Note {
  readonly current: boolean;
  readonly names: readonly string[];
  /** For each file its size, its times of modification and change (ms), and its inode. */
  readonly stamps: readonly number[];
}

function stampOf({ size, mtime, ctime, ino }: Deno.FileInfo): [number, number, number, number] {
  return [size, mtime?.getTime() ?? 0, ctime?.getTime() ?? 0, ino ?? 0];
}

/** Where the note is kept; undefined where there is no such place. */
function placeOf(): string | undefined {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME") || (home ? `${home}/.cache` : undefined);
  return cache?.startsWith("/") ? `${cache}/guise/${folder.replaceAll("/", "%")}` : undefined;
}

/** What the note says, if the files are as it remembers them. */
function remembered(place: string): boolean | undefined {
  let note: Note;
  try {
    note = JSON.parse(Deno.readTextFileSync(place));
    if (note.stamps.length !== 4 * note.names.length || !note.names.includes(list)) return undefined;
  } catch {
    return undefined; // none yet, or not a whole one
  }
  const { names, stamps } = note;
  for (let i = 0; i < names.length; i++) {
    const info = Deno.lstatSync(folder + names[i]), at = 4 * i;
    if (info.size !== stamps[at] || (info.mtime?.getTime() ?? 0) !== stamps[at + 1]) return undefined;
    if ((info.ctime?.getTime() ?? 0) !== stamps[at + 2] || (info.ino ?? 0) !== stamps[at + 3]) {
      return undefined;
    }
  }
  return note.current;
}

/** Reads all files, and writes the note. */
async function compare(place: string | undefined): Promise<boolean> {
  const { files } = JSON.parse(Deno.readTextFileSync(folder + list)) as {
    readonly files: Readonly<Record<string, string>>;
  };
  const names = [list, ...Object.keys(files)];
  // Before reading: what changes meanwhile has another stamp later.
  const stamps = names.map((name) => stampOf(Deno.lstatSync(folder + name)));
  const sums = await Promise.all(
    names.slice(1).map(async (name) => {
      const sum = await crypto.subtle.digest("SHA-256", Deno.readFileSync(folder + name));
      return Array.from(new Uint8Array(sum), (b) => b.toString(16).padStart(2, "0")).join("") === files[name];
    }),
  );
  const current = sums.every((same) => same);
  // What has just changed may change again without another time.
  if (place === undefined || stamps.some(([, , changed]) => changed > Date.now() - 2000)) return current;
  const note: Note = { current, names, stamps: stamps.flat() };
  try {
    Deno.mkdirSync(place.slice(0, place.lastIndexOf("/")), { recursive: true });
    // Complete or not there, also when several start at once.
    const draft = `${place}.${Deno.pid}`;
    Deno.writeTextFileSync(draft, JSON.stringify(note));
    Deno.renameSync(draft, place);
  } catch {
    // No such place: the next start looks again.
  }
  return current;
}

async function isCurrent(): Promise<boolean> {
  if (here.protocol !== "file:") return false;
  try {
    const place = placeOf();
    return (place === undefined ? undefined : remembered(place)) ?? await compare(place);
  } catch {
    return false; // no bundle, or one of its files is missing
  }
}

const load = (name: string) => import(new URL(name, here).href) as Promise<Command>;
// First, although it may be for nothing: what looking at the files leaves behind makes V8 collect garbage, at length when that is
// most of the little there is.
const loaded = await load(bundle).catch(() => undefined);
const command = await isCurrent() ? loaded : undefined;
const { main } = command ?? await load(source);
Deno.exit(await main(Deno.args));
