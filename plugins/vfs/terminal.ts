/**
 * A terminal: termios, window size, and Linux's line discipline (editing, echo, signals, CR and NL) between a host's
 * console and the open files. A host whose own terminal edits lines ("cooked") is left to do so until the guest asks
 * for what only we can do then (no ICANON, or no ECHO): then the host goes raw and all is done here.
 */
import { EAGAIN, EBADF, EIO, type Errno, ESPIPE, WaitQueue } from "@guise/core";
import { POLLHUP, POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from "./constants.ts";
import type { Location } from "./context.ts";
import type { Credentials } from "./cred.ts";
import { OpenFile } from "./file.ts";
import type { HostConsole } from "./host_stream.ts";
import type { Inode } from "./inode.ts";

// deno-fmt-ignore
const ISTRIP = 0o40, INLCR = 0o100, IGNCR = 0o200, ICRNL = 0o400, IXON = 0o2000, IUTF8 = 0o40000,
  OPOST = 1, ONLCR = 4, OCRNL = 0o10, ONLRET = 0o40,
  ISIG = 1, ICANON = 2, ECHO = 0o10, ECHOE = 0o20, ECHOK = 0o40, ECHONL = 0o100, NOFLSH = 0o200, ECHOCTL = 0o1000,
  ECHOKE = 0o4000, IEXTEN = 0o100000;
// deno-fmt-ignore
const VINTR = 0, VQUIT = 1, VERASE = 2, VKILL = 3, VEOF = 4, VTIME = 5, VMIN = 6, VSTART = 8, VSTOP = 9, VSUSP = 10,
  VEOL = 11, VWERASE = 14, VLNEXT = 15, VEOL2 = 16;

/** A canonical line has at most this many bytes; what is typed beyond is dropped, as on Linux. */
const LINE_MAX = 4095;
/** Bytes that wait to be read, at most. */
const INPUT_MAX = 65536;

/** termios of Linux: flag words, line discipline, 19 control characters, speeds in bits a second. */
export interface Termios {
  /** Input modes. */
  readonly iflag: number;
  /** Output modes. */
  readonly oflag: number;
  /** Control modes. */
  readonly cflag: number;
  /** Local modes. */
  readonly lflag: number;
  /** Line discipline. */
  readonly line: number;
  /** VINTR 0, VQUIT 1, VERASE 2, VKILL 3, VEOF 4, VTIME 5, VMIN 6 … as on Linux. */
  readonly cc: Uint8Array;
  /** Speed of input. */
  readonly ispeed: number;
  /** Speed of output. */
  readonly ospeed: number;
}

/** What a Linux console starts with. */
export function defaultTermios(): Termios {
  return {
    iflag: ICRNL | IXON | IUTF8,
    oflag: OPOST | ONLCR,
    cflag: 0o277, // B38400 | CS8 | CREAD
    lflag: ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
    line: 0,
    cc: Uint8Array.of(3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0),
    ispeed: 38400,
    ospeed: 38400,
  };
}

/** Size of a terminal's window. */
export interface WindowSize {
  /** Lines. */
  readonly rows: number;
  /** Characters in a line. */
  readonly columns: number;
  /** Width in pixels, 0: not known. */
  readonly xpixel: number;
  /** Height in pixels. */
  readonly ypixel: number;
}

/** A terminal, shared by all open files of it. */
export class Terminal {
  /** Device number that fstat(2) tells. */
  readonly rdev: number;
  /** Woken by input, by room for output and by a hang-up. */
  readonly queue: WaitQueue = new WaitQueue();
  /** Session id and foreground process group, kept for the personality; 0: none. */
  session = 0;
  /** See {@link session}. */
  foreground = 0;
  /** A key (or a resize) means a signal to the foreground group: SIGINT 2, SIGQUIT 3, SIGTSTP 20, SIGWINCH 28; SIGHUP 1. */
  onSignal: ((signal: number) => void) | undefined = undefined;
  readonly #console: HostConsole;
  #termios: Termios = defaultTermios();
  #winsize: WindowSize;
  /** Whole lines (canonical); an empty one is an end of file. */
  readonly #lines: Uint8Array[] = [];
  /** Bytes of the line being edited, or (not canonical) all input. */
  #bytes: number[] = [];
  #literal = false;
  #stopped = false;
  #asked = false;
  #hungUp = false;
  #raw = false;
  #pending = 0;

  /** With {@link defaultTermios}. */
  constructor(console: HostConsole, rdev: number) {
    this.#console = console;
    this.rdev = rdev;
    const size = console.size?.();
    this.#winsize = { rows: size?.rows ?? 24, columns: size?.columns ?? 80, xpixel: 0, ypixel: 0 };
  }

  /** The modes now. */
  get termios(): Termios {
    return this.#termios;
  }
  /** TCSETS ("now"), TCSETSW ("drain": output is never pending here), TCSETSF ("flush": drops unread input). */
  setTermios(termios: Termios, when: "now" | "drain" | "flush" = "now"): void {
    const was = this.#canonical;
    this.#termios = { ...termios, cc: termios.cc.slice() };
    if (when === "flush") this.flush(true, false);
    if (was && !this.#canonical) {
      // What was typed is there to be read at once.
      const all = this.#lines.splice(0).flatMap((line) => [...line]);
      this.#pending = 0;
      this.#bytes = [...all, ...this.#bytes];
      if (this.#bytes.length > 0) this.#wakeReaders();
    } else if (!was && this.#canonical && this.#bytes.length > 0) {
      this.#lines.push(Uint8Array.from(this.#bytes));
      this.#pending += this.#bytes.length;
      this.#bytes = [];
    }
    const raw = !this.#canonical || (this.#termios.lflag & ECHO) === 0;
    if (this.#console.cooked && raw !== this.#raw) {
      this.#raw = raw;
      this.#console.setRaw?.(raw);
    }
    if ((this.#termios.iflag & IXON) === 0) this.#start();
  }
  /** Size of the window. */
  get winsize(): WindowSize {
    return this.#winsize;
  }
  /** Setting another size raises SIGWINCH. */
  set winsize(size: WindowSize) {
    const old = this.#winsize;
    this.#winsize = size;
    if (old.rows !== size.rows || old.columns !== size.columns) this.onSignal?.(28);
  }
  /** TCFLSH: drops unread input; output is never held. */
  flush(input: boolean, _output: boolean): void {
    if (!input) return;
    this.#lines.length = 0;
    this.#bytes = [];
    this.#pending = 0;
  }
  /** TCXONC: stops and starts output. */
  suspendOutput(stop: boolean): void {
    if (stop) this.#stopped = true;
    else this.#start();
  }
  #start(): void {
    if (!this.#stopped) return;
    this.#stopped = false;
    this.queue.wake(Infinity, POLLOUT | POLLWRNORM);
  }
  get #canonical(): boolean {
    return (this.#termios.lflag & ICANON) !== 0;
  }
  /** Whether the host edits lines and echoes now. */
  get #hostEdits(): boolean {
    return this.#console.cooked && !this.#raw;
  }
  #wakeReaders(): void {
    this.queue.wake(Infinity, POLLIN | POLLRDNORM);
  }

  /** Bytes of input that are taken before something is read: what is typed beyond is lost. */
  get room(): number {
    return Math.max(0, (this.#canonical ? LINE_MAX + 1 : INPUT_MAX) - this.#bytes.length - this.#pending);
  }

  /** The host's side: bytes were typed, asked for or not. Does not keep them. */
  input(bytes: Uint8Array): void {
    this.#asked = false;
    if (this.#hostEdits) {
      this.#lines.push(bytes.slice());
      this.#pending += bytes.length;
    } else for (const byte of bytes) this.#type(byte);
    if (this.readable) this.#wakeReaders();
  }
  /** The host's side: end of file (^D on a host that edits lines); more may follow. */
  eof(): void {
    this.#asked = false;
    if (this.#canonical) this.#lines.push(new Uint8Array(0));
    else this.#hungUp = true;
    this.#wakeReaders();
  }
  /** The host's side: the terminal is gone, which is SIGHUP to the session. */
  hangUp(): void {
    this.#asked = false;
    if (this.#hungUp) return;
    this.#hungUp = true;
    this.onSignal?.(1);
    this.queue.wake(Infinity, POLLHUP | POLLIN);
  }

  /** One typed byte through the line discipline. */
  #type(byte: number): void {
    const { iflag, lflag, cc } = this.#termios;
    if ((iflag & ISTRIP) !== 0) byte &= 0x7f;
    if (this.#literal) {
      this.#literal = false;
      this.#take(byte);
      return;
    }
    const is = (index: number) => cc[index] !== 0 && cc[index] === byte;
    if ((lflag & ISIG) !== 0) {
      const signal = is(VINTR) ? 2 : is(VQUIT) ? 3 : is(VSUSP) ? 20 : 0;
      if (signal !== 0) {
        if ((lflag & NOFLSH) === 0) this.flush(true, true);
        this.#echo(byte);
        this.onSignal?.(signal);
        return;
      }
    }
    if ((iflag & IXON) !== 0) {
      if (is(VSTART)) return this.#start();
      if (is(VSTOP)) {
        this.#stopped = true;
        return;
      }
    }
    if (byte === 13) {
      if ((iflag & IGNCR) !== 0) return;
      if ((iflag & ICRNL) !== 0) byte = 10;
    } else if (byte === 10 && (iflag & INLCR) !== 0) byte = 13;
    if ((lflag & ICANON) === 0) return this.#take(byte);
    const extended = (lflag & IEXTEN) !== 0;
    if (extended && is(VLNEXT)) {
      this.#literal = true;
      if ((lflag & (ECHO | ECHOCTL)) === (ECHO | ECHOCTL)) this.#out([94, 8]);
      return;
    }
    if (is(VERASE)) return this.#erase();
    if (extended && is(VWERASE)) {
      while (this.#bytes.length > 0 && this.#bytes.at(-1) === 32) this.#erase();
      while (this.#bytes.length > 0 && this.#bytes.at(-1) !== 32) this.#erase();
      return;
    }
    if (is(VKILL)) {
      if ((lflag & ECHOKE) !== 0) { while (this.#bytes.length > 0) this.#erase(); }
      else {
        this.#bytes = [];
        this.#echo(byte);
        if ((lflag & ECHOK) !== 0) this.#out([10]);
      }
      return;
    }
    if (is(VEOF)) return this.#finish();
    if (byte === 10 || is(VEOL) || is(VEOL2)) {
      this.#bytes.push(byte);
      if (byte === 10 && (lflag & (ECHO | ECHONL)) !== 0) this.#out([10]);
      else if (byte !== 10) this.#echo(byte);
      return this.#finish();
    }
    this.#take(byte);
  }
  #take(byte: number): void {
    if (this.#bytes.length >= (this.#canonical ? LINE_MAX : INPUT_MAX)) return;
    this.#bytes.push(byte);
    this.#echo(byte);
  }
  /** The line is complete. */
  #finish(): void {
    if (this.#pending > INPUT_MAX) {
      this.#bytes = [];
      return;
    }
    this.#pending += this.#bytes.length;
    this.#lines.push(Uint8Array.from(this.#bytes));
    this.#bytes = [];
  }
  /** Takes the last character back: all bytes of it in UTF-8. */
  #erase(): void {
    if (this.#bytes.length === 0) return;
    let byte = this.#bytes.pop()!;
    if ((this.#termios.iflag & IUTF8) !== 0) {
      while ((byte & 0xc0) === 0x80 && this.#bytes.length > 0) byte = this.#bytes.pop()!;
    }
    const { lflag } = this.#termios;
    if ((lflag & ECHO) === 0) return;
    if ((lflag & ECHOE) === 0) return this.#echo(this.#termios.cc[VERASE]);
    const wide = (byte < 32 || byte === 127) && byte !== 9 && (lflag & ECHOCTL) !== 0;
    this.#out(wide ? [8, 32, 8, 8, 32, 8] : [8, 32, 8]);
  }
  #echo(byte: number): void {
    const { lflag } = this.#termios;
    if ((lflag & ECHO) === 0) return;
    const control = (byte < 32 && byte !== 9 && byte !== 10) || byte === 127;
    this.#out(control && (lflag & ECHOCTL) !== 0 ? [94, byte ^ 64] : [byte]);
  }
  /** Output of our own; lost when the host cannot take it now. */
  #out(bytes: number[]): void {
    if (!this.#hostEdits) this.#console.write(this.#process(Uint8Array.from(bytes)));
  }

  /** OPOST: what the host gets for these bytes. */
  #process(bytes: Uint8Array): Uint8Array {
    let { oflag } = this.#termios;
    if (this.#console.mapsNewlines === true) oflag &= ~ONLCR;
    if ((oflag & OPOST) === 0 || (oflag & (ONLCR | OCRNL | ONLRET)) === 0) return bytes;
    const out: number[] = [];
    for (const byte of bytes) {
      if (byte === 10 && (oflag & ONLCR) !== 0) out.push(13, 10);
      else if (byte === 13 && (oflag & OCRNL) !== 0) out.push(10);
      else out.push(byte);
    }
    return Uint8Array.from(out);
  }

  /** write(2): bytes taken, EAGAIN while output is stopped or the host is full. */
  write(from: Uint8Array): number | Errno {
    if (this.#hungUp) return EIO;
    if (this.#stopped) return EAGAIN;
    if (from.length === 0) return 0;
    if (this.#hostEdits) return this.#console.write(from);
    // Piecewise, so that what the host does not take can be told in bytes of ours.
    const part = from.subarray(0, 65536);
    const out = this.#process(part);
    let done = 0;
    while (done < out.length) {
      const n = this.#console.write(out.subarray(done));
      if (n < 0) {
        if (done === 0) return n;
        break;
      }
      done += n;
    }
    if (done === out.length) return part.length;
    let taken = 0;
    for (let made = 0; taken < part.length; taken++) {
      made += this.#process(part.subarray(taken, taken + 1)).length;
      if (made > done) break;
    }
    return Math.max(1, taken);
  }

  /** Whether a read gives something now. */
  get readable(): boolean {
    if (this.#hungUp || this.#lines.length > 0) return true;
    if (this.#canonical) return false;
    const { cc } = this.#termios;
    return this.#bytes.length >= (cc[VTIME] === 0 ? Math.max(1, cc[VMIN]) : 1);
  }
  /** See {@link OpenFile.readTimeout}. */
  get readTimeout(): number {
    const { cc } = this.#termios;
    return !this.#canonical && cc[VMIN] === 0 ? cc[VTIME] * 1e8 : Infinity;
  }
  /** Asks the host for input, once. */
  demand(): void {
    if (this.#asked || this.#hungUp) return;
    this.#asked = true;
    this.#console.demand(4096);
  }
  /** read(2): at most one line (canonical); EAGAIN; 0 at an end of file. */
  read(into: Uint8Array): number | Errno {
    if (into.length === 0) return 0;
    const line = this.#lines[0];
    if (line !== undefined) {
      const n = Math.min(line.length, into.length);
      into.set(line.subarray(0, n));
      this.#pending -= n;
      if (n === line.length) this.#lines.shift();
      else this.#lines[0] = line.subarray(n);
      return n;
    }
    if (!this.#canonical) {
      const { cc } = this.#termios;
      if (this.readable && this.#bytes.length > 0) {
        const n = Math.min(into.length, this.#bytes.length);
        into.set(this.#bytes.slice(0, n));
        this.#bytes = this.#bytes.slice(n);
        return n;
      }
      if (cc[VMIN] === 0 && cc[VTIME] === 0) {
        this.demand();
        return 0;
      }
    }
    if (this.#hungUp) return 0;
    this.demand();
    return EAGAIN;
  }
  /** The other side has room for output again (a pty's master was read). */
  outputRoom(): void {
    this.queue.wake(Infinity, POLLOUT | POLLWRNORM);
  }
  /** Bytes that a read would give. */
  get available(): number {
    return this.#lines[0]?.length ?? (this.#canonical ? 0 : this.#bytes.length);
  }
  /** Poll bits now. */
  poll(): number {
    let bits = this.#stopped ? 0 : POLLOUT | POLLWRNORM;
    if (this.readable) bits |= POLLIN | POLLRDNORM;
    else this.demand();
    if (this.#hungUp) bits |= POLLHUP;
    return bits;
  }
}

/** An open file of a terminal. */
export class TerminalFile extends OpenFile {
  readonly #terminal: Terminal;
  constructor(terminal: Terminal, inode: Inode, flags: number, cred: Credentials, location?: Location) {
    super(inode, flags, cred, location, terminal.queue);
    this.#terminal = terminal;
  }
  override get terminal(): Terminal {
    return this.#terminal;
  }
  override get writesAll(): boolean {
    return true;
  }
  override get readTimeout(): number {
    return this.#terminal.readTimeout;
  }
  override read(into: Uint8Array): number | Errno {
    return this.readable ? this.#terminal.read(into) : EBADF;
  }
  override write(from: Uint8Array): number | Errno {
    return this.writable ? this.#terminal.write(from) : EBADF;
  }
  override seek(): number | Errno {
    return ESPIPE;
  }
  override poll(): number {
    return this.#terminal.poll();
  }
  override available(): number | Errno {
    return this.#terminal.available;
  }
}
