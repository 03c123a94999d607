/**
 * The docs step of `deno task check`: `deno doc --lint` of all public entries. Every exported symbol has a doc comment; members of
 * an interface whose name says it all need none, and a group of numbers (`export const A = 1, B = 2`) has one for the group.
 *
 * @module
 */
import { packages, root } from "./workspace.ts";

const entries = packages().flatMap((p) => Object.values(p.exports)).filter((f) => f.endsWith(".ts"));
const { stderr } = await new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", "--quiet", ...entries],
  cwd: root,
  env: { NO_COLOR: "1" },
  stdout: "null",
  stderr: "piped",
}).output();

const diagnostics = new TextDecoder().decode(stderr).split(/\n(?=error\[)/).filter((d) =>
  d.startsWith("error[")
);
const shown = diagnostics.filter((d) => {
  if (!d.startsWith("error[missing-jsdoc]")) return true;
  const [, line, column] = /-->\s+\S+:(\d+):(\d+)/.exec(d) ?? [];
  const source = new RegExp(`^\\s*${line} \\| (.*)$`, "m").exec(d)?.[1] ?? "";
  if (!source.startsWith("export ")) return false;
  const group = /^export const [A-Z0-9_]+ = [^,]+,/.test(source);
  return !(group && Number(column) > 14);
});
for (const d of shown) console.error(d);
console.log(`docs: ${shown.length} missing or private`);
Deno.exit(shown.length > 0 ? 1 : 0);
