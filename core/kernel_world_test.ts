/** What the tests of the kernel share: a kernel with numbered handlers on the made-up CPU. */
import {
  type Arch,
  type ArgType,
  createKernel,
  EXIT,
  type Kernel,
  type KernelOptions,
  type Outcome,
  type Personality,
  type Process,
  syscall,
  tables,
  type Task,
  virtualClock,
  WaitQueue,
} from "./mod.ts";
import { fakeArch, FLAT_BASE, loadFlat } from "./testing.ts";

export const arch: Arch = fakeArch({ entries: ["syscall", "other"] });
const int: ArgType<number> = {
  label: "int",
  slots: 1,
  direction: "in",
  compile: (abi, slot) => (task) => task.frame.lo(abi.registers[slot]),
  format: (abi, slot) => (task) => String(task.frame.lo(abi.registers[slot])),
};

type Handler = (task: Task, a: number, b: number, c: number) => Outcome;

export interface World {
  kernel: Kernel;
  log: unknown[];
  queue: WaitQueue;
  spawn(source: string): { process: Process; status: Promise<{ code: number }> };
}

/** A kernel with numbered handlers; 60 exits, 1 logs its argument. */
export async function world(
  handlers: Record<number, Handler> = {},
  extra: Partial<Personality> = {},
  options: Partial<KernelOptions> = {},
): Promise<World> {
  const log: unknown[] = [];
  const all: Record<number, Handler> = {
    60: (task, code) => {
      task.kernel.ended(task.process, { code });
      return EXIT;
    },
    1: (_task, n) => {
      log.push(n);
      return 0;
    },
    ...handlers,
  };
  const rows = Object.entries(all).map(([number, run]) => {
    const call = syscall({
      name: `call${number}`,
      doc: "",
      args: { a: int, b: int, c: int },
      run: (task, { a, b, c }) => run(task, a, b, c),
    });
    return [[Number(number), Number(number) + 1000], call] as const;
  });
  const personality: Personality = {
    name: "test",
    tables: tables([["fake", "syscall"], ["fake", "other"]], rows),
    start: loadFlat,
    fault(task, trap) {
      log.push(trap.cause);
      task.kernel.ended(task.process, { code: 139 });
      return EXIT;
    },
    ...extra,
  };
  const kernel = await createKernel({
    plugins: [{ name: "fake", arch }, { name: "test", personality }],
    clock: virtualClock(),
    ...options,
  });
  return {
    kernel,
    log,
    queue: new WaitQueue(),
    spawn: (source) => kernel.spawn("test", { program: arch.assemble(source, FLAT_BASE), args: [], env: {} }),
  };
}
export const exit = "\nset r0, 60\ntrap syscall";
