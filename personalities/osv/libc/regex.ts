/**
 * regex.h: POSIX's regcomp and regexec, and GNU's re_* that grep, sed and expr use. The compiled expression is the kernel's; the
 * program's structure holds a block of the heap that names it, and what the program reads of the structure itself.
 */
import { type Task, WRITE } from "@guise/core";
import { arg, type Calls, type DirectCall, int, long } from "../direct.ts";
import { compile, Matcher, type Program } from "../regex/match.ts";
import { parse } from "../regex/parse.ts";
import * as S from "../regex/syntax.ts";
import { byteAt, characterAt, type Coding, decode } from "../regex/text.ts";
import { osvOf, type OsvProcess } from "../state.ts";

// struct re_pattern_buffer.
const BUFFER = 0, ALLOCATED = 8, USED = 16, SYNTAX = 24, FASTMAP = 32, TRANSLATE = 40, GROUPS = 48, BITS = 56;
const REGISTERS_SHIFT = 1,
  FASTMAP_ACCURATE = 8,
  NO_SUB = 0x10,
  NOT_BEGIN = 0x20,
  NOT_END = 0x40,
  NEWLINE_ANCHOR = 0x80;
/** Of regs_allocated. */
const UNALLOCATED = 0, REALLOCATE = 1, FIXED = 2;
/** Flags of regcomp and regexec. */
const REG_EXTENDED = 1,
  REG_ICASE = 2,
  REG_NEWLINE = 4,
  REG_NOSUB = 8,
  REG_NOTBOL = 1,
  REG_NOTEOL = 2,
  REG_STARTEND = 4;
/** Longer expressions are not compiled (bytes). */
const LONGEST = 1 << 20;

interface Compiled {
  readonly program: Program;
  readonly coding: Coding;
}

const known = new WeakMap<OsvProcess, Map<number, Compiled>>();

/** Compiled expressions by the address of their block. */
function expressions(task: Task): Map<number, Compiled> {
  const osv = osvOf(task);
  let map = known.get(osv);
  if (map === undefined) known.set(osv, map = new Map());
  return map;
}

/** Forgets the expression of a structure. */
function drop(task: Task, structure: number): void {
  const block = task.space.getNum64(structure + BUFFER) ?? 0;
  if (block !== 0 && expressions(task).delete(block)) osvOf(task).heap.release(block);
  task.space.setNum64(structure + BUFFER, 0);
}

/** Compiles into a structure: 0, or an error's number. */
function build(task: Task, structure: number, pattern: Uint8Array, syntax: number, bits: number): number {
  const { space } = task, { heap, locale } = osvOf(task);
  drop(task, structure);
  const table = space.getNum64(structure + TRANSLATE) ?? 0;
  const translate = table === 0 ? undefined : space.read(table, 256);
  const coding = { utf8: locale !== "C", ignoreCase: (syntax & S.ICASE) !== 0, translate };
  const raw = decode(pattern, { ...coding, ignoreCase: false }).characters;
  const folded = coding.ignoreCase ? decode(pattern, coding).characters : raw;
  const parsed = parse(raw, folded, syntax);
  if (typeof parsed === "number") return parsed;
  const program = compile(parsed, syntax, (bits & NEWLINE_ANCHOR) !== 0);
  const block = program === undefined ? 0 : heap.allocate(16);
  if (program === undefined || block === 0) return S.ESPACE;
  const words = [[BUFFER, block], [ALLOCATED, 16], [USED, 16], [SYNTAX, syntax], [
    GROUPS,
    parsed.groups,
  ]] as const;
  for (const [at, value] of words) if (!space.setNum64(structure + at, value)) return S.ESPACE;
  space.setU32(structure + BITS, bits | FASTMAP_ACCURATE);
  expressions(task).set(block, { program, coding });
  return 0;
}

const regcomp: DirectCall = (task) => {
  const structure = arg(task, 0), flags = int(task, 2);
  const pattern = task.space.cstring(arg(task, 1), LONGEST);
  if (typeof pattern === "number") return S.ESPACE;
  let syntax = flags & REG_EXTENDED ? S.POSIX_EXTENDED : S.POSIX_BASIC;
  if (flags & REG_ICASE) syntax |= S.ICASE;
  if (flags & REG_NEWLINE) syntax = (syntax & ~S.DOT_NEWLINE) | S.HAT_LISTS_NOT_NEWLINE;
  for (const at of [BUFFER, ALLOCATED, USED, FASTMAP, TRANSLATE]) task.space.setNum64(structure + at, 0);
  const bits = (flags & REG_NEWLINE ? NEWLINE_ANCHOR : 0) | (flags & REG_NOSUB ? NO_SUB : 0);
  const wrong = build(task, structure, pattern, syntax, bits);
  return wrong === S.ERPAREN ? S.EPAREN : wrong;
};

/** Groups of the first match, in bytes from the text's start; undefined: none. */
type Found = number[] | undefined | "exhausted";

interface Search {
  readonly structure: number;
  readonly text: Uint8Array;
  readonly start: number;
  /** How many places after the start may begin a match; negative: before it. */
  readonly range: number;
  readonly notBegin: boolean;
  readonly notEnd: boolean;
  readonly groups: boolean;
}

function search(task: Task, request: Search): Found {
  const block = task.space.getNum64(request.structure + BUFFER) ?? 0;
  const compiled = expressions(task).get(block);
  if (compiled === undefined) return "exhausted";
  const { program, coding } = compiled;
  const { length } = request.text;
  const text = decode(request.text, coding);
  const matcher = new Matcher(program, text.characters, request);
  const from = characterAt(text, request.start);
  const last = characterAt(text, Math.min(Math.max(request.start + request.range, 0), length));
  const step = request.range < 0 ? -1 : 1;
  for (let at = from; step > 0 ? at <= last : at >= last; at += step) {
    const found = matcher.at(at, request.groups);
    if (found === "exhausted") return found;
    if (found !== undefined) return found.map((each) => each < 0 ? -1 : byteAt(text, each));
  }
  return undefined;
}

const bitsOf = (task: Task, structure: number): number => task.space.getU32(structure + BITS) ?? 0;

const regexec: DirectCall = (task) => {
  const structure = arg(task, 0), count = arg(task, 2), matches = arg(task, 3), flags = int(task, 4);
  const { space } = task;
  if (flags & ~(REG_NOTBOL | REG_NOTEOL | REG_STARTEND)) return S.BADPAT;
  const word = (at: number): number => (space.getU32(matches + at) ?? 0) | 0;
  const base = arg(task, 1);
  let start = 0, text: Uint8Array | undefined;
  if (flags & REG_STARTEND) {
    start = word(0);
    text = word(4) < 0 ? undefined : space.read(base, word(4));
  } else {
    const bytes = space.cstring(base, space.limit);
    text = typeof bytes === "number" ? undefined : bytes;
  }
  if (text === undefined || start < 0 || start > text.length) return S.NOMATCH;
  const wanted = bitsOf(task, structure) & NO_SUB ? 0 : count;
  const found = search(task, {
    structure,
    text,
    start,
    range: text.length - start,
    notBegin: (flags & REG_NOTBOL) !== 0,
    notEnd: (flags & REG_NOTEOL) !== 0,
    groups: wanted > 1,
  });
  if (found === undefined) return S.NOMATCH;
  if (found === "exhausted") return S.ESPACE;
  const taken = Math.min(wanted, found.length / 2);
  for (let n = 0; n < taken; n++) {
    space.setU32(matches + 8 * n, found[2 * n] >>> 0);
    space.setU32(matches + 8 * n + 4, found[2 * n + 1] >>> 0);
  }
  // The others are -1; more than there is memory for is the program's mistake.
  const rest = matches + 8 * taken, length = 8 * (wanted - taken);
  if (length > 0 && space.check(rest, length, WRITE)) space.bytes(rest, length).fill(0xff);
  return 0;
};

const regerror: DirectCall = (task) => {
  const words = S.MESSAGES[int(task, 0)] ?? "Unknown error";
  const target = arg(task, 2), room = arg(task, 3);
  const bytes = new TextEncoder().encode(words + "\0");
  if (room > 0) {
    task.space.write(target, bytes.subarray(0, Math.min(room, bytes.length)));
    if (room < bytes.length) task.space.write(target + room - 1, new Uint8Array(1));
  }
  return bytes.length;
};

const regfree: DirectCall = (task) => {
  const structure = arg(task, 0);
  drop(task, structure);
  for (const at of [FASTMAP, TRANSLATE]) {
    osvOf(task).heap.release(task.space.getNum64(structure + at) ?? 0);
    task.space.setNum64(structure + at, 0);
  }
  task.space.setNum64(structure + ALLOCATED, 0);
  return 0;
};

/** Where `re_syntax_options` is, once a program has asked for it. */
const options = new WeakMap<OsvProcess, number>();

/** The exported datum of that name. */
export function syntaxOptions(osv: OsvProcess): number {
  let at = options.get(osv);
  if (at === undefined) {
    at = osv.heap.allocate(16);
    if (at !== 0) osv.process.space.setNum64(at, 0);
    options.set(osv, at);
  }
  return at;
}

const compilePattern: DirectCall = (task) => {
  const { space } = task;
  const length = arg(task, 1), structure = arg(task, 2);
  const pattern = length > LONGEST ? undefined : space.read(arg(task, 0), length);
  const syntax = space.getNum64(syntaxOptions(osvOf(task))) ?? 0;
  const wrong = pattern === undefined
    ? S.ESPACE
    : build(task, structure, pattern, syntax, NEWLINE_ANCHOR | (syntax & S.NO_SUB ? NO_SUB : 0));
  return wrong === 0 ? 0 : osvOf(task).string(S.MESSAGES[wrong]);
};

/** Gives a match to the program's registers: their memory grows as the structure's bits allow. False without memory. */
function giveRegisters(
  task: Task,
  structure: number,
  registers: number,
  found: readonly number[],
  groups: number,
): boolean {
  const { space } = task, { heap } = osvOf(task);
  const bits = bitsOf(task, structure);
  const mode = bits >> REGISTERS_SHIFT & 3;
  let count = space.getU32(registers) ?? 0;
  let starts = space.getNum64(registers + 8) ?? 0, ends = space.getNum64(registers + 16) ?? 0;
  const needed = groups + 1;
  if (mode !== FIXED && (mode === UNALLOCATED || needed > count)) {
    if (mode === REALLOCATE) {
      heap.release(starts);
      heap.release(ends);
    }
    starts = heap.allocate(4 * needed);
    ends = heap.allocate(4 * needed);
    if (starts === 0 || ends === 0) return false;
    count = needed;
    space.setU32(registers, count);
    space.setNum64(registers + 8, starts);
    space.setNum64(registers + 16, ends);
    space.setU32(structure + BITS, bits & ~(3 << REGISTERS_SHIFT) | REALLOCATE << REGISTERS_SHIFT);
  }
  for (let n = 0; n < Math.min(count, 1 << 16); n++) {
    const [from, to] = n < groups ? [found[2 * n] ?? -1, found[2 * n + 1] ?? -1] : [-1, -1];
    if (!space.setU32(starts + 4 * n, from >>> 0) || !space.setU32(ends + 4 * n, to >>> 0)) return false;
  }
  return true;
}

/** re_search and re_match: the place, or the length, of a match; -1 for none, -2 for an error. */
function searching(
  task: Task,
  text: Uint8Array | undefined,
  start: number,
  range: number,
  registers: number,
  wantsLength: boolean,
): number {
  const structure = arg(task, 0);
  if (text === undefined) return -2;
  if (start < 0 || start > text.length) return -1;
  const bits = bitsOf(task, structure);
  const into = bits & NO_SUB ? 0 : registers;
  const found = search(task, {
    structure,
    text,
    start,
    range,
    notBegin: (bits & NOT_BEGIN) !== 0,
    notEnd: (bits & NOT_END) !== 0,
    groups: into !== 0,
  });
  if (found === undefined) return -1;
  if (found === "exhausted") return -2;
  if (into !== 0) {
    const all = (task.space.getNum64(structure + GROUPS) ?? 0) + 1;
    const fixed = (bits >> REGISTERS_SHIFT & 3) === FIXED;
    const groups = fixed ? Math.min(all, task.space.getU32(into) ?? 0) : all;
    if (!giveRegisters(task, structure, into, found, groups)) return -2;
  }
  return wantsLength ? found[1] - start : found[0];
}

/** One text, or two that follow one another. */
function textAt(task: Task, n: number, two: boolean): Uint8Array | undefined {
  const first = int(task, n + 1) < 0 ? undefined : task.space.read(arg(task, n), int(task, n + 1));
  if (!two || first === undefined) return first;
  const second = int(task, n + 3) < 0 ? undefined : task.space.read(arg(task, n + 2), int(task, n + 3));
  if (second === undefined) return undefined;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** See the file's head. */
export const regexCalls: Calls = {
  regcomp,
  regexec,
  regerror,
  regfree,
  re_compile_pattern: compilePattern,
  re_set_syntax: (task) => {
    const at = syntaxOptions(osvOf(task));
    const old = task.space.getNum64(at) ?? 0;
    task.space.setNum64(at, Math.max(0, long(task, 0)));
    return old;
  },
  re_compile_fastmap: () => 0,
  re_search: (task) =>
    searching(task, textAt(task, 1, false), int(task, 3), int(task, 4), arg(task, 5), false),
  re_match: (task) => searching(task, textAt(task, 1, false), int(task, 3), 0, arg(task, 4), true),
  re_search_2: (task) =>
    searching(
      task,
      textAt(task, 1, true)?.subarray(0, Math.max(0, int(task, 8))),
      int(task, 5),
      int(task, 6),
      arg(task, 7),
      false,
    ),
  re_match_2: (task) =>
    searching(
      task,
      textAt(task, 1, true)?.subarray(0, Math.max(0, int(task, 7))),
      int(task, 5),
      0,
      arg(task, 6),
      true,
    ),
  re_set_registers: (task) => {
    const structure = arg(task, 0), registers = arg(task, 1), count = int(task, 2);
    const { space } = task;
    const bits = bitsOf(task, structure) & ~(3 << REGISTERS_SHIFT);
    space.setU32(structure + BITS, bits | (count > 0 ? REALLOCATE : UNALLOCATED) << REGISTERS_SHIFT);
    space.setU32(registers, Math.max(0, count));
    space.setNum64(registers + 8, count > 0 ? arg(task, 3) : 0);
    space.setNum64(registers + 16, count > 0 ? arg(task, 4) : 0);
    return 0;
  },
};
