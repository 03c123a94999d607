/** SSE to SSE4.2, all families in the order of their files. */
import type { Late } from "@guise/translator";
import type { Declaration } from "../encoding.ts";
import { sseArithmetic } from "./sse_arithmetic.ts";
import { sseCompare } from "./sse_compare.ts";
import { sseConvert } from "./sse_convert.ts";
import { sseInteger } from "./sse_integer.ts";
import { sseMoves } from "./sse_move.ts";
import { sseControl } from "./sse_mxcsr.ts";
import { sseShuffles } from "./sse_shuffle.ts";
import { sseStrings } from "./sse_string.ts";

export const sse: readonly Late<Declaration>[] = [
  sseMoves,
  sseInteger,
  sseShuffles,
  sseStrings,
  sseControl,
  sseArithmetic,
  sseCompare,
  sseConvert,
];
