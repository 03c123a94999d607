/** Hints and questions about memory: madvise, msync, mincore, mlock and its relatives, membarrier. */
import {
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  type Errno,
  READ,
  type Syscall,
  syscall,
  type Task,
  type Vma,
  WRITE,
} from "@guise/core";
import { MADVICE, MSYNC, residence } from "../args/memory.ts";
import { address, flagWord, int, oneOf, size } from "../args/scalar.ts";
import { CAP_IPC_LOCK, credentialsKey } from "../credentials.ts";
import { limit, RLIMIT_MEMLOCK } from "../limits.ts";
import type { Rows } from "../rows.ts";
import { processOf } from "../state.ts";

const PAGE = 4096;
const up = (n: number): number => Math.ceil(n / PAGE) * PAGE;

/** Does something with each mapped part of a range; ENOMEM at the end when parts were not mapped. */
function eachPart(
  task: Task,
  start: number,
  length: number,
  work: (vma: Vma, start: number, length: number) => 0 | Errno,
): 0 | Errno {
  const end = start + length;
  let holes = false;
  for (let at = start; at < end;) {
    const vma = task.space.find(at);
    if (vma === undefined) {
      holes = true;
      const next = task.space.vmas.find((v) => v.start > at);
      at = next === undefined ? end : Math.min(end, next.start);
      continue;
    }
    const stop = Math.min(end, vma.end);
    const result = work(vma, at, stop - at);
    if (result !== 0) return result;
    at = stop;
  }
  return holes ? ENOMEM : 0;
}

// deno-fmt-ignore
const MADV_DONTNEED = 4, MADV_FREE = 8, MADV_REMOVE = 9, MADV_POPULATE_READ = 22, MADV_POPULATE_WRITE = 23,
  MADV_DONTNEED_LOCKED = 24, MADV_COLLAPSE = 25;
/** Hints without a meaning here. */
const HINTS = new Set([0, 1, 2, 3, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, MADV_COLLAPSE]);

function advise(task: Task, advice: number, vma: Vma, start: number, length: number): 0 | Errno {
  switch (advice) {
    case MADV_DONTNEED:
    case MADV_DONTNEED_LOCKED:
      return task.space.discard(start, length);
    case MADV_FREE:
      return vma.shared || vma.backing !== undefined ? EINVAL : 0;
    case MADV_REMOVE:
      if (!vma.shared || !(vma.prot & WRITE)) return EINVAL;
      return task.space.write(start, new Uint8Array(length)) ? 0 : EFAULT;
    case MADV_POPULATE_READ:
      return task.space.check(start, length, READ) ? 0 : EFAULT;
    case MADV_POPULATE_WRITE:
      return task.space.check(start, length, WRITE) ? 0 : EINVAL;
    default:
      return 0;
  }
}

const madvise: Syscall = syscall({
  name: "madvise",
  doc: "Says how memory will be used; throws its content away.",
  args: { address, length: size, advice: oneOf(MADVICE, "MADV_???") },
  support: "partial",
  note: "MADV_DONTFORK and the like have no effect; MADV_WIPEONFORK is refused",
  run: (task, args) => {
    const { advice } = args;
    const acts = [
      MADV_DONTNEED,
      MADV_DONTNEED_LOCKED,
      MADV_FREE,
      MADV_REMOVE,
      MADV_POPULATE_READ,
      MADV_POPULATE_WRITE,
    ];
    if (!HINTS.has(advice) && !acts.includes(advice)) return EINVAL;
    if (args.address % PAGE !== 0) return EINVAL;
    const length = up(args.length);
    if (args.length !== 0 && length === 0) return EINVAL;
    if (!(args.address + length <= 2 ** 48)) return EINVAL;
    return length === 0
      ? 0
      : eachPart(task, args.address, length, (vma, at, n) => advise(task, advice, vma, at, n));
  },
});

const MS_ASYNC = 1, MS_INVALIDATE = 2, MS_SYNC = 4;

const msync: Syscall = syscall({
  name: "msync",
  doc: "Writes changed pages of shared file mappings back.",
  args: { address, length: size, flags: flagWord(MSYNC, "MS_???") },
  run: (task, args) => {
    const { flags } = args;
    if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) return EINVAL;
    if (args.address % PAGE !== 0) return EINVAL;
    if (flags & MS_ASYNC && flags & MS_SYNC) return EINVAL;
    const length = up(args.length);
    if (!(args.address + length <= 2 ** 48)) return ENOMEM;
    if (length === 0) return 0;
    return eachPart(
      task,
      args.address,
      length,
      (vma, at, n) => vma.shared && flags & MS_SYNC ? task.space.sync(at, n) : 0,
    );
  },
});

const mincore: Syscall = syscall({
  name: "mincore",
  doc: "Tells which pages are in memory.",
  args: { address, length: size, vec: residence },
  run: (task, args) => {
    if (args.address % PAGE !== 0) return EINVAL;
    if (!(args.address + args.length <= task.space.limit)) return ENOMEM;
    const pages = up(args.length) / PAGE;
    const answer = new Uint8Array(pages);
    const table = new Uint8Array(task.space.pages.buffer);
    if (pages > 0 && !task.space.check(args.vec, pages, WRITE)) return EFAULT;
    const result = eachPart(task, args.address, pages * PAGE, (_vma, at, n) => {
      for (let i = (at - args.address) / PAGE; i < (at + n - args.address) / PAGE; i++) {
        answer[i] = (table[(args.address >>> 12) + i] & 7) !== 0 ? 1 : 0;
      }
      return 0;
    });
    if (result !== 0) return result;
    return task.space.write(args.vec, answer) ? 0 : EFAULT;
  },
});

function lock(task: Task, start: number, length: number): 0 | Errno {
  const from = start - start % PAGE;
  const bytes = up(length + start % PAGE);
  const most = limit(task, RLIMIT_MEMLOCK);
  const may = task.data.get(credentialsKey).capable(CAP_IPC_LOCK);
  if (most === 0 && !may) return EPERM;
  if (!(from + bytes <= 2 ** 48)) return EINVAL;
  const { mm } = processOf(task);
  if (bytes + mm.locked > most && !may) return ENOMEM;
  const result = eachPart(task, from, bytes, (vma, at, n) => {
    if (vma.prot !== 0) task.space.check(at, n, READ);
    return 0;
  });
  if (result === 0) mm.locked += bytes;
  return result;
}

const mlock: Syscall = syscall({
  name: "mlock",
  doc: "Keeps memory from being swapped, which never happens here.",
  args: { address, length: size },
  run: (task, args) => lock(task, args.address, args.length),
});

const mlock2: Syscall = syscall({
  name: "mlock2",
  doc: "As mlock, also for pages not used yet.",
  args: { address, length: size, flags: flagWord([[1, "MLOCK_ONFAULT"]], "MLOCK_???") },
  run: (task, args) => args.flags & ~1 ? EINVAL : lock(task, args.address, args.length),
});

const munlock: Syscall = syscall({
  name: "munlock",
  doc: "Takes mlock back.",
  args: { address, length: size },
  run: (task, args) => {
    const { mm } = processOf(task);
    const from = args.address - args.address % PAGE;
    const bytes = up(args.length + args.address % PAGE);
    mm.locked = Math.max(0, mm.locked - bytes);
    return eachPart(task, from, bytes, () => 0);
  },
});

const mlockall: Syscall = syscall({
  name: "mlockall",
  doc: "Locks all memory.",
  args: { flags: flagWord([[1, "MCL_CURRENT"], [2, "MCL_FUTURE"], [4, "MCL_ONFAULT"]], "MCL_???") },
  run: (task, { flags }) => {
    if (flags === 0 || flags & ~7 || flags === 4) return EINVAL;
    const may = task.data.get(credentialsKey).capable(CAP_IPC_LOCK);
    const most = limit(task, RLIMIT_MEMLOCK);
    if (!may && most === 0) return EPERM;
    if (flags & 1 && !may && task.space.mapped > most) return ENOMEM;
    processOf(task).mm.lockFuture = (flags & 2) !== 0;
    return 0;
  },
});

const munlockall: Syscall = syscall({
  name: "munlockall",
  doc: "Unlocks all memory.",
  args: {},
  run: (task) => {
    const { mm } = processOf(task);
    mm.locked = 0;
    mm.lockFuture = false;
    return 0;
  },
});

// deno-fmt-ignore
const COMMANDS = [
  [0, "MEMBARRIER_CMD_QUERY"], [1, "MEMBARRIER_CMD_GLOBAL"], [2, "MEMBARRIER_CMD_GLOBAL_EXPEDITED"],
  [4, "MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED"], [8, "MEMBARRIER_CMD_PRIVATE_EXPEDITED"],
  [16, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED"], [32, "MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE"],
  [64, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE"],
] as const;

const membarrier: Syscall = syscall({
  name: "membarrier",
  doc: "Orders memory accesses of all threads; tasks run one at a time here, so they are ordered.",
  args: { command: oneOf(COMMANDS, "MEMBARRIER_CMD_???"), flags: int, cpu: int },
  run: (task, { command, flags }) => {
    if (flags !== 0) return EINVAL;
    const self = processOf(task);
    switch (command) {
      case 0:
        return 0x7f;
      case 1:
      case 2:
        return 0;
      case 4:
      case 16:
      case 64:
        self.barriers |= command;
        return 0;
      case 8:
        return self.barriers & 16 ? 0 : EPERM;
      case 32:
        return self.barriers & 64 ? 0 : EPERM;
      default:
        return EINVAL;
    }
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[26, 227], msync],
  [[27, 232], mincore],
  [[28, 233], madvise],
  [[149, 228], mlock],
  [[150, 229], munlock],
  [[151, 230], mlockall],
  [[152, 231], munlockall],
  [[324, 283], membarrier],
  [[325, 284], mlock2],
];
