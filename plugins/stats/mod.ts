/**
 * Counters of a run. In work.
 *
 * @module
 */
export {};
