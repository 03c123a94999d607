/** The malloc family. */
import { EINVAL, ENOMEM, type Outcome, type Task, WRITE } from "@guise/core";
import { arg, type Calls, type DirectCall, fail } from "../direct.ts";
import { osvOf } from "../state.ts";
import { abortWith } from "./start.ts";

function allocate(task: Task, size: number): number {
  const address = osvOf(task).heap.allocate(size);
  return address === 0 ? fail(task, ENOMEM) + 1 : address;
}

const malloc: DirectCall = (task) => allocate(task, arg(task, 0));

const calloc: DirectCall = (task) => {
  const size = arg(task, 0) * arg(task, 1);
  const address = allocate(task, size);
  if (address !== 0 && size > 0 && task.space.check(address, size, WRITE)) {
    task.space.bytes(address, size).fill(0);
  }
  return address;
};

const free: DirectCall = (task) =>
  osvOf(task).heap.release(arg(task, 0)) ? 0 : abortWith(task, "free(): invalid pointer");

function resize(task: Task, old: number, size: number): Outcome {
  const { heap } = osvOf(task);
  if (old === 0) return allocate(task, size);
  const usable = heap.usable(old);
  if (usable === undefined) return abortWith(task, "realloc(): invalid pointer");
  if (size === 0) {
    heap.release(old);
    return 0;
  }
  if (size <= usable && size * 4 > usable) return old;
  const address = allocate(task, size);
  if (address === 0) return 0;
  const bytes = task.space.read(old, Math.min(usable, size));
  if (bytes !== undefined) task.space.write(address, bytes);
  heap.release(old);
  return address;
}

const aligned = (task: Task, align: number, size: number): number => {
  if (!(align > 0) || !Number.isInteger(Math.log2(align))) return fail(task, EINVAL) + 1;
  const address = osvOf(task).heap.aligned(align, size);
  return address === 0 ? fail(task, ENOMEM) + 1 : address;
};

/** See the file's head. */
export const memoryCalls: Calls = {
  malloc,
  calloc,
  free,
  cfree: free,
  realloc: (task) => resize(task, arg(task, 0), arg(task, 1)),
  reallocarray: (task) => resize(task, arg(task, 0), arg(task, 1) * arg(task, 2)),
  aligned_alloc: (task) => aligned(task, arg(task, 0), arg(task, 1)),
  memalign: (task) => aligned(task, arg(task, 0), arg(task, 1)),
  valloc: (task) => aligned(task, 4096, arg(task, 0)),
  posix_memalign: (task) => {
    const address = aligned(task, arg(task, 1), arg(task, 2));
    if (address === 0) return -ENOMEM;
    return task.space.setNum64(arg(task, 0), address) ? 0 : -EINVAL;
  },
  __sched_cpualloc: (task) => allocate(task, Math.ceil(arg(task, 0) / 64) * 8),
  __sched_cpufree: free,
  malloc_usable_size: (task) => osvOf(task).heap.usable(arg(task, 0)) ?? 0,
};
