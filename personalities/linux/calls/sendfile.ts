/** Copying between descriptors inside the kernel: sendfile, copy_file_range, splice, tee, vmsplice. */
import {
  type ArgType,
  EAGAIN,
  EBADF,
  EFAULT,
  EFBIG,
  EINVAL,
  EISDIR,
  EPIPE,
  ERESTARTSYS,
  type Errno,
  ESPIPE,
  type Outcome,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
  wait,
  type WakeReason,
} from "@guise/core";
import { O_APPEND, O_NONBLOCK, type OpenFile, S_IFIFO, S_IFMT, teePipe } from "@guise/vfs/key";
import { MAX_RW } from "../args/buffer.ts";
import { fd } from "../args/fd.ts";
import { inVector } from "../args/iovec.ts";
import { fields, get64 } from "../args/layout.ts";
import { SPLICE } from "../args/names.ts";
import { flagWord, size, unsignedInt } from "../args/scalar.ts";
import { hex } from "../args/text.ts";
import { callerOf } from "../files.ts";
import { limit, RLIMIT_FSIZE } from "../limits.ts";
import type { Rows } from "../rows.ts";
import { SIGPIPE, SIGXFSZ } from "../signals/numbers.ts";
import { sendSignal } from "../signals/send.ts";
import { blocks, readSegments, writeSegments } from "./transfer.ts";

/** A pointer to an offset that the call reads and moves; 0: the file's own. */
const offsetAt: ArgType<number> = {
  label: "loff_t *offset",
  slots: 1,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task) => task.frame.num(register);
  },
  format(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task) => {
      const at = task.frame.num(register);
      if (at === 0) return "NULL";
      const view = fields(task, at, 8);
      return view === undefined ? hex(at) : `[${get64(view, 0)}]`;
    };
  },
};

/** One copy under way. Offsets are undefined for "the file's own". */
interface Copy {
  readonly from: OpenFile;
  readonly to: OpenFile;
  readonly count: number;
  /** Bytes per step. */
  readonly step: number;
  readonly fromAt: number | undefined;
  readonly toAt: number | undefined;
  /** EAGAIN instead of a wait (SPLICE_F_NONBLOCK). */
  readonly patient: boolean;
}

/** How the bytes that were read but not taken go back: seekable sources are read at an offset and moved after. */
function readChunk(task: Task, copy: Copy, done: number, into: Uint8Array): number | Errno {
  const { from } = copy;
  if (copy.fromAt !== undefined) return from.pread(into, copy.fromAt + done, callerOf(task));
  if (from.seekable) return from.pread(into, from.position, callerOf(task));
  return from.read(into, callerOf(task));
}

function run(task: Task, copy: Copy, done: number, held: Uint8Array): Outcome {
  const { from, to } = copy;
  for (;;) {
    if (held.length === 0) {
      const want = Math.min(copy.step, copy.count - done);
      if (want === 0) return done;
      const buffer = new Uint8Array(want);
      const n = readChunk(task, copy, done, buffer);
      if (n === EAGAIN) {
        if (done > 0 || !copy.patient || !blocks(from)) return done > 0 ? done : EAGAIN;
        return wait([from.queue], Infinity, (again, reason) => {
          return reason === "signal" ? ERESTARTSYS : run(again, copy, done, held);
        });
      }
      if (n <= 0) return done > 0 ? done : n;
      held = buffer.subarray(0, n);
    }
    const n = copy.toAt === undefined
      ? to.write(held, callerOf(task))
      : to.pwrite(held, copy.toAt + done, callerOf(task));
    if (n === EAGAIN) {
      const lossless = from.seekable || copy.fromAt !== undefined;
      if (lossless && (!copy.patient || !blocks(to))) return done > 0 ? done : EAGAIN;
      const left = held;
      return wait([to.queue], Infinity, (again, reason) => {
        if (reason === "signal" && lossless) return done > 0 ? done : ERESTARTSYS;
        return run(again, copy, done, left);
      });
    }
    if (n === EPIPE) sendSignal(task, SIGPIPE);
    if (n < 0) return done > 0 ? done : n;
    done += n;
    if (copy.fromAt === undefined && from.seekable) from.position += n;
    held = held.subarray(n);
  }
}

/** Runs a copy with offsets in guest memory, and moves those. */
function copyRange(
  task: Task,
  files: { readonly from: OpenFile; readonly to: OpenFile },
  addresses: { readonly from: number; readonly to: number },
  count: number,
  patient: boolean,
): Outcome {
  const { from, to } = files;
  const offsets: (number | undefined)[] = [];
  for (const address of [addresses.from, addresses.to]) {
    if (address === 0) {
      offsets.push(undefined);
      continue;
    }
    const view = fields(task, address, 8);
    if (view === undefined) return EFAULT;
    offsets.push(get64(view, 0));
    if (offsets[offsets.length - 1]! < 0) return EINVAL;
  }
  const [fromAt, toAt] = offsets;
  if (fromAt !== undefined && !from.seekable) return ESPIPE;
  if (toAt !== undefined && !to.seekable) return ESPIPE;
  const room = sizeLimit(task, to, toAt, Math.min(count, MAX_RW));
  if (room < 0) return room;
  const copy: Copy = { from, to, count: room, step: 65536, fromAt, toAt, patient };
  const finish = (outcome: Outcome): Outcome => {
    if (typeof outcome === "number") {
      if (outcome > 0) {
        if (fromAt !== undefined) task.space.setNum64(addresses.from, fromAt + outcome);
        if (toAt !== undefined) task.space.setNum64(addresses.to, toAt + outcome);
      }
      return outcome;
    }
    if (outcome.kind !== "wait") return outcome;
    const then = outcome.then!;
    return { ...outcome, then: (again: Task, reason: WakeReason) => finish(then(again, reason)) };
  };
  return finish(run(task, copy, 0, new Uint8Array(0)));
}

function sizeLimit(task: Task, to: OpenFile, at: number | undefined, count: number): number | Errno {
  const most = limit(task, RLIMIT_FSIZE);
  if (most === Infinity || !to.inode.isRegular) return count;
  const start = at ?? to.position;
  if (start < most) return Math.min(count, most - start);
  sendSignal(task, SIGXFSZ);
  return EFBIG;
}

export const sendfile: Syscall = syscall({
  name: "sendfile",
  doc: "Copies bytes of a file to another descriptor.",
  args: { to: fd, from: fd, offset: offsetAt, count: size },
  run: (task, { to, from, offset, count }) => {
    if (!from.readable || !to.writable) return EBADF;
    if (offset !== 0 && !from.seekable) return ESPIPE;
    // Input that cannot be sought could be lost on the way.
    if (from.inode.isDirectory || !from.seekable) return EINVAL;
    if (to.flags & O_APPEND) return EINVAL;
    return copyRange(task, { from, to }, { from: offset, to: 0 }, count, true);
  },
});

export const copyFileRange: Syscall = syscall({
  name: "copy_file_range",
  doc: "Copies bytes between two regular files.",
  args: { from: fd, fromOffset: offsetAt, to: fd, toOffset: offsetAt, count: size, flags: unsignedInt },
  run: (task, { from, fromOffset, to, toOffset, count, flags }) => {
    if (flags !== 0) return EINVAL;
    if (from.inode.isDirectory || to.inode.isDirectory) return EISDIR;
    if (!from.inode.isRegular || !to.inode.isRegular) return EINVAL;
    if (!from.readable || !to.writable || to.flags & O_APPEND) return EBADF;
    if (from.inode === to.inode) {
      const overlap = overlapping(task, from, fromOffset, to, toOffset, count);
      if (overlap !== 0) return overlap;
    }
    return copyRange(task, { from, to }, { from: fromOffset, to: toOffset }, count, true);
  },
});

/** EINVAL when the two ranges of one file overlap. */
function overlapping(
  task: Task,
  from: OpenFile,
  fromAt: number,
  to: OpenFile,
  toAt: number,
  count: number,
): 0 | Errno {
  const place = (file: OpenFile, address: number): number | undefined => {
    if (address === 0) return file.position;
    const view = fields(task, address, 8);
    return view === undefined ? undefined : get64(view, 0);
  };
  const a = place(from, fromAt), b = place(to, toAt);
  if (a === undefined || b === undefined) return EFAULT;
  return a < b + count && b < a + count ? EINVAL : 0;
}

function isPipe(file: OpenFile): boolean {
  return (file.inode.mode & S_IFMT) === S_IFIFO;
}

const SPLICE_F_NONBLOCK = 2;

export const splice: Syscall = syscall({
  name: "splice",
  doc: "Moves bytes between a pipe and another descriptor.",
  args: {
    from: fd,
    fromOffset: offsetAt,
    to: fd,
    toOffset: offsetAt,
    count: size,
    flags: flagWord(SPLICE, "SPLICE_F_???"),
  },
  run: (task, { from, fromOffset, to, toOffset, count, flags }) => {
    if (flags & ~15) return EINVAL;
    if (count === 0) return 0;
    if (!from.readable || !to.writable) return EBADF;
    if (!isPipe(from) && !isPipe(to)) return EINVAL;
    if ((isPipe(from) && fromOffset !== 0) || (isPipe(to) && toOffset !== 0)) return ESPIPE;
    if (from.inode === to.inode || from.inode.isDirectory || to.flags & O_APPEND) return EINVAL;
    const most = Math.min(count, 65536);
    return copyRange(
      task,
      { from, to },
      { from: fromOffset, to: toOffset },
      most,
      (flags & SPLICE_F_NONBLOCK) === 0,
    );
  },
});

export const tee: Syscall = syscall({
  name: "tee",
  doc: "Copies what waits in a pipe into another one; it stays in the first.",
  args: { from: fd, to: fd, count: size, flags: flagWord(SPLICE, "SPLICE_F_???") },
  run: (task, { from, to, count, flags }): Outcome => {
    if (flags & ~15) return EINVAL;
    if (count === 0) return 0;
    if (!from.readable || !to.writable) return EBADF;
    const result = teePipe(from, to, Math.min(count, MAX_RW));
    if (result === EPIPE) sendSignal(task, SIGPIPE);
    if (result !== EAGAIN || flags & SPLICE_F_NONBLOCK || !blocks(from) || !blocks(to)) return result;
    return wait([from.queue, to.queue]);
  },
});

export const vmsplice: Syscall = syscall({
  name: "vmsplice",
  doc:
    "Moves the bytes of a vector into a pipe, or from a pipe into a vector. Pages are copied, never given away.",
  args: { file: fd, vector: inVector, flags: flagWord(SPLICE, "SPLICE_F_???") },
  run: (task, { file, vector, flags }): Outcome => {
    if (flags & ~15) return EINVAL;
    if (!isPipe(file)) return EBADF;
    const segments = vector.load(task);
    if (typeof segments === "number") return segments;
    if (segments.total === 0) return 0;
    const move = (): Outcome =>
      file.writable ? writeSegments(task, file, segments) : readSegments(task, file, segments, undefined);
    if ((flags & SPLICE_F_NONBLOCK) === 0) return move();
    const before = file.flags;
    file.flags |= O_NONBLOCK;
    const result = move();
    file.flags = before;
    return result;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[276, 77], tee],
  [[278, 75], vmsplice],
  [[40, 71], sendfile],
  [[326, 285], copyFileRange],
  [[275, 76], splice],
];
