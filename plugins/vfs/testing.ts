/**
 * For tests of file systems: callers, reading and writing by path, in one line each.
 *
 * ```ts
 * import { MemoryFs } from "@guise/vfs";
 * import { caller, list, read, write } from "@guise/vfs/testing";
 *
 * const c = caller(new MemoryFs());
 * write(c, "/greeting", "hello");
 * console.log(list(c, "/"), read(c, "/greeting"));
 * ```
 *
 * @module
 */
import { type Caller, type Credentials, credentialsOf, openAt, type OpenFile, Vfs } from "./mod.ts";
import type { FileSystem } from "./inode.ts";

const decoder = new TextDecoder();

/** Bytes of a text. */
export const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** A kernel's view of `fs` for one user. */
export function caller(fs: FileSystem | Vfs, uid = 0, cred: Credentials = credentialsOf(uid)): Caller {
  const vfs = fs instanceof Vfs ? fs : new Vfs(fs);
  return { fs: vfs.createContext(), cred };
}

/** An open file, where an error is a failure of the test. */
export function open(c: Caller, path: string, flags = 0, mode = 0o644): OpenFile {
  const file = openAt(c, undefined, path, flags, mode);
  if (typeof file === "number") throw new Error(`open ${path}: ${file}`);
  return file;
}

/** The whole content, or the error number. */
export function read(c: Caller, path: string): string | number {
  const file = openAt(c, undefined, path, 0);
  if (typeof file === "number") return file;
  const parts: string[] = [];
  const into = new Uint8Array(100);
  for (;;) {
    const n = file.read(into, c);
    if (n < 0) return n;
    if (n === 0) break;
    parts.push(decoder.decode(into.subarray(0, n)));
  }
  file.unref();
  return parts.join("");
}

/** Writes a new or an emptied file; what write answered. */
export function write(c: Caller, path: string, text: string, flags = 0o1101): number {
  const file = openAt(c, undefined, path, flags, 0o644);
  if (typeof file === "number") return file;
  const n = file.write(bytes(text), c);
  file.unref();
  return n;
}

/** One read of at most `size` bytes as text, or the error. */
export function take(file: OpenFile, size = 100000, c?: Caller): string | number {
  const into = new Uint8Array(size);
  const n = file.read(into, c);
  return n < 0 ? n : decoder.decode(into.subarray(0, n));
}

/** All names of a directory in the order of its listing, `batch` at a time. */
export function list(c: Caller, path: string | OpenFile, batch = 7): string[] {
  const file = typeof path === "string" ? open(c, path, 0o200000) : path;
  const names: string[] = [];
  for (;;) {
    let n = 0;
    const error = file.readdir((name) => {
      if (n === batch) return false;
      n++;
      names.push(name);
      return true;
    }, c);
    if (error !== 0) throw new Error(`readdir: ${error}`);
    if (n === 0) break;
  }
  if (typeof path === "string") file.unref();
  return names;
}
