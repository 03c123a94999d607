/** eventfd: a 64-bit counter that is a file. */
import { EAGAIN, EINVAL, type Errno } from "@guise/core";
import {
  AnonymousInode,
  type Caller,
  O_RDWR,
  OpenFile,
  POLLERR,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
} from "@guise/vfs/key";

/** The largest value a counter has. */
const MOST = 0xfffffffffffffffen;

/** An open counter. */
export class EventFile extends OpenFile {
  #count: bigint;
  readonly #semaphore: boolean;
  constructor(caller: Caller, start: number, semaphore: boolean, flags: number) {
    super(new AnonymousInode("[eventfd]", 0o600, caller), O_RDWR | flags, caller.cred);
    this.#count = BigInt(start);
    this.#semaphore = semaphore;
  }
  override read(into: Uint8Array): number | Errno {
    if (into.length < 8) return EINVAL;
    if (this.#count === 0n) return EAGAIN;
    const taken = this.#semaphore ? 1n : this.#count;
    this.#count -= taken;
    new DataView(into.buffer, into.byteOffset, 8).setBigUint64(0, taken, true);
    this.queue.wake(Infinity, POLLOUT | POLLWRNORM);
    return 8;
  }
  override write(from: Uint8Array): number | Errno {
    if (from.length < 8) return EINVAL;
    const more = new DataView(from.buffer, from.byteOffset, 8).getBigUint64(0, true);
    if (more > MOST) return EINVAL;
    if (this.#count + more > MOST) return EAGAIN;
    this.#count += more;
    this.queue.wake(Infinity, POLLIN | POLLRDNORM);
    return 8;
  }
  override poll(): number {
    const full = this.#count > MOST;
    return (this.#count > 0n ? POLLIN | POLLRDNORM : 0) | (this.#count < MOST ? POLLOUT | POLLWRNORM : 0) |
      (full ? POLLERR : 0);
  }
}
