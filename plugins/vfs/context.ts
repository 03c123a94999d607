/**
 * Who walks and from where: places in the tree of mounts, the root, working directory and umask of a process
 * ({@link FsContext}, shared by clone with CLONE_FS), and the caller of an operation.
 */
import type { Task } from "@guise/core";
import type { Credentials } from "./cred.ts";
import type { Inode } from "./inode.ts";
import type { Mount } from "./mount.ts";
import type { Name } from "./names.ts";
import type { Vfs } from "./vfs.ts";

/** A place: an inode as reached through a mount, by one of its names. Immutable. */
export interface Location {
  /** The mount it was reached through. */
  readonly mount: Mount;
  /** What is there. */
  readonly inode: Inode;
  /** The directory it was looked up in and its name there; absent for the root of a mount and for things without a name. */
  readonly dir?: Inode;
  /** The name in `dir`, or what is shown of a thing without a name. */
  readonly name: Name;
}

/** Who asks. A personality keeps one for each task. */
export interface Caller {
  /** Root, working directory and umask. */
  readonly fs: FsContext;
  /** Who he is, now. */
  readonly cred: Credentials;
  /** For files whose content depends on who reads (/proc/self, /dev/tty). */
  readonly task?: Task;
}

/** Root, working directory and umask. */
export class FsContext {
  /** The file system of the kernel. */
  readonly vfs: Vfs;
  #root: Location;
  #cwd: Location;
  /** Permission bits that new files do not get. */
  umask: number;
  #users = 1;
  /** One user; holds both inodes. */
  constructor(vfs: Vfs, root: Location, cwd: Location = root, umask = 0o022) {
    this.vfs = vfs;
    this.#root = root;
    this.#cwd = cwd;
    this.umask = umask;
    root.inode.hold();
    cwd.inode.hold();
  }
  /** Where "/" is, and ".." of it: nothing above is reached. */
  get root(): Location {
    return this.#root;
  }
  set root(location: Location) {
    location.inode.hold();
    this.#root.inode.release();
    this.#root = location;
  }
  /** Where relative paths begin. */
  get cwd(): Location {
    return this.#cwd;
  }
  set cwd(location: Location) {
    location.inode.hold();
    this.#cwd.inode.release();
    this.#cwd = location;
  }
  /** A context of its own with the same values (fork). */
  copy(): FsContext {
    return new FsContext(this.vfs, this.#root, this.#cwd, this.umask);
  }
  /** One more user of this very context (CLONE_FS). */
  share(): FsContext {
    this.#users++;
    return this;
  }
  /** Gives back one use; after the last the inodes are let go. */
  drop(): void {
    if (--this.#users !== 0) return;
    this.#root.inode.release();
    this.#cwd.inode.release();
  }
}
