/** What a parent is told about a child: SIGCHLD with its siginfo, and a wake-up of wait(2). */
import type { LinuxProcess } from "../state.ts";
import { SA_NOCLDSTOP } from "../signals/actions.ts";
import { CLD_CONTINUED, CLD_STOPPED, type SigInfo } from "../signals/info.ts";
import { SIGCHLD, SIGCONT } from "../signals/numbers.ts";
import { sendProcess } from "../signals/send.ts";
import { credentialsKey } from "../credentials.ts";
import { usageOf } from "./usage.ts";

/** Clock ticks of 10 ms, the unit of si_utime. */
export function ticks(ns: number): number {
  return Math.floor(ns / 1e7);
}

/** The user id that siginfo names: of the process's leader, or of what it was. */
export function uidOf(process: LinuxProcess): number {
  return process.process.tasks[0]?.data.find(credentialsKey)?.uid ?? process.lastUid;
}

/** The SIGCHLD that tells of a child's change. */
export function childInfo(
  child: LinuxProcess,
  code: number,
  status: number,
  signo: number = SIGCHLD,
): SigInfo {
  const usage = usageOf(child);
  return {
    signo,
    code,
    pid: child.pid,
    uid: uidOf(child),
    status,
    utime: ticks(usage.user),
    stime: ticks(usage.system),
  };
}

/** Job control: the child has stopped. */
export function notifyStopped(child: LinuxProcess, signal: number): void {
  tell(child, CLD_STOPPED, signal);
}

/** Job control: the child goes on. */
export function notifyContinued(child: LinuxProcess): void {
  tell(child, CLD_CONTINUED, SIGCONT);
}

function tell(child: LinuxProcess, code: number, status: number): void {
  const { parent } = child;
  if (parent === undefined) return;
  if ((parent.actions.get(SIGCHLD).flags & SA_NOCLDSTOP) === 0) {
    sendProcess(parent, childInfo(child, code, status));
  }
  parent.childQueue.wake();
}
