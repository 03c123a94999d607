/**
 * poll, ppoll, select and pselect6: waiting for several files. What is ready is asked from the files, now and after
 * each wake-up; the wait stands on all their queues.
 */
import {
  type ArgType,
  EBADF,
  EFAULT,
  EINVAL,
  ERESTART_RESTARTBLOCK,
  ERESTARTNOHAND,
  type Errno,
  type Outcome,
  READ,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
  wait,
  type WaitQueue,
  WRITE,
} from "@guise/core";
import {
  O_PATH,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLNVAL,
  POLLOUT,
  POLLPRI,
  POLLRDBAND,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
} from "@guise/vfs/key";
import { inStruct } from "../args/buffer.ts";
import { pollFds, pollResult, setBytes, setMembers, setText, timeText } from "../args/poll.ts";
import { int } from "../args/scalar.ts";
import { hex } from "../args/text.ts";
import { fields } from "../args/layout.ts";
import { tableOf } from "../files.ts";
import { limit, RLIMIT_NOFILE } from "../limits.ts";
import type { Rows } from "../rows.ts";
import { SignalSet } from "../signals/numbers.ts";
import { restoreMask, withMask } from "../signals/mask.ts";
import { threadOf } from "../state.ts";
import { deadlineIn, readTime, validTime, writeTime } from "../time/clocks.ts";

/** One look at all files: how many are ready (results noted), or an error; what to wait on is added to `queues`. */
type Look = (queues: WaitQueue[]) => number | Errno;

/** The poll bits of a descriptor: POLLNVAL when it is not open. */
function bitsOf(task: Task, fd: number, queues: WaitQueue[]): number {
  const file = tableOf(task).get(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0) return POLLNVAL;
  queues.push(file.queue);
  return file.poll();
}

/** Looks, waits and looks again until something is ready, the deadline passes or a signal comes. */
function lookAndWait(
  task: Task,
  look: Look,
  deadline: number,
  end: (task: Task, result: number) => Outcome,
): Outcome {
  const queues: WaitQueue[] = [];
  const ready = look(queues);
  if (ready !== 0 || task.kernel.clock.monotonic() >= deadline) return end(task, ready);
  return wait(queues, deadline, (again, reason) => {
    // What came just before the signal or the deadline still counts.
    const late = look([]);
    if (late !== 0) return end(again, late);
    if (reason === "ready") return lookAndWait(again, look, deadline, end);
    return end(again, reason === "timeout" ? 0 : ERESTARTNOHAND);
  });
}

/** A look over a pollfd array, noting revents in guest memory. */
function pollLook(task: Task, address: number, count: number): Look {
  return (queues) => {
    const view = fields(task, address, count * 8);
    if (view === undefined) return EFAULT;
    if (!task.space.check(address, count * 8, WRITE)) return EFAULT;
    let ready = 0;
    const out = task.space.bytes(address, count * 8);
    for (let i = 0; i < count; i++) {
      const fd = view.getInt32(8 * i, true);
      const wanted = view.getUint16(8 * i + 4, true) | POLLERR | POLLHUP | POLLNVAL;
      const bits = fd < 0 ? 0 : bitsOf(task, fd, queues) & wanted;
      out[8 * i + 6] = bits & 0xff;
      out[8 * i + 7] = bits >> 8;
      if (bits !== 0) ready++;
    }
    return ready;
  };
}

function pollAddresses(task: Task, address: number, count: number): 0 | Errno {
  if (count > Math.max(limit(task, RLIMIT_NOFILE), 0)) return EINVAL;
  return task.space.check(address, count * 8, READ) ? 0 : EFAULT;
}

function pollUntil(task: Task, address: number, count: number, deadline: number): Outcome {
  return lookAndWait(task, pollLook(task, address, count), deadline, (again, result) => {
    if (result !== ERESTARTNOHAND) return result;
    // Without a handler the call goes on for the rest of its time (restart_syscall).
    threadOf(again).restart = () => pollUntil(again, address, count, deadline);
    return ERESTART_RESTARTBLOCK;
  });
}

export const poll: Syscall = syscall({
  name: "poll",
  doc: "Waits until one of several files is ready, at most `timeout` milliseconds.",
  args: { fds: pollFds, timeout: int },
  result: (task, result, abi) => pollResult(task, result, abi, ""),
  run: (task, { fds, timeout }) => {
    const ok = pollAddresses(task, fds.address, fds.count);
    if (ok !== 0) return ok;
    const deadline = timeout < 0 ? Infinity : deadlineIn(task, 0, timeout * 1e6);
    return pollUntil(task, fds.address, fds.count, deadline);
  },
});

/** The deadline of a time in guest memory; undefined address 0: never. */
function readDeadline(task: Task, address: number, perSecond: number): number | Errno {
  if (address === 0) return Infinity;
  const span = readTime(task, address);
  if (span === undefined) return EFAULT;
  if (!validTime(span, perSecond)) return EINVAL;
  return deadlineIn(task, span[0], span[1] * (1e9 / perSecond));
}

/** Writes how much time is left, as ppoll and select do. */
function writeLeft(task: Task, address: number, deadline: number, perSecond: number): void {
  if (address === 0) return;
  const left = Math.max(0, deadline - task.kernel.clock.monotonic());
  const seconds = Math.floor(left / 1e9);
  writeTime(task, address, seconds, Math.floor((left - seconds * 1e9) / (1e9 / perSecond)));
}

const nanoTime = inStruct("struct timespec *", (task, address) => timeText(task, address, "tv_nsec"));
const microTime = inStruct("struct timeval *", (task, address) => timeText(task, address, "tv_usec"));

function maskText(task: Task, address: number): string {
  const view = fields(task, address, 8);
  return view === undefined
    ? hex(address)
    : new SignalSet(view.getUint32(0, true), view.getUint32(4, true)).toString();
}

/** A signal set and its size: printed whole only when the size is right. */
const sigset: ArgType<{ address: number; size: number }> = {
  label: "const sigset_t *sigmask, size_t sigsetsize",
  slots: 2,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const start = abi.registers[slot], length = abi.registers[slot + 1];
    const set = { address: 0, size: 0 };
    return (task) => {
      set.address = task.frame.num(start);
      set.size = task.frame.num(length);
      return set;
    };
  },
  format(abi: RowAbi, slot: number) {
    const start = abi.registers[slot], length = abi.registers[slot + 1];
    return (task) => {
      const at = task.frame.num(start), n = task.frame.num(length);
      return `${at === 0 ? "NULL" : n === 8 ? maskText(task, at) : hex(at)}, ${n}`;
    };
  },
};
export { sigset };

/** Puts a temporary signal mask in force: 0, EINVAL for a wrong size, EFAULT. */
export function useMask(task: Task, address: number, size: number): 0 | Errno {
  if (address === 0) return 0;
  if (size !== 8) return EINVAL;
  const view = fields(task, address, 8);
  if (view === undefined) return EFAULT;
  withMask(task, view.getInt32(0, true), view.getInt32(4, true));
  return 0;
}

/** Takes a temporary mask back unless a signal ended the call. */
export function endMask(task: Task, result: number): number {
  if (result !== ERESTARTNOHAND) restoreMask(task);
  return result;
}

/** `, left {tv_sec=…}` of a call that was given a time. */
function leftText(task: Task, address: number, field: "tv_nsec" | "tv_usec"): string {
  return address === 0 ? "" : `, left ${timeText(task, address, field)}`;
}

export const ppoll: Syscall = syscall({
  name: "ppoll",
  doc: "poll with a time in ns and a signal mask.",
  args: { fds: pollFds, timeout: nanoTime, mask: sigset },
  result: (task, result, abi) =>
    pollResult(task, result, abi, leftText(task, task.frame.num(abi.registers[2]), "tv_nsec")),
  run: (task, { fds, timeout, mask }) => {
    const deadline = readDeadline(task, timeout, 1e9);
    if (deadline < 0) return deadline;
    const masked = useMask(task, mask.address, mask.size);
    if (masked !== 0) return masked;
    const ok = pollAddresses(task, fds.address, fds.count);
    if (ok !== 0) return endMask(task, ok);
    return lookAndWait(task, pollLook(task, fds.address, fds.count), deadline, (again, result) => {
      writeLeft(again, timeout, deadline, 1e9);
      return endMask(again, result);
    });
  },
});

const READ_BITS = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR | POLLNVAL;
const WRITE_BITS = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR | POLLNVAL;
const EXCEPT_BITS = POLLPRI | POLLNVAL;
const KINDS = [READ_BITS, WRITE_BITS, EXCEPT_BITS];

/** select's three sets, copied in at the call and out at its end. */
class Selection {
  readonly count: number;
  readonly addresses: readonly number[];
  readonly wanted: (number[] | undefined)[] = [];
  readonly found: Uint8Array[];
  constructor(count: number, addresses: readonly number[]) {
    this.count = count;
    this.addresses = addresses;
    this.found = addresses.map(() => new Uint8Array(setBytes(count)));
  }
  load(task: Task): 0 | Errno {
    for (const address of this.addresses) {
      const bits = address === 0 ? undefined : task.space.read(address, setBytes(this.count));
      if (address !== 0 && bits === undefined) return EFAULT;
      this.wanted.push(bits === undefined ? undefined : setMembers(bits, this.count));
    }
    return 0;
  }
  look(task: Task, queues: WaitQueue[]): number | Errno {
    let ready = 0;
    const table = tableOf(task);
    for (let kind = 0; kind < 3; kind++) {
      for (const fd of this.wanted[kind] ?? []) {
        const file = table.get(fd);
        if (file === undefined || (file.flags & O_PATH) !== 0) return EBADF;
        queues.push(file.queue);
        if ((file.poll() & KINDS[kind]) === 0) continue;
        this.found[kind][fd >> 3] |= 1 << (fd & 7);
        ready++;
      }
    }
    return ready;
  }
  store(task: Task): 0 | Errno {
    for (let kind = 0; kind < 3; kind++) {
      const address = this.addresses[kind];
      if (address !== 0 && !task.space.write(address, this.found[kind])) return EFAULT;
    }
    return 0;
  }
}

interface Sets {
  count: number;
  addresses: [number, number, number];
}

/** Count and three sets. */
const selectSets: ArgType<Sets> = {
  label: "int nfds, fd_set *readfds, fd_set *writefds, fd_set *exceptfds",
  slots: 4,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const [n, r, w, e] = abi.registers.slice(slot, slot + 4);
    const sets: Sets = { count: 0, addresses: [0, 0, 0] };
    return (task) => {
      const { frame } = task;
      sets.count = frame.lo(n);
      sets.addresses = [frame.num(r), frame.num(w), frame.num(e)];
      return sets;
    };
  },
  format(abi: RowAbi, slot: number) {
    const [n, ...sets] = abi.registers.slice(slot, slot + 4);
    return (task) => {
      const count = task.frame.lo(n);
      return [count, ...sets.map((register) => setText(task, task.frame.num(register), count))].join(", ");
    };
  },
};

/** `1 (out [7], left {tv_sec=1, tv_usec=497})`. */
function selectResult(field: "tv_nsec" | "tv_usec"): (task: Task, result: number, abi: RowAbi) => string {
  return (task, result, abi) => {
    if (result === 0) return "0 (Timeout)";
    const count = task.frame.lo(abi.registers[0]);
    const parts: string[] = [];
    ["in", "out", "except"].forEach((name, i) => {
      const text = setText(task, task.frame.num(abi.registers[1 + i]), count);
      if (text !== "NULL" && text !== "[]") parts.push(`${name} ${text}`);
    });
    const left = task.frame.num(abi.registers[4]);
    if (left !== 0) parts.push(`left ${timeText(task, left, field)}`);
    return parts.length === 0 ? String(result) : `${result} (${parts.join(", ")})`;
  };
}

function selectUntil(
  task: Task,
  sets: Sets,
  end: (task: Task, result: number) => Outcome,
  deadline: number,
): Outcome {
  if (sets.count < 0) return end(task, EINVAL);
  const selection = new Selection(Math.min(sets.count, Math.max(64, tableOf(task).length)), [
    ...sets.addresses,
  ]);
  const loaded = selection.load(task);
  if (loaded !== 0) return end(task, loaded);
  return lookAndWait(task, (queues) => selection.look(task, queues), deadline, (again, result) => {
    const stored = result < 0 ? 0 : selection.store(again);
    return end(again, stored === 0 ? result : stored);
  });
}

export const select: Syscall = syscall({
  name: "select",
  doc: "Waits until a descriptor of three sets is ready; writes back what is, and the time left.",
  args: { sets: selectSets, timeout: microTime },
  result: selectResult("tv_usec"),
  run: (task, { sets, timeout }) => {
    const deadline = selectDeadline(task, timeout);
    if (deadline < 0) return deadline;
    return selectUntil(task, sets, (again, result) => {
      writeLeft(again, timeout, deadline, 1e6);
      return result;
    }, deadline);
  },
});

/** A timeval whose microseconds may exceed a second, as select permits. */
function selectDeadline(task: Task, address: number): number | Errno {
  if (address === 0) return Infinity;
  const span = readTime(task, address);
  if (span === undefined) return EFAULT;
  if (span[0] < 0 || span[1] < 0) return EINVAL;
  return deadlineIn(task, span[0], span[1] * 1000);
}

/** pselect6's last argument: a pointer to a mask's pointer and size. */
const packedMask = inStruct("const struct { const sigset_t *; size_t; } *", (task, address) => {
  const view = fields(task, address, 16);
  if (view === undefined) return undefined;
  const at = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32, n = view.getUint32(8, true);
  return `{sigmask=${at === 0 ? "NULL" : n === 8 ? maskText(task, at) : hex(at)}, sigsetsize=${n}}`;
});

export const pselect6: Syscall = syscall({
  name: "pselect6",
  doc: "select with a time in ns and a signal mask.",
  args: { sets: selectSets, timeout: nanoTime, mask: packedMask },
  result: selectResult("tv_nsec"),
  run: (task, { sets, timeout, mask }) => {
    const deadline = readDeadline(task, timeout, 1e9);
    if (deadline < 0) return deadline;
    if (mask !== 0) {
      const view = fields(task, mask, 16);
      if (view === undefined) return EFAULT;
      const at = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
      const masked = useMask(task, at, view.getUint32(8, true));
      if (masked !== 0) return masked;
    }
    return selectUntil(task, sets, (again, result) => {
      writeLeft(again, timeout, deadline, 1e9);
      return endMask(again, result);
    }, deadline);
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[7, null], poll],
  [[271, 73], ppoll],
  [[23, null], select],
  [[270, 72], pselect6],
];
