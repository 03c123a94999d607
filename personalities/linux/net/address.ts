/** Socket addresses: AF_UNIX, AF_INET and AF_INET6 between guest bytes, values and the trace. */
import { EAFNOSUPPORT, EINVAL, type Errno } from "@guise/core";
import { bytesOfName, type Name, nameOfBytes } from "@guise/vfs/key";
import { quote } from "../args/text.ts";

/** Families. */
export const AF_UNSPEC = 0, AF_UNIX = 1, AF_INET = 2, AF_INET6 = 10;

/** A name in the file system, or abstract when it begins with NUL; empty: none. */
export interface UnixAddress {
  readonly family: 1;
  readonly path: Name;
}
/** Four or sixteen address bytes, and a port. */
export interface InetAddress {
  readonly family: 2 | 10;
  readonly ip: readonly number[];
  readonly port: number;
}
export type Address = UnixAddress | InetAddress;

/** The address of a socket without one. */
export const UNNAMED: UnixAddress = { family: AF_UNIX, path: "" };

/** The wildcard address of a family. */
export function anyAddress(family: 2 | 10, port: number = 0): InetAddress {
  return { family, ip: new Array<number>(family === AF_INET ? 4 : 16).fill(0), port };
}

/** 127.0.0.1 or ::1. */
export function loopback(family: 2 | 10, port: number): InetAddress {
  const ip = family === AF_INET ? [127, 0, 0, 1] : [...new Array<number>(15).fill(0), 1];
  return { family, ip, port };
}

/** An IPv4 address inside IPv6 (::ffff:a.b.c.d) as what it is. */
export function unmapped(address: InetAddress): InetAddress {
  const { ip } = address;
  const mapped = ip.length === 16 && ip.slice(0, 10).every((b) => b === 0) && ip[10] === 255 &&
    ip[11] === 255;
  return mapped ? { family: AF_INET, ip: ip.slice(12), port: address.port } : address;
}

/** True for addresses of this machine: loopback and the wildcard. */
export function isLocal(address: InetAddress): boolean {
  const { ip } = unmapped(address);
  if (ip.length === 4) return ip[0] === 127 || ip.every((b) => b === 0);
  return ip.slice(0, 15).every((b) => b === 0) && ip[15] <= 1;
}

/** True for 0.0.0.0 and ::. */
export function isAny(address: InetAddress): boolean {
  return address.ip.every((b) => b === 0);
}

/** The value of a guest's sockaddr; EINVAL when too short for its family. */
export function decodeAddress(bytes: Uint8Array): Address | Errno {
  if (bytes.length < 2) return EINVAL;
  const family = bytes[0] | bytes[1] << 8;
  switch (family) {
    case AF_UNIX: {
      const rest = bytes.subarray(2, 110);
      if (rest.length === 0) return UNNAMED;
      if (rest[0] === 0) return { family, path: nameOfBytes(rest) };
      const end = rest.indexOf(0);
      return { family, path: nameOfBytes(end < 0 ? rest : rest.subarray(0, end)) };
    }
    case AF_INET:
      if (bytes.length < 16) return EINVAL;
      return { family, port: bytes[2] << 8 | bytes[3], ip: [...bytes.subarray(4, 8)] };
    case AF_INET6:
      if (bytes.length < 24) return EINVAL;
      return { family, port: bytes[2] << 8 | bytes[3], ip: [...bytes.subarray(8, 24)] };
    default:
      return EAFNOSUPPORT;
  }
}

/** The bytes of a sockaddr. */
export function encodeAddress(address: Address): Uint8Array {
  if (address.family === AF_UNIX) {
    const name = bytesOfName(address.path);
    // Names in the file system end in NUL; abstract ones have their length.
    const ends = address.path !== "" && name[0] !== 0 ? 1 : 0;
    const bytes = new Uint8Array(2 + name.length + ends);
    bytes[0] = AF_UNIX;
    bytes.set(name, 2);
    return bytes;
  }
  const bytes = new Uint8Array(address.family === AF_INET ? 16 : 28);
  bytes[0] = address.family;
  bytes[2] = address.port >> 8;
  bytes[3] = address.port & 0xff;
  bytes.set(address.ip, address.family === AF_INET ? 4 : 8);
  return bytes;
}

function ip6Text(ip: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, i) => ip[2 * i] << 8 | ip[2 * i + 1]);
  let best = -1, length = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && groups[i + n] === 0) n++;
    if (n > length) [best, length] = [i, n];
  }
  const hex = (from: number, to: number) => groups.slice(from, to).map((g) => g.toString(16)).join(":");
  return best < 0 ? hex(0, 8) : `${hex(0, best)}::${hex(best + length, 8)}`;
}

/** As strace prints it: `{sa_family=AF_UNIX, sun_path="/x"}`. */
export function addressText(bytes: Uint8Array): string {
  const address = decodeAddress(bytes);
  if (typeof address === "number") {
    return `{sa_family=${bytes.length < 2 ? "AF_UNSPEC" : bytes[0] | bytes[1] << 8}}`;
  }
  if (address.family === AF_UNIX) {
    if (address.path === "") return "{sa_family=AF_UNIX}";
    const name = bytesOfName(address.path);
    return `{sa_family=AF_UNIX, sun_path=${name[0] === 0 ? "@" + quote(name.subarray(1)) : quote(name)}}`;
  }
  if (address.family === AF_INET) {
    return `{sa_family=AF_INET, sin_port=htons(${address.port}), sin_addr=inet_addr("${
      address.ip.join(".")
    }")}`;
  }
  return `{sa_family=AF_INET6, sin6_port=htons(${address.port}), sin6_flowinfo=htonl(0), ` +
    `inet_pton(AF_INET6, "${ip6Text(address.ip)}", &sin6_addr), sin6_scope_id=0}`;
}
