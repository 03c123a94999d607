/**
 * What a kernel that is Linux underneath shares with this one: OSv serves the same calls by name, on the same processes,
 * files, signals and memory. For other personalities only; programs and tools use `@guise/linux`.
 *
 * @module
 */
import type { Syscall } from "@guise/core";
import { subjects } from "./tables.ts";

export { type LinuxArch, register } from "./arch/abi.ts";
export { linuxArch } from "./arch/mod.ts";
export { type Credentials, login } from "./credentials.ts";
export { callerOf, filesKey, firstFiles } from "./files.ts";
export { Limits } from "./limits.ts";
export { setProgram } from "./memory/state.ts";
export { clone, type CloneRequest, createFirst } from "./process/create.ts";
export { endProcess, exitThread } from "./process/exit.ts";
export { applyMemoryLimits, openExecutable } from "./process/image.ts";
export { buildStack, stringBytes } from "./process/stack.ts";
export { linuxOf } from "./process/start.ts";
export { attend, isDoneAgain } from "./signals/deliver.ts";
export { fault } from "./signals/faults.ts";
export { signalFromOutside } from "./signals/outside.ts";
export { type LinuxProcess, type LinuxTask, processOf, threadOf } from "./state.ts";
export { linuxTables } from "./tables.ts";
export { refreshClock } from "./vdso/clock.ts";
export { mapVdso } from "./vdso/map.ts";
export type { Rows } from "./rows.ts";
export type { FaultSignal, SavedRegister, SignalFrameLayout } from "./arch/abi.ts";
export type { CapabilitySet, CredentialFields } from "./credentials.ts";
export type { MemoryState } from "./memory/state.ts";
export type { Executable } from "./process/image.ts";
export type { StackLayout, StackRequest } from "./process/stack.ts";
export type { LinuxSpawnOptions } from "./process/start.ts";
export type { Action, SignalActions } from "./signals/actions.ts";
export type { SigInfo } from "./signals/info.ts";
export type { SignalSet } from "./signals/numbers.ts";
export type { SignalQueue } from "./signals/queue.ts";
export type { AltStack, LinuxKernel, Session, Usage } from "./state.ts";
export type { IntervalTimer } from "./time/interval_timer.ts";
export type { PosixTimer, ProcessTimers } from "./time/process_timers.ts";

let names: Map<string, Syscall> | undefined;

/** The system call of that name; undefined when Linux has none here. */
export function callNamed(name: string): Syscall | undefined {
  if (names === undefined) {
    names = new Map();
    for (const rows of Object.values(subjects)) for (const [, call] of rows) names.set(call.name, call);
  }
  return names.get(name);
}
