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
import { enterStack } from "./syscall_stack.ts";
import { osvTables, OUT_OF_STACK, type TableSet, tableSets } from "./tables.ts";
import { VDSO_CALLS, vdsoCall, vdsoName } from "./vdso.ts";

/** Options of {@link osv}. */
export interface OsvOptions {
  /** Which system calls there are (spec 3.3); default `master`. */
  readonly calls?: TableSet;
  /** Log what OSv logs when it is told to be verbose: `program exited with status N` (O7). */
  readonly verbose?: boolean;
}

/** Targets: functions, the start, those of the vDSO, then missing symbols. */
const VDSO = BOOT + 1, MISSING = VDSO + VDSO_CALLS;

function personality(options: OsvOptions): Personality {
  return {
    name: "osv",
    tables: osvTables(options.calls ?? "master"),
    setup(_kernel: Kernel): void {},
    start: (process, request) => start(process, request, options.verbose === true),
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
      if (target < MISSING) return vdsoCall(task, target - VDSO) ?? ENOSYS;
      const missing = osvOf(task).missing[target - MISSING];
      return missing === undefined ? ENOSYS : abortWith(task, missing);
    },
    callName: (target) =>
      target === BOOT ? "[start]" : names[target] ?? vdsoName(target - VDSO) ?? `call ${target}`,
    unknown(task: Task, number: number): Outcome {
      if (!enterStack(task)) return abortWith(task, OUT_OF_STACK);
      osvOf(task).log(`syscall(): unimplemented system call ${number}\n`);
      return ENOSYS;
    },
  };
}

/** The plugin that brings OSv into a kernel. Programs are started with `kernel.spawn("osv", …)`. */
export function osv(options: OsvOptions = {}): Plugin {
  return { name: "osv", personality: personality(options) };
}

/**
 * The plugin for a text as `--personality osv:…` has it: a set of calls (`2023`, `trivial`, `master`) and `verbose`,
 * separated by commas. A text for a person when it names something else.
 */
export function osvNamed(text: string): Plugin | string {
  let options: OsvOptions = {};
  for (const word of text.split(",")) {
    const calls = tableSets.find((set) => set === word);
    if (calls !== undefined) options = { ...options, calls };
    else if (word === "verbose") options = { ...options, verbose: true };
    else return `osv has no option ${word}; there are ${[...tableSets, "verbose"].join(", ")}`;
  }
  return osv(options);
}
