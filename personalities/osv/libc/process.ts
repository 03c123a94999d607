/** Processes and identity as OSv has them: there is one process, with id 2, and it is root's (O1, O7). */
import { ECHILD, EINVAL, ENOEXEC, ENOSYS, type Outcome, type Task } from "@guise/core";
import { answer, arg, type Calls, type DirectCall, fail, int, long, perform } from "../direct.ts";
import { osvOf } from "../state.ts";
import { processOf } from "@guise/linux/services";

/** getpid and getppid. */
export const PID = 2;

function stubbed(name: string, errno: number): DirectCall {
  return (task) => {
    osvOf(task).logOnce(`${name}() stubbed\n`);
    return fail(task, errno);
  };
}

const notImplemented: DirectCall = (task) => {
  osvOf(task).logOnce("execvp not implemented\n");
  return fail(task, ENOSYS);
};

// deno-fmt-ignore
/** sysconf's names (glibc's numbers) that programs ask for. */
const configuration: ReadonlyMap<number, number> = new Map([
  [0, 2097152], [1, 127], [2, 100], [3, 65536], [4, 1024], [5, 16], [6, 6], [29, 200809], [30, 4096], [47, 1024],
  [60, 1000], [69, 1024], [70, 1024], [75, 16384], [83, 1], [84, 1], [149, 200809], [180, 255], [199, 32],
]);
const PHYS_PAGES = 85, AVAILABLE_PAGES = 86;

const sysconf: DirectCall = (task) => {
  const name = int(task, 0);
  if (name === PHYS_PAGES || name === AVAILABLE_PAGES) return Math.floor(task.space.limit / 4096);
  return configuration.get(name) ?? fail(task, EINVAL);
};

const getcwd: DirectCall = (task) => {
  const buffer = arg(task, 0), size = arg(task, 1);
  const { heap } = osvOf(task);
  const room = buffer === 0 && size === 0 ? 4096 : size;
  const target = buffer === 0 ? heap.allocate(room) : buffer;
  return perform(task, "getcwd", [target, room], (t, n) => {
    if (n >= 0) return target;
    if (buffer === 0) heap.release(target);
    return fail(t, n) + 1;
  });
};

const affinity: DirectCall = (task) =>
  perform(task, "sched_getaffinity", [int(task, 0), arg(task, 1), arg(task, 2)], (t, n) => {
    if (n < 0) return fail(t, n);
    const size = arg(t, 1);
    if (size > n && size < 4096) t.space.write(arg(t, 2) + n, new Uint8Array(size - n));
    return 0;
  });

/** An entry of the auxiliary vector; 0 with ENOENT when there is none. */
const auxiliary: DirectCall = (task) => {
  const { auxv } = processOf(task).mm;
  const view = new DataView(auxv.buffer, auxv.byteOffset, auxv.length);
  for (let at = 0; at + 16 <= auxv.length; at += 16) {
    if (view.getUint32(at, true) === arg(task, 0)) {
      return view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * 2 ** 32;
    }
  }
  return fail(task, -2) + 1;
};

/** The kernel's offset is two words; flags come after them. */
const vectors = (task: Task, name: string): Outcome =>
  perform(task, name, [int(task, 0), arg(task, 1), int(task, 2), long(task, 3), 0, int(task, 4)], answer);

/** A function that gives the error number itself. */
const plain = (name: string, map: (task: Task) => number[]): DirectCall => (task) =>
  perform(task, name, map(task), (_t, n) => n < 0 ? -n : 0);

const strerror: DirectCall = (task) => osvOf(task).string(osvOf(task).words(int(task, 0)));

/** See the file's head. */
export const processCalls: Calls = {
  getpid: () => PID,
  getppid: () => PID,
  getpgrp: () => 0,
  getuid: () => 0,
  geteuid: () => 0,
  getgid: () => 0,
  getegid: () => 0,
  fork: stubbed("fork", ENOSYS),
  vfork: stubbed("vfork", ENOSYS),
  execve: stubbed("execve", ENOEXEC),
  execvp: notImplemented,
  execv: stubbed("execve", ENOEXEC),
  execl: stubbed("execve", ENOEXEC),
  execle: stubbed("execve", ENOEXEC),
  fexecve: stubbed("execve", ENOEXEC),
  execvpe: notImplemented,
  execlp: notImplemented,
  // They answer the error number itself.
  posix_spawn: () => -ENOSYS,
  posix_spawnp: () => -ENOSYS,
  waitid: (task) => fail(task, ECHILD),
  waitpid: (task) => fail(task, ECHILD),
  wait: (task) => fail(task, ECHILD),
  wait3: (task) => fail(task, ECHILD),
  wait4: (task) => fail(task, ECHILD),
  system: () => -1,
  popen: () => 0,
  pclose: (task) => fail(task, ECHILD),
  setsid: () => -1,
  sysconf,
  getpagesize: () => 4096,
  getcwd,
  sched_getaffinity: affinity,
  sched_setaffinity: (task) => perform(task, "sched_setaffinity", [0, arg(task, 1), arg(task, 2)], answer),
  posix_fadvise: plain("fadvise64", (t) => [int(t, 0), long(t, 1), long(t, 2), int(t, 3)]),
  posix_fadvise64: plain("fadvise64", (t) => [int(t, 0), long(t, 1), long(t, 2), int(t, 3)]),
  posix_madvise: plain("madvise", (t) => [arg(t, 0), arg(t, 1), int(t, 2) === 4 ? 0 : int(t, 2)]),
  posix_fallocate: plain("fallocate", (t) => [int(t, 0), 0, long(t, 1), long(t, 2)]),
  posix_fallocate64: plain("fallocate", (t) => [int(t, 0), 0, long(t, 1), long(t, 2)]),
  clock_nanosleep: plain("clock_nanosleep", (t) => [int(t, 0), int(t, 1), arg(t, 2), arg(t, 3)]),
  faccessat: (task) =>
    perform(task, "faccessat2", [int(task, 0), arg(task, 1), int(task, 2), int(task, 3)], answer),
  euidaccess: (task) => perform(task, "faccessat2", [-100, arg(task, 0), int(task, 1), 0x200], answer),
  fchmodat: (task) =>
    perform(task, "fchmodat2", [int(task, 0), arg(task, 1), int(task, 2), int(task, 3)], answer),
  strerror,
  remove: (task) => {
    const path = arg(task, 0);
    return perform(
      task,
      "unlink",
      [path],
      (t, n) => n === -21 ? perform(t, "rmdir", [path], answer) : answer(t, n),
    );
  },
  gethostname: (task) => {
    const room = arg(task, 1);
    const name = new TextEncoder().encode(processOf(task).linux.hostName + "\0");
    if (name.length > room) return fail(task, -36);
    return task.space.write(arg(task, 0), name) ? 0 : fail(task, -14);
  },
  getauxval: auxiliary,
  __getauxval: auxiliary,
  getdtablesize: () => 1024,
  __sysconf: sysconf,
  preadv64v2: (task) => vectors(task, "preadv2"),
  preadv2: (task) => vectors(task, "preadv2"),
  pwritev64v2: (task) => vectors(task, "pwritev2"),
  pwritev2: (task) => vectors(task, "pwritev2"),
};
