/** Making and replacing programs: fork, vfork, clone, clone3, execve, execveat. */
import { E2BIG, EFAULT, EINVAL, ENOENT, type Outcome, type Syscall, syscall } from "@guise/core";
import { fields, get64 } from "../args/layout.ts";
import { AT_FDCWD, dirfd, path, pathOrEmpty } from "../args/path.ts";
import { argv, cloneArguments, cloneStructure, envp } from "../args/process.ts";
import { flagWord } from "../args/scalar.ts";
import { bytesOfName } from "@guise/vfs/key";
import {
  clone,
  CLONE_DETACHED,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  CSIGNAL,
} from "../process/create.ts";
import { execve as exec } from "../process/exec.ts";
import { SIGCHLD } from "../signals/numbers.ts";
import type { Rows } from "../rows.ts";

const NOTHING = { stack: 0, parentTid: 0, childTid: 0, tls: 0 };

const fork: Syscall = syscall({
  name: "fork",
  doc: "Makes a process that is a copy of the caller.",
  args: {},
  run: (task) => clone(task, { ...NOTHING, flags: 0, exitSignal: SIGCHLD }),
});

const vfork: Syscall = syscall({
  name: "vfork",
  doc: "Makes a process that borrows the caller's memory until it calls execve or ends.",
  args: {},
  run: (task) => clone(task, { ...NOTHING, flags: CLONE_VM | CLONE_VFORK, exitSignal: SIGCHLD }),
});

const cloneCall: Syscall = syscall({
  name: "clone",
  doc: "Makes a thread or a process that shares what the flags say.",
  args: { request: cloneArguments },
  support: "partial",
  note: "no namespaces",
  run: (task, { request }) => {
    const flags = request.flags & ~CSIGNAL;
    // The descriptor goes where the parent's copy of the tid would.
    if (flags & CLONE_PIDFD && flags & CLONE_PARENT_SETTID) return EINVAL;
    return clone(task, { ...request, flags, exitSignal: request.flags & CSIGNAL, pidfd: request.parentTid });
  },
});

/** CLONE_CLEAR_SIGHAND and CLONE_INTO_CGROUP: bits 32 and 33 of clone3's flags. */
const CLEAR_SIGHAND = 1;

const clone3: Syscall = syscall({
  name: "clone3",
  doc: "Makes a thread or a process as a structure says.",
  args: { request: cloneStructure },
  support: "partial",
  note: "no namespaces, no set_tid, no cgroups",
  run: (task, { request }): Outcome => {
    const { address, size } = request;
    if (size < 64) return EINVAL;
    if (size > 4096) return E2BIG;
    const view = fields(task, address, size);
    if (view === undefined) return EFAULT;
    for (let i = 88; i < size; i++) if (view.getUint8(i) !== 0) return E2BIG;
    const u64 = (offset: number) => offset + 8 <= size ? get64(view, offset) : 0;
    const flags = view.getUint32(0, true), high = view.getUint32(4, true);
    const exitSignal = u64(32), stack = u64(40), stackSize = u64(48);
    if (high & ~CLEAR_SIGHAND || flags & (CLONE_DETACHED | CSIGNAL)) return EINVAL;
    if (u64(64) !== 0 || u64(72) !== 0) return EINVAL;
    if (exitSignal < 0 || exitSignal > 64) return EINVAL;
    if (flags & (CLONE_THREAD | CLONE_PARENT) && exitSignal !== 0) return EINVAL;
    if ((stack === 0) !== (stackSize === 0)) return EINVAL;
    if (stack !== 0 && !(stack + stackSize <= task.space.limit)) return EINVAL;
    return clone(task, {
      flags,
      exitSignal,
      stack: stack === 0 ? 0 : stack + stackSize,
      parentTid: u64(24),
      childTid: u64(16),
      tls: u64(56),
      pidfd: u64(8),
      clearHandlers: (high & CLEAR_SIGHAND) !== 0,
    });
  },
});

const execveCall: Syscall = syscall({
  name: "execve",
  doc: "Replaces the caller's program.",
  args: { path, argv, envp },
  run: (task, args) => exec(task, AT_FDCWD, bytesOfName(args.path), args.argv, args.envp, 0),
});

const execveat: Syscall = syscall({
  name: "execveat",
  doc: "Replaces the caller's program by a file named from a directory, or by an open file.",
  args: {
    dirfd,
    path: pathOrEmpty,
    argv,
    envp,
    flags: flagWord([[0x100, "AT_SYMLINK_NOFOLLOW"], [0x1000, "AT_EMPTY_PATH"]], "AT_???"),
  },
  run: (task, args) => {
    if (args.path === "" && !(args.flags & 0x1000)) return ENOENT;
    return exec(task, args.dirfd, bytesOfName(args.path), args.argv, args.envp, args.flags);
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[56, 220], cloneCall],
  [[57, null], fork],
  [[58, null], vfork],
  [[59, 221], execveCall],
  [[322, 281], execveat],
  [[435, 435], clone3],
];
