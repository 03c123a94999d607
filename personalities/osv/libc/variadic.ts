/**
 * The variable arguments of a function that guest code called directly, as the `va_list` that a callee would make of them
 * (System V ABI for x86-64, 3.5.7): 24 bytes that name how much of the saved registers is used, the rest on the
 * stack, and the register save area.
 */
import type { Task } from "@guise/core";
import type { Heap } from "../heap.ts";

/** A va_list in guest memory. */
export interface List {
  readonly address: number;
  /** The heap's block that holds it, to be released. */
  readonly block?: number;
}

const LIST = 24, INTEGERS = 48, VECTORS = 8;

/** Makes the list of the arguments after `first` fixed ones; undefined without memory. */
export function listAt(task: Task, heap: Heap, first: number): List | undefined {
  const { frame, space } = task;
  const { arch } = task.process.cpu;
  const block = heap.allocate(LIST + INTEGERS + 16 * VECTORS);
  if (block === 0) return undefined;
  const saved = block + LIST;
  const bytes = new Uint8Array(LIST + INTEGERS + 16 * VECTORS);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 8 * Math.min(first, 6), true);
  view.setUint32(4, INTEGERS, true);
  const stack = frame.num(arch.sp) + 8 + 8 * Math.max(0, first - 6);
  view.setUint32(8, stack >>> 0, true);
  view.setUint32(12, Math.floor(stack / 2 ** 32), true);
  view.setUint32(16, saved >>> 0, true);
  view.setUint32(20, Math.floor(saved / 2 ** 32), true);
  arch.abis.call.args.forEach((name, n) => {
    const register = arch.register(name);
    view.setInt32(LIST + 8 * n, frame.lo(register), true);
    view.setInt32(LIST + 8 * n + 4, frame.hi(register), true);
  });
  for (let n = 0; n < VECTORS; n++) {
    frame.read(
      arch.register(`xmm${n}`),
      bytes.subarray(LIST + INTEGERS + 16 * n, LIST + INTEGERS + 16 * n + 16),
    );
  }
  return space.write(block, bytes) ? { address: block, block } : undefined;
}

/** va_copy into `to`; false when the list is not readable. */
export function copyList(task: Task, list: List, to: number): boolean {
  const bytes = task.space.read(list.address, LIST);
  return bytes !== undefined && task.space.write(to, bytes);
}
