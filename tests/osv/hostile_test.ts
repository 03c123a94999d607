/** Damaged programs run under OSv: a line for a person or the guest's death, never a throw of the kernel (issue 3, 7). */
import { assert } from "@std/assert";
import { run } from "../../mod.ts";

const LIBC = "/usr/lib/x86_64-linux-musl/libc.so";

function read(path: string): Uint8Array | undefined {
  try {
    return Deno.readFileSync(path);
  } catch {
    return undefined;
  }
}

const program = read("/usr/bin/echo"), libc = read(LIBC);
const CASES = Number(Deno.env.get("GUISE_OSV_MUTANTS") ?? 1000);

Deno.test({
  name: `osv: ${CASES} damaged programs end with a status`,
  ignore: program === undefined || libc === undefined || Deno.build.arch !== "x86_64",
  async fn() {
    let state = 12345;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor(state / 2 ** 32 * below);
    };
    let ran = 0;
    for (let n = 0; n < CASES; n++) {
      const bytes = program!.slice();
      // Headers, dynamic tables, code and data: everywhere.
      for (let count = 1 + random(6); count > 0; count--) {
        const at = random(2) === 0 ? 64 + random(0x2400) : random(bytes.length);
        bytes[at] = random(3) === 0 ? 0xff : random(256);
      }
      const result = await run(bytes, {
        args: ["hello", "there"],
        personality: "osv",
        files: { "/lib/ld-musl-x86_64.so.1": { content: libc!, mode: 0o755 } },
        timeout: 300,
      });
      assert(result.status >= 0 && result.status <= 255);
      if (result.text() === "hello there\n") ran++;
      else if (result.status === 126) assert((result.message ?? "").length > 10);
    }
    assert(ran > CASES / 10, `only ${ran} of ${CASES} ran at all`);
  },
});
