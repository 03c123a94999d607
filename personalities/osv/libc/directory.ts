/** Directory streams: opendir, readdir and theirs, over getdents64, whose records are what readdir hands out. */
import { EINVAL, ENOMEM, invoke, type Outcome, type Task } from "@guise/core";
import { after, arg, type Calls, type DirectCall, fail, int, long, looping, perform } from "../direct.ts";
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

// d_type's place in a record, and its name's.
const LENGTH = 16, NAME = 19, QSORT = "qsort";
/** Directories of more entries than this are ENOMEM. */
const MOST = 1 << 20;

/** scandir(path, list, filter, compare), and scandirat: the program's functions are called entry by entry. */
function scan(
  task: Task,
  folder: number,
  path: number,
  out: number,
  filter: number,
  compare: number,
): Outcome {
  const { heap, linked } = osvOf(task);
  const buffer = heap.allocate(ROOM), entries: number[] = [];
  if (buffer === 0) return fail(task, ENOMEM);
  const end = (t: Task, fd: number, error: number): Outcome => {
    heap.release(buffer);
    return perform(t, "close", [fd], (u) => {
      const list = error < 0 ? 0 : heap.allocate(8 * Math.max(1, entries.length));
      if (list === 0) {
        for (const entry of entries) heap.release(entry);
        return fail(u, error < 0 ? error : ENOMEM);
      }
      entries.forEach((entry, n) => u.space.setNum64(list + 8 * n, entry));
      u.space.setNum64(out, list);
      const sort = compare === 0 ? undefined : linked?.lookup(QSORT);
      return sort === undefined
        ? entries.length
        : invoke(sort, [list, entries.length, 8, compare], () => entries.length);
    });
  };
  const rounds = (task: Task, fd: number): Outcome =>
    looping(
      task,
      (t, again) =>
        perform(
          t,
          "getdents64",
          [fd, buffer, ROOM],
          (u, n) => n <= 0 ? end(u, fd, n) : records(u, fd, 0, n, again),
        ),
    );
  const records = (
    t: Task,
    fd: number,
    from: number,
    bytes: number,
    again: (task: Task) => Outcome,
  ): Outcome => {
    for (let at = from; at < bytes;) {
      const length = Math.max(24, (t.space.getU32(buffer + at + LENGTH) ?? 0) & 0xffff);
      const record = t.space.read(buffer + at, Math.min(length, ROOM - at));
      const copy = record === undefined ? 0 : heap.allocate(record.length);
      if (record === undefined || copy === 0 || entries.length >= MOST) return end(t, fd, ENOMEM);
      t.space.write(copy, record);
      at += length;
      if (filter === 0) {
        entries.push(copy);
        continue;
      }
      return invoke(filter, [copy], (u, wanted) => {
        if ((wanted | 0) !== 0) entries.push(copy);
        else heap.release(copy);
        return records(u, fd, at, bytes, again);
      });
    }
    return again(t);
  };
  return perform(task, "openat", [folder, path, 0o2200000, 0], (t, fd) => {
    if (fd >= 0) return rounds(t, fd);
    heap.release(buffer);
    return fail(t, fd);
  });
}

/** The name of the entry that an argument of a comparison points to. */
function entryName(task: Task, n: number): Uint8Array {
  const entry = task.space.getNum64(arg(task, n)) ?? 0;
  const bytes = task.space.cstring(entry + NAME, 256);
  return typeof bytes === "number" ? new Uint8Array(0) : bytes;
}

const alphasort: DirectCall = (task) => {
  // Both locales order by bytes.
  const a = entryName(task, 0), b = entryName(task, 1);
  for (let n = 0; n < a.length && n < b.length; n++) if (a[n] !== b[n]) return a[n] - b[n];
  return a.length - b.length;
};

const AT_FDCWD = -100;
const scandir: DirectCall = (task) =>
  scan(task, AT_FDCWD, arg(task, 0), arg(task, 1), arg(task, 2), arg(task, 3));
const scandirat: DirectCall = (task) =>
  scan(task, int(task, 0), arg(task, 1), arg(task, 2), arg(task, 3), arg(task, 4));

/** readdir_r(stream, entry, result): the record goes to the program's. */
const readdirTo = withDirectory(-EINVAL, (task, d, address) => {
  const target = arg(task, 1), out = arg(task, 2);
  const copy = (t: Task, record: number): number => {
    const length = record === 0 ? 0 : Math.min(280, (t.space.getU32(record + LENGTH) ?? 0) & 0xffff);
    const bytes = t.space.read(record, length);
    if (record !== 0 && bytes !== undefined) t.space.write(target, bytes);
    t.space.setNum64(out, record === 0 ? 0 : target);
    return 0;
  };
  const first = next(task, d, address);
  return typeof first === "number" ? copy(task, first) : after(task, first, (t) => next(t, d, address), copy);
});

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
  readdir_r: readdirTo,
  readdir64_r: readdirTo,
  scandir,
  scandir64: scandir,
  scandirat,
  scandirat64: scandirat,
  alphasort,
  alphasort64: alphasort,
  telldir: withDirectory(-1, (_task, d) => d.position),
};
