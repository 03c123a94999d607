/**
 * Micro-ops, interpreter and translator to WebAssembly.
 *
 * @module
 */
export * from "./wasm/mod.ts";
export { type Late, late, nth, once } from "./late.ts";
export * from "./machine.ts";
export * from "./layout.ts";
export * from "./interpreter.ts";
export * from "./record_machine.ts";
export * from "./cache.ts";
export * from "./cpu.ts";
export { EAGERNESS, type Eagerness } from "./eagerness.ts";
export * from "./parts.ts";
export { multiplyHigh, remainder } from "./wide.ts";
export * from "./softfloat/mod.ts";
