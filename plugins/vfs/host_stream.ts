/**
 * Standard streams of the host as open files. Input is pushed by the host after we asked for it, output is handed over
 * at once. How the stream looks to fstat (pipe, device, regular file, terminal) is what the host says.
 */
import { type Backing, EAGAIN, EBADF, type Errno, ESPIPE, WaitQueue } from "@guise/core";
import { AnonymousInode } from "./anonymous.ts";
import {
  makedev,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  S_IFCHR,
  S_IFIFO,
} from "./constants.ts";
import type { Caller, Location } from "./context.ts";
import type { Credentials } from "./cred.ts";
import { NullFile } from "./devices.ts";
import { OpenFile } from "./file.ts";
import type { HostFile } from "./host_folder.ts";
import { HostFileInode } from "./host_file.ts";
import type { Inode } from "./inode.ts";
import { RegularFile } from "./regular_file.ts";
import { Terminal, TerminalFile } from "./terminal.ts";

/** Takes output bytes; does not keep them. A number taken, or EAGAIN (then call `ready()` later), EPIPE, EIO. */
export type HostWrite = (bytes: Uint8Array) => number | Errno;

/**
 * Asks the host for input, called only when a reader wants some and none is on the way. `max`: how much it wants; more
 * must not be taken from a stream that the host's next program reads on.
 */
export type HostDemand = (max: number) => void;

/** A terminal of the host, for {@link Terminal}: the host calls its `input`, `eof`, `hangUp`, `ready` and sets `winsize`. */
export interface HostConsole {
  /** Whether the host itself edits lines, echoes and maps newlines while not raw. */
  readonly cooked: boolean;
  /** Takes what is shown. */
  readonly write: HostWrite;
  /** Asks for what is typed. */
  readonly demand: HostDemand;
  /** Asks the host for raw mode (no editing, no echo, no signals) or back. */
  setRaw?(raw: boolean): void;
  /** Whether the host makes CR and NL of a NL that is written even when raw (Deno's raw mode leaves that on). */
  readonly mapsNewlines?: boolean;
  /** Size of the window now. */
  size?(): { readonly rows: number; readonly columns: number } | undefined;
}

/** Options of a {@link HostStream}. */
export interface HostStreamOptions {
  /** Asks for input; absent: no input, reads are at the end. */
  readonly demand?: HostDemand;
  /** Takes output; absent: EBADF. */
  readonly write?: HostWrite;
  /** What fstat tells: a pipe (default) or a character device of that number. */
  readonly rdev?: number;
}

/**
 * A byte stream of the host without an offset. The host calls {@link push} once for each demand, {@link end} at the
 * end of input, and {@link ready} when output that was refused can be taken.
 */
export class HostStream {
  /** Woken by input, by its end, and by room for output. */
  readonly queue: WaitQueue = new WaitQueue();
  /** See {@link HostStreamOptions.rdev}. */
  readonly rdev: number | undefined;
  readonly #demand: HostDemand | undefined;
  readonly #write: HostWrite | undefined;
  #chunks: Uint8Array[] = [];
  #asked = false;
  #ended: boolean;
  #full = false;
  #broken = false;
  /** Asks for nothing yet. */
  constructor(options: HostStreamOptions) {
    this.rdev = options.rdev;
    this.#demand = options.demand;
    this.#write = options.write;
    this.#ended = options.demand === undefined;
  }
  /** The host's side: input. Keeps `bytes`. Between two demands it may be called any number of times. */
  push(bytes: Uint8Array): void {
    this.#asked = false;
    if (bytes.length > 0) this.#chunks.push(bytes);
    this.queue.wake(Infinity, POLLIN | POLLRDNORM);
  }
  /** The host's side: no more input. */
  end(): void {
    this.#asked = false;
    this.#ended = true;
    this.queue.wake(Infinity, POLLIN | POLLHUP);
  }
  /** The host's side: output can be taken again. */
  ready(): void {
    this.#full = false;
    this.queue.wake(Infinity, POLLOUT | POLLWRNORM);
  }
  #ask(max: number): void {
    if (this.#asked || this.#ended) return;
    this.#asked = true;
    this.#demand!(max);
  }
  /** read(2) of it: EAGAIN while there is nothing, 0 at the end. */
  read(into: Uint8Array): number | Errno {
    if (into.length === 0) return 0;
    let n = 0;
    // A host may answer a demand at once.
    if (this.#chunks.length === 0) this.#ask(into.length);
    while (n < into.length && this.#chunks.length > 0) {
      const chunk = this.#chunks[0];
      const part = Math.min(chunk.length, into.length - n);
      into.set(chunk.subarray(0, part), n);
      n += part;
      if (part === chunk.length) this.#chunks.shift();
      else this.#chunks[0] = chunk.subarray(part);
    }
    return n > 0 ? n : this.#ended ? 0 : EAGAIN;
  }
  /** write(2) to it. */
  write(from: Uint8Array): number | Errno {
    if (this.#write === undefined) return EBADF;
    if (from.length === 0) return 0;
    const n = this.#write(from);
    if (n === EAGAIN) this.#full = true;
    else if (n < 0) this.#broken = true;
    return n;
  }
  /** Bytes that have come and were not read. */
  get available(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }
  /** Poll bits for an open file with these access rights. */
  poll(readable: boolean, writable: boolean): number {
    let bits = 0;
    if (readable) {
      // Nobody has said how much: no more than the read that follows will most likely want.
      if (this.#chunks.length === 0) this.#ask(4096);
      if (this.#chunks.length > 0) bits |= POLLIN | POLLRDNORM;
      else if (this.#ended) bits |= POLLHUP;
    }
    if (writable) bits |= this.#broken ? POLLOUT | POLLERR : this.#full ? 0 : POLLOUT | POLLWRNORM;
    return bits;
  }
}

/** An open file of a {@link HostStream}. */
export class HostStreamFile extends OpenFile {
  readonly #stream: HostStream;
  constructor(stream: HostStream, inode: Inode, flags: number, cred: Credentials, location?: Location) {
    super(inode, flags, cred, location, stream.queue);
    this.#stream = stream;
  }
  override get writesAll(): boolean {
    return true;
  }
  override read(into: Uint8Array): number | Errno {
    return this.readable ? this.#stream.read(into) : EBADF;
  }
  override write(from: Uint8Array): number | Errno {
    return this.writable ? this.#stream.write(from) : EBADF;
  }
  override seek(): number | Errno {
    return ESPIPE;
  }
  override poll(): number {
    return this.#stream.poll(this.readable, this.writable);
  }
  override available(): number | Errno {
    return this.#stream.available;
  }
}

/** A regular file of the host that was handed to us open, with its offset and flags (O_RDONLY, O_WRONLY, O_APPEND…). */
export interface HostStdioFile {
  /** The open file. */
  readonly file: HostFile;
  /** Where the next read or write goes. */
  readonly offset: number;
  /** O_RDONLY, O_WRONLY, O_APPEND and so on. */
  readonly flags: number;
  /** Its path on the host, for /proc/self/fd. */
  readonly name?: string;
  /** Told when the guests are done, with their offset: what follows on the host goes on there. */
  readonly done?: (offset: number) => void;
}

/** What stands behind a standard descriptor. */
export type HostStdio = HostStream | Terminal | HostStdioFile | "null";

/** The inode of a stream or terminal: /proc/self/fd/N opens the same stream again. */
class StdioInode extends AnonymousInode {
  readonly #again: Again;
  constructor(name: string, mode: number, rdev: number, caller: Caller, again: Again) {
    super("pipe", mode, caller);
    if (name !== "") this.name = name;
    this.rdev = rdev;
    this.#again = again;
  }
  override open(location: Location, flags: number, caller: Caller): OpenFile | Errno {
    return this.#again(location, flags, caller);
  }
}
type Again = (location: Location, flags: number, caller: Caller) => OpenFile;

const inodes = new WeakMap<HostStream | Terminal, StdioInode>();

/** Opens a terminal, by a node that names it (/dev/tty) or as what it is. */
export function openTerminal(
  terminal: Terminal,
  flags: number,
  caller: Caller,
  location?: Location,
): OpenFile {
  location ??= caller.fs.vfs.adoptTerminal(terminal, caller);
  let inode = inodes.get(terminal);
  if (inode === undefined && location === undefined) {
    const again: Again = (at, f, c) => new TerminalFile(terminal, at.inode, f, c.cred, at);
    inode = new StdioInode(ttyName(terminal.rdev), S_IFCHR | 0o620, terminal.rdev, caller, again);
    inodes.set(terminal, inode);
  }
  return new TerminalFile(terminal, location?.inode ?? inode!, flags, caller.cred, location);
}

/** A redirected standard stream; its name is the host's business. */
class HostStdioOpenFile extends RegularFile {
  override backing(): Backing | Errno {
    return this.inode.backing(this.inode.name);
  }
}

function openOne(caller: Caller, stdio: HostStdio, fd: number): OpenFile {
  const { cred } = caller;
  const flags = fd === 0 ? O_RDONLY : O_WRONLY;
  if (stdio === "null") {
    const again: Again = (at, f, c) => new NullFile(at.inode, f, c.cred, at);
    return new NullFile(
      new StdioInode("/dev/null", S_IFCHR | 0o666, makedev(1, 3), caller, again),
      flags,
      cred,
    );
  }
  if (stdio instanceof Terminal) return openTerminal(stdio, O_RDWR, caller);
  if (stdio instanceof HostStream) {
    let inode = inodes.get(stdio);
    if (inode === undefined) {
      const type = stdio.rdev !== undefined ? S_IFCHR : S_IFIFO;
      const again: Again = (at, f, c) => new HostStreamFile(stdio, at.inode, f, c.cred, at);
      inode = new StdioInode("", type | 0o600, stdio.rdev ?? 0, caller, again);
      inodes.set(stdio, inode);
    }
    return new HostStreamFile(stdio, inode, flags, cred);
  }
  const inode = new HostFileInode(stdio.file, caller, stdio.name);
  const place: Location = { mount: caller.fs.vfs.nowhere, inode, name: inode.name };
  const file = new HostStdioOpenFile(place, stdio.flags, cred);
  file.position = stdio.offset;
  return file;
}

/**
 * The open files for descriptors 0, 1 and 2, one reference each; undefined stays closed. Descriptors with the same
 * terminal share one open file, as those of a shell do.
 */
export function openStdio(
  caller: Caller,
  streams: readonly (HostStdio | undefined)[],
): (OpenFile | undefined)[] {
  const files: (OpenFile | undefined)[] = [];
  streams.forEach((stdio, fd) => {
    const same = streams.indexOf(stdio);
    const shared = stdio instanceof Terminal && same < fd ? files[same] : undefined;
    files.push(shared?.ref() ?? (stdio === undefined ? undefined : openOne(caller, stdio, fd)));
  });
  return files;
}

/** The name that ttyname(3) finds for a device number. */
function ttyName(rdev: number): string {
  const major = (rdev >>> 8) & 0xfff, minor = rdev & 0xff;
  return major === 136 ? `/dev/pts/${minor}` : major === 4 ? `/dev/tty${minor}` : "/dev/console";
}
