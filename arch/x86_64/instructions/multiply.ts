/** mul, imul, div, idiv and the sign extensions that go before them. */
// cold: constants, while code is generated
import {
  type Env,
  type FunctionRef,
  type I32,
  i32,
  type I64,
  i64,
  type Int,
  type Late,
  late,
  type Local,
  type Machine,
  multiplyHigh,
  type Operand,
  remainder,
} from "@guise/translator";
import * as e from "../encoding.ts";
import { type Declaration, rw, w, x86 } from "../encoding.ts";
import { setResult } from "../flags.ts";
import { CF, OF, RAX, RDX } from "../state.ts";
import { extendFrom } from "./common.ts";

/** High 64 bits of a product. */
function high(m: Machine, x: I64, y: I64, signed: boolean): I64 {
  if (m.inline) return multiplyHigh(m.f, x, y, signed);
  const ref = m.helper(signed ? "imul high" : "mul high", ["i64", "i64"], ["i64"], ({ f }) => {
    f.return(multiplyHigh(f, f.param(0, "i64"), f.param(1, "i64"), signed));
  });
  return m.f.call("i64", ref, x, y);
}

/** CF and OF together: the upper half says something. */
const overflowBits = (cond: I32): I32 => i32(0).sub(cond).and(CF | OF);

const mul = (signed: boolean) => (m: Machine, src: Operand): void => {
  const { f } = m, { size } = src;
  const a = m.fixed(RAX, size);
  if (size === 64) {
    const x = f.let(a.read() as I64), y = f.let(src.read() as I64);
    const low = f.let(x.mul(y)), upper = f.let(high(m, x, y, signed));
    setResult(m, low as Int, overflowBits(signed ? upper.ne(low.shrS(63)) : upper.ne(0)));
    m.setState("i64.store", RAX, low);
    return m.setState("i64.store", RDX, upper);
  }
  const x = signed ? a.signed().extendS() : a.read().extendU(),
    y = signed ? src.signed().extendS() : src.read().extendU();
  const product = f.let(x.mul(y));
  const low = extendFrom(size, product.wrap() as Int);
  const over = signed ? product.ne(low.extendS()) : product.shrU(size).ne(0);
  setResult(m, low, overflowBits(over));
  if (size === 8) return m.setState("i32.store16", RAX, product.wrap());
  a.write(product.wrap() as Int);
  m.fixed(RDX, size).write(product.shrU(size).wrap() as Int);
};

function product(m: Machine, dst: Operand, a: Operand, b: Operand): void {
  const { f } = m, { size } = dst;
  const x = f.let(a.signed()), y = f.let(b.signed());
  if (size === 64) {
    const low = f.let(x.mul(y) as I64);
    if (m.flagsWanted) {
      setResult(m, low as Int, overflowBits(high(m, x as I64, y as I64, true).ne(low.shrS(63))));
    }
    return dst.write(low as Int);
  }
  const low = f.let(extendFrom(size, x.mul(y)));
  if (m.flagsWanted) setResult(m, low, overflowBits(x.extendS().mul(y.extendS()).ne(low.extendS())));
  dst.write(low);
}
const imul2 = (m: Machine, dst: Operand, src: Operand): void => product(m, dst, dst, src);

/**
 * high:low / divisor for an unsigned quotient that fits (high < divisor): two digits of 32 bits, each estimated from the
 * upper half of the normalised divisor and corrected at most twice. Results: quotient, remainder.
 */
function divide128(m: Env): FunctionRef {
  return m.helper("div 128", ["i64", "i64", "i64"], ["i64", "i64"], ({ f }, highIn, lowIn, divisorIn) => {
    const high = f.let(highIn as I64), low = f.let(lowIn as I64), divisor = f.let(divisorIn as I64);
    f.if(high.eqz(), () => {
      const q = f.let(low.divU(divisor));
      f.return(q, remainder(low, q, divisor));
    });
    const shift = f.let(divisor.clz());
    const d = f.let(divisor.shl(shift)), d1 = f.let(d.shrU(32)), d0 = f.let(d.and(0xffffffff));
    // shift can be 0: two shifts instead of one by 64.
    const n = f.let(high.shl(shift).or(low.shrU(1).shrU(i64(63).sub(shift))));
    const n1 = f.let(low.shl(shift));
    const digit = (top: I64, next: I64) => {
      const q = f.let(top.divU(d1)), r = f.let(top.remU(d1));
      f.block((leave) =>
        f.loop((again) => {
          f.brIf(leave, q.ltU(0x100000000).and(q.mul(d0).leU(r.shl(32).or(next))));
          f.set(q, q.sub(1));
          f.set(r, r.add(d1));
          f.brIf(again, r.ltU(0x100000000));
        })
      );
      return q;
    };
    const upper = f.let(n1.shrU(32)), lower = f.let(n1.and(0xffffffff));
    const q1 = digit(n, upper);
    const rest = f.let(n.shl(32).or(upper).sub(q1.mul(d)));
    const q0 = digit(rest, lower);
    const last = rest.shl(32).or(lower).sub(q0.mul(d)).shrU(shift);
    f.return(q1.shl(32).or(q0), last);
  });
}

const divideError = (m: Machine): void => m.raise("divide", 0);

/**
 * Quotient and remainder of a dividend that is as wide as its divisor. By 1 and -1 without the processor's division, which takes 10 cycles
 * and more: they are up to half of a program's divisions, and the test for 0 finds them on its way (decision 75).
 *
 * `usual`: the dividend has that width. Where it has not, for 0 and for what does not fit, `rare` sets both results or raises.
 */
function short<T extends "i32" | "i64">(
  m: Machine,
  signed: boolean,
  usual: I32,
  [n, divisor]: Local<T>[],
  [quotient, rest]: Local<T>[],
  rare: () => void,
): void {
  const { f } = m;
  const other = signed ? divisor.add(1).gtU(2) : divisor.gtU(1);
  f.if(other.and(usual), () => {
    f.set(quotient, signed ? n.divS(divisor) : n.divU(divisor));
    f.set(rest, remainder(n, quotient, divisor));
  }, () => {
    // The least integer by -1.
    const overflows = signed ? divisor.eq(-1).and(n.ltS(0)).and(n.shl(1).eqz()) : i32(0);
    f.unlikely(usual.eqz().or(divisor.eqz()).or(overflows), rare, () => {
      f.set(quotient, n.mul(divisor));
      f.set(rest, 0);
    });
  });
}

/** RDX:RAX / divisor. */
const divide64 = (m: Machine, signed: boolean, divisor: Local<"i64">): void => {
  const { f } = m;
  const low = f.let(m.state("i64.load", RAX)), high = f.let(m.state("i64.load", RDX));
  const quotient = f.local("i64"), rest = f.local("i64");
  // In a region nearly every dividend is known to be one of 64 bits: compilers clear RDX before.
  if (!signed) {
    short(m, false, high.eqz(), [low, divisor], [quotient, rest], () => {
      f.if(high.geU(divisor), () => divideError(m));
      f.do(divide128(m), [high, low, divisor], quotient, rest);
    });
  } else {
    short(m, true, high.eq(low.shrS(63)), [low, divisor], [quotient, rest], () => {
      f.if(divisor.eqz(), () => divideError(m));
      const negative = f.let(high.ltS(0)), opposite = f.let(high.xor(divisor).ltS(0));
      f.if(negative, () => {
        f.set(low, i64(0).sub(low));
        f.set(high, i64(-1).sub(high).add(low.eqz().extendU()));
      });
      const d = f.let(divisor);
      f.if(d.ltS(0), () => f.set(d, i64(0).sub(d)));
      f.if(high.geU(d), () => divideError(m));
      f.do(divide128(m), [high, low, d], quotient, rest);
      // A magnitude of 2^63 fits only a negative quotient.
      f.if(
        quotient.ltS(0),
        () => f.if(opposite.eqz().or(quotient.ne(i64(-0x8000000000000000n))), () => divideError(m)),
      );
      f.if(opposite, () => f.set(quotient, i64(0).sub(quotient)));
      f.if(negative, () => f.set(rest, i64(0).sub(rest)));
    });
  }
  m.setState("i64.store", RAX, quotient);
  m.setState("i64.store", RDX, rest);
};
/** EDX:EAX / divisor, as a rule a number of 32 bits that was extended: a short division then. */
const divide32 = (m: Machine, signed: boolean, divisor: Local<"i32">): void => {
  const { f } = m, a = m.fixed(RAX, 32), b = m.fixed(RDX, 32);
  const low = f.let(a.read() as I32), high = f.let(b.read() as I32);
  const quotient = f.local("i32"), rest = f.local("i32");
  short(m, signed, signed ? high.eq(low.shrS(31)) : high.eqz(), [low, divisor], [quotient, rest], () => {
    f.if(divisor.eqz(), () => divideError(m));
    const n = f.let(low.extendU().or(high.extendU().shl(32)));
    const d = f.let(signed ? divisor.extendS() : divisor.extendU());
    // The one overflow that WebAssembly's own division traps on.
    if (signed) f.if(n.eq(i64(-0x8000000000000000n)).and(d.eq(-1)), () => divideError(m));
    const q = f.let(signed ? n.divS(d) : n.divU(d));
    f.if(signed ? q.ne(q.extend32S()) : q.shrU(32).ne(0), () => divideError(m));
    f.set(quotient, q.wrap());
    f.set(rest, remainder(n, q, d).wrap());
  });
  a.write(quotient as Int);
  b.write(rest as Int);
};

const div = (signed: boolean) => (m: Machine, src: Operand): void => {
  const { f } = m, { size } = src;
  if (size === 64) return divide64(m, signed, f.let(src.read() as I64));
  if (size === 32) return divide32(m, signed, f.let(src.read() as I32));
  const divisor = f.let((signed ? src.signed() : src.read()) as I32);
  f.if(divisor.eqz(), () => divideError(m));
  let n: I32;
  if (size === 8) n = m.state(signed ? "i32.load16_s" : "i32.load16_u", RAX);
  else n = (m.fixed(RAX, size).read() as I32).or((m.fixed(RDX, size).read() as I32).shl(size));
  n = f.let(n);
  if (signed && size === 16) f.if(n.eq(-0x80000000).and(divisor.eq(-1)), () => divideError(m));
  const quotient = f.let(signed ? n.divS(divisor) : n.divU(divisor));
  if (signed) f.if(quotient.ne(quotient.shl(32 - size).shrS(32 - size)), () => divideError(m));
  else f.if(quotient.shrU(size).ne(0), () => divideError(m));
  const rest = f.let(remainder(n, quotient, divisor));
  if (size === 8) {
    m.setState("i32.store8", RAX, quotient);
    return m.setState("i32.store8", RAX + 1, rest);
  }
  m.fixed(RAX, size).write(quotient as Int);
  m.fixed(RDX, size).write(rest as Int);
};

const sizes = [["F6", "", e.rm8], ["F7", "o16 ", e.rm16], ["F7", "o32 ", e.rm32], [
  "F7",
  "REX.W ",
  e.rm64,
]] as const;
const group = (mnemonic: string, digit: string, semantics: e.Semantics, p: e.Properties): Declaration[] =>
  sizes.map(([op, prefix, kind]) =>
    x86(`${prefix}${op} ${digit}`, mnemonic, [kind], semantics, { ...p, hot: p.hot && kind.size >= 32 })
  );

const MUL: e.Properties = { writes: "cf of", undefines: "pf af zf sf", manual: "MUL" };
const DIV: e.Properties = { undefines: "cf pf af zf sf of", traps: true, manual: "DIV" };

// deno-fmt-ignore
export const multiply: Late<Declaration> = late(() => [
  ...group("mul",  "/4", mul(false), { ...MUL, hot: true }),
  ...group("imul", "/5", mul(true), MUL),
  ...group("div",  "/6", div(false), DIV),
  ...group("idiv", "/7", div(true), DIV),
  x86("o16 0F AF /r",   "imul", [rw(e.r16), e.rm16], imul2, MUL),
  x86("o32 0F AF /r",   "imul", [rw(e.r32), e.rm32], imul2, { ...MUL, hot: true }),
  x86("REX.W 0F AF /r", "imul", [rw(e.r64), e.rm64], imul2, { ...MUL, hot: true }),
  x86("o16 6B /r ib",   "imul", [w(e.r16), e.rm16, e.imm8s16], product, MUL),
  x86("o32 6B /r ib",   "imul", [w(e.r32), e.rm32, e.imm8s32], product, { ...MUL, hot: true }),
  x86("REX.W 6B /r ib", "imul", [w(e.r64), e.rm64, e.imm8s64], product, { ...MUL, hot: true }),
  x86("o16 69 /r iw",   "imul", [w(e.r16), e.rm16, e.imm16], product, MUL),
  x86("o32 69 /r id",   "imul", [w(e.r32), e.rm32, e.imm32], product, { ...MUL, hot: true }),
  x86("REX.W 69 /r id", "imul", [w(e.r64), e.rm64, e.imm32s64], product, { ...MUL, hot: true }),

  x86("o16 98",   "cbw",  [], (m) => m.setState("i32.store16", RAX, m.state("i32.load8_s", RAX))),
  x86("o32 98",   "cwde", [], (m) => m.setState("i64.store", RAX, m.state("i32.load16_s", RAX).extendU()), { hot: true }),
  x86("REX.W 98", "cdqe", [], (m) => m.setState("i64.store", RAX, m.state("i64.load32_s", RAX)), { hot: true }),
  x86("o16 99",   "cwd",  [], (m) => m.setState("i32.store16", RDX, m.state("i32.load16_s", RAX).shrS(15))),
  x86("o32 99",   "cdq",  [], (m) => m.setState("i64.store", RDX, m.state("i32.load", RAX).shrS(31).extendU()), { hot: true }),
  x86("REX.W 99", "cqo",  [], (m) => m.setState("i64.store", RDX, m.state("i64.load", RAX).shrS(63)), { hot: true }),
]);
