/**
 * The variable arguments of a function that guest code called directly, as the `va_list` that a callee would make of them:
 * it names how much of the saved registers is used, the rest on the stack, and the register save area (machine.ts).
 */
import type { Task } from "@guise/core";
import type { Heap } from "../heap.ts";
import { machineOf } from "../machine.ts";

/** A va_list in guest memory. */
export interface List {
  readonly address: number;
  /** The heap's block that holds it, to be released. */
  readonly block?: number;
}

/** Makes the list of the arguments after `first` fixed ones; undefined without memory. */
export function listAt(task: Task, heap: Heap, first: number): List | undefined {
  const { frame, space } = task;
  const { arch } = task.process.cpu;
  const layout = machineOf(arch)?.list;
  if (layout === undefined) return undefined;
  const { args, link, pointer } = arch.abis.call;
  const integers = pointer * args.length;
  const bytes = new Uint8Array(layout.size + integers + 16 * layout.vectors.length);
  const block = heap.allocate(bytes.length);
  if (block === 0) return undefined;
  const view = new DataView(bytes.buffer);
  // Behind the return address, where the stack holds it.
  const stack = frame.num(arch.sp) + (link === undefined ? pointer : 0) +
    pointer * Math.max(0, first - args.length);
  layout.write(view, first, block + layout.size, stack);
  args.forEach((name, n) => {
    const register = arch.register(name);
    view.setInt32(layout.size + 8 * n, frame.lo(register), true);
    view.setInt32(layout.size + 8 * n + 4, frame.hi(register), true);
  });
  layout.vectors.forEach((name, n) => {
    const at = layout.size + integers + 16 * n;
    frame.read(arch.register(name), bytes.subarray(at, at + 16));
  });
  return space.write(block, bytes) ? { address: block, block } : undefined;
}

/** va_copy into `to`; false when the list is not readable. */
export function copyList(task: Task, list: List, to: number): boolean {
  const size = machineOf(task.process.cpu.arch)?.list.size ?? 0;
  const bytes = task.space.read(list.address, size);
  return bytes !== undefined && task.space.write(to, bytes);
}
