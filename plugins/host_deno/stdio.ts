/**
 * The host's standard streams as descriptors 0, 1 and 2 of a guest. What each one is (pipe, file, terminal, device)
 * is looked up, because programs ask; bytes pass as they are. Input is read only when a guest reads, and no more than it
 * asked for, so that the rest stays for the next program on the host.
 */
import { EAGAIN, EBADF, type Errno, type Kernel } from "@guise/core";
import {
  type HostFile,
  type HostStat,
  type HostStdio,
  HostStream,
  type HostWrite,
  Terminal,
} from "@guise/vfs/key";
import { attempt } from "./errors.ts";
import { DenoFile } from "./folder.ts";

/** Most bytes of one read; a reader of more asks again. */
const MOST = 65536;

const streams = [Deno.stdin, Deno.stdout, Deno.stderr] as const;

/** Reads the host's standard input once: `take` gets the bytes, none at the end (an error is an end). */
function readInput(kernel: Kernel, max: number, take: (bytes: Uint8Array) => void): void {
  const buffer = new Uint8Array(Math.max(1, Math.min(max, MOST)));
  kernel.background(Deno.stdin.read(buffer), (n) => take(buffer.subarray(0, n ?? 0)));
}

/** Writes to the host's standard output or error, waiting for the host where it is slow. */
function writeTo(fd: 1 | 2): HostWrite {
  const stream = streams[fd];
  return (bytes) => {
    let done = 0;
    while (done < bytes.length) {
      const n = attempt(() => stream.writeSync(bytes.subarray(done)));
      if (n === EAGAIN) {
        // The host's end is non-blocking and full: there is no way to wait for it but to try again a little later.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
        continue;
      }
      if (n < 0) return done > 0 ? done : n;
      done += n;
    }
    return done;
  };
}

/** Offset and flags of a descriptor that we inherited; only Linux tells. */
function inherited(fd: number): { offset: number; flags: number } {
  const text = attempt(() => Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`));
  if (typeof text !== "string") return { offset: 0, flags: fd === 0 ? 0 : 1 };
  const offset = /^pos:\s*(\d+)/m.exec(text), flags = /^flags:\s*([0-7]+)/m.exec(text);
  return { offset: Number(offset?.[1] ?? 0), flags: parseInt(flags?.[1] ?? "0", 8) };
}

/**
 * A regular file that the host opened for us. Its own descriptor has an offset that the programs before and after us
 * share. Output in order goes through it. Input does not, for a guest may seek: it is read by a second opening, and at the
 * end our descriptor is brought to where the guest is.
 */
class InheritedFile implements HostFile {
  readonly #fd: 0 | 1 | 2;
  /** Where the shared offset is; -1 once the guest has written elsewhere. */
  #next: number;
  readonly #append: boolean;
  #second: DenoFile | Errno | undefined;
  constructor(fd: 0 | 1 | 2, offset: number, append: boolean) {
    this.#fd = fd;
    this.#next = offset;
    this.#append = append;
  }
  #other(): DenoFile | Errno {
    const path = `/proc/self/fd/${this.#fd}`;
    return this.#second ??= attempt(() =>
      new DenoFile(Deno.openSync(path, this.#fd === 0 ? { read: true } : { write: true }))
    );
  }
  stat(): HostStat | Errno {
    const file = attempt(() => new DenoFile(Deno.openSync(`/proc/self/fd/${this.#fd}`, { read: true })));
    if (typeof file === "number") return file;
    const stat = file.stat();
    file.close();
    return stat;
  }
  read(into: Uint8Array, offset: number): number | Errno {
    const file = this.#other();
    if (typeof file === "object") return file.read(into, offset);
    // Without a second opening only what comes in order can be had.
    if (this.#fd !== 0 || offset !== this.#next) return file;
    const n = this.#take(into);
    if (n > 0) this.#next += n;
    return n;
  }
  #take(into: Uint8Array): number | Errno {
    let done = 0;
    while (done < into.length) {
      const n = attempt(() => Deno.stdin.readSync(into.subarray(done)) ?? 0);
      if (n < 0) return done > 0 ? done : n;
      if (n === 0) break;
      done += n;
    }
    return done;
  }
  write(from: Uint8Array, offset: number): number | Errno {
    if (this.#fd === 0) return EBADF;
    if (this.#append || offset === this.#next) {
      const n = writeTo(this.#fd)(from);
      if (n > 0) this.#next = offset + n;
      return n;
    }
    const file = this.#other();
    if (typeof file === "number") return file;
    this.#next = -1;
    return file.write(from, offset);
  }
  truncate(size: number): 0 | Errno {
    const file = this.#other();
    return typeof file === "number" ? file : file.truncate(size);
  }
  sync(dataOnly: boolean): 0 | Errno {
    const file = this.#other();
    return typeof file === "number" ? file : file.sync(dataOnly);
  }
  close(): void {
    if (typeof this.#second === "object") this.#second.close();
    this.#second = undefined;
  }
  /** Reads on to where the guest is: there is no other way to move a descriptor's offset here. */
  done(offset: number): void {
    if (this.#fd !== 0) return;
    const buffer = new Uint8Array(Math.min(1 << 20, Math.max(0, offset - this.#next)));
    while (this.#next < offset) {
      const n = this.#take(buffer.subarray(0, Math.min(buffer.length, offset - this.#next)));
      if (n <= 0) return;
      this.#next += n;
    }
  }
}

/** Output for the terminal: by the one of our descriptors that is open on it, else (only input is) by its name. */
function terminalOutput(): HostWrite {
  if (Deno.stdout.isTerminal()) return writeTo(1);
  if (Deno.stderr.isTerminal()) return writeTo(2);
  let tty: Deno.FsFile | Errno | undefined;
  return (bytes) => {
    tty ??= attempt(() => Deno.openSync("/dev/tty", { write: true }));
    if (typeof tty === "number") return tty;
    const file = tty;
    return attempt(() => file.writeSync(bytes));
  };
}

/** The host's terminal, in its own line mode until the guest asks for raw. */
function terminalOf(rdev: number, kernel: () => Kernel): Terminal {
  const terminal: Terminal = new Terminal({
    cooked: true,
    // Deno's raw mode leaves the mapping of output on.
    mapsNewlines: true,
    write: terminalOutput(),
    demand: () =>
      readInput(kernel(), MOST, (bytes) => bytes.length === 0 ? terminal.eof() : terminal.input(bytes)),
    setRaw: (raw) => void attempt(() => Deno.stdin.setRaw(raw)),
    size: () => {
      const size = attempt(() => Deno.consoleSize());
      return typeof size === "number" ? undefined : size;
    },
  }, rdev);
  return terminal;
}

/** The host's window has another size (SIGWINCH): its terminal tells the guests. */
export function resized(stdio: readonly HostStdio[]): void {
  const size = attempt(() => Deno.consoleSize());
  if (typeof size === "number") return;
  for (const terminal of new Set(stdio)) {
    if (terminal instanceof Terminal) terminal.winsize = { ...size, xpixel: 0, ypixel: 0 };
  }
}

/** The process group that has the terminal in the foreground, of guests; undefined without a terminal. */
export function foregroundOf(stdio: readonly HostStdio[]): number | undefined {
  return stdio.find((s) => s instanceof Terminal)?.foreground;
}

/** Gives the host's terminal back as it was: a guest may have ended in raw mode. */
export function restoreTerminal(stdio: readonly HostStdio[]): void {
  if (stdio.some((s) => s instanceof Terminal)) attempt(() => Deno.stdin.setRaw(false));
}

/** The number of the host's first pseudo-terminal, where the host does not tell one. */
const SOME_TERMINAL = 0x8800;

/**
 * Descriptors 0, 1 and 2 of this process, for a guest on the kernel that `kernel` answers when it is first needed. Terminals
 * of all three are one.
 */
export function hostStdio(kernel: () => Kernel): [HostStdio, HostStdio, HostStdio] {
  let terminal: Terminal | undefined;
  const one = (fd: 0 | 1 | 2): HostStdio => {
    const info = attempt(() => Deno.statSync(`/proc/self/fd/${fd}`));
    const known = typeof info === "number" ? undefined : info;
    if (streams[fd].isTerminal()) return terminal ??= terminalOf(known?.rdev ?? SOME_TERMINAL, kernel);
    if (known?.isFile) {
      const { offset, flags } = inherited(fd);
      const name = attempt(() => Deno.readLinkSync(`/proc/self/fd/${fd}`));
      const file = new InheritedFile(fd, offset, (flags & 0o2000) !== 0);
      return {
        file,
        offset,
        flags,
        name: typeof name === "string" ? name : undefined,
        done: (at) => file.done(at),
      };
    }
    if (known?.isCharDevice && known.rdev === 0x103) return "null";
    const rdev = known?.isCharDevice ? known.rdev ?? undefined : undefined;
    if (fd !== 0) return new HostStream({ write: writeTo(fd), rdev });
    const stream: HostStream = new HostStream({
      demand: (max) =>
        readInput(kernel(), max, (bytes) => bytes.length === 0 ? stream.end() : stream.push(bytes)),
      rdev,
    });
    return stream;
  };
  return [one(0), one(1), one(2)];
}
