/**
 * String operations. A repeated one works in pieces that lie in one page each: registers are brought up to date after each, so
 * that a fault or the end of the budget finds them as after the completed iterations.
 */
// cold: constants, while code is generated
import {
  ACCESS,
  BIAS,
  type Env,
  type I32,
  i32,
  type I64,
  i64,
  type Int,
  type Late,
  late,
  type Local,
  type Machine,
  select,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, x86 } from "../encoding.ts";
import { setCompare } from "../flags.ts";
import { DF, RAX, RCX, RDI, RSI, STATE } from "../state.ts";

/** Elements handled one by one before the interpreter is left for a moment. */
const PATIENCE = 1 << 15;

const LOAD = { 1: "i64.load8_u", 2: "i64.load16_u", 4: "i64.load32_u", 8: "i64.load" } as const;
const SIGNED = { 1: "i64.load8_s", 2: "i64.load16_s", 4: "i64.load32_s", 8: "i64.load" } as const;
const STORE = { 1: "i64.store8", 2: "i64.store16", 4: "i64.store32", 8: "i64.store" } as const;
type Bytes = 1 | 2 | 4 | 8;

/** 67h: addresses and counts are 32 bits wide. */
const limited = (m: Machine, v: I64): I64 => v.and(select(m.narrow(), i64(0xffffffff), -1));
const step = (m: Machine, bytes: Bytes): I64 =>
  select(m.state("i32.load", STATE.flagRest).and(DF), i64(-bytes), bytes);

/** Bytes from a wasm address to the end of its page. */
const room = (address: I64): I32 => i32(4096).sub(address.wrap().and(4095));
/** The page of a wasm address grants the access. */
const granted = (m: Env, address: I64, access: number): I32 =>
  address.shrU(32).eqz().and(m.permissions(address).and(access).ne(0));

interface Pointers {
  /** Registers that advance. */
  readonly si: boolean;
  readonly di: boolean;
}

/** What one element does; faults leave before anything changes. Gives the condition to go on (repe, repne), if any. */
type Element = (m: Machine, bytes: Bytes, si: I64, di: I64) => I32 | undefined;

const source = (m: Machine, si: I64): I64 => m.segment().add(si).sub(BIAS);
const probe = (m: Machine, address: I64, bytes: number, access: number) =>
  m.f.if(m.probe(address, bytes, access), () => m.fault());

const movs: Element = (m, bytes, si, di) => {
  const from = m.f.let(source(m, si)), to = m.f.let(di.sub(BIAS));
  probe(m, from, bytes, ACCESS.read);
  probe(m, to, bytes, ACCESS.write);
  m.store(STORE[bytes], to, m.load(LOAD[bytes], from));
  return undefined;
};
const stos: Element = (m, bytes, _si, di) => {
  const to = m.f.let(di.sub(BIAS));
  probe(m, to, bytes, ACCESS.write);
  m.store(STORE[bytes], to, m.state("i64.load", RAX));
  return undefined;
};
const lods: Element = (m, bytes, si) => {
  const from = m.f.let(source(m, si));
  probe(m, from, bytes, ACCESS.read);
  m.fixed(RAX, bytes * 8).write(
    (bytes === 8 ? m.load("i64.load", from) : m.load(LOAD[bytes], from).wrap()) as Int,
  );
  return undefined;
};
const compare = (m: Machine, bytes: Bytes, a: I64, b: I64): I32 => {
  const x = m.f.let(a), y = m.f.let(b);
  setCompare(m, bytes * 8, x as Int, y as Int);
  return x.eq(y);
};
const cmps: Element = (m, bytes, si, di) => {
  const from = m.f.let(source(m, si)), to = m.f.let(di.sub(BIAS));
  probe(m, from, bytes, ACCESS.read);
  probe(m, to, bytes, ACCESS.read);
  return compare(m, bytes, m.load(SIGNED[bytes], from), m.load(SIGNED[bytes], to));
};
const scas: Element = (m, bytes, _si, di) => {
  const to = m.f.let(di.sub(BIAS));
  probe(m, to, bytes, ACCESS.read);
  return compare(m, bytes, m.state(SIGNED[bytes], RAX), m.load(SIGNED[bytes], to));
};

function advance(m: Machine, p: Pointers, si: I64, di: I64, by: I64): void {
  if (p.si) m.setState("i64.store", RSI, limited(m, si.add(by)));
  if (p.di) m.setState("i64.store", RDI, limited(m, di.add(by)));
}

const single = (element: Element, p: Pointers, bytes: Bytes) => (m: Machine): void => {
  const si = m.f.let(limited(m, m.state("i64.load", RSI))),
    di = m.f.let(limited(m, m.state("i64.load", RDI)));
  element(m, bytes, si, di);
  advance(m, p, si, di, step(m, bytes));
};

/** A piece of movs or stos at once; gives the elements done, 0 when it has to go one by one. */
type Piece = (
  m: Machine,
  bytes: Bytes,
  si: Local<"i64">,
  di: Local<"i64">,
  count: Local<"i64">,
  done: Local<"i64">,
) => void;

function elements(m: Machine, bytes: Bytes, room: I32, count: I64): I64 {
  const fit = m.f.let(room.divU(bytes).extendU());
  return select(count.ltU(fit), count, fit);
}
const movsPiece: Piece = (m, bytes, si, di, count, done) => {
  const { f } = m;
  const from = f.let(source(m, si)), to = f.let(di.sub(BIAS));
  f.if(granted(m, from, ACCESS.read).and(granted(m, to, ACCESS.write)), () => {
    const a = f.let(room(from)), b = f.let(room(to));
    const n = f.let(elements(m, bytes, select(a.ltU(b), a, b), count));
    // A destination inside the source repeats a pattern: memory.copy would not.
    const apart = to.sub(from).geU(n.mul(bytes));
    f.if(apart, () => {
      m.copy(from.type ? to : to, from, n.mul(bytes) as Int);
      f.set(done, n);
    });
  });
};
const stosPiece: Piece = (m, bytes, _si, di, count, done) => {
  const { f } = m;
  const to = f.let(di.sub(BIAS));
  f.if(granted(m, to, ACCESS.write), () => {
    const n = f.let(elements(m, bytes, room(to), count));
    const v = f.let(m.state(LOAD[bytes], RAX));
    const size = bytes * 8,
      all = f.let(v.and(0xff).mul(i64(0x0101010101010101n)).shl(64 - size).shrU(64 - size));
    f.if(v.eq(all), () => m.fill(to, v.wrap(), n.mul(bytes) as Int), () => {
      const i = f.let(i64(0));
      f.while(() => i.ltU(n), () => {
        m.store(STORE[bytes], to.add(i.mul(bytes)), v);
        f.set(i, i.add(1));
      });
    });
    f.set(done, n);
  });
};

const repeated =
  (element: Element, p: Pointers, bytes: Bytes, until: 0 | 1 | undefined, piece?: Piece) =>
  (m: Machine): void => {
    const { f } = m;
    const patience = f.let(i32(PATIENCE));
    const count = f.let(limited(m, m.state("i64.load", RCX))),
      si = f.local("i64"),
      di = f.local("i64"),
      done = f.local("i64");
    f.while(() => count.ne(0), (leave) => {
      f.set(si, limited(m, m.state("i64.load", RSI)));
      f.set(di, limited(m, m.state("i64.load", RDI)));
      f.set(done, 0);
      if (piece) {
        f.if(
          m.state("i32.load", STATE.flagRest).and(DF).or(m.narrow()).eqz(),
          () => piece(m, bytes, si, di, count, done),
        );
      }
      let go: I32 | undefined;
      f.if(done.eqz(), () => {
        const c = element(m, bytes, si, di);
        if (c) go = f.let(until ? c.eqz() : c);
        f.set(done, 1);
      });
      advance(m, p, si, di, step(m, bytes).mul(done));
      f.set(count, count.sub(done));
      m.setState("i64.store", RCX, count);
      if (go) f.brIf(leave, go.eqz());
      f.set(patience, patience.sub(piece ? 16 : 1));
      f.if(patience.leS(0).and(count.ne(0)), () => m.yield());
    });
    // A count of 32 bits clears the upper half even when nothing was done.
    f.if(m.narrow(), () => m.setState("i64.store", RCX, count));
  };

interface Family {
  readonly mnemonic: string;
  readonly opcode: number;
  readonly element: Element;
  readonly pointers: Pointers;
  readonly piece?: Piece;
  readonly compares?: boolean;
}

const SUFFIX = { 1: "b", 2: "w", 4: "d", 8: "q" } as const;
const WORD = { 1: "BYTE", 2: "WORD", 4: "DWORD", 8: "QWORD" } as const;
const SI = "ds:[rsi]", DI = "es:[rdi]", ACCUMULATOR = { 1: "al", 2: "ax", 4: "eax", 8: "rax" } as const;

function texts(f: Family, bytes: Bytes): string[] {
  const si = `${WORD[bytes]} PTR ${SI}`, di = `${WORD[bytes]} PTR ${DI}`, a = ACCUMULATOR[bytes];
  switch (f.mnemonic) {
    case "movs":
      return [di, si];
    case "cmps":
      return [si, di];
    case "stos":
      return [di, a];
    case "lods":
      return [a, si];
    default:
      return [a, di];
  }
}

function family(f: Family): Declaration[] {
  const kinds = [["", 1], ["o16 ", 2], ["o32 ", 4], ["REX.W ", 8]] as const;
  return kinds.flatMap(([prefix, bytes]) => {
    const op = `${prefix}${(f.opcode + (bytes > 1 ? 1 : 0)).toString(16).toUpperCase()}`;
    const operands = texts(f, bytes).map(e.fixed),
      key = (rep: string) => `${rep} ${f.mnemonic}${SUFFIX[bytes]}`;
    const flags: e.Properties = f.compares ? { writes: "cf pf af zf sf of" } : {};
    const p: e.Properties = { ...flags, traps: true, string: true };
    const repeat = { ...p, conditional: true, partial: f.compares };
    const rep = f.compares ? "repz" : "rep";
    return [
      x86(op, f.mnemonic, operands, single(f.element, f.pointers, bytes), { ...p, key: key("") }),
      x86(
        `F3 ${op}`,
        `${rep} ${f.mnemonic}`,
        operands,
        repeated(f.element, f.pointers, bytes, f.compares ? 0 : undefined, f.piece),
        { ...repeat, key: key("rep") },
      ),
      x86(
        `F2 ${op}`,
        `repnz ${f.mnemonic}`,
        operands,
        repeated(f.element, f.pointers, bytes, f.compares ? 1 : undefined, f.piece),
        { ...repeat, key: key("repne") },
      ),
    ];
  });
}

export const string: Late<Declaration> = late(() => [
  ...family({
    mnemonic: "movs",
    opcode: 0xa4,
    element: movs,
    pointers: { si: true, di: true },
    piece: movsPiece,
  }),
  ...family({
    mnemonic: "cmps",
    opcode: 0xa6,
    element: cmps,
    pointers: { si: true, di: true },
    compares: true,
  }),
  ...family({
    mnemonic: "stos",
    opcode: 0xaa,
    element: stos,
    pointers: { si: false, di: true },
    piece: stosPiece,
  }),
  ...family({ mnemonic: "lods", opcode: 0xac, element: lods, pointers: { si: true, di: false } }),
  ...family({
    mnemonic: "scas",
    opcode: 0xae,
    element: scas,
    pointers: { si: false, di: true },
    compares: true,
  }),
]);
