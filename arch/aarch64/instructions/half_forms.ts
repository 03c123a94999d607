/** ARMv8.2's half-precision instructions (FEAT_FP16): scalars, vectors, by element, conversions; lanes from the tables of simd_float.ts. */
// cold: constants of the generated code
import {
  f64,
  i32,
  type I64,
  i64,
  type Int,
  type Late,
  late,
  type Machine,
  type Operand,
  select,
} from "@guise/translator";
import { a64, type Declaration, type Semantics } from "../encoding.ts";
import { conditionOf, setImage } from "../flags.ts";
import {
  arithmetic,
  compare,
  extreme,
  F16K,
  fromInteger,
  fused,
  magnitude,
  negated,
  type Rounding,
  roundIntegral,
  squareRoot,
  toInteger,
} from "./float.ts";
import { bitsIn, call, putScalar } from "./fp.ts";
import { chosen } from "./simd_element.ts";
import { arithmeticOn, fmla, type Lane, mulx, none, PAIRS, ROWS, TWO, wide } from "./simd_float.ts";
import { bin, putLanes } from "./vector.ts";

const H = F16K;
const VECTORS = [[0, "4h", 4], [1, "8h", 8]] as const;
const lane = (o: Operand, i = 0): Int => bitsIn(H, o, i);
const put = (m: Machine, d: Operand, v: Int): void => putScalar(H, d, m.f.let(v.and(0xffff) as Int));

type Two = (m: Machine, a: Int, b: Int) => Int;
const limit = (max: boolean, number: boolean): Two => (m, a, b) =>
  call(m, H, extreme(m, H, max, number), a, b);
const op = (o: "add" | "sub" | "mul" | "div"): Two => (m, a, b) => call(m, H, arithmetic(m, H, o), a, b);
const rint = (r: Rounding, exact = false) => (m: Machine, a: Int): Int =>
  call(m, H, roundIntegral(m, H, r, exact), a);
const BINARY: readonly (readonly [name: string, f: Two])[] = [
  ["fmul", op("mul")],
  ["fdiv", op("div")],
  ["fadd", op("add")],
  ["fsub", op("sub")],
  ["fmax", limit(true, false)],
  ["fmin", limit(false, false)],
  ["fmaxnm", limit(true, true)],
  ["fminnm", limit(false, true)],
  ["fnmul", (m, a, b) => negated(H, op("mul")(m, a, b))],
];
const UNARY: readonly (readonly [name: string, opcode: number, f: (m: Machine, a: Int) => Int])[] = [
  ["fmov", 0, (_m, a) => a],
  ["fabs", 1, (_m, a) => magnitude(H, a)],
  ["fneg", 2, (_m, a) => negated(H, a)],
  ["fsqrt", 3, (m, a) => call(m, H, squareRoot(m, H), a)],
  ["frintn", 8, rint("n")],
  ["frintp", 9, rint("p")],
  ["frintm", 10, rint("m")],
  ["frintz", 11, rint("z")],
  ["frinta", 12, rint("a")],
  ["frintx", 14, rint("fpcr", true)],
  ["frinti", 15, rint("fpcr")],
];
/** Of the addend and a factor: which are negated. */
const FUSED = [["fmadd", "00", false, false], ["fmsub", "01", false, true], ["fnmadd", "10", true, true], [
  "fnmsub",
  "11",
  true,
  false,
]] as const;
const comparison = (all: boolean, zero: boolean): Semantics => ({ n, m: b }, m) =>
  setImage(m, m.f.call("i32", compare(m, H, all), lane(n) as never, (zero ? i32(0) : lane(b)) as never));
const conditionally = (all: boolean): Semantics => ({ n, m: b, f: flags, c }, m) =>
  m.f.if(
    conditionOf(m, c.read().wrap()),
    () => comparison(all, false)({ n, m: b }, m),
    () => setImage(m, flags.read().wrap().shl(28)),
  );
const toGeneral = (width: number, signed: boolean, r: Rounding): Semantics => ({ d, n, s }, m) => {
  const scale = s
    ? i64(1023 + width).sub(s.read().wrap().extendU()).shl(52).to("f64.reinterpret_i64")
    : f64(1);
  const v = m.f.call("i64", toInteger(m, H, width, signed, r), lane(n) as never, scale as never) as I64;
  d.write((width === 64 ? v : v.wrap()) as Int);
};
const fromGeneral = (signed: boolean, width: number): Semantics => ({ d, n, s }, m) => {
  const v = n.read(), whole = (signed ? v.extendS() : v.extendU()) as unknown as Int;
  put(
    m,
    d,
    call(m, H, fromInteger(m, H, signed), whole, (s ? i32(width).sub(s.read().wrap()) : i32(0)) as Int),
  );
};
const ROUNDINGS = [["n", "00", "000"], ["p", "01", "000"], ["m", "10", "000"], ["z", "11", "000"], [
  "a",
  "00",
  "100",
]] as const;

const head = "00011110111";
// deno-fmt-ignore
const scalars: Late<Declaration> = late(() => [
  ...BINARY.flatMap(([name, f], opcode) => a64(`${head} mmmmm ${bin(opcode, 4)} 10 nnnnn ddddd`, `${name} {=d/h}, {n/h}, {m/h}`, ({ d, n, m: b }, m) => put(m, d, f(m, lane(n), lane(b))))),
  ...UNARY.flatMap(([name, opcode, f]) => a64(`${head} ${bin(opcode, 6)} 10000 nnnnn ddddd`, `${name} {=d/h}, {n/h}`, ({ d, n }, m) => put(m, d, f(m, lane(n))))),
  ...FUSED.flatMap(([name, [o1, o0], addend, factor]) => a64(`0001111111${o1} mmmmm ${o0} aaaaa nnnnn ddddd`, `${name} {=d/h}, {n/h}, {m/h}, {a/h}`, ({ d, n, m: b, a }, m) => {
    const c = lane(a), x = lane(n);
    put(m, d, call(m, H, fused(m, H), addend ? negated(H, c) : c, factor ? negated(H, x) : x, lane(b)));
  })),
  ...a64(`${head} mmmmm 001000 nnnnn 00000`, "fcmp {n/h}, {m/h}", comparison(false, false)),
  ...a64(`${head} ----- 001000 nnnnn 01000`, "fcmp {n/h}, #0.0", comparison(false, true)),
  ...a64(`${head} mmmmm 001000 nnnnn 10000`, "fcmpe {n/h}, {m/h}", comparison(true, false)),
  ...a64(`${head} ----- 001000 nnnnn 11000`, "fcmpe {n/h}, #0.0", comparison(true, true)),
  ...a64(`${head} mmmmm cccc 01 nnnnn 0 ffff`, "fccmp {n/h}, {m/h}, #{f/i1}, {c/cond2}", conditionally(false)),
  ...a64(`${head} mmmmm cccc 01 nnnnn 1 ffff`, "fccmpe {n/h}, {m/h}, #{f/i1}, {c/cond2}", conditionally(true)),
  ...a64(`${head} mmmmm cccc 11 nnnnn ddddd`, "fcsel {=d/h}, {n/h}, {m/h}, {c/cond}", ({ d, n, m: b, c }, m) => {
    const cond = m.f.let(conditionOf(m, c.read().wrap()));
    put(m, d, select(cond, lane(n), lane(b)));
  }),
  ...a64(`${head} iiiiiiii 100 00000 ddddd`, "fmov {=d/h}, #{i/f16}", ({ d, i }, m) => put(m, d, (i.read() as I64).wrap() as Int)),
  ...([["0", "w", 32], ["1", "x", 64]] as const).flatMap(([z, g, width]) => [
    ...([true, false]).flatMap((signed) => {
      const s = signed ? "s" : "u", bit = signed ? "0" : "1";
      return [
        ...ROUNDINGS.flatMap(([r, rmode, o]) => a64(`${z}001111011 1 ${rmode}${o.slice(0, 2)}${bit} 000000 nnnnn ddddd`, `fcvt${r}${s} {=d/${g}}, {n/h}`, toGeneral(width, signed, r))),
        ...a64(`${z}001111011 1 0001${bit} 000000 nnnnn ddddd`, `${s}cvtf {=d/h}, {n/${g}}`, fromGeneral(signed, width)),
        ...a64(`${z}001111011 0 0001${bit} ${z === "0" ? "1sssss" : "ssssss"} nnnnn ddddd`, `${s}cvtf {=d/h}, {n/${g}}, #${width}-{s/i0}`, fromGeneral(signed, width)),
        ...a64(`${z}001111011 0 1100${bit} ${z === "0" ? "1sssss" : "ssssss"} nnnnn ddddd`, `fcvtz${s} {=d/${g}}, {n/h}, #${width}-{s/i0}`, toGeneral(width, signed, "z")),
      ];
    }),
    ...a64(`${z}001111011 1 00110 000000 nnnnn ddddd`, `fmov {=d/${g}}, {n/h}`, ({ d, n }) => d.write((width === 64 ? lane(n).extendU() : lane(n)) as Int)),
    ...a64(`${z}001111011 1 00111 000000 nnnnn ddddd`, `fmov {=d/h}, {n/${g}}`, ({ d, n }, m) => put(m, d, n.read().wrap().and(0xffff) as Int)),
  ]),
]);

/** Four lanes at once: a function for all forms of an operation, with a loop; arithmetic is calls in any case. */
function four(m: Machine, name: string, f: (h: Machine, lanes: Int[]) => Int, sources: readonly I64[]): I64 {
  const ref = m.helper(`h4 ${name}`, sources.map((): "i64" => "i64"), ["i64"], (env, ...p) => {
    const { f: w } = env, r = w.let(i64(0)), shift = w.let(i64(0));
    w.loop((again) => {
      const lanes = p.map((v) => w.let((v as unknown as I64).shrU(shift).wrap().and(0xffff)) as Int);
      // Semantics of lanes use what helpers have as well.
      w.set(r, r.or(f(env as Machine, lanes).extendU().and(0xffff).shl(shift)));
      w.set(shift, shift.add(16));
      w.brIf(again, shift.ltU(64));
    });
    w.return(r);
  });
  return m.f.let(m.f.call("i64", ref, ...sources as never[]));
}
const part = (o: Operand, n: number): I64 => o.load("i64.load", 8 * n);
/** Four or eight lanes of sources that `of` gives by half of the register. */
function lanewise(
  m: Machine,
  d: Operand,
  q: number,
  name: string,
  f: (h: Machine, lanes: Int[]) => Int,
  of: (n: number) => I64[],
): void {
  const low = four(m, name, f, of(0)), high = q ? four(m, name, f, of(1)) : i64(0);
  d.store("i64.store", low), d.store("i64.store", high, 8);
}
/** Two sources, and the destination where it is read. */
const pairOf = (f: Lane) => (h: Machine, [a, b, d]: Int[]): Int => f(h, H, a, b, () => d);
const same = (name: string, f: Lane, q: number, reads?: boolean): Semantics => ({ d, n, m: b }, m) =>
  lanewise(m, d, q, name, pairOf(f), (i) => [part(n, i), part(b, i), ...(reads ? [part(d, i)] : [])]);
const single = (f: Lane): Semantics => ({ d, n, m: b }, m) =>
  put(m, d, f(m, H, lane(n), lane(b), () => lane(d)));
/** Even or odd lanes of two halves of registers. */
const every = (x: I64, y: I64, odd: 0 | 1): I64 => {
  const two = (v: I64): I64 => {
    const w = odd ? v.shrU(16) : v;
    return w.and(0xffff).or(w.shrU(16).and(0xffff0000));
  };
  return two(x).or(two(y).shl(32));
};

// deno-fmt-ignore
const vectors: Late<Declaration> = late(() => [
  ...ROWS.flatMap(({ name, u, a, opcode, lane: f, scalar, reads }) => [
    ...VECTORS.flatMap(([q, T]) => a64(`0${q}${u}01110 ${a}10 mmmmm 00 ${bin(opcode & 7, 3)} 1 nnnnn ddddd`, `${name} {${reads ? "+" : "="}d/${T}}, {n/${T}}, {m/${T}}`, same(name, f, q, reads))),
    ...(scalar ? a64(`01${u}11110 ${a}10 mmmmm 00 ${bin(opcode & 7, 3)} 1 nnnnn ddddd`, `${name} {=d/h}, {n/h}, {m/h}`, single(f)) : []),
  ]),
  ...PAIRS.flatMap(([name, a, opcode, scalar, f]) => [
    ...VECTORS.flatMap(([q, T]) => a64(`0${q}101110 ${a}10 mmmmm 00 ${bin(opcode & 7, 3)} 1 nnnnn ddddd`, `${name} {=d/${T}}, {n/${T}}, {m/${T}}`, ({ d, n, m: b }, m) =>
      lanewise(m, d, q, name, pairOf(f), (i) => {
        const [x, y] = q ? (i ? [part(b, 0), part(b, 1)] : [part(n, 0), part(n, 1)]) : [part(n, 0), part(b, 0)];
        const p = m.f.let(x), r = m.f.let(y);
        return [every(p, r, 0), every(p, r, 1)];
      }))),
    ...a64(`01011110 ${a}0 11000 ${bin(scalar, 5)} 10 nnnnn ddddd`, `${name} {=d/h}, {n/2h}`, ({ d, n }, m) => put(m, d, f(m, H, lane(n, 0), lane(n, 1), none))),
  ]),
  ...([["fmaxnmv", 0, 0x0c, 0], ["fminnmv", 1, 0x0c, 1], ["fmaxv", 0, 0x0f, 3], ["fminv", 1, 0x0f, 4]] as const).flatMap(([name, a, opcode, row]) =>
    VECTORS.flatMap(([q, T, count]) => a64(`0${q}001110 ${a}0 11000 ${bin(opcode, 5)} 10 nnnnn ddddd`, `${name} {=d/h}, {n/${T}}`, ({ d, n }, m) => {
      const half = (from: number, length: number): Int => length === 1 ? lane(n, from)
        : m.f.let(PAIRS[row][4](m, H, half(from, length / 2), half(from + length / 2, length / 2), none)) as Int;
      put(m, d, half(0, count));
    }))),
  ...TWO.flatMap(([name, u, a, opcode, f, scalar, vector, text]) => {
    const each = (h: Machine, [x]: Int[]): Int => f(h, H, name === "scvtf" ? x.extend16S() as Int : x);
    return [
      ...(vector ? VECTORS : []).flatMap(([q, T]) => a64(`0${q}${u}01110 ${a}111100 ${bin(opcode, 5)} 10 nnnnn ddddd`, `${name} {=d/${T}}, {n/${T}}${text}`, ({ d, n }, m) => lanewise(m, d, q, `${name}${text}`, each, (i) => [part(n, i)]))),
      ...(scalar ? a64(`01${u}11110 ${a}111100 ${bin(opcode, 5)} 10 nnnnn ddddd`, `${name} {=d/h}, {n/h}${text}`, ({ d, n }, m) => put(m, d, each(m, [lane(n)]))) : []),
    ];
  }),
  ...([["fmla", 0, "0001", fmla(false), "+"], ["fmls", 0, "0101", fmla(true), "+"], ["fmul", 0, "1001", arithmeticOn("mul"), "="], ["fmulx", 1, "1001", mulx, "="]] as const).flatMap(([name, u, opcode, f, sign]) => {
    const element = (m: Machine, b: Operand, i: Operand): I64 => chosen(m, b, i, 1, false);
    return [
      ...VECTORS.flatMap(([q, T]) => a64(`0${q}${u}01111 00iimmmm ${opcode} i0 nnnnn ddddd`, `${name} {${sign}d/${T}}, {n/${T}}, {m/vh}[{i/elem1}]`, ({ d, n, m: b, i }, m) => {
        const all = m.f.let(element(m, b, i).mul(i64(0x1000100010001n)));
        lanewise(m, d, q, name, pairOf(f), (j) => [part(n, j), all, ...(sign === "+" ? [part(d, j)] : [])]);
      })),
      ...a64(`01${u}11111 00iimmmm ${opcode} i0 nnnnn ddddd`, `${name} {${sign}d/h}, {n/h}, {m/vh}[{i/elem1}]`, ({ d, n, m: b, i }, m) =>
        put(m, d, f(m, H, lane(n), m.f.let(element(m, b, i).wrap()) as Int, () => lane(d)))),
    ];
  }),
  // Fixed point: 16 - a bits after the point.
  ...([["s", 0, true], ["u", 1, false]] as const).flatMap(([s, u, signed]) => {
    const from = (count: number): Semantics => ({ d, n, a }, m) => putLanes(m, d, 1, wide(Array.from({ length: count }, (_, i) => {
      const v = lane(n, i), whole = (signed ? v.extend16S().extendS() : v.extendU()) as unknown as Int;
      return m.f.let(call(m, H, fromInteger(m, H, signed), whole, i32(16).sub(a.read().wrap()) as Int)) as Int;
    })));
    const to = (count: number): Semantics => ({ d, n, a }, m) => putLanes(m, d, 1, Array.from({ length: count }, (_, i) => {
      const scale = i64(1023 + 16).sub(a.read().wrap().extendU()).shl(52).to("f64.reinterpret_i64");
      return m.f.let(m.f.call("i64", toInteger(m, H, 16, signed, "z"), lane(n, i) as never, scale as never)) as I64;
    }));
    return [
      ...VECTORS.flatMap(([q, T, count]) => [
        ...a64(`0${q}${u}011110 001aaaa 11100 1 nnnnn ddddd`, `${s}cvtf {=d/${T}}, {n/${T}}, #16-{a/i0}`, from(count)),
        ...a64(`0${q}${u}011110 001aaaa 11111 1 nnnnn ddddd`, `fcvtz${s} {=d/${T}}, {n/${T}}, #16-{a/i0}`, to(count)),
      ]),
      ...a64(`01${u}111110 001aaaa 11100 1 nnnnn ddddd`, `${s}cvtf {=d/h}, {n/h}, #16-{a/i0}`, from(1)),
      ...a64(`01${u}111110 001aaaa 11111 1 nnnnn ddddd`, `fcvtz${s} {=d/h}, {n/h}, #16-{a/i0}`, to(1), { fuzz: signed ? "qemu before version 9.1 sign-extends the result" : undefined }),
    ];
  }),
  ...VECTORS.flatMap(([q, T]) => a64(`0${q}001111 00000 iii 111111 iiiii ddddd`, `fmov {=d/${T}}, #{i/vector16}`, ({ d, i }) => {
    const v = i.read() as I64;
    d.store("i64.store", v), d.store("i64.store", q ? v : i64(0), 8);
  })),
]);

export const half: readonly Late<Declaration>[] = [scalars, vectors];
