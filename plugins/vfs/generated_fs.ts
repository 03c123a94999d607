/**
 * A file system of generated files, from which /proc and /sys are made: directories that list themselves when asked,
 * files whose content is made when they are opened, links that are computed. Nodes are plain objects.
 */
import type { Errno } from "@guise/core";
import type { Caller, Location } from "./context.ts";
import type { OpenFile } from "./file.ts";
import type { Name } from "./names.ts";

/** What all nodes have. */
export interface GeneratedBase {
  /** Permission bits; default 0444 for files, 0555 for directories, 0777 for links. */
  readonly mode?: number;
  /** Owner now; default root. */
  readonly owner?: () => { readonly uid: number; readonly gid: number };
}
/** A file: content is made at open, and again when read at offset 0. Text is UTF-8; nothing has a size in stat. */
export interface GeneratedFile extends GeneratedBase {
  readonly kind: "file";
  readonly read?: (caller: Caller) => string | Uint8Array | Errno;
  /** Takes what one write(2) gives; returns the bytes taken. */
  readonly write?: (bytes: Uint8Array, caller: Caller) => number | Errno;
  /** For files that are not a text made at once (/proc/PID/mem): read and write at an offset. */
  readonly readAt?: (into: Uint8Array, offset: number, caller: Caller) => number | Errno;
  readonly writeAt?: (from: Uint8Array, offset: number, caller: Caller) => number | Errno;
  /** For files that need an OpenFile of their own. */
  readonly open?: (location: Location, flags: number, caller: Caller) => OpenFile | Errno;
}
/** A directory. */
export interface GeneratedDirectory extends GeneratedBase {
  readonly kind: "directory";
  /**
   * The entry of that name now; ENOENT: undefined. The same thing should be the same object, or have the same `id`,
   * for as long as it exists (inode numbers and working directories depend on it).
   */
  readonly lookup: (name: Name, caller: Caller) => GeneratedNode | undefined;
  /** The names now, in the order of the listing. */
  readonly names: (caller: Caller) => Iterable<Name>;
}
/** A symbolic link; `follow` makes it a magic one, that leads to a place. */
export interface GeneratedLink extends GeneratedBase {
  readonly kind: "link";
  readonly target: (caller: Caller) => Name | Errno;
  readonly follow?: (caller: Caller) => Location | Errno;
}
export type GeneratedNode = GeneratedFile | GeneratedDirectory | GeneratedLink;
