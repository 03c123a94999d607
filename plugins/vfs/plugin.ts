/** The plugin: builds the tree of mounts of a kernel and puts it under {@link vfsKey}. */
import type { Kernel, Plugin } from "@guise/core";
import { S_IFDIR } from "./constants.ts";
import { credentialsOf } from "./cred.ts";
import { createDeviceFs, registerDevices } from "./devices.ts";
import type { FileSystem } from "./inode.ts";
import { MemoryFs } from "./memory_fs.ts";
import type { MountOptions } from "./mount.ts";
import { nameOf } from "./names.ts";
import { createPtyFs } from "./pty.ts";
import { walk } from "./walk.ts";
import { Vfs, vfsKey } from "./vfs.ts";

/** One file system and where it goes. */
export interface MountSpec extends MountOptions {
  /** Absolute path in the guest; missing directories are made where the file system below permits it. */
  readonly at: string;
  /** What is mounted. */
  readonly fs: FileSystem;
}

/** What {@link vfs} builds. */
export interface VfsOptions {
  /** The root file system; default an empty one in memory. */
  readonly root?: FileSystem;
  /** Options of the root mount. */
  readonly rootOptions?: MountOptions;
  /** More file systems, in order. */
  readonly mounts?: readonly MountSpec[];
  /** Mount a device file system on /dev, pseudo-terminals on /dev/pts and one in memory on /dev/shm and (when `root` has none) /tmp; default true. */
  readonly standard?: boolean;
}

/** Makes the directories of an absolute path that are missing, as root; a negative error number when it cannot. */
function makePath(v: Vfs, path: string): ReturnType<typeof walk> {
  const caller = { fs: v.createContext(), cred: credentialsOf(0) };
  let at = v.root;
  for (const part of nameOf(path).split("/").filter((p) => p !== "")) {
    let next = walk(caller, at, part);
    if (typeof next === "number") {
      const made = at.inode.create(part, { mode: S_IFDIR | 0o755, uid: 0, gid: 0 });
      if (typeof made === "number") return made;
      next = walk(caller, at, part);
      if (typeof next === "number") return next;
    }
    at = next;
  }
  caller.fs.drop();
  return at;
}

/** Mounts `fs` on an absolute path of a running system; throws with a line for a person when that cannot be. */
export function mountAt(v: Vfs, spec: MountSpec): void {
  const at = makePath(v, spec.at);
  const mounted = typeof at === "number" ? at : v.mount(spec.fs, at, spec);
  if (typeof mounted === "number") {
    throw new Error(
      `guise: cannot mount on ${spec.at}: error ${-mounted}; the directory must exist or the file system below be writable`,
    );
  }
}

/**
 * The plugin of the virtual file system.
 *
 * @example
 * ```ts
 * import { createMemoryFs, vfs } from "@guise/vfs";
 * const plugin = vfs({ root: createMemoryFs({ "/etc/hostname": "guise\n" }) });
 * console.assert(plugin.name === "vfs");
 * ```
 */
export function vfs(options: VfsOptions = {}): Plugin {
  return {
    name: "vfs",
    setup(kernel: Kernel): void {
      const root = options.root ?? new MemoryFs();
      const now: [number, number] = [0, 0];
      // By the latest reading, as Linux takes its ticks': asking the host costs as much as reading 4 KiB.
      const source = kernel.clock;
      const clock = () => {
        if (source.last === undefined) source.realtime(now);
        else source.last(now);
        return { sec: now[0], nsec: now[1] };
      };
      const made = new Vfs(root, options.rootOptions, clock);
      registerDevices(made, (into) => kernel.random(into));
      if (options.standard !== false) {
        mountAt(made, { at: "/dev", fs: createDeviceFs({ clock }), nosuid: true });
        mountAt(made, { at: "/dev/pts", fs: createPtyFs(made, { clock }), nosuid: true, noexec: true });
        mountAt(made, {
          at: "/dev/shm",
          fs: new MemoryFs({ mode: 0o1777, clock }),
          nosuid: true,
          nodev: true,
        });
        const tmp = root.root.lookup("tmp");
        if (typeof tmp === "number" && !root.readonly) {
          mountAt(made, { at: "/tmp", fs: new MemoryFs({ mode: 0o1777, clock }), nosuid: true, nodev: true });
        }
      }
      for (const spec of options.mounts ?? []) mountAt(made, spec);
      kernel.data.set(vfsKey, made);
    },
  };
}
