/** Descriptors as such: dup and its kin, pipes. */
import {
  type ArgType,
  EFAULT,
  EINVAL,
  type Errno,
  type RowAbi,
  type Syscall,
  syscall,
  type Task,
} from "@guise/core";
import { createPipe, O_CLOEXEC, O_DIRECT, O_NONBLOCK } from "@guise/vfs/key";
import { outStruct } from "../args/buffer.ts";
import { fdNumber } from "../args/fd.ts";
import { fields } from "../args/layout.ts";
import { PIPE_FLAGS } from "../args/names.ts";
import { openFlagsOnly } from "../args/open.ts";
import { flags as flagsText } from "../args/text.ts";
import { callerOf, tableOf } from "../files.ts";
import type { Rows } from "../rows.ts";

export const dup: Syscall = syscall({
  name: "dup",
  doc: "One more descriptor for an open file: the lowest free one.",
  args: { fd: fdNumber },
  run: (task, { fd }) => tableOf(task).dup(fd),
});

export const dup2: Syscall = syscall({
  name: "dup2",
  doc: "One more descriptor for an open file, of a given number, closing what was there.",
  args: { fd: fdNumber, to: fdNumber },
  run: (task, { fd, to }) => tableOf(task).dup2(fd, to),
});

const pipeFlags = openFlagsOnly((v) => flagsText(v, PIPE_FLAGS, "O_???"));

export const dup3: Syscall = syscall({
  name: "dup3",
  doc: "dup2 with O_CLOEXEC; the numbers must differ.",
  args: { fd: fdNumber, to: fdNumber, flags: pipeFlags },
  run: (task, { fd, to, flags }) => {
    if (flags & ~O_CLOEXEC || fd === to) return EINVAL;
    return tableOf(task).dup2(fd, to, flags !== 0);
  },
});

function pairText(task: Task, address: number, _abi: RowAbi): string | undefined {
  const view = fields(task, address, 8);
  return view === undefined ? undefined : `[${view.getInt32(0, true)}, ${view.getInt32(4, true)}]`;
}

/** `int pipefd[2]`. */
export const outPair: ArgType<number> = outStruct("int pipefd[2]", pairText);

function makePipe(task: Task, address: number, flags: number): number | Errno {
  if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) return EINVAL;
  const table = tableOf(task);
  const pipe = createPipe(callerOf(task), flags & ~O_CLOEXEC);
  if (typeof pipe === "number") return pipe;
  const cloexec = (flags & O_CLOEXEC) !== 0;
  const read = table.add(pipe.read, cloexec);
  if (read < 0) {
    pipe.read.unref();
    pipe.write.unref();
    return read;
  }
  const write = table.add(pipe.write, cloexec);
  if (write < 0) {
    table.close(read);
    pipe.write.unref();
    return write;
  }
  if (
    task.space.check(address, 8, 2) && task.space.setU32(address, read) &&
    task.space.setU32(address + 4, write)
  ) {
    return 0;
  }
  table.close(read);
  table.close(write);
  return EFAULT;
}

export const pipe: Syscall = syscall({
  name: "pipe",
  doc: "A pipe: a descriptor to read from, one to write to.",
  args: { pair: outPair },
  run: (task, { pair }) => makePipe(task, pair, 0),
});

export const pipe2: Syscall = syscall({
  name: "pipe2",
  doc: "A pipe, with O_CLOEXEC, O_NONBLOCK or O_DIRECT.",
  args: { pair: outPair, flags: pipeFlags },
  run: (task, { pair, flags }) => makePipe(task, pair, flags),
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[32, 23], dup],
  [[33, null], dup2],
  [[292, 24], dup3],
  [[22, null], pipe],
  [[293, 59], pipe2],
];
