/**
 * Runs one command line natively and under Guise, each in a fresh copy of the same folder, and compares standard output, standard error,
 * exit status and what the folder holds afterwards.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type Command, populate } from "./commands.ts";
import { fromRoot, installed, PATH } from "./native.ts";

const cli = fromFileUrl(new URL("../../cli.ts", import.meta.url));

/** When a command hangs, ms. Comparing each region takes ten times as long, and a machine may be busy with others. */
const PATIENCE = Deno.env.get("GUISE_ENGINE") === "lockstep" ? 1_200_000 : 300_000;

/** What a run leaves behind. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
  /** One line a file: type, mode, size, time if old, content digest or link target. */
  readonly files: string[];
}

/** How to run under Guise. */
export interface Under {
  /** Guest root folder; without it the guest sees the host's files. */
  readonly root?: string;
  /** More options of `cli.ts run`. */
  readonly options?: readonly string[];
}

// Bytes as Latin-1, so that binary output compares exactly and prints.
const text = (bytes: Uint8Array) => Array.from(bytes, (b) => String.fromCharCode(b)).join("");

function environment(command: Command): Record<string, string> {
  return {
    PATH,
    HOME: Deno.env.get("HOME") ?? "/root",
    LC_ALL: "C",
    TZ: "UTC0",
    ...command.env,
  };
}

async function digest(path: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", Deno.readFileSync(path));
  return text(new Uint8Array(hash).slice(0, 8)).replace(
    /./gs,
    (c) => c.charCodeAt(0).toString(16).padStart(2, "0"),
  );
}

/** Times before this are ones that the command set or kept; later ones are of the run. */
const recent = Date.UTC(2025, 0, 1);

async function listing(folder: string, prefix = ""): Promise<string[]> {
  const lines: string[] = [];
  for (const { name } of [...Deno.readDirSync(folder)].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = `${folder}/${name}`;
    const s = Deno.lstatSync(path);
    const mode = ((s.mode ?? 0) & 0o7777).toString(8);
    const time = s.mtime !== null && s.mtime.getTime() < recent ? ` ${s.mtime.toISOString()}` : "";
    if (s.isSymlink) lines.push(`${prefix}${name} -> ${Deno.readLinkSync(path)}`);
    else if (s.isDirectory) {
      lines.push(`${prefix}${name}/ ${mode}`, ...await listing(path, `${prefix}${name}/`));
    } else if (s.isFile) {
      lines.push(`${prefix}${name} ${mode} ${s.size}${time} links ${s.nlink} ${await digest(path)}`);
    } else lines.push(`${prefix}${name} ${s.isFifo ? "fifo" : "other"} ${mode}`);
  }
  return lines;
}

async function fresh(folder: string): Promise<void> {
  await Deno.remove(folder, { recursive: true }).catch(() => {});
  Deno.mkdirSync(folder);
  await populate(folder);
  const parent = folder.slice(0, folder.lastIndexOf("/"));
  Deno.utimeSync(parent, 1_500_000_000, 1_500_000_000);
}

async function execute(argv: readonly string[], command: Command, folder: string): Promise<Outcome> {
  await fresh(folder);
  const child = new Deno.Command(argv[0], {
    args: argv.slice(1),
    cwd: folder,
    env: environment(command),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(PATIENCE),
  }).spawn();
  const feed = async () => {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(command.stdin ?? ""));
    await writer.close();
  };
  // A command that does not read its input closes the pipe first.
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), feed().catch(() => {})]);
  return { status: code, stdout: text(stdout), stderr: text(stderr), files: await listing(folder) };
}

/** The native run. */
export function native(command: Command, folder: string): Promise<Outcome> {
  const [program, ...args] = command.argv, other = installed(program) ? undefined : fromRoot(program);
  // Found through PATH by a shell's exec, so that a missing or unrunnable program gives the usual statuses.
  return execute(other ? [...other, ...args] : ["/usr/bin/env", ...command.argv], command, folder);
}

/** The run under Guise. */
export function guise(command: Command, folder: string, under: Under = {}): Promise<Outcome> {
  const root = under.root === undefined ? [] : ["--root", under.root];
  // With its parent, so that `ls -la` sees the same `..`.
  const parent = folder.slice(0, folder.lastIndexOf("/"));
  const chosen = engine === undefined ? [] : ["--engine", engine];
  const options = [
    ...root,
    "--mount",
    `${parent}:${parent}:rw`,
    "--cwd",
    folder,
    ...chosen,
    ...under.options ?? [],
  ];
  return inLockstep(execute(
    [Deno.execPath(), "run", "-A", cli, "run", ...options, "--", ...command.argv],
    command,
    folder,
  ));
}

/** Every comparison with one engine: interpreter, jit, auto, lockstep. */
const engine = Deno.env.get("GUISE_ENGINE");
/** Takes the last line of lockstep out of standard error, and fails where it found a difference. */
async function inLockstep(run: Promise<Outcome>): Promise<Outcome> {
  const outcome = await run;
  if (engine !== "lockstep") return outcome;
  const match = /guise: lockstep: (\d+) runs .* (\d+) differences\n/.exec(outcome.stderr);
  assert(match !== null && match[2] === "0", outcome.stderr);
  const file = Deno.env.get("GUISE_COMPARED");
  if (file !== undefined) Deno.writeTextFileSync(file, `${match[1]}\n`, { append: true });
  return { ...outcome, stderr: outcome.stderr.replace(match[0], "") };
}

/** Both runs agree. Messages of `env` and of the command line about a program that cannot be started differ by design. */
export async function assertSame(command: Command, folder: string, under: Under = {}): Promise<void> {
  const expected = await native(command, folder);
  const actual = await guise(command, folder, under);
  const startFailed = (expected.status === 126 || expected.status === 127) &&
    expected.stderr.startsWith("/usr/bin/env: ");
  assertEquals(
    startFailed ? { ...actual, stderr: "" } : actual,
    startFailed ? { ...expected, stderr: "" } : expected,
  );
}
