/** struct flock: record locks as fcntl takes and gives them. */
import { EINVAL, EOVERFLOW, type Errno, type Task } from "@guise/core";
import type { OpenFile } from "@guise/vfs/key";
import { fields, get64, Scratch } from "./layout.ts";
import { LOCK_TYPES, SEEK } from "./names.ts";
import { choice } from "./text.ts";

/** Bytes of struct flock on 64-bit architectures. */
export const FLOCK_SIZE = 32;

/** A lock as the guest wrote it. */
export interface Flock {
  readonly type: number;
  readonly whence: number;
  readonly start: number;
  readonly length: number;
  readonly pid: number;
}

/** Reads one; undefined when not readable. */
export function readFlock(task: Task, address: number): Flock | undefined {
  const view = fields(task, address, FLOCK_SIZE);
  if (view === undefined) return undefined;
  return {
    type: view.getInt16(0, true),
    whence: view.getInt16(2, true),
    start: get64(view, 8),
    length: get64(view, 16),
    pid: view.getInt32(24, true),
  };
}

const scratch = new Scratch(FLOCK_SIZE);

/** Writes the answer of F_GETLK: 0 or EFAULT. */
export function writeFlock(task: Task, address: number, lock: Flock): 0 | Errno {
  const s = scratch.clear();
  s.u16(0, lock.type);
  s.u16(2, lock.whence);
  s.u64(8, lock.start);
  s.u64(16, lock.length);
  s.u32(24, lock.pid);
  return s.store(task, address, FLOCK_SIZE);
}

/** The absolute range [start, end) that a lock means for a file; end is Infinity for "to the end". */
export function rangeOf(
  file: OpenFile,
  lock: Flock,
): { readonly start: number; readonly end: number } | Errno {
  if (lock.whence < 0 || lock.whence > 2) return EINVAL;
  const base = lock.whence === 0 ? 0 : lock.whence === 1 ? file.position : file.inode.size;
  let start = base + lock.start;
  let end = start + lock.length;
  if (lock.length === 0) end = Infinity;
  else if (lock.length < 0) [start, end] = [end, start];
  if (start < 0) return EINVAL;
  return end !== Infinity && end > 2 ** 63 ? EOVERFLOW : { start, end };
}

/** `{l_type=F_RDLCK, l_whence=SEEK_SET, l_start=10, l_len=20}`, with `l_pid` where it is an answer. */
export function flockText(lock: Flock, withPid: boolean): string {
  const type = choice(lock.type, LOCK_TYPES, "F_???");
  const pid = withPid ? `, l_pid=${lock.pid}` : "";
  return `{l_type=${type}, l_whence=${choice(lock.whence, SEEK, "SEEK_???")}, l_start=${lock.start}, ` +
    `l_len=${lock.length}${pid}}`;
}
