/**
 * Matching as POSIX and glibc do it: of all matches that begin first the longest; and of all ways to match that, the one
 * that takes earlier alternatives and longer repetitions first decides what the groups hold. The end is found by
 * following all states at once, the groups by a search that never looks at a state twice; only back references can make
 * it try all ways, and then within bounds.
 */
import * as S from "./syntax.ts";
import type { Anchor, CharacterSet, Node, Parsed } from "./parse.ts";

/** More instructions than this are "Memory exhausted", and so are more steps of one search, fewer with back references. */
const MOST_CODE = 200_000, MOST_STEPS = 200_000_000, MOST_TRIES = 3_000_000;

type Instruction =
  | { readonly op: "character"; readonly code: number }
  | { readonly op: "test"; readonly test: (c: number) => boolean; readonly low: Uint8Array }
  | { readonly op: "anchor"; readonly anchor: Anchor }
  | { readonly op: "split"; first: number; second: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "save"; readonly slot: number }
  | { readonly op: "enter"; readonly loop: number }
  | { readonly op: "again"; readonly loop: number; first: number }
  | { readonly op: "back"; readonly index: number }
  | { readonly op: "match" };

/** A compiled expression. */
export interface Program {
  readonly code: readonly Instruction[];
  readonly groups: number;
  readonly loops: number;
  readonly backReferences: boolean;
  readonly newlineAnchor: boolean;
  /** Characters below 256 that a match can begin with; undefined: it can be empty, or begin with others. */
  readonly first: Uint8Array | undefined;
}

/** Where the text may not count as the beginning or the end of a line. */
export interface Edges {
  readonly notBegin: boolean;
  readonly notEnd: boolean;
}

/** Compiles; undefined when it becomes too large. */
export function compile(parsed: Parsed, syntax: number, newlineAnchor: boolean): Program | undefined {
  const code: Instruction[] = [];
  let loops = 0;
  const any = (c: number): boolean =>
    isCharacter(c) && (c !== 10 || (syntax & S.DOT_NEWLINE) !== 0) &&
    (c !== 0 || (syntax & S.DOT_NOT_NULL) === 0);
  const test = (matches: (c: number) => boolean): Instruction => {
    const low = new Uint8Array(256);
    for (let c = 0; c < 256; c++) low[c] = matches(c) ? 1 : 0;
    return { op: "test", test: matches, low };
  };
  const emit = (node: Node): boolean => {
    if (code.length > MOST_CODE) return false;
    switch (node.kind) {
      case "empty":
        return true;
      case "character":
        code.push({ op: "character", code: node.code });
        return true;
      case "any":
        code.push(test(any));
        return true;
      case "set":
        code.push(test(tester(node.set)));
        return true;
      case "anchor":
        code.push({ op: "anchor", anchor: node.anchor });
        return true;
      case "back":
        code.push({ op: "back", index: node.index });
        return true;
      case "group": {
        code.push({ op: "save", slot: 2 * node.index });
        if (!emit(node.body)) return false;
        code.push({ op: "save", slot: 2 * node.index + 1 });
        return true;
      }
      case "sequence":
        return node.list.every(emit);
      case "alternatives": {
        const ends: { op: "jump"; to: number }[] = [];
        // In glibc an empty alternative leads to what follows, which comes after its sibling.
        const [one, two, ...rest] = node.list;
        const list = one.kind === "empty" ? [two, one, ...rest] : node.list;
        for (let n = 0; n < list.length - 1; n++) {
          const split = { op: "split" as const, first: code.length + 1, second: 0 };
          code.push(split);
          if (!emit(list[n])) return false;
          const end = { op: "jump" as const, to: 0 };
          code.push(end);
          ends.push(end);
          split.second = code.length;
        }
        if (!emit(list[list.length - 1])) return false;
        for (const end of ends) end.to = code.length;
        return true;
      }
      case "repeat":
        return emitRepeat(node.body, node.least, node.most);
      default:
        return node satisfies never;
    }
  };
  const emitRepeat = (body: Node, least: number, most: number): boolean => {
    for (let n = 0; n < least; n++) if (!emit(body)) return false;
    if (most === Infinity) {
      const split = { op: "split" as const, first: code.length + 1, second: 0 };
      const at = code.length;
      code.push(split);
      const loop = loops++;
      code.push({ op: "enter", loop });
      if (!emit(body)) return false;
      code.push({ op: "again", loop, first: at });
      split.second = code.length;
      return true;
    }
    const splits: { op: "split"; first: number; second: number }[] = [];
    for (let n = least; n < most; n++) {
      const split = { op: "split" as const, first: code.length + 1, second: 0 };
      code.push(split);
      splits.push(split);
      if (!emit(body)) return false;
    }
    for (const split of splits) split.second = code.length;
    return true;
  };
  if (!emit(parsed.node)) return undefined;
  code.push({ op: "match" });
  const program = {
    code,
    groups: parsed.groups,
    loops,
    backReferences: parsed.backReferences,
    newlineAnchor,
  };
  return { ...program, first: firstOf(code) };
}

const isCharacter = (c: number): boolean => c < S.INVALID || c >= S.BYTE;

function tester({ negated, ranges, classes }: CharacterSet): (c: number) => boolean {
  const has = (c: number): boolean =>
    ranges.some(([a, b]) => c >= a && c <= b) || classes.some((each) => each(c));
  return negated ? (c) => isCharacter(c) && !has(c) : has;
}

/** What a match can begin with. */
function firstOf(code: readonly Instruction[]): Uint8Array | undefined {
  const first = new Uint8Array(256), seen = new Uint8Array(code.length), stack = [0];
  while (stack.length > 0) {
    const pc = stack.pop()!;
    if (seen[pc]) continue;
    seen[pc] = 1;
    const each = code[pc];
    switch (each.op) {
      case "character":
        if (each.code > 255) return undefined;
        first[each.code] = 1;
        break;
      case "test":
        for (let c = 0; c < 256; c++) first[c] |= each.low[c];
        break;
      case "split":
        stack.push(each.second, each.first);
        break;
      case "jump":
        stack.push(each.to);
        break;
      case "again":
        stack.push(each.first, pc + 1);
        break;
      case "back":
      case "match":
        return undefined;
      default:
        stack.push(pc + 1);
    }
  }
  return first;
}

/** One search over one text. */
export class Matcher {
  readonly #program: Program;
  readonly #text: ArrayLike<number>;
  readonly #edges: Edges;
  // Two lists of states, each without repetition: the number of the step at which one was entered last.
  readonly #entered: Int32Array;
  #step = 0;
  #steps = 0;

  constructor(program: Program, text: ArrayLike<number>, edges: Edges) {
    this.#program = program;
    this.#text = text;
    this.#edges = edges;
    this.#entered = new Int32Array(program.code.length);
  }

  /**
   * The match that begins at `start`: pairs of places, the whole first, -1 for groups that took no part. Undefined: none;
   * "exhausted": too many ways to try.
   */
  at(start: number, wantGroups: boolean): number[] | undefined | "exhausted" {
    const { first, backReferences, groups } = this.#program;
    if (first !== undefined) {
      const c = start < this.#text.length ? this.#text[start] : -1;
      if (c < 0 || (c < 256 && first[c] === 0)) return undefined;
    }
    if (backReferences) return this.#ways(start, -1);
    const end = this.#longest(start);
    if (this.#steps > MOST_STEPS) return "exhausted";
    if (end < 0) return undefined;
    return wantGroups && groups > 0 ? this.#ways(start, end) : [start, end];
  }

  #isWord(at: number): boolean {
    return at >= 0 && at < this.#text.length && S.inWord(this.#text[at]);
  }
  #holds(anchor: Anchor, at: number, start: number): boolean {
    const text = this.#text, { newlineAnchor } = this.#program;
    switch (anchor) {
      case "line first":
        // glibc takes a newline that the match itself has passed as one, whether lines were asked for or not.
        return at === 0 ? !this.#edges.notBegin : (newlineAnchor || at > start) && text[at - 1] === 10;
      case "line last":
        return at === text.length ? !this.#edges.notEnd : newlineAnchor && text[at] === 10;
      case "buffer first":
        return at === 0;
      case "buffer last":
        return at === text.length;
      case "word first":
        return !this.#isWord(at - 1) && this.#isWord(at);
      case "word last":
        return this.#isWord(at - 1) && !this.#isWord(at);
      case "inside word":
        return this.#isWord(at - 1) && this.#isWord(at);
      case "outside word":
        return !this.#isWord(at - 1) && !this.#isWord(at);
      default:
        return anchor satisfies never;
    }
  }

  /** The end of the longest match; -1 for none. */
  #longest(start: number): number {
    const { code } = this.#program, text = this.#text;
    let now: number[] = [], next: number[] = [];
    let end = -1;
    const stack: number[] = [];
    const enter = (list: number[], from: number, at: number): void => {
      stack.push(from);
      while (stack.length > 0) {
        const pc = stack.pop()!;
        if (this.#entered[pc] === this.#step) continue;
        this.#entered[pc] = this.#step;
        const each = code[pc];
        switch (each.op) {
          case "split":
            stack.push(each.second, each.first);
            break;
          case "jump":
            stack.push(each.to);
            break;
          case "again":
            stack.push(each.first, pc + 1);
            break;
          case "save":
          case "enter":
            stack.push(pc + 1);
            break;
          case "anchor":
            if (this.#holds(each.anchor, at, start)) stack.push(pc + 1);
            break;
          case "match":
            end = at;
            break;
          default:
            list.push(pc);
        }
      }
    };
    this.#step++;
    enter(now, 0, start);
    for (let at = start; now.length > 0 && at < text.length; at++) {
      const c = text[at];
      this.#step++;
      this.#steps += now.length;
      if (this.#steps > MOST_STEPS) break;
      for (const pc of now) {
        const each = code[pc];
        const taken = each.op === "character"
          ? each.code === c
          : each.op === "test" && (c < 256 ? each.low[c] === 1 : each.test(c));
        if (taken) enter(next, pc + 1, at + 1);
      }
      [now, next] = [next, now];
      next.length = 0;
    }
    return end;
  }

  /**
   * Tries ways in order, each with its groups. With `end` the first one that ends there is taken; without it, all are
   * tried and the first of the longest is.
   */
  #ways(start: number, end: number): number[] | undefined | "exhausted" {
    const { code, groups, loops } = this.#program, text = this.#text;
    const slots = 2 * groups;
    /** Groups, then for each loop where its round began and the groups of then. */
    type State = readonly (number | State | undefined)[];
    const initial: State = [...new Array(slots).fill(-1), ...new Array(2 * loops).fill(-1)];
    const seen = new Set<number | string>();
    const pcs = [0], places = [start], states: State[] = [initial];
    let best: State | undefined, longest = -1;
    const most = end >= 0 ? MOST_STEPS : MOST_TRIES;
    while (pcs.length > 0) {
      let pc = pcs.pop()!, at = places.pop()!, state = states.pop()!;
      for (;;) {
        if (++this.#steps > most) return "exhausted";
        const each = code[pc];
        // Where ways part and where they meet: a state that failed once fails again.
        if (each.op === "split" || each.op === "again" || each.op === "save") {
          const key = end >= 0 ? pc * (text.length + 1) + at : `${pc} ${at} ${state.slice(0, slots).join()}`;
          if (seen.has(key)) break;
          seen.add(key);
        }
        if (each.op === "character" || each.op === "test") {
          const c = at < text.length ? text[at] : -1;
          const taken = c >= 0 &&
            (each.op === "character" ? each.code === c : c < 256 ? each.low[c] === 1 : each.test(c));
          if (!taken) break;
          at++;
          pc++;
        } else if (each.op === "anchor") {
          if (!this.#holds(each.anchor, at, start)) break;
          pc++;
        } else if (each.op === "split") {
          pcs.push(each.second);
          places.push(at);
          states.push(state);
          pc = each.first;
        } else if (each.op === "jump") pc = each.to;
        else if (each.op === "save") {
          state = state.with(each.slot, at);
          pc++;
        } else if (each.op === "enter") {
          state = state.with(slots + 2 * each.loop, at).with(slots + 2 * each.loop + 1, state);
          pc++;
        } else if (each.op === "again") {
          const began = state[slots + 2 * each.loop], before = state[slots + 2 * each.loop + 1] as State;
          if (began !== at) pc = each.first;
          else {
            // An empty round counts only when it is the first to set its groups.
            if (before.slice(0, slots).some((n, i) => n !== -1 && n !== state[i])) state = before;
            pc++;
          }
        } else if (each.op === "back") {
          const from = state[2 * each.index] as number, to = state[2 * each.index + 1] as number;
          if (from < 0 || to < from || at + to - from > text.length) break;
          let same = true;
          for (let n = 0; same && n < to - from; n++) same = text[from + n] === text[at + n];
          if (!same) break;
          at += to - from;
          pc++;
        } else {
          if (end >= 0 ? at === end : at > longest) {
            best = state;
            longest = at;
          }
          break;
        }
      }
      if (end >= 0 && best !== undefined) break;
    }
    if (best === undefined) return undefined;
    const result = [start, longest];
    for (let n = 0; n < slots; n += 2) {
      const from = best[n] as number, to = best[n + 1] as number;
      const whole = from >= 0 && to >= from;
      result.push(whole ? from : -1, whole ? to : -1);
    }
    return result;
  }
}
