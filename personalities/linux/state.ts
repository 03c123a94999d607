/**
 * What Linux keeps about a kernel, a process (thread group) and a task (thread), beside what core keeps. The methods
 * that change it live in files by subject (process/, signals/, memory/); here are the shapes and how to reach them.
 */
import { type Kernel, Key, type Outcome, type Process, type Task, WaitQueue } from "@guise/core";
import type { Limits } from "./limits.ts";
import type { MemoryState } from "./memory/state.ts";
import type { SignalActions } from "./signals/actions.ts";
import type { SigInfo } from "./signals/info.ts";
import type { SignalSet } from "./signals/numbers.ts";
import { SignalQueue } from "./signals/queue.ts";
import { ProcessTimers } from "./time/process_timers.ts";
import type { LinuxArch } from "./arch/abi.ts";

/** CPU time and fault counts as getrusage(2) reports them. Times in ns. */
export interface Usage {
  user: number;
  system: number;
  /** Bytes: the largest resident set. */
  maximum: number;
  minorFaults: number;
  voluntary: number;
  involuntary: number;
}

/** A usage of nothing. */
export function noUsage(): Usage {
  return { user: 0, system: 0, maximum: 0, minorFaults: 0, voluntary: 0, involuntary: 0 };
}

/** Adds `more` to `sum`; the maximum stays a maximum. */
export function addUsage(sum: Usage, more: Usage): void {
  sum.user += more.user;
  sum.system += more.system;
  sum.maximum = Math.max(sum.maximum, more.maximum);
  sum.minorFaults += more.minorFaults;
  sum.voluntary += more.voluntary;
  sum.involuntary += more.involuntary;
}

/** What all Linux processes of a kernel share. */
export class LinuxKernel {
  readonly kernel: Kernel;
  /** By tid; a zombie leader stays until it is reaped. */
  readonly tasks: Map<number, LinuxTask> = new Map();
  /** By pid, zombies too. */
  readonly processes: Map<number, LinuxProcess> = new Map();
  hostName: string = "guise";
  domainName: string = "(none)";
  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }
}

/** A session's controlling terminal and its foreground group: set by TIOCSCTTY, TIOCSPGRP (files engineer's terminal). */
export class Session {
  readonly id: number;
  /** The terminal's identity; undefined: none. */
  terminal: object | undefined = undefined;
  /** Foreground process group of the terminal. */
  foreground: number;
  constructor(id: number) {
    this.id = id;
    this.foreground = id;
  }
}

/** A thread group: signal_struct and what hangs on it. */
export class LinuxProcess {
  readonly linux: LinuxKernel;
  readonly process: Process;
  /** The leader's tid. */
  readonly pid: number;
  /** The parent process; undefined for what the host started (its parent is the host: getppid gives 0). */
  parent: LinuxProcess | undefined;
  readonly children: Set<LinuxProcess> = new Set();
  session: Session;
  /** Process group id. */
  group: number;
  /** Sent to the parent at the end; 0: none. */
  exitSignal: number;
  /** Living threads, the leader first (a leader that has ended stays out). */
  readonly tasks: LinuxTask[] = [];
  actions: SignalActions;
  /** Pending for the process as a whole. */
  readonly pending: SignalQueue = new SignalQueue();
  readonly limits: Limits;
  mm: MemoryState;
  arch: LinuxArch;
  readonly timers: ProcessTimers;
  /** `zombie`: ended, not yet waited for. `dead`: reaped. */
  state: "alive" | "zombie" | "dead" = "alive";
  /** wait(2)'s status word, once it has ended. */
  waitStatus: number = 0;
  /** Set when all threads must end. */
  exiting: boolean = false;
  /** Job control: the signal that stopped it, 0 when it runs. */
  stopSignal: number = 0;
  /** A stop or a continue that no wait has reported yet. */
  stopReport: boolean = false;
  continueReport: boolean = false;
  /** Waiters of wait4/waitid of this process stand here. */
  readonly childQueue: WaitQueue = new WaitQueue();
  /** signalfd and pollers of signals stand here. */
  readonly signalQueue: WaitQueue = new WaitQueue();
  /** Woken at exec or exit of this process, for the parent in vfork. */
  readonly vforkQueue: WaitQueue = new WaitQueue();
  /** Woken when the process has ended: pollers of pidfds. */
  readonly endQueue: WaitQueue = new WaitQueue();
  /** True until exec or exit when the parent waits in vfork. */
  vforkPending: boolean = false;
  /** True once it has called execve (setpgid by the parent is then EACCES). */
  execed: boolean = false;
  /** Path of the program (`/proc/self/exe`) and the name given to execve. */
  exe: string = "";
  /** PR_SET_CHILD_SUBREAPER. */
  subreaper: boolean = false;
  /** PR_SET_DUMPABLE. */
  dumpable: number = 1;
  /** Usage of threads that ended, and of children that were waited for. */
  readonly usage: Usage = noUsage();
  readonly childUsage: Usage = noUsage();
  /** Kernel monotonic ns when it began. */
  readonly started: number;
  /** A fault's line for the person who runs this (ExitStatus.message). */
  deathMessage: string | undefined = undefined;
  /** True once its own parent has ended: getppid(2) then gives 1, init, which is not there. */
  orphan: boolean = false;
  /** What it had used when it ended. */
  finalUsage: Usage = noUsage();
  /** Real user id of its last thread, for siginfo about a zombie. */
  lastUid: number = 0;
  /** membarrier(2)'s registrations. */
  barriers: number = 0;
  /** personality(2)'s flags: kept, without effect. */
  personalityFlags: number = 0;

  constructor(fields: {
    linux: LinuxKernel;
    process: Process;
    pid: number;
    parent: LinuxProcess | undefined;
    session: Session;
    group: number;
    exitSignal: number;
    actions: SignalActions;
    limits: Limits;
    mm: MemoryState;
    arch: LinuxArch;
  }) {
    this.linux = fields.linux;
    this.process = fields.process;
    this.pid = fields.pid;
    this.parent = fields.parent;
    this.session = fields.session;
    this.group = fields.group;
    this.exitSignal = fields.exitSignal;
    this.actions = fields.actions;
    this.limits = fields.limits;
    this.mm = fields.mm;
    this.arch = fields.arch;
    this.timers = new ProcessTimers(this);
    this.started = fields.linux.kernel.clock.monotonic();
  }
  /** The parent's pid, 0 when the host started this process. */
  get parentId(): number {
    return this.parent?.pid ?? (this.orphan ? 1 : 0);
  }
  get leader(): LinuxTask {
    return this.tasks[0];
  }
}

/** The alternate signal stack of sigaltstack(2). */
export interface AltStack {
  readonly address: number;
  readonly size: number;
  readonly flags: number;
}

/** A thread: task_struct. */
export class LinuxTask {
  readonly task: Task;
  readonly process: LinuxProcess;
  /** Thread id; execve by another thread gives it the leader's. */
  tid: number;
  /** Blocked signals. */
  mask: SignalSet;
  /** The mask to go back to when a temporary one (sigsuspend, ppoll) was in force and no handler ran. */
  savedMask: SignalSet | undefined = undefined;
  /** Signals that sigtimedwait waits for, though blocked. */
  awaited: SignalSet | undefined = undefined;
  /** Pending for this thread. */
  readonly pending: SignalQueue = new SignalQueue();
  altStack: AltStack = { address: 0, size: 0, flags: 2 };
  /** A system call was interrupted and its registers are as at the call: restart or EINTR is decided in `attend`. */
  interrupted: number = 0;
  /** Number of restart_syscall on the entry path of the interrupted call, when it is not the architecture's first. */
  restartNumber: number | undefined = undefined;
  /** What restart_syscall(2) continues. */
  restart: (() => Outcome) | undefined = undefined;
  /** Ignored signals that tracers have not been told of yet. */
  notices: SigInfo[] | undefined = undefined;
  /** The last fault, for the trap fields of signal frames. */
  faultVector: number = 0;
  faultError: number = 0;
  faultLo: number = 0;
  faultHi: number = 0;
  /** set_tid_address(2): cleared and woken at the end; 0: none. */
  clearChildTid: number = 0;
  /** set_robust_list(2). */
  robustList: number = 0;
  /** rseq(2): address, length and signature; 0: not registered. */
  rseq: number = 0;
  rseqLength: number = 0;
  rseqSignature: number = 0;
  /** comm, at most 15 bytes. */
  name: string;
  noNewPrivileges: boolean = false;
  parentDeathSignal: number = 0;
  /** Scheduling values that are only remembered. */
  nice: number = 0;
  policy: number = 0;
  priority: number = 0;
  resetOnFork: boolean = false;
  affinity: Uint8Array | undefined = undefined;
  timerSlack: number = 50000;
  ended: boolean = false;

  constructor(task: Task, process: LinuxProcess, tid: number, name: string, mask: SignalSet) {
    this.task = task;
    this.process = process;
    this.tid = tid;
    this.name = name;
    this.mask = mask;
  }
}

/** Where the state is kept. */
export const kernelKey: Key<LinuxKernel> = new Key<LinuxKernel>("linux kernel");
export const processKey: Key<LinuxProcess> = new Key<LinuxProcess>("linux process");
export const taskKey: Key<LinuxTask> = new Key<LinuxTask>("linux task");

/** The Linux part of a task. */
export function threadOf(task: Task): LinuxTask {
  return task.data.get(taskKey);
}
/** The Linux part of a task's process. */
export function processOf(task: Task): LinuxProcess {
  return task.data.get(taskKey).process;
}
