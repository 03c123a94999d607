/**
 * Plain numbers among the arguments of system calls: signed and unsigned ints, sizes, file offsets, addresses, and
 * flag words with the names of their bits.
 */
import type { ArgType, RowAbi, Task } from "@guise/core";
import { choice, flags, hex, type Names, octal, pointer } from "./text.ts";

/** An argument in one register: how it is read and how it looks. */
export function scalar<T>(
  label: string,
  read: (task: Task, register: number) => T,
  text: (value: T) => string,
): ArgType<T> {
  return {
    label,
    slots: 1,
    direction: "in",
    compile(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task) => read(task, register);
    },
    format(abi: RowAbi, slot: number) {
      const register = abi.registers[slot];
      return (task) => text(read(task, register));
    },
  };
}

const low = (task: Task, register: number): number => task.frame.lo(register);
const unsigned = (task: Task, register: number): number => task.frame.lo(register) >>> 0;

/** A whole register as a signed 64-bit number; rounded beyond 2^53. */
export function signed64(task: Task, register: number): number {
  return task.frame.hi(register) * 0x100000000 + (task.frame.lo(register) >>> 0);
}

/** `int`. */
export const int: ArgType<number> = scalar("int", low, String);
/** `unsigned int`. */
export const unsignedInt: ArgType<number> = scalar("unsigned int", unsigned, String);
/** `unsigned int` shown in hexadecimal. */
export const word: ArgType<number> = scalar("unsigned int", unsigned, hex);
/** `size_t`, exact below 2^53. */
export const size: ArgType<number> = scalar("size_t", (task, r) => task.frame.num(r), String);
/** `loff_t`, signed. */
export const offset: ArgType<number> = scalar("loff_t", signed64, String);
/** An address that the handler checks itself. */
export const address: ArgType<number> = scalar("void *", (task, r) => task.frame.num(r), pointer);
/** An address that is no pointer to the trace: 0 is printed as a number (arch_prctl). */
export const base: ArgType<number> = scalar("unsigned long", (task, r) => task.frame.num(r), hex);
/** A file mode: permission bits as umode_t, in octal. */
export const mode: ArgType<number> = scalar("mode_t", (task, r) => task.frame.lo(r) & 0xffff, octal);
/** A user or group id; -1 means "leave it". */
export const id: ArgType<number> = scalar("uid_t", low, (v) => v === -1 ? "-1" : String(v >>> 0));

/** An `int` of bits. */
export function flagWord(names: Names, unknown: string): ArgType<number> {
  return scalar("int", low, (v) => flags(v, names, unknown));
}

/** An `int` that is one of several values. */
export function oneOf(names: Names, unknown: string): ArgType<number> {
  return scalar("int", low, (v) => choice(v, names, unknown));
}
