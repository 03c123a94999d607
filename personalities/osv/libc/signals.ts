/** Signals by the libc's structures; a handler returns through a stub of the kernel, not by a system call. */
import type { Outcome, Task } from "@guise/core";
import { answer, arg, type Calls, type DirectCall, fail, int, perform } from "../direct.ts";
import { osvOf } from "../state.ts";
import { processOf, threadOf } from "@guise/linux/services";
import { PID } from "./process.ts";

const SA_RESTORER = 0x04000000, SA_RESTART = 0x10000000;
const EINVAL = -22, EFAULT = -14;
/** Bytes of the kernel's struct and of the libc's: handler, mask, flags, restorer. */
const KERNEL = 32, LIBC = 152;
const SIG_ERR = -1;

/** The stub that a handler returns to. */
export const SIGRETURN = "__guise_sigreturn", PAUSE = "__guise_pause";

/** What rt_sigaction is told. `next` gets Linux's answer; the old action is in the block then. */
function change(
  task: Task,
  signal: number,
  action: { readonly handler: number; readonly flags: number; readonly mask: Uint8Array } | undefined,
  next: (task: Task, result: number, old: number) => Outcome,
): Outcome {
  const { space } = task;
  const { heap } = osvOf(task);
  const block = heap.allocate(2 * KERNEL);
  const restorer = osvOf(task).sigreturn;
  if (block === 0) return fail(task, -12);
  if (action !== undefined) {
    space.setNum64(block, action.handler);
    space.setNum64(block + 8, (action.flags >>> 0) % 2 ** 32);
    if (restorer !== 0) space.setU32(block + 8, (action.flags | SA_RESTORER) >>> 0);
    space.setNum64(block + 16, restorer);
    space.write(block + 24, action.mask.subarray(0, 8));
  }
  return perform(
    task,
    "rt_sigaction",
    [signal, action === undefined ? 0 : block, block + KERNEL, 8],
    (t, result) => {
      const outcome = next(t, result, block + KERNEL);
      heap.release(block);
      return outcome;
    },
  );
}

const sigaction: DirectCall = (task) => {
  const signal = int(task, 0), wanted = arg(task, 1), old = arg(task, 2);
  let action;
  if (wanted !== 0) {
    const bytes = task.space.read(wanted, LIBC);
    if (bytes === undefined) return fail(task, EFAULT);
    action = {
      handler: task.space.getNum64(wanted) ?? 0,
      mask: bytes.subarray(8, 16),
      flags: new DataView(bytes.buffer, bytes.byteOffset).getInt32(136, true),
    };
  }
  return change(task, signal, action, (t, result, before) => {
    if (result < 0) return fail(t, result);
    if (old !== 0) {
      const bytes = new Uint8Array(LIBC);
      const kernel = t.space.read(before, KERNEL) ?? new Uint8Array(KERNEL);
      bytes.set(kernel.subarray(0, 8));
      bytes.set(kernel.subarray(24, 32), 8);
      bytes.set(kernel.subarray(8, 12), 136);
      if (!t.space.write(old, bytes)) return fail(t, EFAULT);
    }
    return 0;
  });
};

const signal: DirectCall = (task) => {
  const mask = new Uint8Array(8);
  const action = { handler: arg(task, 1), flags: SA_RESTART, mask };
  return change(
    task,
    int(task, 0),
    action,
    (t, result, old) => result < 0 ? fail(t, result) && SIG_ERR : t.space.getNum64(old) ?? 0,
  );
};

/** Signals to the one process, by its own number, by 0 or by -1. */
const kill: DirectCall = (task) => {
  const pid = int(task, 0);
  const own = processOf(task).pid;
  return perform(task, "kill", [pid === PID || pid === 0 || pid === -1 ? own : pid, int(task, 1)], answer);
};

const HOW_MOST = 2;

/** See the file's head. */
export const signalCalls: Calls = {
  sigaction,
  __sigaction: sigaction,
  signal,
  kill,
  raise: (task) => perform(task, "tgkill", [processOf(task).pid, threadOf(task).tid, int(task, 0)], answer),
  sigprocmask: (task) =>
    perform(task, "rt_sigprocmask", [int(task, 0), arg(task, 1), arg(task, 2), 8], answer),
  pthread_sigmask: (task) => {
    if (arg(task, 1) !== 0 && (int(task, 0) < 0 || int(task, 0) > HOW_MOST)) return -EINVAL;
    return perform(
      task,
      "rt_sigprocmask",
      [int(task, 0), arg(task, 1), arg(task, 2), 8],
      (_t, n) => n < 0 ? -n : 0,
    );
  },
  sigpending: (task) => perform(task, "rt_sigpending", [arg(task, 0), 8], answer),
  sigsuspend: (task) => perform(task, "rt_sigsuspend", [arg(task, 0), 8], answer),
  [PAUSE]: () => 0,
  [SIGRETURN]: (task) => perform(task, "rt_sigreturn", [], answer),
};
