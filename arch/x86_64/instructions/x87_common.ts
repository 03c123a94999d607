/**
 * What x87 instructions share: the register stack, exceptions, and functions that end an operation. A status of such a
 * function has bit 0 when a result was stored (pops follow then) and bit 1 when an unmasked exception is now pending.
 */
// cold: constants of the generated module
import {
  BIAS,
  C1,
  DE,
  type Env,
  type Func,
  type FunctionRef,
  type I32,
  i32,
  i64,
  type Local,
  type Machine,
  type Operand,
  select,
  type Type,
  type Value,
} from "@guise/translator";
import { STATE } from "../state.ts";

/** Stack fault, summary with busy, and the condition bits of the status word. */
export const SF = 0x40, ES = 0x8080, C0 = 0x100, C2 = 0x400, C3 = 0x4000;
export const CONDITIONS = C0 | C1 | C2 | C3;
/** Flags of an empty source register, and of a full destination. */
export const UNDERFLOW = 0x41, OVERFLOW = 0x241;
/** QNaN "real indefinite". */
export const INDEFINITE = 0xffff;
export const indefiniteSig = i64(-0x4000000000000000n);

type Locals<P extends readonly Type[]> = { [K in keyof P]: Local<P[K]> };

/** A function of the module, its parameters as locals. */
export function fn<const P extends readonly Type[]>(
  m: Env,
  name: string,
  params: P,
  results: readonly Type[],
  body: (env: Env, ...params: Locals<P>) => void,
): FunctionRef {
  return m.helper(
    name,
    params,
    results,
    (env) => body(env, ...params.map((t, i) => env.f.param(i, t)) as unknown as Locals<P>),
  );
}

export const control = (m: Env): I32 => m.state("i32.load", STATE.fcw);
export const status = (m: Env): I32 => m.state("i32.load", STATE.fsw);
export const top = (m: Env): I32 => m.state("i32.load", STATE.ftop);
/** Physical number of st(i). */
export const physical = (m: Env, i: I32 | number): I32 => i === 0 ? top(m) : top(m).add(i).and(7);
/** 1 when the physical register is in use. */
export const used = (m: Env, register: I32): I32 => m.state("i32.load", STATE.ftw).shrU(register).and(1);
export const loadSe = (m: Env, register: I32): I32 =>
  m.stateAt("i32.load16_u", register.shl(4), STATE.x87 + 8);
export const loadSig = (m: Env, register: I32): Value<"i64"> =>
  m.stateAt("i64.load", register.shl(4), STATE.x87);
export function storeRegister(m: Env, register: Local<"i32">, se: Value<"i32">, sig: Value<"i64">): void {
  m.setStateAt("i32.store16", register.shl(4), STATE.x87 + 8, se);
  m.setStateAt("i64.store", register.shl(4), STATE.x87, sig);
}

/** Waiting instructions have this as `before`: an unmasked exception of an earlier one is taken now (SDM volume 1, 8.7). */
export function wait(m: Machine): void {
  m.f.if(status(m).and(0x80), () => m.raise("float", 16));
}

/** Frees st(0). */
export function pop(m: Env): void {
  const register = m.f.let(top(m));
  m.setState("i32.store", STATE.ftw, m.state("i32.load", STATE.ftw).and(i32(1).shl(register).not()));
  m.setState("i32.store", STATE.ftop, register.add(1).and(7));
}

/** Sets C1 to 0 (also the answer of operations that cannot fail). */
export function clearC1(m: Env): void {
  m.setState("i32.store", STATE.fsw, status(m).and(~C1));
}

/**
 * flags -> status: enters exceptions into the status word. An unmasked IE, DE or ZE comes before the operation: nothing else of it is
 * seen, and the caller stores nothing.
 */
export function except(m: Env): FunctionRef {
  return fn(m, "x87.except", ["i32"], ["i32"], (env, flags) => {
    const { f } = env;
    const unmasked = f.let(flags.and(control(env).not()).and(0x3f)), word = f.let(status(env).and(~C1));
    f.if(unmasked.eqz(), () => {
      env.setState("i32.store", STATE.fsw, word.or(flags));
      f.return(i32(1));
    });
    f.if(unmasked.and(7), () => {
      f.if(unmasked.and(1), () => f.set(flags, flags.and(1 | SF | C1)), () => f.set(flags, flags.and(7)));
      env.setState("i32.store", STATE.fsw, word.or(flags).or(ES));
      f.return(i32(2));
    });
    env.setState("i32.store", STATE.fsw, word.or(flags).or(ES));
    f.return(i32(3));
  });
}

/** (physical register, se, sig, flags) -> status: ends an operation with a register as destination. */
export function finish(m: Env): FunctionRef {
  const slow = except(m);
  return fn(m, "x87.finish", ["i32", "i32", "i64", "i32"], ["i32"], (env, register, se, sig, flags) => {
    const { f } = env, r = f.let(i32(1));
    f.if(
      flags.and(control(env).not()).and(0x3f),
      () => {
        f.set(r, f.call("i32", slow, flags));
        f.if(r.and(1).eqz(), () => f.return(r));
      },
      () => env.setState("i32.store", STATE.fsw, status(env).and(~C1).or(flags)),
    );
    storeRegister(env, register, se, sig);
    env.setState("i32.store", STATE.ftw, env.state("i32.load", STATE.ftw).or(i32(1).shl(register)));
    f.return(r);
  });
}

/** physical register -> status: a source was empty. */
export function underflow(m: Env): FunctionRef {
  const end = finish(m);
  return fn(
    m,
    "x87.underflow",
    ["i32"],
    ["i32"],
    (env, register) =>
      env.f.return(env.f.call("i32", end, register, i32(INDEFINITE), indefiniteSig, i32(UNDERFLOW))),
  );
}

/** (se, sig, flags) -> status: pushes a value. */
export function push(m: Env): FunctionRef {
  const end = finish(m);
  return fn(m, "x87.push", ["i32", "i64", "i32"], ["i32"], (env, se, sig, flags) => {
    const { f } = env, register = f.let(physical(env, 7));
    f.if(used(env, register), () => {
      f.set(se, INDEFINITE),
        f.set(sig, indefiniteSig),
        f.set(flags, select(flags.and(SF), flags, i32(OVERFLOW)));
    });
    const r = f.let(f.call("i32", end, register, se, sig, flags.and(~DE)));
    f.if(r.and(1), () => env.setState("i32.store", STATE.ftop, register));
    // A denormal is loaded even when the exception is unmasked.
    f.if(flags.and(DE), () => {
      const pending = f.let(control(env).and(DE).eqz());
      env.setState("i32.store", STATE.fsw, status(env).or(select(pending, i32(DE | ES), i32(DE))));
      f.set(r, r.or(pending.shl(1)));
    });
    f.return(r);
  });
}

/** An instruction's end: keeps the address of one that raised an exception, and pops. */
export function end(m: Machine, r: Value<"i32">, pops = 0, data?: Operand): void {
  const { f } = m, s = f.let(r);
  f.if(s.and(2), () => {
    m.setState("i64.store", STATE.fip, m.pc());
    m.setState("i64.store", STATE.fdp, data?.place === "mem" ? data.address.add(BIAS) : i64(0));
  });
  if (pops) {
    f.if(s.and(1), () => {
      for (let i = 0; i < pops; i++) pop(m);
    });
  }
}

/** Calls a function of three results (se, sig, flags) into fresh locals. */
export function call3(
  f: Func,
  to: FunctionRef,
  args: Parameters<Func["do"]>[1],
): [Local<"i32">, Local<"i64">, Local<"i32">] {
  const r = [f.local("i32"), f.local("i64"), f.local("i32")] as const;
  f.do(to, args, ...r);
  return [...r];
}
