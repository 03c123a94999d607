/** Scalar floating point (C4.1.96: data processing with one, two, three sources, comparison, conversion), singles and doubles. */
// cold: constants of the generated code
import {
  type F64,
  f64,
  type I32,
  i32,
  type I64,
  i64,
  type Int,
  type Late,
  late,
  type Machine,
  type Operand,
  replaceLane,
  select,
  simd,
  type V128,
  v128,
} from "@guise/translator";
import { a64, type Declaration, type Semantics } from "../encoding.ts";
import { conditionOf, setFloat, setImage } from "../flags.ts";
import {
  arithmetic,
  asBits,
  asFloat,
  compare,
  constant,
  convert,
  extreme,
  F16K,
  type Float,
  fpcr,
  fromInteger,
  fused,
  type Kind,
  KINDS,
  magnitude,
  negated,
  type Operation,
  type Rounding,
  roundIntegral,
  squareRoot,
  toInteger,
} from "./float.ts";
import {
  asDouble,
  inlineArithmetic,
  inlineComparison,
  inlineConvert,
  inlineExtreme,
  inlineFromInteger,
  inlineFused,
  inlineRoot,
  inlineRounding,
  inlineToInteger,
  putFloat,
  scalarIn,
  trialOf,
} from "./inline_float.ts";
import { settled } from "./settled.ts";
import { bin } from "./vector.ts";

export const bitsIn = (k: Kind, o: Operand, i = 0): Int =>
  (k.width === 64
    ? o.load("i64.load", 8 * i)
    : k.width === 16
    ? o.load("i32.load16_u", 2 * i)
    : o.load("i32.load", 4 * i)) as Int;
/** The scalar, zeros above. */
export function putScalar(_k: Kind, d: Operand, v: Int): void {
  d.store("i64.store", v.extendU());
  d.store("i64.store", i64(0), 8);
}
export const call = (m: Machine, k: Kind, ref: Parameters<Machine["f"]["call"]>[1], ...args: Int[]): Int =>
  m.f.call(k.bits, ref, ...args as never[]) as unknown as Int;

/** On bits by a function, and how a region does it in line. */
const two = (
  f: (m: Machine, k: Kind, a: Int, b: Int) => Int,
  fast: (m: Machine, k: Kind, a: Float, b: Float) => Float,
) =>
(k: Kind): Semantics =>
({ d, n, m: b }, m) =>
  putFloat(
    k,
    d,
    m.inline
      ? fast(m, k, scalarIn(k, n), scalarIn(k, b))
      : m.f.let(asFloat(k, f(m, k, bitsIn(k, n), bitsIn(k, b))) as F64),
  );
const one =
  (f: (m: Machine, k: Kind, a: Int) => Int, fast: (m: Machine, k: Kind, a: Float) => Float) =>
  (k: Kind): Semantics =>
  ({ d, n }, m) =>
    putFloat(k, d, m.inline ? fast(m, k, scalarIn(k, n)) : m.f.let(asFloat(k, f(m, k, bitsIn(k, n))) as F64));
const op = (o: Operation) => (k: Kind): Semantics => {
  const alone = two(
    (m, k, a, b) => call(m, k, arithmetic(m, k, o), a, b),
    (m, k, a, b) => inlineArithmetic(m, k, o, a, b),
  )(k);
  return (operands, m) => {
    const trial = trialOf(m), { d, n, m: b } = operands;
    if (trial) trial.arithmetic(o, k.float, d, n, b, true);
    else alone(operands, m);
  };
};
const limit = (max: boolean, number: boolean) =>
  two(
    (m, k, a, b) => call(m, k, extreme(m, k, max, number), a, b),
    (m, k, a, b) => inlineExtreme(m, k, max, a, b),
  );
const root = (k: Kind): Semantics => {
  const alone = one((m, k, a) => call(m, k, squareRoot(m, k), a), inlineRoot)(k);
  return (operands, m) => {
    const trial = trialOf(m);
    if (trial) trial.root(k.float, operands.d, operands.n, true);
    else alone(operands, m);
  };
};
const TWO: readonly (readonly [name: string, opcode: number, f: (k: Kind) => Semantics])[] = [
  ["fmul", 0, op("mul")],
  ["fdiv", 1, op("div")],
  ["fadd", 2, op("add")],
  ["fsub", 3, op("sub")],
  ["fmax", 4, limit(true, false)],
  ["fmin", 5, limit(false, false)],
  ["fmaxnm", 6, limit(true, true)],
  ["fminnm", 7, limit(false, true)],
  [
    "fnmul",
    8,
    two(
      (m, k, a, b) => negated(k, call(m, k, arithmetic(m, k, "mul"), a, b)),
      (m, k, a, b) => (inlineArithmetic(m, k, "mul", a, b) as F64).neg() as Float,
    ),
  ],
];
const rint = (r: Rounding, exact = false) =>
  one(
    (m, k, a) => call(m, k, roundIntegral(m, k, r, exact), a),
    (m, k, a) => inlineRounding(m, k, r, exact, a),
  );
const ONE: readonly (readonly [name: string, opcode: number, f: (k: Kind) => Semantics])[] = [
  ["fmov", 0, one((_m, _k, a) => a, (_m, _k, a) => a)],
  ["fabs", 1, one((_m, k, a) => magnitude(k, a), (_m, _k, a) => (a as F64).abs() as Float)],
  ["fneg", 2, one((_m, k, a) => negated(k, a), (_m, _k, a) => (a as F64).neg() as Float)],
  ["fsqrt", 3, root],
  ["frintn", 8, rint("n")],
  ["frintp", 9, rint("p")],
  ["frintm", 10, rint("m")],
  ["frintz", 11, rint("z")],
  ["frinta", 12, rint("a")],
  ["frintx", 14, rint("fpcr", true)],
  ["frinti", 15, rint("fpcr")],
];
/** addend, factor: which are negated. */
const THREE = [["fmadd", "0", "0", false, false], ["fmsub", "0", "1", false, true], [
  "fnmadd",
  "1",
  "0",
  true,
  true,
], ["fnmsub", "1", "1", true, false]] as const;

const comparison = (k: Kind, all: boolean, zero: boolean): Semantics => ({ n, m: b }, m) => {
  const { f } = m, none = asFloat(k, constant(k, 0n));
  if (m.inline) {
    return setFloat(m, ...inlineComparison(m, k, all, scalarIn(k, n), zero ? none : scalarIn(k, b)));
  }
  const x = f.let(scalarIn(k, n) as F64), y = f.let((zero ? none : scalarIn(k, b)) as F64);
  // Numbers raise nothing.
  f.if(
    x.eq(x).and(y.eq(y)).and(fpcr(m).eqz()),
    () => setFloat(m, asDouble(k, x as unknown as Float), asDouble(k, y as unknown as Float)),
    () =>
      setImage(
        m,
        f.call(
          "i32",
          compare(m, k, all),
          asBits(k, x as unknown as Float) as never,
          asBits(k, y as unknown as Float) as never,
        ),
      ),
  );
};
const conditionally = (k: Kind, all: boolean): Semantics => ({ n, m: b, f: flags, c }, m) =>
  m.f.if(
    conditionOf(m, c.read().wrap()),
    () => comparison(k, all, false)({ n, m: b }, m),
    () => setImage(m, flags.read().wrap().shl(28)),
  );

const ROUNDINGS: readonly (readonly [letter: Rounding, rmode: string, signed: string, unsigned: string])[] = [
  ["n", "00", "000", "001"],
  ["p", "01", "000", "001"],
  ["m", "10", "000", "001"],
  ["z", "11", "000", "001"],
  ["a", "00", "100", "101"],
];
/** 2^(most - scale field): the leading one of a 32-bit form is no part of the field. */
const power = (scale: Operand, most: number): F64 =>
  i64(1023 + most).sub(scale.read().wrap().extendU()).shl(52).to("f64.reinterpret_i64");
const toGeneral = (k: Kind, width: number, signed: boolean, r: Rounding): Semantics => ({ d, n, s }, m) => {
  if (m.inline && !s) {
    const v = m.f.let(inlineToInteger(m, k, width, signed, r, scalarIn(k, n)));
    return d.write((width === 64 ? v : v.wrap()) as Int);
  }
  const v = m.f.call(
    "i64",
    toInteger(m, k, width, signed, r),
    bitsIn(k, n) as never,
    (s ? power(s, width) : f64(1)) as never,
  ) as I64;
  d.write((width === 64 ? v : v.wrap()) as Int);
};
const fromGeneral = (k: Kind, signed: boolean, width: number): Semantics => ({ d, n, s }, m) => {
  const v = n.read(), wide = signed ? v.extendS() : v.extendU();
  if (m.inline && !s) return putFloat(k, d, inlineFromInteger(m, k, signed, width, wide));
  putScalar(
    k,
    d,
    m.f.let(
      call(
        m,
        k,
        fromInteger(m, k, signed),
        wide as unknown as Int,
        (s ? i32(width).sub(s.read().wrap()) : i32(0)) as unknown as Int,
      ),
    ),
  );
};

// deno-fmt-ignore
export const fp: Late<Declaration> = late(() => KINDS.flatMap((k) => {
  const t = k.letter, ft = k.type, head = `00011110${ft}1`;
  return [
    ...TWO.flatMap(([name, opcode, f]) => a64(`${head} mmmmm ${bin(opcode, 4)} 10 nnnnn ddddd`, `${name} {=d/${t}}, {n/${t}}, {m/${t}}`, f(k), { hot: opcode < 4 })),
    ...ONE.flatMap(([name, opcode, f]) => a64(`${head} ${bin(opcode, 6)} 10000 nnnnn ddddd`, `${name} {=d/${t}}, {n/${t}}`, f(k), { hot: opcode < 3 })),
    ...THREE.flatMap(([name, o1, o0, addend, factor]) => a64(`00011111${ft}${o1} mmmmm ${o0} aaaaa nnnnn ddddd`, `${name} {=d/${t}}, {n/${t}}, {m/${t}}, {a/${t}}`, ({ d, n, m: b, a }, m) => {
      settled(m, k, "fma");
      const trial = m.fuses ? trialOf(m) : undefined;
      if (trial) return trial.fused(k.float, d, a, n, b, { addend, product: factor }, true);
      if (m.inline && m.fuses) {
        const all = (o: Operand) => o.load("v128.load"), negative = (v: V128) => simd(k.width === 64 ? "f64x2.neg" : "f32x4.neg", v);
        return putFloat(k, d, inlineFused(m, k, addend ? negative(all(a)) : all(a), all(n), all(b), factor));
      }
      const c = bitsIn(k, a), x = bitsIn(k, n);
      putScalar(k, d, m.f.let(call(m, k, fused(m, k), addend ? negated(k, c) : c, factor ? negated(k, x) : x, bitsIn(k, b))));
    }, { hot: true })),
    ...a64(`${head} mmmmm 001000 nnnnn 00000`, `fcmp {n/${t}}, {m/${t}}`, comparison(k, false, false), { hot: true }),
    ...a64(`${head} ----- 001000 nnnnn 01000`, `fcmp {n/${t}}, #0.0`, comparison(k, false, true)),
    ...a64(`${head} mmmmm 001000 nnnnn 10000`, `fcmpe {n/${t}}, {m/${t}}`, comparison(k, true, false), { hot: true }),
    ...a64(`${head} ----- 001000 nnnnn 11000`, `fcmpe {n/${t}}, #0.0`, comparison(k, true, true)),
    ...a64(`${head} mmmmm cccc 01 nnnnn 0 ffff`, `fccmp {n/${t}}, {m/${t}}, #{f/i1}, {c/cond2}`, conditionally(k, false)),
    ...a64(`${head} mmmmm cccc 01 nnnnn 1 ffff`, `fccmpe {n/${t}}, {m/${t}}, #{f/i1}, {c/cond2}`, conditionally(k, true)),
    ...a64(`${head} mmmmm cccc 11 nnnnn ddddd`, `fcsel {=d/${t}}, {n/${t}}, {m/${t}}, {c/cond}`, ({ d, n, m: b, c }, m) => {
      const cond = m.f.let(conditionOf(m, c.read().wrap()));
      putFloat(k, d, m.f.let(select(cond, scalarIn(k, n) as F64, scalarIn(k, b) as F64)));
    }, { hot: true }),
    ...a64(`${head} iiiiiiii 100 00000 ddddd`, `fmov {=d/${t}}, #{i/${k.float}}`, ({ d, i }) => d.store("v128.store", replaceLane("i64x2.replace_lane", v128(0n), 0, i.read() as I64)), { hot: true, key: "fmov immediate" }),
    ...([["0", "w", 32], ["1", "x", 64]] as const).flatMap(([z, g, width]) => [
      ...ROUNDINGS.flatMap(([r, rmode, s, u]) => [
        ...a64(`${z}0011110${ft}1 ${rmode}${s} 000000 nnnnn ddddd`, `fcvt${r}s {=d/${g}}, {n/${t}}`, toGeneral(k, width, true, r)),
        ...a64(`${z}0011110${ft}1 ${rmode}${u} 000000 nnnnn ddddd`, `fcvt${r}u {=d/${g}}, {n/${t}}`, toGeneral(k, width, false, r)),
      ]),
      ...a64(`${z}0011110${ft}1 00010 000000 nnnnn ddddd`, `scvtf {=d/${t}}, {n/${g}}`, fromGeneral(k, true, width), { hot: true }),
      ...a64(`${z}0011110${ft}1 00011 000000 nnnnn ddddd`, `ucvtf {=d/${t}}, {n/${g}}`, fromGeneral(k, false, width), { hot: true }),
      // Fixed point: 64 - scale bits after the point; at most the width of the integer.
      ...([["00010", true], ["00011", false]] as const).flatMap(([o, signed]) => a64(`${z}0011110${ft}0 ${o} ${z === "0" ? "1sssss" : "ssssss"} nnnnn ddddd`, `${signed ? "s" : "u"}cvtf {=d/${t}}, {n/${g}}, #${width}-{s/i0}`, fromGeneral(k, signed, width))),
      ...([["11000", true], ["11001", false]] as const).flatMap(([o, signed]) => a64(`${z}0011110${ft}0 ${o} ${z === "0" ? "1sssss" : "ssssss"} nnnnn ddddd`, `fcvtz${signed ? "s" : "u"} {=d/${g}}, {n/${t}}, #${width}-{s/i0}`, toGeneral(k, width, signed, "z"))),
    ]),
  ];
}).concat(
  a64("0001111000100110000000 nnnnn ddddd", "fmov {=d/w}, {n/s}", ({ d, n }) => d.write(n.load("i32.load") as Int), { hot: true }),
  a64("0001111000100111000000 nnnnn ddddd", "fmov {=d/s}, {n/w}", ({ d, n }) => d.store("v128.store", replaceLane("i32x4.replace_lane", v128(0n), 0, n.read() as I32)), { hot: true }),
  a64("1001111001100110000000 nnnnn ddddd", "fmov {=d/x}, {n/d}", ({ d, n }) => d.write(n.load("i64.load") as Int), { hot: true }),
  a64("1001111001100111000000 nnnnn ddddd", "fmov {=d/d}, {n/x}", ({ d, n }) => d.store("v128.store", replaceLane("i64x2.replace_lane", v128(0n), 0, n.read() as I64)), { hot: true }),
  a64("1001111010101110000000 nnnnn ddddd", "fmov {=d/x}, {n/vd}[1]", ({ d, n }) => d.write(n.load("i64.load", 8) as Int)),
  a64("1001111010101111000000 nnnnn ddddd", "fmov {+d/vd}[1], {n/x}", ({ d, n }) => d.store("i64.store", n.read() as I64, 8)),
  ...([[KINDS[0], KINDS[1], "0001111000100010110000"], [KINDS[1], KINDS[0], "0001111001100010010000"], [KINDS[0], F16K, "0001111000100011110000"], [F16K, KINDS[0], "0001111011100010010000"], [KINDS[1], F16K, "0001111001100011110000"], [F16K, KINDS[1], "0001111011100010110000"]] as const).map(([from, to, bits]) =>
    a64(`${bits} nnnnn ddddd`, `fcvt {=d/${to.letter}}, {n/${from.letter}}`, ({ d, n }, m) => m.inline && from !== F16K && to !== F16K ? putFloat(to, d, inlineConvert(m, to, scalarIn(from, n))) : putScalar(to, d, m.f.let(m.f.call(to.bits, convert(m, from, to), bitsIn(from, n) as never) as unknown as Int)), { hot: from !== F16K && to !== F16K })),
));
