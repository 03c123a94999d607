/** Directory entries: the two record formats of getdents, written into the guest's buffer and counted for the trace. */
import { type ArgType, type RowAbi, WRITE } from "@guise/core";
import type { Name } from "@guise/vfs/key";
import { accessible, Span } from "./buffer.ts";
import { hex, pointer } from "./text.ts";

/** Fills a buffer with entries. */
export class DirentWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #old: boolean;
  /** Bytes written. */
  used = 0;
  /** `bytes` is the guest's buffer; `old`: struct linux_dirent, with the type in its last byte. */
  constructor(bytes: Uint8Array, old: boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#old = old;
  }
  /** Adds one entry; false when there is no room for it. */
  add(name: Name, ino: number, type: number, next: number): boolean {
    const at = this.used, view = this.#view;
    const nameAt = at + (this.#old ? 18 : 19);
    const length = (nameAt - at + name.length + (this.#old ? 2 : 1) + 7) & ~7;
    if (at + length > this.#bytes.length) return false;
    view.setUint32(at, ino % 0x100000000, true);
    view.setUint32(at + 4, Math.floor(ino / 0x100000000), true);
    view.setUint32(at + 8, next % 0x100000000, true);
    view.setUint32(at + 12, Math.floor(next / 0x100000000), true);
    view.setUint16(at + 16, length, true);
    for (let i = 0; i < name.length; i++) this.#bytes[nameAt + i] = name.charCodeAt(i);
    this.#bytes.fill(0, nameAt + name.length, at + length);
    this.#bytes[this.#old ? at + length - 1 : at + 18] = type;
    this.used = at + length;
    return true;
  }
}

/** The buffer of getdents and getdents64. */
export const direntBuffer: ArgType<Span> = {
  label: "struct linux_dirent64 *dirp, unsigned int count",
  slots: 2,
  direction: "out",
  compile(abi: RowAbi, slot: number) {
    const start = abi.registers[slot], count = abi.registers[slot + 1];
    const span = new Span();
    return (task) => {
      span.address = task.frame.num(start);
      span.length = task.frame.lo(count) >>> 0;
      return span;
    };
  },
  format(abi: RowAbi, slot: number) {
    const start = abi.registers[slot], count = abi.registers[slot + 1];
    return (task, result) => {
      const at = task.frame.num(start), length = task.frame.lo(count) >>> 0;
      if (result === undefined || result < 0) return `${pointer(at)}, ${length}`;
      const bytes = task.space.read(at, result);
      if (bytes === undefined) return `${pointer(at)}, ${length}`;
      let entries = 0;
      for (let i = 0; i + 18 <= bytes.length; i += bytes[i + 16] | bytes[i + 17] << 8) entries++;
      return `${hex(at)} /* ${entries} entries */, ${length}`;
    };
  },
};

/** The writable part of the buffer. */
export function direntRoom(task: Parameters<Span["writable"]>[0], span: Span): number {
  return accessible(task, span.address, Math.min(span.length, 1 << 20), WRITE);
}
