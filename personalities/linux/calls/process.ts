/** Ends, ids, sessions and groups of processes, and what threads register with the kernel. */
import {
  EACCES,
  EBUSY,
  EFAULT,
  EINVAL,
  EPERM,
  ESRCH,
  EXIT,
  type Outcome,
  type Syscall,
  syscall,
} from "@guise/core";
import { address, int, size, word } from "../args/scalar.ts";
import { endProcess, exitThread } from "../process/exit.ts";
import { writeRseq } from "../process/rseq.ts";
import type { Rows } from "../rows.ts";
import { type LinuxProcess, processOf, Session, threadOf } from "../state.ts";

const exit: Syscall = syscall({
  name: "exit",
  doc: "Ends the calling thread.",
  args: { status: int },
  result: "none",
  run: (task, { status }): Outcome => {
    exitThread(threadOf(task), status);
    return EXIT;
  },
});

const exitGroup: Syscall = syscall({
  name: "exit_group",
  doc: "Ends the process with all its threads.",
  args: { status: int },
  result: "none",
  run: (task, { status }): Outcome => {
    endProcess(processOf(task), (status & 0xff) << 8);
    return EXIT;
  },
});

const getpid: Syscall = syscall({
  name: "getpid",
  constant: true,
  doc: "Tells the process id.",
  args: {},
  run: (task) => processOf(task).pid,
});

const gettid: Syscall = syscall({
  name: "gettid",
  constant: true,
  doc: "Tells the thread id.",
  args: {},
  run: (task) => threadOf(task).tid,
});

const getppid: Syscall = syscall({
  name: "getppid",
  doc: "Tells the parent's process id.",
  args: {},
  run: (task) => processOf(task).parentId,
});

const getpgrp: Syscall = syscall({
  name: "getpgrp",
  doc: "Tells the process group id.",
  args: {},
  run: (task) => processOf(task).group,
});

const getpgid: Syscall = syscall({
  name: "getpgid",
  doc: "Tells the process group id of a process.",
  args: { pid: int },
  run: (task, { pid }) => {
    const self = processOf(task);
    if (pid === 0) return self.group;
    return self.linux.tasks.get(pid)?.process.group ?? self.linux.processes.get(pid)?.group ?? ESRCH;
  },
});

const getsid: Syscall = syscall({
  name: "getsid",
  doc: "Tells the session id of a process.",
  args: { pid: int },
  run: (task, { pid }) => {
    const self = processOf(task);
    if (pid === 0) return self.session.id;
    return self.linux.tasks.get(pid)?.process.session.id ?? self.linux.processes.get(pid)?.session.id ??
      ESRCH;
  },
});

/** A group that exists in the session: a leader or a member. */
function groupExists(self: LinuxProcess, group: number): boolean {
  for (const other of self.linux.processes.values()) {
    if (other.group === group && other.session === self.session) return true;
  }
  return false;
}

const setpgid: Syscall = syscall({
  name: "setpgid",
  doc: "Puts a process into a process group.",
  args: { pid: int, pgid: int },
  run: (task, args) => {
    const self = processOf(task);
    const pid = args.pid === 0 ? self.pid : args.pid;
    const group = args.pgid === 0 ? pid : args.pgid;
    if (group < 0) return EINVAL;
    const target = self.linux.processes.get(pid);
    if (target === undefined) return self.linux.tasks.has(pid) ? EINVAL : ESRCH;
    if (target.parent === self) {
      if (target.session !== self.session) return EPERM;
      if (target.execed) return EACCES;
    } else if (target !== self) return ESRCH;
    if (target.session.id === target.pid) return EPERM;
    if (group !== pid && !groupExists(self, group)) return EPERM;
    target.group = group;
    return 0;
  },
});

const setsid: Syscall = syscall({
  name: "setsid",
  doc: "Begins a session, without a terminal, and a process group.",
  args: {},
  run: (task) => {
    const self = processOf(task);
    if (self.session.id === self.pid) return EPERM;
    for (const other of self.linux.processes.values()) if (other.group === self.pid) return EPERM;
    self.session = new Session(self.pid);
    self.group = self.pid;
    return self.pid;
  },
});

const setTidAddress: Syscall = syscall({
  name: "set_tid_address",
  doc: "Sets the word that is cleared and woken when the thread ends.",
  args: { tidptr: address },
  run: (task, { tidptr }) => {
    const thread = threadOf(task);
    thread.clearChildTid = tidptr;
    return thread.tid;
  },
});

const setRobustList: Syscall = syscall({
  name: "set_robust_list",
  doc: "Registers the list of robust futexes that the thread holds.",
  args: { head: address, length: size },
  run: (task, { head, length }) => {
    if (length !== 24) return EINVAL;
    threadOf(task).robustList = head;
    return 0;
  },
});

const getRobustList: Syscall = syscall({
  name: "get_robust_list",
  doc: "Tells the list of robust futexes of a thread.",
  args: { pid: int, head: address, length: address },
  run: (task, { pid, head, length }) => {
    const self = threadOf(task);
    const thread = pid === 0 ? self : self.process.linux.tasks.get(pid);
    if (thread === undefined) return ESRCH;
    if (!task.space.setNum64(length, 24) || !task.space.setNum64(head, thread.robustList)) return EFAULT;
    return 0;
  },
});

const RSEQ_FLAG_UNREGISTER = 1;

const rseq: Syscall = syscall({
  name: "rseq",
  doc: "Registers the area for restartable sequences.",
  args: { area: address, length: word, flags: int, signature: word },
  run: (task, { area, length, flags, signature }) => {
    const thread = threadOf(task);
    if (flags & RSEQ_FLAG_UNREGISTER) {
      if (flags & ~RSEQ_FLAG_UNREGISTER) return EINVAL;
      if (thread.rseq === 0 || thread.rseq !== area) return EINVAL;
      if (thread.rseqLength !== length) return EINVAL;
      if (thread.rseqSignature !== signature) return EPERM;
      if (!writeRseq(thread, -1)) return EFAULT;
      thread.rseq = 0;
      return 0;
    }
    if (flags !== 0) return EINVAL;
    if (thread.rseq !== 0) {
      if (thread.rseq !== area || thread.rseqLength !== length) return EINVAL;
      return thread.rseqSignature !== signature ? EPERM : EBUSY;
    }
    if (length < 32 || area % 32 !== 0) return EINVAL;
    if (!task.space.check(area, length, 2)) return EFAULT;
    thread.rseq = area;
    thread.rseqLength = length;
    thread.rseqSignature = signature;
    if (!writeRseq(thread, 0)) {
      thread.rseq = 0;
      return EFAULT;
    }
    return 0;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[39, 172], getpid],
  [[60, 93], exit],
  [[109, 154], setpgid],
  [[110, 173], getppid],
  [[111, null], getpgrp],
  [[112, 157], setsid],
  [[121, 155], getpgid],
  [[124, 156], getsid],
  [[186, 178], gettid],
  [[218, 96], setTidAddress],
  [[231, 94], exitGroup],
  [[273, 99], setRobustList],
  [[274, 100], getRobustList],
  [[334, 293], rseq],
];
