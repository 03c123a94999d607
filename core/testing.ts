/**
 * Helpers for tests of plugins, architectures and personalities. In work.
 *
 * @module
 */
export {};
