/** The interpreter made from the declarations, here and now: for tools and tests, and to write the shipped one. */
import {
  CHUNKS,
  CORE_OPS,
  Generator,
  type InterpreterSpec,
  number,
  type Numbering,
  type OpDef,
} from "@guise/translator";
import { type Origin, packed } from "@guise/translator/region";
import { Finder, type Row, rowOf } from "./decode.ts";
import { defineDecoder } from "./decoder.ts";
import { type Declaration, operationOf } from "./encoding.ts";
import { CONDITIONS } from "./flag_names.ts";
import { HOT } from "./hot.ts";
import { instructions } from "./instructions/mod.ts";
import { EXTENDED, SPECIAL } from "./instructions/special.ts";
import { type Image, use } from "./image.ts";
import { NONE } from "./shipped.ts";
import { FIELD_SHIFT, STATE } from "./state.ts";
import { tablesOf } from "./tables.ts";

/** Operations with their numbers, and which of them each declaration is. */
interface Operations {
  readonly ops: readonly OpDef[];
  readonly numbering: Numbering;
  readonly index: readonly {
    readonly plain: number;
    /** With an index that is extended from a w register. */
    readonly extended: readonly number[];
    /** By condition. */
    readonly fused?: readonly number[];
  }[];
}
function operationsOf(declarations: readonly Declaration[], hot?: ReadonlySet<string>): Operations {
  const ops: OpDef[] = [...SPECIAL];
  const byName = new Map<string, number>(), semantics = new Map<string, Declaration>();
  const numberOf = (d: Declaration, def: OpDef) => {
    const old = byName.get(def.name);
    if (old === undefined) {
      byName.set(def.name, ops.length), semantics.set(def.name, d);
      return ops.push(def) - 1;
    }
    const other = semantics.get(def.name)!;
    if (!d.key && (other.semantics !== d.semantics || other.parameter !== d.parameter)) {
      throw new Error(`${def.name}: two meanings of one operation; give a key`);
    }
    return old;
  };
  const index = declarations.map((d) => ({
    plain: numberOf(d, operationOf(d)),
    extended: d.memory?.kind === "reg" && d.hot
      ? [numberOf(d, operationOf(d, "uxtw")), numberOf(d, operationOf(d, "sxtw"))]
      : [],
    fused: d.fuse && CONDITIONS.map((_, cc) => d.fuse!(cc) ? numberOf(d, operationOf(d, "", cc)) : -1),
  }));
  return { ops, numbering: number(ops, hot), index };
}

/** The image of these declarations. `profile`: all candidates are in the switch and executions are counted. */
export function build(declarations: readonly Declaration[], profile = false): Built {
  const hot = profile ? undefined : HOT;
  const { ops, numbering, index } = operationsOf(declarations, hot);
  const { numbers } = numbering, of = (i: number) => numbers[i * 4 + 1];
  const rows = declarations.map((d, i) => {
    const { plain, extended, fused } = index[i];
    return rowOf(
      d,
      of(plain),
      numbers[plain * 4 + 3],
      extended.map(of),
      (fused ?? []).map((n) => n < 0 ? 0 : of(n)),
    );
  });
  const extended = Object.fromEntries(Object.keys(EXTENDED).map((option, i) => [option, of(4 + i)]));
  const special = {
    undefined: of(0),
    misaligned: of(1),
    writeback: of(2),
    writebackRegister: of(3),
    extended,
  };
  const { places, block } = tablesOf(rows);
  if (places.end > CHUNKS) throw new Error("the decoder's tables have no room");
  const spec = (wide: boolean): InterpreterSpec => ({
    extra: (g) => defineDecoder(g, places, special),
    ops,
    hot,
    profile,
    host: {},
    zero: STATE.zero,
    temporary: STATE.temporary,
    pc: STATE.pc,
    fieldShift: FIELD_SHIFT,
    wide,
    tagged: true,
  });
  const bytes = (wide: boolean) => new Generator(spec(wide)).bytes();
  return {
    rows,
    block,
    profile,
    numbering,
    finder: new Finder(rows),
    special,
    idle: CORE_OPS.first + numbering.variants.length,
    bytes,
    module: (wide) => new WebAssembly.Module(bytes(wide)),
  };
}
/** An image with what is shipped of it. */
export interface Built extends Image {
  readonly rows: readonly Row[];
  readonly numbering: Numbering;
  readonly bytes: (wide: boolean) => Uint8Array<ArrayBuffer>;
}

let list: readonly Declaration[] | undefined;
/** All instructions. */
export const declarations = (): readonly Declaration[] => list ??= instructions();

let made: Operations | undefined;
/** Operations of all instructions, numbered as in the shipped interpreter. */
export const operations = (): Operations => made ??= operationsOf(declarations(), HOT);

/** What shipped.ts makes operations from. */
export function packedOperations(): { readonly hot: number; readonly bytes: Uint8Array } {
  const { numbering, index } = operations(), origins = new Map<number, Origin>();
  const add = (op: number, declaration: number, variety: number) => {
    if (op >= 0 && !origins.has(op)) origins.set(op, [declaration, variety]);
  };
  SPECIAL.forEach((_, i) => add(i, NONE, i));
  index.forEach(({ plain, extended, fused = [] }, d) => {
    add(plain, d, 0);
    extended.forEach((op, i) => add(op, d, i + 1));
    fused.forEach((op, cc) => add(op, d, (cc + 1) << 2));
  });
  return { hot: numbering.hot, bytes: packed(numbering, (op) => origins.get(op)!) };
}

/** Makes all CPUs from now on work from the declarations instead of the shipped interpreter. */
export function useDeclarations(profile = false): Built {
  const image = build(declarations(), profile);
  use(image);
  return image;
}
