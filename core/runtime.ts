/**
 * The running kernel: who runs, for how long, and when the host's event loop gets its turn. What a trap means is in
 * dispatch.ts; here is the life of processes and the loop.
 */
import type { Arch, Engine, KernelEntry, LockstepLog } from "./arch.ts";
import { hostClock } from "./clock.ts";
import { Dispatcher } from "./dispatch.ts";
import { HookSet } from "./hook_set.ts";
import { HostTurn } from "./host_turn.ts";
import type { Hooks, KernelEvent } from "./hooks.ts";
import type { Clock, KernelOptions } from "./kernel.ts";
import { State } from "./key.ts";
import type { AddressSpace } from "./memory.ts";
import type { ExitStatus, Personality, SpawnRequest } from "./personality.ts";
import { HostMemory } from "./pool.ts";
import { EntryTable } from "./rows.ts";
import { createSpace } from "./space.ts";
import type { LateArch } from "./plugin.ts";
import type { Process, Task } from "./task.ts";
import { CpuHost, ProcessImpl, type Runtime, type TaskImpl } from "./tasks.ts";
import { Timer, Timers } from "./timers.ts";
import { WaitQueue } from "./wait.ts";

/** The host's event loop gets its turn after this much work, in ms: stdin, timers and ^C live. */
const HOST_TURN = 8;
/** The same for a run's first turn: most of a small program's life, which the host's first turn would make longer. */
const FIRST_TURN = 25;
/** Guest time between two refreshes of what guests read without a call, in ns. */
const REFRESH = 100_000;
/** What guests read is not refreshed again within this time while the same process runs, in ms. */
const FRESH = 0.02;
/** With a virtual clock, pieces of work are always the same. */
const VIRTUAL_CHUNK = 5_000;
/** Instructions that a stay in guest code takes at most to share a reading of the clock with others. */
const SHORT = 4_000;
/** Instructions that a trap counts as, so that a task that only traps uses up its turn. */
const TRAP_COST = 500;

let standard: Engine | undefined, heard: ((log: LockstepLog) => void) | undefined;
/**
 * For tests: kernels that name no engine run this one from now on, and `seen` gets what lockstep finds in each; the result brings the old
 * one back.
 */
export function useEngine(engine: Engine, seen?: (log: LockstepLog) => void): () => void {
  const before = standard, heardBefore = heard;
  standard = engine, heard = seen;
  return () => void (standard = before, heard = heardBefore);
}

/** Does this engine want the translator before the first instruction? */
export const translates = (options: KernelOptions): boolean =>
  options.engine === "jit" || options.engine === "lockstep";

/** The kernel; see {@link Kernel}. */
export class RuntimeImpl implements Runtime {
  readonly options: KernelOptions;
  readonly clock: Clock;
  readonly lockstep: LockstepLog | undefined;
  readonly data: State = new State();
  readonly arches: Map<string, Arch> = new Map();
  readonly personalities: Map<string, Personality> = new Map();
  readonly processes: Map<number, ProcessImpl> = new Map();
  readonly hooks: HookSet = new HookSet();
  readonly host: HostMemory;
  readonly entry: KernelEntry;
  readonly timeBase: () => number;
  current: TaskImpl | undefined;

  readonly #dispatcher: Dispatcher;
  readonly #tables = new Map<Personality, Map<Arch, readonly EntryTable[]>>();
  readonly #timers = new Timers();
  readonly #statuses = new Map<Process, (status: ExitStatus) => void>();
  readonly #hosts = new Map<AddressSpace, CpuHost>();
  readonly #late = new Map<number, { readonly late: LateArch; queue?: WaitQueue }>();
  readonly #quantum: number;
  readonly #real: boolean;
  #ids = 2;
  #alive = 0;
  #background = 0;
  #posts: (() => void)[] = [];
  #spare: (() => void)[] = [];
  #head: TaskImpl | undefined;
  #tail: TaskImpl | undefined;
  /** The space whose shared pages are merged in. */
  #entered: CpuHost | undefined;
  #doomed: CpuHost[] = [];
  #finished: ProcessImpl[] = [];
  #stopped = false;
  #running: Promise<void> | undefined;
  #notify: (() => void) | undefined;
  /** Host time by which the loop must go back to the host. */
  #turnEnds = 0;
  /** Host time when guest code was left the last time: a reading costs more than a system call, so it is shared. */
  #ms: number;
  #turns = 0;
  /** Host time of the last refresh of what guests read, and for whom; undefined: it is due. */
  #refreshedAt = 0;
  #refreshed: CpuHost | undefined;
  /** Instructions that take about {@link REFRESH}; adapts to the engine's speed. */
  #chunk = 20_000;

  constructor(options: KernelOptions) {
    const { engine = standard } = options;
    this.options = engine === options.engine ? options : { ...options, engine };
    this.clock = options.clock ?? hostClock();
    this.#ms = this.#now();
    this.lockstep = engine === "lockstep"
      ? { compared: 0, instructions: 0, partial: 0, differences: [] }
      : undefined;
    if (this.lockstep !== undefined) heard?.(this.lockstep);
    this.#real = this.clock.advance === undefined;
    if (!this.#real) this.#chunk = VIRTUAL_CHUNK;
    this.timeBase = this.#real ? () => Math.floor(this.#ms * 1e6) : () => this.clock.monotonic();
    this.host = new HostMemory(options.memoryLimit, options.memory32);
    this.#quantum = Math.max(1, Math.floor(options.quantum ?? 2_000_000));
    this.#dispatcher = new Dispatcher(this);
    this.entry = this.#dispatcher;
  }

  /** A reading of the host's clock, in ms, which {@link Clock.last} tells from then on. */
  #now(): number {
    return this.clock.read?.() ?? performance.now();
  }

  // What plugins and personalities use.

  random(into: Uint8Array): void {
    if (this.options.random !== undefined) return this.options.random(into);
    for (let at = 0; at < into.length; at += 65536) {
      crypto.getRandomValues(into.subarray(at, at + 65536) as Uint8Array<ArrayBuffer>);
    }
  }
  hook(hooks: Partial<Hooks>): () => void {
    // They see every call.
    for (const host of this.#hosts.values()) if (host.started) host.cpu.forgetAnswers?.();
    return this.hooks.add(hooks);
  }
  emit(event: KernelEvent): void {
    this.hooks.event(event);
  }
  createSpace(): AddressSpace | undefined {
    return createSpace({ host: this.host });
  }
  timer(deadline: number, fire: () => void): () => void {
    const timer = new Timer(fire);
    this.#timers.set(timer, deadline);
    return () => this.#timers.cancel(timer);
  }
  post(work: () => void): void {
    this.#posts.push(work);
    this.#notify?.();
  }
  background<T>(work: Promise<T>, then: (value: T | undefined, error: unknown) => void): void {
    this.#background++;
    const done = (value: T | undefined, error: unknown): void =>
      this.post(() => {
        this.#background--;
        then(value, error);
      });
    work.then((value) => done(value, undefined), (error) => done(undefined, error ?? new Error("rejected")));
  }

  // What tasks use.

  nextId(): number {
    return this.#ids++;
  }
  tablesOf(personality: Personality, arch: Arch): readonly EntryTable[] {
    let byArch = this.#tables.get(personality);
    if (byArch === undefined) this.#tables.set(personality, byArch = new Map());
    let tables = byArch.get(arch);
    if (tables === undefined) {
      tables = arch.entries.map((entry) => new EntryTable(personality, arch, entry));
      byArch.set(arch, tables);
    }
    return tables;
  }
  /** A plugin's architecture that is loaded when it is needed. */
  addLate(late: LateArch): void {
    this.#late.set(late.elfMachine, { late });
  }
  get archNames(): readonly string[] {
    return [...this.arches.keys(), ...[...this.#late.values()].map(({ late }) => late.name)];
  }
  bring(elfMachine: number): WaitQueue | undefined {
    const entry = this.#late.get(elfMachine);
    if (entry === undefined) return undefined;
    if (entry.queue === undefined) {
      const queue = entry.queue = new WaitQueue();
      const load = async (): Promise<Arch> => {
        const arch = await entry.late.load();
        if (translates(this.options)) await arch.loadTranslator?.();
        return arch;
      };
      this.background(load(), (arch, error) => {
        this.#late.delete(elfMachine);
        if (arch !== undefined) this.arches.set(arch.name, arch);
        else this.emit({ kind: "message", text: `an architecture could not be loaded: ${error}` });
        queue.wake();
      });
    }
    return entry.queue;
  }
  enqueue(task: TaskImpl): void {
    if (task.queued) return;
    task.queued = true;
    task.next = undefined;
    if (this.#tail === undefined) this.#head = task;
    else this.#tail.next = task;
    this.#tail = task;
  }
  #enqueueFirst(task: TaskImpl): void {
    task.queued = true;
    task.next = this.#head;
    this.#head = task;
    this.#tail ??= task;
  }
  #dequeue(): TaskImpl | undefined {
    const task = this.#head;
    if (task === undefined) return undefined;
    this.#head = task.next;
    if (this.#head === undefined) this.#tail = undefined;
    task.next = undefined;
    task.queued = false;
    return task;
  }
  setDeadline(timer: Timer, deadline: number): void {
    if (deadline === Infinity) this.#timers.cancel(timer);
    else this.#timers.set(timer, deadline);
  }
  taskStarted(task: TaskImpl, parent: Task | undefined): void {
    this.#alive++;
    this.#dispatcher.pollSoon();
    task.start();
    this.emit({ kind: "task", task, ...(parent === undefined ? {} : { parent }) });
  }
  taskEnded(task: TaskImpl): void {
    this.#alive--;
    this.#dispatcher.ended(task);
    this.emit({ kind: "taskEnd", task });
    if (task.process.tasks.length === 0) this.#finished.push(task.process);
  }
  adopt(host: CpuHost): void {
    this.#hosts.set(host.space, host);
  }
  release(host: CpuHost): void {
    if (this.#entered === host) this.#entered = undefined;
    this.#hosts.delete(host.space);
    this.#doomed.push(host);
  }

  // Processes.

  createProcess(
    personality: Personality,
    archName: string,
    space: AddressSpace,
    parent?: Process,
  ): ProcessImpl {
    const arch = this.arches.get(archName);
    if (arch === undefined) throw new Error(`guise: no plugin brings the architecture ${archName}`);
    let host = this.#hosts.get(space);
    if (host === undefined || host.arch !== arch) {
      host = new CpuHost(this, space, arch, (parent as ProcessImpl | undefined)?.host);
      this.#hosts.set(space, host);
    }
    const process = new ProcessImpl(this, this.nextId(), personality, host);
    this.processes.set(process.id, process);
    return process;
  }

  spawn(
    name: string,
    request: SpawnRequest,
  ): { readonly process: Process; readonly status: Promise<ExitStatus> } {
    const personality = this.personalities.get(name);
    if (personality === undefined) {
      throw new Error(
        `guise: no plugin brings the personality ${name}; there are: ${list(this.personalities)}`,
      );
    }
    const arch = this.#archOf(request);
    const space = this.createSpace();
    if (space === undefined) throw new Error("guise: the host has no memory for another address space");
    const ids = this.#ids;
    const process = this.createProcess(personality, arch.name, space);
    const status = new Promise<ExitStatus>((resolve) => this.#statuses.set(process, resolve));
    let failed: ReturnType<Personality["start"]>;
    try {
      failed = personality.start(process, request);
    } catch (error) {
      // A bug of the personality: nothing of the process stays behind.
      this.ended(process, { code: 126 });
      throw error;
    }
    if (failed !== undefined) {
      const { status: code, error: message, machine } = failed;
      this.ended(process, { code, message, ...(machine === undefined ? {} : { machine }) });
      // Nobody has seen them: programs have the same numbers whether their architecture had to be loaded first or not.
      this.#ids = ids;
    } else {
      this.emit({ kind: "spawn", process, request });
      this.#notify?.();
    }
    return { process, status };
  }

  /** From the ELF header of given bytes; a personality that finds another one in its files calls `replace`. */
  #archOf(request: SpawnRequest): Arch {
    const { program } = request;
    if (typeof program !== "string" && program.length >= 20 && program[0] === 0x7f && program[1] === 0x45) {
      const machine = program[18] | program[19] << 8;
      for (const arch of this.arches.values()) {
        if (arch.elfMachine === machine && arch.elfClass === (program[4] === 1 ? 32 : 64)) return arch;
      }
    }
    const [first] = this.arches.values();
    if (first === undefined) throw new Error("guise: no plugin brings an architecture");
    return first;
  }

  ended(process: Process, status: ExitStatus): void {
    const it = process as ProcessImpl;
    if (it.ended) return;
    it.ended = true;
    for (const task of [...it.tasks]) task.end();
    this.emit({ kind: "end", process, status });
    this.processes.delete(it.id);
    this.#statuses.get(it)?.(status);
    this.#statuses.delete(it);
    // One that never had a task has nobody else to release it.
    if (!this.#finished.includes(it)) this.#finished.push(it);
  }

  /** Gives back what ended; no guest code is running. */
  #reap(): void {
    while (this.#finished.length > 0) {
      const process = this.#finished.shift()!;
      if (process.released) continue;
      if (!process.ended) {
        if (process.personality.ended === undefined) this.ended(process, { code: 0 });
        else process.personality.ended(process);
        if (process.tasks.length > 0) continue;
      } else if (!process.told) process.personality.ended?.(process);
      process.told = true;
      process.released = true;
      const { host } = process;
      if (host.current?.process === process) host.current = undefined;
      if (--host.users === 0) this.release(host);
    }
    while (this.#doomed.length > 0) this.#doomed.pop()!.dispose();
  }

  // The loop.

  run(): Promise<void> {
    this.#stopped = false;
    return this.#running ??= this.#loop().finally(() => {
      this.#running = undefined;
    });
  }
  stop(): void {
    this.#stopped = true;
    this.#turnEnds = 0;
    if (this.current !== undefined) this.current.process.cpu.interrupt();
    this.#notify?.();
  }

  async #loop(): Promise<void> {
    const host = new HostTurn();
    let length = FIRST_TURN;
    try {
      for (;;) {
        this.#ms = this.#now();
        this.#turnEnds = this.#ms + length;
        length = HOST_TURN;
        this.#refreshed = undefined;
        const idle = this.#work();
        if (this.#stopped || (this.#alive === 0 && this.#background === 0 && this.#posts.length === 0)) break;
        if (idle) await this.#sleep(host);
        else await host.take(this.#background > 0);
        // Guest code in between would only make it last longer.
        for (const arch of this.arches.values()) if (arch.loading) await arch.loading;
      }
    } finally {
      host.close();
      this.#entered?.space.leave();
      this.#entered = undefined;
    }
  }

  /** Runs tasks until the host's turn comes; true when there is nothing to run. */
  #work(): boolean {
    for (;;) {
      if (this.#stopped) return false;
      if (this.#posts.length > 0) this.#runPosts();
      if (this.#timers.next !== Infinity) this.#runTimers();
      const task = this.#dequeue();
      if (task === undefined) {
        this.#reap();
        // What ends a process can make another one runnable.
        if (this.#head === undefined && this.#posts.length === 0) return true;
        continue;
      }
      if (task.state.kind === "runnable") this.#turn(task);
      if (this.#finished.length > 0 || this.#doomed.length > 0) this.#reap();
      // Turns in which no guest code runs take time, too.
      if ((++this.#turns & 63) === 0) this.#ms = this.#now();
      if (this.#ms >= this.#turnEnds) return false;
    }
  }

  #runTimers(): void {
    const now = this.clock.monotonic();
    if (this.#timers.next > now) return;
    // Whoever wakes must see that the time has come.
    this.#refreshed = undefined;
    this.#timers.run(now);
  }

  #runPosts(): void {
    const posts = this.#posts;
    this.#posts = this.#spare;
    for (const work of posts) work();
    posts.length = 0;
    this.#spare = posts;
  }

  /** One task's turn. */
  #turn(task: TaskImpl): void {
    const { host } = task.process;
    if (host !== this.#entered) {
      this.#entered?.space.leave();
      host.space.enter();
      this.#entered = host;
    }
    host.switchTo(task);
    this.current = task;
    task.run();
    if (task.left <= 0) task.left = this.#quantum;
    const start = this.#real ? this.#ms : this.clock.monotonic();
    this.#dispatcher.resume(task);
    const preempted = this.#go(task, start);
    task.cpuTime += this.#real ? Math.floor((this.#ms - start) * 1e6) : this.clock.monotonic() - start;
    this.current = undefined;
    if (task.running) {
      // Its turn is over, or only interrupted for the host.
      if (preempted) {
        task.start();
      } else {
        task.unrun();
        this.#enqueueFirst(task);
      }
    } else if (task.dead) {
      const now = task.process.host;
      if (now.current === task) now.current = undefined;
    }
  }

  /** Runs guest code until the task leaves it or its time is over; true when its turn is used up. `start`: host time. */
  #go(task: TaskImpl, start: number): boolean {
    const dispatcher = this.#dispatcher;
    let measured = false;
    while (task.running) {
      if (task.attention) {
        dispatcher.attend(task, undefined);
        continue;
      }
      if (task.left <= 0) return true;
      const { process } = task;
      const { cpu } = process;
      if (this.#entered !== process.host) {
        // execve: a new space
        process.host.space.enter();
        this.#entered = process.host;
      }
      this.#refresh(task);
      const before = cpu.instructions;
      const budget = Math.min(task.left, this.#chunk);
      const from = this.#ms;
      const trap = cpu.run(budget);
      const ran = cpu.instructions - before;
      task.instructions += ran;
      task.left -= ran;
      this.clock.tick?.(ran);
      dispatcher.trap(task, trap);
      if (trap.cause !== "budget" && trap.cause !== "interrupt") task.left -= TRAP_COST;
      // A reading of the clock costs as much as a call: several short stays share one.
      const { cause } = trap;
      if (cause !== "budget" && cause !== "interrupt" && ran < SHORT && !dispatcher.left() && this.#real) {
        measured = false;
        if (this.#stopped) return task.left <= 0;
        continue;
      }
      const now = this.#look();
      if (this.hooks.timed && !task.dead) this.hooks.ran(task, now);
      if (this.#real) {
        if (measured) this.#adapt(ran, now - from);
        if (now - start > HOST_TURN) task.left = 0;
      }
      measured = true;
      // What a CPU waits for, the host does in its turn.
      if (cause === "interrupt" && cpu.arch.loading !== undefined) this.#turnEnds = now;
      if (now >= this.#turnEnds || this.#stopped) return task.left <= 0;
      if (this.#timers.next !== Infinity) this.#runTimers();
    }
    return false;
  }

  /** Refreshes what the guest reads without a call, unless that has just been done for this process. */
  #refresh(task: TaskImpl): void {
    const { host, personality } = task.process;
    if (this.#real && this.#refreshed === host && this.#ms - this.#refreshedAt < FRESH) return;
    this.#refreshed = host;
    this.#refreshedAt = this.#ms;
    personality.refresh?.(task);
  }

  #adapt(ran: number, ms: number): void {
    if (ran < 1000) return;
    const ideal = REFRESH * ran / Math.max(1000, ms * 1e6);
    this.#chunk = Math.round(Math.min(500_000, Math.max(5_000, this.#chunk * 0.75 + ideal * 0.25)));
  }

  /** Reads the host's clock: ms. */
  #look(): number {
    const now = this.#now();
    this.#dispatcher.looked(now - this.#ms);
    return this.#ms = now;
  }

  /** Called by the dispatcher now and then: leaves guest code when the host must get its turn. */
  poll(task: TaskImpl): void {
    // With a virtual clock the host's time must not show: the turn ends with the next piece of work.
    if (!this.#real) return task.process.personality.refresh?.(task);
    if (this.#look() >= this.#turnEnds) task.process.cpu.interrupt();
    else this.#refresh(task);
  }

  /** Nothing to run: waits for a timer, a host completion, or a post. */
  async #sleep(host: HostTurn): Promise<void> {
    this.#entered?.space.leave();
    this.#entered = undefined;
    const next = this.#timers.next;
    if (this.clock.advance !== undefined && next !== Infinity) {
      await host.take(true);
      if (this.#posts.length === 0) this.clock.advance(next);
      return;
    }
    let timeout: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#notify = resolve;
      if (this.#posts.length > 0 || this.#stopped || this.#head !== undefined) return resolve();
      if (next === Infinity) return;
      // Before the clock is read: a host may load its timers when they are first named.
      const later = setTimeout;
      const ms = Math.max(0, (next - this.clock.monotonic()) / 1e6);
      timeout = later(resolve, Math.min(ms, 2 ** 30));
    });
    this.#notify = undefined;
    if (timeout !== undefined) clearTimeout(timeout);
  }
}

function list(names: ReadonlyMap<string, unknown>): string {
  return [...names.keys()].join(", ") || "none";
}
