/**
 * A file system of generated files, from which /proc and /sys are made: directories that list themselves when asked,
 * files whose content is made when they are read from the start, links that are computed. Nodes are plain objects.
 */
import { EBADF, EINVAL, EIO, ENOENT, ENOTDIR, EPERM, type Errno } from "@guise/core";
import { direntType, S_IFDIR, S_IFLNK, S_IFREG, SEEK_CUR, SEEK_SET, SIZE_MAX } from "./constants.ts";
import type { Caller, Location } from "./context.ts";
import type { Credentials } from "./cred.ts";
import { OpenFile } from "./file.ts";
import { anonymousDev, type AttrChange, type FileSystem, Inode, type Listing, type StatFs } from "./inode.ts";
import type { Name } from "./names.ts";
import { hostTime, type TimeSource } from "./time.ts";

/** What all nodes have. */
export interface GeneratedBase {
  /** Permission bits; default 0444 for files, 0555 for directories, 0777 for links. */
  readonly mode?: number;
  /** Owner now; default root. */
  readonly owner?: () => { readonly uid: number; readonly gid: number };
  /** Size that stat tells, default 0. */
  readonly size?: number;
  /** Names the thing, so that its inode number is the same when the object is another. */
  readonly id?: string;
  /** Owner, times and mode cannot be changed by anybody (S_IMMUTABLE): a process's folder in /proc. */
  readonly immutable?: boolean;
  /** Files and directories: opens it in a way of their own. */
  readonly open?: (location: Location, flags: number, caller: Caller) => OpenFile | Errno;
}
/** A file: content is made when it is read at offset 0. Text is written as UTF-8. */
export interface GeneratedFile extends GeneratedBase {
  /** What it is. */
  readonly kind: "file";
  /** The content now; absent: it cannot be read (EINVAL). */
  readonly read?: (caller: Caller) => string | Uint8Array | Errno;
  /** Takes what one write(2) gives; returns the bytes taken. */
  readonly write?: (bytes: Uint8Array, caller: Caller) => number | Errno;
  /** For files that are not a text made at once (/proc/PID/mem): read and write at an offset. */
  readonly readAt?: (into: Uint8Array, offset: number, caller: Caller) => number | Errno;
  /** See {@link readAt}. */
  readonly writeAt?: (from: Uint8Array, offset: number, caller: Caller) => number | Errno;
}
/** A directory. */
export interface GeneratedDirectory extends GeneratedBase {
  /** What it is. */
  readonly kind: "directory";
  /** The entry of that name now; undefined: ENOENT. One thing should be one object, or have one `id`, while it exists. */
  readonly lookup: (name: Name, caller: Caller) => GeneratedNode | undefined;
  /** The names now, in the order of the listing. */
  readonly names: (caller: Caller) => Iterable<Name>;
}
/** A symbolic link; `follow` makes it a magic one, that leads to a place. */
export interface GeneratedLink extends GeneratedBase {
  /** What it is. */
  readonly kind: "link";
  /** What readlink(2) answers. */
  readonly target: (caller: Caller) => Name | Errno;
  /** Where a walk goes instead. */
  readonly follow?: (caller: Caller) => Location | Errno;
}
/** Anything in a {@link GeneratedFs}. */
export type GeneratedNode = GeneratedFile | GeneratedDirectory | GeneratedLink;

/** A directory whose entries do not change. */
export function generatedDirectory(
  entries: Readonly<Record<Name, GeneratedNode>>,
  more: GeneratedBase = {},
): GeneratedDirectory {
  const map = new Map(Object.entries(entries));
  return { ...more, kind: "directory", lookup: (name) => map.get(name), names: () => map.keys() };
}

/** Name and magic number of a generated file system. */
export interface GeneratedFsOptions {
  /** `proc`, `sysfs`. */
  readonly type: string;
  /** f_type of statfs: 0x9fa0 for proc, 0x62656572 for sysfs. */
  readonly magic?: number;
}

/** A file system of {@link GeneratedNode}s. */
export class GeneratedFs implements FileSystem {
  readonly type: string;
  readonly dev: number = anonymousDev();
  readonly readonly: boolean = false;
  /** The root directory. */
  readonly root: Inode;
  clock: TimeSource = hostTime;
  readonly #magic: number;
  readonly #inodes = new WeakMap<GeneratedNode, GeneratedInode>();
  #nextIno = 1;
  /** Nothing is asked of the nodes before somebody looks. */
  constructor(root: GeneratedDirectory, options: GeneratedFsOptions) {
    this.type = options.type;
    this.#magic = options.magic ?? 0x9fa0;
    this.root = this.inodeOf(root);
  }
  /**
   * The inode of a node, the same for the same object.
   *
   * @ignore
   */
  inodeOf(node: GeneratedNode): GeneratedInode {
    let inode = this.#inodes.get(node);
    if (inode === undefined) {
      const ino = node.id === undefined ? this.#nextIno++ : hash(node.id);
      this.#inodes.set(node, inode = new GeneratedInode(this, ino, node));
    } else inode.refresh();
    return inode;
  }
  /** No sizes: it has no store. */
  statfs(): StatFs {
    return {
      type: this.#magic,
      bsize: 4096,
      blocks: 0,
      bfree: 0,
      bavail: 0,
      files: 0,
      ffree: 0,
      namelen: 255,
    };
  }
}

/** An inode number of an id: FNV-1a, in the upper half of 32 bits. */
function hash(id: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) h = Math.imul(h ^ id.charCodeAt(i), 0x01000193);
  return 0x80000000 + (h >>> 1);
}

function modeOf(node: GeneratedNode): number {
  switch (node.kind) {
    case "file":
      return S_IFREG | (node.mode ?? 0o444);
    case "directory":
      return S_IFDIR | (node.mode ?? 0o555);
    case "link":
      return S_IFLNK | (node.mode ?? 0o777);
  }
}

class GeneratedInode extends Inode {
  readonly fs: GeneratedFs;
  readonly ino: number;
  readonly node: GeneratedNode;
  declare readonly follow: Inode["follow"];
  declare readonly open: Inode["open"];
  constructor(fs: GeneratedFs, ino: number, node: GeneratedNode) {
    super(modeOf(node), 0, 0, fs.clock());
    this.fs = fs;
    this.ino = ino;
    this.node = node;
    this.size = node.size ?? 0;
    if (node.kind === "directory") this.nlink = 2;
    if (node.kind === "link" && node.follow !== undefined) this.follow = node.follow;
    if (node.kind === "file") {
      this.open = node.open ??
        ((location, flags, caller) => new GeneratedOpenFile(node, location, flags, caller.cred));
    } else if (node.open !== undefined) this.open = node.open;
    this.refresh();
  }
  override get blocks(): number {
    return 0;
  }
  override refresh(): 0 | Errno {
    this.atime = this.mtime = this.ctime = this.fs.clock();
    const owner = this.node.owner?.();
    if (owner !== undefined) {
      this.uid = owner.uid;
      this.gid = owner.gid;
    }
    return 0;
  }
  override lookup(name: Name, caller?: Caller): Inode | Errno {
    if (this.node.kind !== "directory") return ENOTDIR;
    if (caller === undefined) {
      // Asked on nobody's behalf (a path for display): what was found under that name before is still right.
      return ENOENT;
    }
    const node = this.node.lookup(name, caller);
    if (node === undefined) return ENOENT;
    const inode = this.fs.inodeOf(node);
    inode.parent = this;
    inode.name = name;
    return inode;
  }
  override readlink(caller?: Caller): Name | Errno {
    if (this.node.kind !== "link" || caller === undefined) return EINVAL;
    return this.node.target(caller);
  }
  override listing(caller: Caller): Listing | Errno {
    const { node } = this;
    if (node.kind !== "directory") return ENOTDIR;
    const names = [...node.names(caller)];
    return {
      read: (cursor, emit) => {
        for (let i = cursor; i < names.length; i++) {
          const entry = node.lookup(names[i], caller);
          if (entry === undefined) continue;
          if (!emit(names[i], this.fs.inodeOf(entry).ino, direntType(modeOf(entry)), i + 1)) break;
        }
        return 0;
      },
    };
  }
  /** As in /proc: modes are refused, other attributes are taken and have no effect. */
  override setattr(change: AttrChange): 0 | Errno {
    return change.mode !== undefined || this.node.immutable ? EPERM : 0;
  }
  override truncate(): 0 | Errno {
    return 0;
  }
}

const encoder = new TextEncoder();

/** An open generated file. */
class GeneratedOpenFile extends OpenFile {
  readonly #node: GeneratedFile;
  #content: Uint8Array | undefined;
  constructor(node: GeneratedFile, location: Location, flags: number, cred: Credentials) {
    super(location.inode, flags, cred, location);
    this.#node = node;
  }
  override get seekable(): boolean {
    return true;
  }
  override read(into: Uint8Array, caller?: Caller): number | Errno {
    const n = this.pread(into, this.position, caller);
    if (n > 0) this.position += n;
    return n;
  }
  override pread(into: Uint8Array, offset: number, caller?: Caller): number | Errno {
    if (!this.readable) return EBADF;
    if (offset < 0) return EINVAL;
    const node = this.#node;
    if (caller === undefined) return EIO;
    if (node.readAt !== undefined) return node.readAt(into, offset, caller);
    if (node.read === undefined) return EINVAL;
    if (offset === 0 || this.#content === undefined) {
      const content = node.read(caller);
      if (typeof content === "number") return content;
      this.#content = typeof content === "string" ? encoder.encode(content) : content;
    }
    const n = Math.min(into.length, Math.max(0, this.#content.length - offset));
    into.set(this.#content.subarray(offset, offset + n));
    return n;
  }
  override write(from: Uint8Array, caller?: Caller): number | Errno {
    const n = this.pwrite(from, this.position, caller);
    if (n > 0) this.position += n;
    return n;
  }
  override pwrite(from: Uint8Array, offset: number, caller?: Caller): number | Errno {
    if (!this.writable) return EBADF;
    if (offset < 0) return EINVAL;
    if (caller === undefined) return EIO;
    const node = this.#node;
    if (node.writeAt !== undefined) return node.writeAt(from, offset, caller);
    return node.write === undefined ? EIO : node.write(from, caller);
  }
  override seek(offset: number, whence: number): number | Errno {
    if (whence === SEEK_CUR) offset += this.position;
    else if (whence !== SEEK_SET) return EINVAL;
    if (offset < 0 || offset > SIZE_MAX) return EINVAL;
    return this.position = offset;
  }
  override truncate(): 0 | Errno {
    return EINVAL;
  }
}
