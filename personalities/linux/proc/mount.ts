/** Puts /proc and /sys into the tree of a kernel, once, when the first Linux program starts. */
import { GeneratedFs, S_IFDIR, type Terminal, type Vfs } from "@guise/vfs/key";
import { sysRoot } from "../sys/root.ts";
import type { LinuxKernel } from "../state.ts";
import { procRoot } from "./root.ts";

const done = new WeakSet<Vfs>();

/** Mounts proc on /proc and sysfs on /sys, where the root has (or can be given) such a directory. */
export function mountPseudo(linux: LinuxKernel, vfs: Vfs): void {
  if (done.has(vfs)) return;
  done.add(vfs);
  const options = { nosuid: true, nodev: true, noexec: true };
  place(vfs, "proc", () => new GeneratedFs(procRoot(linux), { type: "proc", magic: 0x9fa0 }), options);
  place(vfs, "sys", () => new GeneratedFs(sysRoot(), { type: "sysfs", magic: 0x62656572 }), options);
  vfs.controllingTerminal = (caller) => {
    const process = caller.task === undefined ? undefined : linux.tasks.get(caller.task.id)?.process;
    return process?.session.terminal as Terminal | undefined;
  };
}

function place(vfs: Vfs, name: string, make: () => GeneratedFs, options: object): void {
  const { root } = vfs;
  let inode = root.inode.lookup(name);
  if (typeof inode === "number") inode = root.inode.create(name, { mode: S_IFDIR | 0o555, uid: 0, gid: 0 });
  if (typeof inode === "number" || !inode.isDirectory) return;
  const at = vfs.descend({ mount: root.mount, inode, dir: root.inode, name });
  if (at.inode !== inode) return;
  vfs.mount(make(), at, options);
}
