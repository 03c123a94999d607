/**
 * What of a function is executed often, found from samples: the run loop notes where each of its slices ended, which is at targets of branches. So a branch is
 * taken often when its target has samples, and what follows it is executed often when a target further down has. Cold halves stay out of copies (inline.ts).
 */
import type { Analysis } from "./analysis.ts";
import { type Code, type Instruction, instructionAt } from "./graph.ts";
import { guessJump } from "./guess.ts";

/** What samples have told so far. */
export interface Profile {
  /** By biased pc. */
  readonly samples: ReadonlyMap<number, number>;
  /** By functions: samples of the regions that have copies of them. Their own code has no more samples then. */
  readonly inside: ReadonlyMap<number, number>;
  /** Samples in all. */
  readonly total: number;
  /** Samples that a function's most sampled place needs for each instruction that is copied. */
  readonly price: number;
  /** Is there a loop at a biased pc that a region begins with? */
  readonly loop: (pc: number) => boolean;
}

/**
 * Samples of a function's most sampled place that tell enough; and one in so many of those is a place that is executed often: they count what was executed since the branch before, not how
 * often a place was met.
 */
const ENOUGH = 4, MANY = 40, SHARE = 32;
/** Of all samples the place has one in so many, or copies are not worth what they take to compile: calls will do. */
export const OF_ALL = 40;
/** Instructions of a function that is copied as far as it has ever been executed. */
const WHOLE = 90;
/** Of its price: once its hottest places are regions of their own, they are not sampled any more. */
const PART = 1 / 2;
/** Instructions that are looked at: of a function, to find that place; of a way, for what it leads to; of a way that tells nothing but may be taken. */
const LOOK = 200, AHEAD = 100, SHORT = 12;

/** What was found of functions, and of how many samples. */
const found = new WeakMap<
  Profile["samples"],
  Map<number, { readonly known: number; readonly path: Set<number> | undefined | "later" }>
>();

/** What {@link executed} said when it was asked last, unless much has been sampled since. */
export function pathOf(
  code: Code,
  analysis: Analysis,
  entry: number,
  bias: number,
  profile: Profile,
  most: number,
): Set<number> | undefined | "later" {
  const { samples } = profile, known = profile.total;
  let paths = found.get(samples);
  if (!paths) found.set(samples, paths = new Map());
  const last = paths.get(entry);
  if (last && known < last.known * 1.5) return last.path;
  // Of what regions have copies of only the rest is sampled any more.
  const copied = typeof last?.path === "object" && (profile.inside.get(entry) ?? 0) * OF_ALL >= profile.total;
  if (copied) return last!.path;
  const path = executed(code, analysis, entry, bias, profile, most);
  paths.set(entry, { known, path });
  return path;
}

/**
 * Instructions of the function at a biased pc that are executed often, at most `most`; undefined: that is not known, they do not come back, or call the
 * function itself (then it is better called, from its copies in itself). Later: they are not paid yet, or more samples will tell. */
function executed(
  code: Code,
  analysis: Analysis,
  entry: number,
  bias: number,
  profile: Profile,
  most: number,
): Set<number> | undefined | "later" {
  const known = new Map<number, Instruction | undefined>();
  const at = (pc: number) => {
    if (!known.has(pc)) {
      known.set(pc, code.cache.find(pc) ? instructionAt(code, analysis, pc, bias) : undefined);
    }
    return known.get(pc);
  };
  const samples = (pc: number) => profile.samples.get(pc) ?? 0;
  const top = hottest(at, samples, entry);
  const share = top + (profile.inside.get(entry) ?? 0);
  if (top < ENOUGH || share * OF_ALL < profile.total) return undefined;
  if (top < MANY * profile.price) {
    const all = reached(at, entry, (run) => guessJump(code, analysis, run), Math.min(most, WHOLE));
    return all && all.size * profile.price * PART <= top ? all : "later";
  }
  let least = Math.max(2, top / SHARE);
  const hot = (pc: number) => samples(pc) >= least;

  /** Does what follows lead to a place with samples? undefined: it does not tell, and is short. */
  const leads = (from: number): boolean | undefined => {
    let n = 0;
    for (let pc = from;; n++) {
      const i = at(pc);
      if (!i || n > AHEAD) return false;
      if (n && hot(pc)) return true;
      const { kind } = i.info;
      if (kind === "jcc" && hot(i.target)) return true;
      if (kind === "jmp") return hot(i.target);
      if (kind === "call" && !hot(i.target) && !hot(i.next)) return false;
      if (kind === "return") return n <= SHORT ? undefined : false;
      if (kind === "jump" || kind === "stop") return false;
      pc = i.next;
    }
  };

  /** undefined: too much. */
  const follow = (): Set<number> | undefined => {
    const found = new Set<number>(), queue = [entry];
    let returns = false;
    for (let pc of queue) {
      const run: Instruction[] = [];
      while (!found.has(pc)) {
        const i = at(pc);
        if (!i) break;
        if (found.size >= most) return undefined;
        found.add(pc), run.push(i);
        const { kind, how } = i.info;
        if (kind === "call" && i.target === entry) return new Set();
        if (kind === "return") returns = true;
        if (kind === "jmp") queue.push(i.target);
        if (kind === "jump") queue.push(...guessJump(code, analysis, run));
        if (how === "leave" || kind === "return" || kind === "jmp" || kind === "jump" || kind === "stop") {
          break;
        }
        if (kind === "jcc") {
          // Samples miss what is short: what comes back at once is no less a part of it on one side of a branch than on the other.
          const taken = hot(i.target) || (!i.untaken && leads(i.target) === undefined);
          if (taken) queue.push(i.target);
          if (taken && leads(i.next) === false) break;
        }
        pc = i.next;
      }
    }
    return returns ? found : new Set();
  };
  let later = false;
  for (; least <= top; least *= 3) {
    const found = follow();
    if (found?.size === 0) return undefined;
    if (found && found.size * profile.price * PART <= top) return found;
    if (found) later = true;
  }
  return later ? "later" : undefined;
}

/** Most samples of a place in the function. */
function hottest(
  at: (pc: number) => Instruction | undefined,
  samples: (pc: number) => number,
  entry: number,
): number {
  const seen = new Set<number>(), queue = [entry];
  let top = 0;
  for (let pc of queue) {
    while (!seen.has(pc) && seen.size < LOOK) {
      const i = at(pc);
      if (!i) break;
      seen.add(pc), top = Math.max(top, samples(pc));
      const { kind } = i.info;
      if (kind === "jcc" || kind === "jmp") queue.push(i.target);
      if (kind === "return" || kind === "jmp" || kind === "jump" || kind === "stop") break;
      pc = i.next;
    }
  }
  return top;
}

/** What has ever been executed of the function: undefined if that is more than `most`, does not come back, or calls the function. */
function reached(
  at: (pc: number) => Instruction | undefined,
  entry: number,
  guess: (run: Instruction[]) => number[],
  most: number,
): Set<number> | undefined {
  const found = new Set<number>(), queue = [entry];
  let returns = false;
  for (let pc of queue) {
    const run: Instruction[] = [];
    while (!found.has(pc)) {
      const i = at(pc);
      if (!i) break;
      const { kind, how } = i.info;
      if (found.size >= most || (kind === "call" && i.target === entry)) return undefined;
      found.add(pc), run.push(i);
      if (kind === "return") returns = true;
      if (kind === "jmp" || (kind === "jcc" && !i.untaken)) queue.push(i.target);
      if (kind === "jump") queue.push(...guess(run));
      if (how === "leave" || kind === "return" || kind === "jmp" || kind === "jump" || kind === "stop") break;
      pc = i.next;
    }
  }
  return returns ? found : undefined;
}
