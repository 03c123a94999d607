/**
 * A file system whose writes stay in memory, above another one that is only read. An inode of the overlay is one
 * object for all its life: what was not changed comes from below, changed attributes and chunks of content are in
 * memory, so inode numbers and mappings survive the first write. A directory remembers what was made in it and, as a
 * whiteout, what was taken away; a directory that is moved takes its lower one along.
 */
import { type Backing, ENOENT, ENOTDIR, type Errno } from "@guise/core";
import { Content } from "./chunks.ts";
import { direntType, S_IFMT, S_IFREG } from "./constants.ts";
import type { Caller } from "./context.ts";
import type { FileSystem, Inode, Listing, NewInode, StatFs } from "./inode.ts";
import { MemoryFs, type MemoryFsOptions, MemoryInode } from "./memory_fs.ts";
import type { Name } from "./names.ts";

/** Limits of the memory above, and what is below. */
export interface OverlayFsOptions extends MemoryFsOptions {
  /** What is below; never written to. */
  readonly lower: FileSystem;
}

/** Cursors of entries above, in a listing, start here: behind all that are below. */
const ABOVE = 2 ** 40;
/** More unchanged inodes than this are forgotten at the next chance. */
const CACHE = 65536;

/** A memory layer over a file system. */
export class OverlayFs extends MemoryFs {
  /** What is below; never written to. */
  readonly lower: FileSystem;
  readonly #wrapped = new WeakMap<Inode, OverlayInode>();
  #cached = 0;

  /** Everything is as below at first. */
  constructor(options: OverlayFsOptions) {
    super({ type: "overlay", ...options });
    this.lower = options.lower;
    // Far from the numbers of what is below.
    this.nextIno = 3_000_000_000;
  }
  /** The root over the lower root. */
  protected override makeRoot(options: MemoryFsOptions): Inode {
    const { lower } = options as OverlayFsOptions;
    return new OverlayInode(this, lower.root.ino, attrOf(lower.root), lower.root.dev, lower.root);
  }
  /** Limits of the memory above. */
  override statfs(): StatFs {
    return { ...super.statfs(), type: 0x794c7630 };
  }
  /**
   * An inode above.
   *
   * @ignore
   */
  protected override makeInode(attr: NewInode, dir: MemoryInode): MemoryInode {
    return new OverlayInode(this, this.newIno(), attr, dir.dev, undefined);
  }
  /**
   * Forgets inodes that are as below and held by nobody. Never in the middle of an operation, which may be about to
   * change what it has looked up: hence from a microtask, when the kernel has returned to the host's loop. Returns how many stay.
   */
  forget(): number {
    const kept = (this.root as OverlayInode).prune();
    // Half of the room at least is for what comes, or every look-up would sweep.
    this.#cached = Math.min(kept, CACHE / 2);
    return kept;
  }
  /**
   * The inode over a lower one.
   *
   * @ignore
   */
  wrap(lower: Inode): OverlayInode | Errno {
    let inode = this.#wrapped.get(lower);
    if (inode !== undefined) {
      inode.followLower();
      return inode;
    }
    let target: Name | undefined;
    if (lower.isSymlink) {
      const found = lower.readlink();
      if (typeof found === "number") return found;
      target = found;
    }
    inode = new OverlayInode(this, lower.ino, { ...attrOf(lower), target }, lower.dev, lower);
    this.#wrapped.set(lower, inode);
    if (++this.#cached === CACHE) queueMicrotask(() => this.forget());
    return inode;
  }
}

function attrOf(inode: Inode): NewInode {
  const { mode, uid, gid, rdev } = inode;
  return { mode, uid, gid, rdev };
}

/** The same file below, though perhaps another object (caches are pruned). */
function sameFile(a: Inode, b: Inode): boolean {
  return a === b || (a.ino === b.ino && a.dev === b.dev && ((a.mode ^ b.mode) & S_IFMT) === 0);
}

/** An inode of an {@link OverlayFs}. */
export class OverlayInode extends MemoryInode {
  declare readonly fs: OverlayFs;
  readonly #lower: Inode | undefined;
  readonly #dev: number;
  /** Something here differs from what is below: it must not be forgotten, nor brought up to date from there. */
  #changed = false;
  /** Something inside was changed: it stays, even when the host removes what is below. */
  #anchored = false;
  /** Entries that are below and were looked up; those that are above, and whiteouts, are in `entries`. */
  #seen: Map<Name, OverlayInode> | undefined;

  constructor(fs: OverlayFs, ino: number, attr: NewInode, dev: number, lower: Inode | undefined) {
    const content = lower !== undefined && (attr.mode & S_IFMT) === S_IFREG
      ? new Content(fs.budget, lower, lower.size)
      : undefined;
    super(fs, ino, attr, content);
    this.#lower = lower;
    this.#dev = dev;
    if (lower === undefined) this.#changed = true;
    else {
      this.#takeLower(lower);
      // FIFOs and sockets of a host are not opened.
      if (lower.open !== undefined) this.open = lower.open;
    }
  }
  #takeLower(lower: Inode): void {
    this.mode = lower.mode;
    this.uid = lower.uid;
    this.gid = lower.gid;
    this.nlink = lower.nlink;
    this.atime = lower.atime;
    this.mtime = lower.mtime;
    this.ctime = lower.ctime;
    this.btime = lower.btime;
    this.size = lower.size;
    if (this.content !== undefined && this.content.size !== lower.size) this.content.resizeLower(lower.size);
  }
  /** The lower inode was looked at again: takes over what changed there, if nothing changed here. */
  followLower(): void {
    if (!this.#changed) this.#takeLower(this.#lower!);
  }
  protected override touched(): void {
    this.#changed = true;
    for (let at = this.parent as OverlayInode | undefined; at !== undefined && !at.#anchored;) {
      at.#anchored = true;
      at = at.parent as OverlayInode | undefined;
    }
  }
  override get dev(): number {
    return this.#dev;
  }
  override get blocks(): number {
    return this.#changed || this.#lower === undefined ? super.blocks : this.#lower.blocks;
  }
  override refresh(): 0 | Errno {
    if (this.#changed) return 0;
    const error = this.#lower!.refresh();
    if (error === 0) this.followLower();
    return error;
  }
  override accessed(): void {
    if (this.#changed) super.accessed();
  }
  override hold(): void {
    if (this.holds === 0) this.#lower?.hold();
    super.hold();
  }
  override release(): void {
    super.release();
    if (this.holds === 0) this.#lower?.release();
  }
  /** What is as below can come from what the lower file keeps for mappings. */
  override fill(into: Uint8Array, offset: number): number | Errno {
    return this.#changed || this.#lower === undefined
      ? super.fill(into, offset)
      : this.#lower.fill(into, offset);
  }
  override backing(path: Name): Backing | Errno {
    // Who maps the file wants it as it is now.
    if (!this.#changed && this.isRegular) this.refresh();
    return super.backing(path);
  }
  override prepare(_write: boolean): 0 | Errno {
    return this.content?.hasLower === true ? this.#lower!.prepare(false) : 0;
  }
  protected override giveTarget(): void {
    // Targets from below were never counted.
    if (this.#lower === undefined) super.giveTarget();
  }
  protected override free(): void {
    super.free();
    this.#seen = undefined;
  }
  /** Forgets what is as below and held by nobody; returns how many stay. */
  prune(depth = 0): number {
    // A guest can make directories deeper than our stack.
    if (depth > 500) return 1;
    let kept = 0;
    for (const [name, child] of this.#seen ?? []) {
      const inside = child.prune(depth + 1);
      if (inside === 0 && !child.#changed && child.holds === 0) this.#seen!.delete(name);
      else kept += inside + 1;
    }
    for (const child of this.entries?.values() ?? []) {
      if (child !== undefined) kept += (child as OverlayInode).prune(depth + 1);
    }
    return kept;
  }

  override lookup(name: Name, caller?: Caller): Inode | Errno {
    const { entries } = this;
    if (entries === undefined) return ENOTDIR;
    if (entries.has(name)) return entries.get(name) ?? ENOENT;
    const lower = this.#lower;
    if (lower === undefined) return ENOENT;
    // A removed directory is empty, whatever is still below.
    if (this.nlink === 0) return ENOENT;
    const seen = this.#seen?.get(name);
    if (seen !== undefined && (seen.#changed || seen.#anchored)) return seen;
    const found = lower.lookup(name, caller);
    if (typeof found === "number") {
      this.#seen?.delete(name);
      return found;
    }
    if (seen !== undefined && sameFile(seen.#lower!, found)) {
      seen.#takeLower(found);
      return seen;
    }
    const inode = this.fs.wrap(found);
    if (typeof inode === "number") return inode;
    (this.#seen ??= new Map()).set(name, inode);
    inode.parent = this;
    inode.name = name;
    return inode;
  }
  protected override place(name: Name, inode: MemoryInode): void {
    super.place(name, inode);
    this.#seen?.delete(name);
  }
  protected override displace(name: Name): void {
    const below = this.#seen?.delete(name) === true ||
      (this.#lower !== undefined && typeof this.#lower.lookup(name) !== "number");
    if (below) {
      if (!this.entries!.has(name)) this.fs.forceName();
      this.entries!.set(name, undefined);
    } else super.displace(name);
  }
  protected override get empty(): boolean {
    for (const entry of this.entries!.values()) if (entry !== undefined) return false;
    if (this.#lower === undefined) return true;
    const listing = this.#lower.listing(NOBODY);
    if (typeof listing === "number") return true;
    let empty = true;
    listing.read(0, (name) => {
      if (this.entries!.has(name)) return true;
      empty = false;
      return false;
    });
    return empty;
  }
  override listing(caller: Caller): Listing | Errno {
    const { entries } = this;
    if (entries === undefined) return ENOTDIR;
    const below = this.#lower?.listing(caller);
    if (typeof below === "number") return below;
    return {
      read: (cursor, emit) => {
        if (below !== undefined && cursor < ABOVE) {
          let full = false;
          const error = below.read(cursor, (name, ino, type, next) => {
            if (entries.has(name) || emit(name, ino, type, next)) return true;
            full = true;
            return false;
          });
          if (full || error !== 0) return error;
        }
        entries.read(Math.max(0, cursor - ABOVE), (e) => {
          const inode = e.value;
          return inode === undefined || emit(e.name, inode.ino, direntType(inode.mode), ABOVE + e.cookie);
        });
        return 0;
      },
    };
  }
}

/** Lower file systems do not look at who lists them, but for generated ones, which are no good as a lower layer. */
const NOBODY = undefined as unknown as Caller;
