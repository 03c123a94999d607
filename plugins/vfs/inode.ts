/**
 * Inodes and file systems: what a file system must offer. All operations are synchronous and answer a value or a
 * negated error number; nothing a guest asks for throws. Permissions, mounts, symbolic links and names longer than
 * NAME_MAX are the business of walk.ts and ops.ts: an operation here may take its arguments as checked.
 */
import {
  type Backing,
  EINVAL,
  EISDIR,
  ENODATA,
  ENODEV,
  ENOTDIR,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  type Errno,
} from "@guise/core";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "./constants.ts";
import type { Caller, Location } from "./context.ts";
import type { OpenFile } from "./file.ts";
import type { FileLocks } from "./locks.ts";
import type { Name } from "./names.ts";
import type { Time, TimeSource } from "./time.ts";

/** What statfs(2) tells. Sizes in blocks of `bsize` bytes. */
export interface StatFs {
  /** Magic number of the type. */
  readonly type: number;
  /** Bytes of a block. */
  readonly bsize: number;
  /** Blocks in all. */
  readonly blocks: number;
  /** Free blocks. */
  readonly bfree: number;
  /** Blocks free for ordinary users. */
  readonly bavail: number;
  /** Inodes in all. */
  readonly files: number;
  /** Free inodes. */
  readonly ffree: number;
  /** Longest name in bytes. */
  readonly namelen: number;
}

/** A file system: a tree of inodes. */
export interface FileSystem {
  /** As in /proc/mounts: `tmpfs`, `proc`, `overlay`. */
  readonly type: string;
  /** st_dev of its inodes. */
  readonly dev: number;
  /** The root directory. */
  readonly root: Inode;
  /** Every change is EROFS. */
  readonly readonly: boolean;
  /** Where its times come from; set when it is mounted. */
  clock: TimeSource;
  /** Sizes, for statfs(2). */
  statfs(): StatFs;
  /** Makes changes durable where that means something. */
  sync?(): 0 | Errno;
}

/** The attributes of an inode to be made; type bits in `mode`, umask and set-group-id of the directory applied. */
export interface NewInode {
  /** Type and permission bits. */
  readonly mode: number;
  /** Owner. */
  readonly uid: number;
  /** Group. */
  readonly gid: number;
  /** Of a device node. */
  readonly rdev?: number;
  /** Of a symbolic link. */
  readonly target?: Name;
}

/** A change of attributes; checked and completed (suid bits) by ops.ts. `mode` is without type bits. */
export interface AttrChange {
  /** Permission bits. */
  readonly mode?: number;
  /** Owner. */
  readonly uid?: number;
  /** Group. */
  readonly gid?: number;
  /** Last access. */
  readonly atime?: Time;
  /** Last change of content. */
  readonly mtime?: Time;
}

/** Takes one directory entry; `next` is the cursor after it. False: full, this entry was not taken. */
export type EmitEntry = (name: Name, ino: number, type: number, next: number) => boolean;

/**
 * The reading of one directory by one open file, from a first read or a rewind on. Entries that exist all the time
 * are given exactly once, whatever is created and removed meanwhile.
 */
export interface Listing {
  /** Gives entries from `cursor` on until `emit` says no or the directory ends. Cursor 0 is the start; cursors ascend. */
  read(cursor: number, emit: EmitEntry): 0 | Errno;
}

let nextDev = 0x15;
/** A device number for a file system that has no device, as Linux gives them (major 0). */
export function anonymousDev(): number {
  return nextDev++;
}

/** One file, directory, link, pipe or device node. */
export abstract class Inode {
  /** Where it is. */
  abstract readonly fs: FileSystem;
  /** Inode number, unique with {@link dev}. */
  abstract ino: number;
  /** Type and permission bits. */
  mode: number;
  /** Owner. */
  uid: number;
  /** Group. */
  gid: number;
  /** Names it has; of a directory 2 and its subdirectories. 0: removed. */
  nlink = 1;
  /** Bytes. */
  size = 0;
  /** Device number of a device node. */
  rdev = 0;
  /** Last access. */
  atime: Time;
  /** Last change of content. */
  mtime: Time;
  /** Last change of anything. */
  ctime: Time;
  /** When it was made. */
  btime: Time;
  /** Where it was linked last: of a directory its one place, of other files the newest of their names. */
  parent: Inode | undefined = undefined;
  /** See {@link parent}. */
  name: Name = "";
  /** Open files, working directories, mappings and mounts that hold it. */
  holds = 0;
  #locks: FileLocks | undefined = undefined;

  /** All times are `time`. */
  constructor(mode: number, uid: number, gid: number, time: Time) {
    this.mode = mode;
    this.uid = uid;
    this.gid = gid;
    this.atime =
      this.mtime =
      this.ctime =
      this.btime =
        time;
  }

  /** By the type bits. */
  get isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }
  /** By the type bits. */
  get isSymlink(): boolean {
    return (this.mode & S_IFMT) === S_IFLNK;
  }
  /** By the type bits. */
  get isRegular(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }
  /** Device number that stat tells, `fs.dev` but for a few (a host's own stream). */
  get dev(): number {
    return this.fs.dev;
  }
  /** Bytes that are good to read and write at a time. */
  get blksize(): number {
    return 4096;
  }
  /** 512-byte blocks that it takes. */
  get blocks(): number {
    return Math.ceil(this.size / 4096) * 8;
  }
  /** Brings the attributes up to date, where they can change behind our back (a host's file, a generated one). */
  refresh(): 0 | Errno {
    return 0;
  }
  /** Content was read: atime, where it is ours to keep. */
  accessed(): void {}
  /** Times that it is open for writing, and being executed: each refuses the other (ETXTBSY). */
  writers = 0;
  /** See {@link writers}. */
  executors = 0;
  /** A regular file is about to be opened: brings what is behind it. */
  prepare(_write: boolean): 0 | Errno {
    return 0;
  }
  /** Made by O_TMPFILE without O_EXCL: it may get a first name. */
  linkable = false;
  /** See {@link holds}. */
  hold(): void {
    this.holds++;
  }
  /** Gives back a {@link hold}; with the last hold and no link left the file system frees the bytes. */
  release(): void {
    this.holds--;
  }
  /** Locks on this file; undefined when there never was one. */
  get locks(): FileLocks | undefined {
    return this.#locks;
  }
  set locks(locks: FileLocks | undefined) {
    this.#locks = locks;
  }

  // Directories.

  /** The entry of that name: ENOENT when there is none. Never "." or "..". */
  lookup(_name: Name, _caller?: Caller): Inode | Errno {
    return ENOTDIR;
  }
  /** Makes any kind of inode (type bits in `mode`). The name does not exist. */
  create(_name: Name, _attr: NewInode): Inode | Errno {
    return this.fs.readonly ? EROFS : EPERM;
  }
  /** A regular file without a name (O_TMPFILE). */
  tmpfile(_attr: NewInode): Inode | Errno {
    return EOPNOTSUPP;
  }
  /** One more name for `inode`, which is of this file system and not a directory. */
  link(_name: Name, _inode: Inode): 0 | Errno {
    return this.fs.readonly ? EROFS : EPERM;
  }
  /** Removes a name of something that is not a directory. */
  unlink(_name: Name, _inode: Inode): 0 | Errno {
    return this.fs.readonly ? EROFS : EPERM;
  }
  /** Removes an empty directory: ENOTEMPTY. */
  rmdir(_name: Name, _inode: Inode): 0 | Errno {
    return this.fs.readonly ? EROFS : EPERM;
  }
  /**
   * Moves `name` (which is `inode`) to `newName` in `to`, over `target` if given (kinds fit; ENOTEMPTY is for the file
   * system to find). Flags: RENAME_EXCHANGE (target given), RENAME_WHITEOUT is refused before.
   */
  rename(
    _name: Name,
    _inode: Inode,
    _to: Inode,
    _newName: Name,
    _target: Inode | undefined,
    _flags: number,
  ): 0 | Errno {
    return this.fs.readonly ? EROFS : EPERM;
  }
  /** Starts to read the directory, without "." and "..". */
  listing(_caller: Caller): Listing | Errno {
    return ENOTDIR;
  }

  // Symbolic links.

  /** The target of a symbolic link. */
  readlink(_caller?: Caller): Name | Errno {
    return EINVAL;
  }
  /** Magic links (/proc/self/fd/1, exe, cwd, root) lead to a place and not to a path. */
  follow?(caller: Caller): Location | Errno;

  // Content.

  /** Copies bytes from `offset` into `into`; returns how many, 0 at or beyond the end. */
  read(_into: Uint8Array, _offset: number): number | Errno {
    return this.isDirectory ? EISDIR : EINVAL;
  }
  /** Takes bytes at `offset`, growing the file; returns how many, at least 1, or an error (ENOSPC, EFBIG). */
  write(_from: Uint8Array, _offset: number): number | Errno {
    return this.isDirectory ? EISDIR : EINVAL;
  }
  /** Sets the size; what is added reads as zeros and takes no space. */
  truncate(_size: number): 0 | Errno {
    return this.isDirectory ? EISDIR : EINVAL;
  }
  /** The next offset at or after `offset` (below size) that has data, or is a hole; -ENXIO when there is none. */
  seekData(offset: number, hole: boolean): number | Errno {
    if (offset >= this.size) return ENXIO;
    return hole ? this.size : offset;
  }
  /** fallocate(2): mode bits as there (KEEP_SIZE 1, PUNCH_HOLE 2, ZERO_RANGE 16). */
  allocate(_mode: number, _offset: number, _length: number): 0 | Errno {
    return this.isRegular ? EOPNOTSUPP : ENODEV;
  }
  /** fsync(2). */
  sync(_dataOnly: boolean): 0 | Errno {
    return 0;
  }
  /** As {@link Inode.read}, for a mapping: bytes that were mapped before may be kept while the file is unchanged. */
  fill(into: Uint8Array, offset: number): number | Errno {
    return this.read(into, offset);
  }
  /** What a mapping of this file is made from; `path` names it in /proc/self/maps. ENODEV: cannot be mapped. */
  backing(_path: Name): Backing | Errno {
    return ENODEV;
  }
  /** An open file of it, for all kinds but what ops.ts makes itself (regular files, directories, FIFOs, devices). */
  open?(location: Location, flags: number, caller: Caller): OpenFile | Errno;

  // Attributes.

  /** Stores attributes and sets ctime. */
  setattr(_change: AttrChange): 0 | Errno {
    return this.fs.readonly ? EROFS : EPERM;
  }
  /** An extended attribute: ENODATA when there is none, EOPNOTSUPP where there are none. */
  getxattr(_name: Name): Uint8Array | Errno {
    return EOPNOTSUPP;
  }
  /** `flags`: XATTR_CREATE 1, XATTR_REPLACE 2. */
  setxattr(_name: Name, _value: Uint8Array, _flags: number): 0 | Errno {
    return EOPNOTSUPP;
  }
  /** Names of all extended attributes. */
  listxattr(): readonly Name[] | Errno {
    return EOPNOTSUPP;
  }
  /** Removes an extended attribute: ENODATA. */
  removexattr(_name: Name): 0 | Errno {
    return EOPNOTSUPP;
  }
}

/** Errors of extended attributes on file systems that store them. */
export const ENOATTR: Errno = ENODATA;
