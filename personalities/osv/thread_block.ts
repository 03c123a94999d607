/** A thread's memory around its thread pointer: static thread-local data below, the control block above. */
import { READ, type Task, WRITE } from "@guise/core";
import type { Linked } from "@guise/elf/key";

/** Bytes above the thread pointer: the thread's control block, as the libc under us expects it. */
const CONTROL_BLOCK = 4096;
/** In that block: itself, the list of threads (two links), the stack protector's canary, the id, the robust list. */
const PREVIOUS = 16, NEXT = 24, CANARY = 40, TID = 48, ROBUST = 0x88;

/** A thread's static data with its control block above; the thread pointer. */
export function makeThreadBlock(task: Task, linked: Linked): number | undefined {
  const { space } = task;
  const start = space.map({
    address: 0,
    length: linked.tlsSize + CONTROL_BLOCK,
    prot: READ | WRITE,
    name: "[tls]",
  });
  if (start < 0) return undefined;
  const pointer = start + linked.tlsSize;
  if (!linked.fillTls(pointer)) return undefined;
  // The block points to itself; the list of threads has one member; then the stack protector's canary and the id.
  const canary = new Uint8Array(8);
  task.kernel.random(canary);
  canary[0] = 0;
  for (const at of [0, PREVIOUS, NEXT]) space.setNum64(pointer + at, pointer);
  space.write(pointer + CANARY, canary);
  space.setU32(pointer + TID, task.id);
  space.setNum64(pointer + ROBUST, pointer + ROBUST);
  return pointer;
}
