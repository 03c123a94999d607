/** openat(2): from path and flags to an open file, with the checks of Linux's path_openat and may_open in their order. */
import {
  EACCES,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EPERM,
  EROFS,
  type Errno,
  ETXTBSY,
  flushShared,
  staleShared,
} from "@guise/core";
import {
  O_ACCMODE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_TMPFILE,
  O_TRUNC,
  R_OK,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_ISGID,
  W_OK,
  X_OK,
} from "./constants.ts";
import type { Caller, Location } from "./context.ts";
import { CAP_FSETID, type Credentials, inGroup, isOwner, permission } from "./cred.ts";
import type { OpenFile } from "./file.ts";
import { openFifo } from "./pipe.ts";
import type { Inode, NewInode } from "./inode.ts";
import type { Name } from "./names.ts";
import { DirectoryFile, modeAfterWrite, PathFile, RegularFile } from "./regular_file.ts";
import { DIRECTORY, type LastComponent, NO_FOLLOW, Walker } from "./walk.ts";

/** Permission on an inode through a mount: EROFS before EACCES, for files whose content lives in the file system. */
export function mayAccess(at: Location, cred: Credentials, want: number): 0 | Errno {
  if ((want & W_OK) !== 0 && at.mount.readonly) {
    const type = at.inode.mode & S_IFMT;
    if (type !== S_IFCHR && type !== S_IFBLK && type !== S_IFIFO && type !== S_IFSOCK) return EROFS;
  }
  return permission(at.inode, cred, want);
}

/** What an inode made in `dir` gets: umask, the directory's group and set-group-id bit. */
export function newInode(
  caller: Caller,
  dir: Inode,
  mode: number,
  more?: { rdev?: number; target?: Name },
): NewInode {
  const { cred } = caller;
  const type = mode & S_IFMT;
  let bits = mode & 0o7777 & ~caller.fs.umask;
  let gid = cred.fsgid;
  if ((dir.mode & S_ISGID) !== 0) {
    gid = dir.gid;
    if (type === S_IFDIR) bits |= S_ISGID;
    else if ((bits & 0o2010) === 0o2010 && !inGroup(cred, gid) && !cred.capable(CAP_FSETID)) bits &= ~S_ISGID;
  }
  return { mode: type | bits, uid: cred.fsuid, gid, ...more };
}

/** Permission to make a name in a directory. */
export function mayCreate(dir: Inode, cred: Credentials): 0 | Errno {
  if (dir.nlink === 0) return ENOENT;
  return permission(dir, cred, W_OK | X_OK);
}

/**
 * openat(2). Flags may hold O_CREAT, O_EXCL, O_TRUNC, O_CLOEXEC and so on; `mode` is masked here. The result has one
 * reference. A FIFO that still lacks its partner is {@link OpenFile.opening}.
 */
export function openAt(
  caller: Caller,
  start: Location | undefined,
  path: Name,
  flags: number,
  mode = 0,
): OpenFile | Errno {
  if ((flags & O_PATH) !== 0) flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if ((flags & O_TMPFILE) === O_TMPFILE) return openTmpfile(caller, start, path, flags, mode);
  if ((flags & O_CREAT) !== 0) {
    if ((flags & O_DIRECTORY) !== 0) return EINVAL;
    return openCreate(caller, start, path, flags, mode);
  }
  const follow = (flags & O_NOFOLLOW) !== 0 ? NO_FOLLOW : 0;
  const directory = (flags & O_DIRECTORY) !== 0 ? DIRECTORY : 0;
  const walker = new Walker(caller);
  const at = walker.resolve(start ?? caller.fs.cwd, path, follow);
  if (typeof at === "number") return at;
  if (at.inode.isSymlink && (flags & (O_PATH | O_DIRECTORY)) === 0) return ELOOP;
  if (directory !== 0 && !at.inode.isDirectory) return ENOTDIR;
  return openLocation(caller, at, flags);
}

function openCreate(
  caller: Caller,
  start: Location | undefined,
  path: Name,
  flags: number,
  mode: number,
): OpenFile | Errno {
  const walker = new Walker(caller);
  let last: LastComponent | Errno | Location = walker.parent(start ?? caller.fs.cwd, path);
  for (;;) {
    if (typeof last === "number") return last;
    if (last.kind !== "name") return (flags & O_EXCL) !== 0 ? EEXIST : EISDIR;
    if (last.slash) return EISDIR;
    const at = walker.step(last);
    if (at === ENOENT) return create(caller, last, flags, mode);
    if (typeof at === "number") return at;
    if ((flags & O_EXCL) !== 0) return EEXIST;
    if (!at.inode.isSymlink) {
      if (at.inode.isDirectory) return EISDIR;
      return openLocation(caller, at, flags);
    }
    if ((flags & O_NOFOLLOW) !== 0) return ELOOP;
    const next = walker.link(at, last.parent);
    if (typeof next === "number") return next;
    if ("mount" in next) return next.inode.isDirectory ? EISDIR : openLocation(caller, next, flags);
    last = next;
  }
}

function create(caller: Caller, last: LastComponent, flags: number, mode: number): OpenFile | Errno {
  const { parent, name } = last;
  if (parent.mount.readonly) return EROFS;
  const may = mayCreate(parent.inode, caller.cred);
  if (may !== 0) return may;
  const made = parent.inode.create(name, newInode(caller, parent.inode, S_IFREG | (mode & 0o7777)));
  if (typeof made === "number") return made;
  const at: Location = { mount: parent.mount, inode: made, dir: parent.inode, name };
  // Who makes a file may open it, whatever its mode says.
  return openChecked(caller, at, flags & ~O_TRUNC);
}

function openTmpfile(
  caller: Caller,
  start: Location | undefined,
  path: Name,
  flags: number,
  mode: number,
): OpenFile | Errno {
  if ((flags & O_ACCMODE) === O_RDONLY || (flags & O_CREAT) !== 0) return EINVAL;
  const at = new Walker(caller).resolve(start ?? caller.fs.cwd, path, DIRECTORY);
  if (typeof at === "number") return at;
  if (at.mount.readonly) return EROFS;
  const may = mayCreate(at.inode, caller.cred);
  if (may !== 0) return may;
  const made = at.inode.tmpfile(newInode(caller, at.inode, S_IFREG | (mode & 0o7777)));
  if (typeof made === "number") return made;
  made.linkable = (flags & O_EXCL) === 0;
  return openChecked(caller, { mount: at.mount, inode: made, dir: at.inode, name: "#" + made.ino }, flags);
}

/** Opens a place that was found before (execve, /proc/self/fd), with permission checks. */
export function openLocation(caller: Caller, at: Location, flags: number): OpenFile | Errno {
  if ((flags & O_PATH) !== 0) return new PathFile(at, flags & ~O_CLOEXEC, caller.cred);
  const { inode } = at;
  const type = inode.mode & S_IFMT;
  const access = flags & O_ACCMODE;
  let want = access === O_RDONLY ? R_OK : access === 1 ? W_OK : R_OK | W_OK;
  if ((flags & O_TRUNC) !== 0) want |= W_OK;
  if (inode.isSymlink) return ELOOP;
  if (inode.isDirectory && (want & W_OK) !== 0) return EISDIR;
  if ((type === S_IFCHR || type === S_IFBLK) && at.mount.options.nodev === true) return EACCES;
  const may = mayAccess(at, caller.cred, want);
  if (may !== 0) return may;
  if ((flags & O_NOATIME) !== 0 && !isOwner(inode, caller.cred)) return EPERM;
  return openChecked(caller, at, flags);
}

/** Makes the open file; permissions have been checked. */
function openChecked(caller: Caller, at: Location, flags: number): OpenFile | Errno {
  const { inode } = at;
  const { cred } = caller;
  const kept = flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
  if (inode.open !== undefined) return inode.open(at, kept | (flags & O_NOCTTY), caller);
  switch (inode.mode & S_IFMT) {
    case S_IFREG: {
      const write = (flags & O_ACCMODE) !== O_RDONLY;
      if ((write || (flags & O_TRUNC) !== 0) && inode.executors > 0) return ETXTBSY;
      const error = inode.prepare(write);
      if (error !== 0) return error;
      if ((flags & O_TRUNC) !== 0) {
        const mode = modeAfterWrite(inode, cred);
        if (mode !== inode.mode) inode.setattr({ mode: mode & 0o7777 });
        flushShared(inode);
        const cut = inode.truncate(0);
        staleShared(inode);
        if (cut !== 0) return cut;
      }
      return new RegularFile(at, kept, cred);
    }
    case S_IFDIR:
      return new DirectoryFile(at, kept, cred);
    case S_IFIFO:
      return openFifo(at, kept, caller);
    case S_IFCHR:
    case S_IFBLK:
      return caller.fs.vfs.openDevice(
        at,
        kept | (flags & O_NOCTTY),
        caller,
        (inode.mode & S_IFMT) === S_IFBLK,
      );
    default:
      return ENXIO;
  }
}
