/** Sending and receiving on sockets: sendto, recvfrom, sendmsg, recvmsg and their plural forms. */
import {
  EAFNOSUPPORT,
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
  ERESTARTSYS,
  type Errno,
  type Outcome,
  READ,
  type Syscall,
  syscall,
  type Task,
  wait,
  type WakeReason,
} from "@guise/core";
import type { OpenFile } from "@guise/vfs/key";
import { accessible, inBuffer, MAX_RW, outBuffer } from "../args/buffer.ts";
import type { Segments } from "../args/iovec.ts";
import {
  ControlWriter,
  inMessage,
  type MessageHeader,
  MMSGHDR,
  outMessage,
  readControl,
  readHeader,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
} from "../args/message.ts";
import { address, unsignedInt } from "../args/scalar.ts";
import {
  AddressIn,
  AddressOut,
  inAddress,
  messageFlags,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  outAddress,
} from "../args/socket.ts";
import { tableOf } from "../files.ts";
import { type Address, AF_UNIX, encodeAddress } from "../net/address.ts";
import type { Received, Sender } from "../net/inbox.ts";
import type { SocketFile } from "../net/socket.ts";
import type { Rows } from "../rows.ts";
import { SIGPIPE } from "../signals/numbers.ts";
import { sendSignal } from "../signals/send.ts";
import { deadlineIn, readTime, validTime } from "../time/clocks.ts";
import { namedSocket, senderOf, socketFd } from "./socket.ts";
import { blocks } from "./transfer.ts";

/** Bytes that are moved through one buffer at a time. */
const PIECE = 1 << 18;

/** Copies a vector's bytes out of the guest, from `skip` on: EFAULT. */
function gather(task: Task, { starts, lengths, total }: Segments, skip: number): Uint8Array | Errno {
  const bytes = new Uint8Array(Math.min(total - skip, PIECE));
  let used = 0;
  for (let i = 0; i < starts.length && used < bytes.length; i++) {
    if (skip >= lengths[i]) {
      skip -= lengths[i];
      continue;
    }
    const want = Math.min(lengths[i] - skip, bytes.length - used);
    const room = accessible(task, starts[i] + skip, want, READ);
    if (room > 0) bytes.set(task.space.bytes(starts[i] + skip, room), used);
    used += room;
    if (room < want) return used > 0 ? bytes.subarray(0, used) : EFAULT;
    skip = 0;
  }
  return bytes;
}

/** Copies bytes into a vector from `skip` on: EFAULT. */
function scatter(task: Task, { starts, lengths }: Segments, skip: number, bytes: Uint8Array): 0 | Errno {
  let used = 0;
  for (let i = 0; i < starts.length && used < bytes.length; i++) {
    if (skip >= lengths[i]) {
      skip -= lengths[i];
      continue;
    }
    const part = bytes.subarray(used, used + lengths[i] - skip);
    if (!task.space.write(starts[i] + skip, part)) return EFAULT;
    used += part.length;
    skip = 0;
  }
  return 0;
}

interface Sending {
  readonly file: SocketFile;
  readonly segments: Segments;
  readonly to: { readonly address: Address; readonly file: SocketFile | undefined } | undefined;
  readonly files: readonly OpenFile[];
  readonly sender: Sender;
  readonly flags: number;
}

/** Waits for a socket unless it may not; the deadline is SO_RCVTIMEO's or SO_SNDTIMEO's. */
function orWait(
  task: Task,
  file: SocketFile,
  flags: number,
  timeout: number,
  done: number,
  again: (task: Task) => Outcome,
  queue = file.queue,
): Outcome {
  if (!blocks(file) || flags & MSG_DONTWAIT) return done > 0 ? done : EAGAIN;
  const deadline = timeout === 0 ? Infinity : task.kernel.clock.monotonic() + timeout;
  return wait([queue], deadline, (later, reason) => {
    if (reason === "ready") return again(later);
    if (done > 0) return done;
    return reason === "timeout" ? EAGAIN : ERESTARTSYS;
  });
}

function pump(task: Task, s: Sending, done: number): Outcome {
  const { file, segments, flags } = s;
  for (;;) {
    const bytes = gather(task, segments, done);
    if (typeof bytes === "number") return done > 0 ? done : bytes;
    if (!file.stream && bytes.length < segments.total) return segments.total > PIECE ? EMSGSIZE : EFAULT;
    const n = file.send(bytes, done === 0 ? s.files : [], s.to, s.sender);
    if (n === EPIPE && (flags & MSG_NOSIGNAL) === 0 && file.stream) sendSignal(task, SIGPIPE);
    if (n === EAGAIN || (n >= 0 && n < bytes.length)) {
      if (n > 0) done += n;
      // A full receiver wakes the sender when it has read; a datagram's receiver is watched itself.
      const target = file.stream ? undefined : s.to?.file ?? file.peer;
      return orWait(
        task,
        file,
        flags,
        file.sendTimeout,
        done,
        (again) => pump(again, s, done),
        target?.queue,
      );
    }
    if (n < 0) return done > 0 ? done : n;
    done += n;
    if (done >= segments.total || bytes.length === 0) return done;
  }
}

/** The address to send to, or why not. */
function destination(task: Task, file: SocketFile, to: Address | undefined): Sending["to"] | Errno {
  if (to === undefined) return undefined;
  if (file.connecting && file.family === AF_UNIX) return file.connected ? EISCONN : EOPNOTSUPP;
  if (file.connecting) return undefined;
  if (to.family !== file.family) return file.family === AF_UNIX ? EINVAL : EAFNOSUPPORT;
  const named = namedSocket(task, to);
  if (typeof named === "number") return named;
  if (to.family === AF_UNIX) {
    const target = file.target(to, named);
    if (typeof target === "number") return target;
    return { address: to, file: target };
  }
  return { address: to, file: undefined };
}

function oneSegment(start: number, length: number): Segments {
  return { starts: [start], lengths: [length], total: length };
}

function sendOne(
  task: Task,
  file: SocketFile,
  to: AddressIn | undefined,
  segments: Segments,
  flags: number,
): Outcome {
  if (flags & MSG_OOB) return EOPNOTSUPP;
  const address = to === undefined || to.at === 0 ? undefined : to.load(task);
  if (typeof address === "number") return address;
  const where = destination(task, file, address);
  if (typeof where === "number") return where;
  return pump(task, { file, segments, to: where, files: [], sender: senderOf(task), flags }, 0);
}

export const sendto: Syscall = syscall({
  name: "sendto",
  doc: "Sends to a socket's peer or to an address.",
  args: { file: socketFd, buf: inBuffer, flags: messageFlags, to: inAddress },
  run: (task, { file, buf, flags, to }) =>
    sendOne(task, file, to, oneSegment(buf.address, buf.length), flags),
});

/** What the control messages of a send ask for. */
function outgoing(task: Task, header: MessageHeader): { files: OpenFile[]; sender: Sender } | Errno {
  const messages = readControl(task, header);
  if (typeof messages === "number") return messages;
  const files: OpenFile[] = [];
  let sender = senderOf(task);
  for (const { level, type, data } of messages) {
    if (level !== 1) continue;
    if (type === SCM_RIGHTS) {
      for (let i = 0; i + 4 <= data.byteLength; i += 4) {
        const file = tableOf(task).get(data.getInt32(i, true));
        if (file === undefined) return EBADF;
        files.push(file);
      }
      if (files.length > 253) return EINVAL;
    } else if (type === SCM_CREDENTIALS && data.byteLength >= 12) {
      const [pid, uid, gid] = [0, 4, 8].map((i) => data.getInt32(i, true));
      const free = sender.uid === 0;
      if (!free && (pid !== sender.pid || uid !== sender.uid || gid !== sender.gid)) return EPERM;
      sender = { pid, uid, gid };
    } else return EINVAL;
  }
  return { files, sender };
}

function sendMessage(task: Task, file: SocketFile, at: number, flags: number): Outcome {
  if (flags & MSG_OOB) return EOPNOTSUPP;
  const header = readHeader(task, at);
  if (typeof header === "number") return header;
  const asked = outgoing(task, header);
  if (typeof asked === "number") return asked;
  let where: Sending["to"];
  if (header.name !== 0 && header.nameLength > 0) {
    const to = new AddressIn();
    to.at = header.name;
    to.length = header.nameLength;
    const address = to.load(task);
    if (typeof address === "number") return address;
    const found = destination(task, file, address);
    if (typeof found === "number") return found;
    where = found;
  }
  return pump(task, { file, segments: header.segments, to: where, ...asked, flags }, 0);
}

export const sendmsg: Syscall = syscall({
  name: "sendmsg",
  doc: "Sends a vector, with an address, descriptors and credentials.",
  args: { file: socketFd, message: inMessage, flags: messageFlags },
  run: (task, { file, message, flags }) => sendMessage(task, file, message, flags),
});

interface Receiving {
  readonly file: SocketFile;
  readonly segments: Segments;
  readonly flags: number;
  /** Takes what came along; its number is the call's result. */
  readonly end: (task: Task, got: Received, count: number) => number | Errno;
}

const nothing: Received = { count: 0, whole: 0, from: undefined, sender: undefined, files: [] };

function pull(task: Task, r: Receiving, done: number, first: Received): Outcome {
  const { file, segments, flags } = r;
  if (flags & MSG_OOB) return EINVAL;
  const into = new Uint8Array(Math.min(segments.total - done, file.stream ? PIECE : MAX_RW));
  if (into.length === 0 && file.stream) return r.end(task, first, done);
  const got = file.receive(into, (flags & MSG_PEEK) !== 0);
  if (got === EAGAIN) {
    return orWait(task, file, flags, file.receiveTimeout, done, (again) => pull(again, r, done, first));
  }
  if (typeof got === "number") return done > 0 ? done : got;
  const failed = scatter(task, segments, done, into.subarray(0, got.count));
  if (failed !== 0) {
    for (const other of got.files) other.unref();
    return failed;
  }
  const kept = done === 0 ? got : first;
  done += got.count;
  const more = file.stream && (flags & MSG_WAITALL) !== 0 && (flags & MSG_PEEK) === 0 && got.count > 0;
  if (more && done < segments.total && got.files.length === 0) return pull(task, r, done, kept);
  return r.end(task, kept, done);
}

export const recvfrom: Syscall = syscall({
  name: "recvfrom",
  doc: "Receives from a socket, and tells from where.",
  args: { file: socketFd, buf: outBuffer, flags: messageFlags, from: outAddress },
  run: (task, { file, buf, flags, from }) => {
    const store = fromAddress(file, from);
    return pull(
      task,
      {
        file,
        segments: oneSegment(buf.address, buf.length),
        flags,
        end: (again, got, count) => {
          for (const other of got.files) other.unref();
          const stored = store(again, got);
          if (stored !== 0) return stored;
          return !file.stream && flags & MSG_TRUNC ? got.whole : count;
        },
      },
      0,
      nothing,
    );
  },
});

/** Stores the sender's address: of connections there is none. */
function fromAddress(file: SocketFile, from: AddressOut): (task: Task, got: Received) => 0 | Errno {
  const own = new AddressOut();
  own.at = from.at;
  own.lengthAt = from.lengthAt;
  return (task, got) => own.store(task, file.connecting ? undefined : shown(got.from));
}

/** An unbound sender has no address at all. */
function shown(from: Address | undefined): Address | undefined {
  return from === undefined || (from.family === AF_UNIX && from.path === "") ? undefined : from;
}

function receiveMessage(task: Task, file: SocketFile, at: number, flags: number): Outcome {
  const header = readHeader(task, at);
  if (typeof header === "number") return header;
  return pull(
    task,
    {
      file,
      segments: header.segments,
      flags,
      end: (again, got, count) => finishMessage(again, file, header, flags, got, count),
    },
    0,
    nothing,
  );
}

function finishMessage(
  task: Task,
  file: SocketFile,
  header: MessageHeader,
  flags: number,
  got: Received,
  count: number,
): number | Errno {
  const { space } = task;
  let told = flags & MSG_CMSG_CLOEXEC;
  if (!file.stream && got.whole > got.count) told |= MSG_TRUNC;
  const control = new ControlWriter(header.control === 0 ? 0 : header.controlLength);
  if (file.passCredentials && got.sender !== undefined) {
    const { pid, uid, gid } = got.sender;
    control.add(SCM_CREDENTIALS, [pid, uid, gid]);
  }
  if (got.files.length > 0) {
    const room = control.ints;
    const fds: number[] = [];
    got.files.forEach((other, i) => {
      const fd = i < room ? tableOf(task).add(other, (flags & MSG_CMSG_CLOEXEC) !== 0) : EBADF;
      if (fd < 0) {
        other.unref();
        control.truncated = true;
      } else fds.push(fd);
    });
    control.add(SCM_RIGHTS, fds);
  }
  if (control.truncated) told |= MSG_CTRUNC;
  if (control.used > 0 && !space.write(header.control, control.bytes)) return EFAULT;
  let nameLength = 0;
  const from = file.connecting ? undefined : shown(got.from);
  if (header.name !== 0 && from !== undefined) {
    const bytes = encodeAddress(from);
    if (!space.write(header.name, bytes.subarray(0, header.nameLength))) return EFAULT;
    nameLength = bytes.length;
  }
  const stored = space.setU32(header.at + 8, nameLength) && space.setNum64(header.at + 40, control.used) &&
    space.setU32(header.at + 48, told);
  if (!stored) return EFAULT;
  return !file.stream && flags & MSG_TRUNC ? got.whole : count;
}

export const recvmsg: Syscall = syscall({
  name: "recvmsg",
  doc: "Receives into a vector, with the sender's address, descriptors and credentials.",
  args: { file: socketFd, message: outMessage, flags: messageFlags },
  run: (task, { file, message, flags }) => receiveMessage(task, file, message, flags),
});

/** Does `one` for each element of a vector of mmsghdr; what was done before a wait or an error counts. */
function each(
  task: Task,
  at: number,
  count: number,
  one: (task: Task, at: number, first: boolean) => Outcome,
  from = 0,
): Outcome {
  for (let i = from; i < Math.min(count, 1024); i++) {
    const outcome = one(task, at + i * MMSGHDR, i === 0);
    if (typeof outcome !== "number") {
      if (i > 0 || outcome.kind !== "wait") return i;
      const then = outcome.then!;
      return {
        ...outcome,
        then: (again: Task, reason: WakeReason) => {
          const first = then(again, reason);
          if (typeof first !== "number") return first;
          if (first < 0) return first;
          if (!again.space.setU32(at + 56, first)) return EFAULT;
          return each(again, at, count, one, 1);
        },
      };
    }
    if (outcome < 0) return i > 0 ? i : outcome;
    if (!task.space.setU32(at + i * MMSGHDR + 56, outcome)) return EFAULT;
  }
  return Math.min(count, 1024);
}

export const sendmmsg: Syscall = syscall({
  name: "sendmmsg",
  doc: "Sends several messages.",
  args: { file: socketFd, messages: address, count: unsignedInt, flags: messageFlags },
  run: (task, { file, messages, count, flags }) =>
    each(
      task,
      messages,
      count,
      (t, at, first) => sendMessage(t, file, at, first ? flags : flags | MSG_DONTWAIT),
    ),
});

const MSG_WAITFORONE = 0x10000;

export const recvmmsg: Syscall = syscall({
  name: "recvmmsg",
  doc: "Receives several messages; the first may wait.",
  args: { file: socketFd, messages: address, count: unsignedInt, flags: messageFlags, timeout: address },
  support: "partial",
  note: "waits for the first message only, as with MSG_WAITFORONE",
  run: (task, { file, messages, count, flags, timeout }) => {
    if (timeout !== 0) {
      const span = readTime(task, timeout);
      if (span === undefined) return EFAULT;
      if (!validTime(span) || deadlineIn(task, span[0], span[1]) < 0) return EINVAL;
    }
    const own = flags & ~MSG_WAITFORONE;
    return each(
      task,
      messages,
      count,
      (t, at, first) => receiveMessage(t, file, at, first ? own : own | MSG_DONTWAIT),
    );
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[44, 206], sendto],
  [[45, 207], recvfrom],
  [[46, 211], sendmsg],
  [[47, 212], recvmsg],
  [[307, 269], sendmmsg],
  [[299, 243], recvmmsg],
];
