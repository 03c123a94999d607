/** The stat family, access and statfs: what a file is, and what one may do with it. */
import { EINVAL, ENOENT, type Errno, type Syscall, syscall, type Task } from "@guise/core";
import {
  access as accessOf,
  EMPTY_PATH,
  getattr,
  type Location,
  type Mount,
  type Name,
  NO_FOLLOW,
  startOf,
  statfs as statfsOf,
  walk,
} from "@guise/vfs/key";
import { outStruct } from "../args/buffer.ts";
import { anyFd } from "../args/fd.ts";
import { ACCESS_AT_FLAGS, ACCESS_MODES, AT_FLAGS, STATX_MASK } from "../args/names.ts";
import { AT_FDCWD, dirfd, path, pathOrEmpty } from "../args/path.ts";
import { flagWord, scalar } from "../args/scalar.ts";
import { outStat, statFsText, type StatOut, statxText, writeStatFs, writeStatx } from "../args/stat.ts";
import { flags as flagsText } from "../args/text.ts";
import { anyFile, callerOf, realCaller, tableOf } from "../files.ts";
import type { Rows } from "../rows.ts";
import { locate } from "./open.ts";

export const AT_SYMLINK_NOFOLLOW = 0x100, AT_SYMLINK_FOLLOW = 0x400, AT_EMPTY_PATH = 0x1000;
const AT_EACCESS = 0x200, AT_NO_AUTOMOUNT = 0x800, AT_STATX_SYNC_TYPE = 0x6000;

/** Walk flags of AT_ flags. */
export function walkFlags(flags: number): number {
  return (flags & AT_SYMLINK_NOFOLLOW ? NO_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? EMPTY_PATH : 0);
}

function statPath(task: Task, dirfd: number, path: Name, flags: number, out: StatOut): number | Errno {
  // fstat by another name (glibc's): the descriptor may be one without a path.
  if (path === "" && dirfd !== AT_FDCWD) {
    if ((flags & AT_EMPTY_PATH) === 0) return ENOENT;
    const file = anyFile(task, dirfd);
    if (typeof file === "number") return file;
    const fresh = getattr(file.inode);
    return fresh < 0 ? fresh : out.write(task, file.inode);
  }
  const at = locate(task, dirfd, path, walkFlags(flags));
  if (typeof at === "number") return at;
  const fresh = getattr(at.inode);
  return fresh < 0 ? fresh : out.write(task, at.inode);
}

export const stat: Syscall = syscall({
  name: "stat",
  doc: "Attributes of a file.",
  args: { path, stat: outStat },
  run: (task, { path, stat }) => statPath(task, AT_FDCWD, path, 0, stat),
});

export const lstat: Syscall = syscall({
  name: "lstat",
  doc: "Attributes of a file, or of a symbolic link itself.",
  args: { path, stat: outStat },
  run: (task, { path, stat }) => statPath(task, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, stat),
});

export const fstat: Syscall = syscall({
  name: "fstat",
  doc: "Attributes of an open file.",
  args: { file: anyFd, stat: outStat },
  run: (task, { file, stat }) => {
    const fresh = getattr(file.inode);
    return fresh < 0 ? fresh : stat.write(task, file.inode);
  },
});

const atFlags = flagWord(AT_FLAGS, "AT_???");

export const newfstatat: Syscall = syscall({
  name: "newfstatat",
  doc: "Attributes of a file relative to a directory; of the descriptor itself with AT_EMPTY_PATH.",
  args: { dirfd, path: pathOrEmpty, stat: outStat, flags: atFlags },
  run: (task, { dirfd, path, stat, flags }) => {
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) return EINVAL;
    return statPath(task, dirfd, path, flags, stat);
  },
});

/** strace names the two bits of statx's synchronisation together, and before the others. */
const statxFlags = scalar("int", (task, r) => task.frame.lo(r), (v) => {
  const sync = ["AT_STATX_SYNC_AS_STAT", "AT_STATX_FORCE_SYNC", "AT_STATX_DONT_SYNC", "AT_STATX_SYNC_TYPE"];
  const rest = v & ~AT_STATX_SYNC_TYPE;
  const first = sync[(v & AT_STATX_SYNC_TYPE) >> 13];
  return rest === 0 ? first : `${first}|${flagsText(rest, AT_FLAGS, "AT_???")}`;
});

export const statx: Syscall = syscall({
  name: "statx",
  doc: "Attributes of a file by mask; the basic ones are always given.",
  args: {
    dirfd,
    path: pathOrEmpty,
    flags: statxFlags,
    mask: flagWord(STATX_MASK, "STATX_???"),
    out: outStruct("struct statx *", statxText),
  },
  run: (task, { dirfd, path, flags, mask, out }) => {
    if (mask < 0) return EINVAL;
    if ((flags & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE) return EINVAL;
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) return EINVAL;
    if (path === "" && dirfd !== AT_FDCWD) {
      if ((flags & AT_EMPTY_PATH) === 0) return ENOENT;
      const file = anyFile(task, dirfd);
      if (typeof file === "number") return file;
      const fresh = getattr(file.inode);
      return fresh < 0 ? fresh : writeStatx(task, out, file.inode, file.location?.mount, mask);
    }
    const at = locate(task, dirfd, path, walkFlags(flags));
    if (typeof at === "number") return at;
    const fresh = getattr(at.inode);
    return fresh < 0 ? fresh : writeStatx(task, out, at.inode, at.mount, mask);
  },
});

function mayAccess(task: Task, dirfd: number, path: Name, want: number, flags: number): number | Errno {
  if (want & ~7) return EINVAL;
  if (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) return EINVAL;
  const caller = flags & AT_EACCESS ? callerOf(task) : realCaller(task);
  const start = startOf(tableOf(task), dirfd, path);
  if (typeof start === "number") return start;
  if (path === "" && (flags & AT_EMPTY_PATH) === 0) return ENOENT;
  const at = walk(caller, start, path, walkFlags(flags));
  return typeof at === "number" ? at : accessOf(caller, at, want);
}

const accessMode = flagWord(ACCESS_MODES, "?_OK");

export const access: Syscall = syscall({
  name: "access",
  doc: "Whether the real user may read, write or execute a file.",
  args: { path, mode: accessMode },
  run: (task, { path, mode }) => mayAccess(task, AT_FDCWD, path, mode, 0),
});

export const faccessat: Syscall = syscall({
  name: "faccessat",
  doc: "access relative to a directory.",
  args: { dirfd, path, mode: accessMode },
  run: (task, { dirfd, path, mode }) => mayAccess(task, dirfd, path, mode, 0),
});

export const faccessat2: Syscall = syscall({
  name: "faccessat2",
  doc: "access relative to a directory, with flags.",
  args: { dirfd, path: pathOrEmpty, mode: accessMode, flags: flagWord(ACCESS_AT_FLAGS, "AT_???") },
  run: (task, { dirfd, path, mode, flags }) => mayAccess(task, dirfd, path, mode, flags),
});

/** ST_ flags of a mount. */
function mountFlags(mount: Mount): number {
  const o = mount.options;
  return 0x20 | (mount.readonly ? 1 : 0) | (o.nosuid ? 2 : 0) | (o.nodev ? 4 : 0) | (o.noexec ? 8 : 0) |
    (o.noatime ? 0x400 : 0x1000);
}

function statfsAt(task: Task, at: Location, out: number): number | Errno {
  const st = statfsOf(at);
  return typeof st === "number" ? st : writeStatFs(task, out, st, at.inode.dev, mountFlags(at.mount));
}

const outStatFs = outStruct("struct statfs *", statFsText);

export const statfs: Syscall = syscall({
  name: "statfs",
  doc: "The file system that holds a path.",
  args: { path, out: outStatFs },
  run: (task, { path, out }) => {
    const at = locate(task, AT_FDCWD, path, 0);
    return typeof at === "number" ? at : statfsAt(task, at, out);
  },
});

/** PIPEFS_MAGIC: the file system of files that never had a name. */
const NAMELESS = {
  type: 0x50495045,
  bsize: 4096,
  blocks: 0,
  bfree: 0,
  bavail: 0,
  files: 0,
  ffree: 0,
  namelen: 255,
};

export const fstatfs: Syscall = syscall({
  name: "fstatfs",
  doc: "The file system that holds an open file.",
  args: { file: anyFd, out: outStatFs },
  run: (task, { file, out }) =>
    file.location === undefined
      ? writeStatFs(task, out, NAMELESS, file.inode.dev, 0x20)
      : statfsAt(task, file.location, out),
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[4, null], stat],
  [[6, null], lstat],
  [[5, 80], fstat],
  [[262, 79], newfstatat],
  [[332, 291], statx],
  [[21, null], access],
  [[269, 48], faccessat],
  [[439, 439], faccessat2],
  [[137, 43], statfs],
  [[138, 44], fstatfs],
];
