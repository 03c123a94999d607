/** Older and rarer names: of glibc's structures with version numbers, of System V's signals, of shared memory by name. */
import type { Outcome, Task } from "@guise/core";
import {
  answer,
  arg,
  type Calls,
  direct,
  type DirectCall,
  fail,
  int,
  perform,
  setArgs,
  text,
} from "../direct.ts";
import { osvOf } from "../state.ts";
import { processCalls } from "./process.ts";
import { exit } from "./start.ts";
import { signalCalls } from "./signals.ts";
import { threadsOf } from "./threads.ts";

const EINVAL = -22, ENOSYS = -38;
const SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_IGN = 1, SIG_HOLD = 2;

/** A function whose first argument is a version of its structure. */
const versioned = (name: string, places: readonly number[]): DirectCall => {
  const call = direct(name);
  return (task) => {
    setArgs(task, places.map((n) => arg(task, n)));
    return call(task);
  };
};
const stat = versioned("stat", [1, 2]),
  fstat = versioned("fstat", [1, 2]),
  lstat = versioned("lstat", [1, 2]);
const statat = versioned("newfstatat", [1, 2, 3, 4]);

/** Changes the mask by one signal. */
function mask(
  task: Task,
  how: number,
  signal: number,
  next: (task: Task, result: number) => Outcome,
): Outcome {
  const { heap } = osvOf(task);
  if (signal < 1 || signal > 64) return fail(task, EINVAL);
  const block = heap.allocate(16);
  task.space.setU32(block, signal <= 32 ? (1 << signal - 1) >>> 0 : 0);
  task.space.setU32(block + 4, signal > 32 ? (1 << signal - 33) >>> 0 : 0);
  return perform(task, "rt_sigprocmask", [how, block, 0, 8], (t, n) => {
    heap.release(block);
    return next(t, n);
  });
}
/** What is done about a signal: its handler. */
function current(task: Task, signal: number): Outcome {
  const { heap } = osvOf(task), block = heap.allocate(32);
  return perform(task, "rt_sigaction", [signal, 0, block, 8], (t, n) => {
    const old = t.space.getNum64(block) ?? 0;
    heap.release(block);
    return n < 0 ? fail(t, n) : old;
  });
}
const masking = (how: number): DirectCall => (task) => mask(task, how, int(task, 0), answer);

const SHM = "/dev/shm/";

/** Shared memory by name is a file of /dev/shm. */
function shared(
  task: Task,
  act: (task: Task, path: number, next: (t: Task, n: number) => Outcome) => Outcome,
): Outcome {
  const name = (text(task, arg(task, 0)) ?? "").replace(/^\/+/, "");
  if (name === "" || name.includes("/") || name === "." || name === ".." || name.length > 255) {
    return fail(task, EINVAL);
  }
  const { heap } = osvOf(task), bytes = new TextEncoder().encode(`${SHM}${name}\0`);
  const path = heap.allocate(bytes.length);
  task.space.write(path, bytes);
  return act(task, path, (t, n) => {
    heap.release(path);
    return answer(t, n);
  });
}
const O_NOFOLLOW_CLOEXEC_NONBLOCK = 0o2404000;

/** tmpnam: a name in /tmp that nobody has taken yet. */
const temporaryName: DirectCall = (task) => {
  const osv = osvOf(task), given = arg(task, 0);
  const random = new Uint8Array(6);
  task.kernel.random(random);
  const name = `/tmp/file${Array.from(random, (n) => String.fromCharCode(97 + n % 26)).join("")}`;
  const bytes = new TextEncoder().encode(`${name}\0`);
  const at = given === 0 ? osv.heap.allocate(bytes.length) : given;
  return at !== 0 && task.space.write(at, bytes) ? at : 0;
};

/** pthread_getattr_np, in the layout of the libc under us: stack's size, guard, end, then whether it is detached. */
const attributesOf: DirectCall = (task) => {
  const thread = threadsOf(task).all.get(arg(task, 0)), target = arg(task, 1);
  const bytes = new Uint8Array(56);
  if (!task.space.write(target, bytes)) return -EINVAL;
  let start = thread?.stack ?? 0, size = thread?.stackSize ?? 0;
  if (size === 0) {
    const { arch } = task.process.cpu;
    const region = task.space.find(task.frame.num(arch.sp));
    start = Math.max(0, (region?.end ?? 0) - task.space.stackLimit);
    size = (region?.end ?? 0) - start;
  }
  [size, 4096, start + size].forEach((value, n) => task.space.setNum64(target + 8 * n, value));
  task.space.setU32(target + 24, thread?.detached === true ? 1 : 0);
  return 0;
};

/** See the file's head. */
export const olderCalls: Calls = {
  __xstat: stat,
  __xstat64: stat,
  __fxstat: fstat,
  __fxstat64: fstat,
  __lxstat: lstat,
  __lxstat64: lstat,
  __fxstatat: statat,
  __fxstatat64: statat,
  __xmknod: (task) =>
    perform(task, "mknod", [arg(task, 1), int(task, 2), task.space.getNum64(arg(task, 3)) ?? 0], answer),
  preadv64: direct("preadv"),
  pwritev64: direct("pwritev"),
  posix_close: direct("close"),
  lchmod: (task) => perform(task, "fchmodat2", [-100, arg(task, 0), int(task, 1), 0x100], answer),
  sighold: masking(SIG_BLOCK),
  sigrelse: masking(SIG_UNBLOCK),
  sigignore: (task) => {
    setArgs(task, [int(task, 0), SIG_IGN]);
    return signalCalls.signal(task);
  },
  bsd_signal: signalCalls.signal,
  __sysv_signal: signalCalls.signal,
  sysv_signal: signalCalls.signal,
  ssignal: signalCalls.signal,
  sigset: (task) => {
    const signal = int(task, 0), handler = arg(task, 1);
    if (handler === SIG_HOLD) {
      return mask(task, SIG_BLOCK, signal, (t, n) => n < 0 ? fail(t, n) : current(t, signal));
    }
    return mask(task, SIG_UNBLOCK, signal, (t) => {
      setArgs(t, [signal, handler]);
      return signalCalls.signal(t);
    });
  },
  shm_open: (task) => {
    const flags = int(task, 1) | O_NOFOLLOW_CLOEXEC_NONBLOCK, mode = int(task, 2);
    return shared(task, (t, path, next) => perform(t, "open", [path, flags, mode], next));
  },
  shm_unlink: (task) => shared(task, (t, path, next) => perform(t, "unlink", [path], next)),
  tmpnam: temporaryName,
  tmpnam_r: temporaryName,
  tempnam: (task) => {
    setArgs(task, [0]);
    return temporaryName(task);
  },
  tcgetwinsize: (task) => perform(task, "ioctl", [int(task, 0), 0x5413, arg(task, 1)], answer),
  tcsetwinsize: (task) => perform(task, "ioctl", [int(task, 0), 0x5414, arg(task, 1)], answer),
  pthread_getattr_np: attributesOf,
  clone: (task) => fail(task, ENOSYS),
  _Fork: processCalls.fork,
  daemon: processCalls.fork,
  quick_exit: (task) => exit(task, int(task, 0)),
  getifaddrs: (task) => task.space.setNum64(arg(task, 0), 0) ? 0 : fail(task, -14),
  freeifaddrs: () => 0,
  vsyslog: () => 0,
  __vsyslog_chk: () => 0,
  getdents64: direct("getdents64"),
  getdents: direct("getdents64"),
  klogctl: direct("syslog"),
};
