/**
 * The OSv personality: dynamic programs are linked to the kernel and call it directly; static ones use SYSCALL. `osv()` is
 * the plugin.
 *
 * @module
 */
export { osv, osvNamed, type OsvOptions } from "./personality.ts";
export type { TableSet } from "./tables.ts";
export { names as exportedFunctions } from "./exports.ts";
export { aliases as guestNames } from "./libc/misc.ts";
