/** Arithmetic of 128 bits, which WebAssembly has no instructions for. */
// cold: constants, while code is generated
import { type Func, type I64, i64, type Value } from "./wasm/mod.ts";

/** The high 64 bits of a product, from four products of halves. Both operands are used more than once: locals. */
export function multiplyHigh(f: Func, x: I64, y: I64, signed: boolean): I64 {
  const high = (v: I64) => signed ? v.shrS(32) : v.shrU(32), low = (v: I64) => v.and(i64(0xffffffff));
  const x0 = f.let(low(x)), x1 = f.let(high(x)), y0 = f.let(low(y)), y1 = f.let(high(y));
  // Neither sum leaves 64 bits: (2^32 - 1)^2 + 2^32 - 1 < 2^64, and signed, 2^31 (2^32 - 1) + 2^32 - 1 < 2^63.
  const middle = f.let(x1.mul(y0).add(x0.mul(y0).shrU(32)));
  const other = f.let(x0.mul(y1).add(low(middle)));
  return x1.mul(y1).add(high(middle)).add(high(other));
}

/** Remainder of a quotient: V8 does not see that a division gives both, and divides twice. */
export function remainder<T extends "i32" | "i64">(
  dividend: Value<T>,
  quotient: Value<T>,
  divisor: Value<T>,
): Value<T> {
  return dividend.sub(quotient.mul(divisor));
}
