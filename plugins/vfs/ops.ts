/** The operations of system calls on paths and places. In work: signatures first. */
import { ENOSYS, type Errno } from "@guise/core";
import type { Caller, Location } from "./context.ts";
import type { OpenFile } from "./file.ts";
import type { AttrChange, Inode, StatFs } from "./inode.ts";
import type { Name } from "./names.ts";
import type { FileTable } from "./table.ts";
import type { Time } from "./time.ts";

/** What stat(2) tells of an inode: read the fields off the inode itself after this brought them up to date. */
export function getattr(inode: Inode): 0 | Errno {
  return inode.refresh();
}
/** The start of a walk for a dirfd: undefined for AT_FDCWD (-100) and absolute paths; EBADF; ENOTDIR comes from the walk. */
export function startOf(_files: FileTable, _dirfd: number, _path: Name): Location | undefined | Errno {
  return ENOSYS;
}
/** openat(2): `flags` with O_CREAT and so on; `mode` is masked here. The result has one reference. A FIFO may still be {@link OpenFile.opening}. */
export function openAt(
  _caller: Caller,
  _start: Location | undefined,
  _path: Name,
  _flags: number,
  _mode = 0,
): OpenFile | Errno {
  return ENOSYS;
}
/** Opens a place that was found before (execve, /proc/self/fd), with permission checks. */
export function openLocation(_caller: Caller, _at: Location, _flags: number): OpenFile | Errno {
  return ENOSYS;
}
/** mkdirat(2). */
export function mkdirAt(
  _caller: Caller,
  _start: Location | undefined,
  _path: Name,
  _mode: number,
): 0 | Errno {
  return ENOSYS;
}
/** mknodat(2): type bits in `mode` (none: a regular file). */
export function mknodAt(
  _caller: Caller,
  _start: Location | undefined,
  _path: Name,
  _mode: number,
  _rdev = 0,
): Location | Errno {
  return ENOSYS;
}
/** unlinkat(2); `directory`: AT_REMOVEDIR. */
export function unlinkAt(
  _caller: Caller,
  _start: Location | undefined,
  _path: Name,
  _directory: boolean,
): 0 | Errno {
  return ENOSYS;
}
/** renameat2(2). */
export function renameAt(
  _caller: Caller,
  _fromStart: Location | undefined,
  _from: Name,
  _toStart: Location | undefined,
  _to: Name,
  _flags = 0,
): 0 | Errno {
  return ENOSYS;
}
/** linkat(2); `walkFlags` for the existing file: NO_FOLLOW unless AT_SYMLINK_FOLLOW, EMPTY_PATH for AT_EMPTY_PATH. */
export function linkAt(
  _caller: Caller,
  _fromStart: Location | undefined,
  _from: Name,
  _toStart: Location | undefined,
  _to: Name,
  _walkFlags: number,
): 0 | Errno {
  return ENOSYS;
}
/** symlinkat(2). */
export function symlinkAt(
  _caller: Caller,
  _target: Name,
  _start: Location | undefined,
  _path: Name,
): 0 | Errno {
  return ENOSYS;
}
/** readlink(2) of a place. EINVAL when it is no link. */
export function readlink(_caller: Caller, _at: Location): Name | Errno {
  return ENOSYS;
}
/** access(2) for these credentials (R_OK | W_OK | X_OK; 0: exists). Give `caller` real ids for access without AT_EACCESS. */
export function access(_caller: Caller, _at: Location, _want: number): 0 | Errno {
  return ENOSYS;
}
/** chmod(2) of a place. */
export function chmod(_caller: Caller, _at: Location, _mode: number): 0 | Errno {
  return ENOSYS;
}
/** chown(2) of a place; -1 (or 0xffffffff) leaves an id. */
export function chown(_caller: Caller, _at: Location, _uid: number, _gid: number): 0 | Errno {
  return ENOSYS;
}
/** What utimensat sets: a time, "now" or "omit". */
export type TimeChange = Time | "now" | "omit";
/** utimensat(2) of a place. */
export function utimes(_caller: Caller, _at: Location, _atime: TimeChange, _mtime: TimeChange): 0 | Errno {
  return ENOSYS;
}
/** truncate(2) of a place. */
export function truncate(_caller: Caller, _at: Location, _size: number): 0 | Errno {
  return ENOSYS;
}
/** chdir(2): the place must be a directory that may be searched. */
export function chdir(_caller: Caller, _at: Location): 0 | Errno {
  return ENOSYS;
}
/** chroot(2). */
export function chroot(_caller: Caller, _at: Location): 0 | Errno {
  return ENOSYS;
}
/** getcwd(2): the path, "(unreachable)/…" outside the root, ENOENT when it was removed. */
export function getcwd(_caller: Caller): Name | Errno {
  return ENOSYS;
}
/** The path of an open file as /proc/self/fd shows it: `/a/b`, `/a/b (deleted)`, `pipe:[7]`. */
export function pathText(_caller: Caller, _file: OpenFile): Name {
  return "";
}
/** statfs(2). */
export function statfs(_at: Location): StatFs | Errno {
  return ENOSYS;
}
export type { AttrChange };
