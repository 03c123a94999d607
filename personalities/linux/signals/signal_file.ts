/** signalfd: pending signals of the reader, taken by reading a file. */
import { EAGAIN, EINVAL, type Errno, type Kernel } from "@guise/core";
import { AnonymousInode, type Caller, O_RDWR, OpenFile, POLLIN, POLLRDNORM } from "@guise/vfs/key";
import { type LinuxTask, threadOf } from "../state.ts";
import { SI_QUEUE, SI_TIMER, type SigInfo } from "./info.ts";
import { SignalSet, UNBLOCKABLE } from "./numbers.ts";

/** Bytes of struct signalfd_siginfo. */
const RECORD = 128;

/** An open signal file. Like Linux's it looks at the signals of whoever asks, not of who made it. */
export class SignalFile extends OpenFile {
  #mask: SignalSet;
  readonly #kernel: Kernel;
  readonly #owner: LinuxTask;

  constructor(caller: Caller, owner: LinuxTask, mask: SignalSet, flags: number) {
    const inode = new AnonymousInode("[signalfd]", 0o600, caller);
    super(inode, O_RDWR | flags, caller.cred, undefined, owner.process.signalQueue);
    this.#mask = mask.minus(UNBLOCKABLE);
    this.#kernel = owner.process.linux.kernel;
    this.#owner = owner;
  }
  /** signalfd on an open one: another set. */
  set mask(mask: SignalSet) {
    this.#mask = mask.minus(UNBLOCKABLE);
    this.queue.wake();
  }
  get #reader(): LinuxTask {
    const { current } = this.#kernel;
    return current === undefined ? this.#owner : threadOf(current);
  }
  override read(into: Uint8Array): number | Errno {
    if (into.length < RECORD) return EINVAL;
    const reader = this.#reader;
    const others = new SignalSet(~this.#mask.lo, ~this.#mask.hi);
    let done = 0;
    while (done + RECORD <= into.length) {
      const info = reader.pending.take(others) ?? reader.process.pending.take(others);
      if (info === undefined) break;
      into.set(record(info), done);
      done += RECORD;
    }
    return done === 0 ? EAGAIN : done;
  }
  override write(): number | Errno {
    return EINVAL;
  }
  override poll(): number {
    const reader = this.#reader;
    const pending = reader.pending.set.or(reader.process.pending.set);
    return pending.and(this.#mask).empty ? 0 : POLLIN | POLLRDNORM;
  }
}

function record(info: SigInfo): Uint8Array {
  const bytes = new Uint8Array(RECORD);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, info.signo, true);
  view.setInt32(4, info.errno ?? 0, true);
  view.setInt32(8, info.code, true);
  view.setInt32(12, info.pid ?? 0, true);
  view.setInt32(16, info.uid ?? 0, true);
  view.setInt32(20, info.fd ?? 0, true);
  view.setInt32(24, info.timerId ?? 0, true);
  view.setUint32(28, info.band ?? 0, true);
  view.setInt32(32, info.overrun ?? 0, true);
  view.setInt32(40, info.status ?? 0, true);
  if (info.code === SI_QUEUE || info.code === SI_TIMER) {
    view.setInt32(44, info.valueLo ?? 0, true);
    view.setInt32(48, info.valueLo ?? 0, true);
    view.setInt32(52, info.valueHi ?? 0, true);
  }
  view.setUint32(56, info.utime ?? 0, true);
  view.setUint32(64, info.stime ?? 0, true);
  view.setInt32(72, info.addrLo ?? 0, true);
  view.setInt32(76, info.addrHi ?? 0, true);
  return bytes;
}
