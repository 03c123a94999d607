/**
 * The aarch64 architecture, with its assembler and disassembler: ARMv8.0-A user mode. To run programs alone, `@guise/aarch64/run` loads faster.
 *
 * @module
 */
import { aarch64, provideTools } from "./arch.ts";
import { assemble } from "./assemble.ts";
import { disassemble } from "./disassemble.ts";

provideTools({ assemble, disassemble });

export { aarch64 };
