/** Streams without a descriptor: open_memstream, fmemopen, fopencookie. */
import { invoke, type Outcome, type Task } from "@guise/core";
import { arg, type Calls, type DirectCall, fail, text } from "../direct.ts";
import { machineOf } from "../machine.ts";
import { osvOf } from "../state.ts";
import { modeFlags } from "./stdio.ts";
import type { Device, Done, Stream } from "./streams.ts";

const EINVAL = -22, EFAULT = -14, ENOMEM = -12, ENOSPC = -28;

/** Where a seek leads; undefined before the start. */
function target(at: number, end: number, offset: number, whence: number): number | undefined {
  const place = offset + (whence === 1 ? at : whence === 2 ? end : 0);
  return whence >= 0 && whence <= 2 && place >= 0 ? place : undefined;
}

/** open_memstream: a block of the heap that grows; the program's two variables tell it after each flush. */
class Growing implements Device {
  readonly #pointer: number;
  readonly #size: number;
  #block = 0;
  #room = 0;
  #at = 0;
  #length = 0;
  constructor(pointer: number, size: number) {
    this.#pointer = pointer;
    this.#size = size;
  }
  /** Makes room for `length` bytes and a NUL, and tells the program. */
  tell(task: Task): boolean {
    const { heap } = osvOf(task), { space } = task;
    if (this.#length + 1 > this.#room) {
      const room = Math.max(128, 2 * this.#room, this.#length + 1);
      const block = heap.allocate(room);
      if (block === 0) return false;
      space.write(block, new Uint8Array(room));
      const old = this.#block === 0 ? undefined : space.read(this.#block, this.#room);
      if (old !== undefined) space.write(block, old);
      heap.release(this.#block);
      this.#block = block;
      this.#room = room;
    }
    space.write(this.#block + this.#length, new Uint8Array(1));
    return space.setNum64(this.#pointer, this.#block) &&
      space.setNum64(this.#size, Math.min(this.#at, this.#length));
  }
  read(task: Task, _address: number, _length: number, next: Done): Outcome {
    return next(task, -9);
  }
  write(task: Task, address: number, length: number, next: Done): Outcome {
    const bytes = task.space.read(address, length);
    if (bytes === undefined) return next(task, EFAULT);
    const at = this.#at;
    this.#at = at + length;
    this.#length = Math.max(this.#length, this.#at);
    if (!this.tell(task) || !task.space.write(this.#block + at, bytes)) return next(task, ENOMEM);
    return next(task, length);
  }
  seek(task: Task, offset: number, whence: number, next: Done): Outcome {
    const place = target(this.#at, this.#length, offset, whence);
    if (place === undefined || place > task.space.limit) return next(task, EINVAL);
    if (whence === 1 && offset === 0) return next(task, place);
    this.#at = place;
    return next(task, place);
  }
  close(task: Task, next: Done): Outcome {
    if (!this.tell(task)) return next(task, ENOMEM);
    // What lies behind the last place is cut off.
    task.space.write(this.#block + Math.min(this.#at, this.#length), new Uint8Array(1));
    return next(task, 0);
  }
}

/** fmemopen: the program's memory. */
class Fixed implements Device {
  readonly #block: number;
  readonly #size: number;
  readonly #append: boolean;
  readonly #own: boolean;
  #length: number;
  #at = 0;
  constructor(block: number, size: number, length: number, append: boolean, own: boolean) {
    this.#block = block;
    this.#size = size;
    this.#length = length;
    this.#append = append;
    this.#own = own;
    if (append) this.#at = length;
  }
  read(task: Task, address: number, length: number, next: Done): Outcome {
    const n = Math.max(0, Math.min(length, this.#length - this.#at));
    const bytes = task.space.read(this.#block + this.#at, n);
    if (bytes === undefined || !task.space.write(address, bytes)) return next(task, EFAULT);
    this.#at += n;
    return next(task, n);
  }
  write(task: Task, address: number, length: number, next: Done): Outcome {
    if (this.#append) this.#at = this.#length;
    const all = task.space.read(address, length);
    if (all === undefined) return next(task, EFAULT);
    // A NUL follows what does not end with one.
    const nul = length === 0 || all[length - 1] !== 0 ? 1 : 0;
    const n = this.#at + length <= this.#size ? length : this.#size - this.#at - nul;
    if (n <= 0) return next(task, ENOSPC);
    const bytes = all.subarray(0, n);
    if (!task.space.write(this.#block + this.#at, bytes)) return next(task, EFAULT);
    this.#at += n;
    if (this.#at > this.#length) {
      this.#length = this.#at;
      if (this.#length < this.#size) task.space.write(this.#block + this.#length, new Uint8Array(1));
    }
    return next(task, n);
  }
  seek(task: Task, offset: number, whence: number, next: Done): Outcome {
    const place = target(this.#at, this.#length, offset, whence);
    if (place === undefined || place > this.#size) return next(task, EINVAL);
    this.#at = place;
    return next(task, place);
  }
  close(task: Task, next: Done): Outcome {
    if (this.#own) osvOf(task).heap.release(this.#block);
    return next(task, 0);
  }
}

/** fopencookie: four functions of the program; 0 stands for one that does nothing. */
class Cookie implements Device {
  readonly #cookie: number;
  readonly #functions: readonly number[];
  constructor(cookie: number, functions: readonly number[]) {
    this.#cookie = cookie;
    this.#functions = functions;
  }
  read(task: Task, address: number, length: number, next: Done): Outcome {
    const call = this.#functions[0];
    return call === 0
      ? next(task, 0)
      : invoke(call, [this.#cookie, address, length], (t, n) => next(t, n < 0 ? -5 : n));
  }
  write(task: Task, address: number, length: number, next: Done): Outcome {
    const call = this.#functions[1];
    if (call === 0) return next(task, length);
    return invoke(call, [this.#cookie, address, length], (t, n) => next(t, n <= 0 ? -5 : n));
  }
  seek(task: Task, offset: number, whence: number, next: Done): Outcome {
    const call = this.#functions[2], { heap } = osvOf(task);
    const block = call === 0 ? 0 : heap.allocate(16);
    if (block === 0) return next(task, -29);
    task.space.setNum64(block, offset);
    return invoke(call, [this.#cookie, block, whence], (t, n) => {
      const place = t.space.getNum64(block) ?? 0;
      heap.release(block);
      return next(t, (n | 0) === 0 ? place : -29);
    });
  }
  close(task: Task, next: Done): Outcome {
    const call = this.#functions[3];
    return call === 0
      ? next(task, 0)
      : invoke(call, [this.#cookie], (t, n) => next(t, (n | 0) === 0 ? 0 : -5));
  }
}

function add(task: Task, device: Device, readable: boolean, writable: boolean): Stream | undefined {
  const stream = osvOf(task).streams.add(task, -1, readable, writable);
  if (stream !== undefined) {
    stream.device = device;
    stream.mode = "full";
  }
  return stream;
}

const memstream: DirectCall = (task) => {
  const device = new Growing(arg(task, 0), arg(task, 1));
  if (!device.tell(task)) return fail(task, EFAULT) + 1;
  return add(task, device, false, true)?.address ?? fail(task, ENOMEM) + 1;
};

const fmemopen: DirectCall = (task) => {
  const { heap } = osvOf(task), { space } = task;
  const given = arg(task, 0), size = arg(task, 1), text_ = text(task, arg(task, 2)) ?? "";
  const mode = modeFlags(text_);
  if (mode === undefined || (given === 0 && !text_.includes("+"))) return fail(task, EINVAL) + 1;
  const block = given === 0 ? heap.allocate(size) : given;
  if (block === 0) return fail(task, ENOMEM) + 1;
  if (given === 0) space.write(block, new Uint8Array(size));
  const bytes = text_.startsWith("r") ? undefined : space.cstring(block, size);
  let length = size;
  if (text_.startsWith("w")) {
    length = 0;
    space.write(block, new Uint8Array(Math.min(1, size)));
  } else if (bytes !== undefined && typeof bytes !== "number") length = bytes.length;
  const device = new Fixed(block, size, length, text_.startsWith("a"), given === 0);
  return add(task, device, mode.readable, mode.writable)?.address ?? fail(task, ENOMEM) + 1;
};

/** fopencookie(cookie, mode, functions): the functions are a structure. */
const fopencookie: DirectCall = (task) => {
  const mode = modeFlags(text(task, arg(task, 1)) ?? "");
  if (mode === undefined) return fail(task, EINVAL) + 1;
  const functions = machineOf(task.process.cpu.arch)?.structures === "address"
    ? [0, 1, 2, 3].map((n) => task.space.getNum64(arg(task, 2) + 8 * n) ?? 0)
    : [6, 7, 8, 9].map((n) => arg(task, n));
  const stream = add(task, new Cookie(arg(task, 0), functions), mode.readable, mode.writable);
  return stream?.address ?? fail(task, ENOMEM) + 1;
};

/** See the file's head. */
export const deviceCalls: Calls = { open_memstream: memstream, fmemopen, fopencookie };
