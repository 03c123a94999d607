/**
 * Code that changes (issue 5, line 6), and translated code at its edges (line 7): the programs of this folder do what they do natively
 * with every engine, and lockstep sees no difference.
 */
import { assert, assertEquals } from "@std/assert";
import { run, type RunOptions } from "@guise/guise";
import { HostFs, OverlayFs } from "@guise/vfs";
import { hostFolder } from "@guise/host-deno";
import { profiler } from "@guise/profiler";
import { fromFileUrl } from "@std/path";
import { luajitRoot } from "../tools/guests.ts";
import { available, build, native, TARGETS } from "./build.ts";

type Engine = NonNullable<RunOptions["engine"]>;
const all: readonly Engine[] = ["interpreter", "jit", "lockstep"];

async function same(
  program: string,
  args: readonly string[],
  engine: Engine,
  expected: { status: number; text: string },
): Promise<void> {
  const result = await run(await Deno.readFile(program), { args, engine, timeout: 300_000 });
  assertEquals({ status: result.status, text: result.text() }, expected, result.message);
  if (engine !== "lockstep") return;
  const { differences, compared, instructions } = result.lockstep!;
  assertEquals(differences, []);
  // A program in large regions has few runs.
  assert(compared > 10 && instructions > 1_000, `${compared} runs of regions, ${instructions} instructions`);
}

/** Program, arguments, engines. Two seconds and a million regions' runs: recursion is not for lockstep. */
const programs: readonly (readonly [string, readonly string[], readonly Engine[]])[] = [
  ["compiler.c", ["400"], all],
  ["compiler.c", ["600", "wx"], all],
  ["selfmodifying.c", [], all],
  ["answers.c", [], all],
  ["waits.c", ["3000"], ["interpreter", "jit", "auto"]],
  ["waits.c", ["200"], ["lockstep"]],
  ["limits.c", ["endless"], all],
  ["limits.c", ["recursion"], ["interpreter", "jit", "auto"]],
  ["limits.c", ["jumps"], ["interpreter", "jit", "auto"]],
  ["limits.c", ["repairs"], ["interpreter", "jit"]],
  ["limits.c", ["looks"], all],
];
for (const target of TARGETS) {
  const found = available(target), why = found ? "" : ` (ignored: no ${target.compiler} with a way to run)`;
  for (const [name, args, engines] of programs) {
    Deno.test({
      name: `${[name, ...args].join(" ")} for ${target.arch} runs as natively with ${
        engines.join(", ")
      }${why}`,
      ignore: !found,
      fn: async () => {
        const program = build(name, target, "-static", "-fno-pie", "-no-pie");
        const expected = await native(target, program, args);
        // A program that a signal ended has 139 for a shell, and for us.
        for (const engine of engines) await same(program, args, engine, expected);
      },
    });
  }
}

Deno.test({
  name: `libraries that are opened and closed in turn at one address run as natively${
    available(TARGETS[0]) ? "" : " (ignored: no gcc)"
  }`,
  ignore: !available(TARGETS[0]),
  fn: async () => {
    const program = build("opening.c", TARGETS[0]);
    const libraries = await Promise.all(
      ["3", "5"].map((f) => build("library.c", TARGETS[0], "-shared", "-fPIC", `-DFACTOR=${f}`)),
    );
    const args = [...libraries, "40"], expected = await native(TARGETS[0], program, args);
    const root = new OverlayFs({ lower: new HostFs(hostFolder("/")) });
    for (const engine of ["interpreter", "jit"] as const) {
      const result = await run(program, { args, engine, root, timeout: 300_000 });
      assertEquals({ status: result.status, text: result.text() }, expected, result.message);
    }
  },
});

for (const arch of ["x86-64", "aarch64"] as const) {
  const folder = luajitRoot(arch);
  Deno.test({
    name: `luajit for ${arch} prints what it prints without its compiler${
      folder === undefined ? " (ignored: deno task guests has not fetched it)" : ""
    }`,
    ignore: folder === undefined,
    fn: async () => {
      const source = Deno.readTextFileSync(fromFileUrl(new URL("bench.lua", import.meta.url)));
      const root = () => new OverlayFs({ lower: new HostFs(hostFolder(folder!)) });
      const lua = async (engine: Engine, ...options: string[]) => {
        const result = await run("/usr/bin/luajit", {
          args: [...options, "/tmp/bench.lua"],
          files: { "/tmp/bench.lua": source },
          root: root(),
          engine,
          timeout: 300_000,
        });
        assertEquals([result.status, result.message], [0, undefined], result.errorText());
        return result.text();
      };
      const expected = await lua("interpreter", "-joff");
      assertEquals(await lua("interpreter"), expected.replace("false", "true"));
      assertEquals(await lua("jit"), expected.replace("false", "true"));
    },
  });
}

for (const target of TARGETS) {
  Deno.test({
    name: `profiler names the hot function of a program for ${target.arch} with interpreter, jit${
      available(target) ? "" : ` (ignored: no ${target.compiler})`
    }`,
    ignore: !available(target),
    fn: async () => {
      const program = await Deno.readFile(build("limits.c", target, "-static", "-fno-pie", "-no-pie"));
      for (const engine of ["interpreter", "jit"] as const) {
        const tables: string[] = [];
        // Samples are weighed by the host's time, which others may take on a busy machine.
        for (let left = 5; left > 0; left--) {
          const profile = profiler({ interval: 0.2 });
          await run(program, { args: ["jumps"], engine, plugins: [profile] });
          const [first] = profile.functions().filter(({ samples }) => samples > 3);
          if (first?.place.name.startsWith("climb")) break;
          tables.push(profile.table());
        }
        assert(tables.length < 5, `${engine}\n${tables.join("\n")}`);
      }
    },
  });
}
