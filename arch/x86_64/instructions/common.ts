/** Small pieces that several families use. */
import type { Int } from "@guise/translator";

/** The low `size` bits, sign-extended in the value's own type (sizes 8 and 16 are held in i32). */
export function extendFrom(size: number, v: Int): Int {
  return size === 8 ? v.extend8S() : size === 16 ? v.extend16S() : v;
}
