/** File descriptor tables: small numbers to open files, with the close-on-exec flag beside each. */
import { EBADF, EINVAL, EMFILE, type Errno } from "@guise/core";
import type { OpenFile } from "./file.ts";

/** The descriptors of a process; also the owner of its POSIX record locks. */
export class FileTable {
  readonly #files: (OpenFile | undefined)[] = [];
  readonly #cloexec: boolean[] = [];
  /** No descriptor below this is free. */
  #firstFree = 0;
  #users = 1;
  #count = 0;
  /** RLIMIT_NOFILE: descriptors are below this. */
  limit: number;
  /** An empty table with one user. */
  constructor(limit = 1024) {
    this.limit = limit;
  }
  /** The open file, or undefined (EBADF). */
  get(fd: number): OpenFile | undefined {
    return this.#files[fd];
  }
  /** One above the highest descriptor that ever was in use, for loops. */
  get length(): number {
    return this.#files.length;
  }
  /** Descriptors in use. */
  get count(): number {
    return this.#count;
  }
  /** The descriptors in use, ascending. */
  *fds(): Generator<number> {
    for (let fd = 0; fd < this.#files.length; fd++) if (this.#files[fd] !== undefined) yield fd;
  }
  /** Gives the lowest free descriptor from `from` on to `file`, whose reference it takes over: EMFILE (EINVAL: `from`). */
  add(file: OpenFile, cloexec: boolean, from = 0): number | Errno {
    if (from >= this.limit || from < 0) return from === 0 ? EMFILE : EINVAL;
    const fd = this.free(from);
    if (fd < 0) return fd;
    this.#put(fd, file, cloexec);
    return fd;
  }
  /** The descriptor that `add` would give, without taking it. */
  free(from = 0): number | Errno {
    let fd = Math.max(from, this.#firstFree);
    while (fd < this.#files.length && this.#files[fd] !== undefined) fd++;
    if (from <= this.#firstFree) this.#firstFree = fd;
    return fd >= this.limit ? EMFILE : fd;
  }
  #put(fd: number, file: OpenFile, cloexec: boolean): void {
    // No holes in the arrays: V8 keeps them packed.
    while (this.#files.length < fd) {
      this.#files.push(undefined);
      this.#cloexec.push(false);
    }
    this.#files[fd] = file;
    this.#cloexec[fd] = cloexec;
    this.#count++;
  }
  /** dup(2) and F_DUPFD. */
  dup(fd: number, cloexec = false, from = 0): number | Errno {
    const file = this.#files[fd];
    if (file === undefined) return EBADF;
    const made = this.add(file, cloexec, from);
    if (made >= 0) file.ref();
    return made;
  }
  /** dup2(2) (`same` is fine) and dup3(2) (`same` is EINVAL, told apart by the caller). Closes what was at `to`. */
  dup2(fd: number, to: number, cloexec = false): number | Errno {
    const file = this.#files[fd];
    if (file === undefined || to < 0 || to >= this.limit) return EBADF;
    if (fd === to) return to;
    const old = this.#files[to];
    file.ref();
    if (old !== undefined) this.#count--;
    this.#put(to, file, cloexec);
    if (old !== undefined) this.#let(old);
    return to;
  }
  /** close(2). */
  close(fd: number): 0 | Errno {
    const file = this.#files[fd];
    if (file === undefined) return EBADF;
    this.#files[fd] = undefined;
    this.#cloexec[fd] = false;
    this.#count--;
    if (fd < this.#firstFree) this.#firstFree = fd;
    this.#let(file);
    return 0;
  }
  /** POSIX record locks of this table on the file go with any descriptor of it. */
  #let(file: OpenFile): void {
    file.inode.locks?.ownerClosed(this);
    file.unref();
  }
  /** FD_CLOEXEC of a descriptor; EBADF. */
  cloexec(fd: number): boolean | Errno {
    return this.#files[fd] === undefined ? EBADF : this.#cloexec[fd];
  }
  /** Sets or clears FD_CLOEXEC; EBADF. */
  setCloexec(fd: number, on: boolean): 0 | Errno {
    if (this.#files[fd] === undefined) return EBADF;
    this.#cloexec[fd] = on;
    return 0;
  }
  /** close_range(2), or with `cloexec` only sets that flag. */
  closeRange(first: number, last: number, cloexec: boolean): void {
    const end = Math.min(last, this.#files.length - 1);
    for (let fd = first; fd <= end; fd++) {
      if (cloexec) this.setCloexec(fd, true);
      else if (this.#files[fd] !== undefined) this.close(fd);
    }
  }
  /** Closes what execve closes. */
  exec(): void {
    for (let fd = 0; fd < this.#files.length; fd++) if (this.#cloexec[fd]) this.close(fd);
  }
  /** A table of its own with the same open files (fork, unshare). */
  copy(): FileTable {
    const table = new FileTable(this.limit);
    for (let fd = 0; fd < this.#files.length; fd++) {
      const file = this.#files[fd];
      table.#files.push(file);
      table.#cloexec.push(this.#cloexec[fd]);
      if (file !== undefined) file.ref();
    }
    table.#count = this.#count;
    table.#firstFree = this.#firstFree;
    return table;
  }
  /** Whether several tasks share it (unshare then copies). */
  get shared(): boolean {
    return this.#users > 1;
  }
  /** One more user of this very table (CLONE_FILES). */
  share(): FileTable {
    this.#users++;
    return this;
  }
  /** Gives back one use; the last one closes all. */
  drop(): void {
    if (--this.#users !== 0) return;
    for (let fd = 0; fd < this.#files.length; fd++) if (this.#files[fd] !== undefined) this.close(fd);
  }
}
