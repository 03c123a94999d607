/** The axle personality: what the kernel means to processes that chose it. */
import {
  type CallAbi,
  type Control,
  KEEP,
  type Kernel,
  type Outcome,
  type Personality,
  type Plugin,
  type Process,
  type Syscall,
  type SyscallTable,
  type Task,
  type Trap,
} from "@guise/core";
import { adi } from "./calls/adi.ts";
import { amc } from "./calls/amc.ts";
import { processCalls } from "./calls/process.ts";
import { halt, pageFault, teardown } from "./death.ts";
import { start } from "./start.ts";
import { AxleKernel, axleKey, callerOf, processKey } from "./state.ts";

/** Options of {@link axle}. */
export interface AxleOptions {
  /** Takes the lines of axle's log, beside the file 1 of the process; without both they are "message" events. */
  readonly log?: (line: string) => void;
}

/** Numbers from this on are told and ignored; those below that no call has make axle's kernel fail (W3). */
const CALLS = 128;
/** How axle's calls carry their arguments (W2). */
const abi: CallAbi = {
  number: "rax",
  args: ["rbx", "rcx", "rdx", "rsi", "rdi"],
  result: "rax",
  pointer: 8,
};
const rows: ReadonlyMap<number, Syscall> = new Map([...amc, ...adi, ...processCalls]);
/** Traces show the interrupt's vector, the number, and (in a message's text) the event: the three of G5. */
const tables: readonly SyscallTable[] = [
  { arch: "x86-64", entry: "int80", rows, abi, label: (number) => `int 0x80 [${number}] ` },
];

function unknown(task: Task, number: number, entry: string): Outcome {
  // SYSCALL is not switched on in axle: an invalid opcode.
  if (entry !== "int80") return halt(task, "Invalid opcode encountered");
  if (number >= 0 && number < CALLS) return halt(task, `Syscall ${number}: array index out of range`);
  const it = callerOf(task);
  it.axle.log(`Syscall ${number} called but not defined`, it);
  return KEEP;
}

/** Faults end the guest: a page fault by task_assert, the others as a halt of the kernel (W14). */
function fault(task: Task, trap: Trap): Control | undefined {
  let outcome: Outcome;
  switch (trap.cause) {
    case "page":
      outcome = pageFault(task, trap.address, trap.access);
      break;
    case "illegal":
      outcome = halt(task, "Invalid opcode encountered");
      break;
    case "divide":
      outcome = halt(task, "Attempted division by zero");
      break;
    // The gates of int3 and int 4 are the kernel's alone in axle (W1): general protection.
    case "breakpoint":
    case "overflow":
    case "protection":
    case "alignment":
    case "float":
      outcome = halt(task, `Unhandled exception ${trap.vector}`);
      break;
    case "syscall":
    case "call":
    case "interrupt":
    case "budget":
      return undefined;
    default:
      return trap.cause satisfies never;
  }
  return typeof outcome === "number" ? undefined : outcome;
}

/** The plugin that brings axle into a kernel. Programs are started with `kernel.spawn("axle", …)`. */
export function axle(options: AxleOptions = {}): Plugin {
  const personality: Personality = {
    name: "axle",
    tables,
    setup(kernel: Kernel): void {
      kernel.data.set(axleKey, new AxleKernel(kernel, options.log));
    },
    start,
    unknown,
    fault,
    signal(process: Process, signal: number): void {
      const it = process.data.find(processKey);
      if (it !== undefined) teardown(it);
      process.kernel.ended(process, { code: 0, signal });
    },
    ended(process: Process): void {
      const it = process.data.find(processKey);
      if (it !== undefined) teardown(it);
      process.kernel.ended(process, { code: 0 });
    },
  };
  return { name: "axle", personality };
}
