/** The Linux personality: what the kernel means to processes that chose it. */
import type { Kernel, Personality, Plugin, Task } from "@guise/core";
import { restartRseq } from "./process/rseq.ts";
import { kernelKey, LinuxKernel, taskKey } from "./state.ts";
import { start } from "./process/start.ts";
import { attend } from "./signals/deliver.ts";
import { fault } from "./signals/faults.ts";
import { signalFromOutside } from "./signals/outside.ts";
import { linuxTables } from "./tables.ts";
import { refreshClock } from "./vdso/clock.ts";
import { exports } from "./vdso/exports.ts";

/** See Personality. One object serves all kernels: state is kept on them. */
export const personality: Personality = {
  name: "linux",
  tables: linuxTables,
  exports,
  setup(kernel: Kernel): void {
    if (kernel.data.find(kernelKey) === undefined) kernel.data.set(kernelKey, new LinuxKernel(kernel));
  },
  start,
  fault,
  attend,
  signal: signalFromOutside,
  refresh(task: Task): void {
    refreshClock(task, true);
    const thread = task.data.find(taskKey);
    // Somebody else may have run on this CPU meanwhile.
    if (thread !== undefined && thread.rseq !== 0) restartRseq(thread);
  },
};

/** The plugin that brings Linux into a kernel. Programs are started with `kernel.spawn("linux", …)`. */
export function linux(): Plugin {
  return { name: "linux", personality };
}
