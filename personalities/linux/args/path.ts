/** Paths and the directories they start from. Paths are byte strings: one code unit a byte (see @guise/vfs). */
import { type ArgType, ENOENT, Failure, type RowAbi } from "@guise/core";
import { type Name, PATH_MAX } from "@guise/vfs/key";
import { scalar } from "./scalar.ts";
import { path as pathText } from "./text.ts";

/** The directory descriptor that means "the working directory". */
export const AT_FDCWD = -100;

/** Where a relative path starts: a descriptor or {@link AT_FDCWD}. The handler resolves it when it matters. */
export const dirfd: ArgType<number> = scalar(
  "int dirfd",
  (task, register) => task.frame.lo(register),
  (v) => v === AT_FDCWD ? "AT_FDCWD" : String(v),
);

function pathType(label: string, empty: boolean, optional: boolean): ArgType<Name | undefined> {
  return {
    label,
    slots: 1,
    direction: "in",
    compile(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task) => {
        const address = task.frame.num(register);
        if (optional && address === 0) return undefined;
        const name = task.space.byteString(address, PATH_MAX);
        if (typeof name === "number") return Failure.of(name);
        return name === "" && !empty ? Failure.of(ENOENT) : name;
      };
    },
    format(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task) => pathText(task, task.frame.num(register));
    },
  };
}

/** A path: EFAULT, ENAMETOOLONG, ENOENT when empty. */
export const path: ArgType<Name> = pathType("const char *path", false, false) as ArgType<Name>;
/** A path that may be empty (AT_EMPTY_PATH, symlink targets, which check it themselves). */
export const pathOrEmpty: ArgType<Name> = pathType("const char *path", true, false) as ArgType<Name>;
/** A path, or NULL (utimensat). */
export const optionalPath: ArgType<Name | undefined> = pathType("const char *path", true, true);
