/** The vDSO's clock against the host's: read without a call, it is at most 200 us late, never early, and never goes backwards. */
import { assert, assertEquals } from "@std/assert";
import { run } from "@guise/guise";

const here = new URL(".", import.meta.url).pathname;

function compiler(name: string): boolean {
  try {
    return new Deno.Command(name, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

/** How late the clock was at each of 4,000 looks, in us, in order. */
async function looks(program: Uint8Array, engine: "interpreter" | "jit"): Promise<number[]> {
  const late: number[] = [];
  let back = -1, asked = 0;
  const result = await run(program, {
    engine,
    hooks: {
      intercept(event) {
        if (event.number !== 4000) return undefined;
        const seconds = event.arg(0);
        if (seconds > 2 ** 40) back = event.arg(1);
        else {
          const host = performance.timeOrigin + performance.now();
          late.push((host - seconds * 1000) * 1000 - event.arg(1) / 1000);
        }
        return 0;
      },
      enter(event) {
        if (late.length > 0 && back < 0 && event.call?.name.startsWith("clock_")) asked++;
      },
    },
  });
  assertEquals(result.status, 0);
  // Nothing in the loop has asked the kernel for the time.
  assertEquals([late.length, back, asked], [4000, 0, 0]);
  return late.sort((a, b) => a - b);
}

for (const [arch, cc] of [["x86-64", "gcc"], ["aarch64", "aarch64-linux-gnu-gcc"]]) {
  for (const engine of ["interpreter", "jit"] as const) {
    Deno.test({
      name: `the vDSO's clock of ${arch} is within 200 us of the host's (${engine})`,
      ignore: !compiler(cc),
      async fn() {
        const binary = Deno.makeTempFileSync({ prefix: "guise-clock-" });
        try {
          const args = ["-static", "-O1", "-o", binary, `${here}clock.c`];
          assert(new Deno.Command(cc, { args }).outputSync().success);
          const program = Deno.readFileSync(binary), tries: string[] = [];
          // The host's scheduler may take the processor away between the guest's look and ours, on a busy machine often.
          do {
            const late = await looks(program, engine);
            // A microsecond is what rounding to doubles of milliseconds since 1970 takes.
            assert(late[0] > -1, `${late[0]} us early`);
            if (late[3600] < 200) return;
            tries.push(`median ${late[2000]} us, 90 % ${late[3600]} us late`);
          } while (tries.length < 10);
          assert(false, tries.join("\n"));
        } finally {
          Deno.removeSync(binary);
        }
      },
    });
  }
}
