/** Names: unlink, rename, link, symlink, readlink, mknod. */
import {
  type ArgType,
  EFAULT,
  EINVAL,
  ENOENT,
  EPERM,
  type Errno,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
} from "@guise/core";
import {
  bytesOfName,
  EMPTY_PATH,
  linkAt,
  type Location,
  majorOf,
  minorOf,
  mknodAt,
  type Name,
  NO_FOLLOW,
  readlink as readlinkOf,
  renameAt,
  startOf,
  symlinkAt,
  unlinkAt,
} from "@guise/vfs/key";
import { outBuffer, type Span } from "../args/buffer.ts";
import { AT_FLAGS, RENAME_FLAGS } from "../args/names.ts";
import { AT_FDCWD, dirfd, path, pathOrEmpty } from "../args/path.ts";
import { flagWord } from "../args/scalar.ts";
import { device, fileMode } from "../args/text.ts";
import { callerOf, tableOf } from "../files.ts";
import type { Rows } from "../rows.ts";
import { locate } from "./open.ts";
import { AT_EMPTY_PATH, AT_SYMLINK_FOLLOW } from "./stat.ts";

/** Where a path starts. */
function start(task: Task, dirfd: number, path: Name): Location | undefined | Errno {
  return startOf(tableOf(task), dirfd, path);
}

const AT_REMOVEDIR = 0x200;

export const unlink: Syscall = syscall({
  name: "unlink",
  doc: "Removes a name; the file goes with its last name and last open descriptor.",
  args: { path },
  run: (task, { path }) => unlinkAt(callerOf(task), undefined, path, false),
});

export const unlinkat: Syscall = syscall({
  name: "unlinkat",
  doc: "Removes a name relative to a directory; an empty directory with AT_REMOVEDIR.",
  args: { dirfd, path, flags: flagWord(AT_FLAGS, "AT_???") },
  run: (task, { dirfd, path, flags }) => {
    if (flags & ~AT_REMOVEDIR) return EINVAL;
    const from = start(task, dirfd, path);
    return typeof from === "number" ? from : unlinkAt(callerOf(task), from, path, flags !== 0);
  },
});

const RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2, RENAME_WHITEOUT = 4;

function move(task: Task, fromFd: number, from: Name, toFd: number, to: Name, flags: number): number | Errno {
  if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) return EINVAL;
  if (flags & RENAME_EXCHANGE && flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) return EINVAL;
  if (flags & RENAME_WHITEOUT) return EINVAL;
  const fromStart = start(task, fromFd, from);
  if (typeof fromStart === "number") return fromStart;
  const toStart = start(task, toFd, to);
  if (typeof toStart === "number") return toStart;
  return renameAt(callerOf(task), fromStart, from, toStart, to, flags);
}

export const rename: Syscall = syscall({
  name: "rename",
  doc: "Gives a file another name, replacing what has that name.",
  args: { from: path, to: path },
  run: (task, { from, to }) => move(task, AT_FDCWD, from, AT_FDCWD, to, 0),
});

export const renameat: Syscall = syscall({
  name: "renameat",
  doc: "rename relative to directories.",
  args: { fromDir: dirfd, from: path, toDir: dirfd, to: path },
  run: (task, { fromDir, from, toDir, to }) => move(task, fromDir, from, toDir, to, 0),
});

export const renameat2: Syscall = syscall({
  name: "renameat2",
  doc: "rename relative to directories, with RENAME_NOREPLACE or RENAME_EXCHANGE; RENAME_WHITEOUT is EINVAL.",
  args: { fromDir: dirfd, from: path, toDir: dirfd, to: path, flags: flagWord(RENAME_FLAGS, "RENAME_???") },
  run: (task, { fromDir, from, toDir, to, flags }) => move(task, fromDir, from, toDir, to, flags),
});

function addName(
  task: Task,
  fromFd: number,
  from: Name,
  toFd: number,
  to: Name,
  flags: number,
): number | Errno {
  if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) return EINVAL;
  if (from === "" && (flags & AT_EMPTY_PATH) === 0) return ENOENT;
  const fromStart = start(task, fromFd, from);
  if (typeof fromStart === "number") return fromStart;
  const toStart = start(task, toFd, to);
  if (typeof toStart === "number") return toStart;
  const walk = (flags & AT_SYMLINK_FOLLOW ? 0 : NO_FOLLOW) | (flags & AT_EMPTY_PATH ? EMPTY_PATH : 0);
  return linkAt(callerOf(task), fromStart, from, toStart, to, walk);
}

export const link: Syscall = syscall({
  name: "link",
  doc: "Gives a file one more name.",
  args: { from: path, to: path },
  run: (task, { from, to }) => addName(task, AT_FDCWD, from, AT_FDCWD, to, 0),
});

export const linkat: Syscall = syscall({
  name: "linkat",
  doc: "link relative to directories; of the descriptor itself with AT_EMPTY_PATH.",
  args: { fromDir: dirfd, from: pathOrEmpty, toDir: dirfd, to: path, flags: flagWord(AT_FLAGS, "AT_???") },
  run: (task, { fromDir, from, toDir, to, flags }) => addName(task, fromDir, from, toDir, to, flags),
});

export const symlink: Syscall = syscall({
  name: "symlink",
  doc: "Makes a symbolic link.",
  args: { target: path, path },
  run: (task, { target, path }) => symlinkAt(callerOf(task), target, undefined, path),
});

export const symlinkat: Syscall = syscall({
  name: "symlinkat",
  doc: "Makes a symbolic link relative to a directory.",
  args: { target: path, dirfd, path },
  run: (task, { target, dirfd, path }) => {
    const from = start(task, dirfd, path);
    return typeof from === "number" ? from : symlinkAt(callerOf(task), target, from, path);
  },
});

function target(task: Task, dirfd: number, path: Name, buffer: Span): number | Errno {
  if (buffer.asked <= 0) return EINVAL;
  const at = locate(task, dirfd, path, NO_FOLLOW | EMPTY_PATH);
  if (typeof at === "number") return at;
  // An empty path means the link that was opened with O_PATH|O_NOFOLLOW; anything else there is ENOENT.
  if (path === "" && !at.inode.isSymlink) return ENOENT;
  const text = readlinkOf(callerOf(task), at);
  if (typeof text === "number") return text;
  const bytes = bytesOfName(text.slice(0, buffer.length));
  return task.space.write(buffer.address, bytes) ? bytes.length : EFAULT;
}

export const readlink: Syscall = syscall({
  name: "readlink",
  doc: "The target of a symbolic link, cut at the buffer's end, without a NUL.",
  args: { path, buffer: outBuffer },
  run: (task, { path, buffer }) => target(task, AT_FDCWD, path, buffer),
});

export const readlinkat: Syscall = syscall({
  name: "readlinkat",
  doc: "readlink relative to a directory, or of the descriptor itself when the path is empty.",
  args: { dirfd, path: pathOrEmpty, buffer: outBuffer },
  run: (task, { dirfd, path, buffer }) => target(task, dirfd, path, buffer),
});

interface NodeKind {
  mode: number;
  device: number;
}

/** Mode and device number; the latter is printed for devices only. */
const nodeKind: ArgType<NodeKind> = {
  label: "mode_t mode, dev_t dev",
  slots: 2,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const mode = abi.registers[slot], dev = abi.registers[slot + 1];
    const kind: NodeKind = { mode: 0, device: 0 };
    return (task) => {
      kind.mode = task.frame.lo(mode) & 0xffff;
      kind.device = task.frame.lo(dev) >>> 0;
      return kind;
    };
  },
  format(abi: RowAbi, slot: number) {
    const mode = abi.registers[slot], dev = abi.registers[slot + 1];
    return (task) => {
      const m = task.frame.lo(mode) & 0xffff, d = task.frame.lo(dev) >>> 0;
      const type = m & 0o170000;
      const withDevice = type === 0o020000 || type === 0o060000;
      return fileMode(m) + (withDevice ? `, ${device(majorOf(d), minorOf(d))}` : "");
    };
  },
};

function makeNode(task: Task, dirfd: number, path: Name, kind: NodeKind): number | Errno {
  const type = kind.mode & 0o170000;
  if (type === 0o040000) return EPERM;
  if (type === 0o120000 || ![0, 0o100000, 0o020000, 0o060000, 0o010000, 0o140000].includes(type)) {
    return EINVAL;
  }
  const from = start(task, dirfd, path);
  if (typeof from === "number") return from;
  const made = mknodAt(callerOf(task), from, path, kind.mode, kind.device);
  return typeof made === "number" ? made : 0;
}

export const mknod: Syscall = syscall({
  name: "mknod",
  doc: "Makes a file, FIFO, socket or device node.",
  args: { path, kind: nodeKind },
  run: (task, { path, kind }) => makeNode(task, AT_FDCWD, path, kind),
});

export const mknodat: Syscall = syscall({
  name: "mknodat",
  doc: "mknod relative to a directory.",
  args: { dirfd, path, kind: nodeKind },
  run: (task, { dirfd, path, kind }) => makeNode(task, dirfd, path, kind),
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[87, null], unlink],
  [[263, 35], unlinkat],
  [[82, null], rename],
  [[264, 38], renameat],
  [[316, 276], renameat2],
  [[86, null], link],
  [[265, 37], linkat],
  [[88, null], symlink],
  [[266, 36], symlinkat],
  [[89, null], readlink],
  [[267, 78], readlinkat],
  [[133, null], mknod],
  [[259, 33], mknodat],
];
