/**
 * `deno task test [-- ARG…]`: fetches the guests, runs every test and every example in the documentation, and ends with one
 * line, `N passed, N failed`. With arguments (`core`, `--filter=mmap`) it runs what these choose.
 *
 * @module
 */
import { join } from "@std/path";
import { root } from "./workspace.ts";

/** How many tests of a stage passed, failed, and were left out. */
export interface Count {
  passed: number;
  failed: number;
  ignored: number;
}

/** Reads the last line of `deno test`: `ok | 18 passed (3 steps) | 0 failed | 1 ignored (4ms)`. */
export function count(output: string, success: boolean): Count {
  // deno-lint-ignore no-control-regex
  const plain = output.replace(/\x1b\[[0-9;]*m/g, "");
  const last = [...plain.matchAll(/^(?:ok|FAILED) \| (\d+) passed.*$/gm)].at(-1)?.[0] ?? "";
  const of = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(last)?.[1] ?? 0);
  const counts = { passed: of("passed"), failed: of("failed"), ignored: of("ignored") };
  // A module that does not load, a crash, or no summary at all is a failure that deno does not count.
  if (!success && counts.failed === 0) counts.failed = 1;
  return counts;
}

async function stage(name: string, args: string[]): Promise<Count> {
  const command = new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    stdout: "piped",
    stderr: "inherit",
    env: { GUISE_TEST: name, ...(Deno.stdout.isTerminal() ? { FORCE_COLOR: "1" } : {}) },
  });
  const child = command.spawn();
  let tail = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await Deno.stdout.write(chunk);
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-20_000);
  }
  return count(tail, (await child.status).success);
}

async function main(): Promise<number> {
  const fetch = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", join("tests", "tools", "guests.ts")],
    cwd: root,
  });
  await fetch.spawn().status; // what is missing is skipped by the tests that need it
  const permissions = [
    "--allow-read",
    "--allow-write",
    "--allow-env",
    "--allow-run",
    "--allow-net",
    "--allow-sys",
  ];
  const args = Deno.args.filter((a) => a !== "--");
  const total = await stage("all", ["test", "--no-check", "--doc", "--parallel", ...permissions, ...args]);
  if (total.ignored) console.log(`${total.ignored} ignored, each with its reason where it stands`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
