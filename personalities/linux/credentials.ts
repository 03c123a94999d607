/**
 * Who a task is: the four user ids, the four group ids, the supplementary groups and the capability sets, with Linux's
 * rules for changing them (credentials(7), capabilities(7)). Immutable values: a change makes a new object, so that a
 * file opened or a directory walked keeps the identity it began with.
 */
import { Key } from "@guise/core";

/** The fields of {@link Credentials}. Capability sets are two 32-bit halves, as capset(2) passes them. */
export interface CredentialFields {
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly gid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  readonly effective: CapabilitySet;
  readonly permitted: CapabilitySet;
  readonly inheritable: CapabilitySet;
  /** PR_SET_KEEPCAPS: permitted capabilities survive a setuid from 0 to others. */
  readonly keepCapabilities: boolean;
}

/** A set of the 41 capabilities: bits 0-31 and 32-63. */
export type CapabilitySet = readonly [low: number, high: number];

// deno-fmt-ignore
/** Capability numbers (linux/capability.h) that this kernel asks for. */
export const CAP_CHOWN = 0, CAP_DAC_OVERRIDE = 1, CAP_DAC_READ_SEARCH = 2, CAP_FOWNER = 3, CAP_FSETID = 4, CAP_KILL = 5,
  CAP_SETGID = 6, CAP_SETUID = 7, CAP_SETPCAP = 8, CAP_LINUX_IMMUTABLE = 9, CAP_NET_BIND_SERVICE = 10, CAP_IPC_LOCK = 14,
  CAP_SYS_CHROOT = 18, CAP_SYS_PTRACE = 19, CAP_SYS_ADMIN = 21, CAP_SYS_BOOT = 22, CAP_SYS_NICE = 23, CAP_SYS_RESOURCE = 24,
  CAP_SYS_TIME = 25, CAP_MKNOD = 27, CAP_LEASE = 28, CAP_SETFCAP = 31;

/** All 41 capabilities of Linux 6. */
export const ALL_CAPABILITIES: CapabilitySet = [-1, 0x1ff];
/** No capability. */
export const NO_CAPABILITIES: CapabilitySet = [0, 0];

/** One task's identity; what the file system asks for its checks. */
export class Credentials implements CredentialFields {
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly fsuid: number;
  readonly gid: number;
  readonly egid: number;
  readonly sgid: number;
  readonly fsgid: number;
  readonly groups: readonly number[];
  readonly effective: CapabilitySet;
  readonly permitted: CapabilitySet;
  readonly inheritable: CapabilitySet;
  readonly keepCapabilities: boolean;
  constructor(fields: CredentialFields) {
    this.uid = fields.uid;
    this.euid = fields.euid;
    this.suid = fields.suid;
    this.fsuid = fields.fsuid;
    this.gid = fields.gid;
    this.egid = fields.egid;
    this.sgid = fields.sgid;
    this.fsgid = fields.fsgid;
    this.groups = fields.groups;
    this.effective = fields.effective;
    this.permitted = fields.permitted;
    this.inheritable = fields.inheritable;
    this.keepCapabilities = fields.keepCapabilities;
  }
  /** True when the effective set has that capability. */
  capable(capability: number): boolean {
    return (this.effective[capability >>> 5] >>> (capability & 31) & 1) === 1;
  }
  /** True when `gid` is the file system group or a supplementary one. */
  inGroup(gid: number): boolean {
    return this.fsgid === gid || this.groups.includes(gid);
  }
  /** A copy with changes. */
  with(changes: Partial<CredentialFields>): Credentials {
    return new Credentials({ ...(this as CredentialFields), ...changes });
  }
}

/** Where a task keeps its {@link Credentials}: `task.data.get(credentialsKey)`. */
export const credentialsKey: Key<Credentials> = new Key<Credentials>("linux credentials");

/** The credentials of a freshly logged-in user; 0 is root with every capability. */
export function login(uid: number, gid: number, groups: readonly number[] = []): Credentials {
  const all = uid === 0 ? ALL_CAPABILITIES : NO_CAPABILITIES;
  return new Credentials({
    uid,
    euid: uid,
    suid: uid,
    fsuid: uid,
    gid,
    egid: gid,
    sgid: gid,
    fsgid: gid,
    groups,
    effective: all,
    permitted: all,
    inheritable: NO_CAPABILITIES,
    keepCapabilities: false,
  });
}

/** The set without these capabilities. */
export function without(set: CapabilitySet, capabilities: readonly number[]): CapabilitySet {
  let [low, high] = set;
  for (const c of capabilities) {
    if (c < 32) low &= ~(1 << c);
    else high &= ~(1 << (c - 32));
  }
  return [low, high];
}

/** The set with these capabilities of `from` added. */
function withFrom(set: CapabilitySet, from: CapabilitySet, capabilities: readonly number[]): CapabilitySet {
  let [low, high] = set;
  for (const c of capabilities) {
    if (c < 32) low |= from[0] & (1 << c);
    else high |= from[1] & (1 << (c - 32));
  }
  return [low, high];
}

const FILE_SYSTEM_CAPABILITIES = [
  CAP_CHOWN,
  CAP_DAC_OVERRIDE,
  CAP_DAC_READ_SEARCH,
  CAP_FOWNER,
  CAP_FSETID,
  CAP_LINUX_IMMUTABLE,
  CAP_MKNOD,
];

/**
 * The capability effects of a change of user ids (capabilities(7), "Effect of user ID changes on capabilities"):
 * leaving root drops them, a change of the effective id switches the effective set, of fsuid the file ones.
 */
export function fixCapabilities(before: Credentials, after: Credentials): Credentials {
  const hadRoot = before.uid === 0 || before.euid === 0 || before.suid === 0;
  const hasRoot = after.uid === 0 || after.euid === 0 || after.suid === 0;
  let { effective, permitted } = after;
  if (hadRoot && !hasRoot && !after.keepCapabilities) {
    effective = NO_CAPABILITIES;
    permitted = NO_CAPABILITIES;
  }
  if (before.euid === 0 && after.euid !== 0) effective = NO_CAPABILITIES;
  else if (before.euid !== 0 && after.euid === 0) effective = permitted;
  return after.with({ effective, permitted });
}

/** As {@link fixCapabilities}, for setfsuid(2). */
export function fixFileCapabilities(before: Credentials, after: Credentials): Credentials {
  if (before.fsuid === 0 && after.fsuid !== 0) {
    return after.with({ effective: without(after.effective, FILE_SYSTEM_CAPABILITIES) });
  }
  if (before.fsuid !== 0 && after.fsuid === 0) {
    return after.with({ effective: withFrom(after.effective, after.permitted, FILE_SYSTEM_CAPABILITIES) });
  }
  return after;
}

/** Credentials after an execve of a file with these owner and mode bits; set-id bits count unless `noNewPrivileges`. */
export function execCredentials(
  before: Credentials,
  file: { readonly mode: number; readonly uid: number; readonly gid: number },
  noNewPrivileges: boolean,
): Credentials {
  let { euid, egid } = before;
  if (!noNewPrivileges) {
    if (file.mode & 0o4000) euid = file.uid;
    if ((file.mode & 0o2010) === 0o2010) egid = file.gid;
  }
  const root = euid === 0 || before.uid === 0;
  const permitted = root ? ALL_CAPABILITIES : NO_CAPABILITIES;
  return before.with({
    euid,
    suid: euid,
    fsuid: euid,
    egid,
    sgid: egid,
    fsgid: egid,
    permitted,
    effective: euid === 0 ? permitted : NO_CAPABILITIES,
    keepCapabilities: false,
  });
}
