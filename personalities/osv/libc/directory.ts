/** Directory streams: opendir, readdir and theirs, over getdents64, whose records are what readdir hands out. */
import { EINVAL, ENOMEM, type Outcome, type Task } from "@guise/core";
import { arg, type Calls, type DirectCall, fail, int, long, perform } from "../direct.ts";
import { osvOf } from "../state.ts";

const ROOM = 32768;

/** An open directory stream; its address is its buffer's. */
interface Directory {
  readonly fd: number;
  at: number;
  end: number;
  /** Of the record before `at`: telldir. */
  position: number;
}

const streams = new WeakMap<object, Map<number, Directory>>();

function open(task: Task): Map<number, Directory> {
  const osv = osvOf(task);
  let map = streams.get(osv);
  if (map === undefined) streams.set(osv, map = new Map());
  return map;
}

function add(task: Task, fd: number): number {
  const address = osvOf(task).heap.allocate(ROOM);
  if (address === 0) return fail(task, ENOMEM) + 1;
  open(task).set(address, { fd, at: 0, end: 0, position: 0 });
  return address;
}

const opendir: DirectCall = (task) =>
  // O_RDONLY | O_DIRECTORY | O_CLOEXEC
  perform(task, "open", [arg(task, 0), 0o2200000, 0], (t, fd) => fd < 0 ? fail(t, fd) + 1 : add(t, fd));

function withDirectory(
  wrong: number,
  run: (task: Task, d: Directory, address: number) => Outcome,
): DirectCall {
  return (task) => {
    const address = arg(task, 0);
    const directory = open(task).get(address);
    if (directory !== undefined) return run(task, directory, address);
    fail(task, EINVAL);
    return wrong;
  };
}

function next(task: Task, d: Directory, address: number): Outcome {
  if (d.at < d.end) {
    const record = address + d.at;
    const low = task.space.getU32(record + 16) ?? 0;
    const length = low & 0xffff;
    d.position = task.space.getNum64(record + 8) ?? 0;
    d.at += Math.max(24, length);
    return record;
  }
  return perform(task, "getdents64", [d.fd, address, ROOM], (t, n) => {
    if (n < 0) return fail(t, n) + 1;
    d.at = 0;
    d.end = n;
    return n === 0 ? 0 : next(t, d, address);
  });
}

const closedir = withDirectory(-1, (task, d, address) => {
  open(task).delete(address);
  osvOf(task).heap.release(address);
  return perform(task, "close", [d.fd], (t, n) => n < 0 ? fail(t, n) : 0);
});

const seek = (task: Task, d: Directory, position: number): Outcome => {
  d.at = d.end = 0;
  d.position = position;
  return perform(task, "lseek", [d.fd, position, 0], () => 0);
};

/** See the file's head. */
export const directoryCalls: Calls = {
  opendir,
  fdopendir: (task) => add(task, int(task, 0)),
  readdir: withDirectory(0, next),
  readdir64: withDirectory(0, next),
  closedir,
  dirfd: withDirectory(-1, (_task, d) => d.fd),
  rewinddir: withDirectory(0, (task, d) => seek(task, d, 0)),
  seekdir: withDirectory(0, (task, d) => seek(task, d, long(task, 1))),
  telldir: withDirectory(-1, (_task, d) => d.position),
};
