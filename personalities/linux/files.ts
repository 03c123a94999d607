/**
 * What file calls need of a task: its descriptor table, its root and working directory, and who it is to the file
 * system. Tables and contexts are @guise/vfs's: `copy()` for fork, `share()` for CLONE_FILES and CLONE_FS, `drop()` at
 * the end of a task, `FileTable.exec()` at execve.
 */
import { EBADF, type Errno, errnoText, Key, type SpawnRequest, type Task } from "@guise/core";
import {
  type Caller,
  chdir,
  contextKey,
  type Credentials,
  DIRECTORY,
  filesKey,
  FileTable,
  type FsContext,
  nameOf,
  O_PATH,
  type OpenFile,
  type Vfs,
  vfsKey,
  walk,
} from "@guise/vfs/key";
import { attachTerminal } from "./calls/terminal_control.ts";
import { credentialsKey } from "./credentials.ts";
import { limit, RLIMIT_NOFILE } from "./limits.ts";
import { mountPseudo } from "./proc/mount.ts";
import { processOf } from "./state.ts";

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

/** Keys of SpawnRequest.options that say what a first program begins with. */
export interface FileSpawnOptions {
  /** Descriptors 0, 1, 2…: their references are taken over; undefined ones are closed. */
  readonly files?: readonly (OpenFile | undefined)[];
  readonly umask?: number;
}

/**
 * Gives a first task its files, root, working directory and (when it is handed a terminal) its controlling terminal.
 * What cannot be is a text for the person who runs it.
 */
export function firstFiles(
  task: Task,
  request: SpawnRequest,
): { readonly error: string; readonly status: number } | undefined {
  const options = (request.options ?? {}) as FileSpawnOptions;
  const vfs = vfsOf(task);
  const context = vfs.createContext();
  context.umask = options.umask ?? 0o022;
  task.data.set(contextKey, context);
  const table = new FileTable();
  task.data.set(filesKey, table);
  const { session, group, linux } = processOf(task);
  mountPseudo(linux, vfs);
  for (const [fd, file] of (options.files ?? []).entries()) {
    if (file === undefined) continue;
    table.add(file, false, fd);
    if (file.terminal !== undefined && file.terminal.session === 0 && session.terminal === undefined) {
      attachTerminal(linux, session, file.terminal, group);
    }
  }
  if (request.cwd === undefined) return undefined;
  const at = walk(callerOf(task), undefined, nameOf(request.cwd), DIRECTORY);
  const moved = typeof at === "number" ? at : chdir(callerOf(task), at);
  if (moved === 0) return undefined;
  return { error: `the working directory ${request.cwd}: ${errnoText(moved)}`, status: 126 };
}
