/** x87 loads, stores, exchanges, conditional moves and constants (SDM volume 2). */
// cold: constants of the generated module
import {
  C1,
  DOUBLE,
  type Env,
  f80FromBcd,
  f80ToBcd,
  f80ToFloat,
  f80ToInteger,
  type FunctionRef,
  i32,
  i64,
  IE,
  type Late,
  late,
  type Machine,
  type Operand,
  PE,
  SINGLE,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, w, x86 } from "../encoding.ts";
import { condition } from "../flags.ts";
import { STATE } from "../state.ts";
import { operand } from "./x87_arithmetic.ts";
import {
  clearC1,
  control,
  end,
  except,
  finish,
  fn,
  INDEFINITE,
  indefiniteSig,
  loadSe,
  loadSig,
  physical,
  pop,
  push,
  storeRegister,
  top,
  UNDERFLOW,
  underflow,
  used,
  wait,
} from "./x87_common.ts";

const load = (integer: boolean) => (m: Machine, src: Operand) => {
  const [se, sig, flags] = operand(m, src, integer);
  // A signalling NaN becomes quiet (IE is 1).
  const quiet = integer ? sig : sig.or(flags.and(IE).extendU().shl(62));
  end(m, m.f.call("i32", push(m), se, quiet, flags), 0, src);
};
function load80(m: Machine, src: Operand): void {
  end(m, m.f.call("i32", push(m), src.load("i32.load16_u", 8), src.load("i64.load"), i32(0)), 0, src);
}
function loadBcd(m: Machine, src: Operand): void {
  const { f } = m, se = f.local("i32"), sig = f.local("i64");
  f.do(f80FromBcd(m), [src.load("i32.load16_u", 8), src.load("i64.load")], se, sig);
  end(m, f.call("i32", push(m), se, sig, i32(0)), 0, src);
}
function loadRegister(m: Machine, i: Operand): void {
  const { f } = m, from = f.let(physical(m, i.index));
  const se = f.let(loadSe(m, from)), sig = f.let(loadSig(m, from)), flags = f.let(i32(0));
  f.if(used(m, from).eqz(), () => {
    f.set(se, INDEFINITE), f.set(sig, indefiniteSig), f.set(flags, UNDERFLOW);
  });
  end(m, f.call("i32", push(m), se, sig, flags));
}

/** A constant: significand cut and rounded; `up`: in which modes the last bit is one more (bit a mode). */
const constant = (se: number, sig: bigint, up: number) => (m: Machine) => {
  const more = i32(up).shrU(control(m).shrU(10).and(3)).and(1).extendU();
  end(m, m.f.call("i32", push(m), i32(se), i64(BigInt.asIntN(64, sig)).add(more), i32(0)));
};

/** Stores st(0) elsewhere: (se, sig, cw) -> (bits, flags). */
const storeFloat = (pops: number) => (m: Machine, dst: Operand) => {
  const { f } = m, format = dst.size === 32 ? SINGLE : DOUBLE, st = f.let(top(m));
  const bits = f.local(format.type), flags = f.let(i32(UNDERFLOW));
  f.if(
    used(m, st),
    () => f.do(f80ToFloat(m, format), [loadSe(m, st), loadSig(m, st), control(m)], bits, flags),
    () => f.set(bits, format === SINGLE ? 0xffc00000 | 0 : -0x8000000000000n),
  );
  const r = f.let(f.call("i32", storeExcept(m), flags));
  f.if(
    r.and(1),
    () => format === SINGLE ? dst.store("i32.store", bits as never) : dst.store("i64.store", bits as never),
  );
  end(m, r, pops, dst);
};
/** As `except`; to memory, an unmasked overflow or underflow stores nothing either. */
function storeExcept(m: Env): FunctionRef {
  const raise = except(m);
  return fn(m, "x87.storeExcept", ["i32"], ["i32"], (env, flags) => {
    const { f } = env;
    f.if(flags.and(control(env).not()).and(0x18), () => {
      f.drop(f.call("i32", raise, flags.and(~(PE | C1))));
      f.return(i32(2));
    });
    f.return(f.call("i32", raise, flags));
  });
}
const storeInteger = (pops: number, mode?: number) => (m: Machine, dst: Operand) => {
  const { f } = m,
    st = f.let(top(m)),
    value = f.let(i64(-1n << BigInt(dst.size - 1))),
    flags = f.let(i32(UNDERFLOW));
  f.if(used(m, st), () =>
    f.do(
      f80ToInteger(m),
      [loadSe(m, st), loadSig(m, st), i32(dst.size), mode ?? control(m).shrU(10).and(3)],
      value,
      flags,
    ));
  const r = f.let(f.call("i32", except(m), flags));
  f.if(
    r.and(1),
    () => dst.store(dst.size === 16 ? "i64.store16" : dst.size === 32 ? "i64.store32" : "i64.store", value),
  );
  end(m, r, pops, dst);
};
function storeBcd(m: Machine, dst: Operand): void {
  const { f } = m, st = f.let(top(m));
  const high = f.let(i32(0xffff)), low = f.let(indefiniteSig), flags = f.let(i32(UNDERFLOW));
  f.if(used(m, st), () => f.do(f80ToBcd(m), [loadSe(m, st), loadSig(m, st), control(m)], high, low, flags));
  const r = f.let(f.call("i32", except(m), flags));
  f.if(r.and(1), () => (dst.store("i64.store", low), dst.store("i32.store16", high, 8)));
  end(m, r, 1, dst);
}
function store80(m: Machine, dst: Operand): void {
  const { f } = m, st = f.let(top(m)), r = f.let(i32(1));
  const se = f.let(loadSe(m, st)), sig = f.let(loadSig(m, st));
  f.if(used(m, st), () => clearC1(m), () => {
    f.set(se, INDEFINITE), f.set(sig, indefiniteSig);
    f.set(r, f.call("i32", except(m), i32(UNDERFLOW)));
  });
  f.if(r.and(1), () => (dst.store("i64.store", sig), dst.store("i32.store16", se, 8)));
  end(m, r, 1, dst);
}
/** st(i) = st(0). */
const storeRegisterTo = (pops: number) => (m: Machine, i: Operand) => {
  const { f } = m, st = f.let(top(m)), to = f.let(physical(m, i.index));
  const r = f.let(i32(1));
  f.if(
    used(m, st),
    () => f.set(r, f.call("i32", finish(m), to, loadSe(m, st), loadSig(m, st), i32(0))),
    () => f.set(r, f.call("i32", underflow(m), to)),
  );
  end(m, r, pops);
};

/** D9 D8+i (fstpnce): an empty st(0) is only popped. */
function storeUnchecked(m: Machine, i: Operand): void {
  const { f } = m, st = f.let(top(m)), to = f.let(physical(m, i.index));
  f.if(
    used(m, st),
    () => f.drop(f.call("i32", finish(m), to, loadSe(m, st), loadSig(m, st), i32(0))),
    () => clearC1(m),
  );
  pop(m);
}

/** Empty registers count as indefinite, with the stack fault. */
function fxch(m: Machine, i: Operand): void {
  const { f } = m, a = f.let(top(m)), b = f.let(physical(m, i.index)), ok = f.let(i32(1));
  const se = f.let(loadSe(m, a)), sig = f.let(loadSig(m, a));
  f.if(used(m, a).and(used(m, b)), () => {
    clearC1(m);
    storeRegister(m, a, loadSe(m, b), loadSig(m, b));
    storeRegister(m, b, se, sig);
  }, () => {
    f.set(ok, f.call("i32", except(m), i32(UNDERFLOW)));
    f.if(ok.and(1), () => {
      for (const r of [a, b]) {
        f.if(used(m, r).eqz(), () => storeRegister(m, r, i32(INDEFINITE), indefiniteSig));
      }
      f.set(se, loadSe(m, a)), f.set(sig, loadSig(m, a));
      storeRegister(m, a, loadSe(m, b), loadSig(m, b));
      storeRegister(m, b, se, sig);
      m.setState("i32.store", STATE.ftw, m.state("i32.load", STATE.ftw).or(i32(1).shl(a)).or(i32(1).shl(b)));
    });
    end(m, ok);
  });
}
const cmov = (cc: number) => (m: Machine, i: Operand) => {
  const { f } = m, a = f.let(top(m)), b = f.let(physical(m, i.index));
  f.if(used(m, a).and(used(m, b)), () => {
    f.if(condition(m, cc), () => storeRegister(m, a, loadSe(m, b), loadSig(m, b)));
  }, () => end(m, f.call("i32", underflow(m), a)));
};

const turn = (by: number) => (m: Machine) => {
  clearC1(m);
  m.setState("i32.store", STATE.ftop, physical(m, by));
};
const free = (pops: boolean) => (m: Machine, i: Operand) => {
  clearC1(m);
  const keep = i32(1).shl(physical(m, i.index)).not();
  m.setState("i32.store", STATE.ftw, m.state("i32.load", STATE.ftw).and(keep));
  if (pops) pop(m);
};

const p = { feature: "x87", traps: true, before: wait }, alias = { ...p, alias: true };
const st = e.fixed("st");
const fst = storeFloat(0),
  fstp = storeFloat(1),
  fist = storeInteger(0),
  fistp = storeInteger(1),
  fisttp = storeInteger(1, 3);
const fld = load(false), fild = load(true), fstReg = storeRegisterTo(0), fstpReg = storeRegisterTo(1);
/** Modes that round up: 1 nearest, 4 up. */
const NEAR = 1, UP = 4;
const cmovs: [string, string, number, string][] = [
  ["DA C0+i", "fcmovb", 2, "cf"],
  ["DA C8+i", "fcmove", 4, "zf"],
  ["DA D0+i", "fcmovbe", 6, "cf zf"],
  ["DA D8+i", "fcmovu", 10, "pf"],
  ["DB C0+i", "fcmovnb", 3, "cf"],
  ["DB C8+i", "fcmovne", 5, "zf"],
  ["DB D0+i", "fcmovnbe", 7, "cf zf"],
  ["DB D8+i", "fcmovnu", 11, "pf"],
];

// deno-fmt-ignore
export const x87Moves: Late<Declaration> = late(() => [
  x86("D9 /0", "fld", [e.m32], fld, p),
  x86("DD /0", "fld", [e.m64], fld, p),
  x86("DB /5", "fld", [e.m80], load80, { ...p, key: "fld m80" }),
  x86("D9 C0+i", "fld", [e.sti], loadRegister, { ...p, key: "fld sti" }),
  x86("DF /0", "fild", [e.m16], fild, p),
  x86("DB /0", "fild", [e.m32], fild, p),
  x86("DF /5", "fild", [e.m64], fild, p),
  x86("DF /4", "fbld", [e.m80], loadBcd, p),
  x86("D9 /2", "fst", [w(e.m32)], fst, p),
  x86("DD /2", "fst", [w(e.m64)], fst, p),
  x86("DD D0+i", "fst", [e.sti], fstReg, { ...p, key: "fst sti" }),
  x86("D9 /3", "fstp", [w(e.m32)], fstp, p),
  x86("DD /3", "fstp", [w(e.m64)], fstp, p),
  x86("DB /7", "fstp", [w(e.m80)], store80, { ...p, key: "fstp m80" }),
  x86("DD D8+i", "fstp", [e.sti], fstpReg, { ...p, key: "fstp sti" }),
  x86("D9 D8+i", "fstp", [e.sti], storeUnchecked, { ...alias, key: "fstpnce" }),
  x86("DF D0+i", "fstp", [e.sti], fstpReg, { ...alias, key: "fstp sti" }),
  x86("DF D8+i", "fstp", [e.sti], fstpReg, { ...alias, key: "fstp sti" }),
  x86("DF /2", "fist", [w(e.m16)], fist, p),
  x86("DB /2", "fist", [w(e.m32)], fist, p),
  x86("DF /3", "fistp", [w(e.m16)], fistp, p),
  x86("DB /3", "fistp", [w(e.m32)], fistp, p),
  x86("DF /7", "fistp", [w(e.m64)], fistp, p),
  x86("DF /1", "fisttp", [w(e.m16)], fisttp, { ...p, feature: "sse3" }),
  x86("DB /1", "fisttp", [w(e.m32)], fisttp, { ...p, feature: "sse3" }),
  x86("DD /1", "fisttp", [w(e.m64)], fisttp, { ...p, feature: "sse3" }),
  x86("DF /6", "fbstp", [w(e.m80)], storeBcd, p),
  x86("D9 C8+i", "fxch", [e.sti], fxch, p),
  x86("DD C8+i", "fxch", [e.sti], fxch, alias),
  x86("DF C8+i", "fxch", [e.sti], fxch, alias),
  ...cmovs.map(([bytes, name, cc, reads]) => x86(bytes, name, [st, e.sti], cmov(cc), { ...p, reads })),
  x86("D9 E8", "fld1", [], constant(0x3fff, 1n << 63n, 0), p),
  x86("D9 E9", "fldl2t", [], constant(0x4000, 0xd49a784bcd1b8afen, UP), p),
  x86("D9 EA", "fldl2e", [], constant(0x3fff, 0xb8aa3b295c17f0bbn, NEAR | UP), p),
  x86("D9 EB", "fldpi", [], constant(0x4000, 0xc90fdaa22168c234n, NEAR | UP), p),
  x86("D9 EC", "fldlg2", [], constant(0x3ffd, 0x9a209a84fbcff798n, NEAR | UP), p),
  x86("D9 ED", "fldln2", [], constant(0x3ffe, 0xb17217f7d1cf79abn, NEAR | UP), p),
  x86("D9 EE", "fldz", [], constant(0, 0n, 0), p),
  x86("D9 F6", "fdecstp", [], turn(7), p),
  x86("D9 F7", "fincstp", [], turn(1), p),
  x86("DD C0+i", "ffree", [e.sti], free(false), p),
  x86("DF C0+i", "ffreep", [e.sti], free(true), p),
]);
