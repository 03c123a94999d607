/** timerfd: a timer whose expirations are read from a file. */
import { EAGAIN, EINVAL, type Errno, type Kernel } from "@guise/core";
import { AnonymousInode, type Caller, O_RDWR, OpenFile, POLLIN, POLLRDNORM } from "@guise/vfs/key";
import { IntervalTimer } from "./interval_timer.ts";

/** An open timer. */
export class TimerFile extends OpenFile {
  /** CLOCK_REALTIME, CLOCK_MONOTONIC or CLOCK_BOOTTIME. */
  readonly clock: number;
  readonly timer: IntervalTimer;
  #expired = 0;

  constructor(caller: Caller, kernel: Kernel, clock: number, flags: number) {
    super(new AnonymousInode("[timerfd]", 0o600, caller), O_RDWR | flags, caller.cred);
    this.clock = clock;
    this.timer = new IntervalTimer(kernel, () => kernel.clock.monotonic(), (overrun) => {
      this.#expired += overrun + 1;
      this.queue.wake(Infinity, POLLIN | POLLRDNORM);
    });
  }
  /** Arms or disarms it; expirations that nobody has read are forgotten. */
  arm(due: number | undefined, interval: number): void {
    this.#expired = 0;
    this.timer.set(due, interval);
  }
  override read(into: Uint8Array): number | Errno {
    if (into.length < 8) return EINVAL;
    if (this.#expired === 0) return EAGAIN;
    const view = new DataView(into.buffer, into.byteOffset, 8);
    view.setUint32(0, this.#expired >>> 0, true);
    view.setUint32(4, Math.floor(this.#expired / 2 ** 32), true);
    this.#expired = 0;
    return 8;
  }
  override write(): number | Errno {
    return EINVAL;
  }
  override poll(): number {
    return this.#expired > 0 ? POLLIN | POLLRDNORM : 0;
  }
  protected override closed(): void {
    this.timer.set(undefined, 0);
  }
}
