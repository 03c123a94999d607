/**
 * `deno task publish [--dry-run …]`: publishes every package of the workspace, in the order in which they need each other.
 * `deno publish` at the root handles the root package alone. Arguments go to each `deno publish` as they are.
 *
 * @module
 */
import { join } from "@std/path";
import { packages, root } from "./workspace.ts";

const failed: string[] = [];
for (const { name, folder } of packages()) {
  console.log(`publish: ${name}`);
  const command = new Deno.Command(Deno.execPath(), {
    args: ["publish", ...Deno.args],
    cwd: join(root, folder),
  });
  const { success } = await command.spawn().status;
  if (success) continue;
  failed.push(name);
  if (!Deno.args.includes("--dry-run")) break; // what needs this one must not come out without it
}
console.log(failed.length ? `publish: failed: ${failed.join(", ")}` : "publish: done");
Deno.exit(failed.length ? 1 : 0);
