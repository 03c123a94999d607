/** The operations of the shipped interpreter, each made when a region needs it. */
import type { OpDef } from "@guise/translator";
import { bytesOf } from "@guise/translator/run";
import { type Operations, type Origin, packed, shipped } from "@guise/translator/region";
import { operationOf } from "./encoding.ts";
import { fusions } from "./fusion.ts";
import { instruction } from "./instructions/mod.ts";
import type { Operations as Made } from "./operations.ts";
import * as generated from "./operations.generated.ts";

/** Of an operation: its form (1: of memory), and behind that 1 + the condition of a fused pair. */
function make(declaration: number, variety: number): OpDef {
  const d = instruction(generated.FAMILIES, declaration),
    def = operationOf(d, (variety & 1) === 1),
    cc = (variety >> 1) - 1;
  return cc < 0 ? def : fusions([{ d, def: { ...def, hot: true } }])[0].ops[cc]!;
}

/** What {@link shippedOperations} is made from. */
export function packedOperations({ numbering, list, rows, fusedOps }: Made): Uint8Array {
  const origins = new Map<number, Origin>();
  const add = (op: number, declaration: number, memory: boolean, cc = -1) => {
    if (!origins.has(op)) origins.set(op, [declaration, (cc + 1) << 1 | Number(memory)]);
  };
  for (const { op, declaration, memory } of list) add(op, declaration, memory);
  rows.forEach(({ template }, row) => {
    const { declaration, memory } = list[template];
    fusedOps[row].forEach((op, cc) => op !== undefined && add(op, declaration, memory, cc));
  });
  return packed(numbering, (op) => origins.get(op)!);
}

/** Numbered as in the shipped interpreter. */
export const shippedOperations = (): Operations =>
  shipped(bytesOf(generated.operations()), generated.HOT, generated.learned(), make);
