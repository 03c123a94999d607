/**
 * A folder of the host as a file system, read-only or read-write. Every look-up asks the host again, so that changes
 * made there are seen; inodes are kept by name and compared by number, so that the same file stays the same inode.
 * FIFOs, sockets and devices of the host are seen and never opened.
 */
import {
  type Backing,
  EILSEQ,
  EINVAL,
  EIO,
  EISDIR,
  ENODEV,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  type Errno,
  ESTALE,
} from "@guise/core";
import { direntType, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from "./constants.ts";
import { takeStat } from "./host_file.ts";
import type { HostEntry, HostFile, HostFolder, HostStat } from "./host_folder.ts";
import {
  anonymousDev,
  type AttrChange,
  type FileSystem,
  Inode,
  type Listing,
  type NewInode,
  type StatFs,
} from "./inode.ts";
import { MappedCache } from "./mapped_cache.ts";
import { InodeBacking } from "./memory_fs.ts";
import { type Name, nameOf, textOfExact } from "./names.ts";
import { hostTime, msOfTime, type TimeSource } from "./time.ts";

/** Options of a {@link HostFs}. */
export interface HostFsOptions {
  /** Refuse all changes; default true. */
  readonly readonly?: boolean;
  /** Name of the type, default `hostfs`. */
  readonly type?: string;
}

/** More cached names than this are thrown away at the next chance. */
const CACHE = 65536;
/** Milliseconds for which a directory need not be looked at again on the way to something in it. */
const FRESH = 5;

/** A folder of the host. */
export class HostFs implements FileSystem {
  readonly type: string;
  readonly dev: number = anonymousDev();
  readonly readonly: boolean;
  /** The folder itself. */
  readonly root: Inode;
  readonly #root: HostInode;
  clock: TimeSource = hostTime;
  /** The folder it shows. */
  readonly folder: HostFolder;
  /** Goes up with each rename of a directory: cached paths are old then. */
  moves = 0;
  /** Files with several names, so that they are one inode whichever is looked up. */
  readonly #linked = new Map<string, WeakRef<HostInode>>();
  #cached = 0;
  #nextIno = 2 ** 40;

  /** Throws, with a line for a person, when the folder is not there. */
  constructor(folder: HostFolder, options: HostFsOptions = {}) {
    this.folder = folder;
    this.readonly = options.readonly ?? true;
    this.type = options.type ?? "hostfs";
    const stat = folder.lstat("");
    if (typeof stat === "number" || (stat.mode & S_IFMT) !== S_IFDIR) {
      const why = typeof stat === "number" ? `error ${-stat}` : "it is no folder";
      throw new Error(`guise: cannot use ${folder.name} as a file system: ${why}`);
    }
    this.root = this.#root = new HostInode(this, stat, undefined, "");
  }
  /**
   * The inode that a look-up found: the one known by that name, or by its number, or a new one.
   *
   * @ignore
   */
  take(stat: HostStat, parent: HostInode, name: Name, known: HostInode | undefined): HostInode {
    if (known !== undefined && known.matches(stat)) {
      known.update(stat);
      return known;
    }
    const several = stat.nlink > 1 && stat.ino !== 0 && (stat.mode & S_IFMT) !== S_IFDIR;
    const key = several ? `${stat.dev}:${stat.ino}` : "";
    if (several) {
      const other = this.#linked.get(key)?.deref();
      if (other !== undefined && other.matches(stat)) {
        other.update(stat);
        return other;
      }
    }
    const made = new HostInode(this, stat, parent, name);
    if (several) this.#linked.set(key, new WeakRef(made));
    if (++this.#cached === CACHE) queueMicrotask(() => this.forget());
    return made;
  }
  /** Forgets inodes that nobody holds; from a microtask, as the overlay does. */
  forget(): void {
    this.#cached = Math.min(this.#root.prune(), CACHE / 2);
    for (const [key, ref] of this.#linked) if (ref.deref() === undefined) this.#linked.delete(key);
  }
  /** A number for hosts that have none. */
  newIno(): number {
    return this.#nextIno++;
  }
  /** Sizes, as far as the host tells them. */
  statfs(): StatFs {
    const known = this.folder.statfs?.();
    const host = typeof known === "object" ? known : { blocks: 0, bfree: 0, bsize: 4096 };
    return { type: 0xef53, ...host, bavail: host.bfree, files: 0, ffree: 0, namelen: 255 };
  }
}

/** Counts names that guests made in host folders, whichever mount they are seen through. */
let made = 0;
/** A directory's time says whether it has changed when it is at least this old, in ms. */
const SETTLED = 100;
/** Missing names that a directory remembers. */
const MISSING_MOST = 1000;

/** A file of the host. */
export class HostInode extends Inode {
  readonly fs: HostFs;
  ino: number;
  #hostIno: number;
  #dev: number;
  #blocks: number;
  #children: Map<Name, HostInode> | undefined;
  #handle: HostFile | undefined;
  #handleWrites = false;
  #path = "";
  #seenAt = -Infinity;
  /** Names that are not there, while the directory is as in `#missingAs` and guests have made no names since. */
  #missing: Set<Name> | undefined;
  #missingAs: HostStat | undefined;
  #missingMade = 0;
  #misses = 0;
  #mapped: MappedCache | undefined;
  #pathMoves = -1;
  declare readonly open: Inode["open"];

  constructor(fs: HostFs, stat: HostStat, parent: HostInode | undefined, name: Name) {
    super(stat.mode, stat.uid, stat.gid, { sec: 0, nsec: 0 });
    this.fs = fs;
    this.#hostIno = stat.ino;
    this.ino = stat.ino === 0 ? fs.newIno() : stat.ino;
    this.#dev = stat.dev;
    this.#blocks = stat.blocks;
    this.parent = parent;
    this.name = name;
    takeStat(this, stat);
    const type = stat.mode & S_IFMT;
    // Another program of the host would be at the other end.
    if (type === S_IFIFO || type === S_IFSOCK) this.open = () => ENXIO;
  }
  override get dev(): number {
    return this.#dev;
  }
  override get blocks(): number {
    return this.#blocks;
  }
  /** Path below the folder, in text. */
  get path(): string {
    if (this.#pathMoves === this.fs.moves) return this.#path;
    const parent = this.parent as HostInode | undefined;
    const name = textOfExact(this.name) ?? "";
    this.#path = parent === undefined ? "" : parent.parent === undefined ? name : `${parent.path}/${name}`;
    this.#pathMoves = this.fs.moves;
    return this.#path;
  }
  /** Its place has changed. */
  moved(parent: HostInode, name: Name): void {
    this.parent = parent;
    this.name = name;
    this.#pathMoves = -1;
  }
  /** Whether the host speaks of this very file. */
  matches(stat: HostStat): boolean {
    return stat.ino === this.#hostIno && stat.dev === this.#dev && ((stat.mode ^ this.mode) & S_IFMT) === 0;
  }
  update(stat: HostStat): void {
    takeStat(this, stat);
    this.#blocks = stat.blocks;
  }
  override refresh(): 0 | Errno {
    const stat = this.#handle !== undefined ? this.#handle.stat() : this.fs.folder.lstat(this.path);
    if (typeof stat === "number") {
      // Removed behind our back: what holds it goes on with what it knew.
      if (stat !== ENOENT) return stat;
      this.nlink = 0;
    } else if (this.matches(stat)) this.update(stat);
    else this.nlink = 0;
    return 0;
  }
  override release(): void {
    super.release();
    if (this.holds === 0) this.#close();
  }
  #close(): void {
    this.#handle?.close();
    this.#handle = undefined;
  }
  /** Drops cached entries that nothing holds; returns how many stay. */
  prune(depth = 0): number {
    if (depth > 500) return 1;
    let kept = 0;
    for (const [name, child] of this.#children ?? []) {
      const inside = child.prune(depth + 1);
      if (inside === 0 && child.holds === 0) this.#children!.delete(name);
      else kept += inside + 1;
    }
    return kept;
  }

  // Directories.

  /** Path of an entry; undefined when the host cannot have such a name. */
  #entry(name: Name): string | undefined {
    const text = textOfExact(name);
    if (text === undefined) return undefined;
    return this.parent === undefined ? text : `${this.path}/${text}`;
  }
  override lookup(name: Name): HostInode | Errno {
    if (!this.isDirectory) return ENOTDIR;
    const path = this.#entry(name);
    if (path === undefined) return ENOENT;
    const known = this.#children?.get(name);
    const now = performance.now();
    // A directory seen a moment ago is taken as still there: most of a walk is the way, and stat(2) asks anyway.
    if (known !== undefined && known.isDirectory && now - known.#seenAt < FRESH) return known;
    if (known === undefined && this.#missing?.has(name) === true && this.#unchanged()) return ENOENT;
    const stat = this.fs.folder.lstat(path);
    if (typeof stat === "number") {
      this.#children?.delete(name);
      if (stat === ENOENT) this.#miss(name, performance.timeOrigin + now);
      return stat;
    }
    const inode = this.fs.take(stat, this, name, known);
    if (inode !== known) (this.#children ??= new Map()).set(name, inode);
    if (inode.parent !== this || inode.name !== name) inode.moved(this, name);
    inode.#seenAt = now;
    return inode;
  }
  /** Remembers that a name is missing, as of `wall` (ms). Asking for one is dear: Deno makes an exception of it. */
  #miss(name: Name, wall: number): void {
    if (this.#missing === undefined) {
      if (++this.#misses < 2) return;
      this.#misses = 0;
      const stat = this.fs.folder.lstat(this.path);
      // A change in the same tick as the look would not show later.
      if (typeof stat === "number" || Math.max(stat.mtimeMs, stat.ctimeMs) > wall - SETTLED) return;
      this.#missing = new Set();
      this.#missingAs = stat;
      this.#missingMade = made;
    } else if (this.#missing.size >= MISSING_MOST) return;
    this.#missing.add(name);
  }
  /** Whether the directory is as it was when names were found missing. */
  #unchanged(): boolean {
    const was = this.#missingAs!;
    const stat = this.#missingMade === made ? this.fs.folder.lstat(this.path) : ENOENT;
    if (
      typeof stat !== "number" && stat.ino === was.ino && stat.dev === was.dev &&
      stat.mtimeMs === was.mtimeMs && stat.ctimeMs === was.ctimeMs
    ) return true;
    this.#missing = this.#missingAs = undefined;
    return false;
  }
  override listing(): Listing | Errno {
    const found = this.fs.folder.readdir(this.path);
    if (typeof found === "number") return found;
    const { folder } = this.fs;
    const inoOf = (entry: HostEntry, name: Name) => {
      const known = entry.ino ?? this.#children?.get(name)?.ino;
      if (known !== undefined && entry.type !== 0) return { ino: known, type: direntType(entry.type) };
      const stat = folder.lstat(this.#entry(name)!);
      return typeof stat === "number" ? undefined : { ino: stat.ino || 1, type: direntType(stat.mode) };
    };
    return {
      read: (cursor, emit) => {
        for (let i = cursor; i < found.length; i++) {
          const name = nameOf(found[i].name);
          const more = inoOf(found[i], name);
          if (more !== undefined && !emit(name, more.ino, more.type, i + 1)) break;
        }
        return 0;
      },
    };
  }
  override create(name: Name, attr: NewInode): Inode | Errno {
    if (this.fs.readonly) return EROFS;
    const path = this.#entry(name);
    if (path === undefined) return EILSEQ;
    const { folder } = this.fs;
    made++;
    const mode = attr.mode & 0o7777;
    let result: HostFile | Errno | undefined;
    switch (attr.mode & S_IFMT) {
      case S_IFREG:
        result = folder.create?.(path, mode);
        break;
      case S_IFDIR:
        result = folder.mkdir?.(path, mode);
        break;
      case S_IFLNK: {
        const target = textOfExact(attr.target ?? "");
        result = target === undefined ? EILSEQ : folder.symlink?.(target, path);
        break;
      }
      default:
        return EPERM;
    }
    if (result === undefined) return EROFS;
    if (typeof result === "number" && result !== 0) return result;
    const inode = this.lookup(name);
    if (typeof result !== "number") {
      if (typeof inode === "number") result.close();
      else {
        // Open for writing whatever its mode; the open file that follows takes it over.
        inode.#close();
        inode.#handle = result;
        inode.#handleWrites = true;
      }
    }
    this.refresh();
    return inode;
  }
  override link(name: Name, inode: Inode): 0 | Errno {
    if (this.fs.readonly) return EROFS;
    const path = this.#entry(name);
    if (path === undefined) return EILSEQ;
    made++;
    const error = this.fs.folder.link?.((inode as HostInode).path, path) ?? EROFS;
    if (error === 0) {
      inode.refresh();
      this.refresh();
    }
    return error;
  }
  /** A name of `inode` here is gone. */
  #gone(name: Name, inode: HostInode): void {
    this.#children?.delete(name);
    inode.nlink = inode.isDirectory ? 0 : Math.max(0, inode.nlink - 1);
    this.refresh();
  }
  override unlink(name: Name, inode: Inode): 0 | Errno {
    return this.#remove(name, inode, (path) => this.fs.folder.unlink?.(path));
  }
  override rmdir(name: Name, inode: Inode): 0 | Errno {
    return this.#remove(name, inode, (path) => this.fs.folder.rmdir?.(path));
  }
  #remove(name: Name, inode: Inode, remove: (path: string) => 0 | Errno | undefined): 0 | Errno {
    if (this.fs.readonly) return EROFS;
    const path = this.#entry(name);
    if (path === undefined) return ENOENT;
    const error = remove(path) ?? EROFS;
    if (error === 0) this.#gone(name, inode as HostInode);
    return error;
  }
  override rename(
    name: Name,
    inode: Inode,
    to: Inode,
    newName: Name,
    target: Inode | undefined,
    flags: number,
  ): 0 | Errno {
    if (this.fs.readonly) return EROFS;
    if (flags !== 0 && target !== undefined) return EINVAL;
    const dir = to as HostInode, moved = inode as HostInode;
    const from = this.#entry(name), path = dir.#entry(newName);
    if (from === undefined) return ENOENT;
    if (path === undefined) return EILSEQ;
    made++;
    const error = this.fs.folder.rename?.(from, path) ?? EROFS;
    if (error !== 0) return error;
    this.#children?.delete(name);
    if (target !== undefined) dir.#gone(newName, target as HostInode);
    (dir.#children ??= new Map()).set(newName, moved);
    moved.moved(dir, newName);
    if (moved.isDirectory) this.fs.moves++;
    moved.refresh();
    this.refresh();
    if (dir !== this) dir.refresh();
    return 0;
  }
  override readlink(): Name | Errno {
    if (!this.isSymlink) return EINVAL;
    const target = this.fs.folder.readlink(this.path);
    return typeof target === "number" ? target : nameOf(target);
  }

  // Content.

  override prepare(write: boolean): 0 | Errno {
    if (write && this.fs.readonly) return EROFS;
    if (this.#handle !== undefined && (!write || this.#handleWrites)) return 0;
    const file = this.fs.folder.open(this.path, write);
    if (typeof file === "number") return file;
    const stat = file.stat();
    if (typeof stat === "number" || !this.matches(stat)) {
      file.close();
      return typeof stat === "number" ? stat : ESTALE;
    }
    this.#close();
    this.#handle = file;
    this.#handleWrites = write;
    return 0;
  }
  /** Uses the open handle, or one for this time only. */
  #with(write: boolean, use: (file: HostFile) => number | Errno): number | Errno {
    const error = this.prepare(write);
    if (error !== 0) return error;
    const result = use(this.#handle!);
    if (this.holds === 0) this.#close();
    return result;
  }
  override read(into: Uint8Array, offset: number): number | Errno {
    if (this.#handle !== undefined) return this.#handle.read(into, offset);
    if (!this.isRegular) return this.isDirectory ? EISDIR : EINVAL;
    return this.#with(false, (file) => file.read(into, offset));
  }
  /** Files that guests can write are read each time. */
  override fill(into: Uint8Array, offset: number): number | Errno {
    if (!this.fs.readonly || !this.isRegular || into.length === 0) return this.read(into, offset);
    this.#mapped ??= new MappedCache();
    return this.#mapped.fill(this, into, offset, (bytes, at) => this.read(bytes, at));
  }
  override write(from: Uint8Array, offset: number): number | Errno {
    if (!this.isRegular) return super.write(from, offset);
    const n = this.#with(true, (file) => file.write(from, offset));
    if (n > 0) {
      this.size = Math.max(this.size, offset + n);
      this.mtime = this.ctime = this.fs.clock();
    }
    return n < 0 || n > 0 ? n : EIO;
  }
  override truncate(size: number): 0 | Errno {
    if (!this.isRegular) return super.truncate(size);
    const error = this.#with(true, (file) => file.truncate(size));
    if (error === 0) {
      this.size = size;
      this.mtime = this.ctime = this.fs.clock();
    }
    return error as 0 | Errno;
  }
  override allocate(mode: number, offset: number, length: number): 0 | Errno {
    if (!this.isRegular) return super.allocate(mode, offset, length);
    if (mode !== 0) return EOPNOTSUPP;
    return offset + length > this.size ? this.truncate(offset + length) : 0;
  }
  override sync(dataOnly: boolean): 0 | Errno {
    return this.#handleWrites && this.#handle !== undefined ? this.#handle.sync(dataOnly) : 0;
  }
  override backing(path: Name): Backing | Errno {
    return this.isRegular ? new InodeBacking(this, path) : ENODEV;
  }
  override setattr(change: AttrChange): 0 | Errno {
    if (this.fs.readonly) return EROFS;
    const { folder } = this.fs;
    const { path } = this;
    if (change.uid !== undefined || change.gid !== undefined) {
      const error = folder.lchown?.(path, change.uid ?? this.uid, change.gid ?? this.gid) ?? EROFS;
      if (error !== 0) return error;
    }
    if (change.mode !== undefined && change.mode !== (this.mode & 0o7777)) {
      const error = folder.chmod?.(path, change.mode) ?? EROFS;
      if (error !== 0) return error;
    }
    if (change.atime !== undefined || change.mtime !== undefined) {
      const error =
        folder.utimes?.(path, msOfTime(change.atime ?? this.atime), msOfTime(change.mtime ?? this.mtime)) ??
          EROFS;
      if (error !== 0) return error;
    }
    return this.refresh();
  }
}
