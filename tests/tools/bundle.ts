/**
 * `deno task bundle`: writes `bundle/`, the modules of the command as one file, and what it loads later as others. See
 * docs/decisions/0045.
 *
 * Bundling twice: the first time splits at `import()`, so that a module that both sides use exists once; then what
 * the command always loads is joined to one file. Long constants (the interpreters) become files of their own; what a start calls is compiled with the module (eager.ts).
 *
 * @module
 */
import { bytesOf } from "@guise/translator/run";
import { fromFileUrl, join, relative } from "@std/path";
import { compiledLate, eager, type Range } from "./eager.ts";
import { root } from "./workspace.ts";

const place = join(root, "bundle");

/** Characters of a constant that is a file of its own. */
const LONG = 20_000;

async function deno(...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), { args, cwd: root, stdout: "piped", stderr: "piped" });
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(`deno ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** The files that the bundle is made of: modules, and what says how their imports are resolved; and the bundle's own. */
export async function sources(): Promise<string[]> {
  const { modules } = JSON.parse(await deno("info", "--json", "command.ts")) as {
    readonly modules: readonly { readonly local?: string; readonly specifier: string }[];
  };
  const files = modules.map(({ specifier }) => relative(root, fromFileUrl(specifier)));
  const config = JSON.parse(Deno.readTextFileSync(join(root, "deno.json"))) as {
    readonly workspace: string[];
  };
  const configs = ["deno.json", ...config.workspace.map((member) => join(member, "deno.json"))];
  return [...files, ...configs].sort();
}

/** The SHA-256 of files below the root, by name. */
export async function sums(files: readonly string[]): Promise<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const file of files) {
    const sum = await crypto.subtle.digest("SHA-256", Deno.readFileSync(join(root, file)));
    result[file] = Array.from(new Uint8Array(sum), (b) => b.toString(16).padStart(2, "0")).join("");
  }
  return result;
}

/** `import("./x.js")` by a name that Deno does not see: else it would load the file before it is asked for. */
function hidden(code: string): string {
  return code.replace(/\bimport\("(\.\/[^"]*)"\)/g, "import(new URL(`$1`,import.meta.url).href)");
}

/**
 * Functions that answer a long constant read a file that has it: bytes for what is base64, text for the rest. In a module it would be
 * kept, hashed and scanned with the code.
 */
function outside(name: string, code: string, files: Map<string, string | Uint8Array>): string {
  let n = 0;
  const long = new RegExp(`(\\(\\)=>)(["'])([^"'\\\\]{${LONG},}|\\[[^'\\\\]{${LONG},}\\])\\2`, "g");
  return code.replace(long, (_, arrow: string, __, constant: string) => {
    const bytes = /^[A-Za-z0-9+/]+=*$/.test(constant);
    const file = `${name.replace(".js", "")}-${++n}.${bytes ? "bin" : "json"}`;
    files.set(file, bytes ? bytesOf(constant) : constant);
    return `${arrow}Deno.read${bytes ? "" : "Text"}FileSync(new URL("./${file}",import.meta.url))`;
  });
}

/** What a split file exports. */
function exportsOf(code: string): string[] {
  const clause = /export\{([^}]*)\};?\s*$/.exec(code)?.[1] ?? "";
  return clause.split(",").map((name) => name.split(" as ").at(-1)!.trim()).filter((name) => name !== "");
}

/** The files of these that `name` imports in any case, it last. */
function closure(code: ReadonlyMap<string, string>, name: string, into: string[] = []): string[] {
  if (into.includes(name) || !code.has(name)) return into;
  for (const [, other] of code.get(name)!.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) {
    closure(code, other, into);
  }
  return [...into.splice(0), name].forEach((n) => into.push(n)), into;
}

const ARM = ["--root", join(root, "tests/.guests/root-arm64")];
/**
 * Starts that show which functions a start calls; programs that are not on this machine are left out. Those of the second list
 * show what translating calls: in files that come later, since a start that translates nothing should not load it.
 */
const STARTS = [
  ["/bin/readlink", "/proc/self/exe"],
  ["/bin/bash", "-c", "echo hi"],
  ["/usr/bin/python3", "-c", "pass"],
  [...ARM, "/bin/bash", "-c", "echo hi"],
];
const TRANSLATING = [
  ["--engine", "jit", "/bin/bash", "-c", "echo hi"],
  ["--engine", "jit", ...ARM, "/bin/bash", "-c", "echo hi"],
  ...["double", "vector", "malloc", "strings", "sorting"].flatMap((name) =>
    kernels().map((program) => [program, name, "500"])
  ),
];
/** What the benchmark has built of its kernels: floats, vectors, loops in two versions. */
function kernels(): string[] {
  const folder = join(root, "tests/.guests/bench");
  try {
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    return names.filter((name) => /^kernels-\w+\./.test(name)).map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** The functions of each file that starts call, in order. */
async function calledAtStart(names: readonly string[]): Promise<Map<string, Range[]>> {
  const folder = await Deno.makeTempDir(), log = "functions.log";
  const entry = join(folder, "entry.js");
  const main = JSON.stringify(`file://${join(place, "main.js")}`);
  Deno.writeTextFileSync(entry, `const { main } = await import(${main}); Deno.exit(await main(Deno.args));`);
  const flags = `--v8-flags=--log-function-events,--no-logfile-per-isolate,--logfile=${join(folder, log)}`;
  const found = new Map(names.map((name) => [name, new Map<string, Range>()]));
  for (const argv of [...STARTS, ...TRANSLATING]) {
    const args = ["run", "-A", "--no-config", flags, entry, "run", ...argv];
    await new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null" }).output();
    const text = Deno.readTextFileSync(join(folder, log));
    // V8 may append to it.
    Deno.removeSync(join(folder, log));
    for (const [name, ranges] of found) {
      if (name === "main.js" && TRANSLATING.includes(argv)) continue;
      for (const range of compiledLate(text, `/bundle/${name}`)) ranges.set(String(range), range);
    }
  }
  await Deno.remove(folder, { recursive: true });
  return new Map(
    [...found].map(([name, ranges]) => [name, [...ranges.values()].sort(([a, b], [c, d]) => a - c || d - b)]),
  );
}

/** Names without what a bundler adds to keep them apart: it changes with every change of the code. */
function steady(code: ReadonlyMap<string, string>): Map<string, string> {
  const names = new Map<string, string>(), used = new Map<string, number>();
  for (const name of code.keys()) {
    const plain = name.replace(/-[A-Z0-9]{8}\.js$/, "");
    const nth = (used.get(plain) ?? 0) + 1;
    used.set(plain, nth);
    names.set(name, name.endsWith(".js") && plain !== name ? `${plain}-${nth}.js` : name);
  }
  return new Map([...code].map(([name, text]) => [
    names.get(name)!,
    text.replace(/(?<=["`]\.\/)[\w-]+\.js(?=["`])/g, (other) => names.get(other) ?? other),
  ]));
}

/** Files that are joined to one, whose name is that of the last. */
interface Joined {
  readonly file: string;
  readonly parts: readonly string[];
}

/** What the file takes from files that were joined comes from there. */
function fromJoined(code: string, { file, parts }: Joined): string {
  return code.replace(
    /(import|export)\{([^}]*)\}from"\.\/([^"]+)"/g,
    (all, verb: string, list: string, name) => {
      const i = parts.indexOf(name);
      if (i < 0) return all;
      const names = list.split(",").map((item) => {
        const [theirs, ours = theirs] = item.trim().split(" as ");
        return `c${i}_${theirs} as ${ours}`;
      });
      return `${verb}{${names}}from"./${file}"`;
    },
  ).replace(
    /import"\.\/([^"]+)"/g,
    (all, name: string) => parts.includes(name) ? `import"./${file}"` : all,
  );
}

/** One file of these, in a folder that has them: what it exports has a prefix; but the last one's names are also there as they are. */
async function whole(
  folder: string,
  { file, parts }: Joined,
  code: ReadonlyMap<string, string>,
): Promise<string> {
  const entry = join(folder, "joined.js"), result = join(folder, "whole.js");
  const lines = parts.map((name, i) => {
    const names = exportsOf(code.get(name)!).map((n) => `${n} as c${i}_${n}`);
    return `export {${names}} from "./${name}";`;
  });
  Deno.writeTextFileSync(entry, [...lines, `export * from "./${parts.at(-1)}";`].join("\n"));
  const external = file === "main.js" ? [] : ["--external", "./main.js"];
  await deno("bundle", "-q", "--minify", "--platform", "deno", ...external, "-o", result, entry);
  return Deno.readTextFileSync(result);
}

async function make(): Promise<void> {
  const files = await sources();
  const folder = await Deno.makeTempDir();
  await deno(
    "bundle",
    "-q",
    "--minify",
    "--code-splitting",
    "--platform",
    "deno",
    "--outdir",
    folder,
    "command.ts",
  );
  let code = new Map<string, string>();
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  for (const name of names) code.set(name, hidden(Deno.readTextFileSync(join(folder, name))));
  for (const name of code.keys()) Deno.removeSync(join(folder, name));
  code = steady(code);
  for (const [name, text] of code) Deno.writeTextFileSync(join(folder, name), text);

  // One file of what is always loaded, and one of what an aarch64 program's start loads, since each file takes a part of a ms; what comes
  // later finds their exports there under other names.
  const written = new Map<string, string>();
  const late = [...code.keys()].find((name) => name.startsWith("run-"))!;
  for (const [file, root] of [["main.js", "command.js"], [late, late]]) {
    const parts = closure(code, root).filter((name) => !written.has(name)), group = { file, parts };
    written.set(file, await whole(folder, group, code));
    for (const name of parts) code.delete(name);
    for (const [name, text] of code) code.set(name, fromJoined(text, group));
    for (const [name, text] of code) Deno.writeTextFileSync(join(folder, name), text);
  }
  for (const [name, text] of code) written.set(name, text);
  await Deno.remove(folder, { recursive: true });

  await Deno.remove(place, { recursive: true }).catch(() => {});
  await Deno.mkdir(place);
  const write = (name: string, text: string) => Deno.writeTextFileSync(join(place, name), text);
  let size = 0;
  const constants = new Map<string, string | Uint8Array>();
  for (const [name, text] of written) {
    const kept = outside(name, text, constants);
    written.set(name, kept);
    size += kept.length;
    write(name, kept);
  }
  for (const [name, content] of constants) {
    size += content.length;
    Deno.writeFileSync(
      join(place, name),
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  }
  for (const [name, ranges] of await calledAtStart([...written.keys()])) {
    write(name, eager(written.get(name)!, ranges));
  }
  // Reads the syntax of all files: positions in a log have been wrong.
  await deno("cache", "--no-config", ...[...written.keys()].map((name) => join(place, name)));
  const own = [...written.keys(), ...constants.keys()].map((name) => `bundle/${name}`).sort();
  const list = { files: await sums([...files, ...own]) };
  Deno.writeTextFileSync(join(place, "files.json"), JSON.stringify(list, undefined, 1) + "\n");
  console.log(`${relative(Deno.cwd(), place)}: ${own.length} files, ${size} bytes`);
}

if (import.meta.main) await make();
