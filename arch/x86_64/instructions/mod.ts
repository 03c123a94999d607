/** All declarations, in the order of their families. */
import { type Late, nth } from "@guise/translator";
import type { Declaration } from "../encoding.ts";
import { arithmetic } from "./arithmetic.ts";
import { bits } from "./bits.ts";
import { control } from "./control.ts";
import { mmxConversions } from "./mmx_convert.ts";
import { mmxInstructions } from "./mmx.ts";
import { move } from "./move.ts";
import { multiply } from "./multiply.ts";
import { shift } from "./shift.ts";
import { sse } from "./sse.ts";
import { string } from "./string.ts";
import { system } from "./system.ts";
import { x87Arithmetic } from "./x87_arithmetic.ts";
import { x87Moves } from "./x87_move.ts";
import { x87State } from "./x87_state.ts";
import { x87Transcendental } from "./x87_transcendental.ts";

const FAMILIES: readonly Late<Declaration>[] = [
  arithmetic,
  move,
  control,
  shift,
  bits,
  multiply,
  string,
  system,
  ...sse,
  x87Moves,
  x87Arithmetic,
  x87Transcendental,
  x87State,
  mmxInstructions,
  mmxConversions,
];

export const instructions = (): Declaration[] => FAMILIES.flatMap((family) => family());
/** How many each family has. */
export const lengths = (): number[] => FAMILIES.map((family) => family().length);
/** One of {@link instructions}, made with its family alone. */
export const instruction = (lengths: readonly number[], n: number): Declaration => nth(FAMILIES, lengths, n);
