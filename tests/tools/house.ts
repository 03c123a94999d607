/**
 * House rules that read text, over all that git has or would take: no absolute path of a machine, no host name of a package
 * registry (both belong to an environment, not to the project); a source file past 700 lines is a warning. The rules that
 * read the syntax tree are in lint.ts.
 *
 * @module
 */
import { dirname, join } from "@std/path";
import { files, root } from "./workspace.ts";

const LONG = 700;

/** Host names of registries, written so that this line has none. */
const registry =
  /\b(?:registry\.(?:npmjs|yarnpkg)|npm\.jsr|(?:deb|security|snapshot)\.debian|files\.pythonhosted|proxy\.golang)\.\w+/;

/** A finding; only errors fail the check. */
export interface Finding {
  /** `file:line`. */
  place: string;
  /** What is wrong. */
  message: string;
  /** Whether it is only worth a look. */
  warning?: boolean;
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** A pattern for paths that hold only on this machine: the checkout, its parent, the user's folder. */
export function machinePaths(checkout: string, home: string | undefined): RegExp {
  const deep = (p: string | undefined) => p && p.split("/").length > 2;
  const own = [checkout.replace(/\/$/, ""), dirname(checkout.replace(/\/$/, "")), home].filter(deep).map((
    p,
  ) => escape(p!));
  return new RegExp(`(?:${[...own, "/Users/\\w+", "[A-Z]:\\\\\\\\Users"].join("|")})\\b`);
}

/** The findings in one file. */
export function inspect(file: string, text: string, paths: RegExp): Finding[] {
  const found: Finding[] = [];
  const lines = text.split("\n");
  lines.forEach((line, i) => {
    const [path, host] = [paths.exec(line), registry.exec(line)];
    if (path) found.push({ place: `${file}:${i + 1}`, message: `${path[0]} is a path of one machine` });
    if (host) found.push({ place: `${file}:${i + 1}`, message: `${host[0]} is a registry's host name` });
  });
  if (file.endsWith(".ts") && lines.length > LONG) {
    found.push({ place: file, message: `${lines.length} lines: is there a seam?`, warning: true });
  }
  return found;
}

if (import.meta.main) {
  const paths = machinePaths(root, Deno.env.get("HOME"));
  let errors = 0;
  for (const file of await files()) {
    const bytes = await Deno.readFile(join(root, file));
    if (bytes.subarray(0, 8000).includes(0)) continue; // binary
    for (const f of inspect(file, new TextDecoder().decode(bytes), paths)) {
      console.error(`${f.place}: ${f.warning ? "warning: " : ""}${f.message}`);
      if (!f.warning) errors++;
    }
  }
  Deno.exit(errors ? 1 : 0);
}
