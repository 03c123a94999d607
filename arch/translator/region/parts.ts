/** Parts of registers in locals: what a load takes of a slot, and what a store leaves of it. */
// cold: constants of 64 bits, while code is generated
import {
  type I32,
  i32,
  type I64,
  type Int,
  lane,
  type Load,
  type Local,
  replaceLane,
  simd,
  type Store,
  type V128,
  v128,
  type Value,
} from "../wasm/mod.ts";
import type { RegionFunc } from "./func.ts";

/** Semantics do something a region has no way for: the interpreter's function is called instead. */
export class Unsupported extends Error {}

export const ZERO_VECTOR = v128(0n);

/** The format of what is read from the lowest lane alone. */
export function formatOf(name: Load): "f64" | "f32" | undefined {
  if (name === "f64.load" || name === "i64.load" || name === "v128.load64_zero") return "f64";
  return name === "f32.load" || name === "i32.load" || name === "v128.load32_zero" ? "f32" : undefined;
}

/** What a store leaves in the lower half of a register that was `half`, if it leaves the upper one zero. */
export function lowHalf(name: Store, sub: number, v: Value, half: I32): I32 | undefined {
  if (name === "i64.store") {
    if (sub) return undefined;
    if (v.constant === undefined) return v.narrow;
    return BigInt.asUintN(32, BigInt(v.constant)) === BigInt(v.constant)
      ? i32(Number(v.constant))
      : undefined;
  }
  const bits = {
    "i32.store": 32,
    "i64.store32": 32,
    "i32.store16": 16,
    "i64.store16": 16,
    "i32.store8": 8,
    "i64.store8": 8,
  }[name as string];
  if (!bits || sub * 8 + bits > 32) return undefined;
  const low = (v as Int).wrap(), mask = bits === 16 ? 0xffff : 0xff;
  return bits === 32 ? low : half.and(~(mask << sub * 8)).or(low.and(mask).shl(sub * 8));
}

export function loadVector(name: Load, v: V128, sub: number): Value {
  const of = (bytes: number) => {
    if (sub % bytes) throw new Unsupported(`${name} at ${sub} of a vector`);
    return sub / bytes;
  };
  switch (name) {
    case "v128.load":
      of(16);
      return v;
    case "i64.load":
      return lane("i64x2.extract_lane", v, of(8));
    case "i32.load":
      return lane("i32x4.extract_lane", v, of(4));
    case "i32.load16_u":
      return lane("i16x8.extract_lane_u", v, of(2));
    case "i32.load16_s":
      return lane("i16x8.extract_lane_s", v, of(2));
    case "i32.load8_u":
      return lane("i8x16.extract_lane_u", v, sub);
    case "i32.load8_s":
      return lane("i8x16.extract_lane_s", v, sub);
    case "i64.load32_u":
      return lane("i32x4.extract_lane", v, of(4)).extendU();
    case "i64.load32_s":
      return lane("i32x4.extract_lane", v, of(4)).extendS();
    case "f64.load":
      return lane("f64x2.extract_lane", v, of(8));
    case "f32.load":
      return lane("f32x4.extract_lane", v, of(4));
    case "v128.load64_zero":
      return replaceLane("i64x2.replace_lane", ZERO_VECTOR, 0, lane("i64x2.extract_lane", v, of(8)));
    case "v128.load32_zero":
      return replaceLane("i32x4.replace_lane", ZERO_VECTOR, 0, lane("i32x4.extract_lane", v, of(4)));
    case "v128.load8x8_s":
      if (!sub) return simd("i16x8.extend_low_i8x16_s", v);
      break;
    case "v128.load8x8_u":
      if (!sub) return simd("i16x8.extend_low_i8x16_u", v);
      break;
    case "v128.load16x4_s":
      if (!sub) return simd("i32x4.extend_low_i16x8_s", v);
      break;
    case "v128.load16x4_u":
      if (!sub) return simd("i32x4.extend_low_i16x8_u", v);
      break;
    case "v128.load32x2_s":
      if (!sub) return simd("i64x2.extend_low_i32x4_s", v);
      break;
    case "v128.load32x2_u":
      if (!sub) return simd("i64x2.extend_low_i32x4_u", v);
      break;
  }
  throw new Unsupported(`${name} of a vector`);
}

export function storeVector(f: RegionFunc, name: Store, local: Local<"v128">, sub: number, v: Value): void {
  const of = (bytes: number) => {
    if (sub % bytes) throw new Unsupported(`${name} at ${sub} of a vector`);
    return sub / bytes;
  };
  switch (name) {
    case "v128.store":
      of(16);
      return f.set(local, v as V128);
    case "i64.store":
      return f.set(local, replaceLane("i64x2.replace_lane", local, of(8), v as I64));
    case "f64.store":
      return f.set(local, replaceLane("f64x2.replace_lane", local, of(8), v as Value<"f64">));
    case "i32.store":
      return f.set(local, replaceLane("i32x4.replace_lane", local, of(4), v as I32));
    case "i64.store32":
      return f.set(local, replaceLane("i32x4.replace_lane", local, of(4), (v as I64).wrap()));
    case "f32.store":
      return f.set(local, replaceLane("f32x4.replace_lane", local, of(4), v as Value<"f32">));
    case "i32.store16":
      return f.set(local, replaceLane("i16x8.replace_lane", local, of(2), v as I32));
    case "i32.store8":
      return f.set(local, replaceLane("i8x16.replace_lane", local, sub, v as I32));
  }
  throw new Unsupported(`${name} to a vector`);
}
