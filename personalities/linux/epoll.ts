/**
 * epoll: a file that knows which other files to look at. Each entry stands on its file's wait queue; a wake-up there
 * marks the entry as possibly ready, which is what makes edge-triggered entries report once, and wakes who waits here.
 */
import { EEXIST, EINVAL, ELOOP, ENOENT, EPERM, type Errno, type Waiter, type WaitQueue } from "@guise/core";
import {
  AnonymousInode,
  type Caller,
  O_RDWR,
  OpenFile,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLRDNORM,
} from "@guise/vfs/key";

/** Bits of epoll_event.events beyond the poll bits. */
export const EPOLLEXCLUSIVE: number = 1 << 28,
  EPOLLWAKEUP: number = 1 << 29,
  EPOLLONESHOT: number = 1 << 30,
  EPOLLET: number = 1 << 31;

/** What an entry reports: its events and the 64 bits the guest gave. */
export interface EpollEvent {
  readonly events: number;
  readonly dataLo: number;
  readonly dataHi: number;
}

/** One file under watch, by the descriptor it was added with. */
class Entry implements Waiter {
  readonly file: OpenFile;
  readonly fd: number;
  readonly owner: EpollFile;
  event: EpollEvent;
  /** Something may have happened since the last report. */
  fresh = true;
  constructor(owner: EpollFile, file: OpenFile, fd: number, event: EpollEvent) {
    this.owner = owner;
    this.file = file;
    this.fd = fd;
    this.event = event;
    file.queue.add(this);
  }
  woken(_queue: WaitQueue, key: number): boolean {
    if (key !== 0 && (key & (this.event.events | POLLERR | POLLHUP)) === 0) return false;
    this.fresh = true;
    this.owner.queue.wake(Infinity, POLLIN | POLLRDNORM);
    // A watcher never uses a wake-up up: somebody else may be the one to take it.
    return false;
  }
  /** The bits to report now; 0: nothing. */
  ready(): number {
    const { events } = this.event;
    // A one-shot entry that has reported waits for EPOLL_CTL_MOD.
    if ((events & ~(EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)) === 0) return 0;
    if ((events & EPOLLET) !== 0 && !this.fresh) return 0;
    const bits = this.file.poll() & (events | POLLERR | POLLHUP);
    if (bits === 0) this.fresh = false;
    return bits;
  }
  remove(): void {
    this.file.queue.remove(this);
  }
}

/** Nesting of epoll files that is still permitted. */
const DEEPEST = 5;

/** An open epoll instance. */
export class EpollFile extends OpenFile {
  /** By descriptor; one descriptor number may stand for several files over time. */
  readonly #entries = new Map<number, Entry[]>();
  constructor(caller: Caller) {
    super(new AnonymousInode("[eventpoll]", 0o600, caller), O_RDWR, caller.cred);
  }
  override read(): number | Errno {
    return EINVAL;
  }
  override write(): number | Errno {
    return EINVAL;
  }
  override poll(): number {
    for (const entry of this.#all()) if (entry.ready() !== 0) return POLLIN | POLLRDNORM;
    return 0;
  }
  protected override closed(): void {
    for (const entry of this.#all()) entry.remove();
    this.#entries.clear();
  }
  /** All entries whose files are still open; others are forgotten on the way. */
  *#all(): Generator<Entry> {
    for (const [fd, entries] of this.#entries) {
      for (const entry of entries) {
        if (entry.file.refs > 0) yield entry;
        else this.#forget(fd, entry);
      }
    }
  }
  #forget(fd: number, entry: Entry): void {
    entry.remove();
    const left = (this.#entries.get(fd) ?? []).filter((e) => e !== entry);
    if (left.length === 0) this.#entries.delete(fd);
    else this.#entries.set(fd, left);
  }
  #find(fd: number, file: OpenFile): Entry | undefined {
    return this.#entries.get(fd)?.find((e) => e.file === file);
  }
  /** How deep epoll files are nested below this one; more than {@link DEEPEST} when one contains `self`. */
  depth(self: EpollFile = this): number {
    let deepest = 0;
    for (const { file } of this.#all()) {
      if (!(file instanceof EpollFile)) continue;
      deepest = Math.max(deepest, file === self ? DEEPEST + 1 : 1 + file.depth(self));
      if (deepest > DEEPEST) break;
    }
    return deepest;
  }
  add(fd: number, file: OpenFile, event: EpollEvent): 0 | Errno {
    if (file.inode.isRegular || file.inode.isDirectory) return EPERM;
    if (file === this) return EINVAL;
    if (file instanceof EpollFile && (file.depth(this) + 1 > DEEPEST)) return ELOOP;
    if (this.#find(fd, file) !== undefined) return EEXIST;
    const list = this.#entries.get(fd) ?? [];
    const entry = new Entry(this, file, fd, event);
    this.#entries.set(fd, [...list, entry]);
    if (entry.ready() !== 0) this.queue.wake(Infinity, POLLIN | POLLRDNORM);
    return 0;
  }
  modify(fd: number, file: OpenFile, event: EpollEvent): 0 | Errno {
    const entry = this.#find(fd, file);
    if (entry === undefined) return ENOENT;
    if (entry.event.events & EPOLLEXCLUSIVE || event.events & EPOLLEXCLUSIVE) return EINVAL;
    entry.event = event;
    entry.fresh = true;
    if (entry.ready() !== 0) this.queue.wake(Infinity, POLLIN | POLLRDNORM);
    return 0;
  }
  delete(fd: number, file: OpenFile): 0 | Errno {
    const entry = this.#find(fd, file);
    if (entry === undefined) return ENOENT;
    this.#forget(fd, entry);
    return 0;
  }
  /** Reports at most `most` ready entries; those reported go behind the others, so that none starves. */
  collect(most: number, report: (event: EpollEvent) => void): number {
    const ready: Entry[] = [];
    for (const entry of this.#all()) {
      if (ready.length === most) break;
      const bits = entry.ready();
      if (bits === 0) continue;
      ready.push(entry);
      report({ ...entry.event, events: bits });
    }
    for (const entry of ready) {
      entry.fresh = false;
      if (entry.event.events & EPOLLONESHOT) {
        entry.event = { ...entry.event, events: entry.event.events & (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP) };
      }
      const list = this.#entries.get(entry.fd);
      if (list === undefined) continue;
      this.#entries.delete(entry.fd);
      this.#entries.set(entry.fd, list);
    }
    return ready.length;
  }
}
