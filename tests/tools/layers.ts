/**
 * Who may import whom: the table of the README's "Layers", checked against `deno info --json`.
 *
 * | what               | may import                                                     |
 * | ------------------ | -------------------------------------------------------------- |
 * | core               | nothing                                                        |
 * | arch/translator    | types of core                                                  |
 * | arch/*             | core, translator                                               |
 * | plugins/*          | core; another plugin's `./key`                                 |
 * | personalities/*    | core; plugins' `./key`; another personality's `./services`     |
 * | mod.ts, command.ts | all packages                                                   |
 * | examples, tests    | all packages; nobody imports them                              |
 *
 * Between packages only names count (`@guise/core`), as in what is published. `node:` is for tests, plugins/host_deno and
 * command.ts: the rest runs in a browser too. Tests beside the code (`*_test.ts`, `testdata/`) may also import @std, npm,
 * `node:`, and any public entry of a package that theirs may import.
 *
 * @module
 */
import { fromFileUrl, join, relative, toFileUrl } from "@std/path";
import { files, isTest, type Package, packages, root } from "./workspace.ts";

/** One import: from a file to a file or to an external specifier. */
export interface Import {
  /** The importing file, below the root. */
  from: string;
  /** 1-based line. */
  line: number;
  /** As written. */
  specifier: string;
  /** The imported file below the root, or undefined when it is none of the project's. */
  to?: string;
  /** Whether only types are imported. */
  typeOnly: boolean;
}

type Group = "core" | "translator" | "arch" | "plugin" | "personality" | "top" | "tests" | "examples";

function group(file: string): Group {
  if (file.startsWith("core/")) return "core";
  if (file.startsWith("arch/translator/")) return "translator";
  if (file.startsWith("arch/")) return "arch";
  if (file.startsWith("plugins/")) return "plugin";
  if (file.startsWith("personalities/")) return "personality";
  if (file.startsWith("tests/")) return "tests";
  if (file.startsWith("examples/")) return "examples";
  return "top";
}

/** What a group may import from another package: the group there, and the only entry if it is but one. */
const allowed: Record<Group, Partial<Record<Group, "any" | "types" | "./key" | "./services">>> = {
  core: {},
  translator: { core: "types" },
  arch: { core: "any", translator: "any" },
  plugin: { core: "any", plugin: "./key" },
  personality: { core: "any", plugin: "./key", personality: "./services" },
  top: { core: "any", translator: "any", arch: "any", plugin: "any", personality: "any", top: "any" },
  tests: { core: "any", translator: "any", arch: "any", plugin: "any", personality: "any", top: "any" },
  examples: { core: "any", translator: "any", arch: "any", plugin: "any", personality: "any", top: "any" },
};

function packageOf(file: string, all: Package[]): Package {
  const owner = all.find((p) => p.folder !== "." && file.startsWith(p.folder + "/"));
  return owner ?? all.find((p) => p.folder === ".")!;
}

/** Why an import is not allowed, or undefined. */
export function violation(i: Import, all: Package[]): string | undefined {
  const from = group(i.from);
  const outside = from === "tests" || from === "examples";
  if (i.to === undefined) {
    if (outside || isTest(i.from)) return undefined;
    if (from === "core") return "core imports nothing";
    if (
      i.specifier.startsWith("node:") && !i.from.startsWith("plugins/host_deno/") && i.from !== "command.ts"
    ) {
      return "only plugins/host_deno, command.ts and tests use the host (node:)";
    }
    return undefined;
  }
  const to = group(i.to);
  if (to === "tests" || to === "examples") {
    return from === to ? undefined : `nobody imports ${to}/`;
  }
  const [owner, other] = [packageOf(i.from, all), packageOf(i.to, all)];
  if (owner === other && !outside) return undefined;
  const entry = Object.entries(other.exports).find(([, file]) => file === i.to)?.[0];
  if (entry === undefined) return `${i.to} is no public entry of ${other.name}`;
  if (/^\.\.?\//.test(i.specifier) && !outside) {
    return `another package is imported by its name, ${other.name}`;
  }
  const rule = allowed[from][to];
  if (rule === undefined) return `${owner.folder} may not import ${other.name}`;
  if (rule === "types" && !i.typeOnly && !isTest(i.from)) {
    return `${owner.folder} may import only types of ${other.name}`;
  }
  const entries = rule === "./key" || rule === "./services";
  if (entries && entry !== rule && !isTest(i.from) && !i.from.includes("/testdata/")) {
    return `${owner.folder} may import only ${other.name}${rule.slice(1)}`;
  }
  return undefined;
}

interface Info {
  modules: {
    specifier: string;
    dependencies?: {
      specifier: string;
      code?: Resolved;
      type?: Resolved;
    }[];
  }[];
}
interface Resolved {
  specifier?: string;
  span: { start: { line: number } };
}

/** Every import in the TypeScript files of the checkout in `at`. */
export async function imports(at: string = root): Promise<Import[]> {
  const sources = (await files(at)).filter((f) => f.endsWith(".ts"));
  const entry = await Deno.makeTempFile({ suffix: ".ts" });
  let info: Info;
  try {
    const text = sources.map((f) => `import ${JSON.stringify(toFileUrl(join(at, f)).href)};\n`).join("");
    await Deno.writeTextFile(entry, text);
    const args = ["info", "--json", "--config", join(at, "deno.json"), entry];
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), { args }).output();
    if (!success) throw new Error(`deno info failed: ${new TextDecoder().decode(stderr)}`);
    info = JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(entry);
  }
  const local = (url: string | undefined) => {
    if (!url?.startsWith("file:")) return undefined;
    const path = relative(at, fromFileUrl(url));
    // @std resolves to a stand-in below tests/: for the layers it is what it stands for
    return path.startsWith("..") || path.startsWith("tests/offline/") ? undefined : path;
  };
  const known = new Set(sources);
  return info.modules.flatMap((m) => {
    const from = relative(at, m.specifier.startsWith("file:") ? fromFileUrl(m.specifier) : "..");
    if (!known.has(from) || from.startsWith("tests/offline/")) return [];
    return (m.dependencies ?? []).map((d): Import => {
      const resolved = d.code ?? d.type;
      return {
        from,
        line: (resolved?.span.start.line ?? 0) + 1,
        specifier: d.specifier,
        to: local(resolved?.specifier),
        typeOnly: d.code === undefined,
      };
    });
  });
}

/** The violations in a checkout, one line each: `file:line: "specifier": why`. */
export async function check(at: string = root): Promise<string[]> {
  const all = packages(at);
  return (await imports(at)).flatMap((i) => {
    const why = violation(i, all);
    return why ? [`${i.from}:${i.line}: "${i.specifier}": ${why}`] : [];
  });
}

if (import.meta.main) {
  const found = await check(Deno.args[0]);
  for (const line of found) console.error(line);
  if (found.length) console.error(`layers: ${found.length} imports that are not allowed`);
  Deno.exit(found.length ? 1 : 0);
}
