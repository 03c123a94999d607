/**
 * The path walk: from a start to a place, through symbolic links, mounts and "..", never above the caller's root.
 */
import { EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, type Errno } from "@guise/core";
import { NAME_MAX, PATH_MAX, SYMLINK_MAX, X_OK } from "./constants.ts";
import type { Caller, Location } from "./context.ts";
import { permission } from "./cred.ts";
import type { Inode } from "./inode.ts";
import type { Name } from "./names.ts";

/** Flags of {@link walk}. */
export const NO_FOLLOW = 1, DIRECTORY = 2, EMPTY_PATH = 4;

/** A last component in its directory, for calls that make, remove or rename something. */
export interface LastComponent {
  /** The directory. */
  readonly parent: Location;
  /** Without slashes. */
  readonly name: Name;
  /** "." and "..", and "root" for "/" (or a start with nothing behind it): errors differ by call. */
  readonly kind: "name" | "dot" | "dotdot" | "root";
  /** A slash follows the name: it must be a directory. */
  readonly slash: boolean;
}

/** Where ".." leads from a directory, inside the caller's root. */
export function parentOf(caller: Caller, at: Location): Location {
  const root = caller.fs.root;
  for (;;) {
    if (at.inode === root.inode && at.mount === root.mount) return at;
    if (at.inode !== at.mount.root) break;
    const point = at.mount.point;
    if (point === undefined) return at;
    at = point;
  }
  const parent = at.inode.parent ?? at.dir;
  if (parent === undefined) return at;
  const up: Location = { mount: at.mount, inode: parent, dir: parent.parent, name: parent.name };
  return up;
}

/**
 * Finds the place of `path`, a byte string without NUL. `start`: where a relative path begins, undefined for the
 * working directory. Flags: NO_FOLLOW (the last component may be a symbolic link), DIRECTORY (it must be a directory),
 * EMPTY_PATH ("" is the start itself).
 */
export function walk(caller: Caller, start: Location | undefined, path: Name, flags = 0): Location | Errno {
  const walker = new Walker(caller);
  return walker.resolve(start ?? caller.fs.cwd, path, flags);
}

/** Finds the directory of the last component, which need not exist. */
export function walkParent(caller: Caller, start: Location | undefined, path: Name): LastComponent | Errno {
  return new Walker(caller).parent(start ?? caller.fs.cwd, path);
}

/** Follows the symbolic link that `last` turned out to be, as open with O_CREAT does: its own last component. */
export class Walker {
  readonly #caller: Caller;
  #links = 0;
  constructor(caller: Caller) {
    this.#caller = caller;
  }

  resolve(start: Location, path: Name, flags: number): Location | Errno {
    if (path === "") return (flags & EMPTY_PATH) !== 0 ? start : ENOENT;
    if (path.length >= PATH_MAX) return ENAMETOOLONG;
    const last = this.#toLast(start, path);
    if (typeof last === "number") return last;
    return this.finish(last, flags);
  }

  parent(start: Location, path: Name): LastComponent | Errno {
    if (path === "") return ENOENT;
    if (path.length >= PATH_MAX) return ENAMETOOLONG;
    return this.#toLast(start, path);
  }

  /** Looks the last component up, and follows it. */
  finish(last: LastComponent, flags: number): Location | Errno {
    for (;;) {
      const found = this.step(last);
      if (typeof found === "number") return found;
      if (found.inode.isSymlink && ((flags & NO_FOLLOW) === 0 || last.slash)) {
        const next = this.link(found, last.parent);
        if (typeof next === "number") return next;
        if ("mount" in next) {
          if ((last.slash || (flags & DIRECTORY) !== 0) && !next.inode.isDirectory) return ENOTDIR;
          return next;
        }
        last = last.slash && !next.slash ? { ...next, slash: true } : next;
        continue;
      }
      if ((last.slash || (flags & DIRECTORY) !== 0) && !found.inode.isDirectory) return ENOTDIR;
      return found;
    }
  }

  /** One component: the place, not followed. The parent's search permission was checked on the way there. */
  step(last: LastComponent): Location | Errno {
    const { parent, kind, name } = last;
    if (kind === "root") return parent;
    if (kind === "dot") return parent;
    if (kind === "dotdot") return parentOf(this.#caller, parent);
    if (name.length > NAME_MAX) return ENAMETOOLONG;
    const inode = parent.inode.lookup(name, this.#caller);
    if (typeof inode === "number") return inode;
    return this.#caller.fs.vfs.descend({ mount: parent.mount, inode, dir: parent.inode, name });
  }

  /** Where a symbolic link leads: a place (magic links) or one more last component. */
  link(found: Location, parent: Location): LastComponent | Location | Errno {
    if (++this.#links > SYMLINK_MAX) return ELOOP;
    const { inode } = found;
    if (inode.follow !== undefined) return inode.follow(this.#caller);
    const target = inode.readlink(this.#caller);
    if (typeof target === "number") return target;
    if (target === "") return ENOENT;
    if (target.length >= PATH_MAX) return ENAMETOOLONG;
    return this.#toLast(parent, target);
  }

  /** Walks all components but the last. */
  #toLast(start: Location, path: Name): LastComponent | Errno {
    const caller = this.#caller;
    let at = start;
    let i = 0;
    if (path.charCodeAt(0) === 47) {
      at = caller.fs.root;
      while (path.charCodeAt(i) === 47) i++;
      if (i === path.length) return { parent: at, name: "/", kind: "root", slash: true };
    }
    for (;;) {
      // The start of each turn is at a component's first byte.
      const may = search(caller, at.inode);
      if (may !== 0) return may;
      let end = path.indexOf("/", i);
      if (end < 0) end = path.length;
      const name = path.slice(i, end);
      i = end;
      while (path.charCodeAt(i) === 47) i++;
      const kind = name === "." ? "dot" : name === ".." ? "dotdot" : "name";
      const last: LastComponent = { parent: at, name, kind, slash: i > end };
      if (i === path.length) return last;
      const found = this.step(last);
      if (typeof found === "number") return found;
      if (found.inode.isSymlink) {
        const next = this.link(found, at);
        if (typeof next === "number") return next;
        const to = "mount" in next ? next : this.finish(next, 0);
        if (typeof to === "number") return to;
        at = to;
      } else at = found;
    }
  }
}

/** Search permission of a directory: ENOTDIR, EACCES or 0. */
function search(caller: Caller, dir: Inode): 0 | Errno {
  if (!dir.isDirectory) return ENOTDIR;
  // Most directories may be searched by all.
  if ((dir.mode & 0o111) === 0o111) return 0;
  return permission(dir, caller.cred, X_OK) === 0 ? 0 : EACCES;
}
