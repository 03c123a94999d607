/** Deno's exceptions as error numbers: the host's failures are values to the kernel too. */
import {
  EACCES,
  EAGAIN,
  EBADF,
  EBUSY,
  EDQUOT,
  EEXIST,
  EFBIG,
  EINTR,
  EINVAL,
  EIO,
  EISDIR,
  ELOOP,
  EMFILE,
  EMLINK,
  ENAMETOOLONG,
  ENFILE,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOSPC,
  ENOTDIR,
  ENOTEMPTY,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
  EROFS,
  type Errno,
  ESPIPE,
  ESTALE,
  ETXTBSY,
  EXDEV,
} from "@guise/core";

// deno-fmt-ignore
const byCode: Readonly<Record<string, Errno>> = {
  EACCES, EAGAIN, EBADF, EBUSY, EDQUOT, EEXIST, EFBIG, EINTR, EINVAL, EIO, EISDIR, ELOOP, EMFILE, EMLINK, ENAMETOOLONG,
  ENFILE, ENODEV, ENOENT, ENOMEM, ENOSPC, ENOTDIR, ENOTEMPTY, ENXIO, EPERM, EPIPE, EROFS, ESPIPE, ESTALE, ETXTBSY, EXDEV,
  ENOTSUP: EOPNOTSUPP, EOPNOTSUPP,
};

/** Names of Deno.errors, for failures that carry no code of the system's. */
// deno-fmt-ignore
const byName: Readonly<Record<string, Errno>> = {
  NotFound: ENOENT, PermissionDenied: EACCES, NotCapable: EACCES, AlreadyExists: EEXIST, BrokenPipe: EPIPE, Interrupted: EINTR,
  WouldBlock: EAGAIN, NotADirectory: ENOTDIR, IsADirectory: EISDIR, FilesystemLoop: ELOOP, BadResource: EBADF, Busy: EBUSY,
  NotSupported: EOPNOTSUPP, InvalidData: EINVAL,
};

/** The error number of what Deno threw; EIO when it says nothing more. */
export function errnoOf(error: unknown): Errno {
  if (!(error instanceof Error)) return EIO;
  const code = (error as { code?: string }).code;
  return (code !== undefined ? byCode[code] : undefined) ?? byName[error.name] ?? EIO;
}

/** Runs a host operation; what it throws becomes its error number. */
export function attempt<T>(work: () => T): T | Errno {
  try {
    return work();
  } catch (error) {
    return errnoOf(error);
  }
}
