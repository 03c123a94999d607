/** Files in memory without a name: memfd_create and its seals. */
import {
  type ArgType,
  EFAULT,
  EINVAL,
  EPERM,
  type Errno,
  Failure,
  type RowAbi,
  type Syscall,
  syscall,
} from "@guise/core";
import { createMemoryFile, memoryInode, nameOfBytes, type OpenFile } from "@guise/vfs/key";
import { MEMFD } from "../args/names.ts";
import { flagWord } from "../args/scalar.ts";
import { string as stringText } from "../args/text.ts";
import { callerOf } from "../files.ts";
import type { Rows } from "../rows.ts";
import { install } from "./open.ts";

const F_SEAL_SEAL = 1, F_SEAL_ALL = 31;
const MFD_CLOEXEC = 1, MFD_ALLOW_SEALING = 2, MFD_NOEXEC_SEAL = 8, MFD_EXEC = 16;

/** Only files without a place in the tree can be sealed. */
function sealable(file: OpenFile): ReturnType<typeof memoryInode> {
  return file.location?.mount.fs.type === "nowhere" ? memoryInode(file) : undefined;
}

/** F_ADD_SEALS. */
export function addSeals(file: OpenFile, seals: number): number | Errno {
  if (!file.writable) return EPERM;
  if (seals & ~F_SEAL_ALL) return EINVAL;
  const inode = sealable(file);
  if (inode === undefined) return EINVAL;
  if (inode.seals & F_SEAL_SEAL) return EPERM;
  inode.seals |= seals;
  return 0;
}

/** F_GET_SEALS. */
export function getSeals(file: OpenFile): number | Errno {
  return sealable(file)?.seals ?? EINVAL;
}

/** At most 249 bytes: `memfd:` and a NUL are added to make 255. */
const memfdName: ArgType<string> = {
  label: "const char *name",
  slots: 1,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task) => {
      const bytes = task.space.cstring(task.frame.num(register), 250);
      if (typeof bytes === "number") return Failure.of(bytes === EFAULT ? EFAULT : EINVAL);
      return nameOfBytes(bytes);
    };
  },
  format(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task) => stringText(task, task.frame.num(register));
  },
};

export const memfdCreate: Syscall = syscall({
  name: "memfd_create",
  doc: "A file in memory without a name.",
  args: { name: memfdName, flags: flagWord(MEMFD, "MFD_???") },
  run: (task, { name, flags }) => {
    if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC)) return EINVAL;
    const file = createMemoryFile(callerOf(task), name);
    if (typeof file === "number") return file;
    const inode = memoryInode(file);
    if (inode !== undefined) inode.seals = flags & (MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL) ? 0 : F_SEAL_SEAL;
    return install(task, file, (flags & MFD_CLOEXEC) !== 0);
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [[[319, 279], memfdCreate]];
