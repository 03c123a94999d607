/**
 * Builds gcc's c-torture execute set (Debian's gcc-12-source, fetched by `deno task guests`) as static programs. A test
 * that does not build or does not pass natively is no test of ours: both are listed with the result.
 */
import { fromFileUrl } from "@std/path";

/** Where `deno task guests` puts the sources and where the programs go; git ignores it. */
const guests = fromFileUrl(new URL("../.guests/", import.meta.url));
export const sources = `${guests}src/gcc/gcc/testsuite/gcc.c-torture/execute`;

export type Level = "O0" | "O2";

/** Names of the tests, in order: those of the folder and of its `ieee/` subfolder. */
export function names(): string[] {
  const list = (folder: string, prefix: string) =>
    [...Deno.readDirSync(folder)].map((e) => e.name).filter((n) => n.endsWith(".c")).map((n) =>
      prefix + n.slice(0, -2)
    );
  try {
    return [...list(sources, ""), ...list(`${sources}/ieee`, "ieee/")].sort();
  } catch {
    return [];
  }
}

/** Options that a test asks for by DejaGnu comments, without those for other targets. */
function options(source: string): string[] {
  const found: string[] = [];
  for (const [, list] of source.matchAll(/\{\s*dg-(?:additional-)?options\s+"([^"]*)"\s*\}/g)) {
    found.push(...list.split(/\s+/));
  }
  return found.filter((o) => o !== "");
}

/** Builds one test if it is not there yet; undefined when the compiler refuses it. */
export async function build(name: string, level: Level, compiler = "gcc"): Promise<string | undefined> {
  const folder = `${guests}torture/${compiler}-${level}`;
  const program = `${folder}/${name}`;
  try {
    if (Deno.statSync(program).isFile) return program;
  } catch {
    // Not built yet.
  }
  Deno.mkdirSync(name.startsWith("ieee/") ? `${folder}/ieee` : folder, { recursive: true });
  const file = `${sources}/${name}.c`;
  const { success } = await new Deno.Command(compiler, {
    args: [
      "-w",
      `-${level}`,
      ...options(Deno.readTextFileSync(file)),
      "-static",
      "-o",
      `${program}.part`,
      file,
      "-lm",
    ],
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) return undefined;
  Deno.renameSync(`${program}.part`, program);
  return program;
}

if (import.meta.main) {
  for (const level of ["O2", "O0"] as const) {
    const list = names(), refused: string[] = [];
    let next = 0;
    const worker = async () => {
      while (next < list.length) {
        const name = list[next++];
        if (await build(name, level) === undefined) refused.push(name);
      }
    };
    await Promise.all(Array.from({ length: Number(Deno.args[0] ?? navigator.hardwareConcurrency) }, worker));
    console.log(
      `${level}: ${list.length - refused.length} of ${list.length} built; refused: ${
        refused.join(" ") || "none"
      }`,
    );
  }
}
