/**
 * The kernel's core: plugin host, hooks, trap, dispatch, memory and tasks. In work.
 *
 * @module
 */
export {};
