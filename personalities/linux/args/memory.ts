/** Names of memory calls' flags, as strace prints them. */
import type { ArgType, RowAbi } from "@guise/core";
import { flags, hex, type Names, pointer } from "./text.ts";

// deno-fmt-ignore
export const PROT: Names = [
  [0, "PROT_NONE"], [1, "PROT_READ"], [2, "PROT_WRITE"], [4, "PROT_EXEC"], [8, "PROT_SEM"], [0x1000000, "PROT_GROWSDOWN"],
  [0x2000000, "PROT_GROWSUP"],
];

// deno-fmt-ignore
/** Bits beside MAP_SHARED, MAP_PRIVATE and MAP_SHARED_VALIDATE. */
export const MAP_FLAGS: Names = [
  [0x10, "MAP_FIXED"], [0x20, "MAP_ANONYMOUS"], [0x40, "MAP_32BIT"], [0x4000, "MAP_NORESERVE"], [0x8000, "MAP_POPULATE"],
  [0x10000, "MAP_NONBLOCK"], [0x100, "MAP_GROWSDOWN"], [0x800, "MAP_DENYWRITE"], [0x1000, "MAP_EXECUTABLE"],
  [0x2000, "MAP_LOCKED"], [0x20000, "MAP_STACK"], [0x40000, "MAP_HUGETLB"], [0x80000, "MAP_SYNC"],
  [0x100000, "MAP_FIXED_NOREPLACE"],
];

// deno-fmt-ignore
export const MADVICE: Names = [
  [0, "MADV_NORMAL"], [1, "MADV_RANDOM"], [2, "MADV_SEQUENTIAL"], [3, "MADV_WILLNEED"], [4, "MADV_DONTNEED"],
  [8, "MADV_FREE"], [9, "MADV_REMOVE"], [10, "MADV_DONTFORK"], [11, "MADV_DOFORK"], [12, "MADV_MERGEABLE"],
  [13, "MADV_UNMERGEABLE"], [14, "MADV_HUGEPAGE"], [15, "MADV_NOHUGEPAGE"], [16, "MADV_DONTDUMP"], [17, "MADV_DODUMP"],
  [18, "MADV_WIPEONFORK"], [19, "MADV_KEEPONFORK"], [20, "MADV_COLD"], [21, "MADV_PAGEOUT"], [22, "MADV_POPULATE_READ"],
  [23, "MADV_POPULATE_WRITE"],
];

export const MREMAP: Names = [[1, "MREMAP_MAYMOVE"], [2, "MREMAP_FIXED"], [4, "MREMAP_DONTUNMAP"]];
export const MSYNC: Names = [[4, "MS_SYNC"], [1, "MS_ASYNC"], [2, "MS_INVALIDATE"]];

/** mremap's flags and new address, which is only there with MREMAP_FIXED. */
export const remapTarget: ArgType<{ flags: number; target: number }> = {
  label: "int flags, void *new_address",
  slots: 2,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const [first, second] = [abi.registers[slot], abi.registers[slot + 1]];
    const value = { flags: 0, target: 0 };
    return (task) => {
      value.flags = task.frame.lo(first);
      value.target = task.frame.num(second);
      return value;
    };
  },
  format(abi: RowAbi, slot: number) {
    const [first, second] = [abi.registers[slot], abi.registers[slot + 1]];
    return (task) => {
      const bits = task.frame.lo(first);
      const text = flags(bits, MREMAP, "MREMAP_???");
      return (bits & 3) === 3 ? `${text}, ${pointer(task.frame.num(second))}` : text;
    };
  },
};

/** mincore's answer: a byte a page, of which the lowest bit counts. The length is the slot before. */
export const residence: ArgType<number> = {
  label: "unsigned char *vec",
  slots: 1,
  direction: "out",
  compile(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task) => task.frame.num(register);
  },
  format(abi: RowAbi, slot: number) {
    const [length, vec] = [abi.registers[slot - 1], abi.registers[slot]];
    return (task, result) => {
      const at = task.frame.num(vec);
      const pages = Math.ceil(task.frame.num(length) / 4096);
      const bytes = result === 0 ? task.space.read(at, Math.min(pages, 32)) : undefined;
      if (bytes === undefined) return at === 0 ? "NULL" : hex(at);
      return `[${[...bytes].map((b) => b & 1).join(", ")}${pages > 32 ? ", ..." : ""}]`;
    };
  },
};
