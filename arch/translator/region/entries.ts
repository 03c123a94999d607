/**
 * Where a region begins. Samples say where the guest often was, which is in the middle of functions as a rule: regions from there would overlap, each
 * translated and compiled for itself. So one of them begins where its code is come to from outside, and pays with the samples of all its places.
 */
import type { RegionSet } from "../cache.ts";
import type { BaseCpu } from "../cpu.ts";
import type { Eagerness } from "../eagerness.ts";
import { BIAS } from "../layout.ts";
import type { Analysis, Info } from "./analysis.ts";
import { type Block, type Graph, instructionAt } from "./graph.ts";
import { SPACE } from "./inline.ts";
import { innerOf, loopOf } from "./loops.ts";

/** Bytes before a place in which code that leads to it is looked for; how many places are tried there. */
const NEAR = 4096, TRIES = 6;
/** Of the samples of a place that its entry has at least: one in so many. Else code is longer inside than it takes to come in. */
const SELDOM = 64;

/** A conditional jump by flags, which may be the second half of a pair that looks at its record: no region begins here. */
export const half = (info: Info): boolean => info.kind === "jcc" && info.readsFlags && !info.def.fused;

const hasRegion = (set: RegionSet, pc: number) => set.regions[set.slots.get(pc) ?? -1] !== undefined;

/** Where code that is often met at a biased pc is translated from: a loop whose last jump that is, from its start. */
export function start(cpu: BaseCpu, analysis: Analysis, set: RegionSet, pc: number): number {
  const i = instructionAt(cpu, analysis, pc, BIAS);
  return i && half(i.info) && i.target < pc && !hasRegion(set, i.target) ? i.target : pc;
}

/** Where the instructions of blocks are. */
export const placesOf = (blocks: Iterable<Block>): number[] =>
  [...blocks].flatMap((b) => b.instructions.map((i) => i.pc));

/** Samples of all places in the code of a graph since the set was made. */
export const samplesIn = ({ blocks }: Graph, { samples }: RegionSet): number =>
  placesOf(blocks).reduce((sum, pc) => sum + (samples.get(pc) ?? 0), 0);
/** Those that have not paid for anything yet. */
export const heatIn = ({ blocks }: Graph, set: RegionSet): number => heatAt(placesOf(blocks), set);
function heatAt(places: Iterable<number>, { heat }: RegionSet): number {
  let sum = 0;
  for (const pc of places) sum += Math.max(0, heat.get(pc) ?? 0);
  return sum;
}

/** The loops of graphs: their places, by where they begin. */
export function loopsOf(graphs: readonly Graph[]): Map<number, ReadonlySet<number>> {
  const headers = graphs.flatMap(({ blocks }) => blocks.filter((b) => b.isLoop && b.key < SPACE));
  return new Map(headers.map((b) => [b.pc, new Set(placesOf(loopOf(b).body))]));
}

/** What has copies in graphs, by where slices end that were in it. */
export function copiedIn(graphs: readonly Graph[]): Map<number, ReadonlySet<number>> {
  const all = graphs.filter(({ copied }) => copied.size);
  return new Map(
    all.flatMap((g) => g.blocks.filter((b) => b.isLoop || b === g.entry).map((b) => [b.pc, g.copied])),
  );
}

/**
 * Innermost loops that are worth a region of their own beside the one that they are in: where a slice ends in them, and the frames around are left
 * too, the interpreter would do what is left of them.
 */
export function hotLoops(graph: Graph, set: RegionSet): [number, ReadonlySet<number>][] {
  // One that begins with the region is come to again there.
  if (graph.entry.isLoop) return [];
  const all = loopsOf([graph]);
  return [...all].filter(([pc, body]) =>
    heatAt(body, set) >= body.size && ![...all.keys()].some((other) => other !== pc && body.has(other))
  );
}

/** The graph of a place that leads to where this one begins and is not in it: of those that are often met the first. */
export function enclosing(
  graph: Graph,
  set: RegionSet,
  limits: Eagerness,
  find: (pc: number) => Graph | undefined,
): Graph {
  const { pc } = graph.entry, least = Math.max(2, (set.heat.get(pc) ?? 0) / SELDOM);
  const own = new Set(graph.blocks.flatMap((b) => b.instructions.map((i) => i.pc)));
  const near = [...set.heat].filter(([at, heat]) =>
    at < pc && pc - at < NEAR && heat >= least && !own.has(at)
  );
  let best = graph;
  for (const [at] of near.sort(([a], [b]) => b - a).slice(0, TRIES)) {
    if (hasRegion(set, at)) continue;
    const other = find(at);
    if (!other || other.size >= limits.region || !other.byPc.has(pc)) continue;
    const { info } = other.entry.instructions[0];
    // A loop that comes before has perhaps come to its end for good.
    if (other.entry.isLoop) continue;
    if (!half(info) && info.how === "inline" && info.kind !== "enter" && info.kind !== "stop") best = other;
  }
  return best;
}

/**
 * The shortest way from a block back to it. What a loop's middle heads is one loop with all that lies around it, where every way back comes by the
 * same last block.
 */
function shortest(header: Block): ReadonlySet<Block> {
  const { body } = loopOf(header), from = new Map<Block, { readonly length: number; readonly by: Block }>();
  const work = [header];
  for (const b of work) {
    const length = (b === header ? 0 : from.get(b)!.length) + b.instructions.length;
    for (const s of b.successors) {
      if (!body.has(s) || length >= (from.get(s)?.length ?? Infinity)) continue;
      from.set(s, { length, by: b });
      // Come to again, what follows is nearer as well.
      if (s !== header) work.push(s);
    }
  }
  const way = new Set([header]);
  for (let b = from.get(header)?.by; b && b !== header; b = from.get(b)!.by) way.add(b);
  return way;
}

/** Bytes of an instruction, at most. */
const LONGEST = 15;

/**
 * The graph from where the loop that this one begins in is come to: what lies before it leads there, or jumps there. From the middle the loop would be
 * another one, whose first half comes last.
 */
export function natural(
  cpu: BaseCpu,
  analysis: Analysis,
  graph: Graph,
  set: RegionSet,
  limits: Eagerness,
  find: (pc: number) => Graph | undefined,
): Graph {
  const { entry } = graph;
  if (!entry.isLoop) return graph;
  const body = innerOf(entry)?.body ?? shortest(entry);
  const places = new Set(placesOf([...body].filter((b) => b.key < SPACE))), low = Math.min(...places);
  for (let length = 1; length <= LONGEST; length++) {
    if (!cpu.cache.find(low - length)) continue;
    const i = instructionAt(cpu, analysis, low - length, BIAS);
    if (i?.next !== low) continue;
    const { kind } = i.info;
    const to = kind === "jmp" ? i.target : kind === "next" || kind === "jcc" || kind === "call" ? low : -1;
    if (to === entry.pc || !places.has(to) || hasRegion(set, to)) return graph;
    const other = find(to);
    if (!other || other.size >= limits.region || !other.byPc.has(entry.pc)) return graph;
    const { info } = other.entry.instructions[0];
    return half(info) || info.how !== "inline" || info.kind === "enter" || info.kind === "stop"
      ? graph
      : other;
  }
  return graph;
}
