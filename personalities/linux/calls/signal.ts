/** Signals: actions, masks, sending, waiting, the alternate stack. */
import {
  EAGAIN,
  EFAULT,
  EINTR,
  EINVAL,
  ENOMEM,
  EPERM,
  ERESTARTNOHAND,
  type Errno,
  ESRCH,
  type Outcome,
  type Syscall,
  syscall,
  type Task,
  wait,
  WaitQueue,
} from "@guise/core";
import { inTimespec } from "../args/clock.ts";
import { fields, get64, Scratch } from "../args/layout.ts";
import { int, size } from "../args/scalar.ts";
import {
  frameMask,
  how,
  inAction,
  inInfo,
  inSet,
  inStack,
  outAction,
  outInfo,
  outSet,
  outStack,
  readSet,
  signal,
  writeSet,
} from "../args/signal.ts";
import { CAP_KILL, credentialsKey } from "../credentials.ts";
import type { Rows } from "../rows.ts";
import { type Action, SIG_DFL, SIG_IGN } from "../signals/actions.ts";
import {
  altStackState,
  onAltStack,
  popFrame,
  SS_AUTODISARM,
  SS_DISABLE,
  SS_ONSTACK,
} from "../signals/frame.ts";
import { encodeInfo, SI_TKILL, SI_USER, type SigInfo, SIGINFO_SIZE } from "../signals/info.ts";
import { setMask } from "../signals/mask.ts";
import { defaultAction, SIGCONT, signalName, SignalSet, UNBLOCKABLE } from "../signals/numbers.ts";
import { decodeInfo } from "../signals/raw.ts";
import { discard, infoFrom, sendProcess, sendThread } from "../signals/send.ts";
import { type LinuxProcess, type LinuxTask, processOf, threadOf } from "../state.ts";
import { deadlineIn, readTime, validTime } from "../time/clocks.ts";

/** SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV. */
const FAULTS: ReadonlySet<number> = new Set([4, 5, 7, 8, 11]);
const SA_SIGINFO = 4;
const SET_SIZE = 8;
const scratch = new Scratch(32);

const rtSigaction: Syscall = syscall({
  name: "rt_sigaction",
  doc: "Gets and sets what a signal does.",
  args: { sig: signal, act: inAction, oldact: outAction, length: size },
  run: (task, { sig, act, oldact, length }) => {
    if (length !== SET_SIZE) return EINVAL;
    const self = processOf(task);
    let wanted: Action | undefined;
    if (act !== 0) {
      const view = fields(task, act, 32);
      if (view === undefined) return EFAULT;
      wanted = {
        handler: get64(view, 0) >= 0 ? get64(view, 0) : view.getUint32(4, true) * 2 ** 32,
        flags: view.getInt32(8, true),
        restorer: get64(view, 16),
        mask: new SignalSet(view.getInt32(24, true), view.getInt32(28, true)).minus(UNBLOCKABLE),
      };
    }
    if (sig < 1 || sig > 64) return EINVAL;
    if (wanted !== undefined && UNBLOCKABLE.has(sig)) return EINVAL;
    const before = self.actions.get(sig);
    if (wanted !== undefined) {
      self.actions.set(sig, wanted);
      // It is told the registers of the fault.
      if (FAULTS.has(sig) && (wanted.flags & SA_SIGINFO) !== 0 && wanted.handler > SIG_IGN) {
        task.process.cpu.exactFaults?.();
      }
      // A signal that is ignored from now on is not pending any more.
      if (wanted.handler === SIG_IGN || (wanted.handler === SIG_DFL && defaultAction(sig) === "ignore")) {
        discard(self, SignalSet.of(sig));
      }
    }
    if (oldact === 0) return 0;
    scratch.u64(0, before.handler);
    scratch.u32(8, before.flags);
    scratch.u32(12, 0);
    scratch.u64(16, before.restorer);
    scratch.u32(24, before.mask.lo);
    scratch.u32(28, before.mask.hi);
    return scratch.store(task, oldact, 32);
  },
});

const rtSigprocmask: Syscall = syscall({
  name: "rt_sigprocmask",
  doc: "Gets and changes the thread's blocked signals.",
  args: { how, set: inSet, oldset: outSet, length: size },
  run: (task, args) => {
    if (args.length !== SET_SIZE) return EINVAL;
    const thread = threadOf(task);
    const before = thread.mask;
    if (args.set !== 0) {
      const set = readSet(task, args.set);
      if (set === undefined) return EFAULT;
      if (args.how === 0) setMask(thread, before.or(set));
      else if (args.how === 1) setMask(thread, before.minus(set));
      else if (args.how === 2) setMask(thread, set);
      else return EINVAL;
    }
    if (args.oldset !== 0 && !writeSet(task, args.oldset, before)) return EFAULT;
    return 0;
  },
});

const rtSigpending: Syscall = syscall({
  name: "rt_sigpending",
  doc: "Tells which blocked signals are pending.",
  args: { set: outSet, length: size },
  run: (task, { set, length }) => {
    if (length > SET_SIZE) return EINVAL;
    const thread = threadOf(task);
    const pending = thread.pending.set.or(thread.process.pending.set).and(thread.mask);
    scratch.u32(0, pending.lo);
    scratch.u32(4, pending.hi);
    return scratch.store(task, set, length);
  },
});

const nobody = new WaitQueue();

function suspend(task: Task): Outcome {
  return wait([nobody], Infinity, (_task, reason) => reason === "signal" ? ERESTARTNOHAND : suspend(task));
}

const rtSigsuspend: Syscall = syscall({
  name: "rt_sigsuspend",
  doc: "Waits for a signal with another mask.",
  args: { set: inSet, length: size },
  run: (task, { set, length }): Outcome => {
    if (length !== SET_SIZE) return EINVAL;
    const mask = readSet(task, set);
    if (mask === undefined) return EFAULT;
    const thread = threadOf(task);
    const saved = thread.savedMask ?? thread.mask;
    setMask(thread, mask);
    thread.savedMask = saved;
    return suspend(task);
  },
});

const pause: Syscall = syscall({
  name: "pause",
  doc: "Waits for a signal.",
  args: {},
  run: (task): Outcome => suspend(task),
});

const rtSigtimedwait: Syscall = syscall({
  name: "rt_sigtimedwait",
  doc: "Takes a pending signal of a set, waiting for one.",
  args: { set: inSet, info: outInfo, timeout: inTimespec, length: size },
  result: (_task, result) => `${result} (${signalName(result)})`,
  run: (task, args): Outcome => {
    if (args.length !== SET_SIZE) return EINVAL;
    const wanted = readSet(task, args.set);
    if (wanted === undefined) return EFAULT;
    let deadline = Infinity;
    if (args.timeout !== 0) {
      const time = readTime(task, args.timeout);
      if (time === undefined) return EFAULT;
      if (!validTime(time)) return EINVAL;
      deadline = deadlineIn(task, time[0], time[1]);
    }
    return awaitSignal(task, wanted.minus(UNBLOCKABLE), args.info, deadline, args.timeout !== 0);
  },
});

function awaitSignal(task: Task, wanted: SignalSet, info: number, deadline: number, timed: boolean): Outcome {
  const thread = threadOf(task);
  const take = (): Outcome | undefined => {
    const others = new SignalSet(~wanted.lo, ~wanted.hi);
    const found = thread.pending.take(others) ?? thread.process.pending.take(others);
    if (found === undefined) return undefined;
    if (info !== 0 && !task.space.write(info, encodeInfo(found))) return EFAULT;
    return found.signo;
  };
  const now = take();
  if (now !== undefined) return now;
  if (timed && deadline <= task.kernel.clock.monotonic()) return EAGAIN;
  thread.awaited = wanted;
  return wait([nobody], deadline, (_task, reason) => {
    thread.awaited = undefined;
    const found = take();
    if (found !== undefined) return found;
    if (reason === "timeout") return EAGAIN;
    return EINTR;
  });
}

/** Who may signal whom (kill(2)). */
function mayKill(task: Task, target: LinuxProcess, sig: number): boolean {
  const mine = task.data.get(credentialsKey);
  const theirs = target.leader?.task.data.get(credentialsKey);
  if (theirs === undefined || target === processOf(task)) return true;
  if (
    mine.euid === theirs.suid || mine.euid === theirs.uid || mine.uid === theirs.suid ||
    mine.uid === theirs.uid
  ) {
    return true;
  }
  if (sig === SIGCONT && target.session === processOf(task).session) return true;
  return mine.capable(CAP_KILL);
}

/** Sends to one process what the caller may send (0: only asks). */
export function signalOne(task: Task, target: LinuxProcess, info: SigInfo): 0 | Errno {
  if (!mayKill(task, target, info.signo)) return EPERM;
  return info.signo === 0 ? 0 : sendProcess(target, info);
}

const kill: Syscall = syscall({
  name: "kill",
  doc: "Sends a signal to a process, a group or everybody.",
  args: { pid: int, sig: signal },
  run: (task, { pid, sig }) => {
    const self = processOf(task);
    const { linux } = self;
    if (sig < 0 || sig > 64) return pid === -0x80000000 ? ESRCH : EINVAL;
    const info = infoFrom(task, sig, SI_USER);
    if (pid > 0) {
      // Process 1 is there for who asks, but is not one of ours.
      if (pid === 1 && !linux.processes.has(1)) {
        return task.data.get(credentialsKey).capable(CAP_KILL) ? 0 : EPERM;
      }
      const target = linux.processes.get(pid) ?? linux.tasks.get(pid)?.process;
      return target === undefined ? ESRCH : signalOne(task, target, info);
    }
    if (pid === -0x80000000) return ESRCH;
    const group = pid === 0 ? self.group : -pid;
    let result: number | undefined;
    let sent = false;
    for (const target of [...linux.processes.values()]) {
      if (pid === -1 ? target === self || target.pid === 1 : target.group !== group) continue;
      const one = signalOne(task, target, info);
      if (one === 0) sent = true;
      else result ??= one;
    }
    return sent ? 0 : result ?? ESRCH;
  },
});

function threadOfId(task: Task, group: number, tid: number): LinuxTask | Errno {
  const thread = processOf(task).linux.tasks.get(tid);
  if (thread === undefined || (group > 0 && thread.process.pid !== group)) return ESRCH;
  return thread;
}

function signalThread(task: Task, group: number, tid: number, info: SigInfo): 0 | Errno {
  const thread = threadOfId(task, group, tid);
  if (typeof thread === "number") return thread;
  if (!mayKill(task, thread.process, info.signo)) return EPERM;
  return info.signo === 0 ? 0 : sendThread(thread, info);
}

const tkill: Syscall = syscall({
  name: "tkill",
  doc: "Sends a signal to a thread.",
  args: { tid: int, sig: signal },
  run: (task, { tid, sig }) => {
    if (tid <= 0 || sig < 0 || sig > 64) return EINVAL;
    return signalThread(task, 0, tid, infoFrom(task, sig, SI_TKILL));
  },
});

const tgkill: Syscall = syscall({
  name: "tgkill",
  doc: "Sends a signal to a thread of a process.",
  args: { tgid: int, tid: int, sig: signal },
  run: (task, { tgid, tid, sig }) => {
    if (tid <= 0 || tgid <= 0 || sig < 0 || sig > 64) return EINVAL;
    return signalThread(task, tgid, tid, infoFrom(task, sig, SI_TKILL));
  },
});

/** siginfo that a guest made: codes of the kernel and of kill are only allowed to itself. */
export function queuedInfo(task: Task, address: number, sig: number, target: number): SigInfo | Errno {
  const bytes = task.space.read(address, SIGINFO_SIZE);
  if (bytes === undefined) return EFAULT;
  const raw = bytes.slice();
  const info = decodeInfo(raw);
  if ((info.code >= 0 || info.code === SI_TKILL) && target !== processOf(task).pid) return EPERM;
  return { ...info, signo: sig, raw };
}

const rtSigqueueinfo: Syscall = syscall({
  name: "rt_sigqueueinfo",
  doc: "Sends a signal with data to a process.",
  args: { pid: int, sig: signal, info: inInfo },
  run: (task, args) => {
    const info = queuedInfo(task, args.info, args.sig, args.pid);
    if (typeof info === "number") return info;
    if (args.sig < 0 || args.sig > 64) return EINVAL;
    const target = processOf(task).linux.processes.get(args.pid);
    return target === undefined ? ESRCH : signalOne(task, target, info);
  },
});

const rtTgsigqueueinfo: Syscall = syscall({
  name: "rt_tgsigqueueinfo",
  doc: "Sends a signal with data to a thread.",
  args: { tgid: int, tid: int, sig: signal, info: inInfo },
  run: (task, args) => {
    const info = queuedInfo(task, args.info, args.sig, args.tgid);
    if (typeof info === "number") return info;
    if (args.tgid <= 0 || args.tid <= 0 || args.sig < 0 || args.sig > 64) return EINVAL;
    return signalThread(task, args.tgid, args.tid, info);
  },
});

const rtSigreturn: Syscall = syscall({
  name: "rt_sigreturn",
  doc: "Goes back from a signal handler to what its frame says.",
  args: { frame: frameMask },
  run: (task): Outcome => popFrame(task),
});

const restartSyscall: Syscall = syscall({
  name: "restart_syscall",
  doc: "Continues a call that a signal interrupted, with the time that is left.",
  args: {},
  run: (task): Outcome => {
    const thread = threadOf(task);
    const { restart } = thread;
    thread.restart = undefined;
    return restart === undefined ? EINTR : restart();
  },
});

const sigaltstack: Syscall = syscall({
  name: "sigaltstack",
  doc: "Gets and sets the stack for signal handlers.",
  args: { ss: inStack, old: outStack },
  run: (task, { ss, old }) => {
    const thread = threadOf(task);
    const sp = task.frame.num(task.process.cpu.arch.sp);
    const before = thread.altStack;
    const state = altStackState(thread, sp);
    if (ss !== 0) {
      const view = fields(task, ss, 24);
      if (view === undefined) return EFAULT;
      if (onAltStack(thread, sp)) return EPERM;
      const address = get64(view, 0), flags = view.getInt32(8, true), bytes = get64(view, 16);
      const mode = flags & ~SS_AUTODISARM;
      if (mode !== 0 && mode !== SS_DISABLE && mode !== SS_ONSTACK) return EINVAL;
      if (mode === SS_DISABLE) thread.altStack = { address: 0, size: 0, flags };
      else {
        if (bytes >= 0 && bytes < thread.process.arch.minimumSignalStack) return ENOMEM;
        thread.altStack = { address, size: bytes < 0 ? bytes + 2 ** 64 : bytes, flags };
      }
    }
    if (old === 0) return 0;
    scratch.clear();
    scratch.u64(0, before.address);
    scratch.u32(8, state | (before.flags & SS_AUTODISARM));
    scratch.u64(16, before.size);
    return scratch.store(task, old, 24);
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[13, 134], rtSigaction],
  [[14, 135], rtSigprocmask],
  [[15, 139], rtSigreturn],
  [[34, null], pause],
  [[62, 129], kill],
  [[127, 136], rtSigpending],
  [[128, 137], rtSigtimedwait],
  [[129, 138], rtSigqueueinfo],
  [[130, 133], rtSigsuspend],
  [[131, 132], sigaltstack],
  [[200, 130], tkill],
  [[219, 128], restartSyscall],
  [[234, 131], tgkill],
  [[297, 240], rtTgsigqueueinfo],
];
