/** pidfd_open, pidfd_send_signal, pidfd_getfd: processes named by files instead of numbers. */
import { EBADF, EINVAL, EPERM, type Errno, ESRCH, type Syscall, syscall, type Task } from "@guise/core";
import { O_NONBLOCK } from "@guise/vfs/key";
import { flagWord, int, word } from "../args/scalar.ts";
import { inInfo, signal } from "../args/signal.ts";
import { CAP_SYS_PTRACE, credentialsKey } from "../credentials.ts";
import { callerOf, filesKey, openFile } from "../files.ts";
import { ProcessFile } from "../process/process_file.ts";
import type { Rows } from "../rows.ts";
import { infoFrom } from "../signals/send.ts";
import { processOf } from "../state.ts";
import { install } from "./open.ts";
import { queuedInfo, signalOne } from "./signal.ts";

const pidfdOpen: Syscall = syscall({
  name: "pidfd_open",
  doc: "Opens a process as a file.",
  args: { pid: int, flags: flagWord([[O_NONBLOCK, "PIDFD_NONBLOCK"]], "PIDFD_???") },
  run: (task, { pid, flags }) => {
    if (flags & ~O_NONBLOCK || pid <= 0) return EINVAL;
    const { linux } = processOf(task);
    const process = linux.processes.get(pid);
    if (process === undefined) return linux.tasks.has(pid) ? EINVAL : ESRCH;
    return install(task, new ProcessFile(callerOf(task), process, flags), true);
  },
});

/** The process of a pidfd: EBADF for other files. */
function processFile(task: Task, fd: number): ProcessFile | Errno {
  const file = openFile(task, fd);
  if (typeof file === "number") return file;
  return file instanceof ProcessFile ? file : EBADF;
}

const pidfdSendSignal: Syscall = syscall({
  name: "pidfd_send_signal",
  doc: "Sends a signal to an open process.",
  args: { pidfd: int, sig: signal, info: inInfo, flags: word },
  run: (task, args) => {
    if (args.flags !== 0) return EINVAL;
    const file = processFile(task, args.pidfd);
    if (typeof file === "number") return file;
    const target = file.process;
    const info = args.info === 0
      ? infoFrom(task, args.sig)
      : queuedInfo(task, args.info, args.sig, target.pid);
    if (typeof info === "number") return info;
    if (args.sig < 0 || args.sig > 64) return EINVAL;
    return target.state === "dead" ? ESRCH : signalOne(task, target, info);
  },
});

const pidfdGetfd: Syscall = syscall({
  name: "pidfd_getfd",
  doc: "Takes over a descriptor of another process.",
  args: { pidfd: int, fd: int, flags: word },
  run: (task, args) => {
    if (args.flags !== 0) return EINVAL;
    const file = processFile(task, args.pidfd);
    if (typeof file === "number") return file;
    const other = file.process.tasks[0]?.task;
    if (other === undefined) return ESRCH;
    const mine = task.data.get(credentialsKey), theirs = other.data.get(credentialsKey);
    if (!mine.capable(CAP_SYS_PTRACE) && (mine.uid !== theirs.uid || mine.uid !== theirs.euid)) return EPERM;
    const found = other.data.get(filesKey).get(args.fd);
    return found === undefined ? EBADF : install(task, found.ref(), true);
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[424, 424], pidfdSendSignal],
  [[434, 434], pidfdOpen],
  [[438, 438], pidfdGetfd],
];
