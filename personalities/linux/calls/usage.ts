/** Time and resources used: getrusage, times, and limits: getrlimit, setrlimit, prlimit64. */
import { EFAULT, EINVAL, EPERM, type Errno, ESRCH, type Syscall, syscall, type Task } from "@guise/core";
import { inStruct, outStruct } from "../args/buffer.ts";
import { fields, get64, Scratch } from "../args/layout.ts";
import { rusage } from "../args/process.ts";
import { int, oneOf } from "../args/scalar.ts";
import { CAP_SYS_RESOURCE, credentialsKey } from "../credentials.ts";
import { LIMIT_NAMES, type Limits, RLIMIT_CPU, RLIMIT_NOFILE } from "../limits.ts";
import { applyMemoryLimits } from "../process/image.ts";
import { ticks } from "../process/notify.ts";
import { threadUsage, usageOf } from "../process/usage.ts";
import type { Rows } from "../rows.ts";
import { type LinuxProcess, processOf, threadOf, type Usage } from "../state.ts";
import { BOOT_OFFSET } from "../time/clocks.ts";

const scratch = new Scratch(144);

/** Writes struct rusage; false when not writable. */
export function writeUsage(task: Task, address: number, usage: Usage): boolean {
  scratch.clear();
  for (const [at, ns] of [[0, usage.user], [16, usage.system]]) {
    scratch.u64(at, Math.floor(ns / 1e9));
    scratch.u64(at + 8, Math.floor(ns % 1e9 / 1000));
  }
  scratch.u64(32, Math.floor(usage.maximum / 1024));
  scratch.u64(64, usage.minorFaults);
  scratch.u64(128, usage.voluntary);
  scratch.u64(136, usage.involuntary);
  return scratch.store(task, address, 144) === 0;
}

const getrusage: Syscall = syscall({
  name: "getrusage",
  doc: "Tells CPU time and memory of the process, its children or the thread.",
  args: {
    who: oneOf([[0, "RUSAGE_SELF"], [-1, "RUSAGE_CHILDREN"], [1, "RUSAGE_THREAD"]], "RUSAGE_???"),
    usage: rusage,
  },
  run: (task, { who, usage }) => {
    const self = processOf(task);
    let used: Usage;
    if (who === 0) used = usageOf(self);
    else if (who === -1) used = self.childUsage;
    else if (who === 1) used = threadUsage(threadOf(task));
    else return EINVAL;
    return writeUsage(task, usage, used) ? 0 : EFAULT;
  },
});

const tms = outStruct("struct tms *buf", (task, address) => {
  const view = fields(task, address, 32);
  if (view === undefined) return undefined;
  const names = ["tms_utime", "tms_stime", "tms_cutime", "tms_cstime"];
  return `{${names.map((name, i) => `${name}=${get64(view, 8 * i)}`).join(", ")}}`;
});

const times: Syscall = syscall({
  name: "times",
  doc: "Tells CPU times in clock ticks (10 ms) and the ticks since boot.",
  args: { buf: tms },
  run: (task, { buf }) => {
    const self = processOf(task);
    const own = usageOf(self), children = self.childUsage;
    if (buf !== 0) {
      scratch.clear();
      [own.user, own.system, children.user, children.system].forEach((ns, i) =>
        scratch.u64(8 * i, ticks(ns))
      );
      if (scratch.store(task, buf, 32) !== 0) return EFAULT;
    }
    return ticks(task.kernel.clock.monotonic() + BOOT_OFFSET);
  },
});

function limitText(infinity: string): (task: Task, address: number) => string | undefined {
  const one = (view: DataView, at: number) => {
    const lo = view.getUint32(at, true), hi = view.getUint32(at + 4, true);
    if (lo === 0xffffffff && hi === 0xffffffff) return infinity;
    const value = hi * 2 ** 32 + lo;
    return value > 1024 && value % 1024 === 0 ? `${value / 1024}*1024` : String(value);
  };
  return (task, address) => {
    const view = fields(task, address, 16);
    return view && `{rlim_cur=${one(view, 0)}, rlim_max=${one(view, 8)}}`;
  };
}

const which = oneOf(LIMIT_NAMES.map((name, i) => [i, name] as const), "RLIMIT_???");
const newLimit = inStruct("const struct rlimit *new_limit", limitText("RLIM64_INFINITY"));
const oldLimit = outStruct("struct rlimit *old_limit", limitText("RLIM64_INFINITY"));
const shortIn = inStruct("const struct rlimit *rlim", limitText("RLIM_INFINITY"));
const shortOut = outStruct("struct rlimit *rlim", limitText("RLIM_INFINITY"));

function readLimit(task: Task, address: number): [number, number] | undefined {
  const view = fields(task, address, 16);
  if (view === undefined) return undefined;
  const at = (offset: number) => {
    const hi = view.getUint32(offset + 4, true), lo = view.getUint32(offset, true);
    return hi === 0xffffffff && lo === 0xffffffff ? Infinity : hi * 2 ** 32 + lo;
  };
  return [at(0), at(8)];
}

function writeLimit(task: Task, address: number, limits: Limits, number: number): boolean {
  scratch.clear();
  [limits.soft[number], limits.hard[number]].forEach((value, i) => {
    if (value === Infinity) {
      scratch.u32(8 * i, 0xffffffff);
      scratch.u32(8 * i + 4, 0xffffffff);
    } else scratch.u64(8 * i, value);
  });
  return scratch.store(task, address, 16) === 0;
}

function setLimit(task: Task, target: LinuxProcess, number: number, soft: number, hard: number): 0 | Errno {
  const { limits } = target;
  const may = task.data.get(credentialsKey).capable(CAP_SYS_RESOURCE);
  if (soft > hard) return EINVAL;
  // Nobody may have more descriptors than fs.nr_open.
  if (number === RLIMIT_NOFILE && hard > 1048576) return EPERM;
  if (hard > limits.hard[number] && !may) return EPERM;
  limits.set(number, soft, hard);
  for (const thread of target.tasks) applyMemoryLimits(thread.task);
  if (number === RLIMIT_CPU) target.timers.limitCpu();
  return 0;
}

const prlimit64: Syscall = syscall({
  name: "prlimit64",
  doc: "Gets and sets a resource limit of a process.",
  args: { pid: int, resource: which, newLimit, oldLimit },
  run: (task, args) => {
    const { pid, resource } = args;
    const self = processOf(task);
    if (resource < 0 || resource > 15) return EINVAL;
    let wanted: [number, number] | undefined;
    if (args.newLimit !== 0 && (wanted = readLimit(task, args.newLimit)) === undefined) return EFAULT;
    const target = pid === 0 ? self : self.linux.tasks.get(pid)?.process;
    if (target === undefined || target.state !== "alive") return ESRCH;
    if (target !== self && !mayChange(task, target)) return EPERM;
    const before = [target.limits.soft[resource], target.limits.hard[resource]];
    if (wanted !== undefined) {
      const error = setLimit(task, target, resource, wanted[0], wanted[1]);
      if (error !== 0) return error;
    }
    if (args.oldLimit === 0) return 0;
    const now = [target.limits.soft[resource], target.limits.hard[resource]];
    target.limits.set(resource, before[0], before[1]);
    const stored = writeLimit(task, args.oldLimit, target.limits, resource);
    target.limits.set(resource, now[0], now[1]);
    return stored ? 0 : EFAULT;
  },
});

function mayChange(task: Task, target: LinuxProcess): boolean {
  const mine = task.data.get(credentialsKey), theirs = target.leader?.task.data.get(credentialsKey);
  if (theirs === undefined || mine.capable(CAP_SYS_RESOURCE)) return true;
  const same = (id: number, ids: readonly number[]) => ids.every((other) => other === id);
  return same(mine.uid, [theirs.uid, theirs.euid, theirs.suid]) &&
    same(mine.gid, [theirs.gid, theirs.egid, theirs.sgid]);
}

const getrlimit: Syscall = syscall({
  name: "getrlimit",
  doc: "Gets a resource limit.",
  args: { resource: which, rlim: shortOut },
  run: (task, { resource, rlim }) => {
    if (resource < 0 || resource > 15) return EINVAL;
    return writeLimit(task, rlim, processOf(task).limits, resource) ? 0 : EFAULT;
  },
});

const setrlimit: Syscall = syscall({
  name: "setrlimit",
  doc: "Sets a resource limit.",
  args: { resource: which, rlim: shortIn },
  run: (task, { resource, rlim }) => {
    const wanted = readLimit(task, rlim);
    if (wanted === undefined) return EFAULT;
    if (resource < 0 || resource > 15) return EINVAL;
    return setLimit(task, processOf(task), resource, wanted[0], wanted[1]);
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[97, 163], getrlimit],
  [[98, 165], getrusage],
  [[100, 153], times],
  [[160, 164], setrlimit],
  [[302, 261], prlimit64],
];
