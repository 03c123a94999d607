/** Operations without an instruction of their own: undecodable words, second halves of loads and stores. */
import { type I64, i64, type Machine, type OpDef, type Operand, type OperandSpec } from "@guise/translator";
import { STATE } from "../state.ts";

const op = (name: string, operands: OperandSpec[], semantics: OpDef["semantics"], hot = false): OpDef => ({
  name,
  operands,
  semantics,
  flags: false,
  hot,
});
const reg = (field: OperandSpec["field"], access: OperandSpec["access"] = "r"): OperandSpec => ({
  place: "reg",
  size: 64,
  access,
  field,
});

export const UNDEFINED: OpDef = op("(undefined)", [], (m) => m.raise("illegal", 0));
/** EC 0x22: PC alignment. */
export const MISALIGNED: OpDef = op("(misaligned)", [], (m) => m.raise("alignment", 0x22));
export const WRITEBACK: OpDef = op(
  "(writeback)",
  [reg("a", "rw"), { place: "imm", size: 64, access: "r" }],
  (_m: Machine, a: Operand, i: Operand) => a.write((a.read() as I64).add(i.read() as I64)),
  true,
);
export const WRITEBACK_REGISTER: OpDef = op(
  "(writeback register)",
  [reg("a", "rw"), reg("b")],
  (_m, a, b) => a.write(a.read().add(b.read())),
);
const extended = (name: string, extend: (v: I64) => I64): OpDef =>
  op(
    `(${name} address)`,
    [reg("base"), reg("index"), { place: "imm", size: 8, access: "r", at: 6 }],
    (m, base, index, scale) => {
      const shifted = extend(index.read() as I64).shl(scale.read().wrap().extendU());
      m.setState("i64.store", STATE.temporary, (base.read() as I64).add(shifted));
    },
    true,
  );
export const EXTENDED: Readonly<Record<number, OpDef>> = {
  2: extended("uxtw", (v) => v.and(i64(0xffffffff))),
  3: extended("lsl", (v) => v),
  6: extended("sxtw", (v) => v.extend32S()),
  7: extended("sxtx", (v) => v),
};
/** All of them. */
export const SPECIAL: readonly OpDef[] = [
  UNDEFINED,
  MISALIGNED,
  WRITEBACK,
  WRITEBACK_REGISTER,
  ...Object.values(EXTENDED),
];
