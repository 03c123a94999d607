/** All instructions. */
import { type Late, nth } from "@guise/translator";
import type { Declaration } from "../encoding.ts";
import { atomics } from "./atomics.ts";
import { control } from "./control.ts";
import { fp } from "./fp.ts";
import { half } from "./half_forms.ts";
import { integer } from "./integer.ts";
import { simdElement } from "./simd_element.ts";
import { simdFloat } from "./simd_float.ts";
import { simdInteger } from "./simd_integer.ts";
import { simdLater } from "./simd_later.ts";
import { simdMove } from "./simd_move.ts";
import { memory } from "./memory.ts";

/** In the order of the files. */
const FAMILIES: readonly Late<Declaration>[] = [
  integer,
  control,
  memory,
  atomics,
  fp,
  ...simdFloat,
  ...simdElement,
  ...simdInteger,
  ...simdMove,
  ...half,
  ...simdLater,
];

export const instructions = (): Declaration[] => FAMILIES.flatMap((family) => family());
/** How many each family has. */
export const lengths = (): number[] => FAMILIES.map((family) => family().length);
/** One of {@link instructions}, made with its family alone. */
export const instruction = (lengths: readonly number[], n: number): Declaration => nth(FAMILIES, lengths, n);
