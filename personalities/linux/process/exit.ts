/**
 * The end of threads and processes: what a thread leaves behind (robust futexes, the cleared tid, files), zombies,
 * orphans, and who is told. There is no init: what would go to it is reaped at once.
 */
import type { ExitStatus } from "@guise/core";
import { releaseTerminal } from "../calls/terminal_control.ts";
import { credentialsKey } from "../credentials.ts";
import { filesKey, fsKey } from "../files.ts";
import { exitFutexes } from "../futex/robust.ts";
import { dropMemory } from "../memory/state.ts";
import { addUsage, type LinuxProcess, type LinuxTask } from "../state.ts";
import { SA_NOCLDWAIT, SIG_IGN } from "../signals/actions.ts";
import { CLD_EXITED, CLD_KILLED, SI_KERNEL, SI_USER } from "../signals/info.ts";
import { SIGCHLD, SIGCONT, SIGHUP } from "../signals/numbers.ts";
import { sendGroup, sendProcess } from "../signals/send.ts";
import { childInfo } from "./notify.ts";
import { threadUsage, usageOf } from "./usage.ts";

/** exit(2): the calling thread ends; the last one ends the process with its own code. */
export function exitThread(thread: LinuxTask, code: number): void {
  const { process } = thread;
  if (process.tasks.length === 1) process.waitStatus = (code & 0xff) << 8;
  endThread(thread);
}

/** exit_group(2) and fatal signals: every thread ends. `status` is wait(2)'s word. */
export function endProcess(process: LinuxProcess, status: number): void {
  if (process.exiting || process.state !== "alive") return;
  process.exiting = true;
  process.waitStatus = status;
  for (const thread of [...process.tasks].reverse()) endThread(thread);
}

/** Ends the other threads of a process, for execve. */
export function endOthers(thread: LinuxTask): void {
  for (const other of [...thread.process.tasks]) if (other !== thread) endThread(other);
}

function endThread(thread: LinuxTask): void {
  if (thread.ended) return;
  const { process, task } = thread;
  const { linux } = process;
  thread.ended = true;
  exitFutexes(thread);
  addUsage(process.usage, threadUsage(thread));
  process.lastUid = task.data.get(credentialsKey).uid;
  process.tasks.splice(process.tasks.indexOf(thread), 1);
  const last = process.tasks.length === 0;
  if (thread.tid !== process.pid) linux.tasks.delete(thread.tid);
  task.data.find(filesKey)?.drop();
  task.data.find(fsKey)?.drop();
  task.kernel.emit({ kind: "taskEnd", task });
  task.end();
  if (last) processEnded(process);
}

function tellOrphan(child: LinuxProcess): void {
  for (const thread of child.tasks) {
    if (thread.parentDeathSignal !== 0) {
      sendProcess(child, { signo: thread.parentDeathSignal, code: SI_USER, pid: child.parentId });
    }
  }
}

/** wait(2)'s word as the host's caller sees it. */
export function exitStatus(process: LinuxProcess): ExitStatus {
  const signal = process.waitStatus & 0x7f;
  if (signal === 0) return { code: process.waitStatus >> 8 & 0xff };
  return {
    code: 128 + signal,
    signal,
    ...(process.deathMessage === undefined ? {} : { message: process.deathMessage }),
  };
}

function processEnded(process: LinuxProcess): void {
  const { linux } = process;
  process.exiting = true;
  process.timers.cancel();
  process.finalUsage = usageOf(process);
  if (process.session.id === process.pid && process.session.terminal !== undefined) releaseTerminal(process);
  const adopter = reaperOf(process);
  for (const child of [...process.children]) adopt(child, adopter, process);
  hangUpOrphanedGroups(process);
  process.state = "zombie";
  dropMemory(process.mm);
  process.endQueue.wake();
  releaseVfork(process);
  const status = exitStatus(process);
  linux.kernel.emit({ kind: "end", process: process.process, status });
  linux.kernel.ended(process.process, status);
  tellParent(process);
}

/** The parent in vfork goes on: the child has its own memory now, or has ended. */
export function releaseVfork(process: LinuxProcess): void {
  if (!process.vforkPending) return;
  process.vforkPending = false;
  process.vforkQueue.wake();
}

/** SIGCHLD (or what clone asked for) to the parent; a parent that ignores SIGCHLD wants no zombies. */
function tellParent(process: LinuxProcess): void {
  const { parent, exitSignal } = process;
  if (parent === undefined || parent.state !== "alive" || parent.exiting) {
    reap(process);
    return;
  }
  const signal = process.waitStatus & 0x7f;
  let autoReap = false;
  if (exitSignal === SIGCHLD) {
    const action = parent.actions.get(SIGCHLD);
    autoReap = action.handler === SIG_IGN || (action.flags & SA_NOCLDWAIT) !== 0;
  }
  // Woken before the signal: wait(2) looks for children before it looks for signals, so it answers and is not interrupted.
  parent.childQueue.wake();
  const ignores = exitSignal === SIGCHLD && parent.actions.get(SIGCHLD).handler === SIG_IGN;
  if (exitSignal !== 0 && !ignores) {
    const info = signal === 0
      ? childInfo(process, CLD_EXITED, process.waitStatus >> 8 & 0xff, exitSignal)
      : childInfo(process, CLD_KILLED, signal, exitSignal);
    sendProcess(parent, info);
  }
  if (autoReap) reap(process);
}

/** The zombie is gone: its pid is free, its times count for the parent. */
export function reap(process: LinuxProcess): void {
  if (process.state === "dead") return;
  const { linux, parent } = process;
  process.state = "dead";
  linux.processes.delete(process.pid);
  linux.tasks.delete(process.pid);
  if (parent !== undefined) parent.children.delete(process);
}

/** Adds a waited-for child's usage to its parent's (wait4 does, an ignored SIGCHLD does not). */
export function collectUsage(parent: LinuxProcess, child: LinuxProcess): void {
  addUsage(parent.childUsage, child.finalUsage);
  addUsage(parent.childUsage, child.childUsage);
}

/** Who gets the orphans: the nearest living ancestor that asked for them. */
function reaperOf(process: LinuxProcess): LinuxProcess | undefined {
  for (let p = process.parent; p !== undefined; p = p.parent) {
    if (p.subreaper && p.state === "alive" && !p.exiting) return p;
  }
  return undefined;
}

function adopt(child: LinuxProcess, adopter: LinuxProcess | undefined, from: LinuxProcess): void {
  from.children.delete(child);
  child.parent = adopter;
  child.orphan = true;
  child.exitSignal = SIGCHLD;
  adopter?.children.add(child);
  tellOrphan(child);
  if (child.state === "zombie") {
    if (adopter === undefined) reap(child);
    else tellParent(child);
  }
}

/** Groups that lost their last link to a parent outside, with stopped members: SIGHUP and SIGCONT (POSIX). */
function hangUpOrphanedGroups(process: LinuxProcess): void {
  const { linux } = process;
  const groups = new Set<number>();
  const touched = (p: LinuxProcess) => {
    if (p.stopSignal !== 0 && p.state === "alive") groups.add(p.group);
  };
  for (const p of linux.processes.values()) {
    if (p !== process && (p.group === process.group || p.orphan)) touched(p);
  }
  for (const group of groups) {
    if (hasOutsideParent(process, group)) continue;
    sendGroup(linux, group, { signo: SIGHUP, code: SI_KERNEL });
    sendGroup(linux, group, { signo: SIGCONT, code: SI_KERNEL });
  }
}

function hasOutsideParent(except: LinuxProcess, group: number): boolean {
  for (const member of except.linux.processes.values()) {
    if (member === except || member.group !== group || member.state !== "alive") continue;
    const { parent } = member;
    if (
      parent !== undefined && parent !== except && parent.group !== group && parent.session === member.session
    ) {
      return true;
    }
  }
  return false;
}
