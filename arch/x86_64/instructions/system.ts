/** Flags as data, hints, segment bases, identification; what user mode may not do. */
import {
  ACCESS,
  BIAS,
  FIELD,
  i32,
  type I64,
  type Int,
  type Late,
  late,
  type Machine,
  type Operand,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, w, x86 } from "../encoding.ts";
import { flagsImage, rflags, setImage } from "../flags.ts";
import { CF, DF, IF, OF, RAX, RBX, RCX, RDX, RSP, STATE, STATUS_FLAGS } from "../state.ts";
import { push } from "./control.ts";

const ALL = "cf pf af zf sf of";
const NT = 0x4000, AC = 0x40000, ID = 0x200000;
/** Bits of rflags outside the status flags that user mode can change; TF is not honoured. */
const CHANGEABLE = DF | NT | AC | ID;

function setFlags(m: Machine, v: I64): void {
  const x = m.f.let(v.wrap());
  setImage(m, x.and(STATUS_FLAGS));
  const rest = m.state("i32.load", STATE.flagRest).and(~CHANGEABLE);
  m.setState("i32.store", STATE.flagRest, rest.or(x.and(CHANGEABLE)).or(IF | 2));
}
const pushf = (bytes: 2 | 8) => (m: Machine): void => {
  const v = m.f.let(rflags(m));
  if (bytes === 8) return push(m, v.extendU());
  const to = m.f.let(m.state("i64.load", RSP).sub(2));
  m.store("i32.store16", m.checked(to, 2, ACCESS.write), v);
  m.setState("i64.store", RSP, to);
};
const popf = (bytes: 2 | 8) => (m: Machine): void => {
  const sp = m.f.let(m.state("i64.load", RSP)), from = m.checked(sp, bytes, ACCESS.read);
  if (bytes === 8) setFlags(m, m.load("i64.load", from));
  else setFlags(m, m.load("i64.load16_u", from).or(m.state("i64.load32_u", STATE.flagRest).and(0xffff0000)));
  m.setState("i64.store", RSP, sp.add(bytes));
};

const setDirection = (on: boolean) => (m: Machine): void => {
  const rest = m.state("i32.load", STATE.flagRest);
  m.setState("i32.store", STATE.flagRest, on ? rest.or(DF) : rest.and(~DF));
};

/** Time base plus the instructions of this run: advances without a call of the host. */
const time = (m: Machine): I64 =>
  m.field("i64.load", FIELD.time).add(m.field("i32.load", FIELD.start).sub(m.budget()).extendU());
function rdtsc(m: Machine): void {
  const t = m.f.let(time(m));
  m.setState("i64.store", RAX, t.and(0xffffffff));
  m.setState("i64.store", RDX, t.shrU(32));
}

const nop = (): void => {};
const general = (m: Machine): void => m.raise("protection", 13);
const illegal = (m: Machine): void => m.raise("illegal", 6);

/** FS and GS bases; a base that is not canonical is #GP. */
const readBase = (slot: number) => (m: Machine, dst: Operand): void => {
  const v = m.state("i64.load", slot);
  dst.write(dst.size === 64 ? v as Int : v.wrap() as Int);
};
const writeBase = (slot: number) => (m: Machine, src: Operand): void => {
  const v = m.f.let(src.read().extendU());
  m.f.if(v.ne(v.shl(16).shrS(16)), () => general(m));
  m.setState("i64.store", slot, v);
};

/** Raise #GP at CPL 3 (SDM volume 3, 5.9), whatever their operands. */
const privileged = (encoding: string, mnemonic: string, operands: e.OperandKind[] = []): Declaration =>
  x86(encoding, mnemonic, operands, general, {
    privileged: true,
    traps: true,
    flow: "end",
    key: "general protection",
  });

const bases =
  ([["rdfsbase", "/0", STATE.fsBase], ["rdgsbase", "/1", STATE.gsBase], ["wrfsbase", "/2", STATE.fsBase], [
    "wrgsbase",
    "/3",
    STATE.gsBase,
  ]] as const)
    .flatMap(([mnemonic, digit, slot]) => {
      const read = mnemonic.startsWith("rd"),
        semantics = read ? readBase(slot) : writeBase(slot),
        access = read ? w : (k: e.OperandKind) => k;
      return [
        x86(`F3 o32 0F AE ${digit}`, mnemonic, [access(e.rr32)], semantics, {
          feature: "fsgsbase",
          traps: true,
        }),
        x86(`F3 REX.W 0F AE ${digit}`, mnemonic, [access(e.rr64)], semantics, {
          feature: "fsgsbase",
          traps: true,
        }),
      ];
    });

// deno-fmt-ignore
export const system: Late<Declaration> = late(() => [
  x86("o16 9C", "pushf", [], pushf(2), { reads: ALL, traps: true }),
  x86("o64 9C", "pushf", [], pushf(8), { reads: ALL, traps: true }),
  x86("o16 9D", "popf",  [], popf(2), { writes: ALL, traps: true }),
  x86("o64 9D", "popf",  [], popf(8), { writes: ALL, traps: true }),
  x86("9E", "sahf", [], (m) => setImage(m, m.f.let(m.state("i32.load8_u", RAX + 1).and(STATUS_FLAGS & 0xff).or(flagsImage(m).and(OF)))), { writes: "cf pf af zf sf", reads: "of" }),
  x86("9F", "lahf", [], (m) => m.setState("i32.store8", RAX + 1, flagsImage(m).or(2)), { reads: ALL }),
  x86("F8", "clc",  [], (m) => setImage(m, m.f.let(flagsImage(m).and(~CF))), { writes: "cf", reads: "pf af zf sf of" }),
  x86("F9", "stc",  [], (m) => setImage(m, m.f.let(flagsImage(m).or(CF))), { writes: "cf", reads: "pf af zf sf of" }),
  x86("F5", "cmc",  [], (m) => setImage(m, m.f.let(flagsImage(m).xor(CF))), { writes: "cf", reads: ALL }),
  x86("FC", "cld",  [], setDirection(false)),
  x86("FD", "std",  [], setDirection(true)),
  x86("D7", "xlat", [e.fixed("BYTE PTR ds:[rbx]")], (m) => {
    const sum = m.state("i64.load", RBX).add(m.state("i64.load8_u", RAX));
    const offset = m.f.let(sum);
    m.f.if(m.narrow(), () => m.f.set(offset, offset.and(0xffffffff)));
    const at = m.f.let(m.segment().add(offset).sub(BIAS));
    m.f.if(m.probe(at, 1, ACCESS.read), () => m.fault());
    m.setState("i32.store8", RAX, m.load("i32.load8_u", at));
  }, { traps: true }),

  x86("F3 90",        "pause",   [], nop, { key: "nop" }),
  x86("o16 0F 1F /0", "nop", [e.address(e.rm16)], nop, { key: "nop" }),
  x86("o32 0F 1F /0", "nop", [e.address(e.rm32)], nop, { key: "nop", hot: true }),
  x86("REX.W 0F 1F /0", "nop", [e.address(e.rm64)], nop, { key: "nop", hot: true }),
  x86("o16 0F 1E /r", "nop", [e.address(e.rm16), e.r16], nop, { key: "nop" }),
  x86("o32 0F 1E /r", "nop", [e.address(e.rm32), e.r32], nop, { key: "nop" }),
  x86("REX.W 0F 1E /r", "nop", [e.address(e.rm64), e.r64], nop, { key: "nop" }),
  x86("F3 0F 1E FA",  "endbr64", [], nop, { key: "nop", hot: true }),
  x86("F3 0F 1E FB",  "endbr32", [], nop, { key: "nop" }),
  x86("F3 0F 1E /1",  "rdsspd", [e.address(e.rr32)], nop, { key: "nop" }),
  x86("0F 18 /0", "prefetchnta", [e.address(e.m8)], nop, { key: "nop" }),
  x86("0F 18 /1", "prefetcht0",  [e.address(e.m8)], nop, { key: "nop" }),
  x86("0F 18 /2", "prefetcht1",  [e.address(e.m8)], nop, { key: "nop" }),
  x86("0F 18 /3", "prefetcht2",  [e.address(e.m8)], nop, { key: "nop" }),
  x86("0F 0D /0", "prefetch",  [e.address(e.m8)], nop, { key: "nop" }),
  x86("0F 0D /1", "prefetchw", [e.address(e.m8)], nop, { key: "nop" }),
  x86("NP 0F AE /5", "lfence", [e.anyRegister], nop, { key: "fence" }),
  x86("NP 0F AE /6", "mfence", [e.anyRegister], nop, { key: "fence" }),
  x86("NP 0F AE /7", "sfence", [e.anyRegister], nop, { key: "fence" }),
  x86("NP 0F AE /7", "clflush", [e.m8], nop, { feature: "clflush" }),

  ...bases,
  x86("0F A2",    "cpuid",  [], (m) => m.f.do(m.host("cpuid"), [])),
  x86("0F 31",    "rdtsc",  [], rdtsc, { hot: true }),
  x86("0F 01 F9", "rdtscp", [], (m) => (rdtsc(m), m.setState("i64.store", RCX, 0)), { hot: true, feature: "rdtscp" }),
  x86("0F 01 D0", "xgetbv", [], illegal, { traps: true, flow: "end" }), // OSXSAVE is not announced
  x86("0F B9 /r", "ud1", [e.r32, e.address(e.rm32)], illegal, { traps: true, flow: "end" }),

  privileged("FA", "cli"), privileged("FB", "sti"),
  privileged("E4", "in", [e.fixed("al"), e.imm8]), privileged("E5", "in", [e.fixed("eax"), e.imm8]),
  privileged("E6", "out", [e.imm8, e.fixed("al")]), privileged("E7", "out", [e.imm8, e.fixed("eax")]),
  privileged("EC", "in", [e.fixed("al"), e.fixed("dx")]), privileged("ED", "in", [e.fixed("eax"), e.fixed("dx")]),
  privileged("EE", "out", [e.fixed("dx"), e.fixed("al")]), privileged("EF", "out", [e.fixed("dx"), e.fixed("eax")]),
  privileged("6C", "ins", [e.fixed("BYTE PTR es:[rdi]"), e.fixed("dx")]), privileged("6D", "ins", [e.fixed("DWORD PTR es:[rdi]"), e.fixed("dx")]),
  privileged("6E", "outs", [e.fixed("dx"), e.fixed("BYTE PTR ds:[rsi]")]), privileged("6F", "outs", [e.fixed("dx"), e.fixed("DWORD PTR ds:[rsi]")]),
  privileged("0F 06", "clts"), privileged("0F 08", "invd"), privileged("0F 09", "wbinvd"),
  privileged("0F 30", "wrmsr"), privileged("0F 32", "rdmsr"), privileged("0F 33", "rdpmc"),
  privileged("0F 34", "sysenter"), privileged("0F 35", "sysexitd"), privileged("0F 07", "sysretd"),
  privileged("0F 20 /r", "mov", [e.address(e.rr64), e.address(e.creg)]), privileged("0F 22 /r", "mov", [e.address(e.creg), e.address(e.rr64)]),
  privileged("0F 21 /r", "mov", [e.address(e.rr64), e.address(e.dreg)]), privileged("0F 23 /r", "mov", [e.address(e.dreg), e.address(e.rr64)]),
  privileged("0F 00 /0", "sldt", [e.address(e.rm32)]), privileged("0F 00 /1", "str", [e.address(e.rm32)]),
  privileged("0F 00 /2", "lldt", [e.address(e.rm16)]), privileged("0F 00 /3", "ltr", [e.address(e.rm16)]),
  privileged("0F 01 /0", "sgdt", [e.m]), privileged("0F 01 /1", "sidt", [e.m]), privileged("0F 01 /2", "lgdt", [e.m]), privileged("0F 01 /3", "lidt", [e.m]),
  privileged("0F 01 /4", "smsw", [e.address(e.rm16)]), privileged("0F 01 /6", "lmsw", [e.address(e.rm16)]), privileged("0F 01 /7", "invlpg", [e.m]),
  privileged("0F 01 F8", "swapgs"),
  privileged("CF", "iret"), privileged("CB", "retf"), privileged("CA iw", "retf", [e.imm16]),
  privileged("FF /3", "call", [e.address(e.m)]), privileged("FF /5", "jmp", [e.address(e.m)]),
  privileged("0F B2 /r", "lss", [e.address(e.r32), e.m]), privileged("0F B4 /r", "lfs", [e.address(e.r32), e.m]), privileged("0F B5 /r", "lgs", [e.address(e.r32), e.m]),
  x86("o64 0F A0", "push", [e.fixed("fs")], (m) => push(m, m.f.let(i32(0).extendU())), { traps: true, key: "push fs" }),
  x86("o64 0F A8", "push", [e.fixed("gs")], (m) => push(m, m.f.let(i32(0).extendU())), { traps: true, key: "push gs" }),
]);
