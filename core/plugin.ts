/** A plugin is data first: a plain object with a name and what it brings. */
import type { Arch } from "./arch.ts";
import type { Hooks } from "./hooks.ts";
import type { Kernel } from "./kernel.ts";
import type { Personality } from "./personality.ts";

/** An architecture that is not loaded yet. */
export interface LateArch {
  /** The name that it will have. */
  readonly name: string;
  /** ELF e_machine of its programs. */
  readonly elfMachine: number;
  /** Loads it. */
  load(): Promise<Arch>;
}

/** What a plugin brings; see {@link createKernel}. */
export interface Plugin {
  /** Unique in a kernel. */
  readonly name: string;
  /** A CPU. */
  readonly arch?: Arch;
  /** A CPU that is loaded when the first program for it is run: many kernels never need it. */
  readonly lateArch?: LateArch;
  /** A personality. */
  readonly personality?: Personality;
  /** Hooks that are on from the start. */
  readonly hooks?: Partial<Hooks>;
  /** Called once, in order of the list, after all plugins' data are known. */
  setup?(kernel: Kernel): void | Promise<void>;
}
