/**
 * Helpers for tests of plugins, architectures and personalities: a made-up CPU, a loader of flat programs, and the
 * conformance suite that an author runs.
 *
 * @module
 */
import type { Arch } from "./arch.ts";
import type { Personality } from "./personality.ts";
import { EntryTable } from "./rows.ts";
import type { Syscall } from "./syscall.ts";

export * from "./fake_arch.ts";
export { useEngine } from "./runtime.ts";
export {
  conformance,
  type ConformanceCheck,
  ConformanceError,
  type ConformanceGuest,
  type ConformanceSubject,
} from "./conformance.ts";

/** Looks numbers up as a program's calls do: what a personality answers at an entry of an architecture. Throws where a row is wrong. */
export function callsOf(
  personality: Personality,
  arch: Arch,
  entry: string,
): (number: number) => Syscall | undefined {
  const table = new EntryTable(personality, arch, entry);
  return (number) => table.find(number)?.call;
}
