/** Bytes of C structures: little-endian numbers in a scratch buffer, and fields read back for the trace. */
import { EFAULT, type Errno, type Task } from "@guise/core";

/** A reused buffer in which a handler builds a structure before it is copied out at once. */
export class Scratch {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
  }
  /** All zero again. */
  clear(): this {
    this.bytes.fill(0);
    return this;
  }
  u16(offset: number, value: number): void {
    this.view.setUint16(offset, value, true);
  }
  u32(offset: number, value: number): void {
    this.view.setUint32(offset, value, true);
  }
  /** Signed or unsigned, up to 2^53. */
  u64(offset: number, value: number): void {
    this.view.setUint32(offset, value % 0x100000000, true);
    this.view.setInt32(offset + 4, Math.floor(value / 0x100000000), true);
  }
  /** A field of 4 or 8 bytes. */
  field(at: Field, value: number): void {
    if (at[1] === 8) this.u64(at[0], value);
    else this.u32(at[0], value);
  }
  /** Copies the first `length` bytes to the guest: 0 or EFAULT. */
  store(task: Task, address: number, length: number): 0 | Errno {
    return task.space.write(address, this.bytes.subarray(0, length)) ? 0 : EFAULT;
  }
}

/** Where a field is and how many bytes it has. */
export type Field = readonly [offset: number, bytes: 4 | 8];

/** A view of guest bytes by copy; undefined when not readable. */
export function fields(task: Task, address: number, length: number): DataView | undefined {
  const bytes = task.space.read(address, length);
  return bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A signed 64-bit number, rounded beyond 2^53. */
export function get64(view: DataView, offset: number): number {
  return view.getInt32(offset + 4, true) * 0x100000000 + view.getUint32(offset, true);
}

/** A field of 4 or 8 bytes, unsigned. */
export function getField(view: DataView, at: Field): number {
  return at[1] === 4
    ? view.getUint32(at[0], true)
    : view.getUint32(at[0] + 4, true) * 0x100000000 + view.getUint32(at[0], true);
}
