/**
 * Kernels to test personalities in: each system call of the personality is wrapped, so that what its handlers answer
 * is looked at, and the CPU can be made to do calls and faults of the test's choice instead of the guest's code.
 */
import type { Arch, Cpu, CpuOptions, KernelEntry, Trap, TrapCause } from "./arch.ts";
import { virtualClock } from "./clock.ts";
import { createKernel } from "./create.ts";
import { fakeArch } from "./fake_arch.ts";
import type { Kernel, KernelOptions } from "./kernel.ts";
import type { AddressSpace } from "./memory.ts";
import type { Outcome } from "./outcome.ts";
import type { ExitStatus, Personality, SpawnRequest } from "./personality.ts";
import type { Plugin } from "./plugin.ts";
import type { Syscall, SyscallTable } from "./syscall.ts";
import type { Process, Task } from "./task.ts";
import type { ProcessImpl } from "./tasks.ts";

/** One thing that the CPU does instead of running guest code; undefined: run guest code. */
export type Step =
  | {
    readonly kind: "call";
    readonly entry: number;
    readonly number: number;
    readonly args: readonly number[];
  }
  | { readonly kind: "trap"; readonly cause: TrapCause; readonly address: number; readonly access: number };

/** Decides what the CPU of a process does next. */
export type Script = (task: Task, cpu: Cpu) => Step | undefined;

/** A failed check of the suite: the message is for the personality's author. */
export class ConformanceError extends Error {
  /** `ConformanceError`. */
  override readonly name = "ConformanceError";
}

/** Fails unless `fine`. */
export function must(fine: boolean, message: string): asserts fine {
  if (!fine) throw new ConformanceError(message);
}

/** What a handler answered, for people. */
function shown(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) ?? "an object" : String(value);
}

/** Throws when the answer of a handler is none that the contract knows. */
function look(name: string, outcome: unknown, signals: boolean): void {
  if (typeof outcome === "number") {
    must(
      Number.isSafeInteger(outcome) || outcome > 2 ** 53,
      `${name} answers ${outcome}, which is not an integer`,
    );
    must(
      outcome >= -4095,
      `${name} answers ${outcome}: results are at least -4095 (a negated error number) and at most 2^53`,
    );
    return;
  }
  must(
    typeof outcome === "object" && outcome !== null,
    `${name} answers ${shown(outcome)}: not a number or a Control`,
  );
  const control = outcome as {
    kind?: unknown;
    queues?: unknown;
    deadline?: unknown;
    address?: unknown;
    then?: unknown;
  };
  must(
    !(control.kind === undefined && typeof control.then === "function"),
    `${name} answers a Promise: a handler waits through wait(queues), never in the host`,
  );
  switch (control.kind) {
    case "keep":
    case "exit":
      return;
    case "wait": {
      const { queues, deadline } = control;
      must(Array.isArray(queues), `${name} waits without a list of queues`);
      must(typeof deadline === "number" && !Number.isNaN(deadline), `${name} waits until ${shown(deadline)}`);
      // A call such as pause(2) waits for signals only, where there are some.
      must(queues.length > 0 || deadline !== Infinity || signals, `${name} waits for nothing, for ever`);
      return;
    }
    case "invoke":
      must(
        typeof control.address === "number" && typeof control.then === "function",
        `${name} invokes ${shown(control.address)}`,
      );
      return;
    default:
      must(false, `${name} answers a Control of kind ${shown(control.kind)}`);
  }
}

function wrapCall(call: Syscall, signals: boolean, wrapped: Map<Syscall, Syscall>): Syscall {
  let result = wrapped.get(call);
  if (result === undefined) {
    const { spec } = call;
    const run = (task: Task, args: Parameters<typeof spec.run>[1]): Outcome => {
      let outcome: Outcome;
      try {
        outcome = spec.run(task, args);
      } catch (error) {
        throw new ConformanceError(`${call.name} throws: ${error instanceof Error ? error.message : error}`, {
          cause: error,
        });
      }
      look(call.name, outcome, signals);
      return outcome;
    };
    wrapped.set(call, result = { name: call.name, spec: { ...spec, run } });
  }
  return result;
}

function wrapPersonality(personality: Personality): Personality {
  const wrapped = new Map<Syscall, Syscall>();
  const signals = personality.attend !== undefined;
  const tables = personality.tables.map((table): SyscallTable => ({
    ...table,
    rows: new Map([...table.rows].map(([number, call]) => [number, wrapCall(call, signals, wrapped)])),
  }));
  return Object.create(personality, { tables: { value: tables, enumerable: true } });
}

/** A kernel with the personality under test. */
export interface ProbeWorld {
  readonly kernel: Kernel;
  readonly personality: Personality;
  /** CPUs that were made and not given back. */
  readonly cpus: () => number;
  /** What the CPUs do. Set before or while it runs. */
  script: Script | undefined;
  /** Starts a program. */
  spawn(request: SpawnRequest): { readonly process: Process; readonly status: Promise<ExitStatus> };
  /** Runs until all have ended; fails after `ms` of the host's time. */
  run(ms: number): Promise<void>;
}

/** Makes a kernel with wrapped parts. A personality whose plugins bring no architecture runs on a made-up one. */
export async function probeWorld(
  plugins: readonly Plugin[],
  name: string,
  options: Partial<KernelOptions> = {},
): Promise<ProbeWorld> {
  let cpus = 0;
  const world: { script: Script | undefined } = { script: undefined };
  const made: { kernel?: Kernel } = {};
  const wrapArch = (arch: Arch): Arch =>
    Object.create(arch, {
      createCpu: {
        value: (space: AddressSpace, entry: KernelEntry, cpuOptions?: CpuOptions): Cpu => {
          cpus++;
          const parent = cpuOptions?.parent;
          const inner = arch.createCpu(space, entry, {
            ...cpuOptions,
            ...(parent instanceof ProbeCpu ? { parent: parent.inner } : {}),
          });
          return new ProbeCpu(inner, entry, () => world.script, () => made.kernel!.current!, () => cpus--);
        },
      },
    });
  const all = plugins.map((plugin): Plugin => ({
    ...plugin,
    ...(plugin.setup === undefined ? {} : { setup: (k) => plugin.setup!(k) }),
    ...(plugin.arch === undefined ? {} : { arch: wrapArch(plugin.arch) }),
    ...(plugin.personality === undefined ? {} : { personality: wrapPersonality(plugin.personality) }),
  }));
  if (!all.some((plugin) => plugin.arch !== undefined)) {
    const { tables } = all.find((plugin) => plugin.personality?.name === name)!.personality!;
    const arch = tables[0]?.arch ?? "fake";
    const entries = [...new Set(tables.filter((table) => table.arch === arch).map((table) => table.entry))];
    all.unshift({ name: `stand-in for ${arch}`, arch: wrapArch(fakeArch({ name: arch, entries })) });
  }
  let seed = 1;
  const kernel = made.kernel = await createKernel({
    clock: virtualClock(),
    random: (into) => {
      for (let i = 0; i < into.length; i++) {
        into[i] = (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) >>> 16;
      }
    },
    ...options,
    plugins: all,
  });
  const personality = kernel.personalities.get(name);
  must(personality !== undefined, `no plugin brings a personality of the name ${name}`);
  return Object.assign(world, {
    kernel,
    personality,
    cpus: () => cpus,
    spawn: (request: SpawnRequest) => kernel.spawn(name, request),
    run(ms: number): Promise<void> {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((_resolve, reject) => {
        timer = setTimeout(() => {
          const states = [...kernel.processes.values()].map((process) =>
            `process ${process.id}: ${
              process.tasks.map((task) => task.state.kind).join(", ") || "no task left"
            }`
          );
          kernel.stop();
          reject(new ConformanceError(`it does not end within ${ms} ms (${states.join("; ")})`));
        }, ms);
      });
      return Promise.race([kernel.run(), late]).finally(() => clearTimeout(timer));
    },
  });
}

/** A CPU that asks a script before it runs guest code. */
class ProbeCpu implements Cpu {
  readonly inner: Cpu;
  readonly #entry: KernelEntry;
  readonly #script: () => Script | undefined;
  readonly #current: () => Task;
  readonly #disposed: () => void;
  readonly #trap: Trap = {
    cause: "budget",
    address: 0,
    addressLo: 0,
    addressHi: 0,
    access: 0,
    vector: 0,
    error: 0,
    entry: 0,
  };
  #extra = 0;

  constructor(
    inner: Cpu,
    entry: KernelEntry,
    script: () => Script | undefined,
    current: () => Task,
    disposed: () => void,
  ) {
    this.inner = inner;
    this.#entry = entry;
    this.#script = script;
    this.#current = current;
    this.#disposed = disposed;
  }
  get arch(): Arch {
    return this.inner.arch;
  }
  get space(): AddressSpace {
    return this.inner.space;
  }
  get frame(): Cpu["frame"] {
    return this.inner.frame;
  }
  get instructions(): number {
    return this.inner.instructions + this.#extra;
  }
  interrupt(): void {
    this.inner.interrupt();
  }
  invalidate(start: number, length: number): void {
    this.inner.invalidate(start, length);
  }
  dispose(): void {
    this.#disposed();
    this.inner.dispose();
  }
  run(budget: number): Trap {
    const step = this.#script()?.(this.#current(), this);
    if (step === undefined) return this.inner.run(budget);
    const trap = this.#trap;
    this.#extra++;
    trap.address = 0;
    if (step.kind === "trap") {
      trap.cause = step.cause;
      trap.address = step.address;
      trap.addressLo = step.address | 0;
      trap.addressHi = Math.floor(step.address / 2 ** 32) | 0;
      trap.access = step.access;
      trap.vector = step.cause === "page" ? 14 : 6;
      return trap;
    }
    const { frame } = this;
    const table = (this.#current().process as ProcessImpl).tables[step.entry];
    frame.setNum(table.numberRegister, step.number);
    step.args.forEach((value, n) => {
      if (n < table.registers.length) frame.setNum(table.registers[n], value);
    });
    trap.cause = this.#entry.syscall(step.entry) === 0 ? "budget" : "syscall";
    trap.entry = step.entry;
    return trap;
  }
}
