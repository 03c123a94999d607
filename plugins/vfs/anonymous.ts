/** Inodes without a name, for pipes, sockets, epoll and the like: `pipe:[7]`, `anon_inode:[eventfd]`. */
import { EACCES, type Errno } from "@guise/core";
import type { Caller, Location } from "./context.ts";
import { anonymousDev, type AttrChange, type FileSystem, Inode, type StatFs } from "./inode.ts";
import type { OpenFile } from "./file.ts";
import { S_IFDIR, S_IFMT } from "./constants.ts";
import { hostTime, type TimeSource } from "./time.ts";
import { openFifo } from "./pipe.ts";

class Nothing extends Inode {
  /** One for each type. */
  readonly fs: FileSystem;
  readonly ino: number = 0;
  constructor(fs: FileSystem) {
    super(S_IFDIR | 0o555, 0, 0, { sec: 0, nsec: 0 });
    this.fs = fs;
  }
}

/** The file system that nameless inodes of one type are in. */
export class AnonymousFs implements FileSystem {
  readonly type: string;
  readonly dev: number = anonymousDev();
  readonly readonly: boolean = false;
  clock: TimeSource = hostTime;
  /** `pipefs`, `sockfs`, `anon_inodefs`… */
  constructor(type: string) {
    this.type = type;
  }
  /** An empty place: nothing is looked up here. */
  readonly root: Inode = new Nothing(this);
  /** No sizes: it has no store. */
  statfs(): StatFs {
    return {
      type: 0x09041934,
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

const systems = new Map<string, AnonymousFs>();
let nextIno = 1;

/** An inode without a name. Its `name` is what /proc/self/fd shows. */
export class AnonymousInode extends Inode {
  /** One for each type. */
  readonly fs: FileSystem;
  /** Unique among nameless inodes. */
  readonly ino: number;
  /** `type`: `pipe`, `socket` (shown as `pipe:[ino]`) or another, as `[eventfd]` (shown as `anon_inode:[eventfd]`). */
  constructor(type: string, mode: number, caller: Caller) {
    super(mode, caller.cred.fsuid, caller.cred.fsgid, caller.fs.vfs.clock());
    const system = type.startsWith("[") ? "anon_inodefs" : type + "fs";
    let fs = systems.get(system);
    if (fs === undefined) systems.set(system, fs = new AnonymousFs(system));
    this.fs = fs;
    this.ino = nextIno++;
    this.name = type.startsWith("[") ? `anon_inode:${type}` : `${type}:[${this.ino}]`;
  }
  /** Modes and owners are kept. */
  override setattr(change: AttrChange): 0 | Errno {
    if (change.mode !== undefined) this.mode = (this.mode & S_IFMT) | (change.mode & 0o7777);
    if (change.uid !== undefined) this.uid = change.uid;
    if (change.gid !== undefined) this.gid = change.gid;
    return 0;
  }
  /** By /proc/self/fd only. */
  override open(location: Location, flags: number, caller: Caller): OpenFile | Errno {
    return (this.mode & S_IFMT) === 0o010000 ? openFifo(location, flags, caller) : EACCES;
  }
}
