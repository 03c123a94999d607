/**
 * The conformance suite of personalities: what the kernel relies on, as checks that an author runs against a
 * personality. It calls every system call with hostile arguments, makes faults, runs the author's guests in several ways, and
 * says what is wrong in a sentence.
 */
import { READ, type TrapCause, WRITE } from "./arch.ts";
import { EACCES, errnoName } from "./errno.ts";
import type { ExitStatus, SpawnRequest } from "./personality.ts";
import type { Plugin } from "./plugin.ts";
import { ConformanceError, must, type ProbeWorld, probeWorld, type Step } from "./probe.ts";
import type { Process, Task } from "./task.ts";

/** A program that the suite runs, and how it must end. */
export interface ConformanceGuest {
  /** For reports. */
  readonly name: string;
  /** What to run. */
  readonly request: SpawnRequest;
  /** Its exit code (or `signal`). */
  readonly code: number;
  /** The signal that must end it. */
  readonly signal?: number;
}

/** What the suite tests. */
export interface ConformanceSubject {
  /** The plugins of a kernel with the personality: made anew for each check. Without an architecture, one is made up. */
  readonly plugins: () => readonly Plugin[];
  /** The personality's name. */
  readonly personality: string;
  /** At least one, that makes a system call and ends. */
  readonly guests: readonly ConformanceGuest[];
  /** Reads back from the registers what `encode` wrote. Default: the result register as a signed number. */
  readonly decode?: (task: Task) => number;
  /** Registers beside the result's that `encode` may change (a carry flag). */
  readonly encodes?: readonly string[];
  /** Calls that are not made with hostile arguments, by name, with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
  /** Host time that one check may take, in ms. Default 20,000. */
  readonly limit?: number;
}

/** One check. It rejects with a {@link ConformanceError} whose message says what is wrong. */
export interface ConformanceCheck {
  /** For reports. */
  readonly name: string;
  /** Runs the check. */
  readonly run: () => Promise<void>;
}

export { ConformanceError };

/**
 * The checks for a personality. Register them with any test runner.
 *
 * @example
 * ```ts
 * import { EXIT, int, type Personality, syscall, tables } from "@guise/core";
 * import { conformance, fakeArch, FLAT_BASE, loadFlat } from "@guise/core/testing";
 *
 * const exit = syscall({
 *   name: "exit", doc: "Ends the process.", args: { code: int },
 *   run: (task, { code }) => (task.kernel.ended(task.process, { code }), EXIT),
 * });
 * const personality: Personality = {
 *   name: "tiny",
 *   tables: tables([["fake", "syscall"]], [[[0], exit]]),
 *   start: loadFlat,
 *   fault: (task) => (task.kernel.ended(task.process, { code: 139 }), EXIT),
 * };
 * const program = fakeArch().assemble("set r0, 0\nset r1, 5\ntrap syscall", FLAT_BASE);
 * const checks = conformance({
 *   plugins: () => [{ name: "tiny", personality }],
 *   personality: "tiny",
 *   guests: [{ name: "five", request: { program, args: [], env: {} }, code: 5 }],
 * });
 * for (const check of checks) await check.run();
 * ```
 */
export function conformance(subject: ConformanceSubject): ConformanceCheck[] {
  const suite = new Suite(subject);
  const checks: [string, () => Promise<void>][] = [
    ["its tables name entries that exist, and no number means two calls", () => suite.tables()],
    ["every call is documented", () => suite.documented()],
    ["encode writes what can be read back, and nothing else", () => suite.encodes()],
    ["unknown numbers get an answer and are reported once", () => suite.unknown()],
    ["every call survives hostile arguments", () => suite.hostile()],
    ["faults end the process or change it", () => suite.faults()],
    ["attend clears the task's attention", () => suite.attends()],
    ["a hook can deny a call", () => suite.denies()],
    ["what is no program is refused, not thrown", () => suite.refuses()],
    ["two processes at a time do not disturb each other", () => suite.together()],
    ["a run with the same clock and seed is the same", () => suite.repeats()],
    ["everything is given back", () => suite.givesBack()],
  ];
  for (const guest of subject.guests) {
    checks.push([`${guest.name} ends as expected`, () => suite.guest(guest, 2_000_000)]);
    checks.push([
      `${guest.name} ends as expected when it loses the CPU after every instruction`,
      () => suite.guest(guest, 1),
    ]);
  }
  return checks.map(([name, run]) => ({ name: `${subject.personality}: ${name}`, run }));
}

/** Pointers, sizes and numbers that break things. `near` is the last mapped byte of the guest's stack. */
function hostile(near: number): number[][] {
  const values = [
    0,
    -1,
    1,
    near,
    near - 7,
    2 ** 31,
    -(2 ** 31),
    2 ** 32,
    2 ** 47,
    2 ** 53 - 1,
    4096,
    0x10000,
  ];
  const vectors: number[][] = [];
  for (let i = 0; i < values.length; i++) {
    vectors.push(new Array(6).fill(values[i]));
    vectors.push([...new Array(6).keys()].map((n) => values[(i + n * 5) % values.length]));
  }
  vectors.push([0, near - 64, 65, 0, 0, 0], [1, near - 64, 64, near - 64, 8, 0], [
    3,
    0,
    100,
    0,
    near - 16,
    1,
  ]);
  return vectors;
}

class Suite {
  readonly #subject: ConformanceSubject;
  readonly #limit: number;

  constructor(subject: ConformanceSubject) {
    this.#subject = subject;
    this.#limit = subject.limit ?? 20_000;
    if (subject.guests.length === 0) throw new Error("guise: the conformance suite needs at least one guest");
  }

  #world(quantum: number = 2_000_000): Promise<ProbeWorld> {
    return probeWorld(this.#subject.plugins(), this.#subject.personality, { quantum });
  }
  get #request(): SpawnRequest {
    return this.#subject.guests[0].request;
  }

  async tables(): Promise<void> {
    const { kernel, personality } = await this.#world();
    let served = 0;
    for (const { arch, entry, rows, abi } of personality.tables) {
      const known = kernel.arches.get(arch);
      if (known === undefined) continue;
      served++;
      must(
        known.entries.includes(entry),
        `a table is for the entry "${entry}"; ${arch} has ${known.entries.join(", ")}`,
      );
      must(
        (abi ?? known.abis[entry])?.number !== undefined,
        `${arch} does not say which registers "${entry}" uses`,
      );
      for (const number of rows.keys()) {
        must(
          Number.isInteger(number) && number === (number | 0),
          `${number} is not a number of 32 bits, signed`,
        );
      }
    }
    must(
      personality.tables.length === 0 || served > 0,
      `its tables are for ${personality.tables.map((t) => t.arch).join(", ")}; the kernel has ${
        [...kernel.arches.keys()].join(", ")
      }`,
    );
  }

  async documented(): Promise<void> {
    const { personality } = await this.#world();
    for (const { rows } of personality.tables) {
      for (const [number, { name, spec }] of rows) {
        must(/^[a-zA-Z_][\w.]*$/.test(name), `call ${number} has the name "${name}"`);
        must(spec.doc.trim() !== "", `${name} has no doc`);
        must(
          spec.support !== "partial" || spec.note !== undefined,
          `${name} is partial: its note must say what is missing`,
        );
      }
    }
  }

  /** Runs `script` in a process of the first guest until it answers undefined; then the process is ended. */
  async #script(
    world: ProbeWorld,
    script: (task: Task, process: Process) => Step | undefined,
  ): Promise<ExitStatus> {
    const { process, status } = world.spawn(this.#request);
    let over = false;
    world.script = (task) => {
      const step = task.process === process && !over ? script(task, process) : undefined;
      if (step !== undefined) return step;
      over = true;
      world.script = undefined;
      // Whatever the guest would do now is another check's.
      task.kernel.ended(task.process, { code: 0 });
      return { kind: "trap", cause: "budget", address: 0, access: 0 };
    };
    await world.run(this.#limit);
    return await this.#settled(status);
  }

  /** The status of a process that has no task any more. */
  #settled(status: Promise<ExitStatus>): Promise<ExitStatus> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const never = new Promise<ExitStatus>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(
          new ConformanceError("all its tasks have ended, and kernel.ended(process, status) was not called"),
        );
      }, 50);
    });
    return Promise.race([status, never]).finally(() => clearTimeout(timer));
  }

  async encodes(): Promise<void> {
    const world = await this.#world();
    const { decode } = this.#subject;
    let first = true;
    await this.#script(world, (task, process) => {
      if (!first) return undefined;
      first = false;
      const { arch } = process.cpu;
      const table = world.personality.tables.find((t) => t.arch === arch.name);
      const abi = table === undefined ? undefined : table.abi ?? arch.abis[table.entry];
      if (abi === undefined || world.personality.encode === undefined) return undefined;
      const result = arch.register(abi.result);
      const may = new Set([result, ...(this.#subject.encodes ?? []).map((name) => arch.register(name))]);
      const read = decode ?? ((t: Task) => t.frame.hi(result) * 2 ** 32 + (t.frame.lo(result) >>> 0));
      const values = [0, 1, 42, 4096, 2 ** 31 - 1, -1, -2, -14, -38, -4095];
      if (abi.pointer === 8) values.push(2 ** 31, 2 ** 40);
      for (const value of values) {
        const { frame } = task;
        // Wider ones are copied as a whole, and no encoding of a number touches them.
        const before = arch.registers.map((
          { bits },
          n,
        ) => (bits > 64 ? undefined : [frame.lo(n), frame.hi(n)]));
        world.personality.encode(task, value);
        const seen = read(task);
        must(seen === value, `encode of ${value < 0 ? errnoName(value) : value} is read back as ${seen}`);
        arch.registers.forEach(({ name }, n) => {
          must(
            may.has(n) || before[n] === undefined ||
              (frame.lo(n) === before[n][0] && frame.hi(n) === before[n][1]),
            `encode of ${value} changes the register ${name}`,
          );
        });
      }
      return undefined;
    });
  }

  async unknown(): Promise<void> {
    const world = await this.#world();
    let number = 0x7ffffff1;
    const used = new Set(world.personality.tables.flatMap(({ rows }) => [...rows.keys()]));
    while (used.has(number)) number--;
    const reported: number[] = [];
    world.kernel.hook({
      event: (event) => {
        if (event.kind === "unimplemented") reported.push(event.number);
      },
    });
    let left = 3;
    await this.#script(world, () => left-- > 0 ? { kind: "call", entry: 0, number, args: [] } : undefined);
    must(
      reported.length === 1 && reported[0] === number,
      `a call with the unknown number ${number} is reported ${reported.length} times`,
    );
  }

  async hostile(): Promise<void> {
    const { skip = {} } = this.#subject;
    const world = await this.#world();
    interface Probe {
      readonly name: string;
      readonly entry: number;
      readonly number: number;
      readonly vector: number;
    }
    const probes: Probe[] = [];
    const vectors = hostile(0).length;
    // The first architecture is the guest's.
    const [arch] = world.kernel.arches.values();
    for (const { arch: name, entry, rows } of world.personality.tables) {
      if (name !== arch.name) continue;
      for (const [number, call] of rows) {
        if (skip[call.name] !== undefined) continue;
        for (let vector = 0; vector < vectors; vector++) {
          probes.push({ name: call.name, entry: arch.entries.indexOf(entry), number, vector });
        }
      }
    }
    let next = 0;
    let at = "";
    while (next < probes.length) {
      const { process } = world.spawn(this.#request);
      let tries = 0;
      world.script = (task) => {
        if (task.process !== process || next >= probes.length || tries++ > 200) {
          task.kernel.ended(task.process, { code: 0 });
          return { kind: "trap", cause: "budget", address: 0, access: 0 };
        }
        const { name, entry, number, vector } = probes[next++];
        at = name;
        const stack = task.space.find(task.frame.num(task.process.cpu.arch.sp));
        const args = hostile(stack === undefined ? 4096 : stack.end - 1)[vector];
        return { kind: "call", entry, number, args };
      };
      // What waits has been looked at; it is ended, with all that it started.
      const timer = setInterval(() => {
        for (const other of [...world.kernel.processes.values()]) {
          if (other.tasks.every((task) => task.state.kind === "waiting" || task.state.kind === "stopped")) {
            world.kernel.post(() => world.kernel.ended(other, { code: 0 }));
          }
        }
      }, 4);
      try {
        await world.run(this.#limit);
      } catch (error) {
        if (error instanceof ConformanceError && error.message.startsWith("it does not end")) {
          throw new ConformanceError(`after ${at}: ${error.message}`);
        }
        if (error instanceof ConformanceError) throw error;
        throw new ConformanceError(
          `${at} breaks the kernel: ${error instanceof Error ? error.message : error}`,
          {
            cause: error,
          },
        );
      } finally {
        clearInterval(timer);
      }
    }
  }

  async faults(): Promise<void> {
    const kinds: [TrapCause, number, number][] = [
      ["page", 8, READ],
      ["page", 0xfffff000, WRITE],
      ["illegal", 0, 0],
      ["divide", 0, 0],
      ["protection", 0, 0],
    ];
    for (const [cause, address, access] of kinds) {
      const world = await this.#world();
      const { process, status } = world.spawn(this.#request);
      let left = 100;
      let pc: number | undefined;
      let ignored = false;
      world.script = (task, cpu) => {
        if (task.process !== process) return undefined;
        const now = cpu.frame.num(cpu.arch.pc);
        if (pc !== undefined && now !== pc) return undefined; // it was changed: a handler runs
        pc = now;
        if (left-- > 0) return { kind: "trap", cause, address, access };
        ignored = true;
        task.kernel.ended(task.process, { code: 0 });
        return { kind: "trap", cause: "budget", address: 0, access: 0 };
      };
      await world.run(this.#limit);
      must(!ignored, `after a ${cause} fault the process runs on at the same instruction, for ever`);
      const { code, signal } = await this.#settled(status);
      must(code !== 0 || signal !== undefined, `a process that dies of a ${cause} fault ends with status 0`);
    }
  }

  async attends(): Promise<void> {
    const world = await this.#world();
    const [guest] = this.#subject.guests;
    const { status } = world.spawn(guest.request);
    let left = 3;
    world.script = (task) => {
      if (left-- > 0) {
        task.attention = true;
        return { kind: "trap", cause: "budget", address: 0, access: 0 };
      }
      return undefined;
    };
    await world.run(this.#limit);
    this.#ended(await this.#settled(status), guest);
  }

  async denies(): Promise<void> {
    const world = await this.#world();
    let denied: string | undefined;
    let seen: number | undefined;
    world.kernel.hook({
      intercept: (event) => {
        if (denied !== undefined || event.call === undefined) return undefined;
        denied = event.call.name;
        return EACCES;
      },
      exit: (_event, result) => {
        seen ??= result;
      },
    });
    const { process } = world.spawn(this.#request);
    // Some end only by the call that is denied; what they do then is theirs.
    let turns = 0;
    world.script = (task) => {
      if (task.process === process && (seen !== undefined || turns++ > 2_000)) {
        world.kernel.ended(process, { code: 0 });
      }
      return undefined;
    };
    await world.run(this.#limit);
    must(
      denied !== undefined,
      `the guest ${this.#subject.guests[0].name} makes no system call that is in the table`,
    );
    must(seen === EACCES, `${denied} was denied with EACCES and gave ${seen}`);
  }

  async refuses(): Promise<void> {
    const noise = new Uint8Array(4096);
    for (let i = 0; i < noise.length; i++) noise[i] = i * 31 + (i >> 3);
    const bad: [string, SpawnRequest["program"]][] = [
      ["an empty program", new Uint8Array(0)],
      ["4096 bytes of noise", noise],
      ["an ELF header without the rest", new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])],
      ["a path that is not there", "/there/is/no/such/program"],
    ];
    for (const [what, program] of bad) {
      const world = await this.#world();
      let status: Promise<ExitStatus>;
      try {
        ({ status } = world.spawn({ ...this.#request, program }));
      } catch (error) {
        throw new ConformanceError(
          `start of ${what} throws: ${error instanceof Error ? error.message : error}`,
          {
            cause: error,
          },
        );
      }
      // A personality may take any bytes for a program; it must get to an end then.
      let turns = 0;
      world.script = (task) => {
        if (turns++ > 1_000) task.kernel.ended(task.process, { code: 1 });
        return undefined;
      };
      await world.run(this.#limit);
      const { code, signal } = await this.#settled(status);
      must(Number.isInteger(code) && code >= 0 && code <= 255, `${what} ends with code ${code}`);
      void signal;
    }
  }

  #ended(status: ExitStatus, guest: ConformanceGuest): void {
    must(
      status.code === guest.code && status.signal === guest.signal,
      `${guest.name} ends with code ${status.code}${
        status.signal === undefined ? "" : `, signal ${status.signal}`
      }${status.message === undefined ? "" : ` (${status.message})`}; expected ${guest.code}${
        guest.signal === undefined ? "" : `, signal ${guest.signal}`
      }`,
    );
  }

  async guest(guest: ConformanceGuest, quantum: number): Promise<void> {
    const world = await this.#world(quantum);
    const { status } = world.spawn(guest.request);
    await world.run(this.#limit);
    this.#ended(await this.#settled(status), guest);
  }

  async together(): Promise<void> {
    const world = await this.#world(100);
    const { guests } = this.#subject;
    const all = [...guests, ...guests].map((guest) => ({ guest, status: world.spawn(guest.request).status }));
    await world.run(this.#limit);
    for (const { guest, status } of all) this.#ended(await this.#settled(status), guest);
  }

  async repeats(): Promise<void> {
    const traces: string[][] = [];
    for (let round = 0; round < 2; round++) {
      const world = await this.#world();
      const trace: string[] = [];
      world.kernel.hook({
        exit: (event, result) => void trace.push(`${event.call?.name ?? event.number} = ${result}`),
      });
      for (const guest of this.#subject.guests) world.spawn(guest.request);
      await world.run(this.#limit);
      traces.push(trace);
    }
    const [first, second] = traces;
    const at = first.findIndex((line, i) => line !== second[i]);
    must(
      at < 0 && first.length === second.length,
      `call ${at} was "${first[at]}", the second time "${second[at]}"`,
    );
  }

  async givesBack(): Promise<void> {
    const world = await this.#world();
    for (let i = 0; i < 3; i++) {
      for (const guest of this.#subject.guests) world.spawn(guest.request);
      await world.run(this.#limit);
    }
    must(world.kernel.processes.size === 0, `${world.kernel.processes.size} ended processes are still there`);
    must(world.cpus() === 0, `${world.cpus()} CPUs of ended processes were not given back`);
  }
}
