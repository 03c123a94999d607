/** x87's control instructions and the images of its state in memory (SDM volume 1, 8.1 and 10.5; volume 2). */
// cold: constants of the generated module
import {
  type Env,
  type FunctionRef,
  i32,
  type I64,
  type Late,
  late,
  type Machine,
  type Operand,
  select,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, w, x86 } from "../encoding.ts";
import { STATE } from "../state.ts";
import { control, ES, fn, loadSe, loadSig, physical, status, top, wait } from "./x87_common.ts";

const READ = 1, WRITE = 2;

/** The status word with TOP. */
const statusWord = (m: Env) => status(m).or(top(m).shl(11));

/** Sets control word and status word; the summary follows from both. */
function setWords(m: Env): FunctionRef {
  return fn(m, "x87.setWords", ["i32", "i32"], [], (env, cw, sw) => {
    env.f.set(cw, cw.and(0x1f3f).or(0x40));
    env.setState("i32.store", STATE.fcw, cw);
    env.setState("i32.store", STATE.ftop, sw.shrU(11).and(7));
    env.setState(
      "i32.store",
      STATE.fsw,
      sw.and(0x477f).or(select(sw.and(cw.not()).and(0x3f), i32(ES), i32(0))),
    );
  });
}

function fldcw(m: Machine, src: Operand): void {
  m.f.do(setWords(m), [src.load("i32.load16_u"), statusWord(m)]);
}
function fnstcw(m: Machine, dst: Operand): void {
  dst.store("i32.store16", control(m));
}
function fnstsw(m: Machine, dst: Operand): void {
  dst.store("i32.store16", statusWord(m));
}
function fnclex(m: Machine): void {
  m.setState("i32.store", STATE.fsw, status(m).and(0x4700));
}
function fninit(m: Machine): void {
  for (const field of [STATE.fsw, STATE.ftop, STATE.ftw, STATE.fop]) m.setState("i32.store", field, 0);
  m.setState("i32.store", STATE.fcw, 0x37f);
  m.setState("i64.store", STATE.fip, 0), m.setState("i64.store", STATE.fdp, 0);
}

/** The tag word of two bits a register: 0 valid, 1 zero, 2 special, 3 empty. */
function fullTags(m: Env): FunctionRef {
  return fn(m, "x87.tags", [], ["i32"], (env) => {
    const { f } = env, tags = f.let(i32(0)), n = f.let(i32(7));
    f.loop((again) => {
      const exp = f.let(loadSe(env, n).and(0x7fff)), sig = f.let(loadSig(env, n)), tag = f.let(i32(3));
      f.if(env.state("i32.load", STATE.ftw).shrU(n).and(1), () =>
        f.set(
          tag,
          select(
            exp.or(sig.ne(0)).eqz(),
            i32(1),
            select(exp.sub(1).ltU(0x7ffe).and(sig.ltS(0)), i32(0), i32(2)),
          ),
        ));
      f.set(tags, tags.shl(2).or(tag));
      f.set(n, n.sub(1));
      f.brIf(again, n.geS(0));
    });
    f.return(tags);
  });
}

/** The environment: 7 words of 4 bytes, or of 2 with an operand size of 16. */
function saveEnvironment(m: Machine, at: I64, size: number): void {
  const word = size / 7,
    store = (i: number, v: ReturnType<typeof i32>) =>
      m.store(word === 4 ? "i32.store" : "i32.store16", at, v, i * word);
  const pad = word === 4 ? 0xffff0000 | 0 : 0;
  store(0, control(m).or(pad));
  store(1, statusWord(m).or(pad));
  store(2, m.f.call("i32", fullTags(m)).or(pad));
  store(3, m.state("i32.load", STATE.fip));
  store(4, m.state("i32.load", STATE.fop).shl(16));
  store(5, m.state("i32.load", STATE.fdp));
  store(6, i32(pad));
}
function loadEnvironment(m: Machine, at: I64, size: number): void {
  const word = size / 7, load = (i: number) => m.load(word === 4 ? "i32.load" : "i32.load16_u", at, i * word);
  const { f } = m, tags = f.let(load(2)), used = f.let(i32(0)), n = f.let(i32(0));
  f.while(() => n.ltU(8), () => {
    f.set(used, used.or(tags.and(3).ne(3).shl(n)));
    f.set(tags, tags.shrU(2));
    f.set(n, n.add(1));
  });
  f.do(setWords(m), [load(0).and(0xffff), load(1).and(0xffff)]);
  m.setState("i32.store", STATE.ftw, used);
  m.setState("i64.store", STATE.fip, load(3).extendU());
  m.setState("i32.store", STATE.fop, word === 4 ? load(4).shrU(16).and(0x7ff) : 0);
  m.setState("i64.store", STATE.fdp, load(5).extendU());
}

const fnstenv = (size: 14 | 28) => (m: Machine, dst: Operand) => {
  saveEnvironment(m, m.checked(dst.address, size, WRITE), size);
  m.setState("i32.store", STATE.fcw, control(m).or(0x3f));
  m.setState("i32.store", STATE.fsw, status(m).and(~ES));
};
const fldenv = (size: 14 | 28) => (m: Machine, src: Operand) => {
  loadEnvironment(m, m.checked(src.address, size, READ), size);
};
/** st(0) to st(7), 10 bytes each, after the environment. */
const fnsave = (size: 14 | 28) => (m: Machine, dst: Operand) => {
  const at = m.f.let(m.checked(dst.address, size + 80, WRITE));
  saveEnvironment(m, at, size);
  for (let i = 0; i < 8; i++) {
    const register = m.f.let(physical(m, i));
    m.store("i64.store", at, loadSig(m, register), size + i * 10);
    m.store("i32.store16", at, loadSe(m, register), size + i * 10 + 8);
  }
  fninit(m);
};
const frstor = (size: 14 | 28) => (m: Machine, src: Operand) => {
  const at = m.f.let(m.checked(src.address, size + 80, READ));
  loadEnvironment(m, at, size);
  for (let i = 0; i < 8; i++) {
    const slot = m.f.let(physical(m, i).shl(4));
    m.setStateAt("i64.store", slot, STATE.x87, m.load("i64.load", at, size + i * 10));
    m.setStateAt("i64.store", slot, STATE.x87 + 8, m.load("i64.load16_u", at, size + i * 10 + 8));
  }
};

/** The FXSAVE image. Bytes 416 to 511 are left as they are. */
const fxsave = (wide: boolean) => (m: Machine, dst: Operand) => {
  const { f } = m;
  f.if(dst.address.wrap().and(15), () => m.raise("protection", 13));
  const at = f.let(m.checked(dst.address, 512, WRITE));
  m.store("i32.store16", at, control(m), 0);
  m.store("i32.store16", at, statusWord(m), 2);
  m.store("i32.store16", at, m.state("i32.load", STATE.ftw), 4);
  m.store("i32.store16", at, m.state("i32.load", STATE.fop), 6);
  const mask = wide ? -1n : 0xffffffffn; // the upper halves are selectors, which are zero here
  m.store("i64.store", at, m.state("i64.load", STATE.fip).and(mask), 8);
  m.store("i64.store", at, m.state("i64.load", STATE.fdp).and(mask), 16);
  m.store("i32.store", at, m.state("i32.load", STATE.mxcsr), 24);
  m.store("i32.store", at, i32(0xffff), 28);
  for (let i = 0; i < 8; i++) {
    const register = f.let(physical(m, i));
    m.store("i64.store", at, loadSig(m, register), 32 + i * 16);
    m.store("i64.store", at, loadSe(m, register).extendU(), 40 + i * 16);
  }
  for (let i = 0; i < 256; i += 16) m.store("v128.store", at, m.state("v128.load", STATE.xmm + i), 160 + i);
};
const fxrstor = (wide: boolean) => (m: Machine, src: Operand) => {
  const { f } = m;
  f.if(src.address.wrap().and(15), () => m.raise("protection", 13));
  const at = f.let(m.checked(src.address, 512, READ));
  f.if(m.load("i32.load", at, 24).and(~0xffff), () => m.raise("protection", 13));
  f.do(setWords(m), [m.load("i32.load16_u", at, 0), m.load("i32.load16_u", at, 2)]);
  m.setState("i32.store", STATE.ftw, m.load("i32.load8_u", at, 4));
  m.setState("i32.store", STATE.fop, m.load("i32.load16_u", at, 6).and(0x7ff));
  m.setState("i64.store", STATE.fip, wide ? m.load("i64.load", at, 8) : m.load("i64.load32_u", at, 8));
  m.setState("i64.store", STATE.fdp, wide ? m.load("i64.load", at, 16) : m.load("i64.load32_u", at, 16));
  m.setState("i32.store", STATE.mxcsr, m.load("i32.load", at, 24));
  for (let i = 0; i < 8; i++) {
    const slot = f.let(physical(m, i).shl(4));
    m.setStateAt("i64.store", slot, STATE.x87, m.load("i64.load", at, 32 + i * 16));
    m.setStateAt("i64.store", slot, STATE.x87 + 8, m.load("i64.load16_u", at, 40 + i * 16));
  }
  for (let i = 0; i < 256; i += 16) m.setState("v128.store", STATE.xmm + i, m.load("v128.load", at, 160 + i));
};

function emms(m: Machine): void {
  m.setState("i32.store", STATE.ftw, 0);
  m.setState("i32.store", STATE.ftop, 0);
}

const x87 = { feature: "x87" }, own = { ...x87, traps: true }, p = { ...own, before: wait };
const fxsr = { feature: "fxsr", traps: true };
const nothing = () => {};

// deno-fmt-ignore
export const x87State: Late<Declaration> = late(() => [
  x86("9B", "fwait", [], nothing, p),
  x86("D9 D0", "fnop", [], nothing, p),
  x86("D9 /5", "fldcw", [e.m16], fldcw, p),
  x86("D9 /7", "fnstcw", [w(e.m16)], fnstcw, x87),
  x86("DD /7", "fnstsw", [w(e.m16)], fnstsw, x87),
  x86("DF E0", "fnstsw", [w(e.ax)], fnstsw, x87),
  x86("DB E2", "fnclex", [], fnclex, x87),
  x86("DB E3", "fninit", [], fninit, x87),
  x86("DB E0", "fneni", [], nothing, x87), // 8087 only: nothing since
  x86("DB E1", "fndisi", [], nothing, { ...x87, key: "fneni" }),
  x86("DB E4", "fnsetpm", [], nothing, { ...x87, key: "fneni" }),
  x86("o64 D9 /6", "fnstenv", [e.m], fnstenv(28), { ...own, key: "fnstenv28" }),
  x86("o16 D9 /6", "fnstenv", [e.m], fnstenv(14), { ...own, key: "fnstenv14" }),
  x86("o64 D9 /4", "fldenv", [e.m], fldenv(28), { ...p, key: "fldenv28" }),
  x86("o16 D9 /4", "fldenv", [e.m], fldenv(14), { ...p, key: "fldenv14" }),
  x86("o64 DD /6", "fnsave", [e.m], fnsave(28), { ...own, key: "fnsave28" }),
  x86("o16 DD /6", "fnsave", [e.m], fnsave(14), { ...own, key: "fnsave14" }),
  x86("o64 DD /4", "frstor", [e.m], frstor(28), { ...p, key: "frstor28" }),
  x86("o16 DD /4", "frstor", [e.m], frstor(14), { ...p, key: "frstor14" }),
  x86("W0 NP 0F AE /0", "fxsave", [e.m], fxsave(false), fxsr),
  x86("NP REX.W 0F AE /0", "fxsave64", [e.m], fxsave(true), fxsr),
  x86("W0 NP 0F AE /1", "fxrstor", [e.m], fxrstor(false), fxsr),
  x86("NP REX.W 0F AE /1", "fxrstor64", [e.m], fxrstor(true), fxsr),
  x86("NP 0F 77", "emms", [], emms, { feature: "mmx", traps: true, before: wait }),
]);
