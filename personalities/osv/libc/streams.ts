/**
 * Streams (FILE): buffers in guest memory, their state here. The FILE that a program holds is a block of glibc's size
 * whose buffer pointers are null, so that the macros which glibc's headers inline (getc_unlocked, putc_unlocked) always
 * find the buffer empty or full and call `__uflow` and `__overflow`.
 */
import { type AddressSpace, EBADF, EFAULT, ENOMEM, type Outcome, READ, type Task } from "@guise/core";
import type { Heap } from "../heap.ts";
import { fail, looping, perform } from "../direct.ts";
import { osvOf } from "../state.ts";
import { filesKey } from "@guise/vfs/key";

/** Bytes of glibc's struct _IO_FILE_plus. */
const FILE_BYTES = 0xe0;
/** _IO_MAGIC, in _flags. */
const MAGIC = 0xfbad0000;
/** _IO_EOF_SEEN and _IO_ERR_SEEN. */
const EOF_SEEN = 0x10, ERROR_SEEN = 0x20;
/** BUFSIZ as stdio gives a file of unknown block size. */
export const BUFFER = 4096;
/** The end of a file, as functions of characters tell it. */
export const EOF = -1;

/** What stands behind a stream in the place of a descriptor: memory, or the program's own functions. Answers are Linux's. */
export interface Device {
  read(task: Task, address: number, length: number, next: Done): Outcome;
  write(task: Task, address: number, length: number, next: Done): Outcome;
  seek(task: Task, offset: number, whence: number, next: Done): Outcome;
  close(task: Task, next: Done): Outcome;
}

/** Gets a call's answer. */
export type Done = (task: Task, result: number) => Outcome;

/** One open stream. */
export class Stream {
  readonly address: number;
  fd: number;
  readable: boolean;
  writable: boolean;
  /** Full, line or no buffering. */
  mode: "full" | "line" | "none" | "unknown" = "unknown";
  buffer = 0;
  size = BUFFER;
  /** The buffer is the program's (setvbuf). */
  foreign = false;
  /** Bytes of the buffer that were read ahead: from `at` to `end`. */
  at = 0;
  end = 0;
  /** Bytes of the buffer that wait to be written. */
  filled = 0;
  readonly pushed: number[] = [];
  /** The last operation was a read (for __freading). */
  reading = false;
  /** Undefined: the descriptor. */
  device: Device | undefined;

  readonly #space: AddressSpace;

  constructor(space: AddressSpace, address: number, fd: number, readable: boolean, writable: boolean) {
    this.#space = space;
    this.address = address;
    this.fd = fd;
    this.readable = readable;
    this.writable = writable;
  }

  // Programs see both bits in _flags without a call (feof_unlocked is a macro), and clear them there.
  get eof(): boolean {
    return this.#flag(EOF_SEEN);
  }
  set eof(on: boolean) {
    this.#set(EOF_SEEN, on);
  }
  get error(): boolean {
    return this.#flag(ERROR_SEEN);
  }
  set error(on: boolean) {
    this.#set(ERROR_SEEN, on);
  }
  #flag(bit: number): boolean {
    return ((this.#space.getU32(this.address) ?? 0) & bit) !== 0;
  }
  #set(bit: number, on: boolean): void {
    const flags = this.#space.getU32(this.address) ?? MAGIC;
    this.#space.setU32(this.address, on ? flags | bit : flags & ~bit);
  }
}

/** All streams of a process. */
export class Streams {
  readonly all: Map<number, Stream> = new Map();
  readonly #heap: Heap;
  #standard: readonly [number, number, number] | undefined;

  constructor(heap: Heap) {
    this.#heap = heap;
  }

  /** A new stream; undefined without memory. */
  add(task: Task, fd: number, readable: boolean, writable: boolean): Stream | undefined {
    const address = this.#heap.allocate(FILE_BYTES);
    if (address === 0) return undefined;
    task.space.write(address, new Uint8Array(FILE_BYTES));
    task.space.setU32(address, MAGIC);
    task.space.setU32(address + 0x70, fd); // _fileno
    const stream = new Stream(task.space, address, fd, readable, writable);
    this.all.set(address, stream);
    return stream;
  }
  remove(stream: Stream): void {
    this.all.delete(stream.address);
    this.#heap.release(stream.address);
    if (stream.buffer !== 0 && !stream.foreign) this.#heap.release(stream.buffer);
  }
  /** Buffers are made when first used. */
  ready(stream: Stream): boolean {
    if (stream.buffer === 0) stream.buffer = this.#heap.allocate(stream.size);
    return stream.buffer !== 0;
  }

  /** stdin, stdout and stderr. */
  standard(task: Task): readonly [number, number, number] {
    if (this.#standard === undefined) {
      const [i, o, e] = [0, 1, 2].map((fd) => this.add(task, fd, fd === 0, fd !== 0));
      if (e !== undefined) e.mode = "none";
      this.#standard = [i?.address ?? 0, o?.address ?? 0, e?.address ?? 0];
    }
    return this.#standard;
  }
  /** The standard output, if it was ever made. */
  get output(): Stream | undefined {
    return this.#standard && this.all.get(this.#standard[1]);
  }
}

/** Moves bytes between the stream's file and memory. */
export function transfer(
  task: Task,
  stream: Stream,
  name: "read" | "write",
  address: number,
  length: number,
  next: Done,
): Outcome {
  const { device } = stream;
  if (device === undefined) return perform(task, name, [stream.fd, address, length], next);
  return device[name](task, address, length, next);
}

/** lseek of the stream's file. */
export function move(task: Task, stream: Stream, offset: number, whence: number, next: Done): Outcome {
  const { device } = stream;
  if (device === undefined) return perform(task, "lseek", [stream.fd, offset, whence], next);
  return device.seek(task, offset, whence, next);
}

/** close of the stream's file. */
export function shut(task: Task, stream: Stream, next: Done): Outcome {
  const { device } = stream;
  return device === undefined ? perform(task, "close", [stream.fd], next) : device.close(task, next);
}

type Next = (task: Task, ok: boolean) => Outcome;

/** Line buffering belongs to terminals. */
function settleMode(task: Task, stream: Stream): void {
  if (stream.mode === "unknown") stream.mode = isTerminal(task, stream.fd) ? "line" : "full";
}

/** True when the descriptor is a terminal. */
export function isTerminal(task: Task, fd: number): boolean {
  return task.data.get(filesKey).get(fd)?.terminal !== undefined;
}

/** Writes out what waits in the buffer. */
export function flush(task: Task, stream: Stream, next: Next): Outcome {
  if (stream.filled === 0) return next(task, true);
  return transfer(task, stream, "write", stream.buffer, stream.filled, (t, done) => {
    if (done <= 0) {
      stream.filled = 0;
      stream.error = true;
      fail(t, done);
      return next(t, false);
    }
    if (done < stream.filled) {
      const rest = t.space.read(stream.buffer + done, stream.filled - done);
      if (rest !== undefined) t.space.write(stream.buffer, rest);
    }
    stream.filled -= Math.min(done, stream.filled);
    return flush(t, stream, next);
  });
}

/** Flushes one after the other. */
export function flushAll(task: Task, streams: readonly Stream[], next: Next, ok = true): Outcome {
  const [first, ...rest] = streams;
  if (first === undefined) return next(task, ok);
  return flush(task, first, (t, fine) => flushAll(t, rest, next, ok && fine));
}

/** Before writing: what was read ahead goes back to the file. */
function turnToWriting(task: Task, stream: Stream, next: Next): Outcome {
  if (!stream.writable) {
    stream.error = true;
    fail(task, EBADF);
    return next(task, false);
  }
  const ahead = stream.end - stream.at + stream.pushed.length;
  stream.reading = false;
  stream.at = stream.end = stream.pushed.length = 0;
  if (ahead === 0) return next(task, true);
  return move(task, stream, -ahead, 1, (t) => next(t, true));
}

/** Writes bytes through the buffer. */
export function put(task: Task, stream: Stream, bytes: Uint8Array, next: Next): Outcome {
  return turnToWriting(task, stream, (t, fine) => {
    if (!fine) return next(t, false);
    settleMode(t, stream);
    if (!ready(t, stream)) {
      fail(t, ENOMEM);
      return next(t, false);
    }
    return store(t, stream, bytes, next);
  });
}

function ready(task: Task, stream: Stream): boolean {
  return osvOf(task).streams.ready(stream);
}

function store(task: Task, stream: Stream, bytes: Uint8Array, next: Next): Outcome {
  let rest = bytes;
  const line = stream.mode === "line" && bytes.includes(10);
  return looping(task, (t, again) => {
    const n = Math.min(stream.size - stream.filled, rest.length);
    if (!t.space.write(stream.buffer + stream.filled, rest.subarray(0, n))) {
      stream.error = true;
      return next(t, false);
    }
    stream.filled += n;
    rest = rest.subarray(n);
    if (rest.length === 0 && stream.mode !== "none" && !line) return next(t, true);
    return flush(t, stream, (u, fine) => fine && rest.length > 0 ? again(u) : next(u, fine));
  });
}

/** Writes a range of guest memory: large ones go past the buffer. `next` gets the bytes that were taken. */
export function putRange(
  task: Task,
  stream: Stream,
  address: number,
  length: number,
  next: (task: Task, taken: number) => Outcome,
): Outcome {
  if (length < stream.size || stream.mode === "unknown") {
    const bytes = task.space.read(address, length);
    if (bytes === undefined) {
      fail(task, EFAULT);
      return next(task, 0);
    }
    return put(task, stream, bytes, (t, ok) => next(t, ok ? length : 0));
  }
  return turnToWriting(task, stream, (t, fine) => {
    if (!fine) return next(t, 0);
    return flush(
      t,
      stream,
      (u, flushed) => flushed ? whole(u, stream, address, length, 0, next) : next(u, 0),
    );
  });
}

function whole(
  task: Task,
  stream: Stream,
  address: number,
  length: number,
  done: number,
  next: (task: Task, taken: number) => Outcome,
): Outcome {
  if (done === length) return next(task, done);
  return transfer(task, stream, "write", address + done, length - done, (t, n) => {
    if (n > 0) return whole(t, stream, address, length, done + n, next);
    stream.error = true;
    if (n < 0) fail(t, n);
    return next(t, done);
  });
}

/** Fills the empty buffer from the file. `next` gets the number of bytes: 0 at the end or after an error. */
export function fill(task: Task, stream: Stream, next: (task: Task, n: number) => Outcome): Outcome {
  if (stream.end > stream.at) return next(task, stream.end - stream.at);
  if (!stream.readable || !ready(task, stream)) {
    stream.error = true;
    fail(task, EBADF);
    return next(task, 0);
  }
  const streams = osvOf(task).streams;
  stream.reading = true;
  // Prompts appear before the program waits for an answer.
  const { output } = streams;
  const waiting = [stream, ...(output !== undefined && output.mode === "line" ? [output] : [])];
  return flushAll(
    task,
    waiting.filter((s) => s.filled > 0),
    (t) =>
      transfer(t, stream, "read", stream.buffer, stream.size, (u, n) => {
        stream.at = 0;
        stream.end = Math.max(0, n);
        if (n === 0) stream.eof = true;
        if (n < 0) {
          stream.error = true;
          fail(u, n);
        }
        return next(u, stream.end);
      }),
  );
}

/** One byte, or {@link EOF}. */
export function getByte(task: Task, stream: Stream, next: (task: Task, byte: number) => Outcome): Outcome {
  const pushed = stream.pushed.pop();
  if (pushed !== undefined) return next(task, pushed);
  if (stream.at === stream.end && stream.eof && isTerminal(task, stream.fd)) return next(task, EOF);
  return fill(task, stream, (t, n) => {
    if (n === 0) return next(t, EOF);
    if (!t.space.check(stream.buffer + stream.at, 1, READ)) return next(t, EOF);
    return next(t, t.space.bytes(stream.buffer + stream.at++, 1)[0]);
  });
}

/** Bytes that are in the buffer, up to and with `stop`; a copy. Empty when the buffer is. */
export function take(task: Task, stream: Stream, most: number, stop: number): Uint8Array {
  if (stream.pushed.length > 0 && most > 0) return Uint8Array.of(stream.pushed.pop()!);
  const have = Math.min(most, stream.end - stream.at);
  if (have <= 0 || !task.space.check(stream.buffer + stream.at, have, READ)) return new Uint8Array(0);
  const view = task.space.bytes(stream.buffer + stream.at, have);
  const found = stop < 0 ? -1 : view.indexOf(stop);
  const bytes = view.slice(0, found < 0 ? have : found + 1);
  stream.at += bytes.length;
  return bytes;
}

/** Reads into guest memory until it is full or the file ends: fread. */
export function getRange(
  task: Task,
  stream: Stream,
  address: number,
  length: number,
  next: (task: Task, got: number) => Outcome,
): Outcome {
  let done = 0;
  return looping(task, (v, again) => {
    while (done < length) {
      const bytes = take(v, stream, length - done, -1);
      if (bytes.length === 0) break;
      if (!v.space.write(address + done, bytes)) {
        fail(v, EFAULT);
        return next(v, done);
      }
      done += bytes.length;
    }
    if (done === length) return next(v, done);
    if (length - done < stream.size || !stream.readable) {
      return fill(v, stream, (t, n) => n === 0 ? next(t, done) : again(t));
    }
    stream.reading = true;
    return flush(v, stream, (t) =>
      transfer(t, stream, "read", address + done, length - done, (u, n) => {
        if (n > 0) {
          done += n;
          return again(u);
        }
        if (n === 0) stream.eof = true;
        else {
          stream.error = true;
          fail(u, n);
        }
        return next(u, done);
      }));
  });
}
