/**
 * A bridge between two kernels in one: Linux programs exchange messages with services of axle through a device.
 * Who opens `/dev/amc` is the service `linux.PID`. A write is a message: 64 bytes of destination, then the body. A read gives
 * one message as axle's programs see it: source and destination (64 bytes each), u32 length, body; it waits for one.
 */
import { EAGAIN, EINVAL, ENXIO, type Errno, type Plugin } from "@guise/core";
import { type AxleKernel, axleKey, type HostService, type Message } from "@guise/axle/key";
import {
  type Caller,
  credentialsOf,
  type Location,
  makedev,
  mknodAt,
  nameOf,
  O_RDWR,
  OpenFile,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  S_IFCHR,
  vfsKey,
} from "@guise/vfs/key";

const NAME = 64, HEADER = 2 * NAME + 4;
/** Messages that wait for a reader; one more ends its sender. */
const MOST = 1024;

/** The open device: a service of axle's with its queue. */
class AmcFile extends OpenFile {
  readonly #queue: Message[] = [];
  #service: HostService | undefined;

  /** False when the name is taken. */
  attach(axle: AxleKernel, name: string): boolean {
    this.#service = axle.attach(name, (message) => {
      if (this.#queue.length >= MOST) return false;
      this.#queue.push(message);
      this.queue.wake(Infinity, POLLIN | POLLRDNORM);
      return true;
    });
    return this.#service !== undefined;
  }

  override write(from: Uint8Array): number | Errno {
    if (from.length < NAME) return EINVAL;
    const end = from.indexOf(0);
    if (end <= 0 || end >= NAME) return EINVAL;
    // Also when it is only stored: the service may come later.
    this.#service?.send(String.fromCharCode(...from.subarray(0, end)), from.slice(NAME));
    return from.length;
  }

  override read(into: Uint8Array): number | Errno {
    const message = this.#queue[0];
    if (message === undefined) return EAGAIN;
    const length = HEADER + message.body.length;
    if (into.length < length) return EINVAL;
    this.#queue.shift();
    into.fill(0, 0, HEADER);
    into.set(new TextEncoder().encode(message.source), 0);
    into.set(new TextEncoder().encode(message.dest), NAME);
    new DataView(into.buffer, into.byteOffset).setUint32(2 * NAME, message.body.length, true);
    into.set(message.body, HEADER);
    return length;
  }

  override poll(): number {
    return POLLOUT | (this.#queue.length > 0 ? POLLIN | POLLRDNORM : 0);
  }

  protected override closed(): void {
    this.#service?.close();
  }
}

/** The plugin: put it behind those of axle and of the file system. */
export function amcBridge(): Plugin {
  return {
    name: "amc bridge",
    setup(kernel) {
      const vfs = kernel.data.get(vfsKey), device = makedev(240, 0);
      vfs.registerCharacterDevice(device, (at: Location, flags: number, caller: Caller) => {
        const file = new AmcFile(at.inode, O_RDWR | flags, caller.cred, at);
        return file.attach(kernel.data.get(axleKey), `linux.${caller.task?.process.id ?? 0}`) ? file : ENXIO;
      });
      const caller = { fs: vfs.createContext(), cred: credentialsOf(0, 0) };
      const made = mknodAt(caller, undefined, nameOf("/dev/amc"), S_IFCHR | 0o666, device);
      caller.fs.drop();
      if (typeof made === "number") throw new Error(`guise: /dev/amc cannot be made: error ${-made}`);
    },
  };
}
