/** What vector instructions share: arrangements, lanes, writing a whole or half register, the saturation flag. */
// cold: constants of the generated code
import {
  type I32,
  i32,
  type I64,
  i64,
  type Load,
  type Machine,
  type Operand,
  shuffle,
  type Simd,
  simd,
  type Store,
  type V128,
  v128,
} from "@guise/translator";
import { a64, type Declaration, type Properties, type Semantics } from "../encoding.ts";
import { STATE } from "../state.ts";

/** FPSR.QC. */
const QC = 1 << 27;

/** Element size: log2 of its bytes. */
export type Size = 0 | 1 | 2 | 3;
export const SIZES: readonly Size[] = [0, 1, 2, 3];
export const SHAPE = ["i8x16", "i16x8", "i32x4", "i64x2"] as const;
const NAMES = [["8b", "16b"], ["4h", "8h"], ["2s", "4s"], ["1d", "2d"]] as const;
export const arrangement = (size: number, q: number): string => NAMES[size][q];
export const SCALAR = ["b", "h", "s", "d", "q"] as const;
export const bin = (v: number, n: number): string => v.toString(2).padStart(n, "0");

export const LOAD_U = ["i64.load8_u", "i64.load16_u", "i64.load32_u", "i64.load"] as const;
export const LOAD_S = ["i64.load8_s", "i64.load16_s", "i64.load32_s", "i64.load"] as const;
export const STORE = ["i64.store8", "i64.store16", "i64.store32", "i64.store"] as const;
/** Lane `i`, extended to 64 bits. */
export const laneOf = (o: Operand, size: number, i: number, signed = false): I64 =>
  o.load((signed ? LOAD_S : LOAD_U)[size] as Load & "i64.load", i << size) as I64;
export const putLane = (o: Operand, size: number, i: number, v: I64): void =>
  o.store(STORE[size] as Store & "i64.store", v, i << size);

export const whole = (o: Operand): V128 => o.load("v128.load");
/** The result: half a register is written with zeros above. */
export function put(d: Operand, q: number, v: V128): void {
  d.store("v128.store", v);
  if (!q) d.store("i64.store", i64(0), 8);
}
export const clearAbove = (d: Operand, bytes: number): void => {
  if (bytes === 8) return d.store("i64.store", i64(0), 8);
  d.store("v128.store", simd("i64x2.splat", i64(0)));
};
/** Writes lanes that are computed first, then stored: the destination may be a source. `bytes`: of all. */
export function putLanes(m: Machine, d: Operand, size: number, values: readonly I64[], upper = false): void {
  const kept = values.map((v) => m.f.let(v)), bytes = values.length << size;
  if (!upper && bytes < 16) clearAbove(d, bytes);
  kept.forEach((v, i) => putLane(d, size, upper ? i + (8 >> size) : i, v));
}
export const vop = (size: Size, name: string, ...args: V128[]): V128 =>
  simd(`${SHAPE[size]}.${name}` as Simd & "i8x16.add", ...args);

/** Sets FPSR.QC when the condition is not 0. */
export function saturated(m: Machine, cond: I64 | I32): void {
  m.f.if(
    cond.type === "i64" ? (cond as I64).ne(0) : cond as I32,
    () => m.setState("i32.store", STATE.fpsr, m.state("i32.load", STATE.fpsr).or(QC)),
  );
}
/** Sets FPSR.QC when any bit is set, if the machine can. */
export const saturatedAny = (m: Machine, changed: V128): boolean => m.collect(STATE.fpsr, QC, changed);
/** A value clamped to signed or unsigned `size`, telling QC. The value must be exact in 64 bits. */
export function clamp(m: Machine, v: I64, size: number, signed: boolean): I64 {
  const { f } = m, bits = 8 << size, x = f.let(v), r = f.let(x);
  const low = signed ? i64(-(2n ** BigInt(bits - 1))) : i64(0),
    high = signed ? i64(2n ** BigInt(bits - 1) - 1n) : i64(2n ** BigInt(bits) - 1n);
  f.if(x.ltS(low), () => f.set(r, low));
  f.if(x.gtS(high), () => f.set(r, high));
  saturated(m, r.xor(x));
  return r;
}

/** One lane from lanes of two sources. */
export type LaneOp = (m: Machine, a: I64, b: I64, d: () => I64, size: Size) => I64;
export interface Three {
  readonly name: string;
  readonly u: 0 | 1;
  readonly opcode: number;
  readonly sizes: readonly Size[];
  readonly signed?: boolean;
  readonly lane: LaneOp;
  /** Name of WebAssembly's operation, where there is one. */
  readonly fast?: (size: Size) => string | undefined;
  /** Of the vector forms, where it is not lane by lane either. */
  readonly vectors?: (q: number, size: Size) => Semantics | undefined;
  /** On the whole register, instead of lane by lane. */
  readonly whole?: (size: Size, a: V128, b: V128, d: V128) => V128;
  /** The scalar form exists for these sizes. */
  readonly scalar?: readonly Size[];
  readonly reads?: boolean;
  readonly hot?: boolean;
}
/** A line of "three same": vector and scalar forms. */
export function three(t: Three): Declaration[] {
  const d = t.reads ? "+d" : "=d", p: Properties = { hot: t.hot };
  const body = (size: Size, count: number): Semantics => ({ d, n, m: b }, m) => {
    const values = Array.from(
      { length: count },
      (_, i) =>
        t.lane(
          m,
          laneOf(n, size, i, t.signed),
          laneOf(b, size, i, t.signed),
          () => laneOf(d, size, i, t.signed),
          size,
        ),
    );
    putLanes(m, d, size, values);
  };
  const out: Declaration[] = [];
  for (const size of t.sizes) {
    for (const q of size === 3 ? [1] : [0, 1]) {
      const T = arrangement(size, q), fast = t.fast?.(size);
      const semantics: Semantics = t.vectors?.(q, size) ?? (t.whole
        ? ({ d, n, m: b }, m) => {
          const x = m.f.let(whole(n)), y = m.f.let(whole(b));
          put(d, q, t.whole!(size, x, y, whole(d)));
        }
        : fast
        ? ({ d, n, m: b }) =>
          put(d, q, simd(`${SHAPE[size]}.${fast}` as Simd & "i8x16.add", whole(n), whole(b)))
        : body(size, (8 << q) >> size));
      out.push(
        ...a64(
          `0${q}${t.u}01110 ${bin(size, 2)} 1 mmmmm ${bin(t.opcode, 5)} 1 nnnnn ddddd`,
          `${t.name} {${d}/${T}}, {n/${T}}, {m/${T}}`,
          semantics,
          p,
        ),
      );
    }
  }
  for (const size of t.scalar ?? []) {
    const T = SCALAR[size];
    out.push(
      ...a64(
        `01${t.u}11110 ${bin(size, 2)} 1 mmmmm ${bin(t.opcode, 5)} 1 nnnnn ddddd`,
        `${t.name} {${d}/${T}}, {n/${T}}, {m/${T}}`,
        body(size, 1),
      ),
    );
  }
  return out;
}

/** A line of "two registers, miscellaneous". */
export function two(
  name: string,
  u: 0 | 1,
  opcode: number,
  sizes: readonly Size[],
  semantics: (size: Size, q: number, count: number) => Semantics,
  scalar: readonly Size[] = [],
  text = "",
): Declaration[] {
  const out: Declaration[] = [];
  for (const size of sizes) {
    for (const q of size === 3 ? [1] : [0, 1]) {
      const T = arrangement(size, q);
      out.push(
        ...a64(
          `0${q}${u}01110 ${bin(size, 2)} 10000 ${bin(opcode, 5)} 10 nnnnn ddddd`,
          `${name} {+d/${T}}, {n/${T}}${text}`,
          semantics(size, q, (8 << q) >> size),
        ),
      );
    }
  }
  for (const size of scalar) {
    const T = SCALAR[size];
    out.push(
      ...a64(
        `01${u}11110 ${bin(size, 2)} 10000 ${bin(opcode, 5)} 10 nnnnn ddddd`,
        `${name} {+d/${T}}, {n/${T}}${text}`,
        semantics(size, 0, 1),
      ),
    );
  }
  return out;
}
/** Lanes of one source. */
export const each =
  (signed: boolean, f: (m: Machine, a: I64, size: Size, d: () => I64) => I64) =>
  (size: Size, _q: number, count: number): Semantics =>
  ({ d, n }, m) =>
    putLanes(
      m,
      d,
      size,
      Array.from(
        { length: count },
        (_, i) => f(m, laneOf(n, size, i, signed), size, () => laneOf(d, size, i, signed)),
      ),
    );

/** Bits of a lane. */
const bits = (size: number): number => 8 << size;
/** Right by bits - 1 - n, then by 1: `amount` is what the instruction has, up to the full width. */
export function shiftRight(size: Size, signed: boolean, v: V128, amount: I32): V128 {
  const name = signed ? "shr_s" : "shr_u", less = i32(bits(size) - 1).sub(amount);
  const by = (x: V128, n: I32): V128 => simd(`${SHAPE[size]}.${name}` as Simd & "i8x16.shr_s", x, n);
  if (less.constant === undefined) return by(by(v, less), i32(1));
  const n = Number(less.constant) + 1;
  return n < bits(size) ? by(v, i32(n)) : signed ? by(v, i32(n - 1)) : v128(0n);
}
/** The same, rounded. */
export function roundedRight(m: Machine, size: Size, signed: boolean, v: V128, amount: I32): V128 {
  const name = `${SHAPE[size]}.${signed ? "shr_s" : "shr_u"}` as Simd & "i8x16.shr_s";
  const x = m.f.let(simd(name, v, i32(bits(size) - 1).sub(amount)));
  const one = size === 3
    ? simd("i64x2.splat", i64(1))
    : simd(`${SHAPE[size]}.splat` as "i8x16.splat", i32(1));
  return vop(size, "add", simd(name, x, i32(1)), simd("v128.and", x, one));
}
export const shiftLeft = (size: Size, v: V128, amount: I32): V128 =>
  simd(`${SHAPE[size]}.shl` as Simd & "i8x16.shl", v, amount);
/** Low halves of the lanes of size + 1, to the lower half of the register or, beside what is there, to the upper one. */
export function narrowed(d: Operand, size: Size, v: V128, upper: boolean): void {
  const bytes = 1 << size, low = Array.from({ length: 8 }, (_, i) => (i - i % bytes) * 2 + i % bytes);
  const other = Array.from({ length: 8 }, (_, i) => i);
  if (upper) return d.store("v128.store", shuffle(whole(d), v, [...other, ...low.map((i) => i + 16)]));
  d.store("v128.store", shuffle(v, v128(0n), [...low, ...other.map((i) => i + 16)]));
}
/** The lower or upper half, each lane twice as wide. */
export const extended = (size: number, signed: boolean, upper: number, v: V128): V128 =>
  simd(
    `${SHAPE[size + 1]}.extend_${upper ? "high" : "low"}_${SHAPE[size]}_${signed ? "s" : "u"}` as
      & Simd
      & "i16x8.extend_low_i8x16_s",
    v,
  );
/** Products of the halves, twice as wide. */
export const extendedProduct = (size: number, signed: boolean, upper: number, a: V128, b: V128): V128 =>
  simd(
    `${SHAPE[size + 1]}.extmul_${upper ? "high" : "low"}_${SHAPE[size]}_${signed ? "s" : "u"}` as
      & Simd
      & "i16x8.extmul_low_i8x16_s",
    a,
    b,
  );
