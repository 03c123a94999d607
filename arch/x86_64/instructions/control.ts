/** Jumps, calls, returns, loops; entries to the kernel; traps. */
import {
  ACCESS,
  type I32,
  type I64,
  i64,
  type Late,
  late,
  type Machine,
  type Operand,
  select,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, x86 } from "../encoding.ts";
import { condition, CONDITIONS, rflags } from "../flags.ts";
import { R11, RAX, RCX, RSP } from "../state.ts";

const rsp = (m: Machine): I64 => m.state("i64.load", RSP);

/** Pushes 64 bits; the stack is checked first, RSP changes last. */
export function push(m: Machine, v: I64): void {
  const to = m.f.let(rsp(m).sub(8));
  m.store("i64.store", m.checked(to, 8, ACCESS.write), v);
  m.setState("i64.store", RSP, to);
}

/** The address behind a direct call lies in the record where register fields would be. */
const returnAddress = (m: Machine): I64 => m.nextPc();

function call(m: Machine): void {
  push(m, returnAddress(m));
  m.branch();
}
function callIndirect(m: Machine, target: Operand): void {
  const to = m.f.let(target.read() as I64);
  push(m, m.nextPc());
  m.jump(to);
}
function ret(m: Machine): void {
  const sp = m.f.let(rsp(m));
  const to = m.f.let(m.load("i64.load", m.checked(sp, 8, ACCESS.read)));
  m.setState("i64.store", RSP, sp.add(8));
  m.jump(to);
}
function retImmediate(m: Machine, bytes: Operand): void {
  const sp = m.f.let(rsp(m));
  const to = m.f.let(m.load("i64.load", m.checked(sp, 8, ACCESS.read)));
  m.setState("i64.store", RSP, sp.add(8).add((bytes.read() as I32).extendU()));
  m.jump(to);
}
const jmpIndirect = (m: Machine, target: Operand): void => m.jump(m.f.let(target.read() as I64));

/** loop, loope, loopne: RCX (ECX with 67h) counts without touching flags. */
const counted = (also?: number) => (m: Machine): void => {
  const { f } = m;
  const c = f.let(m.state("i64.load", RCX).sub(1));
  f.if(m.narrow(), () => f.set(c, c.and(0xffffffff)));
  m.setState("i64.store", RCX, c);
  const go = f.let(c.ne(0));
  if (also !== undefined) f.set(go, go.and(condition(m, also)));
  m.branchIf(go);
};

function jrcxz(m: Machine): void {
  const c = m.state("i64.load", RCX);
  m.branchIf(select(m.narrow(), c.wrap().eqz(), c.eqz()));
}

/** SYSCALL (spec X1): RCX = next instruction, R11 = rflags; then the kernel. */
function syscall(m: Machine): void {
  const next = m.f.let(m.nextPc());
  m.setState("i64.store", RCX, next);
  m.setState("i64.store", R11, rflags(m).extendU());
  m.enter("syscall", m.f.let(i64(0).wrap()), RAX);
}
const int80 = (m: Machine): void => m.enter("syscall", m.f.let(i64(1).wrap()));

/** Linux's gates with DPL 3 are 3, 4 and 0x80; any other is #GP with the gate in the error code (spec X10). */
function int(m: Machine, vector: Operand): void {
  const { f } = m;
  const n = f.let(vector.read().wrap());
  f.if(n.eq(0x80), () => int80(m), () => {
    f.if(n.eq(3), () => m.raise("breakpoint", 3));
    f.if(n.eq(4), () => m.raise("overflow", 4));
    m.raise("protection", 13, n.shl(3).or(2));
  });
}

const illegal = (m: Machine): void => m.raise("illegal", 6);
const general = (m: Machine): void => m.raise("protection", 13);

const JCC_READS = ["of", "cf", "zf", "cf zf", "sf", "pf", "sf of", "zf sf of"];
const jumps = CONDITIONS.flatMap((name, cc) => {
  const semantics = (m: Machine) => m.branchIf(condition(m, cc));
  const p: e.Properties = { flow: "jcc", parameter: cc, reads: JCC_READS[cc >> 1], hot: true };
  const hex = (base: number) => (base + cc).toString(16).toUpperCase();
  return [
    x86(`${hex(0x70)} cb`, `j${name}`, [e.rel8], semantics, p),
    x86(`0F ${hex(0x80)} cd`, `j${name}`, [e.rel32], semantics, p),
  ];
});

// deno-fmt-ignore
export const control: Late<Declaration> = late(() => [
  ...jumps,
  x86("EB cb",       "jmp",  [e.rel8],  (m) => m.branch(), { flow: "jmp", hot: true, key: "jmp8" }),
  x86("E9 cd",       "jmp",  [e.rel32], (m) => m.branch(), { flow: "jmp", hot: true, key: "jmp32" }),
  x86("FF /4",       "jmp",  [e.rm64],  jmpIndirect, { flow: "end", hot: true, key: "jmp indirect" }),
  x86("E8 cd",       "call", [e.rel32], call, { flow: "call", hot: true }),
  x86("FF /2",       "call", [e.rm64],  callIndirect, { flow: "end", hot: true, key: "call indirect" }),
  x86("C3",          "ret",  [], ret, { flow: "end", hot: true }),
  x86("C2 iw",       "ret",  [e.imm16], retImmediate, { flow: "end" }),
  x86("E0 cb",       "loopne", [e.rel8], counted(5), { flow: "jcc", reads: "zf" }),
  x86("E1 cb",       "loope",  [e.rel8], counted(4), { flow: "jcc", reads: "zf" }),
  x86("E2 cb",       "loop",   [e.rel8], counted(), { flow: "jcc" }),
  x86("E3 cb",       "jrcxz",  [e.rel8], jrcxz, { flow: "jcc" }),

  x86("0F 05",       "syscall", [], syscall, { flow: "syscall", hot: true, traps: true }),
  x86("CD ib",       "int",    [e.imm8], int, { flow: "syscall", traps: true }),
  x86("CC",          "int3",   [], (m) => m.raise("breakpoint", 3), { flow: "end", traps: true }),
  x86("F1",          "int1",   [], (m) => m.raise("breakpoint", 1), { flow: "end", traps: true }),
  x86("0F 0B",       "ud2",    [], illegal, { flow: "end", traps: true }),
  x86("F4",          "hlt",    [], general, { flow: "end", traps: true, privileged: true, key: "hlt" }),
  /** Ours: a call into the kernel, honoured only in pages mapped as stubs. */
  x86("0F 04 id",    "(stub)", [e.imm32], (m, n) => m.enter("call", n.read() as I32), { flow: "syscall", traps: true, hot: true }),
]);
