/** Files in memory that never had a name: memfd_create(2). */
import type { Errno } from "@guise/core";
import { O_RDWR, S_IFREG } from "./constants.ts";
import type { Caller, Location } from "./context.ts";
import type { OpenFile } from "./file.ts";
import type { Inode } from "./inode.ts";
import { MemoryFs, MemoryInode } from "./memory_fs.ts";
import type { Name } from "./names.ts";
import { RegularFile } from "./regular_file.ts";
import type { Vfs } from "./vfs.ts";

const systems = new WeakMap<Vfs, MemoryFs>();

/**
 * memfd_create(2): a regular file open for reading and writing, shown as `/memfd:NAME (deleted)`. Its inode is a
 * {@link Sealable}, whose `seals` the personality sets.
 */
export function createMemoryFile(caller: Caller, name: Name): OpenFile | Errno {
  const { vfs } = caller.fs;
  let fs = systems.get(vfs);
  if (fs === undefined) systems.set(vfs, fs = new MemoryFs({ clock: vfs.clock }));
  const inode = fs.root.tmpfile({ mode: S_IFREG | 0o777, uid: caller.cred.fsuid, gid: caller.cred.fsgid });
  if (typeof inode === "number") return inode;
  inode.name = `/memfd:${name} (deleted)`;
  const at: Location = { mount: vfs.nowhere, inode, name: inode.name };
  return new RegularFile(at, O_RDWR, caller.cred);
}

/** An inode whose content can be sealed. */
export interface Sealable extends Inode {
  /** F_SEAL_SEAL 1, SHRINK 2, GROW 4, WRITE 8, FUTURE_WRITE 16; kept by writes, truncation and fallocate. */
  seals: number;
}

/** The inode of a file in memory, for its seals; undefined for others. */
export function memoryInode(file: OpenFile): Sealable | undefined {
  return file.inode instanceof MemoryInode ? file.inode : undefined;
}
