/** Whole files of the guest that the libc itself reads: users, zones, services. */
import type { Task } from "@guise/core";
import { callerOf } from "@guise/linux/services";
import { nameOf, walk } from "@guise/vfs/key";

/** More of such a file is not read (bytes). */
const MOST = 1 << 20;

/** A file's bytes; empty when it is not there, no regular file or too large. */
export function fileBytes(task: Task, path: string): Uint8Array {
  const location = walk(callerOf(task), undefined, nameOf(path));
  if (typeof location === "number") return new Uint8Array(0);
  const file = location.inode.backing(path);
  if (typeof file === "number" || file.size > MOST) return new Uint8Array(0);
  const bytes = new Uint8Array(file.size);
  file.fill(0, bytes);
  return bytes;
}
