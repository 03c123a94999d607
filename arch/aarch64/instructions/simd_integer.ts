/** Advanced SIMD on integers: three same, two registers, pairwise, across lanes (C4.1.96 and following). */
// cold: constants of the generated code
import {
  i32,
  type I64,
  i64,
  lane,
  type Late,
  late,
  type Machine,
  type Operand,
  select,
  shuffle,
  simd,
  type V128,
  v128,
} from "@guise/translator";
import { a64, type Declaration, type Semantics } from "../encoding.ts";
import {
  arrangement,
  bin,
  clamp,
  each,
  extended,
  extendedProduct,
  laneOf,
  type LaneOp,
  narrowed,
  put,
  putLanes,
  saturated,
  saturatedAny,
  SCALAR,
  SHAPE,
  type Size,
  SIZES,
  three,
  two,
  vop,
  whole,
} from "./vector.ts";

const SMALL: readonly Size[] = [0, 1, 2];
const all = (c: { extendU(): I64 }): I64 => i64(0).sub(c.extendU());
const ge = (a: I64, b: I64, signed: boolean) => signed ? a.geS(b) : a.geU(b);
const gt = (a: I64, b: I64, signed: boolean) => signed ? a.gtS(b) : a.gtU(b);

/** Saturating addition and subtraction, also of 64-bit lanes. */
const saturating = (subtract: boolean, signed: boolean): LaneOp => (m, a0, b0, _d, size) => {
  if (size < 3) return clamp(m, subtract ? a0.sub(b0) : a0.add(b0), size, signed);
  const { f } = m,
    a = f.let(a0),
    b = f.let(b0),
    r = f.let(subtract ? a.sub(b) : a.add(b)),
    over = f.local("i64");
  if (signed) {
    f.set(over, (subtract ? a.xor(b).and(a.xor(r)) : a.xor(r).and(b.xor(r))).shrU(63));
    f.if(over.ne(0), () => f.set(r, a.shrS(63).xor(i64(0x7fffffffffffffffn))));
  } else {
    f.set(over, (subtract ? a.ltU(b) : r.ltU(a)).extendU());
    f.if(over.ne(0), () => f.set(r, i64(subtract ? 0 : -1)));
  }
  saturated(m, over);
  return r;
};

/** sshl and its kind: left by the signed low byte of b, right when negative. */
const shift = (signed: boolean, rounding: boolean, saturate: boolean): LaneOp => (m, a0, b0, _d, size) => {
  const { f } = m, bits = 8 << size;
  const a = f.let(a0), n = f.let(b0.extend8S()), r = f.local("i64");
  f.if(n.geS(0), () => {
    f.set(r, select(n.geS(64), i64(0), a.shl(n)));
    if (!saturate) return;
    // Lost bits: shifting back must give the value, inside the lane.
    const max = signed
      ? i64(2n ** BigInt(bits - 1) - 1n)
      : bits === 64
      ? i64(-1)
      : i64(2n ** BigInt(bits) - 1n);
    const narrow = size === 3
      ? r
      : signed
      ? r.shl(64 - bits).shrS(64 - bits)
      : r.and(i64(2n ** BigInt(bits) - 1n));
    const back = f.let(narrow), ok = f.local("i32");
    f.set(ok, n.ltS(bits).and((signed ? back.shrS(n) : back.shrU(n)).eq(a)).or(a.eqz()));
    f.if(ok.eqz(), () => {
      f.set(r, signed ? a.shrS(63).xor(max) : max);
      saturated(m, i64(1));
    });
  }, () => {
    const right = f.let(i64(0).sub(n));
    const s = (v: I64, by: I64) => signed ? v.shrS(by) : v.shrU(by);
    f.set(r, select(right.geS(64), signed ? a.shrS(63) : i64(0), s(a, right)));
    if (rounding) {
      // The bit below: of the value before, with its sign above.
      const below = f.let(right.sub(1));
      const bit = select(below.geS(64), signed ? i64(0) : i64(0), s(a, below).and(1));
      f.set(r, select(right.gtS(64), i64(0), f.let(r.add(bit))));
      if (signed) f.if(right.geS(64), () => f.set(r, i64(0)));
    }
  });
  return r;
};

const doublingHigh = (rounding: boolean): LaneOp => (m, a, b, _d, size) => {
  const bits = 8 << size, p = a.mul(b).add(rounding ? i64(2 ** (bits - 2)) : i64(0));
  return clamp(m, p.shrS(bits - 1), size, true);
};
const polynomial = (a: I64, b: I64, m: Machine): I64 => {
  const { f } = m, x = f.let(a), y = f.let(b), r = f.let(i64(0));
  for (let i = 0; i < 8; i++) f.set(r, r.xor(x.shl(i).and(i64(0).sub(y.shrU(i).and(1)))));
  return r;
};
const abd = (a: I64, b: I64, m: Machine, signed: boolean): I64 => {
  const x = m.f.let(a), y = m.f.let(b);
  return select(gt(x, y, signed), x.sub(y), y.sub(x));
};
const minmax = (max: boolean, signed: boolean): LaneOp => (m, a, b) => {
  const x = m.f.let(a), y = m.f.let(b);
  return select(gt(x, y, signed), max ? x : y, max ? y : x);
};
const notWide = (name: string) => (size: Size) => size < 3 ? name : undefined;

const half = (z: Size, signed: boolean, v: V128): V128 => vop2(z, signed ? "shr_s" : "shr_u", v);
const vop2 = (z: Size, name: string, v: V128): V128 =>
  simd(`${SHAPE[z]}.${name}` as "i8x16.shr_s", v, i32(1));
/** Half the sum, rounded down or up, without a carry. */
const halves = (signed: boolean, up: boolean) => (z: Size, a: V128, b: V128): V128 =>
  up && !signed && z < 2
    ? vop(z, "avgr_u", a, b)
    : up
    ? vop(z, "sub", simd("v128.or", a, b), half(z, signed, simd("v128.xor", a, b)))
    : vop(z, "add", simd("v128.and", a, b), half(z, signed, simd("v128.xor", a, b)));
const distance = (z: Size, signed: boolean, a: V128, b: V128): V128 =>
  vop(z, "sub", vop(z, signed ? "max_s" : "max_u", a, b), vop(z, signed ? "min_s" : "min_u", a, b));
const product = (z: Size, a: V128, b: V128): V128 => {
  if (z) return vop(z, "mul", a, b);
  const even = Array.from({ length: 16 }, (_, i) => 2 * i);
  return shuffle(extendedProduct(0, false, 0, a, b), extendedProduct(0, false, 1, a, b), even);
};
/** Bytes and halfwords: what saturation changed tells QC. */
const saturatingSum =
  (subtract: boolean, signed: boolean) => (q: number, z: Size): Semantics => ({ d, n, m: b }, m) => {
    const x = m.f.let(whole(n)), y = m.f.let(whole(b)), name = subtract ? "sub" : "add";
    const r = m.f.let(vop(z, `${name}_sat_${signed ? "s" : "u"}`, x, y));
    const changed = m.f.let(simd("v128.xor", r, vop(z, name, x, y)));
    if (!q || !saturatedAny(m, changed)) {
      saturated(m, q ? simd("v128.any_true", changed) : lane("i64x2.extract_lane", changed, 0).ne(0));
    }
    put(d, q, r);
  };

// deno-fmt-ignore
const same: Late<Declaration> = late(() => [
  ...([0, 1] as const).flatMap((u) => {
    const s = u === 0, x = s ? "s" : "u";
    return [
      ...three({ name: `${x}hadd`, u, opcode: 0, sizes: SMALL, signed: s, lane: (_, a, b) => a.add(b).shrS(1), whole: halves(s, false) }),
      ...three({ name: `${x}qadd`, u, opcode: 1, sizes: SIZES, scalar: SIZES, signed: s, lane: saturating(false, s), vectors: (q, z) => z < 2 ? saturatingSum(false, s)(q, z) : undefined }),
      ...three({ name: `${x}rhadd`, u, opcode: 2, sizes: SMALL, signed: s, lane: (_, a, b) => a.add(b).add(1).shrS(1), whole: halves(s, true) }),
      ...three({ name: `${x}hsub`, u, opcode: 4, sizes: SMALL, signed: s, lane: (_, a, b) => a.sub(b).shrS(1), whole: (z, a, b) => vop(z, "sub", half(z, s, simd("v128.xor", a, b)), simd("v128.andnot", b, a)) }),
      ...three({ name: `${x}qsub`, u, opcode: 5, sizes: SIZES, scalar: SIZES, signed: s, lane: saturating(true, s), vectors: (q, z) => z < 2 ? saturatingSum(true, s)(q, z) : undefined }),
      ...three({ name: s ? "cmgt" : "cmhi", u, opcode: 6, sizes: SIZES, scalar: [3], signed: s, lane: (_, a, b) => all(gt(a, b, s)), fast: (z) => z < 3 || s ? `gt_${x}` : undefined }),
      ...three({ name: s ? "cmge" : "cmhs", u, opcode: 7, sizes: SIZES, scalar: [3], signed: s, lane: (_, a, b) => all(ge(a, b, s)), fast: (z) => z < 3 || s ? `ge_${x}` : undefined, hot: true }),
      ...three({ name: `${x}shl`, u, opcode: 8, sizes: SIZES, scalar: [3], signed: s, lane: shift(s, false, false) }),
      ...three({ name: `${x}qshl`, u, opcode: 9, sizes: SIZES, scalar: SIZES, signed: s, lane: shift(s, false, true) }),
      ...three({ name: `${x}rshl`, u, opcode: 10, sizes: SIZES, scalar: [3], signed: s, lane: shift(s, true, false) }),
      ...three({ name: `${x}qrshl`, u, opcode: 11, sizes: SIZES, scalar: SIZES, signed: s, lane: shift(s, true, true) }),
      ...three({ name: `${x}max`, u, opcode: 12, sizes: SMALL, signed: s, lane: minmax(true, s), fast: notWide(`max_${x}`) }),
      ...three({ name: `${x}min`, u, opcode: 13, sizes: SMALL, signed: s, lane: minmax(false, s), fast: notWide(`min_${x}`) }),
      ...three({ name: `${x}abd`, u, opcode: 14, sizes: SMALL, signed: s, lane: (m, a, b) => abd(a, b, m, s), whole: (z, a, b) => distance(z, s, a, b) }),
      ...three({ name: `${x}aba`, u, opcode: 15, sizes: SMALL, signed: s, reads: true, lane: (m, a, b, d) => d().add(abd(a, b, m, s)), whole: (z, a, b, d) => vop(z, "add", d, distance(z, s, a, b)) }),
    ];
  }),
  ...three({ name: "add", u: 0, opcode: 16, sizes: SIZES, scalar: [3], lane: (_, a, b) => a.add(b), fast: () => "add", hot: true }),
  ...three({ name: "sub", u: 1, opcode: 16, sizes: SIZES, scalar: [3], lane: (_, a, b) => a.sub(b), fast: () => "sub" }),
  ...three({ name: "cmtst", u: 0, opcode: 17, sizes: SIZES, scalar: [3], lane: (_, a, b) => all(a.and(b).ne(0)), whole: (z, a, b) => simd("v128.not", vop(z, "eq", simd("v128.and", a, b), v128(0n))) }),
  ...three({ name: "cmeq", u: 1, opcode: 17, sizes: SIZES, scalar: [3], lane: (_, a, b) => all(a.eq(b)), fast: () => "eq", hot: true }),
  ...three({ name: "mla", u: 0, opcode: 18, sizes: SMALL, reads: true, lane: (_, a, b, d) => d().add(a.mul(b)), whole: (z, a, b, d) => vop(z, "add", d, product(z, a, b)) }),
  ...three({ name: "mls", u: 1, opcode: 18, sizes: SMALL, reads: true, lane: (_, a, b, d) => d().sub(a.mul(b)), whole: (z, a, b, d) => vop(z, "sub", d, product(z, a, b)) }),
  ...three({ name: "mul", u: 0, opcode: 19, sizes: SMALL, lane: (_, a, b) => a.mul(b), whole: product }),
  ...three({ name: "pmul", u: 1, opcode: 19, sizes: [0], lane: (m, a, b) => polynomial(a, b, m) }),
  ...three({ name: "sqdmulh", u: 0, opcode: 22, sizes: [1, 2], scalar: [1, 2], signed: true, lane: doublingHigh(false) }),
  ...three({ name: "sqrdmulh", u: 1, opcode: 22, sizes: [1, 2], scalar: [1, 2], signed: true, lane: doublingHigh(true) }),
]);

// Bitwise.
type Bits = (n: V128, m: V128, d: () => V128) => V128;
const BITWISE: readonly (readonly [name: string, u: number, size: number, f: Bits, reads?: boolean])[] = [
  ["and", 0, 0, (n, m) => simd("v128.and", n, m)],
  ["bic", 0, 1, (n, m) => simd("v128.andnot", n, m)],
  ["orr", 0, 2, (n, m) => simd("v128.or", n, m)],
  ["orn", 0, 3, (n, m) => simd("v128.or", n, simd("v128.not", m))],
  ["eor", 1, 0, (n, m) => simd("v128.xor", n, m)],
  ["bsl", 1, 1, (n, m, d) => simd("v128.bitselect", n, m, d()), true],
  ["bit", 1, 2, (n, m, d) => simd("v128.bitselect", n, d(), m), true],
  ["bif", 1, 3, (n, m, d) => simd("v128.bitselect", d(), n, m), true],
];
const bitwise: Late<Declaration> = late(() =>
  BITWISE.flatMap(([name, u, size, f, reads]) =>
    [0, 1].flatMap((q) => {
      const T = arrangement(0, q);
      return a64(
        `0${q}${u}01110 ${bin(size, 2)} 1 mmmmm 000111 nnnnn ddddd`,
        `${name} {${reads ? "+" : "="}d/${T}}, {n/${T}}, {m/${T}}`,
        ({ d, n, m }) => put(d, q, f(whole(n), whole(m), () => whole(d))),
        { hot: q === 1 },
      );
    })
  )
);

/** Neighbours of n then m: even ones and odd ones, in the low half when q is 0. */
export function neighbours(n: V128, m: V128, size: Size, q: number): [V128, V128] {
  const bytes = 1 << size,
    half = q ? 16 : 8,
    pick = (odd: number): number[] => {
      const list: number[] = [];
      for (const base of [0, 16]) {
        for (let i = odd * bytes; i < half; i += 2 * bytes) {
          for (let b = 0; b < bytes; b++) {
            list.push(base + i + b);
          }
        }
      }
      while (list.length < 16) list.push(0);
      return list;
    };
  return [shuffle(n, m, pick(0)), shuffle(n, m, pick(1))];
}
/**
 * Pairs of lanes of 8 or 16 bits: done within lanes twice as wide, in their upper halves, and packed. Two shuffles take twice as many
 * instructions; where both registers are the same one (`umaxp v0.16b, v1.16b, v1.16b` asks whether any byte is set) V8 does it once.
 */
function pairs(x: V128, y: V128, size: 0 | 1, f: (a: V128, b: V128) => V128): V128 {
  const [left, right, bits, pack] = size
    ? ["i32x4.shl", "i32x4.shr_u", i32(16), "i16x8.narrow_i32x4_u"] as const
    : ["i16x8.shl", "i16x8.shr_u", i32(8), "i8x16.narrow_i16x8_u"] as const;
  const both = (v: V128) => simd(right, f(simd(left, v, bits), v), bits);
  return simd(pack, both(x), both(y));
}
const pairwise = (
  name: string,
  u: number,
  opcode: number,
  f: (size: Size, a: V128, b: V128) => V128,
  sizes: readonly Size[],
): Declaration[] =>
  sizes.flatMap((size) =>
    (size === 3 ? [1] : [0, 1]).flatMap((q) => {
      const T = arrangement(size, q);
      return a64(
        `0${q}${u}01110 ${bin(size, 2)} 1 mmmmm ${bin(opcode, 5)} 1 nnnnn ddddd`,
        `${name} {=d/${T}}, {n/${T}}, {m/${T}}`,
        ({ d, n, m: b }, m) => {
          const x = m.f.let(whole(n)), y = m.f.let(whole(b));
          if (q && size < 2) return put(d, q, pairs(x, y, size as 0 | 1, (a, b) => f(size, a, b)));
          const [even, odd] = neighbours(x, y, size, q);
          put(d, q, f(size, even, odd));
        },
        { hot: q === 1 && size === 0 },
      );
    })
  );

/** Across lanes: all lanes folded into one. */
const across = (
  name: string,
  u: number,
  opcode: number,
  signed: boolean,
  long: boolean,
  f: (m: Machine, a: I64, b: I64) => I64,
): Declaration[] =>
  ([[0, 0], [0, 1], [1, 0], [1, 1], [2, 1]] as [Size, number][]).flatMap(([size, q]) =>
    a64(
      `0${q}${u}01110 ${bin(size, 2)} 11000 ${bin(opcode, 5)} 10 nnnnn ddddd`,
      `${name} {=d/${SCALAR[long ? size + 1 : size]}}, {n/${arrangement(size, q)}}`,
      ({ d, n }, m) => {
        const r = m.f.let(laneOf(n, size, 0, signed));
        for (let i = 1; i < (8 << q) >> size; i++) m.f.set(r, f(m, r, laneOf(n, size, i, signed)));
        putLanes(m, d, long ? size + 1 : size, [r]);
      },
    )
  );

const abs = (m: Machine, v: I64): I64 => {
  const x = m.f.let(v);
  return select(x.ltS(0), i64(0).sub(x), x);
};
const saturatedNegate = (onlyNegative: boolean) =>
  each(true, (m, a, size) => {
    const x = m.f.let(a);
    if (size < 3) {
      return clamp(m, onlyNegative ? select(x.ltS(0), i64(0).sub(x), x) : i64(0).sub(x), size, true);
    }
    const least = i64(-(2n ** 63n)), is = m.f.let(x.eq(least).extendU());
    saturated(m, is);
    const r = i64(0).sub(x).sub(is);
    return onlyNegative ? select(x.ltS(0), r, x) : r;
  });
const countLeading = (signs: boolean) =>
  each(true, (m, a, size) => {
    const bits = 8 << size, x = m.f.let(a);
    if (signs) return x.xor(x.shrS(1)).clz().sub(64 - bits + 1);
    return x.shl(64 - bits).clz().sub(0) && select(x.shl(64 - bits).eqz(), i64(bits), x.shl(64 - bits).clz());
  });
/** Bytes of each container in reverse. */
const reverse = (
  name: string,
  u: 0 | 1,
  opcode: number,
  container: number,
  sizes: readonly Size[],
): Declaration[] =>
  two(name, u, opcode, sizes, (size, q) => ({ d, n }, m) => {
    const bytes = 1 << size, x = m.f.let(whole(n));
    const order = Array.from({ length: 16 }, (_, i) => {
      const at = i & (container - 1);
      return (i - at) + (container - bytes - (at - at % bytes)) + at % bytes;
    });
    put(d, q, shuffle(x, x, order));
  });
/** The sums of neighbouring words: WebAssembly's own operations end at halfwords. */
function wordPairs(m: Machine, signed: boolean, v: V128): V128 {
  // Not by a mask: V8 builds such a constant anew from three instructions.
  const x = m.f.let(v), right = `i64x2.shr_${signed ? "s" : "u"}` as const;
  return simd("i64x2.add", simd(right, simd("i64x2.shl", x, i32(32)), i32(32)), simd(right, x, i32(32)));
}
/** The sums of neighbours, wider. */
const pairLong = (
  name: string,
  u: 0 | 1,
  opcode: number,
  signed: boolean,
  accumulate: boolean,
): Declaration[] =>
  SMALL.flatMap((size) =>
    [0, 1].flatMap((q) =>
      a64(
        `0${q}${u}01110 ${bin(size, 2)} 10000 ${bin(opcode, 5)} 10 nnnnn ddddd`,
        `${name} {${accumulate ? "+" : "="}d/${arrangement(size + 1, q)}}, {n/${arrangement(size, q)}}`,
        ({ d, n }, m) => {
          const wide = (size + 1) as Size;
          const sums = size < 2
            ? vop(wide, `extadd_pairwise_${SHAPE[size]}_${signed ? "s" : "u"}`, whole(n))
            : wordPairs(m, signed, whole(n));
          put(d, q, accumulate ? vop(wide, "add", whole(d), sums) : sums);
        },
      )
    )
  );
/** Narrowing: xtn and the saturating ones; the second form writes the upper half. */
const narrow = (
  name: string,
  u: 0 | 1,
  opcode: number,
  f: (m: Machine, n: Operand, size: Size, i: number) => I64,
  scalar = true,
): Declaration[] =>
  SMALL.flatMap((size) => [
    ...[0, 1].flatMap((q) =>
      a64(
        `0${q}${u}01110 ${bin(size, 2)} 10000 ${bin(opcode, 5)} 10 nnnnn ddddd`,
        `${name}${q ? "2" : ""} {+d/${arrangement(size, q)}}, {n/${arrangement(size + 1, 1)}}`,
        ({ d, n }, m) => {
          if (name === "xtn") return narrowed(d, size, whole(n), q === 1);
          putLanes(m, d, size, Array.from({ length: 8 >> size }, (_, i) => f(m, n, size, i)), q === 1);
        },
      )
    ),
    ...(scalar
      ? a64(
        `01${u}11110 ${bin(size, 2)} 10000 ${bin(opcode, 5)} 10 nnnnn ddddd`,
        `${name} {=d/${SCALAR[size]}}, {n/${SCALAR[size + 1]}}`,
        ({ d, n }, m) => putLanes(m, d, size, [f(m, n, size, 0)]),
      )
      : []),
  ]);
/** 64-bit values clamped without overflow of the comparison: unsigned sources may be beyond 2^63. */
const clampUnsigned = (m: Machine, v: I64, size: Size): I64 => {
  const x = m.f.let(v), max = i64(2n ** BigInt(8 << size) - 1n), r = m.f.let(select(x.gtU(max), max, x));
  saturated(m, r.xor(x));
  return r;
};
/** suqadd (signed + unsigned) and usqadd. */
const mixedAdd = (unsigned: boolean) => (size: Size, _q: number, count: number): Semantics => ({ d, n }, m) =>
  putLanes(
    m,
    d,
    size,
    Array.from({ length: count }, (_, i) => {
      const a = m.f.let(laneOf(d, size, i, !unsigned)), b = m.f.let(laneOf(n, size, i, unsigned));
      if (size < 3) return clamp(m, a.add(b), size, !unsigned);
      const r = m.f.let(a.add(b)), over = m.f.local("i64");
      if (unsigned) {
        // a unsigned, b signed.
        m.f.set(over, select(b.ltS(0), r.gtU(a).extendU(), r.ltU(a).extendU()));
        m.f.if(over.ne(0), () => m.f.set(r, select(b.ltS(0), i64(0), i64(-1))));
      } else {
        // a signed, b unsigned: only upwards, when b is more than there is room above a.
        m.f.set(over, b.gtU(i64(0x7fffffffffffffffn).sub(a)).extendU());
        m.f.if(over.ne(0), () => m.f.set(r, i64(0x7fffffffffffffffn)));
      }
      saturated(m, over);
      return r;
    }),
  );

// deno-fmt-ignore
const others: Late<Declaration> = late(() => [
  ...pairwise("addp", 0, 23, (z, a, b) => vop(z, "add", a, b), SIZES),
  ...([0, 1] as const).flatMap((u) => { const x = u ? "u" : "s"; return [
    ...pairwise(`${x}maxp`, u, 20, (z, a, b) => vop(z, `max_${x}`, a, b), SMALL),
    ...pairwise(`${x}minp`, u, 21, (z, a, b) => vop(z, `min_${x}`, a, b), SMALL),
    ...across(`${x}addlv`, u, 3, !u, true, (_, a, b) => a.add(b)),
    ...across(`${x}maxv`, u, 10, !u, false, (m, a, b) => minmax(true, !u)(m, a, b, () => a, 0)),
    ...across(`${x}minv`, u, 26, !u, false, (m, a, b) => minmax(false, !u)(m, a, b, () => a, 0)),
    ...pairLong(`${x}addlp`, u, 2, !u, false),
    ...pairLong(`${x}adalp`, u, 6, !u, true),
  ]; }),
  ...across("addv", 0, 27, false, false, (_, a, b) => a.add(b)),
  ...a64("0101111011110001101110 nnnnn ddddd", "addp {=d/d}, {n/2d}", ({ d, n }, m) => putLanes(m, d, 3, [laneOf(n, 3, 0).add(laneOf(n, 3, 1))])),
  ...reverse("rev64", 0, 0, 8, SMALL),
  ...reverse("rev32", 1, 0, 4, [0, 1]),
  ...reverse("rev16", 0, 1, 2, [0]),
  ...two("cls", 0, 4, SMALL, countLeading(true)),
  ...two("clz", 1, 4, SMALL, countLeading(false)),
  ...two("cnt", 0, 5, [0], (_z, q) => ({ d, n }) => put(d, q, simd("i8x16.popcnt", whole(n)))),
  ...two("not", 1, 5, [0], (_z, q) => ({ d, n }) => put(d, q, simd("v128.not", whole(n)))),
  ...[0, 1].flatMap((q) => a64(`0${q}10111001 10000 00101 10 nnnnn ddddd`, `rbit {=d/${arrangement(0, q)}}, {n/${arrangement(0, q)}}`, ({ d, n }, m) => putLanes(m, d, 3, Array.from({ length: 1 + q }, (_, i) => {
    let v: I64 = laneOf(n, 3, i);
    for (const [s, mask] of [[1, 0x5555555555555555n], [2, 0x3333333333333333n], [4, 0x0f0f0f0f0f0f0f0fn]] as const) { const x = m.f.let(v); v = x.shrU(s).and(i64(mask)).or(x.and(i64(mask)).shl(s)); }
    return v;
  })))),
  ...two("suqadd", 0, 3, SIZES, mixedAdd(false), SIZES),
  ...two("usqadd", 1, 3, SIZES, mixedAdd(true), SIZES),
  ...two("sqabs", 0, 7, SIZES, saturatedNegate(true), SIZES),
  ...two("sqneg", 1, 7, SIZES, saturatedNegate(false), SIZES),
  ...two("cmgt", 0, 8, SIZES, (z, q) => ({ d, n }) => put(d, q, vop(z, "gt_s", whole(n), v128(0n))), [], ", #0"),
  ...two("cmgt", 0, 8, [], each(true, (_, a) => all(a.gtS(0))), [3], ", #0"),
  ...two("cmge", 1, 8, SIZES, (z, q) => ({ d, n }) => put(d, q, vop(z, "ge_s", whole(n), v128(0n))), [], ", #0"),
  ...two("cmge", 1, 8, [], each(true, (_, a) => all(a.geS(0))), [3], ", #0"),
  ...two("cmeq", 0, 9, SIZES, (z, q) => ({ d, n }) => put(d, q, vop(z, "eq", whole(n), simd("i64x2.splat", i64(0)))), [], ", #0"),
  ...a64("0101111011100000100110 nnnnn ddddd", "cmeq {=d/d}, {n/d}, #0", ({ d, n }, m) => putLanes(m, d, 3, [all(laneOf(n, 3, 0).eqz())])),
  ...two("cmle", 1, 9, SIZES, (z, q) => ({ d, n }) => put(d, q, vop(z, "le_s", whole(n), v128(0n))), [], ", #0"),
  ...two("cmle", 1, 9, [], each(true, (_, a) => all(a.leS(0))), [3], ", #0"),
  ...two("cmlt", 0, 10, SIZES, (z, q) => ({ d, n }) => put(d, q, vop(z, "lt_s", whole(n), v128(0n))), [], ", #0"),
  ...two("cmlt", 0, 10, [], each(true, (_, a) => all(a.ltS(0))), [3], ", #0"),
  ...two("abs", 0, 11, SIZES, (z, q) => ({ d, n }) => put(d, q, vop(z, "abs", whole(n)))),
  ...two("abs", 0, 11, [], each(true, (m, a) => abs(m, a)), [3]),
  ...two("neg", 1, 11, SIZES, (z, q) => ({ d, n }) => put(d, q, vop(z, "neg", whole(n)))),
  ...two("neg", 1, 11, [], each(false, (_, a) => i64(0).sub(a)), [3]),
  ...narrow("xtn", 0, 18, (_m, n, z, i) => laneOf(n, z + 1, i), false),
  ...narrow("sqxtun", 1, 18, (m, n, z, i) => clamp(m, laneOf(n, z + 1, i, true), z, false)),
  ...narrow("sqxtn", 0, 20, (m, n, z, i) => clamp(m, laneOf(n, z + 1, i, true), z, true)),
  ...narrow("uqxtn", 1, 20, (m, n, z, i) => clampUnsigned(m, laneOf(n, z + 1, i), z)),
  ...SMALL.flatMap((z) => [0, 1].flatMap((q) => a64(`0${q}101110 ${bin(z, 2)} 10000 10011 10 nnnnn ddddd`, `shll${q ? 2 : ""} {=d/${arrangement(z + 1, 1)}}, {n/${arrangement(z, q)}}, #${8 << z}`, ({ d, n }, m) =>
    putLanes(m, d, z + 1, Array.from({ length: 8 >> z }, (_, i) => laneOf(n, z, i + (q ? 8 >> z : 0)).shl(8 << z)))))),
]);

// Three different: long, wide and high-narrow forms.
type Long = (m: Machine, a: I64, b: I64, d: () => I64, z: Size) => I64;
const long = (
  name: string,
  u: number,
  opcode: number,
  signed: boolean,
  sizes: readonly Size[],
  f: Long,
  reads = false,
  wide = false,
  all?: (z: Size, n: V128, m: V128, q: number, d: V128) => V128,
): Declaration[] =>
  sizes.flatMap((z) =>
    [0, 1].flatMap((q) => {
      const at = q ? 8 >> z : 0, T = arrangement(z + 1, 1), t = arrangement(z, q);
      return a64(
        `0${q}${u}01110 ${bin(z, 2)} 1 mmmmm ${bin(opcode, 4)} 00 nnnnn ddddd`,
        `${name}${q ? 2 : ""} {${reads ? "+" : "="}d/${T}}, {n/${wide ? T : t}}, {m/${t}}`,
        ({ d, n, m: b }, m) => {
          if (all) return d.store("v128.store", all(z, m.f.let(whole(n)), m.f.let(whole(b)), q, whole(d)));
          putLanes(
            m,
            d,
            z + 1,
            Array.from({ length: 8 >> z }, (_, i) =>
              f(
                m,
                wide ? laneOf(n, z + 1, i) : laneOf(n, z, i + at, signed),
                laneOf(b, z, i + at, signed),
                () => laneOf(d, z + 1, i, true),
                z,
              )),
          );
        },
      );
    })
  );
/** 2 * a * b, saturated: only the least times itself overflows. */
export const doubled = (m: Machine, a: I64, b: I64, z: Size): I64 => {
  const p = m.f.let(a.mul(b));
  if (z === 1) return clamp(m, p.shl(1), 2, true);
  const over = m.f.let(p.eq(i64(2n ** 62n)).extendU());
  saturated(m, over);
  return p.shl(1).sub(over);
};
export const accumulate = (m: Machine, a: I64, b: I64, subtract: boolean, z: Size): I64 =>
  saturating(subtract, true)(m, a, b, () => a, (z + 1) as Size);
const highNarrow = (
  name: string,
  u: number,
  opcode: number,
  subtract: boolean,
  rounding: boolean,
): Declaration[] =>
  SMALL.flatMap((z) =>
    [0, 1].flatMap((q) => {
      const bits = 8 << z, T = arrangement(z + 1, 1);
      return a64(
        `0${q}${u}01110 ${bin(z, 2)} 1 mmmmm ${bin(opcode, 4)} 00 nnnnn ddddd`,
        `${name}${q ? 2 : ""} {+d/${arrangement(z, q)}}, {n/${T}}, {m/${T}}`,
        ({ d, n, m: b }, m) =>
          putLanes(
            m,
            d,
            z,
            Array.from({ length: 8 >> z }, (_, i) => {
              const x = laneOf(n, z + 1, i), y = laneOf(b, z + 1, i);
              const r = subtract ? x.sub(y) : x.add(y);
              return (rounding ? r.add(i64(2 ** (bits - 1))) : r).shrU(bits);
            }),
            q === 1,
          ),
      );
    })
  );
// deno-fmt-ignore
const different: Late<Declaration> = late(() => [
  ...([0, 1] as const).flatMap((u) => { const s = u === 0, x = s ? "s" : "u"; return [
    ...long(`${x}addl`, u, 0, s, SMALL, (_, a, b) => a.add(b), false, false, (z, a, b, q) => vop((z + 1) as Size, "add", extended(z, s, q, a), extended(z, s, q, b))),
    ...long(`${x}addw`, u, 1, s, SMALL, (_, a, b) => a.add(b), false, true, (z, a, b, q) => vop((z + 1) as Size, "add", a, extended(z, s, q, b))),
    ...long(`${x}subl`, u, 2, s, SMALL, (_, a, b) => a.sub(b), false, false, (z, a, b, q) => vop((z + 1) as Size, "sub", extended(z, s, q, a), extended(z, s, q, b))),
    ...long(`${x}subw`, u, 3, s, SMALL, (_, a, b) => a.sub(b), false, true, (z, a, b, q) => vop((z + 1) as Size, "sub", a, extended(z, s, q, b))),
    ...long(`${x}abal`, u, 5, s, SMALL, (m, a, b, d) => d().add(abd(a, b, m, s)), true),
    ...long(`${x}abdl`, u, 7, s, SMALL, (m, a, b) => abd(a, b, m, s)),
    ...long(`${x}mlal`, u, 8, s, SMALL, (_, a, b, d) => d().add(a.mul(b)), true, false, (z, a, b, q, d) => vop((z + 1) as Size, "add", d, extendedProduct(z, s, q, a, b))),
    ...long(`${x}mlsl`, u, 10, s, SMALL, (_, a, b, d) => d().sub(a.mul(b)), true, false, (z, a, b, q, d) => vop((z + 1) as Size, "sub", d, extendedProduct(z, s, q, a, b))),
    ...long(`${x}mull`, u, 12, s, SMALL, (_, a, b) => a.mul(b), false, false, (z, a, b, q) => extendedProduct(z, s, q, a, b)),
  ]; }),
  ...long("sqdmlal", 0, 9, true, [1, 2], (m, a, b, d, z) => accumulate(m, d(), doubled(m, a, b, z), false, z), true),
  ...long("sqdmlsl", 0, 11, true, [1, 2], (m, a, b, d, z) => accumulate(m, d(), doubled(m, a, b, z), true, z), true),
  ...long("sqdmull", 0, 13, true, [1, 2], (m, a, b, _d, z) => doubled(m, a, b, z)),
  ...([["sqdmlal", 9, 1], ["sqdmlsl", 11, 2], ["sqdmull", 13, 0]] as const).flatMap(([name, opcode, acc]) => ([1, 2] as Size[]).flatMap((z) =>
    a64(`01011110 ${bin(z, 2)} 1 mmmmm ${bin(opcode, 4)} 00 nnnnn ddddd`, `${name} {+d/${SCALAR[z + 1]}}, {n/${SCALAR[z]}}, {m/${SCALAR[z]}}`, ({ d, n, m: b }, m) => {
      const p = doubled(m, laneOf(n, z, 0, true), laneOf(b, z, 0, true), z);
      putLanes(m, d, z + 1, [acc ? accumulate(m, laneOf(d, z + 1, 0, true), p, acc === 2, z) : p]);
    }))),
  ...long("pmull", 0, 14, false, [0], (m, a, b) => polynomial(a, b, m)),
  ...highNarrow("addhn", 0, 4, false, false),
  ...highNarrow("raddhn", 1, 4, false, true),
  ...highNarrow("subhn", 0, 6, true, false),
  ...highNarrow("rsubhn", 1, 6, true, true),
]);

export const simdInteger: readonly Late<Declaration>[] = [same, bitwise, others, different];
