/** i386's select, and fcntl with its two kinds of record locks (spec X12). */
import { EFAULT, EINVAL, type Outcome, type Syscall, syscall, type Task, type WakeReason } from "@guise/core";
import { address, int } from "../args/scalar.ts";
import type { Calls } from "./calls.ts";
import { changed, disguised, FLOCK, FLOCK64 } from "./structures.ts";

/** Waits as pselect6 does, with a timeval of 32-bit fields, which gets what is left. */
function select(
  calls: Calls,
  task: Task,
  count: number,
  addresses: readonly number[],
  timeout: number,
): Outcome {
  const { clock } = task.kernel;
  let deadline = Infinity;
  if (timeout !== 0) {
    const seconds = task.space.getU32(timeout), fraction = task.space.getU32(timeout + 4);
    if (seconds === undefined || fraction === undefined) return EFAULT;
    if ((seconds | 0) < 0 || (fraction | 0) < 0) return EINVAL;
    deadline = clock.monotonic() + seconds * 1e9 + fraction * 1000;
  }
  const bounded = (outcome: Outcome): Outcome => {
    if (typeof outcome !== "number") {
      if (outcome.kind !== "wait") return outcome;
      const then = outcome.then!;
      return { ...outcome, deadline, then: (self: Task, reason: WakeReason) => bounded(then(self, reason)) };
    }
    if (timeout !== 0) {
      const left = Math.max(0, deadline - clock.monotonic()), seconds = Math.floor(left / 1e9);
      task.space.setU32(timeout, seconds);
      task.space.setU32(timeout + 4, Math.floor((left - seconds * 1e9) / 1000));
    }
    return outcome;
  };
  const sets = { count, addresses };
  return bounded(calls.get("pselect6")!.spec.run(task, { sets, timeout: 0, mask: 0 } as never));
}

const F_GETLK = 5, F_SETLKW = 7, F_GETLK64 = 12, F_SETLKW64 = 14, F_OFD_GETLK = 36, F_OFD_SETLKW = 38;

/** Short locks, and long ones by other numbers; on x86-64 the old fcntl knows both, too. */
function fcntl(calls: Calls, name: string): Syscall {
  return changed(calls.get("fcntl")!, {
    name,
    run(task, values): Outcome {
      const { run } = calls.get("fcntl")!.spec;
      const how = values.how as { readonly command: number; readonly address: number };
      const { command } = how;
      const short = command >= F_GETLK && command <= F_SETLKW;
      const numbered = command >= F_GETLK64 && command <= F_SETLKW64;
      const ofd = command >= F_OFD_GETLK && command <= F_OFD_SETLKW;
      if (!short && !numbered && !ofd) return run(task, values as never);
      const place = { address: how.address, layout: short ? FLOCK : FLOCK64 };
      const meant = { ...how, command: numbered ? command - F_GETLK64 + F_GETLK : command };
      return run(disguised(task, [place]), { ...values, how: meant } as never);
    },
  });
}

/** By number. */
export function waitingCalls(calls: Calls): readonly (readonly [number: number, call: Syscall])[] {
  return [
    [55, fcntl(calls, "fcntl")],
    [
      82,
      syscall({
        name: "select",
        doc: "Waits for descriptors, as a structure of five words says.",
        args: { request: address },
        run(task, { request }): Outcome {
          const words = [0, 4, 8, 12, 16].map((at) => task.space.getU32(request + at));
          if (words.some((word) => word === undefined)) return EFAULT;
          const [count, read, write, except, timeout] = words as number[];
          return select(calls, task, count | 0, [read, write, except], timeout);
        },
      }),
    ],
    [
      142,
      syscall({
        name: "_newselect",
        doc: "Waits until a descriptor of three sets is ready, with a timeval of 32-bit fields.",
        args: { count: int, read: address, write: address, except: address, timeout: address },
        run: (task, { count, read, write, except, timeout }): Outcome =>
          select(calls, task, count, [read, write, except], timeout),
      }),
    ],
    [221, fcntl(calls, "fcntl64")],
  ];
}
