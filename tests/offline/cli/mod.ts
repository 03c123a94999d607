/**
 * Stands in for @std/cli 1.0.21.
 *
 * @module
 */
export * from "./parse_args.ts";
