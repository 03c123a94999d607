/** Changing what a file is to others: mode, owner, times, and the umask that new files get. */
import { EBADF, EFAULT, EINVAL, ENOENT, type Errno, type Syscall, syscall, type Task } from "@guise/core";
import {
  chmod as chmodOf,
  chown as chownOf,
  type Location,
  type Name,
  NO_FOLLOW,
  type OpenFile,
  utimes as utimesOf,
} from "@guise/vfs/key";
import { fd } from "../args/fd.ts";
import { AT_FLAGS } from "../args/names.ts";
import { AT_FDCWD, dirfd, optionalPath, path, pathOrEmpty } from "../args/path.ts";
import { flagWord, id, mode } from "../args/scalar.ts";
import { octal } from "../args/text.ts";
import { type TimePair, timespecPair, timevalPair, utimbuf } from "../args/times.ts";
import { anyFile, callerOf, fsKey } from "../files.ts";
import type { Rows } from "../rows.ts";
import { locate } from "./open.ts";
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW, walkFlags } from "./stat.ts";

/** The place of an open file, also of one that never had a name. */
function placeOf(task: Task, file: OpenFile): Location {
  return file.location ?? { mount: task.data.get(fsKey).root.mount, inode: file.inode, name: "" };
}

/** The place that a directory, path and AT_ flags name; with an empty path it may be any descriptor's. */
function placeAt(task: Task, dirfd: number, path: Name, flags: number): Location | Errno {
  if (path === "" && dirfd !== AT_FDCWD) {
    if ((flags & AT_EMPTY_PATH) === 0) return ENOENT;
    const file = anyFile(task, dirfd);
    return typeof file === "number" ? file : placeOf(task, file);
  }
  return locate(task, dirfd, path, walkFlags(flags));
}

function changeMode(task: Task, at: Location | Errno, mode: number): number | Errno {
  return typeof at === "number" ? at : chmodOf(callerOf(task), at, mode & 0o7777);
}

export const chmod: Syscall = syscall({
  name: "chmod",
  doc: "Changes a file's permissions.",
  args: { path, mode },
  run: (task, { path, mode }) => changeMode(task, locate(task, AT_FDCWD, path, 0), mode),
});

export const fchmod: Syscall = syscall({
  name: "fchmod",
  doc: "Changes an open file's permissions.",
  args: { file: fd, mode },
  run: (task, { file, mode }) => changeMode(task, placeOf(task, file), mode),
});

export const fchmodat: Syscall = syscall({
  name: "fchmodat",
  doc: "chmod relative to a directory.",
  args: { dirfd, path, mode },
  run: (task, { dirfd, path, mode }) => changeMode(task, locate(task, dirfd, path, 0), mode),
});

export const fchmodat2: Syscall = syscall({
  name: "fchmodat2",
  doc: "chmod relative to a directory, with flags.",
  args: { dirfd, path: pathOrEmpty, mode, flags: flagWord(AT_FLAGS, "AT_???") },
  run: (task, { dirfd, path, mode, flags }) =>
    flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)
      ? EINVAL
      : changeMode(task, placeAt(task, dirfd, path, flags), mode),
});

function changeOwner(task: Task, at: Location | Errno, owner: number, group: number): number | Errno {
  return typeof at === "number" ? at : chownOf(callerOf(task), at, owner, group);
}

export const chown: Syscall = syscall({
  name: "chown",
  doc: "Changes a file's owner and group.",
  args: { path, owner: id, group: id },
  run: (task, { path, owner, group }) => changeOwner(task, locate(task, AT_FDCWD, path, 0), owner, group),
});

export const lchown: Syscall = syscall({
  name: "lchown",
  doc: "chown of a symbolic link itself.",
  args: { path, owner: id, group: id },
  run: (task, { path, owner, group }) =>
    changeOwner(task, locate(task, AT_FDCWD, path, NO_FOLLOW), owner, group),
});

export const fchown: Syscall = syscall({
  name: "fchown",
  doc: "Changes an open file's owner and group.",
  args: { file: fd, owner: id, group: id },
  run: (task, { file, owner, group }) => changeOwner(task, placeOf(task, file), owner, group),
});

export const fchownat: Syscall = syscall({
  name: "fchownat",
  doc: "chown relative to a directory, with flags.",
  args: { dirfd, path: pathOrEmpty, owner: id, group: id, flags: flagWord(AT_FLAGS, "AT_???") },
  run: (task, { dirfd, path, owner, group, flags }) =>
    flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)
      ? EINVAL
      : changeOwner(task, placeAt(task, dirfd, path, flags), owner, group),
});

export const umask: Syscall = syscall({
  name: "umask",
  doc: "Sets the permission bits that new files do not get; the result is the old mask.",
  args: { mode },
  result: (_task, result) => octal(result),
  run: (task, { mode }) => {
    const fs = task.data.get(fsKey);
    const old = fs.umask;
    fs.umask = mode & 0o777;
    return old;
  },
});

function setTimes(task: Task, at: Location | Errno, times: TimePair): number | Errno {
  if (times.atime === "omit" && times.mtime === "omit") return 0;
  return typeof at === "number" ? at : utimesOf(callerOf(task), at, times.atime, times.mtime);
}

export const utimensat: Syscall = syscall({
  name: "utimensat",
  doc: "Sets access and modification time, in ns; NULL path: of the descriptor.",
  args: { dirfd, path: optionalPath, times: timespecPair, flags: flagWord(AT_FLAGS, "AT_???") },
  run: (task, { dirfd, path, times, flags }) => {
    if (times.atime === "omit" && times.mtime === "omit") return 0;
    if (path === undefined) {
      if (flags !== 0) return EINVAL;
      if (dirfd === AT_FDCWD) return EFAULT;
      const file = anyFile(task, dirfd);
      if (typeof file === "number") return file;
      return (file.flags & 0o10000000) !== 0 ? EBADF : setTimes(task, placeOf(task, file), times);
    }
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return EINVAL;
    return setTimes(task, placeAt(task, dirfd, path, flags), times);
  },
});

export const utime: Syscall = syscall({
  name: "utime",
  doc: "Sets access and modification time, in seconds.",
  args: { path, times: utimbuf },
  run: (task, { path, times }) => setTimes(task, locate(task, AT_FDCWD, path, 0), times),
});

export const utimes: Syscall = syscall({
  name: "utimes",
  doc: "Sets access and modification time, in microseconds.",
  args: { path, times: timevalPair },
  run: (task, { path, times }) => setTimes(task, locate(task, AT_FDCWD, path, 0), times),
});

export const futimesat: Syscall = syscall({
  name: "futimesat",
  doc: "utimes relative to a directory.",
  args: { dirfd, path: optionalPath, times: timevalPair },
  run: (task, { dirfd, path, times }) => {
    if (path !== undefined) return setTimes(task, locate(task, dirfd, path, 0), times);
    const file = anyFile(task, dirfd);
    return typeof file === "number" ? file : setTimes(task, placeOf(task, file), times);
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[90, null], chmod],
  [[91, 52], fchmod],
  [[268, 53], fchmodat],
  [[452, 452], fchmodat2],
  [[92, null], chown],
  [[93, 55], fchown],
  [[94, null], lchown],
  [[260, 54], fchownat],
  [[95, 166], umask],
  [[280, 88], utimensat],
  [[132, null], utime],
  [[235, null], utimes],
  [[261, null], futimesat],
];
