/** Debian's programs of the host under Guise, compared with their native runs. */
import { assertSame } from "./compare.ts";
import { busybox, type Command, shells, tools } from "./commands.ts";

const groups: Record<string, readonly Command[]> = { busybox, shells, tools };
const only = Deno.env.get("GUISE_ONLY");

for (const [group, commands] of Object.entries(groups)) {
  for (const command of commands) {
    const name = `${group}: ${command.argv.join(" ").replaceAll("\n", "\\n")} runs as natively`;
    if (only !== undefined && !name.includes(only)) continue;
    Deno.test({
      name,
      ignore: Deno.build.os !== "linux" || Deno.build.arch !== "x86_64",
      fn: async () => {
        const parent = await Deno.makeTempDir({ prefix: "guise-" });
        try {
          await assertSame(command, `${parent}/w`);
        } finally {
          await Deno.remove(parent, { recursive: true });
        }
      },
    });
  }
}
