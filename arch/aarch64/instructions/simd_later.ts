/** Advanced SIMD of ARMv8.1 and 8.2: rounding doubling multiply-accumulate (FEAT_RDM), dot products (FEAT_DotProd). */
// cold: constants of the generated code
import { type I64, i64, type Late, late, type Machine, type Operand } from "@guise/translator";
import { a64, type Declaration, type Semantics } from "../encoding.ts";
import { chosen } from "./simd_element.ts";
import { arrangement, bin, clamp, laneOf, putLanes, SCALAR, type Size } from "./vector.ts";

/** (d << n-1) +- a * b, rounded, the upper half with one bit more: exact in 64 bits. */
const accumulated = (m: Machine, z: Size, subtract: boolean, d: I64, a: I64, b: I64): I64 => {
  const bits = 8 << z, product = a.mul(b), sum = d.shl(bits - 1);
  return clamp(
    m,
    (subtract ? sum.sub(product) : sum.add(product)).add(i64(2 ** (bits - 2))).shrS(bits - 1),
    z,
    true,
  );
};
// deno-fmt-ignore
const rdm: Late<Declaration> = late(() => ([1, 2] as Size[]).flatMap((z) => [["sqrdmlah", "0000", "1101", false], ["sqrdmlsh", "0001", "1111", true]].flatMap((row) => {
  const [name, opcode, element, subtract] = row as [string, string, string, boolean], t = SCALAR[z];
  const all = (count: number, other: (m: Machine, b: Operand, i: Operand | undefined, l: number) => I64): Semantics => ({ d, n, m: b, i }, m) =>
    putLanes(m, d, z, Array.from({ length: count }, (_, l) => accumulated(m, z, subtract, laneOf(d, z, l, true), laneOf(n, z, l, true), other(m, b, i, l))));
  const lanes = (_m: Machine, b: Operand, _i: Operand | undefined, l: number) => laneOf(b, z, l, true);
  const one = (m: Machine, b: Operand, i: Operand | undefined) => chosen(m, b, i!, z, true);
  const bits = z === 1 ? "iimmmm" : "immmmm";
  return [
    ...[0, 1].flatMap((q) => {
      const T = arrangement(z, q), count = (8 << q) >> z;
      return [
        ...a64(`0${q}101110 ${bin(z, 2)}0 mmmmm 1 ${opcode} 1 nnnnn ddddd`, `${name} {+d/${T}}, {n/${T}}, {m/${T}}`, all(count, lanes)),
        ...a64(`0${q}101111 ${bin(z, 2)}${bits} ${element} i0 nnnnn ddddd`, `${name} {+d/${T}}, {n/${T}}, {m/v${t}}[{i/elem${z}}]`, all(count, one)),
      ];
    }),
    ...a64(`01111110 ${bin(z, 2)}0 mmmmm 1 ${opcode} 1 nnnnn ddddd`, `${name} {+d/${t}}, {n/${t}}, {m/${t}}`, all(1, lanes)),
    ...a64(`01111111 ${bin(z, 2)}${bits} ${element} i0 nnnnn ddddd`, `${name} {+d/${t}}, {n/${t}}, {m/v${t}}[{i/elem${z}}]`, all(1, one)),
  ];
})));

/** Four products of bytes are added to each word. */
// deno-fmt-ignore
const dot: Late<Declaration> = late(() => [0, 1].flatMap((u) => [0, 1].flatMap((q) => {
  const name = u ? "udot" : "sdot", count = 2 << q, T = arrangement(2, q), B = arrangement(0, q), signed = !u;
  const part = (v: I64, j: number): I64 => signed ? v.shl(56 - 8 * j).shrS(56) : v.shrU(8 * j).and(0xff);
  return [
    ...a64(`0${q}${u}01110 100 mmmmm 1 0010 1 nnnnn ddddd`, `${name} {+d/${T}}, {n/${B}}, {m/${B}}`, ({ d, n, m: b }, m) =>
      putLanes(m, d, 2, Array.from({ length: count }, (_, l) => [0, 1, 2, 3].reduce((sum, j) =>
        sum.add(laneOf(n, 0, 4 * l + j, signed).mul(laneOf(b, 0, 4 * l + j, signed))), laneOf(d, 2, l))))),
    ...a64(`0${q}${u}01111 10immmmm 1110 i0 nnnnn ddddd`, `${name} {+d/${T}}, {n/${B}}, {m/4b}[{i/elem2}]`, ({ d, n, m: b, i }, m) => {
      const x = m.f.let(chosen(m, b, i, 2, false));
      putLanes(m, d, 2, Array.from({ length: count }, (_, l) => [0, 1, 2, 3].reduce((sum, j) =>
        sum.add(laneOf(n, 0, 4 * l + j, signed).mul(part(x, j))), laneOf(d, 2, l))));
    }),
  ];
})));

export const simdLater: readonly Late<Declaration>[] = [rdm, dot];
