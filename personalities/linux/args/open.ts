/** Open flags with a file mode that counts only when a file can be made: one argument of two slots. */
import type { ArgType, RowAbi } from "@guise/core";
import { O_CREAT, O_TMPFILE } from "@guise/vfs/key";
import { filesAbi } from "./abi.ts";
import { OPEN_FLAGS } from "./names.ts";
import { flags as flagsText, hex, octal } from "./text.ts";

/** Flags (canonical values, see abi.ts) and mode. One object a row, reused. */
export interface OpenHow {
  flags: number;
  mode: number;
}

/** Guest open flags to canonical ones, and back: the pairs swap bits. */
export type FlagMap = readonly (readonly [guest: number, canonical: number])[];

/** The canonical value of a guest's open flags. */
export function canonical(flags: number, map: FlagMap): number {
  let out = flags;
  for (const [guest] of map) out &= ~guest;
  for (const [guest, bit] of map) if (flags & guest) out |= bit;
  return out;
}

/** The guest's value of canonical open flags. */
export function toGuest(flags: number, map: FlagMap): number {
  let out = flags;
  for (const [, bit] of map) out &= ~bit;
  for (const [guest, bit] of map) if (flags & bit) out |= guest;
  return out;
}

const ACCESS = ["O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"];

/** `O_RDONLY|O_CLOEXEC`, of canonical flags. */
export function openFlagsText(flags: number): string {
  const rest = flags & ~3;
  if (rest === 0) return ACCESS[flags & 3];
  const text = flagsText(rest, OPEN_FLAGS, "");
  return `${ACCESS[flags & 3]}|${text.startsWith("0x") ? hex(rest >>> 0) : text}`;
}

/** Whether the mode of an open counts. */
function makes(flags: number): boolean {
  return (flags & O_CREAT) !== 0 || (flags & 0o20000000) !== 0;
}

/** `flags, mode` of open and openat. */
export const openHow: ArgType<OpenHow> = {
  label: "int flags, mode_t mode",
  slots: 2,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const flags = abi.registers[slot], mode = abi.registers[slot + 1];
    const map = filesAbi(abi).openFlags;
    const how: OpenHow = { flags: 0, mode: 0 };
    return (task) => {
      how.flags = map.length === 0 ? task.frame.lo(flags) : canonical(task.frame.lo(flags), map);
      how.mode = makes(how.flags) ? task.frame.lo(mode) & 0o7777 : 0;
      return how;
    };
  },
  format(abi: RowAbi, slot: number) {
    const flags = abi.registers[slot], mode = abi.registers[slot + 1];
    const map = filesAbi(abi).openFlags;
    return (task) => {
      const value = canonical(task.frame.lo(flags), map);
      const text = openFlagsText(value);
      const made = (value & O_CREAT) !== 0 || (value & O_TMPFILE) === O_TMPFILE;
      return made ? `${text}, ${octal(task.frame.lo(mode) & 0xffff)}` : text;
    };
  },
};

/** Open flags alone, of pipe2 and dup3. */
export function openFlagsOnly(text: (flags: number) => string): ArgType<number> {
  return {
    label: "int flags",
    slots: 1,
    direction: "in",
    compile(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      const map = filesAbi(abi).openFlags;
      return (task) => canonical(task.frame.lo(register), map);
    },
    format(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      const map = filesAbi(abi).openFlags;
      return (task) => text(canonical(task.frame.lo(register), map));
    },
  };
}
