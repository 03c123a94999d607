/**
 * The aarch64 architecture for running programs: the same object as that of `@guise/aarch64`.
 *
 * @module
 */
export { aarch64 } from "./arch.ts";
export { prepare } from "./image.ts";
