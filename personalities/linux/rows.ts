/** The type of a subject's rows: numbers on x86-64 and aarch64 (null: absent there) and the call. */
import type { Syscall } from "@guise/core";

/** Rows of a subject: numbers on x86-64 and aarch64 (null: not there) with the call. */
export type Rows =
  readonly (readonly [numbers: readonly [x86: number | null, arm: number | null], call: Syscall])[];
