/** All declarations, in the order of their families. */
import type { Declaration } from "../encoding.ts";
import { arithmetic } from "./arithmetic.ts";
import { control } from "./control.ts";

export const instructions: Declaration[] = [
  ...arithmetic,
  ...control,
];
