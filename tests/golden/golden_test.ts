/**
 * Golden traces: what the real strace printed of small programs, reviewed and kept; `--trace` must print the same. Where strace is
 * installed it is asked again, so that a golden file cannot drift from Linux.
 *
 * `deno task golden --accept` writes them anew, from the real strace.
 */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { programs } from "./programs.ts";

const cli = fromFileUrl(new URL("../../cli.ts", import.meta.url));
const accept = Deno.args.includes("--accept");

/** Process ids, addresses and counts of the environment differ from run to run; alignment follows from their width. */
function normal(trace: string): string {
  const ids = new Map<string, string>();
  for (const [, id] of trace.matchAll(/^(\d+) /gm)) if (!ids.has(id)) ids.set(id, `P${ids.size + 1}`);
  const named = (id: string): string => ids.get(id) ?? "OTHER";
  const lines = trace.trimEnd().split("\n").map((line) =>
    line
      .replace(/^(\d+) +/, (_all, id: string) => `${named(id)} `)
      .replace(/\b(si_pid=|kill\()(\d+)/g, (_all, before: string, id: string) => before + named(id))
      .replace(/((?:get(?:p|t)id|getppid|fork|wait4)\(.*= )(\d+)$/, (_all, before: string, id: string) => before + named(id))
      .replace(/^(P\d <\.\.\. (?:fork|wait4) resumed>.*= )(\d+)$/, (_all, before: string, id: string) => before + named(id))
      .replace(/si_uid=\d+/g, "si_uid=UID")
      .replace(/si_([us])time=\d+/g, "si_$1time=N")
      .replace(/\/\* \d+ vars? \*\//, "/* N vars */")
      .replace(/0x[0-9a-f]{6,}/g, "ADDRESS")
      .replace(/ += /, " = ")
  );
  // How processes interleave is not part of what is compared; nor is when a child's end is told.
  const by = new Map<string, string[]>();
  for (const line of lines) {
    const [, id, rest] = /^(\S+) (.*)$/.exec(line) ?? ["", "", line];
    const own = by.get(id) ?? [];
    by.set(id, own);
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    if (resumed === null) own.push(rest);
    else own.push((own.pop() ?? "").replace(/ ?<unfinished \.\.\.>$/, "") + resumed[1]);
  }
  const late = (line: string): boolean => line.startsWith("--- SIGCHLD");
  return [...by].map(([id, own]) =>
    [...own.filter((l) => !late(l)), ...own.filter(late)].map((l) => `${id} ${l}`.replace(/ += /, " = ")).join("\n")
  ).join("\n") + "\n";
}

async function inFolder<T>(program: Uint8Array, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${folder}/program`, program, { mode: 0o755 });
    await Deno.writeTextFile(`${folder}/f`, "hello\n");
    await Deno.chmod(`${folder}/f`, 0o644);
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function traceBy(command: string, args: (file: string) => string[], program: Uint8Array): Promise<string> {
  return await inFolder(program, async (folder) => {
    const { stderr } = await new Deno.Command("/bin/sh", {
      args: ["-c", 'umask 022; exec "$@"', "sh", command, ...args(`${folder}/trace`)],
      cwd: folder,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    return normal(await Deno.readTextFile(`${folder}/trace`));
  });
}
const real = (program: Uint8Array) => traceBy("strace", (file) => ["-f", "-o", file, "./program"], program);
const ours = (program: Uint8Array) =>
  traceBy(Deno.execPath(), (file) => ["run", "-A", "--no-check", cli, "run", `--trace=${file}`, "./program"], program);

function stracePresent(): boolean {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") return false;
  try {
    // It is there, and this kernel lets it trace.
    const args = ["-o", "/dev/null", "true"];
    return new Deno.Command("strace", { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}
const present = stracePresent();

for (const [name, program] of Object.entries(programs)) {
  const place = new URL(`${name}.trace`, import.meta.url);
  if (accept) {
    Deno.test(`the golden trace of ${name} is written`, async () => {
      assert(present, "strace must be installed to accept traces");
      await Deno.writeTextFile(place, await real(program));
    });
    continue;
  }
  Deno.test({
    name: `--trace of ${name} is the golden trace`,
    ignore: Deno.build.os === "windows",
    fn: async () => assertEquals(await ours(program), await Deno.readTextFile(place)),
  });
  Deno.test({
    name: `the golden trace of ${name} is what strace prints here`,
    ignore: !present,
    fn: async () => assertEquals(await real(program), await Deno.readTextFile(place)),
  });
}
