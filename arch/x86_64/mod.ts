/**
 * The x86-64 architecture, with its assembler and disassembler. To run programs alone, `@guise/x86-64/run` loads faster.
 *
 * @module
 */
import { provideTools, x86_64 } from "./arch.ts";
import { assemble } from "./assemble.ts";
import { disassemble } from "./disassemble.ts";

provideTools({ assemble, disassemble });

export { x86_64 };
