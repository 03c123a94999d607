/** What the comparisons with the host's CPU exchange with native_runner.c. */

/** Bytes and offsets of `struct state` in native_runner.c. */
export const STATE = 1296,
  AT = {
    length: 0,
    signal: 4,
    rip: 8,
    fault: 16,
    error: 24,
    code: 32,
    gpr: 128,
    flags: 256,
    window: 272,
    fx: 784,
  };
