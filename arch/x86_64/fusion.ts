/** Compare and branch in one operation: cmp or test followed by a conditional jump, for the forms that are frequent. */
import { i32, i64, type Machine, type OpDef, type Operand } from "@guise/translator";
import type { Declaration } from "./encoding.ts";
import { compared, CONDITIONS, setCompare, setLogic } from "./flags.ts";

/** Fused operations of one template, by condition. */
export interface Fusion {
  readonly template: number;
  readonly ops: (OpDef | undefined)[];
}

// deno-fmt-ignore
const CMP_CONDITIONS = [2, 3, 4, 5, 6, 7, 12, 13, 14, 15], TEST_CONDITIONS = [4, 5, 8, 9, 14, 15];

// Sign extension keeps the order, signed and unsigned: 32 bits are compared as they are.
function cmpAndBranch(m: Machine, a: Operand, b: Operand): void {
  const x = m.f.let(a.signed()), y = m.f.let(b.signed());
  setCompare(m, a.size, x, y);
  m.branchIf(compared(m.parameter, x, y)!);
}

function testAndBranch(m: Machine, a: Operand, b: Operand): void {
  // Of a mask without the sign, bits are tested where they are.
  const mask = b.signed(), { constant } = mask;
  const x = m.f.let((constant !== undefined && constant >= 0 ? a.read() : a.signed()).and(mask));
  setLogic(m, a.size, x);
  const cc = m.parameter;
  m.branchIf(
    cc === 8 ? x.ltS(0) : cc === 9 ? x.geS(0) : compared(cc, x, x.type === "i64" ? i64(0) : i32(0))!,
  );
}

export function fusions(templates: readonly { readonly d: Declaration; readonly def: OpDef }[]): Fusion[] {
  const result: Fusion[] = [], made = new Map<OpDef, (OpDef | undefined)[]>();
  templates.forEach(({ d, def }, template) => {
    if (!d.fuse || !def.hot) return;
    const shape = def.operands.map((o) => o.place[0]).join("");
    const size = def.operands[0].size;
    if (
      size === 16 || (d.fuse === "test" && shape === "mr") ||
      (shape !== "rr" && shape !== "ri" && size === 16)
    ) return;
    let ops = made.get(def);
    if (!ops) {
      ops = new Array(16).fill(undefined);
      const semantics = d.fuse === "cmp" ? cmpAndBranch : testAndBranch;
      for (const cc of d.fuse === "cmp" ? CMP_CONDITIONS : TEST_CONDITIONS) {
        ops[cc] = {
          name: `${def.name} j${CONDITIONS[cc]}`,
          operands: def.operands,
          semantics,
          flags: false,
          hot: true,
          parameter: cc,
          fused: true,
        };
      }
      made.set(def, ops);
    }
    result.push({ template, ops });
  });
  return result;
}
