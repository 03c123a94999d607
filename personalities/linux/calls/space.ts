/** The size of files and the safety of their bytes: truncate, fallocate, fsync and relatives, and advice. */
import {
  EBADF,
  EFBIG,
  EINVAL,
  EISDIR,
  ENODEV,
  EOPNOTSUPP,
  type Errno,
  ESPIPE,
  type Syscall,
  syscall,
  type Task,
} from "@guise/core";
import { type OpenFile, S_IFDIR, S_IFIFO, S_IFMT, truncate as truncateOf } from "@guise/vfs/key";
import { fd } from "../args/fd.ts";
import { FADVISE, FALLOCATE, SYNC_RANGE } from "../args/names.ts";
import { AT_FDCWD, path } from "../args/path.ts";
import { flagWord, offset, oneOf, size } from "../args/scalar.ts";
import { callerOf, vfsOf } from "../files.ts";
import { limit, RLIMIT_FSIZE } from "../limits.ts";
import type { Rows } from "../rows.ts";
import { SIGXFSZ } from "../signals/numbers.ts";
import { sendSignal } from "../signals/send.ts";
import { locate } from "./open.ts";

/** EFBIG with SIGXFSZ when a file may not become that long. */
function mayGrow(task: Task, before: number, after: number): 0 | Errno {
  if (after <= before || after <= limit(task, RLIMIT_FSIZE)) return 0;
  sendSignal(task, SIGXFSZ);
  return EFBIG;
}

export const truncate: Syscall = syscall({
  name: "truncate",
  doc: "Sets a file's size.",
  args: { path, length: offset },
  run: (task, { path, length }) => {
    if (length < 0) return EINVAL;
    const at = locate(task, AT_FDCWD, path, 0);
    if (typeof at === "number") return at;
    if (at.inode.isDirectory) return EISDIR;
    if (!at.inode.isRegular) return EINVAL;
    const grow = mayGrow(task, at.inode.size, length);
    return grow < 0 ? grow : truncateOf(callerOf(task), at, length);
  },
});

export const ftruncate: Syscall = syscall({
  name: "ftruncate",
  doc: "Sets an open file's size.",
  args: { file: fd, length: offset },
  run: (task, { file, length }) => {
    if (length < 0 || !file.writable || !file.inode.isRegular) return EINVAL;
    const grow = mayGrow(task, file.inode.size, length);
    return grow < 0 ? grow : file.truncate(length);
  },
});

const KEEP_SIZE = 1, PUNCH_HOLE = 2, ZERO_RANGE = 16;

function allocate(task: Task, file: OpenFile, mode: number, offset: number, length: number): number | Errno {
  if (offset < 0 || length <= 0) return EINVAL;
  if (mode & ~(KEEP_SIZE | PUNCH_HOLE | ZERO_RANGE)) return EOPNOTSUPP;
  if ((mode & (PUNCH_HOLE | ZERO_RANGE)) === (PUNCH_HOLE | ZERO_RANGE)) return EOPNOTSUPP;
  if (mode & PUNCH_HOLE && (mode & KEEP_SIZE) === 0) return EOPNOTSUPP;
  if (!file.writable) return EBADF;
  const type = file.inode.mode & S_IFMT;
  if (type === S_IFIFO) return ESPIPE;
  if (type === S_IFDIR) return EISDIR;
  if (!file.inode.isRegular) return ENODEV;
  if (offset + length > Number.MAX_SAFE_INTEGER) return EFBIG;
  if ((mode & KEEP_SIZE) === 0) {
    const grow = mayGrow(task, file.inode.size, offset + length);
    if (grow < 0) return grow;
  }
  return file.allocate(mode, offset, length);
}

export const fallocate: Syscall = syscall({
  name: "fallocate",
  doc: "Reserves, punches out or zeroes a range of a file.",
  args: { file: fd, mode: flagWord(FALLOCATE, "FALLOC_FL_???"), offset, length: offset },
  run: (task, { file, mode, offset, length }) => allocate(task, file, mode, offset, length),
});

function syncFile(file: OpenFile, dataOnly: boolean): number | Errno {
  return file.sync(dataOnly);
}

export const fsync: Syscall = syscall({
  name: "fsync",
  doc: "Makes a file's bytes and attributes durable.",
  args: { file: fd },
  run: (_task, { file }) => syncFile(file, false),
});

export const fdatasync: Syscall = syscall({
  name: "fdatasync",
  doc: "Makes a file's bytes durable.",
  args: { file: fd },
  run: (_task, { file }) => syncFile(file, true),
});

export const sync: Syscall = syscall({
  name: "sync",
  doc: "Makes all files durable.",
  args: {},
  run: (task) => {
    for (const mount of vfsOf(task).mounts) mount.fs.sync?.();
    return 0;
  },
});

export const syncfs: Syscall = syscall({
  name: "syncfs",
  doc: "Makes the files of one file system durable.",
  args: { file: fd },
  run: (_task, { file }) => file.inode.fs.sync?.() ?? 0,
});

export const syncFileRange: Syscall = syscall({
  name: "sync_file_range",
  doc: "Starts or awaits writing of a range.",
  args: { file: fd, offset, length: offset, flags: flagWord(SYNC_RANGE, "SYNC_FILE_RANGE_???") },
  run: (_task, { file, offset, length, flags }) => {
    if (flags & ~7 || offset < 0 || offset + length < offset) return EINVAL;
    const type = file.inode.mode & S_IFMT;
    if (type === S_IFIFO || type === 0o020000 || type === 0o140000) return ESPIPE;
    return flags === 0 || !file.writable ? 0 : file.sync(true);
  },
});

export const fadvise64: Syscall = syscall({
  name: "fadvise64",
  doc: "Tells how a file will be read; has no effect.",
  args: { file: fd, offset, length: size, advice: oneOf(FADVISE, "POSIX_FADV_???") },
  run: (_task, { file, advice }) => {
    if ((file.inode.mode & S_IFMT) === S_IFIFO) return ESPIPE;
    return advice < 0 || advice > 5 ? EINVAL : 0;
  },
});

export const readahead: Syscall = syscall({
  name: "readahead",
  doc: "Reads a file into the page cache; has no effect.",
  args: { file: fd, offset, count: size },
  run: (_task, { file }) => {
    if (!file.readable) return EBADF;
    return file.inode.isRegular ? 0 : EINVAL;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[76, 45], truncate],
  [[77, 46], ftruncate],
  [[285, 47], fallocate],
  [[74, 82], fsync],
  [[75, 83], fdatasync],
  [[162, 81], sync],
  [[306, 267], syncfs],
  [[277, 84], syncFileRange],
  [[221, 223], fadvise64],
  [[187, 213], readahead],
];
