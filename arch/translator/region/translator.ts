/** Makes modules of regions: a graph and a function for each entry. */
import type { RegionSet } from "../cache.ts";
import type { BaseCpu } from "../cpu.ts";
import type { Eagerness } from "../eagerness.ts";
import { BIAS } from "../layout.ts";
import type { Translation, Translator } from "../parts.ts";
import { type FunctionRef, Module } from "../wasm/mod.ts";
import { Analysis } from "./analysis.ts";
import { Emitter } from "./emit.ts";
import {
  copiedIn,
  enclosing,
  half,
  heatIn,
  hotLoops,
  loopsOf,
  natural,
  placesOf,
  samplesIn,
  start,
} from "./entries.ts";
import { copiesFor, copiesModule, type ImageSpec, rowOf } from "./copies.ts";
import { emitEntry, typeOf } from "./exits.ts";
import { Ids, Shape, type Signature } from "./shape.ts";
import type { Helper } from "./env.ts";
import { RegionFunc } from "./func.ts";
import { type Block, discover, flagsLiveAt, followFlags, type Graph } from "./graph.ts";
import { SPACE } from "./inline.ts";
import { OF_ALL } from "./path.ts";
import { describe, flagsWanted, look } from "./reports.ts";
import type { Operations } from "./operations.ts";
import { Unsupported } from "./parts.ts";
import { emitWindow } from "./window.ts";
import { BYTES, type Slot, Slots, type SlotSpec } from "./slots.ts";

export type { Slot, SlotSpec } from "./slots.ts";

/** Instructions of what is copied into modules that call it although it has a region of its own: into those that are executed often, and others. */
const COPIED = 120, SMALL = 16;
/** Of 64 KiB: what every guest's memory has from the beginning, if it has that (core's pool: 36 MiB); what it can have at most. */
const DECLARED = 576, WHOLE = 65536;

/** Samples of the time in which loops are translated before what they call. */
const EARLY = 1_000;

/** What an architecture tells the translator: its operations and where its registers lie. */
export interface TranslatorSpec {
  readonly operations: Operations;
  readonly slots: SlotSpec;
  /** The image register that signal frames have. */
  readonly image: ImageSpec;
}

/** What the analysis finds out of all operations, to be shipped with them. */
export const learn = ({ operations, slots }: Omit<TranslatorSpec, "image">, count: number): string =>
  new Analysis(operations, new Slots(slots), true).pack(count);

/** For debugging: sees every module. */
export const debug: { module?: (bytes: Uint8Array, graphs: readonly unknown[]) => void } = {};

/** A translator of decoded code to WebAssembly, for all CPUs of one architecture. */
export function createTranslator(spec: TranslatorSpec): Translator {
  const slots = new Slots(spec.slots), analyses = new Map<boolean, Analysis>();
  const analysisOf = (wide: boolean) => {
    let a = analyses.get(wide);
    if (!a) analyses.set(wide, a = new Analysis(spec.operations, slots, wide));
    return a;
  };
  const modules = new Map<string, WebAssembly.Module>();
  return {
    copies(memory, wide, offsets) {
      const key = `${wide} ${offsets ?? ""}`;
      let module = modules.get(key);
      if (!module) {
        modules.set(key, module = copiesModule(offsets ? rowOf([...offsets]) : spec.image, wide));
      }
      return copiesFor(module, memory);
    },
    translate(...request): Translation | number | undefined {
      // With some fields an operation cannot be done in line: the interpreter keeps such code.
      for (const alone of [false, true]) {
        try {
          return translate(alone, ...request);
        } catch (error) {
          if (!(error instanceof Unsupported)) throw error;
        }
      }
      return undefined;
    },
    ignored: new Set(
      slots.list.filter((s) => slots.isFlag[s.id] || s.offset === spec.slots.temporary)
        .flatMap((s) => s.type === "i32" ? [s.offset] : [s.offset, s.offset + 4])
        .concat(spec.slots.trash === undefined ? [] : [spec.slots.trash, spec.slots.trash + 4]),
    ),
    slots: slots.list.map(({ offset, type }) => ({ offset, bytes: BYTES[type] })),
    flagsWanted: (cpu, pc, exact) => flagsWanted(cpu, analysisOf(true), pc, BIAS, exact),
    look: (cpu, pc) => look(cpu, analysisOf(true), pc, BIAS),
    describe: (cpu, pc) => describe(cpu, analysisOf(true), pc, BIAS),
  };

  /** `alone`: from the entry itself, not from where its code is come to. */
  function translate(
    alone: boolean,
    cpu: BaseCpu,
    entries: readonly number[],
    set: RegionSet,
    wide: boolean,
    limits: Eagerness,
    paid: number,
  ): Translation | number | undefined {
    const analysis = analysisOf(wide);
    const starts = entries.map((pc) => start(cpu, analysis, set, pc));
    const loops = new Map<number, ReadonlySet<number>>();
    const graphs: Graph[] = [], queue = [...starts], seen = new Set(starts);
    const { samples, inside } = set, { price } = limits;
    const loop = (pc: number) => set.loops.has(pc) && set.regions[set.slots.get(pc) ?? -1] !== undefined;
    const profile = { samples, inside, total: cpu.engine.samples - set.born, price, loop };
    const often = (graph: Graph) =>
      !price || (samplesIn(graph, set) + (inside.get(graph.entry.pc) ?? 0)) * OF_ALL >= profile.total;
    let room = Math.min(limits.module, paid);
    // What is called goes to the same module: calls between modules take longer.
    for (let at = 0; at < queue.length; at++) {
      const first = at < entries.length, again = paid === Infinity;
      const pays = !again && (loops.has(queue[at]) || (set.heat.get(queue[at]) ?? 0) > 0);
      if (!first && room <= 0 && !pays) continue;
      let own = 0;
      const find = (limit: number, stop?: (pc: number) => boolean, pc = queue[at]) =>
        discover(cpu, analysis, pc, BIAS, limit, profile, limits.cold, stop);
      // A loop inside a region: that loop alone. What follows it comes to a region again.
      const loop = !first
        ? loops.get(queue[at])
        : (again ? set.alone.has(queue[at]) : !alone)
        ? set.loops.get(queue[at])
        : undefined;
      const others = (pc: number) => set.regions[set.slots.get(pc) ?? -1] !== undefined;
      // In a loop that begins with a region: as far as that.
      const rest = first && !again && !loop && set.near.has(queue[at]);
      let graph = find(limits.region, loop ? (pc) => !loop.has(pc) : rest ? others : undefined);
      if (graph && !loop && !rest && graph.size < limits.region && first && !again && !alone) {
        const from = (pc: number) => find(limits.region, undefined, pc);
        graph = enclosing(graph, set, limits, from);
        graph = natural(cpu, analysis, graph, set, limits, from);
        queue[at] = graph.entry.pc, seen.add(queue[at]);
        // What its other places have paid is hardly for what it calls, which pays for itself.
        own = heatIn(graph, set) / limits.price - paid;
        for (const [pc, body] of hotLoops(graph, set)) {
          if (!seen.has(pc)) loops.set(pc, body), seen.add(pc), queue.push(pc);
        }
      }
      // Big functions, as loops of interpreters are, come in pieces: each as large as was paid for, and as far as there is none yet.
      // One that goes straight on is hot as a whole: slices end anywhere in it.
      const straight = graph !== undefined && first && !again && graph.size > 2 * limits.region;
      if (straight) own = heatIn(graph!, set) / limits.price - paid;
      const whole = straight && costOf(graph!, limits.region) <= room + own;
      if (graph && !whole && graph.size >= limits.region && limits.piece < limits.region && first) {
        own = 0;
        graph = find(
          Math.min(limits.region, Math.max(limits.piece, Math.floor(room))),
          others,
        );
      }
      const info = graph?.entry.instructions[0].info;
      if (!graph || !info || half(info)) continue;
      if (info.how !== "inline" || info.kind === "enter" || info.kind === "stop") continue;
      if (!first && !again) own = heatIn(graph, set) / limits.price;
      const cost = costOf(graph, limits.region);
      // A function had better become a part of the loops that call it: those come first, and not before there is enough to tell what they are to have.
      const early = first && !again && limits.price > 0 && cpu.engine.samples < EARLY;
      const inLoop = () => [...loopsOf([graph!]).values()].some((body) => body.has(starts[at]));
      const most = early && (graph.later || !inLoop()) ? cost * 2 : cost;
      if (first && most > room + own) return most - own;
      if (cost > room + own) {
        if (first) return cost - own;
        // It had better have a region of its own than a part of one.
        continue;
      }
      // What has a region already is copied when it is small: calls within a module are quick.
      if (
        !first && graph.size > SMALL && (set.heat.get(queue[at]) ?? 0) < 0 &&
        (graph.size > COPIED || !often(graph))
      ) continue;
      if (loop) set.alone.add(queue[at]);
      else set.alone.delete(queue[at]);
      graphs.push(graph);
      room += Math.min(COPIED, own) - cost;
      for (const b of graph.blocks) {
        for (const target of targetsOf(b)) if (!seen.has(target)) seen.add(target), queue.push(target);
      }
    }
    if (!graphs.length) return undefined;
    for (const g of graphs) followFlags(g, cpu, analysis, BIAS, cpu.exact);
    const m = new Module();
    // Constant addresses below the least length are not compared with it. Of a memory that cannot grow V8 loads base and length once,
    // not behind each call.
    const length = cpu.memory.length / 65536;
    m.importMemory("guise", "memory", {
      ...length === WHOLE ? { min: WHOLE, max: WHOLE } : { min: Math.min(DECLARED, length) },
      wide,
    });
    m.importMemory("guise", "pages", { min: 17 });
    m.importMemory("guise", "engine", { min: 8 });
    const regions = m.importTable("guise", "regions", 0),
      operations = m.importTable("guise", "operations", 0);
    const enter = {
      syscall: m.importFunction("host", "syscall", ["i32"], ["i32"]),
      call: m.importFunction("host", "call", ["i32"], ["i32"]),
    };
    const own = [analysis.slow, analysis.find, analysis.nest, analysis.next], helpers = new Set<Helper>(own);
    for (const g of graphs) {
      for (const b of g.blocks) {
        for (const i of b.instructions) for (const h of i.info.helpers) helpers.add(h);
      }
    }
    for (const h of helpers) {
      h.index = m.importFunction("help", h.name, h.params, h.results).index;
    }
    const { window } = analysis, declared = m.declare(window.params, window.results);
    window.index = declared.index;
    const size = graphs.reduce((sum, graph) => sum + graph.size, 0);
    const misses = limits.misses
      ? {
        left: m.global("i32"),
        next: m.global("i32"),
        which: m.global("i64"),
        stale: set.slot(graphs[0].entry.pc) + 1,
        most: Math.ceil(size * limits.misses),
      }
      : undefined;
    m.define(declared, (f) => emitWindow(f, analysis.memories, analysis.slow, misses));
    analysis.windows.paged = set.missed.get(entries[0]) ?? set.habit;
    const type = m.type(["i32"], ["i32"]);
    const target = {
      module: m,
      regions,
      operations,
      type,
      slot: (pc: number) => set.slot(pc),
      enter,
      flagsLive: (pc: number) => cpu.exact || flagsLiveAt(cpu, analysis, pc, BIAS),
      now: ({ offset, type }: Slot, code: Iterable<Block>) =>
        type === "i64" && placesOf(code).includes(cpu.pc - BIAS)
          ? new DataView(cpu.space.memory.buffer).getBigUint64(offset, true)
          : undefined,
    };
    const shapes = shapesOf(graphs, analysis, m, cpu.exact);
    const made = [...shapes].flatMap(([graph, { shape, signature }]) => {
      const marks: { pc: number; offset: number }[] = [];
      const mark = limits.lockstep
        ? (i: { readonly pc: number }, offset: number) => void marks.push({ pc: i.pc, offset })
        : undefined;
      const f = m.adopt(new RegionFunc(signature?.ref ?? m.declare(["i32"], ["i32"])));
      new Emitter(f, shape, analysis, mark ? { ...target, mark } : target, signature).emit();
      const { pc, instructions: [first] } = graph.entry, slot = set.slot(pc);
      // A copy of what has a region already is for the calls of this module only.
      if (set.regions[slot]) return [];
      let entry: FunctionRef = f.ref;
      if (signature) {
        entry = m.func(["i32"], ["i32"], (f) => emitEntry(f, shape, analysis, signature));
      }
      m.export(`r${slot}`, entry);
      return {
        slot,
        pc,
        records: first.info.def.fused && !first.addresses.length ? 2 : 1,
        pages: pagesOf(graph, shapes),
        size: graph.size,
        text: mark && { marks, body: f.w.bytes.slice(0, f.w.length) },
      };
    });
    const bytes = m.bytes();
    debug.module?.(bytes, graphs);
    const places = graphs.flatMap(({ blocks }) => placesOf(blocks));
    const module = new WebAssembly.Module(bytes), copied = copiedIn(graphs);
    return { module, size, regions: made, loops: loopsOf(graphs), places, copied };
  }
}

type Shapes = Map<Graph, { readonly shape: Shape; readonly signature?: Signature }>;

/** How the regions of one module use the slots, and how they call one another. */
function shapesOf(graphs: readonly Graph[], analysis: Analysis, m: Module, exact: boolean): Shapes {
  const byPc = new Map<number, Signature>(), targets = new Set<number>();
  const shapes = graphs.map((graph) => new Shape(graph, analysis, (pc) => byPc.get(pc), exact));
  for (const { blocks } of graphs) {
    for (const b of blocks) {
      for (const target of targetsOf(b)) targets.add(target);
    }
  }
  const { slots } = analysis;
  // Without a convention to hope for, all calls go through the table.
  const called = slots.spec.saved ? graphs.filter((g) => targets.has(g.entry.pc)) : [];
  for (const { entry } of called) {
    byPc.set(entry.pc, {
      params: [],
      saved: new Ids([slots.at[slots.spec.stack]]),
      touched: new Ids(),
      writes: new Ids(),
      unknown: false,
      ref: { index: 0, params: [], results: [] },
    });
  }
  for (let changed = true, rounds = 0; changed; rounds++) {
    changed = false;
    // Parameters need not come to rest: then calls go through the table.
    if (rounds > 50) byPc.clear();
    for (const shape of shapes) {
      const signature = byPc.get(shape.graph.entry.pc);
      if (signature && shape.grow(signature)) changed = true;
    }
  }
  const result: Shapes = new Map();
  for (const shape of shapes) {
    const signature = byPc.get(shape.graph.entry.pc);
    if (signature) {
      const type = typeOf(signature.params);
      Object.assign(signature.ref, m.declare(type.params, type.results));
    }
    shape.follow(signature);
    result.set(shape.graph, { shape, signature });
  }
  return result;
}

/** What translating takes, in instructions: those of a long way straight on are spread over places that pay for themselves. */
function costOf({ size }: Graph, limit: number): number {
  return size <= limit ? size : limit + Math.ceil((size - limit) / 8);
}

/** Pages of a region's code and of what it calls directly. */
function pagesOf(graph: Graph, shapes: Shapes): Set<number> {
  const pages = new Set<number>(), byPc = new Map([...shapes.keys()].map((g) => [g.entry.pc, g]));
  const queue = [graph], seen = new Set(queue);
  for (const g of queue) {
    for (const page of g.pages) pages.add(page);
    for (const b of g.blocks) {
      for (const target of targetsOf(b)) {
        const callee = byPc.get(target);
        if (callee && !seen.has(callee)) seen.add(callee), queue.push(callee);
      }
    }
  }
  return pages;
}

/** What a block calls, as far as that is known or guessed. */
function targetsOf(b: Block): readonly number[] {
  const { info, target, guesses } = b.instructions[b.instructions.length - 1];
  return info.kind === "call"
    ? [target]
    : info.kind === "callIndirect"
    ? guesses.filter((g) => g < SPACE)
    : [];
}
