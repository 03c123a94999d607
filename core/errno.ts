/**
 * Error numbers. A failed operation is a value, the negated number, as the Linux system call ABI returns it; nothing
 * that a guest does is thrown. The numbers are those of asm-generic/errno, common to x86-64 and aarch64.
 */

/** A negated error number, -4095 to -1. */
export type Errno = number & { readonly errno?: never };

// deno-fmt-ignore
const table: readonly [number, string, string][] = [
  [1, "EPERM", "Operation not permitted"], [2, "ENOENT", "No such file or directory"], [3, "ESRCH", "No such process"],
  [4, "EINTR", "Interrupted system call"], [5, "EIO", "Input/output error"], [6, "ENXIO", "No such device or address"],
  [7, "E2BIG", "Argument list too long"], [8, "ENOEXEC", "Exec format error"], [9, "EBADF", "Bad file descriptor"],
  [10, "ECHILD", "No child processes"], [11, "EAGAIN", "Resource temporarily unavailable"],
  [12, "ENOMEM", "Cannot allocate memory"], [13, "EACCES", "Permission denied"], [14, "EFAULT", "Bad address"],
  [15, "ENOTBLK", "Block device required"], [16, "EBUSY", "Device or resource busy"], [17, "EEXIST", "File exists"],
  [18, "EXDEV", "Invalid cross-device link"], [19, "ENODEV", "No such device"], [20, "ENOTDIR", "Not a directory"],
  [21, "EISDIR", "Is a directory"], [22, "EINVAL", "Invalid argument"], [23, "ENFILE", "Too many open files in system"],
  [24, "EMFILE", "Too many open files"], [25, "ENOTTY", "Inappropriate ioctl for device"], [26, "ETXTBSY", "Text file busy"],
  [27, "EFBIG", "File too large"], [28, "ENOSPC", "No space left on device"], [29, "ESPIPE", "Illegal seek"],
  [30, "EROFS", "Read-only file system"], [31, "EMLINK", "Too many links"], [32, "EPIPE", "Broken pipe"],
  [33, "EDOM", "Numerical argument out of domain"], [34, "ERANGE", "Numerical result out of range"],
  [35, "EDEADLK", "Resource deadlock avoided"], [36, "ENAMETOOLONG", "File name too long"],
  [37, "ENOLCK", "No locks available"], [38, "ENOSYS", "Function not implemented"], [39, "ENOTEMPTY", "Directory not empty"],
  [40, "ELOOP", "Too many levels of symbolic links"], [42, "ENOMSG", "No message of desired type"],
  [43, "EIDRM", "Identifier removed"], [61, "ENODATA", "No data available"], [62, "ETIME", "Timer expired"],
  [71, "EPROTO", "Protocol error"], [74, "EBADMSG", "Bad message"], [75, "EOVERFLOW", "Value too large for defined data type"],
  [79, "ELIBACC", "Can not access a needed shared library"], [80, "ELIBBAD", "Accessing a corrupted shared library"],
  [83, "ELIBEXEC", "Cannot exec a shared library directly"],
  [84, "EILSEQ", "Invalid or incomplete multibyte or wide character"], [87, "EUSERS", "Too many users"],
  [88, "ENOTSOCK", "Socket operation on non-socket"], [89, "EDESTADDRREQ", "Destination address required"],
  [90, "EMSGSIZE", "Message too long"], [91, "EPROTOTYPE", "Protocol wrong type for socket"],
  [92, "ENOPROTOOPT", "Protocol not available"], [93, "EPROTONOSUPPORT", "Protocol not supported"],
  [94, "ESOCKTNOSUPPORT", "Socket type not supported"], [95, "EOPNOTSUPP", "Operation not supported"],
  [96, "EPFNOSUPPORT", "Protocol family not supported"],
  [97, "EAFNOSUPPORT", "Address family not supported by protocol"], [98, "EADDRINUSE", "Address already in use"],
  [99, "EADDRNOTAVAIL", "Cannot assign requested address"], [100, "ENETDOWN", "Network is down"],
  [101, "ENETUNREACH", "Network is unreachable"], [103, "ECONNABORTED", "Software caused connection abort"],
  [104, "ECONNRESET", "Connection reset by peer"], [105, "ENOBUFS", "No buffer space available"],
  [106, "EISCONN", "Transport endpoint is already connected"], [107, "ENOTCONN", "Transport endpoint is not connected"],
  [108, "ESHUTDOWN", "Cannot send after transport endpoint shutdown"], [110, "ETIMEDOUT", "Connection timed out"],
  [111, "ECONNREFUSED", "Connection refused"], [112, "EHOSTDOWN", "Host is down"], [113, "EHOSTUNREACH", "No route to host"],
  [114, "EALREADY", "Operation already in progress"], [115, "EINPROGRESS", "Operation now in progress"],
  [116, "ESTALE", "Stale file handle"], [122, "EDQUOT", "Disk quota exceeded"], [125, "ECANCELED", "Operation canceled"],
  [129, "EKEYREJECTED", "Key was rejected by service"], [130, "EOWNERDEAD", "Owner died"],
  [131, "ENOTRECOVERABLE", "State not recoverable"],
  // Kernel-internal: never seen by a guest; the personality turns them into a restart or EINTR (spec X29).
  [512, "ERESTARTSYS", "To be restarted if SA_RESTART is set"], [513, "ERESTARTNOINTR", "To be restarted"],
  [514, "ERESTARTNOHAND", "To be restarted if no handler"],
  [516, "ERESTART_RESTARTBLOCK", "Interrupted by signal"],
];

const names = new Map(table.map(([n, name]) => [n, name]));
const texts = new Map(table.map(([n, , text]) => [n, text]));

/** The name of a negated error number, `ENOENT` for -2; `ERRNO_n` when there is none. */
export function errnoName(errno: Errno): string {
  return names.get(-errno) ?? `ERRNO_${-errno}`;
}

/** The text of a negated error number, as strerror(3) of glibc in the C locale. */
export function errnoText(errno: Errno): string {
  return texts.get(-errno) ?? `Unknown error ${-errno}`;
}

// deno-fmt-ignore
export const EPERM: Errno = -1, ENOENT: Errno = -2, ESRCH: Errno = -3, EINTR: Errno = -4, EIO: Errno = -5, ENXIO: Errno = -6,
  E2BIG: Errno = -7, ENOEXEC: Errno = -8, EBADF: Errno = -9, ECHILD: Errno = -10, EAGAIN: Errno = -11, ENOMEM: Errno = -12,
  EACCES: Errno = -13, EFAULT: Errno = -14, ENOTBLK: Errno = -15, EBUSY: Errno = -16, EEXIST: Errno = -17, EXDEV: Errno = -18,
  ENODEV: Errno = -19, ENOTDIR: Errno = -20, EISDIR: Errno = -21, EINVAL: Errno = -22, ENFILE: Errno = -23, EMFILE: Errno = -24,
  ENOTTY: Errno = -25, ETXTBSY: Errno = -26, EFBIG: Errno = -27, ENOSPC: Errno = -28, ESPIPE: Errno = -29, EROFS: Errno = -30,
  EMLINK: Errno = -31, EPIPE: Errno = -32, EDOM: Errno = -33, ERANGE: Errno = -34, EDEADLK: Errno = -35,
  ENAMETOOLONG: Errno = -36, ENOLCK: Errno = -37, ENOSYS: Errno = -38, ENOTEMPTY: Errno = -39, ELOOP: Errno = -40,
  ENOMSG: Errno = -42, EIDRM: Errno = -43, ENODATA: Errno = -61, ETIME: Errno = -62, EPROTO: Errno = -71, EBADMSG: Errno = -74,
  EOVERFLOW: Errno = -75, ELIBACC: Errno = -79, ELIBBAD: Errno = -80, ELIBEXEC: Errno = -83, EILSEQ: Errno = -84, EUSERS: Errno = -87, ENOTSOCK: Errno = -88, EDESTADDRREQ: Errno = -89,
  EMSGSIZE: Errno = -90, EPROTOTYPE: Errno = -91, ENOPROTOOPT: Errno = -92, EPROTONOSUPPORT: Errno = -93,
  ESOCKTNOSUPPORT: Errno = -94, EOPNOTSUPP: Errno = -95, EPFNOSUPPORT: Errno = -96, EAFNOSUPPORT: Errno = -97,
  EADDRINUSE: Errno = -98, EADDRNOTAVAIL: Errno = -99, ENETDOWN: Errno = -100, ENETUNREACH: Errno = -101,
  ECONNABORTED: Errno = -103, ECONNRESET: Errno = -104, ENOBUFS: Errno = -105, EISCONN: Errno = -106, ENOTCONN: Errno = -107,
  ESHUTDOWN: Errno = -108, ETIMEDOUT: Errno = -110, ECONNREFUSED: Errno = -111, EHOSTDOWN: Errno = -112,
  EHOSTUNREACH: Errno = -113, EALREADY: Errno = -114, EINPROGRESS: Errno = -115, ESTALE: Errno = -116, EDQUOT: Errno = -122,
  ECANCELED: Errno = -125, EOWNERDEAD: Errno = -130, ENOTRECOVERABLE: Errno = -131,
  ERESTARTSYS: Errno = -512, ERESTARTNOINTR: Errno = -513, ERESTARTNOHAND: Errno = -514, ERESTART_RESTARTBLOCK: Errno = -516;
