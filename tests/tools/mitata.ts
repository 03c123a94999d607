/**
 * The one import of mitata. It is not in deno.json's imports: `deno task` fetches every npm package that stands there before
 * it runs anything, and a clean clone without a network could not even run its tests.
 *
 * @module
 */
export * from "npm:mitata@^1";
