/**
 * Making threads and processes: clone(2) and its relatives, and the first process of a program that the host starts.
 * The rules about flags are those of copy_process().
 */
import {
  EAGAIN,
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  type Errno,
  type Outcome,
  type Process,
  type Task,
  WRITE,
} from "@guise/core";
import { register, setRegister } from "../arch/abi.ts";
import { CAP_SYS_ADMIN, CAP_SYS_RESOURCE, type Credentials, credentialsKey } from "../credentials.ts";
import { callerOf, filesKey, fsKey } from "../files.ts";
import { ProcessFile } from "./process_file.ts";
import { Limits, limitsKey, RLIMIT_NPROC } from "../limits.ts";
import { freshMemoryState, type MemoryState, shareMemory } from "../memory/state.ts";
import { SignalActions } from "../signals/actions.ts";
import { SIGCHLD, SIGKILL, SignalSet } from "../signals/numbers.ts";
import {
  type LinuxKernel,
  LinuxProcess,
  LinuxTask,
  processKey,
  Session,
  taskKey,
  threadOf,
} from "../state.ts";
import type { LinuxArch } from "../arch/abi.ts";

// deno-fmt-ignore
/** clone(2)'s flags. */
export const CSIGNAL = 0xff, CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400, CLONE_SIGHAND = 0x800,
  CLONE_PIDFD = 0x1000, CLONE_PTRACE = 0x2000, CLONE_VFORK = 0x4000, CLONE_PARENT = 0x8000, CLONE_THREAD = 0x10000,
  CLONE_NEWNS = 0x20000, CLONE_SYSVSEM = 0x40000, CLONE_SETTLS = 0x80000, CLONE_PARENT_SETTID = 0x100000,
  CLONE_CHILD_CLEARTID = 0x200000, CLONE_DETACHED = 0x400000, CLONE_UNTRACED = 0x800000, CLONE_CHILD_SETTID = 0x1000000,
  CLONE_NEWCGROUP = 0x2000000, CLONE_NEWUTS = 0x4000000, CLONE_NEWIPC = 0x8000000, CLONE_NEWUSER = 0x10000000,
  CLONE_NEWPID = 0x20000000, CLONE_NEWNET = 0x40000000, CLONE_IO = 0x80000000;

const NAMESPACES = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
  CLONE_NEWPID |
  CLONE_NEWNET;

/** What clone, clone3, fork and vfork ask for. */
export interface CloneRequest {
  /** Flags without the signal number in the low byte. */
  readonly flags: number;
  readonly exitSignal: number;
  /** Stack pointer of the child; 0: the parent's. */
  readonly stack: number;
  readonly parentTid: number;
  readonly childTid: number;
  readonly tls: number;
  /** Where CLONE_PIDFD puts the descriptor. */
  readonly pidfd?: number;
  /** CLONE_CLEAR_SIGHAND (clone3 only). */
  readonly clearHandlers?: boolean;
}

/** Makes a thread or a process; answers its id, after the wait that CLONE_VFORK asks for. */
export function clone(task: Task, request: CloneRequest): Outcome {
  const { flags } = request;
  const refused = checkFlags(task, request);
  if (refused !== 0) return refused;
  const parent = threadOf(task);
  const busy = checkCount(parent, task.data.get(credentialsKey));
  if (busy !== 0) return busy;
  if (flags & CLONE_PIDFD && !task.space.check(request.pidfd ?? 0, 4, WRITE)) return EFAULT;
  const made = flags & CLONE_THREAD ? makeThread(parent) : makeProcess(parent, request);
  if (typeof made === "number") return made;
  const child = made;
  shareFiles(task, child.task, flags);
  inherit(parent, child, flags);

  const { frame } = child.task;
  const { arch } = task.process.cpu;
  setRegister(arch, frame, parent.process.arch.resultRegister, 0);
  if (request.stack !== 0) frame.setNum(arch.sp, request.stack);
  if (flags & CLONE_SETTLS) frame.setNum(register(arch, parent.process.arch.tlsRegister), request.tls);
  if (flags & CLONE_PARENT_SETTID) task.space.setU32(request.parentTid, child.tid);
  if (flags & CLONE_CHILD_SETTID) child.task.space.setU32(request.childTid, child.tid);
  if (flags & CLONE_PIDFD) {
    const file = new ProcessFile(callerOf(task), child.process, 0);
    task.space.setU32(request.pidfd ?? 0, task.data.get(filesKey).add(file, true) >>> 0);
  }
  if (flags & CLONE_CHILD_CLEARTID) child.clearChildTid = request.childTid;
  task.kernel.emit({ kind: "task", task: child.task, parent: task });
  if (!(flags & CLONE_VFORK)) return child.tid;
  if (flags & CLONE_THREAD) return child.tid;
  child.process.vforkPending = true;
  return waitForVfork(child.process, child.tid);
}

/** The parent sleeps until the child has called execve or has ended; only SIGKILL ends that sleep. */
function waitForVfork(child: LinuxProcess, tid: number): Outcome {
  if (!child.vforkPending) return tid;
  return {
    kind: "wait",
    queues: [child.vforkQueue],
    deadline: Infinity,
    uninterruptible: true,
    then: (task) => {
      const thread = threadOf(task);
      if (thread.pending.has(SIGKILL) || thread.process.pending.has(SIGKILL)) return tid;
      return waitForVfork(child, tid);
    },
  };
}

function checkFlags(task: Task, request: CloneRequest): 0 | Errno {
  const { flags, exitSignal } = request;
  if ((flags & (CLONE_NEWNS | CLONE_FS)) === (CLONE_NEWNS | CLONE_FS)) return EINVAL;
  if (flags & CLONE_THREAD && !(flags & CLONE_SIGHAND)) return EINVAL;
  if (flags & CLONE_SIGHAND && !(flags & CLONE_VM)) return EINVAL;
  if (request.clearHandlers && flags & CLONE_SIGHAND) return EINVAL;
  if (exitSignal > 64) return EINVAL;
  if (flags & CLONE_PIDFD && flags & (CLONE_THREAD | CLONE_DETACHED)) return EINVAL;
  if (flags & NAMESPACES) return task.data.get(credentialsKey).capable(CAP_SYS_ADMIN) ? EINVAL : EPERM;
  return 0;
}

/** RLIMIT_NPROC counts all threads of a user; root and the capable are free of it (G3). */
function checkCount(parent: LinuxTask, credentials: Credentials): 0 | Errno {
  const limit = parent.process.limits.soft[RLIMIT_NPROC];
  const { linux } = parent.process;
  if (linux.tasks.size >= 32768) return EAGAIN;
  if (limit === Infinity || credentials.uid === 0) return 0;
  if (credentials.capable(CAP_SYS_RESOURCE) || credentials.capable(CAP_SYS_ADMIN)) return 0;
  let count = 0;
  for (const other of linux.tasks.values()) {
    if (other.task.data.find(credentialsKey)?.uid === credentials.uid) count++;
  }
  return count >= limit ? EAGAIN : 0;
}

function makeThread(parent: LinuxTask): LinuxTask {
  const { process } = parent;
  const task = process.process.addTask(parent.task);
  const child = new LinuxTask(task, process, task.id, parent.name, parent.mask);
  process.tasks.push(child);
  adoptTask(process.linux, child);
  return child;
}

function makeProcess(parent: LinuxTask, request: CloneRequest): LinuxTask | Errno {
  const { flags } = request;
  const from = parent.process;
  const { task } = parent;
  const shared = (flags & CLONE_VM) !== 0;
  const space = shared ? task.space : task.space.fork();
  if (space === undefined) return ENOMEM;
  const process = task.kernel.createProcess(
    task.process.personality,
    task.process.arch.name,
    space,
    task.process,
  );
  const newTask = process.addTask(task);
  const mm = shared ? from.mm : { ...from.mm, users: 0 };
  shareMemory(mm);
  let { actions } = from;
  if (request.clearHandlers) actions = actions.cleared();
  else if (!(flags & CLONE_SIGHAND)) actions = new SignalActions(actions);
  const inherits = (flags & CLONE_PARENT) !== 0;
  const child = new LinuxProcess({
    linux: from.linux,
    process,
    pid: newTask.id,
    parent: inherits ? from.parent : from,
    session: from.session,
    group: from.group,
    exitSignal: inherits ? from.exitSignal : request.exitSignal,
    actions,
    limits: new Limits(from.limits),
    mm,
    arch: from.arch,
  });
  child.exe = from.exe;
  child.dumpable = from.dumpable;
  child.personalityFlags = from.personalityFlags;
  child.orphan = inherits && from.orphan;
  child.parent?.children.add(child);
  registerProcess(child);
  const thread = new LinuxTask(newTask, child, newTask.id, parent.name, parent.mask);
  child.tasks.push(thread);
  adoptTask(from.linux, thread);
  return thread;
}

function registerProcess(child: LinuxProcess): void {
  child.linux.processes.set(child.pid, child);
  child.process.data.set(processKey, child);
  child.process.data.set(limitsKey, child.limits);
}

function adoptTask(linux: LinuxKernel, thread: LinuxTask): void {
  linux.tasks.set(thread.tid, thread);
  thread.task.data.set(taskKey, thread);
}

function shareFiles(parent: Task, child: Task, flags: number): void {
  const files = parent.data.get(filesKey), fs = parent.data.get(fsKey);
  child.data.set(filesKey, flags & CLONE_FILES ? files.share() : files.copy());
  child.data.set(fsKey, flags & CLONE_FS ? fs.share() : fs.copy());
}

/** What a new task takes over from the one that made it. */
function inherit(parent: LinuxTask, child: LinuxTask, flags: number): void {
  child.task.data.set(credentialsKey, parent.task.data.get(credentialsKey));
  // A task that shares memory cannot use the same signal stack; a vfork child only borrows it.
  if (!(flags & CLONE_VM) || flags & CLONE_VFORK) child.altStack = parent.altStack;
  child.noNewPrivileges = parent.noNewPrivileges;
  child.timerSlack = parent.timerSlack;
  child.affinity = parent.affinity;
  if (parent.resetOnFork) {
    child.nice = Math.max(0, parent.nice);
  } else {
    child.nice = parent.nice;
    child.policy = parent.policy;
    child.priority = parent.priority;
  }
  // rseq belongs to a thread: fork keeps the registration (same address in the copy), a new thread has none.
  if (!(flags & CLONE_VM)) {
    child.rseq = parent.rseq;
    child.rseqLength = parent.rseqLength;
    child.rseqSignature = parent.rseqSignature;
  }
}

/** The first process of a program that the host starts: its own session and group. */
export function createFirst(
  linux: LinuxKernel,
  process: Process,
  arch: LinuxArch,
  credentials: Credentials,
  limits: Limits,
): LinuxTask {
  const task = process.tasks[0] ?? process.addTask();
  const mm: MemoryState = freshMemoryState();
  const first = new LinuxProcess({
    linux,
    process,
    pid: task.id,
    parent: undefined,
    session: new Session(task.id),
    group: task.id,
    exitSignal: SIGCHLD,
    actions: new SignalActions(),
    limits,
    mm,
    arch,
  });
  registerProcess(first);
  const thread = new LinuxTask(task, first, task.id, "", SignalSet.EMPTY);
  first.tasks.push(thread);
  adoptTask(linux, thread);
  task.data.set(credentialsKey, credentials);
  return thread;
}
