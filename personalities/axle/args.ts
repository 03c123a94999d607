/**
 * Arguments of axle's calls. Its kernel uses pointers as they come, and a bad one is a page fault that ends the guest, not
 * an error number: a decoder answers {@link Bad} and the handler ends the guest.
 */
import {
  type ArgType,
  argType,
  type Formatter,
  hexText,
  quoted,
  READ,
  slotReader,
  type Task,
  WRITE,
} from "@guise/core";
import { NAME_BYTES, textOf } from "./state.ts";

/** A pointer that cannot be used that way. */
export class Bad {
  readonly address: number;
  readonly access: number;
  constructor(address: number, access: number) {
    this.address = address;
    this.access = access;
  }
}

/** A NUL-terminated string of at most `most` bytes; longer ones are cut. */
export function readText(task: Task, address: number, most: number): string | Bad {
  const bytes = task.space.cstring(address, most);
  if (typeof bytes !== "number") return textOf(bytes);
  const all = task.space.read(address, most);
  return all === undefined ? new Bad(address, READ) : textOf(all);
}

function text(label: string, most: number): ArgType<string | Bad | undefined> {
  return argType({
    label,
    decode: (raw, task) => raw === 0 ? undefined : readText(task, raw, most),
    text: (raw, task) => {
      const read = raw === 0 ? "" : readText(task, raw, most);
      return raw === 0 ? "NULL" : typeof read === "string" ? JSON.stringify(read) : hexText(raw);
    },
  });
}

/** A service's name; NULL is undefined. One of 64 bytes is too long (W5). */
export const name: ArgType<string | Bad | undefined> = text("const char *service", NAME_BYTES);
/** A message for people. */
export const message: ArgType<string | Bad | undefined> = text("const char *", 1024);

/** Where the address of a delivered message goes. */
export const out: ArgType<number | Bad> = argType({
  label: "amc_message_t **",
  direction: "out",
  decode: (raw, task) => task.space.check(raw, 8, WRITE) ? raw : new Bad(raw, WRITE),
  text: (raw, task, result) => {
    const at = result === undefined ? undefined : task.space.getNum64(raw);
    return at === undefined ? hexText(raw) : `[${messageText(task, at) ?? hexText(at)}]`;
  },
});

function messageText(task: Task, at: number): string | undefined {
  const header = task.space.read(at, 132);
  if (header === undefined) return undefined;
  const size = new DataView(header.buffer).getUint32(128, true);
  return `{source=${JSON.stringify(textOf(header.subarray(0, 64)))}, ${bodyText(task, at + 132, size)}}`;
}

/** The third discriminator (G5): the first u32 of a body. */
function bodyText(task: Task, at: number, size: number): string {
  const event = size >= 4 ? task.space.getU32(at) : undefined;
  return event === undefined ? `${size} bytes` : `event=${event}, ${size - 4} more bytes`;
}

/** Pointer and u32 length of bytes that the kernel reads. */
export interface Bytes {
  readonly address: number;
  readonly length: number;
}

function bytesArgument(
  label: string,
  show: (task: Task, at: number, length: number) => string,
): ArgType<Bytes> {
  return {
    label,
    slots: 2,
    direction: "in",
    compile(abi, slot) {
      const address = slotReader(abi, slot), register = abi.registers[slot + 1];
      return (task) => ({ address: address(task), length: task.frame.lo(register) >>> 0 });
    },
    format(abi, slot): Formatter {
      const address = slotReader(abi, slot), register = abi.registers[slot + 1];
      return (task) => {
        const length = task.frame.lo(register) >>> 0;
        return `${show(task, address(task), length)}, ${length}`;
      };
    },
  };
}

/** A message's body, printed with its event. */
export const body: ArgType<Bytes> = bytesArgument(
  "const void *, u32",
  (task, at, length) => `{${bodyText(task, at, length)}}`,
);
/** Text for the log. */
export const chars: ArgType<Bytes> = bytesArgument("const char *, int", (task, at, length) => {
  const shown = task.space.read(at, Math.min(length, 32));
  return shown === undefined ? hexText(at) : quoted(shown) + (length > 32 ? "..." : "");
});
