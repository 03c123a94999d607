/** mov, extensions, lea, stack, exchanges, conditional moves. */
// cold: constants, while code is generated
import {
  ACCESS,
  BIAS,
  type I32,
  i32,
  type I64,
  i64,
  type Int,
  type Late,
  late,
  type Machine,
  type Operand,
  select,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, w, x86 } from "../encoding.ts";
import { condition, CONDITIONS, flagsImage, setAdd, setCompare, setImage } from "../flags.ts";
import { RAX, RBP, RBX, RCX, RDX, RSP, ZF } from "../state.ts";
import { push } from "./control.ts";

const ALL = "cf pf af zf sf of";
const hot = { hot: true } as const;

function mov(_m: Machine, dst: Operand, src: Operand): void {
  dst.write(src.read());
}
function movzx(_m: Machine, dst: Operand, src: Operand): void {
  const v = src.read();
  dst.write(dst.size === 64 ? v.extendU() as Int : v);
}
function movsx(_m: Machine, dst: Operand, src: Operand): void {
  const v = src.signed();
  dst.write(dst.size === 64 ? v.extendS() as Int : v);
}
function lea(_m: Machine, dst: Operand, src: Operand): void {
  dst.write(dst.size === 64 ? src.address as Int : src.address.wrap() as Int);
}

/** cs and ss as Linux sets them (spec X2), the others null. */
function movFromSegment(m: Machine, dst: Operand, src: Operand): void {
  const n = m.f.let(src.index.and(7));
  m.f.if(n.geU(6), () => m.raise("illegal", 6));
  const selector = select(n.eq(1), i32(0x33), select(n.eq(2), i32(0x2b), 0));
  dst.write(dst.size === 64 ? selector.extendU() as Int : selector as Int);
}
function movToSegment(m: Machine, dst: Operand, src: Operand): void {
  const n = m.f.let(dst.index.and(7)), selector = m.f.let(src.read().wrap().and(0xffff));
  m.f.if(n.eq(1).or(n.geU(6)), () => m.raise("illegal", 6));
  // Null, except for ss, or the user's data segment.
  const good = selector.and(0xfffc).eqz().and(n.ne(2)).or(selector.eq(0x2b));
  m.f.if(good.eqz(), () => m.raise("protection", 13, selector.and(0xfffc)));
}

function pushOperand(m: Machine, src: Operand): void {
  const v = src.place === "imm" ? src.read() : m.f.let(src.read());
  if (src.size === 64) return push(m, v as I64);
  const to = m.f.let(m.state("i64.load", RSP).sub(2));
  m.store("i32.store16", m.checked(to, 2, ACCESS.write), v as I32);
  m.setState("i64.store", RSP, to);
}
function popRegister(m: Machine, dst: Operand): void {
  const sp = m.f.let(m.state("i64.load", RSP)), bytes = dst.size >> 3;
  const from = m.checked(sp, bytes, ACCESS.read);
  const v = m.f.let(bytes === 8 ? m.load("i64.load", from) as Int : m.load("i32.load16_u", from) as Int);
  m.setState("i64.store", RSP, sp.add(bytes)); // before the write: pop rsp keeps the popped value
  dst.write(v);
}
/** The decoder computes an address by rsp as it is after the pop. */
const popMemory = (bytes: 2 | 8) => (m: Machine, dst: Operand): void => {
  const sp = m.f.let(m.state("i64.load", RSP));
  const v = m.f.let(m.load("i64.load", m.checked(sp, bytes, ACCESS.read)));
  const to = m.checked(dst.address, bytes, ACCESS.write);
  m.store(bytes === 8 ? "i64.store" : "i64.store16", to, v);
  m.setState("i64.store", RSP, sp.add(bytes));
};

function leave(m: Machine): void {
  const bp = m.f.let(m.state("i64.load", RBP));
  const v = m.f.let(m.load("i64.load", m.checked(bp, 8, ACCESS.read)));
  m.setState("i64.store", RSP, bp.add(8));
  m.setState("i64.store", RBP, v);
}
/** SDM volume 2, ENTER. Push by push: what was pushed before one that faults stays, as on processors. */
function enter(m: Machine): void {
  const { f } = m;
  const size = f.let(m.immediate().and(0xffff)), level = f.let(m.immediate().shrU(16).and(31));
  const sp = f.let(m.state("i64.load", RSP)), bp = f.let(m.state("i64.load", RBP));
  const frame = f.let(sp.sub(8)), value = f.let(bp), to = f.let(frame.sub(BIAS)), n = f.let(i32(0));
  f.if(m.probe(to, 8, ACCESS.write), () => m.fault());
  m.store("i64.store", to, value);
  f.while(() => n.ltU(level), () => {
    f.set(n, n.add(1)), f.set(to, to.sub(8));
    f.if(n.ltU(level), () => {
      const from = f.let(bp.sub(n.shl(3).extendU()).sub(BIAS));
      f.if(m.probe(from, 8, ACCESS.read), () => m.fault());
      f.set(value, m.load("i64.load", from));
    }, () => f.set(value, frame));
    f.if(m.probe(to, 8, ACCESS.write), () => m.fault());
    m.store("i64.store", to, value);
  });
  // The new top of the stack must be writable; processors find out last.
  const end = f.let(to.add(BIAS).sub(size.extendU()));
  f.if(m.probe(end.sub(BIAS), 8, ACCESS.write), () => m.fault());
  m.setState("i64.store", RBP, frame);
  m.setState("i64.store", RSP, end);
}

function xchg(m: Machine, a: Operand, b: Operand): void {
  const x = m.f.let(a.read()), y = m.f.let(b.read());
  a.write(y);
  b.write(x);
}
/** 90+r: with itself it is nop, and does not clear the upper half. */
function xchgAccumulator(m: Machine, a: Operand, b: Operand): void {
  m.f.if(a.index, () => xchg(m, a, b));
}
function xadd(m: Machine, dst: Operand, src: Operand): void {
  const a = m.f.let(dst.signed()), b = m.f.let(src.signed());
  setAdd(m, dst.size, a, b);
  src.write(a);
  dst.write(a.add(b));
}
function cmpxchg(m: Machine, dst: Operand, src: Operand): void {
  const { f } = m;
  const accumulator = m.fixed(RAX, dst.size);
  const a = f.let(accumulator.signed()), d = f.let(dst.signed()), s = f.let(src.read());
  setCompare(m, dst.size, a, d);
  f.if(a.eq(d), () => dst.write(s), () => accumulator.write(d));
}
/** cmpxchg8b and cmpxchg16b: only ZF changes. */
const cmpxchgPair = (bytes: 8 | 16) => (m: Machine, dst: Operand): void => {
  const { f } = m,
    load = bytes === 8 ? "i64.load32_u" : "i64.load",
    store = bytes === 8 ? "i64.store32" : "i64.store";
  const low = f.let(dst.load(load)), high = f.let(dst.load(load, bytes / 2));
  const flags = f.let(flagsImage(m).and(~ZF));
  f.if(low.eq(m.state(load, RAX)).and(high.eq(m.state(load, RDX))), () => {
    f.set(flags, flags.or(ZF));
    dst.store(store, m.state("i64.load", RBX));
    dst.store(store, m.state("i64.load", RCX), bytes / 2);
  }, () => {
    m.setState("i64.store", RAX, low);
    m.setState("i64.store", RDX, high);
  });
  setImage(m, flags);
};

function bswap(m: Machine, dst: Operand): void {
  if (dst.size === 64) {
    const v = m.f.let(dst.read() as I64), mask8 = i64(0x00ff00ff00ff00ffn), mask16 = i64(0x0000ffff0000ffffn);
    const once = m.f.let(v.and(mask8).shl(8).or(v.shrU(8).and(mask8)));
    return dst.write(once.and(mask16).shl(16).or(once.shrU(16).and(mask16)).rotl(32) as Int);
  }
  const v = m.f.let(dst.read() as I32);
  dst.write(v.rotl(8).and(0x00ff00ff).or(v.rotr(8).and(0xff00ff00)) as Int);
}

/** One declaration for each size: 8 bits at `opcode`, the others at the next. */
function sizes(
  base: number,
  mnemonic: string,
  swap: boolean,
  semantics: e.Semantics,
  p: e.Properties,
  access = w,
): Declaration[] {
  const hex = (n: number) => (base + n).toString(16).toUpperCase();
  const text = (prefix: string, n: number) =>
    `${prefix}${base > 0xff ? `0F ${hex(n).slice(-2)}` : hex(n)} /r`;
  const both = (r: e.OperandKind, rm: e.OperandKind) => swap ? [access(r), rm] : [access(rm), r];
  return [
    x86(text("", 0), mnemonic, both(e.r8, e.rm8), semantics, p),
    x86(text("o16 ", 1), mnemonic, both(e.r16, e.rm16), semantics, {
      ...p,
      hot: p.hot && mnemonic === "mov",
    }),
    x86(text("o32 ", 1), mnemonic, both(e.r32, e.rm32), semantics, p),
    x86(text("REX.W ", 1), mnemonic, both(e.r64, e.rm64), semantics, p),
  ];
}
const rwBoth = (list: Declaration[]): Declaration[] =>
  list.map((d) => ({ ...d, operands: d.operands.map(rw) }));

const CC_READS = ["of", "cf", "zf", "cf zf", "sf", "pf", "sf of", "zf sf of"];
const conditional = CONDITIONS.flatMap((name, cc) => {
  const p: e.Properties = { parameter: cc, reads: CC_READS[cc >> 1] };
  const common = ![0, 1, 10, 11].includes(cc);
  const cmov = (m: Machine, dst: Operand, src: Operand) => {
    const v = m.f.let(src.read());
    dst.write(select(condition(m, cc), v, dst.read()));
  };
  const set = (m: Machine, dst: Operand) => dst.write(condition(m, cc) as Int);
  const hex = (base: number) => (base + cc).toString(16).toUpperCase();
  return [
    x86(`o16 0F ${hex(0x40)} /r`, `cmov${name}`, [rw(e.r16), e.rm16], cmov, p),
    x86(`o32 0F ${hex(0x40)} /r`, `cmov${name}`, [rw(e.r32), e.rm32], cmov, { ...p, hot: common }),
    x86(`REX.W 0F ${hex(0x40)} /r`, `cmov${name}`, [rw(e.r64), e.rm64], cmov, { ...p, hot: common }),
    x86(`0F ${hex(0x90)} /r`, `set${name}`, [w(e.rm8)], set, { ...p, hot: common }),
  ];
});

// deno-fmt-ignore
export const move: Late<Declaration> = late(() => [
  ...sizes(0x88, "mov", false, mov, hot),
  ...sizes(0x8a, "mov", true, mov, hot),
  x86("o16 8C /r",    "mov", [w(e.rm16), e.sreg], movFromSegment, { key: "mov from segment", traps: true }),
  x86("o32 8C /r",    "mov", [{ ...w(e.rm16), registerSize: 32 }, e.sreg], movFromSegment, { key: "mov from segment", traps: true }),
  x86("REX.W 8C /r",  "mov", [{ ...w(e.rm16), registerSize: 64 }, e.sreg], movFromSegment, { key: "mov from segment", traps: true }),
  x86("8E /r",        "mov", [w(e.sreg), e.rm16], movToSegment, { key: "mov to segment", traps: true }),
  x86("A0 mo",        "mov", [w(e.al), e.moffs8], mov),
  x86("o16 A1 mo",    "mov", [w(e.ax), e.moffs16], mov),
  x86("o32 A1 mo",    "mov", [w(e.eax), e.moffs32], mov),
  x86("REX.W A1 mo",  "mov", [w(e.rax), e.moffs64], mov),
  x86("A2 mo",        "mov", [w(e.moffs8), e.al], mov),
  x86("o16 A3 mo",    "mov", [w(e.moffs16), e.ax], mov),
  x86("o32 A3 mo",    "mov", [w(e.moffs32), e.eax], mov),
  x86("REX.W A3 mo",  "mov", [w(e.moffs64), e.rax], mov),
  x86("B0+r ib",      "mov", [w(e.o8), e.imm8], mov, hot),
  x86("o16 B8+r iw",  "mov", [w(e.o16), e.imm16], mov),
  x86("o32 B8+r id",  "mov", [w(e.o32), e.imm32], mov, hot),
  x86("REX.W B8+r iq", "mov", [w(e.o64), e.imm64], mov, { ...hot, display: "movabs" }),
  x86("C6 /0 ib",     "mov", [w(e.rm8), e.imm8], mov, hot),
  x86("o16 C7 /0 iw", "mov", [w(e.rm16), e.imm16], mov, hot),
  x86("o32 C7 /0 id", "mov", [w(e.rm32), e.imm32], mov, hot),
  x86("REX.W C7 /0 id", "mov", [w(e.rm64), e.imm32s64], mov, hot),
  x86("o32 0F C3 /r",   "movnti", [w(e.m32), e.r32], mov, { feature: "sse2" }),
  x86("REX.W 0F C3 /r", "movnti", [w(e.m64), e.r64], mov, { feature: "sse2" }),

  x86("o16 0F B6 /r",   "movzx", [w(e.r16), e.rm8], movzx),
  x86("o32 0F B6 /r",   "movzx", [w(e.r32), e.rm8], movzx, hot),
  x86("REX.W 0F B6 /r", "movzx", [w(e.r64), e.rm8], movzx, hot),
  x86("o16 0F B7 /r",   "movzx", [w(e.r16), e.rm16], movzx),
  x86("o32 0F B7 /r",   "movzx", [w(e.r32), e.rm16], movzx, hot),
  x86("REX.W 0F B7 /r", "movzx", [w(e.r64), e.rm16], movzx, hot),
  x86("o16 0F BE /r",   "movsx", [w(e.r16), e.rm8], movsx),
  x86("o32 0F BE /r",   "movsx", [w(e.r32), e.rm8], movsx, hot),
  x86("REX.W 0F BE /r", "movsx", [w(e.r64), e.rm8], movsx, hot),
  x86("o16 0F BF /r",   "movsx", [w(e.r16), e.rm16], movsx),
  x86("o32 0F BF /r",   "movsx", [w(e.r32), e.rm16], movsx, hot),
  x86("REX.W 0F BF /r", "movsx", [w(e.r64), e.rm16], movsx, hot),
  x86("o16 63 /r",      "movsxd", [w(e.r16), e.rm16], movsx),
  x86("o32 63 /r",      "movsxd", [w(e.r32), e.rm32], movsx),
  x86("REX.W 63 /r",    "movsxd", [w(e.r64), e.rm32], movsx, hot),
  x86("o16 8D /r",      "lea", [w(e.r16), e.m], lea),
  x86("o32 8D /r",      "lea", [w(e.r32), e.m], lea, hot),
  x86("REX.W 8D /r",    "lea", [w(e.r64), e.m], lea, hot),

  x86("o16 50+r",     "push", [e.o16], pushOperand, { traps: true }),
  x86("o64 50+r",     "push", [e.o64], pushOperand, { ...hot, traps: true }),
  x86("o16 FF /6",    "push", [e.rm16], pushOperand, { traps: true }),
  x86("o64 FF /6",    "push", [e.rm64], pushOperand, { ...hot, traps: true }),
  x86("o16 6A ib",    "push", [e.imm8s16], pushOperand, { traps: true }),
  x86("o64 6A ib",    "push", [e.imm8s64], pushOperand, { ...hot, traps: true }),
  x86("o16 68 iw",    "push", [e.imm16], pushOperand, { traps: true }),
  x86("o64 68 id",    "push", [e.imm32s64], pushOperand, { ...hot, traps: true }),
  x86("o16 58+r",     "pop", [w(e.o16)], popRegister, { traps: true }),
  x86("o64 58+r",     "pop", [w(e.o64)], popRegister, { ...hot, traps: true }),
  x86("o16 8F /0",    "pop", [{ ...e.m16, access: "none" }], popMemory(2), { traps: true, key: "pop memory", popsFirst: 2 }),
  x86("o64 8F /0",    "pop", [{ ...e.m64, access: "none" }], popMemory(8), { traps: true, key: "pop memory", popsFirst: 8 }),
  x86("o16 8F /0",    "pop", [w(e.rr16)], popRegister, { traps: true }),
  x86("o64 8F /0",    "pop", [w(e.rr64)], popRegister, { ...hot, traps: true, alias: true }),
  x86("C9",           "leave", [], leave, { ...hot, traps: true }),
  x86("C8 iw ib",     "enter", [e.imm16, e.imm8], enter, { traps: true }),

  ...rwBoth(sizes(0x86, "xchg", false, xchg, { lock: true })),
  x86("o16 90+r",     "xchg", [rw(e.o16), rw(e.ax)], xchgAccumulator, { key: "xchg accumulator" }),
  x86("o32 90+r",     "xchg", [rw(e.o32), rw(e.eax)], xchgAccumulator, { key: "xchg accumulator" }),
  x86("REX.W 90+r",   "xchg", [rw(e.o64), rw(e.rax)], xchgAccumulator, { key: "xchg accumulator" }),
  ...rwBoth(sizes(0x1c0, "xadd", false, xadd, { lock: true, writes: ALL })),
  ...sizes(0x1b0, "cmpxchg", false, cmpxchg, { lock: true, writes: ALL }, rw),
  x86("W0 0F C7 /1",    "cmpxchg8b", [rw(e.m64)], cmpxchgPair(8), { lock: true, writes: "zf", reads: "cf pf af sf of", alias: false }),
  x86("REX.W 0F C7 /1", "cmpxchg16b", [rw(e.a128)], cmpxchgPair(16), { lock: true, writes: "zf", reads: "cf pf af sf of", traps: true }),
  x86("o32 0F C8+r",    "bswap", [rw(e.o32)], bswap, hot),
  // Undefined in the manual; processors clear 16 bits.
  x86("o16 0F C8+r",    "bswap", [w(e.o16)], (_m, dst) => dst.write(i32(0) as Int), { key: "bswap16" }),
  x86("REX.W 0F C8+r",  "bswap", [rw(e.o64)], bswap, hot),
  ...conditional,
]);
