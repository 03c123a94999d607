/**
 * Sockets inside the kernel: AF_UNIX, and AF_INET and AF_INET6 over loopback; streams, datagrams and sequenced packets.
 * A connection is two sockets that know each other; what is sent goes straight into the other's inbox.
 */
import {
  EADDRNOTAVAIL,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EDESTADDRREQ,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENETUNREACH,
  ENOTCONN,
  EOPNOTSUPP,
  EPIPE,
  EPROTOTYPE,
  type Errno,
} from "@guise/core";
import {
  AnonymousInode,
  type Caller,
  O_RDWR,
  OpenFile,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRNORM,
  S_IFSOCK,
} from "@guise/vfs/key";
import { type Address, AF_INET, AF_UNIX, anyAddress, isAny, isLocal, loopback, UNNAMED } from "./address.ts";
import { Inbox, type Received, type Sender } from "./inbox.ts";
import type { Network, Ports } from "./network.ts";

/** Types. */
export const SOCK_STREAM = 1, SOCK_DGRAM = 2, SOCK_SEQPACKET = 5;

const IN = POLLIN | POLLRDNORM, OUT = POLLOUT | POLLWRNORM;

/** A connection that nobody has accepted yet counts against this. */
const MOST_BACKLOG = 4096;

/** Bytes of the largest datagram over IP. */
const UDP_MOST = 65507;

const NOBODY: Sender = { pid: 0, uid: 65534, gid: 65534 };

/** An open socket. */
export class SocketFile extends OpenFile {
  readonly network: Network;
  readonly family: 1 | 2 | 10;
  readonly type: number;
  readonly protocol: number;
  /** Its own address; undefined: not bound. */
  local: Address | undefined = undefined;
  /** Where it is connected to. */
  remote: Address | undefined = undefined;
  /** The other end of a connection; undefined when it is gone or there is none. */
  peer: SocketFile | undefined = undefined;
  connected = false;
  readonly inbox: Inbox = new Inbox();
  /** Connections to accept; undefined: it does not listen. */
  backlog: SocketFile[] | undefined = undefined;
  #most = 0;
  #shutRead = false;
  #shutWrite = false;
  /** A connection was refused. */
  #failed = false;
  /** SO_ERROR: told once. */
  pendingError: Errno | 0 = 0;
  reuseAddress = false;
  reusePort = false;
  /** SO_PASSCRED. */
  passCredentials = false;
  /** SO_PEERCRED: who connected or listened. */
  peerCredentials: Sender = NOBODY;
  /** SO_RCVTIMEO and SO_SNDTIMEO in ns; 0: none. */
  receiveTimeout = 0;
  sendTimeout = 0;
  sendBuffer = 212992;
  /** Other options: kept and told. */
  readonly options: Map<string, Uint8Array> = new Map();
  readonly #caller: Caller;

  constructor(
    caller: Caller,
    network: Network,
    family: 1 | 2 | 10,
    type: number,
    protocol: number,
    flags: number,
  ) {
    super(new AnonymousInode("socket", S_IFSOCK | 0o777, caller), O_RDWR | flags, caller.cred);
    this.#caller = caller;
    this.network = network;
    this.family = family;
    this.type = type;
    this.protocol = protocol;
  }

  /** Bytes in order, or whole messages. */
  get stream(): boolean {
    return this.type === SOCK_STREAM;
  }
  /** Needs a connection before anything is sent. */
  get connecting(): boolean {
    return this.type !== SOCK_DGRAM;
  }
  get listening(): boolean {
    return this.backlog !== undefined;
  }
  get #ports(): Ports {
    return this.stream ? this.network.tcp : this.network.udp;
  }
  override get writesAll(): boolean {
    return this.stream;
  }
  override read(into: Uint8Array): number | Errno {
    if (into.length === 0) return 0;
    const got = this.receive(into, false);
    if (typeof got === "number") return got;
    for (const file of got.files) file.unref();
    return got.count;
  }
  override write(from: Uint8Array, caller?: Caller): number | Errno {
    const { uid, gid } = caller?.cred ?? this.cred;
    return this.send(from, [], undefined, { pid: caller?.task?.process.id ?? 0, uid, gid });
  }
  override available(): number | Errno {
    return this.listening ? EINVAL : this.inbox.next(this.stream);
  }
  override poll(): number {
    if (this.backlog !== undefined) return this.backlog.length > 0 ? IN : 0;
    let bits = 0;
    if (this.pendingError !== 0) bits |= POLLERR | IN | OUT;
    if (!this.inbox.empty || this.inbox.ended || this.#shutRead) bits |= IN;
    if (!this.connecting) return bits | OUT;
    if (!this.connected) return bits | OUT | POLLHUP | (this.#failed ? IN | POLLRDHUP : 0);
    if (this.inbox.ended || this.#shutRead) bits |= POLLRDHUP;
    // A local peer that is gone hangs up; a remote one only when this side has ended too.
    const ended = this.#shutWrite || (this.family === AF_UNIX && this.peer === undefined);
    if ((this.inbox.ended || this.#shutRead) && ended) bits |= POLLHUP;
    if (this.peer === undefined || this.#shutWrite || this.peer.inbox.room * 3 >= this.peer.inbox.limit) {
      bits |= OUT;
    }
    return bits;
  }

  /** Makes two connected sockets of two that are not. */
  static join(a: SocketFile, b: SocketFile): void {
    a.peer = b;
    b.peer = a;
    a.connected = b.connected = true;
  }

  /** Takes an address of the inet families (bind; also before the first send). */
  bindInet(address: Address & { readonly family: 2 | 10 }): 0 | Errno {
    if (!isLocal(address)) return EADDRNOTAVAIL;
    const ports = this.#ports;
    const port = address.port === 0 ? ports.free() : address.port;
    if (port === 0) return EADDRNOTAVAIL;
    const local = { ...address, port };
    const taken = this.network.conflict(ports, local, this);
    if (taken !== 0) return taken;
    this.local = local;
    ports.add(port, this);
    return 0;
  }
  /** A port of its own when it has none. */
  autobind(): 0 | Errno {
    return this.local !== undefined || this.family === AF_UNIX ? 0 : this.bindInet(anyAddress(this.family));
  }

  listen(most: number, who: Sender): 0 | Errno {
    if (!this.connecting) return EOPNOTSUPP;
    if (this.connected) return EINVAL;
    if (this.family === AF_UNIX && this.local === undefined) return EINVAL;
    const bound = this.autobind();
    if (bound !== 0) return bound;
    this.backlog ??= [];
    this.#most = Math.min(Math.max(most, 0), MOST_BACKLOG);
    this.peerCredentials = who;
    return 0;
  }

  /** Who listens or receives at `address`: ECONNREFUSED when nobody. Unix names in the tree come as `file`. */
  target(address: Address, file: SocketFile | undefined): SocketFile | Errno {
    if (address.family === AF_UNIX) {
      const found = address.path.startsWith("\0") ? this.network.abstract.get(address.path) : file;
      if (found === undefined) return ECONNREFUSED;
      return found.type === this.type ? found : EPROTOTYPE;
    }
    if (!isLocal(address)) return ENETUNREACH;
    const found = this.network.find(this.#ports, address, (s) => this.connecting ? s.listening : true);
    return found ?? ECONNREFUSED;
  }

  /** Connects to a listening socket: EAGAIN when its backlog is full. */
  connectTo(target: SocketFile, address: Address, who: Sender): 0 | Errno {
    if (target.backlog === undefined) return ECONNREFUSED;
    if (target.backlog.length > target.#most) return EAGAIN;
    const bound = this.autobind();
    if (bound !== 0) return bound;
    const server = new SocketFile(
      target.#caller,
      this.network,
      target.family,
      target.type,
      target.protocol,
      0,
    );
    SocketFile.join(this, server);
    // A wildcard is reached by the address that was called; the caller calls from loopback.
    const seen = address.family !== AF_UNIX && isAny(address)
      ? loopback(address.family, address.port)
      : address;
    if (this.local !== undefined && this.local.family !== AF_UNIX && isAny(this.local)) {
      this.local = loopback(seen.family === AF_INET ? AF_INET : this.local.family, this.local.port);
    }
    this.remote = seen.family === AF_UNIX ? target.local : seen;
    server.local = seen.family === AF_UNIX ? target.local : seen;
    server.remote = this.local ?? UNNAMED;
    this.peerCredentials = target.peerCredentials;
    server.peerCredentials = who;
    target.backlog.push(server);
    target.queue.wake(Infinity, IN);
    return 0;
  }
  /** The next connection: EAGAIN when there is none. */
  accept(): SocketFile | Errno {
    if (this.backlog === undefined) return EINVAL;
    const next = this.backlog.shift();
    if (next === undefined) return EAGAIN;
    this.queue.wake(Infinity, OUT);
    return next;
  }

  /** Sends; the references of `files` go over only when it succeeds. EPIPE is a value. */
  send(
    bytes: Uint8Array,
    files: readonly OpenFile[],
    to: { readonly address: Address; readonly file: SocketFile | undefined } | undefined,
    sender: Sender,
  ): number | Errno {
    const failed = this.takeError();
    if (failed !== 0) return failed;
    if (this.#shutWrite) return EPIPE;
    let target: SocketFile;
    if (this.connecting) {
      if (to !== undefined && this.connected) return EISCONN;
      if (!this.connected) return this.family === AF_UNIX || !this.stream ? ENOTCONN : EPIPE;
      if (this.peer === undefined) return this.#toNobody(bytes.length);
      target = this.peer;
    } else {
      const found = this.#datagramTarget(to);
      if (typeof found === "number") return found;
      target = found;
    }
    if (target.#shutRead) return EPIPE;
    const { inbox } = target;
    let part = bytes;
    if (this.stream) {
      if (bytes.length === 0) return 0;
      if (inbox.room === 0) return EAGAIN;
      part = bytes.subarray(0, inbox.room);
    } else {
      const most = this.family === AF_UNIX ? this.sendBuffer : UDP_MOST;
      if (bytes.length > most) return EMSGSIZE;
      if (inbox.bytes > 0 && bytes.length > inbox.room) {
        // Packets to a full UDP socket are lost; a local one waits.
        return this.family === AF_UNIX ? EAGAIN : bytes.length;
      }
    }
    for (const file of files) file.ref();
    inbox.push({ bytes: part.slice(), offset: 0, from: this.#source, sender, files });
    target.queue.wake(Infinity, IN);
    return part.length;
  }
  /** The peer has closed: TCP learns of it by the answer to what it sends. */
  #toNobody(length: number): number | Errno {
    if (this.family === AF_UNIX) return EPIPE;
    this.#shutWrite = true;
    this.#fail(EPIPE);
    return length;
  }
  /** The address that receivers see: a wildcard sends from loopback. */
  get #source(): Address {
    const { local } = this;
    if (local === undefined) return UNNAMED;
    return local.family !== AF_UNIX && isAny(local) ? loopback(local.family, local.port) : local;
  }
  #datagramTarget(
    to: { readonly address: Address; readonly file: SocketFile | undefined } | undefined,
  ): SocketFile | Errno {
    const address = to?.address ?? this.remote;
    if (to === undefined && this.peer !== undefined) return this.peer.refs > 0 ? this.peer : ECONNREFUSED;
    if (address === undefined) {
      return this.connected ? ECONNREFUSED : this.family === AF_UNIX ? ENOTCONN : EDESTADDRREQ;
    }
    if (to === undefined && this.family === AF_UNIX && this.peer === undefined && this.connected) {
      return ECONNREFUSED;
    }
    const bound = this.autobind();
    if (bound !== 0) return bound;
    const found = this.target(address, to?.file);
    if (found === ECONNREFUSED && this.family !== AF_UNIX) {
      // Nobody is told at once: a connected socket learns of it by its next call.
      if (this.connected) this.#fail(ECONNREFUSED);
      return this;
    }
    return found;
  }
  #fail(error: Errno): void {
    this.pendingError = error;
    this.queue.wake(Infinity, POLLERR | IN | OUT);
  }
  /** Records an error that SO_ERROR and the next call tell (a connect that could not wait). */
  failLater(error: Errno): void {
    this.#failed = true;
    this.#fail(error);
  }
  takeError(): Errno | 0 {
    const error = this.pendingError;
    this.pendingError = 0;
    return error;
  }

  /** Receives: EAGAIN when there is nothing yet. */
  receive(into: Uint8Array, peek: boolean): Received | Errno {
    const { inbox } = this;
    if (inbox.empty) {
      const failed = this.takeError();
      if (failed !== 0) return failed;
      if (this.listening) return this.family === AF_UNIX ? EINVAL : ENOTCONN;
      if (this.connecting && !this.connected) return this.family === AF_UNIX ? EINVAL : ENOTCONN;
      if (inbox.ended || this.#shutRead) {
        return { count: 0, whole: 0, from: undefined, sender: undefined, files: [] };
      }
      return EAGAIN;
    }
    const got = this.stream ? inbox.readStream(into, peek) : inbox.readPacket(into, peek);
    if (!peek) this.#madeRoom();
    return got;
  }
  #madeRoom(): void {
    if (this.peer !== undefined) this.peer.queue.wake(Infinity, OUT);
    else this.queue.wake(Infinity, OUT);
  }

  /** shutdown(2): 0 read, 1 write, 2 both. */
  shutdown(how: number): 0 | Errno {
    if (how < 0 || how > 2) return EINVAL;
    if (this.backlog !== undefined && this.family !== AF_UNIX && how !== 1) {
      this.#stopListening();
      return 0;
    }
    if (!this.connected) return ENOTCONN;
    const { peer } = this;
    if (how !== 0) {
      this.#shutWrite = true;
      if (peer !== undefined && this.connecting) {
        peer.inbox.ended = true;
        peer.queue.wake(Infinity, IN | POLLRDHUP);
      }
    }
    if (how !== 1) {
      this.#shutRead = true;
      peer?.queue.wake(Infinity, OUT);
    }
    this.queue.wake(Infinity, IN | OUT | POLLHUP);
    return 0;
  }
  #stopListening(): void {
    for (const waiting of this.backlog ?? []) waiting.unref();
    this.backlog = undefined;
    this.queue.wake(Infinity, IN | POLLHUP);
  }
  /** A datagram socket forgets whom it talks to. */
  disconnect(): void {
    this.remote = undefined;
    this.connected = false;
    this.peer = undefined;
  }
  protected override closed(): void {
    this.#stopListening();
    const { peer, local } = this;
    if (peer !== undefined) {
      this.peer = undefined;
      if (peer.peer === this) peer.peer = undefined;
      if (this.connecting) {
        // Unread bytes are lost: the other side is told so.
        if (!this.inbox.empty) peer.pendingError = ECONNRESET;
        peer.inbox.ended = true;
      }
      peer.queue.wake(Infinity, IN | OUT | POLLHUP | POLLRDHUP);
    }
    this.inbox.clear();
    if (local === undefined) return;
    if (local.family !== AF_UNIX) this.#ports.remove(local.port, this);
    else if (this.network.abstract.get(local.path) === this) this.network.abstract.delete(local.path);
  }
}
