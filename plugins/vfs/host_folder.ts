/**
 * What a host must offer so that one of its folders can be a file system: plain synchronous functions on paths below
 * that folder. Nothing here follows symbolic links: `lstat`, `readlink` and an `open` that refuses a link; we resolve
 * links ourselves, inside the guest's root.
 *
 * Paths are relative to the folder, in text, parts joined by "/", never empty parts, "." or ".."; "" is the folder.
 * Every path was reached through directories that `lstat` called directories. Because the host's tree may change in
 * between, an implementation must not follow a link in any part of the path where that could leave the folder (ELOOP or
 * ENOENT then). All answer negated error numbers and never throw.
 */
import type { Errno } from "@guise/core";

/** What the host tells about a file. Times in ms since 1970, with fractions if known. */
export interface HostStat {
  /** Type and permission bits as S_IF…; a host without them gives 0o100644, 0o40755, 0o120777. */
  readonly mode: number;
  /** 0 when the host has none: then numbers are given here. */
  readonly ino: number;
  /** Device. */
  readonly dev: number;
  /** Names it has. */
  readonly nlink: number;
  /** Owner. */
  readonly uid: number;
  /** Group. */
  readonly gid: number;
  /** Of a device node. */
  readonly rdev: number;
  /** Bytes. */
  readonly size: number;
  /** 512-byte blocks. */
  readonly blocks: number;
  /** Last access. */
  readonly atimeMs: number;
  /** Last change of content. */
  readonly mtimeMs: number;
  /** Last change of anything. */
  readonly ctimeMs: number;
  /** When it was made. */
  readonly birthtimeMs: number;
}

/** One entry of a host's directory. */
export interface HostEntry {
  /** One name, without slashes. */
  readonly name: string;
  /** Type bits of the mode (S_IFREG, S_IFDIR…), 0 if not known. */
  readonly type: number;
  /** Inode number if the host tells it cheaply. */
  readonly ino?: number;
}

/** An open regular file of the host. */
export interface HostFile {
  /** Attributes now. */
  stat(): HostStat | Errno;
  /** Reads at `offset`; 0 at the end. May give less than asked for only at the end. */
  read(into: Uint8Array, offset: number): number | Errno;
  /** Writes at `offset`. */
  write(from: Uint8Array, offset: number): number | Errno;
  /** Sets the size. */
  truncate(size: number): 0 | Errno;
  /** Makes content (and attributes) durable. */
  sync(dataOnly: boolean): 0 | Errno;
  /** It is not used any more. */
  close(): void;
}

/** A folder of the host. The operations from `create` on are for read-write mounts only, absent ones are EROFS. */
export interface HostFolder {
  /** For /proc/mounts and messages. */
  readonly name: string;
  /** Attributes, of a link itself. */
  lstat(path: string): HostStat | Errno;
  /** Where a link leads. */
  readlink(path: string): string | Errno;
  /** The whole listing, without "." and "..". */
  readdir(path: string): readonly HostEntry[] | Errno;
  /** Opens an existing regular file; ELOOP for a link, ENXIO for anything else. Does not truncate. */
  open(path: string, write: boolean): HostFile | Errno;
  /** Bytes and files free, if known. */
  statfs?(): { readonly blocks: number; readonly bfree: number; readonly bsize: number } | Errno;

  /** Creates a regular file (EEXIST) open for reading and writing. */
  create?(path: string, mode: number): HostFile | Errno;
  /** mkdir(2). */
  mkdir?(path: string, mode: number): 0 | Errno;
  /** symlink(2). */
  symlink?(target: string, path: string): 0 | Errno;
  /** link(2), not following. */
  link?(existing: string, path: string): 0 | Errno;
  /** unlink(2): EISDIR for a directory. */
  unlink?(path: string): 0 | Errno;
  /** rmdir(2): ENOTDIR, ENOTEMPTY. */
  rmdir?(path: string): 0 | Errno;
  /** Replaces an existing target as rename(2). */
  rename?(from: string, to: string): 0 | Errno;
  /** chmod(2), of what is no link. */
  chmod?(path: string, mode: number): 0 | Errno;
  /** Of the link itself; the owner can mostly not be changed: EPERM. */
  lchown?(path: string, uid: number, gid: number): 0 | Errno;
  /** Sets both times. */
  utimes?(path: string, atimeMs: number, mtimeMs: number): 0 | Errno;
}
