/**
 * The core of Guise: plugin host and hooks, trap and dispatch, system call declarations, the flat address space,
 * tasks, processes and their scheduler, and the contracts of CPUs and personalities. It imports nothing.
 *
 * @module
 */
export * from "./arch.ts";
export * from "./args.ts";
export { hostClock, virtualClock, type VirtualClockOptions } from "./clock.ts";
export { createKernel } from "./create.ts";
export * from "./errno.ts";
export * from "./hooks.ts";
export * from "./kernel.ts";
export * from "./key.ts";
export * from "./layout.ts";
export * from "./memory.ts";
export * from "./space.ts";
export { flushShared, staleShared } from "./shared.ts";
export { hasMemory64, HostMemory, type MemoryPair } from "./pool.ts";
export * from "./outcome.ts";
export * from "./personality.ts";
export * from "./plugin.ts";
export { compileCall } from "./rows.ts";
export * from "./syscall.ts";
export * from "./task.ts";
export * from "./text.ts";
export * from "./vdso.ts";
export * from "./wait.ts";
