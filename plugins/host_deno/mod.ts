/**
 * The host services of Deno. In work.
 *
 * @module
 */
export {};
