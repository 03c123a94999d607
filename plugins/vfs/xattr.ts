/**
 * Extended attributes of files in memory, and the one that is none: an access control list that says no more than the
 * permission bits is a change of these bits (`cp -p` sets modes that way); real lists are not supported.
 */
import { EEXIST, EINVAL, ENODATA, ENOSPC, EOPNOTSUPP, type Errno } from "@guise/core";
import type { Budget } from "./chunks.ts";
import type { Name } from "./names.ts";

/** Bytes counted for an attribute besides name and value. */
const OVERHEAD = 64;

/** The attributes of one inode. */
export class Xattrs {
  readonly #values = new Map<Name, Uint8Array>();
  readonly #budget: Budget;
  constructor(budget: Budget) {
    this.#budget = budget;
  }
  get(name: Name): Uint8Array | Errno {
    return this.#values.get(name) ?? ENODATA;
  }
  /** `flags`: XATTR_CREATE 1, XATTR_REPLACE 2. */
  set(name: Name, value: Uint8Array, flags: number): 0 | Errno {
    const old = this.#values.get(name);
    if ((flags & 1) !== 0 && old !== undefined) return EEXIST;
    if ((flags & 2) !== 0 && old === undefined) return ENODATA;
    const more = value.length - (old === undefined ? -OVERHEAD - name.length : old.length);
    if (more > 0) {
      if (!this.#budget.take(more)) return ENOSPC;
    } else this.#budget.give(-more);
    this.#values.set(name, value.slice());
    return 0;
  }
  list(): Name[] {
    return [...this.#values.keys()];
  }
  remove(name: Name): 0 | Errno {
    const old = this.#values.get(name);
    if (old === undefined) return ENODATA;
    this.#budget.give(old.length + name.length + OVERHEAD);
    this.#values.delete(name);
    return 0;
  }
  /** The inode is gone. */
  clear(): void {
    for (const name of this.#values.keys()) this.remove(name);
  }
}

/**
 * What setting an attribute of the `system.` kind means: the permission bits (0 to 0777) that a minimal access list
 * stands for, undefined when nothing has to be done, EOPNOTSUPP.
 */
export function systemAttribute(name: Name, value: Uint8Array): number | undefined | Errno {
  if (name === "system.posix_acl_default") return value.length <= 4 ? undefined : EOPNOTSUPP;
  if (name !== "system.posix_acl_access") return EOPNOTSUPP;
  if (value.length === 0) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (value.length < 4 || view.getUint32(0, true) !== 2 || (value.length - 4) % 8 !== 0) return EINVAL;
  let mode = 0;
  for (let at = 4; at < value.length; at += 8) {
    const tag = view.getUint16(at, true), bits = view.getUint16(at + 2, true) & 7;
    // The owner, the group, all others; anything more is a real list.
    if (tag === 1) mode |= bits << 6;
    else if (tag === 4) mode |= bits << 3;
    else if (tag === 0x20) mode |= bits;
    else return EOPNOTSUPP;
  }
  return mode;
}
