/** What lockstep asks about code: are the flags wanted, and what are the micro-ops of an instruction. */
import { RECORD } from "../layout.ts";
import type { Analysis } from "./analysis.ts";
import { type Code, instructionAt } from "./graph.ts";

/**
 * Does the code at a biased pc certainly read the flags before it overwrites them? Across calls, returns and computed jumps nobody
 * hands flags over. `exact`: who handles a fault reads them, and may look behind these too.
 */
export function flagsWanted(
  code: Code,
  analysis: Analysis,
  pc: number,
  bias: number,
  exact = false,
): boolean {
  for (let n = 0; n < 64; n++) {
    const i = instructionAt(code, analysis, pc, bias);
    if (!i) return exact;
    const { info } = i;
    if ((info.how === "inline" && info.needsFlags) || (exact && info.leaves)) return true;
    if (info.how !== "inline") return exact;
    if (info.killsFlags && !info.readsFlags) return false;
    if (info.kind === "jmp") pc = i.target;
    else if (info.kind === "next") pc = i.next;
    else return exact && info.kind !== "jcc";
  }
  return false;
}

/** The records of an instruction, for a person. */
export function describe(code: Code, analysis: Analysis, pc: number, bias: number): string[] {
  const i = instructionAt(code, analysis, pc, bias);
  if (!i) return [];
  const { u8, i32 } = code.engine;
  const line = (name: string, r: number) =>
    `${name} a=${u8[r + RECORD.a]} b=${u8[r + RECORD.b]} base=${u8[r + RECORD.base]} index=${
      u8[r + RECORD.index]
    } scale=${u8[r + RECORD.scale]} disp=${i32[r + RECORD.disp >>> 2]} imm=${i32[r + RECORD.imm >>> 2]}`;
  const first = i.record - i.addresses.length * RECORD.size;
  return [
    ...i.addresses.map((a, n) => line(`address ${a.op}`, first + n * RECORD.size)),
    `${line(i.info.def.name, i.record)}, form ${i.info.form}, ${i.info.how}${
      i.flagsAfter ? "" : ", flags not wanted"
    }`,
  ];
}

/** What follows an instruction, and whether a region leaves it to the interpreter. */
export function look(
  code: Code,
  analysis: Analysis,
  pc: number,
  bias: number,
): { readonly next: number; readonly leaves: boolean } | undefined {
  const i = instructionAt(code, analysis, pc, bias);
  return i &&
    { next: i.next, leaves: i.info.how === "leave" || i.info.kind === "enter" || i.info.kind === "stop" };
}
