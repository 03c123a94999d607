/** The devices every Linux has: null, zero, full, random, urandom, tty; and the file system /dev with their nodes. */
import { type Backing, EBADF, ENODEV, ENOSPC, ENXIO, type Errno } from "@guise/core";
import { makedev, S_IFCHR, S_IFDIR, S_IFLNK } from "./constants.ts";
import { OpenFile } from "./file.ts";
import { MemoryFs, type MemoryFsOptions } from "./memory_fs.ts";
import type { Name } from "./names.ts";
import { TerminalFile } from "./terminal.ts";
import type { Vfs } from "./vfs.ts";

/** A device that is always ready and whose offset means nothing. */
export abstract class SimpleDevice extends OpenFile {
  override get seekable(): boolean {
    return true;
  }
  abstract readBytes(into: Uint8Array): number | Errno;
  abstract writeBytes(from: Uint8Array): number | Errno;
  override read(into: Uint8Array): number | Errno {
    return this.readable ? this.readBytes(into) : EBADF;
  }
  override write(from: Uint8Array): number | Errno {
    return this.writable ? this.writeBytes(from) : EBADF;
  }
  override pread(into: Uint8Array): number | Errno {
    return this.read(into);
  }
  override pwrite(from: Uint8Array): number | Errno {
    return this.write(from);
  }
  override seek(): number | Errno {
    return this.position = 0;
  }
}

/** /dev/null. */
export class NullFile extends SimpleDevice {
  override readBytes(): number | Errno {
    return 0;
  }
  override writeBytes(from: Uint8Array): number | Errno {
    return from.length;
  }
}

/** /dev/zero, and /dev/full when writes fail. */
class ZeroFile extends SimpleDevice {
  full = false;
  override readBytes(into: Uint8Array): number | Errno {
    into.fill(0);
    return into.length;
  }
  override writeBytes(from: Uint8Array): number | Errno {
    return this.full ? ENOSPC : from.length;
  }
  override backing(): Backing | Errno {
    if (this.full) return ENODEV;
    // Each mapping is memory of its own.
    return {
      fill: (_offset, into) => (into.fill(0), into.length),
      store: () => {},
      size: Number.MAX_SAFE_INTEGER,
      identity: {},
      name: "/dev/zero",
      inode: this.inode.ino,
    };
  }
}

/** /dev/random and /dev/urandom. */
class RandomFile extends SimpleDevice {
  fill: (into: Uint8Array) => void = () => {};
  override readBytes(into: Uint8Array): number | Errno {
    this.fill(into);
    return into.length;
  }
  override writeBytes(from: Uint8Array): number | Errno {
    return from.length;
  }
}

/** Fills with random bytes from the host, in the pieces it takes. */
export function hostRandom(into: Uint8Array): void {
  for (let i = 0; i < into.length; i += 65536) {
    const part = new Uint8Array(Math.min(65536, into.length - i));
    crypto.getRandomValues(part);
    into.set(part, i);
  }
}

/** Installs the drivers of the standard character devices. */
export function registerDevices(vfs: Vfs, random: (into: Uint8Array) => void = hostRandom): void {
  const register = (minor: number, make: (...args: ConstructorParameters<typeof NullFile>) => OpenFile) =>
    vfs.registerCharacterDevice(
      makedev(1, minor),
      (at, flags, caller) => make(at.inode, flags, caller.cred, at),
    );
  register(3, (...args) => new NullFile(...args));
  register(5, (...args) => new ZeroFile(...args));
  register(7, (...args) => {
    const file = new ZeroFile(...args);
    file.full = true;
    return file;
  });
  for (const minor of [8, 9]) {
    register(minor, (...args) => {
      const file = new RandomFile(...args);
      file.fill = random;
      return file;
    });
  }
  for (const minor of [0, 1]) {
    vfs.registerCharacterDevice(makedev(5, minor), (at, flags, caller) => {
      const terminal = vfs.controllingTerminal(caller);
      return terminal === undefined ? ENXIO : new TerminalFile(terminal, at.inode, flags, caller.cred, at);
    });
  }
}

/** The file system for /dev: nodes of the standard devices, links to /proc/self/fd, and shm. */
export function createDeviceFs(options: MemoryFsOptions = {}): MemoryFs {
  const fs = new MemoryFs({ type: "devtmpfs", limit: 1 << 20, ...options });
  const made = (name: Name, mode: number, more: { rdev?: number; target?: Name } = {}) => {
    const inode = fs.root.create(name, { mode, uid: 0, gid: 0, ...more });
    if (typeof inode === "number") throw new Error(`guise: /dev/${name} cannot be made: error ${-inode}`);
  };
  const nodes: readonly [Name, number, number, number][] = [
    ["null", 0o666, 1, 3],
    ["zero", 0o666, 1, 5],
    ["full", 0o666, 1, 7],
    ["random", 0o666, 1, 8],
    ["urandom", 0o666, 1, 9],
    ["tty", 0o666, 5, 0],
    ["console", 0o600, 5, 1],
    ["ptmx", 0o666, 5, 2],
  ];
  for (const [name, mode, major, minor] of nodes) made(name, S_IFCHR | mode, { rdev: makedev(major, minor) });
  made("fd", S_IFLNK | 0o777, { target: "/proc/self/fd" });
  made("stdin", S_IFLNK | 0o777, { target: "/proc/self/fd/0" });
  made("stdout", S_IFLNK | 0o777, { target: "/proc/self/fd/1" });
  made("stderr", S_IFLNK | 0o777, { target: "/proc/self/fd/2" });
  made("shm", S_IFDIR | 0o1777);
  made("pts", S_IFDIR | 0o755);
  return fs;
}
