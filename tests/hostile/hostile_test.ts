/** Bad input ends in an error number, a signal or a clear line, never in an exception, a hang or a host without memory. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { run, type RunResult } from "@guise/guise";
import { fromFileUrl } from "@std/path";
import { alone } from "../tools/alone.ts";
import { compile } from "../tools/compile.ts";
import { mutate, Random } from "./mutants.ts";

const folder = fromFileUrl(new URL("../.guests/hostile/", import.meta.url));
const sources = fromFileUrl(new URL("../", import.meta.url));

async function compiled(source: string, name: string, ...options: string[]): Promise<Uint8Array | undefined> {
  Deno.mkdirSync(folder, { recursive: true });
  try {
    const program = folder + name;
    const refused = compile(program, "gcc", ["-O1", "-w", ...options, "-o", program, sources + source]);
    return refused === undefined ? await Deno.readFile(program) : undefined;
  } catch {
    return undefined;
  }
}

/** Small enough to start 2,000 times, and of different making. */
async function programs(): Promise<Uint8Array[]> {
  const list = [
    await compiled("bench/hello.c", "static", "-static"),
    await compiled("bench/hello.c", "pie"),
    await compiled("bench/hello.c", "static-pie", "-static-pie"),
    await compiled("bench/hello.c", "dynamic", "-no-pie"),
  ];
  try {
    list.push(await Deno.readFile("/bin/true"));
  } catch {
    // Four are there.
  }
  return list.filter((p) => p !== undefined);
}

const linux = Deno.build.os === "linux" && Deno.build.arch === "x86_64";

Deno.test(alone(import.meta.url, {
  name: "run ends 2,000 mutated programs in a status when their headers and bytes are bad",
  ignore: !linux,
  fn: async () => {
    const originals = await programs(), random = new Random(1), statuses = new Map<number, number>();
    assert(originals.length >= 5, "five real programs");
    for (let i = 0; i < 2000; i++) {
      const bytes = mutate(originals[i % originals.length], random, i % 2 === 0);
      const start = performance.now();
      const result: RunResult = await run(bytes, {
        timeout: 2000,
        memoryLimit: 256 * 2 ** 20,
        maxOutput: 2 ** 20,
      });
      statuses.set(result.status, (statuses.get(result.status) ?? 0) + 1);
      assert(result.status >= 0 && result.status < 256, `status ${result.status}`);
      // Two seconds, and what a busy machine adds to them.
      assertLess(performance.now() - start, 30_000, `mutant ${i} hangs`);
      if (result.status === 126) assert(result.message, `mutant ${i} is not runnable, and no line says why`);
    }
    // Some are rejected, some crash, and some still run: else the mutants test nothing.
    assert((statuses.get(126) ?? 0) > 100, `rejected: ${statuses.get(126)}`);
    assert((statuses.get(139) ?? 0) > 50, `crashed: ${statuses.get(139)}`);
    assert((statuses.get(0) ?? 0) > 50, `ran: ${statuses.get(0)}`);
    assertLess(Deno.memoryUsage().rss, 1.2e9);
  },
}));

Deno.test(alone(import.meta.url, {
  name:
    "the kernel survives 2,000 system calls with random arguments in one guest, by SYSCALL and by INT 0x80",
  ignore: !linux,
  fn: async () => {
    const program = await compiled("guests/randomcalls.c", "randomcalls", "-static");
    assert(program, "a compiler is needed");
    for (const args of [["1", "2000"], ["2", "2000"], ["3", "2000"], ["4", "2000", "int80"]]) {
      const result = await run(program, {
        args,
        timeout: 600_000,
        memoryLimit: 512 * 2 ** 20,
        files: { "/tmp/.keep": "" },
      });
      assertEquals({ status: result.status, ended: result.ended, message: result.message }, {
        status: 0,
        ended: undefined,
        message: undefined,
      });
    }
    assertLess(Deno.memoryUsage().rss, 1.2e9);
  },
}));
