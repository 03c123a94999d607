/** A thread's memory around its thread pointer: its control block, and static thread-local data on the side the ABI says. */
import { READ, type Task, WRITE } from "@guise/core";
import type { Linked } from "@guise/elf/key";
import { machineOf } from "./machine.ts";

/** A thread's static data with its control block, as the libc under us expects it; the thread pointer. */
export function makeThreadBlock(task: Task, linked: Linked): number | undefined {
  const { space } = task;
  const layout = machineOf(task.process.cpu.arch)?.thread;
  if (layout === undefined) return undefined;
  // Data that lie above begin within the block's part there.
  const down = linked.tlsAbove ? layout.below : linked.tlsSize, up = linked.tlsAbove ? linked.tlsSize : 0;
  const length = down + Math.max(up, layout.above);
  const start = space.map({ address: 0, length, prot: READ | WRITE, name: "[tls]" });
  if (start < 0) return undefined;
  const pointer = start + down;
  if (!linked.fillTls(pointer)) return undefined;
  // The block points to itself; the list of threads has one member; then the stack protector's canary and the id.
  const canary = new Uint8Array(8);
  task.kernel.random(canary);
  canary[0] = 0;
  for (const at of layout.links) space.setNum64(pointer + at, pointer + layout.block);
  space.write(pointer + layout.canary, canary);
  setThreadId(task, pointer, task.id);
  space.setNum64(pointer + layout.robust, pointer + layout.robust);
  return pointer;
}

/** Tells the libc under us the id of a thread. */
export function setThreadId(task: Task, pointer: number, id: number): void {
  const layout = machineOf(task.process.cpu.arch)?.thread;
  if (layout !== undefined) task.space.setU32(pointer + layout.tid, id);
}
