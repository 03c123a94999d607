/**
 * Standard streams of the host as open files. Input is pushed by the host when we asked for it, output is handed over
 * at once. How the stream looks to fstat (pipe, character device, regular file, terminal) is what the host says.
 */
import type { Errno } from "@guise/core";
import type { HostFile } from "./host_folder.ts";

/** Takes output bytes; does not keep them. A number taken, or EAGAIN (tell {@link HostOutput.ready} later), EPIPE, EIO. */
export type HostWrite = (bytes: Uint8Array) => number | Errno;

/**
 * The host's side of an input: called only when a reader wants bytes and none are on the way. The host answers once,
 * later and between tasks, by `deliver`: 1 to `max` bytes, none at the end of the input, or an error. It reads no more than
 * `max` from a pipe or a device, so that the rest stays for the next program on the host.
 */
export type HostDemand = (max: number, deliver: (bytes: Uint8Array | Errno) => void) => void;

/** A terminal of the host, behind a {@link Terminal}. */
export interface HostConsole {
  /** Whether the host itself edits lines, echoes and sends signals while not raw. */
  readonly cooked: boolean;
  write: HostWrite;
  demand: HostDemand;
  /** Asks the host for raw mode (no editing, no echo, no signals) or back. */
  setRaw?(raw: boolean): void;
  size?(): { readonly rows: number; readonly columns: number } | undefined;
}

/** What stands behind descriptor 0, 1 or 2. */
export type HostStdio =
  /** A pipe (S_IFIFO) or a character device (S_IFCHR): bytes in order, no offset. `rdev` of the device. */
  | {
    readonly kind: "pipe" | "device";
    readonly input?: HostDemand;
    readonly output?: HostWrite;
    readonly rdev?: number;
  }
  /** A regular file, with the offset at which it was handed to us. */
  | { readonly kind: "file"; readonly file: HostFile; readonly offset: number; readonly flags: number }
  /** The host's terminal; all descriptors with the same console share one {@link Terminal}. */
  | { readonly kind: "terminal"; readonly console: HostConsole }
  /** /dev/null. */
  | { readonly kind: "null" }
  /** Closed. */
  | { readonly kind: "closed" };
