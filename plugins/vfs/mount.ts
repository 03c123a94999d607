/** Mounts: file systems placed over directories. */
import type { Errno } from "@guise/core";
import type { FileSystem, Inode } from "./inode.ts";
import type { Caller, Location } from "./context.ts";
import type { Name } from "./names.ts";

/** Options of a mount. */
export interface MountOptions {
  /** Every change is EROFS. */
  readonly readonly?: boolean;
  /** Set-user-id bits mean nothing. */
  readonly nosuid?: boolean;
  /** Device nodes cannot be opened: EACCES. */
  readonly nodev?: boolean;
  /** Files cannot be executed: EACCES. */
  readonly noexec?: boolean;
  /** Reading does not change the access time. */
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
  /** What is mounted. */
  readonly fs: FileSystem;
  /** Its root, or the part that is mounted. */
  readonly root: Inode;
  /** Where it is mounted; absent for the root mount. */
  readonly point: Location | undefined;
  /** As given. */
  readonly options: MountOptions;
  /** See {@link Vfs.mount}, which also puts it into the tree. */
  constructor(fs: FileSystem, point: Location | undefined, options: MountOptions = {}) {
    this.fs = fs;
    this.root = options.root ?? fs.root;
    this.point = point;
    this.options = options;
    this.root.hold();
    point?.inode.hold();
  }
  /** Whether changes are refused. */
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
  /** The mount. */
  readonly mount: Mount;
  /** First word: a device or a name. */
  readonly source: string;
  /** Where it is mounted, as seen from the root asked for. */
  readonly path: Name;
  /** Type of the file system. */
  readonly type: string;
  /** `rw,nosuid,relatime`… */
  readonly options: string;
}

/** The same file: generated inodes may be other objects each time. */
function same(found: Inode | Errno, inode: Inode): boolean {
  return found === inode || (typeof found !== "number" && found.ino === inode.ino && found.fs === inode.fs);
}

/**
 * The path of a place as seen from `root` (getcwd, /proc/self/fd) or from the top of the tree: undefined when it is
 * not below that root or its directory has been removed. For a file that lost that name, its newest name; see {@link pathText}.
 * `caller` is for directories whose entries depend on who asks.
 */
export function pathFrom(location: Location, root: Location | undefined, caller?: Caller): Name | undefined {
  let { mount, inode } = location;
  let path = "";
  if (location.dir !== undefined && !inode.isDirectory) {
    // The name it was opened by if it still has it, else the newest one.
    if (same(location.dir.lookup(location.name, caller), inode)) {
      path = "/" + location.name;
      inode = location.dir;
    } else {
      if (inode.parent === undefined || !same(inode.parent.lookup(inode.name, caller), inode)) {
        return undefined;
      }
      path = "/" + inode.name;
      inode = inode.parent;
    }
  }
  for (let steps = 0; steps < 65536; steps++) {
    if (mount === root?.mount && inode === root.inode) return path === "" ? "/" : path;
    if (inode === mount.root) {
      const point = mount.point;
      if (point === undefined) return root !== undefined ? undefined : path === "" ? "/" : path;
      mount = point.mount;
      if (point.inode.isDirectory) inode = point.inode;
      else {
        inode = point.dir!;
        path = "/" + point.name + path;
      }
      continue;
    }
    if (inode.parent === undefined || inode.nlink === 0) return undefined;
    path = "/" + inode.name + path;
    inode = inode.parent;
  }
  return undefined;
}
