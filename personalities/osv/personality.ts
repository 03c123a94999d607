/**
 * OSv: a library kernel. Programs call its libc as functions, without a trap (O1); what bypasses the libc comes by SYSCALL
 * (O9). Underneath it is Linux's own services, by name instead of by number.
 */
import { ENOSYS, type Kernel, type Outcome, type Personality, type Plugin, type Task } from "@guise/core";
import { attend, fault, refreshClock, signalFromOutside } from "@guise/linux/services";
import { BOOT, functions, names } from "./exports.ts";
import { abortWith } from "./libc/start.ts";
import { boot, start } from "./start.ts";
import { osvOf } from "./state.ts";
import { osvTables, type TableSet } from "./tables.ts";

/** Options of {@link osv}. */
export interface OsvOptions {
  /** Which system calls there are (spec 3.3); default `master`. */
  readonly calls?: TableSet;
}

function personality(options: OsvOptions): Personality {
  return {
    name: "osv",
    tables: osvTables(options.calls ?? "master"),
    setup(_kernel: Kernel): void {},
    start,
    fault,
    attend,
    signal: signalFromOutside,
    refresh(task: Task): void {
      refreshClock(task);
    },
    call(task: Task, target: number): Outcome {
      if (target === BOOT) return boot(task);
      const run = functions[target];
      if (run !== undefined) return run(task);
      const missing = osvOf(task).missing[target - BOOT - 1];
      return missing === undefined ? ENOSYS : abortWith(task, missing);
    },
    callName: (target) => target === BOOT ? "[start]" : names[target] ?? `call ${target}`,
    unknown(task: Task, number: number): Outcome {
      osvOf(task).log(`syscall(): unimplemented system call ${number}\n`);
      return ENOSYS;
    },
  };
}

/** The plugin that brings OSv into a kernel. Programs are started with `kernel.spawn("osv", …)`. */
export function osv(options: OsvOptions = {}): Plugin {
  return { name: "osv", personality: personality(options) };
}
