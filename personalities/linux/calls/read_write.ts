/** Reading, writing and moving the offset: read, write, their vector and offset forms, lseek. */
import { EBADF, EINVAL, EOPNOTSUPP, type Syscall, syscall } from "@guise/core";
import { O_APPEND, O_NONBLOCK, type OpenFile } from "@guise/vfs/key";
import { inBuffer, outBuffer } from "../args/buffer.ts";
import { fd } from "../args/fd.ts";
import { inVector, outVector } from "../args/iovec.ts";
import { RWF, SEEK } from "../args/names.ts";
import { flagWord, offset, oneOf } from "../args/scalar.ts";
import { vectorOffset } from "../args/vector_offset.ts";
import type { Rows } from "../rows.ts";
import { readSegments, readSpan, writeSegments, writeSpan } from "./transfer.ts";

export const read: Syscall = syscall({
  name: "read",
  doc: "Reads up to `count` bytes from a file at its offset.",
  args: { file: fd, buf: outBuffer },
  run: (task, { file, buf }) => file.readable ? readSpan(task, file, buf) : EBADF,
});

export const write: Syscall = syscall({
  name: "write",
  doc: "Writes up to `count` bytes to a file at its offset.",
  args: { file: fd, buf: inBuffer },
  run: (task, { file, buf }) => file.writable ? writeSpan(task, file, buf) : EBADF,
});

export const pread64: Syscall = syscall({
  name: "pread64",
  doc: "Reads at an offset, without moving the file's.",
  args: { file: fd, buf: outBuffer, at: offset },
  run: (task, { file, buf, at }) => {
    if (at < 0) return EINVAL;
    return file.readable ? readSpan(task, file, buf, at) : EBADF;
  },
});

export const pwrite64: Syscall = syscall({
  name: "pwrite64",
  doc: "Writes at an offset, without moving the file's; appends with O_APPEND all the same, as Linux does.",
  args: { file: fd, buf: inBuffer, at: offset },
  run: (task, { file, buf, at }) => {
    if (at < 0) return EINVAL;
    return file.writable ? writeSpan(task, file, buf, at) : EBADF;
  },
});

export const readv: Syscall = syscall({
  name: "readv",
  doc: "Reads into several buffers.",
  args: { file: fd, vector: outVector },
  run: (task, { file, vector }) => {
    if (!file.readable) return EBADF;
    const segments = vector.load(task);
    return typeof segments === "number" ? segments : readSegments(task, file, segments, undefined);
  },
});

export const writev: Syscall = syscall({
  name: "writev",
  doc: "Writes several buffers as one.",
  args: { file: fd, vector: inVector },
  run: (task, { file, vector }) => {
    if (!file.writable) return EBADF;
    const segments = vector.load(task);
    return typeof segments === "number" ? segments : writeSegments(task, file, segments);
  },
});

export const preadv: Syscall = syscall({
  name: "preadv",
  doc: "Reads into several buffers at an offset.",
  args: { file: fd, vector: outVector, at: vectorOffset },
  run: (task, { file, vector, at }) => {
    if (at < 0) return EINVAL;
    if (!file.readable) return EBADF;
    const segments = vector.load(task);
    return typeof segments === "number" ? segments : readSegments(task, file, segments, at);
  },
});

export const pwritev: Syscall = syscall({
  name: "pwritev",
  doc: "Writes several buffers at an offset.",
  args: { file: fd, vector: inVector, at: vectorOffset },
  run: (task, { file, vector, at }) => {
    if (at < 0) return EINVAL;
    if (!file.writable) return EBADF;
    const segments = vector.load(task);
    return typeof segments === "number" ? segments : writeSegments(task, file, segments, at);
  },
});

const RWF_NOWAIT = 8, RWF_APPEND = 16, RWF_KNOWN = 31;

/** Runs with status flags changed for this one call. */
function withFlags<T>(file: OpenFile, rwf: number, run: () => T): T {
  const before = file.flags;
  if (rwf & RWF_APPEND) file.flags |= O_APPEND;
  if (rwf & RWF_NOWAIT) file.flags |= O_NONBLOCK;
  try {
    return run();
  } finally {
    file.flags = before;
  }
}

export const preadv2: Syscall = syscall({
  name: "preadv2",
  doc: "Reads into several buffers at an offset (-1: the file's) with flags.",
  args: { file: fd, vector: outVector, at: vectorOffset, flags: flagWord(RWF, "RWF_???") },
  run: (task, { file, vector, at, flags }) => {
    if (at < -1) return EINVAL;
    if (!file.readable) return EBADF;
    if (flags & ~RWF_KNOWN || flags & RWF_APPEND) return EOPNOTSUPP;
    const segments = vector.load(task);
    if (typeof segments === "number") return segments;
    return withFlags(file, flags, () => readSegments(task, file, segments, at === -1 ? undefined : at));
  },
});

export const pwritev2: Syscall = syscall({
  name: "pwritev2",
  doc: "Writes several buffers at an offset (-1: the file's) with flags.",
  args: { file: fd, vector: inVector, at: vectorOffset, flags: flagWord(RWF, "RWF_???") },
  run: (task, { file, vector, at, flags }) => {
    if (at < -1) return EINVAL;
    if (!file.writable) return EBADF;
    if (flags & ~RWF_KNOWN) return EOPNOTSUPP;
    const segments = vector.load(task);
    if (typeof segments === "number") return segments;
    return withFlags(file, flags, () => writeSegments(task, file, segments, at === -1 ? undefined : at));
  },
});

export const lseek: Syscall = syscall({
  name: "lseek",
  doc: "Moves the file's offset.",
  args: { file: fd, offset, whence: oneOf(SEEK, "SEEK_???") },
  run: (_task, { file, offset, whence }) => {
    if (whence < 0 || whence > 4) return EINVAL;
    return file.seek(offset, whence);
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[0, 63], read],
  [[1, 64], write],
  [[8, 62], lseek],
  [[17, 67], pread64],
  [[18, 68], pwrite64],
  [[19, 65], readv],
  [[20, 66], writev],
  [[295, 69], preadv],
  [[296, 70], pwritev],
  [[327, 286], preadv2],
  [[328, 287], pwritev2],
];
