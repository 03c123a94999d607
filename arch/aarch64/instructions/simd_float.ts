/** Advanced SIMD on floats: three same, pairwise, two registers, across lanes, by element, fixed point; vectors and scalars. */
// cold: constants of the generated code
import {
  type Env,
  f64,
  type FunctionRef,
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
  type Type,
} from "@guise/translator";
import { a64, type Declaration, type Semantics } from "../encoding.ts";
import {
  arithmetic,
  compare,
  constant,
  convert,
  extreme,
  F16K,
  flush,
  fromInteger,
  fused,
  type Kind,
  KINDS,
  magnitude,
  negated,
  type Operation,
  reciprocalEstimate,
  reciprocalExponent,
  rootEstimate,
  type Rounding,
  roundIntegral,
  squareRoot,
  toInteger,
} from "./float.ts";
import { bitsIn, call } from "./fp.ts";
import {
  eachLane,
  type Fast,
  fastArithmetic,
  fastDistance,
  fastFromInteger,
  fastFused,
  fastOfNumbers,
  fastRoot,
  fastRounding,
  fastSign,
  fastToInteger,
  fastZero,
  inlineConvert,
  putLow,
  scalarIn,
  tried,
} from "./inline_float.ts";
import { neighbours } from "./simd_integer.ts";
import { arrangement, bin, putLanes, whole } from "./vector.ts";

export type Lane = (m: Machine, k: Kind, a: Int, b: Int, d: () => Int) => Int;
export const wide = (list: Int[]): I64[] => list.map((v) => v.extendU());
export const arithmeticOn = (o: Operation): Lane => (m, k, a, b) => call(m, k, arithmetic(m, k, o), a, b);
const extremeOf = (max: boolean, number: boolean): Lane => (m, k, a, b) =>
  call(m, k, extreme(m, k, max, number), a, b);
const all = (k: Kind, c: I32): Int => (k.width === 64 ? i64(0).sub(c.extendU()) : i32(0).sub(c)) as Int;
/** Condition on nzcv: equal, greater or equal, greater. */
const compared = (test: (image: I32) => I32, quiet: boolean, absolute = false): Lane => (m, k, a, b) => {
  const value = (v: Int) => absolute ? magnitude(k, v) : v;
  const image = m.f.let(m.f.call("i32", compare(m, k, !quiet), value(a) as never, value(b) as never));
  return all(k, test(image));
};
const EQ = (i: I32) => i.shrU(30).and(1),
  GE = (i: I32) => i.and(0x90000000).eqz(),
  GT = (i: I32) => i.eq(0x20000000);
const LE = (i: I32) => i.eq(0x80000000).or(i.eq(0x60000000)), LT = (i: I32) => i.eq(0x80000000);

const infiniteOf = (k: Kind): bigint => BigInt(k.format.maxExp) << BigInt(k.fraction);
const isInf = (k: Kind, v: Int) => magnitude(k, v).eq(constant(k, infiniteOf(k)));
const isZero = (k: Kind, v: Int) => magnitude(k, v).eqz();
const bitsOf = (k: Kind, v: number): Int => {
  const view = new DataView(new ArrayBuffer(8));
  if (k.width === 64) return view.setFloat64(0, v), constant(k, view.getBigUint64(0));
  view.setFloat32(0, v);
  const bits = BigInt(view.getUint32(0));
  // Powers of two and the like: exact in half precision.
  return constant(k, k.width === 32 ? bits : (bits >> 13n) - (112n << 10n));
};
/** A function that gives `value` for infinity times zero and else what `body` gives. */
const except = (
  m: Env,
  k: Kind,
  name: string,
  value: number,
  body: (h: Env, a: Int, b: Int) => Int,
  signed: boolean,
): FunctionRef =>
  m.helper(`${k.letter} ${name}`, [k.bits, k.bits] as Type[], [k.bits], (h, x, y) => {
    const { f } = h,
      a = f.let(flush(h, k, x as unknown as Int) as never) as unknown as Int,
      b = f.let(flush(h, k, y as unknown as Int) as never) as unknown as Int;
    f.if(isInf(k, a).and(isZero(k, b)).or(isZero(k, a).and(isInf(k, b))), () => {
      const v = bitsOf(k, value);
      f.return((signed ? v.or(a.xor(b).and(constant(k, 1n << BigInt(k.width - 1)))) : v) as never);
    });
    f.return(body(h, a, b) as never);
  });
export const mulx: Lane = (m, k, a, b) =>
  call(
    m,
    k,
    except(m, k, "mulx", 2, (h, x, y) =>
      h.f.call(k.bits, arithmetic(h, k, "mul"), x as never, y as never) as unknown as Int, true),
    a,
    b,
  );
const recps: Lane = (m, k, a, b) =>
  call(
    m,
    k,
    except(m, k, "recps", 2, (h, x, y) =>
      h.f.call(
        k.bits,
        fused(h, k),
        bitsOf(k, 2) as never,
        negated(k, x) as never,
        y as never,
      ) as unknown as Int, false),
    a,
    b,
  );
/** (3 - a * b) / 2 as 1.5 - (a / 2) * b: halving a factor is exact unless it is tiny, then the other one is halved. */
const rsqrts: Lane = (m, k, a, b) =>
  call(
    m,
    k,
    except(m, k, "rsqrts", 1.5, (h, x, y) => {
      const { f } = h, p = f.let(negated(k, x)) as unknown as Int, q = f.let(y) as unknown as Int;
      const least = 1n << BigInt(k.fraction), infinite = infiniteOf(k);
      const normal = (v: Int) =>
        magnitude(k, v).sub(constant(k, 2n * least)).ltU(constant(k, infinite - 2n * least));
      const half = (v: Int) => f.set(v as never, v.sub(constant(k, least)) as never);
      const special = magnitude(k, p).geU(constant(k, infinite)).or(
        magnitude(k, q).geU(constant(k, infinite)),
      );
      f.if(special.eqz(), () => f.if(normal(p), () => half(p), () => f.if(normal(q), () => half(q))));
      return h.f.call(k.bits, fused(h, k), bitsOf(k, 1.5) as never, p as never, q as never) as unknown as Int;
    }, false),
    a,
    b,
  );
export const fmla = (subtract: boolean): Lane => (m, k, a, b, d) =>
  call(m, k, fused(m, k), d(), subtract ? negated(k, a) : a, b);

interface Row {
  readonly name: string;
  readonly u: 0 | 1;
  readonly a: 0 | 1;
  readonly opcode: number;
  readonly lane: Lane;
  readonly scalar?: boolean;
  readonly reads?: boolean;
  readonly fast?: Fast;
}
export const ROWS: readonly Row[] = [
  { name: "fmaxnm", u: 0, a: 0, opcode: 0x18, lane: extremeOf(true, true), fast: fastOfNumbers("max") },
  { name: "fminnm", u: 0, a: 1, opcode: 0x18, lane: extremeOf(false, true), fast: fastOfNumbers("min") },
  { name: "fmla", u: 0, a: 0, opcode: 0x19, lane: fmla(false), reads: true, fast: fastFused(false) },
  { name: "fmls", u: 0, a: 1, opcode: 0x19, lane: fmla(true), reads: true, fast: fastFused(true) },
  { name: "fadd", u: 0, a: 0, opcode: 0x1a, lane: arithmeticOn("add"), fast: fastArithmetic("add") },
  { name: "fsub", u: 0, a: 1, opcode: 0x1a, lane: arithmeticOn("sub"), fast: fastArithmetic("sub") },
  { name: "fmulx", u: 0, a: 0, opcode: 0x1b, lane: mulx, scalar: true },
  {
    name: "fcmeq",
    u: 0,
    a: 0,
    opcode: 0x1c,
    lane: compared(EQ, true),
    scalar: true,
    fast: fastOfNumbers("eq"),
  },
  { name: "fmax", u: 0, a: 0, opcode: 0x1e, lane: extremeOf(true, false), fast: fastOfNumbers("max") },
  { name: "fmin", u: 0, a: 1, opcode: 0x1e, lane: extremeOf(false, false), fast: fastOfNumbers("min") },
  { name: "frecps", u: 0, a: 0, opcode: 0x1f, lane: recps, scalar: true },
  { name: "frsqrts", u: 0, a: 1, opcode: 0x1f, lane: rsqrts, scalar: true },
  {
    name: "fabd",
    u: 1,
    a: 1,
    opcode: 0x1a,
    lane: (m, k, a, b) => magnitude(k, call(m, k, arithmetic(m, k, "sub"), a, b)),
    scalar: true,
    fast: fastDistance,
  },
  { name: "fmul", u: 1, a: 0, opcode: 0x1b, lane: arithmeticOn("mul"), fast: fastArithmetic("mul") },
  {
    name: "fcmge",
    u: 1,
    a: 0,
    opcode: 0x1c,
    lane: compared(GE, false),
    scalar: true,
    fast: fastOfNumbers("ge"),
  },
  {
    name: "fcmgt",
    u: 1,
    a: 1,
    opcode: 0x1c,
    lane: compared(GT, false),
    scalar: true,
    fast: fastOfNumbers("gt"),
  },
  {
    name: "facge",
    u: 1,
    a: 0,
    opcode: 0x1d,
    lane: compared(GE, false, true),
    scalar: true,
    fast: fastOfNumbers("ge", true),
  },
  {
    name: "facgt",
    u: 1,
    a: 1,
    opcode: 0x1d,
    lane: compared(GT, false, true),
    scalar: true,
    fast: fastOfNumbers("gt", true),
  },
  { name: "fdiv", u: 1, a: 0, opcode: 0x1f, lane: arithmeticOn("div"), fast: fastArithmetic("div") },
];
/** Arrangements of a kind: [q, name, lanes]. */
export const vectors = (k: Kind): readonly (readonly [q: number, name: string, lanes: number])[] =>
  k.width === 64 ? [[1, "2d", 2]] : [[0, "2s", 2], [1, "4s", 4]];
export const sz = (k: Kind) => k.size - 2;

const same: Late<Declaration> = late(() =>
  KINDS.flatMap((k) =>
    ROWS.flatMap(({ name, u, a, opcode, lane, scalar, reads, fast }) => {
      const body = (count: number): Semantics => ({ d, n, m: b }, m) => {
        if (count * k.width === 128 && tried(m, k, name, d, n, b)) return;
        const v = m.inline ? fast?.(m, k, whole(n), whole(b), () => whole(d), count) : undefined;
        if (v) return putLow(k, d, v, count);
        putLanes(
          m,
          d,
          k.size,
          wide(
            Array.from(
              { length: count },
              (_, i) => m.f.let(lane(m, k, bitsIn(k, n, i), bitsIn(k, b, i), () => bitsIn(k, d, i))) as Int,
            ),
          ),
        );
      };
      const sign = reads ? "+" : "=";
      return [
        ...vectors(k).flatMap(([q, T, lanes]) =>
          a64(
            `0${q}${u}01110 ${a}${sz(k)}1 mmmmm ${bin(opcode, 5)} 1 nnnnn ddddd`,
            `${name} {${sign}d/${T}}, {n/${T}}, {m/${T}}`,
            body(lanes),
          )
        ),
        ...(scalar
          ? a64(
            `01${u}11110 ${a}${sz(k)}1 mmmmm ${bin(opcode, 5)} 1 nnnnn ddddd`,
            `${name} {=d/${k.letter}}, {n/${k.letter}}, {m/${k.letter}}`,
            body(1),
          )
          : []),
      ];
    })
  )
);
export const PAIRS:
  readonly (readonly [name: string, a: number, opcode: number, scalar: number, lane: Lane, fast: Fast])[] = [
    ["fmaxnmp", 0, 0x18, 0x0c, extremeOf(true, true), fastOfNumbers("max")],
    ["fminnmp", 1, 0x18, 0x0c, extremeOf(false, true), fastOfNumbers("min")],
    ["faddp", 0, 0x1a, 0x0d, arithmeticOn("add"), fastArithmetic("add")],
    ["fmaxp", 0, 0x1e, 0x0f, extremeOf(true, false), fastOfNumbers("max")],
    ["fminp", 1, 0x1e, 0x0f, extremeOf(false, false), fastOfNumbers("min")],
  ];
export const none = (): Int => i32(0) as Int;
const pairwise: Late<Declaration> = late(() =>
  KINDS.flatMap((k) =>
    PAIRS.flatMap(([name, a, opcode, scalar, lane, fast]) => [
      ...vectors(k).flatMap(([q, T, lanes]) =>
        a64(
          `0${q}101110 ${a}${sz(k)}1 mmmmm ${bin(opcode, 5)} 1 nnnnn ddddd`,
          `${name} {=d/${T}}, {n/${T}}, {m/${T}}`,
          ({ d, n, m: b }, m) => {
            if (m.inline) {
              const [even, odd] = neighbours(whole(n), whole(b), k.size, q);
              return putLow(k, d, fast(m, k, even, odd, () => even, lanes)!, lanes);
            }
            putLanes(
              m,
              d,
              k.size,
              wide(Array.from({ length: lanes }, (_, i) => {
                const from = i < lanes / 2 ? n : b, at = 2 * (i % (lanes / 2));
                return m.f.let(lane(m, k, bitsIn(k, from, at), bitsIn(k, from, at + 1), none)) as Int;
              })),
            );
          },
        )
      ),
      ...a64(
        `01111110 ${a}${sz(k)} 11000 ${bin(scalar, 5)} 10 nnnnn ddddd`,
        `${name} {=d/${k.letter}}, {n/2${k.letter}}`,
        ({ d, n }, m) => {
          if (m.inline) {
            const [even, odd] = neighbours(whole(n), whole(n), k.size, k.width === 64 ? 1 : 0);
            return putLow(k, d, fast(m, k, even, odd, () => even, 1)!, 1);
          }
          putLanes(m, d, k.size, wide([lane(m, k, bitsIn(k, n, 0), bitsIn(k, n, 1), none)]));
        },
      ),
    ])
  )
);
const S = KINDS[0];
const across: Late<Declaration> = late(() =>
  ([["fmaxnmv", 0, 0x0c, 0], ["fminnmv", 1, 0x0c, 1], ["fmaxv", 0, 0x0f, 3], ["fminv", 1, 0x0f, 4]] as const)
    .flatMap(([name, a, opcode, row]) =>
      a64(
        `01101110 ${a}0 11000 ${bin(opcode, 5)} 10 nnnnn ddddd`,
        `${name} {=d/s}, {n/4s}`,
        ({ d, n }, m) => {
          const f = PAIRS[row][4],
            first = m.f.let(f(m, S, bitsIn(S, n, 0), bitsIn(S, n, 1), none)),
            second = m.f.let(f(m, S, bitsIn(S, n, 2), bitsIn(S, n, 3), none));
          putLanes(m, d, 2, wide([f(m, S, first as Int, second as Int, none)]));
        },
      )
    )
);

// Two registers.
type One = (m: Machine, k: Kind, a: Int) => Int;
const rint = (r: Rounding, exact = false): One => (m, k, a) => call(m, k, roundIntegral(m, k, r, exact), a);
const toInt = (r: Rounding, signed: boolean): One => (m, k, a) => {
  const v = m.f.call("i64", toInteger(m, k, k.width, signed, r), a as never, f64(1) as never) as I64;
  return (k.width === 64 ? v : v.wrap()) as Int;
};
const fromInt = (signed: boolean): One => (m, k, a) =>
  call(
    m,
    k,
    fromInteger(m, k, signed),
    (signed ? a.extendS() : a.extendU()) as unknown as Int,
    i32(0) as Int,
  );
const withZero = (test: (i: I32) => I32, quiet: boolean): One => (m, k, a) =>
  compared(test, quiet)(m, k, a, constant(k, 0n), none);
/** Estimates by the manual's tables (RecipEstimate, RecipSqrtEstimate), on 9 bits of the fraction. */
const recipEstimate = (h: Env): FunctionRef =>
  h.helper("recip estimate", ["i32"], ["i32"], ({ f }) => {
    // a: 256-511 -> 256-511.
    const a = f.param(0, "i32");
    f.return(
      i32(1 << 19).to("f64.convert_i32_s").div(a.mul(2).add(1).to("f64.convert_i32_s")).to(
        "i32.trunc_sat_f64_s",
      ).add(1).shrU(1),
    );
  });
const rsqrtEstimate = (h: Env): FunctionRef =>
  h.helper("rsqrt estimate", ["i32"], ["i32"], ({ f }) => {
    // a: 128-511 -> 256-511.
    const a = f.param(0, "i32"),
      x = f.let(select(a.ltU(256), a.mul(2).add(1), a.shrU(1).shl(1).add(1).mul(2))),
      b = f.let(i32(512));
    f.while(() => x.mul(b.add(1)).mul(b.add(1)).ltU(1 << 28), () => f.set(b, b.add(1)));
    f.return(b.add(1).shrU(1));
  });
const unsignedEstimate = (square: boolean) => (m: Machine, a: Int): Int => {
  const { f } = m, v = f.let(a.wrap()), r = f.let(i32(-1));
  if (square) f.if(v.shrU(30).ne(0), () => f.set(r, f.call("i32", rsqrtEstimate(m), v.shrU(23)).shl(23)));
  else f.if(v.ltS(0), () => f.set(r, f.call("i32", recipEstimate(m), v.shrU(23)).shl(23)));
  return r as Int;
};
// deno-fmt-ignore
export const TWO: readonly (readonly [name: string, u: number, a: number, opcode: number, f: One, scalar: boolean, vector: boolean, text: string, fast?: Fast])[] = [
  ["frintn", 0, 0, 0x18, rint("n"), false, true, "", fastRounding("n", false)], ["frintm", 0, 0, 0x19, rint("m"), false, true, "", fastRounding("m", false)], ["frintp", 0, 1, 0x18, rint("p"), false, true, "", fastRounding("p", false)], ["frintz", 0, 1, 0x19, rint("z"), false, true, "", fastRounding("z", false)],
  ["frinta", 1, 0, 0x18, rint("a"), false, true, "", fastRounding("a", false)], ["frintx", 1, 0, 0x19, rint("fpcr", true), false, true, "", fastRounding("fpcr", true)], ["frinti", 1, 1, 0x19, rint("fpcr"), false, true, "", fastRounding("fpcr", false)],
  ["fcvtns", 0, 0, 0x1a, toInt("n", true), true, true, "", fastToInteger("n", true)], ["fcvtms", 0, 0, 0x1b, toInt("m", true), true, true, "", fastToInteger("m", true)], ["fcvtas", 0, 0, 0x1c, toInt("a", true), true, true, "", fastToInteger("a", true)],
  ["fcvtps", 0, 1, 0x1a, toInt("p", true), true, true, "", fastToInteger("p", true)], ["fcvtzs", 0, 1, 0x1b, toInt("z", true), true, true, "", fastToInteger("z", true)],
  ["fcvtnu", 1, 0, 0x1a, toInt("n", false), true, true, "", fastToInteger("n", false)], ["fcvtmu", 1, 0, 0x1b, toInt("m", false), true, true, "", fastToInteger("m", false)], ["fcvtau", 1, 0, 0x1c, toInt("a", false), true, true, "", fastToInteger("a", false)],
  ["fcvtpu", 1, 1, 0x1a, toInt("p", false), true, true, "", fastToInteger("p", false)], ["fcvtzu", 1, 1, 0x1b, toInt("z", false), true, true, "", fastToInteger("z", false)],
  ["scvtf", 0, 0, 0x1d, fromInt(true), true, true, "", fastFromInteger(true)], ["ucvtf", 1, 0, 0x1d, fromInt(false), true, true, "", fastFromInteger(false)],
  ["fcmgt", 0, 1, 0x0c, withZero(GT, false), true, true, ", #0.0", fastZero("gt")], ["fcmeq", 0, 1, 0x0d, withZero(EQ, true), true, true, ", #0.0", fastZero("eq")], ["fcmlt", 0, 1, 0x0e, withZero(LT, false), true, true, ", #0.0", fastZero("lt")],
  ["fcmge", 1, 1, 0x0c, withZero(GE, false), true, true, ", #0.0", fastZero("ge")], ["fcmle", 1, 1, 0x0d, withZero(LE, false), true, true, ", #0.0", fastZero("le")],
  ["fabs", 0, 1, 0x0f, (_m, k, a) => magnitude(k, a), false, true, "", fastSign("abs")], ["fneg", 1, 1, 0x0f, (_m, k, a) => negated(k, a), false, true, "", fastSign("neg")],
  ["frecpe", 0, 1, 0x1d, (m, k, a) => call(m, k, reciprocalEstimate(m, k, recipEstimate), a), true, true, ""],
  ["frsqrte", 1, 1, 0x1d, (m, k, a) => call(m, k, rootEstimate(m, k, rsqrtEstimate), a), true, true, ""],
  ["frecpx", 0, 1, 0x1f, (m, k, a) => call(m, k, reciprocalExponent(m, k), a), true, false, ""],
  ["fsqrt", 1, 1, 0x1f, (m, k, a) => call(m, k, squareRoot(m, k), a), false, true, "", fastRoot],
];
const two: Late<Declaration> = late(() =>
  KINDS.flatMap((k) =>
    TWO.flatMap(([name, u, a, opcode, f, scalar, vector, text, fast]) => {
      const body = (count: number): Semantics => ({ d, n }, m) => {
        const v = m.inline ? fast?.(m, k, whole(n), whole(n), () => whole(d), count) : undefined;
        if (v) return putLow(k, d, v, count);
        putLanes(
          m,
          d,
          k.size,
          wide(Array.from({ length: count }, (_, i) => m.f.let(f(m, k, bitsIn(k, n, i))) as Int)),
        );
      };
      return [
        ...(vector ? vectors(k) : []).flatMap(([q, T, lanes]) =>
          a64(
            `0${q}${u}01110 ${a}${sz(k)} 10000 ${bin(opcode, 5)} 10 nnnnn ddddd`,
            `${name} {=d/${T}}, {n/${T}}${text}`,
            body(lanes),
          )
        ),
        ...(scalar
          ? a64(
            `01${u}11110 ${a}${sz(k)} 10000 ${bin(opcode, 5)} 10 nnnnn ddddd`,
            `${name} {=d/${k.letter}}, {n/${k.letter}}${text}`,
            body(1),
          )
          : []),
      ];
    })
  )
);

/** Narrowing and widening between singles and doubles. */
const D = KINDS[1];
const convertTo = (m: Machine, from: Kind, to: Kind, v: Int): Int =>
  m.f.call(to.bits, convert(m, from, to), v as never) as unknown as Int;
const widening: Late<Declaration> = late(() =>
  [0, 1].flatMap((q) => [
    ...a64(
      `0${q}001110 01 10000 10110 10 nnnnn ddddd`,
      `fcvtn${q ? 2 : ""} {+d/${q ? "4s" : "2s"}}, {n/2d}`,
      ({ d, n }, m) => {
        if (m.inline && !q) {
          return putLow(S, d, eachLane(m, S, 2, (i) => inlineConvert(m, S, scalarIn(D, n, i))), 2);
        }
        putLanes(
          m,
          d,
          2,
          wide([0, 1].map((i) => m.f.let(convertTo(m, D, S, bitsIn(D, n, i))) as Int)),
          q === 1,
        );
      },
    ),
    ...a64(
      `0${q}001110 01 10000 10111 10 nnnnn ddddd`,
      `fcvtl${q ? 2 : ""} {=d/2d}, {n/${q ? "4s" : "2s"}}`,
      ({ d, n }, m) => {
        if (m.inline) {
          return putLow(D, d, eachLane(m, D, 2, (i) => inlineConvert(m, D, scalarIn(S, n, i + 2 * q))), 2);
        }
        putLanes(
          m,
          d,
          3,
          [0, 1].map((i) => m.f.let(convertTo(m, S, D, bitsIn(S, n, i + 2 * q))) as unknown as I64),
        );
      },
    ),
    ...a64(
      `0${q}001110 00 10000 10110 10 nnnnn ddddd`,
      `fcvtn${q ? 2 : ""} {+d/${q ? "8h" : "4h"}}, {n/4s}`,
      ({ d, n }, m) =>
        putLanes(
          m,
          d,
          1,
          wide([0, 1, 2, 3].map((i) => m.f.let(convertTo(m, S, F16K, bitsIn(S, n, i))) as Int)),
          q === 1,
        ),
    ),
    ...a64(
      `0${q}001110 00 10000 10111 10 nnnnn ddddd`,
      `fcvtl${q ? 2 : ""} {=d/4s}, {n/${q ? "8h" : "4h"}}`,
      ({ d, n }, m) =>
        putLanes(
          m,
          d,
          2,
          wide([0, 1, 2, 3].map((i) => m.f.let(convertTo(m, F16K, S, bitsIn(F16K, n, i + 4 * q))) as Int)),
        ),
    ),
    ...a64(
      `0${q}101110 01 10000 10110 10 nnnnn ddddd`,
      `fcvtxn${q ? 2 : ""} {+d/${q ? "4s" : "2s"}}, {n/2d}`,
      ({ d, n }, m) =>
        putLanes(
          m,
          d,
          2,
          wide(
            [0, 1].map((i) =>
              m.f.let(m.f.call("i32", convert(m, D, S, true), bitsIn(D, n, i) as never)) as unknown as Int
            ),
          ),
          q === 1,
        ),
    ),
    ...(q
      ? []
      : a64("01111110 01 10000 10110 10 nnnnn ddddd", "fcvtxn {=d/s}, {n/d}", ({ d, n }, m) =>
        putLanes(
          m,
          d,
          2,
          wide([m.f.call("i32", convert(m, D, S, true), bitsIn(D, n) as never) as unknown as Int]),
        ))),
    ...([["urecpe", 0, false], ["ursqrte", 1, true]] as const).flatMap(([name, u, square]) =>
      a64(
        `0${q}${u}01110 10 10000 11100 10 nnnnn ddddd`,
        `${name} {=d/${arrangement(2, q)}}, {n/${arrangement(2, q)}}`,
        ({ d, n }, m) =>
          putLanes(
            m,
            d,
            2,
            wide(Array.from({ length: 2 << q }, (_, i) => unsignedEstimate(square)(m, bitsIn(S, n, i)))),
          ),
      )
    ),
  ])
);

/** Fixed point: the bits after the point are 2 * esize - immh:immb, which is esize - a. */
const fixed: Late<Declaration> = late(() =>
  KINDS.flatMap((k) => {
    const immh = k.width === 64 ? "1aaaaaa" : "01aaaaa";
    const power = (a: Operand) =>
      i64(1023 + k.width).sub(a.read().wrap().extendU()).shl(52).to("f64.reinterpret_i64");
    return ([["scvtf", 0, true], ["ucvtf", 1, false]] as const).flatMap(([name, u, signed]) => {
      const from = (count: number): Semantics => ({ d, n, a }, m) =>
        putLanes(
          m,
          d,
          k.size,
          wide(Array.from({ length: count }, (_, i) => {
            const v = bitsIn(k, n, i);
            return m.f.let(
              call(
                m,
                k,
                fromInteger(m, k, signed),
                (signed ? v.extendS() : v.extendU()) as unknown as Int,
                i32(k.width).sub(a.read().wrap()) as Int,
              ),
            ) as Int;
          })),
        );
      const to = (count: number): Semantics => ({ d, n, a }, m) =>
        putLanes(
          m,
          d,
          k.size,
          Array.from({ length: count }, (_, i) =>
            m.f.let(
              m.f.call(
                "i64",
                toInteger(m, k, k.width, signed, "z"),
                bitsIn(k, n, i) as never,
                power(a) as never,
              ),
            ) as I64),
        );
      const back = signed ? "fcvtzs" : "fcvtzu", t = k.letter;
      return [
        ...vectors(k).flatMap(([q, T, lanes]) => [
          ...a64(
            `0${q}${u}011110 ${immh} 11100 1 nnnnn ddddd`,
            `${name} {=d/${T}}, {n/${T}}, #${k.width}-{a/i0}`,
            from(lanes),
          ),
          ...a64(
            `0${q}${u}011110 ${immh} 11111 1 nnnnn ddddd`,
            `${back} {=d/${T}}, {n/${T}}, #${k.width}-{a/i0}`,
            to(lanes),
          ),
        ]),
        ...a64(
          `01${u}111110 ${immh} 11100 1 nnnnn ddddd`,
          `${name} {=d/${t}}, {n/${t}}, #${k.width}-{a/i0}`,
          from(1),
        ),
        ...a64(
          `01${u}111110 ${immh} 11111 1 nnnnn ddddd`,
          `${back} {=d/${t}}, {n/${t}}, #${k.width}-{a/i0}`,
          to(1),
        ),
      ];
    });
  })
);

export const simdFloat: readonly Late<Declaration>[] = [same, pairwise, across, two, widening, fixed];
