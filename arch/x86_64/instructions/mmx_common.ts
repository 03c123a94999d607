/** Operands in mm registers, and the change to MMX mode (SDM volume 1, 9.6). */
import { i32, type I64, lane, type Machine, type Operand, type V128 } from "@guise/translator";
import { STATE } from "../state.ts";

/** TOP becomes 0, all registers count as used. A pending x87 exception was taken before (`before: wait`). */
export function enterMmx(m: Machine): void {
  m.setState("i32.store", STATE.ftop, 0);
  m.setState("i32.store", STATE.ftw, 0xff);
}
/** The operand in the low half of a vector. */
export const vector = (o: Operand): V128 => o.load("v128.load64_zero");
export const low64 = (v: V128): I64 => lane("i64x2.extract_lane", v, 0);
/** Stores 64 bits; in a register the upper 16 become ones. */
export function writeMm(dst: Operand, v: I64): void {
  dst.store("i64.store", v);
  if (dst.place !== "mem") dst.store("i32.store16", i32(0xffff), 8);
}
