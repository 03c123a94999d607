/**
 * Builds gcc's c-torture execute set and its tests of Advanced SIMD (Debian's gcc-12-source, fetched by `deno task guests`)
 * as static programs. A test that does not build or does not pass natively is no test of ours: both are listed with the result.
 */
import { fromFileUrl } from "@std/path";

/** Where `deno task guests` puts the sources and where the programs go; git ignores it. */
const guests = fromFileUrl(new URL("../.guests/", import.meta.url));
const testsuite = `${guests}src/gcc/gcc/testsuite`;

/** A folder of programs that end with status 0 when they pass. */
export interface Suite {
  readonly name: string;
  readonly folder: string;
  /** Folders of it, besides itself. */
  readonly below: readonly string[];
  /** What the suite's driver passes to the compiler. */
  readonly options: readonly string[];
  /** Whether a file is a program to be run, on the CPU that is announced. */
  readonly runnable: (source: string) => boolean;
}
/** gcc.c-torture/execute. */
export const TORTURE: Suite = {
  name: "torture",
  folder: `${testsuite}/gcc.c-torture/execute`,
  below: ["ieee"],
  options: [],
  runnable: () => true,
};
/**
 * gcc.target/aarch64/advsimd-intrinsics. Its driver runs what does not ask for something else, with half-precision
 * arithmetic where the CPU has it; as there, a test that requires other hardware (bfloat16, matrices) is not for this one.
 */
export const ADVSIMD: Suite = {
  name: "advsimd-fp16",
  folder: `${testsuite}/gcc.target/aarch64/advsimd-intrinsics`,
  below: [],
  options: ["-march=armv8.2-a+fp16"],
  runnable: (source) =>
    !/dg-do\s+(compile|assemble|preprocess|link)/.test(source) &&
    !/dg-require-effective-target\s+(?!arm_v8_(neon|1a_neon|2a_fp16_neon|2a_fp16_scalar|2a_dotprod_neon)_hw)\w+_hw\s*\}/
      .test(source),
};
/** Suites by name. */
export const suites: Readonly<Record<string, Suite>> = { torture: TORTURE, advsimd: ADVSIMD };

export type Level = "O0" | "O2";

/** Names of the tests, in order: those of the folder and of the ones below it. */
export function names(suite: Suite = TORTURE): string[] {
  const list = (folder: string, prefix: string) =>
    [...Deno.readDirSync(folder)].map((e) => e.name).filter((n) => n.endsWith(".c")).map((n) =>
      prefix + n.slice(0, -2)
    );
  try {
    const all = [
      ...list(suite.folder, ""),
      ...suite.below.flatMap((below) => list(`${suite.folder}/${below}`, `${below}/`)),
    ];
    return all.filter((name) => suite.runnable(Deno.readTextFileSync(`${suite.folder}/${name}.c`))).sort();
  } catch {
    return [];
  }
}

/** What DejaGnu adds for a feature that a test only compiles with. */
const ADDED: Readonly<Record<string, string>> = { arm_v8_2a_bf16_neon: "-march=armv8.2-a+bf16" };

/** Options that a test asks for by DejaGnu comments, without those for other targets. */
function options(source: string): string[] {
  const found: string[] = [];
  for (
    const [, list] of source.matchAll(
      /\{\s*dg-(?:additional-)?options\s+"([^"]*)"\s*(?:\{\s*target\s+\{?\s*aarch64[^}]*\}\s*\}?\s*)?\}/g,
    )
  ) {
    found.push(...list.split(/\s+/));
  }
  for (const [, name] of source.matchAll(/dg-add-options\s+(\w+)/g)) found.push(ADDED[name] ?? "");
  return found.filter((o) => o !== "" && !/^-?-save-temps$/.test(o));
}

/** Builds one test if it is not there yet; undefined when the compiler refuses it. */
export async function build(
  name: string,
  level: Level,
  compiler = "gcc",
  suite: Suite = TORTURE,
): Promise<string | undefined> {
  const folder = `${guests}${suite.name}/${compiler}-${level}`;
  const program = `${folder}/${name}`;
  try {
    if (Deno.statSync(program).isFile) return program;
  } catch {
    // Not built yet.
  }
  for (const below of ["", ...suite.below]) Deno.mkdirSync(`${folder}/${below}`, { recursive: true });
  const file = `${suite.folder}/${name}.c`;
  const part = `${program}.${crypto.randomUUID().slice(0, 8)}`;
  const { success } = await new Deno.Command(compiler, {
    args: [
      "-w",
      `-${level}`,
      ...suite.options,
      ...options(Deno.readTextFileSync(file)),
      "-static",
      "-o",
      part,
      file,
      "-lm",
    ],
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) return undefined;
  Deno.renameSync(part, program);
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
