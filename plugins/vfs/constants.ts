/**
 * Numbers of the Linux ABI that the file system itself speaks: file types, open flags, poll bits, seek origins. Values
 * are those of asm-generic, which are x86-64's; a personality whose ABI numbers differ (aarch64's O_DIRECTORY, spec A9)
 * translates at its border.
 */

// deno-fmt-ignore
export const S_IFMT = 0o170000, S_IFSOCK = 0o140000, S_IFLNK = 0o120000, S_IFREG = 0o100000, S_IFBLK = 0o060000,
  S_IFDIR = 0o040000, S_IFCHR = 0o020000, S_IFIFO = 0o010000, S_ISUID = 0o4000, S_ISGID = 0o2000, S_ISVTX = 0o1000;

/** Flags of open(2). */
// deno-fmt-ignore
export const O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_ACCMODE = 3, O_CREAT = 0o100, O_EXCL = 0o200, O_NOCTTY = 0o400,
  O_TRUNC = 0o1000, O_APPEND = 0o2000, O_NONBLOCK = 0o4000, O_DSYNC = 0o10000, O_ASYNC = 0o20000, O_DIRECT = 0o40000,
  O_LARGEFILE = 0o100000, O_DIRECTORY = 0o200000, O_NOFOLLOW = 0o400000, O_NOATIME = 0o1000000, O_CLOEXEC = 0o2000000,
  O_SYNC = 0o4010000, O_PATH = 0o10000000, O_TMPFILE = 0o20200000;

/** Bits of poll(2). */
// deno-fmt-ignore
export const POLLIN = 1, POLLPRI = 2, POLLOUT = 4, POLLERR = 8, POLLHUP = 16, POLLNVAL = 32, POLLRDNORM = 64,
  POLLRDBAND = 128, POLLWRNORM = 256, POLLWRBAND = 512, POLLRDHUP = 0x2000;

/** Origins of lseek(2). */
export const SEEK_SET = 0, SEEK_CUR = 1, SEEK_END = 2, SEEK_DATA = 3, SEEK_HOLE = 4;

/** access(2) and permission checks: the three permission bits. */
export const R_OK = 4, W_OK = 2, X_OK = 1;

/** renameat2 flags. */
export const RENAME_NOREPLACE = 1, RENAME_EXCHANGE = 2, RENAME_WHITEOUT = 4;

/** d_type of a directory entry: the type bits of the mode, shifted. */
export function direntType(mode: number): number {
  return (mode & S_IFMT) >>> 12;
}

/** Limits in bytes: one name, and a whole path with its NUL. */
export const NAME_MAX = 255, PATH_MAX = 4096;
/** Symbolic links followed in one walk before ELOOP. */
export const SYMLINK_MAX = 40;

/** The largest file size and offset: beyond it EFBIG or EINVAL. Numbers are exact up to here. */
export const SIZE_MAX: number = Number.MAX_SAFE_INTEGER;

/** A device number as Linux encodes it in st_rdev (the low 32 bits: major below 4096, minor below 2^20). */
export function makedev(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}
/** The major number of a device number. */
export function majorOf(dev: number): number {
  return (dev >>> 8) & 0xfff;
}
/** The minor number of a device number. */
export function minorOf(dev: number): number {
  return (dev & 0xff) | ((dev >>> 12) & 0xfff00);
}
