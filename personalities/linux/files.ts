/**
 * What file calls need of a task: its descriptor table, its root and working directory, and who it is to the file
 * system. Tables and contexts are @guise/vfs's: `copy()` for fork, `share()` for CLONE_FILES and CLONE_FS, `drop()` at
 * the end of a task, `FileTable.exec()` at execve.
 */
import { EBADF, type Errno, Key, type Process, type Task } from "@guise/core";
import {
  type Caller,
  contextKey,
  type Credentials,
  filesKey,
  type FileTable,
  type FsContext,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  type OpenFile,
  textOf,
  type Vfs,
  vfsKey,
} from "@guise/vfs/key";
import { credentialsKey } from "./credentials.ts";
import { limit, RLIMIT_NOFILE } from "./limits.ts";
import { AT_FDCWD } from "./args/path.ts";

/** Where a task keeps its descriptor table, and its root, working directory and umask: `task.data.get(filesKey)`. */
export { contextKey as fsKey, filesKey };

const callerKey: Key<Caller> = new Key<Caller>("linux caller");

/** A task as the file system sees it: always its present credentials and context. */
class TaskCaller implements Caller {
  readonly task: Task;
  constructor(task: Task) {
    this.task = task;
  }
  get fs(): FsContext {
    return this.task.data.get(contextKey);
  }
  get cred(): Credentials {
    return this.task.data.get(credentialsKey);
  }
}

/** Who asks, for operations of the file system. */
export function callerOf(task: Task): Caller {
  let caller = task.data.find(callerKey);
  if (caller === undefined) task.data.set(callerKey, caller = new TaskCaller(task));
  return caller;
}

/** The caller with the real ids instead of the effective ones: access(2). */
export function realCaller(task: Task): Caller {
  const cred = task.data.get(credentialsKey);
  const capable = cred.uid === 0 ? cred.capable.bind(cred) : () => false;
  return {
    fs: task.data.get(contextKey),
    cred: { ...cred, fsuid: cred.uid, fsgid: cred.gid, capable },
    task,
  };
}

/** The kernel's file system. */
export function vfsOf(task: Task): Vfs {
  return task.kernel.data.get(vfsKey);
}

/** The descriptor table, with RLIMIT_NOFILE as it is now. */
export function tableOf(task: Task): FileTable {
  const table = task.data.get(filesKey);
  table.limit = Math.min(limit(task, RLIMIT_NOFILE), 0x7fffffff);
  return table;
}

/** The open file of a descriptor for anything but data: O_PATH descriptors count. */
export function anyFile(task: Task, fd: number): OpenFile | Errno {
  return task.data.get(filesKey).get(fd) ?? EBADF;
}

/** The open file of a descriptor; O_PATH ones are EBADF. */
export function openFile(task: Task, fd: number): OpenFile | Errno {
  const file = task.data.get(filesKey).get(fd);
  return file === undefined || (file.flags & O_PATH) !== 0 ? EBADF : file;
}
