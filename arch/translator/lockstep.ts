/**
 * Lockstep: whatever regions do is done once more by the interpreter, and compared. A region runs with a page table of its own in which
 * nothing is permitted, so that each page is met before it is written and its bytes are kept; then state and pages are put back, the
 * interpreter runs as many instructions, and both results must be the same. The interpreter's is the one that goes on.
 *
 * A difference is narrowed down to one instruction: regions for lockstep can be left before any of them.
 */
import type { BaseCpu } from "./cpu.ts";
import type { Imports, Translator } from "./parts.ts";
import type { Region } from "./cache.ts";
import {
  ACCESS,
  BIAS,
  CORE_OPS,
  FIELD,
  forgetPermissions,
  infoOf,
  LEAVE,
  RECORD,
  STATE_BYTES,
  STATE_END,
  STATUS,
} from "./layout.ts";

/** What lockstep found, for a whole kernel. */
export interface LockstepLog {
  /** Runs of regions, from entry to exit, that were compared. */
  compared: number;
  /** Instructions in them. */
  instructions: number;
  /** Runs that ended within an instruction, and were left to the interpreter. */
  partial: number;
  /** Each says where, what differs, the micro-ops and the WebAssembly of the first instruction that differs. */
  readonly differences: string[];
}

/** Where the code of a region is: for reports. */
export interface RegionText {
  /** Of the region's function: biased pc and offset in its body, in the order of emission. */
  readonly marks: readonly { readonly pc: number; readonly offset: number }[];
  /** The body. */
  readonly body: Uint8Array;
}

/** The parts of a CPU that only lockstep uses. */
export interface Inside {
  readonly module: WebAssembly.Module;
  readonly host: Imports;
  readonly translator: Translator;
  resolve(address: number, access: number): boolean;
  miss(record: number): number;
  stepAt(pc: number): number;
  setPc(pc: number): void;
  /** Status flags in their architecture's form. */
  flags(): number;
  disassemble(pc: number): string;
  /** Compared as well when nobody is known to read them. */
  readonly log: LockstepLog;
}

/** Longest way between two places where the interpreter looks at its budget, in instructions. */
const RUN = 80;
/** Instructions of one run of a region, about: how they are left is compared as well. */
const SLICE = 2_000;
/** Reports that are kept of one kernel. */
const MOST = 10;

interface Outcome {
  readonly state: Uint8Array;
  readonly flags: number;
  readonly pc: number;
  readonly steps: number;
  readonly status: number;
  /** Pages that were written, as they are afterwards. */
  readonly pages: ReadonlyMap<number, Uint8Array>;
  /** Why the interpreter could not follow. */
  readonly problem?: string;
}

export class Lockstep {
  /** The regions, where regions call one another; the interpreter's own table stays empty. */
  readonly table: WebAssembly.Table = new WebAssembly.Table({ element: "anyfunc", initial: 0 });
  /** The page table that regions and the interpreter's second instance see. */
  readonly pages: WebAssembly.Memory = new WebAssembly.Memory({ initial: 17 });
  /** The second instance: what regions call, and who does it once more. */
  readonly exports: Record<string, (...args: number[]) => number>;
  readonly #permitted: Uint8Array = new Uint8Array(this.pages.buffer);
  /** Pages whose bits are set; of those that were written, the bytes before. */
  readonly #met: number[] = [];
  readonly #old = new Map<number, Uint8Array>();
  #unexpected: string | undefined;

  constructor(readonly cpu: BaseCpu, readonly inside: Inside) {
    const { space, engine } = cpu;
    const host = {
      ...inside.host,
      region: (record: number) => engine.u32[record + RECORD.disp >>> 2],
      miss: (record: number) => inside.miss(record),
      resolve: (address: number, access: number) => this.#resolve(address, access) ? 1 : 0,
      syscall: () => (this.#unexpected = "a system call", 1),
      call: () => (this.#unexpected = "a call of the kernel", 1),
    };
    const { memory } = space;
    this.exports = new WebAssembly.Instance(inside.module, {
      guise: { memory, pages: this.pages, engine: engine.memory, regions: this.#empty },
      host,
    } as never).exports as never;
  }
  /** What the second instance finds where regions are. */
  readonly #empty: WebAssembly.Table = new WebAssembly.Table({ element: "anyfunc", initial: 0 });

  /** Makes both tables as long; new slots hold what says that they are empty. */
  grow(count: number): void {
    for (const table of [this.table, this.#empty]) {
      if (table.length >= count) continue;
      (table.grow as (n: number, f: unknown) => number).call(
        table,
        count + 256 - table.length,
        this.exports.missing,
      );
    }
  }

  /** A bit of the private page table is not set. */
  #resolve(address: number, access: number): boolean {
    const { cpu } = this, page = Math.floor(address / 4096);
    if (page >= 0x100000) return this.inside.resolve(address, access);
    if (!(cpu.permissions(page) & access) && !this.inside.resolve(address, access)) return false;
    if (access & ACCESS.write && !this.#old.has(page)) this.#old.set(page, cpu.bytes(page).slice());
    const at = page;
    if (!this.#permitted[at]) this.#met.push(at);
    this.#permitted[at] |= access;
    return true;
  }
  /** Ends a phase: the written pages with their present bytes. */
  #close(): Map<number, Uint8Array> {
    for (const page of this.#met) this.#permitted[page] = 0;
    this.#met.length = 0;
    const written = new Map<number, Uint8Array>();
    for (const page of this.#old.keys()) written.set(page, this.cpu.bytes(page).slice());
    return written;
  }
  /** Puts back what the phase that was closed has written. */
  #undo(state: Uint8Array): void {
    for (const [page, bytes] of this.#old) this.cpu.bytes(page).set(bytes);
    this.#old.clear();
    this.cpu.memory.set(state);
  }

  /** Runs a region for at most `limit` instructions, and puts everything back. */
  #region(slot: number, before: Uint8Array, budget: number, limit: number): Outcome {
    const { cpu } = this, { engine } = cpu;
    engine.i32[FIELD.count >>> 2] = Math.min(budget, SLICE);
    engine.u32[FIELD.steps >>> 2] = engine.u32[FIELD.partly >>> 2] = 0;
    engine.u32[FIELD.limit >>> 2] = limit;
    // Nothing is permitted yet.
    forgetPermissions(cpu.memory);
    const status = (this.table.get(slot) as (depth: number) => number)(0);
    const steps = engine.u32[FIELD.steps >>> 2];
    const pages = this.#close();
    const outcome = {
      state: cpu.memory.slice(0, STATE_BYTES),
      flags: this.inside.flags(),
      pc: cpu.pc,
      steps,
      status,
      pages,
    };
    this.#undo(before);
    return outcome;
  }

  /** Lets the interpreter run exactly `steps` instructions from a record. What it did stays. */
  #replay(record: number, steps: number): Outcome {
    const { cpu, inside } = this, { engine } = cpu;
    let done = 0, problem: string | undefined;
    const run = (at: number, budget: number): number => {
      const from = budget + engine.u8[at + RECORD.ordinal];
      engine.i32[FIELD.count >>> 2] = engine.i32[FIELD.start >>> 2] = from;
      this.#unexpected = undefined;
      const status = this.exports.run(at, from), rest = engine.u32[FIELD.record >>> 2];
      let count = engine.i32[FIELD.count >>> 2];
      if (rest) count -= engine.u8[rest + RECORD.ordinal];
      if (rest && status !== STATUS.leave && status !== STATUS.fetch) {
        inside.setPc(engine.u32[infoOf(rest) >>> 2] + BIAS);
      }
      done += budget - count;
      return status;
    };
    inside.setPc(engine.u32[infoOf(record) >>> 2] + BIAS);
    if (steps > RUN) run(record, steps - RUN), problem = this.#unexpected;
    for (let tries = 0; done < steps && !problem;) {
      const { pc } = cpu, at = cpu.executable(pc) ? inside.stepAt(pc) : 0;
      if (!at) {
        problem = "cannot be fetched";
        break;
      }
      const before = done, status = run(at, 1);
      // Done in part; or its page has become writable, and the store is repeated.
      const again = status === STATUS.yield || status === STATUS.fault;
      if (status === STATUS.step || status === STATUS.budget) done = before + 1, tries = 0;
      else if (!again || ++tries > (status === STATUS.fault ? 3 : 100_000)) {
        problem = this.#unexpected ?? `ends with status ${status}`;
      } else done = before;
    }
    if (done > steps) problem ??= `${done} instructions`;
    return {
      state: cpu.memory.slice(0, STATE_BYTES),
      flags: inside.flags(),
      pc: cpu.pc,
      steps: done,
      status: 0,
      pages: this.#close(),
      problem,
    };
  }

  /** A region's run, compared. The result is its status; count and pc are as the interpreter left them. */
  run(slot: number, record: number): { readonly status: number; readonly steps: number } {
    const { cpu, inside } = this, { engine } = cpu, { log } = inside;
    const fields = engine.u32.slice(0, 16), budget = engine.i32[FIELD.count >>> 2];
    const before = cpu.memory.slice(0, STATE_BYTES);
    const region = this.#region(slot, before, budget, 0xffffffff);
    const partly = engine.u32[FIELD.partly >>> 2] !== 0;
    const { generation } = cpu.cache;
    let { steps } = region;
    if (partly || steps === 0) {
      if (partly) log.partial++;
      steps = 0, inside.setPc(engine.u32[infoOf(record) >>> 2] + BIAS);
    } else {
      const own = this.#replay(record, steps), old = new Map(this.#old);
      log.compared++, log.instructions += steps;
      const text = this.#compare(region, own, old, true);
      // A cache that was dropped meanwhile has other records: nothing can be found out from it.
      if (text.length && generation === cpu.cache.generation && log.differences.length < MOST) {
        this.#undo(before);
        log.differences.push(this.#narrow(slot, record, before, budget, steps, text));
        this.#replay(record, steps);
      }
      this.#old.clear();
    }
    engine.u32.set(fields);
    engine.i32[FIELD.count >>> 2] = budget - steps;
    return { status: region.status, steps };
  }

  /** What differs between a region's outcome and the interpreter's, whose pages are in memory. */
  #compare(region: Outcome, own: Outcome, old: ReadonlyMap<number, Uint8Array>, whole = false): string[] {
    const { cpu, inside } = this, text: string[] = [];
    if (own.problem) text.push(`the interpreter: ${own.problem} at ${hex(own.pc)}`);
    if (region.pc !== own.pc) text.push(`pc: region ${hex(region.pc)}, interpreter ${hex(own.pc)}`);
    const ignored = inside.translator.ignored;
    const its = new Int32Array(region.state.buffer), mine = new Int32Array(own.state.buffer);
    for (let at = 0; at < STATE_END; at += 4) {
      if (its[at >> 2] !== mine[at >> 2] && !ignored.has(at)) {
        text.push(
          `state ${at}: region ${bytes(region.state, at & ~7)}, interpreter ${bytes(own.state, at & ~7)}`,
        );
      }
    }
    // Where it was left for a fault, perhaps, they are seen by who handles it.
    const seen = whole && cpu.exact && region.status === LEAVE.interpret;
    if (region.flags !== own.flags && inside.translator.flagsWanted(cpu, own.pc - BIAS, seen)) {
      text.push(`flags: region ${hex(region.flags)}, interpreter ${hex(own.flags)}`);
    }
    for (const page of new Set([...region.pages.keys(), ...own.pages.keys()])) {
      const mine = own.pages.get(page) ?? cpu.bytes(page), its = region.pages.get(page) ?? old.get(page)!;
      for (let i = 0; i < 4096; i++) {
        if (mine[i] === its[i]) continue;
        const from = i & ~7;
        text.push(
          `[${hex(page * 4096 + from)}]: region ${bytes(its, from)}, interpreter ${bytes(mine, from)}`,
        );
        i = from + 7;
        if (text.length > 20) return text;
      }
    }
    return text;
  }

  /** The first instruction behind which both differ, with its micro-ops and its code. */
  #narrow(
    slot: number,
    record: number,
    before: Uint8Array,
    budget: number,
    steps: number,
    last: string[],
  ): string {
    const { inside, cpu } = this;
    const differs = (n: number): { text: string[]; pc: number; steps: number } => {
      const region = this.#region(slot, before, budget, n);
      const own = this.#replay(record, region.steps), old = new Map(this.#old);
      const text = this.#compare(region, own, old);
      this.#undo(before);
      return { text, pc: own.pc, steps: region.steps };
    };
    let low = 0, high = steps, worst = { text: last, pc: 0, steps };
    while (high - low > 1) {
      const middle = low + high >> 1, found = differs(middle);
      if (found.text.length) high = middle, worst = found;
      else low = middle;
    }
    const good = differs(low), pc = good.pc - BIAS;
    const name = cpu.cache.regions?.regions[slot];
    return [
      `lockstep: a region at ${
        hex(name ? name.pc + BIAS : 0)
      } differs behind ${worst.steps} of ${steps} instructions`,
      `  instruction: ${hex(pc + BIAS)} ${inside.disassemble(pc + BIAS)}`,
      ...inside.translator.describe(cpu, pc).map((line) => `  micro-op: ${line}`),
      ...worst.text.map((line) => `  ${line}`),
      ...this.#code(pc),
    ].join("\n");
  }
  /** The WebAssembly of an instruction, in each region that has it. */
  #code(pc: number): string[] {
    const text: string[] = [];
    for (const region of this.cpu.cache.regions?.regions ?? []) {
      const code = (region as Region | undefined)?.text;
      code?.marks.forEach((mark, n) => {
        if (mark.pc !== pc || text.length > 3) return;
        const end = code.marks[n + 1]?.offset ?? code.body.length;
        text.push(
          `  wasm of region ${hex(region!.pc + BIAS)}, bytes ${mark.offset}-${end} of its body: ${
            Array.from(code.body.subarray(mark.offset, end), (b) => b.toString(16).padStart(2, "0")).join(" ")
          }`,
        );
      });
    }
    return text;
  }

  /** The record that goes on behind a region: after LEAVE.interpret not the region again. */
  after(status: number): number {
    const { cpu } = this, { engine } = cpu, next = cpu.recordAt(cpu.pc);
    if (next && status === LEAVE.interpret && engine.u16[next >>> 1] === CORE_OPS.region) {
      return engine.u32[next + RECORD.disp >>> 2];
    }
    return next;
  }
}

const hex = (n: number): string => `0x${(n >= 0 ? n : n >>> 0).toString(16)}`;
const bytes = (from: Uint8Array, at: number): string =>
  Array.from(from.subarray(at, at + 8)).reverse().map((b) => b.toString(16).padStart(2, "0")).join("");
