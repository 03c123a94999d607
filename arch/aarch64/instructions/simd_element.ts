/** Advanced SIMD by element: one lane of the last operand serves all lanes; integers and floats, vectors and scalars. */
// cold: constants of the generated code
import {
  type I64,
  i64,
  type Int,
  type Late,
  late,
  type Machine,
  type Operand,
  simd,
} from "@guise/translator";
import { a64, type Declaration, type Semantics } from "../encoding.ts";
import { STATE } from "../state.ts";
import { KINDS } from "./float.ts";
import { bitsIn } from "./fp.ts";
import { fastArithmetic, fastFused, putLow } from "./inline_float.ts";
import { arithmeticOn, fmla, mulx, sz, vectors, wide } from "./simd_float.ts";
import { accumulate, doubled } from "./simd_integer.ts";
import {
  arrangement,
  bin,
  clamp,
  laneOf,
  LOAD_S,
  LOAD_U,
  putLanes,
  SCALAR,
  type Size,
  whole,
} from "./vector.ts";

// By element: the lane of m is chosen by H, L, M; halfwords have 4 bits of register.
const element = (z: Size): { readonly bits: string; readonly h: string } =>
  z === 1 ? { bits: "iimmmm", h: "i" } : z === 2 ? { bits: "immmmm", h: "i" } : { bits: "0mmmmm", h: "i" };
/** The chosen lane. */
export const chosen = (m: Machine, o: Operand, i: Operand, z: Size, signed: boolean): I64 => {
  const name = (signed ? LOAD_S : LOAD_U)[z] as "i64.load", at = i.read().constant;
  if (at !== undefined) return o.load(name, Number(at) << z);
  return m.stateAt(name, o.index.shl(1).add(i.read().wrap().shl(z)), STATE.v);
};
const floatsBy: Late<Declaration> = late(() =>
  KINDS.flatMap((k) =>
    ([
      ["fmla", 0, "0001", fmla(false), true, fastFused(false)],
      ["fmls", 0, "0101", fmla(true), true, fastFused(true)],
      ["fmul", 0, "1001", arithmeticOn("mul"), false, fastArithmetic("mul")],
      ["fmulx", 1, "1001", mulx, false, undefined],
    ] as const).flatMap(([name, u, opcode, lane, reads, fast]) => {
      const { bits, h } = element(k.size), sign = reads ? "+" : "=", t = k.letter;
      const body = (count: number): Semantics => ({ d, n, m: b, i }, m) => {
        const x = m.f.let(chosen(m, b, i, k.size, false)), y = (k.width === 64 ? x : x.wrap()) as Int;
        if (m.inline && fast) {
          const all = simd(k.width === 64 ? "i64x2.splat" : "i32x4.splat", y);
          const v = fast(m, k, whole(n), all, () => whole(d), count);
          if (v) return putLow(k, d, v, count);
        }
        putLanes(
          m,
          d,
          k.size,
          wide(
            Array.from(
              { length: count },
              (_, l) => m.f.let(lane(m, k, bitsIn(k, n, l), y, () => bitsIn(k, d, l))) as Int,
            ),
          ),
        );
      };
      return [
        ...vectors(k).flatMap(([q, T, lanes]) =>
          a64(
            `0${q}${u}01111 1${sz(k)}${bits} ${opcode} ${h}0 nnnnn ddddd`,
            `${name} {${sign}d/${T}}, {n/${T}}, {m/v${t}}[{i/elem${k.size}}]`,
            body(lanes),
          )
        ),
        ...a64(
          `01${u}11111 1${sz(k)}${bits} ${opcode} ${h}0 nnnnn ddddd`,
          `${name} {${sign}d/${t}}, {n/${t}}, {m/v${t}}[{i/elem${k.size}}]`,
          body(1),
        ),
      ];
    })
  )
);
type Product = (m: Machine, a: I64, b: I64, d: () => I64, z: Size) => I64;
const integersBy: Late<Declaration> = late(() =>
  ([1, 2] as Size[]).flatMap((z) => {
    const { bits, h } = element(z), out: Declaration[] = [];
    const same = (name: string, u: number, opcode: string, reads: boolean, scalar: boolean, f: Product) => {
      const body = (count: number): Semantics => ({ d, n, m: b, i }, m) => {
        const x = m.f.let(chosen(m, b, i, z, true));
        putLanes(
          m,
          d,
          z,
          Array.from(
            { length: count },
            (_, l) => f(m, laneOf(n, z, l, true), x, () => laneOf(d, z, l, true), z),
          ),
        );
      };
      for (const q of [0, 1]) {
        out.push(
          ...a64(
            `0${q}${u}01111 ${bin(z, 2)}${bits} ${opcode} ${h}0 nnnnn ddddd`,
            `${name} {${reads ? "+" : "="}d/${arrangement(z, q)}}, {n/${arrangement(z, q)}}, {m/v${
              SCALAR[z]
            }}[{i/elem${z}}]`,
            body((8 << q) >> z),
          ),
        );
      }
      if (scalar) {
        out.push(
          ...a64(
            `01${u}11111 ${bin(z, 2)}${bits} ${opcode} ${h}0 nnnnn ddddd`,
            `${name} {=d/${SCALAR[z]}}, {n/${SCALAR[z]}}, {m/v${SCALAR[z]}}[{i/elem${z}}]`,
            body(1),
          ),
        );
      }
    };
    const long = (
      name: string,
      u: number,
      opcode: string,
      signed: boolean,
      reads: boolean,
      scalar: boolean,
      f: Product,
    ) => {
      const body = (count: number, from: number): Semantics => ({ d, n, m: b, i }, m) => {
        const x = m.f.let(chosen(m, b, i, z, signed));
        putLanes(
          m,
          d,
          z + 1,
          Array.from(
            { length: count },
            (_, l) => f(m, laneOf(n, z, l + from, signed), x, () => laneOf(d, z + 1, l, true), z),
          ),
        );
      };
      for (const q of [0, 1]) {
        out.push(
          ...a64(
            `0${q}${u}01111 ${bin(z, 2)}${bits} ${opcode} ${h}0 nnnnn ddddd`,
            `${name}${q ? 2 : ""} {${reads ? "+" : "="}d/${arrangement(z + 1, 1)}}, {n/${
              arrangement(z, q)
            }}, {m/v${SCALAR[z]}}[{i/elem${z}}]`,
            body(8 >> z, q ? 8 >> z : 0),
          ),
        );
      }
      if (scalar) {
        out.push(
          ...a64(
            `01${u}11111 ${bin(z, 2)}${bits} ${opcode} ${h}0 nnnnn ddddd`,
            `${name} {${reads ? "+" : "="}d/${SCALAR[z + 1]}}, {n/${SCALAR[z]}}, {m/v${
              SCALAR[z]
            }}[{i/elem${z}}]`,
            body(1, 0),
          ),
        );
      }
    };
    const high = (round: boolean): Product => (m, a, b) =>
      clamp(m, a.mul(b).add(round ? i64(2 ** ((8 << z) - 2)) : i64(0)).shrS((8 << z) - 1), z, true);
    same("mla", 1, "0000", true, false, (_m, a, b, d) => d().add(a.mul(b)));
    same("mls", 1, "0100", true, false, (_m, a, b, d) => d().sub(a.mul(b)));
    same("mul", 0, "1000", false, false, (_m, a, b) => a.mul(b));
    same("sqdmulh", 0, "1100", false, true, high(false));
    same("sqrdmulh", 0, "1101", false, true, high(true));
    for (const u of [0, 1]) {
      const x = u ? "u" : "s";
      long(`${x}mlal`, u, "0010", !u, true, false, (_m, a, b, d) => d().add(a.mul(b)));
      long(`${x}mlsl`, u, "0110", !u, true, false, (_m, a, b, d) => d().sub(a.mul(b)));
      long(`${x}mull`, u, "1010", !u, false, false, (_m, a, b) => a.mul(b));
    }
    long(
      "sqdmlal",
      0,
      "0011",
      true,
      true,
      true,
      (m, a, b, d, s) => accumulate(m, d(), doubled(m, a, b, s), false, s),
    );
    long(
      "sqdmlsl",
      0,
      "0111",
      true,
      true,
      true,
      (m, a, b, d, s) => accumulate(m, d(), doubled(m, a, b, s), true, s),
    );
    long("sqdmull", 0, "1011", true, false, true, (m, a, b, _d, s) => doubled(m, a, b, s));
    return out;
  })
);

export const simdElement: readonly Late<Declaration>[] = [floatsBy, integersBy];
