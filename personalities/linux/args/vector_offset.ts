/** The offset of preadv and its kin: two registers, of which 64-bit ABIs use the first alone. */
import type { ArgType, RowAbi } from "@guise/core";
import { signed64 } from "./scalar.ts";

/** `unsigned long pos_l, unsigned long pos_h`. */
export const vectorOffset: ArgType<number> = {
  label: "loff_t offset",
  slots: 2,
  direction: "in",
  compile(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task) => signed64(task, register);
  },
  format(abi: RowAbi, slot: number) {
    const register = abi.registers[slot];
    return (task) => String(signed64(task, register));
  },
};
