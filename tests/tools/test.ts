/**
 * `deno task test [-- ARG…]`: fetches the guests, runs every test and every example in the documentation, and ends with one
 * line, `N passed, N failed`. A test that fails runs once more, alone; what passes only then is named before that line. With arguments (`core`, `--filter=mmap`) it runs what these choose.
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

/** A stage's count, and which of its tests failed. */
interface Stage extends Count {
  readonly which: { name: string; file: string }[];
}

/** The tests that the end of `deno test`'s output names as failed: `NAME => ./FILE:LINE:COLUMN` below FAILURES. */
export function failures(output: string): Stage["which"] {
  // deno-lint-ignore no-control-regex
  const plain = output.replace(/\x1b\[[0-9;]*m/g, ""), start = plain.lastIndexOf("\n FAILURES");
  if (start < 0) return [];
  return [...plain.slice(start).matchAll(/^(.+) => \.\/(\S+_test\.ts):\d+:\d+$/gm)]
    .map(([, name, file]) => ({ name, file }));
}

/** What chooses one test by its name. */
export function only(name: string): string {
  return `--filter=/^${name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")}$/`;
}

/** Files side by side: threads of one process, each with the memories of its guests. More than eight would gain little. */
const jobs = Deno.env.get("DENO_JOBS") ?? `${Math.min(navigator.hardwareConcurrency, 8)}`;

async function stage(name: string, args: string[]): Promise<Stage> {
  const command = new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    stdout: "piped",
    stderr: "inherit",
    env: { GUISE_TEST: name, DENO_JOBS: jobs, ...(Deno.stdout.isTerminal() ? { FORCE_COLOR: "1" } : {}) },
  });
  const child = command.spawn();
  let tail = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await Deno.stdout.write(chunk);
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-20_000);
  }
  return { ...count(tail, (await child.status).success), which: failures(tail) };
}

/** More failures than this are no accident of a busy machine. */
const SECOND_RUNS = 5;

/** Failed tests once more, each alone: files run side by side, and a test that measures time may have had none. Says which passed only now. */
async function again(total: Stage, args: string[]): Promise<void> {
  // A file that did not load is counted and not named.
  if (total.failed > SECOND_RUNS || total.failed !== total.which.length) return;
  for (const { name, file } of total.which) {
    const { passed, failed } = await stage("again", ["test", "--no-check", ...args, only(name), file]);
    if (passed !== 1 || failed !== 0) continue;
    total.passed++, total.failed--;
    console.log(`passed only on its second run, alone: ${name} (${file})`);
  }
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
  await again(total, permissions);
  if (total.ignored) console.log(`${total.ignored} ignored, each with its reason where it stands`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  return total.failed ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
