/**
 * execve(2): the program of a process is replaced. Up to the point of no return every error is an answer; after it the
 * other threads are gone, the memory is new, and a failure kills.
 */
import {
  E2BIG,
  EFAULT,
  EINVAL,
  ENAMETOOLONG,
  ENOENT,
  type Errno,
  ETXTBSY,
  EXIT,
  KEEP,
  type Outcome,
  type Task,
  wait,
} from "@guise/core";
import { EMPTY_PATH, type FileTable, nameOfBytes, NO_FOLLOW, S_IFLNK, S_IFMT, walk } from "@guise/vfs/key";
import { AT_FDCWD } from "../args/path.ts";
import { credentialsKey, execCredentials } from "../credentials.ts";
import { anyFile, callerOf, filesKey } from "../files.ts";
import { exitFutexes } from "../futex/robust.ts";
import { RLIMIT_STACK } from "../limits.ts";
import { SIGCHLD, SIGSEGV } from "../signals/numbers.ts";
import { type LinuxTask, threadOf } from "../state.ts";
import { endOthers, endProcess, releaseVfork } from "./exit.ts";
import {
  enterProgram,
  LEAST_ARGUMENTS,
  MAX_STRING,
  MOST_ARGUMENTS,
  openExecutable,
  planProgram,
} from "./image.ts";

/** Flags of execveat(2). */
export const AT_EMPTY_PATH = 0x1000, AT_SYMLINK_NOFOLLOW = 0x100;

/** Reads a NULL-terminated array of strings: EFAULT, or E2BIG when the strings or their sum are too long. */
export function readStrings(task: Task, address: number, room: number, width: 4 | 8): Uint8Array[] | Errno {
  const list: Uint8Array[] = [];
  if (address === 0) return list;
  for (;; address += width) {
    const pointer = width === 8 ? task.space.getNum64(address) : task.space.getU32(address);
    if (pointer === undefined) return EFAULT;
    if (pointer === 0) return list;
    const bytes = task.space.cstring(pointer, MAX_STRING);
    if (typeof bytes === "number") return bytes === ENAMETOOLONG ? E2BIG : bytes;
    room -= bytes.length + 1 + width;
    if (room < 0) return E2BIG;
    list.push(bytes);
  }
}

/** Bytes that arguments and environment may take together (a quarter of the stack limit, at most 6 MiB). */
export function argumentRoom(thread: LinuxTask): number {
  const quarter = Math.min(thread.process.limits.soft[RLIMIT_STACK] / 4, MOST_ARGUMENTS);
  return Math.max(quarter, LEAST_ARGUMENTS);
}

/** What execve and execveat do. `width`: of the pointers in argv and envp. */
export function execve(
  task: Task,
  dirfd: number,
  path: Uint8Array,
  argv: number,
  envp: number,
  flags: number,
  width: 4 | 8 = 8,
): Outcome {
  const thread = threadOf(task);
  const { process } = thread;
  if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) return EINVAL;
  if (path.length === 0 && !(flags & AT_EMPTY_PATH)) return ENOENT;
  const caller = callerOf(task);
  let start: Parameters<typeof walk>[1];
  if (dirfd !== AT_FDCWD && path[0] !== 0x2f) {
    const file = anyFile(task, dirfd);
    if (typeof file === "number") return file;
    start = file.location;
  }
  const location = walk(
    caller,
    start,
    nameOfBytes(path),
    (flags & AT_EMPTY_PATH ? EMPTY_PATH : 0) | (flags & AT_SYMLINK_NOFOLLOW ? NO_FOLLOW : 0),
  );
  if (typeof location === "number") return location;
  if (flags & AT_SYMLINK_NOFOLLOW && (location.inode.mode & S_IFMT) === S_IFLNK) return -40; // ELOOP
  const opened = openExecutable(task, location);
  if (typeof opened === "number") return opened;
  if (opened.inode.writers > 0) return ETXTBSY;

  const room = argumentRoom(thread);
  const env = readStrings(task, envp, room, width);
  if (typeof env === "number") return env;
  let args = readStrings(task, argv, room - env.reduce((sum, s) => sum + s.length + 9, 0), width);
  if (typeof args === "number") return args;
  // A program must have a name: an empty argv gets one empty string (Linux 5.18).
  if (args.length === 0) args = [new Uint8Array(0)];
  const shown = dirfd === AT_FDCWD || path[0] === 0x2f
    ? path
    : new TextEncoder().encode(`/dev/fd/${dirfd}${path.length === 0 ? "" : "/" + nameOfBytes(path)}`);
  const plan = planProgram(task, opened.backing, shown, args);
  if (plan.kind === "refused") {
    // For an architecture that is still to be loaded: the call is made again when it is there.
    const loading = plan.machine === undefined ? undefined : task.kernel.bring(plan.machine);
    return loading === undefined ? plan.errno : wait([loading]);
  }

  // No way back from here.
  const before = task.data.get(credentialsKey);
  const noSuid = thread.noNewPrivileges || location.mount.options.nosuid === true || plan.scripts > 0;
  const cred = execCredentials(before, opened.inode, noSuid);
  const secure = cred.euid !== before.uid || cred.egid !== before.gid;
  endOthers(thread);
  takeLeadersId(thread);
  exitFutexes(thread);
  task.data.set(credentialsKey, cred);
  const failed = enterProgram(task, {
    plan,
    env,
    execfn: shown,
    exe: plan.program.file.name || nameOfBytes(plan.program.path),
    secure,
  });
  if (failed !== undefined) {
    process.deathMessage = failed;
    // As force_fatal_sig(SIGSEGV) in Linux: the old program is gone, the new one cannot be.
    endProcess(process, SIGSEGV);
    return EXIT;
  }
  afterExec(thread, path, secure);
  task.kernel.emit({ kind: "exec", process: task.process, path: nameOfBytes(shown) });
  return KEEP;
}

/** A thread that execs becomes the leader of its process, with its id. */
function takeLeadersId(thread: LinuxTask): void {
  const { process } = thread;
  if (thread.tid === process.pid) return;
  process.linux.tasks.delete(thread.tid);
  thread.tid = process.pid;
  process.linux.tasks.set(thread.tid, thread);
}

/** What else execve resets (execve(2), "Effect on process attributes"). */
function afterExec(thread: LinuxTask, path: Uint8Array, secure: boolean): void {
  const { process, task } = thread;
  const files = task.data.get(filesKey);
  let own: FileTable = files;
  if (files.shared) {
    own = files.copy();
    files.drop();
    task.data.set(filesKey, own);
  }
  own.exec();
  process.actions = process.actions.afterExec();
  thread.altStack = { address: 0, size: 0, flags: 2 };
  thread.rseq = 0;
  thread.restart = undefined;
  thread.interrupted = 0;
  process.timers.deleteAll();
  process.execed = true;
  process.exitSignal = SIGCHLD;
  process.dumpable = secure ? 0 : 1;
  if (secure) thread.parentDeathSignal = 0;
  const slash = path.lastIndexOf(0x2f);
  thread.name = nameOfBytes(path.subarray(slash + 1, slash + 16));
  releaseVfork(process);
}
