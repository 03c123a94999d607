/**
 * Advisory locks of one inode: flock(2) (whole file, owned by the open file), POSIX record locks (ranges, owned by a
 * descriptor table) and open file description locks (ranges, owned by the open file). flock and range locks do not
 * see each other, as on Linux.
 */
import { EAGAIN, EDEADLK, ENOLCK, type Errno, WaitQueue } from "@guise/core";
import type { OpenFile } from "./file.ts";
import type { Inode } from "./inode.ts";
import type { FileTable } from "./table.ts";

/** Types of range locks, as in struct flock. */
export const F_RDLCK = 0, F_WRLCK = 1, F_UNLCK = 2;
/** Operations of flock(2); LOCK_NB is the personality's. */
export const LOCK_SH = 1, LOCK_EX = 2, LOCK_UN = 8;

/** Who holds a range lock: a process's table, or an open file (F_OFD_SETLK). */
export type LockOwner = FileTable | OpenFile;

/** A range lock; `end` is exclusive, Infinity: to the end of the file however it grows. */
export interface RangeLock {
  /** F_RDLCK, F_WRLCK; F_UNLCK to remove. */
  readonly type: number;
  /** First byte. */
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
  /** Who holds it. */
  readonly owner: LockOwner;
  /** For F_GETLK; -1 for open file description locks. */
  readonly pid: number;
}

/** More ranges than any program has, so that one cannot make lists without end. */
const RANGES_MAX = 16384;

/** The locks of an inode. */
export class FileLocks {
  #ranges: RangeLock[] = [];
  readonly #flocks = new Map<OpenFile, number>();
  /** Woken when a lock is released or made weaker. */
  readonly queue: WaitQueue = new WaitQueue();

  /** flock(2): 0, or EAGAIN (wait on {@link queue} and ask again unless LOCK_NB). */
  flock(file: OpenFile, operation: number): 0 | Errno {
    const had = this.#flocks.get(file);
    if (operation === LOCK_UN) {
      if (this.#flocks.delete(file)) this.queue.wake();
      return 0;
    }
    if (had === operation) return 0;
    // A change of type gives up the old lock first, so that two upgraders do not wait for each other.
    if (had !== undefined) {
      this.#flocks.delete(file);
      this.queue.wake();
    }
    for (const [, held] of this.#flocks) if (held === LOCK_EX || operation === LOCK_EX) return EAGAIN;
    this.#flocks.set(file, operation);
    return 0;
  }

  /** F_GETLK: the first lock that is in the way of this one, or undefined. */
  conflict(lock: RangeLock): RangeLock | undefined {
    for (const held of this.#ranges) {
      if (held.owner === lock.owner || held.end <= lock.start || lock.end <= held.start) continue;
      if (held.type === F_WRLCK || lock.type === F_WRLCK) return held;
    }
    return undefined;
  }

  /** F_SETLK: sets, changes or (F_UNLCK) removes the owner's lock on that range. EAGAIN when another's is in the way. */
  set(lock: RangeLock): 0 | Errno {
    if (lock.type !== F_UNLCK && this.conflict(lock) !== undefined) return EAGAIN;
    if (this.#ranges.length >= RANGES_MAX && lock.type !== F_UNLCK) return ENOLCK;
    const kept: RangeLock[] = [];
    let freed = false;
    let { start, end } = lock;
    for (const held of this.#ranges) {
      if (held.owner !== lock.owner || held.end < start || end < held.start) kept.push(held);
      else if (held.type === lock.type) {
        // Neighbours and overlaps of the same type become one lock.
        start = Math.min(start, held.start);
        end = Math.max(end, held.end);
      } else {
        if (held.start < start) kept.push({ ...held, end: Math.min(held.end, start) });
        if (held.end > end) kept.push({ ...held, start: Math.max(held.start, end) });
        if (held.end > start && held.start < end) freed = true;
      }
    }
    if (lock.type !== F_UNLCK) kept.push({ ...lock, start, end });
    kept.sort((a, b) => a.start - b.start);
    this.#ranges = kept;
    if (freed) this.queue.wake();
    return 0;
  }

  /** Any descriptor of the file in that table was closed. */
  ownerClosed(owner: LockOwner): void {
    const before = this.#ranges.length;
    if (before === 0) return;
    this.#ranges = this.#ranges.filter((held) => held.owner !== owner);
    if (this.#ranges.length !== before) this.queue.wake();
  }

  /** The last reference to the open file is gone. */
  fileClosed(file: OpenFile): void {
    this.ownerClosed(file);
    if (this.#flocks.delete(file)) this.queue.wake();
  }

  /** All range locks, for /proc/locks. */
  get ranges(): readonly RangeLock[] {
    return this.#ranges;
  }
}

/** The locks of an inode, made when first asked for. */
export function locksOf(inode: Inode): FileLocks {
  return inode.locks ??= new FileLocks();
}

/** Who waits for whom, to find the circle in which F_SETLKW would wait for ever. */
export class LockWaits {
  readonly #waits = new Map<LockOwner, { readonly locks: FileLocks; readonly lock: RangeLock }>();
  /** `lock.owner` is about to wait for `lock`: 0, or EDEADLK when that would close a circle of waiters. */
  enter(locks: FileLocks, lock: RangeLock): 0 | Errno {
    let blocker = locks.conflict(lock);
    for (let steps = 0; blocker !== undefined && steps < 64; steps++) {
      if (blocker.owner === lock.owner) return EDEADLK;
      const next = this.#waits.get(blocker.owner);
      blocker = next?.locks.conflict(next.lock);
    }
    this.#waits.set(lock.owner, { locks, lock });
    return 0;
  }
  /** It no longer waits. */
  leave(owner: LockOwner): void {
    this.#waits.delete(owner);
  }
}
