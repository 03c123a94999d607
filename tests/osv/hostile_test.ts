/** Damaged programs run under OSv: a line for a person or the guest's death, never a throw of the kernel (issue 3, 7). */
import { assert } from "@std/assert";
import { exportedFunctions } from "@guise/osv";
import { run } from "../../mod.ts";
import { temporary } from "./support.ts";

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
        timeout: 2000,
      });
      assert(result.status >= 0 && result.status <= 255);
      if (result.text() === "hello there\n") ran++;
      else if (result.status === 126) assert((result.message ?? "").length > 10);
    }
    assert(ran > CASES / 10, `only ${ran} of ${CASES} ran at all`);
  },
});

const LIBRARIES = Number(Deno.env.get("GUISE_OSV_LIBRARIES") ?? 400);

Deno.test({
  name: `osv: ${LIBRARIES} damaged libraries are opened, or refused, or the program dies`,
  ignore: libc === undefined || Deno.build.arch !== "x86_64" || read("/usr/bin/gcc") === undefined,
  async fn() {
    const folder = Deno.makeTempDirSync({ prefix: "guise-osv-damaged-" });
    const here = new URL(".", import.meta.url).pathname;
    const gcc = (...args: string[]): Uint8Array => {
      const { success } = new Deno.Command("gcc", { args: ["-w", "-O1", "-o", `${folder}/out`, ...args] })
        .outputSync();
      assert(success);
      return Deno.readFileSync(`${folder}/out`);
    };
    const opener = gcc(`${here}opens.c`);
    const originals = [[], ["-mtls-dialect=gnu2"], ["-DSTATIC_TLS"]].map((flags) =>
      gcc("-shared", "-fPIC", ...flags, `${here}plugin.c`)
    );
    let state = 777;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor(state / 2 ** 32 * below);
    };
    const seen = { fine: 0, refused: 0, died: 0 };
    for (let n = 0; n < LIBRARIES; n++) {
      const bytes = originals[n % originals.length].slice();
      // Headers, symbols and relocations at the start; the dynamic section and the tables that it leads to near the end.
      for (let count = 1 + random(5); count > 0; count--) {
        const start = random(3) === 0 ? 0x2d00 : 0;
        const at = start + random(Math.min(0x900, bytes.length - start));
        if (random(4) === 0) bytes.fill(random(2) === 0 ? 0xff : 0, at, at + 8);
        else bytes[at] = random(256);
      }
      const result = await run(opener, {
        personality: "osv",
        files: {
          "/lib/ld-musl-x86_64.so.1": { content: libc!, mode: 0o755 },
          "/lib/damaged.so": { content: bytes, mode: 0o755 },
        },
        timeout: 2000,
      });
      if (result.status === 0) seen.fine++;
      else if (result.status === 9) seen.refused++;
      else seen.died++;
    }
    Deno.removeSync(folder, { recursive: true });
    assert(seen.fine > LIBRARIES / 20 && seen.refused > LIBRARIES / 20, JSON.stringify(seen));
  },
});

/** What ends or stops the program by its nature. */
const ENDING = new Set([
  "exit",
  "_exit",
  "_Exit",
  "abort",
  "__assert_fail",
  "__stack_chk_fail",
  "__chk_fail",
  "pause",
  "pthread_exit",
  "__libc_start_main",
  "sigsuspend",
  "sleep",
]);

Deno.test({
  name: "osv: every exported function takes wild arguments without a throw of the kernel",
  ignore: program === undefined || libc === undefined || Deno.build.arch !== "x86_64" ||
    read("/usr/bin/gcc") === undefined,
  async fn() {
    const built = temporary("file", "wild-");
    const source = new URL("wild.c", import.meta.url).pathname;
    const { success } = new Deno.Command("gcc", { args: ["-w", "-O1", "-o", built, source] }).outputSync();
    assert(success);
    const bytes = Deno.readFileSync(built);
    const names = exportedFunctions;
    const wanted = names.filter((name) => !ENDING.has(name) && !name.startsWith("__guise"));
    assert(wanted.length > 400);
    const called = new Set<string>();
    let seed = Number(Deno.env.get("GUISE_OSV_SEED") ?? 1);
    for (let at = 0; at < wanted.length;) {
      const chunk = wanted.slice(at, at + 16);
      let last = "";
      const result = await run(bytes, {
        args: [String(seed++), ...chunk],
        personality: "osv",
        files: { "/lib/ld-musl-x86_64.so.1": { content: libc!, mode: 0o755 } },
        timeout: 5000,
        hooks: {
          call: (_task, name) => {
            if (chunk.includes(name)) called.add(last = name);
          },
        },
      });
      assert(result.status >= 0 && result.status <= 255);
      // After a death the rest of the chunk has its turn.
      at += result.status === 0 || last === "" ? chunk.length : chunk.indexOf(last) + 1;
    }
    assert(called.size > 350, `only ${called.size} of ${wanted.length} were called`);
  },
});
