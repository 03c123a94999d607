/** Opening and closing: open, openat, creat, close, close_range, memfd_create, and where paths start. */
import {
  EINVAL,
  ERESTARTSYS,
  type Errno,
  type Outcome,
  type Syscall,
  syscall,
  type Task,
  wait,
} from "@guise/core";
import {
  filesKey,
  type Location,
  type Name,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_LARGEFILE,
  O_NOFOLLOW,
  O_PATH,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  openAt,
  type OpenFile,
  startOf,
  walk,
} from "@guise/vfs/key";
import { CLOSE_RANGE } from "../args/names.ts";
import { openHow } from "../args/open.ts";
import { AT_FDCWD, dirfd, path } from "../args/path.ts";
import { fdNumber } from "../args/fd.ts";
import { flagWord, mode, unsignedInt } from "../args/scalar.ts";
import { callerOf, tableOf } from "../files.ts";
import type { Rows } from "../rows.ts";

/** The place of a path that starts at `dirfd`; `flags` are walk's. */
export function locate(task: Task, dirfd: number, path: Name, flags: number): Location | Errno {
  const start = startOf(tableOf(task), dirfd, path);
  if (typeof start === "number") return start;
  return walk(callerOf(task), start, path, flags);
}

const TMPFILE_ONLY = 0o20000000;

/** All flags that open knows; others are ignored. */
const KNOWN = 0o37777703;

/** The flags that count, or EINVAL (build_open_flags of Linux). */
function checkedFlags(given: number): number | Errno {
  const flags = given & KNOWN;
  if (flags & O_PATH) return flags & (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (flags & TMPFILE_ONLY) {
    if ((flags & O_TMPFILE) !== O_TMPFILE) return EINVAL;
    if (flags & O_CREAT || (flags & 3) === 0) return EINVAL;
  } else if ((flags & (O_CREAT | O_DIRECTORY)) === (O_CREAT | O_DIRECTORY)) return EINVAL;
  // 64-bit programs always have it (force_o_largefile).
  return flags | O_LARGEFILE;
}

/** Opens and takes a descriptor; a FIFO without its other end is waited for. */
function openPath(task: Task, dirfd: number, path: Name, flags: number, mode: number): Outcome {
  const checked = checkedFlags(flags);
  if (checked < 0) return checked;
  const table = tableOf(task);
  const free = table.free();
  if (free < 0) return free;
  const start = startOf(table, dirfd, path);
  if (typeof start === "number") return start;
  const file = openAt(callerOf(task), start, path, checked, mode);
  if (typeof file === "number") return file;
  return finish(task, file, (checked & O_CLOEXEC) !== 0);
}

function finish(task: Task, file: OpenFile, cloexec: boolean): Outcome {
  const queue = file.opening;
  if (queue !== undefined) {
    return wait([queue], Infinity, (again, reason) => {
      if (reason !== "signal") return finish(again, file, cloexec);
      file.unref();
      return ERESTARTSYS;
    });
  }
  return install(task, file, cloexec);
}

/** Gives an open file a descriptor, or lets it go when there is none left. */
export function install(task: Task, file: OpenFile, cloexec: boolean): number | Errno {
  const fd = tableOf(task).add(file, cloexec);
  if (fd < 0) file.unref();
  return fd;
}

export const open: Syscall = syscall({
  name: "open",
  doc: "Opens a file, perhaps making it.",
  args: { path, how: openHow },
  run: (task, { path, how }) => openPath(task, AT_FDCWD, path, how.flags, how.mode),
});

export const openat: Syscall = syscall({
  name: "openat",
  doc: "Opens a file relative to a directory.",
  args: { dirfd, path, how: openHow },
  run: (task, { dirfd, path, how }) => openPath(task, dirfd, path, how.flags, how.mode),
});

export const creat: Syscall = syscall({
  name: "creat",
  doc: "Makes or truncates a file and opens it for writing.",
  args: { path, mode },
  run: (task, { path, mode }) => openPath(task, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode & 0o7777),
});

export const close: Syscall = syscall({
  name: "close",
  doc: "Closes a descriptor.",
  args: { fd: fdNumber },
  run: (task, { fd }) => tableOf(task).close(fd),
});

const CLOSE_RANGE_UNSHARE = 2, CLOSE_RANGE_CLOEXEC = 4;

export const closeRange: Syscall = syscall({
  name: "close_range",
  doc: "Closes a range of descriptors, or marks it close-on-exec.",
  args: { first: unsignedInt, last: unsignedInt, flags: flagWord(CLOSE_RANGE, "CLOSE_RANGE_???") },
  run: (task, { first, last, flags }) => {
    if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) return EINVAL;
    if (first > last) return EINVAL;
    if (flags & CLOSE_RANGE_UNSHARE) unshareFiles(task);
    tableOf(task).closeRange(first, last, (flags & CLOSE_RANGE_CLOEXEC) !== 0);
    return 0;
  },
});

/** A descriptor table of the task's own (CLOSE_RANGE_UNSHARE, unshare, execve). */
export function unshareFiles(task: Task): void {
  const table = tableOf(task);
  if (!table.shared) return;
  task.data.set(filesKey, table.copy());
  table.drop();
}

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[2, null], open],
  [[257, 56], openat],
  [[85, null], creat],
  [[3, 57], close],
  [[436, 436], closeRange],
];
