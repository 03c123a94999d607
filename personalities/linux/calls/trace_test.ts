// The trace texts of file calls, as real `strace` 6.1 printed them for the same calls (spec X32, X33).
import { assertEquals } from "@std/assert";
import type { Syscall } from "@guise/core";
import { Machine } from "../testdata/harness.ts";
import * as attributes from "./attributes.ts";
import * as descriptor from "./descriptor.ts";
import * as directory from "./directory.ts";
import { fcntl } from "./fcntl.ts";
import { ioctl } from "./ioctl.ts";
import * as link from "./link.ts";
import { flock } from "./lock.ts";
import * as open from "./open.ts";
import * as poll from "./poll.ts";
import * as rw from "./read_write.ts";
import * as space from "./space.ts";
import * as stat from "./stat.ts";
import * as xattr from "./xattr.ts";
import * as sendfile from "./sendfile.ts";

const BAD = 99, AT_FDCWD = -100;

function line(
  name: string,
  expected: string,
  machine: Machine,
  call: Syscall,
  ...args: (number | string)[]
): void {
  const [left, right] = expected.split(" = ");
  assertEquals(machine.traced(call, ...args), `${left.trimEnd().padEnd(39)} = ${right}`, name);
}

function u64(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(8 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((v, i) => {
    view.setUint32(8 * i, v % 2 ** 32, true);
    view.setInt32(8 * i + 4, Math.floor(v / 2 ** 32), true);
  });
  return bytes;
}

Deno.test("open prints flags and mode as strace does", () => {
  const m = new Machine();
  const enoent = " = -1 ENOENT (No such file or directory)";
  const check = (text: string, call: Syscall, ...args: (number | string)[]) =>
    line(text, text + enoent, m, call, ...args);
  check(
    'open("/nonexist/x", O_ACCMODE|O_CREAT|O_EXCL|O_NOCTTY|O_TRUNC|O_APPEND|O_NONBLOCK|O_SYNC|O_DIRECT|O_LARGEFILE|' +
      "O_NOFOLLOW|O_NOATIME|O_CLOEXEC|O_PATH|O_TMPFILE|FASYNC|0x7f80003c, 0777)",
    open.open,
    "/nonexist/x",
    0x7fffffff,
    0o777,
  );
  check('open("/nonexist/x", O_WRONLY|O_CREAT, 04755)', open.open, "/nonexist/x", 0o101, 0o4755);
  check('open("/nonexist/x", O_RDWR|O_TMPFILE, 0600)', open.open, "/nonexist/x", 0o20200002, 0o600);
  check('open("/nonexist/x", O_ACCMODE)', open.open, "/nonexist/x", 3, 0);
  check('creat("/nonexist/x", 0644)', open.creat, "/nonexist/x", 0o644);
  line("efault", "open(0x1, O_RDONLY) = -1 EFAULT (Bad address)", m, open.open, 1, 0, 0o600);
  line("null", "open(NULL, O_RDONLY) = -1 EFAULT (Bad address)", m, open.open, 0, 0, 0o600);
  const odd = m.put(new Uint8Array([0x61, 10, 9, 0x1b, 0x7f, 0x39, 1, 0x80, 0x22, 0x5c, 0]));
  line(
    "escapes",
    'openat(AT_FDCWD, "a\\n\\t\\33\\1779\\1\\200\\"\\\\", O_RDONLY) = -1 ENOENT (No such file or directory)',
    m,
    open.openat,
    AT_FDCWD,
    odd,
    0,
  );
  line(
    "dirfd",
    'openat(77, "a", O_RDONLY|O_PATH) = -1 EBADF (Bad file descriptor)',
    m,
    open.openat,
    77,
    "a",
    0o10000000,
  );
});

Deno.test("open translates aarch64's flags when the row is aarch64's (A9)", () => {
  const m = new Machine({ arch: "aarch64" });
  line(
    "flags",
    'openat(AT_FDCWD, "/", O_RDONLY|O_LARGEFILE|O_NOFOLLOW|O_DIRECTORY) = 0',
    m,
    open.openat,
    AT_FDCWD,
    "/",
    0o40000 | 0o100000 | 0o400000,
  );
});

Deno.test("the stat family prints mode and size, or the device", () => {
  const m = new Machine();
  m.call(open.creat, "/f", 0o644);
  m.call(rw.write, 0, "hello", 5);
  const out = m.room(256);
  line("reg", 'stat("/f", {st_mode=S_IFREG|0644, st_size=5, ...}) = 0', m, stat.stat, "/f", out);
  line(
    "dev",
    'lstat("/dev/null", {st_mode=S_IFCHR|0666, st_rdev=makedev(0x1, 0x3), ...}) = 0',
    m,
    stat.lstat,
    "/dev/null",
    out,
  );
  line(
    "at",
    'newfstatat(AT_FDCWD, "/", {st_mode=S_IFDIR|0755, st_size=4096, ...}, AT_SYMLINK_NOFOLLOW|AT_NO_AUTOMOUNT) = 0',
    m,
    stat.newfstatat,
    AT_FDCWD,
    "/",
    out,
    0x900,
  );
  line("fault", 'stat("/", 0x1) = -1 EFAULT (Bad address)', m, stat.stat, "/", 1);
  line(
    "empty",
    'newfstatat(0, "", {st_mode=S_IFREG|0644, st_size=5, ...}, AT_EMPTY_PATH) = 0',
    m,
    stat.newfstatat,
    0,
    "",
    out,
    0x1000,
  );
  line(
    "statx",
    'statx(AT_FDCWD, "/f", AT_STATX_SYNC_AS_STAT|AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, ' +
      "{stx_mask=STATX_BASIC_STATS|STATX_MNT_ID, stx_attributes=0, stx_mode=S_IFREG|0644, stx_size=5, ...}) = 0",
    m,
    stat.statx,
    AT_FDCWD,
    "/f",
    0x100,
    0x7ff,
    out,
  );
  line("access", 'access("/f", R_OK|W_OK) = 0', m, stat.access, "/f", 6);
  line("F_OK", 'access("/x", F_OK) = -1 ENOENT (No such file or directory)', m, stat.access, "/x", 0);
  line("bad", 'access("/x", W_OK|X_OK|0x60) = -1 EINVAL (Invalid argument)', m, stat.access, "/x", 99);
  line(
    "faccessat2",
    'faccessat2(AT_FDCWD, "/x", X_OK, AT_SYMLINK_NOFOLLOW|AT_EACCESS|AT_EMPTY_PATH) = -1 ENOENT (No such file or directory)',
    m,
    stat.faccessat2,
    AT_FDCWD,
    "/x",
    1,
    0x1300,
  );
});

Deno.test("directory and name calls print as strace does", () => {
  const m = new Machine();
  const dir = m.call(open.open, "/dev", 0o200000, 0);
  const buffer = m.room(4096);
  const entries = m.traced(directory.getdents64, dir, buffer, 4096);
  assertEquals(
    /^getdents64\(0, 0x[0-9a-f]+ \/\* \d+ entries \*\/, 4096\) = \d+$/.test(entries),
    true,
    entries,
  );
  line("getcwd", 'getcwd("/", 4096) = 2', m, directory.getcwd, buffer, 4096);
  line("range", "getcwd(NULL, 1) = -1 ERANGE (Numerical result out of range)", m, directory.getcwd, 0, 1);
  line(
    "mkdir",
    'mkdirat(AT_FDCWD, "/dev", 000) = -1 EEXIST (File exists)',
    m,
    directory.mkdirat,
    AT_FDCWD,
    "/dev",
    0,
  );
  line(
    "rm",
    'unlinkat(AT_FDCWD, "/x", AT_REMOVEDIR) = -1 ENOENT (No such file or directory)',
    m,
    link.unlinkat,
    AT_FDCWD,
    "/x",
    0x200,
  );
  line(
    "mv",
    'renameat(AT_FDCWD, "/x", 0, "/y") = -1 ENOENT (No such file or directory)',
    m,
    link.renameat,
    AT_FDCWD,
    "/x",
    0,
    "/y",
  );
  line(
    "mv2",
    'renameat2(AT_FDCWD, "/x", AT_FDCWD, "/y", RENAME_NOREPLACE|RENAME_EXCHANGE|RENAME_WHITEOUT) = -1 EINVAL (Invalid argument)',
    m,
    link.renameat2,
    AT_FDCWD,
    "/x",
    AT_FDCWD,
    "/y",
    7,
  );
  line("ln", 'symlink("/x", "/l") = 0', m, link.symlink, "/x", "/l");
  line("rl", 'readlink("/l", "/x", 4096) = 2', m, link.readlink, "/l", buffer, 4096);
  line("rl1", 'readlink("/l", "/", 1) = 1', m, link.readlink, "/l", buffer, 1);
  line("mknod", 'mknod("/dev", S_IFIFO|0644) = -1 EEXIST (File exists)', m, link.mknod, "/dev", 0o10644, 0);
  line(
    "chr",
    'mknodat(AT_FDCWD, "/dev", S_IFCHR|0600, makedev(0x1, 0x3)) = -1 EEXIST (File exists)',
    m,
    link.mknodat,
    AT_FDCWD,
    "/dev",
    0o20600,
    0x103,
  );
  line("mode", 'mknod("/dev", 0666) = -1 EEXIST (File exists)', m, link.mknod, "/dev", 0o666, 5);
  line(
    "dir",
    'mknod("/dev", S_IFDIR|0666) = -1 EPERM (Operation not permitted)',
    m,
    link.mknod,
    "/dev",
    0o40666,
    5,
  );
});

Deno.test("attribute calls print as strace does", () => {
  const m = new Machine();
  const no = " = -1 ENOENT (No such file or directory)";
  line("chmod", `chmod("/x", 01777)${no}`, m, attributes.chmod, "/x", 0o1777);
  line("fchmod", "fchmod(99, 000) = -1 EBADF (Bad file descriptor)", m, attributes.fchmod, BAD, 0);
  line("chown", `chown("/x", -1, 5)${no}`, m, attributes.chown, "/x", -1, 5);
  line(
    "at",
    `fchownat(AT_FDCWD, "/x", 0, 0, AT_SYMLINK_NOFOLLOW)${no}`,
    m,
    attributes.fchownat,
    AT_FDCWD,
    "/x",
    0,
    0,
    0x100,
  );
  line("umask", "umask(0177777) = 022", m, attributes.umask, 0o777777);
  line("umask", "umask(022) = 0777", m, attributes.umask, 0o22);
  line(
    "utimensat",
    `utimensat(AT_FDCWD, "/x", [{tv_sec=1, tv_nsec=2} /* 1970-01-01T00:00:01.000000002+0000 */, UTIME_NOW], 0)${no}`,
    m,
    attributes.utimensat,
    AT_FDCWD,
    "/x",
    m.put(u64(1, 2, 0, 0x3fffffff)),
    0,
  );
  line(
    "omit",
    `utimensat(AT_FDCWD, "/x", [UTIME_OMIT, UTIME_NOW], AT_SYMLINK_NOFOLLOW)${no}`,
    m,
    attributes.utimensat,
    AT_FDCWD,
    "/x",
    m.put(u64(1, 0x3ffffffe, 0, 0x3fffffff)),
    0x100,
  );
  line(
    "null",
    "utimensat(99, NULL, 0x1, 0) = -1 EFAULT (Bad address)",
    m,
    attributes.utimensat,
    BAD,
    0,
    1,
    0,
  );
  line(
    "utime",
    `utime("/x", {actime=1600000000 /* 2020-09-13T12:26:40+0000 */, modtime=2 /* 1970-01-01T00:00:02+0000 */})${no}`,
    m,
    attributes.utime,
    "/x",
    m.put(u64(1600000000, 2)),
  );
  line(
    "utimes",
    `utimes("/x", [{tv_sec=1, tv_usec=2} /* 1970-01-01T00:00:01.000002+0000 */, ` +
      `{tv_sec=3, tv_usec=4} /* 1970-01-01T00:00:03.000004+0000 */])${no}`,
    m,
    attributes.utimes,
    "/x",
    m.put(u64(1, 2, 3, 4)),
  );
  line(
    "fallocate",
    "fallocate(99, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096) = -1 EBADF (Bad file descriptor)",
    m,
    space.fallocate,
    BAD,
    3,
    0,
    4096,
  );
  line("truncate", `truncate("/x", 42949672960)${no}`, m, space.truncate, "/x", 5 * 2 ** 33);
});

Deno.test("descriptor calls print as strace does", () => {
  const m = new Machine();
  const pair = m.room(16);
  line("pipe", "pipe([0, 1]) = 0", m, descriptor.pipe, pair);
  line("pipe2", "pipe2([2, 3], O_NONBLOCK|O_CLOEXEC) = 0", m, descriptor.pipe2, pair, 0o2004000);
  line("pipe fault", "pipe(0x1) = -1 EFAULT (Bad address)", m, descriptor.pipe, 1);
  line("dup3", "dup3(1, 50, O_CLOEXEC) = 50", m, descriptor.dup3, 1, 50, 0o2000000);
  line(
    "range",
    "close_range(60, 70, CLOSE_RANGE_UNSHARE|CLOSE_RANGE_CLOEXEC) = 0",
    m,
    open.closeRange,
    60,
    70,
    6,
  );
  line("dupfd", "fcntl(0, F_DUPFD, 100) = 100", m, fcntl, 0, 0, 100);
  line("cloexec", "fcntl(0, F_DUPFD_CLOEXEC, 101) = 101", m, fcntl, 0, 1030, 101);
  line("getfd", "fcntl(101, F_GETFD) = 0x1 (flags FD_CLOEXEC)", m, fcntl, 101, 1, 0);
  line("getfd0", "fcntl(0, F_GETFD) = 0", m, fcntl, 0, 1, 0);
  line("setfd", "fcntl(0, F_SETFD, FD_CLOEXEC|0x2) = 0", m, fcntl, 0, 2, 3);
  line("getfl", "fcntl(2, F_GETFL) = 0x800 (flags O_RDONLY|O_NONBLOCK)", m, fcntl, 2, 3, 0);
  line("setfl", "fcntl(3, F_SETFL, O_RDONLY|O_APPEND|O_NONBLOCK) = 0", m, fcntl, 3, 4, 0o6000);
  line("size", "fcntl(2, F_GETPIPE_SZ) = 65536", m, fcntl, 2, 1032, 0);
  line("lease", "fcntl(0, F_GETLEASE) = 0x2 (F_UNLCK)", m, fcntl, 0, 1025, 0);
  line("odd", "fcntl(0, 0x1e61 /* F_??? */, 0x3) = -1 EINVAL (Invalid argument)", m, fcntl, 0, 7777, 3);
  const lock = new Uint8Array(32);
  lock.set(u64(10, 20), 8);
  const at = m.put(lock);
  line(
    "setlk",
    "fcntl(99, F_SETLK, {l_type=F_RDLCK, l_whence=SEEK_SET, l_start=10, l_len=20}) = -1 EBADF (Bad file descriptor)",
    m,
    fcntl,
    BAD,
    6,
    at,
  );
  line(
    "getlk",
    "fcntl(0, F_GETLK, {l_type=F_UNLCK, l_whence=SEEK_SET, l_start=10, l_len=20, l_pid=0}) = 0",
    m,
    fcntl,
    0,
    5,
    at,
  );
  line("flock", "flock(0, LOCK_EX|LOCK_NB) = 0", m, flock, 0, 6);
  line(
    "flock",
    "flock(0, LOCK_SH|LOCK_NB|LOCK_UN|LOCK_READ) = -1 EINVAL (Invalid argument)",
    m,
    flock,
    0,
    77,
  );
});

Deno.test("ioctl prints requests by name and decodes their arguments", () => {
  const m = new Machine();
  const buffer = m.room(64);
  m.call(descriptor.pipe, buffer);
  m.call(open.open, "/", 0o200000, 0);
  const enotty = " = -1 ENOTTY (Inappropriate ioctl for device)";
  const hex = `0x${buffer.toString(16)}`;
  line("tcgets", `ioctl(2, TCGETS, ${hex})${enotty}`, m, ioctl, 2, 0x5401, buffer);
  m.space.setU32(buffer, 0);
  line("fionread", "ioctl(0, FIONREAD, [0]) = 0", m, ioctl, 0, 0x541b, buffer);
  m.space.setU32(buffer, 1);
  line("fionbio", "ioctl(0, FIONBIO, [1]) = 0", m, ioctl, 0, 0x5421, buffer);
  line("fioclex", "ioctl(0, FIOCLEX) = 0", m, ioctl, 0, 0x5451, 0);
  line("odd", `ioctl(2, _IOC(_IOC_NONE, 0x12, 0x34, 0), 0x5)${enotty}`, m, ioctl, 2, 0x1234, 5);
  m.space.write(buffer, new Uint8Array(64));
  line(
    "tcsets",
    "ioctl(2, SNDCTL_TMR_STOP or TCSETSW, {c_iflag=, c_oflag=NL0|CR0|TAB0|BS0|VT0|FF0|, c_cflag=B0|CS5|, c_lflag=, ...})" +
      enotty,
    m,
    ioctl,
    2,
    0x5403,
    buffer,
  );
  line("flush", `ioctl(2, TCFLSH, TCIFLUSH)${enotty}`, m, ioctl, 2, 0x540b, 0);
  line(
    "winsz",
    `ioctl(2, TIOCSWINSZ, {ws_row=0, ws_col=0, ws_xpixel=0, ws_ypixel=0})${enotty}`,
    m,
    ioctl,
    2,
    0x5414,
    buffer,
  );
});

Deno.test("poll and select print what is ready", () => {
  const m = new Machine();
  const pair = m.room(8);
  m.call(descriptor.pipe, pair);
  const fds = new Uint8Array(24);
  const view = new DataView(fds.buffer);
  [[0, 1], [1, 6], [99, 1 | 64 | 0x2000]].forEach(([fd, events], i) => {
    view.setInt32(8 * i, fd, true);
    view.setInt16(8 * i + 4, events, true);
  });
  const at = m.put(fds);
  line(
    "poll",
    "poll([{fd=0, events=POLLIN}, {fd=1, events=POLLPRI|POLLOUT}, {fd=99, events=POLLIN|POLLRDNORM|POLLRDHUP}], 3, 100)" +
      " = 2 ([{fd=1, revents=POLLOUT}, {fd=99, revents=POLLNVAL}])",
    m,
    poll.poll,
    at,
    3,
    100,
  );
  line("timeout", "poll([{fd=0, events=POLLIN}], 1, 0) = 0 (Timeout)", m, poll.poll, at, 1, 0);
  line("null", "poll(NULL, 0, 0) = 0 (Timeout)", m, poll.poll, 0, 0, 0);
  line("fault", "poll(0x1, 1, 0) = -1 EFAULT (Bad address)", m, poll.poll, 1, 1, 0);
  const zero = m.put(u64(0, 1000));
  m.now = 0;
  line(
    "ppoll mask",
    "ppoll([{fd=0, events=POLLIN}, {fd=1, events=POLLPRI|POLLOUT}], 2, NULL, [TRAP], 8) = 1 ([{fd=1, revents=POLLOUT}])",
    m,
    poll.ppoll,
    at,
    2,
    0,
    m.put(u64(0x10)),
    8,
  );
  const sets = [1, 2, 1].map((bits) => m.put(u64(bits)));
  // A trace is made after the call here, so the sets show what came back; strace reads them at entry.
  const result = m.call(poll.select, 20, sets[0], sets[1], sets[2], zero);
  assertEquals(result, 1);
  assertEquals([
    m.view(sets[0], 8).getUint8(0),
    m.view(sets[1], 8).getUint8(0),
    m.view(sets[2], 8).getUint8(0),
  ], [0, 2, 0]);
  assertEquals(poll.select.spec.result instanceof Function, true);
  assertEquals(m.trace(poll.select, result).split(" = ")[1], "1 (out [1], left {tv_sec=0, tv_usec=1000})");
});

Deno.test("reads and writes print their bytes", () => {
  const m = new Machine();
  m.call(descriptor.pipe, m.room(8));
  const buffer = m.room(64);
  line("write", 'write(1, "hello\\n", 6) = 6', m, rw.write, 1, "hello\n", 6);
  line("read", 'read(0, "hello\\n", 100) = 6', m, rw.read, 0, buffer, 100);
  line("fault", "write(1, 0x1, 4) = -1 EFAULT (Bad address)", m, rw.write, 1, 1, 4);
  line("bad", "write(99, 0x1, 4) = -1 EBADF (Bad file descriptor)", m, rw.write, 99, 1, 4);
  const a = m.put("abc"), d = m.put("defg");
  const vector = m.put(u64(a, 3, d, 4));
  line(
    "writev",
    'writev(1, [{iov_base="abc", iov_len=3}, {iov_base="defg", iov_len=4}], 2) = 7',
    m,
    rw.writev,
    1,
    vector,
    2,
  );
  const into = m.put(u64(buffer, 3, buffer + 16, 400));
  line(
    "readv",
    'readv(0, [{iov_base="abc", iov_len=3}, {iov_base="defg", iov_len=400}], 2) = 7',
    m,
    rw.readv,
    0,
    into,
    2,
  );
  line(
    "preadv",
    `preadv(0, [{iov_base=0x${buffer.toString(16)}, iov_len=3}, {iov_base=0x${
      (buffer + 16).toString(16)
    }, iov_len=400}], 2, 7)` +
      " = -1 ESPIPE (Illegal seek)",
    m,
    rw.preadv,
    0,
    into,
    2,
    7,
    0,
  );
  line("vector fault", "writev(1, 0x1, 3) = -1 EFAULT (Bad address)", m, rw.writev, 1, 1, 3);
  line("lseek", "lseek(0, 0, 0x9 /* SEEK_??? */) = -1 EINVAL (Invalid argument)", m, rw.lseek, 0, 0, 9);
  const long = m.put("x".repeat(60));
  line("long", `write(1, "${"x".repeat(32)}"..., 60) = 60`, m, rw.write, 1, long, 60);
  line(
    "sendfile",
    "sendfile(1, 0, NULL, 100) = -1 EINVAL (Invalid argument)",
    m,
    sendfile.sendfile,
    1,
    0,
    0,
    100,
  );
  line(
    "getxattr",
    `getxattr("/", "user.x", 0x${buffer.toString(16)}, 100) = -1 ENODATA (No data available)`,
    m,
    xattr.getxattr,
    "/",
    "user.x",
    buffer,
    100,
  );
});
