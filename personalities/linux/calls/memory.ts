/** Mapping memory: brk, mmap, munmap, mprotect, mremap. */
import {
  EACCES,
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  ENOMEM,
  EOVERFLOW,
  EPERM,
  type Errno,
  EXEC,
  type MapRequest,
  READ,
  type Syscall,
  syscall,
  type Task,
  WRITE,
} from "@guise/core";
import { address, flagWord, int, scalar, size } from "../args/scalar.ts";
import { MAP_FLAGS, PROT, remapTarget } from "../args/memory.ts";
import { flags as flagText, hex } from "../args/text.ts";
import { openFile } from "../files.ts";
import { limit, RLIMIT_DATA, RLIMIT_MEMLOCK } from "../limits.ts";
import { dataFits } from "../memory/limits.ts";
import type { Rows } from "../rows.ts";
import { processOf } from "../state.ts";

const PAGE = 4096;
const up = (n: number): number => Math.ceil(n / PAGE) * PAGE;

const brk: Syscall = syscall({
  name: "brk",
  doc: "Moves the end of the heap; answers where it is.",
  args: { end: address },
  result: "hex",
  run: (task, { end }) => {
    const { mm } = processOf(task);
    if (end < mm.brkStart || !(end < task.space.limit)) return mm.brk;
    const before = up(mm.brk), after = up(end);
    if (end - mm.brkStart > limit(task, RLIMIT_DATA)) return mm.brk;
    if (after > before) {
      // The stack must be able to grow to its limit.
      const stack = Math.min(task.space.stackLimit, 64 << 20);
      const top = mm.stackTop;
      if (before < top && after > top - stack - (1 << 20)) return mm.brk;
      if (!dataFits(task, after - before)) return mm.brk;
      const made = task.space.map({
        address: before,
        length: after - before,
        prot: READ | WRITE,
        fixed: "exclusive",
        name: "[heap]",
      });
      if (made < 0) return mm.brk;
    } else if (after < before) {
      if (task.space.unmap(after, before - after) !== 0) return mm.brk;
    }
    mm.brk = end;
    return end;
  },
});

// deno-fmt-ignore
const MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_SHARED_VALIDATE = 3, MAP_TYPE = 15, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20,
  MAP_32BIT = 0x40, MAP_GROWSDOWN = 0x100, MAP_LOCKED = 0x2000, MAP_POPULATE = 0x8000, MAP_NONBLOCK = 0x10000,
  MAP_HUGETLB = 0x40000, MAP_FIXED_NOREPLACE = 0x100000;

const prot = flagWord(PROT, "PROT_???");

const mapFlags = scalar("int flags", (task, r) => task.frame.lo(r), (value) => {
  const type = value & MAP_TYPE;
  const name = ["MAP_FILE", "MAP_SHARED", "MAP_PRIVATE", "MAP_SHARED_VALIDATE"][type] ??
    `${hex(type)} /* MAP_??? */`;
  const rest = (value & ~MAP_TYPE) >>> 0;
  return rest === 0 ? name : `${name}|${flagText(rest, MAP_FLAGS, "MAP_???")}`;
});

const offset = scalar("off_t offset", (task, r) => task.frame.num(r), hex);

/** What a mapping of an open file may be, or why not (do_mmap's order of checks). */
function fileRequest(
  task: Task,
  fd: number,
  protection: number,
  shared: boolean,
): Partial<MapRequest> | Errno {
  const file = openFile(task, fd);
  if (typeof file === "number") return EBADF;
  if (shared && (protection & WRITE) !== 0 && !file.writable) return EACCES;
  if (!file.readable) return EACCES;
  const noexec = file.location?.mount.options.noexec === true;
  if (noexec && (protection & EXEC) !== 0) return EPERM;
  const backing = file.backing();
  if (typeof backing === "number") return backing;
  let maxProt = READ | WRITE | EXEC;
  if (shared && !file.writable) maxProt &= ~WRITE;
  if (noexec) maxProt &= ~EXEC;
  return { backing, maxProt };
}

const mmap: Syscall = syscall({
  name: "mmap",
  doc: "Maps a file or fresh memory.",
  args: { address, length: size, prot, flags: mapFlags, fd: int, offset },
  result: "hex",
  run: (task, args) => {
    const { flags, length } = args;
    if (args.offset % PAGE !== 0) return EINVAL;
    const anonymous = (flags & MAP_ANONYMOUS) !== 0;
    const type = flags & MAP_TYPE;
    const shared = type === MAP_SHARED || type === MAP_SHARED_VALIDATE;
    if (!anonymous && typeof openFile(task, args.fd) === "number") return EBADF;
    if (flags & MAP_HUGETLB) return anonymous ? ENOMEM : EINVAL;
    if (length === 0) return EINVAL;
    if (!(length <= task.space.limit)) return ENOMEM;
    if (!(args.offset + length < 2 ** 63)) return EOVERFLOW;
    if (task.space.vmas.length > 65530) return ENOMEM;
    const fixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
    if (fixed && args.address % PAGE !== 0) return EINVAL;
    if (flags & MAP_LOCKED && up(length) > limit(task, RLIMIT_MEMLOCK)) return EAGAIN;
    const protection = args.prot & (READ | WRITE | EXEC);
    let file: Partial<MapRequest> = {};
    if (anonymous) {
      if (type !== MAP_SHARED && type !== MAP_PRIVATE) return EINVAL;
      if (shared && flags & MAP_GROWSDOWN) return EINVAL;
    } else {
      if (!shared && type !== MAP_PRIVATE) return EINVAL;
      const found = fileRequest(task, args.fd, protection, shared);
      if (typeof found === "number") return found;
      if (flags & MAP_GROWSDOWN) return EINVAL;
      file = found;
    }
    if (!shared && protection & WRITE && !dataFits(task, up(length))) return ENOMEM;
    const made = task.space.map({
      address: fixed ? args.address : up(args.address),
      length,
      prot: protection,
      shared,
      offset: anonymous ? 0 : args.offset,
      low: (flags & MAP_32BIT) !== 0,
      growsDown: (flags & MAP_GROWSDOWN) !== 0,
      ...(flags & MAP_FIXED_NOREPLACE
        ? { fixed: "exclusive" as const }
        : flags & MAP_FIXED
        ? { fixed: "replace" as const }
        : {}),
      ...file,
    });
    if (made > 0 && flags & (MAP_POPULATE | MAP_LOCKED) && !(flags & MAP_NONBLOCK) && protection !== 0) {
      task.space.check(made, up(length), protection & WRITE ? WRITE : protection & READ || EXEC);
    }
    return made;
  },
});

const munmap: Syscall = syscall({
  name: "munmap",
  doc: "Removes mappings.",
  args: { address, length: size },
  run: (task, args) => {
    if (args.address % PAGE !== 0 || args.length === 0) return EINVAL;
    // Addresses beyond the flat limit exist on Linux, with nothing mapped there.
    if (!(args.address + args.length <= 0x7ffffffff000)) return EINVAL;
    if (args.address >= task.space.limit) return 0;
    return task.space.unmap(args.address, Math.min(up(args.length), task.space.limit - args.address));
  },
});

const PROT_GROWSDOWN = 0x1000000, PROT_GROWSUP = 0x2000000, PROT_SEM = 8;

const mprotect: Syscall = syscall({
  name: "mprotect",
  doc: "Changes what may be done with mapped memory.",
  args: { address, length: size, prot },
  run: (task, args) => {
    const grows = args.prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    if (grows === (PROT_GROWSDOWN | PROT_GROWSUP)) return EINVAL;
    if (args.address % PAGE !== 0) return EINVAL;
    if (args.length === 0) return 0;
    const length = up(args.length);
    if (!(args.address + length <= task.space.limit)) return ENOMEM;
    const protection = args.prot & ~grows;
    if (protection & ~(READ | WRITE | EXEC | PROT_SEM)) return EINVAL;
    const vma = task.space.find(args.address);
    if (vma === undefined) return ENOMEM;
    let start = args.address;
    if (grows & PROT_GROWSDOWN) {
      if (!vma.growsDown) return EINVAL;
      start = vma.start;
    } else if (grows) return EINVAL;
    return task.space.protect(start, args.address + length - start, protection & 7);
  },
});

const MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2, MREMAP_DONTUNMAP = 4;

const mremap: Syscall = syscall({
  name: "mremap",
  doc: "Grows, shrinks or moves a mapping.",
  args: { address, oldLength: size, newLength: size, to: remapTarget },
  result: "hex",
  run: (task, args) => {
    const { flags, target } = args.to;
    const { space } = task;
    if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) return EINVAL;
    if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE)) return EINVAL;
    if (args.address % PAGE !== 0) return EINVAL;
    const oldLength = up(args.oldLength), newLength = up(args.newLength);
    if (newLength === 0) return EINVAL;
    if (flags & MREMAP_DONTUNMAP && oldLength !== newLength) return EINVAL;
    const vma = space.find(args.address);
    if (vma === undefined) return EFAULT;
    if (flags & MREMAP_FIXED) {
      if (target % PAGE !== 0) return EINVAL;
      if (!(target + newLength <= space.limit)) return EINVAL;
      if (target < args.address + oldLength && args.address < target + newLength) return EINVAL;
    }
    if (oldLength === 0 && !vma.shared) return EINVAL;
    if (args.address + oldLength > vma.end) return EFAULT;
    const grown = newLength - oldLength;
    if (grown > 0 && !vma.shared && vma.prot & WRITE && !dataFits(task, grown)) return ENOMEM;
    const moves = (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0;
    if (oldLength === 0) return space.move(args.address, 0, moves ? target : 0, newLength);
    if (!moves) {
      if (newLength < oldLength) {
        const cut = space.unmap(args.address + newLength, oldLength - newLength);
        return cut === 0 ? args.address : cut;
      }
      if (newLength === oldLength) return args.address;
      if (args.address + oldLength === vma.end) {
        const stayed = space.move(args.address, oldLength, args.address, newLength);
        if (stayed >= 0) return stayed;
      }
      return flags & MREMAP_MAYMOVE ? space.move(args.address, oldLength, 0, newLength) : ENOMEM;
    }
    const moved = space.move(args.address, oldLength, flags & MREMAP_FIXED ? target : 0, newLength);
    if (moved >= 0 && flags & MREMAP_DONTUNMAP) {
      space.map({
        address: args.address,
        length: oldLength,
        prot: vma.prot,
        fixed: "replace",
        shared: vma.shared,
      });
    }
    return moved;
  },
});

/** Numbers: x86-64, aarch64. */
export const rows: Rows = [
  [[9, 222], mmap],
  [[10, 226], mprotect],
  [[11, 215], munmap],
  [[12, 214], brk],
  [[25, 216], mremap],
];
