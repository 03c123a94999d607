/** Files by made-up or resolved names: mkstemp and its relatives, realpath; statvfs. */
import { EEXIST, EINVAL, type Outcome, type Task } from "@guise/core";
import { callerOf } from "@guise/linux/services";
import { bytesOfName, nameOfBytes, vfsKey, walk } from "@guise/vfs/key";
import { answer, arg, type Calls, type DirectCall, fail, int, perform } from "../direct.ts";
import { osvOf } from "../state.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const MARKS = 6, ATTEMPTS = 100;
const O_RDWR_CREAT_EXCL = 0o302;

/** Replaces the six X before a suffix and tries `make` until the name is free. */
function unique(
  task: Task,
  template: number,
  suffix: number,
  make: (task: Task, next: (task: Task, result: number) => Outcome) => Outcome,
  attempt = 0,
): Outcome {
  const bytes = task.space.cstring(template, 4096);
  const at = typeof bytes === "number" ? -1 : bytes.length - suffix - MARKS;
  if (typeof bytes === "number" || at < 0) return fail(task, EINVAL);
  if (attempt === 0 && !bytes.subarray(at, at + MARKS).every((c) => c === 0x58)) return fail(task, EINVAL);
  const random = new Uint8Array(MARKS);
  task.kernel.random(random);
  const name = random.map((n) => LETTERS.charCodeAt(n % LETTERS.length));
  if (!task.space.write(template + at, name)) return fail(task, EINVAL);
  return make(task, (t, result) => {
    if (result !== EEXIST || attempt === ATTEMPTS) return answer(t, result);
    return unique(t, template, suffix, make, attempt + 1);
  });
}

const temporary = (flags: (task: Task) => number, suffix: (task: Task) => number): DirectCall => (task) => {
  const template = arg(task, 0), more = flags(task);
  return unique(
    task,
    template,
    suffix(task),
    (t, next) => perform(t, "open", [template, O_RDWR_CREAT_EXCL | more, 0o600], next),
  );
};

const mkstemp = temporary(() => 0, () => 0);
const mkostemp = temporary((t) => int(t, 1), () => 0);

const mkdtemp: DirectCall = (task) => {
  const template = arg(task, 0);
  return unique(
    task,
    template,
    0,
    (t, next) =>
      perform(
        t,
        "mkdir",
        [template, 0o700],
        (u, n) => n === 0 ? template : n === EEXIST ? next(u, n) : fail(u, n) + 1,
      ),
  );
};

/** O_TMPFILE | O_RDWR in /tmp: a file without a name. */
const tmpfile: DirectCall = (task) => {
  const folder = osvOf(task).string("/tmp");
  return perform(
    task,
    "open",
    [folder, 0o20200002, 0o600],
    (t, fd) => fd < 0 ? fail(t, fd) + 1 : osvOf(t).streams.add(t, fd, true, true)?.address ?? 0,
  );
};

const realpath: DirectCall = (task) => {
  const path = task.space.cstring(arg(task, 0), 4096);
  if (typeof path === "number") return fail(task, path) + 1;
  const location = walk(callerOf(task), undefined, nameOfBytes(path));
  if (typeof location === "number") return fail(task, location) + 1;
  const name = task.kernel.data.get(vfsKey).pathOf(location, callerOf(task).fs.root);
  if (name === undefined) return fail(task, -2) + 1;
  const bytes = bytesOfName(name);
  const target = arg(task, 1) === 0 ? osvOf(task).heap.allocate(bytes.length + 1) : arg(task, 1);
  if (target === 0 || !task.space.write(target, bytes)) return fail(task, -12) + 1;
  task.space.write(target + bytes.length, new Uint8Array(1));
  return target;
};

/** struct statvfs from struct statfs: other places of the same numbers. */
const statvfs = (call: string, handle: (task: Task) => number): DirectCall => (task) => {
  const target = arg(task, 1);
  const block = osvOf(task).heap.allocate(120);
  return perform(task, call, [handle(task), block], (t, result) => {
    const from = t.space.read(block, 120);
    osvOf(t).heap.release(block);
    if (result < 0 || from === undefined) return fail(t, result);
    const into = new Uint8Array(112);
    // f_bsize and f_frsize, then blocks, bfree, bavail, files, ffree; favail is ffree.
    into.set(from.subarray(8, 16), 0);
    into.set(from.subarray(72, 80), 8);
    into.set(from.subarray(16, 56), 16);
    into.set(from.subarray(48, 56), 56);
    into.set(from.subarray(56, 64), 64);
    into.set(from.subarray(80, 88), 72);
    into.set(from.subarray(64, 72), 80);
    return t.space.write(target, into) ? 0 : fail(t, -14);
  });
};

/** See the file's head. */
export const nameCalls: Calls = {
  mkstemp,
  mkstemp64: mkstemp,
  mkostemp,
  mkostemp64: mkostemp,
  mkstemps: temporary(() => 0, (t) => int(t, 1)),
  mkostemps: temporary((t) => int(t, 2), (t) => int(t, 1)),
  mkdtemp,
  tmpfile,
  tmpfile64: tmpfile,
  realpath,
  __realpath_chk: realpath,
  canonicalize_file_name: (task) => {
    const { arch } = task.process.cpu;
    task.frame.setNum(arch.register(arch.abis.call.args[1]), 0);
    return realpath(task);
  },
  statvfs: statvfs("statfs", (t) => arg(t, 0)),
  statvfs64: statvfs("statfs", (t) => arg(t, 0)),
  fstatvfs: statvfs("fstatfs", (t) => int(t, 0)),
  fstatvfs64: statvfs("fstatfs", (t) => int(t, 0)),
};
