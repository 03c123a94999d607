/** signalfd and signalfd4. */
import { EFAULT, EINVAL, type Errno, type Syscall, syscall, type Task } from "@guise/core";
import { O_CLOEXEC, O_NONBLOCK } from "@guise/vfs/key";
import { flagWord, int, size } from "../args/scalar.ts";
import { inSet, readSet } from "../args/signal.ts";
import { callerOf, openFile } from "../files.ts";
import type { Rows } from "../rows.ts";
import { SignalFile } from "../signals/signal_file.ts";
import { threadOf } from "../state.ts";
import { install } from "./open.ts";

function create(task: Task, fd: number, set: number, length: number, flags: number): number | Errno {
  if (length !== 8) return EINVAL;
  const mask = readSet(task, set);
  if (mask === undefined) return EFAULT;
  if (flags & ~(O_CLOEXEC | O_NONBLOCK)) return EINVAL;
  if (fd === -1) {
    const file = new SignalFile(callerOf(task), threadOf(task), mask, flags & O_NONBLOCK);
    return install(task, file, (flags & O_CLOEXEC) !== 0);
  }
  const file = openFile(task, fd);
  if (typeof file === "number") return file;
  if (!(file instanceof SignalFile)) return EINVAL;
  file.mask = mask;
  return fd;
}

const signalfd: Syscall = syscall({
  name: "signalfd",
  doc: "Pending signals as a file.",
  args: { fd: int, set: inSet, length: size },
  run: (task, { fd, set, length }) => create(task, fd, set, length, 0),
});

const signalfd4: Syscall = syscall({
  name: "signalfd4",
  doc: "Pending signals as a file, with flags.",
  args: {
    fd: int,
    set: inSet,
    length: size,
    flags: flagWord([[O_CLOEXEC, "SFD_CLOEXEC"], [O_NONBLOCK, "SFD_NONBLOCK"]], "SFD_???"),
  },
  run: (task, { fd, set, length, flags }) => create(task, fd, set, length, flags),
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [[[282, null], signalfd], [[289, 74], signalfd4]];
