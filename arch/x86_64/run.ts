/**
 * The x86-64 architecture for running programs: the same object as that of `@guise/x86-64`, which adds assembler and disassembler to it.
 *
 * @module
 */
export { x86_64 } from "./arch.ts";
export { prepare } from "./image.ts";
