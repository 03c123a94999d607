/**
 * Pseudo-terminals: opening /dev/ptmx makes a pair. The slave, /dev/pts/N, is a terminal with its line discipline; the
 * master is the other end of its wire: what is written to it is typed, what the terminal shows is read from it.
 */
import { EAGAIN, EBADF, EFAULT, EIO, ENOSPC, type Errno, ESPIPE, type Task, WaitQueue } from "@guise/core";
import {
  majorOf,
  makedev,
  minorOf,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  S_IFCHR,
} from "./constants.ts";
import type { Caller, Location } from "./context.ts";
import type { Credentials } from "./cred.ts";
import { OpenFile } from "./file.ts";
import type { Inode } from "./inode.ts";
import { MemoryFs, type MemoryFsOptions } from "./memory_fs.ts";
import { Terminal, TerminalFile } from "./terminal.ts";
import type { Vfs } from "./vfs.ts";

/** Pairs at a time, and bytes of output that wait for the master. */
const PAIRS = 4096, WIRE = 65536;
const TIOCGPTN = 0x80045430, TIOCSPTLCK = 0x40045431, TIOCGPTLCK = 0x80045439;
const PTMX = makedev(5, 2);
const PTS_MAJOR = 136;

/** The pair. */
class Pty {
  readonly number: number;
  readonly terminal: Terminal;
  readonly masterQueue: WaitQueue = new WaitQueue();
  /** Output on its way to the master. */
  readonly #wire: Uint8Array[] = [];
  #waiting = 0;
  /** Open slaves, and whether there ever was one. */
  slaves = 0;
  opened = false;
  locked = true;

  constructor(number: number) {
    this.number = number;
    const write = (bytes: Uint8Array): number | Errno => {
      const n = Math.min(bytes.length, WIRE - this.#waiting);
      if (n === 0) return EAGAIN;
      this.#wire.push(bytes.slice(0, n));
      this.#waiting += n;
      this.masterQueue.wake(Infinity, POLLIN | POLLRDNORM);
      return n;
    };
    this.terminal = new Terminal({ cooked: false, write, demand: () => {} }, makedev(PTS_MAJOR, number));
    this.terminal.winsize = { rows: 0, columns: 0, xpixel: 0, ypixel: 0 };
  }
  get waiting(): number {
    return this.#waiting;
  }
  /** What the terminal showed. */
  take(into: Uint8Array): number {
    let n = 0;
    while (n < into.length && this.#wire.length > 0) {
      const chunk = this.#wire[0];
      const part = Math.min(chunk.length, into.length - n);
      into.set(chunk.subarray(0, part), n);
      n += part;
      if (part === chunk.length) this.#wire.shift();
      else this.#wire[0] = chunk.subarray(part);
    }
    this.#waiting -= n;
    if (n > 0) this.terminal.outputRoom();
    return n;
  }
  /** All slaves that were open are closed. */
  get abandoned(): boolean {
    return this.opened && this.slaves === 0;
  }
}

/** The master of a pair. */
export class PtyMaster extends OpenFile {
  readonly #pty: Pty;
  readonly #gone: () => void;
  constructor(
    pty: Pty,
    inode: Inode,
    flags: number,
    cred: Credentials,
    location: Location,
    gone: () => void,
  ) {
    super(inode, flags, cred, location, pty.masterQueue);
    this.#pty = pty;
    this.#gone = gone;
  }
  /** N of /dev/pts/N (TIOCGPTN). */
  get number(): number {
    return this.#pty.number;
  }
  /** TIOCSPTLCK, TIOCGPTLCK: while locked the slave cannot be opened (EIO). */
  get locked(): boolean {
    return this.#pty.locked;
  }
  set locked(locked: boolean) {
    this.#pty.locked = locked;
  }
  /** The slave's terminal: termios and window size are of the pair. */
  override get terminal(): Terminal {
    return this.#pty.terminal;
  }
  override get writesAll(): boolean {
    return true;
  }
  override read(into: Uint8Array): number | Errno {
    if (!this.readable) return EBADF;
    if (into.length === 0) return 0;
    const n = this.#pty.take(into);
    return n > 0 ? n : this.#pty.abandoned ? EIO : EAGAIN;
  }
  override write(from: Uint8Array): number | Errno {
    if (!this.writable) return EBADF;
    const { terminal } = this.#pty;
    let n = 0;
    // In parts of what fits, since echo and signals can change the room.
    while (n < from.length) {
      const part = Math.min(from.length - n, terminal.room);
      if (part === 0) break;
      terminal.input(from.subarray(n, n + part));
      n += part;
    }
    return n > 0 || from.length === 0 ? n : EAGAIN;
  }
  /** The requests that are of masters alone; the personality knows those of terminals. */
  override ioctl(task: Task, request: number, argument: number): number | Errno | undefined {
    switch (request) {
      case TIOCGPTN:
        return task.space.setU32(argument, this.number) ? 0 : EFAULT;
      case TIOCGPTLCK:
        return task.space.setU32(argument, Number(this.locked)) ? 0 : EFAULT;
      case TIOCSPTLCK: {
        const locked = task.space.getU32(argument);
        if (locked === undefined) return EFAULT;
        this.locked = locked !== 0;
        return 0;
      }
    }
    return undefined;
  }
  override seek(): number | Errno {
    return ESPIPE;
  }
  override poll(): number {
    let bits = this.#pty.terminal.room > 0 ? POLLOUT | POLLWRNORM : 0;
    if (this.#pty.waiting > 0) bits |= POLLIN | POLLRDNORM;
    if (this.#pty.abandoned) bits |= POLLHUP;
    return bits;
  }
  override available(): number | Errno {
    return this.#pty.waiting;
  }
  protected override closed(): void {
    this.#pty.terminal.hangUp();
    this.#gone();
  }
}

/** An open slave. */
class PtySlave extends TerminalFile {
  readonly #pty: Pty;
  constructor(pty: Pty, location: Location, flags: number, cred: Credentials) {
    super(pty.terminal, location.inode, flags, cred, location);
    this.#pty = pty;
    pty.slaves++;
    pty.opened = true;
  }
  override read(into: Uint8Array): number | Errno {
    const n = super.read(into);
    // The master may type on.
    if (n > 0) this.#pty.masterQueue.wake(Infinity, POLLOUT | POLLWRNORM);
    return n;
  }
  protected override closed(): void {
    if (--this.#pty.slaves === 0) this.#pty.masterQueue.wake(Infinity, POLLHUP | POLLIN);
  }
}

/** The file system for /dev/pts, whose nodes come and go with their masters; and the drivers of both ends. */
export function createPtyFs(vfs: Vfs, options: MemoryFsOptions = {}): MemoryFs {
  const fs = new MemoryFs({ type: "devpts", limit: 1 << 20, inodes: PAIRS + 16, ...options });
  const ptmx = fs.root.create("ptmx", { mode: S_IFCHR | 0o666, uid: 0, gid: 0, rdev: PTMX });
  if (typeof ptmx === "number") throw new Error(`guise: /dev/pts/ptmx cannot be made: error ${-ptmx}`);
  const pairs = new Map<number, Pty>();
  const adopted = new Map<number, { readonly terminal: Terminal; readonly node: Inode }>();

  vfs.registerCharacterDevice(PTMX, (at, flags, caller) => {
    let number = 0;
    while (pairs.has(number) || adopted.has(number)) number++;
    if (number >= PAIRS) return ENOSPC;
    const pty = new Pty(number);
    const { cred } = caller;
    const rdev = makedev(PTS_MAJOR, number);
    // Group tty, as grantpt(3) wants it.
    const node = fs.root.create(String(number), { mode: S_IFCHR | 0o620, uid: cred.fsuid, gid: 5, rdev });
    if (typeof node === "number") return node;
    pairs.set(number, pty);
    vfs.registerCharacterDevice(rdev, (at, flags, caller) => openSlave(pairs, at, flags, caller));
    return new PtyMaster(pty, at.inode, flags, cred, at, () => {
      pairs.delete(number);
      fs.root.unlink(String(number), node);
    });
  });
  vfs.adoptTerminal = (terminal, caller) => {
    const { rdev } = terminal;
    const number = minorOf(rdev);
    const mount = vfs.mounts.find((m) => m.fs === fs);
    if (mount === undefined || majorOf(rdev) !== PTS_MAJOR || pairs.has(number)) return undefined;
    const name = String(number);
    const known = adopted.get(number);
    if (known !== undefined && known.terminal !== terminal) return undefined;
    const { cred } = caller;
    const node = known?.node ??
      fs.root.create(name, { mode: S_IFCHR | 0o620, uid: cred.fsuid, gid: 5, rdev });
    if (typeof node === "number") return undefined;
    adopted.set(number, { terminal, node });
    vfs.registerCharacterDevice(
      rdev,
      (at, flags, c) => new TerminalFile(terminal, at.inode, flags, c.cred, at),
    );
    return { mount, inode: node, dir: fs.root, name };
  };
  return fs;
}

function openSlave(
  pairs: ReadonlyMap<number, Pty>,
  at: Location,
  flags: number,
  caller: Caller,
): OpenFile | Errno {
  const pty = pairs.get(minorOf(at.inode.rdev));
  if (pty === undefined || pty.locked) return EIO;
  return new PtySlave(pty, at, flags, caller.cred);
}
