/**
 * Guise: runs unmodified Linux programs on a kernel of TypeScript plugins. In work.
 *
 * @module
 */
export {};
