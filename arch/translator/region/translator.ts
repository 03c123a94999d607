/** Makes modules of regions: a graph and a function for each entry. */
import type { BaseCpu, Eagerness, Translation, Translator } from "../cpu.ts";
import type { RegionSet } from "../cache.ts";
import type { Numbering } from "../interpreter.ts";
import { BIAS } from "../layout.ts";
import type { OpDef } from "../machine.ts";
import { Module } from "../wasm/mod.ts";
import { Analysis } from "./analysis.ts";
import { Emitter } from "./emit.ts";
import type { Helper } from "./func.ts";
import { RegionFunc } from "./func.ts";
import { discover, flagsLiveAt, type Graph } from "./graph.ts";
import { describe, flagsWanted } from "./reports.ts";
import { Unsupported } from "./machine.ts";
import { emitWindow } from "./window.ts";
import { Slots, type SlotSpec } from "./slots.ts";

export type { Slot, SlotSpec } from "./slots.ts";

/** What an architecture tells the translator: its operations and where its registers lie. */
export interface TranslatorSpec {
  readonly ops: readonly OpDef[];
  readonly numbering: Numbering;
  readonly slots: SlotSpec;
}

/** For debugging: sees every module. */
export const debug: { module?: (bytes: Uint8Array, graphs: readonly unknown[]) => void } = {};

/** A translator of decoded code to WebAssembly, for all CPUs of one architecture. */
export function createTranslator(spec: TranslatorSpec): Translator {
  const slots = new Slots(spec.slots), analyses = new Map<boolean, Analysis>();
  const analysisOf = (wide: boolean) => {
    let a = analyses.get(wide);
    if (!a) analyses.set(wide, a = new Analysis(spec.ops, spec.numbering, slots, wide));
    return a;
  };
  return {
    translate(...request): Translation | undefined {
      try {
        return translate(...request);
      } catch (error) {
        // With these fields it cannot be done in line: the interpreter keeps this code.
        if (error instanceof Unsupported) return undefined;
        throw error;
      }
    },
    ignored: new Set(
      slots.list.filter((s) => slots.isFlag[s.id] || s.offset === spec.slots.temporary)
        .flatMap((s) => s.type === "i32" ? [s.offset] : [s.offset, s.offset + 4])
        .concat(spec.slots.trash === undefined ? [] : [spec.slots.trash, spec.slots.trash + 4]),
    ),
    flagsWanted: (cpu, pc) => flagsWanted(cpu, analysisOf(true), pc, BIAS),
    describe: (cpu, pc) => describe(cpu, analysisOf(true), pc, BIAS),
  };

  function translate(
    cpu: BaseCpu,
    entries: readonly number[],
    set: RegionSet,
    wide: boolean,
    limits: Eagerness,
  ): Translation | undefined {
    const analysis = analysisOf(wide);
    const graphs: Graph[] = [], queue = [...entries], seen = new Set(entries);
    let room = limits.module;
    // What is called goes to the same module: calls between modules take longer.
    for (let at = 0; at < queue.length && (at < entries.length || room > 0); at++) {
      const graph = discover(
        cpu,
        analysis,
        queue[at],
        BIAS,
        at < entries.length ? limits.region : Math.min(limits.region, room),
      );
      const first = graph?.entry.instructions[0];
      // A conditional jump may be the second half of a pair, which looks at its record.
      if (!graph || !first || (first.info.kind === "jcc" && !first.info.def.fused)) continue;
      if (first.info.how !== "inline" || first.info.kind === "enter" || first.info.kind === "stop") {
        continue;
      }
      graphs.push(graph);
      room -= graph.size;
      for (const b of graph.blocks) {
        const { info, target } = b.instructions[b.instructions.length - 1];
        if (info.kind !== "call" || seen.has(target) || (set.heat.get(target) ?? 0) < 0) continue;
        seen.add(target), queue.push(target);
      }
    }
    if (!graphs.length) return undefined;
    const m = new Module();
    m.importMemory("guise", "memory", { min: 2, wide });
    m.importMemory("guise", "pages", { min: 17 });
    m.importMemory("guise", "engine", { min: 8 });
    const regions = m.importTable("guise", "regions", 0),
      operations = m.importTable("guise", "operations", 0);
    const enter = {
      syscall: m.importFunction("host", "syscall", ["i32"], ["i32"]),
      call: m.importFunction("host", "call", ["i32"], ["i32"]),
    };
    const helpers = new Set<Helper>([analysis.slow]);
    for (const g of graphs) {
      for (const b of g.blocks) {
        for (const i of b.instructions) for (const h of i.info.helpers) helpers.add(h);
      }
    }
    for (const h of helpers) {
      const name = h === analysis.slow ? h.name : `help ${h.name}`;
      h.index = m.importFunction("help", name, h.params, h.results).index;
    }
    const { window } = analysis, declared = m.declare(window.params, window.results);
    window.index = declared.index;
    m.define(declared, (f) => emitWindow(f, analysis.memories, analysis.slow));
    const type = m.type(["i32"], ["i32"]);
    const target = {
      module: m,
      regions,
      operations,
      type,
      slot: (pc: number) => set.slot(pc),
      enter,
      flagsLive: (pc: number) => flagsLiveAt(cpu, analysis, pc, BIAS),
    };
    const made = graphs.map((graph) => {
      const f = m.adopt(new RegionFunc(m.declare(["i32"], ["i32"])));
      const marks: { pc: number; offset: number }[] = [];
      const mark = limits.lockstep
        ? (i: { readonly pc: number }, offset: number) => void marks.push({ pc: i.pc, offset })
        : undefined;
      new Emitter(f, graph, analysis, mark ? { ...target, mark } : target).emit();
      const { pc, instructions: [first] } = graph.entry, slot = set.slot(pc);
      m.export(`r${slot}`, f.ref);
      return {
        slot,
        pc,
        records: first.info.def.fused && !first.addresses.length ? 2 : 1,
        pages: graph.pages,
        size: graph.size,
        text: mark && { marks, body: f.w.bytes.slice(0, f.w.length) },
      };
    });
    const bytes = m.bytes();
    debug.module?.(bytes, graphs);
    return { module: new WebAssembly.Module(bytes), regions: made };
  }
}
