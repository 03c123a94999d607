/** x87 arithmetic and comparison: fadd to fdivr in all forms, fsqrt, frndint, fprem, fscale, fxtract, fcom, ftst, fxam (SDM volume 2). */
import {
  C1,
  DE,
  DOUBLE,
  type Env,
  f80Add,
  f80Compare,
  f80Div,
  f80Extract,
  f80FromInteger,
  f80Mul,
  f80Rem,
  f80RoundToIntegral,
  f80Scale,
  f80Sqrt,
  f80Sub,
  type FunctionRef,
  type I32,
  i32,
  i64,
  IE,
  type Late,
  late,
  type Machine,
  type Operand,
  select,
  SINGLE,
  widen,
  ZE,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, type OperandKind, type Semantics, x86 } from "../encoding.ts";
import { setImage } from "../flags.ts";
import { STATE } from "../state.ts";
import {
  C0,
  C2,
  C3,
  call3,
  clearC1,
  CONDITIONS,
  control,
  end,
  except,
  finish,
  fn,
  INDEFINITE,
  indefiniteSig,
  loadSe,
  loadSig,
  OVERFLOW,
  physical,
  pop,
  SF,
  status,
  storeRegister,
  top,
  UNDERFLOW,
  underflow,
  used,
  wait,
} from "./x87_common.ts";

type Make = (m: Env) => FunctionRef;

/** (destination, a, b: physical registers) -> status: destination = op(a, b). */
export function registers(m: Env, name: string, make: Make): FunctionRef {
  const op = make(m), done = finish(m), empty = underflow(m);
  return fn(m, `x87.${name}`, ["i32", "i32", "i32"], ["i32"], (env, dst, a, b) => {
    const { f } = env;
    f.if(used(env, a).and(used(env, b)).eqz(), () => f.return(f.call("i32", empty, dst)));
    const r = call3(f, op, [loadSe(env, a), loadSig(env, a), loadSe(env, b), loadSig(env, b), control(env)]);
    f.return(f.call("i32", done, dst, ...r));
  });
}

/** (se, sig, flags of its conversion) -> status: st(0) = op(st(0), operand), or reversed. */
function withOperand(m: Env, name: string, make: Make, reversed: boolean): FunctionRef {
  const op = make(m), done = finish(m), empty = underflow(m);
  return fn(
    m,
    `x87.${name}${reversed ? "r" : ""}.memory`,
    ["i32", "i64", "i32"],
    ["i32"],
    (env, se, sig, flags) => {
      const { f } = env, dst = f.let(top(env));
      f.if(used(env, dst).eqz(), () => f.return(f.call("i32", empty, dst)));
      const st = [loadSe(env, dst), loadSig(env, dst)], operand = [se, sig];
      const r = call3(f, op, [...(reversed ? [...operand, ...st] : [...st, ...operand]), control(env)]);
      // A denormal operand is not told where a NaN, an invalid operation or a division by zero comes first.
      const nan = loadSe(env, dst).and(0x7fff).eq(0x7fff).and(loadSig(env, dst).shl(1).ne(0));
      f.if(r[2].and(IE | ZE).or(nan), () => f.set(flags, flags.and(~DE)));
      f.return(f.call("i32", done, dst, r[0], r[1], r[2].or(flags)));
    },
  );
}

/** A memory operand as (se, sig, flags): m32 and m64 are floats, or integers of 16 and 32 bits. */
export function operand(m: Machine, src: Operand, integer: boolean): [I32, ReturnType<typeof i64>, I32] {
  const { f } = m;
  if (!integer) {
    return src.size === 32
      ? call3(f, widen(m, SINGLE), [src.load("i32.load")])
      : call3(f, widen(m, DOUBLE), [src.load("i64.load")]);
  }
  const se = f.local("i32"), sig = f.local("i64");
  const v = src.size === 16
    ? src.load("i64.load16_s")
    : src.size === 32
    ? src.load("i64.load32_s")
    : src.load("i64.load");
  f.do(f80FromInteger(m), [v], se, sig);
  return [se, sig, i32(0)];
}

function arithmetic(name: string, make: Make, reversed: boolean) {
  const st0 = (m: Machine, i: Operand) => {
    const a = m.f.let(top(m)), b = m.f.let(physical(m, i.index));
    end(m, m.f.call("i32", registers(m, name, make), a, reversed ? b : a, reversed ? a : b));
  };
  const sti = (pops: number) => (m: Machine, i: Operand) => {
    const a = m.f.let(physical(m, i.index)), b = m.f.let(top(m));
    end(m, m.f.call("i32", registers(m, name, make), a, reversed ? b : a, reversed ? a : b), pops);
  };
  const memory = (integer: boolean) => (m: Machine, src: Operand) => {
    const v = operand(m, src, integer);
    end(m, m.f.call("i32", withOperand(m, name, make, reversed), ...v), 0, src);
  };
  return { st0, sti: sti(0), stiPop: sti(1), float: memory(false), integer: memory(true) };
}

/** Comparison results go to C3, C2, C0; -> status. */
function compare(m: Env, quiet: boolean): FunctionRef {
  const op = f80Compare(m, quiet), raise = except(m);
  return fn(
    m,
    `x87.compare${quiet ? ".quiet" : ""}`,
    ["i32", "i32", "i64", "i32"],
    ["i32"],
    (env, valid, se, sig, flags) => {
      const { f } = env, relation = f.let(i32(0x45)), more = f.let(i32(UNDERFLOW)), st = f.let(top(env));
      f.if(valid.and(used(env, st)), () => {
        f.do(op, [loadSe(env, st), loadSig(env, st), se, sig], relation, more);
        f.set(more, more.or(select(relation.eq(0x45), flags.and(~DE), flags)));
      });
      const r = f.let(f.call("i32", raise, more));
      env.setState("i32.store", STATE.fsw, status(env).and(~(C0 | C2 | C3)).or(relation.shl(8)));
      f.return(r);
    },
  );
}
const compareRegister = (quiet: boolean, pops: number) => (m: Machine, i: Operand) => {
  const b = m.f.let(physical(m, i.index));
  end(m, m.f.call("i32", compare(m, quiet), used(m, b), loadSe(m, b), loadSig(m, b), i32(0)), pops);
};
const compareMemory = (integer: boolean, pops: number) => (m: Machine, src: Operand) => {
  const v = operand(m, src, integer);
  end(m, m.f.call("i32", compare(m, false), i32(1), ...v), pops, src);
};
const comparePop2 = (quiet: boolean) => (m: Machine) => {
  const b = m.f.let(physical(m, 1));
  end(m, m.f.call("i32", compare(m, quiet), used(m, b), loadSe(m, b), loadSig(m, b), i32(0)), 2);
};
function ftst(m: Machine): void {
  end(m, m.f.call("i32", compare(m, false), i32(1), i32(0), i64(0), i32(0)));
}
/** fcomi: the result goes to ZF, PF, CF; OF, SF, AF are cleared. */
const compareFlags = (quiet: boolean, pops: number) => (m: Machine, i: Operand) => {
  const { f } = m, a = f.let(top(m)), b = f.let(physical(m, i.index));
  const relation = f.let(i32(0x45)), flags = f.let(i32(UNDERFLOW));
  f.if(used(m, a).and(used(m, b)), () => {
    f.do(f80Compare(m, quiet), [loadSe(m, a), loadSig(m, a), loadSe(m, b), loadSig(m, b)], relation, flags);
  });
  // C1 stays as it was unless the stack failed (measured; the manuals say it is cleared).
  const c1 = f.let(select(flags.and(SF), i32(0), status(m).and(C1)));
  const r = f.let(f.call("i32", except(m), flags));
  m.setState("i32.store", STATE.fsw, status(m).or(c1));
  setImage(m, relation);
  end(m, r, pops);
};

/** An operation on st(0): (se, sig, cw) -> (se, sig, flags). */
export const unary = (name: string, make: Make) => (m: Machine) => {
  const op = make(m), done = finish(m), empty = underflow(m);
  const ref = fn(m, `x87.${name}`, [], ["i32"], (env) => {
    const { f } = env, dst = f.let(top(env));
    f.if(used(env, dst).eqz(), () => f.return(f.call("i32", empty, dst)));
    const r = call3(f, op, [loadSe(env, dst), loadSig(env, dst), control(env)]);
    f.return(f.call("i32", done, dst, ...r));
  });
  end(m, m.f.call("i32", ref));
};
/** An operation on st(0) and st(1) with its result in st(0). */
const binary = (name: string, make: Make) => (m: Machine) => {
  const a = m.f.let(top(m)), b = m.f.let(physical(m, 1));
  end(m, m.f.call("i32", registers(m, name, make), a, a, b));
};

/** As f80Rem; C0 and C3 are left alone when there is no quotient (measured; undefined in the manuals). */
const remainder = (nearest: boolean) => (m: Machine) => {
  const ref = fn(m, `x87.prem${nearest ? 1 : ""}`, [], ["i32"], (env) => {
    const { f } = env, a = f.let(top(env)), b = f.let(physical(env, 1));
    const clear = (bits: number) => env.setState("i32.store", STATE.fsw, status(env).and(~bits));
    f.if(used(env, a).and(used(env, b)).eqz(), () => {
      clear(C2);
      f.return(f.call("i32", underflow(env), a));
    });
    const [se, sig, flags] = call3(
      f,
      f80Rem(env, nearest),
      [loadSe(env, a), loadSig(env, a), loadSe(env, b), loadSig(env, b), control(env)],
    );
    const nan = se.and(0x7fff).eq(0x7fff);
    f.if(
      nan,
      () => clear(C2),
      () => f.if(flags.and(control(env).not()).and(DE), () => clear(C2), () => clear(CONDITIONS)),
    );
    f.return(f.call("i32", finish(env), a, se, sig, flags));
  });
  end(m, m.f.call("i32", ref));
};

/** st(0) becomes its exponent, and its significand is pushed. */
function fxtract(m: Machine): void {
  const ref = fn(m, "x87.xtract", [], ["i32"], (env) => {
    const { f } = env, st = f.let(top(env)), next = f.let(physical(env, 7));
    const se = f.let(i32(INDEFINITE)), sig = f.let(indefiniteSig), flags = f.let(i32(UNDERFLOW));
    const eSe = f.let(i32(INDEFINITE)), eSig = f.let(indefiniteSig);
    f.if(used(env, st), () =>
      f.if(
        used(env, next),
        () => f.set(flags, OVERFLOW),
        () => f.do(f80Extract(env), [loadSe(env, st), loadSig(env, st)], se, sig, eSe, eSig, flags),
      ));
    const r = f.let(f.call("i32", except(env), flags));
    f.if(r.and(1), () => {
      storeRegister(env, st, eSe, eSig);
      storeRegister(env, next, se, sig);
      env.setState(
        "i32.store",
        STATE.ftw,
        env.state("i32.load", STATE.ftw).or(i32(1).shl(st)).or(i32(1).shl(next)),
      );
      env.setState("i32.store", STATE.ftop, next);
    });
    f.return(r);
  });
  end(m, m.f.call("i32", ref));
}

/** The sign bit of st(0), nothing else: no exception but an empty register. */
const sign = (change: (se: I32) => I32) => (m: Machine) => {
  const { f } = m, st = f.let(top(m));
  f.if(used(m, st), () => {
    clearC1(m);
    m.setStateAt("i32.store16", st.shl(4), STATE.x87 + 8, change(loadSe(m, st)));
  }, () => end(m, f.call("i32", underflow(m), st)));
};

/** Class of st(0) in C3, C2, C0; its sign in C1. */
function fxam(m: Machine): void {
  const { f } = m, st = f.let(top(m)), se = f.let(loadSe(m, st)), sig = f.let(loadSig(m, st));
  const exp = f.let(se.and(0x7fff)), cls = f.let(i32(C2));
  f.if(used(m, st).eqz(), () => f.set(cls, C3 | C0), () => {
    f.if(
      exp.eqz(),
      () => f.set(cls, select(sig.eqz(), i32(C3), i32(C3 | C2))),
      () =>
        f.if(
          sig.geS(0),
          () => f.set(cls, 0),
          () => f.if(exp.eq(0x7fff), () => f.set(cls, select(sig.shl(1).eqz(), i32(C2 | C0), i32(C0)))),
        ),
    );
  });
  m.setState("i32.store", STATE.fsw, status(m).and(~CONDITIONS).or(cls).or(se.shrU(15).shl(9)));
}

const p = { feature: "x87", traps: true, before: wait };
const flagsOut = { ...p, writes: "cf pf af zf sf of", conditional: true };
const st = e.fixed("st");

// deno-fmt-ignore
const OPS: [name: string, integerName: string, digit: number, reverseDigit: number, make: Make, reversed: boolean][] = [
  ["fadd",  "fiadd",  0, 0, f80Add, false],
  ["fmul",  "fimul",  1, 1, f80Mul, false],
  ["fsub",  "fisub",  4, 5, f80Sub, false],
  ["fsubr", "fisubr", 5, 4, f80Sub, true],
  ["fdiv",  "fidiv",  6, 7, f80Div, false],
  ["fdivr", "fidivr", 7, 6, f80Div, true],
];
const hex = (v: number) => v.toString(16).toUpperCase();

/** The six operations: `reverseDigit` is where the forms with st(i) as destination have them. */
const arithmetics: Late<Declaration> = late(() =>
  OPS.flatMap(([name, integerName, digit, reverseDigit, make, reversed]) => {
    const s = arithmetic(name.replace(/r$/, ""), make, reversed);
    const at = hex(0xc0 + digit * 8), back = hex(0xc0 + reverseDigit * 8);
    return [
      x86(`D8 /${digit}`, name, [e.m32], s.float, { ...p, key: `${name} memory` }),
      x86(`DC /${digit}`, name, [e.m64], s.float, { ...p, key: `${name} memory` }),
      x86(`D8 ${at}+i`, name, [st, e.sti], s.st0, { ...p, key: `${name} st0` }),
      x86(`DC ${back}+i`, name, [e.sti, st], s.sti, { ...p, key: `${name} sti` }),
      x86(`DE ${back}+i`, name + "p", [e.sti, st], s.stiPop, p),
      x86(`DA /${digit}`, integerName, [e.m32], s.integer, p),
      x86(`DE /${digit}`, integerName, [e.m16], s.integer, p),
    ];
  })
);

const compareForms = (name: string, kind: OperandKind, encoding: string, semantics: Semantics) =>
  x86(encoding, name, [kind], semantics, p);
const fcom = compareRegister(false, 0), fcomp = compareRegister(false, 1);
const fcomMemory = compareMemory(false, 0), fcompMemory = compareMemory(false, 1);
const ficom = compareMemory(true, 0), ficomp = compareMemory(true, 1);

// deno-fmt-ignore
export const x87Arithmetic: Late<Declaration> = late(() => [
  ...arithmetics(),
  compareForms("fcom", e.m32, "D8 /2", fcomMemory),
  compareForms("fcom", e.m64, "DC /2", fcomMemory),
  compareForms("fcomp", e.m32, "D8 /3", fcompMemory),
  compareForms("fcomp", e.m64, "DC /3", fcompMemory),
  compareForms("fcom", e.sti, "D8 D0+i", fcom),
  compareForms("fcomp", e.sti, "D8 D8+i", fcomp),
  x86("DC D0+i", "fcom", [e.sti], fcom, { ...p, alias: true }),
  x86("DC D8+i", "fcomp", [e.sti], fcomp, { ...p, alias: true }),
  x86("DE D0+i", "fcomp", [e.sti], fcomp, { ...p, alias: true }),
  x86("DE D9", "fcompp", [], comparePop2(false), p),
  x86("DA /2", "ficom", [e.m32], ficom, p),
  x86("DE /2", "ficom", [e.m16], ficom, p),
  x86("DA /3", "ficomp", [e.m32], ficomp, p),
  x86("DE /3", "ficomp", [e.m16], ficomp, p),
  x86("DD E0+i", "fucom", [e.sti], compareRegister(true, 0), p),
  x86("DD E8+i", "fucomp", [e.sti], compareRegister(true, 1), p),
  x86("DA E9", "fucompp", [], comparePop2(true), p),
  x86("DB F0+i", "fcomi", [st, e.sti], compareFlags(false, 0), flagsOut),
  x86("DF F0+i", "fcomip", [st, e.sti], compareFlags(false, 1), flagsOut),
  x86("DB E8+i", "fucomi", [st, e.sti], compareFlags(true, 0), flagsOut),
  x86("DF E8+i", "fucomip", [st, e.sti], compareFlags(true, 1), flagsOut),
  x86("D9 E4", "ftst", [], ftst, p),
  x86("D9 E5", "fxam", [], fxam, p),
  x86("D9 E0", "fchs", [], sign((se) => se.xor(0x8000)), p),
  x86("D9 E1", "fabs", [], sign((se) => se.and(0x7fff)), p),
  x86("D9 FA", "fsqrt", [], unary("sqrt", f80Sqrt), p),
  x86("D9 FC", "frndint", [], unary("rint", f80RoundToIntegral), p),
  x86("D9 FD", "fscale", [], binary("scale", f80Scale), p),
  x86("D9 F8", "fprem", [], remainder(false), p),
  x86("D9 F5", "fprem1", [], remainder(true), p),
  x86("D9 F4", "fxtract", [], fxtract, p),
]);
void pop;
