/**
 * The aarch64 architecture: ARMv8.0-A user mode.
 *
 * @module
 */
export { aarch64 } from "./arch.ts";
