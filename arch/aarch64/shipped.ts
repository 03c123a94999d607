/** The operations of the shipped interpreter, each made when a region needs it. */
import type { OpDef } from "@guise/translator";
import { bytesOf } from "@guise/translator/run";
import { type Operations, shipped } from "@guise/translator/region";
import { operationOf, type Variation } from "./encoding.ts";
import { instruction } from "./instructions/mod.ts";
import { SPECIAL } from "./instructions/special.ts";
import * as generated from "./operations.generated.ts";

/** In the place of a declaration: the variety is an index of {@link SPECIAL}. */
export const NONE = 0xffff;
/** By the lowest bits of a variety; behind them 1 + the condition of a fused pair. */
export const VARIATIONS: readonly Variation[] = ["", "uxtw", "sxtw"];

function make(declaration: number, variety: number): OpDef {
  if (declaration === NONE) return SPECIAL[variety];
  const cc = (variety >> 2) - 1;
  return operationOf(
    instruction(generated.FAMILIES, declaration),
    VARIATIONS[variety & 3],
    cc < 0 ? undefined : cc,
  );
}

/** Numbered as in the shipped interpreter. */
export const shippedOperations = (): Operations =>
  shipped(bytesOf(generated.operations()), generated.HOT, generated.learned(), make);
