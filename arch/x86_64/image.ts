/** The interpreter that CPUs use: the shipped one, unless a tool says otherwise. */
import type { HostFunction } from "@guise/translator";
import { bytesOf, prepareModule } from "@guise/translator/run";
import * as shipped from "./interpreter.generated.ts";
import type { NumericTables } from "./template.ts";

/** JavaScript that rare instructions call. */
export const HOST: Readonly<Record<string, HostFunction>> = {
  cpuid: { params: [], results: [] },
};

/** A module with the tables that belong to it. */
export interface Image {
  readonly tables: NumericTables;
  /** The same tables as they lie in the engine's memory. */
  readonly block: Uint8Array;
  /** It counts executed operations where its tables would be, and so has no decoder of its own. */
  readonly profile: boolean;
  /** Operations that stand for undecodable bytes. */
  readonly special: { readonly illegal: number; readonly protection: number };
  /** First of the operations that do nothing. */
  readonly idle: number;
  readonly module: (wide: boolean) => WebAssembly.Module;
  /** What `module` compiles for 64-bit memories. */
  readonly code?: () => Uint8Array<ArrayBuffer>;
}

function load(): Image {
  const block = bytesOf(shipped.tables());
  let at = 0;
  const bytes = (n: number) => block.subarray(at, at += n);
  const words = (n: number) => new Uint16Array(block.buffer, at, ((at += n * 2), n));
  const align = () => at = at + 15 & ~15;
  const nodes = words(1024), nodeBits = bytes(1024), leaves = words(shipped.LEAVES);
  align();
  const templates = bytes(shipped.TEMPLATES);
  align();
  const fused = words(shipped.FUSED);
  return {
    tables: { nodes, nodeBits, leaves, templates, fused },
    block,
    profile: false,
    special: { illegal: shipped.ILLEGAL, protection: shipped.PROTECTION },
    idle: shipped.IDLE,
    code: () => bytesOf(shipped.module()),
    module: (wide) => {
      if (!wide && !narrow) throw new Error('memory32 needs `import "@guise/x86-64/memory32"`');
      try {
        return new WebAssembly.Module(bytesOf(wide ? shipped.module() : narrow!));
      } catch (error) {
        if (wide || !(error instanceof WebAssembly.CompileError)) throw error;
        const why =
          "WebAssembly with several memories, which Node has from 22 on, Chrome from 120, Firefox from 125";
        throw new Error(`guise: this JavaScript engine lacks ${why} (${error.message})`);
      }
    },
  };
}

let narrow: string | undefined;
/** The module for 32-bit memories, which hosts without memory64 import. */
export function provideMemory32(base64: string): void {
  narrow = base64;
}

let current: Image | undefined;
export const image = (): Image => current ??= load();
export function use(other: Image): void {
  current = other;
}

/** Compiles the interpreter beforehand: see {@link prepareModule}. */
export const prepare = (): Promise<void> => prepareModule(image());
