/** The virtual file system of one kernel: its mounts and its device drivers, and what has them in common. */
import { EBUSY, EINVAL, ENOTDIR, ENXIO, type Errno, Key } from "@guise/core";
import { AnonymousFs } from "./anonymous.ts";
import type { Caller, Location } from "./context.ts";
import { FsContext } from "./context.ts";
import type { OpenFile } from "./file.ts";
import type { FileSystem, Inode } from "./inode.ts";
import { Mount, type MountLine, type MountOptions, pathFrom } from "./mount.ts";
import type { Name } from "./names.ts";
import type { FileTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";
import { hostTime, type TimeSource } from "./time.ts";

/** Opens a device node. */
export type DeviceDriver = (location: Location, flags: number, caller: Caller) => OpenFile | Errno;

/** Mounts and devices of a kernel. */
export class Vfs {
  /** What is at the top. */
  readonly rootMount: Mount;
  /** The controlling terminal of a caller, which /dev/tty opens; a personality with sessions sets it. */
  controllingTerminal: (caller: Caller) => Terminal | undefined = () => undefined;
  /** Gives a terminal of the host its node in /dev/pts, so that ttyname(3) finds it; set by the file system there. */
  adoptTerminal: (terminal: Terminal, caller: Caller) => Location | undefined = () => undefined;
  /** A mount that is nowhere in the tree, for places of things without a name. */
  readonly nowhere: Mount = new Mount(new AnonymousFs("nowhere"), undefined);
  /** The time that inodes get. */
  readonly clock: TimeSource;
  readonly #mounts: Mount[] = [];
  /** Mounts by what they cover; the newest last. */
  readonly #covering = new Map<Inode, Mount[]>();
  readonly #characterDevices = new Map<number, DeviceDriver>();
  readonly #blockDevices = new Map<number, DeviceDriver>();

  /** A tree with only `root` in it. */
  constructor(root: FileSystem, options: MountOptions = {}, clock: TimeSource = hostTime) {
    this.clock = clock;
    this.rootMount = new Mount(root, undefined, options);
    root.clock = clock;
    this.#mounts.push(this.rootMount);
  }
  /** The top of the tree. */
  get root(): Location {
    return this.rootMount.location;
  }
  /** A context at the top of the tree, with umask 022. */
  createContext(): FsContext {
    return new FsContext(this, this.root);
  }
  /** Mounts over a place (a directory over a directory, anything else over a file). */
  mount(fs: FileSystem, at: Location, options: MountOptions = {}): Mount | Errno {
    const root = options.root ?? fs.root;
    if (root.isDirectory !== at.inode.isDirectory) return ENOTDIR;
    const mount = new Mount(fs, at, options);
    fs.clock = this.clock;
    this.#mounts.push(mount);
    const over = this.#covering.get(at.inode);
    if (over === undefined) this.#covering.set(at.inode, [mount]);
    else over.push(mount);
    return mount;
  }
  /** Removes the mount whose root that is: EINVAL when it is not one, EBUSY when another mount is inside. */
  unmount(at: Location): 0 | Errno {
    const mount = at.mount;
    if (mount.point === undefined || at.inode !== mount.root) return EINVAL;
    if (this.#mounts.some((m) => m.point?.mount === mount)) return EBUSY;
    const over = this.#covering.get(mount.point.inode)!;
    over.splice(over.indexOf(mount), 1);
    if (over.length === 0) this.#covering.delete(mount.point.inode);
    this.#mounts.splice(this.#mounts.indexOf(mount), 1);
    mount.root.release();
    mount.point.inode.release();
    return 0;
  }
  /** Goes down through what is mounted here: the place itself when nothing is. */
  descend(location: Location): Location {
    if (this.#covering.size === 0) return location;
    for (;;) {
      const mount = this.#covering.get(location.inode)?.findLast((m) => m.point!.mount === location.mount);
      if (mount === undefined) return location;
      location = mount.location;
    }
  }
  /** Whether something is mounted on that inode as seen through that mount (it cannot be removed or renamed: EBUSY). */
  isMountPoint(mount: Mount, inode: Inode): boolean {
    return this.#covering.get(inode)?.some((m) => m.point!.mount === mount) ?? false;
  }
  /** All mounts, oldest first. */
  get mounts(): readonly Mount[] {
    return this.#mounts;
  }
  /** Lines of /proc/mounts as seen from `root`; mounts outside of it are left out. */
  mountLines(root: Location): MountLine[] {
    const lines: MountLine[] = [];
    for (const mount of this.#mounts) {
      const path = this.pathOf(mount.location, root);
      if (path === undefined) continue;
      const o = mount.options;
      const options = [
        mount.readonly ? "ro" : "rw",
        o.nosuid ? "nosuid" : "",
        o.nodev ? "nodev" : "",
        o.noexec ? "noexec" : "",
        o.noatime ? "noatime" : "relatime",
      ].filter((s) => s !== "").join(",");
      lines.push({ mount, source: o.source ?? mount.fs.type, path, type: mount.fs.type, options });
    }
    return lines;
  }

  /** See {@link pathFrom}. */
  pathOf(location: Location, root: Location, caller?: Caller): Name | undefined {
    return pathFrom(location, root, caller);
  }

  /** Where an open file is, for magic links (/proc/self/fd/3): a place nowhere when it has no name. */
  placeOf(file: OpenFile): Location {
    return file.location ?? { mount: this.nowhere, inode: file.inode, name: file.inode.name };
  }

  /** The driver of a character device (`makedev`). */
  registerCharacterDevice(rdev: number, driver: DeviceDriver): void {
    this.#characterDevices.set(rdev, driver);
  }
  /** The driver of a block device. */
  registerBlockDevice(rdev: number, driver: DeviceDriver): void {
    this.#blockDevices.set(rdev, driver);
  }
  /** Opens a device node: ENXIO when nothing drives it. */
  openDevice(location: Location, flags: number, caller: Caller, block: boolean): OpenFile | Errno {
    const driver = (block ? this.#blockDevices : this.#characterDevices).get(location.inode.rdev);
    return driver === undefined ? ENXIO : driver(location, flags, caller);
  }
}

/** The virtual file system of a kernel (`kernel.data`). */
export const vfsKey: Key<Vfs> = new Key("vfs");
/** The descriptor table, on whatever a personality shares it by (`process.data` or `task.data`). */
export const filesKey: Key<FileTable> = new Key("vfs.files");
/** Root, working directory and umask. */
export const contextKey: Key<FsContext> = new Key("vfs.context");
