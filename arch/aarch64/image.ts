/** The interpreter that CPUs use: the shipped one, unless a tool says otherwise. */
import { bytesOf, prepareModule } from "@guise/translator/run";
import { Finder, type Row, type SpecialOps } from "./decode.ts";
import * as shipped from "./interpreter.generated.ts";

/** What CPUs work from. */
export interface Image {
  readonly finder: Finder;
  readonly special: SpecialOps;
  /** Tables of the decoder in the module, for the engine's memory. */
  readonly block: Uint8Array;
  /** It counts executed operations where its tables would be, and so has no decoder of its own. */
  readonly profile: boolean;
  /** First of the operations that do nothing. */
  readonly idle: number;
  readonly module: (wide: boolean) => WebAssembly.Module;
  /** What `module` compiles for 64-bit memories. */
  readonly code?: () => Uint8Array<ArrayBuffer>;
}

let narrow: string | undefined;
/** The module for 32-bit memories, which hosts without memory64 import. */
export function provideMemory32(base64: string): void {
  narrow = base64;
}

let current: Image | undefined;
export const image = (): Image =>
  current ??= {
    finder: new Finder(() => JSON.parse(shipped.rows()) as Row[]),
    block: bytesOf(shipped.tables()),
    profile: false,
    special: JSON.parse(shipped.SPECIAL) as SpecialOps,
    idle: shipped.IDLE,
    code: () => bytesOf(shipped.module()),
    module: (wide) => {
      if (!wide && !narrow) throw new Error('memory32 needs `import "@guise/aarch64/memory32"`');
      return new WebAssembly.Module(bytesOf(wide ? shipped.module() : narrow!));
    },
  };
export function use(other: Image): void {
  current = other;
}

/** Compiles the interpreter beforehand: see {@link prepareModule}. */
export const prepare = (): Promise<void> => prepareModule(image());
