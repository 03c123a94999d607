/** Open files with an offset: regular files and directories; and O_PATH descriptors. */
import {
  type Backing,
  EBADF,
  EFBIG,
  EINVAL,
  EISDIR,
  ENOENT,
  ENOTDIR,
  type Errno,
  flushShared,
  staleShared,
} from "@guise/core";
import {
  O_APPEND,
  O_NOATIME,
  S_ISGID,
  S_ISUID,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
  SIZE_MAX,
} from "./constants.ts";
import type { Caller, Location } from "./context.ts";
import { CAP_FSETID, type Credentials, inGroup } from "./cred.ts";
import { OpenFile } from "./file.ts";
import type { EmitEntry, Inode, Listing } from "./inode.ts";
import { pathFrom } from "./mount.ts";
import { parentOf } from "./walk.ts";

/** The mode without what a write by somebody without CAP_FSETID clears; `always`: as chown does. */
export function modeAfterWrite(inode: Inode, cred: Credentials, always = false): number {
  const { mode } = inode;
  if ((mode & (S_ISUID | S_ISGID)) === 0) return mode;
  if (!always && cred.capable(CAP_FSETID)) return mode;
  let kept = mode & ~S_ISUID;
  const outsider = !inGroup(cred, inode.gid) && !cred.capable(CAP_FSETID);
  if ((mode & 0o10) !== 0 || outsider) kept &= ~S_ISGID;
  return kept;
}

/** What is left of the path of a file that has been removed. */
function deletedPath(at: Location): string {
  if (at.dir === undefined) return at.name;
  const above = pathFrom({ mount: at.mount, inode: at.dir, name: at.dir.name }, undefined) ?? "";
  return (above === "/" ? "" : above) + "/" + at.name + " (deleted)";
}

/** An open regular file, or another inode that is read and written at offsets. */
export class RegularFile extends OpenFile {
  readonly #atime: boolean;
  constructor(location: Location, flags: number, cred: Credentials) {
    super(location.inode, flags, cred, location);
    this.#atime = (flags & O_NOATIME) === 0 && !location.mount.readonly &&
      location.mount.options.noatime !== true;
    if (this.writable) this.inode.writers++;
  }
  protected override closed(): void {
    if (this.writable) this.inode.writers--;
  }
  override get seekable(): boolean {
    return true;
  }
  override read(into: Uint8Array): number | Errno {
    const n = this.pread(into, this.position);
    if (n > 0) this.position += n;
    return n;
  }
  override pread(into: Uint8Array, offset: number): number | Errno {
    if (!this.readable) return EBADF;
    if (offset < 0) return EINVAL;
    flushShared(this.inode);
    const n = this.inode.read(into, offset);
    if (n >= 0 && this.#atime) this.inode.accessed();
    return n;
  }
  override write(from: Uint8Array, caller?: Caller): number | Errno {
    if (!this.writable) return EBADF;
    if ((this.flags & O_APPEND) !== 0) {
      this.inode.refresh();
      this.position = this.inode.size;
    }
    const n = this.#writeAt(from, this.position, caller);
    if (n > 0) this.position += n;
    return n;
  }
  override pwrite(from: Uint8Array, offset: number): number | Errno {
    if (!this.writable) return EBADF;
    if (offset < 0) return EINVAL;
    // As on Linux, O_APPEND appends even here.
    if ((this.flags & O_APPEND) !== 0) {
      this.inode.refresh();
      offset = this.inode.size;
    }
    return this.#writeAt(from, offset);
  }
  #writeAt(from: Uint8Array, offset: number, caller?: Caller): number | Errno {
    if (from.length === 0) return 0;
    if (offset >= SIZE_MAX) return EFBIG;
    const mode = modeAfterWrite(this.inode, caller?.cred ?? this.cred);
    if (mode !== this.inode.mode) this.inode.setattr({ mode: mode & 0o7777 });
    // Sharers' pages first: what they wrote before is older than what is written now.
    flushShared(this.inode);
    const n = this.inode.write(from, offset);
    if (n > 0) staleShared(this.inode);
    return n;
  }
  override seek(offset: number, whence: number): number | Errno {
    let to: number;
    switch (whence) {
      case SEEK_SET:
        to = offset;
        break;
      case SEEK_CUR:
        to = this.position + offset;
        break;
      case SEEK_END:
        this.inode.refresh();
        to = this.inode.size + offset;
        break;
      case SEEK_DATA:
      case SEEK_HOLE:
        if (offset < 0) return -6; // ENXIO
        to = this.inode.seekData(offset, whence === SEEK_HOLE);
        if (to < 0) return to;
        break;
      default:
        return EINVAL;
    }
    if (to < 0) return EINVAL;
    if (to > SIZE_MAX) return EINVAL;
    return this.position = to;
  }
  override truncate(size: number): 0 | Errno {
    if (!this.writable || size < 0) return EINVAL;
    if (size > SIZE_MAX) return EFBIG;
    const mode = modeAfterWrite(this.inode, this.cred);
    if (mode !== this.inode.mode) this.inode.setattr({ mode: mode & 0o7777 });
    flushShared(this.inode);
    const error = this.inode.truncate(size);
    staleShared(this.inode);
    return error;
  }
  override allocate(mode: number, offset: number, length: number): 0 | Errno {
    if (offset < 0 || length <= 0) return EINVAL;
    if (!this.writable) return EBADF;
    flushShared(this.inode);
    const error = this.inode.allocate(mode, offset, length);
    staleShared(this.inode);
    return error;
  }
  override sync(dataOnly: boolean): 0 | Errno {
    return this.inode.sync(dataOnly);
  }
  override available(): number | Errno {
    return Math.max(0, this.inode.size - this.position);
  }
  override backing(): Backing | Errno {
    const { location } = this;
    if (location === undefined) return this.inode.backing(this.inode.name);
    return this.inode.backing(pathFrom(location, undefined) ?? deletedPath(location));
  }
}

/** An open directory: "." and ".." first, then what the file system lists. */
export class DirectoryFile extends OpenFile {
  #listing: Listing | undefined;
  constructor(location: Location, flags: number, cred: Credentials) {
    super(location.inode, flags, cred, location);
  }
  override get seekable(): boolean {
    return true;
  }
  override read(): number | Errno {
    return EISDIR;
  }
  override write(): number | Errno {
    return EBADF;
  }
  override pread(): number | Errno {
    return EISDIR;
  }
  override pwrite(): number | Errno {
    return EBADF;
  }
  override seek(offset: number, whence: number): number | Errno {
    if (whence === SEEK_CUR) offset += this.position;
    else if (whence === SEEK_END) offset = SIZE_MAX;
    else if (whence !== SEEK_SET) return EINVAL;
    if (offset < 0) return EINVAL;
    // A rewind sees what has been made and removed since.
    if (offset === 0) this.#listing = undefined;
    return this.position = offset;
  }
  override truncate(): 0 | Errno {
    return EINVAL;
  }
  override sync(dataOnly: boolean): 0 | Errno {
    return this.inode.sync(dataOnly);
  }
  override readdir(emit: EmitEntry, caller: Caller): 0 | Errno {
    const { inode } = this;
    if (!inode.isDirectory) return ENOTDIR;
    if (inode.nlink === 0) return ENOENT;
    if (this.#listing === undefined) {
      const listing = inode.listing(caller);
      if (typeof listing === "number") return listing;
      this.#listing = listing;
    }
    const take: EmitEntry = (name, ino, type, next) => {
      if (!emit(name, ino, type, next)) return false;
      this.position = next;
      return true;
    };
    if (this.position === 0 && !take(".", inode.ino, 4, 1)) return 0;
    if (this.position === 1 && !take("..", parentOf(caller, this.location!).inode.ino, 4, 2)) return 0;
    inode.accessed();
    return this.#listing.read(this.position - 2, (name, ino, type, next) => take(name, ino, type, next + 2));
  }
}

/** An O_PATH descriptor: a place, and nothing that can be done with its content. */
export class PathFile extends OpenFile {
  constructor(location: Location, flags: number, cred: Credentials) {
    super(location.inode, flags, cred, location);
  }
  override read(): number | Errno {
    return EBADF;
  }
  override write(): number | Errno {
    return EBADF;
  }
  override pread(): number | Errno {
    return EBADF;
  }
  override pwrite(): number | Errno {
    return EBADF;
  }
  override seek(): number | Errno {
    return EBADF;
  }
  override truncate(): 0 | Errno {
    return EBADF;
  }
  override sync(): 0 | Errno {
    return EBADF;
  }
  override readdir(): 0 | Errno {
    return EBADF;
  }
  override poll(): number {
    return 32; // POLLNVAL
  }
}
