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

/** How a run ended; the interpreter's state and pages are still in memory. */
interface Outcome {
  readonly flags: number;
  readonly pc: number;
  readonly steps: number;
  readonly status: number;
  /** State that the region has not brought to memory, in words: nobody reads it any more. */
  readonly dead?: ReadonlySet<number>;
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
  /** A region's outcome: its state, and the pages that it has written. */
  readonly #state: Uint8Array = new Uint8Array(STATE_END);
  readonly #new = new Map<number, Uint8Array>();
  /** State at entry; and places for pages, so many of which are taken: making them anew took as long as the run. */
  readonly #before: Uint8Array = new Uint8Array(STATE_BYTES);
  readonly #places: Uint8Array[] = [];
  #taken = 0;
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
    if (access & ACCESS.write && !this.#old.has(page)) this.#old.set(page, this.#copy(page));
    const at = page;
    if (!this.#permitted[at]) this.#met.push(at);
    this.#permitted[at] |= access;
    return true;
  }
  /** The bytes of a page, until the next run. */
  #copy(page: number): Uint8Array {
    const place = this.#places[this.#taken++] ??= new Uint8Array(4096);
    place.set(this.cpu.bytes(page));
    return place;
  }
  /** Ends a phase: nothing is permitted. */
  #close(): void {
    for (const page of this.#met) this.#permitted[page] = 0;
    this.#met.length = 0;
  }
  /** Puts back what the phase that was closed has written. */
  #undo(): void {
    for (const [page, bytes] of this.#old) this.cpu.bytes(page).set(bytes);
    this.#old.clear();
    this.cpu.memory.set(this.#before);
  }

  /** Runs a region for at most `limit` instructions, and puts everything back. */
  #region(slot: number, budget: number, limit: number): Outcome {
    const { cpu } = this, { engine } = cpu;
    engine.i32[FIELD.count >>> 2] = Math.min(budget, SLICE);
    engine.u32[FIELD.steps >>> 2] = engine.u32[FIELD.partly >>> 2] = 0;
    engine.u32[FIELD.limit >>> 2] = limit;
    engine.u32.fill(0, FIELD.dead >>> 2, (FIELD.dead >>> 2) + 3);
    // Nothing is permitted yet.
    forgetPermissions(cpu.memory);
    const status = (this.table.get(slot) as (depth: number) => number)(0);
    const steps = engine.u32[FIELD.steps >>> 2];
    this.#close();
    this.#new.clear();
    for (const page of this.#old.keys()) this.#new.set(page, this.#copy(page));
    this.#state.set(cpu.memory.subarray(0, STATE_END));
    const outcome = { flags: this.inside.flags(), pc: cpu.pc, steps, status, dead: this.#dead() };
    this.#undo();
    return outcome;
  }

  #dead(): Set<number> | undefined {
    const { u32 } = this.cpu.engine, words = [0, 1, 2].map((n) => u32[(FIELD.dead >>> 2) + n]);
    if (!words.some((w) => w)) return undefined;
    const dead = new Set<number>();
    this.inside.translator.slots.forEach(({ offset, bytes }, id) => {
      for (let at = offset; words[id >> 5] >>> (id & 31) & 1 && at < offset + bytes; at += 4) dead.add(at);
    });
    return dead;
  }

  /** As {@link #replay}, with a step that ends the run put where it should end: much quicker. Undefined: it went elsewhere, and what it did is undone. */
  #follow(record: number, steps: number, end: number): Outcome | undefined {
    // Code that the run itself writes must not be decoded before it has.
    for (const page of this.#new.keys()) if (this.cpu.permissions(page) & ACCESS.exec) return undefined;
    const own = this.#replay(record, steps, end);
    if (own.steps === steps && !own.problem) return own;
    this.#undo();
    return undefined;
  }

  /** Lets the interpreter run exactly `steps` instructions from a record, which should lead to `end`, if that is said. What it did stays. */
  #replay(record: number, steps: number, end?: number): Outcome {
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
    for (let tries = 0, alone = false; done < steps && !problem;) {
      const { pc } = cpu;
      if (end !== undefined && pc !== end && !alone) {
        const status = this.#until(end, (at) => run(at, steps - done));
        alone = status === STATUS.fault || status === STATUS.yield;
        if (alone || status === STATUS.step || (status === STATUS.budget && done === steps)) continue;
        problem = this.#unexpected ?? `ends with status ${status}`;
        break;
      }
      alone = false;
      const at = cpu.executable(pc) ? inside.stepAt(pc) : 0;
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
    this.#close();
    return { flags: inside.flags(), pc: cpu.pc, steps: done, status: 0, problem };
  }

  /** Lets the interpreter run from the pc until it comes to `end`; 0 when that cannot be. */
  #until(end: number, run: (record: number) => number): number {
    const { cpu, cpu: { cache, engine } } = this;
    // In this order: decoding one may drop everything.
    const at = cpu.recordAt(end) && cpu.recordAt(cpu.pc), stop = cache.find(end - BIAS) >>> 1;
    if (!at || !stop) return 0;
    const op = engine.u16[stop], { generation } = cache;
    engine.u16[stop] = CORE_OPS.step;
    const status = run(at);
    // Its code may have changed meanwhile.
    if (generation === cache.generation && engine.u16[stop] === CORE_OPS.step) engine.u16[stop] = op;
    return status;
  }

  /** A region's run, compared. The result is its status; count and pc are as the interpreter left them. */
  run(slot: number, record: number): { readonly status: number; readonly steps: number } {
    const { cpu, inside } = this, { engine } = cpu, { log } = inside;
    const fields = engine.u32.slice(0, 16), budget = engine.i32[FIELD.count >>> 2];
    const start = engine.u32[infoOf(record) >>> 2] + BIAS;
    this.#taken = 0;
    this.#before.set(cpu.memory.subarray(0, STATE_BYTES));
    const region = this.#region(slot, budget, 0xffffffff);
    const partly = engine.u32[FIELD.partly >>> 2] !== 0;
    const { cache } = cpu, { generation } = cache;
    let { steps } = region;
    if (partly || steps === 0) {
      if (partly) log.partial++;
      steps = 0, inside.setPc(start);
    } else {
      const own = this.#follow(record, steps, region.pc) ??
        this.#replay(generation === cache.generation ? record : cpu.recordAt(start), steps);
      log.compared++, log.instructions += steps;
      const text = this.#compare(region, own, true);
      // A cache that was dropped meanwhile has other records: nothing can be found out from it.
      if (text.length && generation === cache.generation && log.differences.length < MOST) {
        this.#undo();
        log.differences.push(this.#narrow(slot, record, budget, steps, text));
        this.#replay(record, steps);
      }
      // Whoever reads one all the same is to notice.
      for (const at of region.dead ?? []) cpu.state.setInt32(at, ~cpu.state.getInt32(at, true), true);
      this.#old.clear();
    }
    engine.u32.set(fields);
    engine.i32[FIELD.count >>> 2] = budget - steps;
    return { status: region.status, steps };
  }

  /** What differs between a region's outcome and the interpreter's. */
  #compare(region: Outcome, own: Outcome, whole = false): string[] {
    const { cpu, inside } = this, text: string[] = [];
    if (own.problem) text.push(`the interpreter: ${own.problem} at ${hex(own.pc)}`);
    if (region.pc !== own.pc) text.push(`pc: region ${hex(region.pc)}, interpreter ${hex(own.pc)}`);
    const ignored = inside.translator.ignored;
    const its = new Int32Array(this.#state.buffer), mine = new Int32Array(cpu.memory.buffer, 0, its.length);
    for (let at = 0; at < STATE_END; at += 4) {
      if (its[at >> 2] !== mine[at >> 2] && !ignored.has(at) && !region.dead?.has(at)) {
        const [a, b] = [this.#state, cpu.memory].map((from) => bytes(from, at & ~7));
        text.push(`state ${at}: region ${a}, interpreter ${b}`);
      }
    }
    // Where it was left for a fault, perhaps, they are seen by who handles it.
    const seen = whole && cpu.exact && region.status === LEAVE.interpret;
    if (region.flags !== own.flags && inside.translator.flagsWanted(cpu, own.pc - BIAS, seen)) {
      text.push(`flags: region ${hex(region.flags)}, interpreter ${hex(own.flags)}`);
    }
    // Whatever a region has written is as it was before when the interpreter has not.
    for (const [page, bytes] of this.#new) {
      if (!this.#old.has(page)) text.push(...this.#differences(page, bytes));
    }
    for (const [page, bytes] of this.#old) {
      text.push(...this.#differences(page, this.#new.get(page) ?? bytes));
      if (text.length > 20) break;
    }
    return text;
  }
  /** Where a page of the region's differs from memory. */
  #differences(page: number, its: Uint8Array): string[] {
    const text: string[] = [], mine = this.cpu.bytes(page);
    const a = new Int32Array(its.buffer), b = new Int32Array(mine.buffer, mine.byteOffset, 1024);
    for (let i = 0; i < 1024; i++) {
      if (a[i] === b[i]) continue;
      const from = (i & ~1) * 4;
      text.push(`[${hex(page * 4096 + from)}]: region ${bytes(its, from)}, interpreter ${bytes(mine, from)}`);
      i |= 1;
    }
    return text;
  }

  /** The first instruction behind which both differ, with its micro-ops and its code. */
  #narrow(
    slot: number,
    record: number,
    budget: number,
    steps: number,
    last: string[],
  ): string {
    const { inside, cpu } = this;
    const differs = (n: number): { text: string[]; pc: number; steps: number } => {
      const region = this.#region(slot, budget, n), own = this.#replay(record, region.steps);
      const text = this.#compare(region, own);
      this.#undo();
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
