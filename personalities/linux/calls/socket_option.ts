/** Options of sockets: those that mean something here, and the others as bytes that are kept. */
import { EINVAL, ENOPROTOOPT, EOPNOTSUPP, type Errno } from "@guise/core";
import { AF_INET, AF_UNIX } from "../net/address.ts";
import type { SocketFile } from "../net/socket.ts";

// deno-fmt-ignore
const SOL_SOCKET = 1, SO_REUSEADDR = 2, SO_TYPE = 3, SO_ERROR = 4, SO_SNDBUF = 7, SO_RCVBUF = 8, SO_LINGER = 13,
  SO_REUSEPORT = 15, SO_PASSCRED = 16, SO_PEERCRED = 17, SO_RCVTIMEO = 20, SO_SNDTIMEO = 21, SO_ACCEPTCONN = 30,
  SO_SNDBUFFORCE = 32, SO_RCVBUFFORCE = 33, SO_PROTOCOL = 38, SO_DOMAIN = 39;
const IPPROTO_IP = 0, IPPROTO_TCP = 6, IPPROTO_UDP = 17, IPPROTO_IPV6 = 41;

/** Whether the socket has options of a level that is not SOL_SOCKET. */
function knownLevel(file: SocketFile, level: number): boolean {
  if (file.family === AF_UNIX) return false;
  if (level === IPPROTO_TCP || level === IPPROTO_UDP) return level === file.protocol;
  return level === IPPROTO_IP || level === IPPROTO_IPV6 && file.family !== AF_INET;
}

/** Numbers as the bytes of ints. */
function ints(...values: number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

/** A buffer size as it is set: doubled, at least 2,304 bytes, at most 425,984. */
function bufferSize(asked: number): number {
  return Math.min(Math.max(asked * 2, 2304), 425984);
}

/** Ns of a struct timeval; EINVAL. */
function timeval(bytes: Uint8Array): number | Errno {
  if (bytes.length < 16) return EINVAL;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const usec = view.getInt32(8, true);
  if (usec < 0 || usec >= 1000000) return EINVAL;
  return view.getUint32(0, true) * 1e9 + usec * 1000;
}

function timevalBytes(ns: number): Uint8Array {
  return ints(Math.floor(ns / 1e9), 0, Math.floor(ns % 1e9 / 1000), 0);
}

/** setsockopt(2). */
export function setOption(
  file: SocketFile,
  level: number,
  option: number,
  bytes: Uint8Array,
): number | Errno {
  if (level !== SOL_SOCKET) {
    if (file.family === AF_UNIX) return EOPNOTSUPP;
    if (!knownLevel(file, level)) return ENOPROTOOPT;
    file.options.set(`${level}:${option}`, bytes.slice());
    return 0;
  }
  if (option === SO_RCVTIMEO || option === SO_SNDTIMEO) {
    const ns = timeval(bytes);
    if (ns < 0) return ns;
    if (option === SO_RCVTIMEO) file.receiveTimeout = ns;
    else file.sendTimeout = ns;
    return 0;
  }
  if (bytes.length < 4) return EINVAL;
  const value = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
  switch (option) {
    case SO_REUSEADDR:
      file.reuseAddress = value !== 0;
      return 0;
    case SO_REUSEPORT:
      file.reusePort = value !== 0;
      return 0;
    case SO_PASSCRED:
      file.passCredentials = value !== 0;
      return 0;
    case SO_SNDBUF:
    case SO_SNDBUFFORCE:
      file.sendBuffer = bufferSize(value);
      return 0;
    case SO_RCVBUF:
    case SO_RCVBUFFORCE:
      file.inbox.limit = bufferSize(value);
      return 0;
    case SO_LINGER:
      if (bytes.length < 8) return EINVAL;
      break;
    case SO_TYPE:
    case SO_ERROR:
    case SO_PEERCRED:
    case SO_ACCEPTCONN:
    case SO_PROTOCOL:
    case SO_DOMAIN:
      return ENOPROTOOPT;
  }
  if (option < 1 || option > 80) return ENOPROTOOPT;
  file.options.set(`${level}:${option}`, option === SO_LINGER ? bytes.slice(0, 8) : ints(value));
  return 0;
}

/** getsockopt(2): the option's bytes, or an errno. */
export function getOption(file: SocketFile, level: number, option: number): Uint8Array | Errno {
  const kept = file.options.get(`${level}:${option}`);
  if (kept !== undefined) return kept;
  if (level !== SOL_SOCKET) {
    if (knownLevel(file, level)) return ints(0);
    return file.family === AF_UNIX || file.family === AF_INET ? EOPNOTSUPP : ENOPROTOOPT;
  }
  switch (option) {
    case SO_TYPE:
      return ints(file.type);
    case SO_ERROR:
      return ints(-file.takeError());
    case SO_REUSEADDR:
      return ints(file.reuseAddress ? 1 : 0);
    case SO_REUSEPORT:
      return ints(file.reusePort ? 1 : 0);
    case SO_PASSCRED:
      return ints(file.passCredentials ? 1 : 0);
    case SO_SNDBUF:
      return ints(file.sendBuffer);
    case SO_RCVBUF:
      return ints(file.inbox.limit);
    case SO_LINGER:
      return ints(0, 0);
    case SO_PEERCRED: {
      const { pid, uid, gid } = file.peerCredentials;
      return ints(pid, uid, gid);
    }
    case SO_RCVTIMEO:
      return timevalBytes(file.receiveTimeout);
    case SO_SNDTIMEO:
      return timevalBytes(file.sendTimeout);
    case SO_ACCEPTCONN:
      return ints(file.listening ? 1 : 0);
    case SO_PROTOCOL:
      return ints(file.protocol);
    case SO_DOMAIN:
      return ints(file.family);
    default:
      return option < 1 || option > 80 ? ENOPROTOOPT : ints(0);
  }
}
