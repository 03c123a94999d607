/** epoll_create, epoll_ctl, epoll_wait and their kin. */
import {
  type ArgType,
  EFAULT,
  EINTR,
  EINVAL,
  ERESTARTNOHAND,
  type Errno,
  type Outcome,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
  wait,
} from "@guise/core";
import { filesAbi } from "../args/abi.ts";
import { fdNumber } from "../args/fd.ts";
import { fields } from "../args/layout.ts";
import { EPOLL } from "../args/names.ts";
import { flagWord, int, oneOf } from "../args/scalar.ts";
import { flags as flagsText, hex } from "../args/text.ts";
import { EPOLLET, type EpollEvent, EPOLLEXCLUSIVE, EpollFile, EPOLLWAKEUP } from "../epoll.ts";
import { callerOf, openFile } from "../files.ts";
import type { Rows } from "../rows.ts";
import { deadlineIn } from "../time/clocks.ts";
import { install } from "./open.ts";
import { endMask, sigset, useMask } from "./poll.ts";

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2, EPOLL_CTL_MOD = 3;

/** Where the 64 bits of data are: after the events at once (packed), or aligned. */
function dataOffset(size: number): number {
  return size - 8;
}

function eventText(view: DataView, at: number, size: number): string {
  const events = view.getUint32(at, true), data = at + dataOffset(size);
  const shown = events === 0 ? "0" : flagsText(events, EPOLL, "EPOLL???");
  const lo = view.getUint32(data, true);
  return `{events=${shown}, data={u32=${lo}, u64=${view.getBigUint64(data, true)}}}`;
}

/** A struct epoll_event that epoll_ctl reads: undefined for NULL; the size is the ABI's. */
interface EventAt {
  address: number;
  size: number;
}

const inEvent: ArgType<EventAt> = {
  label: "struct epoll_event *event",
  slots: 1,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    const at: EventAt = { address: 0, size: filesAbi(abi).epollEvent };
    return (task) => {
      at.address = task.frame.num(register);
      return at;
    };
  },
  format(abi: RowAbi, slot: number) {
    const register = abi.registers[slot], size = filesAbi(abi).epollEvent;
    return (task) => {
      const at = task.frame.num(register);
      if (at === 0) return "NULL";
      const view = fields(task, at, size);
      return view === undefined ? hex(at) : eventText(view, 0, size);
    };
  },
};

/** The array that epoll_wait fills. */
const outEvents: ArgType<EventAt> = {
  ...inEvent,
  label: "struct epoll_event *events",
  direction: "out",
  format(abi: RowAbi, slot: number) {
    const register = abi.registers[slot], size = filesAbi(abi).epollEvent;
    return (task, result) => {
      const at = task.frame.num(register);
      if (at === 0) return "NULL";
      const view = result === undefined || result < 0 ? undefined : fields(task, at, size * result);
      if (view === undefined) return hex(at);
      const parts: string[] = [];
      for (let i = 0; i < result!; i++) parts.push(eventText(view, i * size, size));
      return `[${parts.join(", ")}]`;
    };
  },
};

function create(task: Task, cloexec: boolean): number | Errno {
  return install(task, new EpollFile(callerOf(task)), cloexec);
}

export const epollCreate: Syscall = syscall({
  name: "epoll_create",
  doc: "An epoll instance; the size is only checked.",
  args: { size: int },
  run: (task, { size }) => size <= 0 ? EINVAL : create(task, false),
});

export const epollCreate1: Syscall = syscall({
  name: "epoll_create1",
  doc: "An epoll instance, with EPOLL_CLOEXEC.",
  args: { flags: flagWord([[EPOLL_CLOEXEC, "EPOLL_CLOEXEC"]], "EPOLL_???") },
  run: (task, { flags }) => flags & ~EPOLL_CLOEXEC ? EINVAL : create(task, flags !== 0),
});

const operation = oneOf([
  [EPOLL_CTL_ADD, "EPOLL_CTL_ADD"],
  [EPOLL_CTL_DEL, "EPOLL_CTL_DEL"],
  [EPOLL_CTL_MOD, "EPOLL_CTL_MOD"],
], "EPOLL_CTL_???");

/** Bits that may go with EPOLLEXCLUSIVE: in, out, err, hup, wakeup, edge-triggered. */
const EXCLUSIVE_OK = EPOLLEXCLUSIVE | EPOLLWAKEUP | EPOLLET | 1 | 4 | 8 | 16;

export const epollCtl: Syscall = syscall({
  name: "epoll_ctl",
  doc: "Adds, changes or removes a file of an epoll instance.",
  args: { epoll: fdNumber, operation, fd: fdNumber, event: inEvent },
  run: (task, { epoll, operation, fd, event }) => {
    let wanted: EpollEvent = { events: 0, dataLo: 0, dataHi: 0 };
    if (operation !== EPOLL_CTL_DEL) {
      const view = fields(task, event.address, event.size);
      if (view === undefined) return EFAULT;
      const data = dataOffset(event.size);
      wanted = {
        events: view.getInt32(0, true),
        dataLo: view.getInt32(data, true),
        dataHi: view.getInt32(data + 4, true),
      };
    }
    const instance = openFile(task, epoll);
    if (typeof instance === "number") return instance;
    const file = openFile(task, fd);
    if (typeof file === "number") return file;
    if (!(instance instanceof EpollFile)) return EINVAL;
    if (wanted.events & EPOLLEXCLUSIVE && (operation !== EPOLL_CTL_ADD || wanted.events & ~EXCLUSIVE_OK)) {
      return EINVAL;
    }
    switch (operation) {
      case EPOLL_CTL_ADD:
        return instance.add(fd, file, wanted);
      case EPOLL_CTL_MOD:
        return instance.modify(fd, file, wanted);
      case EPOLL_CTL_DEL:
        return instance.delete(fd, file);
      default:
        return EINVAL;
    }
  },
});

/** The most events of one wait: an array of them is at most 2 GiB. */
function most(size: number): number {
  return Math.floor(0x7fffffff / size);
}

interface Waiting {
  readonly instance: EpollFile;
  readonly address: number;
  readonly size: number;
  readonly count: number;
  readonly deadline: number;
}

/** Collects into guest memory now; 0 when nothing is ready. */
function collect(task: Task, w: Waiting): number | Errno {
  const room = Math.min(w.count, 1024);
  let at = w.address, failed = false;
  const { space } = task;
  const n = w.instance.collect(room, (event) => {
    const data = at + dataOffset(w.size);
    failed ||= !(space.setU32(at, event.events) && space.setU32(data, event.dataLo) &&
      space.setU32(data + 4, event.dataHi));
    at += w.size;
  });
  return failed ? EFAULT : n;
}

function waitUntil(task: Task, w: Waiting, end: (task: Task, result: number) => Outcome): Outcome {
  const n = collect(task, w);
  if (n !== 0 || task.kernel.clock.monotonic() >= w.deadline) return end(task, n);
  return wait([w.instance.queue], w.deadline, (again, reason) => {
    if (reason === "ready") return waitUntil(again, w, end);
    const late = collect(again, w);
    return end(again, late !== 0 ? late : reason === "timeout" ? 0 : EINTR);
  });
}

function prepare(
  task: Task,
  epoll: number,
  events: EventAt,
  count: number,
  deadline: number,
): Waiting | Errno {
  if (count <= 0 || count > most(events.size)) return EINVAL;
  const instance = openFile(task, epoll);
  if (typeof instance === "number") return instance;
  if (!(instance instanceof EpollFile)) return EINVAL;
  return { instance, address: events.address, size: events.size, count, deadline };
}

function deadlineOf(task: Task, milliseconds: number): number {
  return milliseconds < 0 ? Infinity : deadlineIn(task, 0, milliseconds * 1e6);
}

export const epollWait: Syscall = syscall({
  name: "epoll_wait",
  doc: "Waits for events of an epoll instance.",
  args: { epoll: fdNumber, events: outEvents, count: int, timeout: int },
  run: (task, { epoll, events, count, timeout }) => {
    const w = prepare(task, epoll, events, count, deadlineOf(task, timeout));
    return typeof w === "number" ? w : waitUntil(task, w, (_task, result) => result);
  },
});

export const epollPwait: Syscall = syscall({
  name: "epoll_pwait",
  doc: "epoll_wait with a signal mask.",
  args: { epoll: fdNumber, events: outEvents, count: int, timeout: int, mask: sigset },
  run: (task, { epoll, events, count, timeout, mask }) => {
    const masked = useMask(task, mask.address, mask.size);
    if (masked !== 0) return masked;
    const w = prepare(task, epoll, events, count, deadlineOf(task, timeout));
    if (typeof w === "number") return endMask(task, w);
    const hasMask = mask.address !== 0;
    return waitUntil(task, w, (again, result) => {
      // With a mask in force the handler must run before the old one comes back.
      return endMask(again, result === EINTR && hasMask ? ERESTARTNOHAND : result);
    });
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[213, null], epollCreate],
  [[291, 20], epollCreate1],
  [[233, 21], epollCtl],
  [[232, null], epollWait],
  [[281, 22], epollPwait],
];
