/** What limits memory beside the address space itself: RLIMIT_DATA and RLIMIT_MEMLOCK. */
import type { Task } from "@guise/core";
import { limit, RLIMIT_DATA } from "../limits.ts";

const WRITE = 2;

/** False when `more` bytes of private writable memory would pass RLIMIT_DATA. */
export function dataFits(task: Task, more: number): boolean {
  const most = limit(task, RLIMIT_DATA);
  if (most === Infinity) return true;
  let used = more;
  for (const vma of task.space.vmas) {
    if (!vma.shared && (vma.prot & WRITE) !== 0 && !vma.growsDown) used += vma.end - vma.start;
  }
  return used <= most;
}
