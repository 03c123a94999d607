/** Attributes of places: chmod, chown, times, truncate, access, and the paths that people see (getcwd, /proc/self/fd). */
import {
  EACCES,
  EFBIG,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  type Errno,
  ETXTBSY,
  flushShared,
  staleShared,
} from "@guise/core";
import { S_IFMT, S_IFREG, S_ISGID, SIZE_MAX, W_OK, X_OK } from "./constants.ts";
import type { Caller, Location } from "./context.ts";
import { CAP_CHOWN, CAP_FSETID, CAP_SYS_CHROOT, inGroup, isOwner, permission } from "./cred.ts";
import type { OpenFile } from "./file.ts";
import type { AttrChange, Inode, StatFs } from "./inode.ts";
import type { Name } from "./names.ts";
import { mayAccess } from "./open.ts";
import { modeAfterWrite } from "./regular_file.ts";
import type { Time } from "./time.ts";

/** Brings an inode's attributes up to date for stat(2): then read its fields. */
export function getattr(inode: Inode): 0 | Errno {
  return inode.refresh();
}

/** readlink(2) of a place. EINVAL when it is no link. */
export function readlink(caller: Caller, at: Location): Name | Errno {
  return at.inode.isSymlink ? at.inode.readlink(caller) : EINVAL;
}

/** access(2) for these credentials (R_OK | W_OK | X_OK; 0: exists). Give a caller with real ids unless AT_EACCESS. */
export function access(caller: Caller, at: Location, want: number): 0 | Errno {
  if (want === 0) return 0;
  if ((want & X_OK) !== 0 && at.inode.isRegular && at.mount.options.noexec === true) return EACCES;
  return mayAccess(at, caller.cred, want);
}

/** chmod(2) of a place. */
export function chmod(caller: Caller, at: Location, mode: number): 0 | Errno {
  const { inode } = at;
  if (at.mount.readonly) return EROFS;
  if (inode.isSymlink) return EOPNOTSUPP;
  if (!isOwner(inode, caller.cred)) return EPERM;
  mode &= 0o7777;
  // Only members of the group may make a file act for it.
  if (!inGroup(caller.cred, inode.gid) && !caller.cred.capable(CAP_FSETID)) mode &= ~S_ISGID;
  return inode.setattr({ mode });
}

/** chown(2) of a place; -1 (or 0xffffffff) leaves an id. */
export function chown(caller: Caller, at: Location, uid: number, gid: number): 0 | Errno {
  const { inode } = at;
  const { cred } = caller;
  if (at.mount.readonly) return EROFS;
  const newUid = uid === -1 || uid === 0xffffffff ? undefined : uid;
  const newGid = gid === -1 || gid === 0xffffffff ? undefined : gid;
  if (!cred.capable(CAP_CHOWN)) {
    const owner = inode.uid === cred.fsuid;
    if (newUid !== undefined && !(owner && newUid === inode.uid)) return EPERM;
    if (newGid !== undefined && !(owner && (newGid === inode.gid || inGroup(cred, newGid)))) return EPERM;
  }
  let change: AttrChange = { uid: newUid, gid: newGid };
  if (!inode.isDirectory) {
    const mode = modeAfterWrite(inode, cred, true);
    if (mode !== inode.mode) change = { ...change, mode: mode & 0o7777 };
  }
  return inode.setattr(change);
}

/** What utimensat sets: a time, "now" or "omit". */
export type TimeChange = Time | "now" | "omit";

/** utimensat(2) of a place. */
export function utimes(caller: Caller, at: Location, atime: TimeChange, mtime: TimeChange): 0 | Errno {
  if (atime === "omit" && mtime === "omit") return 0;
  const { inode } = at;
  if (at.mount.readonly) return EROFS;
  if (!isOwner(inode, caller.cred)) {
    // Who may write may also touch, and no more.
    if (atime !== "now" || mtime !== "now") return EPERM;
    const may = permission(inode, caller.cred, W_OK);
    if (may !== 0) return may;
  }
  const now = caller.fs.vfs.clock();
  const time = (change: TimeChange) => change === "now" ? now : change === "omit" ? undefined : change;
  return inode.setattr({ atime: time(atime), mtime: time(mtime) });
}

/** truncate(2) of a place. */
export function truncate(caller: Caller, at: Location, size: number): 0 | Errno {
  if (size < 0) return EINVAL;
  const { inode } = at;
  if (inode.isDirectory) return EISDIR;
  if ((inode.mode & S_IFMT) !== S_IFREG) return EINVAL;
  const may = mayAccess(at, caller.cred, W_OK);
  if (may !== 0) return may;
  if (inode.executors > 0) return ETXTBSY;
  if (size > SIZE_MAX) return EFBIG;
  const error = inode.prepare(true);
  if (error !== 0) return error;
  const mode = modeAfterWrite(inode, caller.cred);
  if (mode !== inode.mode) inode.setattr({ mode: mode & 0o7777 });
  inode.hold();
  flushShared(inode);
  const result = inode.truncate(size);
  staleShared(inode);
  inode.release();
  return result;
}

/** chdir(2): the place must be a directory that may be searched. */
export function chdir(caller: Caller, at: Location): 0 | Errno {
  if (!at.inode.isDirectory) return ENOTDIR;
  const may = permission(at.inode, caller.cred, X_OK);
  if (may !== 0) return may;
  caller.fs.cwd = at;
  return 0;
}

/** chroot(2). The working directory stays. */
export function chroot(caller: Caller, at: Location): 0 | Errno {
  if (!at.inode.isDirectory) return ENOTDIR;
  const may = permission(at.inode, caller.cred, X_OK);
  if (may !== 0) return may;
  if (!caller.cred.capable(CAP_SYS_CHROOT)) return EPERM;
  caller.fs.root = at;
  return 0;
}

/** getcwd(2): the path; "(unreachable)/…" outside the root; ENOENT when it was removed. */
export function getcwd(caller: Caller): Name | Errno {
  const { vfs, root, cwd } = caller.fs;
  if (cwd.inode.nlink === 0) return ENOENT;
  const path = vfs.pathOf(cwd, root, caller);
  if (path !== undefined) return path;
  const outside = vfs.pathOf(cwd, vfs.root, caller);
  return outside === undefined ? ENOENT : "(unreachable)" + outside;
}

/** The path of a place as /proc shows it: with " (deleted)" behind it when the name is gone. */
export function locationText(caller: Caller, at: Location): Name {
  const { vfs, root } = caller.fs;
  const path = vfs.pathOf(at, root, caller);
  if (path !== undefined) return path;
  const outside = vfs.pathOf(at, vfs.root, caller);
  if (outside !== undefined) return "(unreachable)" + outside;
  const dir = at.inode.isDirectory ? at.inode.parent : at.dir;
  const name = at.inode.isDirectory ? at.inode.name : at.name;
  if (dir === undefined) return name;
  const above = vfs.pathOf({ mount: at.mount, inode: dir, name: dir.name }, root, caller) ?? "";
  return (above === "/" ? "" : above) + "/" + name + " (deleted)";
}

/** The path of an open file as /proc/self/fd shows it: `/a/b`, `/a/b (deleted)`, `pipe:[7]`, `anon_inode:[eventfd]`. */
export function pathText(caller: Caller, file: OpenFile): Name {
  return file.location === undefined ? file.inode.name : locationText(caller, file.location);
}

/** statfs(2). */
export function statfs(at: Location): StatFs | Errno {
  return at.mount.fs.statfs();
}
