/** Socket addresses, types, options and message flags among the arguments: decoding and strace's texts. */
import { type ArgType, EFAULT, EINVAL, type Errno, Key, type RowAbi, type Task } from "@guise/core";
import { type Address, addressText, decodeAddress, encodeAddress } from "../net/address.ts";
import { fields } from "./layout.ts";
import { scalar } from "./scalar.ts";
import { choice, flags, hex, type Names, pointer } from "./text.ts";

/** The longest sockaddr. */
const LONGEST = 128;

/** A sockaddr that the guest gives; address 0 is none. One object a row, reused. */
export class AddressIn {
  at = 0;
  length = 0;
  /** Its value: EFAULT, EINVAL. */
  load(task: Task): Address | Errno {
    if (this.length < 0 || this.length > LONGEST) return EINVAL;
    const bytes = task.space.read(this.at, this.length);
    return bytes === undefined ? EFAULT : decodeAddress(bytes);
  }
}

/** `const struct sockaddr *addr, socklen_t addrlen`. */
export const inAddress: ArgType<AddressIn> = {
  label: "const struct sockaddr *addr, socklen_t addrlen",
  slots: 2,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const start = abi.registers[slot], length = abi.registers[slot + 1];
    const value = new AddressIn();
    return (task) => {
      value.at = task.frame.num(start);
      value.length = task.frame.lo(length);
      return value;
    };
  },
  format(abi: RowAbi, slot: number) {
    const start = abi.registers[slot], length = abi.registers[slot + 1];
    return (task) => {
      const at = task.frame.num(start), n = task.frame.lo(length);
      const bytes = at === 0 || n < 0 || n > LONGEST ? undefined : task.space.read(at, n);
      return `${bytes === undefined ? pointer(at) : addressText(bytes)}, ${n}`;
    };
  },
};

/** What the guest's length word held at the call, for `[128 => 16]` in the trace. */
const askedKey: Key<number> = new Key<number>("linux sockaddr length");

/** Room for a sockaddr, with its length word that the call updates. */
export class AddressOut {
  at = 0;
  lengthAt = 0;
  /** Stores an address (none: length 0 is told): 0, EFAULT or EINVAL. */
  store(task: Task, address: Address | undefined): 0 | Errno {
    if (this.at === 0) return 0;
    const room = task.space.getU32(this.lengthAt);
    if (room === undefined) return EFAULT;
    if ((room | 0) < 0) return EINVAL;
    const bytes = address === undefined ? new Uint8Array(0) : encodeAddress(address);
    if (!task.space.write(this.at, bytes.subarray(0, room))) return EFAULT;
    return task.space.setU32(this.lengthAt, bytes.length) ? 0 : EFAULT;
  }
}

/** `struct sockaddr *addr, socklen_t *addrlen`. */
export const outAddress: ArgType<AddressOut> = {
  label: "struct sockaddr *addr, socklen_t *addrlen",
  slots: 2,
  direction: "out",
  compile(abi: RowAbi, slot: number) {
    const start = abi.registers[slot], length = abi.registers[slot + 1];
    const value = new AddressOut();
    return (task) => {
      value.at = task.frame.num(start);
      value.lengthAt = task.frame.num(length);
      task.data.set(askedKey, value.lengthAt === 0 ? 0 : task.space.getU32(value.lengthAt) ?? 0);
      return value;
    };
  },
  format(abi: RowAbi, slot: number) {
    const start = abi.registers[slot], length = abi.registers[slot + 1];
    return (task, result) => {
      const at = task.frame.num(start), lengthAt = task.frame.num(length);
      const now = lengthAt === 0 ? undefined : task.space.getU32(lengthAt);
      const failed = result === undefined || result < 0;
      if (at === 0 || now === undefined || failed) {
        return `${pointer(at)}, ${now === undefined ? pointer(lengthAt) : `[${now}]`}`;
      }
      const before = task.data.find(askedKey) ?? now;
      const bytes = task.space.read(at, Math.min(now, before, LONGEST));
      const shown = bytes === undefined || bytes.length === 0 ? pointer(at) : addressText(bytes);
      return `${shown}, ${before === now ? `[${now}]` : `[${before} => ${now}]`}`;
    };
  },
};

const FAMILIES: Names = [[0, "AF_UNSPEC"], [1, "AF_UNIX"], [2, "AF_INET"], [10, "AF_INET6"], [
  16,
  "AF_NETLINK",
], [17, "AF_PACKET"]];

/** `AF_UNIX`. */
export const family: ArgType<number> = scalar(
  "int domain",
  (task, r) => task.frame.lo(r),
  (v) => choice(v, FAMILIES, "AF_???"),
);

const TYPES: Names = [
  [1, "SOCK_STREAM"],
  [2, "SOCK_DGRAM"],
  [3, "SOCK_RAW"],
  [4, "SOCK_RDM"],
  [5, "SOCK_SEQPACKET"],
  [10, "SOCK_PACKET"],
];
/** Flags beside the type. */
export const SOCK_CLOEXEC = 0o2000000, SOCK_NONBLOCK = 0o4000;
const TYPE_FLAGS: Names = [[SOCK_CLOEXEC, "SOCK_CLOEXEC"], [SOCK_NONBLOCK, "SOCK_NONBLOCK"]];

/** `SOCK_STREAM|SOCK_CLOEXEC`. */
export const socketType: ArgType<number> = scalar("int type", (task, r) => task.frame.lo(r), (v) => {
  const kind = choice(v & 0xf, TYPES, "SOCK_???");
  const rest = v & ~0xf;
  return rest === 0 ? kind : `${kind}|${flags(rest, TYPE_FLAGS, "SOCK_???")}`;
});

/** `SOCK_CLOEXEC|SOCK_NONBLOCK` of accept4. */
export const acceptFlags: ArgType<number> = scalar(
  "int flags",
  (task, r) => task.frame.lo(r),
  (v) => v === 0 ? "0" : flags(v, TYPE_FLAGS, "SOCK_???"),
);

const PROTOCOLS: Names = [[0, "IPPROTO_IP"], [1, "IPPROTO_ICMP"], [6, "IPPROTO_TCP"], [17, "IPPROTO_UDP"]];

/** The protocol, by name when the family before it is an inet one. */
export const protocol: ArgType<number> = {
  label: "int protocol",
  slots: 1,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task) => task.frame.lo(register);
  },
  format(abi: RowAbi, slot: number) {
    const register = abi.registers[slot], domain = abi.registers[0];
    return (task) => {
      const inet = task.frame.lo(domain) === 2 || task.frame.lo(domain) === 10;
      return inet
        ? choice(task.frame.lo(register), PROTOCOLS, "IPPROTO_???")
        : String(task.frame.lo(register));
    };
  },
};

// deno-fmt-ignore
/** Flags of send and receive. */
export const MSG_OOB = 1, MSG_PEEK = 2, MSG_CTRUNC = 8, MSG_TRUNC = 0x20, MSG_DONTWAIT = 0x40, MSG_WAITALL = 0x100,
  MSG_NOSIGNAL = 0x4000, MSG_CMSG_CLOEXEC = 0x40000000;

// deno-fmt-ignore
const MSG: Names = [
  [1, "MSG_OOB"], [2, "MSG_PEEK"], [4, "MSG_DONTROUTE"], [8, "MSG_CTRUNC"], [0x20, "MSG_TRUNC"], [0x40, "MSG_DONTWAIT"],
  [0x80, "MSG_EOR"], [0x100, "MSG_WAITALL"], [0x200, "MSG_FIN"], [0x4000, "MSG_NOSIGNAL"], [0x8000, "MSG_MORE"],
  [0x10000, "MSG_WAITFORONE"], [0x20000000, "MSG_FASTOPEN"], [0x40000000, "MSG_CMSG_CLOEXEC"],
];

/** Message flags as text. */
export function messageFlagsText(value: number): string {
  return value === 0 ? "0" : flags(value, MSG, "MSG_???");
}

/** `int flags` of send and receive. */
export const messageFlags: ArgType<number> = scalar(
  "int flags",
  (task, r) => task.frame.lo(r),
  messageFlagsText,
);

const HOW: Names = [[0, "SHUT_RD"], [1, "SHUT_WR"], [2, "SHUT_RDWR"]];

/** `SHUT_WR`. */
export const shutdownHow: ArgType<number> = scalar(
  "int how",
  (task, r) => task.frame.lo(r),
  (v) => choice(v, HOW, "SHUT_???"),
);

const LEVELS: Names = [[0, "SOL_IP"], [1, "SOL_SOCKET"], [6, "SOL_TCP"], [17, "SOL_UDP"], [41, "SOL_IPV6"]];
// deno-fmt-ignore
const SOCKET_OPTIONS: Names = [
  [1, "SO_DEBUG"], [2, "SO_REUSEADDR"], [3, "SO_TYPE"], [4, "SO_ERROR"], [5, "SO_DONTROUTE"], [6, "SO_BROADCAST"],
  [7, "SO_SNDBUF"], [8, "SO_RCVBUF"], [9, "SO_KEEPALIVE"], [10, "SO_OOBINLINE"], [12, "SO_PRIORITY"], [13, "SO_LINGER"],
  [15, "SO_REUSEPORT"], [16, "SO_PASSCRED"], [17, "SO_PEERCRED"], [18, "SO_RCVLOWAT"], [20, "SO_RCVTIMEO_OLD"],
  [21, "SO_SNDTIMEO_OLD"], [29, "SO_TIMESTAMP_OLD"], [30, "SO_ACCEPTCONN"], [38, "SO_PROTOCOL"], [39, "SO_DOMAIN"],
];
// deno-fmt-ignore
const TCP_OPTIONS: Names = [
  [1, "TCP_NODELAY"], [2, "TCP_MAXSEG"], [3, "TCP_CORK"], [4, "TCP_KEEPIDLE"], [5, "TCP_KEEPINTVL"], [6, "TCP_KEEPCNT"],
  [9, "TCP_DEFER_ACCEPT"], [12, "TCP_QUICKACK"], [18, "TCP_USER_TIMEOUT"], [23, "TCP_FASTOPEN"],
];
const IP_OPTIONS: Names = [[1, "IP_TOS"], [2, "IP_TTL"], [10, "IP_MTU_DISCOVER"], [11, "IP_RECVERR"]];
const IP6_OPTIONS: Names = [[26, "IPV6_V6ONLY"], [25, "IPV6_RECVERR"]];

/** `SOL_SOCKET, SO_REUSEADDR`. */
export function optionText(level: number, option: number): string {
  const names = level === 1
    ? SOCKET_OPTIONS
    : level === 6
    ? TCP_OPTIONS
    : level === 41
    ? IP6_OPTIONS
    : IP_OPTIONS;
  const prefix = level === 1 ? "SO_???" : level === 6 ? "TCP_???" : level === 41 ? "IPV6_???" : "IP_???";
  return `${choice(level, LEVELS, "SOL_???")}, ${choice(option, names, prefix)}`;
}

/** An option's value as strace shows it: a number in brackets, or its address. */
export function optionValueText(task: Task, address: number, length: number): string {
  if (address === 0) return "NULL";
  if (length < 4 || length > 16) return hex(address);
  const view = fields(task, address, length);
  if (view === undefined) return hex(address);
  if (length === 4) return `[${view.getInt32(0, true)}]`;
  if (length === 8) return `{l_onoff=${view.getInt32(0, true)}, l_linger=${view.getInt32(4, true)}}`;
  return hex(address);
}
