/**
 * `deno task check`: all that can be said without running the program. Every step runs, also after one that failed.
 *
 * @module
 */
import { join } from "@std/path";
import { root } from "./workspace.ts";

const tool = (name: string) => join("tests", "tools", `${name}.ts`);

const steps: [string, string[]][] = [
  ["format", ["fmt", "--check", "--quiet"]],
  ["lint", ["lint", "--quiet"]],
  ["types", ["check", "--quiet", "--doc", "."]],
  ["layers", ["run", "-A", tool("layers")]],
  ["house rules", ["run", "-A", tool("house")]],
  ["docs", ["run", "-A", tool("docs")]],
];

const failed: string[] = [];
for (const [name, args] of steps) {
  const started = Date.now();
  const command = new Deno.Command(Deno.execPath(), { args, cwd: root, stdout: "piped", stderr: "piped" });
  const { success, stdout, stderr } = await command.output();
  const shown = success && name !== "house rules" ? [] : [stdout, stderr]; // house rules warn, too
  for (const bytes of shown) await Deno.stdout.write(bytes);
  if (!success) failed.push(name);
  console.log(
    `check: ${name}: ${success ? "ok" : "FAILED"} (${((Date.now() - started) / 1000).toFixed(1)} s)`,
  );
}
if (failed.length) console.log(`check: failed: ${failed.join(", ")}`);
Deno.exit(failed.length ? 1 : 0);
