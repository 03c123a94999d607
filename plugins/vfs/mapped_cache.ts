/**
 * Bytes of host files that are mapped again and again: programs and libraries, which every new process maps and whose
 * reading costs two calls of the host a piece. Only mappings use it; read(2) always asks the host. A file's pieces are
 * kept while its times and size stay; who is about to map a file looks at them first.
 */
import type { Errno } from "@guise/core";

/** Bytes read and kept at a time. */
const PIECE = 65536;
/** Bytes that all files may keep; then everything is dropped. */
const MOST = 64 << 20;
/** A file that was changed within this time, in ms, may change again without a new time. */
const SETTLED = 2000;

/** What must stay the same. */
interface Stamped {
  readonly size: number;
  readonly mtime: { readonly sec: number; readonly nsec: number };
  readonly ctime: { readonly sec: number; readonly nsec: number };
}

const filled = new Set<MappedCache>();
let total = 0;

/** Pieces of one file. */
export class MappedCache {
  /** By number; null: was asked for once. */
  #pieces = new Map<number, Uint8Array | null>();
  #size = -1;
  #mtime = 0;
  #ctime = 0;

  /** Reads from the pieces; `read` gives what is not kept. Fewer bytes than asked for only at the end of the file. */
  fill(
    file: Stamped,
    into: Uint8Array,
    offset: number,
    read: (into: Uint8Array, offset: number) => number | Errno,
  ): number | Errno {
    const { mtime, ctime } = file;
    const changed = mtime.sec * 1000 + mtime.nsec / 1e6, inode = ctime.sec * 1000 + ctime.nsec / 1e6;
    if (file.size !== this.#size || changed !== this.#mtime || inode !== this.#ctime) {
      this.#drop();
      this.#size = file.size;
      this.#mtime = changed;
      this.#ctime = inode;
    }
    const number = Math.floor(offset / PIECE);
    const known = this.#pieces.get(number);
    if (known === undefined || Math.floor((offset + into.length - 1) / PIECE) !== number) {
      this.#pieces.set(number, known ?? null);
      return read(into, offset);
    }
    let piece = known;
    if (piece === null) {
      if (Date.now() - Math.max(changed, inode) < SETTLED) return read(into, offset);
      const bytes = new Uint8Array(Math.min(PIECE, Math.max(0, file.size - number * PIECE)));
      const n = read(bytes, number * PIECE);
      if (n !== bytes.length) return read(into, offset);
      if (total + n > MOST) { for (const cache of filled) cache.#drop(); }
      total += n;
      filled.add(this);
      this.#pieces.set(number, piece = bytes);
    }
    const from = offset - number * PIECE;
    const n = Math.max(0, Math.min(into.length, piece.length - from));
    into.set(n === piece.length ? piece : piece.subarray(from, from + n));
    return n;
  }

  #drop(): void {
    for (const piece of this.#pieces.values()) total -= piece?.length ?? 0;
    this.#pieces = new Map();
    filled.delete(this);
  }
}
