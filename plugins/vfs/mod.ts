/**
 * The virtual file system. In work.
 *
 * @module
 */
export {};
