/**
 * Pipes and FIFOs: a ring of bytes with counted readers and writers. Capacity 64 KiB, writes of up to PIPE_BUF bytes
 * are all or nothing.
 */
import {
  EAGAIN,
  EBADF,
  EBUSY,
  EINVAL,
  ENXIO,
  EPERM,
  EPIPE,
  type Errno,
  ESPIPE,
  WaitQueue,
} from "@guise/core";
import {
  O_ACCMODE,
  O_DIRECT,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  S_IFIFO,
} from "./constants.ts";
import { AnonymousInode } from "./anonymous.ts";
import type { Caller, Location } from "./context.ts";
import { CAP_SYS_RESOURCE, type Credentials } from "./cred.ts";
import { OpenFile } from "./file.ts";
import type { Inode } from "./inode.ts";
import type { Vfs } from "./vfs.ts";

/** Writes up to this many bytes are atomic. */
export const PIPE_BUF = 4096;
const DEFAULT_SIZE = 65536, MAX_SIZE = 1 << 20;
/** Bytes that the rings of all pipes of a kernel may take; then pipes stay small, as under Linux's soft limit. */
/** Up to this many bytes are moved one by one: a view costs more. */
const FEW = 32;
const TOTAL = 64 << 20, SMALL = 8192;

const totals = new WeakMap<Vfs, { bytes: number }>();

/** What all pipes of a kernel take. */
function totalOf(caller: Caller): { bytes: number } {
  let total = totals.get(caller.fs.vfs);
  if (total === undefined) totals.set(caller.fs.vfs, total = { bytes: 0 });
  return total;
}

/** The bytes between the ends. */
class Pipe {
  /** Allocated as needed, up to `size`. */
  #ring = new Uint8Array(0);
  #head = 0;
  length = 0;
  size = DEFAULT_SIZE;
  readers = 0;
  writers = 0;
  /** Ends ever opened: an open that waits for a partner sees one that came and went. */
  readersEver = 0;
  writersEver = 0;
  /** Who waits to read, to write, and to do either. */
  readonly readQueue: WaitQueue = new WaitQueue();
  readonly writeQueue: WaitQueue = new WaitQueue();
  readonly bothQueue: WaitQueue = new WaitQueue();

  readonly #total: { bytes: number };
  constructor(total: { bytes: number }) {
    this.#total = total;
  }

  get room(): number {
    return this.size - this.length;
  }
  wakeReaders(bits: number): void {
    this.readQueue.wake(Infinity, bits);
    this.bothQueue.wake(Infinity, bits);
  }
  wakeWriters(bits: number): void {
    this.writeQueue.wake(Infinity, bits);
    this.bothQueue.wake(Infinity, bits);
  }
  take(into: Uint8Array): number {
    const n = Math.min(into.length, this.length);
    if (n <= FEW && this.#head + n <= this.#ring.length) {
      const ring = this.#ring, head = this.#head;
      for (let i = 0; i < n; i++) into[i] = ring[head + i];
      this.length -= n;
      this.#head = this.length === 0 ? 0 : (head + n) % ring.length;
      return n;
    }
    const first = Math.min(n, this.#ring.length - this.#head);
    into.set(this.#ring.subarray(this.#head, this.#head + first));
    if (first < n) into.set(this.#ring.subarray(0, n - first), first);
    this.length -= n;
    this.#head = this.length === 0 ? 0 : (this.#head + n) % this.#ring.length;
    return n;
  }
  /** The first bytes, which stay. */
  peek(most: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(most, this.length));
    const first = Math.min(bytes.length, this.#ring.length - this.#head);
    bytes.set(this.#ring.subarray(this.#head, this.#head + first));
    if (first < bytes.length) bytes.set(this.#ring.subarray(0, bytes.length - first), first);
    return bytes;
  }
  put(from: Uint8Array): number | Errno {
    let n = Math.min(from.length, this.room);
    if (this.length + n > this.#ring.length) {
      const length = Math.min(this.size, Math.max(this.length + n, this.#ring.length * 2, 4096));
      if (length > SMALL && this.#total.bytes + length - this.#ring.length > TOTAL) {
        this.size = Math.max(SMALL, this.#ring.length);
        n = Math.min(n, this.room);
        if (n === 0 || (from.length <= PIPE_BUF && n < from.length)) return EAGAIN;
      }
      if (this.#ring.length < this.size) this.#grow(Math.min(length, this.size));
    }
    const ring = this.#ring;
    const at = (this.#head + this.length) % ring.length;
    if (n <= FEW && at + n <= ring.length) {
      for (let i = 0; i < n; i++) ring[at + i] = from[i];
      this.length += n;
      return n;
    }
    const first = Math.min(n, ring.length - at);
    ring.set(from.subarray(0, first), at);
    if (first < n) ring.set(from.subarray(first, n), 0);
    this.length += n;
    return n;
  }
  #grow(length: number): void {
    const ring = new Uint8Array(length);
    const held = this.length;
    this.take(ring);
    this.length = held;
    this.#total.bytes += length - this.#ring.length;
    this.#ring = ring;
    this.#head = 0;
  }
  resize(size: number): 0 | Errno {
    if (size < this.length) return EBUSY;
    if (size > this.size && this.#total.bytes + size - this.#ring.length > TOTAL) return EPERM;
    this.size = size;
    if (this.#ring.length > size) this.#grow(size);
    this.wakeWriters(POLLOUT | POLLWRNORM);
    return 0;
  }
  /** The last end is closed: the bytes go. */
  forget(): void {
    if (this.readers > 0 || this.writers > 0) return;
    this.#total.bytes -= this.#ring.length;
    this.#ring = new Uint8Array(0);
    this.#head = this.length = 0;
  }
}

/** The pipe behind a FIFO's inode, while any end of it is open. */
const fifos = new WeakMap<Inode, Pipe>();

/** An end of a pipe, or both (a FIFO opened O_RDWR). */
export class PipeFile extends OpenFile {
  readonly #pipe: Pipe;
  /** While open(2) waits: how many partners there had been before. */
  #waitsFor: "reader" | "writer" | undefined = undefined;
  #seen = 0;
  readonly #quiet: number;

  constructor(inode: Inode, pipe: Pipe, flags: number, cred: Credentials, location?: Location) {
    const access = flags & O_ACCMODE;
    const queue = access === O_RDONLY
      ? pipe.readQueue
      : access === O_WRONLY
      ? pipe.writeQueue
      : pipe.bothQueue;
    super(inode, flags, cred, location, queue);
    this.#pipe = pipe;
    // A reader that came when there was no writer is hung up on only after one has come.
    this.#quiet = pipe.writers === 0 ? pipe.writersEver : -1;
    if (this.readable) {
      pipe.readers++;
      pipe.readersEver++;
    }
    if (this.writable) {
      pipe.writers++;
      pipe.writersEver++;
    }
    if (location !== undefined) {
      if (this.readable) pipe.wakeWriters(POLLOUT);
      if (this.writable) pipe.wakeReaders(POLLIN);
    }
  }
  /** Makes open(2) wait for a partner if there is none. */
  awaitPartner(): void {
    const access = this.flags & O_ACCMODE;
    if (access === O_RDONLY && this.#pipe.writers === 0) {
      this.#waitsFor = "writer";
      this.#seen = this.#pipe.writersEver;
    } else if (access === O_WRONLY && this.#pipe.readers === 0) {
      this.#waitsFor = "reader";
      this.#seen = this.#pipe.readersEver;
    }
  }
  override get opening(): WaitQueue | undefined {
    if (this.#waitsFor === undefined) return undefined;
    const ever = this.#waitsFor === "writer" ? this.#pipe.writersEver : this.#pipe.readersEver;
    if (ever === this.#seen) return this.queue;
    this.#waitsFor = undefined;
    return undefined;
  }
  override get writesAll(): boolean {
    return true;
  }
  protected override closed(): void {
    const pipe = this.#pipe;
    if (this.readable) pipe.readers--;
    if (this.writable) pipe.writers--;
    if (this.writable && pipe.writers === 0) pipe.wakeReaders(POLLHUP | POLLIN);
    if (this.readable && pipe.readers === 0) pipe.wakeWriters(POLLERR | POLLOUT);
    pipe.forget();
  }
  override read(into: Uint8Array): number | Errno {
    if (!this.readable) return EBADF;
    const pipe = this.#pipe;
    if (into.length === 0) return 0;
    if (pipe.length === 0) return pipe.writers === 0 ? 0 : EAGAIN;
    const n = pipe.take(into);
    pipe.wakeWriters(POLLOUT | POLLWRNORM);
    return n;
  }
  override write(from: Uint8Array): number | Errno {
    if (!this.writable) return EBADF;
    const pipe = this.#pipe;
    if (pipe.readers === 0) return EPIPE;
    if (from.length === 0) return 0;
    if (pipe.room === 0 || (from.length <= PIPE_BUF && pipe.room < from.length)) return EAGAIN;
    const n = pipe.put(from);
    if (n < 0) return n;
    pipe.wakeReaders(POLLIN | POLLRDNORM);
    return n;
  }
  override poll(): number {
    const pipe = this.#pipe;
    let bits = 0;
    if (this.readable) {
      if (pipe.length > 0) bits |= POLLIN | POLLRDNORM;
      if (pipe.writers === 0 && pipe.writersEver !== this.#quiet) bits |= POLLHUP;
    }
    if (this.writable) {
      // Room for an atomic write at least.
      if (pipe.room >= PIPE_BUF) bits |= POLLOUT | POLLWRNORM;
      if (pipe.readers === 0) bits |= POLLERR;
    }
    return bits;
  }
  override available(): number | Errno {
    return this.#pipe.length;
  }
  override seek(): number | Errno {
    return ESPIPE;
  }
  /** tee(2): up to `most` of the bytes that wait here go into the other pipe as well. */
  tee(to: PipeFile, most: number): number | Errno {
    const from = this.#pipe, target = to.#pipe;
    if (target.readers === 0) return EPIPE;
    if (from.length === 0) return from.writers === 0 ? 0 : EAGAIN;
    if (target.room === 0) return EAGAIN;
    const n = target.put(from.peek(Math.min(most, target.room)));
    if (n > 0) target.wakeReaders(POLLIN | POLLRDNORM);
    return n;
  }
  /** For F_GETPIPE_SZ and F_SETPIPE_SZ. */
  get capacity(): number {
    return this.#pipe.size;
  }
  resize(size: number): 0 | Errno {
    return this.#pipe.resize(size);
  }
}

/** Opens a FIFO: O_RDWR and O_NONBLOCK do not wait; ENXIO for a non-blocking writer without a reader. */
export function openFifo(at: Location, flags: number, caller: Caller): OpenFile | Errno {
  const { inode } = at;
  let pipe = fifos.get(inode);
  const access = flags & O_ACCMODE;
  // A pipe opened by its /proc/self/fd name has had both ends: nobody is waited for.
  const named = !(inode instanceof AnonymousInode);
  if (
    named && access === O_WRONLY && (flags & O_NONBLOCK) !== 0 && (pipe === undefined || pipe.readers === 0)
  ) {
    return ENXIO;
  }
  if (pipe === undefined) fifos.set(inode, pipe = new Pipe(totalOf(caller)));
  const file = new PipeFile(inode, pipe, flags, caller.cred, at);
  if (named && (flags & O_NONBLOCK) === 0) file.awaitPartner();
  return file;
}

/** pipe2(2): both ends with one reference each; flags O_NONBLOCK (O_DIRECT is refused: EINVAL). */
export function createPipe(caller: Caller, flags: number): { read: OpenFile; write: OpenFile } | Errno {
  if ((flags & O_DIRECT) !== 0) return EINVAL;
  const inode = new AnonymousInode("pipe", S_IFIFO | 0o600, caller);
  const pipe = new Pipe(totalOf(caller));
  fifos.set(inode, pipe);
  const status = flags & O_NONBLOCK;
  return {
    read: new PipeFile(inode, pipe, O_RDONLY | status, caller.cred),
    write: new PipeFile(inode, pipe, O_WRONLY | status, caller.cred),
  };
}

/** tee(2) between two pipes; EINVAL when they are not two. EAGAIN: the first is empty or the second full. */
export function teePipe(from: OpenFile, to: OpenFile, most: number): number | Errno {
  if (!(from instanceof PipeFile) || !(to instanceof PipeFile) || from.inode === to.inode) return EINVAL;
  return from.tee(to, most);
}

/** F_GETPIPE_SZ: EBADF when it is no pipe. */
export function pipeSize(file: OpenFile): number | Errno {
  return file instanceof PipeFile ? file.capacity : EBADF;
}

/** F_SETPIPE_SZ: the size that it has then; EBUSY when more is in it, EPERM above 1 MiB without CAP_SYS_RESOURCE. */
export function setPipeSize(file: OpenFile, size: number, caller: Caller): number | Errno {
  if (!(file instanceof PipeFile)) return EBADF;
  if (size < 0 || size > 2 ** 31) return EINVAL;
  let rounded = 4096;
  while (rounded < size) rounded *= 2;
  if (rounded > MAX_SIZE && rounded > file.capacity && !caller.cred.capable(CAP_SYS_RESOURCE)) return EPERM;
  // Nobody gets more than this, whatever he may.
  rounded = Math.min(rounded, 16 * MAX_SIZE);
  const error = file.resize(rounded);
  return error !== 0 ? error : rounded;
}
