/** A WebAssembly encoder with a structured expression layer. */
export * from "./function.ts";
export * from "./module.ts";
export * from "./simd.ts";
export * from "./value.ts";
export * from "./writer.ts";
