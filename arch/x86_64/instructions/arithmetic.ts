/** add, or, adc, sbb, and, sub, xor, cmp; inc, dec, neg, not, test (SDM volume 2). */
import { type I32, i32, type Int, type Late, late, type Machine, type Operand } from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, x86 } from "../encoding.ts";
import { carry, setAdd, setCompare, setLogic, setResult } from "../flags.ts";
import { AF } from "../state.ts";
import { extendFrom } from "./common.ts";

const ALL = "cf pf af zf sf of";

function add(m: Machine, dst: Operand, src: Operand): void {
  const a = m.f.let(dst.signed()), b = m.f.keep(src.signed());
  setAdd(m, dst.size, a, b);
  dst.write(a.add(b));
}
function sub(m: Machine, dst: Operand, src: Operand): void {
  const a = m.f.let(dst.signed()), b = m.f.keep(src.signed());
  setCompare(m, dst.size, a, b);
  dst.write(a.sub(b));
}
function cmp(m: Machine, dst: Operand, src: Operand): void {
  setCompare(m, dst.size, dst.signed(), src.signed());
}
const logic = (compute: (a: Int, b: Int) => Int) => (m: Machine, dst: Operand, src: Operand): void => {
  const result = m.f.let(compute(dst.signed(), src.signed()));
  setLogic(m, dst.size, result);
  dst.write(result);
};
const and = logic((a, b) => a.and(b)), or = logic((a, b) => a.or(b)), xor = logic((a, b) => a.xor(b));
function test(m: Machine, a: Operand, b: Operand): void {
  setLogic(m, a.size, a.signed().and(b.signed()));
}

/** adc and sbb: the carry in makes two chances to carry out. */
const withCarry = (subtract: boolean) => (m: Machine, dst: Operand, src: Operand): void => {
  const { f } = m, { size } = dst;
  const a = f.let(dst.signed()), b = f.let(src.signed());
  const c = f.let(carry(m));
  const cIn = a.type === "i64" ? c.extendU() as Int : c as Int;
  const raw = subtract ? a.sub(b).sub(cIn) : a.add(b).add(cIn);
  const result = f.let(extendFrom(size, raw));
  if (m.flagsWanted) {
    // CF from the top bit: majority of the operands and the inverted result (SDM: carry out of the top).
    const top = subtract
      ? a.not().and(b).or(a.xor(b).not().and(result))
      : a.and(b).or(a.or(b).and(result.not()));
    const signs = subtract ? a.xor(b).and(a.xor(result)) : a.xor(result).and(b.xor(result));
    const zero = a.type === "i64" ? 63 : 31;
    const bits: I32 = top.shrU(zero).wrap()
      .or(signs.shrU(zero).wrap().shl(11))
      .or(a.xor(b).xor(result).wrap().and(AF));
    setResult(m, result, bits);
  }
  dst.write(result);
};
const adc = withCarry(false), sbb = withCarry(true);

const step = (by: 1 | -1) => (m: Machine, dst: Operand): void => {
  const { f } = m, { size } = dst;
  const a = f.let(dst.signed());
  const raw = a.add(by), result = m.flagsWanted ? f.let(extendFrom(size, raw)) : raw;
  if (m.flagsWanted) {
    const cf = carry(m);
    const overflow = by === 1 ? result.and(a.not()) : a.and(result.not());
    const bits = cf.or(a.xor(result).wrap().and(AF)).or(overflow.ltS(0).shl(11));
    // CF first: setResult overwrites what it is computed from.
    const kept = f.let(bits);
    setResult(m, result, kept);
  }
  dst.write(result);
};
const inc = step(1), dec = step(-1);

function neg(m: Machine, dst: Operand): void {
  const a = m.f.let(dst.signed());
  const zero = a.type === "i64" ? a.xor(a) : i32(0) as Int;
  setCompare(m, dst.size, zero, a);
  dst.write(zero.sub(a));
}
function not(_m: Machine, dst: Operand): void {
  dst.write(dst.read().not());
}

/** The eight operations of opcodes 00-3F: `base` + 0..5, and group 1. */
function family(
  mnemonic: string,
  base: number,
  semantics: e.Semantics,
  properties: e.Properties,
): Declaration[] {
  const hex = (n: number) => (base + n).toString(16).toUpperCase().padStart(2, "0");
  const digit = `/${base >> 3}`;
  const out = mnemonic === "cmp" ? (k: e.OperandKind) => k : rw;
  const p = { ...properties, lock: mnemonic !== "cmp" };
  // deno-fmt-ignore
  return [
    x86(`${hex(0)} /r`,           mnemonic, [out(e.rm8), e.r8],   semantics, p),
    x86(`o16 ${hex(1)} /r`,       mnemonic, [out(e.rm16), e.r16], semantics, { ...p, hot: false }),
    x86(`o32 ${hex(1)} /r`,       mnemonic, [out(e.rm32), e.r32], semantics, p),
    x86(`REX.W ${hex(1)} /r`,     mnemonic, [out(e.rm64), e.r64], semantics, p),
    x86(`${hex(2)} /r`,           mnemonic, [out(e.r8), e.rm8],   semantics, p),
    x86(`o16 ${hex(3)} /r`,       mnemonic, [out(e.r16), e.rm16], semantics, { ...p, hot: false }),
    x86(`o32 ${hex(3)} /r`,       mnemonic, [out(e.r32), e.rm32], semantics, p),
    x86(`REX.W ${hex(3)} /r`,     mnemonic, [out(e.r64), e.rm64], semantics, p),
    x86(`${hex(4)} ib`,           mnemonic, [out(e.al), e.imm8],  semantics, p),
    x86(`o16 ${hex(5)} iw`,       mnemonic, [out(e.ax), e.imm16], semantics, { ...p, hot: false }),
    x86(`o32 ${hex(5)} id`,       mnemonic, [out(e.eax), e.imm32], semantics, p),
    x86(`REX.W ${hex(5)} id`,     mnemonic, [out(e.rax), e.imm32s64], semantics, p),
    x86(`80 ${digit} ib`,         mnemonic, [out(e.rm8), e.imm8], semantics, p),
    x86(`o16 81 ${digit} iw`,     mnemonic, [out(e.rm16), e.imm16], semantics, { ...p, hot: false }),
    x86(`o32 81 ${digit} id`,     mnemonic, [out(e.rm32), e.imm32], semantics, p),
    x86(`REX.W 81 ${digit} id`,   mnemonic, [out(e.rm64), e.imm32s64], semantics, p),
    x86(`o16 83 ${digit} ib`,     mnemonic, [out(e.rm16), e.imm8s16], semantics, { ...p, hot: false }),
    x86(`o32 83 ${digit} ib`,     mnemonic, [out(e.rm32), e.imm8s32], semantics, p),
    x86(`REX.W 83 ${digit} ib`,   mnemonic, [out(e.rm64), e.imm8s64], semantics, p),
  ];
}

/** One operand of each size: group 3 to 5. */
function unary(
  mnemonic: string,
  opcode8: string,
  opcode: string,
  digit: string,
  semantics: e.Semantics,
  p: e.Properties,
): Declaration[] {
  // deno-fmt-ignore
  return [
    x86(`${opcode8} ${digit}`,      mnemonic, [rw(e.rm8)],  semantics, { ...p, lock: true, hot: false }),
    x86(`o16 ${opcode} ${digit}`,   mnemonic, [rw(e.rm16)], semantics, { ...p, lock: true, hot: false }),
    x86(`o32 ${opcode} ${digit}`,   mnemonic, [rw(e.rm32)], semantics, { ...p, lock: true }),
    x86(`REX.W ${opcode} ${digit}`, mnemonic, [rw(e.rm64)], semantics, { ...p, lock: true }),
  ];
}

const LOGIC = { writes: "cf pf zf sf of", undefines: "af", manual: "AND" };
const testing: e.Properties = { ...LOGIC, fuse: "test", hot: true };

// deno-fmt-ignore
export const arithmetic: Late<Declaration> = late(() => [
  ...family("add", 0x00, add, { writes: ALL, hot: true, manual: "ADD" }),
  ...family("or",  0x08, or,  { ...LOGIC, hot: true }),
  ...family("adc", 0x10, adc, { writes: ALL, reads: "cf", manual: "ADC" }),
  ...family("sbb", 0x18, sbb, { writes: ALL, reads: "cf", manual: "SBB" }),
  ...family("and", 0x20, and, { ...LOGIC, hot: true }),
  ...family("sub", 0x28, sub, { writes: ALL, hot: true, manual: "SUB" }),
  ...family("xor", 0x30, xor, { ...LOGIC, hot: true }),
  ...family("cmp", 0x38, cmp, { writes: ALL, hot: true, fuse: "cmp", manual: "CMP" }),

  x86("84 /r",         "test", [e.rm8, e.r8],       test, testing),
  x86("o16 85 /r",     "test", [e.rm16, e.r16],     test, { ...testing, hot: false }),
  x86("o32 85 /r",     "test", [e.rm32, e.r32],     test, testing),
  x86("REX.W 85 /r",   "test", [e.rm64, e.r64],     test, testing),
  x86("A8 ib",         "test", [e.al, e.imm8],      test, testing),
  x86("o16 A9 iw",     "test", [e.ax, e.imm16],     test, { ...testing, hot: false }),
  x86("o32 A9 id",     "test", [e.eax, e.imm32],    test, testing),
  x86("REX.W A9 id",   "test", [e.rax, e.imm32s64], test, { ...testing, hot: false }),
  ...["/0", "/1"].flatMap((digit) => [
    x86(`F6 ${digit} ib`,       "test", [e.rm8, e.imm8],      test, { ...testing, alias: digit === "/1" }),
    x86(`o16 F7 ${digit} iw`,   "test", [e.rm16, e.imm16],    test, { ...testing, hot: false, alias: digit === "/1" }),
    x86(`o32 F7 ${digit} id`,   "test", [e.rm32, e.imm32],    test, { ...testing, alias: digit === "/1" }),
    x86(`REX.W F7 ${digit} id`, "test", [e.rm64, e.imm32s64], test, { ...testing, hot: false, alias: digit === "/1" }),
  ]),

  ...unary("inc", "FE", "FF", "/0", inc, { writes: "pf af zf sf of", reads: "cf", manual: "INC", hot: true }),
  ...unary("dec", "FE", "FF", "/1", dec, { writes: "pf af zf sf of", reads: "cf", manual: "DEC", hot: true }),
  ...unary("not", "F6", "F7", "/2", not, { hot: true }),
  ...unary("neg", "F6", "F7", "/3", neg, { writes: ALL, manual: "NEG", hot: true }),
]);
