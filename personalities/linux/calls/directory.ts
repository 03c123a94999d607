/** Directories: reading them, where one is in them, making and removing them. */
import {
  type ArgType,
  EFAULT,
  EINVAL,
  ENAMETOOLONG,
  ENOTDIR,
  ERANGE,
  type Errno,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
} from "@guise/core";
import {
  bytesOfName,
  chdir as chdirTo,
  chroot as chrootTo,
  DIRECTORY,
  getcwd as getcwdOf,
  mkdirAt,
  type Name,
  type OpenFile,
  startOf,
  unlinkAt,
} from "@guise/vfs/key";
import type { Span } from "../args/buffer.ts";
import { direntBuffer, direntRoom, DirentWriter } from "../args/dirent.ts";
import { anyFd, fd } from "../args/fd.ts";
import { AT_FDCWD, dirfd, path } from "../args/path.ts";
import { mode } from "../args/scalar.ts";
import { pointer, quote } from "../args/text.ts";
import { callerOf, tableOf } from "../files.ts";
import type { Rows } from "../rows.ts";
import { locate } from "./open.ts";

function readEntries(task: Task, file: OpenFile, buffer: Span, old: boolean): number | Errno {
  if (!file.inode.isDirectory) return ENOTDIR;
  const room = direntRoom(task, buffer);
  const writer = new DirentWriter(task.space.bytes(buffer.address, room), old);
  let met = false;
  const result = file.readdir((name, ino, type, next) => {
    met = true;
    return writer.add(name, ino, type, next);
  }, callerOf(task));
  if (result < 0) return result;
  if (writer.used > 0 || !met) return writer.used;
  return room < Math.min(buffer.length, 280) ? EFAULT : EINVAL;
}

export const getdents64: Syscall = syscall({
  name: "getdents64",
  doc: "The next entries of a directory.",
  args: { file: fd, buffer: direntBuffer },
  run: (task, { file, buffer }) => readEntries(task, file, buffer, false),
});

export const getdents: Syscall = syscall({
  name: "getdents",
  doc: "The next entries of a directory, in the older format.",
  args: { file: fd, buffer: direntBuffer },
  run: (task, { file, buffer }) => readEntries(task, file, buffer, true),
});

interface Room {
  address: number;
  size: number;
}

/** getcwd's buffer: the trace shows the path without its NUL. */
const cwdBuffer: ArgType<Room> = {
  label: "char *buf, unsigned long size",
  slots: 2,
  direction: "out",
  compile(abi: RowAbi, slot: number) {
    const start = abi.registers[slot], size = abi.registers[slot + 1];
    const room: Room = { address: 0, size: 0 };
    return (task) => {
      room.address = task.frame.num(start);
      room.size = task.frame.num(size);
      return room;
    };
  },
  format(abi: RowAbi, slot: number) {
    const start = abi.registers[slot], size = abi.registers[slot + 1];
    return (task, result) => {
      const at = task.frame.num(start), length = task.frame.num(size);
      const bytes = result === undefined || result <= 0 ? undefined : task.space.read(at, result - 1);
      return `${bytes === undefined ? pointer(at) : quote(bytes)}, ${length}`;
    };
  },
};

export const getcwd: Syscall = syscall({
  name: "getcwd",
  doc: "The path of the working directory; the result counts its NUL.",
  args: { room: cwdBuffer },
  run: (task, { room }) => {
    const cwd = getcwdOf(callerOf(task));
    if (typeof cwd === "number") return cwd;
    if (cwd.length >= 4096) return ENAMETOOLONG;
    if (cwd.length + 1 > room.size) return ERANGE;
    return task.space.write(room.address, bytesOfName(cwd + "\0")) ? cwd.length + 1 : EFAULT;
  },
});

export const chdir: Syscall = syscall({
  name: "chdir",
  doc: "Changes the working directory.",
  args: { path },
  run: (task, { path }) => {
    const at = locate(task, AT_FDCWD, path, DIRECTORY);
    return typeof at === "number" ? at : chdirTo(callerOf(task), at);
  },
});

export const fchdir: Syscall = syscall({
  name: "fchdir",
  doc: "Changes the working directory to an open one.",
  args: { file: anyFd },
  run: (task, { file }) => file.location === undefined ? ENOTDIR : chdirTo(callerOf(task), file.location),
});

export const chroot: Syscall = syscall({
  name: "chroot",
  doc: "Changes the root directory.",
  args: { path },
  run: (task, { path }) => {
    const at = locate(task, AT_FDCWD, path, DIRECTORY);
    return typeof at === "number" ? at : chrootTo(callerOf(task), at);
  },
});

function makeDirectory(task: Task, dirfd: number, path: Name, mode: number): number | Errno {
  const start = startOf(tableOf(task), dirfd, path);
  return typeof start === "number" ? start : mkdirAt(callerOf(task), start, path, mode & 0o1777);
}

export const mkdir: Syscall = syscall({
  name: "mkdir",
  doc: "Makes a directory.",
  args: { path, mode },
  run: (task, { path, mode }) => makeDirectory(task, AT_FDCWD, path, mode),
});

export const mkdirat: Syscall = syscall({
  name: "mkdirat",
  doc: "Makes a directory relative to another.",
  args: { dirfd, path, mode },
  run: (task, { dirfd, path, mode }) => makeDirectory(task, dirfd, path, mode),
});

export const rmdir: Syscall = syscall({
  name: "rmdir",
  doc: "Removes an empty directory.",
  args: { path },
  run: (task, { path }) => unlinkAt(callerOf(task), undefined, path, true),
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[217, 61], getdents64],
  [[78, null], getdents],
  [[79, 17], getcwd],
  [[80, 49], chdir],
  [[81, 50], fchdir],
  [[161, 51], chroot],
  [[83, null], mkdir],
  [[258, 34], mkdirat],
  [[84, null], rmdir],
];
