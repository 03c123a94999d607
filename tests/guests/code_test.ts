/** Code that changes while it may not be executed: no old instruction runs afterwards. On both CPUs, with every engine. */
import { assertEquals } from "@std/assert";
import { run } from "@guise/guise";
import { fromFileUrl } from "@std/path";
import { compile } from "../tools/compile.ts";

const folder = fromFileUrl(new URL("../.guests/programs/", import.meta.url));
const source = fromFileUrl(new URL("./protect_code.c", import.meta.url));
const linux = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

for (const compiler of ["gcc", "aarch64-linux-gnu-gcc"]) {
  let found = linux;
  try {
    found &&= new Deno.Command(compiler, { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch {
    found = false;
  }
  for (const engine of ["interpreter", "jit"] as const) {
    Deno.test({
      name: `code of ${compiler} changes by mprotect, munmap and mremap as natively, engine ${engine}${
        found ? "" : " (ignored: no such compiler)"
      }`,
      ignore: !found,
      fn: async () => {
        Deno.mkdirSync(folder, { recursive: true });
        const program = `${folder}protect_code-${compiler}`;
        assertEquals(compile(program, compiler, ["-O2", "-static", "-o", program, source]), undefined);
        const result = await run(await Deno.readFile(program), { engine, timeout: 300_000 });
        assertEquals({ status: result.status, text: result.text(), message: result.message }, {
          status: 0,
          text: "protect 1999000\nmap 2001000\nmove 2003000\n",
          message: undefined,
        });
      },
    });
  }
}
