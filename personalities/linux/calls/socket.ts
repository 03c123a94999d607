/** Making, naming, connecting and setting sockets. What is sent and received is in message.ts. */
import {
  type ArgType,
  EACCES,
  EADDRINUSE,
  EAFNOSUPPORT,
  EAGAIN,
  EALREADY,
  ECONNREFUSED,
  EEXIST,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENOTCONN,
  ENOTSOCK,
  EOPNOTSUPP,
  EPROTONOSUPPORT,
  ERESTARTSYS,
  type Errno,
  ESOCKTNOSUPPORT,
  Failure,
  type Outcome,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
  wait,
} from "@guise/core";
import { mknodAt, O_NONBLOCK, type OpenFile, permission, S_IFSOCK } from "@guise/vfs/key";
import { AT_FDCWD } from "../args/path.ts";
import { fd } from "../args/fd.ts";
import { int } from "../args/scalar.ts";
import {
  acceptFlags,
  type AddressIn,
  AddressOut,
  family as familyArg,
  inAddress,
  optionText,
  optionValueText,
  outAddress,
  protocol as protocolArg,
  shutdownHow,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  socketType,
} from "../args/socket.ts";
import { hex } from "../args/text.ts";
import { CAP_NET_BIND_SERVICE, credentialsKey } from "../credentials.ts";
import { callerOf, tableOf } from "../files.ts";
import { type Address, AF_INET, AF_INET6, AF_UNIX, UNNAMED } from "../net/address.ts";
import type { Sender } from "../net/inbox.ts";
import { networkOf } from "../net/network.ts";
import { SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM, SocketFile } from "../net/socket.ts";
import type { Rows } from "../rows.ts";
import { processOf } from "../state.ts";
import { outPair } from "./descriptor.ts";
import { install, locate } from "./open.ts";
import { getOption, setOption } from "./socket_option.ts";
import { blocks } from "./transfer.ts";

/** A descriptor that is a socket: EBADF, ENOTSOCK. */
export const socketFd: ArgType<SocketFile> = {
  ...fd as unknown as ArgType<SocketFile>,
  compile(abi: RowAbi, slot: number) {
    const open = fd.compile(abi, slot);
    const other = Failure.of(ENOTSOCK);
    return (task) => {
      const file: OpenFile | Failure = open(task);
      return file instanceof Failure || file instanceof SocketFile ? file : other;
    };
  },
};

/** The calling process as others see it. */
export function senderOf(task: Task): Sender {
  const { uid, gid } = task.data.get(credentialsKey);
  return { pid: processOf(task).pid, uid, gid };
}

function make(task: Task, family: number, type: number, protocol: number): SocketFile | Errno {
  const kind = type & 0xf;
  if (type & ~(0xf | SOCK_CLOEXEC | SOCK_NONBLOCK)) return EINVAL;
  const flags = type & SOCK_NONBLOCK ? O_NONBLOCK : 0;
  switch (family) {
    case AF_UNIX:
      if (protocol !== 0 && protocol !== 1) return EPROTONOSUPPORT;
      // SOCK_RAW means datagrams there.
      if (kind !== SOCK_STREAM && kind !== SOCK_DGRAM && kind !== SOCK_SEQPACKET && kind !== 3) {
        return ESOCKTNOSUPPORT;
      }
      return new SocketFile(
        callerOf(task),
        networkOf(task.kernel),
        family,
        kind === 3 ? SOCK_DGRAM : kind,
        0,
        flags,
      );
    case AF_INET:
    case AF_INET6: {
      if (kind !== SOCK_STREAM && kind !== SOCK_DGRAM) return ESOCKTNOSUPPORT;
      const own = kind === SOCK_STREAM ? 6 : 17;
      if (protocol !== 0 && protocol !== own) return EPROTONOSUPPORT;
      return new SocketFile(callerOf(task), networkOf(task.kernel), family, kind, own, flags);
    }
    default:
      return EAFNOSUPPORT;
  }
}

export const socket: Syscall = syscall({
  name: "socket",
  doc: "A socket: AF_UNIX, or AF_INET and AF_INET6 over loopback.",
  args: { family: familyArg, type: socketType, protocol: protocolArg },
  support: "partial",
  note: "no host network, no raw and netlink sockets",
  run: (task, { family, type, protocol }) => {
    const made = make(task, family, type, protocol);
    return typeof made === "number" ? made : install(task, made, (type & SOCK_CLOEXEC) !== 0);
  },
});

export const socketpair: Syscall = syscall({
  name: "socketpair",
  doc: "Two connected AF_UNIX sockets.",
  args: { family: familyArg, type: socketType, protocol: protocolArg, pair: outPair },
  run: (task, { family, type, protocol, pair }) => {
    const a = make(task, family, type, protocol);
    if (typeof a === "number") return a;
    if (family !== AF_UNIX) {
      a.unref();
      return EOPNOTSUPP;
    }
    const b = make(task, family, type, protocol) as SocketFile;
    SocketFile.join(a, b);
    a.peerCredentials = b.peerCredentials = senderOf(task);
    const cloexec = (type & SOCK_CLOEXEC) !== 0;
    const first = install(task, a, cloexec);
    if (first < 0) {
      b.unref();
      return first;
    }
    const second = install(task, b, cloexec);
    if (second < 0) {
      tableOf(task).close(first);
      return second;
    }
    if (task.space.setU32(pair, first) && task.space.setU32(pair + 4, second)) return 0;
    tableOf(task).close(first);
    tableOf(task).close(second);
    return EFAULT;
  },
});

/** An unused abstract name, as autobind gives it: five hexadecimal digits. */
function autoName(task: Task): string {
  const { abstract } = networkOf(task.kernel);
  for (let n = 1;; n++) {
    const name = "\0" + n.toString(16).padStart(5, "0");
    if (!abstract.has(name)) return name;
  }
}

function bindUnix(task: Task, file: SocketFile, address: Address & { readonly family: 1 }): number | Errno {
  const network = networkOf(task.kernel);
  if (file.local !== undefined) {
    // A name that is taken is met before the address that the socket has.
    const named = address.path !== "" && !address.path.startsWith("\0");
    return named && typeof locate(task, AT_FDCWD, address.path, 0) !== "number" ? EADDRINUSE : EINVAL;
  }
  const path = address.path === "" ? autoName(task) : address.path;
  if (path.startsWith("\0")) {
    if (network.abstract.has(path)) return EADDRINUSE;
    network.abstract.set(path, file);
  } else {
    const made = mknodAt(callerOf(task), undefined, path, S_IFSOCK | 0o777);
    if (typeof made === "number") return made === EEXIST ? EADDRINUSE : made;
    network.files.set(made.inode, file);
  }
  file.local = { family: AF_UNIX, path };
  return 0;
}

export const bind: Syscall = syscall({
  name: "bind",
  doc: "Gives a socket its address.",
  args: { file: socketFd, address: inAddress },
  run: (task, { file, address }) => {
    const wanted = address.load(task);
    if (typeof wanted === "number") return wanted;
    if (wanted.family !== file.family) return file.family === AF_UNIX ? EINVAL : EAFNOSUPPORT;
    if (wanted.family === AF_UNIX) return bindUnix(task, file, wanted);
    if (file.local !== undefined) return EINVAL;
    if (wanted.port !== 0 && wanted.port < 1024 && !callerOf(task).cred.capable(CAP_NET_BIND_SERVICE)) {
      return EACCES;
    }
    return file.bindInet(wanted);
  },
});

export const listen: Syscall = syscall({
  name: "listen",
  doc: "Lets a socket take connections.",
  args: { file: socketFd, backlog: int },
  run: (task, { file, backlog }) => file.listen(backlog < 0 ? 4096 : backlog, senderOf(task)),
});

/** The socket that a name in the file system leads to; undefined for other addresses. */
export function namedSocket(task: Task, address: Address): SocketFile | undefined | Errno {
  if (address.family !== AF_UNIX || address.path.startsWith("\0")) return undefined;
  if (address.path === "") return EINVAL;
  const at = locate(task, AT_FDCWD, address.path, 0);
  if (typeof at === "number") return at;
  const may = permission(at.inode, callerOf(task).cred, 2);
  if (may !== 0) return may;
  return networkOf(task.kernel).files.get(at.inode) ?? ECONNREFUSED;
}

function connectSocket(task: Task, file: SocketFile, address: AddressIn): Outcome {
  const family = address.length >= 2 ? task.space.read(address.at, 2) : undefined;
  if (address.length >= 2 && family === undefined) return EFAULT;
  if (family !== undefined && family[0] === 0 && family[1] === 0 && !file.connecting) {
    file.disconnect();
    return 0;
  }
  const wanted = address.load(task);
  if (typeof wanted === "number") return wanted;
  if (wanted.family !== file.family) return file.family === AF_UNIX ? EINVAL : EAFNOSUPPORT;
  if (file.listening) return file.family === AF_UNIX ? EINVAL : EISCONN;
  if (file.connected && file.connecting) {
    // A local name is looked up first.
    const named = namedSocket(task, wanted);
    return typeof named === "number" ? named : EISCONN;
  }
  if (file.pendingError !== 0 && file.connecting) return file.takeError();
  return connectTo(task, file, wanted);
}

function connectTo(task: Task, file: SocketFile, wanted: Address): Outcome {
  const named = namedSocket(task, wanted);
  if (typeof named === "number") return named;
  if (!file.connecting) return connectDatagram(file, wanted, named);
  const target = file.target(wanted, named);
  if (typeof target === "number") {
    // A refusal comes later to who does not wait.
    if (blocks(file) || file.family === AF_UNIX || target !== ECONNREFUSED) return target;
    file.failLater(target);
    return EINPROGRESS;
  }
  const result = file.connectTo(target, wanted, senderOf(task));
  if (result === EAGAIN) {
    if (!blocks(file)) return file.family === AF_UNIX ? EAGAIN : EALREADY;
    return wait([target.queue], Infinity, (again, reason) => {
      return reason === "signal" ? ERESTARTSYS : connectTo(again, file, wanted);
    });
  }
  if (result !== 0) return result;
  return blocks(file) || file.family === AF_UNIX ? 0 : EINPROGRESS;
}

/** Datagram sockets only remember whom they talk to. */
function connectDatagram(file: SocketFile, wanted: Address, named: SocketFile | undefined): number | Errno {
  if (wanted.family === AF_UNIX) {
    const target = file.target(wanted, named);
    if (typeof target === "number") return target;
    file.peer = target;
  } else {
    const bound = file.autobind();
    if (bound !== 0) return bound;
  }
  file.remote = wanted;
  file.connected = true;
  return 0;
}

export const connect: Syscall = syscall({
  name: "connect",
  doc: "Connects a socket to an address of this machine.",
  args: { file: socketFd, address: inAddress },
  run: (task, { file, address }) => connectSocket(task, file, address),
});

function acceptOn(
  task: Task,
  file: SocketFile,
  store: (task: Task, address: Address) => number | Errno,
  flags: number,
): Outcome {
  if (!file.connecting) return EOPNOTSUPP;
  const made = file.accept();
  if (made === EAGAIN && blocks(file)) {
    const deadline = file.receiveTimeout === 0
      ? Infinity
      : task.kernel.clock.monotonic() + file.receiveTimeout;
    return wait([file.queue], deadline, (again, reason) => {
      if (reason === "ready") return acceptOn(again, file, store, flags);
      return reason === "timeout" ? EAGAIN : ERESTARTSYS;
    });
  }
  if (typeof made === "number") return made;
  if (flags & SOCK_NONBLOCK) made.flags |= O_NONBLOCK;
  const stored = store(task, made.remote ?? UNNAMED);
  if (stored !== 0) {
    made.unref();
    return stored;
  }
  return install(task, made, (flags & SOCK_CLOEXEC) !== 0);
}

export const accept: Syscall = syscall({
  name: "accept",
  doc: "The next connection of a listening socket.",
  args: { file: socketFd, address: outAddress },
  run: (task, { file, address }) => acceptOn(task, file, keep(address), 0),
});

export const accept4: Syscall = syscall({
  name: "accept4",
  doc: "accept with SOCK_NONBLOCK and SOCK_CLOEXEC.",
  args: { file: socketFd, address: outAddress, flags: acceptFlags },
  run: (task, { file, address, flags }) =>
    flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC) ? EINVAL : acceptOn(task, file, keep(address), flags),
});

/** Stores into an address argument when its row's object may hold another's. */
function keep(out: AddressOut): (task: Task, address: Address) => number | Errno {
  const own = new AddressOut();
  own.at = out.at;
  own.lengthAt = out.lengthAt;
  return (task, address) => own.store(task, address);
}

export const getsockname: Syscall = syscall({
  name: "getsockname",
  doc: "A socket's own address.",
  args: { file: socketFd, address: outAddress },
  run: (task, { file, address }) => {
    if (file.local !== undefined || file.family === AF_UNIX) {
      return address.store(task, file.local ?? UNNAMED);
    }
    return address.store(task, {
      family: file.family,
      port: 0,
      ip: new Array<number>(file.family === AF_INET ? 4 : 16).fill(0),
    });
  },
});

export const getpeername: Syscall = syscall({
  name: "getpeername",
  doc: "The address that a socket is connected to.",
  args: { file: socketFd, address: outAddress },
  run: (task, { file, address }) => file.connected ? address.store(task, file.remote ?? UNNAMED) : ENOTCONN,
});

export const shutdown: Syscall = syscall({
  name: "shutdown",
  doc: "Ends one direction of a connection, or both.",
  args: { file: socketFd, how: shutdownHow },
  run: (_task, { file, how }) => file.shutdown(how),
});

interface Option {
  level: number;
  option: number;
  value: number;
  /** A length, or the address of one. */
  length: number;
}

/** `SOL_SOCKET, SO_REUSEADDR, [1], 4`: one argument of four slots. */
function optionType(out: boolean): ArgType<Option> {
  return {
    label: out
      ? "int level, int optname, void *optval, socklen_t *optlen"
      : "int level, int optname, const void *optval, socklen_t optlen",
    slots: 4,
    direction: out ? "out" : "in",
    compile(abi: RowAbi, slot: number) {
      const [level, option, value, length] = abi.registers.slice(slot, slot + 4);
      const decoded: Option = { level: 0, option: 0, value: 0, length: 0 };
      return ({ frame }) => {
        decoded.level = frame.lo(level);
        decoded.option = frame.lo(option);
        decoded.value = frame.num(value);
        decoded.length = out ? frame.num(length) : frame.lo(length);
        return decoded;
      };
    },
    format(abi: RowAbi, slot: number) {
      const [level, option, value, length] = abi.registers.slice(slot, slot + 4);
      return (task, result) => {
        const { frame } = task;
        const names = optionText(frame.lo(level), frame.lo(option)), at = frame.num(value);
        if (!out) return `${names}, ${optionValueText(task, at, frame.lo(length))}, ${frame.lo(length)}`;
        const n = task.space.getU32(frame.num(length));
        if (n === undefined || result === undefined || result < 0) {
          return `${names}, ${hex(at)}, ${n === undefined ? hex(frame.num(length)) : `[${n}]`}`;
        }
        return `${names}, ${optionValueText(task, at, n)}, [${n}]`;
      };
    },
  };
}

export const setsockopt: Syscall = syscall({
  name: "setsockopt",
  doc: "Sets an option of a socket.",
  args: { file: socketFd, option: optionType(false) },
  support: "partial",
  note: "options without a meaning over loopback are kept and told",
  run: (task, { file, option }) => {
    if (option.length < 0) return EINVAL;
    const bytes = task.space.read(option.value, Math.min(option.length, 256));
    return bytes === undefined ? EFAULT : setOption(file, option.level, option.option, bytes);
  },
});

export const getsockopt: Syscall = syscall({
  name: "getsockopt",
  doc: "An option of a socket.",
  args: { file: socketFd, option: optionType(true) },
  run: (task, { file, option }) => {
    const room = task.space.getU32(option.length);
    if (room === undefined) return EFAULT;
    if ((room | 0) < 0) return EINVAL;
    const bytes = getOption(file, option.level, option.option);
    if (typeof bytes === "number") return bytes;
    const shown = bytes.subarray(0, room);
    return task.space.write(option.value, shown) && task.space.setU32(option.length, shown.length)
      ? 0
      : EFAULT;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[41, 198], socket],
  [[53, 199], socketpair],
  [[49, 200], bind],
  [[50, 201], listen],
  [[42, 203], connect],
  [[43, 202], accept],
  [[288, 242], accept4],
  [[51, 204], getsockname],
  [[52, 205], getpeername],
  [[48, 210], shutdown],
  [[54, 208], setsockopt],
  [[55, 209], getsockopt],
];
