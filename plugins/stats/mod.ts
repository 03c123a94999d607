/**
 * Counters of a run: traps by way in, system calls by name, instructions and memory; and a table as `strace -c` prints
 * it. What is counted is what hooks see, so that a run without the plugin pays nothing.
 *
 * @module
 */
import type { Cpu, KernelEvent, Plugin, Process, SyscallEvent, Trap } from "@guise/core";
import { type CallCount, countTable } from "./table.ts";

export { type CallCount, countTable } from "./table.ts";

/** The JSON of `--stats FILE` (fixed; docs: design 8). */
export interface StatsReport {
  /** What the command exits with. */
  readonly exit: number;
  /** Wall time of the kernel, ms. */
  readonly ms: number;
  /** Ways into the kernel, and faults. */
  readonly traps: {
    readonly syscall: number;
    readonly int80: number;
    readonly svc: number;
    readonly fault: number;
  };
  /** Calls that reached the kernel through a stub, without a trap. */
  readonly hostCalls: number;
  /** Those by name. */
  readonly calls: Readonly<Record<string, number>>;
  /** System calls by name; one without a row is `syscall_0xN`. */
  readonly syscalls: Readonly<Record<string, number>>;
  /** Guest instructions: exact with the interpreter; translated code counts loops and calls only, so with it this is a lower bound. */
  readonly instructions: number | null;
  /** Translated regions. */
  readonly regions: number;
  /** The most bytes that guests had touched at once, as seen when processes start, change and end. */
  readonly memoryBytes: number;
}

/** The plugin, with its counters. */
export interface Stats extends Plugin {
  /** The counters now, with what the run answered. */
  report(exit: number): StatsReport;
  /** By system call, for {@link countTable}. */
  counts(): readonly CallCount[];
  /** As `strace -c`. */
  table(): string;
}

/** A CPU that translates says how many regions it made. */
interface TranslatingCpu extends Cpu {
  readonly regions?: number;
}

/**
 * Creates the plugin. `now` gives ms; default performance.now. Without `times` the time that each call takes is not measured: reading
 * the clock twice costs more than most calls.
 */
export function stats(now: () => number = () => performance.now(), times: boolean = true): Stats {
  const begun = now();
  const traps = { syscall: 0, int80: 0, svc: 0, fault: 0 };
  const counts = new Map<string, { calls: number; errors: number; ms: number }>();
  const started = new Map<number, number>();
  const direct = new Map<string, number>();
  let hostCalls = 0;
  /** CPUs in use, by process: what they counted is added up when the process ends or executes something else. */
  const cpus = new Map<Process, TranslatingCpu>();
  /** CPUs that are done with: an event inside guest code comes before their counters are brought up to date. */
  let done: TranslatingCpu[] = [];
  let instructions = 0, regions = 0, peak = 0;

  const nameOf = (event: SyscallEvent): string =>
    event.call?.name ?? `syscall_0x${(event.number >>> 0).toString(16)}`;

  function enter(event: SyscallEvent): void {
    if (event.entry === "syscall" || event.entry === "int80" || event.entry === "svc") traps[event.entry]++;
    const name = nameOf(event);
    const count = counts.get(name);
    if (count === undefined) counts.set(name, { calls: 1, errors: 0, ms: 0 });
    else count.calls++;
    if (times) started.set(event.task.id, now());
  }
  function exit(event: SyscallEvent, result: number | undefined): void {
    const failed = result !== undefined && result < 0 && result >= -4095;
    if (!times && !failed) return;
    const count = counts.get(nameOf(event));
    if (count === undefined) return;
    if (failed) count.errors++;
    const start = started.get(event.task.id);
    if (start === undefined) return;
    started.delete(event.task.id);
    count.ms += now() - start;
  }
  function call(_task: unknown, name: string): void {
    hostCalls++;
    direct.set(name, (direct.get(name) ?? 0) + 1);
  }
  function trap(_task: unknown, trap: Trap): void {
    switch (trap.cause) {
      case "syscall":
      case "call":
      case "interrupt":
      case "budget":
        break;
      default:
        traps.fault++;
    }
  }
  function release(process: Process): void {
    const cpu = cpus.get(process);
    if (cpu === undefined) return;
    cpus.delete(process);
    settle();
    done.push(cpu);
  }
  /** Adds up what earlier events put away; their guest code has been left since. */
  function settle(): void {
    for (const cpu of done) {
      instructions += cpu.instructions;
      regions += cpu.regions ?? 0;
    }
    done = [];
  }
  function look(): void {
    let bytes = 0;
    const seen = new Set<unknown>();
    for (const process of cpus.keys()) {
      if (seen.has(process.space)) continue;
      seen.add(process.space);
      bytes += process.space.committed;
    }
    peak = Math.max(peak, bytes);
  }
  function event(event: KernelEvent): void {
    switch (event.kind) {
      case "spawn":
        cpus.set(event.process, event.process.cpu);
        look();
        break;
      case "exec":
        release(event.process);
        cpus.set(event.process, event.process.cpu);
        look();
        break;
      case "end":
        look();
        release(event.process);
        break;
      case "taskEnd":
        look();
        break;
    }
  }
  const all = (): CallCount[] => [...counts].map(([name, c]) => ({ name, ...c }));
  return {
    name: "stats",
    hooks: { enter, exit, call, trap, event },
    report(exit: number): StatsReport {
      look();
      settle();
      let total = instructions, made = regions;
      for (const cpu of cpus.values()) {
        total += cpu.instructions;
        made += cpu.regions ?? 0;
      }
      return {
        exit,
        ms: Math.round((now() - begun) * 1000) / 1000,
        traps: { ...traps },
        hostCalls,
        calls: Object.fromEntries([...direct].sort((a, b) => b[1] - a[1])),
        syscalls: Object.fromEntries(all().sort((a, b) => b.calls - a.calls).map((c) => [c.name, c.calls])),
        instructions: total,
        regions: made,
        memoryBytes: peak,
      };
    },
    counts: all,
    table: () => countTable(all()),
  };
}
