/**
 * Functions of the libc that are a call of the kernel in another form: other arguments, another answer, or a file that
 * the kernel knows. Each is served directly.
 */
import type { Outcome, Task } from "@guise/core";
import { processOf } from "@guise/linux/services";
import { answer, arg, type Calls, type DirectCall, fail, int, long, perform, text } from "../direct.ts";
import { osvOf } from "../state.ts";
import { isTerminal } from "./streams.ts";
import { tidAt } from "./threads.ts";

const EINVAL = -22, EFAULT = -14, ERANGE = -34, ENOMEM = -12, ENXIO = -6, ENOTTY = -25;
const AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100;

/** A call with other arguments. */
const as = (name: string, map: (task: Task) => number[]): DirectCall => (task) =>
  perform(task, name, map(task), answer);

/** A call that answers through memory of ours: `bytes` of it; `read` makes the answer. */
function through(
  task: Task,
  bytes: number,
  name: string,
  args: (block: number) => number[],
  read: (task: Task, block: number) => number,
): Outcome {
  const { heap } = osvOf(task);
  const block = heap.allocate(bytes);
  if (block === 0) return fail(task, ENOMEM);
  task.space.write(block, new Uint8Array(bytes));
  return perform(task, name, args(block), (t, n) => {
    const result = n < 0 ? fail(t, n) : read(t, block);
    heap.release(block);
    return result;
  });
}

/** Two timevals as two timespecs; 0 stays 0. */
function times(task: Task, from: number, block: number): number {
  if (from === 0) return 0;
  for (let n = 0; n < 2; n++) {
    task.space.setNum64(block + 16 * n, task.space.getNum64(from + 16 * n) ?? 0);
    task.space.setNum64(block + 16 * n + 8, 1000 * (task.space.getNum64(from + 16 * n + 8) ?? 0));
  }
  return block;
}

const utimes =
  (fd: (t: Task) => number, path: (t: Task) => number, from: number, flags: number): DirectCall => (task) => {
    const source = arg(task, from), folder = fd(task), name = path(task);
    if (source !== 0 && task.space.getNum64(source + 24) === undefined) return fail(task, EFAULT);
    const args = (block: number): number[] => [folder, name, times(task, source, block), flags];
    return through(task, 32, "utimensat", args, () => 0);
  };

/** The name of the terminal behind a descriptor, from /proc. */
function terminalName(
  task: Task,
  fd: number,
  target: number,
  room: number,
  next: (task: Task, n: number) => Outcome,
): Outcome {
  if (!isTerminal(task, fd)) return next(task, ENOTTY);
  const link = osvOf(task).string(`/proc/self/fd/${fd}`);
  return perform(task, "readlink", [link, target, room - 1], (t, n) => {
    if (n < 0) return next(t, n);
    if (n >= room - 1) return next(t, ERANGE);
    t.space.write(target + n, new Uint8Array(1));
    return next(t, 0);
  });
}

const strings = new WeakMap<object, Map<string, number>>();

/** A block of a process that a function answers in, over and over. */
function own(task: Task, name: string, bytes: number): number {
  const osv = osvOf(task);
  let map = strings.get(osv);
  if (map === undefined) strings.set(osv, map = new Map());
  let at = map.get(name);
  if (at === undefined) map.set(name, at = osv.heap.allocate(bytes));
  return at;
}

const TIOCGPTN = 0x80045430, TIOCSPTLCK = 0x40045431;

/** The other side of a pseudoterminal, as a path in memory. */
const slaveName = (
  task: Task,
  fd: number,
  target: number,
  room: number,
  next: (t: Task, n: number) => Outcome,
): Outcome => {
  const { heap } = osvOf(task);
  const block = heap.allocate(16);
  return perform(task, "ioctl", [fd, TIOCGPTN, block], (t, n) => {
    const number = t.space.getU32(block) ?? 0;
    heap.release(block);
    if (n < 0) return next(t, n);
    const bytes = new TextEncoder().encode(`/dev/pts/${number}\0`);
    if (bytes.length > room) return next(t, ERANGE);
    return next(t, t.space.write(target, bytes) ? 0 : EFAULT);
  });
};

const O_RDWR_NOCTTY = 0o402;

/** openpty(master, slave, name, attributes, size). */
const openpty: DirectCall = (task) => {
  const osv = osvOf(task);
  const [masterOut, slaveOut, name, attributes, size] = [0, 1, 2, 3, 4].map((n) => arg(task, n));
  const path = own(task, "openpty", 32);
  return perform(task, "open", [osv.string("/dev/ptmx"), O_RDWR_NOCTTY, 0], (t, master) => {
    if (master < 0) return fail(t, master);
    const zero = own(t, "zero", 16);
    t.space.write(zero, new Uint8Array(16));
    return perform(
      t,
      "ioctl",
      [master, TIOCSPTLCK, zero],
      () =>
        slaveName(t, master, path, 32, (u, wrong) => {
          if (wrong < 0) return fail(u, wrong);
          return perform(u, "open", [path, O_RDWR_NOCTTY, 0], (v, slave) => {
            if (slave < 0) return fail(v, slave);
            v.space.setU32(masterOut, master);
            v.space.setU32(slaveOut, slave);
            const bytes = v.space.cstring(path, 32);
            if (name !== 0 && typeof bytes !== "number") v.space.write(name, Uint8Array.of(...bytes, 0));
            const done = (): Outcome => 0;
            const sized = (w: Task): Outcome =>
              size === 0 ? 0 : perform(w, "ioctl", [slave, 0x5414, size], done);
            return attributes === 0 ? sized(v) : perform(v, "ioctl", [slave, 0x5402, attributes], sized);
          });
        }),
    );
  });
};

/** Waits for a signal of the set; `next` gets its number. */
const signalWait = (
  task: Task,
  set: number,
  info: number,
  timeout: number,
  next: (task: Task, n: number) => Outcome,
): Outcome => perform(task, "rt_sigtimedwait", [set, info, timeout, 8], next);

const priority: DirectCall = (task) =>
  perform(task, "getpriority", [int(task, 0), int(task, 1)], (t, n) => n < 0 ? fail(t, n) : 20 - n);

const processors: DirectCall = () => 1;

const CPU_RATE = 65536;

/** See the file's head. */
export const moreCalls: Calls = {
  recv: as("recvfrom", (t) => [int(t, 0), arg(t, 1), arg(t, 2), int(t, 3), 0, 0]),
  __recv_chk: as("recvfrom", (t) => [int(t, 0), arg(t, 1), arg(t, 2), int(t, 4), 0, 0]),
  send: as("sendto", (t) => [int(t, 0), arg(t, 1), arg(t, 2), int(t, 3), 0, 0]),
  recvmmsg: as("recvmmsg", (t) => [int(t, 0), arg(t, 1), int(t, 2), int(t, 3), arg(t, 4)]),
  sendmmsg: as("sendmmsg", (t) => [int(t, 0), arg(t, 1), int(t, 2), int(t, 3)]),
  sockatmark: (task) =>
    through(task, 16, "ioctl", (at) => [int(task, 0), 0x8905, at], (t, at) => t.space.getU32(at) ?? 0),
  umount: as("umount2", (t) => [arg(t, 0), 0]),
  mkfifo: as("mknod", (t) => [arg(t, 0), int(t, 1) | 0o010000, 0]),
  mkfifoat: as("mknodat", (t) => [int(t, 0), arg(t, 1), int(t, 2) | 0o010000, 0]),
  futimens: as("utimensat", (t) => [int(t, 0), 0, arg(t, 1), 0]),
  futimes: utimes((t) => int(t, 0), () => 0, 1, 0),
  lutimes: utimes(() => AT_FDCWD, (t) => arg(t, 0), 1, AT_SYMLINK_NOFOLLOW),
  futimesat: utimes((t) => int(t, 0), (t) => arg(t, 1), 2, 0),
  statx: as("statx", (t) => [int(t, 0), arg(t, 1), int(t, 2), int(t, 3), arg(t, 4)]),
  eaccess: as("faccessat2", (t) => [AT_FDCWD, arg(t, 0), int(t, 1), 0x200]),
  signalfd: as("signalfd4", (t) => [int(t, 0), arg(t, 1), 8, int(t, 2)]),
  epoll_pwait: as("epoll_pwait", (t) => [int(t, 0), arg(t, 1), int(t, 2), int(t, 3), arg(t, 4), 8]),
  ppoll: as("ppoll", (t) => [arg(t, 0), arg(t, 1), arg(t, 2), arg(t, 3), 8]),
  __ppoll_chk: as("ppoll", (t) => [arg(t, 0), arg(t, 1), arg(t, 2), arg(t, 3), 8]),
  setpgrp: as("setpgid", () => [0, 0]),
  seteuid: as("setresuid", (t) => [-1, int(t, 0), -1]),
  setegid: as("setresgid", (t) => [-1, int(t, 0), -1]),
  killpg: (task) => {
    if (int(task, 0) < 0) return fail(task, EINVAL);
    return perform(task, "kill", [processOf(task).pid, int(task, 1)], answer);
  },
  getpriority: priority,
  nice: (task) => {
    const more = int(task, 0);
    return perform(task, "getpriority", [0, 0], (t, now) => {
      const wanted = Math.max(-20, Math.min(19, 20 - now + more));
      return perform(t, "setpriority", [0, 0, wanted], (u, n) => n < 0 ? fail(u, n) : wanted);
    });
  },
  sched_getcpu: () => 0,
  get_nprocs: processors,
  get_nprocs_conf: processors,
  get_phys_pages: (task) => Math.floor(task.space.limit / 4096),
  get_avphys_pages: (task) => Math.floor(task.space.limit / 4096),
  getloadavg: (task) => {
    const target = arg(task, 0), count = Math.min(3, int(task, 1));
    if (count <= 0) return count < 0 ? -1 : 0;
    return through(task, 128, "sysinfo", (at) => [at], (t, at) => {
      const view = new DataView(new ArrayBuffer(8 * count));
      for (let n = 0; n < count; n++) {
        view.setFloat64(8 * n, (t.space.getNum64(at + 8 + 8 * n) ?? 0) / CPU_RATE, true);
      }
      return t.space.write(target, new Uint8Array(view.buffer)) ? count : -1;
    });
  },
  getentropy: (task) => {
    const length = arg(task, 1);
    if (length > 256) return fail(task, -5);
    const bytes = new Uint8Array(length);
    task.kernel.random(bytes);
    return task.space.write(arg(task, 0), bytes) ? 0 : fail(task, EFAULT);
  },
  brk: as("brk", (t) => [arg(t, 0)]),
  sbrk: (task) => {
    const more = long(task, 0);
    return perform(
      task,
      "brk",
      [0],
      (t, now) =>
        more === 0
          ? now
          : perform(t, "brk", [now + more], (u, end) => end === now + more ? now : fail(u, ENOMEM)),
    );
  },
  eventfd_read: (task) =>
    perform(
      task,
      "read",
      [int(task, 0), arg(task, 1), 8],
      (t, n) => n === 8 ? 0 : fail(t, n < 0 ? n : EINVAL),
    ),
  eventfd_write: (task) => {
    const fd = int(task, 0), block = osvOf(task).heap.allocate(16);
    task.space.setNum64(block, arg(task, 1));
    return perform(task, "write", [fd, block, 8], (t, n) => {
      osvOf(t).heap.release(block);
      return n === 8 ? 0 : fail(t, n < 0 ? n : EINVAL);
    });
  },
  lockf: lockf,
  lockf64: lockf,
  mktemp: (task) => {
    const at = arg(task, 0);
    const bytes = task.space.cstring(at, 4096);
    const marks = typeof bytes === "number" ? -1 : bytes.length - 6;
    if (typeof bytes === "number" || marks < 0 || !bytes.subarray(marks).every((c) => c === 0x58)) {
      fail(task, EINVAL);
      return at;
    }
    const random = new Uint8Array(6);
    task.kernel.random(random);
    task.space.write(at + marks, random.map((n) => 0x61 + n % 26));
    return at;
  },
  get_current_dir_name: (task) => {
    const { heap } = osvOf(task), block = heap.allocate(4096);
    return perform(task, "getcwd", [block, 4096], (t, n) => {
      if (n >= 0) return block;
      heap.release(block);
      return fail(t, n) + 1;
    });
  },
  getwd: (task) => {
    const at = arg(task, 0);
    return perform(task, "getcwd", [at, 4096], (t, n) => n < 0 ? fail(t, n) + 1 : at);
  },
  ttyname_r: (task) => terminalName(task, int(task, 0), arg(task, 1), arg(task, 2), (_t, n) => -n),
  ttyname: (task) => {
    const at = own(task, "ttyname", 64);
    return terminalName(task, int(task, 0), at, 64, (t, n) => n < 0 ? fail(t, n) + 1 : at);
  },
  posix_openpt: (task) => {
    const flags = int(task, 0);
    return perform(task, "open", [osvOf(task).string("/dev/ptmx"), flags, 0], answer);
  },
  grantpt: () => 0,
  unlockpt: (task) => {
    const zero = own(task, "zero", 16);
    task.space.write(zero, new Uint8Array(16));
    return perform(task, "ioctl", [int(task, 0), TIOCSPTLCK, zero], answer);
  },
  ptsname_r: (task) => slaveName(task, int(task, 0), arg(task, 1), arg(task, 2), (_t, n) => -n),
  ptsname: (task) => {
    const at = own(task, "ptsname", 64);
    return slaveName(task, int(task, 0), at, 64, (t, n) => n < 0 ? fail(t, n) + 1 : at);
  },
  openpty,
  forkpty: (task) => {
    osvOf(task).logOnce("fork() stubbed\n");
    return fail(task, -38);
  },
  login_tty: (task) => fail(task, -38),
  tcgetsid: (task) =>
    through(task, 16, "ioctl", (at) => [int(task, 0), 0x5429, at], (t, at) => (t.space.getU32(at) ?? 0) | 0),
  tcsendbreak: as("ioctl", (t) => [int(t, 0), 0x5409, 0]),
  sigwaitinfo: (task) => signalWait(task, arg(task, 0), arg(task, 1), 0, answer),
  sigtimedwait: (task) => signalWait(task, arg(task, 0), arg(task, 1), arg(task, 2), answer),
  sigwait: (task) => {
    const out = arg(task, 1);
    return signalWait(task, arg(task, 0), 0, 0, (t, n) => n < 0 ? -n : t.space.setU32(out, n) ? 0 : -EFAULT);
  },
  sigqueue: (task) => {
    const signal = int(task, 1), value = arg(task, 2);
    const { heap } = osvOf(task), info = heap.allocate(128);
    task.space.write(info, new Uint8Array(128));
    task.space.setU32(info, signal);
    task.space.setU32(info + 8, -1 >>> 0); // SI_QUEUE
    task.space.setU32(info + 16, 2);
    task.space.setNum64(info + 24, value);
    return perform(task, "rt_sigqueueinfo", [processOf(task).pid, signal, info], (t, n) => {
      heap.release(info);
      return answer(t, n);
    });
  },
  siginterrupt: () => 0,
  sigreturn: (task) => fail(task, -38),
  pthread_kill: (task) => {
    const tid = tidAt(task, arg(task, 0));
    if (tid === undefined) return 3;
    return perform(task, "tgkill", [processOf(task).pid, tid, int(task, 1)], (_t, n) => n < 0 ? -n : 0);
  },
  tgkill: (task) => perform(task, "tgkill", [processOf(task).pid, int(task, 1), int(task, 2)], answer),
  strerror_r: strerrorGnu,
  __xpg_strerror_r: (task) => {
    const words = osvOf(task).words(int(task, 0));
    const bytes = new TextEncoder().encode(words + "\0");
    const room = arg(task, 2);
    if (room === 0) return -ERANGE;
    const cut = bytes.slice(0, Math.min(room, bytes.length));
    cut[cut.length - 1] = 0;
    task.space.write(arg(task, 1), cut);
    return words.startsWith("Unknown error") ? -EINVAL : bytes.length > room ? -ERANGE : 0;
  },
  getdomainname: (task) =>
    task.space.write(arg(task, 0), new TextEncoder().encode("(none)\0")) ? 0 : fail(task, EFAULT),
  gethostid: () => 0,
  if_nametoindex: (task) => text(task, arg(task, 0)) === "lo" ? 1 : fail(task, -19) + 1,
  if_indextoname: (task) => {
    if (int(task, 0) !== 1) return fail(task, ENXIO) + 1;
    return task.space.write(arg(task, 1), new TextEncoder().encode("lo\0")) ? arg(task, 1) : 0;
  },
  if_nameindex: (task) => {
    const { heap } = osvOf(task), list = heap.allocate(32);
    task.space.write(list, new Uint8Array(32));
    task.space.setU32(list, 1);
    task.space.setNum64(list + 8, osvOf(task).string("lo"));
    return list;
  },
  if_freenameindex: (task) => {
    osvOf(task).heap.release(arg(task, 0));
    return 0;
  },
  timespec_get: (task) => {
    const base = int(task, 1);
    return perform(task, "clock_gettime", [0, arg(task, 0)], (_t, n) => n < 0 ? 0 : base);
  },
  clock_getcpuclockid: (task) => task.space.setU32(arg(task, 1), 2) ? 0 : -EFAULT,
  ftime: (task) => {
    const target = arg(task, 0);
    return through(task, 16, "clock_gettime", (at) => [0, at], (t, at) => {
      t.space.setNum64(target, t.space.getNum64(at) ?? 0);
      return t.space.setNum64(target + 8, Math.floor((t.space.getNum64(at + 8) ?? 0) / 1e6)) ? 0 : -1;
    });
  },
  ualarm: (task) => {
    const { heap } = osvOf(task), block = heap.allocate(64);
    const [value, interval] = [int(task, 0) >>> 0, int(task, 1) >>> 0];
    [interval, value].forEach((n, i) => {
      task.space.setNum64(block + 16 * i, Math.floor(n / 1e6));
      task.space.setNum64(block + 16 * i + 8, n % 1e6);
    });
    return perform(task, "setitimer", [0, block, block + 32], (t, n) => {
      const left = (t.space.getNum64(block + 48) ?? 0) * 1e6 + (t.space.getNum64(block + 56) ?? 0);
      heap.release(block);
      return n < 0 ? fail(t, n) : left;
    });
  },
};

/** strerror_r of GNU answers the text; the buffer is only for what has no name. */
function strerrorGnu(task: Task): number {
  const words = osvOf(task).words(int(task, 0));
  const target = arg(task, 1), room = arg(task, 2);
  if (!words.startsWith("Unknown error") || room === 0) return osvOf(task).string(words);
  const bytes = new TextEncoder().encode(words + "\0").slice(0, room);
  bytes[bytes.length - 1] = 0;
  task.space.write(target, bytes);
  return target;
}

/** lockf by fcntl's locks, from the place where the file is. */
function lockf(task: Task): Outcome {
  const fd = int(task, 0), command = int(task, 1), length = long(task, 2);
  const { heap } = osvOf(task);
  const F_GETLK = 5, F_SETLK = 6, F_SETLKW = 7, F_WRLCK = 1, F_UNLCK = 2;
  if (command < 0 || command > 3) return fail(task, EINVAL);
  const block = heap.allocate(32);
  task.space.write(block, new Uint8Array(32));
  task.space.setU32(block, (command === 0 ? F_UNLCK : F_WRLCK) | 1 << 16); // l_type, l_whence = SEEK_CUR
  task.space.setNum64(block + 16, length);
  const wanted = command === 3 ? F_GETLK : command === 1 ? F_SETLKW : F_SETLK;
  return perform(task, "fcntl", [fd, wanted, block], (t, n) => {
    const type = (t.space.getU32(block) ?? 0) & 0xffff;
    heap.release(block);
    if (n < 0) return fail(t, n);
    return command === 3 && type !== F_UNLCK ? fail(t, -13) : 0;
  });
}
