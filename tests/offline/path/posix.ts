/**
 * Stands in for `@std/path/posix` 1.1.2, on `node:path`'s posix half, which agrees with it for these functions: paths that
 * start with `/`, on every host.
 *
 * @module
 */
import { posix } from "node:path";

export { type GlobOptions, globToRegExp } from "./glob.ts";

/** A path in its parts. */
export interface ParsedPath {
  /** `/` or empty. */
  root: string;
  /** The folder. */
  dir: string;
  /** The file's name with its extension. */
  base: string;
  /** The extension with its dot. */
  ext: string;
  /** The file's name without extension. */
  name: string;
}

/** What separates folders. */
export const SEPARATOR = "/";
/** One or more separators. */
export const SEPARATOR_PATTERN: RegExp = /\/+/;
/** What separates the entries of PATH. */
export const DELIMITER = ":";

function text(path: string | URL): string {
  return path instanceof URL ? fromFileUrl(path) : path;
}

/** Joins paths, then normalizes. */
export function join(path?: URL | string, ...paths: string[]): string {
  return posix.join(...(path === undefined ? [] : [text(path)]), ...paths);
}

/** The folder of a path. */
export function dirname(path: string | URL): string {
  return posix.dirname(text(path));
}

/** The last part of a path, without `suffix` if it ends so. */
export function basename(path: string | URL, suffix = ""): string {
  return posix.basename(text(path), suffix);
}

/** The extension, with its dot. */
export function extname(path: string | URL): string {
  return posix.extname(text(path));
}

/** An absolute path; relative ones start at the working directory. */
export function resolve(...paths: string[]): string {
  return posix.resolve(...paths);
}

/** Resolves `.`, `..` and doubled separators. */
export function normalize(path: string | URL): string {
  return posix.normalize(text(path));
}

/** The way from `from` to `to`. */
export function relative(from: string, to: string): string {
  return posix.relative(from, to);
}

/** Whether a path starts at the root. */
export function isAbsolute(path: string): boolean {
  return posix.isAbsolute(path);
}

/** Takes a path into its parts. */
export function parse(path: string): ParsedPath {
  return posix.parse(path);
}

/** Puts parts together. */
export function format(pathObject: Partial<ParsedPath>): string {
  return posix.format(pathObject);
}

/** The path of a `file:` URL; `TypeError` for another protocol. */
export function fromFileUrl(url: URL | string): string {
  const u = url instanceof URL ? url : new URL(url);
  if (u.protocol !== "file:") throw new TypeError(`URL must be a file URL: received "${u.protocol}"`);
  return decodeURIComponent(u.pathname.replace(/%(?![0-9A-Fa-f]{2})/g, "%25"));
}

/** The `file:` URL of an absolute path; `TypeError` for a relative one. */
export function toFileUrl(path: string): URL {
  if (!isAbsolute(path)) throw new TypeError(`Path must be absolute: received "${path}"`);
  const url = new URL("file:///");
  url.pathname = path.replace(/[%\\\s]/g, (c) => encodeURIComponent(c));
  return url;
}
