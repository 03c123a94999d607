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
  readonly dev: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  /** 512-byte blocks. */
  readonly blocks: number;
  readonly atimeMs: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly birthtimeMs: number;
}

/** One entry of a host's directory. */
export interface HostEntry {
  readonly name: string;
  /** Type bits of the mode (S_IFREG, S_IFDIR…), 0 if not known. */
  readonly type: number;
  /** Inode number if the host tells it cheaply. */
  readonly ino?: number;
}

/** An open regular file of the host. */
export interface HostFile {
  stat(): HostStat | Errno;
  /** Reads at `offset`; 0 at the end. May give less than asked for only at the end. */
  read(into: Uint8Array, offset: number): number | Errno;
  write(from: Uint8Array, offset: number): number | Errno;
  truncate(size: number): 0 | Errno;
  sync(dataOnly: boolean): 0 | Errno;
  close(): void;
}

/** A folder of the host. The operations from `create` on are for read-write mounts only, absent ones are EROFS. */
export interface HostFolder {
  /** For /proc/mounts and messages. */
  readonly name: string;
  lstat(path: string): HostStat | Errno;
  readlink(path: string): string | Errno;
  /** The whole listing, without "." and "..". */
  readdir(path: string): readonly HostEntry[] | Errno;
  /** Opens an existing regular file; ELOOP for a link, ENXIO for anything else. Does not truncate. */
  open(path: string, write: boolean): HostFile | Errno;
  /** Bytes and files free, if known. */
  statfs?(): { readonly blocks: number; readonly bfree: number; readonly bsize: number } | Errno;

  /** Creates a regular file (EEXIST) open for reading and writing. */
  create?(path: string, mode: number): HostFile | Errno;
  mkdir?(path: string, mode: number): 0 | Errno;
  symlink?(target: string, path: string): 0 | Errno;
  link?(existing: string, path: string): 0 | Errno;
  unlink?(path: string): 0 | Errno;
  rmdir?(path: string): 0 | Errno;
  /** Replaces an existing target as rename(2). */
  rename?(from: string, to: string): 0 | Errno;
  chmod?(path: string, mode: number): 0 | Errno;
  /** Of the link itself; the owner can mostly not be changed: EPERM. */
  lchown?(path: string, uid: number, gid: number): 0 | Errno;
  utimes?(path: string, atimeMs: number, mtimeMs: number): 0 | Errno;
}
