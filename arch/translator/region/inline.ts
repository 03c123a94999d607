/**
 * Small functions become part of the regions that call them. A region's graph knows its instructions by keys: the biased address plus,
 * for what belongs to a called function, the number of that copy times 2^32. The call is a jump into the copy; its return is a computed
 * jump with one guess, the instruction behind the call: nothing relies on the callee's returning there. A small function that calls
 * itself has copies of itself.
 */
import type { Analysis, Info } from "./analysis.ts";
import { type Code, type Instruction, instructionAt } from "./graph.ts";
import { pathOf, type Profile } from "./path.ts";

/** Keys of one copy. */
export const SPACE: number = 2 ** 32;
/** The biased address of a key. */
export const pcOf = (key: number): number => key % SPACE;
/** The number of the copy that a key belongs to; 0 is the region itself. */
export const keyIn = (key: number): number => Math.floor(key / SPACE);

/**
 * Instructions of a function that is copied: of one that calls nothing, of one that calls itself; of what is executed often of another one; of all
 * copies in a region. */
const LEAF = 40, RECURSIVE = 40, PATH = 120, ALL = 400;
/** Samples behind a call for which a part of the function is copied. */
const RETURNS = 3;
/** Copies within copies: in any case; of a function that calls itself as many as come to so many instructions. */
const DEEPEST = 2, DEEPER = 5, DEEP = 120, PATHS = 4;

/** For tests: off, all calls are calls. */
export const copying: { on: boolean } = { on: true };

interface Copy {
  readonly back: number;
  /** The key of the function's first instruction. */
  readonly start: number;
  readonly depth: number;
  /** What of the function is copied; undefined: all. */
  readonly path?: ReadonlySet<number>;
}

/** The copies in one region. */
export class Copies {
  /** Of each copy: the key behind the call, and how many copies it is in. */
  readonly #copies: Copy[] = [{ back: 0, start: 0, depth: 0 }];
  /** Instructions of functions that may be copied, by their addresses; 0: not this one. */
  readonly #sizes = new Map<number, number>();
  readonly #paths = new Map<number, ReadonlySet<number>>();
  #room: number;
  #deepest = DEEPEST;
  /** With more samples there would be more copies. */
  later = false;
  /** Functions that have been copied, by their addresses. */
  readonly made: Set<number> = new Set();

  constructor(
    readonly code: Code,
    readonly analysis: Analysis,
    readonly entry: number,
    readonly bias: number,
    readonly cold: boolean,
    readonly profile: Profile,
    limit: number,
  ) {
    // Code that goes beyond the limit takes a part of it only.
    this.#room = Math.min(ALL, limit >> 1);
  }

  /** Does the instruction at a key stay out: executed too rarely to be copied? */
  rare(key: number): boolean {
    const path = this.#copies[keyIn(key)]?.path;
    return path !== undefined && !path.has(pcOf(key));
  }

  /** The instruction as it is in a copy. */
  place(i: Instruction, copy: number): Instruction {
    const base = copy * SPACE, next = i.next + base, { info } = i, { kind } = info;
    if (kind === "call") {
      const key = this.call(i.target, { next }, base);
      return key < SPACE ? { ...i, next } : { ...i, next, target: key, info: as(info, "jmp") };
    }
    if (!copy) return i;
    if (kind === "return") return { ...i, next, info: as(info, "jump"), guesses: [this.#copies[copy].back] };
    return { ...i, next, target: i.target + base };
  }

  /** Keys for a copy that is no function's. */
  space(): number {
    return SPACE * (this.#copies.push({ back: 0, start: 0, depth: DEEPER }) - 1);
  }
  /** Where the copied function begins that a key belongs to. */
  start(key: number): number {
    return this.#copies[keyIn(key)].start;
  }
  /** The key of a copy of what is called at a biased address, made for this call in the copy of `key`; or the address: it is called. */
  call(pc: number, { next }: { readonly next: number }, key: number): number {
    const { depth, path: within } = this.#copies[keyIn(key)], recursive = pc === this.entry;
    if (!copying.on || depth >= DEEPER) return pc;
    let size = this.#sizes.get(pc);
    if (size === undefined) this.#sizes.set(pc, size = this.#measure(pc, recursive) || this.#follow(pc));
    const path = this.#paths.get(pc);
    if (
      path
        ? depth >= PATHS || this.#seldom(pcOf(next))
        : depth >= this.#deepest || (!recursive && depth && !within)
    ) {
      return pc;
    }
    if (!size || size > this.#room) return pc;
    this.#room -= size;
    this.made.add(pc);
    const start = pc + SPACE * this.#copies.length;
    this.#copies.push({ back: next, start, depth: depth + 1, path });
    return start;
  }

  /** Is what follows a call rarely returned to? */
  #seldom(next: number): boolean {
    const { samples, price } = this.profile;
    return (samples.get(next) ?? 0) < RETURNS * price;
  }

  /** Of a function that is not copied as a whole: how much of it is executed often; 0: it is not copied. */
  #follow(entry: number): number {
    const { code, analysis, bias, profile } = this;

    const path = pathOf(code, analysis, entry, bias, profile, PATH);
    if (path === "later") this.later = true;
    if (!path || path === "later") return 0;
    // Most of its time is in the loop, whose region has copies for which there may be no room in this one.
    for (const pc of path) if (profile.loop(pc)) return 0;
    this.#paths.set(entry, path);
    return path.size;
  }

  #measure(entry: number, recursive: boolean): number {
    const { code, analysis, bias, cold } = this, most = recursive ? RECURSIVE : LEAF;
    const seen = new Set<number>(), queue = [entry];
    let returns = false, calls = 0;
    for (let pc of queue) {
      while (!seen.has(pc)) {
        if (!cold && !code.cache.find(pc)) break;
        const i = instructionAt(code, analysis, pc, bias);
        if (!i || seen.size >= most) return 0;
        seen.add(pc);
        const { kind, how } = i.info;
        if (how !== "inline" || kind === "enter" || kind === "jump" || kind === "callIndirect") return 0;
        if (kind === "call" && !(recursive && i.target === entry)) return 0;
        if (kind === "call") calls++;
        if (kind === "return") returns = true;
        if (kind === "jcc" || kind === "jmp") queue.push(i.target);
        if (kind === "return" || kind === "jmp" || kind === "stop") break;
        pc = i.next;
      }
    }
    if (!returns) return 0;
    if (calls) {
      for (let all = seen.size, level = all, depth = 0; all <= DEEP && depth < DEEPER; depth++) {
        this.#deepest = Math.max(DEEPEST, depth);
        all += level *= calls;
      }
    }
    return seen.size;
  }
}

const as = (info: Info, kind: Info["kind"]): Info => ({ ...info, kind });
