/** A plugin is data first: a plain object with a name and what it brings. */
import type { Arch } from "./arch.ts";
import type { Hooks } from "./hooks.ts";
import type { Kernel } from "./kernel.ts";
import type { Personality } from "./personality.ts";

export interface Plugin {
  readonly name: string;
  readonly arch?: Arch;
  readonly personality?: Personality;
  readonly hooks?: Partial<Hooks>;
  /** Called once, in order of the list, after all plugins' data are known. */
  setup?(kernel: Kernel): void | Promise<void>;
}
