/**
 * The clock in the data pages of the vDSO. The kernel writes it before a task runs, after each wait and at polls, so
 * that reading the time costs no trap and no host call; a system call that tells the time writes it too, so that time
 * never seems to go backwards.
 */
import { BIAS, READ, type Task } from "@guise/core";
import { taskKey } from "../state.ts";
import { BOOT_OFFSET, CLOCK_MONOTONIC, CLOCK_REALTIME, split, type Time } from "../time/clocks.ts";
import { MONOTONIC, SEQUENCE, WALL } from "./exports.ts";

const wall: Time = [0, 0], monotonic: Time = [0, 0];

/** Writes the time into the task's data pages, by a new reading unless `last`; false when it has none. */
export function refreshClock(task: Task, last = false): boolean {
  const vvar = task.data.find(taskKey)?.process.mm.vvar ?? 0;
  if (vvar === 0) return false;
  const { space } = task;
  // The program may have unmapped them.
  if (space.find(vvar)?.name !== "[vvar]" || !space.check(vvar, 64, READ)) return false;
  const { clock } = task.kernel;
  let now: number;
  if (last && clock.last !== undefined) now = clock.last(wall);
  else if (clock.both !== undefined) now = clock.both(wall);
  else {
    clock.realtime(wall);
    now = clock.monotonic();
  }
  split(now + BOOT_OFFSET, monotonic);
  const { view } = space;
  const at = vvar - BIAS;
  put(view, at + WALL, wall);
  put(view, at + MONOTONIC, monotonic);
  view.setUint32(at + SEQUENCE, view.getUint32(at + SEQUENCE, true) + 2, true);
  return true;
}

/** Reads a clock as the vDSO tells it from now on; false for clocks that it does not have. */
export function readShown(task: Task, id: number, into: Time): boolean {
  const isWall = id === CLOCK_REALTIME;
  if ((!isWall && id !== CLOCK_MONOTONIC) || !refreshClock(task)) return false;
  const from = isWall ? wall : monotonic;
  into[0] = from[0];
  into[1] = from[1];
  return true;
}

function put(view: DataView, at: number, time: Time): void {
  view.setUint32(at, time[0] >>> 0, true);
  view.setUint32(at + 4, Math.floor(time[0] / 2 ** 32), true);
  view.setUint32(at + 8, time[1], true);
  view.setUint32(at + 12, 0, true);
}
