/**
 * scanf from streams. The scanner itself is a function of the bytes that were read so far: it asks for more where it cannot
 * tell, and what it has not used stays in the stream.
 */
import type { Outcome, Task } from "@guise/core";
import { arg, type Calls, type DirectCall, fail, looping } from "../direct.ts";
import { machineOf } from "../machine.ts";
import { osvOf } from "../state.ts";
import { EOF, fill, type Stream, take } from "./streams.ts";

/** One conversion's result: where it goes and its bytes. */
interface Assignment {
  readonly pointer: number;
  readonly bytes: Uint8Array;
  /** The pointer takes a new block of the heap (%ms). */
  readonly allocate: boolean;
}

interface Result {
  readonly count: number;
  readonly used: number;
  readonly assignments: readonly Assignment[];
}

const isSpace = (c: number): boolean => c === 32 || (c >= 9 && c <= 13);
const SPEC = /^%(?:(\*)|(m))?(\d*)(m?)(hh|h|ll|l|j|z|t|q|L)?([a-zA-Z%[])/;

/** Bytes of an integer of a length modifier. */
const sizes: Readonly<Record<string, number>> = { hh: 1, h: 2, l: 8, ll: 8, q: 8, j: 8, z: 8, t: 8, L: 8 };

function integer(value: bigint, size: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, BigInt.asIntN(64, value), true); // cold: one value that a program scans
  return new Uint8Array(view.buffer).slice(0, size);
}

function float(value: number, length: string | undefined): Uint8Array {
  const view = new DataView(new ArrayBuffer(16));
  if (length === "l") view.setFloat64(0, value, true);
  else if (length !== "L") view.setFloat32(0, value, true);
  else extended(view, value);
  return new Uint8Array(view.buffer).slice(0, length === "l" ? 8 : length === "L" ? 10 : 4);
}

/** The 80-bit form of a double. */
function extended(view: DataView, value: number): void {
  const double = new DataView(new ArrayBuffer(8));
  double.setFloat64(0, value);
  const sign = double.getUint8(0) >> 7, exponent = double.getUint16(0) >> 4 & 0x7ff;
  const fraction = double.getBigUint64(0) & 0xfffffffffffffn; // cold: one value that a program scans
  const special = exponent === 0x7ff, zero = value === 0;
  const one = zero ? 0n : 1n << 63n; // cold: the same
  view.setBigUint64(0, one | fraction << 11n, true); // cold: the same
  view.setUint16(8, sign << 15 | (zero ? 0 : special ? 0x7fff : exponent - 1023 + 16383), true);
}

/** Characters of `%[`: the set and where the template goes on. */
function bracket(
  template: string,
  at: number,
): { readonly has: (c: number) => boolean; readonly end: number } {
  const not = template[at] === "^";
  let n = not ? at + 1 : at;
  const set = new Uint8Array(256);
  for (let first = true; n < template.length && (first || template[n] !== "]"); first = false) {
    const from = template.charCodeAt(n) & 255;
    let to = from;
    if (template[n + 1] === "-" && template[n + 2] !== "]" && n + 2 < template.length) {
      to = template.charCodeAt(n + 2) & 255;
      n += 2;
    }
    for (let c = from; c <= to; c++) set[c] = 1;
    n++;
  }
  return { has: (c) => (set[c] === 1) !== not, end: n + 1 };
}

const NUMBER = /^[+-]?(?:0[xX][0-9a-fA-F]*|\d*)$/;
const FLOAT = /^[+-]?(?:i(?:n(?:f(?:i(?:n(?:i(?:ty?)?)?)?)?)?)?|n(?:a(?:n)?)?|\d*\.?\d*(?:[eE][+-]?\d*)?)$/i;
const WHOLE_FLOAT = /^[+-]?(?:inf(?:inity)?|nan|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)/i;

/** `pointers` gives the next argument. "more": the bytes do not suffice, and the file has not ended. */
export function scan(
  template: string,
  bytes: Uint8Array,
  ended: boolean,
  pointers: () => number,
): Result | "more" {
  const assignments: Assignment[] = [];
  let at = 0, count = 0;
  const left = (): boolean => at < bytes.length;
  const skip = (): boolean => {
    while (left() && isSpace(bytes[at])) at++;
    return left() || ended;
  };
  const done = (failed: boolean): Result => ({
    count: failed && count === 0 && assignments.length === 0 ? EOF : count,
    used: at,
    assignments,
  });
  for (let n = 0; n < template.length;) {
    const c = template.charCodeAt(n);
    if (isSpace(c)) {
      if (!skip()) return "more";
      n++;
      continue;
    }
    const found = c === 0x25 ? SPEC.exec(template.slice(n)) : null;
    if (found === null || found[6] === "%") {
      if (found !== null && !skip()) return "more";
      if (!left()) return ended ? done(true) : "more";
      if (bytes[at] !== (c & 255)) return done(false);
      at++;
      n += found === null ? 1 : found[0].length;
      continue;
    }
    n += found[0].length;
    const suppress = found[1] !== undefined, allocate = found[2] !== undefined || found[4] === "m";
    const length = found[5], letter = found[6];
    const width = found[3] === "" ? Infinity : Number(found[3]);
    const give = (data: Uint8Array, counts = true): void => {
      if (suppress) return;
      assignments.push({ pointer: pointers(), bytes: data, allocate });
      if (counts) count++;
    };
    if (letter === "n") {
      give(integer(BigInt(at), sizes[length ?? ""] ?? 4), false); // cold: once in a call
      continue;
    }
    let has: ((c: number) => boolean) | undefined;
    if (letter === "[") {
      const list = bracket(template, n);
      has = list.has;
      n = list.end;
    } else if (letter !== "c" && letter !== "C") {
      if (!skip()) return "more";
      if (letter === "s" || letter === "S") has = (each) => !isSpace(each);
    }
    if (!left()) return ended ? done(true) : "more";
    if (letter === "c" || letter === "C") {
      const wanted = width === Infinity ? 1 : width;
      if (bytes.length - at < wanted) return ended ? done(true) : "more";
      give(bytes.slice(at, at += wanted));
      continue;
    }
    if (has !== undefined) {
      let end = at;
      while (end < bytes.length && end - at < width && has(bytes[end])) end++;
      if (end === bytes.length && end - at < width && !ended) return "more";
      if (end === at) return done(false);
      const word = new Uint8Array(end - at + 1);
      word.set(bytes.subarray(at, end));
      at = end;
      give(word);
      continue;
    }
    const pattern = "aAeEfFgG".includes(letter) ? FLOAT : NUMBER;
    let end = at, text = "";
    while (end < bytes.length && end - at < width && pattern.test(text + String.fromCharCode(bytes[end]))) {
      text += String.fromCharCode(bytes[end++]);
    }
    if (end === bytes.length && end - at < width && !ended) return "more";
    const value = pattern === FLOAT ? floatOf(text) : integerOf(text, letter);
    if (value === undefined) {
      at = end;
      return done(false);
    }
    at += value.length;
    give(
      typeof value.value === "number"
        ? float(value.value, length)
        : integer(value.value, letter === "p" ? 8 : sizes[length ?? ""] ?? 4),
    );
  }
  return done(false);
}

function floatOf(text: string): { readonly value: number; readonly length: number } | undefined {
  const found = WHOLE_FLOAT.exec(text)?.[0];
  if (found === undefined) return undefined;
  const sign = found.startsWith("-") ? -1 : 1, bare = found.replace(/^[+-]/, "").toLowerCase();
  const value = bare.startsWith("inf") ? sign * Infinity : bare === "nan" ? NaN : Number(found);
  return { value, length: found.length };
}

function integerOf(
  text: string,
  letter: string,
): { readonly value: bigint; readonly length: number } | undefined {
  const found = /^([+-]?)(0[xX])?([0-9a-fA-F]*)/.exec(text)!;
  let base = letter === "x" || letter === "X" || letter === "p" ? 16 : letter === "o" ? 8 : 10;
  let digits = found[3];
  let prefix = found[1].length;
  if (found[2] !== undefined && (base === 16 || letter === "i")) {
    base = 16;
    prefix += 2;
  } else if (found[2] !== undefined) digits = "0";
  else if (letter === "i" && digits.startsWith("0")) base = 8;
  const valid =
    new RegExp(base === 8 ? "^[0-7]*" : base === 10 ? "^[0-9]*" : "^[0-9a-f]*", "i").exec(digits)![0];
  if (valid === "") return undefined;
  const value = BigInt(base === 16 ? `0x${valid}` : base === 8 ? `0o${valid}` : valid); // cold: one value that is scanned
  return { value: found[1] === "-" ? -value : value, length: prefix + valid.length };
}

/** Reads and scans until the scanner knows; what is left over goes back to the stream. */
function scanStream(task: Task, stream: Stream, template: string, pointers: number[]): Outcome {
  let bytes = new Uint8Array(0), ended = false;
  return looping(task, (t, again) => {
    let next = 0;
    const result = scan(template, bytes, ended, () => pointers[next++] ?? 0);
    if (result === "more") {
      const add = (u: Task, n: number): Outcome => {
        // Twice as much each time, and from a terminal what there is: a line.
        const more = take(u, stream, Math.max(64, bytes.length), -1);
        ended = n === 0 && more.length === 0;
        const all = new Uint8Array(bytes.length + more.length);
        all.set(bytes);
        all.set(more, bytes.length);
        bytes = all;
        return again(u);
      };
      return stream.pushed.length > 0 ? add(t, 1) : fill(t, stream, add);
    }
    for (let n = bytes.length - 1; n >= result.used; n--) stream.pushed.push(bytes[n]);
    if (result.used < bytes.length) stream.eof = false;
    const { heap } = osvOf(t);
    for (const { pointer, bytes: data, allocate } of result.assignments) {
      const block = allocate ? heap.allocate(data.length) : pointer;
      if (block === 0 || !t.space.write(block, data)) return fail(t, -14);
      if (allocate) t.space.setNum64(pointer, block);
    }
    return result.count;
  });
}

const MOST_ARGUMENTS = 64;

/** The template as one character a byte. */
function templateAt(task: Task, address: number): string | undefined {
  const bytes = task.space.cstring(address, 1 << 16);
  return typeof bytes === "number" ? undefined : Array.from(bytes, (c) => String.fromCharCode(c)).join("");
}

function scanning(stream: number | "stdin", list: boolean): DirectCall {
  return (task) => {
    const { streams } = osvOf(task);
    const address = stream === "stdin" ? streams.standard(task)[0] : arg(task, stream);
    const file = streams.all.get(address), first = stream === "stdin" ? 0 : stream + 1;
    const template = templateAt(task, arg(task, first));
    if (file === undefined || template === undefined) return fail(task, -22);
    const count = Math.min(MOST_ARGUMENTS, (template.match(/%/g) ?? []).length);
    const pointers: number[] = [];
    if (!list) { for (let n = 0; n < count; n++) pointers.push(arg(task, first + 1 + n)); }
    else {
      const layout = machineOf(task.process.cpu.arch)?.list, { space } = task;
      const saved = layout && space.read(arg(task, first + 1), layout.size);
      if (layout === undefined || saved === undefined) return fail(task, -14);
      const places = layout.places(new DataView(saved.buffer, saved.byteOffset), count);
      for (const at of places) pointers.push(space.getNum64(at) ?? 0);
    }
    return scanStream(task, file, template, pointers);
  };
}

const names = (name: string, call: DirectCall): Calls => ({
  [name]: call,
  [`__isoc99_${name}`]: call,
  [`__isoc23_${name}`]: call,
});

/** See the file's head. */
export const scanCalls: Calls = {
  ...names("fscanf", scanning(0, false)),
  ...names("vfscanf", scanning(0, true)),
  ...names("scanf", scanning("stdin", false)),
  ...names("vscanf", scanning("stdin", true)),
};
