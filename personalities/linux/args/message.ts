/** struct msghdr and its control messages. */
import { type ArgType, EFAULT, EINVAL, EMSGSIZE, type Errno, type RowAbi, type Task } from "@guise/core";
import { addressText } from "../net/address.ts";
import { fields } from "./layout.ts";
import { type Segments, Vector } from "./iovec.ts";
import { messageFlagsText } from "./socket.ts";
import { buffer as bufferText, hex, pointer } from "./text.ts";

/** Bytes of struct msghdr, and of struct mmsghdr around it. */
export const MSGHDR = 56, MMSGHDR = 64;

/** Control message types of SOL_SOCKET. */
export const SCM_RIGHTS = 1, SCM_CREDENTIALS = 2;

/** A message header as the guest wrote it. */
export interface MessageHeader {
  readonly at: number;
  readonly name: number;
  readonly nameLength: number;
  readonly segments: Segments;
  readonly control: number;
  readonly controlLength: number;
}

const at64 = (view: DataView, offset: number): number =>
  view.getUint32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);

/** Reads a header and its vector: EFAULT, EMSGSIZE, EINVAL. */
export function readHeader(task: Task, at: number): MessageHeader | Errno {
  const view = fields(task, at, MSGHDR);
  if (view === undefined) return EFAULT;
  const vector = new Vector();
  vector.address = at64(view, 16);
  vector.count = at64(view, 24);
  if (vector.count > 1024) return EMSGSIZE;
  const segments = vector.load(task);
  if (typeof segments === "number") return segments;
  const nameLength = view.getInt32(8, true);
  if (nameLength < 0) return EINVAL;
  const name = at64(view, 0);
  return {
    at,
    name,
    nameLength: name === 0 ? 0 : nameLength,
    segments,
    control: at64(view, 32),
    controlLength: at64(view, 40),
  };
}

/** One control message. */
export interface ControlMessage {
  readonly level: number;
  readonly type: number;
  readonly data: DataView;
}

/** The control messages of a header: EFAULT, EINVAL. */
export function readControl(task: Task, header: MessageHeader): ControlMessage[] | Errno {
  if (header.controlLength === 0 || header.control === 0) return [];
  if (header.controlLength > 65536) return EINVAL;
  const view = fields(task, header.control, header.controlLength);
  if (view === undefined) return EFAULT;
  const messages: ControlMessage[] = [];
  for (let at = 0; at + 16 <= view.byteLength;) {
    const length = at64(view, at);
    if (length < 16 || at + length > view.byteLength) return EINVAL;
    const data = new DataView(view.buffer, view.byteOffset + at + 16, length - 16);
    messages.push({ level: view.getInt32(at + 8, true), type: view.getInt32(at + 12, true), data });
    at += length + 7 & ~7;
  }
  return messages;
}

/** Control messages under construction, as many as there is room for. */
export class ControlWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  used = 0;
  /** Something did not fit: MSG_CTRUNC. */
  truncated = false;
  constructor(room: number) {
    this.#bytes = new Uint8Array(Math.min(room, 65536));
    this.#view = new DataView(this.#bytes.buffer);
  }
  /** How many ints one message may still hold. */
  get ints(): number {
    return Math.max(0, Math.floor((this.#bytes.length - this.used - 16) / 4));
  }
  /** Adds a message of ints, cut where the room ends. */
  add(type: number, values: readonly number[]): void {
    const count = Math.min(values.length, this.ints);
    if (count < values.length) this.truncated = true;
    if (count === 0) return;
    const at = this.used, length = 16 + 4 * count;
    this.#view.setUint32(at, length, true);
    this.#view.setInt32(at + 8, 1, true);
    this.#view.setInt32(at + 12, type, true);
    for (let i = 0; i < count; i++) this.#view.setInt32(at + 16 + 4 * i, values[i], true);
    this.used = Math.min(length + 7 & ~7, this.#bytes.length);
  }
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.used);
  }
}

function headerText(task: Task, at: number, out: boolean, result: number | undefined): string {
  const view = fields(task, at, MSGHDR);
  if (view === undefined || (out && result === undefined)) return pointer(at);
  if (out && result! < 0) return `{msg_namelen=${view.getInt32(8, true)}}`;
  const name = at64(view, 0), nameLength = view.getInt32(8, true);
  const nameBytes = name === 0 || nameLength <= 0 || nameLength > 128
    ? undefined
    : task.space.read(name, nameLength);
  const count = at64(view, 24), vector = fields(task, at64(view, 16), Math.min(count, 32) * 16);
  let left = out ? result! : Infinity;
  const parts: string[] = [];
  for (let i = 0; vector !== undefined && i < Math.min(count, 32); i++) {
    const start = at64(vector, 16 * i), length = at64(vector, 16 * i + 8);
    parts.push(`{iov_base=${bufferText(task, start, Math.min(length, left))}, iov_len=${length}}`);
    left -= Math.min(length, left);
  }
  const control = at64(view, 32), controlLength = at64(view, 40);
  const shown = control === 0 || controlLength === 0
    ? ""
    : `msg_control=${controlText(task, control, controlLength)}, `;
  return `{msg_name=${
    nameBytes === undefined ? pointer(name) : addressText(nameBytes)
  }, msg_namelen=${nameLength}, ` +
    `msg_iov=[${parts.join(", ")}], msg_iovlen=${count}, ${shown}msg_controllen=${controlLength}, ` +
    `msg_flags=${messageFlagsText(view.getInt32(48, true))}}`;
}

function controlText(task: Task, at: number, length: number): string {
  const header: MessageHeader = {
    at: 0,
    name: 0,
    nameLength: 0,
    segments: { starts: [], lengths: [], total: 0 },
    control: at,
    controlLength: length,
  };
  const messages = readControl(task, header);
  if (typeof messages === "number") return hex(at);
  return `[${
    messages.map(({ type, data }) => {
      const values = Array.from({ length: data.byteLength >> 2 }, (_, i) => data.getInt32(4 * i, true));
      const names = type === SCM_RIGHTS
        ? "SCM_RIGHTS"
        : type === SCM_CREDENTIALS
        ? "SCM_CREDENTIALS"
        : hex(type);
      const text = type === SCM_CREDENTIALS
        ? `{pid=${values[0]}, uid=${values[1]}, gid=${values[2]}}`
        : `[${values.join(", ")}]`;
      return `{cmsg_len=${
        16 + data.byteLength
      }, cmsg_level=SOL_SOCKET, cmsg_type=${names}, cmsg_data=${text}}`;
    }).join(", ")
  }]`;
}

function headerType(out: boolean): ArgType<number> {
  return {
    label: "struct msghdr *msg",
    slots: 1,
    direction: out ? "out" : "in",
    compile(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task) => task.frame.num(register);
    },
    format(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task, result) => headerText(task, task.frame.num(register), out, result);
    },
  };
}

/** A message to send. */
export const inMessage: ArgType<number> = headerType(false);
/** A message to be filled. */
export const outMessage: ArgType<number> = headerType(true);
