/** Seals of memory files, and memfd_create. */
import { EINVAL, EPERM, type Errno } from "@guise/core";
import type { OpenFile } from "@guise/vfs/key";

/** F_ADD_SEALS. */
export function addSeals(file: OpenFile, _seals: number): number | Errno {
  return file.writable ? EINVAL : EPERM;
}

/** F_GET_SEALS. */
export function getSeals(_file: OpenFile): number | Errno {
  return EINVAL;
}
