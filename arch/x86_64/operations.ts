/** Operations made from the declarations, with their numbers: all that translating needs of them. */
import { number, type Numbering, type OpDef } from "@guise/translator";
import { type Declaration, operationOf } from "./encoding.ts";
import { type Fusion, fusions } from "./fusion.ts";
import { HOT } from "./hot.ts";
import { instructions } from "./instructions/mod.ts";

/** A declaration in one of its forms. */
export interface Template {
  readonly d: Declaration;
  readonly declaration: number;
  readonly memory: boolean;
  /** Index of its operation. */
  readonly op: number;
}

export interface Operations {
  readonly ops: readonly OpDef[];
  readonly numbering: Numbering;
  readonly list: readonly Template[];
  /** By declaration and form: number in `list`, from 1 on. */
  readonly templateOf: readonly (readonly (number | undefined)[])[];
  /** Pairs that are one operation, and the indices of their operations by condition. */
  readonly rows: readonly Fusion[];
  readonly fusedOps: readonly (readonly (number | undefined)[])[];
}

const FORMS = { reg: 1, mem: 2 } as const;
function formsOf(d: Declaration): number {
  const { modrmByte } = d.encoding;
  if (modrmByte !== undefined) return modrmByte >= 0xc0 ? FORMS.reg : FORMS.mem;
  for (const k of d.operands) {
    if (k.source === "mem") return FORMS.mem;
    if (k.source === "rm-reg") return FORMS.reg;
  }
  return FORMS.reg | FORMS.mem;
}

/** `hot` names the operations of the interpreter's big switch; without it all that are declared hot are in it. */
export function operationsOf(declarations: readonly Declaration[], hot?: ReadonlySet<string>): Operations {
  const ops: OpDef[] = [], byName = new Map<string, number>();
  const opIndex = (def: OpDef): number => {
    const old = byName.get(def.name);
    if (old === undefined) {
      byName.set(def.name, ops.push(def) - 1);
      return ops.length - 1;
    }
    if (ops[old].semantics !== def.semantics) {
      throw new Error(`${def.name}: two meanings of one operation; give a key`);
    }
    if (def.hot && !ops[old].hot) ops[old] = { ...ops[old], hot: true };
    return old;
  };
  // One template a declaration and form; the register form comes first.
  const list: Template[] = [];
  const templateOf: (number | undefined)[][] = declarations.map((d, declaration) => {
    const forms = formsOf(d);
    return [false, true].map((memory) => {
      if (
        d.encoding.modrm
          ? !(forms & (memory ? FORMS.mem : FORMS.reg))
          : memory !== d.operands.some((k) => k.source === "moffs")
      ) {
        return undefined;
      }
      return list.push({ d, declaration, memory, op: opIndex(operationOf(d, memory)) });
    });
  });
  const rows: Fusion[] = fusions(list.map((t) => ({ ...t, def: ops[t.op] })));
  const fusedOps = rows.map((row) => row.ops.map((def) => (def ? opIndex(def) : undefined)));
  return { ops, numbering: number(ops, hot), list, templateOf, rows, fusedOps };
}

let made: Operations | undefined;
/** Those of all declarations. */
export const operations = (): Operations => made ??= operationsOf(instructions(), HOT);
