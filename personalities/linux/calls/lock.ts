/** flock: advisory locks on whole files, owned by the open file. */
import { EAGAIN, EINVAL, type Outcome, type Syscall, syscall, wait } from "@guise/core";
import { LOCK_EX, LOCK_SH, LOCK_UN, locksOf } from "@guise/vfs/key";
import { fd } from "../args/fd.ts";
import { FLOCK } from "../args/names.ts";
import { flagWord } from "../args/scalar.ts";
import type { Rows } from "../rows.ts";

const LOCK_NB = 4;
/** Share modes, which Linux has no more: an operation with it succeeds and does nothing. */
const LOCK_MAND = 32;

export const flock: Syscall = syscall({
  name: "flock",
  doc: "Locks a whole file, shared or exclusive.",
  args: { file: fd, operation: flagWord(FLOCK, "LOCK_???") },
  run: (_task, { file, operation }): Outcome => {
    if ((operation & LOCK_MAND) !== 0) return 0;
    const kind = operation & ~LOCK_NB;
    if (kind !== LOCK_SH && kind !== LOCK_EX && kind !== LOCK_UN) return EINVAL;
    const locks = locksOf(file.inode);
    const result = locks.flock(file, kind);
    return result === EAGAIN && (operation & LOCK_NB) === 0 ? wait([locks.queue]) : result;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [[[73, 32], flock]];
