/**
 * The interpreter made from the declarations, here and now: for tools, for tests, and to write the shipped one. Takes some
 * 50 ms, which is why programs use interpreter.generated.ts.
 */
import { CORE_OPS, Generator, type HostFunction, type InterpreterSpec } from "@guise/translator";
import { defineDecoder, tableBytes, tablePlaces } from "./decoder.ts";
import { HOT } from "./hot.ts";
import { HOST, type Image, use } from "./image.ts";
import { instructions } from "./instructions/mod.ts";
import { operations, operationsOf } from "./operations.ts";
import { STATE } from "./state.ts";
import { buildTables, type Tables, TEMPLATE } from "./tables.ts";

let made: Tables | undefined;
export const tables = (): Tables => made ??= buildTables(instructions(), operations());

export function interpreterSpec(
  t: Tables,
  wide: boolean,
  hot?: ReadonlySet<string>,
  profile = false,
): InterpreterSpec {
  return {
    ops: t.ops,
    hot,
    profile,
    host: HOST as Record<string, HostFunction>,
    zero: STATE.zero,
    temporary: STATE.temporary,
    pc: STATE.rip,
    wide,
    extra: (g) => defineDecoder(g, tablePlaces(t)),
  };
}

/** First operation of the declaration with this mnemonic. */
function opOf(t: Tables, mnemonic: string): number {
  const i = t.declarations.findIndex((d) => d.mnemonic === mnemonic), view = new DataView(t.templates.buffer);
  for (let at = TEMPLATE.size; at < t.templates.length; at += TEMPLATE.size) {
    if (view.getUint16(at + TEMPLATE.declaration, true) === i) return view.getUint16(at + TEMPLATE.op, true);
  }
  throw new Error(`no ${mnemonic}`);
}

/** An image from the declarations. `profile`: all candidates are in the switch and executions are counted. */
export function build(
  profile = false,
): Image & { readonly bytes: (wide: boolean) => Uint8Array<ArrayBuffer> } {
  const all = instructions(), t = profile ? buildTables(all, operationsOf(all)) : tables();
  const bytes = (wide: boolean) =>
    new Generator(interpreterSpec(t, wide, profile ? undefined : HOT, profile)).bytes();
  return {
    tables: t,
    block: tableBytes(t),
    profile,
    special: { illegal: opOf(t, "ud2"), protection: opOf(t, "hlt") },
    idle: CORE_OPS.first + t.numbering.variants.length,
    bytes,
    module: (wide) => new WebAssembly.Module(bytes(wide)),
  };
}

/** Makes all CPUs from now on work from the declarations instead of the shipped interpreter. */
export function useDeclarations(profile = false): Tables {
  const image = build(profile);
  use(image);
  return image.tables as Tables;
}
