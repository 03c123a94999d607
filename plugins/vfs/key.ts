/**
 * The key under which other plugins find the virtual file system. In work.
 *
 * @module
 */
export {};
