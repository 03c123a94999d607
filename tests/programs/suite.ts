/** Registers a test for each command line: the run under Guise leaves what the native run leaves. */
import { busybox, type Command, python, shells, tools } from "./commands.ts";
import { assertSame, type Under } from "./compare.ts";
import { fromRoot, installed } from "./native.ts";

const groups: Record<string, readonly Command[]> = { busybox, shells, tools, python };

/** `missing`: why nothing can run here, in the tests' names. `GUISE_ONLY` chooses by a part of the name, `every` or GUISE_EVERY takes only each n-th, but of python, which has few. */
export function register(where: string, under: Under, missing?: string, every = 1): void {
  const only = Deno.env.get("GUISE_ONLY");
  every = Number(Deno.env.get("GUISE_EVERY") ?? every);
  const nowhere = Deno.build.os !== "linux" || Deno.build.arch !== "x86_64"
    ? "the native runs need x86-64 Linux"
    : missing;
  for (const [group, commands] of Object.entries(groups)) {
    for (const command of commands.filter((_, i) => i % every === 0 || commands === python)) {
      const [program] = command.argv, root = under.root !== undefined;
      const there = installed(program) || root && fromRoot(program) !== undefined;
      const reason = nowhere ?? (there ? undefined : `no ${program} on this machine`);
      const line = command.argv.join(" ").replaceAll("\n", "\\n");
      const name = `${group} ${where}: ${line} runs as natively${
        reason === undefined ? "" : ` (skipped: ${reason})`
      }`;
      if (only !== undefined && !name.includes(only)) continue;
      Deno.test({
        name,
        ignore: reason !== undefined,
        fn: async () => {
          const parent = await Deno.makeTempDir({ prefix: "guise-" });
          try {
            await assertSame(command, `${parent}/w`, under);
          } finally {
            await Deno.remove(parent, { recursive: true });
          }
        },
      });
    }
  }
}
