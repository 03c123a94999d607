/** glob: names that fit a pattern, directory by directory, through the kernel's own services. */
import type { Outcome, Task } from "@guise/core";
import { arg, type Calls, type DirectCall, int, looping, perform, text } from "../direct.ts";
import { machineOf } from "../machine.ts";
import { osvOf } from "../state.ts";
import { variable } from "./environment.ts";

const MARK = 2, NOSORT = 4, DOOFFS = 8, NOCHECK = 0x10, APPEND = 0x20, NOESCAPE = 0x40, PERIOD = 0x80;
const NOMAGIC = 0x800, TILDE = 0x1000, BRACE = 0x400;
const NOSPACE = 1, NOMATCH = 3;
/** Of glob_t: count, names, offset. */
const COUNT = 0, NAMES = 8, OFFSET = 16;
const ROOM = 32768, MOST = 1 << 18, DIRECTORY = 0o2200000, AT_FDCWD = -100;
const magic = (word: string): boolean => /[*?[]/.test(word);

/** A pattern without slashes as a regular expression. */
function expression(word: string, flags: number): RegExp | undefined {
  let source = "";
  for (let n = 0; n < word.length; n++) {
    const c = word[n];
    if (c === "*") source += "[^]*";
    else if (c === "?") source += "[^]";
    else if (c === "[") {
      const end = word.indexOf("]", word[n + 1] === "!" || word[n + 1] === "^" ? n + 3 : n + 2);
      if (end < 0) source += "\\[";
      else {
        const not = word[n + 1] === "!" || word[n + 1] === "^";
        const inside = word.slice(not ? n + 2 : n + 1, end).replace(/[\\\]\[^]/g, "\\$&");
        source += `[${not ? "^" : ""}${inside}]`;
        n = end;
      }
    } else if (c === "\\" && !(flags & NOESCAPE) && n + 1 < word.length) source += escaped(word[++n]);
    else source += escaped(c);
  }
  try {
    return new RegExp(`^${source}$`, "u");
  } catch {
    return undefined; // a range that runs backwards fits nothing
  }
}
const escaped = (c: string): string => c.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");

/** `{a,b}` as several patterns. */
function braces(word: string, depth = 0): string[] {
  const found = /^(.*?)\{([^{}]*,[^{}]*)\}(.*)$/s.exec(word);
  if (found === null || depth > 8) return [word];
  return found[2].split(",").flatMap((each) => braces(found[1] + each + found[3], depth + 1));
}

/** Names in a directory; the answer comes to `next`. */
function list(
  task: Task,
  folder: string,
  next: (task: Task, names: string[]) => Outcome,
): Outcome {
  const { heap } = osvOf(task);
  const path = new TextEncoder().encode(`${folder === "" ? "." : folder}\0`);
  const block = heap.allocate(ROOM);
  if (block === 0 || !task.space.write(block, path)) return next(task, []);
  const names: string[] = [];
  const done = (t: Task): Outcome => {
    heap.release(block);
    return next(t, names);
  };
  return perform(task, "openat", [AT_FDCWD, block, DIRECTORY, 0], (t, fd) => {
    if (fd < 0) return done(t);
    return looping(t, (u, again) =>
      perform(u, "getdents64", [fd, block, ROOM], (v, n) => {
        if (n <= 0 || names.length > MOST) return perform(v, "close", [fd], done);
        for (let at = block; at < block + n;) {
          const head = v.space.getU32(at + 16) ?? 0, bytes = v.space.cstring(at + 19, 256);
          if (typeof bytes !== "number") {
            names.push(new TextDecoder().decode(bytes));
          }
          at += Math.max(24, head & 0xffff);
        }
        return again(v);
      }));
  });
}

/** Whether a path is there, and a directory. */
function there(
  task: Task,
  path: string,
  next: (task: Task, found: "no" | "file" | "folder") => Outcome,
): Outcome {
  const { heap } = osvOf(task);
  const bytes = new TextEncoder().encode(`${path}\0`);
  const block = heap.allocate(bytes.length + 160);
  task.space.write(block + 152, bytes);
  return perform(task, "newfstatat", [AT_FDCWD, block + 152, block, 0], (t, n) => {
    const mode = t.space.getU32(block + (machineOf(t.process.cpu.arch)?.stat.mode ?? 0)) ?? 0;
    heap.release(block);
    return next(t, n < 0 ? "no" : (mode & 0xf000) === 0x4000 ? "folder" : "file");
  });
}

/** Extends the paths found so far by one part of the pattern after the other. */
function expand(
  task: Task,
  pattern: string,
  flags: number,
  next: (task: Task, paths: string[]) => Outcome,
): Outcome {
  const absolute = pattern.startsWith("/");
  const parts = pattern.split("/").filter((each) => each !== "");
  const onlyFolders = pattern.endsWith("/") && parts.length > 0;
  let paths = [absolute ? "/" : ""], part = 0;
  return looping(task, (t, again) => {
    if (part === parts.length || paths.length === 0) {
      return onlyFolders ? folders(t, paths, next) : next(t, paths);
    }
    const word = parts[part++], last = part === parts.length;
    const test = magic(word) ? expression(word, flags) : undefined;
    const plain = flags & NOESCAPE ? word : word.replace(/\\(.)/g, "$1");
    const found: string[] = [];
    const queue = paths;
    let n = 0;
    return looping(t, (u, more) => {
      if (n === queue.length) {
        paths = found;
        return again(u);
      }
      const folder = queue[n++];
      if (!magic(word)) {
        return there(u, folder + plain, (v, kind) => {
          if (kind === "folder" || (kind === "file" && last && !onlyFolders)) {
            found.push(folder + plain + (last ? (onlyFolders ? "/" : "") : "/"));
          }
          return more(v);
        });
      }
      return list(u, folder, (v, names) => {
        for (const name of names) {
          const hidden = name.startsWith(".") && !word.startsWith(".") &&
            !(flags & PERIOD && last && !onlyFolders);
          const fits = test?.test(name) && !hidden;
          if (fits) found.push(folder + name + (last ? (onlyFolders ? "/" : "") : "/"));
        }
        return more(v);
      });
    });
  });
}

/** Those that are directories: what a pattern that ends in a slash fits. */
function folders(task: Task, paths: string[], next: (task: Task, paths: string[]) => Outcome): Outcome {
  const found: string[] = [];
  let n = 0;
  return looping(task, (t, again) => {
    if (n === paths.length) return next(t, found);
    return there(t, paths[n], (u, kind) => {
      if (kind === "folder") found.push(paths[n]);
      n++;
      return again(u);
    });
  });
}

const glob: DirectCall = (task) => {
  const flags = int(task, 1), out = arg(task, 3);
  let pattern = text(task, arg(task, 0)) ?? "";
  if (flags & TILDE) pattern = pattern.replace(/^~(?=\/|$)/, variable(task, "HOME") ?? "~");
  const patterns = flags & BRACE ? braces(pattern) : [pattern];
  const all: string[] = [];
  let n = 0;
  return looping(task, (t, again) => {
    if (n < patterns.length) {
      return expand(t, patterns[n++], flags, (u, paths) => {
        all.push(...(flags & NOSORT ? paths : paths.sort()));
        return again(u);
      });
    }
    if (all.length === 0 && (flags & NOCHECK || (flags & NOMAGIC && !magic(pattern)))) all.push(pattern);
    if (all.length === 0) return NOMATCH;
    return flags & MARK ? marked(t, all, (u) => give(u, out, flags, all)) : give(t, out, flags, all);
  });
};

/** Directories get a slash at their end. */
function marked(task: Task, paths: string[], next: (task: Task) => Outcome): Outcome {
  let n = 0;
  return looping(task, (t, again) => {
    if (n === paths.length) return next(t);
    return there(t, paths[n], (u, kind) => {
      if (kind === "folder") paths[n] += "/";
      n++;
      return again(u);
    });
  });
}

function give(task: Task, out: number, flags: number, paths: readonly string[]): number {
  const { heap } = osvOf(task), { space } = task;
  const empty = flags & DOOFFS ? Math.min(space.getNum64(out + OFFSET) ?? 0, MOST) : 0;
  const old = flags & APPEND ? space.getNum64(out + NAMES) ?? 0 : 0;
  const before = flags & APPEND ? Math.min(space.getNum64(out + COUNT) ?? 0, MOST) : 0;
  const table = heap.allocate(8 * (empty + before + paths.length + 1));
  if (table === 0) return NOSPACE;
  for (let n = 0; n < empty; n++) space.setNum64(table + 8 * n, 0);
  for (let n = 0; n < before; n++) {
    space.setNum64(table + 8 * (empty + n), space.getNum64(old + 8 * (empty + n)) ?? 0);
  }
  paths.forEach((path, n) => {
    const bytes = new TextEncoder().encode(`${path}\0`), block = heap.allocate(bytes.length);
    if (block !== 0) space.write(block, bytes);
    space.setNum64(table + 8 * (empty + before + n), block);
  });
  space.setNum64(table + 8 * (empty + before + paths.length), 0);
  heap.release(old);
  if (!(flags & DOOFFS)) space.setNum64(out + OFFSET, 0);
  space.setNum64(out + COUNT, before + paths.length);
  return space.setNum64(out + NAMES, table) ? 0 : NOSPACE;
}

const globfree: DirectCall = (task) => {
  const { heap } = osvOf(task), { space } = task, at = arg(task, 0);
  const table = space.getNum64(at + NAMES) ?? 0, count = Math.min(space.getNum64(at + COUNT) ?? 0, MOST);
  const empty = Math.min(space.getNum64(at + OFFSET) ?? 0, MOST);
  if (table === 0 || heap.usable(table) === undefined) return 0;
  for (let n = 0; n < count; n++) {
    const block = space.getNum64(table + 8 * (empty + n)) ?? 0;
    heap.release(block);
  }
  heap.release(table);
  space.setNum64(at + NAMES, 0);
  space.setNum64(at + COUNT, 0);
  return 0;
};

/** See the file's head. */
export const globCalls: Calls = { glob, glob64: glob, globfree, globfree64: globfree };
