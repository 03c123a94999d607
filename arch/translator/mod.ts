/**
 * Micro-ops, interpreter and translator to WebAssembly. In work.
 *
 * @module
 */
export {};
