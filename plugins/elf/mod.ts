/**
 * Loader of ELF programs. In work.
 *
 * @module
 */
export {};
