// deno-lint-ignore-file house/no-host -- a tool for this machine
/**
 * Writes interpreter.generated.ts, memory32.generated.ts and operations.generated.ts from the declarations. A test fails when they are not current.
 *
 *   deno run -A arch/x86_64/tools/generate.ts
 */
import { learn, listed } from "@guise/translator/region";
import { build } from "../built.ts";
import { lengths } from "../instructions/mod.ts";
import { SLOTS } from "../jit.ts";
import { operations } from "../operations.ts";
import { packedOperations } from "../shipped.ts";

/** The text of the generated files. */
export function generated(): {
  readonly main: string;
  readonly memory32: string;
  readonly operations: string;
} {
  const image = build(), base64 = (b: Uint8Array) => (b as Uint8Array & { toBase64(): string }).toBase64();
  const head =
    "// Written by tools/generate.ts from the declarations. Do not edit.\n// deno-fmt-ignore-file\n// deno-lint-ignore-file\n";
  const { tables } = image, { ops, numbering } = operations();
  const learned = learn({ operations: listed(ops, numbering), slots: SLOTS }, numbering.variants.length);
  return {
    main:
      `${head}export const LEAVES = ${tables.leaves.length}, TEMPLATES = ${tables.templates.length}, FUSED = ${tables.fused.length};
export const IDLE = ${image.idle}, ILLEGAL = ${image.special.illegal}, PROTECTION = ${image.special.protection};
// Functions: what a program's start does not ask for is not made, and not kept with the compiled code either.
export const tables = (): string => "${base64(image.block)}";
export const module = (): string => "${base64(image.bytes(true))}";
`,
    memory32: `${head}export const module = (): string => "${base64(image.bytes(false))}";\n`,
    operations: `${head}export const HOT = ${numbering.hot};
export const FAMILIES = [${lengths()}];
export const operations = (): string => "${base64(packedOperations(operations()))}";
export const learned = (): string => ${JSON.stringify(learned)};
`,
  };
}

if (import.meta.main) {
  const { main, memory32, operations } = generated();
  Deno.writeTextFileSync(new URL("../interpreter.generated.ts", import.meta.url), main);
  Deno.writeTextFileSync(new URL("../memory32.generated.ts", import.meta.url), memory32);
  Deno.writeTextFileSync(new URL("../operations.generated.ts", import.meta.url), operations);
  console.log(`interpreter.generated.ts: ${main.length} bytes`);
}
