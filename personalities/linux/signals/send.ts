/**
 * Sending signals: what is discarded, where it becomes pending and which thread looks at it. A sent signal only marks
 * a task ({@link Task.attention}) and ends its wait; what it does is decided when that task is about to run guest code
 * (deliver.ts).
 */
import { EAGAIN, type Errno, type Task } from "@guise/core";
import { credentialsKey } from "../credentials.ts";
import { RLIMIT_SIGPENDING } from "../limits.ts";
import { type LinuxKernel, type LinuxProcess, type LinuxTask, threadOf } from "../state.ts";
import { notifyContinued } from "../process/notify.ts";
import { DEFAULT_ACTION, SIG_DFL, SIG_IGN } from "./actions.ts";
import { SI_KERNEL, SI_USER, type SigInfo } from "./info.ts";
import { defaultAction, SIGCONT, SIGKILL, SignalSet, SIGRTMIN, STOPS } from "./numbers.ts";

const CONT = SignalSet.of(SIGCONT);

/** siginfo of kill(2) and the like by `sender`. */
export function infoFrom(sender: Task, signo: number, code: number = SI_USER): SigInfo {
  return { signo, code, pid: threadOf(sender).process.pid, uid: sender.data.get(credentialsKey).uid };
}

/** A signal of the kernel's own for one thread: SIGPIPE, SIGXFSZ. */
export function sendSignal(task: Task, signo: number): void {
  const thread = threadOf(task);
  // As send_sig(sig, current, 0) does: SI_USER from the task itself.
  sendThread(thread, infoFrom(task, signo));
}

/** A signal of the kernel's own for a whole process: SIGALRM, SIGXCPU, ^C. */
export function sendKernel(process: LinuxProcess, signo: number): void {
  sendProcess(process, { signo, code: SI_KERNEL });
}

/** To one thread. EAGAIN when too many real-time signals queue. */
export function sendThread(thread: LinuxTask, info: SigInfo): 0 | Errno {
  return send(thread.process, thread, info);
}

/** To a process: any thread that does not block it may take it. */
export function sendProcess(process: LinuxProcess, info: SigInfo): 0 | Errno {
  return send(process, undefined, info);
}

/** To all processes of a group; returns how many there were. */
export function sendGroup(linux: LinuxKernel, group: number, info: SigInfo): number {
  let count = 0;
  for (const process of [...linux.processes.values()]) {
    if (process.group !== group || process.state !== "alive") continue;
    count++;
    sendProcess(process, info);
  }
  return count;
}

function send(process: LinuxProcess, thread: LinuxTask | undefined, info: SigInfo): 0 | Errno {
  if (process.state !== "alive" || process.exiting || thread?.ended) return 0;
  const { signo } = info;
  prepare(process, signo);
  if (signo === 0) return 0;
  const judge = thread ?? process.leader;
  if (judge === undefined) return 0;
  if (ignored(judge, signo)) {
    notice(judge, info);
    return 0;
  }
  const queue = thread ? thread.pending : process.pending;
  if (signo >= SIGRTMIN && info.code < 0 && queue.size >= process.limits.soft[RLIMIT_SIGPENDING]) {
    return EAGAIN;
  }
  queue.add(info);
  process.signalQueue.wake();
  if (thread !== undefined) {
    if (wants(thread, signo)) prod(thread);
    return 0;
  }
  for (const candidate of process.tasks) {
    if (!wants(candidate, signo)) continue;
    prod(candidate);
    return 0;
  }
  return 0;
}

/** Stop signals and SIGCONT cancel each other when they are sent, whatever is done with them (signal(7)). */
function prepare(process: LinuxProcess, signo: number): void {
  if (STOPS.has(signo)) {
    discard(process, CONT);
  } else if (signo === SIGCONT) {
    discard(process, STOPS);
    if (process.stopSignal !== 0) {
      process.stopSignal = 0;
      process.stopReport = false;
      process.continueReport = true;
      for (const task of process.tasks) task.task.resume();
      notifyContinued(process);
    }
  } else if (signo === SIGKILL && process.stopSignal !== 0) {
    process.stopSignal = 0;
    for (const task of process.tasks) {
      task.task.attention = true;
      task.task.resume();
    }
  }
}

/** Throws away pending signals of `set`, of the process and of all its threads. */
export function discard(process: LinuxProcess, set: SignalSet): void {
  process.pending.discard(set);
  for (const task of process.tasks) task.pending.discard(set);
}

/** True when the signal would do nothing and is not kept for later by a mask. */
function ignored(thread: LinuxTask, signo: number): boolean {
  if (thread.mask.has(signo) || thread.awaited?.has(signo)) return false;
  const { handler } = thread.process.actions.get(signo);
  return handler === SIG_IGN || (handler === SIG_DFL && defaultAction(signo) === "ignore");
}

function wants(thread: LinuxTask, signo: number): boolean {
  if (signo === SIGKILL) return true;
  return !thread.mask.has(signo) || thread.awaited?.has(signo) === true;
}

/** Makes a thread look at its signals before it runs guest code; a stopped one does so when it continues. */
export function prod(thread: LinuxTask): void {
  thread.task.attention = true;
  if (thread.process.stopSignal === 0) thread.task.wake("signal");
}

/** An ignored signal has no effect, but a tracer sees it, as under ptrace: told when the task is next looked at. */
function notice(thread: LinuxTask, info: SigInfo): void {
  if (thread.process.actions.get(info.signo).handler === SIG_IGN) return;
  thread.notices ??= [];
  thread.notices.push(info);
  thread.task.attention = true;
}

/** A fault's signal: cannot be blocked or ignored (force_sig); a blocked or ignored one kills. */
export function forceSignal(thread: LinuxTask, info: SigInfo): void {
  const { actions } = thread.process;
  const blocked = thread.mask.has(info.signo);
  if (blocked || actions.get(info.signo).handler === SIG_IGN) {
    actions.set(info.signo, DEFAULT_ACTION);
    thread.mask = thread.mask.without(info.signo);
  }
  // A pending one of the same number from outside must not hide the fault.
  thread.pending.discard(SignalSet.of(info.signo));
  thread.pending.add(info);
  prod(thread);
}
