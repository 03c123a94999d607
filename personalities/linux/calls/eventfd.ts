/** eventfd and eventfd2. */
import { EINVAL, type Errno, type Syscall, syscall, type Task } from "@guise/core";
import { O_CLOEXEC, O_NONBLOCK } from "@guise/vfs/key";
import { EVENTFD } from "../args/names.ts";
import { flagWord, unsignedInt } from "../args/scalar.ts";
import { EventFile } from "../eventfd.ts";
import { callerOf } from "../files.ts";
import type { Rows } from "../rows.ts";
import { install } from "./open.ts";

const EFD_SEMAPHORE = 1;

function create(task: Task, start: number, flags: number): number | Errno {
  if (flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK)) return EINVAL;
  const file = new EventFile(callerOf(task), start, (flags & EFD_SEMAPHORE) !== 0, flags & O_NONBLOCK);
  return install(task, file, (flags & O_CLOEXEC) !== 0);
}

export const eventfd: Syscall = syscall({
  name: "eventfd",
  doc: "A counter as a file.",
  args: { start: unsignedInt },
  run: (task, { start }) => create(task, start, 0),
});

export const eventfd2: Syscall = syscall({
  name: "eventfd2",
  doc: "A counter as a file, with flags.",
  args: { start: unsignedInt, flags: flagWord(EVENTFD, "EFD_???") },
  run: (task, { start, flags }) => create(task, start, flags),
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[284, null], eventfd],
  [[290, 19], eventfd2],
];
