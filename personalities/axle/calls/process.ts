/** The calls that are not about messages: memory, log, end, time (W12, W13). */
import { int, type Outcome, READ, type Syscall, syscall, WRITE } from "@guise/core";
import { Bad, chars, message } from "../args.ts";
import { inform, leave, pageFault, taskAssert } from "../death.ts";
import { type AxleProcess, callerOf, CORE } from "../state.ts";

/** Maps pages up to a new break; false when there is no room. */
function grow(it: AxleProcess, brk: number): boolean {
  const end = Math.ceil(brk / 4096) * 4096;
  if (end > it.heapLimit) return false;
  if (end > it.heapEnd) {
    const mapped = it.process.space.map({
      address: it.heapEnd,
      length: end - it.heapEnd,
      prot: READ | WRITE,
      fixed: "exclusive",
      name: "[heap]",
    });
    if (mapped < 0) return false;
    it.heapEnd = end;
  }
  it.brk = brk;
  return true;
}

const sbrk: Syscall = syscall({
  name: "sbrk",
  doc: "Moves the break up and answers the old one; -1 when there is no room.",
  args: { increment: int },
  result: "hex",
  run(task, { increment }): Outcome {
    const it = callerOf(task), old = it.brk;
    if (increment === 0) return old;
    // A negative increment answers 0, and by a bug of axle's raises the break (W12).
    if (increment < 0) {
      grow(it, old - increment);
      return 0;
    }
    return grow(it, old + increment) ? old : -1;
  },
});

/** Text that is handed on; what is longer goes to the log alone. */
const LOGS_VIEWER = "com.axle.logs_viewer", MOST = 1 << 20;

const write: Syscall = syscall({
  name: "write",
  doc: "A text for axle's log, whatever the descriptor.",
  args: { fd: int, buf: chars },
  run(task, { buf }): Outcome {
    const it = callerOf(task), { axle } = it;
    const { address } = buf, length = buf.length | 0;
    if (length <= 0) return 0;
    if (!task.space.check(address, length, READ)) return pageFault(task, address, READ);
    const text = new TextDecoder().decode(task.space.read(address, Math.min(length, MOST)));
    const line = `[${it.process.id}] ${text}`;
    axle.log(line.endsWith("\n") ? line.slice(0, -1) : line, it);
    const body = new TextEncoder().encode(line.endsWith("\n") ? line : line + "\n");
    const viewer = axle.services.get(LOGS_VIEWER);
    if (viewer !== undefined && viewer !== it.service) axle.send(it.service?.name ?? CORE, LOGS_VIEWER, body);
    inform(it, 3, length, text);
    return length;
  },
});

const exit: Syscall = syscall({
  name: "exit",
  doc: "Ends the process.",
  args: { code: int },
  run: (task, { code }) => leave(task, code),
});

const getpid: Syscall = syscall({
  name: "getpid",
  doc: "The process's number.",
  constant: true,
  args: {},
  run: (task) => task.process.id,
});

const msSinceBoot: Syscall = syscall({
  name: "ms_since_boot",
  doc: "Milliseconds since the kernel started.",
  args: {},
  run: (task) => callerOf(task).axle.now,
});

const assert: Syscall = syscall({
  name: "task_assert",
  doc: "Ends the process with a message and a crash report.",
  args: { message },
  run(task, { message }): Outcome {
    if (message instanceof Bad) return pageFault(task, message.address, message.access);
    return taskAssert(task, message ?? "(null)");
  },
});

/** By number (W3). */
export const processCalls: readonly (readonly [number, Syscall])[] = [
  [11, sbrk],
  [12, write],
  [13, exit],
  [14, getpid],
  [15, msSinceBoot],
  [16, assert],
];
