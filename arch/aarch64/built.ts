/** The interpreter made from the declarations when the first CPU is made. */
import { CORE_OPS, Generator, type InterpreterSpec, number, type OpDef } from "@guise/translator";
import { Finder, prepare, type Prepared, type SpecialOps } from "./decode.ts";
import { type Declaration, operationOf } from "./encoding.ts";
import { instructions } from "./instructions/mod.ts";
import { EXTENDED, MISALIGNED, UNDEFINED, WRITEBACK, WRITEBACK_REGISTER } from "./instructions/special.ts";
import { FIELD_SHIFT, STATE } from "./state.ts";

/** What CPUs work from. */
export interface Image {
  readonly finder: Finder;
  readonly special: SpecialOps;
  readonly idle: number;
  readonly spec: (wide: boolean) => InterpreterSpec;
  readonly prepared: readonly Prepared[];
}

/** The image of these declarations. */
export function build(declarations: readonly Declaration[]): Image {
  const ops: OpDef[] = [UNDEFINED, MISALIGNED, WRITEBACK, WRITEBACK_REGISTER, ...Object.values(EXTENDED)];
  const byName = new Map<string, number>(), semantics = new Map<string, Declaration>();
  const index = declarations.map((d) => {
    const def = operationOf(d), old = byName.get(def.name);
    if (old === undefined) {
      byName.set(def.name, ops.length), semantics.set(def.name, d);
      return ops.push(def) - 1;
    }
    const other = semantics.get(def.name)!;
    if (!d.key && (other.semantics !== d.semantics || other.parameter !== d.parameter)) {
      throw new Error(`${def.name}: two meanings of one operation; give a key`);
    }
    return old;
  });
  const numbering = number(ops), { numbers } = numbering, of = (i: number) => numbers[i * 4 + 1];
  const prepared = declarations.map((d, i) => prepare(d, of(index[i]), numbers[index[i] * 4 + 3]));
  const extended = Object.fromEntries(Object.keys(EXTENDED).map((option, i) => [option, of(4 + i)]));
  return {
    finder: new Finder(prepared),
    prepared,
    special: { undefined: of(0), misaligned: of(1), writeback: of(2), writebackRegister: of(3), extended },
    idle: CORE_OPS.first + numbering.variants.length,
    spec: (wide) => ({
      ops,
      host: {},
      zero: STATE.zero,
      temporary: STATE.temporary,
      pc: STATE.pc,
      fieldShift: FIELD_SHIFT,
      wide,
    }),
  };
}

let current: Image | undefined;
/** The image of all instructions. */
export const image = (): Image => current ??= build(instructions());

const modules: (WebAssembly.Module | undefined)[] = [];
/** The interpreter, compiled once. */
export function moduleOf(wide: boolean): WebAssembly.Module {
  return modules[Number(wide)] ??= new WebAssembly.Module(new Generator(image().spec(wide)).bytes());
}
