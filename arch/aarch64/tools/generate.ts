// deno-lint-ignore-file house/no-host -- a tool for this machine
/**
 * Writes interpreter.generated.ts, memory32.generated.ts and operations.generated.ts from the declarations. A test fails when they are not current.
 *
 *   deno run -A arch/aarch64/tools/generate.ts
 */
import { learn, listed } from "@guise/translator/region";
import { build, declarations, operations, packedOperations } from "../built.ts";
import { lengths } from "../instructions/mod.ts";
import { SLOTS } from "../jit.ts";

/** The text of the generated files. */
export function generated(): {
  readonly main: string;
  readonly memory32: string;
  readonly operations: string;
} {
  const { hot, bytes } = packedOperations(),
    image = build(declarations()),
    { ops, numbering } = operations(),
    learned = learn({ operations: listed(ops, numbering), slots: SLOTS }, numbering.variants.length),
    base64 = (b: Uint8Array) => (b as Uint8Array & { toBase64(): string }).toBase64();
  const head =
    "// Written by tools/generate.ts from the declarations. Do not edit.\n// deno-fmt-ignore-file\n// deno-lint-ignore-file\n";
  return {
    main: `${head}export const IDLE = ${image.idle};
export const SPECIAL = ${JSON.stringify(JSON.stringify(image.special))};
export const rows = (): string => ${JSON.stringify(JSON.stringify(image.rows))};
export const tables = (): string => "${base64(image.block)}";
export const module = (): string => "${base64(image.bytes(true))}";
`,
    memory32: `${head}export const module = (): string => "${base64(image.bytes(false))}";\n`,
    operations:
      `${head}export const HOT = ${hot};\nexport const FAMILIES = [${lengths()}];\nexport const operations = (): string => "${
        base64(bytes)
      }";\nexport const learned = (): string => ${JSON.stringify(learned)};\n`,
  };
}

if (import.meta.main) {
  const { main, memory32, operations } = generated();
  Deno.writeTextFileSync(new URL("../interpreter.generated.ts", import.meta.url), main);
  Deno.writeTextFileSync(new URL("../memory32.generated.ts", import.meta.url), memory32);
  Deno.writeTextFileSync(new URL("../operations.generated.ts", import.meta.url), operations);
  console.log(`interpreter.generated.ts: ${main.length} bytes`);
}
