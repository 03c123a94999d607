/** Names of flag bits and values of file calls, in the order in which strace prints them. Values are asm-generic's. */
import type { Names } from "./text.ts";

// deno-fmt-ignore
/** Open flags after the access mode; canonical (x86-64) values, see open.ts for other ABIs. */
export const OPEN_FLAGS: Names = [
  [0o100, "O_CREAT"], [0o200, "O_EXCL"], [0o400, "O_NOCTTY"], [0o1000, "O_TRUNC"], [0o2000, "O_APPEND"],
  [0o4000, "O_NONBLOCK"], [0o4010000, "O_SYNC"], [0o10000, "O_DSYNC"], [0o40000, "O_DIRECT"], [0o100000, "O_LARGEFILE"],
  [0o400000, "O_NOFOLLOW"], [0o1000000, "O_NOATIME"], [0o2000000, "O_CLOEXEC"], [0o10000000, "O_PATH"],
  [0o20200000, "O_TMPFILE"], [0o200000, "O_DIRECTORY"], [0o20000000, "__O_TMPFILE"], [0o20000, "FASYNC"],
];

// deno-fmt-ignore
export const AT_FLAGS: Names = [
  [0x100, "AT_SYMLINK_NOFOLLOW"], [0x200, "AT_REMOVEDIR"], [0x400, "AT_SYMLINK_FOLLOW"], [0x800, "AT_NO_AUTOMOUNT"],
  [0x1000, "AT_EMPTY_PATH"], [0x8000, "AT_RECURSIVE"],
];

/** As AT_FLAGS, but 0x200 is AT_EACCESS for faccessat2. */
export const ACCESS_AT_FLAGS: Names = [
  [0x100, "AT_SYMLINK_NOFOLLOW"],
  [0x200, "AT_EACCESS"],
  [0x1000, "AT_EMPTY_PATH"],
];

export const ACCESS_MODES: Names = [[0, "F_OK"], [4, "R_OK"], [2, "W_OK"], [1, "X_OK"]];

export const SEEK: Names = [
  [0, "SEEK_SET"],
  [1, "SEEK_CUR"],
  [2, "SEEK_END"],
  [3, "SEEK_DATA"],
  [4, "SEEK_HOLE"],
];

export const RENAME_FLAGS: Names = [
  [1, "RENAME_NOREPLACE"],
  [2, "RENAME_EXCHANGE"],
  [4, "RENAME_WHITEOUT"],
];

// deno-fmt-ignore
export const FALLOCATE: Names = [
  [1, "FALLOC_FL_KEEP_SIZE"], [2, "FALLOC_FL_PUNCH_HOLE"], [4, "FALLOC_FL_NO_HIDE_STALE"],
  [8, "FALLOC_FL_COLLAPSE_RANGE"], [16, "FALLOC_FL_ZERO_RANGE"], [32, "FALLOC_FL_INSERT_RANGE"],
  [64, "FALLOC_FL_UNSHARE_RANGE"],
];

export const SYNC_RANGE: Names = [
  [1, "SYNC_FILE_RANGE_WAIT_BEFORE"],
  [2, "SYNC_FILE_RANGE_WRITE"],
  [4, "SYNC_FILE_RANGE_WAIT_AFTER"],
];

export const CLOSE_RANGE: Names = [[2, "CLOSE_RANGE_UNSHARE"], [4, "CLOSE_RANGE_CLOEXEC"]];

export const PIPE_FLAGS: Names = [[0o4000, "O_NONBLOCK"], [0o40000, "O_DIRECT"], [0o2000000, "O_CLOEXEC"]];

// deno-fmt-ignore
export const FCNTL: Names = [
  [0, "F_DUPFD"], [1, "F_GETFD"], [2, "F_SETFD"], [3, "F_GETFL"], [4, "F_SETFL"], [5, "F_GETLK"], [6, "F_SETLK"],
  [7, "F_SETLKW"], [8, "F_SETOWN"], [9, "F_GETOWN"], [10, "F_SETSIG"], [11, "F_GETSIG"], [15, "F_SETOWN_EX"],
  [16, "F_GETOWN_EX"], [36, "F_OFD_GETLK"], [37, "F_OFD_SETLK"], [38, "F_OFD_SETLKW"], [1024, "F_SETLEASE"],
  [1025, "F_GETLEASE"], [1026, "F_NOTIFY"], [1030, "F_DUPFD_CLOEXEC"], [1031, "F_SETPIPE_SZ"], [1032, "F_GETPIPE_SZ"],
  [1033, "F_ADD_SEALS"], [1034, "F_GET_SEALS"],
];

export const FD_FLAGS: Names = [[1, "FD_CLOEXEC"]];
export const LOCK_TYPES: Names = [[0, "F_RDLCK"], [1, "F_WRLCK"], [2, "F_UNLCK"]];
export const SEALS: Names = [
  [1, "F_SEAL_SEAL"],
  [2, "F_SEAL_SHRINK"],
  [4, "F_SEAL_GROW"],
  [8, "F_SEAL_WRITE"],
  [16, "F_SEAL_FUTURE_WRITE"],
];

// deno-fmt-ignore
export const FLOCK: Names = [
  [1, "LOCK_SH"], [2, "LOCK_EX"], [4, "LOCK_NB"], [8, "LOCK_UN"], [32, "LOCK_MAND"], [64, "LOCK_READ"], [128, "LOCK_WRITE"],
];

// deno-fmt-ignore
export const POLL: Names = [
  [1, "POLLIN"], [2, "POLLPRI"], [4, "POLLOUT"], [64, "POLLRDNORM"], [128, "POLLRDBAND"], [256, "POLLWRNORM"],
  [512, "POLLWRBAND"], [1024, "POLLMSG"], [8, "POLLERR"], [16, "POLLHUP"], [32, "POLLNVAL"], [0x2000, "POLLRDHUP"],
];

// deno-fmt-ignore
export const EPOLL: Names = [
  [1, "EPOLLIN"], [2, "EPOLLPRI"], [4, "EPOLLOUT"], [64, "EPOLLRDNORM"], [128, "EPOLLRDBAND"], [256, "EPOLLWRNORM"],
  [512, "EPOLLWRBAND"], [1024, "EPOLLMSG"], [8, "EPOLLERR"], [16, "EPOLLHUP"], [0x2000, "EPOLLRDHUP"],
  [1 << 28, "EPOLLEXCLUSIVE"], [1 << 29, "EPOLLWAKEUP"], [1 << 30, "EPOLLONESHOT"], [1 << 31, "EPOLLET"],
];

// deno-fmt-ignore
export const RWF: Names = [
  [1, "RWF_HIPRI"], [2, "RWF_DSYNC"], [4, "RWF_SYNC"], [8, "RWF_NOWAIT"], [16, "RWF_APPEND"],
];

// deno-fmt-ignore
export const SPLICE: Names = [[1, "SPLICE_F_MOVE"], [2, "SPLICE_F_NONBLOCK"], [4, "SPLICE_F_MORE"], [8, "SPLICE_F_GIFT"]];

// deno-fmt-ignore
export const FADVISE: Names = [
  [0, "POSIX_FADV_NORMAL"], [1, "POSIX_FADV_RANDOM"], [2, "POSIX_FADV_SEQUENTIAL"], [3, "POSIX_FADV_WILLNEED"],
  [4, "POSIX_FADV_DONTNEED"], [5, "POSIX_FADV_NOREUSE"],
];

export const MEMFD: Names = [[1, "MFD_CLOEXEC"], [2, "MFD_ALLOW_SEALING"], [4, "MFD_HUGETLB"]];
export const EVENTFD: Names = [[1, "EFD_SEMAPHORE"], [0o2000000, "EFD_CLOEXEC"], [0o4000, "EFD_NONBLOCK"]];
export const XATTR: Names = [[1, "XATTR_CREATE"], [2, "XATTR_REPLACE"]];

// deno-fmt-ignore
/** statfs f_type. */
export const FS_MAGIC: Names = [
  [0xef53, "EXT2_SUPER_MAGIC"], [0x01021994, "TMPFS_MAGIC"], [0x9fa0, "PROC_SUPER_MAGIC"], [0x62656572, "SYSFS_MAGIC"],
  [0x1cd1, "DEVPTS_SUPER_MAGIC"], [0x794c7630, "OVERLAYFS_SUPER_MAGIC"], [0x50495045, "PIPEFS_MAGIC"],
  [0x858458f6, "RAMFS_MAGIC"], [0x6a656a63, "FUSE_SUPER_MAGIC"],
];

// deno-fmt-ignore
export const ST_FLAGS: Names = [
  [0x20, "ST_VALID"], [1, "ST_RDONLY"], [2, "ST_NOSUID"], [4, "ST_NODEV"], [8, "ST_NOEXEC"], [16, "ST_SYNCHRONOUS"],
  [64, "ST_MANDLOCK"], [1024, "ST_NOATIME"], [2048, "ST_NODIRATIME"], [4096, "ST_RELATIME"], [8192, "ST_NOSYMFOLLOW"],
];

// deno-fmt-ignore
export const STATX_MASK: Names = [
  [0xfff, "STATX_ALL"], [0x7ff, "STATX_BASIC_STATS"], [1, "STATX_TYPE"], [2, "STATX_MODE"], [4, "STATX_NLINK"],
  [8, "STATX_UID"], [16, "STATX_GID"], [32, "STATX_ATIME"], [64, "STATX_MTIME"], [128, "STATX_CTIME"], [256, "STATX_INO"],
  [512, "STATX_SIZE"], [1024, "STATX_BLOCKS"], [2048, "STATX_BTIME"], [4096, "STATX_MNT_ID"],
];

// deno-fmt-ignore
/** The ioctl requests that programs of the demand tables make, and their neighbours; strace's spellings. */
export const IOCTL: Names = [
  [0x5401, "TCGETS"], [0x5402, "SNDCTL_TMR_START or TCSETS"], [0x5403, "SNDCTL_TMR_STOP or TCSETSW"],
  [0x5404, "SNDCTL_TMR_CONTINUE or TCSETSF"], [0x5405, "TCGETA"], [0x5409, "TCSBRK"], [0x540a, "TCXONC"],
  [0x540b, "TCFLSH"], [0x540c, "TIOCEXCL"], [0x540d, "TIOCNXCL"], [0x540e, "TIOCSCTTY"], [0x540f, "TIOCGPGRP"],
  [0x5410, "TIOCSPGRP"], [0x5411, "TIOCOUTQ"], [0x5413, "TIOCGWINSZ"], [0x5414, "TIOCSWINSZ"], [0x541b, "FIONREAD"],
  [0x5421, "FIONBIO"], [0x5422, "TIOCNOTTY"], [0x5425, "TCSBRKP"], [0x5429, "TIOCGSID"], [0x5450, "FIONCLEX"],
  [0x5451, "FIOCLEX"], [0x5452, "FIOASYNC"], [0x5460, "FIOQSIZE"], [0x80045430, "TIOCGPTN"], [0x40045431, "TIOCSPTLCK"],
  [0x40049409, "BTRFS_IOC_CLONE or FICLONE"], [0x4020940d, "BTRFS_IOC_CLONE_RANGE or FICLONERANGE"],
  [0x80086601, "FS_IOC_GETFLAGS"], [0x40086602, "FS_IOC_SETFLAGS"], [0x80081272, "BLKGETSIZE64"], [0x1260, "BLKGETSIZE"],
];
