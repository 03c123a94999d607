/** wait4 and waitid. */
import {
  EBADF,
  ECHILD,
  EFAULT,
  EINVAL,
  type Errno,
  ESRCH,
  type Outcome,
  type Syscall,
  syscall,
  type Task,
  wait,
} from "@guise/core";
import { rusage, status, WAIT4_OPTIONS, WAIT_OPTIONS } from "../args/process.ts";
import { flagWord, int, oneOf } from "../args/scalar.ts";
import { outInfo } from "../args/signal.ts";
import { openFile } from "../files.ts";
import { ProcessFile } from "../process/process_file.ts";
import { uidOf } from "../process/notify.ts";
import {
  type ChildEvent,
  nextEvent,
  type Selector,
  WALL,
  WCLONE,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOTHREAD,
  WNOWAIT,
  WSTOPPED,
  WUNTRACED,
} from "../process/wait.ts";
import type { Rows } from "../rows.ts";
import { encodeInfo, SIGINFO_SIZE } from "../signals/info.ts";
import { SIGCHLD } from "../signals/numbers.ts";
import { usageOf } from "../process/usage.ts";
import { addUsage, processOf, type Usage } from "../state.ts";
import { writeUsage } from "./usage.ts";

/** What a child used, with the children it has waited for (RUSAGE_BOTH). */
function childUsage({ child }: ChildEvent): Usage {
  const sum = child.state === "alive" ? usageOf(child) : { ...child.finalUsage };
  addUsage(sum, child.childUsage);
  return sum;
}

const wait4: Syscall = syscall({
  name: "wait4",
  doc: "Waits until a child ends (or stops, or continues) and takes it away.",
  args: { pid: int, status, options: flagWord(WAIT4_OPTIONS, "W???"), usage: rusage },
  run: (task, args): Outcome => {
    const { pid, options } = args;
    if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | WNOTHREAD | WCLONE | WALL)) return EINVAL;
    if (pid === -0x80000000) return ESRCH;
    const self = processOf(task);
    const selector: Selector = pid < -1
      ? { kind: "group", id: -pid }
      : pid === -1
      ? { kind: "all" }
      : pid === 0
      ? { kind: "group", id: self.group }
      : { kind: "pid", id: pid };
    const event = nextEvent(self, selector, options | WEXITED);
    if (event === "no children") return ECHILD;
    if (event === "none") return options & WNOHANG ? 0 : wait([self.childQueue]);
    if (args.usage !== 0 && !writeUsage(task, args.usage, childUsage(event))) return EFAULT;
    if (args.status !== 0 && !task.space.setU32(args.status, event.word)) return EFAULT;
    return event.child.pid;
  },
});

const P_ALL = 0, P_PID = 1, P_PGID = 2, P_PIDFD = 3;

function waitSelector(task: Task, which: number, id: number): Selector | Errno {
  switch (which) {
    case P_ALL:
      return { kind: "all" };
    case P_PID:
      return id > 0 ? { kind: "pid", id } : EINVAL;
    case P_PGID:
      if (id < 0) return EINVAL;
      return { kind: "group", id: id === 0 ? processOf(task).group : id };
    case P_PIDFD: {
      const file = openFile(task, id);
      if (typeof file === "number") return file;
      return file instanceof ProcessFile ? { kind: "pid", id: file.process.pid } : EBADF;
    }
    default:
      return EINVAL;
  }
}

const waitid: Syscall = syscall({
  name: "waitid",
  doc: "Waits for a child's change and tells it as siginfo.",
  args: {
    which: oneOf([[0, "P_ALL"], [1, "P_PID"], [2, "P_PGID"], [3, "P_PIDFD"]], "P_???"),
    id: int,
    info: outInfo,
    options: flagWord(WAIT_OPTIONS, "W???"),
    usage: rusage,
  },
  run: (task, args): Outcome => {
    const { options } = args;
    if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | WNOTHREAD | WCLONE | WALL)) {
      return EINVAL;
    }
    if (!(options & (WEXITED | WSTOPPED | WCONTINUED))) return EINVAL;
    const selector = waitSelector(task, args.which, args.id);
    if (typeof selector === "number") return selector;
    const self = processOf(task);
    const event = nextEvent(self, selector, options);
    if (event === "no children") return ECHILD;
    if (event === "none" && !(options & WNOHANG)) return wait([self.childQueue]);
    if (event !== "none" && args.usage !== 0 && !writeUsage(task, args.usage, childUsage(event))) {
      return EFAULT;
    }
    if (args.info === 0) return 0;
    const bytes = event === "none" ? new Uint8Array(SIGINFO_SIZE) : encodeInfo({
      signo: SIGCHLD,
      code: event.code,
      pid: event.child.pid,
      uid: uidOf(event.child),
      status: event.status,
    });
    // Only the fields that waitid defines are written.
    return task.space.write(args.info, bytes.subarray(0, 28)) ? 0 : EFAULT;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [[[61, 260], wait4], [[247, 95], waitid]];
