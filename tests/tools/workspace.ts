/**
 * What the tools know of the workspace: its root, its packages and their public entries, its files.
 *
 * @module
 */
import { dirname, fromFileUrl, join, relative } from "@std/path";

/** The checkout that this file is in. */
export const root: string = join(dirname(fromFileUrl(import.meta.url)), "..", "..");

/** A package of the workspace. */
export interface Package {
  /** As in its deno.json: `@guise/core`. */
  name: string;
  /** Its folder, below the root: `core`; `.` for the root package. */
  folder: string;
  /** Public entries: `.` or `./key` → the file, below the root. */
  exports: Record<string, string>;
}

/** The packages of the workspace in `at`: members in the order of the root's list, which is that of publishing, then the root. */
export function packages(at: string = root): Package[] {
  const config = JSON.parse(Deno.readTextFileSync(join(at, "deno.json")));
  const members = (config.workspace as string[]).map((m) => relative(".", m));
  return [...members, "."].map((folder) => {
    const { name, exports } = JSON.parse(Deno.readTextFileSync(join(at, folder, "deno.json")));
    const entries = Object.entries(
      typeof exports === "string" ? { ".": exports } : exports as Record<string, string>,
    );
    return { name, folder, exports: Object.fromEntries(entries.map(([k, v]) => [k, join(folder, v)])) };
  });
}

/** All files that git has or would take, below the root, sorted. */
export async function files(at: string = root): Promise<string[]> {
  const args = ["-C", at, "ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const { stdout, success, stderr } = await new Deno.Command("git", { args }).output();
  if (!success) throw new Error(`git ls-files failed: ${new TextDecoder().decode(stderr)}`);
  const names = new TextDecoder().decode(stdout).split("\0").filter((f) => f !== "");
  return [...new Set(names)].filter((f) => isFile(join(at, f))).sort();
}

function isFile(path: string): boolean {
  try {
    return Deno.lstatSync(path).isFile;
  } catch {
    return false; // deleted, not yet committed
  }
}

/** Tests and benchmarks, which are not published and may use more than what they test. */
export function isTest(file: string): boolean {
  return /(_test|_bench)\.ts$/.test(file);
}
