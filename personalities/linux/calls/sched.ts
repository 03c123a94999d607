/** Scheduling. There is one CPU and one fair scheduler: policies and priorities are checked, kept and told, without effect. */
import {
  E2BIG,
  EFAULT,
  EINVAL,
  EPERM,
  ESRCH,
  type Outcome,
  type Syscall,
  syscall,
  type Task,
  wait,
} from "@guise/core";
import { inStruct, outStruct } from "../args/buffer.ts";
import { fields, Scratch } from "../args/layout.ts";
import { address, int, oneOf, size, unsignedInt } from "../args/scalar.ts";
import { choice } from "../args/text.ts";
import { CAP_SYS_NICE, credentialsKey } from "../credentials.ts";
import { limit } from "../limits.ts";
import type { Rows } from "../rows.ts";
import { type LinuxTask, processOf, threadOf } from "../state.ts";

const scratch = new Scratch(56);

const schedYield: Syscall = syscall({
  name: "sched_yield",
  doc: "Lets others run.",
  args: {},
  // A wait that is over at once: the task goes to the end of the queue.
  run: (task): Outcome => wait([], task.kernel.clock.monotonic(), () => 0),
});

function threadOfPid(task: Task, pid: number): LinuxTask | undefined {
  return pid === 0 ? threadOf(task) : processOf(task).linux.tasks.get(pid);
}

function mask(task: Task, at: number, length: number): string | undefined {
  const bytes = task.space.read(at, length);
  if (bytes === undefined) return undefined;
  const cpus: number[] = [];
  bytes.forEach((byte, i) => {
    for (let b = 0; b < 8; b++) if (byte >> b & 1) cpus.push(8 * i + b);
  });
  return `[${cpus.join(" ")}]`;
}

const schedGetaffinity: Syscall = syscall({
  name: "sched_getaffinity",
  doc: "Tells on which CPUs a thread may run: the one there is. Answers the bytes written.",
  args: { pid: int, length: size, mask: outStruct("unsigned long *mask", (task, at) => mask(task, at, 8)) },
  run: (task, args) => {
    if (args.length < 8 || args.length % 8 !== 0) return EINVAL;
    if (args.pid < 0 || threadOfPid(task, args.pid) === undefined) return ESRCH;
    scratch.clear();
    scratch.u32(0, 1);
    return scratch.store(task, args.mask, 8) === 0 ? 8 : EFAULT;
  },
});

const schedSetaffinity: Syscall = syscall({
  name: "sched_setaffinity",
  doc: "Says on which CPUs a thread may run; the first one must be among them.",
  args: {
    pid: int,
    length: size,
    mask: inStruct("const unsigned long *mask", (task, at) => mask(task, at, 8)),
  },
  run: (task, args) => {
    const bytes = task.space.read(args.mask, Math.min(args.length, 128));
    if (bytes === undefined) return EFAULT;
    if (args.pid < 0 || threadOfPid(task, args.pid) === undefined) return ESRCH;
    return bytes.length > 0 && (bytes[0] & 1) !== 0 ? 0 : EINVAL;
  },
});

// deno-fmt-ignore
const POLICIES = [
  [0, "SCHED_OTHER"], [1, "SCHED_FIFO"], [2, "SCHED_RR"], [3, "SCHED_BATCH"], [5, "SCHED_IDLE"], [6, "SCHED_DEADLINE"],
] as const;
const policy = oneOf(POLICIES, "SCHED_???");
const param = inStruct("const struct sched_param *param", (task, at) => {
  const value = task.space.getU32(at);
  return value === undefined ? undefined : `[${value | 0}]`;
});

const RESET_ON_FORK = 0x40000000;
const realtime = (p: number): boolean => p === 1 || p === 2;
const known = (p: number): boolean => p === 0 || p === 3 || p === 5 || realtime(p);

function setScheduler(task: Task, pid: number, wanted: number, priority: number): number {
  const thread = threadOfPid(task, pid);
  if (thread === undefined) return ESRCH;
  const kind = wanted & ~RESET_ON_FORK;
  if (!known(kind)) return EINVAL;
  if (realtime(kind) ? priority < 1 || priority > 99 : priority !== 0) return EINVAL;
  const may = task.data.get(credentialsKey).capable(CAP_SYS_NICE);
  if (realtime(kind) && !may && priority > limit(task, 14)) return EPERM;
  thread.policy = kind;
  thread.priority = priority;
  thread.resetOnFork = (wanted & RESET_ON_FORK) !== 0;
  return 0;
}

const schedSetscheduler: Syscall = syscall({
  name: "sched_setscheduler",
  doc: "Sets policy and priority.",
  args: { pid: int, policy, param },
  run: (task, args) => {
    const priority = task.space.getU32(args.param);
    if (args.param === 0 || args.pid < 0) return EINVAL;
    return priority === undefined ? EFAULT : setScheduler(task, args.pid, args.policy, priority | 0);
  },
});

const schedGetscheduler: Syscall = syscall({
  name: "sched_getscheduler",
  doc: "Tells the policy.",
  args: { pid: int },
  result: (_task, result) => `${result} (${choice(result, POLICIES, "SCHED_???")})`,
  run: (task, { pid }) => {
    if (pid < 0) return EINVAL;
    const thread = threadOfPid(task, pid);
    return thread === undefined ? ESRCH : thread.policy | (thread.resetOnFork ? RESET_ON_FORK : 0);
  },
});

const schedSetparam: Syscall = syscall({
  name: "sched_setparam",
  doc: "Sets the priority.",
  args: { pid: int, param },
  run: (task, { pid, param }) => {
    const thread = threadOfPid(task, pid);
    const priority = task.space.getU32(param);
    if (param === 0 || pid < 0) return EINVAL;
    if (priority === undefined) return EFAULT;
    return thread === undefined ? ESRCH : setScheduler(task, pid, thread.policy, priority | 0);
  },
});

const schedGetparam: Syscall = syscall({
  name: "sched_getparam",
  doc: "Tells the priority.",
  args: { pid: int, param: outStruct("struct sched_param *", (task, at) => `[${task.space.getU32(at)}]`) },
  run: (task, { pid, param }) => {
    if (param === 0 || pid < 0) return EINVAL;
    const thread = threadOfPid(task, pid);
    if (thread === undefined) return ESRCH;
    return task.space.setU32(param, thread.priority) ? 0 : EFAULT;
  },
});

const schedGetPriorityMax: Syscall = syscall({
  name: "sched_get_priority_max",
  doc: "Tells the highest priority of a policy.",
  args: { policy },
  run: (_task, args) => realtime(args.policy) ? 99 : known(args.policy) || args.policy === 6 ? 0 : EINVAL,
});

const schedGetPriorityMin: Syscall = syscall({
  name: "sched_get_priority_min",
  doc: "Tells the lowest priority of a policy.",
  args: { policy },
  run: (_task, args) => realtime(args.policy) ? 1 : known(args.policy) || args.policy === 6 ? 0 : EINVAL,
});

const schedRrGetInterval: Syscall = syscall({
  name: "sched_rr_get_interval",
  doc: "Tells the time slice.",
  args: { pid: int, interval: address },
  run: (task, { pid, interval }) => {
    if (pid < 0) return EINVAL;
    const thread = threadOfPid(task, pid);
    if (thread === undefined) return ESRCH;
    scratch.clear();
    scratch.u64(8, thread.policy === 1 ? 0 : 4000000);
    return scratch.store(task, interval, 16);
  },
});

const schedSetattr: Syscall = syscall({
  name: "sched_setattr",
  doc: "Sets policy, priority and nice value.",
  args: { pid: int, attr: address, flags: unsignedInt },
  support: "partial",
  note: "no SCHED_DEADLINE",
  run: (task, { pid, attr, flags }) => {
    if (attr === 0 || pid < 0 || flags !== 0) return EINVAL;
    const length = task.space.getU32(attr);
    if (length === undefined) return EFAULT;
    if (length !== 0 && length < 48) return E2BIG;
    const view = fields(task, attr, 48);
    if (view === undefined) return EFAULT;
    const kind = view.getUint32(4, true);
    const thread = threadOfPid(task, pid);
    const result = setScheduler(task, pid, kind, view.getUint32(20, true));
    if (result === 0 && thread !== undefined && !realtime(kind)) {
      thread.nice = clampNice(view.getInt32(16, true));
    }
    return result;
  },
});

const schedGetattr: Syscall = syscall({
  name: "sched_getattr",
  doc: "Tells policy, priority and nice value.",
  args: { pid: int, attr: address, size: unsignedInt, flags: unsignedInt },
  run: (task, args) => {
    if (args.attr === 0 || args.pid < 0 || args.flags !== 0 || args.size < 48 || args.size > 4096) {
      return EINVAL;
    }
    const thread = threadOfPid(task, args.pid);
    if (thread === undefined) return ESRCH;
    scratch.clear();
    scratch.u32(0, 56);
    scratch.u32(4, thread.policy);
    if (thread.resetOnFork) scratch.u32(8, 1);
    if (realtime(thread.policy)) scratch.u32(20, thread.priority);
    else scratch.u32(16, thread.nice);
    scratch.u32(52, 1024);
    return scratch.store(task, args.attr, Math.min(args.size, 56));
  },
});

const getcpu: Syscall = syscall({
  name: "getcpu",
  doc: "Tells the CPU and the node: the first.",
  args: {
    cpu: outStruct("unsigned *cpu", (task, at) => `[${task.space.getU32(at)}]`),
    node: outStruct("unsigned *node", (task, at) => `[${task.space.getU32(at)}]`),
    cache: address,
  },
  run: (task, { cpu, node }) => {
    if (cpu !== 0 && !task.space.setU32(cpu, 0)) return EFAULT;
    return node === 0 || task.space.setU32(node, 0) ? 0 : EFAULT;
  },
});

const clampNice = (n: number): number => Math.min(19, Math.max(-20, n));
const which = oneOf([[0, "PRIO_PROCESS"], [1, "PRIO_PGRP"], [2, "PRIO_USER"]], "PRIO_???");

/** The threads that getpriority and setpriority mean; undefined: not a kind. */
function meant(task: Task, kind: number, who: number): LinuxTask[] | undefined {
  const self = threadOf(task);
  const all = [...self.process.linux.tasks.values()].filter((t) => !t.ended);
  switch (kind) {
    case 0:
      return all.filter((t) => t.tid === (who || self.tid));
    case 1:
      return all.filter((t) => t.process.group === (who || self.process.group));
    case 2: {
      const uid = who || task.data.get(credentialsKey).uid;
      return all.filter((t) => t.task.data.get(credentialsKey).uid === uid);
    }
    default:
      return undefined;
  }
}

const getpriority: Syscall = syscall({
  name: "getpriority",
  doc: "Tells the highest priority among those meant, as 20 less the nice value.",
  args: { which, who: int },
  run: (task, args) => {
    const threads = meant(task, args.which, args.who);
    if (threads === undefined) return EINVAL;
    if (threads.length === 0) return ESRCH;
    return 20 - Math.min(...threads.map((t) => t.nice));
  },
});

const setpriority: Syscall = syscall({
  name: "setpriority",
  doc: "Sets nice values.",
  args: { which, who: int, nice: int },
  run: (task, args) => {
    const threads = meant(task, args.which, args.who);
    if (threads === undefined) return EINVAL;
    if (threads.length === 0) return ESRCH;
    const wanted = clampNice(args.nice);
    const mine = task.data.get(credentialsKey);
    let result = 0;
    for (const thread of threads) {
      const theirs = thread.task.data.get(credentialsKey);
      if (theirs.uid !== mine.euid && theirs.euid !== mine.euid && !mine.capable(CAP_SYS_NICE)) {
        result = EPERM;
      } else if (wanted < thread.nice && !mine.capable(CAP_SYS_NICE) && 20 - wanted > limit(task, 13)) {
        result = -13; // EACCES
      } else thread.nice = wanted;
    }
    return result;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[24, 124], schedYield],
  [[140, 141], getpriority],
  [[141, 140], setpriority],
  [[142, 118], schedSetparam],
  [[143, 121], schedGetparam],
  [[144, 119], schedSetscheduler],
  [[145, 120], schedGetscheduler],
  [[146, 125], schedGetPriorityMax],
  [[147, 126], schedGetPriorityMin],
  [[148, 127], schedRrGetInterval],
  [[203, 122], schedSetaffinity],
  [[204, 123], schedGetaffinity],
  [[309, 168], getcpu],
  [[314, 274], schedSetattr],
  [[315, 275], schedGetattr],
];
