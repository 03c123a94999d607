/** The control-flow graph of a region: discovery from an entry through the cache's records, dominators, loops, liveness of flags. */
import { CORE_OPS, INFO, infoOf, RECORD } from "../layout.ts";
import type { Analysis, Info } from "./analysis.ts";
import { guess, guessJump } from "./guess.ts";
import { Copies, keyIn, pcOf, SPACE } from "./inline.ts";
import type { Fields } from "./machine.ts";
import type { Profile } from "./path.ts";

/** An operation that only computes an address. */
export interface AddressOp {
  readonly op: number;
  readonly fields: Fields;
}

/** One record of an instruction that has several, before or after the one that can fault or leave. */
export interface Part {
  readonly info: Info;
  readonly fields: Fields;
}

/** A region may be that many times as large where it goes straight on: hashes and ciphers have blocks of thousands of instructions. */
const STRAIGHT = 12;

export interface Instruction {
  /** Biased. */
  readonly pc: number;
  /** What follows in memory: a key (inline.ts). */
  readonly next: number;
  /** The record of its operation. */
  readonly record: number;
  readonly op: number;
  readonly info: Info;
  readonly fields: Fields;
  readonly length: number;
  readonly addresses: readonly AddressOp[];
  readonly before: readonly Part[];
  readonly after: readonly Part[];
  /** Target of a direct branch, as a key; of a call, biased. */
  readonly target: number;
  /** A branch that the interpreter has never taken. */
  readonly untaken: boolean;
  /** Where a computed call or jump is thought to go: keys of what is in this region, biased addresses of what is called. */
  guesses: readonly number[];
  /** Somebody may read the flags before it, after it. */
  flagsBefore: boolean;
  flagsAfter: boolean;
}

export interface Block {
  readonly index: number;
  /** Biased; and its key. */
  readonly pc: number;
  readonly key: number;
  readonly instructions: Instruction[];
  readonly successors: Block[];
  readonly predecessors: Block[];
  /** Position in reverse postorder; dominator; blocks with several ways in that it dominates. */
  order: number;
  dominator?: Block | undefined;
  readonly merges: Block[];
  /** Where its branches leave the region although the block is here. */
  readonly cut: Set<number>;
  isMerge: boolean;
  isLoop: boolean;
  /** Instructions of the loop that it heads, about. */
  loopSize: number;
  /** Only branches lead here, and samples say that they are hardly ever taken. */
  seldom: boolean;
}

/** What discovery needs of a CPU. */
export interface Code {
  recordAt(pc: number): number;
  readonly state: DataView;
  readonly memory: Uint8Array;
  permissions(page: number): number;
  readonly cache: { readonly generation: number; find(pc: number): number };
  readonly engine: {
    readonly u8: Uint8Array;
    readonly u16: Uint16Array;
    readonly i32: Int32Array;
    readonly u32: Uint32Array;
  };
}

export interface Graph {
  readonly entry: Block;
  readonly blocks: Block[];
  /** By key. */
  readonly byPc: ReadonlyMap<number, Block>;
  readonly size: number;
  readonly pages: ReadonlySet<number>;
  /** More of what it calls may become part of it when there are more samples. */
  readonly later: boolean;
  /** Functions that have copies in it, by their addresses. */
  readonly copied: ReadonlySet<number>;
}

function fieldsOf(code: Code, r: number, shift: number): Fields {
  const { u8, i32 } = code.engine;
  return {
    a: u8[r + RECORD.a] << shift,
    b: u8[r + RECORD.b] << shift,
    base: u8[r + RECORD.base] << shift,
    index: u8[r + RECORD.index] << shift,
    scale: u8[r + RECORD.scale],
    disp: i32[r + RECORD.disp >>> 2],
    imm: i32[r + RECORD.imm >>> 2],
  };
}

/** The instruction at a biased pc; undefined: it cannot be decoded, or is only for the interpreter. */
export function instructionAt(
  code: Code,
  analysis: Analysis,
  pc: number,
  bias: number,
): Instruction | undefined {
  let r = code.recordAt(pc + bias);
  if (!r) return undefined;
  const { u8, u16, u32 } = code.engine, { fieldShift: shift = 0 } = analysis.slots.spec;
  const addresses: AddressOp[] = [];
  let op = u16[r >>> 1], main = r;
  // The entry of another region: the record that was there is its copy; what follows is in the old place.
  if (op === CORE_OPS.region) main = u32[r + RECORD.disp >>> 2], op = u16[main >>> 1];
  while (op === CORE_OPS.ea || op === CORE_OPS.ea32 || op === CORE_OPS.absolute) {
    addresses.push({ op, fields: fieldsOf(code, main, shift) });
    r += RECORD.size, main = r, op = u16[r >>> 1];
  }
  if (op < CORE_OPS.first) return undefined;
  let info = analysis.info(op);
  // Records of the same instruction: addresses that an operation computes, what is written back.
  const before: Part[] = [], after: Part[] = [];
  let record = main, end = r;
  const simple = (i: Info) =>
    i.kind === "next" && i.how === "inline" && !i.def.operands.some((o) => o.place === "mem");
  for (;;) {
    const next = end + RECORD.size, other = u16[next >>> 1];
    if (info.kind !== "next" || u32[infoOf(next) >>> 2] !== pc || other < CORE_OPS.first) break;
    const more = analysis.info(other);
    if (simple(more)) after.push({ info: more, fields: fieldsOf(code, next, shift) });
    else if (simple(info) && !after.length) {
      before.push({ info, fields: fieldsOf(code, record, shift) });
      info = more, op = other, record = next;
    } else return undefined;
    end = next;
  }
  if (before.length) main = record, r = record;
  const at = infoOf(main), fields = fieldsOf(code, main, shift);
  info = analysis.infoWith(op, info, fields.imm);
  // A count of zero leaves the flags alone.
  if (
    info.killsFlags && !(fields.imm & 31) && info.def.flags &&
    info.def.operands.some((o) => o.place === "imm" && o.size === 8)
  ) {
    info = { ...info, killsFlags: false, readsFlags: true, needsFlags: info.needsFlags };
  }
  if (u32[at >>> 2] !== pc) return undefined;
  let length = u8[at + INFO.length], target = 0, branch = main, untaken = false;
  if (info.def.fused) {
    branch = (main === r ? r : main) + RECORD.size;
    length += u8[infoOf(branch) + INFO.length];
  }
  if (info.kind === "jcc" || info.kind === "jmp" || info.kind === "call") {
    const to = u32[branch + RECORD.disp >>> 2];
    untaken = info.kind === "jcc" && u16[to >>> 1] === CORE_OPS.link;
    target = u32[infoOf(to) >>> 2];
  }
  return {
    pc,
    next: pc + length,
    record: main,
    op,
    info,
    fields,
    length,
    addresses,
    before,
    after,
    target,
    untaken,
    guesses: [],
    flagsBefore: true,
    flagsAfter: true,
  };
}

/** May somebody read the flags at a biased pc? No, when the code there soon overwrites them. */
export function flagsLiveAt(code: Code, analysis: Analysis, pc: number, bias: number): boolean {
  for (let n = 0; n < 12; n++) {
    const i = instructionAt(code, analysis, pc, bias);
    if (!i || i.info.needsFlags) return true;
    if (i.info.killsFlags && !i.info.readsFlags) return false;
    if (ends(i)) return true;
    pc = i.next;
  }
  return true;
}

/** Does the instruction end a block? */
const ends = (i: Instruction): boolean => i.info.kind !== "next" || i.info.how === "leave";

/**
 * The code that an entry leads to, at most `limit` instructions. Without `cold`: as far as it has been decoded. `stop`: what begins at a
 * biased pc is left to others. `profile`: what is called may be copied as far as it is executed often.
 */
export function discover(
  code: Code,
  analysis: Analysis,
  entry: number,
  bias: number,
  limit: number,
  profile: Profile,
  cold = true,
  stop?: (pc: number) => boolean,
): Graph | undefined {
  const generation = code.cache.generation;
  const found = new Map<number, Instruction>(), leaders = new Set<number>([entry]);
  const queue = [entry], copies = new Copies(code, analysis, entry, bias, cold, profile, limit);
  const lead = (key: number) => (leaders.add(key), queue.push(key));
  for (let at = 0; at < queue.length; at++) {
    const run: Instruction[] = [];
    let key = queue[at];
    while (
      !found.has(key) && (found.size < limit || (!cold && run.length > 0 && found.size < limit * STRAIGHT))
    ) {
      // What the interpreter has not met yet is left to it.
      if (!cold && !code.cache.find(pcOf(key))) break;
      if (key >= SPACE && copies.rare(key)) break;
      if (stop && key !== entry && key < SPACE && stop(key)) break;
      const plain = instructionAt(code, analysis, pcOf(key), bias);
      if (!plain) break;
      const i = copies.place(plain, keyIn(key));
      found.set(key, i), run.push(i);
      if (ends(i)) {
        const { kind, how } = i.info;
        if (kind === "jcc" || kind === "jmp") lead(i.target);
        if (kind === "jump" && !i.guesses.length) {
          i.guesses = guessJump(code, analysis, run).map((pc) => pc + key - i.pc);
        }
        if (kind === "callIndirect") {
          i.guesses = guess(code, analysis, run).map((pc) => copies.call(pc, i, key));
        }
        for (const to of i.guesses) if (kind === "jump" || to >= SPACE) lead(to);
        if (
          kind === "jcc" || kind === "call" || kind === "callIndirect" || kind === "enter" || how === "leave"
        ) lead(i.next);
        break;
      }
      key = i.next;
    }
  }
  if (generation !== code.cache.generation || !found.has(entry)) return undefined;

  const byPc = new Map<number, Block>(), list: Block[] = [];
  for (const key of leaders) {
    if (!found.has(key)) continue;
    const b = blockOf(list.length, key, [], []);
    byPc.set(key, b), list.push(b);
  }
  for (const b of list) {
    for (let pc = b.key;;) {
      const i = found.get(pc);
      if (!i) break;
      b.instructions.push(i);
      pc = i.next;
      if (ends(i) || byPc.has(pc)) break;
    }
    const last = b.instructions[b.instructions.length - 1];
    const to = (pc: number) => {
      const s = byPc.get(pc);
      if (s && !b.successors.includes(s)) b.successors.push(s);
    };
    const { kind, how } = last.info;
    if (how === "leave" && kind === "next") continue;
    if (kind === "jcc" || kind === "jmp") to(last.target);
    for (const guess of last.guesses) if (kind === "jump" || guess >= SPACE) to(guess);
    if (
      kind === "jcc" || kind === "call" || kind === "callIndirect" || kind === "next" ||
      (kind === "enter" && how === "inline")
    ) to(last.next);
  }

  const first = byPc.get(entry)!;
  let blocks = order(first);
  if (split(blocks, byPc, copies)) blocks = order(first);
  if (splitLeaves(blocks, byPc, copies)) blocks = order(first);
  let wrong = irreducible(blocks);
  for (let turn = 0, room = SPLIT; wrong.length && turn < TURNS; turn++) {
    const size = peel(blocks, byPc, copies, room);
    if (!size) break;
    room -= size;
    blocks = order(first), wrong = irreducible(blocks);
  }
  // What is left of them leaves the region: their targets become the entries of others.
  for (const [p, b] of wrong) {
    p.successors.splice(p.successors.indexOf(b), 1);
    b.predecessors.splice(b.predecessors.indexOf(p), 1);
    p.cut.add(b.key);
  }
  for (const b of blocks) {
    let forward = 0;
    for (const p of b.predecessors) {
      // Behind a call with guesses several ways come together.
      const { info, guesses } = p.instructions[p.instructions.length - 1];
      if (p.order < b.order) forward += info.kind === "callIndirect" && guesses.length ? 2 : 1;
      else b.isLoop = true;
    }
    b.isMerge = forward > 1;
    if (b.isMerge) b.dominator!.merges.push(b);
  }
  for (const b of blocks) b.merges.sort((x, y) => x.order - y.order);
  for (const header of blocks) {
    if (!header.isLoop) continue;
    const body = new Set([header]), work = header.predecessors.filter((p) => p.order >= header.order);
    while (work.length) {
      const b = work.pop()!;
      if (body.has(b)) continue;
      body.add(b);
      work.push(...b.predecessors);
    }
    for (const b of body) header.loopSize += b.instructions.length;
  }

  markSeldom(blocks, profile);
  const pages = new Set<number>();
  let size = 0;
  for (const b of blocks) {
    for (const i of b.instructions) {
      size++;
      pages.add(i.pc >>> 12), pages.add(i.pc + i.length - 1 >>> 12);
    }
  }
  return { entry: first, blocks, byPc, size, pages, later: copies.later, copied: copies.made };
}

/** Samples of a region's most sampled block that tell enough; one that is seldom come to has one in so many of them, at most. */
const TOLD = 32, SELDOM = 64;

/** Slices end at targets of branches (path.ts): what has no samples there is not branched to. */
function markSeldom(blocks: readonly Block[], { samples, price }: Profile): void {
  const most = Math.max(...blocks.map((b) => samples.get(b.pc) ?? 0));
  if (!price || most < TOLD) return;
  for (const b of blocks) {
    const branched = b.predecessors.length > 0 && b.predecessors.every(({ instructions }) => {
      const { info: { kind }, target, next } = instructions[instructions.length - 1];
      return kind === "jcc" && target === b.key && next !== b.key;
    });
    b.seldom = branched && (samples.get(b.pc) ?? 0) * SELDOM <= most;
  }
}

/** Instructions of a block that is copied so that a loop has one entry, and of all of them in a region; how often that is done. */
const SMALL = 16, SPLIT = 60, TURNS = 4;

/** Blocks in reverse postorder, with their predecessors and dominators. */
function order(first: Block): Block[] {
  // Without recursion.
  const post: Block[] = [], stack: [Block, number][] = [[first, 0]];
  const seen = new Set([first]);
  while (stack.length) {
    const top = stack[stack.length - 1], [b, next] = top;
    if (next < b.successors.length) {
      top[1]++;
      const s = b.successors[b.successors.length - 1 - next];
      if (!seen.has(s)) seen.add(s), stack.push([s, 0]);
    } else post.push(b), stack.pop();
  }
  const blocks = post.reverse();
  blocks.forEach((b, i) => (b.order = i, b.predecessors.length = 0, b.dominator = undefined));
  for (const b of blocks) for (const s of b.successors) s.predecessors.push(b);

  // Dominators (Cooper, Harvey, Kennedy).
  first.dominator = first;
  for (let changed = true; changed;) {
    changed = false;
    for (const b of blocks) {
      if (b === first) continue;
      let d: Block | undefined;
      for (const p of b.predecessors) {
        if (!p.dominator) continue;
        if (!d) {
          d = p;
          continue;
        }
        let x: Block = d, y: Block = p;
        while (x !== y) {
          while (x.order > y.order) x = x.dominator!;
          while (y.order > x.order) y = y.dominator!;
        }
        d = x;
      }
      if (d !== b.dominator) b.dominator = d, changed = true;
    }
  }
  return blocks;
}

/** Ways back into a loop's middle. */
function irreducible(blocks: readonly Block[]): [from: Block, to: Block][] {
  const dominates = (a: Block, b: Block) => {
    for (let x = b;; x = x.dominator!) {
      if (x === a) return true;
      if (x === blocks[0]) return false;
    }
  };
  return blocks.flatMap((b) =>
    b.predecessors.filter((p) => p.order >= b.order && !dominates(b, p)).map((p) => [p, b] as [Block, Block])
  );
}

/** Loops, one of which has the others in it, of these blocks: strongly connected components (Tarjan). */
function components(blocks: ReadonlySet<Block>): Set<Block>[] {
  const number = new Map<Block, number>(), low = new Map<Block, number>(), stack: Block[] = [];
  const found: Set<Block>[] = [];
  const visit = (b: Block) => {
    number.set(b, number.size), low.set(b, number.get(b)!), stack.push(b);
    for (const s of b.successors) {
      if (!blocks.has(s)) continue;
      if (!number.has(s)) visit(s);
      if (stack.includes(s)) low.set(b, Math.min(low.get(b)!, low.get(s)!));
    }
    if (low.get(b) === number.get(b)) found.push(new Set(stack.splice(stack.indexOf(b))));
  };
  for (const b of blocks) if (!number.has(b)) visit(b);
  return found.filter((c) => c.size > 1);
}

/** The first loop with several entries, and those. */
function entered(
  blocks: ReadonlySet<Block>,
  first: Block,
): { readonly loop: ReadonlySet<Block>; readonly entries: readonly Block[] } | undefined {
  for (const loop of components(blocks)) {
    const entries = [...loop].filter((b) => b === first || b.predecessors.some((p) => !loop.has(p)));
    if (entries.length > 1) return { loop, entries };
    const inside = new Set(loop);
    inside.delete(entries[0]);
    const inner = entered(inside, first);
    if (inner) return inner;
  }
  return undefined;
}

/**
 * A loop that is entered in several places gets copies of these places for whoever comes from outside: a copy goes on where its block does, so
 * that another block, or fewer, is where the loop begins. Returns the instructions that have been copied.
 */
function peel(blocks: readonly Block[], byPc: Map<number, Block>, copies: Copies, room: number): number {
  const found = entered(new Set(blocks), blocks[0]);
  if (!found) return 0;
  const { loop, entries } = found;
  const after = new Set(entries.flatMap((b) => b.successors.filter((s) => loop.has(s))));
  // All of them lead to one block: that is it. Else the largest one stays.
  let some = entries;
  if (after.size > 1 || entries.some((b) => b === blocks[0] || after.has(b))) {
    const stays = entries.find((b) => b === blocks[0]) ??
      entries.reduce((x, y) => y.instructions.length > x.instructions.length ? y : x);
    some = entries.filter((b) => b !== stays);
  }
  const size = some.reduce((sum, b) => sum + b.instructions.length, 0);
  const outside = (b: Block) => b.predecessors.filter((p) => !loop.has(p));
  if (size > room || !some.every((b) => b.instructions.length <= SMALL && outside(b).every(turns))) return 0;
  for (const b of some) copy(b, outside(b), byPc, copies);
  return size;
}

/** Instructions of the end of a copied function, and of what looks at its result; of all copies of them in a region. */
const END = 4, ENDS = 40;

/**
 * What a copied function returns is often a constant on one way, and looked at at once: `if (compare(a, b) > 0)`. Its end and the branch behind the call
 * are copied for each way that leads there, so that the branch is none on such a way. Returns whether there were any.
 */
function split(blocks: readonly Block[], byPc: Map<number, Block>, copies: Copies): boolean {
  let room = ENDS;
  const forward = (b: Block) => b.predecessors.every((p) => p.order < b.order);
  for (const end of blocks) {
    const { instructions, predecessors } = end, last = instructions[instructions.length - 1];
    const returns = end.key >= SPACE && last.info.kind === "jump" && last.guesses.length === 1;
    if (!returns || instructions.length > END || predecessors.length < 2) continue;
    const behind = byPc.get(last.guesses[0]), looks = behind?.instructions ?? [];
    if (!behind || looks.length > END || looks[looks.length - 1].info.kind !== "jcc") continue;
    // A computed call that goes elsewhere comes back there, too: then nothing stays with that.
    const ways = behind.predecessors.length > 1 ? predecessors : predecessors.slice(1);
    const size = (instructions.length + looks.length) * ways.length;
    if (size > room || !forward(behind) || !forward(end) || !predecessors.every(turns)) continue;
    room -= size;
    for (const p of ways) copy(behind, [copy(end, [p], byPc, copies)], byPc, copies);
  }
  return room < ENDS;
}

/** Instructions of the end of a function; of all copies of such ends in a region. */
const EPILOGUE = 8, EPILOGUES = 64;

/**
 * Many functions save registers and return before they have called anything: the end of a recursion. Where no call lies between, what is taken back is
 * known (func.ts), so that such ways have an end of their own. Returns whether there were any.
 */
function splitLeaves(blocks: readonly Block[], byPc: Map<number, Block>, copies: Copies): boolean {
  let room = EPILOGUES;
  for (const end of blocks) {
    const { instructions, predecessors } = end, { info, guesses } = instructions[instructions.length - 1];
    const returns = info.kind === "return" ||
      (end.key >= SPACE && info.kind === "jump" && guesses.length === 1);
    if (!returns || instructions.length > Math.min(room, EPILOGUE) || predecessors.length < 2) continue;
    const start = end.key >= SPACE ? copies.start(end.key) : blocks[0].key;
    const leaves = predecessors.filter((p) => p.order < end.order && turns(p) && callsNothing(p, start));
    if (!leaves.length || leaves.length === predecessors.length) continue;
    room -= instructions.length;
    copy(end, leaves, byPc, copies);
  }
  return room < EPILOGUES;
}
/** Is nothing called, and nothing done that may write anywhere, on the ways from the block at the key to the end of this one? */
function callsNothing(b: Block, start: number): boolean {
  const seen = new Set([b]);
  for (const { key, instructions, predecessors } of seen) {
    const { info: { kind } } = instructions[instructions.length - 1];
    if (kind === "call" || kind === "callIndirect" || kind === "enter") return false;
    if (instructions.some((i) => i.info.how !== "inline")) return false;
    if (key !== start) { for (const p of predecessors) seen.add(p); }
  }
  return true;
}

/** Its last instruction can be told to go somewhere else. */
const turns = ({ instructions }: Block): boolean => {
  const { kind } = instructions[instructions.length - 1].info;
  return kind === "jcc" || kind === "jmp" || kind === "next";
};

/** The ways from these blocks to `b` lead to a copy of it. */
function copy(b: Block, from: readonly Block[], byPc: Map<number, Block>, copies: Copies): Block {
  const base = copies.space(), key = pcOf(b.key) + base, end = b.instructions.length - 1;
  const instructions = b.instructions.map((i, n) => n < end ? { ...i, next: pcOf(i.next) + base } : { ...i });
  const made = blockOf(byPc.size, key, instructions, [...b.successors]);
  byPc.set(key, made);
  const to = (old: number) => old === b.key ? key : old;
  for (const p of from) {
    const at = p.instructions.length - 1, last = p.instructions[at], next = to(last.next);
    const target = last.info.kind === "next" ? last.target : to(last.target);
    p.instructions[at] = { ...last, next, target, guesses: last.guesses.map(to) };
    p.successors[p.successors.indexOf(b)] = made;
  }
  return made;
}

const blockOf = (index: number, key: number, instructions: Instruction[], successors: Block[]): Block => ({
  index,
  pc: pcOf(key),
  key,
  instructions,
  successors,
  predecessors: [],
  order: -1,
  merges: [],
  cut: new Set(),
  isMerge: false,
  isLoop: false,
  loopSize: 0,
  seldom: false,
});

/** Finds where the flags of a graph are wanted: before code is made of it. */
export function followFlags(
  { blocks, byPc }: Graph,
  code: Code,
  analysis: Analysis,
  bias: number,
  exact: boolean,
): void {
  const reads = new Map<number, boolean>();
  liveness(blocks, byPc, exact, (pc) => {
    let live = reads.get(pc);
    if (live === undefined) reads.set(pc, live = exact || flagsLiveAt(code, analysis, pc, bias));
    return live;
  });
}

/** Backwards until nothing changes. What leaves the region reads all, what is `called` perhaps not; `exact`: also what may leave it by a fault. */
function liveness(
  blocks: readonly Block[],
  byPc: ReadonlyMap<number, Block>,
  exact: boolean,
  called: (pc: number) => boolean,
): void {
  const before = new Map<Block, boolean>(blocks.map((b) => [b, false]));
  for (let changed = true; changed;) {
    changed = false;
    for (let n = blocks.length - 1; n >= 0; n--) {
      const b = blocks[n], last = b.instructions[b.instructions.length - 1];
      const { kind, how } = last.info;
      const leaves = how === "leave" || (kind === "call" && called(last.target)) || kind === "jump" ||
        kind === "return" ||
        kind === "callIndirect" ||
        kind === "enter" || kind === "stop" ||
        b.cut.size > 0 || ((kind === "jcc" || kind === "jmp") && !byPc.has(last.target)) ||
        ((kind === "jcc" || kind === "next") && !byPc.has(last.next));
      // What comes behind a call has the callee's flags.
      let live = leaves || (kind !== "call" && b.successors.some((s) => before.get(s)));
      for (let i = b.instructions.length - 1; i >= 0; i--) {
        const x = b.instructions[i];
        x.flagsAfter = live;
        live = live ? x.info.readsFlags || !x.info.killsFlags : x.info.needsFlags;
        if (x.info.kind === "enter" || x.info.kind === "stop" || (exact && x.info.leaves)) live = true;
        x.flagsBefore = live;
      }
      if (live !== before.get(b)) before.set(b, live), changed = true;
    }
  }
}
