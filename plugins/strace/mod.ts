/**
 * A trace of system calls, printed as strace does. In work.
 *
 * @module
 */
export {};
