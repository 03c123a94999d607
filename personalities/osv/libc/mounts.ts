/** mntent.h: lines of a table of mounts, read through the kernel's streams. */
import type { Outcome, Task } from "@guise/core";
import { arg, type Calls, type DirectCall, looping, text } from "../direct.ts";
import { osvOf, type OsvProcess } from "../state.ts";
import { readLine } from "./stdio.ts";
import { stdioCalls } from "./stdio.ts";

/** Bytes of struct mntent; the strings come behind it. */
const BYTES = 40, ROOM = 4096;

const blocks = new WeakMap<OsvProcess, number>();

function own(task: Task): number {
  const osv = osvOf(task);
  let at = blocks.get(osv);
  if (at === undefined) blocks.set(osv, at = osv.heap.allocate(BYTES + ROOM));
  return at;
}

/** Blanks and the backslash stand as octal numbers. */
const plain = (word: string): string =>
  word.replace(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(parseInt(digits, 8)));

function next(task: Task, entry: number, strings: number, room: number): Outcome {
  const stream = osvOf(task).streams.all.get(arg(task, 0));
  if (stream === undefined) return 0;
  return looping(task, (t, again) =>
    readLine(t, stream, 1 << 16, 10, (u, bytes) => {
      if (bytes.length === 0) return 0;
      const line = new TextDecoder().decode(bytes).trim();
      if (line === "" || line.startsWith("#")) return again(u);
      const [name, folder, type, options, frequency, pass] = line.split(/[ \t]+/).map(plain);
      let at = strings;
      const fields = [name, folder ?? "", type ?? "", options ?? ""].map((each) => {
        const encoded = new TextEncoder().encode(`${each}\0`);
        const start = at;
        if (at + encoded.length <= strings + room) u.space.write(at, encoded);
        at += encoded.length;
        return start;
      });
      fields.forEach((value, n) => u.space.setNum64(entry + 8 * n, value));
      u.space.setU32(entry + 32, Number(frequency ?? 0) >>> 0);
      u.space.setU32(entry + 36, Number(pass ?? 0) >>> 0);
      return entry;
    }));
}

const hasOption: DirectCall = (task) => {
  const options = task.space.getNum64(arg(task, 0) + 24) ?? 0, wanted = text(task, arg(task, 1)) ?? "";
  const list = text(task, options) ?? "";
  let at = 0;
  for (const each of list.split(",")) {
    if (each === wanted || each.startsWith(`${wanted}=`)) return options + at;
    at += each.length + 1;
  }
  return 0;
};

/** See the file's head. */
export const mountCalls: Calls = {
  setmntent: (task) => stdioCalls.fopen(task),
  getmntent: (task) => next(task, own(task), own(task) + BYTES, ROOM),
  getmntent_r: (task) => next(task, arg(task, 1), arg(task, 2), arg(task, 3)),
  endmntent: (task) => {
    const outcome = stdioCalls.fclose(task);
    return typeof outcome === "number" ? 1 : outcome;
  },
  hasmntopt: hasOption,
};
