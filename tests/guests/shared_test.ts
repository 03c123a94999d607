/** Memory, futexes and pipes between processes: the same output as natively. */
import { assertEquals } from "@std/assert";
import { run } from "@guise/guise";
import { fromFileUrl } from "@std/path";
import { compile } from "../tools/compile.ts";

const folder = fromFileUrl(new URL("../.guests/programs/", import.meta.url));
const source = fromFileUrl(new URL("./shared.c", import.meta.url));
const linux = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

Deno.test({
  name: "processes share memory, a mutex, a futex, a mapped file and a pipeline of 200 as natively",
  ignore: !linux,
  fn: async () => {
    Deno.mkdirSync(folder, { recursive: true });
    const program = `${folder}shared`;
    const args = ["-O1", "-static", "-pthread", "-o", program, source];
    assertEquals(compile(program, "gcc", args), undefined, "gcc is needed");
    const expected = new TextDecoder().decode((await new Deno.Command(program).output()).stdout);
    const result = await run(await Deno.readFile(program), { timeout: 600_000, files: { "/tmp/.keep": "" } });
    assertEquals({ status: result.status, text: result.text(), message: result.message }, {
      status: 0,
      text: expected,
      message: undefined,
    });
  },
});
