/**
 * The Linux personality. In work.
 *
 * @module
 */
export {};
