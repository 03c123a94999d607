/**
 * Translation of hot code to WebAssembly regions.
 *
 * @module
 */
export * from "./translator.ts";
export { type ImageSpec, vectorsOf } from "./copies.ts";
export { copying } from "./inline.ts";
export * from "./operations.ts";
export { keeping } from "./steady.ts";
export { summing } from "./sums.ts";
export { paging } from "./window.ts";
