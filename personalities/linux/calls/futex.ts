/** futex(2). */
import { EFAULT, EINVAL, ENOSYS, type Outcome, type Syscall, syscall, type Task } from "@guise/core";
import type { ArgType, RowAbi } from "@guise/core";
import { fields, get64 } from "../args/layout.ts";
import { choice, hex, pointer, time } from "../args/text.ts";
import { futexLock, futexRequeue, futexUnlock, futexWait, futexWake, futexWakeOp } from "../futex/futex.ts";
import type { Rows } from "../rows.ts";
import {
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  deadlineAt,
  deadlineIn,
  readTime,
  validTime,
} from "../time/clocks.ts";

// deno-fmt-ignore
const WAIT = 0, WAKE = 1, REQUEUE = 3, CMP_REQUEUE = 4, WAKE_OP = 5, LOCK_PI = 6, UNLOCK_PI = 7, TRYLOCK_PI = 8,
  WAIT_BITSET = 9, WAKE_BITSET = 10, LOCK_PI2 = 13, PRIVATE = 128, REALTIME = 256;

// deno-fmt-ignore
const NAMES = [
  [0, "FUTEX_WAIT"], [1, "FUTEX_WAKE"], [2, "FUTEX_FD"], [3, "FUTEX_REQUEUE"], [4, "FUTEX_CMP_REQUEUE"],
  [5, "FUTEX_WAKE_OP"], [6, "FUTEX_LOCK_PI"], [7, "FUTEX_UNLOCK_PI"], [8, "FUTEX_TRYLOCK_PI"], [9, "FUTEX_WAIT_BITSET"],
  [10, "FUTEX_WAKE_BITSET"], [11, "FUTEX_WAIT_REQUEUE_PI"], [12, "FUTEX_CMP_REQUEUE_PI"], [13, "FUTEX_LOCK_PI2"],
] as const;

interface FutexArguments {
  address: number;
  op: number;
  value: number;
  /** Timeout's address, or a count. */
  timeout: number;
  count: number;
  second: number;
  third: number;
}

function opText(op: number): string {
  const command = op & 127;
  const base = choice(command, NAMES, "FUTEX_???");
  return base + (op & PRIVATE ? "_PRIVATE" : "") + (op & REALTIME ? "|FUTEX_CLOCK_REALTIME" : "");
}

function timeoutText(task: Task, address: number): string {
  if (address === 0) return "NULL";
  const view = fields(task, address, 16);
  return view === undefined ? hex(address) : time(get64(view, 0), get64(view, 8), "tv_nsec");
}

const OPERATIONS = ["FUTEX_OP_SET", "FUTEX_OP_ADD", "FUTEX_OP_OR", "FUTEX_OP_ANDN", "FUTEX_OP_XOR"];
const COMPARISONS = ["EQ", "NE", "LT", "LE", "GT", "GE"].map((name) => `FUTEX_OP_CMP_${name}`);

/** FUTEX_WAKE_OP's encoded operation, taken apart as strace does. */
function wakeOp(value: number): string {
  const shift = value & 0x80000000 ? "FUTEX_OP_OPARG_SHIFT<<28|" : "";
  const operation = OPERATIONS[value >>> 28 & 7] ?? `${hex(value >>> 28 & 7)} /* FUTEX_OP_??? */`;
  const comparison = COMPARISONS[value >>> 24 & 15] ?? `${hex(value >>> 24 & 15)} /* FUTEX_OP_CMP_??? */`;
  return `${shift}${operation}<<28|${hex(value >>> 12 & 0xfff)}<<12|${comparison}<<24|${hex(value & 0xfff)}`;
}

const bitset = (value: number): string => (value | 0) === -1 ? "FUTEX_BITSET_MATCH_ANY" : hex(value >>> 0);

/** The six arguments; which of them count, and how they look, depends on the operation. */
const futexArguments: ArgType<FutexArguments> = {
  label:
    "uint32_t *uaddr, int op, uint32_t val, const struct timespec *timeout, uint32_t *uaddr2, uint32_t val3",
  slots: 6,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const [a, b, c, d, e, f] = abi.registers.slice(slot, slot + 6);
    const args: FutexArguments = { address: 0, op: 0, value: 0, timeout: 0, count: 0, second: 0, third: 0 };
    return (task) => {
      const { frame } = task;
      args.address = frame.num(a);
      args.op = frame.lo(b);
      args.value = frame.lo(c);
      args.timeout = frame.num(d);
      args.count = frame.lo(d);
      args.second = frame.num(e);
      args.third = frame.lo(f);
      return args;
    };
  },
  format(abi: RowAbi, slot: number) {
    const decode = this.compile(abi, slot);
    return (task) => {
      const a = decode(task) as FutexArguments;
      const head = `${pointer(a.address)}, ${opText(a.op)}`;
      switch (a.op & 127) {
        case WAIT:
          return `${head}, ${a.value >>> 0}, ${timeoutText(task, a.timeout)}`;
        case WAKE:
          return `${head}, ${a.value >>> 0}`;
        case WAIT_BITSET:
          return `${head}, ${a.value >>> 0}, ${timeoutText(task, a.timeout)}, ${bitset(a.third)}`;
        case WAKE_BITSET:
          return `${head}, ${a.value >>> 0}, ${bitset(a.third)}`;
        case REQUEUE:
          return `${head}, ${a.value >>> 0}, ${a.count >>> 0}, ${pointer(a.second)}`;
        case CMP_REQUEUE:
          return `${head}, ${a.value >>> 0}, ${a.count >>> 0}, ${pointer(a.second)}, ${a.third >>> 0}`;
        case WAKE_OP:
          return `${head}, ${a.value >>> 0}, ${a.count >>> 0}, ${pointer(a.second)}, ${wakeOp(a.third)}`;
        case LOCK_PI:
        case LOCK_PI2:
          return `${head}, ${timeoutText(task, a.timeout)}`;
        case UNLOCK_PI:
        case TRYLOCK_PI:
          return head;
        default:
          return `${head}, ${a.value >>> 0}, ${pointer(a.timeout)}, ${pointer(a.second)}, ${
            hex(a.third >>> 0)
          }`;
      }
    };
  },
};

/** The deadline of an operation that takes a timeout: relative for WAIT, absolute for the others. */
function deadline(task: Task, args: FutexArguments, command: number): number {
  if (args.timeout === 0) return Infinity;
  const span = readTime(task, args.timeout);
  if (span === undefined) return EFAULT;
  if (!validTime(span)) return EINVAL;
  if (command === WAIT) return deadlineIn(task, span[0], span[1]);
  const wall = command === LOCK_PI || (args.op & REALTIME) !== 0;
  return Math.max(0, deadlineAt(task, wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, span[0], span[1]));
}

const futex: Syscall = syscall({
  name: "futex",
  doc: "Waits for a word of memory to change, and wakes who waits.",
  args: { request: futexArguments },
  support: "partial",
  note: "PI operations without priorities; no requeueing to PI",
  run: (task, { request }): Outcome => {
    const { address, op, value, second, third } = request;
    const command = op & 127;
    const shared = (op & PRIVATE) === 0;
    if (op & REALTIME && ![WAIT, WAIT_BITSET, LOCK_PI2, 11].includes(command)) return ENOSYS;
    switch (command) {
      case WAIT:
      case WAIT_BITSET: {
        const until = deadline(task, request, command);
        if (until < 0) return until;
        return futexWait(task, address, shared, value, until, command === WAIT ? -1 : third);
      }
      case WAKE:
        return futexWake(task, address, shared, value, -1);
      case WAKE_BITSET:
        return futexWake(task, address, shared, value, third);
      case REQUEUE:
        return futexRequeue(task, address, second, shared, value, request.count, undefined);
      case CMP_REQUEUE:
        return futexRequeue(task, address, second, shared, value, request.count, third);
      case WAKE_OP:
        return futexWakeOp(task, address, second, shared, value, request.count, third);
      case LOCK_PI:
      case LOCK_PI2:
      case TRYLOCK_PI: {
        const until = command === TRYLOCK_PI ? Infinity : deadline(task, request, command);
        if (until < 0) return until;
        return futexLock(task, address, shared, until, command === TRYLOCK_PI);
      }
      case UNLOCK_PI:
        return futexUnlock(task, address, shared);
      default:
        return ENOSYS;
    }
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [[[202, 98], futex]];
