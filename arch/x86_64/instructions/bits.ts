/** Bit tests, scans and counts. */
import {
  ACCESS,
  i32,
  type Int,
  type Late,
  late,
  type Machine,
  type Operand,
  select,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { address, type Declaration, rw, w, x86 } from "../encoding.ts";
import { flagsImage, setImage, setLogic } from "../flags.ts";
import { CF, NARROW, ZF } from "../state.ts";
import { extendFrom } from "./common.ts";

type Change = (v: Int, bit: Int) => Int;
const CHANGES: Record<string, Change | undefined> = {
  bt: undefined,
  bts: (v, bit) => v.or(bit),
  btr: (v, bit) => v.and(bit.not()),
  btc: (v, bit) => v.xor(bit),
};

/** CF alone changes: ZF must not, and the others need not. */
function setCarry(m: Machine, v: Int, n: Int): void {
  if (!m.flagsWanted) return;
  setImage(m, m.f.let(flagsImage(m).and(~CF).or(v.shrU(n).wrap().and(1))));
}
const one = (v: Int): Int => (v.type === "i64" ? v.xor(v).add(1) : i32(1) as Int);

/** A bit of a register or of the operand itself: the number is taken modulo the size. */
const inOperand = (change: Change | undefined) => (m: Machine, dst: Operand, index: Operand): void => {
  const v = m.f.let(dst.read()), i = index.read();
  const n = m.f.let((dst.size === 64 ? i.extendU() as Int : i).and(dst.size - 1));
  setCarry(m, v, n);
  if (change) dst.write(change(v, one(v).shl(n)));
};
/** A bit string in memory: the register's signed number reaches beyond the operand (SDM volume 2, BT); addresses of 32 bits wrap. */
const inMemory =
  (size: number, change: Change | undefined) => (m: Machine, dst: Operand, index: Operand): void => {
    const { f } = m;
    const n = f.let(index.signed());
    const far = n.extendS().shrS(Math.log2(size)).shl(Math.log2(size) - 3);
    const sum = f.let(dst.address.add(far));
    const address = f.let(select(m.narrow().and(NARROW), sum.wrap().extendU(), sum));
    const at = m.checked(address, size >> 3, change ? ACCESS.write : ACCESS.read);
    const load = size === 16 ? "i32.load16_u" : size === 32 ? "i32.load" : "i64.load";
    const v = f.let(m.load(load, at) as unknown as Int), bit = f.let(n.and(size - 1));
    setCarry(m, v, bit);
    if (change) {
      m.store(
        size === 16 ? "i32.store16" : size === 32 ? "i32.store" : "i64.store",
        at,
        change(v, one(v).shl(bit)) as never,
      );
    }
  };

const family = (mnemonic: string, opcode: string, digit: string): Declaration[] => {
  const change = CHANGES[mnemonic], access = change ? rw : (k: e.OperandKind) => k;
  const direct = inOperand(change);
  const p: e.Properties = { writes: "cf", reads: "pf af zf sf of", undefines: "" };
  const kinds = [["o16", e.rm16, e.rr16, e.m16, e.r16], ["o32", e.rm32, e.rr32, e.m32, e.r32], [
    "REX.W",
    e.rm64,
    e.rr64,
    e.m64,
    e.r64,
  ]] as const;
  return kinds.flatMap(([prefix, rm, register, memory, r]) => [
    x86(`${prefix} 0F ${opcode} /r`, mnemonic, [access(register), r], direct, {
      ...p,
      undefines: undefined,
      hot: r.size > 16 && mnemonic === "bt",
    }),
    x86(`${prefix} 0F ${opcode} /r`, mnemonic, [address(memory), r], inMemory(r.size, change), {
      ...p,
      undefines: undefined,
      lock: !!change,
      traps: true,
      key: `${mnemonic} string ${r.size}`,
    }),
    x86(`${prefix} 0F BA ${digit} ib`, mnemonic, [access(rm), e.imm8], direct, {
      ...p,
      undefines: undefined,
      lock: !!change,
      hot: r.size > 16 && mnemonic === "bt",
    }),
  ]);
};

const scan = (forward: boolean) => (m: Machine, dst: Operand, src: Operand): void => {
  const v = m.f.let(src.read());
  setLogic(m, src.size, extendFrom(src.size, v));
  const width = v.type === "i64" ? 63 : 31;
  m.f.if(v.eqz(), () => {}, () => dst.write(forward ? v.ctz() : v.clz().xor(width)));
};
const bsf = scan(true), bsr = scan(false);

function popcnt(m: Machine, dst: Operand, src: Operand): void {
  const v = m.f.let(src.read());
  setImage(m, select(v.eqz(), i32(ZF), 0));
  dst.write(v.popcnt());
}
const SCAN: e.Properties = { writes: "zf", undefines: "cf pf af sf of" };
const kinds = [["o16", e.r16, e.rm16], ["o32", e.r32, e.rm32], ["REX.W", e.r64, e.rm64]] as const;

export const bits: Late<Declaration> = late(() => [
  ...family("bt", "A3", "/4"),
  ...family("bts", "AB", "/5"),
  ...family("btr", "B3", "/6"),
  ...family("btc", "BB", "/7"),
  ...kinds.flatMap(([prefix, r, rm]) => [
    x86(`${prefix} 0F BC /r`, "bsf", [rw(r), rm], bsf, { ...SCAN, hot: r.size > 16 }),
    x86(`${prefix} 0F BD /r`, "bsr", [rw(r), rm], bsr, { ...SCAN, hot: r.size > 16 }),
    // BMI1 and LZCNT are not announced, so these are bsf and bsr with a prefix that means nothing (SDM volume 2, TZCNT).
    x86(`F3 ${prefix} 0F BC /r`, "tzcnt", [rw(r), rm], bsf, { ...SCAN, key: "bsf", hot: r.size > 16 }),
    x86(`F3 ${prefix} 0F BD /r`, "lzcnt", [rw(r), rm], bsr, { ...SCAN, key: "bsr", hot: r.size > 16 }),
    x86(`F3 ${prefix} 0F B8 /r`, "popcnt", [w(r), rm], popcnt, {
      writes: "cf pf af zf sf of",
      feature: "popcnt",
    }),
  ]),
]);
