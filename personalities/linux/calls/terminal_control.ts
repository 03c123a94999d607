/**
 * Controlling terminals and job control: which session a terminal belongs to, which of its groups is in the foreground,
 * and the SIGTTOU of background processes that change a terminal.
 */
import { EINVAL, EIO, ENOTTY, EPERM, ERESTARTSYS, type Errno, ESRCH, type Task } from "@guise/core";
import type { Terminal } from "@guise/vfs/key";
import { credentialsKey } from "../credentials.ts";
import { SIG_IGN } from "../signals/actions.ts";
import { SI_KERNEL } from "../signals/info.ts";
import { SIGCONT, SIGHUP, SIGTTOU } from "../signals/numbers.ts";
import { sendGroup, sendKernel } from "../signals/send.ts";
import { type LinuxKernel, type LinuxProcess, processOf, type Session, threadOf } from "../state.ts";

/** True when `terminal` is the controlling one of the task's session. */
function isControlling(task: Task, terminal: Terminal): boolean {
  return processOf(task).session.terminal === terminal;
}

/** Gives a session its controlling terminal, whose keys then signal the foreground group. */
export function attachTerminal(
  linux: LinuxKernel,
  session: Session,
  terminal: Terminal,
  group: number,
): void {
  session.terminal = terminal;
  session.foreground = group;
  terminal.session = session.id;
  terminal.foreground = group;
  terminal.onSignal = (signo) => {
    if (terminal.foreground > 0) sendGroup(linux, terminal.foreground, { signo, code: SI_KERNEL });
  };
}

/** TIOCGPGRP: ENOTTY when it is not the caller's controlling terminal. */
export function foregroundGroup(task: Task, terminal: Terminal): number | Errno {
  return isControlling(task, terminal) ? terminal.foreground : ENOTTY;
}

/** TIOCGSID. */
export function terminalSession(task: Task, terminal: Terminal): number | Errno {
  return isControlling(task, terminal) ? terminal.session : ENOTTY;
}

/** TIOCSPGRP. */
export function setForegroundGroup(task: Task, terminal: Terminal, group: number): number | Errno {
  const may = mayChange(task, terminal);
  if (may !== 0) return may;
  const process = processOf(task);
  if (!isControlling(task, terminal) || terminal.session !== process.session.id) return ENOTTY;
  if (group < 0) return EINVAL;
  let found = false;
  for (const other of process.linux.processes.values()) {
    if (other.group !== group) continue;
    if (other.session !== process.session) return EPERM;
    found = true;
  }
  if (!found) return ESRCH;
  terminal.foreground = group;
  process.session.foreground = group;
  return 0;
}

/** True when a background process would be alone with its stop: nobody in its group has a parent elsewhere in the session. */
function orphaned(process: LinuxProcess): boolean {
  for (const other of process.linux.processes.values()) {
    if (other.group !== process.group || other.state !== "alive") continue;
    const parent = other.parent;
    if (parent !== undefined && parent.group !== process.group && parent.session === process.session) {
      return false;
    }
  }
  return true;
}

/** Whether the task may change a terminal now: 0; a background process gets SIGTTOU and the call is restarted. */
export function mayChange(task: Task, terminal: Terminal): 0 | Errno {
  const process = processOf(task);
  if (!isControlling(task, terminal) || terminal.foreground === process.group) return 0;
  const thread = threadOf(task);
  if (thread.mask.has(SIGTTOU) || process.actions.get(SIGTTOU).handler === SIG_IGN) return 0;
  if (orphaned(process)) return EIO;
  sendGroup(process.linux, process.group, { signo: SIGTTOU, code: SI_KERNEL });
  return ERESTARTSYS;
}

/** TIOCSCTTY: only a session leader without a terminal takes one; root may steal it. */
export function ownTerminal(task: Task, terminal: Terminal, steal: boolean): number | Errno {
  const process = processOf(task);
  const { session, linux } = process;
  if (session.terminal === terminal) return 0;
  if (session.id !== process.pid || session.terminal !== undefined) return EPERM;
  if (terminal.session !== 0) {
    if (!steal || task.data.get(credentialsKey).euid !== 0) return EPERM;
    for (const other of linux.processes.values()) {
      if (other.session.terminal === terminal) other.session.terminal = undefined;
    }
  }
  attachTerminal(linux, session, terminal, process.group);
  return 0;
}

/** TIOCNOTTY: a session leader gives it up for the whole session, whose foreground group is hung up. */
export function disownTerminal(task: Task, terminal: Terminal): number | Errno {
  const process = processOf(task);
  if (!isControlling(task, terminal)) return ENOTTY;
  if (process.session.id === process.pid) releaseTerminal(process);
  return 0;
}

/** The session leader ends or lets go: SIGHUP and SIGCONT to the foreground group. */
export function releaseTerminal(process: LinuxProcess): void {
  const { session, linux } = process;
  const terminal = session.terminal as Terminal | undefined;
  if (terminal === undefined) return;
  for (const other of linux.processes.values()) {
    if (other.group !== terminal.foreground || other.session !== session || other === process) continue;
    sendKernel(other, SIGHUP);
    sendKernel(other, SIGCONT);
  }
  session.terminal = undefined;
  terminal.session = 0;
  terminal.foreground = 0;
}
