/** Pipes and FIFOs. In work: signatures first. */
import { ENOSYS, type Errno } from "@guise/core";
import type { Caller } from "./context.ts";
import type { OpenFile } from "./file.ts";

/** pipe2(2): both ends with one reference each; flags O_NONBLOCK, O_DIRECT. */
export function createPipe(_caller: Caller, _flags: number): { read: OpenFile; write: OpenFile } | Errno {
  return ENOSYS;
}
/** F_GETPIPE_SZ: EBADF when it is no pipe. */
export function pipeSize(_file: OpenFile): number | Errno {
  return ENOSYS;
}
/** F_SETPIPE_SZ: the size that it has then; EBUSY when more is in it, EPERM above 1 MiB without CAP_SYS_RESOURCE. */
export function setPipeSize(_file: OpenFile, _size: number, _caller: Caller): number | Errno {
  return ENOSYS;
}
