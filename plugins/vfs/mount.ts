/** Mounts: file systems placed over directories. */
import type { FileSystem, Inode } from "./inode.ts";
import type { Location } from "./context.ts";
import type { Name } from "./names.ts";

/** Options of a mount. */
export interface MountOptions {
  readonly readonly?: boolean;
  readonly nosuid?: boolean;
  readonly nodev?: boolean;
  readonly noexec?: boolean;
  readonly noatime?: boolean;
  /** First word of its line in /proc/mounts. */
  readonly source?: string;
  /** A directory of the file system that is mounted instead of its root (bind). */
  readonly root?: Inode;
}

let nextMount = 20;

/** One mounted file system. */
export class Mount {
  /** As in /proc/self/mountinfo. */
  readonly id: number = nextMount++;
  readonly fs: FileSystem;
  readonly root: Inode;
  /** Where it is mounted; absent for the root mount. */
  readonly point: Location | undefined;
  readonly options: MountOptions;
  constructor(fs: FileSystem, point: Location | undefined, options: MountOptions = {}) {
    this.fs = fs;
    this.root = options.root ?? fs.root;
    this.point = point;
    this.options = options;
    this.root.hold();
    point?.inode.hold();
  }
  get readonly(): boolean {
    return this.options.readonly === true || this.fs.readonly;
  }
  /** The place of its root. */
  get location(): Location {
    return { mount: this, inode: this.root, name: "" };
  }
}

/** One line of /proc/mounts, in parts. */
export interface MountLine {
  readonly mount: Mount;
  readonly source: string;
  readonly path: Name;
  readonly type: string;
  readonly options: string;
}
