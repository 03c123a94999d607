import { assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";
import { sources, sums } from "./bundle.ts";
import { root } from "./workspace.ts";

const list = () =>
  JSON.parse(Deno.readTextFileSync(join(root, "bundle", "files.json"))).files as Record<string, string>;

Deno.test("bundle/ is made of the sources as they are", async () => {
  const own = [...Deno.readDirSync(join(root, "bundle"))].map(({ name }) => `bundle/${name}`);
  const now = await sums([...await sources(), ...own.filter((name) => name !== "bundle/files.json")]);
  const then = list();
  const other = [...new Set([...Object.keys(now), ...Object.keys(then)])].filter((f) => now[f] !== then[f]);
  assertEquals(other, [], "run deno task bundle");
});

const entry = fromFileUrl(new URL("../../cli.ts", import.meta.url));

/** A checkout with nothing but the entry, a bundle and its source, each of which says who it is. */
async function checkout(
  ...permissions: string[]
): Promise<{ folder: string; run(): Promise<string>; note(): string }> {
  const folder = await Deno.makeTempDir(), cache = join(folder, "cache");
  await Deno.mkdir(join(folder, "bundle"));
  await Deno.copyFile(entry, join(folder, "cli.ts"));
  const says = (text: string) => `export async function main() { console.log("${text}"); return 0; }\n`;
  await Deno.writeTextFile(join(folder, "command.ts"), says("source"));
  await Deno.writeTextFile(join(folder, "bundle/main.js"), says("bundle"));
  const files: Record<string, string> = {};
  for (const name of ["command.ts", "bundle/main.js"]) {
    const sum = await crypto.subtle.digest("SHA-256", await Deno.readFile(join(folder, name)));
    files[name] = Array.from(new Uint8Array(sum), (b) => b.toString(16).padStart(2, "0")).join("");
  }
  await Deno.writeTextFile(join(folder, "bundle/files.json"), JSON.stringify({ files }));
  return {
    folder,
    note: () => join(cache, "guise", dirname(join(folder, "cli.ts")).replaceAll("/", "%") + "%"),
    async run() {
      const args = ["run", ...permissions, "--no-prompt", "--no-config", join(folder, "cli.ts")];
      const env = { XDG_CACHE_HOME: cache, NO_COLOR: "1" };
      const { stdout } = await new Deno.Command(Deno.execPath(), { args, env, stderr: "inherit" }).output();
      return new TextDecoder().decode(stdout).trim();
    },
  };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** How it looks at files (statx(2) needs the last permission), and what it may do. */
const LOOKS = [["by statx", "-A"], ["by FileInfo", "--allow-read", "--allow-write", "--allow-env"]];

for (const [how, ...permissions] of LOOKS) {
  Deno.test(`cli.ts takes the bundle where its list has the files as they are, and the sources otherwise (${how})`, async () => {
    const { folder, run, note } = await checkout(...permissions);
    const bytes = () => Deno.readFileSync(note());
    const noted = () => bytes()[4] === 1;
    try {
      assertEquals(await run(), "bundle");
      await wait(2100); // files that have just changed are not noted
      assertEquals([await run(), noted()], ["bundle", true]);
      assertEquals(await run(), "bundle", "by the note");

      // A note that is damaged is no note.
      const whole = bytes();
      const changed = (at: number) => whole.map((byte, i) => i === at ? byte ^ 1 : byte);
      for (
        const damage of [
          ...[90, 0, 12, whole.length - 1].map((length) => whole.slice(0, length)),
          ...[0, 8, 11, 12, 12 + 24 * 3 - 4, 12 + 24 * 3, whole.length - 3].map(changed),
          new Uint8Array([...whole, 0]),
        ]
      ) {
        Deno.writeFileSync(note(), damage);
        assertEquals([await run(), bytes()], ["bundle", whole]);
      }

      // Of the same length: only the time tells.
      const source = join(folder, "command.ts");
      await Deno.writeTextFile(source, (await Deno.readTextFile(source)).replace("source", "edited"));
      assertEquals(await run(), "edited");
      await wait(2100);
      assertEquals([await run(), noted()], ["edited", false]);
      assertEquals(await run(), "edited", "by the note");
      await Deno.writeTextFile(source, (await Deno.readTextFile(source)).replace("edited", "source"));
      assertEquals(await run(), "bundle", "as it was");

      // Several at once, without a note.
      await Deno.remove(note());
      await wait(2100);
      assertEquals(await Promise.all([run(), run(), run(), run()]), Array(4).fill("bundle"));
      assertEquals(noted(), true);
      assertEquals([...Deno.readDirSync(dirname(note()))].length, 1, "no drafts are left");

      await Deno.remove(join(folder, "bundle"), { recursive: true });
      assertEquals(await run(), "source", "without a bundle");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
