/**
 * Loader of ELF programs and `#!` scripts: plans and maps what a personality runs, as Linux's binfmt_elf and
 * binfmt_script do.
 *
 * @module
 */
import type { Kernel, Plugin } from "@guise/core";
import { programs } from "./key.ts";
import { createPrograms } from "./programs.ts";

export * from "./key.ts";
export { type MakeOptions, makeProgram, programHeaderBytes } from "./make.ts";

/** The plugin: puts a loader under the key {@link programs}. */
export function elf(): Plugin {
  return {
    name: "elf",
    setup(kernel: Kernel): void {
      kernel.data.set(programs, createPrograms());
    },
  };
}
