/** A regular file of the host that has no name here: a standard stream that was redirected to a file. */
import type { Backing, Errno } from "@guise/core";
import { AnonymousFs } from "./anonymous.ts";
import type { Caller } from "./context.ts";
import type { HostFile, HostStat } from "./host_folder.ts";
import { type AttrChange, type FileSystem, Inode } from "./inode.ts";
import { InodeBacking } from "./memory_fs.ts";
import { type Name, nameOf } from "./names.ts";
import { timeOfMs } from "./time.ts";

const system = new AnonymousFs("hostfs");

/** Takes over what the host tells of a file. */
export function takeStat(inode: Inode, stat: HostStat): void {
  inode.mode = stat.mode;
  inode.uid = stat.uid;
  inode.gid = stat.gid;
  inode.nlink = stat.nlink;
  inode.size = stat.size;
  inode.rdev = stat.rdev;
  inode.atime = timeOfMs(stat.atimeMs);
  inode.mtime = timeOfMs(stat.mtimeMs);
  inode.ctime = timeOfMs(stat.ctimeMs);
  inode.btime = timeOfMs(stat.birthtimeMs);
}

export class HostFileInode extends Inode {
  readonly fs: FileSystem = system;
  ino = 0;
  #dev = 0;
  #blocks = 0;
  readonly #file: HostFile;
  constructor(file: HostFile, caller: Caller, name = "host file") {
    super(0o100600, caller.cred.fsuid, caller.cred.fsgid, caller.fs.vfs.clock());
    this.#file = file;
    this.name = nameOf(name);
    this.refresh();
  }
  override get dev(): number {
    return this.#dev;
  }
  override get blocks(): number {
    return this.#blocks;
  }
  override refresh(): 0 | Errno {
    const stat = this.#file.stat();
    if (typeof stat === "number") return stat;
    takeStat(this, stat);
    this.ino = stat.ino;
    this.#dev = stat.dev;
    this.#blocks = stat.blocks;
    return 0;
  }
  override read(into: Uint8Array, offset: number): number | Errno {
    return this.#file.read(into, offset);
  }
  override write(from: Uint8Array, offset: number): number | Errno {
    const n = this.#file.write(from, offset);
    if (n > 0 && offset + n > this.size) this.size = offset + n;
    return n;
  }
  override truncate(size: number): 0 | Errno {
    const error = this.#file.truncate(size);
    if (error === 0) this.size = size;
    return error;
  }
  override sync(dataOnly: boolean): 0 | Errno {
    return this.#file.sync(dataOnly);
  }
  override backing(path: Name): Backing | Errno {
    return new InodeBacking(this, path);
  }
  override setattr(_change: AttrChange): 0 | Errno {
    return 0;
  }
}
