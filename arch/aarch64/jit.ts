/** The translator for aarch64: which state regions keep in locals. Loaded when something is worth translating. */
import type { Translator } from "@guise/translator/run";
import { createTranslator, type SlotSpec } from "@guise/translator/region";
import { FPSIMD } from "./copies.ts";
import { shippedOperations } from "./shipped.ts";
import { FIELD_SHIFT, STATE } from "./state.ts";

/** What regions keep in locals. */
export const SLOTS: SlotSpec = {
  ranges: [
    { offset: STATE.gpr, count: 32, step: 8, type: "i64" },
    { offset: STATE.temporary, count: 1, step: 8, type: "i64" },
    { offset: STATE.flagKind, count: 3, step: 4, type: "i32" },
    { offset: STATE.flagA, count: 2, step: 8, type: "i64" },
    { offset: STATE.v, count: 32, step: 16, type: "v128" },
  ],
  flags: [STATE.flagKind, STATE.flagA, STATE.flagB],
  zero: STATE.zero,
  trash: STATE.trash,
  fieldShift: FIELD_SHIFT,
  temporary: STATE.temporary,
  // With FPCR.FZ 0, which trials ask for.
  quietDenormals: true,
  pc: STATE.pc,
  stack: STATE.sp,
  held: [STATE.sp],
  // AAPCS64: x19 to x29.
  saved: [STATE.sp, ...Array.from({ length: 11 }, (_, i) => STATE.gpr + (19 + i) * 8)],
  result: STATE.gpr,
};

export function translator(): Translator {
  return createTranslator({ operations: shippedOperations(), slots: SLOTS, image: FPSIMD });
}
