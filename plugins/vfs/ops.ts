/**
 * The operations of system calls on paths and places: making, linking, renaming, removing names. Checks come in the
 * order of Linux's fs/namei.c, since which of two errors wins is visible. See attr.ts for attributes, open.ts for open.
 */
import {
  EBADF,
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
  type Errno,
  EXDEV,
} from "@guise/core";
import {
  R_OK,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_ISGID,
  S_ISUID,
  W_OK,
  X_OK,
} from "./constants.ts";
import type { Caller, Location } from "./context.ts";
import { CAP_FOWNER, CAP_MKNOD, type Credentials, permission, stickyCheck } from "./cred.ts";
import type { Inode } from "./inode.ts";
import type { Name } from "./names.ts";
import { mayCreate, newInode } from "./open.ts";
import type { FileTable } from "./table.ts";
import { EMPTY_PATH, type LastComponent, NO_FOLLOW, Walker } from "./walk.ts";

/** AT_FDCWD of openat(2) and friends. */
export const AT_FDCWD: number = -100;

/** The start of a walk for a dirfd: undefined for AT_FDCWD and absolute paths; EBADF; that it is no directory, the walk finds. */
export function startOf(files: FileTable, dirfd: number, path: Name): Location | undefined | Errno {
  if (path.charCodeAt(0) === 47 || dirfd === AT_FDCWD) return undefined;
  const file = files.get(dirfd);
  if (file === undefined) return EBADF;
  // A file without a place (a pipe) is no directory.
  return file.location ?? ENOTDIR;
}

/** The directory of a name that is to be made: the name must not exist. EEXIST, ENOENT, EROFS. */
function createParent(
  caller: Caller,
  start: Location | undefined,
  path: Name,
  directory: boolean,
): LastComponent | Errno {
  const walker = new Walker(caller);
  const last = walker.parent(start ?? caller.fs.cwd, path);
  if (typeof last === "number") return last;
  if (last.kind !== "name") return EEXIST;
  const found = walker.step(last);
  if (typeof found !== "number") return EEXIST;
  if (found !== ENOENT) return found;
  if (last.slash && !directory) return ENOENT;
  if (last.parent.mount.readonly) return EROFS;
  return last;
}

/** mkdirat(2). */
export function mkdirAt(caller: Caller, start: Location | undefined, path: Name, mode: number): 0 | Errno {
  const last = createParent(caller, start, path, true);
  if (typeof last === "number") return last;
  const dir = last.parent.inode;
  const may = mayCreate(dir, caller.cred);
  if (may !== 0) return may;
  const made = dir.create(last.name, newInode(caller, dir, S_IFDIR | (mode & 0o1777)));
  return typeof made === "number" ? made : 0;
}

/** mknodat(2): type bits in `mode` (none: a regular file). Also how a socket gets its name. */
export function mknodAt(
  caller: Caller,
  start: Location | undefined,
  path: Name,
  mode: number,
  rdev = 0,
): Location | Errno {
  const type = (mode & S_IFMT) === 0 ? S_IFREG : mode & S_IFMT;
  if (type === S_IFDIR) return EPERM;
  const device = type === S_IFCHR || type === S_IFBLK;
  if (!device && type !== S_IFREG && type !== S_IFIFO && type !== S_IFSOCK) return EINVAL;
  const last = createParent(caller, start, path, false);
  if (typeof last === "number") return last;
  const dir = last.parent.inode;
  const may = mayCreate(dir, caller.cred);
  if (may !== 0) return may;
  if (device && !caller.cred.capable(CAP_MKNOD)) return EPERM;
  const made = dir.create(
    last.name,
    newInode(caller, dir, type | (mode & 0o7777), { rdev: device ? rdev : 0 }),
  );
  if (typeof made === "number") return made;
  // Lets go of what the file system keeps open for an open that does not follow here.
  made.hold();
  made.release();
  return { mount: last.parent.mount, inode: made, dir, name: last.name };
}

/** symlinkat(2). */
export function symlinkAt(caller: Caller, target: Name, start: Location | undefined, path: Name): 0 | Errno {
  if (target === "") return ENOENT;
  const last = createParent(caller, start, path, false);
  if (typeof last === "number") return last;
  const dir = last.parent.inode;
  const may = mayCreate(dir, caller.cred);
  if (may !== 0) return may;
  const attr = { ...newInode(caller, dir, S_IFLNK, { target }), mode: S_IFLNK | 0o777 };
  const made = dir.create(last.name, attr);
  return typeof made === "number" ? made : 0;
}

/** What Linux's fs.protected_hardlinks permits: the owner's files, and plain files that one may read and write. */
function mayLink(inode: Inode, cred: Credentials): boolean {
  if (inode.uid === cred.fsuid || cred.capable(CAP_FOWNER)) return true;
  if (!inode.isRegular || (inode.mode & S_ISUID) !== 0) return false;
  if ((inode.mode & (S_ISGID | 0o10)) === (S_ISGID | 0o10)) return false;
  return permission(inode, cred, R_OK | W_OK) === 0;
}

/** linkat(2); `walkFlags` for the existing file: NO_FOLLOW unless AT_SYMLINK_FOLLOW, EMPTY_PATH for AT_EMPTY_PATH. */
export function linkAt(
  caller: Caller,
  fromStart: Location | undefined,
  from: Name,
  toStart: Location | undefined,
  to: Name,
  walkFlags: number = NO_FOLLOW,
): 0 | Errno {
  const at = new Walker(caller).resolve(
    fromStart ?? caller.fs.cwd,
    from,
    walkFlags & (NO_FOLLOW | EMPTY_PATH),
  );
  if (typeof at === "number") return at;
  const last = createParent(caller, toStart, to, false);
  if (typeof last === "number") return last;
  const { parent, name } = last;
  if (at.mount !== parent.mount) return EXDEV;
  if (!mayLink(at.inode, caller.cred)) return EPERM;
  const may = mayCreate(parent.inode, caller.cred);
  if (may !== 0) return may;
  if (at.inode.isDirectory) return EPERM;
  if (at.inode.nlink === 0 && !at.inode.linkable) return ENOENT;
  const error = parent.inode.link(name, at.inode);
  if (error === 0) at.inode.linkable = false;
  return error;
}

/** Permission to take an entry away, and that it is of the kind the call takes. */
function mayDelete(dir: Inode, entry: Inode, cred: Credentials, directory: boolean): 0 | Errno {
  const may = permission(dir, cred, W_OK | X_OK);
  if (may !== 0) return may;
  const sticky = stickyCheck(dir, entry, cred);
  if (sticky !== 0) return sticky;
  if (directory) {
    if (!entry.isDirectory) return ENOTDIR;
  } else if (entry.isDirectory) return EISDIR;
  return dir.nlink === 0 ? ENOENT : 0;
}

/** The entry itself, not what is mounted on it or where a link leads. */
function entryOf(walker: Walker, last: LastComponent, caller: Caller): Inode | Errno {
  const found = walker.step(last);
  if (typeof found === "number") return found;
  if (found.mount === last.parent.mount) return found.inode;
  return last.parent.inode.lookup(last.name, caller);
}

/** unlinkat(2); `directory`: AT_REMOVEDIR. */
export function unlinkAt(
  caller: Caller,
  start: Location | undefined,
  path: Name,
  directory: boolean,
): 0 | Errno {
  const walker = new Walker(caller);
  const last = walker.parent(start ?? caller.fs.cwd, path);
  if (typeof last === "number") return last;
  if (last.kind !== "name") {
    if (!directory) return EISDIR;
    return last.kind === "dot" ? EINVAL : last.kind === "dotdot" ? ENOTEMPTY : EBUSY;
  }
  const { mount, inode: dir } = last.parent;
  if (mount.readonly) return EROFS;
  const entry = entryOf(walker, last, caller);
  if (typeof entry === "number") return entry;
  if (!directory && last.slash) return entry.isDirectory ? EISDIR : ENOTDIR;
  const may = mayDelete(dir, entry, caller.cred, directory);
  if (may !== 0) return may;
  if (caller.fs.vfs.isMountPoint(mount, entry)) return EBUSY;
  return directory ? dir.rmdir(last.name, entry) : dir.unlink(last.name, entry);
}

/** Whether `above` is `inode` or one of the directories it is in. */
function isAncestor(above: Inode, inode: Inode | undefined): boolean {
  for (let at = inode; at !== undefined; at = at.parent) if (at === above) return true;
  return false;
}

/** renameat2(2). */
export function renameAt(
  caller: Caller,
  fromStart: Location | undefined,
  from: Name,
  toStart: Location | undefined,
  to: Name,
  flags = 0,
): 0 | Errno {
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) !== 0) return EINVAL;
  const exchange = (flags & RENAME_EXCHANGE) !== 0, replace = (flags & RENAME_NOREPLACE) === 0;
  if (exchange && !replace) return EINVAL;
  const walker = new Walker(caller);
  const a = walker.parent(fromStart ?? caller.fs.cwd, from);
  if (typeof a === "number") return a;
  const b = new Walker(caller).parent(toStart ?? caller.fs.cwd, to);
  if (typeof b === "number") return b;
  const { mount } = a.parent;
  if (b.parent.mount !== mount) return EXDEV;
  if (a.kind !== "name") return EBUSY;
  if (b.kind !== "name") return replace ? EBUSY : EEXIST;
  if (mount.readonly) return EROFS;
  const source = entryOf(walker, a, caller);
  if (typeof source === "number") return source;
  const found = entryOf(walker, b, caller);
  if (typeof found === "number" && found !== ENOENT) return found;
  const target = typeof found === "number" ? undefined : found;
  if (!replace && target !== undefined) return EEXIST;
  if (exchange) {
    if (target === undefined) return ENOENT;
    if (!target.isDirectory && b.slash) return ENOTDIR;
  }
  // Unless the source is a directory, trailing slashes are ENOTDIR.
  if (!source.isDirectory && (a.slash || (!exchange && b.slash))) return ENOTDIR;
  const oldDir = a.parent.inode, newDir = b.parent.inode;
  if (source.isDirectory && isAncestor(source, newDir)) return EINVAL;
  if (target !== undefined && target.isDirectory && isAncestor(target, oldDir)) {
    return exchange ? EINVAL : ENOTEMPTY;
  }
  if (source === target) return 0;
  const { cred } = caller;
  let may = mayDelete(oldDir, source, cred, source.isDirectory);
  if (may !== 0) return may;
  may = target === undefined
    ? mayCreate(newDir, cred)
    : mayDelete(newDir, target, cred, exchange ? target.isDirectory : source.isDirectory);
  if (may !== 0) return may;
  // A directory that moves gets another "..", which is a write to it.
  if (oldDir !== newDir) {
    if (source.isDirectory && permission(source, cred, W_OK) !== 0) return permission(source, cred, W_OK);
    if (exchange && target!.isDirectory && permission(target!, cred, W_OK) !== 0) {
      return permission(target!, cred, W_OK);
    }
  }
  const { vfs } = caller.fs;
  if (vfs.isMountPoint(mount, source) || (target !== undefined && vfs.isMountPoint(mount, target))) {
    return EBUSY;
  }
  return oldDir.rename(a.name, source, newDir, b.name, target, flags);
}
