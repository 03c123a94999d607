/** Branches, entries to the kernel, hints, barriers, system registers (C4.1.89). */
// cold: constants of the generated code
import {
  ACCESS,
  FIELD,
  i32,
  type I64,
  i64,
  type Int,
  type Late,
  late,
  type Machine,
  v128,
} from "@guise/translator";
import { a64, type Declaration, type Semantics } from "../encoding.ts";
import { condition, flagsImage, setImage } from "../flags.ts";
import { CONDITIONS } from "../flag_names.ts";
import { STATE, X16, X30, X8 } from "../state.ts";

const nop = (): void => {};
/** Unallocated at EL0: EC 0. */
const undefinedHere: Semantics = (_, m) => m.raise("illegal", 0);

const test = (zero: boolean): Semantics => ({ t }, m) =>
  m.branchIf(zero ? t.read().eqz() : t.read().eqz().eqz());
const testBit = (zero: boolean): Semantics => ({ t, b }, m) => {
  const bit = (t.read() as I64).shrU(b.read().wrap().extendU()).wrap().and(1);
  m.branchIf(zero ? bit.eqz() : bit);
};

/** Virtual count of a 1 GHz timer: nanoseconds, plus the instructions of this run. */
const count = (m: Machine): I64 =>
  m.field("i64.load", FIELD.time).add(m.field("i32.load", FIELD.start).sub(m.budget()).extendU());

/** System registers of EL0 (spec A6): op0 op1 CRn CRm op2 as 15 bits after the leading 1. */
interface SystemRegister {
  readonly name: string;
  readonly code: string;
  read(m: Machine): I64;
  write?(m: Machine, v: I64): void;
}
// deno-fmt-ignore
const SYSTEM: readonly SystemRegister[] = [
  { name: "nzcv", code: "1 011 0100 0010 000", read: (m) => flagsImage(m).extendU(), write: (m, v) => setImage(m, v.wrap()) },
  { name: "fpcr", code: "1 011 0100 0100 000", read: (m) => m.state("i64.load32_u", STATE.fpcr), write: (m, v) => m.setState("i32.store", STATE.fpcr, v.wrap().and(0x07c80000)) },
  { name: "fpsr", code: "1 011 0100 0100 001", read: (m) => m.state("i64.load32_u", STATE.fpsr), write: (m, v) => m.setState("i32.store", STATE.fpsr, v.wrap().and(0x0800009f)) },
  { name: "tpidr_el0", code: "1 011 1101 0000 010", read: (m) => m.state("i64.load", STATE.tpidr), write: (m, v) => m.setState("i64.store", STATE.tpidr, v) },
  { name: "tpidrro_el0", code: "1 011 1101 0000 011", read: (m) => m.state("i64.load", STATE.tpidrro) },
  // 64-byte lines; IDC and DIC: no cache maintenance is needed for code (code pages are watched).
  { name: "ctr_el0", code: "1 011 0000 0000 001", read: () => i64(0xb444c004) },
  // DC ZVA clears 4 << 4 bytes.
  { name: "dczid_el0", code: "1 011 0000 0000 111", read: () => i64(4) },
  { name: "cntfrq_el0", code: "1 011 1110 0000 000", read: () => i64(1_000_000_000) },
  { name: "cntvct_el0", code: "1 011 1110 0000 010", read: count },
];

// deno-fmt-ignore
export const control: Late<Declaration> = late(() => [
  ...a64("000101 iiiiiiiiiiiiiiiiiiiiiiiiii", "b {>i}", (_, m) => m.branch(), { flow: "jmp", hot: true }),
  ...a64("100101 iiiiiiiiiiiiiiiiiiiiiiiiii", "bl {>i}", (_, m) => { m.setState("i64.store", X30, m.nextPc()); m.branch(); }, { flow: "call", hot: true }),
  ...CONDITIONS.flatMap((name, cc) =>
    a64(`01010100 iiiiiiiiiiiiiiiiiii 0 ${cc.toString(2).padStart(4, "0")}`, `b.${name} {>i}`, (_, m) => m.branchIf(condition(m, cc)), { flow: "jcc", parameter: cc, hot: cc < 14 })),
  ...a64("z0110100 iiiiiiiiiiiiiiiiiii ttttt", "cbz {t}, {>i}", test(true), { flow: "jcc", hot: true }),
  ...a64("z0110101 iiiiiiiiiiiiiiiiiii ttttt", "cbnz {t}, {>i}", test(false), { flow: "jcc", hot: true }),
  ...a64("b0110110 bbbbb iiiiiiiiiiiiii ttttt", "tbz {t/x}, #{b/i3}, {>i}", testBit(true), { flow: "jcc", hot: true }),
  ...a64("b0110111 bbbbb iiiiiiiiiiiiii ttttt", "tbnz {t/x}, #{b/i3}, {>i}", testBit(false), { flow: "jcc", hot: true }),
  ...a64("1101011000011111000000 nnnnn 00000", "br {n/x}", ({ n }, m) => m.jump(m.f.let(n.read() as I64)), { flow: "end", hot: true }),
  ...a64("1101011000111111000000 nnnnn 00000", "blr {n/x}", ({ n }, m) => {
    const to = m.f.let(n.read() as I64);
    m.setState("i64.store", X30, m.nextPc());
    m.jump(to);
  }, { flow: "end", hot: true }),
  ...a64("1101011001011111000000 nnnnn 00000", "ret {n/x}", ({ n }, m) => m.jump(m.f.let(n.read() as I64)), { flow: "end", hot: true }),

  ...a64("11010100000 iiiiiiiiiiiiiiii 00001", "svc #{i/u}", (_, m) => m.enter("syscall", m.f.let(i32(0)), X8), { flow: "syscall", hot: true }),
  // A call stub of the kernel (Arch.stub): the target is in x16, which calls may change.
  ...a64("11010100000 0000000000000000 00010", "hvc #0", (_, m) => m.enter("call", m.f.let(m.state("i32.load", X16))), { flow: "stub" }),
  ...a64("11010100001 iiiiiiiiiiiiiiii 00000", "brk #{i/u}", ({ i }, m) => m.raise("breakpoint", 0x3c, i.read().wrap()), { flow: "end" }),
  ...a64("11010100010 iiiiiiiiiiiiiiii 00000", "hlt #{i/u}", undefinedHere, { flow: "end", key: "undefined" }),
  ...a64("0000000000000000 iiiiiiiiiiiiiiii", "udf #{i/u}", undefinedHere, { flow: "end", key: "undefined" }),

  ...a64("11010101000000110010 iiiiiii 11111", "hint #{i/u}", nop, { hot: true }),
  ...a64("11010101000000110011 cccc 01011111".replace("01011111", "010 11111"), "clrex", (_, m) => m.setState("i64.store", STATE.exclusive, i64(-1))),
  ...a64("11010101000000110011 ---- 100 11111", "dsb", nop, { key: "barrier" }),
  ...a64("11010101000000110011 ---- 101 11111", "dmb", nop, { key: "barrier" }),
  ...a64("11010101000000110011 ---- 110 11111", "isb", nop, { key: "barrier" }),
  ...SYSTEM.flatMap(({ name, code, read, write }) => [
    ...a64(`11010101001 1${code} ttttt`, `mrs {=t/x}, ${name}`, ({ t }, m) => t.write(read(m) as Int)),
    ...(write ? a64(`11010101000 1${code} ttttt`, `msr ${name}, {t/x}`, ({ t }, m) => write(m, m.f.let(t.read() as I64))) : []),
  ]),
  // 64 bytes, aligned; a fault tells the address that was given. Not among random cases: qemu's largest CPU clears 512.
  ...a64("1101010100001 011 0111 0100 001 ttttt", "dc zva, {t/x}", ({ t }, m) => {
    const block = m.f.let(m.checked(t.read() as I64, 1, ACCESS.write).and(-64));
    for (let i = 0; i < 64; i += 16) m.store("v128.store", block, v128(0n), i);
  }),
  // Cache maintenance by address: code pages are watched.
  ...a64("1101010100001 011 0111 0101 001 ttttt", "ic ivau, {t/x}", nop),
  ...a64("1101010100001 011 0111 1010 001 ttttt", "dc cvac, {t/x}", nop),
  ...a64("1101010100001 011 0111 1011 001 ttttt", "dc cvau, {t/x}", nop),
  ...a64("1101010100001 011 0111 1110 001 ttttt", "dc civac, {t/x}", nop),
]);
