/**
 * System calls for programs that bypass the libc (O9-O13): Linux's handlers by their numbers, in the sets that OSv had at
 * different times (spec 3.3), and the calls that one process in one address space answers otherwise.
 */
import {
  EFAULT,
  EINVAL,
  ENOSYS,
  ESRCH,
  type Outcome,
  type RowAbi,
  type Syscall,
  syscall,
  type SyscallTable,
  type Task,
} from "@guise/core";
import { linuxTables, processOf } from "@guise/linux/services";
import { perform } from "./direct.ts";
import { PID } from "./libc/process.ts";
import { abortWith, tellExit } from "./libc/start.ts";
import { SET_2023, SET_MASTER, SET_TRIVIAL } from "./sets.ts";
import { dropStack, enterStack, giveStack } from "./syscall_stack.ts";

/** The name of a set of system calls. */
export type TableSet = "2023" | "trivial" | "master";
/** All of them. */
export const tableSets: readonly TableSet[] = ["2023", "trivial", "master"];
/** A thread without a system call stack cannot go on (O9). */
export const OUT_OF_STACK = "syscall(): no memory for the system call stack";

/** The same call, entered as SYSCALL enters OSv: on the thread's system call stack (O9). */
function entered(call: Syscall): Syscall {
  const { args, run } = call.spec;
  const first = Object.keys(args)[0];
  if (first === undefined) {
    return {
      name: call.name,
      spec: {
        ...call.spec,
        run: (task, values) => enterStack(task) ? run(task, values) : abortWith(task, OUT_OF_STACK),
      },
    };
  }
  // Before any argument is decoded, since a bad one is the answer already.
  const { compile } = args[first];
  const type = {
    ...args[first],
    compile: (abi: RowAbi, slot: number) => {
      const decode = compile(abi, slot);
      return (task: Task) => {
        if (!enterStack(task)) abortWith(task, OUT_OF_STACK);
        return decode(task);
      };
    },
  };
  return { name: call.name, spec: { ...call.spec, args: { ...args, [first]: type } } };
}

export { SET_2023, SET_MASTER, SET_TRIVIAL };

const sets: Readonly<Record<TableSet, ReadonlySet<string>>> = {
  2023: new Set(SET_2023),
  trivial: new Set([...SET_2023, ...SET_TRIVIAL]),
  master: new Set(SET_MASTER),
};

const constant = (name: string, value: number, doc: string): Syscall =>
  syscall({ name, doc, args: {}, run: () => value });

/** FS's base by arch_prctl: GET_FS answers the value, where Linux stores it (O13). */
const ARCH_SET_FS = 0x1002, ARCH_GET_FS = 0x1003;
const CLONE_THREAD = 0x10000;

/** A call of Linux with a look at its raw arguments first; undefined: Linux's own answer. */
function guarded(
  call: Syscall,
  guard: (task: Task, arg: (n: number) => number, low: (n: number) => number) => Outcome | undefined,
  done: (task: Task, result: Outcome) => Outcome = (_task, result) => result,
): Syscall {
  return {
    name: call.name,
    spec: {
      ...call.spec,
      run: (task, args) => {
        const { arch } = task.process.cpu;
        const abi = arch.abis[arch.entries[0]];
        const answer = guard(
          task,
          (n) => task.frame.num(arch.register(abi.args[n])),
          (n) => task.frame.lo(arch.register(abi.args[n])),
        );
        return answer ?? done(task, call.spec.run(task, args));
      },
    },
  };
}

/** Bytes of a CPU mask: OSv knows 64 (O13). */
const CPU_BYTES = 8;
const CLONE_SETTLS = 0x80000, CLONE_PARENT_SETTID = 0x100000, CLONE_CHILD_SETTID = 0x1000000;

/** What a flag names must be there (O13). */
function missing(
  flags: number,
  parent: number | undefined,
  child: number | undefined,
  tls: number | undefined,
): Outcome | undefined {
  const absent = (flags & CLONE_PARENT_SETTID && !parent) || (flags & CLONE_CHILD_SETTID && !child) ||
    (flags & CLONE_SETTLS && !tls);
  return absent ? EFAULT : undefined;
}

/** A new thread begins with a tiny system call stack of its own (O9). */
function givesStack(task: Task, result: Outcome): Outcome {
  const child = typeof result === "number" && result > 0
    ? processOf(task).linux.tasks.get(result)
    : undefined;
  if (child !== undefined) giveStack(child.task);
  return result;
}

function tgkill(call: Syscall): Syscall {
  return {
    name: call.name,
    spec: {
      ...call.spec,
      run: (task, args) => {
        const { tgid, tid, sig } = args as Record<string, number>;
        if (tgid <= 0 || tid <= 0 || sig < 0 || sig > 64) return EINVAL;
        const own = processOf(task);
        const ours = tgid === PID || tgid === own.pid;
        if (!ours || tid !== PID && own.linux.tasks.get(tid)?.process !== own) return ESRCH;
        return perform(task, "kill", [own.pid, sig], (_t, result) => result);
      },
    },
  };
}

const FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_WAIT_BITSET = 9;

/** The same, after its process number 2 has become the real one. */
function withOwnId(call: Syscall, n: number): Syscall {
  return {
    name: call.name,
    spec: {
      ...call.spec,
      args: {
        ...call.spec.args,
        ...Object.fromEntries(
          Object.entries(call.spec.args).slice(n, n + 1).map(([name, type]) => [name, {
            ...type,
            compile: (abi: RowAbi, slot: number) => {
              const decode = type.compile(abi, slot);
              return (task: Task) => {
                const value = decode(task);
                return value === PID ? processOf(task).pid : value;
              };
            },
          }]),
        ),
      },
    },
  };
}

const replaced: Readonly<Record<string, (call: Syscall) => Syscall>> = {
  getpid: () => constant("getpid", PID, "The one process's number."),
  getppid: () => constant("getppid", PID, "The same."),
  getuid: () => constant("getuid", 0, "Root."),
  geteuid: () => constant("geteuid", 0, "Root."),
  getgid: () => constant("getgid", 0, "Root's group."),
  getegid: () => constant("getegid", 0, "Root's group."),
  set_mempolicy: () => constant("set_mempolicy", 0, "Nothing: there is one node."),
  arch_prctl: (call) =>
    guarded(call, (task, arg) => {
      const code = arg(0);
      if (code === ARCH_GET_FS) return task.frame.num(task.process.cpu.arch.tls);
      return code === ARCH_SET_FS ? undefined : EINVAL;
    }),
  clone: (call) =>
    guarded(call, (task, arg) => {
      const order: readonly string[] = processOf(task).arch.cloneOrder;
      const child = 2 + order.indexOf("ctid"), tls = 2 + order.indexOf("tls");
      if ((arg(0) & CLONE_THREAD) === 0) return ENOSYS;
      return arg(1) === 0 ? EINVAL : missing(arg(0), arg(2), arg(child), arg(tls));
    }, givesStack),
  clone3: (call) =>
    guarded(call, (task, arg) => {
      const field = (at: number) => task.space.getNum64(arg(0) + at);
      const flags = field(0);
      if (flags === undefined) return undefined;
      if ((flags & CLONE_THREAD) === 0) return ENOSYS;
      return field(40) === 0 ? EINVAL : missing(flags, field(24), field(16), field(56));
    }, givesStack),
  exit_group: (call) =>
    guarded(call, (task, arg) => {
      tellExit(task, arg(0) | 0);
      return undefined;
    }),
  exit: (call) =>
    guarded(call, (task) => {
      dropStack(task);
      return undefined;
    }),
  // The process is 2 for the guest, and something else for the services underneath.
  kill: (call) => withOwnId(call, 0),
  // A thread is asked for, and the whole process is told (O13).
  tgkill: (call) => tgkill(call),
  sched_getaffinity: (call) =>
    guarded(
      call,
      () => undefined,
      (_task, result) => typeof result === "number" ? Math.min(result, CPU_BYTES) : result,
    ),
  futex: (call) =>
    guarded(call, (task, arg, low) => {
      const operation = arg(1) & 0x7f;
      if (operation === FUTEX_WAIT || operation === FUTEX_WAKE) return undefined;
      if (operation === FUTEX_WAIT_BITSET && low(5) === -1) return undefined;
      return abortWith(task, `futex() operation ${operation} is not implemented`);
    }),
  getcwd: (call) => guarded(call, (_task, arg) => arg(0) === 0 ? EINVAL : undefined),
};

/**
 * OSv calls signal handlers as functions and has no rt_sigreturn; here a program that brings its own way back comes by this
 * number, in every set.
 */
const ALWAYS = "rt_sigreturn";

/** The tables of a set. There is no INT 0x80. */
export function osvTables(set: TableSet): SyscallTable[] {
  const wanted = sets[set];
  return linuxTables.filter(({ entry }) => entry !== "int80").map(({ arch, entry, rows }) => {
    const kept = new Map<number, Syscall>();
    for (const [number, call] of rows) {
      if (wanted.has(call.name) || call.name === ALWAYS) {
        kept.set(number, entered(replaced[call.name]?.(call) ?? call));
      }
    }
    return { arch, entry, rows: kept };
  });
}
