/**
 * Whose processor the host has. Where the architecture leaves a result open, Intel's and AMD's differ; Guise does what AMD's do, so what
 * is compared with an Intel is compared with the exceptions that ask here.
 *
 * @module
 */

/** Asked of a child: Deno itself reads /proc with all permissions only. */
function isIntel(): boolean {
  try {
    return new Deno.Command("grep", { args: ["-q", "GenuineIntel", "/proc/cpuinfo"] }).outputSync().success;
  } catch {
    return false;
  }
}

/** The host has one of Intel's processors. */
export const intel: boolean = isIntel();
