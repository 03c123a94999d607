/**
 * Runs gcc's c-torture execute set under Guise: every test that passes natively must pass. Likewise its tests of Advanced SIMD.
 *
 *   deno run -A tests/torture/torture.ts [--level O0|O2]... [--only TEXT] [--every N] [--engine E] [--report FILE] [--aarch64] [--suite advsimd]
 */
import { run, type RunOptions } from "@guise/guise";
import { parseArgs } from "@std/cli";
import { build, type Level, names, type Suite, suites, TORTURE } from "./build.ts";

/** What became of one level. */
export interface Report {
  readonly level: Level;
  readonly tests: number;
  readonly refused: string[];
  /** Do not pass natively either. */
  readonly notNative: string[];
  passed: number;
  readonly failed: { readonly name: string; readonly why: string }[];
  /** Runs of regions that lockstep has compared. */
  compared: number;
}

/** What the programs are built with and, where this is not the host's CPU, run natively with. */
export interface Target {
  readonly compiler: string;
  readonly emulator?: string;
}
/** The host. */
export const HOST: Target = { compiler: "gcc" };
/** Cross-built; qemu-user says what passes. */
export const AARCH64: Target = { compiler: "aarch64-linux-gnu-gcc", emulator: "qemu-aarch64" };

/** What a test may take: natively in seconds of processor time, and at first under Guise, ms. */
const SOON = { native: 20, guise: 20_000 };

async function native(program: string, { emulator }: Target): Promise<boolean> {
  const folder = await Deno.makeTempDir({ prefix: "torture-" });
  try {
    const command = new Deno.Command("/bin/sh", {
      args: [
        "-c",
        `ulimit -t ${SOON.native}; exec "$@"`,
        "sh",
        ...emulator === undefined ? [] : [emulator],
        program,
      ],
      cwd: folder,
      stdin: "null",
      stdout: "null",
      stderr: "null",
      signal: AbortSignal.timeout(120_000),
    });
    return (await command.output()).success;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs every `every`-th test of a level. */
export async function torture(
  level: Level,
  only = "",
  every = 1,
  engine?: RunOptions["engine"],
  target: Target = HOST,
  suite: Suite = TORTURE,
): Promise<Report> {
  const list = names(suite).filter((n) => n.includes(only)).filter((_, i) => i % every === 0);
  const report = {
    level,
    tests: list.length,
    refused: [] as string[],
    notNative: [] as string[],
    passed: 0,
    failed: [] as Report["failed"][number][],
    compared: 0,
  };
  for (const name of list) {
    const program = await build(name, level, target.compiler, suite);
    if (program === undefined) {
      report.refused.push(name);
      continue;
    }
    const bytes = await Deno.readFile(program);
    const attempt = (timeout: number) => run(bytes, { timeout, engine, files: { "/tmp/.keep": "" } });
    let result = await attempt(SOON.guise), passes: boolean | undefined;
    // One test never ends, natively neither; others only take long.
    if (result.ended === "timeout" && (passes = await native(program, target))) {
      result = await attempt(engine === "lockstep" ? 600_000 : 60_000);
    }
    report.compared += result.lockstep?.compared ?? 0;
    const [difference] = result.lockstep?.differences ?? [];
    if (difference !== undefined) report.failed.push({ name, why: difference });
    else if (result.status === 0) report.passed++;
    else if (!(passes ?? await native(program, target))) report.notNative.push(name);
    else {report.failed.push({
        name,
        why: result.ended ?? result.message ?? `status ${result.status} ${result.errorText().slice(0, 200)}`,
      });}
  }
  return report;
}

/** One paragraph for a person. */
export function describe(r: Report): string {
  const lines = [
    `-${r.level}: ${r.tests} tests, ${r.passed} passed, ${r.failed.length} failed` +
    (r.compared > 0 ? `, ${r.compared} runs of regions compared` : "") +
    (r.refused.length > 0 ? `; the compiler refuses ${r.refused.join(" ")}` : "") +
    (r.notNative.length > 0 ? `; natively failing too: ${r.notNative.join(" ")}` : ""),
    ...r.failed.map((f) => `  ${f.name}: ${f.why}`),
  ];
  return lines.join("\n");
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, {
    string: ["level", "only", "every", "engine", "report", "suite"],
    boolean: ["aarch64"],
    collect: ["level"],
  });
  const suite = suites[args.suite ?? "torture"];
  if (suite === undefined) throw new Error(`there are the suites ${Object.keys(suites).join(", ")}`);
  const levels = (args.level.length > 0 ? args.level : ["O2", "O0"]) as Level[];
  const text: string[] = [];
  let failed = 0;
  for (const level of levels) {
    const start = performance.now();
    const report = await torture(
      level,
      args.only,
      Number(args.every ?? 1),
      args.engine as RunOptions["engine"],
      args.aarch64 ? AARCH64 : HOST,
      suite,
    );
    failed += report.failed.length;
    if (args.engine === "lockstep" && report.passed > 0 && report.compared === 0) {
      failed++, console.log(`-${level}: lockstep has compared nothing`);
    }
    text.push(`${describe(report)}\n  (${((performance.now() - start) / 1000).toFixed(0)} s)`);
    console.log(text.at(-1));
  }
  if (args.report !== undefined) await Deno.writeTextFile(args.report, `${text.join("\n")}\n`);
  Deno.exit(failed > 0 ? 1 : 0);
}
