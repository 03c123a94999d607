/** The names of sockets of one kernel: ports, abstract names and socket files. There is no host network behind it. */
import { EADDRINUSE, type Errno, type Kernel, Key } from "@guise/core";
import type { Inode, Name } from "@guise/vfs/key";
import { AF_INET, type InetAddress, isAny, unmapped } from "./address.ts";
import type { SocketFile } from "./socket.ts";

const EPHEMERAL_FIRST = 32768, EPHEMERAL_LAST = 60999;

/** One protocol's ports. */
class Ports {
  readonly #bound = new Map<number, SocketFile[]>();
  #next = EPHEMERAL_FIRST;

  /** Sockets that have that port. */
  at(port: number): readonly SocketFile[] {
    return this.#bound.get(port) ?? [];
  }
  /** A port that nobody has; 0 when all are taken. */
  free(): number {
    for (let tries = EPHEMERAL_FIRST; tries <= EPHEMERAL_LAST; tries++) {
      const port = this.#next;
      this.#next = port === EPHEMERAL_LAST ? EPHEMERAL_FIRST : port + 1;
      if (!this.#bound.has(port)) return port;
    }
    return 0;
  }
  add(port: number, socket: SocketFile): void {
    this.#bound.set(port, [...this.at(port), socket]);
  }
  remove(port: number, socket: SocketFile): void {
    const left = this.at(port).filter((s) => s !== socket);
    if (left.length === 0) this.#bound.delete(port);
    else this.#bound.set(port, left);
  }
}

/** True when a socket bound to `bound` is the one that `to` means. */
function covers(bound: InetAddress, to: InetAddress): boolean {
  const wanted = unmapped(to);
  if (isAny(bound)) return bound.family !== AF_INET || wanted.family === AF_INET;
  const plain = unmapped(bound);
  return plain.family === wanted.family && (plain.ip.every((b, i) => b === wanted.ip[i]) || isAny(wanted));
}

/** The network of one kernel. */
export class Network {
  readonly tcp: Ports = new Ports();
  readonly udp: Ports = new Ports();
  readonly abstract: Map<Name, SocketFile> = new Map();
  /** Sockets bound to a name in the file system, by the inode of that name. */
  readonly files: WeakMap<Inode, SocketFile> = new WeakMap();

  /** EADDRINUSE when `address` is taken as far as `socket` may not share it. */
  conflict(ports: Ports, address: InetAddress, socket: SocketFile): 0 | Errno {
    for (const other of ports.at(address.port)) {
      if (other === socket || other.local === undefined || other.local.family === 1) continue;
      if (!covers(other.local, address) && !covers(address, other.local)) continue;
      const shared = socket.reuseAddress && other.reuseAddress && !other.listening;
      if (!shared && !(socket.reusePort && other.reusePort)) return EADDRINUSE;
    }
    return 0;
  }
  /** The socket that packets and connections to `address` reach: the most exact one. */
  find(ports: Ports, address: InetAddress, wanted: (socket: SocketFile) => boolean): SocketFile | undefined {
    let found: SocketFile | undefined;
    for (const socket of ports.at(address.port)) {
      const { local } = socket;
      if (local === undefined || local.family === 1 || !wanted(socket) || !covers(local, address)) continue;
      if (found === undefined || !isAny(local)) found = socket;
    }
    return found;
  }
}
export type { Ports };

const networkKey: Key<Network> = new Key<Network>("linux network");

/** The network of a kernel, made when first asked for. */
export function networkOf(kernel: Kernel): Network {
  let network = kernel.data.find(networkKey);
  if (network === undefined) kernel.data.set(networkKey, network = new Network());
  return network;
}
