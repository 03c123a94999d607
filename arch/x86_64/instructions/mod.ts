/** All declarations, in the order of their families. */
import type { Declaration } from "../encoding.ts";
import { arithmetic } from "./arithmetic.ts";
import { bits } from "./bits.ts";
import { control } from "./control.ts";
import { move } from "./move.ts";
import { multiply } from "./multiply.ts";
import { shift } from "./shift.ts";
import { string } from "./string.ts";
import { system } from "./system.ts";

export const instructions: Declaration[] = [
  ...arithmetic,
  ...move,
  ...control,
  ...shift,
  ...bits,
  ...multiply,
  ...string,
  ...system,
];
