/**
 * The x86-64 architecture. In work.
 *
 * @module
 */
export {};
