/**
 * The file system in memory, exact in all that Linux's own tmpfs is: link counts, unlink while open, rename over open
 * files, names of any bytes, nanoseconds, sparse files. Its bytes and inodes are limited (ENOSPC).
 */
import {
  type Backing,
  EEXIST,
  EFBIG,
  EINVAL,
  EISDIR,
  ENODATA,
  ENODEV,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  ENOTEMPTY,
  EOPNOTSUPP,
  EPERM,
  type Errno,
} from "@guise/core";
import { Budget, Content } from "./chunks.ts";
import {
  direntType,
  NAME_MAX,
  RENAME_EXCHANGE,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  SIZE_MAX,
} from "./constants.ts";
import type { Caller } from "./context.ts";
import { Entries } from "./directory.ts";
import {
  anonymousDev,
  type AttrChange,
  type FileSystem,
  Inode,
  type Listing,
  type NewInode,
  type StatFs,
} from "./inode.ts";
import { bytesOfName, type Name, nameOf } from "./names.ts";
import { systemAttribute, Xattrs } from "./xattr.ts";
import { compareTime, hostTime, type Time, type TimeSource } from "./time.ts";

/** Limits and name of a memory file system. */
export interface MemoryFsOptions {
  /** Bytes of content; default 1 GiB. */
  readonly limit?: number;
  /** Inodes and names; default one for each 4 KiB of `limit`. */
  readonly inodes?: number;
  /** Mode of the root; default 0755. */
  readonly mode?: number;
  /** Owner of the root; default 0. */
  readonly uid?: number;
  /** Group of the root; default 0. */
  readonly gid?: number;
  /** Name of the type, default `tmpfs`. */
  readonly type?: string;
  /** Where times come from until it is mounted; default the host's clock. */
  readonly clock?: TimeSource;
}

/** Targets of links up to this many bytes are not counted. */
const SHORT = 64;

/** A file system in memory. */
export class MemoryFs implements FileSystem {
  readonly type: string;
  readonly dev: number = anonymousDev();
  readonly readonly: boolean = false;
  /** The root directory. */
  readonly root: Inode;
  clock: TimeSource;
  /**
   * For inodes of this file system only.
   *
   * @ignore
   */
  readonly budget: Budget;
  readonly #inodeLimit: number;
  #inodes = 0;
  /** The next inode number. */
  protected nextIno = 1;

  /** An empty file system. */
  constructor(options: MemoryFsOptions = {}) {
    this.type = options.type ?? "tmpfs";
    this.clock = options.clock ?? hostTime;
    this.budget = new Budget(options.limit ?? 2 ** 30);
    this.#inodeLimit = options.inodes ?? Math.max(16, Math.floor(this.budget.limit / 4096));
    this.root = this.makeRoot(options);
  }
  /** The root directory. */
  protected makeRoot(options: MemoryFsOptions): Inode {
    const mode = S_IFDIR | (options.mode ?? 0o755);
    const root = new MemoryInode(this, this.newIno(), { mode, uid: options.uid ?? 0, gid: options.gid ?? 0 });
    root.nlink = 2;
    this.#inodes++;
    return root;
  }
  /** A number for a new inode. */
  newIno(): number {
    return this.nextIno++;
  }
  /**
   * A new inode without a name; ENOSPC.
   *
   * @ignore
   */
  make(attr: NewInode, dir: MemoryInode): MemoryInode | Errno {
    // A long target is content: it lies in a block of its own.
    const target = attr.target?.length ?? 0;
    if (target > SHORT && !this.budget.take(target)) return ENOSPC;
    if (this.takeName()) return this.makeInode(attr, dir);
    if (target > SHORT) this.budget.give(target);
    return ENOSPC;
  }
  /**
   * The object itself.
   *
   * @ignore
   */
  protected makeInode(attr: NewInode, _dir: MemoryInode): MemoryInode {
    return new MemoryInode(this, this.newIno(), attr);
  }
  /** Counts an inode or one more name of it. */
  takeName(): boolean {
    if (this.#inodes >= this.#inodeLimit) return false;
    this.#inodes++;
    return true;
  }
  /** Counts a name that cannot be refused. */
  forceName(): void {
    this.#inodes++;
  }
  /** Gives back what {@link takeName} counted. */
  giveName(): void {
    this.#inodes--;
  }
  /** Limits, and what is left of them. */
  statfs(): StatFs {
    const { limit, used } = this.budget;
    const free = Math.floor((limit - used) / 4096);
    return {
      type: 0x01021994,
      bsize: 4096,
      blocks: Math.floor(limit / 4096),
      bfree: free,
      bavail: free,
      files: this.#inodeLimit,
      ffree: this.#inodeLimit - this.#inodes,
      namelen: NAME_MAX,
    };
  }
}

/** An inode of a {@link MemoryFs}; of any kind. The overlay's inodes extend it. */
export class MemoryInode extends Inode {
  readonly fs: MemoryFs;
  ino: number;
  /** Of a regular file. */
  protected content: Content | undefined;
  /** Of a directory. */
  protected readonly entries: Entries<MemoryInode | undefined> | undefined;
  #target: Name | undefined;
  #xattrs: Xattrs | undefined;

  constructor(fs: MemoryFs, ino: number, attr: NewInode, content?: Content) {
    super(attr.mode, attr.uid, attr.gid, fs.clock());
    this.fs = fs;
    this.ino = ino;
    this.rdev = attr.rdev ?? 0;
    switch (attr.mode & S_IFMT) {
      case S_IFREG:
        this.content = content ?? new Content(fs.budget);
        this.size = this.content.size;
        break;
      case S_IFDIR:
        this.entries = new Entries();
        this.size = 4096;
        break;
      case S_IFLNK:
        this.#target = attr.target ?? "";
        this.size = this.#target.length;
        break;
    }
  }

  override get blocks(): number {
    if (this.content !== undefined) return this.content.allocated / 512;
    return this.isDirectory ? 8 : 0;
  }
  override release(): void {
    super.release();
    if (this.holds === 0 && this.nlink === 0) this.free();
  }
  /** No name and no holder is left. */
  protected free(): void {
    this.content?.clear();
    this.#xattrs?.clear();
    this.fs.giveName();
    this.giveTarget();
  }
  /** What a long target took. */
  protected giveTarget(): void {
    const target = this.#target?.length ?? 0;
    if (target > SHORT) this.fs.budget.give(target);
  }
  /** One name less. */
  protected dropLink(time: Time): void {
    this.nlink--;
    this.ctime = time;
    if (this.nlink === 0) {
      if (this.holds === 0) this.free();
    } else this.fs.giveName();
  }
  /** The attributes or the content are about to change, or have just changed (the overlay must keep this inode). */
  protected touched(): void {}
  /** mtime and ctime now. */
  protected modified(): Time {
    const time = this.fs.clock();
    this.mtime = this.ctime = time;
    this.touched();
    return time;
  }
  override accessed(): void {
    // relatime: the first access after a change, and once a day.
    const now = this.fs.clock();
    if (
      compareTime(this.atime, this.mtime) <= 0 || compareTime(this.atime, this.ctime) <= 0 ||
      now.sec - this.atime.sec >= 86400
    ) this.atime = now;
  }

  // Directories.

  override lookup(name: Name, _caller?: Caller): Inode | Errno {
    if (this.entries === undefined) return ENOTDIR;
    return this.entries.get(name) ?? ENOENT;
  }
  /** Puts a name to an inode of this file system. */
  protected place(name: Name, inode: MemoryInode): void {
    this.entries!.set(name, inode);
    inode.parent = this;
    inode.name = name;
  }
  /** Takes a name away. */
  protected displace(name: Name): void {
    this.entries!.delete(name);
  }
  /** Whether it has no entries. */
  protected get empty(): boolean {
    return this.entries!.size === 0;
  }
  override create(name: Name, attr: NewInode): Inode | Errno {
    if (this.entries === undefined) return ENOTDIR;
    if (this.nlink === 0) return ENOENT;
    if (this.entries.get(name) !== undefined) return EEXIST;
    const inode = this.fs.make(attr, this);
    if (typeof inode === "number") return inode;
    this.place(name, inode);
    if (inode.isDirectory) {
      inode.nlink = 2;
      this.nlink++;
    }
    this.modified();
    return inode;
  }
  override tmpfile(attr: NewInode): Inode | Errno {
    const inode = this.fs.make(attr, this);
    if (typeof inode === "number") return inode;
    inode.nlink = 0;
    return inode;
  }
  override link(name: Name, inode: Inode): 0 | Errno {
    if (this.nlink === 0) return ENOENT;
    if (!(inode instanceof MemoryInode)) return EPERM;
    if (inode.nlink > 0 && !this.fs.takeName()) return ENOSPC;
    inode.nlink++;
    inode.touched();
    this.place(name, inode);
    inode.ctime = this.modified();
    return 0;
  }
  override unlink(name: Name, inode: Inode): 0 | Errno {
    if (inode.isDirectory) return EISDIR;
    this.displace(name);
    (inode as MemoryInode).touched();
    (inode as MemoryInode).dropLink(this.modified());
    return 0;
  }
  override rmdir(name: Name, inode: Inode): 0 | Errno {
    if (!(inode instanceof MemoryInode) || !inode.isDirectory) return ENOTDIR;
    if (!inode.empty) return ENOTEMPTY;
    this.displace(name);
    this.#buried(inode, this.modified());
    return 0;
  }
  /** An empty subdirectory has lost its name. */
  #buried(dir: MemoryInode, time: Time): void {
    this.nlink--;
    dir.nlink = 1;
    dir.touched();
    dir.dropLink(time);
  }
  override rename(
    name: Name,
    inode: Inode,
    to: Inode,
    newName: Name,
    target: Inode | undefined,
    flags: number,
  ): 0 | Errno {
    if (!(inode instanceof MemoryInode) || !(to instanceof MemoryInode)) return EPERM;
    if (target !== undefined && !(target instanceof MemoryInode)) return EPERM;
    if (to.nlink === 0) return ENOENT;
    if ((flags & RENAME_EXCHANGE) !== 0 && target !== undefined) {
      to.place(newName, inode);
      this.place(name, target);
      const moved = Number(inode.isDirectory) - Number(target.isDirectory);
      this.nlink -= moved;
      to.nlink += moved;
      target.touched();
      target.ctime = this.modified();
    } else {
      if (target !== undefined && target.isDirectory && !target.empty) return ENOTEMPTY;
      this.displace(name);
      to.place(newName, inode);
      if (inode.isDirectory) {
        this.nlink--;
        to.nlink++;
      }
      const time = this.modified();
      if (target !== undefined) {
        if (target.isDirectory) to.#buried(target, time);
        else {
          target.touched();
          target.dropLink(time);
        }
      }
    }
    inode.touched();
    inode.ctime = to.modified();
    return 0;
  }
  override listing(_caller: Caller): Listing | Errno {
    const { entries } = this;
    if (entries === undefined) return ENOTDIR;
    return {
      read: (cursor, emit) => {
        entries.read(
          cursor,
          (e) => e.value === undefined || emit(e.name, e.value.ino, direntType(e.value.mode), e.cookie),
        );
        return 0;
      },
    };
  }

  // Content.

  override readlink(): Name | Errno {
    return this.#target ?? EINVAL;
  }
  override read(into: Uint8Array, offset: number): number | Errno {
    return this.content?.read(into, offset) ?? super.read(into, offset);
  }
  /** F_ADD_SEALS of a memfd: F_SEAL_SEAL 1, SHRINK 2, GROW 4, WRITE 8, FUTURE_WRITE 16. */
  seals = 0;
  override write(from: Uint8Array, offset: number): number | Errno {
    if (this.content === undefined) return super.write(from, offset);
    if (this.seals !== 0) {
      if ((this.seals & 24) !== 0) return EPERM;
      if ((this.seals & 4) !== 0 && offset + from.length > this.size) {
        if (offset >= this.size) return EPERM;
        from = from.subarray(0, this.size - offset);
      }
    }
    const n = this.content.write(from, offset);
    if (n < 0) return n;
    this.size = this.content.size;
    this.modified();
    return n;
  }
  override truncate(size: number): 0 | Errno {
    if (this.content === undefined) return super.truncate(size);
    if ((this.seals & 2) !== 0 && size < this.size) return EPERM;
    if ((this.seals & 4) !== 0 && size > this.size) return EPERM;
    const error = this.content.truncate(size);
    if (error !== 0) return error;
    this.size = size;
    this.modified();
    return 0;
  }
  override seekData(offset: number, hole: boolean): number | Errno {
    return this.content?.seekData(offset, hole) ?? super.seekData(offset, hole);
  }
  override allocate(mode: number, offset: number, length: number): 0 | Errno {
    const KEEP_SIZE = 1, PUNCH_HOLE = 2, ZERO_RANGE = 16;
    if (this.content === undefined) return this.isDirectory ? EISDIR : ENODEV;
    if ((mode & ~(KEEP_SIZE | PUNCH_HOLE | ZERO_RANGE)) !== 0) return EOPNOTSUPP;
    if ((this.seals & 24) !== 0 && (mode & (PUNCH_HOLE | ZERO_RANGE)) !== 0) return EPERM;
    if ((this.seals & 4) !== 0 && (mode & KEEP_SIZE) === 0 && offset + length > this.size) return EPERM;
    if (offset + length > SIZE_MAX) return EFBIG;
    if ((mode & PUNCH_HOLE) !== 0 && mode !== (PUNCH_HOLE | KEEP_SIZE)) return EOPNOTSUPP;
    if ((mode & (PUNCH_HOLE | ZERO_RANGE)) !== 0) {
      const error = this.content.punch(offset, offset + length);
      if (error !== 0) return error;
    } else {
      const error = this.content.reserve(offset, offset + length);
      if (error !== 0) return error;
    }
    if ((mode & KEEP_SIZE) === 0 && offset + length > this.size) this.content.truncate(offset + length);
    this.size = this.content.size;
    this.modified();
    return 0;
  }
  override backing(path: Name): Backing | Errno {
    if (!this.isRegular) return ENODEV;
    return new InodeBacking(this, path);
  }

  // Attributes.

  override setattr(change: AttrChange): 0 | Errno {
    if (change.mode !== undefined) this.mode = (this.mode & S_IFMT) | (change.mode & 0o7777);
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    if (change.atime !== undefined) this.atime = change.atime;
    if (change.mtime !== undefined) this.mtime = change.mtime;
    this.ctime = this.fs.clock();
    this.touched();
    return 0;
  }
  override getxattr(name: Name): Uint8Array | Errno {
    return this.#xattrs?.get(name) ?? ENODATA;
  }
  override setxattr(name: Name, value: Uint8Array, flags: number): 0 | Errno {
    if (name.startsWith("system.")) {
      const mode = systemAttribute(name, value);
      if (mode === undefined || mode < 0) return mode ?? 0;
      return this.setattr({ mode: (this.mode & 0o7000) | mode });
    }
    const error = (this.#xattrs ??= new Xattrs(this.fs.budget)).set(name, value, flags);
    if (error === 0) this.#attributesChanged();
    return error;
  }
  override listxattr(): readonly Name[] | Errno {
    return this.#xattrs?.list() ?? [];
  }
  override removexattr(name: Name): 0 | Errno {
    const error = this.#xattrs?.remove(name) ?? ENODATA;
    if (error === 0) this.#attributesChanged();
    return error;
  }
  #attributesChanged(): void {
    this.ctime = this.fs.clock();
    this.touched();
  }
}

/** What a mapping of a regular file reads and writes: the inode itself is the identity that sharers have in common. */
export class InodeBacking implements Backing {
  readonly #inode: Inode;
  readonly name: string;
  constructor(inode: Inode, path: Name) {
    this.#inode = inode;
    this.name = path;
  }
  get identity(): object {
    return this.#inode;
  }
  get size(): number {
    return this.#inode.size;
  }
  get device(): readonly [number, number] {
    const dev = this.#inode.dev;
    return [(dev >>> 8) & 0xfff, (dev & 0xff) | ((dev >>> 12) & 0xfff00)];
  }
  get inode(): number {
    return this.#inode.ino;
  }
  fill(offset: number, into: Uint8Array): number {
    const n = this.#inode.fill(into, offset);
    return n < 0 ? 0 : n;
  }
  store(offset: number, from: Uint8Array): void {
    // A mapping does not grow its file.
    const n = Math.min(from.length, this.#inode.size - offset);
    if (n > 0) this.#inode.write(from.subarray(0, n), offset);
  }
  hold(): void {
    this.#inode.hold();
  }
  release(): void {
    this.#inode.release();
  }
}

/** A file for {@link createMemoryFs}: text or bytes (mode 0644), or more. */
export type MemoryFile =
  | string
  | Uint8Array
  | {
    readonly content: string | Uint8Array;
    readonly mode?: number;
    /** Owner of the root; default 0. */
    readonly uid?: number;
    /** Group of the root; default 0. */
    readonly gid?: number;
  }
  | { readonly symlink: string }
  | { readonly directory: true; readonly mode?: number; readonly uid?: number; readonly gid?: number };

/**
 * A memory file system with these files. Keys are paths; directories on the way are made.
 *
 * @example
 * ```ts
 * import { createMemoryFs } from "@guise/vfs";
 * const fs = createMemoryFs({ "/etc/motd": "Hello\n", "/bin/sh": { symlink: "busybox" } });
 * console.assert(fs.type === "tmpfs");
 * ```
 */
export function createMemoryFs(
  files: Readonly<Record<string, MemoryFile>> = {},
  options: MemoryFsOptions = {},
): MemoryFs {
  const fs = new MemoryFs(options);
  const refuse = (path: string, why: number): never => {
    throw new Error(
      `guise: cannot make ${JSON.stringify(path)} in memory: error ${-why}; check the files given`,
    );
  };
  for (const [path, file] of Object.entries(files)) {
    const parts = nameOf(path).split("/").filter((part) => part !== "" && part !== ".");
    let dir = fs.root;
    const last = parts.pop();
    for (const part of parts) {
      let next = dir.lookup(part);
      if (next === ENOENT) next = dir.create(part, { mode: S_IFDIR | 0o755, uid: 0, gid: 0 });
      if (typeof next === "number") return refuse(path, next);
      dir = next;
    }
    const more = typeof file === "string" || file instanceof Uint8Array ? { content: file } : file;
    if ("directory" in more) {
      const mode = more.mode ?? 0o755, uid = more.uid ?? 0, gid = more.gid ?? 0;
      const old = last === undefined ? dir : dir.lookup(last);
      const made = typeof old === "number" ? dir.create(last!, { mode: S_IFDIR | mode, uid, gid }) : old;
      if (typeof made === "number") return refuse(path, made);
      made.setattr({ mode, uid, gid });
      continue;
    }
    if (last === undefined) return refuse(path, EISDIR);
    const target = "symlink" in more ? nameOf(more.symlink) : undefined;
    const mode = "symlink" in more ? S_IFLNK | 0o777 : S_IFREG | (more.mode ?? 0o644);
    const owner = "symlink" in more ? { uid: 0, gid: 0 } : { uid: more.uid ?? 0, gid: more.gid ?? 0 };
    const made = dir.create(last, { mode, ...owner, target });
    if (typeof made === "number") return refuse(path, made);
    if (!("content" in more)) continue;
    const bytes = typeof more.content === "string" ? bytesOfName(nameOf(more.content)) : more.content;
    if (bytes.length > 0 && made.write(bytes, 0) !== bytes.length) return refuse(path, ENOSPC);
  }
  return fs;
}
