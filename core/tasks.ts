/**
 * Tasks, processes and the CPU they share: all tasks of one address space run on its one CPU, so the registers of one
 * of them live in it and those of the others in saved blocks.
 */
import type { Arch, Cpu, CpuOptions, KernelEntry, TrapFrame } from "./arch.ts";
import { State } from "./key.ts";
import { type AddressSpace, type Backing, PAGE } from "./memory.ts";
import { EXEC, READ } from "./arch.ts";
import type { Kernel } from "./kernel.ts";
import type { Outcome, Wait, WakeReason } from "./outcome.ts";
import type { Personality } from "./personality.ts";
import type { EntryTable, Row } from "./rows.ts";
import type { Process, Task, TaskState } from "./task.ts";
import { Timer } from "./timers.ts";
import type { Waiter, WaitQueue } from "./wait.ts";

/** The call stub that a called guest function returns to. */
export const RETURN_TARGET = 0x7fffffff;

/** What tasks and processes ask of their kernel. */
export interface Runtime extends Kernel {
  readonly entry: KernelEntry;
  /** The time base of guests, in ns: a number that is at hand, without asking the host. */
  readonly timeBase: () => number;
  nextId(): number;
  enqueue(task: TaskImpl): void;
  setDeadline(timer: Timer, deadline: number): void;
  tablesOf(personality: Personality, arch: Arch): readonly EntryTable[];
  taskStarted(task: TaskImpl, parent: Task | undefined): void;
  taskEnded(task: TaskImpl): void;
  /** Remembers it by its space, so that processes that share the space find it. */
  adopt(host: CpuHost): void;
  /** Releases it when no guest code runs. */
  release(host: CpuHost): void;
}

/** An address space with its CPU, made when first needed, and whose registers are in it. */
export class CpuHost {
  readonly space: AddressSpace;
  readonly arch: Arch;
  readonly runtime: Runtime;
  /** Processes that use it. */
  users = 0;
  #current: TaskImpl | undefined;
  #cpu: Cpu | undefined;
  readonly #parent: CpuHost | undefined;
  #initial: Uint8Array | undefined;
  #stubs: StubPage | undefined;
  disposed = false;

  constructor(runtime: Runtime, space: AddressSpace, arch: Arch, parent?: CpuHost) {
    this.runtime = runtime;
    this.space = space;
    this.arch = arch;
    this.#parent = parent !== undefined && parent.arch === arch ? parent : undefined;
    if (this.#parent !== undefined) this.#stubs = this.#parent.#stubs?.inherit();
  }

  get cpu(): Cpu {
    if (this.#cpu === undefined) {
      const parent = this.#parent?.disposed === false ? this.#parent.#cpu : undefined;
      const { options: { engine }, lockstep } = this.runtime;
      const options: CpuOptions = {
        ...(parent === undefined ? {} : { parent }),
        ...(engine === undefined ? {} : { engine }),
        ...(lockstep === undefined ? {} : { lockstep }),
        clock: this.runtime.timeBase,
      };
      this.#cpu = this.arch.createCpu(this.space, this.runtime.entry, options);
      this.space.codeWatcher ??= this.#cpu;
      this.#initial = this.#cpu.frame.save();
    }
    return this.#cpu;
  }
  get started(): boolean {
    return this.#cpu !== undefined;
  }
  /** Registers of a task that has run nothing. */
  get initial(): Uint8Array {
    void this.cpu;
    return this.#initial!;
  }

  /** Whose registers are in the CPU. */
  get current(): TaskImpl | undefined {
    return this.#current;
  }
  set current(task: TaskImpl | undefined) {
    const old = this.#current;
    if (old !== undefined) old.frame = old.parked;
    this.#current = task;
    this.#cpu?.forgetAnswers?.();
    if (task !== undefined) task.frame = this.cpu.frame;
  }

  /** Brings the task's registers into the CPU. */
  switchTo(task: TaskImpl): void {
    const { frame } = this.cpu;
    const old = this.current;
    if (old === task) return;
    if (old !== undefined) old.saved = frame.save(old.saved);
    frame.restore(task.saved ?? this.initial);
    this.current = task;
  }

  /** The address of a stub for the target. */
  stub(target: number): number | undefined {
    const known = this.#stubs?.addressOf(this.space, target);
    if (known !== undefined) return known;
    if (this.#stubs === undefined || !this.#stubs.hasRoom || !this.#stubs.isMapped(this.space)) {
      const page = new StubPage(this.arch);
      if (!page.map(this.space)) return undefined;
      this.#stubs = page;
    }
    return this.#stubs.add(this.space, target, this.#cpu);
  }

  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.current = undefined;
    this.#cpu?.dispose();
    this.space.dispose();
  }
}

/** A page of call stubs: code that enters the kernel, honoured only in mappings marked as stubs. */
class StubPage implements Backing {
  readonly identity: object = this;
  readonly name = "[stubs]";
  readonly size: number = PAGE;
  readonly #arch: Arch;
  readonly #code = new Uint8Array(PAGE);
  readonly #offsets = new Map<number, number>();
  #used = 0;
  #address = 0;
  #backing: StubPage = this;

  constructor(arch: Arch) {
    this.#arch = arch;
  }
  get hasRoom(): boolean {
    return this.#used + 64 <= PAGE;
  }
  isMapped(space: AddressSpace): boolean {
    return space.find(this.#address)?.backing === this.#backing;
  }
  /** The page as a forked space has it: its stubs serve, but none is added, since the mapping is the parent's. */
  inherit(): StubPage {
    const page = new StubPage(this.#arch);
    page.#address = this.#address;
    page.#backing = this.#backing;
    page.#used = PAGE;
    for (const [target, offset] of this.#offsets) page.#offsets.set(target, offset);
    return page;
  }
  fill(offset: number, into: Uint8Array): number {
    const part = this.#code.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }
  map(space: AddressSpace): boolean {
    const prot = READ | EXEC;
    this.#address = space.map({ address: 0, length: PAGE, prot, maxProt: prot, backing: this, stubs: true });
    return this.#address > 0;
  }
  addressOf(space: AddressSpace, target: number): number | undefined {
    const offset = this.#offsets.get(target);
    return offset !== undefined && this.isMapped(space) ? this.#address + offset : undefined;
  }
  add(space: AddressSpace, target: number, cpu: Cpu | undefined): number | undefined {
    const offset = this.#used;
    const code = this.#arch.stub(target);
    if (offset + code.length > PAGE) return undefined;
    this.#code.set(code, offset);
    this.#used = Math.ceil((offset + code.length) / 16) * 16;
    this.#offsets.set(target, offset);
    const address = this.#address + offset;
    if (!space.check(address, code.length, READ)) return undefined;
    space.bytes(address, code.length).set(code); // read-only for the guest
    cpu?.invalidate(address, code.length);
    return address;
  }
}

const RUNNABLE: TaskState = { kind: "runnable" }, RUNNING: TaskState = { kind: "running" };
const STOPPED: TaskState = { kind: "stopped" }, DEAD: TaskState = { kind: "dead" };

/** The call a task is in, kept while it does not simply go on. */
export type CallKind = "none" | "syscall" | "stub";

/** A call of guest code by the kernel that has not returned yet. */
export interface InvokeFrame {
  readonly saved: Uint8Array;
  /** The stack pointer when the function returns. */
  readonly sp: number;
  readonly then: (task: Task, result: number) => Outcome;
  readonly kind: CallKind;
  readonly table: EntryTable | undefined;
  readonly row: Row | undefined;
  readonly number: number;
  readonly observed: boolean;
}

/** A task; see {@link Task}. */
export class TaskImpl implements Task, Waiter {
  readonly id: number;
  readonly process: ProcessImpl;
  readonly kernel: Runtime;
  readonly data: State = new State();
  attention = false;
  cpuTime = 0;
  /** Guest instructions used. */
  instructions = 0;
  state: TaskState = STOPPED;
  saved: Uint8Array | undefined;

  // The scheduler's.
  next: TaskImpl | undefined;
  queued = false;
  /** Instructions left of its turn. */
  left = 0;

  // The call that it is in.
  kind: CallKind = "none";
  table: EntryTable | undefined;
  row: Row | undefined;
  number = 0;
  /** Enter hooks have seen this call, so exit hooks shall. */
  observed = false;
  /** The outcome with which it left guest code. */
  pending: Outcome | undefined;
  /** The called guest function has returned. */
  returned = false;
  readonly frames: InvokeFrame[] = [];

  // Its wait, and why it ended.
  wait: Wait | undefined;
  reason: WakeReason | undefined;
  readonly #timer: Timer = new Timer(() => this.#ready("timeout"));
  /** Its registers while it is not in the CPU. */
  readonly parked: TrapFrame = new ParkedFrame(this);
  /** Its registers: the CPU's frame while it is in there; a field, since every call reads it more than once. */
  frame: TrapFrame = this.parked;

  constructor(process: ProcessImpl, id: number) {
    this.process = process;
    this.kernel = process.kernel;
    this.id = id;
  }

  get space(): AddressSpace {
    return this.process.host.space;
  }

  /** Becomes runnable, at the end of the queue. */
  start(): void {
    this.state = RUNNABLE;
    this.left = 0;
    this.kernel.enqueue(this);
  }
  run(): void {
    this.state = RUNNING;
  }
  /** Leaves the CPU with the rest of its turn. */
  unrun(): void {
    this.state = RUNNABLE;
  }
  get running(): boolean {
    return this.state === RUNNING;
  }
  /** Guest code may go on at once. */
  get simple(): boolean {
    return this.state === RUNNING && !this.attention;
  }
  get dead(): boolean {
    return this.state === DEAD;
  }

  /** Waits. */
  park(wait: Wait): void {
    this.wait = wait;
    this.reason = undefined;
    this.state = { kind: "waiting", wait };
    for (const queue of wait.queues) queue.add(this);
    if (wait.deadline !== Infinity) this.kernel.setDeadline(this.#timer, wait.deadline);
  }
  #unpark(reason: WakeReason): void {
    this.reason = reason;
    for (const queue of this.wait!.queues) queue.remove(this);
    this.kernel.setDeadline(this.#timer, Infinity);
  }

  woken(_queue: WaitQueue, _key: number): boolean {
    if (this.wait === undefined || this.reason !== undefined) return false;
    this.#ready("ready");
    return true;
  }
  #ready(reason: WakeReason): void {
    this.#unpark(reason);
    // A stopped one learns of it when it is resumed.
    if (this.state !== STOPPED) this.start();
  }

  wake(reason: WakeReason): void {
    if (this.wait !== undefined && this.reason === undefined) this.#unpark(reason);
    if (this.state.kind === "waiting" || this.state === STOPPED) this.start();
  }

  stop(): void {
    if (this.state !== DEAD) this.state = STOPPED;
  }

  resume(): void {
    if (this.state !== STOPPED) return;
    // A wait that has not ended goes on.
    if (this.wait !== undefined && this.reason === undefined) {
      this.state = { kind: "waiting", wait: this.wait };
    } else this.start();
  }

  end(): void {
    if (this.state === DEAD) return;
    if (this.wait !== undefined && this.reason === undefined) this.#unpark("signal");
    this.wait = undefined;
    this.state = DEAD;
    this.frames.length = 0;
    const { process } = this;
    const index = process.tasks.indexOf(this);
    if (index >= 0) process.tasks.splice(index, 1);
    if (process.host.current === this && this.kernel.current !== this) process.host.current = undefined;
    this.saved = undefined;
    this.kernel.taskEnded(this);
  }
}

/** A process; see {@link Process}. */
export class ProcessImpl implements Process {
  readonly id: number;
  readonly kernel: Runtime;
  personality: Personality;
  host: CpuHost;
  readonly tasks: TaskImpl[] = [];
  readonly data: State = new State();
  /** Entries of the CPU to tables, by entry id. */
  tables: readonly EntryTable[];
  /** Numbers already reported as unimplemented by this image. */
  readonly reported: Set<number> = new Set();
  /** `Kernel.ended` was called. */
  ended = false;
  /** The personality knows that it has no task any more; the space was given back. */
  told = false;
  released = false;
  #first = true;

  constructor(kernel: Runtime, id: number, personality: Personality, host: CpuHost) {
    this.kernel = kernel;
    this.id = id;
    this.personality = personality;
    this.host = host;
    host.users++;
    this.tables = kernel.tablesOf(personality, host.arch);
  }

  get space(): AddressSpace {
    return this.host.space;
  }
  get arch(): Arch {
    return this.host.arch;
  }
  get cpu(): Cpu {
    return this.host.cpu;
  }
  get sharesSpace(): boolean {
    return this.host.users > 1;
  }

  addTask(from?: Task): TaskImpl {
    // As on Linux the first task has the process's number.
    const task = new TaskImpl(this, this.#first ? this.id : this.kernel.nextId());
    this.#first = false;
    this.tasks.push(task);
    const { host } = this;
    const source = from as TaskImpl | undefined;
    if (source !== undefined && source.process.host.arch === host.arch) {
      const other = source.process.host;
      task.saved = other.current === source
        ? other.cpu.frame.save()
        : (source.saved ?? other.initial).slice();
      // A forked process is inside the same calls of guest functions; a new thread is in none.
      if (source.process !== this) task.frames.push(...source.frames);
    } else if (host.started) task.saved = host.initial.slice();
    // A process that may turn out to be of another architecture has no CPU yet.
    if (host.current === undefined && host.started) host.switchTo(task);
    this.kernel.taskStarted(task, from);
    return task;
  }

  replace(space: AddressSpace, personality?: Personality, archName?: string): void {
    const old = this.host;
    const arch = archName === undefined ? old.arch : this.kernel.arches.get(archName);
    if (arch === undefined) throw new Error(`guise: no plugin brings the architecture ${archName}`);
    const next = personality ?? this.personality;
    const tables = this.kernel.tablesOf(next, arch);
    this.personality = next;
    this.tables = tables;
    this.reported.clear();
    this.host = new CpuHost(this.kernel, space, arch);
    this.kernel.adopt(this.host);
    this.host.users = 1;
    for (const task of this.tasks) {
      task.frames.length = 0;
      if (old.current === task) old.current = undefined;
      task.saved = undefined;
    }
    if (this.tasks.length > 0) {
      this.host.switchTo(this.tasks.find((t) => t === this.kernel.current) ?? this.tasks[0]);
    }
    if (--old.users === 0) this.kernel.release(old);
  }

  stub(target: number): number | undefined {
    return this.host.stub(target);
  }
}

/**
 * Registers of a task that is not in the CPU: each access goes through the CPU, since only the architecture knows the
 * saved form. Rare (a new thread's registers, a debugger), so it need not be quick.
 */
class ParkedFrame implements TrapFrame {
  readonly #task: TaskImpl;
  #spare: Uint8Array | undefined;
  constructor(task: TaskImpl) {
    this.#task = task;
  }
  #with<T>(work: (frame: TrapFrame) => T): T {
    const task = this.#task, { host } = task.process;
    const { frame } = host.cpu;
    // The first of a process that had no CPU until now.
    if (host.current === undefined && task.saved === undefined && !task.dead) host.switchTo(task);
    if (host.current === task) return work(frame);
    this.#spare = frame.save(this.#spare);
    frame.restore(task.saved ?? host.initial);
    const result = work(frame);
    task.saved = frame.save(task.saved);
    frame.restore(this.#spare);
    return result;
  }
  lo(reg: number): number {
    return this.#with((f) => f.lo(reg));
  }
  hi(reg: number): number {
    return this.#with((f) => f.hi(reg));
  }
  set(reg: number, lo: number, hi: number): void {
    this.#with((f) => f.set(reg, lo, hi));
  }
  num(reg: number): number {
    return this.#with((f) => f.num(reg));
  }
  setNum(reg: number, value: number): void {
    this.#with((f) => f.setNum(reg, value));
  }
  // cold: for tools
  big(reg: number): bigint {
    return this.#with((f) => f.big(reg));
  }
  // cold: for tools
  setBig(reg: number, value: bigint): void {
    this.#with((f) => f.setBig(reg, value));
  }
  read(reg: number, into: Uint8Array, at?: number): void {
    this.#with((f) => f.read(reg, into, at));
  }
  write(reg: number, from: Uint8Array, at?: number): void {
    this.#with((f) => f.write(reg, from, at));
  }
  gather(registers: Int32Array, into: DataView, at: number): void {
    this.#with((f) => f.gather(registers, into, at));
  }
  scatter(registers: Int32Array, from: DataView, at: number): void {
    this.#with((f) => f.scatter(registers, from, at));
  }
  save(into?: Uint8Array): Uint8Array {
    return this.#with((f) => f.save(into));
  }
  restore(saved: Uint8Array): void {
    this.#with((f) => f.restore(saved));
  }
}
