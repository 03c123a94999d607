/**
 * What a socket has received and not yet read: packets in order. Streams read through their borders, datagrams end at
 * them; descriptors that came along (SCM_RIGHTS) keep their packet from being joined with the next.
 */
import type { OpenFile } from "@guise/vfs/key";
import type { Address } from "./address.ts";

/** Who sent: for SO_PASSCRED and SO_PEERCRED. */
export interface Sender {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** One send. The inbox holds a reference to each of its files. */
export interface Packet {
  readonly bytes: Uint8Array;
  /** Bytes that were read already (streams). */
  offset: number;
  readonly from: Address;
  readonly sender: Sender;
  files: readonly OpenFile[];
}

/** What one receive gave. */
export interface Received {
  /** Bytes copied. */
  readonly count: number;
  /** Bytes of the whole datagram. */
  readonly whole: number;
  readonly from: Address | undefined;
  readonly sender: Sender | undefined;
  /** Given over: the taker has the references. */
  readonly files: readonly OpenFile[];
}

const NOTHING: Received = { count: 0, whole: 0, from: undefined, sender: undefined, files: [] };

/** The queue of one socket. */
export class Inbox {
  readonly #packets: Packet[] = [];
  /** Unread bytes. */
  bytes = 0;
  /** SO_RCVBUF: more than this waits at the sender. */
  limit = 212992;
  /** The sender has shut down or is gone: after the last packet comes the end. */
  ended = false;

  get empty(): boolean {
    return this.#packets.length === 0;
  }
  get room(): number {
    return Math.max(0, this.limit - this.bytes);
  }
  /** Bytes that FIONREAD tells: of the next datagram, or all of a stream. */
  next(stream: boolean): number {
    return stream ? this.bytes : this.#packets[0]?.bytes.length ?? 0;
  }
  push(packet: Packet): void {
    this.#packets.push(packet);
    this.bytes += packet.bytes.length;
  }
  /** Reads through borders, up to `into.length`; stops before and after a packet with files. */
  readStream(into: Uint8Array, peek: boolean): Received {
    let count = 0, index = 0;
    let first: Packet | undefined;
    let files: readonly OpenFile[] = [];
    while (count < into.length && index < this.#packets.length) {
      const packet = this.#packets[index];
      if (first !== undefined && packet.files.length > 0) break;
      if (first === undefined) {
        first = packet;
        files = packet.files;
      }
      const withFiles = packet.files.length > 0;
      const part = packet.bytes.subarray(packet.offset, packet.offset + into.length - count);
      into.set(part, count);
      count += part.length;
      if (peek) index++;
      else {
        this.bytes -= part.length;
        packet.offset += part.length;
        packet.files = [];
        if (packet.offset < packet.bytes.length) break;
        this.#packets.shift();
      }
      if (withFiles) break;
    }
    if (first === undefined) return NOTHING;
    if (peek) { for (const file of files) file.ref(); }
    return { count, whole: count, from: first.from, sender: first.sender, files };
  }
  /** Reads one datagram; what does not fit is lost. */
  readPacket(into: Uint8Array, peek: boolean): Received {
    const packet = this.#packets[0];
    if (packet === undefined) return NOTHING;
    const part = packet.bytes.subarray(0, into.length);
    into.set(part);
    const { files } = packet;
    if (peek) { for (const file of files) file.ref(); }
    else {
      this.#packets.shift();
      this.bytes -= packet.bytes.length;
    }
    return {
      count: part.length,
      whole: packet.bytes.length,
      from: packet.from,
      sender: packet.sender,
      files,
    };
  }
  /** Throws everything away. */
  clear(): void {
    for (const packet of this.#packets.splice(0)) for (const file of packet.files) file.unref();
    this.bytes = 0;
  }
}
