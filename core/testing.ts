/**
 * Helpers for tests of plugins, architectures and personalities: a made-up CPU, a loader of flat programs, and the
 * conformance suite that an author runs.
 *
 * @module
 */
export * from "./fake_arch.ts";
export {
  conformance,
  type ConformanceCheck,
  ConformanceError,
  type ConformanceGuest,
  type ConformanceSubject,
} from "./conformance.ts";
export { EntryTable } from "./rows.ts";
