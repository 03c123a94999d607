/**
 * Whose processor the host has. Where the architecture leaves a result open, Intel's and AMD's differ; Guise does what AMD's do, so what
 * is compared with an Intel is compared with the exceptions that ask here.
 *
 * @module
 */

function cpuinfo(): string {
  try {
    return Deno.readTextFileSync("/proc/cpuinfo");
  } catch {
    return "";
  }
}

/** The host has one of Intel's processors. */
export const intel: boolean = /^vendor_id\s*: GenuineIntel$/m.test(cpuinfo());
