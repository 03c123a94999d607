/** Mapping the vDSO and its data (spec X17, X20): `[vvar]` readable, `[vdso]` directly after it. */
import { type Arch, buildVdso, EXEC, READ, type Task, type VdsoImage, WRITE } from "@guise/core";
import { processOf } from "../state.ts";
import { refreshClock } from "./clock.ts";
import { exports, SIGRETURN } from "./exports.ts";
import { prebuilt } from "./prebuilt.ts";

const DATA_BYTES = 4 * 4096;

/** One image an architecture: it serves every address. `undefined`: this architecture has none yet. */
const images = new WeakMap<Arch, VdsoImage | null>();

/** The image of prebuilt.ts: assembling one takes longer than starting a small program. */
function builtAhead(arch: string): VdsoImage | undefined {
  const found = prebuilt[arch];
  if (found === undefined) return undefined;
  const bytes = new Uint8Array(found.size);
  bytes.set(bytesOfBase64(found.base64));
  const [start, end] = found.text;
  return { bytes, symbols: new Map(Object.entries(found.symbols)), targets: [], text: { start, end } };
}

/** By the engine where it can; `atob` is loaded by some hosts when it is first used. */
function bytesOfBase64(text: string): Uint8Array {
  const { fromBase64 } = Uint8Array as unknown as { readonly fromBase64?: (text: string) => Uint8Array };
  return fromBase64?.call(Uint8Array, text) ?? Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

function imageFor(arch: Arch): VdsoImage | undefined {
  let image = images.get(arch);
  if (image === undefined) {
    const has = exports.some((e) => e.code?.[arch.name] !== undefined);
    image = builtAhead(arch.name) ?? (has ? buildVdso({ arch, exports, dataBytes: DATA_BYTES }) : null);
    images.set(arch, image);
  }
  return image ?? undefined;
}

/** Maps both into a fresh space; without room for them the program simply has no vDSO. */
export function mapVdso(task: Task): void {
  const { space } = task;
  const { mm } = processOf(task);
  const image = imageFor(task.process.arch);
  if (image === undefined) return;
  const base = space.map({ address: 0, length: DATA_BYTES + image.bytes.length, prot: READ });
  if (base < 0) return;
  // Written once the usual way, so that the space knows the page to be in use: later updates go around protection.
  space.map({ address: base, length: DATA_BYTES, prot: READ | WRITE, fixed: "replace", name: "[vvar]" });
  space.write(base, new Uint8Array(64));
  space.protect(base, DATA_BYTES, READ);
  const code = base + DATA_BYTES;
  space.map({
    address: code,
    length: image.bytes.length,
    prot: READ | WRITE,
    fixed: "replace",
    name: "[vdso]",
  });
  space.write(code, image.bytes);
  space.protect(code, image.bytes.length, READ | EXEC);
  mm.vvar = base;
  mm.vdso = code;
  const sigreturn = image.symbols.get(SIGRETURN);
  mm.sigreturn = sigreturn === undefined ? 0 : code + sigreturn;
  refreshClock(task);
}
