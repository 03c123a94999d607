/** Advanced SIMD: copies, permutations, tables, immediates, shifts by immediates, structures in memory. */
// cold: constants of the generated code
import {
  type I32,
  type I64,
  i64,
  type Int,
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
import { STATE } from "../state.ts";
import {
  arrangement,
  bin,
  clamp,
  laneOf,
  LOAD_U,
  narrowed,
  put,
  putLanes,
  roundedRight,
  saturated,
  SCALAR,
  shiftLeft,
  shiftRight,
  type Size,
  SIZES,
  STORE,
  vop,
  whole,
} from "./vector.ts";

/** imm5 of copies: the lowest one tells the size, the index is above it. */
const imm5 = (z: number, letter = "i"): string => letter.repeat(4 - z) + "1" + "0".repeat(z);
/** Index operand as bytes: computed lane addresses are by the index's value. */
const atIndex = (m: Machine, o: Operand, index: Operand, z: number): I64 => {
  const fixed = index.read().constant;
  if (fixed !== undefined) return o.load(LOAD_U[z] as "i64.load", Number(fixed) << z);
  const at = m.f.let(o.index.shl(1).add(index.read().wrap().shl(z)));
  return m.stateAt(LOAD_U[z] as "i64.load", at, STATE.v);
};
const putIndex = (m: Machine, d: Operand, index: Operand, z: number, v: I64): void => {
  const name = STORE[z] as "i64.store", fixed = index.read().constant;
  if (fixed !== undefined) return d.store(name, v, Number(fixed) << z);
  m.setStateAt(name, m.f.let(d.index.shl(1).add(index.read().wrap().shl(z))), STATE.v, v);
};
const splat = (z: number, v: I64): V128 =>
  z === 3
    ? simd("i64x2.splat", v)
    : simd((["i8x16.splat", "i16x8.splat", "i32x4.splat"] as const)[z], v.wrap());

// deno-fmt-ignore
const copies: Late<Declaration> = late(() => SIZES.flatMap((z) => [
  ...(z === 3 ? [1] : [0, 1]).flatMap((q) => [
    ...a64(`0${q}001110000 ${imm5(z)} 000001 nnnnn ddddd`, `dup {=d/${arrangement(z, q)}}, {n/v${SCALAR[z]}}[{i/i0}]`, ({ d, n, i }, m) => put(d, q, splat(z, atIndex(m, n, i, z)))),
    ...a64(`0${q}001110000 ${imm5(z, "-")} 000011 nnnnn ddddd`, `dup {=d/${arrangement(z, q)}}, {n/${z === 3 ? "x" : "w"}}`, ({ d, n }) => put(d, q, splat(z, n.read().extendU())), { hot: q === 1 }),
  ]),
  ...a64(`01011110000 ${imm5(z)} 000001 nnnnn ddddd`, `dup {=d/${SCALAR[z]}}, {n/v${SCALAR[z]}}[{i/i0}]`, ({ d, n, i }, m) => putLanes(m, d, z, [atIndex(m, n, i, z)])),
  ...a64(`0${z === 3 ? 1 : 0}001110000 ${imm5(z)} 001111 nnnnn ddddd`, `umov {=d/${z === 3 ? "x" : "w"}}, {n/v${SCALAR[z]}}[{i/i0}]`, ({ d, n, i }, m) => { const v = atIndex(m, n, i, z); d.write((z === 3 ? v : v.wrap()) as Int); }),
  ...(z < 3 ? [0, 1] : []).filter((q) => z < 2 || q).flatMap((q) =>
    a64(`0${q}001110000 ${imm5(z)} 001011 nnnnn ddddd`, `smov {=d/${q ? "x" : "w"}}, {n/v${SCALAR[z]}}[{i/i0}]`, ({ d, n, i }, m) => {
      const v = atIndex(m, n, i, z), s = z === 0 ? v.extend8S() : z === 1 ? v.extend16S() : v.extend32S();
      d.write((q ? s : s.wrap()) as Int);
    })),
  ...a64(`01001110000 ${imm5(z)} 000111 nnnnn ddddd`, `ins {+d/v${SCALAR[z]}}[{i/i0}], {n/${z === 3 ? "x" : "w"}}`, ({ d, n, i }, m) =>
    putIndex(m, d, i, z, n.read().extendU())),
  ...a64(`01101110000 ${imm5(z)} 0 ${"j".repeat(4 - z)}${"-".repeat(z)} 1 nnnnn ddddd`, `ins {+d/v${SCALAR[z]}}[{i/i0}], {n/v${SCALAR[z]}}[{j/i1}]`, ({ d, n, i, j }, m) => {
    const v = m.f.let(atIndex(m, n, j, z));
    putIndex(m, d, i, z, v);
  }),
]));

/** zip, uzp, trn: lane i of the result is this lane of n:m. */
const PERMUTATIONS:
  readonly (readonly [name: string, opcode: string, f: (i: number, n: number) => number])[] = [
    ["uzp1", "001", (i) => 2 * i],
    ["trn1", "010", (i, n) => i & 1 ? n + i - 1 : i],
    ["zip1", "011", (i, n) => (i & 1 ? n : 0) + (i >> 1)],
    ["uzp2", "101", (i) => 2 * i + 1],
    ["trn2", "110", (i, n) => i & 1 ? n + i : i + 1],
    ["zip2", "111", (i, n) => (i & 1 ? n : 0) + (n >> 1) + (i >> 1)],
  ];
const permutations: Late<Declaration> = late(() =>
  PERMUTATIONS.flatMap(([name, opcode, f]) =>
    SIZES.flatMap((z) =>
      (z === 3 ? [1] : [0, 1]).flatMap((q) => {
        const T = arrangement(z, q), count = (8 << q) >> z, bytes = 1 << z;
        const order = Array.from({ length: 16 }, (_, b) => {
          const lane = f(b >> z, count);
          if (b >> z >= count) return 0;
          return (lane >= count ? 16 + (lane - count) * bytes : lane * bytes) + b % bytes;
        });
        return a64(
          `0${q}001110 ${bin(z, 2)} 0 mmmmm 0${opcode}10 nnnnn ddddd`,
          `${name} {=d/${T}}, {n/${T}}, {m/${T}}`,
          ({ d, n, m }) => put(d, q, shuffle(whole(n), whole(m), order)),
        );
      })
    )
  )
);

const scratchBytes = 1024;
/** ext: bytes from i on of n:m, through memory. */
const ext = (q: number): Semantics => ({ d, n, m: b, i }, m) => {
  const fixed = i.read().constant;
  if (fixed !== undefined) {
    const order = Array.from({ length: 16 }, (_, k) => (k + Number(fixed)) % (q ? 32 : 16));
    // Half a register: the low halves of both, one after the other.
    const from = order.map((k) => q || k < 8 ? k : k + 8);
    return put(d, q, shuffle(whole(n), whole(b), from));
  }
  const at = m.f.let(i.read().wrap());
  const a = m.f.let(whole(n)), c = m.f.let(whole(b));
  m.setState("v128.store", scratchBytes, a);
  m.setState("v128.store", scratchBytes + (q ? 16 : 8), c);
  put(d, q, m.stateAt("v128.load", at, scratchBytes));
};
/** tbl, tbx: up to four consecutive registers, wrapping at v31. */
const table = (q: number, count: number, keep: boolean): Semantics => ({ d, n, m: b }, m) => {
  const { f } = m, indices = f.let(whole(b)), r = f.let(keep ? whole(d) : simd("i64x2.splat", i64(0)));
  for (let k = 0; k < count; k++) {
    const reg = k === 0 ? whole(n) : m.stateAt("v128.load", n.index.shl(1).add(16 * k).and(511), STATE.v);
    const local = f.let(simd("i8x16.sub", indices, simd("i8x16.splat", f.let(i64(16 * k)).wrap())));
    const found = simd("i8x16.swizzle", reg, local);
    if (keep) {
      f.set(
        r,
        simd("v128.bitselect", found, r, simd("i8x16.lt_u", local, simd("i8x16.splat", i64(16).wrap()))),
      );
    } else f.set(r, simd("v128.or", r, found));
  }
  put(d, q, r);
};

/** Modified immediates. */
const immediate: Late<Declaration> = late(() =>
  [0, 1].flatMap((q) => {
    const out: Declaration[] = [];
    const decl = (op: number, cmode: string, text: string, semantics: Semantics) =>
      out.push(
        ...a64(`0${q}${op}0111100000 iii ${cmode} 01 iiiii ddddd`, text, semantics, {
          hot: q === 1 && text.startsWith("movi"),
        }),
      );
    const value = (i: Operand): V128 => simd("i64x2.splat", i.read() as I64);
    const mov: Semantics = ({ d, i }) => put(d, q, value(i)),
      mvn: Semantics = ({ d, i }) => put(d, q, simd("v128.not", value(i)));
    const orr: Semantics = ({ d, i }) => put(d, q, simd("v128.or", whole(d), value(i))),
      bic: Semantics = ({ d, i }) => put(d, q, simd("v128.andnot", whole(d), value(i)));
    const s = arrangement(2, q), h = arrangement(1, q), b = arrangement(0, q);
    for (let k = 0; k < 4; k++) {
      const c = bin(k, 2);
      decl(0, `0${c}0`, `movi {=d/${s}}, #{i/vector}, lsl #${8 * k}`, mov),
        decl(1, `0${c}0`, `mvni {=d/${s}}, #{i/vector}, lsl #${8 * k}`, mvn);
      decl(0, `0${c}1`, `orr {+d/${s}}, #{i/vector}, lsl #${8 * k}`, orr),
        decl(1, `0${c}1`, `bic {+d/${s}}, #{i/vector}, lsl #${8 * k}`, bic);
    }
    for (const k of [0, 1]) {
      decl(0, `10${k}0`, `movi {=d/${h}}, #{i/vector}, lsl #${8 * k}`, mov),
        decl(1, `10${k}0`, `mvni {=d/${h}}, #{i/vector}, lsl #${8 * k}`, mvn);
      decl(0, `10${k}1`, `orr {+d/${h}}, #{i/vector}, lsl #${8 * k}`, orr),
        decl(1, `10${k}1`, `bic {+d/${h}}, #{i/vector}, lsl #${8 * k}`, bic);
      decl(0, `110${k}`, `movi {=d/${s}}, #{i/vector}, msl #${8 << k}`, mov),
        decl(1, `110${k}`, `mvni {=d/${s}}, #{i/vector}, msl #${8 << k}`, mvn);
    }
    decl(0, "1110", `movi {=d/${b}}, #{i/vector}`, mov);
    decl(1, "1110", q ? "movi {=d/2d}, #{i/vector}" : "movi {=d/d}, #{i/vector}", mov);
    decl(0, "1111", `fmov {=d/${s}}, #{i/vector}`, mov);
    if (q) decl(1, "1111", "fmov {=d/2d}, #{i/vector}", mov);
    return out;
  })
);

// Shifts by immediates. `a` is what follows the size's one in immh:immb: left a, right esize - a.
const immh = (z: number): string => "0".repeat(3 - z) + "1" + "a".repeat(3 + z);
type Shift = (m: Machine, v: I64, a: I64, z: Size, d: () => I64) => I64;
/** v >> (bits - a), also by the full width: bits - 1 - a, then 1. */
const right = (v: I64, a: I64, z: number, signed: boolean): I64 => {
  const n = i64((8 << z) - 1).sub(a);
  return signed ? v.shrS(n).shrS(1) : v.shrU(n).shrU(1);
};
const rounded = (m: Machine, v: I64, a: I64, z: number, signed: boolean): I64 => {
  const n = i64((8 << z) - 1).sub(a), x = m.f.let(signed ? v.shrS(n) : v.shrU(n));
  return (signed ? x.shrS(1) : x.shrU(1)).add(x.and(1));
};
function shifts(
  name: string,
  u: number,
  opcode: number,
  signed: boolean,
  f: Shift,
  scalar: readonly Size[],
  reads = false,
  all?: (m: Machine, v: V128, a: I32, z: Size, d: V128) => V128,
): Declaration[] {
  const body = (z: Size, count: number, vector = false): Semantics => ({ d, n, a }, m) => {
    if (all && vector) {
      return put(d, count << z === 16 ? 1 : 0, all(m, whole(n), a.read().wrap(), z, whole(d)));
    }
    const amount = m.f.let(a.read().wrap().extendU());
    putLanes(
      m,
      d,
      z,
      Array.from(
        { length: count },
        (_, i) => f(m, laneOf(n, z, i, signed), amount, z, () => laneOf(d, z, i, signed)),
      ),
    );
  };
  const sign = reads ? "+" : "=";
  return [
    ...SIZES.flatMap((z) =>
      (z === 3 ? [1] : [0, 1]).flatMap((q) => {
        const T = arrangement(z, q);
        return a64(
          `0${q}${u}011110 ${immh(z)} ${bin(opcode, 5)} 1 nnnnn ddddd`,
          `${name} {${sign}d/${T}}, {n/${T}}, #{a/i0}`,
          body(z, (8 << q) >> z, true),
        );
      })
    ),
    ...scalar.flatMap((z) =>
      a64(
        `01${u}111110 ${immh(z)} ${bin(opcode, 5)} 1 nnnnn ddddd`,
        `${name} {${sign}d/${SCALAR[z]}}, {n/${SCALAR[z]}}, #{a/i0}`,
        body(z, 1),
      )
    ),
  ];
}
/** Left with saturation: what comes back must be the value. */
const saturatingLeft = (from: boolean, to: boolean): Shift => (m, v0, a, z) => {
  const { f } = m, bits = 8 << z, v = f.let(v0);
  const max = to ? i64(2n ** BigInt(bits - 1) - 1n) : i64(2n ** BigInt(bits) - 1n & 0xffffffffffffffffn);
  const shifted = f.let(v.shl(a));
  const back = z === 3
    ? shifted
    : to
    ? shifted.shl(64 - bits).shrS(64 - bits)
    : shifted.and(i64(2n ** BigInt(bits) - 1n));
  const ok = f.let((to ? back.shrS(a) : back.shrU(a)).eq(v));
  if (from && !to) f.set(ok, ok.and(v.geS(0)));
  f.if(ok.eqz(), () => {
    f.set(shifted, to ? v.shrS(63).xor(max) : from ? select(v.ltS(0), i64(0), max) : max);
    saturated(m, i64(1));
  });
  return shifted;
};
/** Narrowing right shifts: from z + 1 to z. */
const narrowing = (
  name: string,
  u: number,
  opcode: number,
  f: (m: Machine, n: Operand, a: I64, z: Size, i: number) => I64,
  scalar = true,
): Declaration[] =>
  ([0, 1, 2] as Size[]).flatMap((z) => [
    ...[0, 1].flatMap((q) =>
      a64(
        `0${q}${u}011110 ${immh(z)} ${bin(opcode, 5)} 1 nnnnn ddddd`,
        `${name}${q ? 2 : ""} {+d/${arrangement(z, q)}}, {n/${arrangement(z + 1, 1)}}, #{a/i0}`,
        ({ d, n, a }, m) => {
          const by = a.read().wrap(), w = (z + 1) as Size;
          // The amount is what is missing to the narrow lane's bits.
          const inWide = by.add(8 << z);
          if (name === "shrn") return narrowed(d, z, shiftRight(w, false, whole(n), inWide), q === 1);
          if (name === "rshrn") return narrowed(d, z, roundedRight(m, w, false, whole(n), inWide), q === 1);
          const amount = m.f.let(a.read().wrap().extendU());
          putLanes(m, d, z, Array.from({ length: 8 >> z }, (_, i) => f(m, n, amount, z, i)), q === 1);
        },
        { hot: name === "shrn" && q === 0 },
      )
    ),
    ...(scalar
      ? a64(
        `01${u}111110 ${immh(z)} ${bin(opcode, 5)} 1 nnnnn ddddd`,
        `${name} {=d/${SCALAR[z]}}, {n/${SCALAR[z + 1]}}, #{a/i0}`,
        ({ d, n, a }, m) => putLanes(m, d, z, [f(m, n, m.f.let(a.read().wrap().extendU()), z, 0)]),
      )
      : []),
  ]);
/** v >> n of a wide lane, n = bits of the narrow one - a. */
const wideRight = (
  m: Machine,
  n: Operand,
  a: I64,
  z: Size,
  i: number,
  signed: boolean,
  round: boolean,
): I64 => {
  const v = laneOf(n, z + 1, i, signed);
  return round ? rounded(m, v, a, z, signed) : right(v, a, z, signed);
};
const unsignedClamp = (m: Machine, v: I64, z: Size): I64 => {
  const x = m.f.let(v), max = i64(2n ** BigInt(8 << z) - 1n), r = m.f.let(select(x.gtU(max), max, x));
  saturated(m, r.xor(x));
  return r;
};
const S64: readonly Size[] = [3];
// deno-fmt-ignore
const shiftings: Late<Declaration> = late(() => [
  ...([0, 1] as const).flatMap((u) => { const s = u === 0, x = s ? "s" : "u"; return [
    ...shifts(`${x}shr`, u, 0, s, (_, v, a, z) => right(v, a, z, s), S64, false, (_, v, a, z) => shiftRight(z, s, v, a)),
    ...shifts(`${x}sra`, u, 2, s, (_, v, a, z, d) => d().add(right(v, a, z, s)), S64, true, (_, v, a, z, d) => vop(z, "add", d, shiftRight(z, s, v, a))),
    ...shifts(`${x}rshr`, u, 4, s, (m, v, a, z) => rounded(m, v, a, z, s), S64, false, (m, v, a, z) => roundedRight(m, z, s, v, a)),
    ...shifts(`${x}rsra`, u, 6, s, (m, v, a, z, d) => d().add(rounded(m, v, a, z, s)), S64, true, (m, v, a, z, d) => vop(z, "add", d, roundedRight(m, z, s, v, a))),
    ...shifts(`${x}qshl`, u, 14, s, saturatingLeft(s, s), SIZES),
    ...([0, 1, 2] as Size[]).flatMap((z) => [0, 1].flatMap((q) => a64(`0${q}${u}011110 ${immh(z)} 101001 nnnnn ddddd`, `${x}shll${q ? 2 : ""} {=d/${arrangement(z + 1, 1)}}, {n/${arrangement(z, q)}}, #{a/i0}`, ({ d, n, a }, m) => {
      const v = simd(`${["i16x8.extend", "i32x4.extend", "i64x2.extend"][z]}_${q ? "high" : "low"}_${["i8x16", "i16x8", "i32x4"][z]}_${x}` as "i16x8.extend_low_i8x16_s", whole(n));
      d.store("v128.store", simd(`${["i16x8", "i32x4", "i64x2"][z]}.shl` as "i16x8.shl", v, a.read().wrap()));
      void m;
    }))),
  ]; }),
  ...shifts("sri", 1, 8, false, (_m, v, a, z, d) => { const n = i64((8 << z) - 1).sub(a), ones = z === 3 ? i64(-1) : i64(2n ** BigInt(8 << z) - 1n), mask = ones.shrU(n).shrU(1); return d().and(mask.not()).or(v.shrU(n).shrU(1)); }, S64, true, (_, v, a, z, d) => simd("v128.bitselect", shiftRight(z, false, v, a), d, shiftRight(z, false, v128(-1n), a))),
  ...shifts("shl", 0, 10, false, (_, v, a) => v.shl(a), S64, false, (_, v, a, z) => shiftLeft(z, v, a)),
  ...shifts("sli", 1, 10, false, (_, v, a, _z, d) => d().and(i64(-1).shl(a).not()).or(v.shl(a)), S64, true, (_, v, a, z, d) => simd("v128.bitselect", shiftLeft(z, v, a), d, shiftLeft(z, v128(-1n), a))),
  ...shifts("sqshlu", 1, 12, true, saturatingLeft(true, false), SIZES),
  ...narrowing("shrn", 0, 16, (m, n, a, z, i) => wideRight(m, n, a, z, i, false, false), false),
  ...narrowing("rshrn", 0, 17, (m, n, a, z, i) => wideRight(m, n, a, z, i, false, true), false),
  ...narrowing("sqshrn", 0, 18, (m, n, a, z, i) => clamp(m, wideRight(m, n, a, z, i, true, false), z, true)),
  ...narrowing("sqrshrn", 0, 19, (m, n, a, z, i) => clamp(m, wideRight(m, n, a, z, i, true, true), z, true)),
  ...narrowing("sqshrun", 1, 16, (m, n, a, z, i) => clamp(m, wideRight(m, n, a, z, i, true, false), z, false)),
  ...narrowing("sqrshrun", 1, 17, (m, n, a, z, i) => clamp(m, wideRight(m, n, a, z, i, true, true), z, false)),
  ...narrowing("uqshrn", 1, 18, (m, n, a, z, i) => unsignedClamp(m, wideRight(m, n, a, z, i, false, false), z)),
  ...narrowing("uqrshrn", 1, 19, (m, n, a, z, i) => unsignedClamp(m, wideRight(m, n, a, z, i, false, true), z)),
]);

// Structures: registers t, t+1, ... (wrapping at v31) and lanes in turn.
const registerAt = (t: Operand, k: number, byte: number): I32 =>
  t.index.shl(1).add(16 * k).and(511).add(byte);
/** In a region it is a constant. */
const kept = (m: Machine, v: I32): I32 => v.constant === undefined ? m.f.let(v) : v;
/** [registers, interleaved, opcode]. */
const MULTIPLE = [[4, 4, "0000"], [4, 1, "0010"], [3, 3, "0100"], [3, 1, "0110"], [1, 1, "0111"], [
  2,
  2,
  "1000",
], [2, 1, "1010"]] as const;
const structures: Late<Declaration> = late(() => {
  const structures: Declaration[] = [];
  for (const [count, step, opcode] of MULTIPLE) {
    for (const z of SIZES) {
      for (const q of [0, 1]) {
        if (z === 3 && !q && step > 1) continue;
        const half = q ? 16 : 8, bytes = count * half, lanes = half >> z, T = arrangement(z, q);
        const load: Semantics = ({ t, mem }, m) => {
          for (let k = 0; k < count; k++) {
            const at = kept(m, registerAt(t, k, 0));
            if (step === 1) {
              m.setStateAt(
                "v128.store",
                at,
                STATE.v,
                mem.load(q ? "v128.load" : "v128.load64_zero", k * half),
              );
            } else {
              if (!q) m.setStateAt("i64.store", at, STATE.v + 8, 0);
              for (let i = 0; i < lanes; i++) {
                m.setStateAt(
                  STORE[z] as "i64.store",
                  at,
                  STATE.v + (i << z),
                  mem.load(LOAD_U[z] as "i64.load", (i * step + k) << z),
                );
              }
            }
          }
        };
        const store: Semantics = ({ t, mem }, m) => {
          for (let k = 0; k < count; k++) {
            const at = kept(m, registerAt(t, k, 0));
            if (step === 1) {
              if (q) mem.store("v128.store", m.stateAt("v128.load", at, STATE.v), k * half);
              else mem.store("i64.store", m.stateAt("i64.load", at, STATE.v), k * half);
            } else {
              for (let i = 0; i < lanes; i++) {
                mem.store(
                  STORE[z] as "i64.store",
                  m.stateAt(LOAD_U[z] as "i64.load", at, STATE.v + (i << z)),
                  (i * step + k) << z,
                );
              }
            }
          }
        };
        const list = count > 1 ? `, +${count - 1}` : "";
        for (const [post, form] of [["0", "base"], ["1", "postr"]] as const) {
          const m = post === "1" ? "mmmmm" : "00000", name = `${step}`;
          structures.push(
            ...a64(
              `0${q}001100${post}10 ${m} ${opcode} ${bin(z, 2)} nnnnn ttttt`,
              `ld${name} {=t/${T}}${list}, {@${form}}`,
              load,
              {
                bytes,
                access: "r",
                key: `ld${name} ${T} ${count}`,
                hot: count === 1 && q === 1,
                group: count,
              },
            ),
            ...a64(
              `0${q}001100${post}00 ${m} ${opcode} ${bin(z, 2)} nnnnn ttttt`,
              `st${name} {t/${T}}${list}, {@${form}}`,
              store,
              { bytes, access: "w", key: `st${name} ${T} ${count}`, group: count },
            ),
          );
        }
      }
    }
  }
  /** Single lanes, and replication to all lanes (ld1r ...). */
  for (const count of [1, 2, 3, 4]) {
    const r = (count - 1) & 1, high = (count - 1) >> 1;
    for (const [post, form] of [["0", "base"], ["1", "postr"]] as const) {
      const mm = post === "1" ? "mmmmm" : "00000";
      for (const z of SIZES) {
        // Q, S and size hold the index, what the element size leaves of them.
        const opcode = z === 0 ? `00${high}` : z === 1 ? `01${high}` : `10${high}`;
        const index = z === 0
          ? ["i", "i", "ii"]
          : z === 1
          ? ["i", "i", "i0"]
          : z === 2
          ? ["i", "i", "00"]
          : ["i", "0", "01"];
        const bytes = count << z,
          T = `v${SCALAR[z]}`,
          key = `lane ${T} ${count}`,
          list = count > 1 ? `, +${count - 1}` : "";
        const head = (l: number) =>
          `0${index[0]}001101${post}${l}${r} ${mm} ${opcode} ${index[1]} ${index[2]} nnnnn ttttt`;
        structures.push(
          ...a64(head(1), `ld${count} {+t/${T}}[{i/i0}]${list}, {@${form}}`, ({ t, i, mem }, m) => {
            for (let k = 0; k < count; k++) {
              m.setStateAt(
                STORE[z] as "i64.store",
                kept(m, registerAt(t, k, 0).add(i.read().wrap().shl(z))),
                STATE.v,
                mem.load(LOAD_U[z] as "i64.load", k << z),
              );
            }
          }, { bytes, access: "r", key: `ld ${key}`, group: count }),
          ...a64(head(0), `st${count} {t/${T}}[{i/i0}]${list}, {@${form}}`, ({ t, i, mem }, m) => {
            for (let k = 0; k < count; k++) {
              mem.store(
                STORE[z] as "i64.store",
                m.stateAt(
                  LOAD_U[z] as "i64.load",
                  kept(m, registerAt(t, k, 0).add(i.read().wrap().shl(z))),
                  STATE.v,
                ),
                k << z,
              );
            }
          }, { bytes, access: "w", key: `st ${key}`, group: count }),
        );
        for (const q of [0, 1]) {
          structures.push(
            ...a64(
              `0${q}001101${post}1${r} ${mm} 11${high} 0 ${bin(z, 2)} nnnnn ttttt`,
              `ld${count}r {=t/${arrangement(z, q)}}${list}, {@${form}}`,
              ({ t, mem }, m) => {
                for (let k = 0; k < count; k++) {
                  const at = kept(m, registerAt(t, k, 0));
                  m.setStateAt(
                    "v128.store",
                    at,
                    STATE.v,
                    splat(z, mem.load(LOAD_U[z] as "i64.load", k << z)),
                  );
                  if (!q) m.setStateAt("i64.store", at, STATE.v + 8, 0);
                }
              },
              { bytes, access: "r", key: `ldr ${arrangement(z, q)} ${count}`, group: count },
            ),
          );
        }
      }
    }
  }
  return structures;
});

// deno-fmt-ignore
const rest: Late<Declaration> = late(() => [
  ...a64("01101110000 mmmmm 0iiii0 nnnnn ddddd", "ext {=d/16b}, {n/16b}, {m/16b}, #{i/i0}", ext(1), { hot: true }),
  ...a64("00101110000 mmmmm 00iii0 nnnnn ddddd", "ext {=d/8b}, {n/8b}, {m/8b}, #{i/i0}", ext(0)),
  ...[0, 1].flatMap((q) => [1, 2, 3, 4].flatMap((count) => [
    ...a64(`0${q}001110000 mmmmm 0${bin(count - 1, 2)}000 nnnnn ddddd`, `tbl {=d/${arrangement(0, q)}}, {n/16b}, +${count - 1}, {m/${arrangement(0, q)}}`, table(q, count, false)),
    ...a64(`0${q}001110000 mmmmm 0${bin(count - 1, 2)}100 nnnnn ddddd`, `tbx {+d/${arrangement(0, q)}}, {n/16b}, +${count - 1}, {m/${arrangement(0, q)}}`, table(q, count, true)),
  ])),
]);
export const simdMove: readonly Late<Declaration>[] = [
  copies,
  permutations,
  immediate,
  shiftings,
  structures,
  rest,
];
