/**
 * Runs file calls without a CPU: a task made of a register file, an address space and a file system in memory, with
 * calls made by their declarations and traced as strace would. For the tests of handlers and formatters.
 */
import {
  type AddressSpace,
  createSpace,
  type Errno,
  errnoName,
  errnoText,
  Failure,
  type Outcome,
  type RowAbi,
  State,
  type Syscall,
  type Task,
  type TrapFrame,
  type Wait,
  type WakeReason,
} from "@guise/core";
import {
  type Caller,
  contextKey,
  createDeviceFs,
  filesKey,
  FileTable,
  MemoryFs,
  registerDevices,
  S_IFDIR,
  Vfs,
  vfsKey,
} from "@guise/vfs/key";
import { credentialsKey, login } from "../credentials.ts";
import { callerOf } from "../files.ts";
import { Limits, limitsKey } from "../limits.ts";
import { SignalActions } from "../signals/actions.ts";
import { SignalSet } from "../signals/numbers.ts";
import { SignalQueue } from "../signals/queue.ts";
import { Session, taskKey } from "../state.ts";

class Frame implements Partial<TrapFrame> {
  readonly regs: number[] = new Array<number>(8).fill(0);
  lo(reg: number): number {
    return this.regs[reg] | 0;
  }
  hi(reg: number): number {
    return Math.floor(this.regs[reg] / 2 ** 32) | 0;
  }
  num(reg: number): number {
    const v = this.regs[reg];
    return v >= 0 ? v : v + 2 ** 64;
  }
}

/** Where strings and structures of a test go. */
const ARENA = 0x100000, ARENA_SIZE = 0x40000;

/** One task with its kernel. */
export class Machine {
  readonly space: AddressSpace;
  readonly task: Task;
  readonly signals: number[] = [];
  now = 0;
  #arena = ARENA;
  readonly abi: RowAbi;

  constructor(options: { uid?: number; arch?: string } = {}) {
    this.abi = {
      arch: options.arch ?? "x86-64",
      entry: "syscall",
      registers: [0, 1, 2, 3, 4, 5],
      pointer: 8,
    };
    this.space = createSpace()!;
    this.space.map({ address: ARENA, length: ARENA_SIZE, prot: 3, fixed: "replace" });
    const vfs = new Vfs(new MemoryFs());
    registerDevices(vfs);
    const { root } = vfs;
    const inode = root.inode.create("dev", { mode: S_IFDIR | 0o755, uid: 0, gid: 0 });
    if (typeof inode === "number") throw new Error("harness: no /dev");
    vfs.mount(createDeviceFs(), { mount: root.mount, inode, dir: root.inode, name: "dev" });
    const data = new State(), kernelData = new State(), processData = new State();
    kernelData.set(vfsKey, vfs);
    const limits = new Limits();
    processData.set(limitsKey, limits);
    data.set(contextKey, vfs.createContext());
    data.set(filesKey, new FileTable());
    data.set(credentialsKey, login(options.uid ?? 0, options.uid ?? 0));
    const kernel = {
      data: kernelData,
      clock: {
        monotonic: () => this.now,
        realtime: (into: [number, number]) => void (into[0] = 1600000000, into[1] = 0),
      },
      options: {},
    };
    const process = { data: processData, space: this.space };
    this.task = {
      id: 10,
      data,
      kernel,
      process,
      space: this.space,
      frame: new Frame() as unknown as TrapFrame,
      attention: false,
      state: { kind: "running" },
      cpuTime: 0,
      wake: () => {},
    } as unknown as Task;
    const linuxProcess = {
      pid: 10,
      group: 10,
      session: new Session(10),
      actions: new SignalActions(),
      pending: new SignalQueue(),
      limits,
      tasks: [] as unknown[],
      state: "alive",
      exiting: false,
      stopSignal: 0,
      linux: { processes: new Map(), tasks: new Map(), kernel },
      signalQueue: { wake: () => 0 },
      process,
    };
    const thread = {
      task: this.task,
      process: linuxProcess,
      tid: 10,
      name: "test",
      mask: SignalSet.EMPTY,
      pending: new SignalQueue(),
      savedMask: undefined,
      ended: false,
    };
    linuxProcess.tasks.push(thread);
    data.set(taskKey, thread as never);
  }

  get caller(): Caller {
    return callerOf(this.task);
  }
  /** Signals sent to the thread so far. */
  pendingSignals(): number[] {
    return this.task.data.get(taskKey).pending.set.list();
  }

  /** Puts bytes (or NUL-terminated text) into guest memory. */
  put(value: string | Uint8Array): number {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value + "\0") : value;
    const at = this.#arena;
    this.#arena += bytes.length + 15 & ~15;
    this.space.write(at, bytes);
    return at;
  }
  /** Room in guest memory. */
  room(length: number): number {
    return this.put(new Uint8Array(length));
  }
  /** Guest bytes as text. */
  text(at: number, length: number): string {
    return new TextDecoder().decode(this.space.read(at, length));
  }
  view(at: number, length: number): DataView {
    const bytes = this.space.read(at, length)!;
    return new DataView(bytes.buffer, bytes.byteOffset);
  }

  /** Makes a call; strings among the arguments are put into memory. A wait is an outcome like others. */
  start(call: Syscall, ...args: (number | string)[]): Outcome {
    const { regs } = this.task.frame as unknown as Frame;
    regs.fill(0);
    args.forEach((arg, i) => regs[i] = typeof arg === "string" ? this.put(arg) : arg);
    return this.#dispatch(call);
  }
  #dispatch(call: Syscall): Outcome {
    const decoded: Record<string, unknown> = {};
    let slot = 0;
    for (const [name, type] of Object.entries(call.spec.args)) {
      const value = type.compile(this.abi, slot)(this.task);
      if (value instanceof Failure) return value.errno;
      decoded[name] = value;
      slot += type.slots;
    }
    return call.spec.run(this.task, decoded as never);
  }
  /** A call that must not wait. */
  call(call: Syscall, ...args: (number | string)[]): number {
    const outcome = this.start(call, ...args);
    if (typeof outcome !== "number") throw new Error(`${call.name} waits`);
    return outcome;
  }
  /** The rest of a call that waited: as the kernel goes on when a queue is woken. */
  resume(call: Syscall, wait: Outcome, reason: WakeReason = "ready"): Outcome {
    const w = wait as Wait;
    return w.then !== undefined ? w.then(this.task, reason) : this.#dispatch(call);
  }
  /** The strace line of the call that was just made. */
  trace(call: Syscall, result: number): string {
    const parts: string[] = [];
    let slot = 0;
    for (const type of Object.values(call.spec.args)) {
      parts.push(type.format(this.abi, slot)(this.task, result));
      slot += type.slots;
    }
    const format = call.spec.result;
    const shown = result < 0
      ? `-1 ${errnoName(result as Errno)} (${errnoText(result as Errno)})`
      : typeof format === "function"
      ? format(this.task, result, this.abi)
      : String(result);
    return `${`${call.name}(${parts.join(", ")})`.padEnd(39)} = ${shown}`;
  }
  /** Makes a call and gives its strace line. */
  traced(call: Syscall, ...args: (number | string)[]): string {
    const result = this.call(call, ...args);
    return this.trace(call, result);
  }
}
