/** Arrays of struct iovec: one argument of two slots (vector and count). */
import { type ArgType, EFAULT, EINVAL, type Errno, type RowAbi, type Task } from "@guise/core";
import { MAX_RW } from "./buffer.ts";
import { fields, get64 } from "./layout.ts";
import { buffer as bufferText, hex, pointer } from "./text.ts";

/** UIO_MAXIOV. */
const MOST = 1024;
/** Vector members that strace prints. */
const SHOWN = 32;

/** A vector as the guest gave it, not yet read. One object a row, reused. */
export class Vector {
  address = 0;
  count = 0;
  /** The members, with the total cut at the most that one call moves; or EINVAL, EFAULT. */
  load(task: Task): Segments | Errno {
    if (this.count > MOST) return EINVAL;
    if (this.count === 0) return { starts: [], lengths: [], total: 0 };
    const view = fields(task, this.address, this.count * 16);
    if (view === undefined) return EFAULT;
    const starts: number[] = [], lengths: number[] = [];
    let total = 0;
    for (let i = 0; i < this.count; i++) {
      const length = get64(view, i * 16 + 8);
      if (length < 0) return EINVAL;
      const take = Math.min(length, MAX_RW - total);
      starts.push(get64(view, i * 16));
      lengths.push(take);
      total += take;
    }
    return { starts, lengths, total };
  }
}

/** The members of a vector. */
export interface Segments {
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
  readonly total: number;
}

function vectorType(direction: "in" | "out"): ArgType<Vector> {
  return {
    label: "const struct iovec *iov, int iovcnt",
    slots: 2,
    direction,
    compile(abi: RowAbi, slot: number) {
      const start = abi.registers[slot], count = abi.registers[slot + 1];
      const vector = new Vector();
      return (task) => {
        vector.address = task.frame.num(start);
        vector.count = task.frame.num(count);
        return vector;
      };
    },
    format(abi: RowAbi, slot: number) {
      const start = abi.registers[slot], count = abi.registers[slot + 1];
      return (task, result) => {
        const at = task.frame.num(start), n = task.frame.num(count);
        return `${vectorText(task, at, n, direction === "out", result)}, ${n}`;
      };
    },
  };
}

function vectorText(task: Task, at: number, count: number, out: boolean, result: number | undefined): string {
  if (at === 0) return "NULL";
  const shown = Math.min(count, SHOWN);
  const view = fields(task, at, shown * 16);
  if (view === undefined) return hex(at);
  let left = !out ? Infinity : result === undefined || result < 0 ? -1 : result;
  const parts: string[] = [];
  for (let i = 0; i < shown; i++) {
    const start = get64(view, i * 16), length = get64(view, i * 16 + 8);
    const base = left < 0 ? pointer(start) : bufferText(task, start, Math.min(length, left));
    if (left >= 0) left -= Math.min(length, left);
    parts.push(`{iov_base=${base}, iov_len=${length}}`);
  }
  if (count > SHOWN) parts.push("...");
  return `[${parts.join(", ")}]`;
}

/** Vectors of bytes that the guest gives. */
export const inVector: ArgType<Vector> = vectorType("in");
/** Vectors of room that the guest gets filled. */
export const outVector: ArgType<Vector> = vectorType("out");
