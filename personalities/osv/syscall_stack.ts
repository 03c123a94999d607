/**
 * The system call stack of a thread (O9). There is no ring change: SYSCALL goes on with the program's stack, so the entry
 * switches to one of its own, named by GS. A thread begins with a tiny one, and its first SYSCALL makes the large one. On
 * aarch64 SVC takes the vector of the current exception level to the thread's exception stack (O10).
 * The kernel's TypeScript needs no stack; what the entry saves lies there all the same, for a debugger in the guest.
 */
import { type Arch, Key, READ, type Task, WRITE } from "@guise/core";
import { machineOf } from "./machine.ts";

/** Bytes of both stacks (O9). */
const TINY_BYTES = 0x800, LARGE_BYTES = 0x10000;
/** The word at the top tells which it is. */
const TINY = 0, LARGE = 1;
/** At the lowest word, in two halves: 0xdeadbeafdeadbeaf. */
const CANARY = 0xdeadbeaf;
/** From GS: the stack's top, the caller's stack pointer, the kernel's thread control block. */
const TOP = 0, CALLER = 8, CONTROL = 16;
interface Stack {
  /** Where GS points to. */
  readonly base: number;
  top: number;
  large: boolean;
}

const stackKey = new Key<Stack>("osv system call stack");

/** The entry of an architecture, with indices of registers. */
type Entry =
  | { readonly kind: "named"; readonly base: number; readonly sp: number; readonly saved: readonly number[] }
  | { readonly kind: "exception"; readonly saved: readonly number[] };
const entries = new WeakMap<Arch, Entry>();

function entryOf(arch: Arch): Entry | undefined {
  let found = entries.get(arch);
  const layout = machineOf(arch)?.entry;
  if (found === undefined && layout !== undefined) {
    const indices = (names: readonly string[]) => names.map((name) => arch.register(name));
    found = layout.kind === "named"
      ? { kind: "named", base: arch.register(layout.base), sp: arch.sp, saved: indices(layout.saved) }
      : {
        kind: "exception",
        saved: [...indices(layout.general), arch.sp, arch.pc, arch.register("pstate")],
      };
    entries.set(arch, found);
  }
  return found;
}

/** The exception frame: 31 general registers, sp, the address to return to, PSTATE, syndrome, fault address. */
const FRAME_BYTES = 288, SYNDROME = 272;
/** Exception class 0x15, a 32-bit instruction: SVC #0 (A1). */
const SVC = 0x56000000;

/** The vector's frame for a system call (O10). The result does not pass through it. */
function pushFrame(task: Task, at: number, saved: readonly number[]): boolean {
  const { space, frame } = task;
  if (!space.check(at, FRAME_BYTES, WRITE)) return false;
  for (let n = 0; n < saved.length; n++) {
    space.setU32(at + 8 * n, frame.lo(saved[n]));
    space.setU32(at + 8 * n + 4, frame.hi(saved[n]));
  }
  space.setU32(at + SYNDROME, SVC);
  return true;
}

/** Marks a stack: its kind at the top, the canary at its end. The top; 0 when the memory is not there. */
function mark(task: Task, start: number, length: number, kind: number): number {
  const top = start + length - 8;
  const { space } = task;
  return space.setU32(start, CANARY) && space.setU32(start + 4, CANARY) && space.setNum64(top, kind)
    ? top
    : 0;
}

/** Gives a thread its tiny stack and points GS to it, or its exception stack. False without memory. */
export function giveStack(task: Task): boolean {
  const found = entryOf(task.process.cpu.arch);
  if (found === undefined) return true;
  const { space } = task;
  if (found.kind === "exception") {
    const base = space.map({
      address: 0,
      length: LARGE_BYTES,
      prot: READ | WRITE,
      name: "[exception stack]",
    });
    if (base < 0) return false;
    task.data.set(stackKey, { base, top: base + LARGE_BYTES, large: true });
    return true;
  }
  const base = space.map({ address: 0, length: 4096, prot: READ | WRITE, name: "[syscall stack]" });
  if (base < 0) return false;
  const top = mark(task, base + 4096 - TINY_BYTES, TINY_BYTES, TINY);
  space.setNum64(base + TOP, top);
  space.setNum64(base + CONTROL, base);
  task.frame.setNum(found.base, base);
  task.data.set(stackKey, { base, top, large: false });
  return top !== 0;
}

/** The end of a thread: its stacks' memory is free again. */
export function dropStack(task: Task): void {
  const stack = task.data.find(stackKey);
  if (stack === undefined) return;
  task.data.set(stackKey, undefined);
  if (entryOf(task.process.cpu.arch)?.kind === "exception") {
    task.space.unmap(stack.base, LARGE_BYTES);
    return;
  }
  task.space.unmap(stack.base, 4096);
  if (stack.large) task.space.unmap(stack.top + 8 - LARGE_BYTES, LARGE_BYTES);
}

/** What the entry does before the call: false when there is no memory for it, or the program took it away. */
export function enterStack(task: Task): boolean {
  const found = entryOf(task.process.cpu.arch);
  if (found === undefined) return true;
  if (task.data.find(stackKey) === undefined && !giveStack(task)) return false;
  const stack = task.data.get(stackKey);
  if (found.kind === "exception") return pushFrame(task, stack.top - FRAME_BYTES, found.saved);
  const { space, frame } = task;
  if (!stack.large) {
    const start = space.map({ address: 0, length: LARGE_BYTES, prot: READ | WRITE, name: "[syscall stack]" });
    if (start < 0) return false;
    const top = mark(task, start, LARGE_BYTES, LARGE);
    if (top === 0 || !space.setNum64(stack.base + TOP, top)) return false;
    stack.top = top;
    stack.large = true;
  }
  if (!space.setU32(stack.base + CALLER, frame.lo(found.sp))) return false;
  space.setU32(stack.base + CALLER + 4, frame.hi(found.sp));
  const { saved } = found;
  const bottom = stack.top - 8 * saved.length;
  if (!space.check(bottom, 8 * saved.length, WRITE)) return false;
  for (let n = 0; n < saved.length; n++) {
    const at = stack.top - 8 * (n + 1);
    space.setU32(at, frame.lo(saved[n]));
    space.setU32(at + 4, frame.hi(saved[n]));
  }
  return true;
}
