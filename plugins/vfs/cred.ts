/** Who asks, and what he may do: credentials, capabilities and the permission checks of Linux's generic_permission. */
import { EACCES, EPERM, type Errno } from "@guise/core";
import { S_IFDIR, S_IFMT, S_ISGID, S_ISUID, S_ISVTX } from "./constants.ts";

/** Capabilities that the file system asks for; numbers as in capability.h. */
// deno-fmt-ignore
export const CAP_CHOWN = 0, CAP_DAC_OVERRIDE = 1, CAP_DAC_READ_SEARCH = 2, CAP_FOWNER = 3, CAP_FSETID = 4,
  CAP_SYS_CHROOT = 18, CAP_SYS_ADMIN = 21, CAP_SYS_RESOURCE = 24, CAP_MKNOD = 27, CAP_LEASE = 28;

/** Credentials of a task. Immutable by use: setuid and friends replace the object, so an open file may keep it. */
export interface Credentials {
  /** User: real… */
  readonly uid: number;
  /** effective, */
  readonly euid: number;
  /** saved, */
  readonly suid: number;
  /** and the one that file permissions are checked for. */
  readonly fsuid: number;
  /** Group: real… */
  readonly gid: number;
  /** effective, */
  readonly egid: number;
  /** saved, */
  readonly sgid: number;
  /** and the one of file permissions. */
  readonly fsgid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** Whether the effective set has that capability. */
  capable(capability: number): boolean;
}

/** Credentials of one user and group: all ids the same, all capabilities when the user is 0. */
export function credentialsOf(uid: number, gid: number = uid, groups: readonly number[] = []): Credentials {
  return {
    ...{ uid, euid: uid, suid: uid, fsuid: uid, gid, egid: gid, sgid: gid, fsgid: gid, groups },
    capable: () => uid === 0,
  };
}

/** The kernel's own credentials. */
export const ROOT: Credentials = credentialsOf(0);

/** True when `gid` is the file system group or one of the supplementary groups. */
export function inGroup(cred: Credentials, gid: number): boolean {
  return cred.fsgid === gid || cred.groups.includes(gid);
}

/** What a permission check looks at. */
export interface Owned {
  /** Type and permission bits. */
  readonly mode: number;
  /** User: real… */
  readonly uid: number;
  /** Group: real… */
  readonly gid: number;
}

/** 0 when all of `want` (R_OK | W_OK | X_OK) is permitted, else EACCES. */
export function permission(inode: Owned, cred: Credentials, want: number): 0 | Errno {
  const mode = inode.mode;
  const bits = inode.uid === cred.fsuid ? mode >>> 6 : inGroup(cred, inode.gid) ? mode >>> 3 : mode;
  if ((want & ~bits & 7) === 0) return 0;
  const directory = (mode & S_IFMT) === S_IFDIR;
  // Root may read and write anything, and execute a file when anybody may.
  if (cred.capable(CAP_DAC_OVERRIDE) && ((want & 1) === 0 || directory || (mode & 0o111) !== 0)) return 0;
  if (cred.capable(CAP_DAC_READ_SEARCH) && (want === 4 || (directory && (want & 2) === 0))) return 0;
  return EACCES;
}

/** True for the owner of the file and for who may act as any owner. */
export function isOwner(inode: Owned, cred: Credentials): boolean {
  return inode.uid === cred.fsuid || cred.capable(CAP_FOWNER);
}

/** 0 unless the sticky bit of `dir` keeps `cred` from removing or renaming `entry`: EPERM. */
export function stickyCheck(dir: Owned, entry: Owned, cred: Credentials): 0 | Errno {
  if ((dir.mode & S_ISVTX) === 0) return 0;
  if (entry.uid === cred.fsuid || dir.uid === cred.fsuid || cred.capable(CAP_FOWNER)) return 0;
  return EPERM;
}

/** The mode that a write or a change of owner leaves: without set-user-id, and set-group-id where it means that. */
export function withoutPrivilege(mode: number): number {
  return (mode & 0o10) !== 0 ? mode & ~(S_ISUID | S_ISGID) : mode & ~S_ISUID;
}
