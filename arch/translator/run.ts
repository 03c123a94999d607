/**
 * What running programs needs of the translator: the run loop, the code cache, the layout. Generating code is not among it.
 *
 * @module
 */
export * from "./cache.ts";
export * from "./cpu.ts";
export { EAGERNESS, type Eagerness } from "./eagerness.ts";
export { BaseFrame, type RegisterPlace } from "./frame.ts";
export * from "./layout.ts";
export * from "./modules.ts";
export * from "./parts.ts";
export type { LockstepLog, RegionText } from "./lockstep.ts";
export { bytesOf } from "./base64.ts";
