/**
 * Moving bytes between guest memory and open files: what read, write and their vector and offset forms share. Blocking,
 * partial progress over it, bad pages in the middle (spec G2), RLIMIT_FSIZE and SIGPIPE are here and nowhere else.
 */
import {
  BIAS,
  EAGAIN,
  EFAULT,
  EFBIG,
  EPIPE,
  ERESTARTSYS,
  type Errno,
  type Outcome,
  READ,
  type Task,
  wait,
  WRITE,
} from "@guise/core";
import {
  makedev,
  O_APPEND,
  O_NONBLOCK,
  type OpenFile,
  POLLERR,
  POLLHUP,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
} from "@guise/vfs/key";
import { accessible, type Span } from "../args/buffer.ts";
import type { Segments } from "../args/iovec.ts";
import { callerOf } from "../files.ts";
import { limit, RLIMIT_FSIZE } from "../limits.ts";
import { sendSignal } from "../signals/send.ts";
import { SIGPIPE, SIGXFSZ } from "../signals/numbers.ts";

const NOTHING = new Uint8Array(0);

/** Whether an operation on that file waits. */
export function blocks(file: OpenFile): boolean {
  return (file.flags & O_NONBLOCK) === 0;
}

/** EAGAIN of a blocking file becomes a wait, after which the call is made again. */
export function orWait(file: OpenFile, result: number | Errno): Outcome {
  return result === EAGAIN && blocks(file) ? wait([file.queue]) : result;
}

/**
 * What of a range with a bad page serves: of a pipe whole pages only, since each of its buffers is copied whole or not
 * at all; all of it for other files.
 */
function usable(file: OpenFile, room: number, wanted: number): number {
  return room < wanted && isFifo(file) ? room - room % 4096 : room;
}

function isFifo(file: OpenFile): boolean {
  return (file.inode.mode & S_IFMT) === S_IFIFO;
}

/** Up to this many bytes go through a buffer of their length: a view of guest memory costs more. */
const FEW = 32;
const few: readonly Uint8Array[] = Array.from({ length: FEW + 1 }, (_, n) => new Uint8Array(n));

/** read(2) into one range; from `at` on, without moving the offset. */
export function readSpan(task: Task, file: OpenFile, span: Span, at?: number): Outcome {
  const { address, length } = span;
  if (length <= FEW && length > 0 && task.space.check(address, length, WRITE)) {
    const into = few[length];
    const n = readInto(task, file, into, at);
    const { u8 } = task.space;
    for (let i = 0; i < n; i++) u8[address - BIAS + i] = into[i];
    return orWait(file, n);
  }
  const room = usable(file, span.writable(task), span.length);
  if (room === 0 && length > 0) return badRead(task, file, at);
  return orWait(file, readInto(task, file, task.space.bytes(address, room), at));
}

function readInto(task: Task, file: OpenFile, into: Uint8Array, at: number | undefined): number | Errno {
  return at === undefined ? file.read(into, callerOf(task)) : file.pread(into, at, callerOf(task));
}

const probe = new Uint8Array(1);

/** A read into a bad address is EFAULT only when there is something to read; errors of the file come first. */
function badRead(task: Task, file: OpenFile, at?: number): Outcome {
  const result = readInto(task, file, NOTHING, at);
  if (result < 0 && result !== EAGAIN) return result;
  if (file.seekable) return readInto(task, file, probe, at ?? file.position) === 0 ? 0 : EFAULT;
  if (!isFifo(file) || file.available() !== 0) return EFAULT;
  return file.poll() & POLLHUP ? 0 : orWait(file, EAGAIN);
}

/** readv(2). Only the first member may wait; a short one ends the call. */
export function readSegments(
  task: Task,
  file: OpenFile,
  segments: Segments,
  at: number | undefined,
): Outcome {
  let done = 0;
  for (let i = 0; i < segments.starts.length; i++) {
    const start = segments.starts[i], length = segments.lengths[i];
    if (length === 0) continue;
    const room = usable(file, accessible(task, start, length, WRITE), length);
    if (room === 0) return done > 0 ? done : badRead(task, file, at);
    const from = at === undefined ? undefined : at + done;
    const n = readInto(task, file, task.space.bytes(start, room), from);
    if (n < 0) return done > 0 ? done : orWait(file, n);
    done += n;
    if (n < length) return done;
  }
  return done > 0 ? done : segments.total === 0 ? emptyRead(task, file) : done;
}

/** A read of no bytes still tells whether the file can be read. */
function emptyRead(task: Task, file: OpenFile): number | Errno {
  const result = file.read(NOTHING, callerOf(task));
  return result === EAGAIN ? 0 : result;
}

/** How much of a write RLIMIT_FSIZE permits: EFBIG with SIGXFSZ when nothing. */
function withinLimit(task: Task, file: OpenFile, length: number, at: number | undefined): number | Errno {
  if (length === 0 || !file.inode.isRegular) return length;
  const most = limit(task, RLIMIT_FSIZE);
  if (most === Infinity) return length;
  const start = (file.flags & O_APPEND) !== 0 ? file.inode.size : at ?? file.position;
  if (start >= most) {
    sendSignal(task, SIGXFSZ);
    return EFBIG;
  }
  return Math.min(length, most - start);
}

/** Where a write gets its bytes: `chunk` gives what there is from `done` on, nothing when the page is bad. */
interface Source {
  readonly length: number;
  chunk(task: Task, done: number): Uint8Array;
}

class RangeSource implements Source {
  readonly address: number;
  readonly length: number;
  constructor(address: number, length: number) {
    this.address = address;
    this.length = length;
  }
  chunk(task: Task, done: number): Uint8Array {
    const room = accessible(task, this.address + done, this.length - done, READ);
    return task.space.bytes(this.address + done, room);
  }
}

/** Bytes of a vector that are gathered into one write, so that small vectors are atomic on pipes. */
const GATHER = 1 << 20;

class SegmentSource implements Source {
  readonly segments: Segments;
  readonly length: number;
  constructor(segments: Segments, length: number) {
    this.segments = segments;
    this.length = length;
  }
  chunk(task: Task, done: number): Uint8Array {
    const { starts, lengths } = this.segments;
    const most = Math.min(this.length - done, GATHER);
    let skip = done, used = 0;
    const gathered = new Uint8Array(most);
    for (let i = 0; i < starts.length && used < most; i++) {
      if (skip >= lengths[i]) {
        skip -= lengths[i];
        continue;
      }
      const want = Math.min(lengths[i] - skip, most - used);
      const room = accessible(task, starts[i] + skip, want, READ);
      if (room > 0) gathered.set(task.space.bytes(starts[i] + skip, room), used);
      used += room;
      if (room < want) break;
      skip = 0;
    }
    return gathered.subarray(0, used);
  }
}

/** /dev/null does not even look at the bytes. */
function isNull(file: OpenFile): boolean {
  return (file.inode.mode & S_IFMT) === S_IFCHR && file.inode.rdev === makedev(1, 3);
}

/** A write from a bad address: a pipe without readers is met first. */
function badWrite(task: Task, file: OpenFile, length: number): number | Errno {
  if (isNull(file)) return length;
  if (!isFifo(file) || (file.poll() & POLLERR) === 0) return EFAULT;
  sendSignal(task, SIGPIPE);
  return EPIPE;
}

/** Writes on until all is taken, an error or a signal stops it, or a file that takes less says so. */
function pump(task: Task, file: OpenFile, source: Source, at: number | undefined, done: number): Outcome {
  while (done < source.length) {
    let chunk = source.chunk(task, done);
    if (chunk.length < Math.min(source.length - done, GATHER)) {
      chunk = chunk.subarray(0, usable(file, chunk.length, Infinity));
    }
    if (chunk.length === 0) return done > 0 ? done : badWrite(task, file, source.length);
    const n = at === undefined
      ? file.write(chunk, callerOf(task))
      : file.pwrite(chunk, at + done, callerOf(task));
    if (n === EAGAIN || (n >= 0 && n < chunk.length && file.writesAll)) {
      if (n > 0) done += n;
      if (!blocks(file)) return done > 0 ? done : EAGAIN;
      return wait([file.queue], Infinity, (again, reason) => {
        if (reason === "signal") return done > 0 ? done : ERESTARTSYS;
        return pump(again, file, source, at, done);
      });
    }
    if (n === EPIPE) sendSignal(task, SIGPIPE);
    if (n < 0) return done > 0 ? done : n;
    done += n;
    if (n < chunk.length) return done;
    // A chunk that ends before the whole is at a bad page, or one of several of a long vector.
  }
  return done;
}

/** write(2) of one range. */
export function writeSpan(task: Task, file: OpenFile, span: Span, at?: number): Outcome {
  const length = withinLimit(task, file, span.length, at);
  if (length < 0) return length;
  if (length === 0) return emptyWrite(task, file, at);
  const { address } = span;
  let done = 0;
  if (task.space.check(address, length, READ)) {
    // The usual case, in which all is taken at once, makes no objects.
    let bytes: Uint8Array;
    if (length <= FEW) {
      const { u8 } = task.space;
      bytes = few[length];
      for (let i = 0; i < length; i++) bytes[i] = u8[address - BIAS + i];
    } else bytes = task.space.bytes(address, length);
    const n = at === undefined ? file.write(bytes, callerOf(task)) : file.pwrite(bytes, at, callerOf(task));
    if (n === EPIPE) sendSignal(task, SIGPIPE);
    if (n === length || (n < 0 && n !== EAGAIN) || (n >= 0 && !file.writesAll)) return n;
    if (n > 0) done = n;
    if (!blocks(file)) return done > 0 ? done : EAGAIN;
  }
  return pump(task, file, new RangeSource(address, length), at, done);
}

/** writev(2). */
export function writeSegments(task: Task, file: OpenFile, segments: Segments, at?: number): Outcome {
  const length = withinLimit(task, file, segments.total, at);
  if (length < 0) return length;
  if (length === 0) return emptyWrite(task, file, at);
  return pump(task, file, new SegmentSource(segments, length), at, 0);
}

function emptyWrite(task: Task, file: OpenFile, at: number | undefined): number | Errno {
  const n = at === undefined ? file.write(NOTHING, callerOf(task)) : file.pwrite(NOTHING, at, callerOf(task));
  return n === EAGAIN || n === EPIPE ? 0 : n;
}
