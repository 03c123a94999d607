/**
 * The x86-64 architecture.
 *
 * @module
 */
export { x86_64 } from "./arch.ts";
