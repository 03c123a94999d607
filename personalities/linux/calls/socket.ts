/**
 * Socket calls while there are no sockets: descriptors are told apart (EBADF, ENOTSOCK), which shells ask to find out
 * what their standard input is; making a socket is EAFNOSUPPORT.
 */
import { type ArgType, EAFNOSUPPORT, ENOTSOCK, type Syscall, syscall } from "@guise/core";
import { fd } from "../args/fd.ts";
import { address, int, size } from "../args/scalar.ts";
import type { Rows } from "../rows.ts";

const note = "there are no sockets yet";

/** A call on a descriptor that would have to be a socket. */
function onSocket(name: string, doc: string, args: Readonly<Record<string, ArgType<number>>>): Syscall {
  return syscall({ name, doc, args: { file: fd, ...args }, support: "none", note, run: () => ENOTSOCK });
}

/** A call that makes sockets. */
function making(name: string, doc: string, args: Readonly<Record<string, ArgType<number>>>): Syscall {
  return syscall({ name, doc, args, support: "none", note, run: () => EAFNOSUPPORT });
}

const kind = { domain: int, type: int, protocol: int };
const named = { addr: address, length: address };

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[41, 198], making("socket", "A socket.", kind)],
  [[53, 199], making("socketpair", "Two connected sockets.", { ...kind, pair: address })],
  [[42, 203], onSocket("connect", "Connects a socket.", { addr: address, length: int })],
  [[43, 202], onSocket("accept", "Accepts a connection.", named)],
  [[288, 242], onSocket("accept4", "Accepts a connection, with flags.", { ...named, flags: int })],
  [[49, 200], onSocket("bind", "Names a socket.", { addr: address, length: int })],
  [[50, 201], onSocket("listen", "Lets a socket take connections.", { backlog: int })],
  [[51, 204], onSocket("getsockname", "A socket's own name.", named)],
  [[52, 205], onSocket("getpeername", "The name of a socket's peer.", named)],
  [
    [54, 208],
    onSocket("setsockopt", "Sets an option of a socket.", {
      level: int,
      option: int,
      value: address,
      length: int,
    }),
  ],
  [
    [55, 209],
    onSocket("getsockopt", "An option of a socket.", {
      level: int,
      option: int,
      value: address,
      length: address,
    }),
  ],
  [
    [44, 206],
    onSocket("sendto", "Sends to a socket.", {
      buf: address,
      count: size,
      flags: int,
      addr: address,
      length: int,
    }),
  ],
  [
    [45, 207],
    onSocket("recvfrom", "Receives from a socket.", { buf: address, count: size, flags: int, ...named }),
  ],
  [[46, 211], onSocket("sendmsg", "Sends a message.", { message: address, flags: int })],
  [[47, 212], onSocket("recvmsg", "Receives a message.", { message: address, flags: int })],
  [[48, 210], onSocket("shutdown", "Ends one direction of a connection.", { how: int })],
];
