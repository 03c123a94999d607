/** Extended attributes: reading, setting, listing and removing, by path, by link and by descriptor. */
import {
  type ArgType,
  E2BIG,
  EFAULT,
  EINVAL,
  ENODATA,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
  EROFS,
  type Errno,
  Failure,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
} from "@guise/core";
import {
  bytesOfName,
  type Inode,
  isOwner,
  type Location,
  type Name,
  nameOfBytes,
  NO_FOLLOW,
  permission,
} from "@guise/vfs/key";
import { inBuffer, outBuffer, type Span } from "../args/buffer.ts";
import { fd } from "../args/fd.ts";
import { XATTR } from "../args/names.ts";
import { AT_FDCWD, path } from "../args/path.ts";
import { flagWord } from "../args/scalar.ts";
import { string as stringText } from "../args/text.ts";
import { callerOf } from "../files.ts";
import type { Rows } from "../rows.ts";
import { locate } from "./open.ts";

const NAME_LIMIT = 255, VALUE_LIMIT = 65536;
const CAP_SYS_ADMIN = 21;

/** An attribute's name: ERANGE when empty or too long. */
const attributeName: ArgType<Name> = {
  label: "const char *name",
  slots: 1,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task) => {
      const bytes = task.space.cstring(task.frame.num(register), NAME_LIMIT + 1);
      if (typeof bytes === "number") return Failure.of(bytes === EFAULT ? EFAULT : ERANGE);
      return bytes.length === 0 ? Failure.of(ERANGE) : nameOfBytes(bytes);
    };
  },
  format(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task) => stringText(task, task.frame.num(register));
  },
};

/** Who may touch an attribute (xattr_permission of Linux). */
function may(task: Task, inode: Inode, name: Name, write: boolean): 0 | Errno {
  const { cred } = callerOf(task);
  if (name.startsWith("security.")) return !write || cred.capable(CAP_SYS_ADMIN) ? 0 : EPERM;
  // An access list is a mode to the file system: the owner's to set.
  if (name.startsWith("system.")) return !write || isOwner(inode, cred) ? 0 : EPERM;
  if (name.startsWith("trusted.")) {
    if (cred.capable(CAP_SYS_ADMIN)) return 0;
    return write ? EPERM : ENODATA;
  }
  if (!name.startsWith("user.")) return EOPNOTSUPP;
  if (name === "user.") return EINVAL;
  if (!inode.isRegular && !inode.isDirectory) return write ? EPERM : ENODATA;
  if (inode.isDirectory && (inode.mode & 0o1000) !== 0 && write && !isOwner(inode, cred)) return EPERM;
  return permission(inode, cred, write ? 2 : 4);
}

/** Copies a result out, or tells its length when the buffer has none. */
function give(task: Task, bytes: Uint8Array, buffer: Span): number | Errno {
  if (buffer.length === 0) return bytes.length;
  if (bytes.length > buffer.length) return ERANGE;
  return task.space.write(buffer.address, bytes) ? bytes.length : EFAULT;
}

function get(task: Task, inode: Inode, name: Name, buffer: Span): number | Errno {
  const allowed = may(task, inode, name, false);
  if (allowed < 0) return allowed;
  const value = inode.getxattr(name);
  return typeof value === "number" ? value : give(task, value, buffer);
}

function set(
  task: Task,
  inode: Inode,
  readonly: boolean,
  name: Name,
  value: Span,
  flags: number,
): number | Errno {
  if (flags & ~3) return EINVAL;
  if (value.length > VALUE_LIMIT) return E2BIG;
  const bytes = task.space.read(value.address, value.length);
  if (bytes === undefined) return EFAULT;
  if (readonly) return EROFS;
  const allowed = may(task, inode, name, true);
  return allowed < 0 ? allowed : inode.setxattr(name, bytes, flags);
}

function list(task: Task, inode: Inode, buffer: Span): number | Errno {
  const names = inode.listxattr();
  if (typeof names === "number") return names;
  const trusted = callerOf(task).cred.capable(CAP_SYS_ADMIN);
  const shown = names.filter((name) => trusted || !name.startsWith("trusted."));
  return give(task, bytesOfName(shown.map((name) => name + "\0").join("")), buffer);
}

function remove(task: Task, inode: Inode, readonly: boolean, name: Name): number | Errno {
  if (readonly) return EROFS;
  const allowed = may(task, inode, name, true);
  return allowed < 0 ? allowed : inode.removexattr(name);
}

/** Runs with the place of a path, or its error. */
function at<T>(task: Task, path: Name, flags: number, then: (at: Location) => T): T | Errno {
  const found = locate(task, AT_FDCWD, path, flags);
  return typeof found === "number" ? found : then(found);
}

function getByPath(name: string, follow: number): Syscall {
  return syscall({
    name,
    doc: "The value of an extended attribute.",
    args: { path, name: attributeName, value: outBuffer },
    run: (task, { path, name, value }) =>
      at(task, path, follow, ({ inode }) => get(task, inode, name, value)),
  });
}

function setByPath(name: string, follow: number): Syscall {
  return syscall({
    name,
    doc: "Sets an extended attribute.",
    args: { path, name: attributeName, value: inBuffer, flags: flagWord(XATTR, "XATTR_???") },
    run: (task, { path, name, value, flags }) =>
      at(task, path, follow, ({ inode, mount }) => set(task, inode, mount.readonly, name, value, flags)),
  });
}

function listByPath(name: string, follow: number): Syscall {
  return syscall({
    name,
    doc: "The names of a file's extended attributes.",
    args: { path, list: outBuffer },
    run: (task, args) => at(task, args.path, follow, ({ inode }) => list(task, inode, args.list)),
  });
}

function removeByPath(name: string, follow: number): Syscall {
  return syscall({
    name,
    doc: "Removes an extended attribute.",
    args: { path, name: attributeName },
    run: (task, { path, name }) =>
      at(task, path, follow, ({ inode, mount }) => remove(task, inode, mount.readonly, name)),
  });
}

export const getxattr: Syscall = getByPath("getxattr", 0);
export const lgetxattr: Syscall = getByPath("lgetxattr", NO_FOLLOW);
export const setxattr: Syscall = setByPath("setxattr", 0);
export const lsetxattr: Syscall = setByPath("lsetxattr", NO_FOLLOW);
export const listxattr: Syscall = listByPath("listxattr", 0);
export const llistxattr: Syscall = listByPath("llistxattr", NO_FOLLOW);
export const removexattr: Syscall = removeByPath("removexattr", 0);
export const lremovexattr: Syscall = removeByPath("lremovexattr", NO_FOLLOW);

export const fgetxattr: Syscall = syscall({
  name: "fgetxattr",
  doc: "The value of an extended attribute of an open file.",
  args: { file: fd, name: attributeName, value: outBuffer },
  run: (task, { file, name, value }) => get(task, file.inode, name, value),
});

export const fsetxattr: Syscall = syscall({
  name: "fsetxattr",
  doc: "Sets an extended attribute of an open file.",
  args: { file: fd, name: attributeName, value: inBuffer, flags: flagWord(XATTR, "XATTR_???") },
  run: (task, { file, name, value, flags }) =>
    set(task, file.inode, file.location?.mount.readonly ?? false, name, value, flags),
});

export const flistxattr: Syscall = syscall({
  name: "flistxattr",
  doc: "The names of an open file's extended attributes.",
  args: { file: fd, list: outBuffer },
  run: (task, args) => list(task, args.file.inode, args.list),
});

export const fremovexattr: Syscall = syscall({
  name: "fremovexattr",
  doc: "Removes an extended attribute of an open file.",
  args: { file: fd, name: attributeName },
  run: (task, { file, name }) => remove(task, file.inode, file.location?.mount.readonly ?? false, name),
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[188, 5], setxattr],
  [[189, 6], lsetxattr],
  [[190, 7], fsetxattr],
  [[191, 8], getxattr],
  [[192, 9], lgetxattr],
  [[193, 10], fgetxattr],
  [[194, 11], listxattr],
  [[195, 12], llistxattr],
  [[196, 13], flistxattr],
  [[197, 14], removexattr],
  [[198, 15], lremovexattr],
  [[199, 16], fremovexattr],
];
