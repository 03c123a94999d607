/**
 * x87's transcendental functions. Approximations in the manual (within 1 ulp, SDM volume 1, 8.3.10), here rounded correctly but
 * for rare cases; angles are reduced by x87's own 66 bits of pi, as on processors.
 */
import {
  C1,
  type Env,
  f80Atan,
  f80Cos,
  f80Exp,
  f80Log,
  f80LogPlusOne,
  f80Sin,
  f80Tan,
  type FunctionRef,
  i32,
  i64,
  type Late,
  late,
  type Machine,
} from "@guise/translator";
import { type Declaration, x86 } from "../encoding.ts";
import { STATE } from "../state.ts";
import { registers, unary } from "./x87_arithmetic.ts";
import {
  C2,
  call3,
  control,
  end,
  except,
  fn,
  INDEFINITE,
  indefiniteSig,
  loadSe,
  loadSig,
  OVERFLOW,
  physical,
  status,
  storeRegister,
  top,
  UNDERFLOW,
  used,
  wait,
} from "./x87_common.ts";

type Make = (m: Env) => FunctionRef;

const clearC2 = (m: Env) => m.setState("i32.store", STATE.fsw, status(m).and(~C2));

/** st(0) = sin or cos; C2 tells that st(0) was out of range. */
const angle = (name: string, make: Make) => {
  const compute = unary(name, make);
  return (m: Machine) => {
    clearC2(m);
    compute(m);
  };
};

/** st(1) = f(st(0), st(1)), and pop. */
const binary = (name: string, make: Make) => (m: Machine) => {
  const x = m.f.let(top(m)), y = m.f.let(physical(m, 1));
  end(m, m.f.call("i32", registers(m, name, make), y, x, y), 1);
};

/** st(0) becomes one function, and another (or 1) is pushed. */
const pushing = (name: string, first: Make, second?: Make) => (m: Machine) => {
  const ref = fn(m, `x87.${name}`, [], ["i32"], (env) => {
    const { f } = env, st = f.let(top(env)), next = f.let(physical(env, 7));
    const se = f.let(i32(INDEFINITE)), sig = f.let(indefiniteSig), flags = f.let(i32(UNDERFLOW));
    const pSe = f.let(i32(INDEFINITE)), pSig = f.let(indefiniteSig);
    clearC2(env);
    f.if(used(env, st), () =>
      f.if(used(env, next), () => f.set(flags, OVERFLOW), () => {
        const operand = [f.let(loadSe(env, st)), f.let(loadSig(env, st)), control(env)];
        f.do(first(env), operand, se, sig, flags);
        if (second) {
          const [a, b, more] = call3(f, second(env), operand);
          f.set(pSe, a), f.set(pSig, b), f.set(flags, flags.or(more.and(~C1)));
        } else {
          // 1, or the NaN that an operation on one gives.
          f.if(
            se.and(0x7fff).eq(0x7fff).and(sig.shl(1).ne(0)),
            () => (f.set(pSe, se), f.set(pSig, sig)),
            () => (f.set(pSe, 0x3fff), f.set(pSig, i64(-0x8000000000000000n))), // cold: a constant
          );
        }
      }));
    const r = f.let(f.call("i32", except(env), flags));
    f.if(r.and(1).and(flags.and(C2).eqz()), () => {
      storeRegister(env, st, se, sig);
      storeRegister(env, next, pSe, pSig);
      const both = i32(1).shl(st).or(i32(1).shl(next));
      env.setState("i32.store", STATE.ftw, env.state("i32.load", STATE.ftw).or(both));
      env.setState("i32.store", STATE.ftop, next);
    });
    f.return(r);
  });
  end(m, m.f.call("i32", ref));
};

const p = { feature: "x87", traps: true, before: wait };

// deno-fmt-ignore
export const x87Transcendental: Late<Declaration> = late(() => [
  x86("D9 F0", "f2xm1",   [], unary("f2xm1", f80Exp), p),
  x86("D9 F1", "fyl2x",   [], binary("fyl2x", f80Log), p),
  x86("D9 F2", "fptan",   [], pushing("fptan", f80Tan), p),
  x86("D9 F3", "fpatan",  [], binary("fpatan", f80Atan), p),
  x86("D9 F9", "fyl2xp1", [], binary("fyl2xp1", f80LogPlusOne), p),
  x86("D9 FB", "fsincos", [], pushing("fsincos", f80Sin, f80Cos), p),
  x86("D9 FE", "fsin",    [], angle("fsin", f80Sin), p),
  x86("D9 FF", "fcos",    [], angle("fcos", f80Cos), p),
]);
