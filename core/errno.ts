/**
 * Error numbers. A failed operation is a value, the negated number, as the Linux system call ABI returns it; nothing
 * that a guest does is thrown. The numbers are those of asm-generic/errno, common to x86-64 and aarch64.
 */

/** A negated error number, -4095 to -1. */
export type Errno = number & { readonly errno?: never };

/** Made when somebody asks: few programs do. */
// deno-fmt-ignore
const table = (): readonly [number, string, string][] => [
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
  // Of no use to this kernel; programs ask for their names and texts.
  [44, "ECHRNG", "Channel number out of range"], [45, "EL2NSYNC", "Level 2 not synchronized"],
  [46, "EL3HLT", "Level 3 halted"], [47, "EL3RST", "Level 3 reset"], [48, "ELNRNG", "Link number out of range"],
  [49, "EUNATCH", "Protocol driver not attached"], [50, "ENOCSI", "No CSI structure available"],
  [51, "EL2HLT", "Level 2 halted"], [52, "EBADE", "Invalid exchange"],
  [53, "EBADR", "Invalid request descriptor"], [54, "EXFULL", "Exchange full"], [55, "ENOANO", "No anode"],
  [56, "EBADRQC", "Invalid request code"], [57, "EBADSLT", "Invalid slot"],
  [59, "EBFONT", "Bad font file format"], [60, "ENOSTR", "Device not a stream"],
  [63, "ENOSR", "Out of streams resources"], [64, "ENONET", "Machine is not on the network"],
  [65, "ENOPKG", "Package not installed"], [66, "EREMOTE", "Object is remote"],
  [67, "ENOLINK", "Link has been severed"], [68, "EADV", "Advertise error"], [69, "ESRMNT", "Srmount error"],
  [70, "ECOMM", "Communication error on send"], [72, "EMULTIHOP", "Multihop attempted"],
  [73, "EDOTDOT", "RFS specific error"], [76, "ENOTUNIQ", "Name not unique on network"],
  [77, "EBADFD", "File descriptor in bad state"], [78, "EREMCHG", "Remote address changed"],
  [81, "ELIBSCN", ".lib section in a.out corrupted"],
  [82, "ELIBMAX", "Attempting to link in too many shared libraries"],
  [85, "ERESTART", "Interrupted system call should be restarted"], [86, "ESTRPIPE", "Streams pipe error"],
  [102, "ENETRESET", "Network dropped connection on reset"],
  [109, "ETOOMANYREFS", "Too many references: cannot splice"], [117, "EUCLEAN", "Structure needs cleaning"],
  [118, "ENOTNAM", "Not a XENIX named type file"], [119, "ENAVAIL", "No XENIX semaphores available"],
  [120, "EISNAM", "Is a named type file"], [121, "EREMOTEIO", "Remote I/O error"],
  [123, "ENOMEDIUM", "No medium found"], [124, "EMEDIUMTYPE", "Wrong medium type"],
  [126, "ENOKEY", "Required key not available"], [127, "EKEYEXPIRED", "Key has expired"],
  [128, "EKEYREVOKED", "Key has been revoked"], [132, "ERFKILL", "Operation not possible due to RF-kill"],
  [133, "EHWPOISON", "Memory page has hardware error"],
  // Kernel-internal: never seen by a guest; the personality turns them into a restart or EINTR (spec X29).
  [512, "ERESTARTSYS", "To be restarted if SA_RESTART is set"], [513, "ERESTARTNOINTR", "To be restarted"],
  [514, "ERESTARTNOHAND", "To be restarted if no handler"],
  [516, "ERESTART_RESTARTBLOCK", "Interrupted by signal"],
];

let errors: ReadonlyMap<number, { readonly name: string; readonly text: string }> | undefined;
const errorOf = (errno: Errno) =>
  (errors ??= new Map(table().map(([n, name, text]) => [n, { name, text }]))).get(-errno);

/** The name of a negated error number, `ENOENT` for -2; `ERRNO_n` when there is none. */
export function errnoName(errno: Errno): string {
  return errorOf(errno)?.name ?? `ERRNO_${-errno}`;
}

/** The text of a negated error number, as strerror(3) of glibc in the C locale. */
export function errnoText(errno: Errno): string {
  return errorOf(errno)?.text ?? `Unknown error ${-errno}`;
}

/** Operation not permitted. */
export const EPERM: Errno = -1;
/** No such file or directory. */
export const ENOENT: Errno = -2;
/** No such process. */
export const ESRCH: Errno = -3;
/** Interrupted system call. */
export const EINTR: Errno = -4;
/** Input/output error. */
export const EIO: Errno = -5;
/** No such device or address. */
export const ENXIO: Errno = -6;
/** Argument list too long. */
export const E2BIG: Errno = -7;
/** Exec format error. */
export const ENOEXEC: Errno = -8;
/** Bad file descriptor. */
export const EBADF: Errno = -9;
/** No child processes. */
export const ECHILD: Errno = -10;
/** Resource temporarily unavailable. */
export const EAGAIN: Errno = -11;
/** Cannot allocate memory. */
export const ENOMEM: Errno = -12;
/** Permission denied. */
export const EACCES: Errno = -13;
/** Bad address. */
export const EFAULT: Errno = -14;
/** Block device required. */
export const ENOTBLK: Errno = -15;
/** Device or resource busy. */
export const EBUSY: Errno = -16;
/** File exists. */
export const EEXIST: Errno = -17;
/** Invalid cross-device link. */
export const EXDEV: Errno = -18;
/** No such device. */
export const ENODEV: Errno = -19;
/** Not a directory. */
export const ENOTDIR: Errno = -20;
/** Is a directory. */
export const EISDIR: Errno = -21;
/** Invalid argument. */
export const EINVAL: Errno = -22;
/** Too many open files in system. */
export const ENFILE: Errno = -23;
/** Too many open files. */
export const EMFILE: Errno = -24;
/** Inappropriate ioctl for device. */
export const ENOTTY: Errno = -25;
/** Text file busy. */
export const ETXTBSY: Errno = -26;
/** File too large. */
export const EFBIG: Errno = -27;
/** No space left on device. */
export const ENOSPC: Errno = -28;
/** Illegal seek. */
export const ESPIPE: Errno = -29;
/** Read-only file system. */
export const EROFS: Errno = -30;
/** Too many links. */
export const EMLINK: Errno = -31;
/** Broken pipe. */
export const EPIPE: Errno = -32;
/** Numerical argument out of domain. */
export const EDOM: Errno = -33;
/** Numerical result out of range. */
export const ERANGE: Errno = -34;
/** Resource deadlock avoided. */
export const EDEADLK: Errno = -35;
/** File name too long. */
export const ENAMETOOLONG: Errno = -36;
/** No locks available. */
export const ENOLCK: Errno = -37;
/** Function not implemented. */
export const ENOSYS: Errno = -38;
/** Directory not empty. */
export const ENOTEMPTY: Errno = -39;
/** Too many levels of symbolic links. */
export const ELOOP: Errno = -40;
/** No message of desired type. */
export const ENOMSG: Errno = -42;
/** Identifier removed. */
export const EIDRM: Errno = -43;
/** No data available. */
export const ENODATA: Errno = -61;
/** Timer expired. */
export const ETIME: Errno = -62;
/** Protocol error. */
export const EPROTO: Errno = -71;
/** Bad message. */
export const EBADMSG: Errno = -74;
/** Value too large for defined data type. */
export const EOVERFLOW: Errno = -75;
/** Can not access a needed shared library. */
export const ELIBACC: Errno = -79;
/** Accessing a corrupted shared library. */
export const ELIBBAD: Errno = -80;
/** Cannot exec a shared library directly. */
export const ELIBEXEC: Errno = -83;
/** Invalid or incomplete multibyte or wide character. */
export const EILSEQ: Errno = -84;
/** Too many users. */
export const EUSERS: Errno = -87;
/** Socket operation on non-socket. */
export const ENOTSOCK: Errno = -88;
/** Destination address required. */
export const EDESTADDRREQ: Errno = -89;
/** Message too long. */
export const EMSGSIZE: Errno = -90;
/** Protocol wrong type for socket. */
export const EPROTOTYPE: Errno = -91;
/** Protocol not available. */
export const ENOPROTOOPT: Errno = -92;
/** Protocol not supported. */
export const EPROTONOSUPPORT: Errno = -93;
/** Socket type not supported. */
export const ESOCKTNOSUPPORT: Errno = -94;
/** Operation not supported. */
export const EOPNOTSUPP: Errno = -95;
/** Protocol family not supported. */
export const EPFNOSUPPORT: Errno = -96;
/** Address family not supported by protocol. */
export const EAFNOSUPPORT: Errno = -97;
/** Address already in use. */
export const EADDRINUSE: Errno = -98;
/** Cannot assign requested address. */
export const EADDRNOTAVAIL: Errno = -99;
/** Network is down. */
export const ENETDOWN: Errno = -100;
/** Network is unreachable. */
export const ENETUNREACH: Errno = -101;
/** Software caused connection abort. */
export const ECONNABORTED: Errno = -103;
/** Connection reset by peer. */
export const ECONNRESET: Errno = -104;
/** No buffer space available. */
export const ENOBUFS: Errno = -105;
/** Transport endpoint is already connected. */
export const EISCONN: Errno = -106;
/** Transport endpoint is not connected. */
export const ENOTCONN: Errno = -107;
/** Cannot send after transport endpoint shutdown. */
export const ESHUTDOWN: Errno = -108;
/** Connection timed out. */
export const ETIMEDOUT: Errno = -110;
/** Connection refused. */
export const ECONNREFUSED: Errno = -111;
/** Host is down. */
export const EHOSTDOWN: Errno = -112;
/** No route to host. */
export const EHOSTUNREACH: Errno = -113;
/** Operation already in progress. */
export const EALREADY: Errno = -114;
/** Operation now in progress. */
export const EINPROGRESS: Errno = -115;
/** Stale file handle. */
export const ESTALE: Errno = -116;
/** Disk quota exceeded. */
export const EDQUOT: Errno = -122;
/** Operation canceled. */
export const ECANCELED: Errno = -125;
/** Owner died. */
export const EOWNERDEAD: Errno = -130;
/** State not recoverable. */
export const ENOTRECOVERABLE: Errno = -131;
/** To be restarted if SA_RESTART is set. */
export const ERESTARTSYS: Errno = -512;
/** To be restarted. */
export const ERESTARTNOINTR: Errno = -513;
/** To be restarted if no handler. */
export const ERESTARTNOHAND: Errno = -514;
/** Interrupted by signal. */
export const ERESTART_RESTARTBLOCK: Errno = -516;
