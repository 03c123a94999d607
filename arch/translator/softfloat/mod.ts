/** Soft floating point as WebAssembly functions: see README.md. */
export { C1, DE, IE, type Library, OE, PE, UE, ZE } from "./common.ts";
export { DAZ, DOUBLE, type Format, FTZ, SINGLE, widen } from "./format.ts";
export { f80Add, f80Div, f80Mul, f80Sqrt, f80Sub } from "./f80_arithmetic.ts";
export { f80Round } from "./f80_round.ts";
export { f80Compare, f80FromInteger, f80RoundToIntegral, f80ToFloat, f80ToInteger } from "./f80_convert.ts";
export { type Arithmetic, floatArithmetic, floatCompare, floatNan, floatSqrt } from "./float.ts";
export {
  floatFromInteger,
  floatFusedMultiplyAdd,
  floatRoundToIntegral,
  floatToFloat,
  floatToInteger,
} from "./float_convert.ts";
export { f80Extract, f80Rem, f80Scale } from "./f80_remainder.ts";
export { f80FromBcd, f80ToBcd } from "./f80_bcd.ts";
export { f80Atan, f80Cos, f80Sin, f80Tan } from "./f80_trigonometric.ts";
export { f80Exp, f80Log, f80LogPlusOne } from "./f80_exponential.ts";
