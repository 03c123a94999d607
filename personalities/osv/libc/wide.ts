/** Streams of wide characters: of UTF-8, or of one byte each in the C locale. */
import { invoke, type Outcome, type Task } from "@guise/core";
import { arg, type Calls, type DirectCall, fail, int, looping } from "../direct.ts";
import { osvOf } from "../state.ts";
import { EOF, getByte, put, type Stream } from "./streams.ts";
import { copyList, type List, listAt } from "./variadic.ts";

const EILSEQ = -84, EINVAL = -22;
const LONGEST = 1 << 20;

const isUtf8 = (task: Task): boolean => osvOf(task).locale !== "C";
const streamOf = (task: Task, n: number): Stream | undefined => osvOf(task).streams.all.get(arg(task, n));
const output = (task: Task): Stream | undefined => osvOf(task).streams.output;
const input = (task: Task): Stream | undefined =>
  osvOf(task).streams.all.get(osvOf(task).streams.standard(task)[0]);

/** The bytes of a character; undefined when it has none. */
function encoded(task: Task, c: number): Uint8Array | undefined {
  if (!isUtf8(task)) return c >= 0 && c < 128 ? Uint8Array.of(c) : undefined;
  if (c < 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return undefined;
  return new TextEncoder().encode(String.fromCodePoint(c));
}

function putWide(task: Task, stream: Stream | undefined, c: number): Outcome {
  const bytes = encoded(task, c | 0);
  if (stream === undefined || bytes === undefined) {
    if (stream !== undefined) stream.error = true;
    return fail(task, bytes === undefined ? EILSEQ : EINVAL);
  }
  return put(task, stream, bytes, (_t, ok) => ok ? c : EOF);
}

/** The next character, or WEOF. */
function getWide(task: Task, stream: Stream | undefined, next: (task: Task, c: number) => Outcome): Outcome {
  if (stream === undefined) return next(task, EOF);
  return getByte(task, stream, (t, first) => {
    if (first < 0x80 || !isUtf8(t)) return next(t, first);
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : -1;
    const bad = (u: Task): Outcome => {
      stream.error = true;
      fail(u, EILSEQ);
      return next(u, EOF);
    };
    if (more < 0) return bad(t);
    const rest = (u: Task, value: number, left: number): Outcome =>
      left === 0
        ? next(u, value)
        : getByte(u, stream, (v, byte) =>
          (byte & 0xc0) === 0x80 && byte >= 0 ? rest(v, value << 6 | byte & 0x3f, left - 1) : bad(v));
    return rest(t, first & (0x3f >> more), more);
  });
}

/** A string of wide characters in memory; undefined when it does not end or is not readable. */
function wideAt(task: Task, address: number): number[] | undefined {
  const list: number[] = [];
  for (let at = address; list.length < LONGEST; at += 4) {
    const c = task.space.getU32(at);
    if (c === undefined) return undefined;
    if (c === 0) return list;
    list.push(c);
  }
  return undefined;
}

const fputws: DirectCall = (task) => {
  const stream = streamOf(task, 1), list = wideAt(task, arg(task, 0));
  return stream === undefined || list === undefined ? fail(task, EINVAL) : putAll(task, stream, list, 1);
};

function putAll(task: Task, stream: Stream, list: readonly number[], answer: number): Outcome {
  const pieces = list.map((c) => encoded(task, c));
  if (pieces.includes(undefined)) return fail(task, EILSEQ);
  const bytes = new Uint8Array(pieces.reduce((sum, each) => sum + each!.length, 0));
  let at = 0;
  for (const each of pieces) {
    bytes.set(each!, at);
    at += each!.length;
  }
  return put(task, stream, bytes, (_t, ok) => ok ? answer : EOF);
}

const fgetws: DirectCall = (task) => {
  const target = arg(task, 0), size = int(task, 1), stream = streamOf(task, 2);
  let n = 0;
  const done = (t: Task): number => {
    if (n === 0) return 0;
    t.space.setU32(target + 4 * n, 0);
    return target;
  };
  return looping(task, (t, again) =>
    n >= size - 1 ? done(t) : getWide(t, stream, (u, c) => {
      if (c === EOF) return done(u);
      u.space.setU32(target + 4 * n++, c);
      return c === 10 ? done(u) : again(u);
    }));
};

/** Formats by the guest's vswprintf, which says no more than that the room was too small. */
function wprint(task: Task, stream: Stream | undefined, template: number, made: List, room = 1024): Outcome {
  const { heap, linked } = osvOf(task);
  const vswprintf = linked?.lookup("vswprintf"), block = heap.allocate(24 + 4 * room);
  if (stream === undefined || vswprintf === undefined || block === 0 || !copyList(task, made, block)) {
    return fail(task, EINVAL);
  }
  return invoke(vswprintf, [block + 24, room, template, block], (t, n) => {
    const length = n | 0;
    if (length < 0 && room < LONGEST) {
      heap.release(block);
      return wprint(t, stream, template, made, 8 * room);
    }
    const list = length < 0 ? undefined : wideAt(t, block + 24);
    heap.release(block);
    return list === undefined ? -1 : putAll(t, stream, list, length);
  });
}
const wprinting =
  (stream: (task: Task) => Stream | undefined, at: number, list: boolean): DirectCall => (task) => {
    const made = list ? { address: arg(task, at + 1) } : listAt(task, osvOf(task).heap, at + 1);
    return made === undefined ? -1 : wprint(task, stream(task), arg(task, at), made);
  };

const both = (name: string, call: DirectCall): Calls => ({ [name]: call, [`${name}_unlocked`]: call });
const answer = (_task: Task, c: number): number => c;

/** See the file's head. */
export const wideCalls: Calls = {
  ...both("fputwc", (task) => putWide(task, streamOf(task, 1), int(task, 0))),
  ...both("putwc", (task) => putWide(task, streamOf(task, 1), int(task, 0))),
  ...both("putwchar", (task) => putWide(task, output(task), int(task, 0))),
  ...both("fgetwc", (task) => getWide(task, streamOf(task, 0), answer)),
  ...both("getwc", (task) => getWide(task, streamOf(task, 0), answer)),
  ...both("getwchar", (task) => getWide(task, input(task), answer)),
  ...both("fputws", fputws),
  ...both("fgetws", fgetws),
  ungetwc: (task) => {
    const stream = streamOf(task, 1), bytes = encoded(task, int(task, 0));
    if (stream === undefined || bytes === undefined) return EOF;
    for (let n = bytes.length - 1; n >= 0; n--) stream.pushed.push(bytes[n]);
    stream.eof = false;
    return int(task, 0);
  },
  wprintf: wprinting(output, 0, false),
  fwprintf: wprinting((t) => streamOf(t, 0), 1, false),
  vwprintf: wprinting(output, 0, true),
  vfwprintf: wprinting((t) => streamOf(t, 0), 1, true),
  __wprintf_chk: wprinting(output, 1, false),
  __fwprintf_chk: wprinting((t) => streamOf(t, 0), 2, false),
  fwide: (task) => int(task, 1),
};
