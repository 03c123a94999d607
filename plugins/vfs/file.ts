/**
 * Open files ("open file descriptions"): what descriptors, dup and fork share. An operation that would block answers
 * EAGAIN whether or not O_NONBLOCK is set: the personality looks at the flag and waits on {@link OpenFile.queue}.
 */
import {
  type Backing,
  EBADF,
  EINVAL,
  ENODEV,
  ENOTTY,
  type Errno,
  ESPIPE,
  type Task,
  WaitQueue,
} from "@guise/core";
import {
  O_ACCMODE,
  O_APPEND,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
} from "./constants.ts";
import type { Caller, Location } from "./context.ts";
import type { Credentials } from "./cred.ts";
import type { EmitEntry, Inode } from "./inode.ts";
import type { Terminal } from "./terminal.ts";

/** Poll bits of a file that never blocks. */
export const ALWAYS_READY: number = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

/** An open file. Subclasses: regular files, directories, pipes, terminals, host streams; sockets and others elsewhere. */
export abstract class OpenFile {
  /** What is open. */
  readonly inode: Inode;
  /** Where it was opened; absent for files that never had a name (pipes, sockets, epoll). */
  readonly location: Location | undefined;
  /** Access mode and status flags (O_APPEND, O_NONBLOCK…), without O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC, O_CLOEXEC. */
  flags: number;
  /** Who opened it. */
  readonly cred: Credentials;
  /** File offset, or the cursor of a directory. */
  position = 0;
  /** Woken (key: the poll bits that came) whenever {@link poll} may have changed. */
  readonly queue: WaitQueue;
  /** The terminal behind it, for isatty, termios and window size. */
  get terminal(): Terminal | undefined {
    return undefined;
  }
  /** F_SETOWN, F_SETSIG: kept for the personality. */
  owner = 0;
  /** See {@link owner}. */
  signal = 0;
  #refs = 1;

  /** Holds the inode; one reference. */
  constructor(
    inode: Inode,
    flags: number,
    cred: Credentials,
    location?: Location,
    queue: WaitQueue = new WaitQueue(),
  ) {
    this.inode = inode;
    this.flags = flags;
    this.cred = cred;
    this.location = location;
    this.queue = queue;
    inode.hold();
  }

  /** Opened for reading. */
  get readable(): boolean {
    return (this.flags & (O_ACCMODE | O_PATH)) !== O_WRONLY && (this.flags & O_PATH) === 0;
  }
  /** Opened for writing. */
  get writable(): boolean {
    return (this.flags & O_ACCMODE) !== O_RDONLY && (this.flags & O_PATH) === 0;
  }
  /** Whether it has an offset; read and write at an offset are ESPIPE without. */
  get seekable(): boolean {
    return false;
  }
  /** A blocking write of n bytes ends only when all n are taken (pipes, terminals), so the caller goes on after a short count. */
  get writesAll(): boolean {
    return false;
  }
  /** Nanoseconds after which a blocking read gives up and answers 0 (VTIME of a terminal); Infinity: never. */
  get readTimeout(): number {
    return Infinity;
  }
  /** The queue on which open(2) still has to wait (a FIFO without a partner); undefined when the open is complete. */
  get opening(): WaitQueue | undefined {
    return undefined;
  }

  /** Reads at the offset and moves it. 0 is the end. Does not keep `into`. EBADF when not open for reading. */
  abstract read(into: Uint8Array, caller?: Caller): number | Errno;
  /** Writes at the offset (or the end, O_APPEND) and moves it. EPIPE is a value: the signal is the personality's. */
  abstract write(from: Uint8Array, caller?: Caller): number | Errno;
  /** Reads at `offset` and leaves the own offset: ESPIPE where there is none. */
  pread(_into: Uint8Array, _offset: number, _caller?: Caller): number | Errno {
    return ESPIPE;
  }
  /** Writes at `offset` and leaves the own offset. */
  pwrite(_from: Uint8Array, _offset: number, _caller?: Caller): number | Errno {
    return ESPIPE;
  }
  /** lseek(2) with SEEK_SET, CUR, END, DATA, HOLE: the new offset. */
  seek(_offset: number, _whence: number): number | Errno {
    return ESPIPE;
  }
  /** ftruncate(2). */
  truncate(_size: number): 0 | Errno {
    return EINVAL;
  }
  /** fallocate(2). */
  allocate(_mode: number, _offset: number, _length: number): 0 | Errno {
    return this.writable ? ENODEV : EBADF;
  }
  /** fsync(2), fdatasync(2). */
  sync(_dataOnly: boolean): 0 | Errno {
    return EINVAL;
  }
  /** getdents: gives entries from the offset on, and moves it behind those that were taken. */
  readdir(_emit: EmitEntry, _caller: Caller): 0 | Errno {
    return -20; // ENOTDIR
  }
  /** The poll bits that hold now. */
  poll(): number {
    return ALWAYS_READY;
  }
  /** FIONREAD: bytes that a read would give now. */
  available(): number | Errno {
    return ENOTTY;
  }
  /** What mmap maps: EACCES for files not open for reading is the personality's check. */
  backing(): Backing | Errno {
    return ENODEV;
  }
  /** Other ioctls, on guest memory: undefined when it has none of that number (ENOTTY). */
  ioctl?(task: Task, request: number, argument: number): number | Errno | undefined;
  /** fcntl(F_SETFL): O_APPEND, O_NONBLOCK, O_ASYNC, O_DIRECT and O_NOATIME may change. */
  setFlags(flags: number): 0 | Errno {
    const may = O_APPEND | 0o4000 | 0o20000 | 0o40000 | 0o1000000;
    this.flags = (this.flags & ~may) | (flags & may);
    return 0;
  }

  /** Descriptors and other holders of it. */
  get refs(): number {
    return this.#refs;
  }
  /** One more holder. */
  ref(): this {
    this.#refs++;
    return this;
  }
  /** One holder less; with the last it closes. */
  unref(): void {
    if (--this.#refs !== 0) return;
    this.closed();
    this.inode.locks?.fileClosed(this);
    this.inode.release();
  }
  /** The last reference is gone. */
  protected closed(): void {}
}
