/**
 * Builds the Linux vDSO images ahead of time, so that no program's start pays for an assembler: writes
 * personalities/linux/vdso/prebuilt.ts. A test says when it is out of date.
 *
 * ```sh
 * deno run -A tests/tools/vdso.ts
 * ```
 */
import { type Arch, buildVdso } from "@guise/core";
import { personality } from "@guise/linux";
import { aarch64 } from "@guise/aarch64";
import { x86_64 } from "@guise/x86-64";

/** Architectures with vDSO code. */
export const arches: readonly Arch[] = [x86_64, aarch64];

/** Bytes of the data pages before the image: vdso/map.ts maps as many. */
const DATA_BYTES = 4 * 4096;

function base64(bytes: Uint8Array): string {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return btoa(String.fromCharCode(...bytes.subarray(0, end)));
}

/** The text of the module. */
export function prebuiltModule(): string {
  let text = `/**
 * The vDSO images of exports.ts, built ahead: made by tests/tools/vdso.ts, not to be edited. Without its row an architecture's
 * image is built at its first use.
 */

/** One image: its bytes up to the last that is not zero. */
export interface Prebuilt {
  /** Bytes, a whole number of pages. */
  readonly size: number;
  /** Where the code is. */
  readonly text: readonly [start: number, end: number];
  readonly symbols: Readonly<Record<string, number>>;
  readonly base64: string;
}

/** By name of the architecture. */
// deno-fmt-ignore
export const prebuilt: Readonly<Record<string, Prebuilt>> = {
`;
  for (const arch of arches) {
    const image = buildVdso({ arch, exports: personality.exports ?? [], dataBytes: DATA_BYTES });
    if (image.targets.length > 0) throw new Error("an image with host functions cannot be built ahead");
    const symbols = [...image.symbols].map(([name, at]) => `${JSON.stringify(name)}: ${at}`).join(", ");
    text += `  ${JSON.stringify(arch.name)}: {
    size: ${image.bytes.length},
    text: [${image.text.start}, ${image.text.end}],
    symbols: { ${symbols} },
    base64: "${base64(image.bytes)}",
  },
`;
  }
  return text + "};\n";
}

/** Where it goes. */
export const place = new URL("../../personalities/linux/vdso/prebuilt.ts", import.meta.url);

if (import.meta.main) await Deno.writeTextFile(place, prebuiltModule());
