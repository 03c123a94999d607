/**
 * Delivering signals: what happens between a trap and the next guest instruction of a task that has something to look
 * at. In Linux's order: stops, then one pending signal after another, each ignored, a default action or a handler's
 * frame; at last the interrupted system call is restarted or gets EINTR (spec X29).
 */
import {
  type Control,
  EINTR,
  ERESTART_RESTARTBLOCK,
  ERESTARTNOHAND,
  ERESTARTNOINTR,
  ERESTARTSYS,
  EXIT,
  type Outcome,
  type Task,
} from "@guise/core";
import { setRegister } from "../arch/abi.ts";
import { type LinuxTask, threadOf } from "../state.ts";
import { describeDeath } from "../process/death.ts";
import { endProcess } from "../process/exit.ts";
import { notifyStopped } from "../process/notify.ts";
import { DEFAULT_ACTION, SA_NODEFER, SA_RESETHAND, SA_RESTART, SIG_DFL, SIG_IGN } from "./actions.ts";
import { pushFrame } from "./frame.ts";
import { formatInfo, SI_KERNEL, type SigInfo } from "./info.ts";
import { hasSignal, setMask } from "./mask.ts";
import { defaultAction, SIGKILL, signalName, SIGSEGV, SIGSTOP } from "./numbers.ts";
import { forceSignal } from "./send.ts";
import { restartRseq } from "../process/rseq.ts";

function isRestart(value: number): boolean {
  return value === ERESTARTSYS || value === ERESTARTNOINTR || value === ERESTARTNOHAND ||
    value === ERESTART_RESTARTBLOCK;
}

/** See Personality.attend. */
export function attend(task: Task, outcome: Outcome | undefined): Control | undefined {
  const thread = threadOf(task);
  const { process } = thread;
  if (typeof outcome === "number" && isRestart(outcome)) thread.interrupted = outcome;
  if (thread.notices !== undefined) tellNotices(thread);
  for (;;) {
    if (thread.ended || process.exiting) return EXIT;
    if (process.stopSignal !== 0) {
      task.stop();
      return undefined;
    }
    const info = thread.pending.has(SIGKILL) || process.pending.has(SIGKILL)
      ? { signo: SIGKILL, code: 0 }
      : thread.pending.take(thread.mask) ?? process.pending.take(thread.mask);
    if (info === undefined) break;
    const { signo } = info;
    const action = process.actions.get(signo);
    if (signo !== SIGKILL) tell(thread, info);
    if (signo !== SIGKILL && action.handler === SIG_IGN) continue;
    if (signo !== SIGKILL && action.handler !== SIG_DFL) {
      handle(thread, info);
      continue;
    }
    const what = defaultAction(signo);
    if (what === "ignore" || what === "continue") continue;
    if (what === "stop") {
      // Orphaned groups do not stop for the terminal's signals: nobody could continue them.
      if (signo !== SIGSTOP && orphaned(thread)) continue;
      process.stopSignal = signo;
      process.stopReport = true;
      process.continueReport = false;
      for (const other of process.tasks) {
        other.task.attention = true;
        if (other !== thread) other.task.wake("signal");
      }
      notifyStopped(process, signo);
      continue;
    }
    if (what === "core") process.deathMessage = describeDeath(thread, info);
    // Core files are not written, so the status never says that one was.
    endProcess(process, signo);
    return EXIT;
  }
  task.attention = false;
  if (thread.interrupted !== 0) restart(thread);
  if (thread.savedMask !== undefined) {
    const saved = thread.savedMask;
    thread.savedMask = undefined;
    setMask(thread, saved);
    // A signal that only the temporary mask blocked may be deliverable now.
    if (hasSignal(thread)) return attend(task, undefined);
  }
  return undefined;
}

/** A process group with no member whose parent is in another group of the same session (POSIX). */
function orphaned(thread: LinuxTask): boolean {
  const { process } = thread;
  for (const member of process.linux.processes.values()) {
    if (member.group !== process.group || member.state !== "alive") continue;
    const { parent } = member;
    if (parent !== undefined && parent.group !== member.group && parent.session === member.session) {
      return false;
    }
  }
  return true;
}

/** Whether a call that a signal has interrupted with this code (one of ERESTART…) is done again after the signals that are pending now. */
export function isDoneAgain(task: Task, code: number): boolean {
  const thread = threadOf(task), { process } = thread;
  let blocked = thread.mask;
  for (;;) {
    const signal = thread.pending.next(blocked) || process.pending.next(blocked);
    if (signal === 0) return true;
    const { handler, flags } = process.actions.get(signal);
    if (signal !== SIGKILL && handler !== SIG_IGN && handler !== SIG_DFL) {
      return code === ERESTARTNOINTR || (code === ERESTARTSYS && (flags & SA_RESTART) !== 0);
    }
    blocked = blocked.with(signal);
  }
}

/** The interrupted call goes on: again from its instruction, or through restart_syscall. */
function restart(thread: LinuxTask): void {
  const { task } = thread;
  const { arch } = task.process.cpu;
  if (thread.interrupted === ERESTART_RESTARTBLOCK) {
    setRegister(
      arch,
      task.frame,
      thread.process.arch.numberRegister,
      thread.restartNumber ?? thread.process.arch.restartSyscall,
    );
  }
  thread.interrupted = 0;
  thread.restartNumber = undefined;
  task.frame.setNum(arch.pc, task.frame.num(arch.pc) - arch.syscallLength);
}

function handle(thread: LinuxTask, info: SigInfo): void {
  const { task, process } = thread;
  const { signo } = info;
  const action = process.actions.get(signo);
  if (thread.interrupted !== 0) {
    const again = thread.interrupted === ERESTARTNOINTR ||
      (thread.interrupted === ERESTARTSYS && (action.flags & SA_RESTART) !== 0);
    if (again) restart(thread);
    else setRegister(task.process.cpu.arch, task.frame, process.arch.resultRegister, EINTR);
    thread.interrupted = 0;
  }
  restartRseq(thread);
  const mask = thread.savedMask ?? thread.mask;
  thread.savedMask = undefined;
  if (!pushFrame(thread, info, action, mask)) {
    // The stack cannot take the frame: SIGSEGV, which kills when it was that very signal (force_sigsegv).
    if (signo === SIGSEGV) process.actions.set(SIGSEGV, DEFAULT_ACTION);
    thread.mask = mask;
    forceSignal(thread, { signo: SIGSEGV, code: SI_KERNEL });
    return;
  }
  if (action.flags & SA_RESETHAND) process.actions.set(signo, { ...action, handler: SIG_DFL });
  let blocked = thread.mask.or(action.mask);
  if (!(action.flags & SA_NODEFER)) blocked = blocked.with(signo);
  setMask(thread, blocked);
}

/** What hooks are told of a signal; its text is made for those who want it. */
class SignalEvent {
  readonly kind = "signal" as const;
  readonly task: Task;
  readonly #info: SigInfo;
  constructor(task: Task, info: SigInfo) {
    this.task = task;
    this.#info = info;
  }
  get signal(): number {
    return this.#info.signo;
  }
  get text(): string {
    return `${signalName(this.#info.signo)} ${formatInfo(this.#info)}`;
  }
}

function tell(thread: LinuxTask, info: SigInfo): void {
  thread.task.kernel.emit(new SignalEvent(thread.task, info));
}

function tellNotices(thread: LinuxTask): void {
  for (const info of thread.notices ?? []) tell(thread, info);
  thread.notices = undefined;
}
