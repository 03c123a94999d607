/** File descriptors. A descriptor that a call cannot do without is decoded to its open file, or fails with EBADF. */
import { type ArgType, EBADF, Failure, type RowAbi } from "@guise/core";
import { filesKey, O_PATH, type OpenFile } from "@guise/vfs/key";

const bad = Failure.of(EBADF);

function fileType(paths: boolean): ArgType<OpenFile> {
  return {
    label: "int fd",
    slots: 1,
    direction: "in",
    compile(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task) => {
        const file = task.data.get(filesKey).get(task.frame.lo(register));
        return file === undefined || (!paths && (file.flags & O_PATH) !== 0) ? bad : file;
      };
    },
    format(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task) => String(task.frame.lo(register));
    },
  };
}

/** An open file; EBADF also for O_PATH descriptors. */
export const fd: ArgType<OpenFile> = fileType(false);
/** An open file, O_PATH ones too: for fstat, fchdir, close and the like. */
export const anyFd: ArgType<OpenFile> = fileType(true);
export { int as fdNumber } from "./scalar.ts";
