/** The translator for x86-64: which state regions keep in locals. Loaded when something is worth translating. */
import type { Translator } from "@guise/translator/run";
import { createTranslator, type Operations, type SlotSpec } from "@guise/translator/region";
import { FXSAVE } from "./copies.ts";
import { shippedOperations } from "./shipped.ts";
import { RAX, RBP, RBX, RSP, STATE } from "./state.ts";

/** What regions keep in locals. */
export const SLOTS: SlotSpec = {
  ranges: [
    { offset: STATE.gpr, count: 16, step: 8, type: "i64" },
    { offset: STATE.temporary, count: 1, step: 8, type: "i64" },
    { offset: STATE.flagKind, count: 1, step: 4, type: "i32" },
    { offset: STATE.flagA, count: 2, step: 8, type: "i64" },
    { offset: STATE.xmm, count: 16, step: 16, type: "v128" },
    { offset: STATE.mxcsr, count: 1, step: 4, type: "i32" },
    { offset: STATE.fsBase, count: 1, step: 8, type: "i64" },
  ],
  flags: [STATE.flagKind, STATE.flagA, STATE.flagB],
  zero: STATE.zero,
  temporary: STATE.temporary,
  pc: STATE.rip,
  stack: RSP,
  held: [RSP, STATE.fsBase],
  returnPops: 8,
  saved: [RSP, RBX, RBP, 96, 104, 112, 120],
  result: RAX,
};

/** `operations`: for tests, other meanings of the same ones. */
export function translator(operations: Operations = shippedOperations()): Translator {
  return createTranslator({ operations, slots: SLOTS, image: FXSAVE });
}
