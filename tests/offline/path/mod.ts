/**
 * Stands in for @std/path 1.1.2 where the registry that has it cannot be reached. Windows paths are left out: the host is
 * Linux or macOS wherever the suite runs without the real package.
 *
 * @module
 */
export * from "./posix.ts";
